"""The batch of the open iteration: what it holds, and whether people are done with it.

What belongs here: the state of a batch, read off the queue and the ledger. What does not:
composing it (`burnish.workflows.queue`) or exchanging it with files (`burnish.workflows.exchange`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from burnish.errors import IterationError, ReviewError
from burnish.records import Iteration, LabelEvent, Verdict
from burnish.typing import LabelLedger
from burnish.versions import Versions
from burnish.workflows.closing_early import closes_early
from burnish.workflows.gold import is_restated
from burnish.workflows.taken_back import is_undo, not_taken_back, settles


def open_batch(versions: Versions, dataset: str) -> tuple[Iteration, pa.Table]:
    """The open iteration and its queue.

    Raises `ReviewError` where there is no open iteration or it has no queue yet.
    """
    iteration = versions.current(dataset)
    queue = None if iteration is None else _queue_of(versions, iteration)
    if iteration is None and dataset not in versions.datasets():
        raise ReviewError(
            f"no dataset {dataset!r} has an iteration here",
            expected=f"one of: {', '.join(versions.datasets()) or 'none yet'}",
            hint="check the name, and the home that --home or BURNISH_HOME names",
        )
    if iteration is None or queue is None:
        raise ReviewError(
            f"{dataset} has no batch to decide on",
            expected="an open iteration with a relabel queue",
            hint=f"run `burnish loop --dataset {dataset} --iterations 1 --reviewer file`",
        )
    return iteration, queue


def undecided(ledger: LabelLedger, iteration: Iteration, queue: pa.Table) -> list[dict[str, Any]]:
    """The items that nobody has decided since the iteration opened, by position.

    Any decision counts, `unsure` too: a person has looked, and the batch can close. See
    `decided_examples` for what is none.
    """
    events = ledger.events(iteration.dataset, after=iteration.watermark.event_id)
    decided = decided_examples(events)
    items = queue.sort_by("position").to_pylist()
    return [item for item in items if item["example_id"] not in decided]


def decided_examples(events: Iterable[LabelEvent]) -> set[str]:
    """The examples that people have decided by these events, and have not taken back.

    An undo decides nothing, nor does a known answer that is restated; nor, by itself, an answer
    that the review desk wrote down beside the one that settled the item.

    >>> from datetime import UTC, datetime
    >>> said = Verdict("a", "change", "8", "3", author="Ada")
    >>> back = Verdict("a", "unsure", "8", None, author="Ada", evidence={"undoes": 1})
    >>> events = [LabelEvent(n, "digits", one, datetime(2026, 1, 1, tzinfo=UTC), "")
    ...           for n, one in enumerate([said, back], start=1)]
    >>> decided_examples(events[:1]), decided_examples(events)
    ({'a'}, set())
    """
    return {one.verdict.example_id for one in not_taken_back(events) if _decides(one.verdict)}


def batch_decided(versions: Versions, ledger: LabelLedger, iteration: Iteration) -> bool:
    """Whether the iteration has a queue and people have looked at each of its items."""
    queue = _queue_of(versions, iteration)
    return queue is not None and not undecided(ledger, iteration, queue)


def require_decided(versions: Versions, ledger: LabelLedger, iteration: Iteration) -> int:
    """How many items of the iteration's batch are undecided: none, unless it closes early.

    Raises `IterationError` while people have items before them and nothing says that the iteration
    does not wait (`burnish.workflows.closing_early`), and where it has no queue.
    """
    queue = _queue_of(versions, iteration)
    left = None if queue is None else len(undecided(ledger, iteration, queue))
    if left == 0 or (left is not None and closes_early(iteration)):
        return left
    found = "has no queue yet" if queue is None else f"waits for people: {left} of {len(queue)}"
    raise IterationError(
        f"{iteration} {found}{' rows are undecided' if left else ''}",
        expected="a verdict on every row of the batch (`unsure` is one)",
        hint="materialize relabel_queue with its check"
        if queue is None
        else "decide at the desk, which `burnish review` serves; or on a sheet: "
        f"`burnish queue export {iteration.dataset} --to FILE`, then `verdicts import`",
    )


def _decides(verdict: Verdict) -> bool:
    return settles(verdict) and not is_undo(verdict) and not is_restated(verdict)


def _queue_of(versions: Versions, iteration: Iteration) -> pa.Table | None:
    queue = versions.read_last_good(iteration.dataset, "relabel_queue")
    if queue is None or iteration.number not in queue["iteration"].to_pylist():
        return None
    return queue
