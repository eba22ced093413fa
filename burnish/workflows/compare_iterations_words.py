"""What a comparison of two iterations says, in sentences and short lines for people.

What belongs here: the sentences that the command, the page, Dagster and MLflow share, so that all
say the same. What does not: the figures (`burnish.workflows.compare_iterations`), or markup.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from burnish.slices import OVERALL
from burnish.workflows.compare_iterations import ComparedIterations
from burnish.workflows.promote_checks import points

MOST_NAMED = 3


def headline(found: ComparedIterations) -> str:
    """One sentence: which model is more accurate on validation rows, and whether it is shown."""
    row = found.overall("validation", changed="model", fixed="new labels")
    if row is None or row["difference"] is None:
        return f"{found.before} and {found.after} have no validation row in common."
    word = {
        "better": "is more accurate than",
        "worse": "is less accurate than",
        "too few": "cannot be told from",
        "not shown": "is not shown to differ in accuracy from",
    }[row["finding"]]
    few = ", too few to show anything" if row["finding"] == "too few" else ""
    return (
        f"The model of {found.after} {word} that of {found.before}: {interval(row)} points on "
        f"{row['support']} validation rows{few}, labels as they stand now."
    )


def by_slice(found: ComparedIterations, *, split: str = "validation") -> str:
    """Which slices are shown to be worse, which better, and how many could not be judged."""
    rows = slice_lines(found, split=split)
    if not rows:
        return "No slice was compared."
    worse = [row for row in rows if row["finding"] == "worse"]
    better = [row for row in rows if row["finding"] == "better"]
    few = sum(row["finding"] == "too few" for row in rows)
    got_worse = f"Worse in {_named(worse)}." if worse else "No slice is shown to be worse."
    got_better = f" Better in {_named(better)}." if better else ""
    aside = f" {few} of {len(rows)} slices are too small to judge." if few else ""
    return f"{got_worse}{got_better}{aside}"


def ruler(found: ComparedIterations) -> str:
    """What the correction of held-out labels alone did to the figures."""
    changed = len(found.rows.relabelled)
    if not changed:
        return (
            "No label of a validation or test row was changed in between: the ruler is the same, "
            "and what changed is the model."
        )
    row = found.overall("validation", changed="labels", fixed="old model")
    told = "" if row is None else f" by {interval(row)} points"
    moved = f" That alone moves the accuracy of the old model on validation rows{told}."
    held = "held-out label was" if changed == 1 else "held-out labels were"
    return f"{changed} {held} changed in between.{moved}"


def rows_in_words(found: ComparedIterations) -> str:
    """How many rows both predicted, and which left, came or moved."""
    rows = found.rows
    shared = " and ".join(f"{count} {split}" for split, count in rows.common.items()) or "No"
    parts = [f"{shared} rows are common to both."]
    if found.since:
        came = " and ".join(f"{count} {split}" for split, count in found.since.items())
        parts.append(
            f"Of these, {came} rows came after {found.before} was trained: its model was asked "
            "about them, and has learned none of them."
        )
    for word, ids in (("left", rows.left), ("came", rows.came), ("changed split", rows.moved)):
        if ids:
            more = f" and {len(ids) - MOST_NAMED} more" if len(ids) > MOST_NAMED else ""
            parts.append(f"{len(ids)} {word}: {', '.join(ids[:MOST_NAMED])}{more}.")
    return " ".join(parts)


def decision(found: ComparedIterations) -> str:
    """What the promotion gate decided of the newer, against whom, and why."""
    told = found.decision
    if told is None:
        return f"{found.after} is open: the promotion gate has not decided yet."
    word = "promoted" if told.promoted else "not promoted"
    name = found.after.dataset
    against = f", held against {name}@iter{told.against}" if told.against else ""
    reason = told.reason[:1].upper() + told.reason[1:]
    return f"{found.after} was {word}{against}. {reason}."


def slice_lines(found: ComparedIterations, *, split: str = "validation") -> list[dict[str, Any]]:
    """The accuracy of each slice on the new labels, the greatest loss first; without `overall`."""
    rows = [
        row
        for row in found.found(split=split, changed="model", fixed="new labels", metric="accuracy")
        if row["slice_id"] != OVERALL
    ]
    order = {"worse": 0, "not shown": 1, "better": 2, "too few": 3}
    return sorted(rows, key=lambda row: (order[row["finding"]], row["difference"] or 0.0))


def interval(row: Mapping[str, Any], *, of_all: bool = False) -> str:
    """A difference of accuracy in points, with its limits (those that hold for all slices at once).

    >>> interval({"difference": 0.031, "low": 0.005, "high": 0.06})
    '+3.1 (+0.5 to +6.0)'
    """
    low, high = ("low_all", "high_all") if of_all else ("low", "high")
    if row["difference"] is None:
        return "not known"
    if row[low] is None or row[high] is None:
        return points(row["difference"])
    return f"{points(row['difference'])} ({points(row[low])} to {points(row[high])})"


def _named(rows: Sequence[Mapping[str, Any]]) -> str:
    shown = ", ".join(f"{row['slice']} ({points(row['difference'])})" for row in rows[:MOST_NAMED])
    return shown + (f" and {len(rows) - MOST_NAMED} more" if len(rows) > MOST_NAMED else "")
