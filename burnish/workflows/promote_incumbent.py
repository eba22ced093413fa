"""What the champion says of the rows that a challenger is judged on, those of today among them.

What belongs here: the champion's predictions as they were kept, and those of its kept model on
held-out rows that came since. What does not: pairing two models' predictions
(`burnish.workflows.promote_pairs`), or deciding (`burnish.workflows.promote`).

A champion has predicted the rows that there were when it was trained. After drift those are the
rows of yesterday: a challenger that learned today would be judged on them alone. So the champion's
model, as it was kept, predicts the validation and test rows that have come since. Nothing is
trained. Rows that it trained on, or that repeat such a row in every feature, are no held-out rows
of it, and are left out.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyarrow import compute
from pydantic import ValidationError

from burnish.errors import DataError
from burnish.modeling import load_model
from burnish.quality import duplicate_groups
from burnish.records import Iteration
from burnish.spec import DatasetSpec
from burnish.versions import Versions
from burnish.workflows.train import HELD_OUT, design_frames, predict

# Arrow makes these functions when it is imported, so a checker cannot know them.
pc: Any = compute

STAGE = "incumbent_predictions"
NOTE = "incumbent"
"""Under this name an iteration notes which version of `STAGE` its model was held against."""


@dataclass(frozen=True)
class Incumbent:
    """The champion's predictions on held-out rows.

    `predictions` are as `Trained.predictions`; `since` counts by split the rows of them that came
    after it was trained, `learned` those that came since and are left out because it trained on
    them or on their like; `why_not` says why no row that came since could be predicted.
    """

    predictions: pa.Table
    since: dict[str, int]
    learned: int = 0
    why_not: str = ""


def incumbent_on(
    spec: DatasetSpec, versions: Versions, champion: Iteration, curated: pa.Table
) -> Incumbent:
    """The champion on the held-out rows of `curated`: as it was kept, and on those that came since.

    Labels of rows that came since are those of `curated`. Raises `DataError` where the kept model
    holds a type that the spec does not trust.
    """
    kept = kept_predictions(versions, champion)
    known = pc.field("example_id").isin(kept["example_id"].cast(pa.string()).combine_chunks())
    held_out = pc.field("split").isin(list(HELD_OUT)) & pc.field("label").is_valid()
    new = curated.filter(held_out & ~known)
    if not new.num_rows:
        return Incumbent(kept, {})
    then = _spec_then(spec, champion)
    if then is None:
        return Incumbent(kept, {}, why_not="its spec cannot be read by this Burnish")
    learned = rows_learned(versions, champion)
    known = learned_by(learned, new, list(then.features))
    if known is None:
        return Incumbent(kept, {}, why_not="its features are not those of today's rows")
    fresh = pc.invert(known)
    left_out = new.num_rows - int(pc.sum(fresh).as_py() or 0)
    new = new.filter(fresh)
    if not new.num_rows:
        return Incumbent(kept, {}, left_out)
    said = _predicted(then, versions, champion, learned, new)
    together = pa.concat_tables([kept, said], promote_options="permissive")
    return Incumbent(together, dict(Counter(new["split"].to_pylist())), left_out)


def keep_incumbent(
    spec: DatasetSpec,
    versions: Versions,
    iteration: Iteration,
    champion: Iteration,
    curated: pa.Table,
) -> Incumbent:
    """What the champion says of today's rows, kept with the open iteration that asks.

    Whoever looks at the decision later finds the very predictions that it was made on
    (`held_against`).
    """
    found = incumbent_on(spec, versions, champion, curated)
    noted: dict[str, Any] = {"iteration": champion.number, "version": None, "since": found.since}
    noted |= {"learned": found.learned, "why_not": found.why_not}
    if found.since:
        written = versions.write(
            spec.name, STAGE, found.predictions, iteration=iteration.number, gated=False
        )
        noted["version"] = written.version
    if found.since or found.learned or found.why_not or iteration.summary.get(NOTE):
        versions.note(spec.name, iteration.number, **{NOTE: noted})
    return found


def held_against(versions: Versions, after: Iteration, before: Iteration) -> pa.Table:
    """The predictions of `before` that `after` was held against, or those that `before` kept."""
    version = _noted(after, before).get("version")
    if version is None:
        return kept_predictions(versions, before)
    return versions.store.read(f"{before.dataset}/{STAGE}", version=int(version))


def rows_since(after: Iteration, before: Iteration) -> dict[str, int]:
    """How many rows of each split `before` predicted for the decision on `after` alone."""
    since = _noted(after, before).get("since", {})
    return {str(split): int(count) for split, count in since.items()}


def kept_predictions(versions: Versions, iteration: Iteration) -> pa.Table:
    """Validation and test rows as the model of an iteration predicted them when it was trained."""
    version = int(iteration.summary["predictions_version"])
    return versions.let_through(iteration.dataset, "trained_model", version)


def rows_learned(versions: Versions, iteration: Iteration) -> pa.Table:
    """The rows that the model of an iteration was trained on, variants among them."""
    version = int(iteration.summary["augmented_version"])
    return versions.let_through(iteration.dataset, "augmented_examples", version)


def learned_by(learned: pa.Table, rows: pa.Table, features: list[str]) -> pa.Array | None:
    """Which rows a model has trained on: by themselves, by a variant, or by a row just like them.

    `learned` are its training rows (`rows_learned`). None where `rows` do not have its features.
    """
    try:
        cells = rows.select(features).cast(learned.select(features).schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, KeyError):
        return None
    ids = learned["example_id"].cast(pa.string()).combine_chunks()
    known = pc.is_in(rows["example_id"], value_set=ids)
    if "origin_id" in learned.column_names:
        origins = learned["origin_id"].cast(pa.string()).combine_chunks()
        known = pc.or_(known, pc.is_in(rows["example_id"], value_set=origins))
    seen = duplicate_groups(learned, features)
    alike = pc.is_in(duplicate_groups(cells, features), value_set=seen)
    found = pc.or_(known, alike)
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def _noted(after: Iteration, before: Iteration) -> dict[str, Any]:
    noted = after.summary.get(NOTE) or {}
    return noted if noted.get("iteration") == before.number else {}


def _spec_then(today: DatasetSpec, champion: Iteration) -> DatasetSpec | None:
    told = {**champion.summary.get("spec", {}), "folder": today.folder}
    try:
        return DatasetSpec.model_validate(told)
    except ValidationError:
        return None


def _predicted(
    spec: DatasetSpec, versions: Versions, champion: Iteration, learned: pa.Table, rows: pa.Table
) -> pa.Table:
    version = int(champion.summary["model_version"])
    files = versions.store.read(f"{champion.dataset}/model_files", version=version)
    try:
        model = load_model(files["model"][0].as_py(), trust=spec.model.trust)
    except DataError as error:
        raise DataError(
            f"the model of {champion} cannot be asked about today's rows: {error.found}",
            expected=error.expected,
            hint=error.hint,
        ) from error
    # Read beside the rows it learned: the scale of pixels is read off the column.
    frame = design_frames([learned, rows], spec)[1]
    return predict(model, frame, rows)
