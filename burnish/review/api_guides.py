"""The labeling guide and flags for programs: the text, its versions, and what is unclear.

What belongs here: these routes and the shapes they alone have. What does not: the rules
(`burnish.review.guiding`), which flags a reviewer may see (`burnish.review.pages_guide`), or the
shapes that others share (`burnish.review.api_models`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from burnish.errors import SpecError
from burnish.review.access import Annotator, Desked
from burnish.review.api_answers import ACTS, USUAL, Dataset
from burnish.review.api_models import Comment, ExampleId, Name, Sent, Told, Version
from burnish.review.flags import MOST_LABELS, Flag, FlagCounts
from burnish.review.guides import Guide
from burnish.review.pages_guide import flags_seen
from burnish.review.problems import not_found

router = APIRouter(tags=["Guides"])


class GuideVersionOut(Told):
    """A version of the guide."""

    version: int
    at: datetime = Field(description="When the desk first saw it.")
    noted_by: str
    answers: int = Field(description="Answers under it that stand; to annotators their own.")


class GuideOut(Told):
    """The labeling guide of a dataset."""

    version: int | None = Field(description="Null where there is none.")
    text: str = Field(description="Markdown, as it was written: make it safe before you show it.")
    now: int | None = Field(description="The version that people go by now.")
    readable: bool = Field(
        description="False where its file cannot be used; then `now` is the last that could."
    )
    versions: list[GuideVersionOut] = Field(description="Newest first.")


class FlagIn(Sent):
    """Says which classes are unclear on an item; it does not answer the item."""

    example_id: ExampleId = Field(description="An item that you hold or have answered.")
    labels: Annotated[list[Name], Field(max_length=MOST_LABELS)] = Field(
        description="Classes of the batch; none takes your flag back."
    )
    comment: Comment = ""
    guide: Version | None = Field(default=None, description="The version that was before you.")


class FlagOut(Told):
    """A flag; of a person and an item the last counts."""

    seq: int
    iteration: int
    example_id: str
    person: str
    labels: list[str]
    comment: str
    guide: int | None
    at: datetime

    @classmethod
    def of(cls, flag: Flag) -> FlagOut:
        return cls(
            seq=flag.seq,
            iteration=flag.iteration,
            example_id=flag.example_id,
            person=flag.person,
            labels=list(flag.labels),
            comment=flag.comment,
            guide=flag.guide,
            at=flag.at,
        )


class PairOut(Told):
    """How often two classes were flagged together."""

    labels: tuple[str, str]
    flags: int


class FlagCountsOut(Told):
    """How many flags stand; those on items of which no flag is told are counted too."""

    total: int
    items: int
    by_class: dict[str, int]
    by_pair: list[PairOut]
    by_guide: dict[str, int] = Field(description="By version; `none` for those under no guide.")

    @classmethod
    def of(cls, counts: FlagCounts) -> FlagCountsOut:
        return cls(
            total=counts.total,
            items=counts.items,
            by_class=dict(counts.by_class),
            by_pair=[PairOut(labels=pair, flags=count) for pair, count in counts.by_pair],
            by_guide={str(one or "none"): count for one, count in counts.by_guide},
        )


class FlagsOut(Told):
    """Flags, newest first: your own, or to reviewers the newest that they may see."""

    flags: list[FlagOut]
    counts: FlagCountsOut | None = Field(description="For reviewers.")


@router.get("/datasets/{dataset}/guide", responses=USUAL)
def guide(
    dataset: Dataset,
    visitor: Annotator,
    context: Desked,
    version: Annotated[Version | None, Query()] = None,
) -> GuideOut:
    """The guide as it is, or the version named."""
    try:
        now = context.desk.guide(dataset)
    except SpecError as error:
        raise not_found(f"there is no dataset {dataset!r} here") from error
    kept: list[Guide] = context.desk.guide_versions(dataset)
    number = version or (now.version if now else None)
    found = next((one for one in kept if one.version == number), None)
    if found is None and version is not None:
        raise not_found(f"the guide of {dataset} has no version {version}")
    person = None if visitor.may("reviewer") else visitor.person.name
    answers = context.desk.answers_under(dataset, person=person)
    return GuideOut(
        version=found.version if found else None,
        text=found.text if found else "",
        now=now.version if now else None,
        readable=now is None or not now.problem,
        versions=[
            GuideVersionOut(
                version=one.version,
                at=one.at,
                noted_by=one.noted_by,
                answers=answers.get(one.version, 0),
            )
            for one in kept
        ],
    )


@router.post("/datasets/{dataset}/flags", responses=ACTS)
def flag(dataset: Dataset, unclear: FlagIn, visitor: Annotator, context: Desked) -> FlagOut:
    """Flag classes that are unclear on an item. The same again is the flag that stands."""
    done = context.desk.flag(
        dataset,
        visitor.person,
        unclear.example_id,
        unclear.labels,
        comment=unclear.comment,
        guide=unclear.guide,
    )
    return FlagOut.of(done.flag)


@router.get("/datasets/{dataset}/flags", responses=USUAL)
def flags(dataset: Dataset, visitor: Annotator, context: Desked) -> FlagsOut:
    """The flags that stand: an annotator's own; to reviewers the newest, and how many of what."""
    counts, seen, _ = flags_seen(context, dataset, visitor)
    if counts is None:
        seen = tuple(context.desk.flags(dataset, person=visitor.person.name))
    return FlagsOut(
        flags=[FlagOut.of(one) for one in seen],
        counts=None if counts is None else FlagCountsOut.of(counts),
    )
