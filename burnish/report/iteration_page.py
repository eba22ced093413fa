"""The report of one iteration, for who paid for it: one page, written for a stakeholder.

What belongs here: tables and plots made of `IterationFacts`, and which of many are shown. What
does not: the facts (`burnish.report.iteration_facts`), the sentences
(`burnish.report.iteration_words`), markup (`templates/iteration.html`). The page is one file,
without script, and fetches nothing; what comes from data or people is escaped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from burnish.report import iteration_outlook as outlook
from burnish.report import iteration_words as words
from burnish.report.explanation_page import explained_style, explanations_part
from burnish.report.importance_part import importance_part
from burnish.report.iteration_bought import bought_verdict, bought_words
from burnish.report.iteration_facts import EffectLine, IterationFacts, Person
from burnish.report.loop_page import percent
from burnish.report.plots import Bar, IntervalRow, bar_chart, calibration_chart, dot_interval_chart
from burnish.report.summary import ConfusionPair
from burnish.report.svg import shorten
from burnish.report.templating import templates

MOST_PAIRS, MOST_DRAWN, MOST_SLICES = 12, 16, 60


@dataclass(frozen=True)
class IterationContext:
    """Everything that `templates/iteration.html` may use.

    headline, short, worse, limits, next: the sentences. pairs: those shown of `pairs_in_all`.
    slices: the lines shown, those worth a look first, of `slices_in_all`; few: lines of too few
    rows to judge, apart, of `few_in_all`. Charts are None where there is nothing to draw. reasons,
    stages: what these are called in words. harmful, bought: what the batch bought, in words. reads:
    what the model reads; explained: why rows were doubted, with its style.
    """

    facts: IterationFacts
    headline: str
    short: tuple[str, ...]
    worse: tuple[str, ...]
    ruler: str
    calibration: tuple[str, ...]
    limits: tuple[str, ...]
    next: tuple[str, ...]
    pairs: tuple[ConfusionPair, ...]
    pairs_in_all: int
    changed_slices: tuple[tuple[str, int], ...]
    slices: tuple[EffectLine, ...]
    slices_in_all: int
    few: tuple[EffectLine, ...]
    few_in_all: int
    deciders: tuple[Person, ...]
    approvers: tuple[Person, ...]
    pairs_chart: Markup | None
    effect_chart: Markup | None
    reliability_chart: Markup | None
    reasons: Mapping[str, str]
    stages: Mapping[str, str]
    harmful: str
    bought: tuple[str, ...]
    reads: Markup | None
    explained: Markup
    explained_style: Markup


def render_iteration_page(facts: IterationFacts) -> str:
    """The whole page as HTML text, to be written in UTF-8.

    >>> from datetime import UTC, datetime
    >>> from burnish.report.iteration_facts import Changes, Decision, Noise
    >>> at = datetime(2026, 1, 1, tzinfo=UTC)
    >>> nothing = Changes("pets@1", 0, 0, 0, 0, 9, (), (), {}, {}, 0, ())
    >>> facts = IterationFacts("pets", 2, "<b>Pets</b>", at, at, "pets@2", "0" * 64, "", nothing,
    ...     (), "none", None, None, None, Noise(None, None, 9, "", False), None, (),
    ...     Decision(True, "", "the first model", 0, None), "One person answers a row.")
    >>> page = render_iteration_page(facts)
    >>> "&lt;b&gt;Pets&lt;/b&gt;" in page, "No label changed" in page, "not known" in page
    (True, True, True)
    """
    environment = templates()
    environment.filters |= {"percent": percent, "points": words.points, "short": _short}
    return environment.get_template("iteration.html").render(page=iteration_context(facts))


def iteration_context(facts: IterationFacts) -> IterationContext:
    """What the template is given, computed of the facts alone."""
    effect, changes = facts.effect, facts.changes
    slices = _worth_a_look(effect.slices) if effect else ()
    judged = tuple(line for line in slices if line.finding != "too few")
    few = tuple(line for line in slices if line.finding == "too few")
    return IterationContext(
        facts=facts,
        headline=words.headline(facts),
        short=words.in_short(facts),
        worse=words.worse_words(effect),
        ruler=words.ruler_words(effect) if effect else "",
        calibration=words.calibration_words(facts.calibration) if facts.calibration else (),
        limits=outlook.limits(facts),
        next=outlook.what_next(facts),
        pairs=changes.pairs[:MOST_PAIRS],
        pairs_in_all=len(changes.pairs),
        changed_slices=tuple(changes.slices.items())[:MOST_SLICES],
        slices=judged[:MOST_SLICES],
        slices_in_all=len(judged),
        few=few[:MOST_SLICES],
        few_in_all=len(few),
        deciders=tuple(one for one in changes.people if one.answered),
        approvers=tuple(one for one in changes.people if one.approved or one.settled),
        pairs_chart=_pairs_chart(changes.pairs[:MOST_PAIRS]),
        effect_chart=_effect_chart(effect.overall, slices) if effect else None,
        reliability_chart=_reliability_chart(facts),
        reasons=words.REASONS,
        stages=words.STAGES,
        harmful=bought_verdict(facts),
        bought=bought_words(facts),
        reads=importance_part(facts.importance, maps=facts.maps) if facts.importance else None,
        explained=explanations_part(facts.explained),
        explained_style=explained_style() if facts.explained else Markup(),
    )


def _worth_a_look(slices: tuple[EffectLine, ...]) -> tuple[EffectLine, ...]:
    """Worse first, then better, then what is lowest; what has too few rows comes last."""
    order = {"worse": 0, "better": 1, "not shown": 2, "too few": 3}
    return tuple(
        sorted(slices, key=lambda line: (order.get(line.finding, 2), line.difference or 0.0))
    )


def _pairs_chart(pairs: tuple[ConfusionPair, ...]) -> Markup | None:
    if not pairs:
        return None
    bars = [
        Bar(f"{shorten(pair.before, 20)} > {shorten(pair.after, 20)}", float(pair.count))
        for pair in pairs
    ]
    # Drawn by burnish.report.plots, which escapes all text.
    return Markup(bar_chart(bars, value_label="labels changed", title="Labels changed by pair"))  # noqa: S704


def _effect_chart(overall: EffectLine, slices: tuple[EffectLine, ...]) -> Markup | None:
    drawn = [line for line in (overall, *slices) if line.finding != "too few"][:MOST_DRAWN]
    rows = [
        IntervalRow(line.slice, 100 * line.difference, 100 * line.low_all, 100 * line.high_all)
        for line in drawn
        if line.difference is not None
    ]
    if not rows:
        return None
    title = "Difference in accuracy by part of the data"
    return Markup(  # noqa: S704 - as above
        dot_interval_chart(rows, value_label="percentage points, new minus old", title=title)
    )


def _reliability_chart(facts: IterationFacts) -> Markup | None:
    if facts.calibration is None:
        return None
    chart = calibration_chart({"": facts.calibration.reliability}, title="Confidence and outcome")
    return Markup(chart)  # noqa: S704 - as above


def _short(name: object, length: int = 80) -> str:
    return shorten(str(name), length)
