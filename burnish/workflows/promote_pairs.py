"""Two tables of predictions as one set of rows: what both models said of the same examples.

What belongs here: joining them, on one ruler of labels. What does not: which tables these are
(`burnish.workflows.promote_inputs`, `.compare_iterations`), or what follows from them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

PROBABILITY = "p:"


@dataclass(frozen=True)
class Pair:
    """What two models said of n common rows of one split, row by row.

    `labels` are the ruler both are held against. `probs_before` and `probs_after` have the shape
    (n, K), a column for each of `classes`; None where a table has no probabilities. A class that
    a model does not know has the probability 0. `groups` numbers what each row belongs to, where
    rows of one group (a patient, a week) stand or fall together; None: each row by itself.
    """

    example_ids: tuple[str, ...]
    labels: NDArray[np.str_]
    before: NDArray[np.str_]
    after: NDArray[np.str_]
    classes: tuple[str, ...]
    probs_before: NDArray[np.float64] | None
    probs_after: NDArray[np.float64] | None
    groups: NDArray[np.int64] | None = None

    @property
    def rows(self) -> int:
        return len(self.example_ids)


def pair_rows(
    before: pa.Table,
    after: pa.Table,
    *,
    split: str,
    labels: Mapping[str, str] | None = None,
    only: Collection[str] | None = None,
) -> Pair:
    """The rows of `split` in `after` that `before` predicted too, in the order of `after`.

    Both are tables of predictions (example_id, split, label, predicted, perhaps `p:<class>`).
    `labels` is the ruler by example_id: by default the labels of `after`. A row that moved
    between validation and test counts where it is now: neither model trained on it. Of the rows of
    the split, `only` those are taken.

    >>> old = pa.table({"example_id": ["1", "2"], "split": ["test"] * 2, "label": ["a", "a"],
    ...                 "predicted": ["a", "b"]})
    >>> pair = pair_rows(old, old.slice(1), split="test")
    >>> pair.example_ids, pair.before.tolist()
    (('2',), ['b'])
    """
    place = {name: row for row, name in enumerate(before["example_id"].to_pylist())}
    names: list[str] = after["example_id"].to_pylist()
    splits: list[str] = after["split"].to_pylist()
    mine = [row for row, name in enumerate(names) if splits[row] == split and name in place]
    if only is not None:
        mine = [row for row in mine if names[row] in only]
    theirs = [place[names[row]] for row in mine]
    ours, old = after.take(pa.array(mine, pa.int64())), before.take(pa.array(theirs, pa.int64()))
    ids = tuple(names[row] for row in mine)
    ruler = ours["label"].to_pylist() if labels is None else [labels[name] for name in ids]
    known = {*_classes(before), *_classes(after), *ruler}
    classes = tuple(sorted(known)) if _classes(before) and _classes(after) else ()
    return Pair(
        example_ids=ids,
        labels=_texts(ruler),
        before=_texts(old["predicted"].to_pylist()),
        after=_texts(ours["predicted"].to_pylist()),
        classes=classes,
        probs_before=_probabilities(old, classes) if classes else None,
        probs_after=_probabilities(ours, classes) if classes else None,
    )


def by_group(pair: Pair, examples: pa.Table, column: str) -> Pair:
    """The pair with its rows grouped by a column of `examples`, as far as any of them share one.

    A row without a group is one by itself.

    >>> rows = pa.table({"example_id": ["1", "2"], "split": ["test"] * 2, "label": ["a", "a"],
    ...                  "predicted": ["a", "b"], "week": ["w1", "w1"]})
    >>> by_group(pair_rows(rows, rows, split="test"), rows, "week").groups.tolist()
    [0, 0]
    """
    place = {name: row for row, name in enumerate(examples["example_id"].to_pylist())}
    rows = pa.array([place[name] for name in pair.example_ids], pa.int64())
    told = examples[column].take(rows).to_pylist()
    codes: dict[object, int] = {}
    groups = [codes.setdefault(("", at) if one is None else one, len(codes))
              for at, one in enumerate(told)]  # fmt: skip
    if len(codes) == len(groups):
        return pair
    return replace(pair, groups=np.asarray(groups, dtype=np.int64))


def _classes(table: pa.Table) -> list[str]:
    names = table.column_names
    return [name.removeprefix(PROBABILITY) for name in names if name.startswith(PROBABILITY)]


def _probabilities(table: pa.Table, classes: Sequence[str]) -> NDArray[np.float64]:
    known = set(table.column_names)
    columns = [
        table[f"{PROBABILITY}{name}"].to_numpy()
        if f"{PROBABILITY}{name}" in known
        else np.zeros(table.num_rows)
        for name in classes
    ]
    return np.column_stack(columns).astype(np.float64)


def _texts(values: Sequence[str]) -> NDArray[np.str_]:
    return np.asarray(values, dtype=np.str_)
