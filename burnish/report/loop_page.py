"""The page of a finished loop, for a person who has a minute: what it did and what it bought.

What belongs here: the sentences, tables and plots made of a `LoopSummary`, and nothing that the
summary does not say. What does not: the figures themselves (`burnish.report.summary`), drawing
(`burnish.report.plots`), markup (`templates/loop.html`). The page is one file, without script,
and fetches nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import accumulate

from markupsafe import Markup

from burnish.augmentation import REFUSALS
from burnish.report.plots import (
    IntervalRow,
    Point,
    Series,
    dot_interval_chart,
    line_chart,
)
from burnish.report.summary import (
    ConfusionPair,
    FoundExample,
    LoopSummary,
    Measured,
    ReasonFigure,
    SliceFigure,
)
from burnish.report.templating import templates

MOST_PAIRS, MOST_EXAMPLES, MOST_SLICES = 12, 24, 20
SMALL_SLICE = 30  # below this many rows an accuracy says next to nothing


@dataclass(frozen=True)
class SliceRow:
    """A slice before and after, either of them None where it was not measured.

    uncertain, was_uncertain: whether the figure after, or that before, rests on too little.
    """

    name: str
    before: Measured | None
    after: Measured | None
    support: int
    uncertain: bool = False
    was_uncertain: bool = False


@dataclass(frozen=True)
class LoopContext:
    """Everything that `templates/loop.html` may use.

    headline: the result in one sentence; verdict: how far to trust the difference.
    reviewer: who decided, in words; reviewed_so_far: rows reviewed up to each iteration.
    refusals: reasons for which augmented rows were refused, and what they mean, where known.
    links: pages that say more, name and address.
    """

    summary: LoopSummary
    headline: str
    verdict: str
    reviewer: str
    against: str
    reviewed_so_far: tuple[int, ...]
    errors_found: int | None
    accuracy_chart: Markup | None
    noise_chart: Markup | None
    slice_chart: Markup | None
    slices: tuple[SliceRow, ...]
    slices_drawn: int
    reasons: tuple[ReasonFigure, ...]
    pairs: tuple[ConfusionPair, ...]
    pictures: tuple[FoundExample, ...]
    texts: tuple[FoundExample, ...]
    refusals: tuple[tuple[str, str], ...]
    limits: tuple[str, ...]
    reports: Mapping[int, str]
    links: tuple[tuple[str, str], ...] = ()


def render_loop_page(
    summary: LoopSummary,
    *,
    reports: Mapping[int, str] | None = None,
    links: Mapping[str, str] | None = None,
) -> str:
    """The whole page as HTML text, to be written as `loop.html` in UTF-8.

    `reports` says where the report of an iteration lies, relative to the page, where there is one;
    `links` are addresses of pages that say more, by their names.
    Everything that comes from data is escaped. Raises nothing of its own: an impossible figure
    is refused where `LoopSummary` and its parts are built.

    >>> from datetime import datetime, timezone
    >>> from burnish.report.summary import IterationSummary
    >>> turn = IterationSummary(1, 60, 31, 30, 0.55, Measured(0.1, 0.05, 0.2), 0.09,
    ...     Measured(0.95, 0.92, 0.97), "truth", "scan B", None, 0, 0, {}, "digits@1", "ab12", None,
    ...     True, "better", 3.2)
    >>> loop = LoopSummary("digits", "simulated", 0.95, 0, "home", Measured(0.86, 0.82, 0.89),
    ...     (turn,), (), (), (), (), datetime(2026, 1, 1, tzinfo=timezone.utc))
    >>> page = render_loop_page(loop)
    >>> "simulated reviewer, right 95 % of the time" in page
    True
    """
    environment = templates()
    environment.filters["percent"] = percent
    context = replace(
        loop_context(summary), reports=reports or {}, links=tuple((links or {}).items())
    )
    return environment.get_template("loop.html").render(page=context)


def loop_context(summary: LoopSummary) -> LoopContext:
    """What the template is given, computed of the summary alone."""
    turns = summary.iterations
    so_far = tuple(accumulate(turn.reviewed for turn in turns))
    found = [turn.errors_found for turn in turns if turn.errors_found is not None]
    slices = slice_rows(summary.slices_before, summary.slices_after)
    reasons = sorted({reason for turn in turns for reason in turn.refusal_reasons})
    return LoopContext(
        summary=summary,
        headline=headline(summary),
        verdict=verdict(summary),
        reviewer=reviewer_in_words(summary),
        against=turns[-1].accuracy_against,
        reviewed_so_far=so_far,
        errors_found=sum(found) if found else None,
        accuracy_chart=_accuracy_chart(summary, so_far),
        noise_chart=_noise_chart(summary, so_far),
        slice_chart=_slice_chart(slices),
        slices=slices,
        slices_drawn=min(len(slices), MOST_SLICES),
        reasons=reasons_over_all(summary),
        pairs=summary.confusion_pairs()[:MOST_PAIRS],
        pictures=tuple(row for row in summary.found if row.image_uri)[:MOST_EXAMPLES],
        texts=tuple(row for row in summary.found if not row.image_uri)[:MOST_EXAMPLES],
        refusals=tuple((reason, REFUSALS[reason]) for reason in reasons if reason in REFUSALS),
        limits=limits(summary, slices),
        reports={},
    )


def headline(summary: LoopSummary) -> str:
    """The result in one sentence, every accuracy with its interval and what it is held against."""
    last, baseline = summary.iterations[-1], summary.baseline
    turns = _count(len(summary.iterations), "iteration")
    work = f"After {_count(summary.reviews, 'review')} in {turns}"
    what = f"test accuracy against {_the(last.accuracy_against)}"
    if last.test_accuracy is None:
        return f"{work}, test accuracy is not known: there are no test rows."
    now = _short(last.test_accuracy)
    if baseline is None:
        return f"{work}, {what} is {now}."
    moved = round(last.test_accuracy.value - baseline.value, 3)
    verb = "rose" if moved > 0 else "fell" if moved < 0 else "stayed"
    if verb == "stayed":
        return f"{work}, {what} stayed at {now}."
    return f"{work}, {what} {verb} from {_short(baseline)} to {now}."


def verdict(summary: LoopSummary) -> str:
    """How far the two intervals let the difference be trusted; empty without a baseline."""
    before, after = summary.baseline, summary.iterations[-1].test_accuracy
    if after is None:
        return "What the models do on rows that no decision looks at, nobody knows."
    if before is None:
        return "There is no figure from before the first review to compare it with."
    if after.low > before.high or after.high < before.low:
        return "The two intervals do not overlap."
    return (
        "The two intervals overlap, so this alone does not rule out chance; both models are "
        "measured on the same rows, and a paired comparison can say more."
    )


PEOPLE: Mapping[str, str] = {
    "file": "decisions read from a file",
    "desk": "decided by people at the review desk",
    "mixed": "decided by people, and by a simulated reviewer",
}


def reviewer_in_words(summary: LoopSummary) -> str:
    """Who decided: people, a simulated reviewer who is right X % of the time, or both."""
    if summary.reviewer in PEOPLE:
        return PEOPLE[summary.reviewer]
    if summary.reviewer_accuracy is None:
        return "simulated reviewer, its share of right answers not stated"
    return f"simulated reviewer, right {percent(summary.reviewer_accuracy)} of the time"


def slice_rows(
    before: tuple[SliceFigure, ...], after: tuple[SliceFigure, ...]
) -> tuple[SliceRow, ...]:
    """Slices of both moments joined by name, the one weakest before first, `overall` on top."""
    old = {cut.name: cut for cut in before}
    new = {cut.name: cut for cut in after}
    rows = [
        SliceRow(
            name=name,
            before=old[name].measured if name in old else None,
            after=new[name].measured if name in new else None,
            support=(new.get(name) or old[name]).support,
            uncertain=name in new and new[name].uncertain,
            was_uncertain=name in old and old[name].uncertain,
        )
        for name in dict.fromkeys([*old, *new])
    ]

    def weakest_first(row: SliceRow) -> tuple[bool, float, str]:
        known = row.before or row.after
        return row.name != "overall", known.value if known else 1.0, row.name

    return tuple(sorted(rows, key=weakest_first))


def reasons_over_all(summary: LoopSummary) -> tuple[ReasonFigure, ...]:
    """Sums over all iterations by why rows were asked about, in order of appearance."""
    sums: dict[str, ReasonFigure] = {}
    for figure in (one for turn in summary.iterations for one in turn.by_reason):
        so_far = sums.get(figure.reason, ReasonFigure(figure.reason, 0, 0, 0))
        known = so_far.errors_found is not None and figure.errors_found is not None
        sums[figure.reason] = ReasonFigure(
            reason=figure.reason,
            reviewed=so_far.reviewed + figure.reviewed,
            changed=so_far.changed + figure.changed,
            errors_found=(so_far.errors_found or 0) + (figure.errors_found or 0) if known else None,
        )
    return tuple(sums.values())


def limits(summary: LoopSummary, slices: tuple[SliceRow, ...]) -> tuple[str, ...]:
    """What the figures cannot say: those limits that apply to this very loop."""
    last = summary.iterations[-1]
    said: list[str] = []
    if summary.reviewer in {"simulated", "mixed"}:
        whose = "a row" if summary.reviewer == "simulated" else "some of the rows"
        said.append(
            f"Nobody looked at {whose}. The simulated reviewer knows the truth and errs at random; "
            "people tire, err more on hard rows, and agree with a suggestion more often."
        )
    if last.accuracy_against == "truth":
        said.append(
            "Accuracy against truth can be shown because this data set comes with its truth, which "
            "is kept from every stage of the loop. Data of your own will not have it."
        )
    else:
        said.append(
            "Accuracy is against the labels as given, errors and all: a model that has learnt the "
            "truth is marked wrong wherever a test label is."
        )
    said.append(
        "Intervals (95 %) cover the draw of the rows measured, not the randomness of training, "
        f"and this is one run with one seed ({summary.seed})."
    )
    if len(summary.iterations) > 1:
        said.append(
            "The test split is the same in every iteration. A choice made by looking at it, over "
            "and over, makes the last figure look better than it is."
        )
    if any(turn.noise for turn in summary.iterations):
        said.append(
            "Estimated noise rests on the rows of the control arm, which are few, and on "
            + (
                "gold items, which are few, too."
                if any(turn.noise_corrected for turn in summary.iterations)
                else "the reviewer being right about them."
            )
        )
    if not summary.truth_known:
        said.append(
            "Truth is not known here: a change counts as an error found because a reviewer "
            "decided so."
        )
    small = [cut for cut in slices if cut.support < SMALL_SLICE]
    if small:
        said.append(
            f"{_count(len(small), 'slice')} of {len(slices)} with fewer than {SMALL_SLICE} test "
            "rows: read the interval, not the figure."
        )
    return (*said, *summary.limits)


def percent(share: float | None) -> str:
    """A share as percent with at most one decimal; never rounded to 0 or 100 from inside.

    >>> percent(0.95), percent(0.125), percent(0.9999), percent(1.0)
    ('95 %', '12.5 %', '99.9 %', '100 %')
    """
    if share is None:
        return "not known"
    shown = round(100 * share, 1)
    if 0 < share < 1:
        shown = min(max(shown, 0.1), 99.9)
    return f"{shown:g} %"


def _accuracy_chart(summary: LoopSummary, so_far: tuple[int, ...]) -> Markup | None:
    points = [
        _point(reviews, turn.test_accuracy)
        for reviews, turn in zip(so_far, summary.iterations, strict=True)
        if turn.test_accuracy is not None
    ]
    if not points:
        return None
    if summary.baseline is not None:
        points.insert(0, _point(0, summary.baseline))
    against = summary.iterations[-1].accuracy_against
    return Markup(  # noqa: S704 - drawn by burnish.report.plots, which escapes all text
        line_chart(
            [Series(f"test accuracy against {_the(against)}", tuple(points))],
            x_label="rows reviewed so far",
            y_label="accuracy",
            title="Test accuracy by rows reviewed",
        )
    )


def _noise_chart(summary: LoopSummary, so_far: tuple[int, ...]) -> Markup | None:
    turns = list(zip(so_far, summary.iterations, strict=True))
    estimated = tuple(_point(x, turn.noise) for x, turn in turns if turn.noise is not None)
    true = tuple(Point(x, turn.true_noise) for x, turn in turns if turn.true_noise is not None)
    lines = [Series("estimated from the control arm", estimated), Series("true share", true)]
    lines = [one for one in lines if one.points]
    if not lines:
        return None
    return Markup(  # noqa: S704 - as above
        line_chart(
            lines,
            x_label="rows reviewed so far",
            y_label="share of wrong labels",
            title="Wrong training labels by rows reviewed",
            x_from=0,
        )
    )


def _slice_chart(slices: tuple[SliceRow, ...]) -> Markup | None:
    rows = [
        IntervalRow(
            cut.name, figure.value, figure.low, figure.high, series=moment, uncertain=uncertain
        )
        for cut in slices[:MOST_SLICES]
        for moment, figure, uncertain in (
            ("before", cut.before, cut.was_uncertain),
            ("after", cut.after, cut.uncertain),
        )
        if figure is not None
    ]
    if not rows:
        return None
    # Sorted by moment, so that `before` is the first series even where a slice lacks it.
    rows.sort(key=lambda row: row.series != "before")
    return Markup(  # noqa: S704 - as above
        dot_interval_chart(rows, value_label="test accuracy", title="Slices before and after")
    )


def _point(reviews: int, figure: Measured) -> Point:
    return Point(reviews, figure.value, figure.low, figure.high)


def _short(figure: Measured) -> str:
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _the(against: str) -> str:
    return "the truth" if against == "truth" else "the given labels"
