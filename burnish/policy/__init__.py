"""Policy: what follows from the signals of production, by rules that a spec states.

What belongs here: deciding, the append-only record of every decision and alarm, and deciding that
record again by another policy. What does not: measuring signals (`burnish.drift`), or carrying a
decision out (`burnish.workflows`).

    records.py    what is asked and answered: signals, facts, decisions, events, alarms
    deciding.py   a decision a signal: what becomes of its alarm
    holding.py    whether an action may be taken now
    standing.py   the state that a record leaves, by which it is decided
    recording.py  decisions as events, with all they rested on
    replaying.py  a record decided again
    alarms.py     alarms as their events leave them
    periods.py    arithmetic on periods
    sql.py        the record in the database
"""

from burnish.policy.alarms import alarms_of
from burnish.policy.deciding import decide
from burnish.policy.recording import Inputs, events_of, policy_digest
from burnish.policy.records import Alarm, Decision, Facts, PolicyEvent, Signal
from burnish.policy.replaying import REPLAY_SCHEMA, Replay, replay
from burnish.policy.sql import SqlPolicyRecord
from burnish.policy.standing import Standing, standing_after

__all__ = [
    "REPLAY_SCHEMA",
    "Alarm",
    "Decision",
    "Facts",
    "Inputs",
    "PolicyEvent",
    "Replay",
    "Signal",
    "SqlPolicyRecord",
    "Standing",
    "alarms_of",
    "decide",
    "events_of",
    "policy_digest",
    "replay",
    "standing_after",
]
