"""From an item to what a person sees of it, before and after their answer.

What belongs here: building the cards and the strip of the labeling page. What does not: the
records themselves (`burnish.review.label_context`), the routes (`burnish.review.pages_label`).

Before the answer a card says nothing that the label as it stands, the model or the reason of the
queue has part in: values are held against all rows, not against those of the label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from burnish.report.looking import Looked
from burnish.review.items import is_held_out
from burnish.review.label_context import Card, Choice, Course, Names, Opinion, Past, Shot, Sketch
from burnish.review.ports import Examples
from burnish.review.records import DeskEvent, Item, Lease, Person, Progress, Said
from burnish.review.sight import Seen, is_blind

NUMBER_KEYS = "1234567890"
SHORT, MEDIUM, FEW = 3, 10, 5
STATES: Mapping[Seen, str] = {
    "open": "waits for another answer",
    "answered": "answered",
    "rework": "was sent back",
    "disagreed": "answers differ, a reviewer decides",
    "submitted": "waits for a reviewer",
    "settled": "settled",
    "withdrawn": "left the batch",
}
"""What became of an item, in words for those who answered it."""


def card_of(lease: Lease, examples: Examples, *, shown: bool, now: datetime) -> Card:
    """The card of a leased item; `shown` tells label and model's opinion beforehand."""
    item = lease.item
    looked = examples.look(item.dataset, item.example_id, by_label=shown)
    seen = looked or Looked()
    return Card(
        dataset=item.dataset,
        example_id=item.example_id,
        token=lease.token,
        until=lease.expires_at.isoformat(),
        lasts=max(0, int((lease.expires_at - now).total_seconds())),
        note=item.note,
        pictures=shots_of(seen, item.dataset, item.example_id),
        drawings=seen.drawings,
        texts=seen.texts,
        values=seen.values,
        more=seen.more,
        gone=looked is None,
        opinion=opinion_of(item.facts) if shown else None,
    )


def shots_of(looked: Looked, dataset: str, example_id: str) -> tuple[Shot, ...]:
    """The pictures of an example: those within the page, then those with an address.

    >>> looked = Looked(pictures=(("scan", "data:image/png;base64,AA"),), files=("photo",))
    >>> [shot.address for shot in shots_of(looked, "pets", "a/1")]
    ['data:image/png;base64,AA', '/images/pets?example=a%2F1&column=photo']
    """
    within = [Shot(name, uri, crisp=True) for name, uri in looked.pictures]
    place = f"/images/{quote(dataset, safe='')}?example={quote(example_id, safe='')}"
    served = [Shot(name, f"{place}&column={quote(name, safe='')}") for name in looked.files]
    return (*within, *served)


def opinion_of(facts: Mapping[str, Any]) -> Opinion:
    """The label as it stands in the queue, and what the model thinks.

    >>> opinion_of({"label": "cat", "suggested_label": "dog", "error_probability": 0.934})
    Opinion(label='cat', suggested='dog', probability='93')
    """
    probability = facts.get("error_probability")
    per_cent = "" if probability is None else f"{100 * float(probability):.0f}"
    return Opinion(facts.get("label") or "", facts.get("suggested_label") or "", per_cent)


def choices_of(classes: Sequence[str]) -> tuple[Choice, ...]:
    """The classes with their keys: the first ten have one, in the order of a keyboard.

    Where classes are called by single digits, each of those has its own as its key, and no other
    class has a digit: nobody should press 3 to say 2. Nor has any where there are more classes than
    keys and all begin with a digit: whoever types 110 means 110, and not three examples in turn.

    >>> [choice.key for choice in choices_of("abcdefghijk")][7:]
    ['8', '9', '0', '']
    >>> [choice.key for choice in choices_of(["0", "1", "ten"])]
    ['0', '1', '']
    >>> {choice.key for choice in choices_of([str(code) for code in range(100, 140)])}
    {''}
    """
    digits = set(NUMBER_KEYS)
    if digits.intersection(classes):
        return tuple(Choice(label, label if label in digits else "") for label in classes)
    if len(classes) > len(NUMBER_KEYS) and all(label[:1].isdigit() for label in classes):
        return tuple(Choice(label, "") for label in classes)
    keys = [*NUMBER_KEYS, *[""] * max(0, len(classes) - len(NUMBER_KEYS))]
    return tuple(Choice(label, key) for label, key in zip(classes, keys, strict=False))


def names_of(classes: Sequence[str]) -> Names:
    """How long the names of the classes are, and with it how many fit beside each other.

    >>> names_of(["0", "1", "ten"]), names_of(["cat", "dog", "ferret"])
    ('short', 'long')
    >>> names_of(["cat", "dog", "ferret", "rat", "horse", "snail"])
    'medium'
    """
    longest = max(map(len, classes), default=0)
    if longest <= SHORT:
        return "short"
    # A few names below each other are read more easily.
    return "medium" if longest <= MEDIUM and len(classes) > FEW else "long"


def course_of(progress: Progress, person: Person) -> Course:
    """How far the batch is, and the part of a person in it."""
    mine = progress.by_person.get(person.name, 0)
    if is_blind(progress.batch.policy, person):
        return Course(mine, mine, progress.total, "answered by me", blind=True)
    return Course(mine, progress.settled, progress.total, "settled")


def past_of(
    event: DeskEvent, item: Item, examples: Examples, *, state: Seen, open_to_undo: bool
) -> Past:
    """An answer that was given: now its person may know what the label was, and the model says."""
    said = event.said or Said("unsure")
    opinion = opinion_of(item.facts)
    return Past(
        seq=event.seq,
        example_id=item.example_id,
        sketch=sketch_of(item, examples),
        said=said_in_words(said),
        comment=said.comment,
        opinion=opinion,
        agrees=said.label == opinion.label,
        state=STATES[state],
        open_to_undo=open_to_undo,
        blind=is_held_out(item),
    )


def said_in_words(said: Said) -> str:
    """What was said, as the label or the word for it.

    >>> said_in_words(Said("change", "cat")), said_in_words(Said("drop"))
    ('cat', 'drop')
    """
    return said.label if said.label is not None else said.decision


def sketch_of(item: Item, examples: Examples) -> Sketch:
    """An item in little."""
    looked = examples.look(item.dataset, item.example_id, by_label=False) or Looked()
    shots = shots_of(looked, item.dataset, item.example_id)
    if shots:
        small = shots[0]
        address = small.address if small.crisp else f"{small.address}&small=true"
        return Sketch(Shot(small.name, address, crisp=small.crisp))
    if looked.drawings:
        return Sketch(drawing=looked.drawings[0][1])
    words = [text for _, text in looked.texts if text.strip()]
    words = words or [f"{value.name} {value.text}" for value in looked.values[:4]]
    text = " · ".join(words)
    return Sketch(words=text if len(text) <= 120 else text[:119] + "…")
