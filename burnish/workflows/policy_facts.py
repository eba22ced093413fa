"""Facts that a decision rests on beside the signals: labels at hand, and which model serves.

What belongs here: counting new labels, and the champion held against the one before on the same
rows. What does not: signals (`burnish.workflows.production_signals`), or deciding
(`burnish.policy`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute

from burnish.metrics import paired_difference
from burnish.policy import Facts
from burnish.records import ChampionEvent, Iteration
from burnish.spec import DatasetSpec
from burnish.versions import Versions
from burnish.versions.champions import serving
from burnish.workflows.production_periods import required_production
from burnish.workflows.production_signals import present_period
from burnish.workflows.production_stages import LABELS

# Arrow makes these functions when it is imported, so a checker cannot know them.
pc: Any = compute

MOST_PAIRS = 5_000
LABELLING = ("keep", "change")


def facts_of(spec: DatasetSpec, versions: Versions) -> Facts:
    """What is so now: nothing of it is guessed, and what is not known is None.

    New labels are rows of production whose label came in and that the champion was not made with,
    and rows that people decided on since its turn of the loop. Rows that a gate turned away are in
    neither.
    """
    production = required_production(spec)
    events = versions.champion_events(spec.name)
    stack = serving(events)
    champion = versions.champion(spec.name)
    before = stack[-2] if len(stack) > 1 else None
    period = present_period(production, events[-1].at) if events else None
    worse = _worse(spec, versions, events, champion, before)
    return Facts(
        new_labels=new_labels(spec, versions, champion),
        iteration_open=versions.current(spec.name) is not None,
        champion=champion.number if champion else None,
        champion_before=before,
        champion_period=period,
        worse_by=worse[0] if worse else None,
        worse_low=worse[1] if worse else None,
        paired_rows=worse[2] if worse else 0,
    )


def new_labels(spec: DatasetSpec, versions: Versions, champion: Iteration | None) -> int:
    """Rows with a label that the champion was not made with; all of them where there is none.

    Of production these are rows that are not among its curated ones, whenever their label came:
    what is filled in of the past was not learned either. A label that is no class of the spec
    cannot be learned, and does not count.
    """
    names = _labelled(spec, versions)
    if champion is not None and names:
        names -= _curated(versions, champion)
    decisions = versions.ledger.fold(spec.name).decisions
    decided = decisions.filter(pc.field("decision").isin(list(LABELLING)))
    closed = (champion.closed_at or champion.opened_at) if champion else None
    return len(names | _since(decided, "at", closed))


def _labelled(spec: DatasetSpec, versions: Versions) -> set[str]:
    came = versions.read_last_good(spec.name, LABELS, columns=["example_id", "label"])
    if came is None:
        return set()
    known = came.filter(pc.field("label").is_valid())
    if spec.classes:
        known = known.filter(pc.field("label").isin(list(spec.classes)))
    return set(known["example_id"].to_pylist())


def _curated(versions: Versions, champion: Iteration) -> set[str]:
    """The rows that the champion was trained on or held against."""
    number = champion.summary.get("curated_version")
    if number is None:
        return set()
    rows = versions.read_version(
        champion.dataset, "curated_examples", version=int(number), columns=["example_id"]
    )
    return set(rows["example_id"].to_pylist())


def _since(table: pa.Table, column: str, moment: datetime | None) -> set[str]:
    kept = table
    if moment is not None:
        kept = table.filter(pc.field(column) > pa.scalar(moment, table.schema.field(column).type))
    return set(kept["example_id"].to_pylist())


def _worse(
    spec: DatasetSpec,
    versions: Versions,
    events: Sequence[ChampionEvent],
    champion: Iteration | None,
    before: int | None,
) -> tuple[float, float, int] | None:
    """Accuracy that the champion lost against the one before, its lower limit, on how many rows.

    Only where the policy may roll back: both models have to be loaded. The rows were met after the
    champion was promoted, so that neither was trained on them.
    """
    rolls = any(
        spec.policy.rule_of(rule.signal).action == "roll_back" for rule in spec.policy.rules
    )
    if champion is None or before is None or not rolls:
        return None
    rows = _met_since(spec, versions, events[-1].at)
    if rows is None:
        return None
    truth = np.asarray(rows["label"].to_pylist(), dtype=object)
    other = versions.iteration(spec.name, before)
    said = [_predicted(spec, versions, one, rows) for one in (other, champion)]
    right = [np.asarray(one == truth, dtype=bool) for one in said]
    found = paired_difference(right[0], right[1])
    return found.value, found.low, rows.num_rows


def _met_since(spec: DatasetSpec, versions: Versions, moment: datetime) -> pa.Table | None:
    came = versions.read_last_good(spec.name, LABELS)
    if came is None or not {"met_at", *spec.features} <= set(came.column_names):
        return None
    rows = came.filter(pc.field("label").is_valid())
    after = pc.field("met_at") > pa.scalar(moment, came.schema.field("met_at").type)
    rows = rows.filter(after).sort_by([("met_at", "descending"), ("example_id", "ascending")])
    return rows.slice(0, MOST_PAIRS) if rows.num_rows else None


def _predicted(
    spec: DatasetSpec, versions: Versions, iteration: Iteration, rows: pa.Table
) -> NDArray[np.object_]:
    from burnish.modeling.saving import load_model
    from burnish.workflows.train import design_frames

    number = int(iteration.summary["model_version"])
    [kept] = versions.store.read(f"{spec.name}/model_files", version=number).to_pylist()
    # The scale of pixels is read off the column: beside the rows that models were trained on.
    validated = versions.read_last_good(spec.name, "validated_examples")
    tables = [rows] if validated is None else [validated, rows]
    frame = design_frames(tables, spec)[-1]
    model = load_model(kept["model"], trust=spec.model.trust)
    return np.asarray([str(one) for one in model.predict(frame)], dtype=object)
