"""What the page of an audited file shows: the table of the audit, summed up for people.

What belongs here: filling `AuditSummary`. What does not: layout and sentences of the page
(`burnish.report.audit_page`), findings beside labels (`burnish.workflows.audit_file_quality`),
doubts (`burnish.workflows.audit_file_doubts`), or files (`burnish.workflows.audit_file_out`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from math import ceil, floor
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute

from burnish.acquisition import forecast
from burnish.metrics import Interval, wilson_interval
from burnish.modeling.copies import MOST_ROWS
from burnish.report.audit_page import (
    AuditSummary,
    ClassNoise,
    NextStep,
    PairNoise,
    SliceNoise,
    Suspect,
)
from burnish.report.looking import look, usual_values
from burnish.slices import resolve_slices
from burnish.workflows.audit_file_doubts import doubts
from burnish.workflows.audit_file_quality import quality_findings
from burnish.workflows.audit_file_rows import FileRows

# Arrow makes these functions when it is imported, so a checker cannot know them.
pc: Any = compute

MOST_SUSPECTS, SMALLEST_SLICE = 50, 10
_HELD_OUT = ("validation", "test")


def summarise_audit(
    rows: FileRows,
    table: pa.Table,
    *,
    steps: Sequence[NextStep],
    now: datetime,
) -> AuditSummary:
    """All that the page of an audit shows; `table` is that of `audit_table`."""
    judged = table.filter(pc.is_valid(table["given_label"]))
    probability = judged["error_probability"].to_numpy()
    pairs = _pairs(judged)
    queued = table.filter(pc.is_valid(table["queue_rank"]))
    return AuditSummary(
        dataset=rows.spec.name,
        source=rows.file.name,
        labels=_labels_in_words(rows),
        rows=table.num_rows,
        labeled=judged.num_rows,
        unlabeled=table.num_rows - judged.num_rows,
        held_out=int(pc.sum(pc.is_in(table["split"], pa.array(_HELD_OUT))).as_py() or 0),
        share=expected_share(probability),
        classes=_classes(judged, pairs),
        pairs=pairs,
        suspects=_suspects(rows, judged),
        slices=_slices(rows, judged),
        findings=quality_findings(rows, table),
        queue=queued.num_rows,
        control=int(pc.sum(pc.equal(queued["reason"], "control")).as_py() or 0),
        forecast=_forecast(judged, queued),
        steps=tuple(steps),
        notes=(*rows.notes, *_left_out(table)),
        limits=_limits(rows, table),
        generated_at=now,
        doubts=doubts(rows, judged),
    )


def expected_share(probability: NDArray[np.float64]) -> Interval:
    """The mean of probabilities of error, with Wilson's interval of counting that many errors.

    The number expected need not be whole; the limits are taken between those of its neighbours.

    >>> expected_share(np.array([0.9, 0.1])).value
    0.5
    """
    n = len(probability)
    expected = min(float(probability.sum()), float(n))
    below, above = (wilson_interval(count, n) for count in (floor(expected), ceil(expected)))
    part = expected - floor(expected)
    low, high = (
        (1 - part) * a + part * b for a, b in ((below.low, above.low), (below.high, above.high))
    )
    return Interval(expected / n if n else float("nan"), low, high)


def _labels_in_words(rows: FileRows) -> str:
    if rows.spec.target is not None:
        return f"labels: {rows.spec.target}"
    method = "" if rows.answers is None else rows.answers.consensus.method
    return f"labels: consensus of the annotators by {method}"


def _pairs(judged: pa.Table) -> tuple[PairNoise, ...]:
    """Given and suggested label where they differ, those with most expected errors first."""
    differ = judged.filter(pc.not_equal(judged["given_label"], judged["suggested_label"]))
    summed = differ.group_by(["given_label", "suggested_label"]).aggregate(
        [("error_probability", "sum"), ("error_probability", "count")]
    )
    found = [
        PairNoise(
            row["given_label"],
            row["suggested_label"],
            row["error_probability_count"],
            row["error_probability_sum"],
        )
        for row in summed.to_pylist()
    ]
    return tuple(sorted(found, key=lambda pair: (-pair.expected, pair.given, pair.suggested)))


def _classes(judged: pa.Table, pairs: Sequence[PairNoise]) -> tuple[ClassNoise, ...]:
    rather: dict[str, str] = {}
    for pair in pairs:
        rather.setdefault(pair.given, pair.suggested)
    labels = pc.dictionary_encode(judged["given_label"]).combine_chunks()
    codes = labels.indices.to_numpy()
    probability = judged["error_probability"].to_numpy()
    found = [
        ClassNoise(
            name,
            int((codes == at).sum()),
            expected_share(probability[codes == at]),
            rather.get(name, ""),
        )
        for at, name in enumerate(labels.dictionary.to_pylist())
    ]
    return tuple(sorted(found, key=lambda one: (-one.expected, one.name)))


def _suspects(rows: FileRows, judged: pa.Table) -> tuple[Suspect, ...]:
    first = judged.slice(0, MOST_SUSPECTS)
    examples = rows.examples.take(pc.subtract(first["row"], 1))
    usual = usual_values(rows.examples, rows.examples["label"], rows.spec)
    named = rows.spec.id is not None
    return tuple(
        Suspect(
            rank=rank,
            example_id=line["example_id"] if named else "",
            row=line["row"],
            given=line["given_label"],
            suggested=line["suggested_label"],
            probability=line["error_probability"],
            looked=look(example, rows.spec, label=line["given_label"], usual=usual),
            held_out=line["split"] if line["split"] in _HELD_OUT else "",
        )
        for rank, (line, example) in enumerate(
            zip(first.to_pylist(), examples.to_pylist(), strict=True), start=1
        )
    )


def _slices(rows: FileRows, judged: pa.Table) -> tuple[SliceNoise, ...]:
    examples = rows.examples.take(pc.subtract(judged["row"], 1))
    probability = judged["error_probability"].to_numpy()
    found = [
        SliceNoise(part.name, part.support, expected_share(probability[part.mask]))
        for part in resolve_slices(examples, rows.spec.slices)
        if part.support >= SMALLEST_SLICE
    ]
    return tuple(sorted(found, key=lambda one: (-one.share.value, one.name)))


def _forecast(judged: pa.Table, queued: pa.Table) -> str:
    """What the rows to look at first are expected to hold, in words."""
    return forecast(_open_rows(judged), reviews=max(1, queued.num_rows)).text


def _left_out(table: pa.Table) -> Iterator[str]:
    if table.num_rows > MOST_ROWS:
        yield (
            "outliers, and near copies by numbers, were not looked for above "
            f"{MOST_ROWS:,} labeled rows"
        )


def _open_rows(table: pa.Table) -> pa.Table:
    """The rows that no column declares validation or test."""
    return table.filter(pc.fill_null(pc.equal(table["split"], "train"), True))


def _limits(rows: FileRows, table: pa.Table) -> tuple[str, ...]:
    said: list[str] = [*_LIMITS]
    held_out = int(pc.sum(pc.is_in(table["split"], pa.array(_HELD_OUT))).as_py() or 0)
    if held_out:
        said.insert(
            0,
            f"The column {rows.spec.split.column} holds {held_out:,} validation and test rows. "
            "They were audited with the others and are marked, but they are not in the queue: a "
            "test set mended where one model doubts it flatters that model. Have all of it "
            "checked, or rows of it drawn at random.",
        )
    if rows.spec.id is None:
        said.append(
            "No column names the rows, so their ids are made from what they hold. Choose one with "
            "--id where there is one, or a row whose cells change is a new row."
        )
    return tuple(said)


_LIMITS: tuple[str, ...] = (
    (
        "The share of wrong labels is what models think. Where they tell the classes apart it can "
        "be off by half, and where they do not, it says far too much. Decisions on the rows drawn "
        "at random, which are in the queue for that, tell the true share."
    ),
    (
        "A row that looks wrong may be hard and not wrong: that is why people decide, and why "
        "nothing was changed in the data."
    ),
    (
        "If everybody labels a kind of row the same wrong way, models learn it and agree. Only "
        "the rows drawn at random find that."
    ),
    "The intervals are those of counting: they would hold if each probability did.",
)
