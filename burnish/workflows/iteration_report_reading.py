"""What an iteration's report adds to its figures: what the model reads, why rows were doubted.

What belongs here: asking for importance and explanations within what closing an iteration may
cost, what its known answers say, and what the newest measurement of the return says of its batch.
What does not: any of these measures, or the other facts (`burnish.workflows.iteration_report`).

Importance, explanations and known answers are bounded by the iteration, as all facts are. What a
batch bought is measured later, over and over: it is told on pages that are written anew, and on no
page that is kept.
"""

from __future__ import annotations

from dataclasses import replace

from burnish.errors import BurnishError
from burnish.records import Iteration
from burnish.report.iteration_facts import Bought, IterationFacts, KnownAnswers
from burnish.report.return_page import return_headline
from burnish.spec import DatasetSpec
from burnish.versions import Versions
from burnish.workflows.batch_quality import iteration_alarm
from burnish.workflows.explain import explanations_of
from burnish.workflows.importance import importance_of, patch_maps_of
from burnish.workflows.naming import trained_on
from burnish.workflows.returns import read_returns
from burnish.workflows.returns_story import lines_of, story_of

REPEATS, MOST_LOOKUPS = 5, 500_000
"""What closing an iteration may cost: ten features of 5,000 rows, or a hundred of a thousand."""
MOST_EXPLAINED = 3


def with_readings(
    facts: IterationFacts, versions: Versions, spec: DatasetSpec, iteration: Iteration
) -> IterationFacts:
    """The facts with what the model reads and why rows were doubted.

    Where either cannot be told - no held-out row, a model that the spec no longer fits, no audit -
    the report says so, or leaves it out: an iteration is closed all the same.
    """
    until = trained_on(versions, iteration).watermark.event_id
    try:
        explained = explanations_of(versions, iteration, spec, most=MOST_EXPLAINED, until=until)
    except BurnishError:
        explained = ()
    try:
        importance = importance_of(
            versions, iteration, spec, repeats=REPEATS, most_lookups=MOST_LOOKUPS
        )
        maps = patch_maps_of(versions, iteration, spec, repeats=REPEATS)
    except BurnishError as error:
        return replace(facts, explained=explained, unread=error.found)
    return replace(facts, explained=explained, importance=importance, maps=maps)


def known_answers_of(versions: Versions, iteration: Iteration) -> KnownAnswers | None:
    """What the batch's known answers say, up to its version; None where none was answered."""
    until = trained_on(versions, iteration).watermark.event_id
    alarm = iteration_alarm(versions, versions.ledger, iteration, until=until)
    if not alarm.answered:
        return None
    return KnownAnswers(alarm.raised, alarm.reviewers, alarm.reason)


def answers_in_a_word(known: KnownAnswers | None) -> str:
    """What to filter iterations by: bad, not shown to be bad, not measured.

    >>> answers_in_a_word(None), answers_in_a_word(KnownAnswers(True, (), ""))
    ('not measured', 'bad')
    """
    if known is None:
        return "not measured"
    return "bad" if known.raised else "not shown to be bad"


def bought_of(versions: Versions, iteration: Iteration, *, link: str = "") -> Bought:
    """What the newest measurement says of an iteration's batch; empty where there is none."""
    returns = read_returns(versions, iteration.dataset)
    if returns is None:
        return Bought()
    story = story_of(returns, at=iteration.opened_at)
    own = [
        row
        for kind in ("as it came", "left out")
        for row in returns.rows(kind)
        if row["iteration"] == iteration.number
    ]
    measured = tuple(int(number) for number in returns.facts["iterations"])
    return Bought(measured, lines_of(own), return_headline(story), link)
