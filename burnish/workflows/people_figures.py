"""People's figures: how good, how fast and how much at one each of a team's answers are.

What belongs here: counting, from answers in one form and the known answers. What does not: reading
these (`burnish.workflows.people_answers`, `burnish.workflows.team`), the records
(`burnish.review.figures`), or which agreed labels are doubtful (`burnish.workflows.doubtful`).

On rows with a known answer each person's first answer that stands counts: what somebody mended
after a reviewer had sent it back says how good the reviewer is. `burnish review accuracy` counts
the last word instead, since that is what the estimate of noise has to correct.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import isnan

from burnish.consensus.agreement_intervals import alpha_interval, pair_intervals
from burnish.consensus.answers import Answers, read_answers
from burnish.metrics import Interval, median_interval
from burnish.review.figures import (
    Confusion,
    Doubt,
    Figures,
    PairFigures,
    PersonFigures,
    Share,
)
from burnish.workflows.people_answers import GivenAnswer

MOST_PAIRS = 100
"""Pairs of people that are told of: those with most items in common."""


def team_figures(
    dataset: str,
    answers: Sequence[GivenAnswer],
    gold: Mapping[str, str],
    *,
    open_gold_of: int | None = None,
    compared: bool = True,
    doubts: Sequence[Doubt] = (),
    method: str = "",
    random_state: int = 0,
) -> Figures:
    """The figures of all who answered, by name, and how far they agree.

    `gold` is the known label by example_id. Answers to known rows in the batch of the iteration
    `open_gold_of` count as answers and nowhere else: not among the known, nor is anything else of
    them told apart from other rows. Simulated people are marked, and are left out of alpha and the
    pairs where others have answered. Where people are not `compared` there is neither.
    """
    by: dict[str, list[GivenAnswer]] = {}
    for one in answers:
        by.setdefault(one.person, []).append(one)
    people = tuple(
        person_figures(name, said, gold, open_gold_of=open_gold_of)
        for name, said in sorted(by.items(), key=lambda named: named[0].casefold())
    )
    coded = blind_answers(answers) if compared else None
    several = 0 if coded is None else int((coded.votes().sum(axis=1) > 1).sum())
    alpha = None
    if coded is not None and several:
        alpha = alpha_interval(coded, random_state=random_state)
    return Figures(
        dataset=dataset,
        people=people,
        alpha=None if alpha is None or isnan(alpha.value) else alpha.value,
        several=several,
        alpha_interval=None if alpha is None or isnan(alpha.value) else alpha,
        pairs=() if coded is None else _pairs(coded, random_state),
        doubts=tuple(doubts),
        method=method,
    )


def person_figures(
    name: str,
    said: Sequence[GivenAnswer],
    gold: Mapping[str, str],
    *,
    open_gold_of: int | None = None,
) -> PersonFigures:
    """The figures of one person, from all their answers; see `team_figures`.

    >>> said = [GivenAnswer("ada", False, 1, "a", "3", seconds=4.0)]
    >>> found = person_figures("ada", said, {"a": "8"})
    >>> found.gold, found.right, found.by_class[0].instead
    (1, 0, '3')
    """
    known = [
        one
        for one in said
        if one.first and one.example_id in gold and one.iteration != open_gold_of
    ]
    sure = [(gold[one.example_id], one.label) for one in known if one.label is not None]
    right = Share(sum(truth == label for truth, label in sure), len(sure))
    at_desk = [one for one in said if not one.imported]
    reworked = Share(sum(one.sent_back or one.overruled for one in at_desk), len(at_desk))
    seconds = [one.seconds for one in said if one.seconds is not None]
    typical = median_interval(seconds) if seconds else None
    return PersonFigures(
        name=name,
        simulated=any(one.simulated for one in said),
        answers=len(said),
        gold=right.n,
        accuracy=right.interval if right.n else None,
        seconds=None if typical is None else typical.value,
        rework=reworked.interval if reworked.n else None,
        right=right.hits,
        unsure=len(known) - len(sure),
        imported=len(said) - len(at_desk),
        timed=len(seconds),
        seconds_interval=typical,
        reworked=reworked.hits,
        adjudicated=_adjudicated(at_desk),
        confusions=_confusions(sure),
    )


def blind_answers(answers: Iterable[GivenAnswer]) -> Answers | None:
    """The blind answers as the methods of `burnish.consensus` read them; None where there is none.

    An item of one batch is an example. `unsure` is no answer, a drop is a class of its own. Where
    people have answered, simulated ones are left out.
    """
    blind = [one for one in answers if one.blind and one.label is not None]
    people = [one for one in blind if not one.simulated] or blind
    if not people:
        return None
    return read_answers(
        {
            "example_id": [f"{one.iteration}:{one.example_id}" for one in people],
            "annotator_id": [one.person for one in people],
            "label": [one.label for one in people],
        }
    )


def _adjudicated(answers: Iterable[GivenAnswer]) -> Share:
    decided = [one for one in answers if one.disputed and None not in (one.label, one.decided)]
    return Share(sum(not one.overruled for one in decided), len(decided))


def _confusions(sure: Iterable[tuple[str, str | None]]) -> tuple[Confusion, ...]:
    counts = Counter((truth, label or "") for truth, label in sure)
    return tuple(Confusion(*pair, count) for pair, count in sorted(counts.items()))


def _pairs(answers: Answers, random_state: int) -> tuple[PairFigures, ...]:
    table = pair_intervals(answers, most=MOST_PAIRS, random_state=random_state)
    return tuple(
        PairFigures(
            row["annotator_a"],
            row["annotator_b"],
            Share(round(row["agreement"] * row["n_common"]), row["n_common"]),
            None
            if row["kappa"] is None
            else Interval(row["kappa"], row["kappa_low"], row["kappa_high"]),
        )
        for row in table.to_pylist()
    )
