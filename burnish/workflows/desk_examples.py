"""What the desk's pages show of examples, versions and lives, read from a home.

What belongs here: answering `burnish.review.ports.Examples`. What does not: the open batches
(`burnish.workflows.desk`), or how any of it is laid out (`burnish.review`).

The rows of the open batch are kept in memory, and what is usual in a dataset; other rows are read
when they are asked for. What could tell the label as it stands is given on demand alone: `row` has
the features, `look` holds a row against all others unless it is told to go by label.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

import pyarrow as pa
from pyarrow import compute

from burnish.errors import DataError, SpecError
from burnish.records import LabelEvent
from burnish.report.explained import Explanation
from burnish.report.looking import ALL_ROWS, LARGE, Looked, Usual, look, usual_values
from burnish.slices import resolve_slices
from burnish.spec import DatasetSpec
from burnish.versions import Versions
from burnish.versions.joining import curate
from burnish.workflows.blame import life_of
from burnish.workflows.compare_labels import diff_versions
from burnish.workflows.desk import HomeBatches, Newest, newest_published
from burnish.workflows.exchange import HIDDEN
from burnish.workflows.explain import Explainer
from burnish.workflows.home import Home
from burnish.workflows.naming import resolve
from burnish.workflows.showing import spec_of_version, version_lines

# Arrow makes these functions when it is imported, so a checker cannot know them.
pc: Any = compute

STAGES = ("validated_examples", "unlabeled_examples")
ROWS_KEPT = 500
"""Rows outside of the open batch that are kept in memory once they were asked for."""


@dataclass(frozen=True)
class _Known:
    """The rows of a batch as a table and by id, and those read beside it."""

    table: pa.Table
    rows: dict[str, dict[str, Any]]
    others: dict[str, dict[str, Any] | None]


class HomeExamples:
    """Examples of a home as people look at them; a `burnish.review.ports.Examples`.

    Whether their tables have changed is asked anew once what is known is older than
    `fresh_seconds` by `timer`: a page shows many examples, and each would ask three times.
    """

    def __init__(
        self,
        home: Home,
        batches: HomeBatches,
        *,
        fresh_seconds: float = 0.0,
        timer: Callable[[], float] = monotonic,
    ) -> None:
        self._home, self._batches = home, batches
        self._fresh_seconds, self._timer = fresh_seconds, timer
        self._asked: dict[str, tuple[float, _Known]] = {}
        self._versions: Versions = home.versions
        self._known: Newest[_Known] = Newest()
        self._usual: Newest[Usual] = Newest()
        self._explainers: Newest[Explainer] = Newest()
        self._usual_by_label: Newest[Usual] = Newest()

    def row(self, dataset: str, example_id: str) -> Mapping[str, Any] | None:
        """The features of an example, and its example_id; None where there is none.

        No label, and nothing that one source alone has: it would tell whether there is a label.
        """
        found = self._row(dataset, example_id)
        if found is None:
            return None
        features = self._batches.spec(dataset).features
        return {"example_id": example_id} | {name: found.get(name) for name in features}

    def absent(self, dataset: str, example_ids: Sequence[str]) -> Sequence[str]:
        """Those of these ids that no example has, in their order; tables are read once for all."""
        known = self._known_of(dataset).rows
        others = [name for name in dict.fromkeys(example_ids) if name not in known]
        if not others:
            return []
        found = set(self._read(dataset, others, columns=["example_id"])["example_id"].to_pylist())
        return [name for name in others if name not in found]

    def look(self, dataset: str, example_id: str, *, by_label: bool) -> Looked | None:
        """An example large; values stand out among all rows, or `by_label` among those like it.

        None where there is no such example.
        """
        row = self._row(dataset, example_id)
        if row is None:
            return None
        spec = self._batches.spec(dataset)
        if by_label:
            label, usual = self._label(dataset, example_id, row), self._among_its_label(spec)
        else:
            label, usual = ALL_ROWS, self._among_all(spec)
        return look(row, spec, label=label, usual=usual, detail=LARGE)

    def slices(self, dataset: str, example_ids: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """The names of the declared slices that each of these examples is in.

        A slice that is cut by the label is left out: it would tell it.
        """
        spec, table = self._batches.spec(dataset), self._table(dataset, example_ids)
        shown = table.drop_columns([name for name in _TELLING if name in table.column_names])
        names = {name: list[str]() for name in example_ids}
        ids = shown["example_id"].to_pylist()
        for cut in spec.slices:
            try:
                masks = resolve_slices(shown, [cut])
            except SpecError:  # a column that these rows have not, or more parts than can be named
                continue
            for mask in masks:
                for at in mask.mask.nonzero()[0]:
                    names[ids[at]].append(mask.name)
        return names

    def life(self, dataset: str, example_id: str) -> Mapping[str, Any]:
        """All that is known of an example, oldest first, as `Life.to_json` gives it.

        Raises `DataError` for an example that never was.
        """
        return life_of(self._home, dataset, example_id).to_json()

    def explain(self, dataset: str, example_id: str) -> Explanation:
        """What speaks against the label of an example and what for it, by the newest audit.

        Raises as `burnish.workflows.explain.explain_example` does.
        """
        spec = self._batches.spec(dataset)
        made = self._versions.outputs(dataset, "label_audit")
        batch = self._batches.open(dataset)
        key = made[-1:], self._home.ledger.head(dataset), batch and batch.queue_version
        kept = self._explainers.get(dataset, str(key), lambda: Explainer.of(self._versions, spec))
        return kept.explain(example_id)

    def versions(self, dataset: str) -> list[Mapping[str, Any]]:
        """Every dataset version, newest first: version, created_at, rows, iteration, digest ..."""
        return [*reversed(version_lines(self._home, dataset))]

    def diff(self, before: str, after: str) -> Mapping[str, Any]:
        """What changed between two versions named as `digits@7`, as `VersionDiff.to_json` gives it.

        Raises `VersionNotFound` for a name that means none, `DataError` for two datasets' versions.
        """
        old, new = (resolve(self._versions, name) for name in (before, after))
        if old.dataset != new.dataset:
            raise DataError(
                f"{before} and {after} are of different datasets",
                expected="two versions of one dataset",
            )
        return diff_versions(self._home, old, new, spec=spec_of_version(new)).to_json()

    def _row(self, dataset: str, example_id: str) -> dict[str, Any] | None:
        known = self._known_of(dataset)
        if example_id in known.rows:
            return known.rows[example_id]
        if example_id not in known.others:
            if len(known.others) >= ROWS_KEPT:
                known.others.clear()
            found = self._read(dataset, [example_id]).to_pylist()
            known.others[example_id] = found[0] if found else None
        return known.others[example_id]

    def _table(self, dataset: str, example_ids: Sequence[str]) -> pa.Table:
        """Rows of these examples, from the batch where all of them are in it."""
        known = self._known_of(dataset)
        if known.rows.keys() >= set(example_ids):
            return known.table.filter(_among(known.table, example_ids))
        return self._read(dataset, example_ids)

    def _known_of(self, dataset: str) -> _Known:
        now = self._timer()
        asked = self._asked.get(dataset)
        if asked is not None and now - asked[0] < self._fresh_seconds:
            return asked[1]
        found = self._known_now(dataset)
        self._asked[dataset] = now, found
        return found

    def _known_now(self, dataset: str) -> _Known:
        batch = self._batches.open(dataset)
        stages = [newest_published(self._versions, dataset, stage) for stage in STAGES]
        key = (batch and (batch.iteration, batch.queue_version), *stages)

        def read() -> _Known:
            queue = [] if batch is None else self._batches.queue(batch)
            table = self._read(dataset, [row["example_id"] for row in queue])
            return _Known(table, {row["example_id"]: row for row in table.to_pylist()}, {})

        return self._known.get(dataset, key, read)

    def _read(
        self, dataset: str, example_ids: Sequence[str], *, columns: list[str] | None = None
    ) -> pa.Table:
        read = self._versions.read_last_good
        tables = [read(dataset, stage, columns=columns) for stage in STAGES]
        found = [rows.filter(_among(rows, example_ids)) for rows in tables if rows is not None]
        if not found:
            return pa.table({"example_id": pa.array([], pa.string())})
        return pa.concat_tables(found, promote_options="permissive")

    def _among_all(self, spec: DatasetSpec) -> Usual:
        key = newest_published(self._versions, spec.name, STAGES[0])
        return self._usual.get(
            spec.name, key, lambda: usual_values(self._measured(spec), None, spec)
        )

    def _among_its_label(self, spec: DatasetSpec) -> Usual:
        iteration = self._versions.current(spec.name)
        mark = None if iteration is None else iteration.watermark.event_id
        key = newest_published(self._versions, spec.name, STAGES[0]), mark

        def measure() -> Usual:
            rows = curate(self._measured(spec), self._home.ledger.fold(spec.name, mark))
            return usual_values(rows, rows["label"], spec)

        return self._usual_by_label.get(spec.name, key, measure)

    def _measured(self, spec: DatasetSpec) -> pa.Table:
        """The columns that can be unusual, of all rows that have a label or could have one."""
        plain = spec.of_kind("numeric", "categorical", "boolean")
        columns = ["example_id", "label", *plain]
        rows = self._versions.read_last_good(spec.name, STAGES[0], columns=columns)
        if rows is None:
            return pa.table({name: pa.array([], pa.string()) for name in columns[:2]})
        return rows

    def _label(self, dataset: str, example_id: str, row: Mapping[str, Any]) -> str | None:
        """The label as it stood when the batch opened, else as it stands."""
        batch = self._batches.open(dataset)
        for item in [] if batch is None else self._batches.queue(batch):
            if item["example_id"] == example_id:
                return item["label"]
        return _stands(self._home.ledger.blame(dataset, example_id), row.get("label"))


# What a cut by would give away; the rest of what a source has beside features may be cut by.
_TELLING = HIDDEN & {"label", "given_label", "decision", "event_id"}


def _among(table: pa.Table, example_ids: Sequence[str]) -> Any:
    return pc.is_in(table["example_id"], pa.array(list(example_ids), pa.string()))


def _stands(events: Sequence[LabelEvent], given: str | None) -> str | None:
    verdict = events[-1].verdict if events else None
    return given if verdict is None or verdict.to_label is None else verdict.to_label
