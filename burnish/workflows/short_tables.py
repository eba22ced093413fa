"""Short tables for people: a dozen lines each, columns named for who reads them.

What belongs here: cutting and joining the loop's tables down to what a page shows. What does not:
single figures (`burnish.workflows.figures`), or which table is on which page
(`burnish.workflows.stage_pages`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.records import Iteration
from burnish.spec import SPLITS
from burnish.workflows.discovered import GROUNDS
from burnish.workflows.evaluate import with_uncertain
from burnish.workflows.promote import Promotion

LINES = 12


def stated(datasheet: pa.Table) -> pa.Table:
    """What a datasheet says in words, without the counts that are drawn and the columns."""
    lines = [
        line
        for line in datasheet.to_pylist()
        if line["value"]
        and line["field"] not in {"rows", "columns"}
        and not line["field"].startswith("class ")
    ]
    return pa.Table.from_pylist(lines, schema=datasheet.schema)


def most_suspicious(audit: pa.Table) -> pa.Table:
    """The first rows of an audit, which is ranked already."""
    names = {
        "example_id": "example_id",
        "label": "label",
        "suggested_label": "should be",
        "error_probability": "P(wrong)",
        "self_confidence": "P(label)",
    }
    return _named(audit.slice(0, LINES), names)


def first_of_batch(queue: pa.Table) -> pa.Table:
    """The rows people are asked about first, and why."""
    return queue.sort_by("position").select(["position", "example_id", "reason", "why"])[:LINES]


def turned_away(quarantine: pa.Table) -> pa.Table:
    """Rows in quarantine, each with the value at fault."""
    return quarantine.select(["example_id", "gate", "column", "value", "code"])[:LINES]


def by_class_and_split(rows: pa.Table) -> pa.Table:
    """How many rows of each class are in each split."""
    pairs = _pairs(rows["label"], rows["split"])
    classes = _classes_of(rows["label"])
    columns: dict[str, Any] = {"class": classes}
    for split in SPLITS:
        columns[split] = [pairs[name, split] for name in classes]
    return pa.table(columns)


def agreement_by_class(
    labelled: pa.Table, agrees: NDArray[np.bool_], own: NDArray[np.float64]
) -> pa.Table:
    """How often models that never saw a row say its label, by that label; the lowest first."""
    labels = np.asarray(labelled["label"].to_pylist(), dtype=object)
    classes = _classes_of(labelled["label"])
    masks = [labels == name for name in classes]
    return pa.table(
        {
            "class": pa.array(classes, pa.string()),
            "rows": [int(mask.sum()) for mask in masks],
            "models agree": [float(agrees[mask].mean()) for mask in masks],
            "mean P(label)": [float(own[mask].mean()) for mask in masks],
        }
    ).sort_by("models agree")


def as_collected_and_now(curated: pa.Table) -> pa.Table:
    """Rows by the label as collected, and by the label as people left it."""
    given, now = _counts(curated["given_label"]), _counts(curated["label"])
    classes = _classes_of(curated["given_label"], curated["label"])
    return pa.table(
        {
            "class": pa.array(classes, pa.string()),
            "as collected": [given[name] for name in classes],
            "now": [now[name] for name in classes],
        }
    )


def originals_and_variants(rows: pa.Table) -> pa.Table:
    """Training rows by class: those that were collected, and those made of them."""
    made = rows["origin_id"].is_valid()
    pairs = _pairs(rows["label"], made)
    classes = _classes_of(rows["label"])
    return pa.table(
        {
            "class": pa.array(classes, pa.string()),
            "originals": [pairs[name, False] for name in classes],
            "variants": [pairs[name, True] for name in classes],
        }
    )


def recall_by_class(counts: NDArray[np.int64], classes: Sequence[str]) -> pa.Table:
    """Of each class how many rows are right, and what it is most often taken for; worst first.

    `counts` has the true class by row and the predicted one by column.

    >>> found = recall_by_class(np.array([[8, 2], [0, 5]]), ["cat", "dog"])
    >>> found.to_pylist()[0]
    {'class': 'cat', 'rows': 10, 'right': 0.8, 'most often taken for': 'dog (2)'}
    """
    lines: list[dict[str, Any]] = []
    for at, name in enumerate(classes):
        total = int(counts[at].sum())
        wrong = np.where(np.arange(len(classes)) == at, 0, counts[at])
        most = int(wrong.argmax())
        lines.append(
            {
                "class": name,
                "rows": total,
                "right": float(counts[at, at] / total) if total else None,
                "most often taken for": f"{classes[most]} ({wrong[most]})" if wrong[most] else "",
            }
        )
    return pa.Table.from_pylist(lines).sort_by("right")


def lowest_slices(report: pa.Table) -> pa.Table:
    """The slices of the lowest accuracy on validation rows, with its interval, and on test rows.

    Whether there are rows and mistakes enough is said in a word: few of either read `uncertain`.
    """
    rows = [row for row in with_uncertain(report).to_pylist() if row["metric"] == "accuracy"]
    test = {row["slice_id"]: row["value"] for row in rows if row["split"] == "test"}
    known = [row for row in rows if row["split"] == "validation" and row["value"] is not None]
    lines = [
        {
            "slice": row["slice"],
            "rows": row["support"],
            "validation": row["value"],
            "low": row["low"],
            "high": row["high"],
            "trust": "uncertain" if row["uncertain"] else "",
            "test": test.get(row["slice_id"]),
        }
        for row in sorted(known, key=lambda row: row["value"])
    ]
    return pa.Table.from_pylist(lines)[:LINES] if lines else pa.table({"slice": []})


def slices_found(discovered: pa.Table) -> pa.Table:
    """The slices that were discovered, the newest first: what was seen on rows that judged them."""
    lines = [
        {
            "slice": row["slice"],
            "found in": row["iteration"],
            "what": GROUNDS[row["ground"]],
            "rows": row["support"],
            "errors in it": row["mean_error"],
            "more than elsewhere": row["effect"],
            "low": row["low"],
            "high": row["high"],
        }
        for row in reversed(discovered.to_pylist())
    ]
    return pa.Table.from_pylist(lines)[:LINES] if lines else pa.table({"slice": []})


def trusted_too_much(calibration: pa.Table) -> pa.Table:
    """Confidence held against accuracy by slice, the most trusted too much first.

    `reading` says which way a gap goes that the interval tells from none.
    """
    known = [row for row in calibration.to_pylist() if row["gap"] is not None]
    lines = [
        {
            "slice": row["slice"],
            "rows": row["rows"],
            "confidence": row["claimed"],
            "accuracy": row["observed"],
            "gap": row["gap"],
            "low": row["gap_low"],
            "high": row["gap_high"],
            "reading": _reading(row["gap_low"], row["gap_high"]),
        }
        for row in sorted(known, key=lambda row: row["gap"])
    ]
    return pa.Table.from_pylist(lines)[:LINES] if lines else pa.table({"slice": []})


def _reading(low: float, high: float) -> str:
    if high < 0:
        return "claims too much"
    return "claims too little" if low > 0 else "no gap is shown"


def iterations_so_far(history: Sequence[Iteration]) -> pa.Table:
    """What each iteration came to, the newest first: accuracy on validation and test rows."""
    return pa.table(
        {
            "iteration": [one.number for one in history],
            "version": [_version(one) for one in history],
            "validation": [_head(one, "validation_accuracy") for one in history],
            "test": [_head(one, "test_accuracy") for one in history],
            "noise left": [one.summary.get("noise", {}).get("value") for one in history],
            "champion": [_fate(one) for one in history],
        }
    )[::-1][:LINES]


def gate_checks(decision: Promotion) -> pa.Table:
    """The checks of the promotion gate: which passed, what was found, and the limit."""
    names = {"check": "check", "passed": "passed", "found": "found", "limit": "limit"}
    return _named(decision.to_table(), names | {"check_reason": "what was found"})


def runs_so_far(history: Sequence[Iteration]) -> pa.Table:
    """The tracked run of each iteration, the newest first."""
    return pa.table(
        {
            "iteration": [one.number for one in history],
            "version": [_version(one) for one in history],
            "champion": [_fate(one) for one in history],
            "MLflow run": [one.mlflow_run_id or "waits" for one in history],
        }
    )[::-1][:LINES]


def _version(iteration: Iteration) -> str:
    number = iteration.summary.get("dataset_version")
    return "" if number is None else f"{iteration.dataset}@{number}"


def _head(iteration: Iteration, name: str) -> float | None:
    head: Mapping[str, float] = iteration.summary.get("headline", {})
    return head.get(name)


def _fate(iteration: Iteration) -> str:
    decision: Mapping[str, Any] = iteration.summary.get("promotion", {})
    return ("yes" if decision["promoted"] else "no") if decision else ""


def _named(table: pa.Table, names: Mapping[str, str]) -> pa.Table:
    return table.select(list(names)).rename_columns(list(names.values()))


def _pairs(first: Any, second: Any) -> Counter[tuple[Any, Any]]:
    return Counter(zip(first.to_pylist(), second.to_pylist(), strict=True))


def _counts(column: Any) -> Counter[str | None]:
    return Counter(column.to_pylist())


def _classes_of(*columns: Any) -> list[str]:
    return sorted({name for column in columns for name in column.unique().to_pylist()} - {None})
