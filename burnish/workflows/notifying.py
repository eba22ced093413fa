"""Telling people of alarms: a note to a webhook, and a mail as a file.

What belongs here: what is told when, and the record of it. What does not: the connection
(`burnish.workflows.webhook`), or the page that a note links (`burnish.report.playbook_page`).

The address of a webhook is a secret: it stands in no log, no error and no record.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Literal, TypeAlias

from burnish.policy import Alarm, SqlPolicyRecord
from burnish.policy.holding import RANK, ranked
from burnish.policy.words import alarm_sentence
from burnish.report.pages import Pages, write_page
from burnish.spec import DatasetSpec
from burnish.workflows.webhook import Webhook, post_note

What: TypeAlias = Literal["opened", "graver", "closed"]
AT_ONCE, MOST_TRIES = 3, 50
_TAGS = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


@dataclass(frozen=True)
class Note:
    """What is told: of which alarm, that it opened, grew or closed, and where more."""

    alarm: Alarm
    what: What
    subject: str
    sentence: str
    link: str


def notify(
    spec: DatasetSpec,
    record: SqlPolicyRecord,
    pages: Pages,
    *,
    webhook: Webhook | None = None,
    email_folder: Path | None = None,
    now: datetime,
) -> int:
    """Tell of each alarm once that it was opened and that it was closed; how many notes went out.

    And once in between, where a signal joined that is graver than the one it was opened for.

    What could not be told is recorded with the reason, and tried again by the next looks: at once
    at first, then at growing distances of up to an hour, 50 times in all. A channel that failed is
    not tried again in the same look: many notes would wait for a dead server one after the other.
    An alarm that opened and closed before anybody was told is told as both.
    """
    channels: dict[str, Callable[[Note], str]] = {}
    if webhook is not None:
        channels["webhook"] = lambda note: post_note(webhook, slack_note(note))
    if email_folder is not None:
        folder = email_folder
        channels["email"] = lambda note: write_mail(folder, spec, note)
    told = 0
    for alarm in record.alarms(spec.name) if channels else ():
        for note in _notes(alarm, pages):
            for channel, send in [*channels.items()]:
                sent = _tell(record, note, channel, send, now)
                told += bool(sent)
                if sent is False:
                    del channels[channel]
    return told


def slack_note(note: Note) -> Mapping[str, str]:
    """The JSON that Slack and those who follow it take; what the data says cannot become a link."""
    text = in_markup(note.sentence)
    link = note.link
    shown = f"<{link}|What to do>" if link.startswith(("http://", "https://")) else link
    return {"text": f"*{in_markup(note.subject)}*\n{text}\n{shown}"}


def write_mail(folder: Path, spec: DatasetSpec, note: Note) -> str:
    """Leave a mail as a file (.eml), whole or not at all; why not, or empty."""
    mail = EmailMessage()
    mail["Subject"] = one_line(note.subject)
    mail["To"] = one_line(spec.policy.owner or spec.owner or "undisclosed-recipients:;")
    mail["From"] = "burnish"
    alarm = note.alarm
    at = alarm.closed_at if note.what == "closed" and alarm.closed_at else alarm.opened_at
    mail["Date"] = format_datetime(at)
    mail.set_content(f"{note.sentence}\n\nWhat to do: {note.link}\n")
    try:
        write_page(folder / f"{alarm.dataset}-alarm-{alarm.number}-{note.what}.eml", str(mail))
    except OSError as error:
        return f"the folder could not be written: {error.strerror}"
    return ""


def _notes(alarm: Alarm, pages: Pages) -> Iterator[Note]:
    link = pages.link(pages.playbook(alarm.dataset, alarm.number))
    name = f"{alarm.dataset}, alarm {alarm.number}"
    said = alarm_sentence(alarm.signal)
    yield Note(alarm, "opened", f"{name}: opened", f"{said} (window to {alarm.opened})", link)
    first = ranked([alarm.signal, *alarm.evidence])[0]
    if RANK.index(first.name) < RANK.index(alarm.signal.name):
        yield Note(alarm, "graver", f"{name}: graver", f"{alarm_sentence(first)} {said}", link)
    if alarm.closed_at is not None:
        yield Note(alarm, "closed", f"{name}: {alarm.status}", f"{said} {alarm.why_closed}", link)


def _tell(
    record: SqlPolicyRecord, note: Note, channel: str, send: Callable[[Note], str], now: datetime
) -> bool | None:
    """Whether a note was sent; None where it was before, or is not due."""
    alarm = note.alarm
    this = (channel, note.what)
    tries = [
        one
        for one in alarm.events
        if one.kind == "notified" and (one.body["channel"], one.body["what"]) == this
    ]
    if any(one.body["ok"] for one in tries) or not is_due([one.at for one in tries], now):
        return None
    why = send(note)
    body = {"channel": channel, "what": note.what, "ok": not why, "why": why}
    record.append(alarm.dataset, [("notified", alarm.opened, alarm.number, body)])
    return not why


def is_due(tries: Sequence[datetime], now: datetime) -> bool:
    """Whether to try again: at once at first, then at growing distances, and at last no more."""
    if len(tries) < AT_ONCE:
        return True
    wait = timedelta(minutes=min(60, 2 ** (len(tries) - AT_ONCE)))
    return len(tries) < MOST_TRIES and now - tries[-1] >= wait


def in_markup(text: str) -> str:
    """A text as Slack takes it for nothing but text.

    >>> in_markup("<http://x|y>")
    '&lt;http://x|y&gt;'
    """
    return text.translate(_TAGS)


def one_line(text: str) -> str:
    """One line of a mail: in its head, what breaks lines would begin another."""
    return re.sub(r"[\x00-\x1f\x7f]+", " ", text)
