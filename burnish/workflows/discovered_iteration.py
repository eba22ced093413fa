"""Evaluating an iteration: its slice report, the slices it discovers, and what is asked for.

What belongs here: joining versions and ledger around `burnish.workflows.evaluate`,
`.discovered_search` and `.calibrated`. What does not: those themselves, or the decision that
follows (`burnish.workflows.promote`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from burnish.records import Iteration, LabelRequest, TableVersion
from burnish.slices import resolve_slices
from burnish.spec import DatasetSpec
from burnish.typing import LabelLedger
from burnish.versions import Versions
from burnish.workflows.calibrated import Calibrated, calibrate
from burnish.workflows.discovered import (
    DISCOVERED_SCHEMA,
    GROUNDS,
    FoundSlice,
    discovered_row,
    found_slices,
    withholding,
)
from burnish.workflows.discovered_search import Searched, search_training, search_validation
from burnish.workflows.evaluate import slice_report

DISCOVERED, CALIBRATION = "discovered_slices", "slice_calibration"
MOST_FOUND = 20
"""So many slices are followed; what is found beyond them is told, and not kept."""
MOST_REQUESTED, REQUEST_DAYS = 40, 30
"""Rows that one slice asks for, and days until what it asked for lapses."""


@dataclass(frozen=True)
class Evaluated:
    """What evaluating an iteration wrote: the report, slices discovered so far, calibration.

    `said` has a sentence for each ground that was searched, `requested` the rows asked for.
    """

    written: TableVersion
    report: pa.Table
    discovered: pa.Table
    calibrated: Calibrated
    said: tuple[str, ...]
    requested: int


def evaluate_iteration(
    spec: DatasetSpec, versions: Versions, ledger: LabelLedger, iteration: Iteration
) -> Evaluated:
    """Measure this iteration's model by slice, and search for slices that nobody declared.

    Slices that held in an earlier iteration are measured again, under their names. What is found
    now is measured on rows that had no part in choosing it. Doing it again in the same iteration
    finds the same. Where `review.request_slices` is set, each slice found now asks for training
    rows in it, once. Raises `IterationError` where predictions or rows are of another iteration.
    """
    predictions = versions.read(spec.name, "trained_model", of=iteration)
    curated = versions.read(spec.name, "curated_examples", of=iteration)
    probs = versions.read_last_good(spec.name, "pred_probs")
    known = discovered_before(versions, iteration)
    searched = _search(predictions, probs, curated, spec)
    discovered = _with_new(known, searched, curated, spec, iteration.number)
    chosen_on = frozenset[str]().union(*(one.chosen_on for one in searched))
    found = withholding(found_slices(discovered), chosen_on, iteration=iteration.number)
    report = slice_report(predictions, curated, spec, found=found)
    calibrated = calibrate(predictions, curated, spec, found=found)
    number = iteration.number
    versions.write(spec.name, DISCOVERED, discovered, iteration=number, gated=False)
    versions.write(spec.name, CALIBRATION, calibrated.table, iteration=number, gated=False)
    requested = 0
    if spec.review.request_slices:
        new = [one for one in found if one.iteration == number]
        requested = request_rows(new, curated, probs, ledger=ledger, iteration=iteration)
    new_ones = discovered.num_rows - known.num_rows
    said = (*(one.said for one in searched), f"{new_ones} of those that held are new")
    versions.note(
        spec.name,
        number,
        discovery={"said": list(said), "slices": discovered.num_rows, "requested": requested},
        calibration=asdict(calibrated.advice),
    )
    written = versions.write(spec.name, "slice_report", report, iteration=number)
    return Evaluated(written, report, discovered, calibrated, said, requested)


def discovered_before(versions: Versions, iteration: Iteration) -> pa.Table:
    """The slices that were found up to the iteration before this one."""
    return _newest(versions, iteration.dataset, iteration.number - 1)


def discovered_by(versions: Versions, iteration: Iteration) -> tuple[FoundSlice, ...]:
    """The slices that were found up to and with this iteration, none of them with rows withheld."""
    return found_slices(_newest(versions, iteration.dataset, iteration.number))


def made_by(versions: Versions, iteration: Iteration, stage: str) -> pa.Table | None:
    """What an iteration wrote last of one of the tables beside its report; None for nothing."""
    made = [
        at for turn, at in versions.outputs(iteration.dataset, stage) if turn == iteration.number
    ]
    return versions.store.read(f"{iteration.dataset}/{stage}", version=made[-1]) if made else None


def request_rows(
    found: Sequence[FoundSlice],
    curated: pa.Table,
    probs: pa.Table | None,
    *,
    ledger: LabelLedger,
    iteration: Iteration,
) -> int:
    """Ask for training rows of each slice, the most doubtful first; how many rows were asked for.

    Rows that were decided, or that a standing request names, are left out, and a slice that has
    asked before does not ask again. Held-out rows are never asked for: that would be choosing them
    because the model fails.
    """
    dataset = iteration.dataset
    standing = ledger.requests(dataset)
    asked = {name for one in standing for name in one.example_ids}
    askers = {one.asked_by for one in standing}
    training = curated.filter(pc.field("split") == "train")
    doubt = _doubts(training, probs)
    total = 0
    for one in found:
        who = f"slice {one.slice_id}"
        (mask,) = resolve_slices(training, [one.slice])
        rows = training.filter(pa.array(mask.mask))
        words = zip(rows["example_id"].to_pylist(), rows["decision"].to_pylist(), strict=True)
        names = [name for name, word in words if word in {None, "unsure"} and name not in asked]
        names.sort(key=lambda name: (-doubt.get(name, 0.0), name))
        if names and who not in askers:
            chosen = tuple(names[:MOST_REQUESTED])
            reason = f"{one.slice.name}: {GROUNDS[one.ground]}"
            until = iteration.opened_at + timedelta(days=REQUEST_DAYS)
            ledger.request(dataset, LabelRequest(chosen, who, reason, until))
            asked.update(chosen)
            total += len(chosen)
    return total


def _search(
    predictions: pa.Table, probs: pa.Table | None, curated: pa.Table, spec: DatasetSpec
) -> list[Searched]:
    seed = spec.random_state
    found = [search_validation(predictions, curated, spec, random_state=seed)]
    if probs is not None:
        found.append(search_training(probs, curated, spec, random_state=seed))
    return found


def _with_new(
    known: pa.Table,
    searched: Sequence[Searched],
    curated: pa.Table,
    spec: DatasetSpec,
    iteration: int,
) -> pa.Table:
    """The slices known so far and the new ones, but for those that a spec declares by now."""
    taken = {one.slice_id for one in resolve_slices(curated, spec.slices)}
    rows: list[dict[str, Any]] = known.to_pylist()
    taken |= {row["slice_id"] for row in rows}
    names = {row["slice"] for row in rows}
    for ground in searched:
        for one in ground.holding:
            if one.found.slice_id in taken or len(rows) >= MOST_FOUND:
                continue
            row = discovered_row(one, iteration=iteration, ground=ground.ground)
            if row["slice"] in names:
                row["slice"] += f" ({one.found.slice_id})"
            rows.append(row)
            taken.add(row["slice_id"])
            names.add(row["slice"])
    return pa.Table.from_pylist(rows, schema=DISCOVERED_SCHEMA)


def _newest(versions: Versions, dataset: str, until: int) -> pa.Table:
    made = {turn: at for turn, at in versions.outputs(dataset, DISCOVERED) if turn <= until}
    if not made:
        return DISCOVERED_SCHEMA.empty_table()
    return versions.store.read(f"{dataset}/{DISCOVERED}", version=made[max(made)])


def _doubts(training: pa.Table, probs: pa.Table | None) -> dict[str, float]:
    """One less the probability that models which never saw a row give its label."""
    if probs is None:
        return {}
    labels = dict(
        zip(training["example_id"].to_pylist(), training["label"].to_pylist(), strict=True)
    )
    classes = [name[2:] for name in probs.column_names if name.startswith("p:")]
    place = {name: at for at, name in enumerate(classes)}
    matrix = np.column_stack([probs[f"p:{name}"].to_numpy() for name in classes])
    return {
        name: 1.0 - float(matrix[row, place[labels[name]]])
        for row, name in enumerate(probs["example_id"].to_pylist())
        if labels.get(name) in place
    }
