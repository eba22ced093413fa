"""The relabel queue of one iteration: which rows are open, and the batch made of them.

What belongs here: joining the audit with the ledger, the requests and the known answers, topping up
within an iteration, and the state of a queue. What does not: composing a batch
(`burnish.acquisition`), showing it to people (`burnish.review`), or exchanging it with files
(`burnish.workflows.exchange`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

from burnish.acquisition import BATCH_SCHEMA, Forecast, compose_batch
from burnish.errors import ReviewError
from burnish.records import (
    Iteration,
    LabelEvent,
    LabelRequest,
    LabelVersion,
    TableVersion,
)
from burnish.spec import DatasetSpec
from burnish.typing import LabelLedger
from burnish.versions import Versions
from burnish.workflows.ahead import finally_decided, foretell, seconds_of_a_review, suspects
from burnish.workflows.batch import decided_examples
from burnish.workflows.gold import keep_gold
from burnish.workflows.held_out import asked_held_out, held_out_ids, with_held_out

# Arrow makes these functions when it is imported, so a checker cannot know them.
pc: Any = compute

QUEUE_SCHEMA = BATCH_SCHEMA.insert(1, pa.field("iteration", pa.int64()))


@dataclass(frozen=True)
class QueueState:
    """How far people are with a queue."""

    total: int
    decided: int

    @property
    def undecided(self) -> int:
        return self.total - self.decided

    @property
    def is_complete(self) -> bool:
        return self.undecided == 0


@dataclass(frozen=True)
class MadeQueue:
    """The queue of an iteration as it was written, and what the next reviews are to find."""

    written: TableVersion
    table: pa.Table
    ahead: Forecast


def queue_iteration(
    spec: DatasetSpec, versions: Versions, ledger: LabelLedger, iteration: Iteration
) -> MadeQueue:
    """Build the queue of an iteration from its audit, and write it for its gate to judge.

    Known answers are kept first, so that verdicts on them are recognised. What a review takes and
    how well past batches were foretold is read off the verdicts before the iteration opened: it
    does not change while people decide.
    """
    audit = versions.read(spec.name, "label_audit", of=iteration)
    events = ledger.events(spec.name, until=iteration.watermark.event_id)
    labels = ledger.fold(spec.name)
    budget = spec.review.rows(seconds_of_a_review(events))
    if spec.review.minutes is not None:
        versions.note(spec.name, iteration.number, review_rows=budget)
    table = build_queue(
        audit,
        spec,
        labels=labels,
        requests=ledger.requests(spec.name),
        previous=versions.read_last_good(spec.name, "relabel_queue"),
        iteration=iteration.number,
        seed=spec.random_state,
        gold=keep_gold(spec, versions),
        budget=budget,
        held_out=held_out_ids(versions, spec.name),
    )
    written = versions.write(spec.name, "relabel_queue", table, iteration=iteration.number)
    return MadeQueue(written, table, foretell(audit, labels, events))


def build_queue(
    audit: pa.Table,
    spec: DatasetSpec,
    *,
    labels: LabelVersion,
    requests: Sequence[LabelRequest],
    previous: pa.Table | None,
    iteration: int,
    seed: int,
    slice_weight: Mapping[str, float] | None = None,
    gold: pa.Table | None = None,
    budget: int | None = None,
    held_out: Collection[str] = (),
) -> pa.Table:
    """The queue of `iteration`, as a table of `QUEUE_SCHEMA` in the order of `position`.

    Open are the training rows of `audit`, and its rows without a label, on which `labels` (the
    fold at the head of the ledger) has no final decision; `unsure` leaves a row open. Copies of a
    row are told by a column copy_group, where the audit has one. `gold` are the rows whose answer
    is known, `budget` the rows there is time for (None: as the spec says). Of the rows `held_out`
    those that requests name come in, blind, within `review.requested_share`
    (`burnish.workflows.held_out`).

    Built again in the same iteration, the queue keeps what `previous` holds of it, unchanged and
    in place, and is topped up to the budget by rows at further positions. The control arm is
    drawn once: after targeted rows have left the pool, a random draw from the rest would no longer
    be one from the whole. Raises `ReviewError` where nothing is left to ask.
    """
    final = finally_decided(labels)
    kept = _kept(previous, [*audit["example_id"].to_pylist(), *held_out], labels, iteration)
    closed = pa.concat_arrays(
        [final["example_id"].combine_chunks(), kept["example_id"].combine_chunks()]
    )
    is_open = audit.filter(pc.invert(pc.is_in(audit["example_id"], closed)))
    room = (spec.review.rows() if budget is None else budget) - kept.num_rows
    share = spec.review.requested_share
    blind = asked_held_out(
        requests, held_out, labels, taken=kept["example_id"].to_pylist(), room=room, share=share
    )
    if room <= 0 or (is_open.num_rows == 0 and kept.num_rows > 0):
        return kept
    if is_open.num_rows == 0:
        raise ReviewError(
            "every training row has been decided",
            expected="rows without a final decision in the ledger",
            hint="there is nothing left to review; add examples to the source to go on",
        )
    added = compose_batch(
        suspects(is_open),
        budget=room - len(blind),
        control_share=0.0 if kept.num_rows else spec.review.control_share,
        gold=gold,
        gold_share=spec.review.gold_share,
        requested=requests,
        requested_share=max(0.0, share * room - len(blind)) / (room - len(blind)),
        unlabeled=is_open.filter(pc.is_null(is_open["label"])),
        unlabeled_share=spec.review.unlabeled_share,
        slice_weight=slice_weight,
        random_state=_seed(seed, iteration),
    )
    added = with_held_out(added, blind, pool=len(held_out), random_state=_seed(seed, iteration))
    return _joined(kept, added, iteration)


def queue_state(queue: pa.Table, events: Iterable[LabelEvent]) -> QueueState:
    """How many rows of `queue` have been decided by `events`, those since the iteration opened.

    `unsure` counts: a person has looked, and the batch can close.
    """
    decided = decided_examples(events)
    ids = queue["example_id"].to_pylist()
    return QueueState(total=queue.num_rows, decided=sum(name in decided for name in ids))


def _kept(
    previous: pa.Table | None, examples: Sequence[str], labels: LabelVersion, iteration: int
) -> pa.Table:
    """What stays of this iteration's queue: rows that still exist, or were decided on."""
    if previous is None:
        return QUEUE_SCHEMA.empty_table()
    own = _with_all_columns(previous).select(QUEUE_SCHEMA.names).cast(QUEUE_SCHEMA)
    own = own.filter(pc.equal(own["iteration"], iteration))
    known = pa.concat_arrays(
        [pa.array(examples, pa.string()), labels.decisions["example_id"].combine_chunks()]
    )
    return own.filter(pc.is_in(own["example_id"], known)).sort_by("position")


def _with_all_columns(queue: pa.Table) -> pa.Table:
    """A queue that an older Burnish wrote lacks columns that have come since: they are null."""
    for column in QUEUE_SCHEMA:
        if column.name not in queue.column_names:
            queue = queue.append_column(column, pa.nulls(queue.num_rows, column.type))
    return queue


def _joined(kept: pa.Table, added: pa.Table, iteration: int) -> pa.Table:
    numbers: Any = pa.array([iteration] * added.num_rows, pa.int64())
    for name in ("position", "review_group"):
        last = pc.max(kept[name]).as_py() or 0
        at = added.column_names.index(name)
        added = added.set_column(at, name, pc.add(added[name], last))
    return pa.concat_tables([kept, added.add_column(1, "iteration", numbers).cast(QUEUE_SCHEMA)])


def _seed(seed: int, iteration: int) -> int:
    # Each iteration draws its control arm anew, and the same one when it is run again.
    return int(np.random.SeedSequence([seed, iteration]).generate_state(1)[0])
