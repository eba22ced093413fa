"""The signals of an audit on one row, each with its rank among all rows and a plain sentence.

What belongs here: what a figure of the audit says of one label. What does not: the figures
(`burnish.workflows.audit`), or the rows around it (`burnish.workflows.explain`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

from burnish.report.explained import Side, Signal

# Arrow makes these functions when it is imported, so a checker cannot know them.
pc: Any = compute

Row = Mapping[str, Any]

OFTEN = 0.05
"""From this share of a label's rows on, a confusion of two labels counts against the label."""
_PANEL_DISAGREES, _ODD = 0.1, 0.6


@dataclass(frozen=True)
class _Kind:
    """A column of the audit: its name for people, which end is bad, and what it says of a row."""

    name: str
    high_is_bad: bool
    side: Callable[[Row], Side]
    says: Callable[[Row], str]


def audit_signals(audit: pa.Table, row: Row) -> list[Signal]:
    """What each figure of the audit says of `row`, one of its rows; figures it lacks are left out.

    >>> audit = pa.table({"label": ["a", "a"], "suggested_label": ["b", "a"],
    ...     "self_confidence": [0.1, 0.9], "margin": [-0.8, 0.8]})
    >>> for one in audit_signals(audit, audit.to_pylist()[0]):
    ...     print(one.rank, one.of, one.side, one.says)
    1 2 against Models that never saw this row give its label 'a' a probability of 0.10.
    1 2 against They prefer 'b', which is 0.80 ahead of the label.
    """
    found: list[Signal] = []
    for column, kind in _KINDS.items():
        value = row.get(column)
        if value is None:
            continue
        rank, of = _rank(audit[column], float(value), high_is_bad=kind.high_is_bad)
        found.append(Signal(kind.name, float(value), kind.side(row), kind.says(row), rank, of))
    return found


def confusion_signal(audit: pa.Table, row: Row) -> Signal | None:
    """How often the row's label seems to stand where the suggested one should; None where it fits.

    The rate is the sum of the probabilities of error of all such rows over the rows of the label.
    """
    label, suggested = row["label"], row["suggested_label"]
    if label is None or label == suggested:
        return None
    doubted = audit.filter(pc.field("confusion_pair").is_valid())
    expected = Counter[str]()
    for pair, chance in zip(
        doubted["confusion_pair"].to_pylist(), doubted["error_probability"].to_pylist(), strict=True
    ):
        expected[pair] += chance
    pair = f"{label}>{suggested}"
    own = expected[pair]
    rows = int(pc.sum(pc.equal(audit["label"], label)).as_py() or 0)
    rate = own / max(1, rows)
    return Signal(
        "confusion of the two labels",
        rate,
        "against" if rate >= OFTEN else "neither",
        f"Of the {rows:,} rows labelled '{label}', about {own:.1f} seem to be '{suggested}' "
        f"({100 * rate:.1f} %).",
        1 + sum(1 for one in expected.values() if one > own),
        len(expected),
    )


def votes_signal(answers: Sequence[str], label: str) -> Signal | None:
    """What the annotators said when the label was collected; None where nobody's answer is kept.

    >>> votes_signal(["3", "8", "8"], "3").says
    "Of 3 annotators, 1 said '3'; the others said '8' (2)."
    """
    if not answers:
        return None
    counts = Counter(answers)
    own, all_of = counts.pop(label, 0), len(answers)
    most = max(counts.values(), default=0)
    side: Side = "against" if own < most else "for" if own > most and all_of > 1 else "neither"
    others = ", ".join(f"'{name}' ({count})" for name, count in counts.most_common())
    text = f"Of {all_of} annotator{'' if all_of == 1 else 's'}, {own} said '{label}'"
    text += f"; the others said {others}." if others else "."
    return Signal("annotators' answers", own / all_of, side, text)


def _rank(column: pa.ChunkedArray, value: float, *, high_is_bad: bool) -> tuple[int, int]:
    known = column.drop_null().to_numpy()
    worse = known > value if high_is_bad else known < value
    return 1 + int(np.count_nonzero(worse)), int(known.size)


def _over_half(column: str) -> Callable[[Row], Side]:
    def side(row: Row) -> Side:
        value = row[column]
        return "against" if value > 0.5 else "for" if value < 0.5 else "neither"

    return side


def _by_margin(row: Row) -> Side:
    return "against" if row["margin"] < 0 else "for" if row["margin"] > 0 else "neither"


def _neither(_: Row) -> Side:
    return "neither"


def _error(row: Row) -> str:
    return f"The audit takes '{row['label']}' to be wrong with a probability of " + _share(
        row["error_probability"]
    )


def _confidence(row: Row) -> str:
    return (
        f"Models that never saw this row give its label '{row['label']}' a probability of "
        f"{row['self_confidence']:.2f}."
    )


def _margin(row: Row) -> str:
    margin = row["margin"]
    if margin < 0:
        return f"They prefer '{row['suggested_label']}', which is {-margin:.2f} ahead of the label."
    return f"They prefer the label, which is {margin:.2f} ahead of the next."


def _neighbours(row: Row) -> str:
    value = row["neighbour_disagreement"]
    share = "All" if value == 1 else "None" if value == 0 else _share(value, end="")
    return f"{share} of the rows most like it have another label."


def _distance(row: Row) -> str:
    value = row["class_distance"]
    nearer = "other labels" if value > 0.5 else "its own label"
    return f"Rows of {nearer} lie nearer to it ({value:.2f}, where 0.5 is even)."


def _panel(row: Row) -> str:
    value = row["model_disagreement"]
    if value >= _PANEL_DISAGREES:
        return f"The models disagree among themselves ({value:.2f} of 1): they say less here."
    return f"The models agree among themselves (they differ by {value:.2f} of 1)."


def _odd(row: Row) -> str:
    value = row["outlier_score"]
    if value > _ODD:
        return f"It is unlike most rows ({value:.2f}, where 0.5 is usual): near rows say less."
    return f"It is no unusual row ({value:.2f}, where 0.5 is usual)."


def _share(value: float, end: str = ".") -> str:
    return f"{100 * value:.0f} %{end}"


_KINDS: Mapping[str, _Kind] = {
    "error_probability": _Kind(
        "probability of error", high_is_bad=True, side=_over_half("error_probability"), says=_error
    ),
    "self_confidence": _Kind(
        "probability of the label", high_is_bad=False, side=_by_margin, says=_confidence
    ),
    "margin": _Kind("lead of the label", high_is_bad=False, side=_by_margin, says=_margin),
    "neighbour_disagreement": _Kind(
        "near rows with another label",
        high_is_bad=True,
        side=_over_half("neighbour_disagreement"),
        says=_neighbours,
    ),
    "class_distance": _Kind(
        "distance from its own label",
        high_is_bad=True,
        side=_over_half("class_distance"),
        says=_distance,
    ),
    "model_disagreement": _Kind(
        "disagreement of the models", high_is_bad=True, side=_neither, says=_panel
    ),
    "outlier_score": _Kind("unusual row", high_is_bad=True, side=_neither, says=_odd),
}
