"""The tasks of a batch for another tool: what people there see of each item, and of which.

What belongs here: choosing the items, and turning each into what is shown. What does not: a tool's
format (`burnish.workflows.tools`), or what became of the answers
(`burnish.workflows.tool_exchange`).

A task shows what the desk shows before an answer: neither the label, nor a suggestion, nor why the
item is asked about. Known answers, random rows and held-out rows are tasks like any other.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Sequence

from sqlalchemy import Connection, select

from burnish.database import transact
from burnish.errors import ReviewError
from burnish.report.looking import Looked
from burnish.review.images import picture_of
from burnish.review.records import OpenBatch
from burnish.review.schema import desk_handouts, desk_items
from burnish.spec import DatasetSpec
from burnish.typing import Clock
from burnish.workflows.batch import open_batch, undecided
from burnish.workflows.desk_examples import HomeExamples
from burnish.workflows.home import Home
from burnish.workflows.tools import Handout, Shot, Task

LARGEST_SIDE = 1024
"""Pixels of a picture's longer side; larger ones are made smaller."""
NOT_ASKED = frozenset({"disagreed", "submitted", "settled", "withdrawn"})


def handout_of(
    home: Home,
    examples: HomeExamples,
    batch: OpenBatch,
    spec: DatasetSpec,
    *,
    but: frozenset[str] = frozenset(),
) -> Handout:
    """The items of an open batch that ask for answers, but those in `but`, by position."""
    names = [name for name in asked(home, batch) if name not in but]
    tasks = [task_of(examples, spec, name) for name in names]
    shown = tuple(task for task in tasks if task is not None)
    return Handout(
        batch.dataset, batch.iteration, batch.classes, shown, answers=batch.policy.answers
    )


def asked(home: Home, batch: OpenBatch) -> list[str]:
    """The examples of a batch that wait for somebody's answer, by position.

    Raises `ReviewError` where none does.
    """
    iteration, queue = open_batch(home.versions, batch.dataset)
    query = select(desk_items.c.example_id).where(
        desk_items.c.dataset == batch.dataset,
        desk_items.c.iteration == batch.iteration,
        desk_items.c.state.in_(sorted(NOT_ASKED)),
    )
    with home.versions.engine.connect() as connection:
        answered = set(connection.scalars(query))
    items = undecided(home.ledger, iteration, queue)
    names = [item["example_id"] for item in items if item["example_id"] not in answered]
    if not names:
        raise ReviewError(
            f"no item of {batch.dataset}'s open batch asks for an answer",
            hint="what waits for a reviewer is at the desk: `burnish review`",
        )
    return names


def task_of(examples: HomeExamples, spec: DatasetSpec, example_id: str) -> Task | None:
    """What is shown of an example; None where its row has left the source since.

    Raises `DataError` for a picture that is not to be had.
    """
    looked = examples.look(spec.name, example_id, by_label=False)
    if looked is None:
        return None
    pictures = {name: _within(uri) for name, uri in looked.pictures}
    pictures |= {name: Shot(str(svg).encode(), "image/svg+xml") for name, svg in looked.drawings}
    row = (examples.row(spec.name, example_id) or {}) if looked.files else {}
    for name in looked.files:
        if row.get(name):
            picture = picture_of(row, name, spec, side=LARGEST_SIDE)
            pictures[name] = Shot(picture.content, picture.media_type)
    return Task(
        example_id,
        pictures=pictures,
        texts=dict(looked.texts),
        values=_values(looked),
    )


def handed_out(home: Home, batch: OpenBatch, tool: str) -> frozenset[str]:
    """The examples of a batch that went out to a tool before."""
    with home.versions.engine.connect() as connection:
        return _handed_out(connection, batch, tool)


def note_handed_out(
    home: Home, batch: OpenBatch, tool: str, names: Sequence[str], *, clock: Clock
) -> None:
    """Keep that these examples went out to a tool; what was noted before stays as it is."""
    place = {"dataset": batch.dataset, "iteration": batch.iteration, "tool": tool}
    now = clock()

    def work(connection: Connection) -> None:
        # Within: another may be noting the same ones, whose file is written as well.
        known = _handed_out(connection, batch, tool)
        rows = [place | {"example_id": name, "at": now} for name in names if name not in known]
        if rows:
            connection.execute(desk_handouts.insert(), rows)

    transact(home.versions.engine, work)


def _handed_out(connection: Connection, batch: OpenBatch, tool: str) -> frozenset[str]:
    of = desk_handouts.c
    query = select(of.example_id).where(
        of.dataset == batch.dataset, of.iteration == batch.iteration, of.tool == tool
    )
    return frozenset(connection.scalars(query))


def _within(uri: str) -> Shot:
    head, _, content = uri.partition(",")
    return Shot(b64decode(content), head.removeprefix("data:").partition(";")[0])


def _values(looked: Looked) -> dict[str, str]:
    values = {value.name: value.text for value in looked.values}
    return values | ({"(more)": f"{looked.more} values are not shown"} if looked.more else {})
