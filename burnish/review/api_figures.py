"""What programs ask of people's figures: one's own, or a reviewer the team's.

What belongs here: the route under `/api/v1` and its shapes. What does not: who may see what
(`burnish.review.figures`), or the page (`burnish.review.pages_figures`).
"""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter

from burnish.errors import ItemNotFound
from burnish.metrics import Interval
from burnish.review.access import Annotator, Desked
from burnish.review.api_answers import USUAL, Dataset
from burnish.review.api_models import Told, finite
from burnish.review.context import DeskContext
from burnish.review.figures import (
    Doubt,
    Figures,
    PairFigures,
    PersonFigures,
    Share,
    figures_for,
)
from burnish.review.records import Person
from burnish.review.sight import sight_of

router = APIRouter(tags=["Figures"])


class EstimateOut(Told):
    """An estimate with its 95 % limits, null where they are not known, and the rows behind it.

    `few` says that these are fewer than ten: too few to rank anybody by.
    """

    value: float
    low: float | None
    high: float | None
    n: int
    few: bool

    @classmethod
    def of(cls, found: Interval | None, n: int) -> EstimateOut | None:
        """The estimate; None where nothing is known."""
        if found is None or finite(found.value) is None:
            return None
        limits = Share(0, n)
        return cls(
            value=found.value, low=finite(found.low), high=finite(found.high), n=n, few=limits.few
        )


class ConfusionOut(Told):
    """How often rows of one class, by their known answers, were called something."""

    truth: str
    said: str
    count: int


class PersonFiguresOut(Told):
    """One person's figures; `burnish.review.figures.PersonFigures` says what they are."""

    name: str
    simulated: bool
    answers: int
    imported: int
    unsure: int
    accuracy: EstimateOut | None
    rework: EstimateOut | None
    adjudicated: EstimateOut | None
    seconds: EstimateOut | None
    confusions: list[ConfusionOut]

    @classmethod
    def of(cls, one: PersonFigures) -> PersonFiguresOut:
        """The figures as JSON holds them."""
        return cls(
            name=one.name,
            simulated=one.simulated,
            answers=one.answers,
            imported=one.imported,
            unsure=one.unsure,
            accuracy=EstimateOut.of(one.accuracy, one.gold),
            rework=EstimateOut.of(one.rework, one.answers - one.imported),
            adjudicated=EstimateOut.of(one.adjudicated.interval, one.adjudicated.n),
            seconds=EstimateOut.of(one.seconds_interval, one.timed),
            confusions=[
                ConfusionOut(truth=cell.truth, said=cell.said, count=cell.count)
                for cell in one.confusions
            ],
        )


class PairOut(Told):
    """Two people on the items that both answered blind."""

    a: str
    b: str
    equal: EstimateOut | None
    kappa: EstimateOut | None

    @classmethod
    def of(cls, one: PairFigures) -> PairOut:
        """The pair as JSON holds it."""
        return cls(
            a=one.a,
            b=one.b,
            equal=EstimateOut.of(one.equal.interval, one.equal.n),
            kappa=EstimateOut.of(one.kappa, one.equal.n),
        )


class DoubtOut(Told):
    """An agreed label and how probable it is, given who said so."""

    iteration: int
    example_id: str
    label: str
    probability: float


class FiguresOut(Told):
    """What you may see of a team: annotators themselves alone, without alpha, pairs and doubts."""

    dataset: str
    people: list[PersonFiguresOut]
    alpha: EstimateOut | None
    pairs: list[PairOut]
    doubts: list[DoubtOut]

    @classmethod
    def of(cls, found: Figures) -> FiguresOut:
        """The figures as JSON holds them."""
        return cls(
            dataset=found.dataset,
            people=[PersonFiguresOut.of(one) for one in found.people],
            alpha=EstimateOut.of(found.alpha_interval, found.several),
            pairs=[PairOut.of(one) for one in found.pairs],
            doubts=[
                DoubtOut(
                    iteration=one.iteration,
                    example_id=one.example_id,
                    label=one.label,
                    probability=one.probability,
                )
                for one in found.doubts
            ],
        )


@router.get("/datasets/{dataset}/people", responses=USUAL)
def people(dataset: Dataset, visitor: Annotator, context: Desked) -> FiguresOut:
    """Your own figures; a reviewer's answer has everybody's."""
    return FiguresOut.of(seen_by(context, dataset, visitor.person))


def seen_by(context: DeskContext, dataset: str, person: Person) -> Figures:
    """The figures that a person may see; `ItemNotFound` where the desk tells of none.

    An annotator's leave out the known answers of the open batch: else whoever answers one item and
    looks at their own figures before and after would learn whether it was a check. A doubtful label
    is what others said of an item: whoever may answer that, or has, is not told yet.
    """
    if context.team is None:
        raise ItemNotFound("this desk tells no figures", expected="a desk that serves a home")
    found = context.team.figures(dataset, open_gold=person.role != "annotator")
    seen = figures_for(found, person)
    doubts = tuple(one for one in seen.doubts if _may_know(context, dataset, one, person))
    return replace(seen, doubts=doubts)


def _may_know(context: DeskContext, dataset: str, doubt: Doubt, person: Person) -> bool:
    try:
        batch = context.desk.batch(dataset)
        if batch.iteration != doubt.iteration:
            return True
        standing = context.desk.standing(dataset, doubt.example_id)
    except ItemNotFound:
        return True
    return sight_of(standing, batch.policy, person).others
