"""What the labeling page shows: the records that its templates are given.

What belongs here: plain data, each field said in words. What does not: where it comes from
(`burnish.review.showing`), the routes (`burnish.review.pages_label`) or markup (`templates/`).

An `Opinion` is the only record that holds a label or what the model thinks; a card has one only
where its person may see it before answering.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from burnish.report.looking import ShownValue
from burnish.review.guide_context import GuideView
from burnish.review.rendering import shown_by


@dataclass(frozen=True)
class Shot:
    """A picture: the `name` of its column, its `address`, and whether its pixels stay sharp."""

    name: str
    address: str
    crisp: bool = False


@dataclass(frozen=True)
class Sketch:
    """An example in little: its first picture or signal, else the beginning of its words."""

    picture: Shot | None = None
    drawing: Markup | None = None
    words: str = ""


@dataclass(frozen=True)
class Opinion:
    """The label as it stands (empty: none), the model's, and its probability of an error.

    `probability` is in per cent, empty where the model gave none.
    """

    label: str
    suggested: str
    probability: str


@dataclass(frozen=True)
class Card:
    """One example before a person.

    `token` is that of the lease, `until` when it ends, and `lasts` the seconds left. `note` is what
    a reviewer wrote who sent the item back. `gone` says that the example has left the source.
    `opinion` is there only where it is shown beforehand. `flagged` are the classes that this person
    has called unclear here.
    """

    dataset: str
    example_id: str
    token: str
    until: str
    lasts: int
    note: str
    pictures: tuple[Shot, ...]
    drawings: tuple[tuple[str, Markup], ...]
    texts: tuple[tuple[str, str], ...]
    values: tuple[ShownValue, ...]
    more: int
    gone: bool
    opinion: Opinion | None
    flagged: tuple[str, ...] = ()


@dataclass(frozen=True)
class Choice:
    """A class that can be chosen, and the key that does so (empty: by the filter alone)."""

    label: str
    key: str


@dataclass(frozen=True)
class Past:
    """An answer given before: its number, the item, what was said, and what stood there.

    `agrees` tells that it was the label that stood, `open_to_undo` that it can be taken back.
    `state` is the item's in words. `blind`: of a held-out row no label is shown.
    """

    seq: int
    example_id: str
    sketch: Sketch
    said: str
    comment: str
    opinion: Opinion
    agrees: bool
    state: str
    open_to_undo: bool
    blind: bool = False


Names = Literal["short", "medium", "long"]


@dataclass(frozen=True)
class Course:
    """How far the batch is: answers of mine, items done, of how many, and what `done` counts.

    Where several people answer, an annotator's `blind` course counts their own answers: how many
    items are settled would tell whether others agreed.
    """

    mine: int
    done: int
    total: int
    word: str
    blind: bool = False


@shown_by("label_card.html")
@dataclass(frozen=True)
class CardPart:
    """The card alone, for the next item that is loaded ahead: `card` is the example."""

    card: Card


@shown_by("label_past.html")
@dataclass(frozen=True)
class PastPart:
    """The strip of answers alone: `dataset` is whose, `past` the newest first."""

    dataset: str
    past: tuple[Past, ...]


@shown_by("label.html")
@dataclass(frozen=True)
class LabelPage:
    """The labeling page of a `dataset`.

    `card` is the item (None: nothing is left for this person), `choices` the classes (`many`: some
    have no key; `names`: how long their names are), `past` the latest answers, `course` how far the
    batch is. `busy` counts the items that others have before them just now and that may come to
    this person, `waiting` those that wait for a reviewer, and `may_review` tells whether the
    visitor is one. `policy` says how people answer an item, `message` what the last request did,
    where a page without script has to say so. `guide` is the labeling guide, None where there is
    none.
    """

    dataset: str
    card: Card | None
    choices: tuple[Choice, ...]
    many: bool
    names: Names
    past: tuple[Past, ...]
    course: Course
    busy: int
    waiting: int
    may_review: bool
    policy: str
    message: str
    guide: GuideView | None = None
