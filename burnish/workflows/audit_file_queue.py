"""The table of an audited file: every row with its signals, and which to look at first.

What belongs here: choosing rows under a budget, and the columns of `audit.parquet`. What does not:
composing a batch (`burnish.acquisition`), the signals (`burnish.workflows.audit`), or writing the
file (`burnish.workflows.audit_file_out`).
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from pyarrow import compute

from burnish.acquisition import compose_batch
from burnish.workflows.audit_file_answers import answer_signals
from burnish.workflows.audit_file_rows import FileRows

# Arrow makes these functions when it is imported, so a checker cannot know them.
pc: Any = compute

FIRST = ("example_id", "row", "given_label", "suggested_label", "error_probability")
LAST = (
    *("split", "confusion_pair", "copy_group", "cluster"),
    *("audit_rank", "queue_rank", "reason", "why"),
)


def audit_table(audit: pa.Table, rows: FileRows, *, budget: int) -> pa.Table:
    """One row for each of the file, most suspicious first, those without a label last.

    Columns: example_id, row (in the file, from 1, without a header), given_label, suggested_label,
    error_probability; the signals of the audit and of annotators; split (null where the file
    declares none), confusion_pair, copy_group, cluster, audit_rank; and queue_rank, reason, why
    for the rows to look at first, at most `budget`, null elsewhere.

    The queue is taken from rows that no column declares validation or test: mended by the model
    that is then judged on them, they would flatter it. Its order is by suspicion, with the rows
    drawn at random dealt in evenly, so that whoever stops early has both kinds.
    """
    ids = rows.examples["example_id"].combine_chunks()
    place = pc.index_in(audit["example_id"].combine_chunks(), value_set=ids)
    columns = {name: audit[name] for name in audit.column_names}
    columns["row"] = pc.add(place, 1).cast(pa.int64())
    columns["split"] = rows.declared.take(place)
    if rows.answers is not None:
        labels: list[str | None] = rows.examples["label"].to_pylist()
        signals = answer_signals(rows.answers, labels)
        columns |= {name: cells.take(place) for name, cells in signals.items()}
    judged = pa.table(columns)
    columns |= _queue_columns(judged, rows, budget)
    signals = [name for name in columns if name not in {*FIRST, *LAST, "label"}]
    table = pa.table({name: columns[name] for name in (*FIRST, *signals, *LAST)})
    # Null ranks, of rows without a label, come last.
    return table.sort_by([("audit_rank", "ascending"), ("row", "ascending")])


def _queue_columns(judged: pa.Table, rows: FileRows, budget: int) -> dict[str, Any]:
    open_ones = judged.filter(pc.fill_null(pc.equal(judged["split"], "train"), True))
    labeled = pc.is_valid(open_ones["label"])
    extra = open_ones.filter(pc.invert(labeled))
    batch = compose_batch(
        open_ones.filter(labeled),
        budget=budget,
        control_share=rows.spec.review.control_share if budget > 1 else 0.0,
        unlabeled=extra if extra.num_rows else None,
        unlabeled_share=rows.spec.review.unlabeled_share,
        random_state=rows.spec.random_state,
    )
    found = {row["example_id"]: row for row in batch.to_pylist()}
    urgency = dict(
        zip(judged["example_id"].to_pylist(), judged["audit_rank"].to_pylist(), strict=True)
    )
    rank = {name: at for at, name in enumerate(_dealt(found, urgency), start=1)}
    ids: list[str] = judged["example_id"].to_pylist()
    return {
        "queue_rank": pa.array([rank.get(name) for name in ids], pa.int64()),
        "reason": pa.array([found.get(name, {}).get("reason") for name in ids], pa.string()),
        "why": pa.array([found.get(name, {}).get("why") for name in ids], pa.string()),
    }


def _dealt(found: dict[str, dict[str, Any]], urgency: dict[str, int | None]) -> list[str]:
    """The ids of a batch in the order to look at them: each kind in its own order, evenly mixed."""
    kinds: dict[str, list[str]] = {}
    for name, row in found.items():
        kinds.setdefault(row["reason"], []).append(name)
    keys: dict[str, tuple[float, str]] = {}
    for reason, names in kinds.items():
        # Rows drawn at random keep the random order of their positions.
        key = "position" if reason == "control" else ""
        names.sort(key=lambda n, k=key: found[n][k] if k else (urgency[n] or len(urgency), n))
        for at, name in enumerate(names):
            keys[name] = ((at + 0.5) / len(names), reason)
    return sorted(keys, key=lambda name: keys[name])
