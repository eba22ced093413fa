"""The page of the return on labeling: what each batch of fixes bought, for who pays for it.

What belongs here: the sentences, tables and plots made of a `ReturnStory`, and nothing it does not
say. What does not: measuring (`burnish.workflows.returns`), or filling the story
(`burnish.workflows.returns_story`). Gains are in points: hundredths of the share of rows that the
model gets right. A batch that hurt stands in the headline as one that helped does, before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from burnish.report.plots import IntervalRow, dot_interval_chart
from burnish.report.templating import templates

MOST_SLICES = 20


@dataclass(frozen=True)
class GainLine:
    """What some fixes bought on some rows: shares of right rows, with and without them.

    name: what was left out. low, high: the 95 % interval of this line alone; low_all, high_all: for
    all lines that are looked at together, from which `finding` is read. Figures are None where no
    row was there.
    """

    name: str
    reviews: int
    changed: int
    hours: float
    timed: str
    split: str
    slice: str
    support: int
    without: float | None
    having: float | None
    gain: float | None
    low: float | None
    high: float | None
    low_all: float | None
    high_all: float | None
    finding: str

    @property
    def per_hundred(self) -> float | None:
        """The gain of a hundred reviews like these; None without reviews or rows."""
        return None if self.gain is None or not self.reviews else 100 * self.gain / self.reviews

    @property
    def per_hour(self) -> float | None:
        """The gain of one hour of reviewing; None without hours or rows."""
        return None if self.gain is None or not self.hours else self.gain / self.hours


@dataclass(frozen=True)
class ForetoldLine:
    """What was foretold of a batch, and what came."""

    name: str
    expected: float
    low: float
    high: float
    came: float
    held: bool


@dataclass(frozen=True)
class ReturnStory:
    """All that the page may say.

    came, left_out: a line a batch on all held-out rows, oldest first. together: all batches at
    once, also by slice. reasons: a line a reason. slices: of single batches, where shown better or
    worse. by_split: of batches left out, on validation, test and, where there are any, production
    rows. forecast, errors: sentences, empty where not known. resampled: whether training rows were
    drawn anew by seed.
    """

    dataset: str
    came: tuple[GainLine, ...]
    left_out: tuple[GainLine, ...]
    together: tuple[GainLine, ...]
    reasons: tuple[GainLine, ...]
    slices: tuple[GainLine, ...]
    by_split: tuple[GainLine, ...]
    forecast: str
    errors: str
    foretold: tuple[ForetoldLine, ...]
    seeds: int
    fits: int
    resampled: bool
    measured_at: datetime


@dataclass(frozen=True)
class SplitRow:
    """One batch on the rows of each split; None where the split has no rows."""

    name: str
    validation: GainLine | None
    test: GainLine | None
    production: GainLine | None


@dataclass(frozen=True)
class ReturnContext:
    """Everything that `templates/return.html` may use.

    tone: `bad` where a batch hurt, `good` where one helped and none hurt, empty otherwise.
    whole: all batches together on all rows. slices: all batches together, by slice.
    """

    story: ReturnStory
    headline: str
    tone: str
    whole: GainLine
    chart: Markup
    reason_chart: Markup | None
    slice_chart: Markup | None
    slices: tuple[GainLine, ...]
    splits: tuple[SplitRow, ...]
    production: bool
    effort: str
    limits: tuple[str, ...]


def render_return_page(story: ReturnStory) -> str:
    """The whole page as HTML text, to be written as `return.html` in UTF-8; all data is escaped."""
    environment = templates()
    environment.filters["points"] = points
    return environment.get_template("return.html").render(page=return_context(story))


def return_context(story: ReturnStory) -> ReturnContext:
    """What the template is given, computed of the story alone."""
    (whole,) = [line for line in story.together if line.slice == "overall"]
    by_slice = tuple(line for line in story.together if line.slice != "overall" and line.support)
    hurt, helped = _shown(story, "worse"), _shown(story, "better")
    return ReturnContext(
        story=story,
        headline=return_headline(story),
        tone="bad" if hurt else "good" if helped else "",
        whole=whole,
        chart=_batches_drawn(story),
        reason_chart=_drawn(story.reasons, "name", "Gain by reason") if story.reasons else None,
        slice_chart=_drawn(by_slice[:MOST_SLICES], "slice", "Gain by slice") if by_slice else None,
        slices=by_slice,
        splits=_split_rows(story),
        production=any(line.split == "production" for line in story.by_split),
        effort=_effort(story.left_out),
        limits=return_limits(story),
    )


def return_headline(story: ReturnStory) -> str:
    """The result in a sentence or two: what hurt first, then what helped, then the sum.

    Only what is shown with all batches in view counts; the rest is not told apart from chance.
    """
    count = len(story.left_out)
    which = f"the last {count} batches" if count > 1 else "the last batch"
    hurt, helped = _shown(story, "worse"), _shown(story, "better")
    said: list[str] = [
        f"{_capital(line.name)} made the model worse{_by(line, story)}." for line in hurt
    ]
    named = {line.name for line in hurt}
    parts: dict[str, list[str]] = {}
    for line in story.slices:
        if line.finding == "worse" and line.name not in named:
            parts.setdefault(line.name, []).append(line.slice)
    said += [f"{_capital(name)} made {_listed(cuts)} worse." for name, cuts in parts.items()]
    if helped:
        what = "it" if said else "the model"
        said.append(f"{_capital(_listed([one.name for one in helped]))} made {what} better.")
    if not said:
        said.append(f"None of {which} alone is shown to have made the model better or worse.")
    (whole,) = [line for line in story.together if line.slice == "overall"]
    if count > 1 and whole.gain is not None:
        certain = "" if whole.finding in {"better", "worse"} else ", which may be chance"
        said.append(f"Together {which} bought {_with_limits(whole)}{certain}.")
    return " ".join(said)


def return_limits(story: ReturnStory) -> tuple[str, ...]:
    """What the figures cannot say: those limits that apply to this very measurement."""
    ruler = (
        "Labels of validation and test rows are those that stand now, with and without a batch: "
        "what people mended there changes the ruler and is no gain."
    )
    chance = (
        f"Intervals cover the draw of the held-out rows and of {story.seeds} seeds of training. "
        "They do not cover which rows people happened to be asked about."
    )
    sums = (
        "Gains of batches do not add up: what one batch mended, a later one may have confirmed, "
        "and a mended label is worth less among more of them."
    )
    said = [ruler, chance, sums]
    if story.resampled:
        said.append(
            "The model has no randomness of its own, so each seed trains on another resample of "
            "the training rows, the same with and without a batch. Accuracies stand a little below "
            "those of the model that is served."
        )
    small = [line for line in story.left_out if line.support < 200]
    if small:
        said.append(
            f"Only {small[0].support:,} rows are held out: a gain of a point or two cannot be "
            "told from chance with so few."
        )
    if story.left_out and story.left_out[0].timed != "timed at the desk":
        said.append("Hours rest on the seconds that the spec gives for a review, not on a clock.")
    return tuple(said)


def points(value: float | None, *, digits: int = 1) -> str:
    """A difference of shares in points, with its sign; zero has none.

    >>> points(0.0123), points(-0.0123), points(0.0), points(None)
    ('+1.2', '\N{MINUS SIGN}1.2', '0.0', 'not known')
    """
    if value is None:
        return "not known"
    shown = f"{100 * value:+.{digits}f}"
    return shown[1:] if float(shown) == 0 else shown.replace("-", "\N{MINUS SIGN}")


def _shown(story: ReturnStory, finding: str) -> list[GainLine]:
    """Batches with this finding: as they stand today, else as they came."""
    today = {line.name: line for line in story.left_out if line.finding == finding}
    came = {line.name: line for line in story.came if line.finding == finding}
    return [today.get(name) or came[name] for name in dict.fromkeys([*today, *came])]


def _by(line: GainLine, story: ReturnStory) -> str:
    own = [cut for cut in story.slices if cut.name == line.name and cut.finding == "worse"]
    # A slice that the spec names says more of where to look than a class does.
    own.sort(key=lambda cut: (cut.slice.startswith("class:"), cut.gain or 0.0))
    where = f", most in {own[0].slice}" if own else ""
    return f" by {_with_limits(line, unsigned=True)}{where}"


def _with_limits(line: GainLine, *, unsigned: bool = False) -> str:
    gain, low, high = (one or 0.0 for one in (line.gain, line.low_all, line.high_all))
    if unsigned:
        gain, low, high = -gain, -high, -low
    shown = f"{100 * gain:.1f}" if unsigned else points(gain)
    ends = (f"{100 * low:.1f}", f"{100 * high:.1f}") if unsigned else (points(low), points(high))
    return f"{shown} points ({ends[0]} to {ends[1]})"


def _split_rows(story: ReturnStory) -> tuple[SplitRow, ...]:
    found = {(line.name, line.split): line for line in story.by_split}
    names = dict.fromkeys(line.name for line in story.by_split)
    return tuple(
        SplitRow(name, *(found.get((name, part)) for part in ("validation", "test", "production")))
        for name in names
    )


def _batches_drawn(story: ReturnStory) -> Markup:
    rows = [
        IntervalRow(line.name, 100 * line.gain, 100 * line.low, 100 * line.high, series=series)
        for series, lines in (("as it came", story.came), ("left out", story.left_out))
        for line in lines
        if line.gain is not None and line.low is not None and line.high is not None
    ]
    title = "Gain of each batch"
    drawn = dot_interval_chart(rows, value_label="points gained", title=title)
    return Markup(drawn)  # noqa: S704 - drawn by burnish.report.plots, which escapes all text


def _drawn(lines: Sequence[GainLine], by: str, title: str) -> Markup:
    rows = [
        IntervalRow(getattr(line, by), 100 * line.gain, 100 * line.low, 100 * line.high)
        for line in lines
        if line.gain is not None and line.low is not None and line.high is not None
    ]
    drawn = dot_interval_chart(rows, value_label="points gained", title=title)
    return Markup(drawn)  # noqa: S704 - as above


def _effort(lines: Sequence[GainLine]) -> str:
    reviews, hours = sum(line.reviews for line in lines), sum(line.hours for line in lines)
    kinds = {line.timed for line in lines}
    how = kinds.pop() if len(kinds) == 1 else "partly timed"
    return f"{reviews:,} reviews, {hours:.1f} hours ({how})"


def _listed(names: Sequence[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
