"""Policy: what follows from the signals of production, by rules that a spec states.

What belongs here: deciding, and the append-only record of every decision and alarm. What does not:
measuring signals (`burnish.drift`), or carrying a decision out (`burnish.workflows`).
"""

from burnish.policy.deciding import decide
from burnish.policy.records import Alarm, Decision, Facts, PolicyEvent, Signal
from burnish.policy.sql import SqlPolicyRecord, alarms_of

__all__ = [
    "Alarm",
    "Decision",
    "Facts",
    "PolicyEvent",
    "Signal",
    "SqlPolicyRecord",
    "alarms_of",
    "decide",
]
