"""Telling people of broken promises: one note for all that is newly overdue, and a mail as a file.

What belongs here: what is told when, the record of it (`desk_notices`), and the figures as Dagster
and the command show them. What does not: which items are overdue (`burnish.review.keeping`), or the
connection (`burnish.workflows.webhook`).

Each item is told of once for each time it was due by. The address of a webhook is a secret: it
stands in no log, no error and no record.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias

from sqlalchemy import Connection, Engine, func, select

from burnish.database import transact
from burnish.database.connection import utc_text
from burnish.errors import ItemNotFound
from burnish.ledger import SqlLedger
from burnish.report.pages import write_page
from burnish.review.desk import Desk
from burnish.review.keeping import Keeping, Promised, breaches, keeping
from burnish.review.records import OpenBatch
from burnish.review.schema import desk_notices
from burnish.spec import DatasetSpec
from burnish.versions import Versions
from burnish.workflows.desk import OneSpec, RecordBatches
from burnish.workflows.notifying import MOST_TRIES, in_markup, is_due, one_line
from burnish.workflows.webhook import Webhook, post_note

Channel: TypeAlias = Literal["webhook", "email"]
WHAT = "breach"
NAMED = 10
"""Items that a note names; the others are counted."""
IN_A_NOTICE = 5_000
_N = desk_notices.c


@dataclass(frozen=True)
class Digest:
    """What is told at once: the items that are newly overdue, and how the batch stands."""

    spec: DatasetSpec
    now: datetime
    kept: Keeping
    items: tuple[Promised, ...]
    link: str

    @property
    def subject(self) -> str:
        count = len(self.items)
        what = "1 item is" if count == 1 else f"{count:,} items are"
        return f"{self.kept.dataset}, iteration {self.kept.iteration}: {what} overdue"

    @property
    def lines(self) -> list[str]:
        """The longest overdue, by name; what a note may say of each is what reviewers see of it."""
        named = [
            f"{item.example_id}: due {_clock(item.due_at)}, {item.priority}, "
            f"{item.assignee or 'asked of nobody in particular'}, {STATES[item.state]}"
            for item in self.items[:NAMED]
        ]
        more = len(self.items) - len(named)
        return [*named, f"and {more:,} more"] if more else named

    @property
    def outlook(self) -> str:
        left = sum(self.kept.waiting.values())
        return f"{left:,} items of the batch wait; {self.kept.sentence}."


@dataclass(frozen=True)
class Look:
    """An open batch, brought up to date with its queue and the ledger, and how it stands."""

    batch: OpenBatch
    kept: Keeping


def look_at_batch(
    spec: DatasetSpec, versions: Versions, *, clock: Callable[[], datetime]
) -> Look | None:
    """How the open batch of a dataset stands; None where none waits for people.

    Its rows come to the desk by this look, where nobody has opened the desk yet: a batch that
    everybody forgot is due all the same.
    """
    engine = versions.engine
    batches = RecordBatches(versions, OneSpec(spec))
    desk = Desk(engine, SqlLedger(engine, clock=clock), batches, clock=clock)
    try:
        batch = desk.progress(spec.name).batch
    except ItemNotFound:
        return None
    return Look(batch, keeping(engine, batch, now=clock()))


STATES: Mapping[str, str] = {
    "open": "waits for answers",
    "rework": "sent back",
    "disagreed": "disagreed about",
    "submitted": "waits for approval",
}


def tell_of_breaches(
    spec: DatasetSpec,
    engine: Engine,
    batch: OpenBatch,
    *,
    now: datetime,
    webhook: Webhook | None = None,
    email_folder: Path | None = None,
    link: str = "",
) -> int:
    """Tell of the items of a batch that became overdue since the last note; how many notes went.

    What could not be told is tried again by the next looks, as notes on alarms are
    (`burnish.workflows.notifying.notify`), and joins what has become overdue since.
    """
    channels: dict[Channel, Callable[[Digest], str]] = {}
    if webhook is not None:
        channels["webhook"] = lambda digest: post_note(webhook, slack_note(digest))
    if email_folder is not None:
        channels["email"] = lambda digest: write_digest(email_folder, digest)
    with engine.connect() as connection:
        late = breaches(connection, batch, now=now, limit=None)
    told = 0
    for channel, send in channels.items() if late else ():
        told += _tell(spec, engine, batch, late, channel=channel, send=send, now=now, link=link)
    return told


def slack_note(digest: Digest) -> Mapping[str, str]:
    """The JSON that Slack and those who follow it take; what the data says becomes no link."""
    lines = "\n".join(f"• {in_markup(line)}" for line in digest.lines)
    link = digest.link
    shown = f"\n<{link}|See all that is overdue>" if _is_web(link) else ""
    text = f"*{in_markup(digest.subject)}*\n{lines}\n{in_markup(digest.outlook)}{shown}"
    return {"text": text}


def write_digest(folder: Path, digest: Digest) -> str:
    """Leave a mail as a file (.eml), whole or not at all; why not, or empty."""
    spec, mail = digest.spec, EmailMessage()
    mail["Subject"] = one_line(digest.subject)
    mail["To"] = one_line(spec.owner or "undisclosed-recipients:;")
    mail["From"] = "burnish"
    mail["Date"] = format_datetime(digest.now)
    lines = "\n".join(f"- {one_line(line)}" for line in digest.lines)
    where = f"\nAll that is overdue: {digest.link}\n" if digest.link else ""
    mail.set_content(f"{digest.subject}.\n\n{lines}\n\n{digest.outlook}\n{where}")
    name = f"{digest.kept.dataset}-overdue-{digest.now:%Y%m%dT%H%M%S}Z.eml"
    try:
        write_page(folder / name, str(mail))
    except OSError as error:
        return f"the folder could not be written: {error.strerror}"
    return ""


def figures(kept: Keeping) -> dict[str, int | float | str]:
    """The figures of a batch as Dagster shows them beside its queue."""
    waiting, overdue = sum(kept.waiting.values()), sum(kept.overdue.values())
    told: dict[str, int | float | str] = {
        "items that wait": waiting,
        "overdue": overdue,
        "due within a day": kept.soon,
        "settled in time": kept.in_time,
        "settled late": kept.late,
        "forecast": kept.sentence,
    }
    if kept.next_due is not None:
        told["next due"] = _clock(kept.next_due)
    if kept.forecast.rate is not None:
        told["acts a working hour"] = round(kept.forecast.rate, 1)
    return told


def _tell(
    spec: DatasetSpec,
    engine: Engine,
    batch: OpenBatch,
    late: Sequence[Promised],
    *,
    channel: Channel,
    send: Callable[[Digest], str],
    now: datetime,
    link: str,
) -> bool:
    with engine.connect() as connection:
        before = _notices(connection, batch, channel)
    known = {tuple(one) for notice in before if notice["ok"] for one in notice["body"]["items"]}
    new = tuple(item for item in late if _key(item) not in known)
    if not new or not _may_try(before, new, now):
        return False
    kept = keeping(engine, batch, now=now)
    why = send(Digest(spec, now, kept, new, link))
    transact(engine, lambda c: _note(c, batch, channel, new, why=why, now=now))
    return not why


def _may_try(before: Sequence[Mapping[str, Any]], new: Sequence[Promised], now: datetime) -> bool:
    """Whether it is time: at once at first, and where it failed at growing distances.

    After `MOST_TRIES` only for what has become overdue since, which may find a mended webhook.
    """
    tries = _failed_since(before)
    if len(tries) >= MOST_TRIES and tries[-1]["body"]["mark"] != _mark(new):
        tries = tries[-MOST_TRIES + 1 :]
    return is_due([one["at"] for one in tries], now)


def _failed_since(before: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What was tried since a note went out last."""
    tries: list[Mapping[str, Any]] = []
    for notice in before:
        tries = [] if notice["ok"] else [*tries, notice]
    return tries


def _notices(connection: Connection, batch: OpenBatch, channel: Channel) -> list[Mapping[str, Any]]:
    query = select(_N.ok, _N.body, _N.at).where(
        _N.dataset == batch.dataset,
        _N.iteration == batch.iteration,
        _N.what == WHAT,
        _N.channel == channel,
    )
    rows = connection.execute(query.order_by(_N.seq)).mappings()
    return [{"ok": row["ok"], "at": row["at"], "body": json.loads(row["body"])} for row in rows]


def _note(
    connection: Connection,
    batch: OpenBatch,
    channel: Channel,
    items: Sequence[Promised],
    *,
    why: str,
    now: datetime,
) -> None:
    """Record that it was told of these items, or why it was not."""
    seq = connection.scalar(select(func.max(_N.seq))) or 0
    mark = {"count": len(items), "mark": _mark(items)}
    keys = [] if why else [_key(item) for item in items]
    bodies = [
        mark | {"items": keys[start : start + IN_A_NOTICE]}
        for start in range(0, len(keys) or 1, IN_A_NOTICE)
    ]
    rows = [
        {
            "seq": seq + place,
            "dataset": batch.dataset,
            "iteration": batch.iteration,
            "what": WHAT,
            "channel": channel,
            "ok": not why,
            "why": why,
            "body": json.dumps(body),
            "at": now,
        }
        for place, body in enumerate(bodies, start=1)
    ]
    connection.execute(desk_notices.insert(), rows)


def _key(item: Promised) -> tuple[str, str]:
    """What is told once: that an item is not done by a certain time."""
    return item.example_id, utc_text(item.due_at)


def _mark(items: Sequence[Promised]) -> str:
    return hashlib.sha256(json.dumps(sorted(map(_key, items))).encode()).hexdigest()[:16]


def _clock(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _is_web(link: str) -> bool:
    return link.startswith(("http://", "https://"))
