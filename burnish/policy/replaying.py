"""Replaying: what a policy would have decided on the windows that were met.

What belongs here: deciding over the record again. What does not: deciding once
(`burnish.policy.deciding`), or printing what came out (`burnish.workflows.showing_alarms`).

Signals, facts, and what people and promotions did are taken as recorded. What another policy would
have changed in the world (labels that would have come in, a model that would have served) is not
known, and so not told: a replay says where decisions part, not what would have come of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from burnish.policy.deciding import decide_from
from burnish.policy.recording import Inputs, as_event, events_of
from burnish.policy.records import Decision, Facts, Key, PolicyEvent, Signal
from burnish.policy.standing import BY_POLICY, Standing, fold
from burnish.spec.production import Policy

REPLAY_SCHEMA = pa.schema(
    [
        ("seq", pa.int64()),  # the event of the record that is decided again
        ("period", pa.string()),
        ("signal", pa.string()),
        ("key", pa.string()),
        ("value", pa.float64()),
        ("low", pa.float64()),
        ("action", pa.string()),  # as recorded
        ("alarm", pa.string()),
        ("rows", pa.int64()),
        ("replayed_action", pa.string()),
        ("replayed_alarm", pa.string()),
        ("replayed_rows", pa.int64()),
        ("differs", pa.bool_()),
        ("reason", pa.string()),  # of the replayed decision
        ("held_back", pa.string()),
    ]
)


@dataclass(frozen=True)
class Replay:
    """Every decision of a record beside the one that a policy makes of the same inputs."""

    table: pa.Table

    @property
    def differing(self) -> int:
        """How many decisions part from the record."""
        return self.table["differs"].to_pylist().count(True)

    def count(self, action: str, *, replayed: bool) -> int:
        """How often an action was decided, as recorded or as replayed."""
        column = self.table["replayed_action" if replayed else "action"]
        return column.to_pylist().count(action)

    def alarms(self, *, replayed: bool) -> int:
        """How many alarms were raised, as recorded or as replayed."""
        column = self.table["replayed_alarm" if replayed else "alarm"]
        return column.to_pylist().count("raise")

    def to_table(self) -> pa.Table:
        """One row a decision, with `REPLAY_SCHEMA`."""
        return self.table


def replay(policy: Policy, events: Sequence[PolicyEvent]) -> Replay:
    """Decide every window of a record again by `policy`.

    With the policy that the record was made by, nothing differs.

    >>> replay(Policy(), []).differing
    0
    """
    lines: list[dict[str, object]] = []
    recorded, replayed = Standing(), Standing()
    for event in sorted(events, key=lambda one: one.seq):
        if event.kind == "decided":
            made = _again(policy, event, replayed)
            lines += _lines(event, made)
        else:
            _mirrored(event, recorded, replayed)
        fold(recorded, event)
    return Replay(pa.Table.from_pylist(lines, REPLAY_SCHEMA))


def _again(policy: Policy, event: PolicyEvent, state: Standing) -> list[Decision]:
    body = event.body
    signals = [Signal(**one) for one in body["signals"]]
    facts = Facts(**body["facts"])
    state.every = body.get("every", "day")
    made = decide_from(state, policy, signals, period=event.period, facts=facts)
    inputs = Inputs(policy, facts, state.every)
    for new in events_of(made, period=event.period, inputs=inputs, state=state):
        fold(state, as_event(new))
    return made


def _mirrored(event: PolicyEvent, recorded: Standing, replayed: Standing) -> None:
    """What people and promotions did happens to the alarm that stands in its place."""
    if event.kind == "rebased":
        fold(replayed, event)
    if event.kind not in {"overruled", "closed"} or event.body.get("by") == BY_POLICY:
        return
    known = recorded.open.get(event.alarm or 0)
    members: set[Key] = set(known.members) if known else set()
    for number, one in sorted(replayed.open.items()):
        if members & set(one.members):
            new = as_event((event.kind, event.period, number, event.body))
            fold(replayed, new)
            return


def _lines(event: PolicyEvent, made: Sequence[Decision]) -> Iterator[dict[str, object]]:
    for was, now in zip(event.body["decisions"], made, strict=True):
        before = (was["action"], was["alarm"], was["rows"])
        after = (now.action, now.alarm, now.rows)
        yield {
            "seq": event.seq,
            "period": event.period,
            "signal": now.signal.name,
            "key": now.signal.key,
            "value": now.signal.value,
            "low": now.signal.low,
            "action": before[0],
            "alarm": before[1],
            "rows": before[2],
            "replayed_action": after[0],
            "replayed_alarm": after[1],
            "replayed_rows": after[2],
            "differs": before != after,
            "reason": now.reason,
            "held_back": now.held_back,
        }
