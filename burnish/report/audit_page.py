"""The page of a first audit, for a person who has never seen Burnish: what looks wrong, and why.

What belongs here: the records that the page is made of, its sentences, and its plots. What does
not: finding anything (`burnish.workflows.audit_file_page` fills the records), an example as people
look at it (`burnish.report.looking`), markup (`templates/audit.html`). The page is one file,
without script, and fetches nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from markupsafe import Markup

from burnish.metrics import Interval
from burnish.report.looking import Looked
from burnish.report.loop_page import percent
from burnish.report.plots import Bar, IntervalRow, bar_chart, dot_interval_chart
from burnish.report.templating import templates

MOST_CLASSES, MOST_PAIRS, MOST_SLICES, DRAWN = 60, 15, 15, 16


@dataclass(frozen=True)
class ClassNoise:
    """Rows that carry a label, how many of them are expected to be wrong, and what they rather are.

    `share` is expected errors over rows, with its interval; `rather` the class that most of the
    suspicion points to, empty where there is none.
    """

    name: str
    rows: int
    share: Interval
    rather: str = ""

    @property
    def expected(self) -> float:
        return self.share.value * self.rows


@dataclass(frozen=True)
class PairNoise:
    """Rows with one label that the models take for another class, and errors expected of them."""

    given: str
    suggested: str
    rows: int
    expected: float


@dataclass(frozen=True)
class Suspect:
    """One of the most suspicious rows. `row` counts from 1; `held_out` names its split if any."""

    rank: int
    example_id: str
    row: int
    given: str
    suggested: str
    probability: float
    looked: Looked
    held_out: str = ""


@dataclass(frozen=True)
class SliceNoise:
    """A slice of the rows, and the share of its labels expected to be wrong."""

    name: str
    rows: int
    share: Interval


@dataclass(frozen=True)
class QualityFinding:
    """Something about the data beside its labels. `count` rows or columns; `said` what it means."""

    title: str
    count: int
    said: str
    examples: tuple[str, ...] = ()
    state: Literal["warn", "good"] = "warn"


@dataclass(frozen=True)
class NextStep:
    """What to do next, and the command for it, empty where there is none."""

    said: str
    command: str = ""


@dataclass(frozen=True)
class AuditSummary:
    """All that the page of an audit shows.

    share: labels expected to be wrong over rows with a label, with the interval of counting alone.
    unlabeled: rows without a label; held_out: rows of a validation or test split. queue: rows to
    look at first, `control` of them drawn at random. labels: where they come from, in words.
    doubts: why these very figures may mean little, told before anything else.
    """

    dataset: str
    source: str
    labels: str
    rows: int
    labeled: int
    unlabeled: int
    held_out: int
    share: Interval
    classes: tuple[ClassNoise, ...]
    pairs: tuple[PairNoise, ...]
    suspects: tuple[Suspect, ...]
    slices: tuple[SliceNoise, ...]
    findings: tuple[QualityFinding, ...]
    queue: int
    control: int
    forecast: str
    steps: tuple[NextStep, ...]
    notes: tuple[str, ...]
    limits: tuple[str, ...]
    generated_at: datetime
    doubts: tuple[str, ...] = ()

    @property
    def expected(self) -> float:
        return self.share.value * self.labeled


@dataclass(frozen=True)
class AuditContext:
    """Everything that `templates/audit.html` may use."""

    summary: AuditSummary
    headline: str
    class_chart: Markup
    pair_chart: Markup | None
    slice_chart: Markup | None
    classes: tuple[ClassNoise, ...]
    pairs: tuple[PairNoise, ...]
    slices: tuple[SliceNoise, ...]
    wide: bool
    marked: bool


def render_audit_page(summary: AuditSummary) -> str:
    """The whole page as HTML text, to be written in UTF-8.

    Everything that comes from data is escaped.

    >>> from datetime import timezone
    >>> nothing = Interval(0.1, 0.05, 0.2)
    >>> page = render_audit_page(AuditSummary("pets", "pets.csv", "the column kind", 10, 10, 0, 0,
    ...     nothing, (ClassNoise("<cat>", 10, nothing),), (), (), (), (), 5, 1, "", (), (), (),
    ...     datetime(2026, 1, 1, tzinfo=timezone.utc)))
    >>> "About 1 of 10 labels looks" in page, "&lt;cat&gt;" in page, "<cat>" in page
    (True, True, False)
    """
    environment = templates()
    environment.filters["percent"] = percent
    environment.filters["number"] = _number
    environment.filters["chance"] = _chance
    return environment.get_template("audit.html").render(page=audit_context(summary))


def audit_context(summary: AuditSummary) -> AuditContext:
    """What the template is given, computed of the summary alone."""
    pairs, slices = summary.pairs[:MOST_PAIRS], summary.slices[:MOST_SLICES]
    return AuditContext(
        summary=summary,
        headline=headline(summary),
        class_chart=_interval_chart(
            summary.classes[:DRAWN], "share of labels expected to be wrong", "Noise by class"
        ),
        pair_chart=_pair_chart(pairs) if pairs else None,
        slice_chart=_interval_chart(
            slices, "share of labels expected to be wrong", "Noise by slice"
        )
        if slices
        else None,
        classes=summary.classes[:MOST_CLASSES],
        pairs=pairs,
        slices=slices,
        wide=any(suspect.looked.texts for suspect in summary.suspects),
        marked=any(value.unusual for one in summary.suspects for value in one.looked.values),
    )


def headline(summary: AuditSummary) -> str:
    """The result in one sentence."""
    expected = round(summary.expected)
    verb = "looks" if expected == 1 else "look"
    if expected == 0:
        return f"None of {summary.labeled:,} labels look wrong"
    return f"About {expected:,} of {summary.labeled:,} labels {verb} wrong"


def _interval_chart(
    rows: tuple[ClassNoise, ...] | tuple[SliceNoise, ...], value_label: str, title: str
) -> Markup:
    drawn = [IntervalRow(row.name, row.share.value, row.share.low, row.share.high) for row in rows]
    return Markup(  # noqa: S704 - drawn by burnish.report.plots, which escapes all text
        dot_interval_chart(drawn, value_label=value_label, title=title)
    )


def _pair_chart(pairs: tuple[PairNoise, ...]) -> Markup:
    bars = [
        Bar(f"{pair.given} → {pair.suggested}", round(pair.expected, int(pair.expected < 10)))
        for pair in pairs
    ]
    return Markup(  # noqa: S704 - as above
        bar_chart(bars, value_label="labels expected to be wrong", title="Confusion pairs")
    )


def _chance(probability: float) -> str:
    """A probability as percent, without digits it cannot bear.

    >>> _chance(0.894), _chance(0.998), _chance(0.001)
    ('89 %', 'over 99 %', 'under 1 %')
    """
    if probability > 0.99:
        return "over 99 %"
    return "under 1 %" if probability < 0.01 else f"{100 * probability:.0f} %"


def _number(value: float) -> str:
    """A count that was estimated: no more digits than it can bear.

    >>> _number(0.04), _number(3.26), _number(1234.6)
    ('under 0.1', '3.3', '1,235')
    """
    if 0 < value < 0.1:
        return "under 0.1"
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"
