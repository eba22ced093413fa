"""The search for slices that nobody declared, on validation rows and on training rows.

What belongs here: which rows and columns are searched, and the limits that keep it short. What
does not: the search itself (`burnish.slices`), nor what is kept of its slices
(`burnish.workflows.discovered`).

Two grounds are searched, and they say different things. On validation rows the trained model is
wrong: it fails there. On training rows models that never saw the row contradict its label: either
the labels are wrong there, or the class is hard to tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from burnish.errors import SpecError
from burnish.slices import ScoredSlice, discover_and_score
from burnish.slices.properties import with_properties
from burnish.spec import DatasetSpec
from burnish.workflows.discovered import Ground

FEWEST_ROWS, FEWEST_ERRORS = 200, 20
"""Below either nothing is searched: what holds on half of so few rows cannot be told."""
MOST_ROWS, MOST_COLUMNS = 200_000, 40
"""Rows beyond these are left out at random, columns in the order of the table."""
PER_GROUND = 5
"""So many slices of a ground are judged in an iteration; the more, the stricter is the test."""
INNER = frozenset(
    {
        *("example_id", "label", "given_label", "split", "decision", "event_id", "annotator_id"),
        *("fold_group", "copy_group", "cluster", "origin_id", "method"),
        *("predicted", "correct", "confidence"),
    }
)
"""Columns of the loop's own, which say nothing of what a row is."""
PROPERTIES = {"text": ("words", "characters", "digit_share"), "image": ("brightness", "contrast")}


@dataclass(frozen=True)
class Searched:
    """What came of one ground: the slices that hold, and a sentence of what was looked at.

    `chosen_on` are the example_ids on which the slices were chosen; the others judged them.
    """

    ground: Ground
    holding: tuple[ScoredSlice, ...]
    said: str
    chosen_on: frozenset[str] = frozenset()


def search_validation(
    predictions: pa.Table, curated: pa.Table, spec: DatasetSpec, *, random_state: int
) -> Searched:
    """Slices of validation rows in which the model is wrong more often than in the others."""
    rows = predictions.filter(pc.field("split") == "validation")
    return _search("validation", rows, rows["correct"], curated, spec, random_state=random_state)


def search_training(
    probs: pa.Table, curated: pa.Table, spec: DatasetSpec, *, random_state: int
) -> Searched:
    """Slices of training rows whose labels, as they stand, models that never saw them contradict.

    `probs` has example_id and `p:<class>`; rows that are not among the training rows of `curated`
    any more are left out.
    """
    training = curated.filter((pc.field("split") == "train") & pc.field("label").is_valid())
    labels = dict(
        zip(training["example_id"].to_pylist(), training["label"].to_pylist(), strict=True)
    )
    rows = probs.filter(pc.field("example_id").isin(pa.array(labels, pa.string())))
    names = [name for name in rows.column_names if name.startswith("p:")]
    if not names or rows.num_rows == 0:
        return Searched("training", (), "no training row has a prediction")
    best = np.column_stack([rows[name].to_numpy() for name in names]).argmax(axis=1)
    said = [labels[name] for name in rows["example_id"].to_pylist()]
    right = [names[at][2:] == label for at, label in zip(best.tolist(), said, strict=True)]
    return _search("training", rows, right, curated, spec, random_state=random_state)


def searchable(examples: pa.Table, spec: DatasetSpec) -> pa.Table:
    """The columns that a slice may speak of: plain features, properties of others, and the rest.

    Columns beside the features, such as where a row came from, are searched as well.
    """
    by_kind = {name: feature.kind for name, feature in spec.features.items()}
    wanted: list[str] = []
    for name in examples.column_names:
        if name in INNER or name.startswith("p:"):
            continue
        made = PROPERTIES.get(by_kind.get(name, ""), ())
        wanted += [f"{one}({name})" for one in made] if name in by_kind and made else [name]
    return _columns(examples, wanted)


def _columns(examples: pa.Table, wanted: Iterable[str]) -> pa.Table:
    found: dict[str, Any] = {}
    for name in wanted:
        try:
            whole = with_properties(examples, [name])
        except SpecError:  # say an image that is the name of a file
            continue
        if name in whole.column_names and _is_plain(whole.schema.field(name).type):
            found[name] = whole[name]
    return pa.table(dict(list(found.items())[:MOST_COLUMNS]))


def _is_plain(kind: pa.DataType) -> bool:
    return not (pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_null(kind))


def _search(
    ground: Ground,
    rows: pa.Table,
    right: Any,
    curated: pa.Table,
    spec: DatasetSpec,
    *,
    random_state: int,
) -> Searched:
    wrong = ~np.asarray(right, dtype=bool)
    examples = _examples(curated, rows["example_id"].to_pylist())
    rng = np.random.default_rng([random_state, len(ground)])
    if wrong.size > MOST_ROWS:
        some = np.sort(rng.choice(wrong.size, MOST_ROWS, replace=False))
        wrong, examples = wrong[some], examples.take(some)
    columns = searchable(examples, spec)
    groups = _groups(examples)
    refused = _too_little(wrong, columns, groups)
    if refused:
        return Searched(ground, (), refused)
    scored = discover_and_score(
        columns,
        wrong,
        groups=groups,
        k=PER_GROUND,
        max_depth=2,
        max_overlap=0.5,
        random_state=int(rng.integers(2**31)),
    )
    holding = tuple(one for one in scored.slices if one.holds)
    chosen = np.delete(np.arange(wrong.size), scored.scored_rows)
    ids = examples["example_id"].take(pa.array(chosen)).to_pylist()
    said = (
        f"{len(scored.slices)} slices stood out on half of {wrong.size} {ground} rows; "
        f"{len(holding)} held on the other half"
    )
    return Searched(ground, holding, said, frozenset(ids))


def _examples(curated: pa.Table, ids: Sequence[str]) -> pa.Table:
    place = {name: row for row, name in enumerate(curated["example_id"].to_pylist())}
    return curated.take(pa.array([place[name] for name in ids], pa.int64()))


def _groups(examples: pa.Table) -> NDArray[Any]:
    """Near copies and rows that belong together are judged together."""
    ids = examples["example_id"].to_pylist()
    if "fold_group" not in examples.column_names:
        return np.asarray(ids)
    known = zip(examples["fold_group"].to_pylist(), ids, strict=True)
    return np.asarray([own if group is None else str(group) for group, own in known])


def _too_little(wrong: NDArray[np.bool_], columns: pa.Table, groups: NDArray[Any]) -> str:
    errors, rows = int(wrong.sum()), wrong.size
    if columns.num_columns == 0:
        return "no column that a slice could speak of"
    if rows < FEWEST_ROWS or errors < FEWEST_ERRORS:
        return (
            f"not searched: {rows} rows with {errors} errors, and it takes "
            f"{FEWEST_ROWS} with {FEWEST_ERRORS}"
        )
    return "" if len(set(groups.tolist())) >= 4 else "not searched: fewer than four groups of rows"
