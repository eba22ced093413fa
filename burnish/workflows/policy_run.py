"""Deciding a period: signals and facts read, decided by the spec's policy, and recorded.

What belongs here: which periods are due, and the record being appended once. What does not:
deciding itself (`burnish.policy`), or carrying decisions out (`burnish.workflows.policy_actions`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from burnish.errors import WriteConflict
from burnish.policy import (
    Decision,
    Inputs,
    PolicyEvent,
    Signal,
    SqlPolicyRecord,
    events_of,
    standing_after,
)
from burnish.policy.deciding import decide_from
from burnish.policy.periods import moved
from burnish.policy.records import Key
from burnish.policy.standing import Standing
from burnish.spec import DatasetSpec
from burnish.versions import Versions
from burnish.workflows.policy_facts import facts_of
from burnish.workflows.production_periods import after_end, required_production
from burnish.workflows.production_signals import present_period, signals_of
from burnish.workflows.production_stages import DRIFT, PERFORMANCE, partition_stage

_TRIES = 20


def run_policy(
    spec: DatasetSpec,
    versions: Versions,
    record: SqlPolicyRecord,
    period: str,
    *,
    now: datetime,
    reports: Sequence[str] = (),
) -> list[Decision]:
    """Decide the window that ends with `period`, and record the decisions with all their inputs.

    What was decided of the same tables and signals is not decided again: the list is empty then. A
    later version of the tables is another matter. `reports` are ids of rows that users reported;
    those of earlier looks are left out. Raises `SpecError` where the spec has no production;
    `WriteConflict` where others go on deciding first.
    """
    production = required_production(spec)
    for _ in range(_TRIES):
        events = record.events(spec.name)
        state = standing_after(events, every=production.period)
        sources = sources_of(spec, versions, period)
        reported = _reported(events, period, reports)
        watched = _watched(state)
        signals = signals_of(spec, versions, period, now=now, watched=watched, reports=reported)
        facts = facts_of(spec, versions)
        ready = facts.new_labels >= spec.policy.min_labels
        if _decided_already(events, period, signals, sources=sources, ready=ready):
            return []
        made = decide_from(state, spec.policy, signals, period=period, facts=facts)
        inputs = Inputs(spec.policy, facts, production.period, sources)
        new = events_of(made, period=period, inputs=inputs, state=state)
        if record.append(spec.name, new, expected=events[-1].seq if events else 0):
            return made
    raise WriteConflict(
        f"others appended to the policy record of {spec.name} first, {_TRIES} times",
        hint="look again: nothing was decided",
    )


def due_periods(
    spec: DatasetSpec, versions: Versions, record: SqlPolicyRecord, *, now: datetime
) -> list[str]:
    """Periods to decide, oldest first: those measured anew, and the last one that is over.

    The last one is due also where nothing was measured of it: data that does not come is a signal.
    `run_policy` says nothing where it was decided already.
    """
    production = required_production(spec)
    decided = {one.period: one for one in record.events(spec.name) if one.kind == "decided"}
    measured: dict[str, dict[str, int]] = {}
    for stage in (DRIFT, PERFORMANCE):
        under = partition_stage(stage, "")
        for name, number in versions.published_numbers(spec.name, under=under).items():
            measured.setdefault(name.removeprefix(under), {})[stage] = number
    found = {
        period
        for period, sources in measured.items()
        if period not in decided or decided[period].body["sources"] != sources
    }
    last = moved(present_period(production, now), -1, production.period)
    if last >= production.start.isoformat() and not after_end(production, last):
        found.add(last)
    return sorted(found)


def sources_of(spec: DatasetSpec, versions: Versions, period: str) -> dict[str, int]:
    """The versions of the tables that signals of a period are read from."""
    found: dict[str, int] = {}
    for stage in (DRIFT, PERFORMANCE):
        published = versions.published(spec.name, partition_stage(stage, period))
        if published is not None:
            found[stage] = published.version
    return found


def _watched(state: Standing) -> set[Key]:
    return {key for one in state.open.values() for key, stands in one.members.items() if stands}


def _reported(events: Sequence[PolicyEvent], period: str, reports: Sequence[str]) -> list[str]:
    """Rows that were first reported in this period: at earlier looks, and now."""
    known: dict[str, str] = {}
    for event in events:
        if event.kind == "decided":
            for signal in event.body["signals"]:
                for one in signal["where"].get("example_ids", ()):
                    known.setdefault(one, event.period)
    for one in reports:
        known.setdefault(one, period)
    return [one for one, at in known.items() if at == period]


def _decided_already(
    events: Sequence[PolicyEvent],
    period: str,
    signals: Sequence[Signal],
    *,
    sources: dict[str, int],
    ready: bool,
) -> bool:
    """Whether the same was decided; labels that suffice for a retrain by now are something new."""
    told = [one for one in events if one.kind == "decided" and one.period == period]
    if not told:
        return False
    body = told[-1].body
    was_ready = body["facts"]["new_labels"] >= body["policy"]["min_labels"]
    same = json.loads(json.dumps([_lasting(one.to_json()) for one in signals]))
    before = [_lasting(one) for one in body["signals"]]
    return (body["sources"], before, was_ready) == (sources, same, ready)


def _lasting(signal: dict[str, Any]) -> dict[str, Any]:
    """A signal without what grows by itself as time goes by."""
    return {**signal, "where": {**signal["where"], "periods_over": None}}
