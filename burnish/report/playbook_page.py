"""The playbook of an alarm, and the list of all decisions, as pages.

What belongs here: what the two templates are given, and rendering them. What does not: gathering
it (`burnish.workflows.playbooks`), or what is to be checked (`burnish.policy.playbooks`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from markupsafe import Markup

from burnish.report.templating import templates


@dataclass(frozen=True)
class SignalLine:
    """One signal of an alarm: what it is about, its figure when it rose, and as it is now."""

    title: str
    subject: str
    figure: str
    now: str
    basis: str
    lead: bool


@dataclass(frozen=True)
class Fact:
    """One thing that is known of where a signal is: a name and a text."""

    name: str
    text: str


@dataclass(frozen=True)
class Shift:
    """A column before and now: shares of its values or ranges, and a drawing of them."""

    column: str
    lines: tuple[tuple[str, float, float], ...]
    drawn: Markup


@dataclass(frozen=True)
class Examples:
    """A few rows to look at, in columns; `total` is how many there are."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    total: int
    what: str


@dataclass(frozen=True)
class HistoryLine:
    """One event of an alarm in words."""

    at: datetime
    period: str
    what: str
    text: str


@dataclass(frozen=True)
class PlaybookContext:
    """Everything that `templates/playbook.html` may use.

    tone: `bad` while the alarm is open, `good` once it is over, empty where it was overruled.
    due: by when somebody should have looked; None where the alarm is closed. automatic: what will
    happen by itself. done: what was done so far. commands: how to answer, to be copied.
    """

    dataset: str
    number: int
    status: str
    tone: str
    headline: str
    opened: str
    opened_at: datetime
    closed_at: datetime | None
    why_closed: str
    owner: str
    due: date | None
    signals: tuple[SignalLine, ...]
    trend: Markup | None
    facts: tuple[Fact, ...]
    shifts: tuple[Shift, ...]
    examples: Examples | None
    means: str
    check: tuple[str, ...]
    caution: str
    link: str
    automatic: tuple[str, ...]
    held_back: str
    done: tuple[str, ...]
    commands: tuple[str, ...]
    history: tuple[HistoryLine, ...]
    all_decisions: str


@dataclass(frozen=True)
class DecisionLine:
    """One decision: of which window, of what, and what was decided why."""

    period: str
    at: datetime
    title: str
    subject: str
    figure: str
    action: str
    alarm: str
    number: int | None
    rows: int
    reason: str
    held_back: str


@dataclass(frozen=True)
class AlarmLine:
    """One alarm in the list: its number, status, sentence, and the address of its playbook."""

    number: int
    status: str
    opened: str
    closed: str
    sentence: str
    link: str


@dataclass(frozen=True)
class DecisionsContext:
    """Everything that `templates/decisions.html` may use.

    windows: how many windows were decided; quiet: those in which nothing was over. left_out: how
    many older decisions are not shown.
    """

    dataset: str
    written_at: datetime
    windows: int
    quiet: int
    open_alarms: int
    asked: int
    alarms: tuple[AlarmLine, ...]
    decisions: tuple[DecisionLine, ...]
    left_out: int


def render_playbook(context: PlaybookContext) -> str:
    """The page of an alarm as HTML text, to be written in UTF-8; all data is escaped."""
    return templates().get_template("playbook.html").render(page=context)


def render_decisions(context: DecisionsContext) -> str:
    """The page of all decisions as HTML text, to be written in UTF-8; all data is escaped."""
    return templates().get_template("decisions.html").render(page=context)
