"""Alarms as their events leave them.

What belongs here: putting events together by alarm. What does not: reading events
(`burnish.policy.sql`), or what a decision starts from (`burnish.policy.standing`).
"""

from __future__ import annotations

from collections.abc import Sequence

from burnish.policy.records import Alarm, PolicyEvent, Signal


def alarms_of(events: Sequence[PolicyEvent]) -> list[Alarm]:
    """The alarms that these events leave, oldest first.

    >>> alarms_of([])
    []
    """
    own: dict[int, list[PolicyEvent]] = {}
    evidence: dict[int, dict[tuple[str, str], Signal]] = {}
    for event in events:
        if event.alarm is not None:
            own.setdefault(event.alarm, []).append(event)
        if event.kind == "decided":
            _gather(event, evidence)
    found: list[Alarm] = []
    for number, told in own.items():
        opened = next((one for one in told if one.kind == "opened"), None)
        if opened is None:
            continue
        closed = next((one for one in told if one.kind == "closed"), None)
        lead = Signal(**opened.body["signal"])
        others = tuple(one for key, one in evidence.get(number, {}).items() if key != lead.of)
        found.append(
            Alarm(
                dataset=opened.dataset,
                number=number,
                signal=lead,
                opened=opened.period,
                opened_at=opened.at,
                closed_at=closed.at if closed else None,
                why_closed=str(closed.body.get("why", "")) if closed else "",
                events=tuple(told),
                evidence=others,
            )
        )
    return sorted(found, key=lambda one: one.number)


def _gather(event: PolicyEvent, evidence: dict[int, dict[tuple[str, str], Signal]]) -> None:
    """Signals that joined an alarm in this window, as they were when they first did."""
    pairs = zip(event.body.get("signals", []), event.body.get("decisions", []), strict=True)
    for told, made in pairs:
        if made.get("alarm") in {"raise", "join"} and made.get("number") is not None:
            signal = Signal(**told)
            evidence.setdefault(int(made["number"]), {}).setdefault(signal.of, signal)
