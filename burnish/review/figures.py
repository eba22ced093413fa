"""How good each of a team's answers are: the records that the desk's pages show.

What belongs here: plain immutable data, and who may see which of it. What does not: computing it
from the desk's events and the ledger (`burnish.workflows.people_figures`), or its page
(`burnish.review.pages_figures`).

A figure without its number of rows is gossip. So each comes with an interval, and what rests on
fewer than `FEW` rows says so: it is greyed where it is shown, and nobody is ranked by it.
"""

from __future__ import annotations

from dataclasses import dataclass

from burnish.metrics import Interval, wilson_interval
from burnish.review.records import Person

FEW = 10
"""Rows under which a figure is shown as resting on few, and nobody is ranked by it."""
DROPPED = "(drop)"
"""What stands in the place of a label where a person said that the row is to be dropped."""


@dataclass(frozen=True)
class Share:
    """`hits` of `n`; its interval is Wilson's at 95 %.

    >>> Share(9, 10).few, Share(3, 4).few, round(Share(9, 10).interval.low, 2)
    (False, True, 0.6)
    """

    hits: int = 0
    n: int = 0

    @property
    def interval(self) -> Interval:
        """The share with its limits; its value is NaN of none."""
        return wilson_interval(self.hits, self.n)

    @property
    def few(self) -> bool:
        """Whether too few rows stand behind it to rank anybody by."""
        return self.n < FEW


@dataclass(frozen=True)
class Confusion:
    """How often a person called rows of one class, by their known answers, something."""

    truth: str
    said: str
    count: int


@dataclass(frozen=True)
class ClassFigures:
    """Of rows that are truly of class `label`: how many the person called so.

    `instead` is what they called the others most often, `times` how often; empty where they called
    none otherwise.
    """

    label: str
    right: Share
    instead: str = ""
    times: int = 0


@dataclass(frozen=True)
class PersonFigures:
    """One person's answers to the items of a dataset.

    `answers` that stand, of which `imported` came in files. On rows with a known answer: `gold`
    counts the answers, `right` those that were right, `unsure` stand beside them, `accuracy` is the
    share with its interval (None of none), `confusions` say what was called what. `adjudicated` are
    the items that people disagreed about and a reviewer decided: how often that was for this
    person. It is not accuracy: reviewers err, and such items are the hard ones.

    `seconds` is the median of an answer, with limits that hold for any distribution; `timed` counts
    the answers behind it. `reworked` answers were sent back or overruled by a reviewer; `rework` is
    their share of the answers given at the desk.
    """

    name: str
    simulated: bool
    answers: int
    gold: int
    accuracy: Interval | None
    seconds: float | None
    rework: Interval | None
    right: int = 0
    unsure: int = 0
    imported: int = 0
    timed: int = 0
    seconds_interval: Interval | None = None
    reworked: int = 0
    adjudicated: Share = Share()
    confusions: tuple[Confusion, ...] = ()

    @property
    def few(self) -> bool:
        """Whether their accuracy rests on few rows, or none."""
        return self.gold < FEW

    @property
    def by_class(self) -> tuple[ClassFigures, ...]:
        """Of each class among the known answers, by its name: how often it was recognised."""
        return tuple(_of_class(label, self.confusions) for label in self._classes())

    def on(self, *labels: str) -> Share:
        """How often they were right on rows whose known answer is one of `labels`.

        >>> one = PersonFigures("ada", False, 3, 3, None, None, None,
        ...     confusions=(Confusion("3", "3", 2), Confusion("8", "3", 1)))
        >>> one.on("3", "8")
        Share(hits=2, n=3)
        """
        among = [one for one in self.confusions if one.truth in labels]
        hits = sum(one.count for one in among if one.said == one.truth)
        return Share(hits, sum(one.count for one in among))

    def _classes(self) -> list[str]:
        return sorted({one.truth for one in self.confusions})


@dataclass(frozen=True)
class PairFigures:
    """Two people on the items that both answered blind: share of equal answers, Cohen's kappa.

    `kappa` is None where chance explains everything: both said one and the same throughout.
    """

    a: str
    b: str
    equal: Share
    kappa: Interval | None

    @property
    def few(self) -> bool:
        """Whether they have too few items in common to speak of it."""
        return self.equal.few


@dataclass(frozen=True)
class Doubt:
    """An item on which all agreed, and how probable the label is, given who said it.

    `said` are the people and what each of them answered, by name.
    """

    iteration: int
    example_id: str
    label: str
    probability: float
    said: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Figures:
    """All of a team, and how far they agree.

    `alpha` is Krippendorff's, of `several` items that two or more answered blind, with its interval
    (`alpha_interval`); None where there is nothing to compare. `pairs` are those with an item in
    common. `doubts` are items that were agreed on and whose label is least probable, given how good
    those are who said so; `method` says by which estimate.
    """

    dataset: str
    people: tuple[PersonFigures, ...]
    alpha: float | None
    several: int
    alpha_interval: Interval | None = None
    pairs: tuple[PairFigures, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    method: str = ""

    def person(self, name: str) -> PersonFigures | None:
        """The figures of one person; None where they have answered nothing."""
        return next((one for one in self.people if one.name == name), None)


def figures_for(figures: Figures, person: Person) -> Figures:
    """What `person` may see: reviewers and admins everybody's, annotators their own alone.

    How far people agree is about others too, so annotators are not told. The figures given here for
    an annotator must be those without known answers of the open batch (`ports.Team.figures`).

    >>> nobody = Figures("digits", (), alpha=0.5, several=4)
    >>> figures_for(nobody, Person("ada", "annotator"))
    Figures(dataset='digits', people=(), alpha=None, several=0, alpha_interval=None, pairs=(), \
doubts=(), method='')
    """
    if person.role != "annotator":
        return figures
    own = tuple(one for one in figures.people if one.name == person.name)
    return Figures(figures.dataset, own, alpha=None, several=0)


def _of_class(label: str, confusions: tuple[Confusion, ...]) -> ClassFigures:
    own = [one for one in confusions if one.truth == label]
    right = sum(one.count for one in own if one.said == label)
    wrong = [one for one in own if one.said != label]
    # Of equal counts the first by name, so that a page does not change by itself.
    most = min(wrong, key=lambda one: (-one.count, one.said), default=None)
    share = Share(right, sum(one.count for one in own))
    return ClassFigures(label, share, most.said if most else "", most.count if most else 0)
