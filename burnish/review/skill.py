"""How likely each person is right on a pair of classes: their own answers, pooled with the team's.

What belongs here: the counts that an estimate rests on, and the estimate. What does not: counting
answers (`burnish.workflows.skills`), dealing by it (`burnish.review.assigning`), or the figures
that people are shown of themselves (`burnish.review.figures`).

Thirty answers with a known label are three a pair where there are ten pairs: of three answers no
share can be told. So an estimate is a mean of what a person said on the pair, of what is expected
of them there by how right they are elsewhere and by how hard the pair is for everybody, and of the
team's; the more they said, the more it is theirs (shrinkage with a beta-binomial model; Kleinman
1973, Efron and Morris 1975). How much is pooled follows from the counts themselves: where people
differ no more than chance would have them differ, they are all given the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

Key = TypeVar("Key")
Pair = tuple[str, ...]
"""The classes in question, in order of name: a label and what is suggested in its place."""

STRENGTHS = tuple(float(2**power) for power in range(1, 11))
"""How many answers the team's share may weigh as much as; the likeliest is taken."""


@dataclass(frozen=True)
class Tally:
    """How many answers with a known label there are, and how many of them were right."""

    right: int = 0
    answered: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.right + other.right, self.answered + other.answered)


Tallies = Mapping[str, Mapping[Pair, Tally]]
"""By person and pair."""
NOTHING = Tally()


def pair_of(label: str | None, suggested: str | None) -> Pair:
    """The classes in question, whichever of the two is the label.

    So that a deal tells nobody which is which, and a pair has the answers of both directions.

    >>> pair_of("8", "3"), pair_of("3", "3"), pair_of(None, "3")
    (('3', '8'), ('3',), ('3',))
    """
    return tuple(sorted({one for one in (label, suggested) if one is not None}))


@dataclass(frozen=True)
class Skills:
    """What is expected of people.

    `team` is the share of right answers of all, `pairs` that of each pair; `people` how much more
    often each is right than all are on what they were asked, in log odds; `both` what is expected
    of a person on a pair that they were measured on.
    """

    team: float
    people: Mapping[str, float] = field(default_factory=dict[str, float])
    pairs: Mapping[Pair, float] = field(default_factory=dict[Pair, float])
    both: Mapping[tuple[str, Pair], float] = field(default_factory=dict[tuple[str, Pair], float])

    def expected(self, person: str, pair: Pair) -> float:
        """The share of answers to rows of a pair that are right, in (0, 1)."""
        known = self.both.get((person, pair))
        return self._prior(person, pair) if known is None else known

    def _prior(self, person: str, pair: Pair) -> float:
        return _share(_logit(self.pairs.get(pair, self.team)) + self.people.get(person, 0.0))


def pooled(tallies: Tallies) -> Skills:
    """Estimates from counts, partially pooled.

    A person who was never measured is taken for the team's mean, a pair that nobody was measured on
    for what the person is elsewhere.

    >>> right, wrong = Tally(19, 20), Tally(8, 20)
    >>> found = pooled({"ada": {("3", "8"): right}, "bob": {("3", "8"): wrong}})
    >>> found.expected("ada", ("3", "8")) > 0.8, found.expected("bob", ("3", "8")) < 0.55
    (True, True)
    """
    by_pair: dict[Pair, Tally] = {}
    for own in tallies.values():
        for pair, one in own.items():
            by_pair[pair] = by_pair.get(pair, NOTHING) + one
    whole = _sum(by_pair.values())
    # One right and one wrong answer are taken for granted: nobody is sure to be right.
    team = (whole.right + 1.0) / (whole.answered + 2.0)
    pairs = _shrunk({pair: (one, team) for pair, one in by_pair.items()})
    first = Skills(team, _effects(tallies, pairs), pairs)
    cells = {
        (name, pair): (one, first.expected(name, pair))
        for name, own in tallies.items()
        for pair, one in own.items()
    }
    return Skills(team, first.people, pairs, _shrunk(cells))


def _effects(tallies: Tallies, pairs: Mapping[Pair, float]) -> dict[str, float]:
    """How much more often each is right than all are on the pairs they were asked, in log odds."""
    asked: dict[str, tuple[Tally, float]] = {}
    for name, own in tallies.items():
        whole = _sum(own.values())
        if whole.answered:
            mean = sum(one.answered * pairs[pair] for pair, one in own.items()) / whole.answered
            asked[name] = whole, mean
    return {name: _logit(one) - _logit(asked[name][1]) for name, one in _shrunk(asked).items()}


def _shrunk(counts: Mapping[Key, tuple[Tally, float]]) -> dict[Key, float]:
    """Shares drawn to what was expected, which stands beside each count."""
    strength = _strength(counts.values())
    return {
        key: (one.right + strength * mean) / (one.answered + strength)
        for key, (one, mean) in counts.items()
    }


def _strength(counts: Iterable[tuple[Tally, float]]) -> float:
    """The strength of the prior under which the counts are likeliest: what it weighs, in answers.

    Of equally likely ones the greatest: nothing is made of differences that may be none.
    """
    known = [(one, mean) for one, mean in counts if one.answered]
    likely = [sum(_log_likelihood(one, mean, s) for one, mean in known) for s in STRENGTHS]
    return max(zip(likely, STRENGTHS, strict=True))[1]


def _log_likelihood(one: Tally, mean: float, strength: float) -> float:
    a, b = strength * mean, strength * (1.0 - mean)
    wrong = one.answered - one.right
    return _log_beta(a + one.right, b + wrong) - _log_beta(a, b)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _sum(counts: Iterable[Tally]) -> Tally:
    return sum(counts, NOTHING)


def _logit(share: float) -> float:
    return math.log(share) - math.log1p(-share)


def _share(logit: float) -> float:
    return min(max(1.0 / (1.0 + math.exp(-logit)), 0.001), 0.999)
