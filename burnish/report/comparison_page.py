"""The page of two iterations side by side: a sentence first, then what stands behind it.

What belongs here: the context of the page, and its drawing of differences by slice. What does not:
the figures and sentences (`burnish.workflows.compare_iterations`, `.compare_iterations_words`), or
markup (`templates/comparison.html`). The page is one file, without script, and fetches nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from burnish.errors import DataError
from burnish.report import svg
from burnish.report.templating import templates

MOST_DRAWN = 30
MOST_LABELS = 200
WIDTH = 560.0
MARKS = {"worse": 2, "better": 0, "not shown": 1}
METRIC_NAMES = {
    "accuracy": "Accuracy (share predicted right; more is better)",
    "brier": "Brier score (squared error of the probabilities; less is better)",
    "log_loss": "Log-loss (surprise at the true class; less is better)",
    "ece": "Calibration error (confidence against accuracy; less is better)",
}


@dataclass(frozen=True)
class RulerLine:
    """Accuracy of one model on the old and on the new labels, and what the labels alone did."""

    name: str
    old: str
    new: str
    labels: str


@dataclass(frozen=True)
class MetricLine:
    """One metric of all rows: the older model, the newer, the paired difference, its finding."""

    metric: str
    before: float | None
    after: float | None
    difference: float | None
    low: float | None
    high: float | None
    finding: str

    @property
    def name(self) -> str:
        return METRIC_NAMES.get(self.metric, self.metric)


@dataclass(frozen=True)
class SliceLine:
    """Accuracy in one slice; the limits hold for all slices at once."""

    name: str
    support: int
    before: float | None
    after: float | None
    difference: float | None
    low: float | None
    high: float | None
    finding: str


@dataclass(frozen=True)
class SplitPart:
    """What one split says; decisions rest on validation rows, test rows are reported."""

    split: str
    rows: int
    sentence: str
    rulers: tuple[RulerLine, ...]
    metrics: tuple[MetricLine, ...]
    slices: tuple[SliceLine, ...]

    @property
    def chart(self) -> Markup | None:
        """The differences by slice; None where there is nothing to draw."""
        lines = [one for one in self.slices if one.finding in MARKS and one.low is not None]
        if not lines:
            return None
        title = f"Change of accuracy by slice, {self.split} rows"
        return Markup(difference_chart(lines[:MOST_DRAWN], title=title))  # noqa: S704

    @property
    def drawn(self) -> int:
        """How many slices the chart shows."""
        return min(MOST_DRAWN, sum(one.finding in MARKS for one in self.slices))


@dataclass(frozen=True)
class LabelLine:
    """A held-out row that changed: relabelled, left or came, by whom and when."""

    example_id: str
    change: str
    before: str
    after: str
    author: str
    at: datetime | None


@dataclass(frozen=True)
class CheckLine:
    """One check of the promotion gate."""

    name: str
    passed: bool
    reason: str


@dataclass(frozen=True)
class ComparisonContext:
    """Everything that `templates/comparison.html` may use.

    headline, by_slice, ruler, rows and decision are sentences; `promoted` is None while the gate
    has not decided. labels: held-out rows that changed, of which the page shows the first 200.
    """

    dataset: str
    before: str
    after: str
    before_version: str
    after_version: str
    headline: str
    by_slice: str
    ruler: str
    rows: str
    decision: str
    rule: str
    promoted: bool | None
    confidence: float
    min_support: int
    splits: tuple[SplitPart, ...]
    labels: tuple[LabelLine, ...]
    checks: tuple[CheckLine, ...]

    @property
    def shown(self) -> tuple[LabelLine, ...]:
        return self.labels[:MOST_LABELS]

    @property
    def share(self) -> str:
        """The confidence as percent."""
        return f"{100 * self.confidence:g} %"


def render_comparison_page(context: ComparisonContext) -> str:
    """The page as HTML text.

    >>> page = render_comparison_page(ComparisonContext("pets", "pets@iter1", "pets@iter2",
    ...     "pets@1", "pets@2", "Not shown <to> differ.", "", "", "", "", "", None, 0.95, 20, (),
    ...     (), ()))
    >>> "Not shown &lt;to&gt; differ." in page, "<script" in page
    (True, False)
    """
    environment = templates()
    environment.filters["points"] = _points
    environment.filters["share"] = _share
    return environment.get_template("comparison.html").render(page=context)


def difference_chart(lines: Sequence[SliceLine], *, title: str) -> str:
    """Differences of accuracy in points with their limits, a line a slice, about a line at 0.

    A triangle is worse, a circle better, an empty square not shown to differ, so that print and
    eyes that see no colour tell them apart. Raises `DataError` for no lines.

    >>> drawn = difference_chart([SliceLine("a", 50, .9, .8, -.1, -.2, -.01, "worse")], title="t")
    >>> "a: -10.0 points (-20.0 to -1.0), worse" in drawn
    True
    """
    known = [one for one in lines if None not in (one.difference, one.low, one.high)]
    if not known:
        raise DataError("a plot of no slices", expected="one or more")
    values = [100 * (v or 0.0) for one in known for v in (one.difference, one.low, one.high)]
    marks = svg.ticks(min(0.0, *values), max(0.0, *values), count=5)
    x = svg.Scale(marks[0], marks[-1], 190, WIDTH - 20)
    top, step = 40.0, 24.0
    bottom = top + step * len(known)
    body = _legend()
    for mark in marks:
        body.append(svg.line(x(mark), top - 4, x(mark), bottom))
        body.append(
            svg.text(x(mark), bottom + 14, f"{mark:+g}" if mark else "0", anchor="middle", size=12)
        )
    body.append(svg.line(x(0), top - 8, x(0), bottom + 2, stroke=svg.INK, width=1.6, dash="5 3"))
    for place, one in enumerate(known):
        body += _line_of(one, x, top + step * (place + 0.5))
    told = "points of accuracy, newer less older model"
    body.append(svg.text((190 + WIDTH) / 2, bottom + 34, told, anchor="middle", size=12))
    counts = [f"{sum(one.finding == word for one in known)} {word}" for word in MARKS]
    desc = f"{len(known)} slices: {', '.join(counts)}. The table below has the same figures."
    return svg.document(WIDTH, bottom + 46, title=title, desc=desc, body=body)


def _legend() -> list[str]:
    body: list[str] = []
    for place, (word, kind) in enumerate(MARKS.items()):
        left = 196 + 105 * place
        body.append(svg.marker(left, 14, kind, hollow=word == "not shown"))
        body.append(svg.text(left + 10, 14, word, size=12))
    return body


def _line_of(one: SliceLine, x: svg.Scale, height: float) -> list[str]:
    kind = MARKS.get(one.finding, 1)
    low, value, high = (100 * (v or 0.0) for v in (one.low, one.difference, one.high))
    note = f"{one.name}: {value:+.1f} points ({low:+.1f} to {high:+.1f}), {one.finding}"
    name = svg.text(180, height, svg.shorten(one.name, 27), anchor="end", size=12)
    return [
        f"<g><title>{svg.escape(one.name)}</title>{name}</g>",
        svg.whisker(x(low), height, x(high), height, stroke=svg.colour(kind)),
        svg.marker(x(value), height, kind, title=note, hollow=one.finding == "not shown"),
    ]


def _points(value: float | None) -> str:
    return "–" if value is None else f"{100 * value + 0.0:+.1f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"
