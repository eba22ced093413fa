"""What production has to do now: periods that came in or came anew, measures that are out of date.

What belongs here: holding what a source has now against the record. What does not: doing it
(`burnish.workflows.production_run`), or asking an orchestrator for a run (`pipelines.arrivals`).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from burnish.policy import SqlPolicyRecord
from burnish.records import GateVerdict
from burnish.spec import DatasetSpec
from burnish.store import content_digest
from burnish.versions import Versions
from burnish.workflows.production_files import fingerprint
from burnish.workflows.production_index import Arrived, arrived
from burnish.workflows.production_labels import read_labels
from burnish.workflows.production_periods import periods_over, required_production, window_of
from burnish.workflows.production_reference import rebased_to
from burnish.workflows.production_rows import empty_batch
from burnish.workflows.production_run import RESTS_ON
from burnish.workflows.production_stages import (
    BATCH,
    LABELS,
    PERFORMANCE,
    PREDICTIONS,
    partition_stage,
)
from burnish.workflows.production_window import label_digests, published_batches, window_state


@dataclass(frozen=True)
class Due:
    """What is to be done, each with a digest of what it is for: asked for once, and not again.

    `periods` are taken, judged, predicted and measured; `measures` only measured anew, since rows
    or labels of their window changed; `labels` is the digest of labels that were not joined yet,
    "" where all were. `missing` are periods of which nothing came, though they were over so long
    ago as the spec allows; `waited` are files that could not be read whole, and why.
    """

    periods: tuple[tuple[str, str], ...]
    measures: tuple[tuple[str, str], ...]
    labels: str
    missing: tuple[str, ...]
    waited: tuple[str, ...] = ()

    @property
    def nothing(self) -> bool:
        return not (self.periods or self.measures or self.labels)


def arrivals_state(
    spec: DatasetSpec, versions: Versions, record: SqlPolicyRecord, *, now: datetime
) -> str:
    """While this is the same, a look at the source would find what the last one found.

    A database has no such state: then it is empty, and every look looks.
    """
    production = required_production(spec)
    told = [f"over {len(periods_over(production, now))}", f"{versions.champion_seq(spec.name)}"]
    told.append(f"rebased {rebased_to(record, spec.name)}")
    labels = production.labels
    sources = [production.source, labels.source if labels else None]
    told += [fingerprint(spec, one) for one in sources if one is not None and not one.bundled]
    if production.sql is not None or (labels is not None and labels.sql is not None):
        return ""
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:32]


def production_due(
    spec: DatasetSpec,
    versions: Versions,
    record: SqlPolicyRecord,
    *,
    now: datetime,
    environ: Mapping[str, str] = os.environ,
) -> Due:
    """What is to be done by now.

    Of a database the last periods alone are looked at, a window and `late_after` more; older ones
    are taken by a backfill. Raises as `read_production` and `read_labels`.
    """
    production = required_production(spec)
    over = periods_over(production, now)
    recent = over[-(production.window + production.late_after) :]
    looked = recent if production.sql is not None else over
    came = arrived(spec, versions.engine, now=now, periods=looked, environ=environ)
    written = _written(spec, versions)
    periods = _periods_due(spec, versions, came, looked, written)
    taken = {period for period, _ in periods}
    measured = [period for period in over if period not in taken]
    return Due(
        periods,
        _measures_due(spec, versions, record, measured),
        _labels_due(spec, versions, over, now=now, environ=environ),
        _missing(came, written, over[: len(over) - production.late_after]),
        tuple(f"{one.name} ({one.why})" for one in came.waited),
    )


def _periods_due(
    spec: DatasetSpec,
    versions: Versions,
    came: Arrived,
    over: Sequence[str],
    written: Mapping[str, int],
) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    nothing = content_digest(empty_batch())
    judged = _judged(spec, versions)
    later = [_published(spec, versions, name).keys() for name in (PREDICTIONS, PERFORMANCE)]
    for period in over:
        if period not in came.digests and period not in written:
            continue
        digest = came.digests.get(period, nothing)
        verdict = judged.get(period)
        # A gate that was killed has left a candidate that no verdict is of, and nobody may read.
        done = (
            verdict is not None
            and (verdict.version, verdict.data_digest) == (written.get(period), digest)
            and (not verdict.passed or all(period in periods for periods in later))
        )
        if not done:
            found.append((period, digest[:16]))
    return tuple(found)


def _written(spec: DatasetSpec, versions: Versions) -> dict[str, int]:
    """By period, the newest version of its rows, judged or not."""
    under = partition_stage(BATCH, "")
    found = versions.candidate_numbers(spec.name, under=under)
    return {stage.removeprefix(under): number for stage, number in found.items()}


def _judged(spec: DatasetSpec, versions: Versions) -> dict[str, GateVerdict]:
    """By period, the newest verdict on its rows."""
    under = partition_stage(BATCH, "")
    found = versions.newest_verdicts(spec.name, under=under)
    return {stage.removeprefix(under): verdict for stage, verdict in found.items()}


def _published(spec: DatasetSpec, versions: Versions, stage: str) -> dict[str, datetime]:
    """By period, when readers got what they see of a stage."""
    under = partition_stage(stage, "")
    found = versions.published_since(spec.name, under=under)
    return {name.removeprefix(under): at for name, at in found.items()}


def _measures_due(
    spec: DatasetSpec, versions: Versions, record: SqlPolicyRecord, periods: Sequence[str]
) -> tuple[tuple[str, str], ...]:
    champion = versions.champion(spec.name)
    if champion is None:
        return ()
    production = required_production(spec)
    labels, rebased = label_digests(versions, spec.name), rebased_to(record, spec.name)
    batches = published_batches(versions, spec.name)
    measured = _published(spec, versions, PERFORMANCE)
    # What was measured before it served is of another, and stays as it was.
    served = min(
        one.at for one in versions.champion_events(spec.name) if one.iteration == champion.number
    )
    found: list[tuple[str, str]] = []
    for period in periods:
        if period not in measured or measured[period] < served:
            continue
        kept = versions.published(spec.name, partition_stage(PERFORMANCE, period))
        assert kept is not None
        state = window_state(
            versions,
            spec.name,
            window_of(production, period),
            champion=champion.number,
            labels=labels,
            rebased=rebased,
            batches=batches,
        )
        if kept.properties.get(RESTS_ON) != state and _by(spec, versions, period, champion.number):
            found.append((period, state[:16]))
    return tuple(found)


def _by(spec: DatasetSpec, versions: Versions, period: str, champion: int) -> bool:
    """Whether a period was measured of this champion: what was said of others stays as it was."""
    stage = partition_stage(PERFORMANCE, period)
    rows = versions.read_last_good(spec.name, stage, columns=["champion"])
    return rows is not None and set(rows["champion"].to_pylist()) == {champion}


def _labels_due(
    spec: DatasetSpec,
    versions: Versions,
    over: Sequence[str],
    *,
    now: datetime,
    environ: Mapping[str, str],
) -> str:
    if required_production(spec).labels is None:
        return ""
    came = read_labels(spec, now=now, environ=environ)
    if came.rows.num_rows == 0:
        return ""
    known = versions.read_last_good(spec.name, LABELS, columns=["example_id", "label"])
    joined = set(zip(*known.to_pydict().values(), strict=True)) if known is not None else set()
    names = ("example_id", "label")
    told = set(zip(*(came.rows[name].to_pylist() for name in names), strict=True))
    new = told - joined
    if not new or not _met(spec, versions, {name for name, _ in new}, over):
        return ""
    return hashlib.sha256(repr(sorted(new)).encode()).hexdigest()[:16]


def _met(spec: DatasetSpec, versions: Versions, names: set[str], over: Sequence[str]) -> bool:
    """Whether any of these rows passed its gate by now: a label may come before its row."""
    # The newest first: labels that came just now are mostly of rows that came lately.
    newest, under = over[::-1], partition_stage(BATCH, "")
    known = versions.each_last_good(spec.name, newest, under=under, columns=["example_id"])
    return any(not names.isdisjoint(rows["example_id"].to_pylist()) for _, rows in known)


def _missing(came: Arrived, written: Mapping[str, int], over: Sequence[str]) -> tuple[str, ...]:
    return tuple(one for one in over if one not in came.digests and one not in written)
