"""One label event by itself: what makes a verdict fit for the ledger, and how events chain.

What belongs here: checks that need no other event, canonical JSON, and the hash chain. What does
not: folding events into decisions (`burnish.ledger.fold`), or any SQL (`burnish.ledger.sql`).
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, get_args

from burnish.errors import LedgerError
from burnish.records import Decision, Verdict, Watermark

GENESIS = bytes(32)
EMPTY = Watermark(0, GENESIS.hex())
DECISIONS: tuple[str, ...] = get_args(Decision)
LABELLING: frozenset[str] = frozenset({"keep", "change"})

LONGEST_ID = 600
SEPARATOR, NOTHING = "\x1f", "\x1d"
# PostgreSQL takes no NUL, and the separators of records part what a fold reads.
_UNFIT = re.compile("[\0\x1c-\x1f]")
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def check_verdict(verdict: Verdict) -> None:
    """Raise `LedgerError`, naming the example, for a verdict that contradicts itself."""
    if not verdict.example_id:
        raise LedgerError("a verdict names no example", expected="an example_id")
    _check_types(verdict)
    who = f"the verdict on {verdict.example_id!r}"
    if not verdict.author.strip():
        raise LedgerError(f"{who} has no author", hint="a decision is always somebody's")
    if verdict.decision not in DECISIONS:
        raise LedgerError(f"{who} is {verdict.decision!r}", expected=" | ".join(DECISIONS))
    _check_labels(verdict, who)
    together = (
        f"{verdict.example_id}{verdict.from_label}{verdict.to_label}{verdict.author}"
        f"{verdict.role}{verdict.reason}{verdict.comment}"
    )
    if not storable(together):
        name = next(n for n, text in _texts(verdict).items() if text and not storable(text))
        raise LedgerError(
            f"{who} has a {name} that no database can hold: {getattr(verdict, name)!r}",
            expected="text without NUL, lone surrogates and the characters 1C to 1F",
        )


def canonical_json(facts: object, *, what: str) -> str:
    """JSON with one spelling for each value; raises `LedgerError` for NaN and what is no JSON."""
    try:
        return _ENCODER.encode(facts)
    except (TypeError, ValueError) as error:
        raise LedgerError(
            f"{what} cannot be written as JSON: {error}",
            expected="text, finite numbers, true, false, null, and lists and mappings of these",
            hint="turn arrays into lists and NaN into None",
        ) from error


def chain_after(previous: bytes, facts: list[Any]) -> bytes:
    """Hash of an event's facts and, through `previous`, of all events before it.

    The facts are joined by a separator that none of them may hold, so that the text has one
    reading.

    >>> chain_after(GENESIS, [1, "a", "drop"]).hex()[:8]
    '0fa5437b'
    """
    text = SEPARATOR.join([fact if fact.__class__ is str else _as_text(fact) for fact in facts])
    return hashlib.sha256(previous + text.encode()).digest()


def _check_types(verdict: Verdict) -> None:
    """A database keeps another type as something else than the chain has hashed."""
    may_be_none = {"from_label", "to_label"}
    for name, text in _texts(verdict).items():
        if text.__class__ is not str and not (text is None and name in may_be_none):
            raise LedgerError(
                f"the verdict on {verdict.example_id!r} has the {name} {text!r}",
                expected="text" + (" or None" if name in may_be_none else ""),
                hint=f"pass str({name}): numbers of arrays are no text",
            )
    if verdict.supersedes is not None and verdict.supersedes.__class__ is not int:
        raise LedgerError(
            f"the verdict on {verdict.example_id!r} supersedes {verdict.supersedes!r}",
            expected="the number of an event",
        )
    if len(verdict.example_id) > LONGEST_ID:
        raise LedgerError(
            f"an example_id of {len(verdict.example_id)} characters: {verdict.example_id[:40]!r}",
            expected=f"at most {LONGEST_ID}, which every database can index",
        )


def _as_text(fact: object) -> str:
    return NOTHING if fact is None else str(fact)


def _check_labels(verdict: Verdict, who: str) -> None:
    before, after = verdict.from_label, verdict.to_label
    if verdict.decision == "change" and (not after or after == before):
        raise LedgerError(
            f"{who} changes {before!r} to {after!r}",
            expected="another label",
            hint="`keep` confirms a label, `drop` takes the example out",
        )
    if verdict.decision == "keep" and (before is None or after != before):
        raise LedgerError(
            f"{who} keeps {before!r} as {after!r}",
            expected="to_label equal to from_label",
            hint="the first label of an unlabeled example is a `change` from None",
        )
    if verdict.decision not in LABELLING and after is not None:
        raise LedgerError(f"{who} is {verdict.decision} with the label {after!r}", expected="None")


def _texts(verdict: Verdict) -> dict[str, str | None]:
    return {
        "example_id": verdict.example_id,
        "from_label": verdict.from_label,
        "to_label": verdict.to_label,
        "author": verdict.author,
        "role": verdict.role,
        "reason": verdict.reason,
        "comment": verdict.comment,
    }


def storable(text: str) -> bool:
    """Whether every database can hold a text, and a chain tell it from its neighbours."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return _UNFIT.search(text) is None
