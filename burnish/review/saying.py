"""What a person says, made fit to be stored: its decision follows from its label.

What belongs here: checks of what comes in from a form or the API. What does not: whether it may be
said now (`burnish.review.states`).
"""

from __future__ import annotations

import math
from dataclasses import replace

from burnish.errors import LedgerError, ReviewError
from burnish.ledger.events import check_verdict, storable
from burnish.review.records import DeskEvent, Item, OpenBatch, Person, Said
from burnish.review.settling import verdict_of

LONGEST_COMMENT = 10_000
LONGEST_NAME = 600


def complete(said: Said, item: Item, batch: OpenBatch, *, shown: bool) -> Said:
    """`said` with keep or change as its label tells; `shown` is what the lease says of it.

    Raises `ReviewError` for a label that is no class, or a decision that does not go with it.
    """
    label = item.facts.get("label")
    seconds = said.seconds
    if seconds is not None and not (math.isfinite(seconds) and seconds >= 0):
        seconds = None
    ready = replace(
        said, comment=fit_comment(said.comment), seconds=seconds, shown=said.shown or shown
    )
    if said.decision in {"drop", "unsure"}:
        if said.label is not None:
            raise ReviewError(
                f"{said.decision} together with the label {said.label!r}", expected="no label"
            )
        return ready
    meant = said.label if said.label is not None or said.decision == "change" else label
    if meant is None or (meant not in batch.classes and meant != label):
        raise ReviewError(
            f"the label {meant!r} is no class of {batch.dataset}",
            expected=", ".join(batch.classes[:20]) or "a label",
        )
    return replace(ready, decision="keep" if meant == label else "change", label=meant)


def check_storable(said: Said, item: Item, person: Person) -> None:
    """Raise `ReviewError` for what the ledger would refuse once the item is settled."""
    event = DeskEvent(0, item.example_id, person, "answer", item.updated_at, said)
    try:
        check_verdict(verdict_of(item, event, settles=True))
    except LedgerError as error:
        raise ReviewError(error.found, expected=error.expected, hint=error.hint) from error


def fit_comment(comment: str) -> str:
    """A comment without blanks around it; raises `ReviewError` for one that cannot be kept."""
    text = comment.strip()
    if len(text) > LONGEST_COMMENT or not storable(text):
        raise ReviewError(
            f"a comment of {len(text)} characters cannot be kept",
            expected=f"at most {LONGEST_COMMENT} characters, and no control characters",
        )
    return text


def is_name(text: str) -> bool:
    """Whether a text can be the name of anything that is stored."""
    return 0 < len(text) <= LONGEST_NAME and storable(text)
