"""The page of a check: what is wrong with a table, how bad it is, and what to do about it.

What belongs here: the record that the page is made of, its sentences, and its plot. What does not:
finding anything (`burnish.quality`), reading a file (`burnish.workflows.check_file`), markup
(`templates/check.html`). The page is one file, without script, and fetches nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from burnish.quality import QualityFinding
from burnish.report.plots import Bar, bar_chart
from burnish.report.templating import templates

DRAWN, SHOWN = 12, 8


@dataclass(frozen=True)
class CheckSummary:
    """All that a check found in one table.

    source: the file or dataset. findings: the severest first. looked_for: what every check looked
    for, in words. ids: names of the rows, where they have any. notes: what was guessed.
    """

    source: str
    rows: int
    columns: int
    findings: tuple[QualityFinding, ...]
    looked_for: tuple[str, ...]
    notes: tuple[str, ...]
    generated_at: datetime
    ids: Sequence[str | None] | None = None

    def counted(self, severity: str) -> int:
        """How many findings are of this severity."""
        return sum(one.severity == severity for one in self.findings)


@dataclass(frozen=True)
class ShownFinding:
    """A finding as the page shows it; `where` names its first rows or its columns."""

    finding: QualityFinding
    where: str


@dataclass(frozen=True)
class Section:
    """The findings of one severity, what it means, and the `tone` (colour) of its badges."""

    severity: str
    title: str
    meaning: str
    tone: str
    findings: tuple[ShownFinding, ...]


@dataclass(frozen=True)
class CheckContext:
    """Everything that `templates/check.html` may use."""

    summary: CheckSummary
    headline: str
    sections: tuple[Section, ...]
    chart: Markup | None


_SEVERITIES = (
    ("error", "Errors", "Training or judging on this is wrong.", "bad"),
    ("warning", "Warnings", "Worth a look before training.", "warn"),
    ("note", "Notes", "Good to know.", ""),
)


def render_check_page(summary: CheckSummary) -> str:
    """The whole page as HTML text, to be written in UTF-8.

    >>> page = render_check_page(CheckSummary("toy.csv", 3, 2, (), ("gaps",), (), datetime.now()))
    >>> "Nothing was found" in page
    True
    """
    sections = tuple(
        Section(severity, title, meaning, tone, found)
        for severity, title, meaning, tone in _SEVERITIES
        if (found := _of(summary, severity))
    )
    context = CheckContext(summary, headline(summary), sections, _chart(summary))
    return templates().get_template("check.html").render(page=context)


def headline(summary: CheckSummary) -> str:
    """What was found, in one sentence.

    >>> headline(CheckSummary("toy.csv", 3, 2, (), (), (), datetime.now()))
    'Nothing was found in toy.csv'
    """
    counts = [(summary.counted(name), name) for name in ("error", "warning", "note")]
    said = [f"{n} {name}{'' if n == 1 else 's'}" for n, name in counts if n]
    return f"{', '.join(said) or 'Nothing was found'} in {summary.source}"


def where_of(finding: QualityFinding, ids: Sequence[str | None] | None = None) -> str:
    """The first rows of a finding (from 1, without a header; or by their ids), or its columns."""
    if not finding.rows:
        return ("column " if len(finding.columns) == 1 else "columns ") + ", ".join(
            finding.columns[:SHOWN]
        )
    first = finding.rows[:SHOWN]
    names = [f"{row + 1:,}" if ids is None else str(ids[row]) for row in first]
    more = len(finding.rows) - len(first)
    return f"row{'s' if len(finding.rows) > 1 else ''} {', '.join(names)}" + (
        f" and {more:,} more" if more else ""
    )


def _of(summary: CheckSummary, severity: str) -> tuple[ShownFinding, ...]:
    return tuple(
        ShownFinding(one, where_of(one, summary.ids))
        for one in summary.findings
        if one.severity == severity
    )


def _chart(summary: CheckSummary) -> Markup | None:
    """Rows concerned, by finding, the severest first."""
    found = [one for one in summary.findings if one.rows][:DRAWN]
    if len(found) < 2:
        return None
    bars = [
        Bar(" ".join([one.kind.replace("_", " "), *one.columns[:1]]), float(len(one.rows)))
        for one in found
    ]
    return Markup(bar_chart(bars, value_label="rows", title="Rows concerned, by finding"))  # noqa: S704
