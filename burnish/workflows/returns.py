"""The return on labeling: the model with and without each batch of fixes, and what each bought.

What belongs here: which labels are held against which, asking for the fits, and keeping what came
of them. What does not: batches off the ledger (`burnish.workflows.returns_batches`), the fits
(`.returns_fits`), the table (`.returns_table`), what is to be expected of the next batch
(`.returns_ahead`), or printing (`.showing_returns`).

Two questions are asked of each of the last batches, and they differ. *As it came*: the labels up to
the batch against those before it, which is what the batch bought on the day. *Left out*: all labels
there are now against all but this batch's, which is what would be lost today without it; what a
later batch mended as well is not lost. Of each reason for which rows were asked about, all verdicts
of the last batches are left out at once; and so are all of these batches, *together*.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from burnish.errors import DataError
from burnish.records import LabelEvent, TableVersion
from burnish.slices import OVERALL
from burnish.spec import DatasetSpec
from burnish.typing import LabelLedger, Mapper
from burnish.versions import Versions
from burnish.workflows.returns_batches import (
    Batch,
    batches_of,
    decided_by,
    effort,
    reasons_in,
    standing_events,
)
from burnish.workflows.returns_fits import Arm, Ground, correct_over_seeds, with_chance
from burnish.workflows.returns_rows import labels_by, production_rows, rows_of
from burnish.workflows.returns_table import Contrast, Kind, returns_table

STAGE = "returns"


@dataclass(frozen=True)
class ReturnPlan:
    """What is to be trained, said before any of it is: arms, contrasts, seeds.

    newest: the newest closed iteration, whether or not it has a batch.
    """

    ground: Ground
    contrasts: tuple[Contrast, ...]
    seeds: range
    newest: int

    @property
    def fits(self) -> int:
        """How many models are trained at most, the judges of augmentation among them."""
        tried = 2 * (self.ground.fits_of_a_seed - len(self.ground.arms) + 1)
        return len(self.seeds) * self.ground.fits_of_a_seed + tried

    @property
    def sentence(self) -> str:
        """The cost, for a person who waits for it."""
        batches = {one.iteration for one in self.contrasts if one.iteration is not None}
        return (
            f"{len(self.ground.arms)} versions of the labels ({len(batches)} batches), each "
            f"trained with {len(self.seeds)} seeds: {self.fits} fits on about "
            f"{self.ground.training.num_rows:,} rows."
        )


@dataclass(frozen=True)
class Returns:
    """What the last batches of a dataset bought: a table of `RETURNS_SCHEMA`, and how it was made.

    facts: seeds, fits, resampled (whether training rows were drawn anew by seed), rows trained on,
    iterations, newest (closed iteration), confidence.
    """

    dataset: str
    table: pa.Table
    facts: Mapping[str, Any]

    def to_table(self) -> pa.Table:
        return self.table

    def rows(
        self,
        kind: Kind | None = None,
        *,
        split: str | None = "held out",
        whole: bool | None = True,
    ) -> Iterator[dict[str, Any]]:
        """Rows of one kind and split: of all rows together (`whole`), of slices, or both (None)."""
        for row in self.table.to_pylist():
            asked = whole in {None, row["slice_id"] == OVERALL}
            if asked and kind in {None, row["kind"]} and split in {None, row["split"]}:
                yield row


def plan_returns(
    spec: DatasetSpec,
    versions: Versions,
    ledger: LabelLedger,
    *,
    last: int = 5,
    seeds: int = 5,
    scored: Mapping[str, pa.Table] | None = None,
) -> ReturnPlan:
    """What has to be trained for the return of the last batches.

    Batches are those of closed iterations, newest `last` of them. `scored` gives more rows to be
    scored on by name of their split, say production: tables with the features, example_id and
    label; by default what was published as production labels, if that was. Raises `DataError`
    where no closed iteration has a verdict on a training row, and `GateError` where no validated
    rows were published.
    """
    if seeds < 2 or last < 1:
        raise DataError(f"last = {last}, seeds = {seeds}", expected="a batch and two seeds or more")
    standing = standing_events(ledger.events(spec.name))
    if scored is None:
        scored = production_rows(versions, spec.name)
    universe, held_out = rows_of(spec, versions, ledger.fold(spec.name), scored)
    closed = [one.number for one in versions.iterations(spec.name) if not one.is_open]
    batches = batches_of(standing, set(universe["example_id"].to_pylist()), closed)[-last:]
    if not batches:
        raise DataError(
            f"{spec.name} has no closed iteration in which people decided a training row",
            expected="one batch or more",
            hint=f"run `burnish loop --dataset {spec.name}`, or decide the batch at the desk",
        )
    arms = _Arms(spec.name, universe, standing)
    contrasts = [one for batch in batches for one in _of_batch(batch, arms, spec)]
    contrasts += _of_many(batches, arms, spec)
    ground = Ground(
        spec,
        universe,
        held_out,
        tuple(arms.known),
        versions.read_last_good(spec.name, "slice_report"),
    )
    _require_classes(ground)
    first = spec.random_state
    return ReturnPlan(ground, tuple(contrasts), range(first, first + seeds), closed[-1])


def measure_returns(plan: ReturnPlan, *, mapper: Mapper, confidence: float = 0.95) -> Returns:
    """Train what `plan` says, and what each batch and reason bought.

    `mapper` fans out over seeds. Everything is deterministic in the plan.
    """
    ground = with_chance(plan.ground)
    correct = correct_over_seeds(ground, plan.seeds, mapper)
    table = returns_table(
        correct, ground.held_out, plan.contrasts, ground.spec, confidence=confidence
    )
    batches = sorted({one.iteration for one in plan.contrasts if one.iteration is not None})
    facts = {
        "seeds": len(plan.seeds),
        "fits": plan.fits,
        "resampled": ground.resampled,
        "training_rows": sum(label is not None for label in ground.arms[0]),
        "iterations": batches,
        "newest": plan.newest,
        "confidence": confidence,
    }
    return Returns(ground.spec.name, table, facts)


def keep_returns(versions: Versions, returns: Returns) -> TableVersion:
    """Keep a measurement as the newest; it has no gate, since nothing is built on it."""
    facts = json.dumps(dict(returns.facts), sort_keys=True)
    return versions.write(
        returns.dataset, STAGE, returns.table, gated=False, properties={"facts": facts}
    )


def read_returns(versions: Versions, dataset: str) -> Returns | None:
    """The newest measurement that was kept; None where there is none. Trains nothing."""
    table = versions.read_last_good(dataset, STAGE)
    published = versions.published(dataset, STAGE)
    if table is None or published is None:
        return None
    return Returns(dataset, table, json.loads(published.properties.get("facts", "{}")))


def returns_are_due(versions: Versions, dataset: str) -> bool:
    """Whether an iteration was closed that the newest measurement does not know."""
    closed = [one.number for one in versions.iterations(dataset) if not one.is_open]
    kept = read_returns(versions, dataset)
    known = kept.facts.get("newest", 0) if kept else 0
    return bool(closed) and closed[-1] > known


class _Arms:
    """Labels of the training rows by which events count; equal ones are trained once."""

    def __init__(self, dataset: str, universe: pa.Table, standing: list[LabelEvent]) -> None:
        self.universe, self.dataset, self.standing = universe, dataset, standing
        self.known: dict[Arm, int] = {}
        self.now = self.place(set())

    def place(self, left_out: set[int], until: int | None = None) -> int:
        """The number of the arm without these events, and without those after `until`."""
        decided = decided_by(
            self.dataset,
            self.standing,
            lambda one: one.event_id not in left_out and (until is None or one.event_id <= until),
        )
        return self.known.setdefault(labels_by(self.universe, decided), len(self.known))

    def changed(self, one: int, other: int) -> int:
        """In how many rows two arms differ."""
        arms = list(self.known)
        return sum(a != b for a, b in zip(arms[one], arms[other], strict=True))


def _of_batch(batch: Batch, arms: _Arms, spec: DatasetSpec) -> Iterator[Contrast]:
    own = batch.of_reason(None)
    paid = effort(batch.events, seconds_per_review=spec.review.seconds_per_review)
    pairs: list[tuple[Kind, int, int]] = [
        ("left out", arms.place(own), arms.now),
        ("as it came", arms.place(own, batch.last), arms.place(set(), batch.last)),
    ]
    for kind, without, having in pairs:
        changed = arms.changed(without, having)
        yield Contrast(kind, batch.iteration, None, paid, changed, without, having)


def _of_many(batches: list[Batch], arms: _Arms, spec: DatasetSpec) -> Iterator[Contrast]:
    """All batches left out together, and each reason for which their rows were asked about."""
    for reason in (None, *reasons_in(batches)):
        kind: Kind = "together" if reason is None else "reason"
        own = {number for batch in batches for number in batch.of_reason(reason)}
        events = [one for batch in batches for one in batch.events if one.event_id in own]
        paid = effort(events, seconds_per_review=spec.review.seconds_per_review)
        without = arms.place(own)
        changed = arms.changed(without, arms.now)
        yield Contrast(kind, None, reason, paid, changed, without, arms.now)


def _require_classes(ground: Ground) -> None:
    few = [arm for arm in ground.arms if len({label for label in arm if label is not None}) < 2]
    # Rows of production alone would not do: every page speaks of the held-out rows first.
    splits = Counter(ground.held_out["split"].to_pylist())
    held_out = splits["validation"] + splits["test"]
    if few or not held_out:
        raise DataError(
            f"{len(few)} versions of the labels have fewer than two classes; "
            f"{held_out} rows are held out",
            expected="training rows of two classes or more in each, and held-out rows",
            hint="ask of fewer batches with --last",
        )
