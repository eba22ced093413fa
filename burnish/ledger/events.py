"""One label event by itself: what makes a verdict fit for the ledger, and how events chain.

What belongs here: checks that need no other event, canonical JSON, the hash chain, and the fold
of events into decisions. What does not: any SQL (`burnish.ledger.sql`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, get_args

import pyarrow as pa

from burnish.database import utc_text
from burnish.errors import LedgerError
from burnish.records import Decision, LabelEvent, Verdict, Watermark

GENESIS = "0" * 64
EMPTY = Watermark(0, GENESIS)
DECISIONS: tuple[str, ...] = get_args(Decision)
LABELLING: frozenset[str] = frozenset({"keep", "change"})
DECISION_SCHEMA = pa.schema(
    [
        ("example_id", pa.string()),
        ("decision", pa.string()),
        ("label", pa.string()),
        ("author", pa.string()),
        ("at", pa.timestamp("us", tz="UTC")),
        ("event_id", pa.int64()),
    ]
)


def check_verdict(verdict: Verdict) -> None:
    """Raise `LedgerError`, naming the example, for a verdict that contradicts itself."""
    if not verdict.example_id:
        raise LedgerError("a verdict names no example", expected="an example_id")
    who = f"the verdict on {verdict.example_id!r}"
    if not verdict.author.strip():
        raise LedgerError(f"{who} has no author", hint="a decision is always somebody's")
    if verdict.decision not in DECISIONS:
        raise LedgerError(f"{who} is {verdict.decision!r}", expected=" | ".join(DECISIONS))
    _check_labels(verdict, who)
    for name, text in _texts(verdict):
        if text is not None and not _storable(text):
            raise LedgerError(f"{who} has a {name} that no database can hold: {text!r}")


def canonical_json(facts: object, *, what: str) -> str:
    """JSON with one spelling for each value; raises `LedgerError` for NaN and what is no JSON."""
    try:
        text = json.dumps(facts, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise LedgerError(
            f"{what} cannot be written as JSON: {error}",
            expected="text, finite numbers, true, false, null, and lists and mappings of these",
            hint="turn arrays into lists and NaN into None",
        ) from error
    return text


def chain_after(previous: str, event: Mapping[str, Any]) -> str:
    """Hash of an event and, through `previous`, of all before it.

    `event` has the columns of the table `label_events` but `chain`, with `at` as a time and
    `evidence` as canonical JSON.

    >>> len(chain_after(GENESIS, {"event_id": 1}))
    64
    """
    facts = {
        name: utc_text(value) if isinstance(value, datetime) else value
        for name, value in event.items()
        if name != "chain"
    }
    text = f"{previous}|{canonical_json(facts, what='an event')}"
    return hashlib.sha256(text.encode()).hexdigest()


def fold_events(events: Iterable[LabelEvent]) -> pa.Table:
    """The standing decision of each example: that of its latest event; sorted by example_id."""
    latest: dict[str, LabelEvent] = {}
    for event in sorted(events, key=lambda event: event.event_id):
        latest[event.verdict.example_id] = event
    rows = [
        {
            "example_id": name,
            "decision": event.verdict.decision,
            "label": event.verdict.to_label if event.verdict.decision in LABELLING else None,
            "author": event.verdict.author,
            "at": event.at,
            "event_id": event.event_id,
        }
        for name, event in sorted(latest.items())
    ]
    return pa.Table.from_pylist(rows, schema=DECISION_SCHEMA)


def decisions_digest(decisions: pa.Table) -> str:
    """Hex sha256 of a fold: equal where and only where the decisions are."""
    rows = [{**row, "at": utc_text(row["at"])} for row in decisions.to_pylist()]
    return hashlib.sha256(canonical_json(rows, what="a fold").encode()).hexdigest()


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


def _texts(verdict: Verdict) -> list[tuple[str, str | None]]:
    names = ("example_id", "from_label", "to_label", "author", "role", "reason", "comment")
    return [(name, getattr(verdict, name)) for name in names]


def _storable(text: str) -> bool:
    """PostgreSQL takes no NUL in a text, and no database half a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text
