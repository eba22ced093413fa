"""What is seen of the desk: progress, items, their events, and what waits for somebody.

What belongs here: the doors that read. What does not: those that change something
(`burnish.review.desk`), and what a page makes of it (`burnish.review.pages_queue` and others).
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import Connection

from burnish.database import reading
from burnish.errors import ItemNotFound
from burnish.review import arranging, choosing, events, items, leases, syncing
from burnish.review.arranging import Arrangement
from burnish.review.ground import Ground
from burnish.review.records import DeskEvent, Filters, Item, Person, Progress
from burnish.review.saying import is_name
from burnish.review.states import Standing, stand


@dataclass(frozen=True)
class Told:
    """An answer or decision, its item, and where that stands."""

    event: DeskEvent
    item: Item
    standing: Standing

    @property
    def stands(self) -> bool:
        """Whether it is one of the answers that stand."""
        return self.event.seq in {one.seq for one in self.standing.said}


class Reading(Ground):
    """The doors of the desk that read."""

    def datasets(self) -> list[Progress]:
        """How far each open batch is, by the name of its dataset."""
        found: list[Progress] = []
        for name in sorted(self._batches.datasets()):
            # Most have no batch, and one may close meanwhile.
            with suppress(ItemNotFound):
                found.append(self.progress(name))
        return found

    def progress(self, dataset: str) -> Progress:
        """How far people are with the open batch of a dataset, decisions made outside included."""
        batch = self._looked_outside(self.batch(dataset))
        with reading(self._engine) as connection:
            tally = self._tallies.of(connection, batch)
            return Progress(
                batch=syncing.as_kept(connection, batch) or batch,
                states=tally.states,
                leased=leases.count_live(connection, batch, self._clock()),
                by_person=tally.by_person,
                final=tally.final,
            )

    def before_others(self, dataset: str, person: Person) -> int:
        """How many items others have before them just now that may still come to this person."""
        batch = self.batch(dataset)
        with reading(self._engine) as connection:
            return choosing.before_others(connection, batch, person.name, self._clock())

    def items(
        self,
        dataset: str,
        filters: Filters = Filters(),  # noqa: B008 - frozen
        *,
        offset: int = 0,
        limit: int = 50,
        among: Collection[str] | None = None,
    ) -> tuple[list[Item], int]:
        """Items of the open batch by position, and how many the filters leave in all.

        `among` are the examples of the slice that the filters name: the desk knows of none itself.
        """
        batch = self._looked_outside(self.batch(dataset))
        if not all(is_name(text) for text in _texts(filters) if text):
            return [], 0
        with reading(self._engine) as connection:
            wanted = items.condition(
                filters, now=self._clock(), dialect=self._engine.dialect.name, among=among
            )
            return items.listed(connection, batch, wanted, offset=offset, limit=limit)

    def item(self, dataset: str, example_id: str) -> Item:
        """One item: of the open batch, else of the latest one that had it."""
        with reading(self._engine) as connection:
            return self._item(connection, dataset, example_id)

    def events(self, dataset: str, example_id: str) -> list[DeskEvent]:
        """Everything that was done to an example at the desk, in all iterations, oldest first."""
        if not (is_name(dataset) and is_name(example_id)):
            return []
        with reading(self._engine) as connection:
            return events.of_item(connection, dataset, example_id)

    def arranged(self, dataset: str, example_id: str) -> list[Arrangement]:
        """What was arranged of an item of the latest batch that had the example, oldest first."""
        with reading(self._engine) as connection:
            item = self._item(connection, dataset, example_id)
            return arranging.of_item(connection, dataset, item.iteration, example_id)

    def standing(self, dataset: str, example_id: str) -> Standing:
        """Where an item of the open batch stands."""
        batch = self.batch(dataset)
        with reading(self._engine) as connection:
            return self._scene(connection, batch, example_id).standing

    def inbox(self, dataset: str, person: Person) -> list[Item]:
        """What waits for a person beyond new items, at most 200.

        Of a reviewer disagreed and submitted items that they have not answered themselves, and all
        in rework; of an annotator the rework that asks them.
        """
        batch = self._looked_outside(self.batch(dataset))
        with reading(self._engine) as connection:
            return items.inbox(connection, batch, person)

    def latest_of(self, dataset: str, name: str, *, limit: int) -> list[Told]:
        """What somebody answered last and still stands, with its item, newest first.

        Of each the item, and where it stands: as many statements for many as for one.
        """
        batch = self.batch(dataset)
        if not is_name(name):
            return []
        with reading(self._engine) as connection:
            # Of an item in a later round an answer of an earlier one may be overruled by another.
            said = events.of_person(
                connection, batch.dataset, batch.iteration, name, limit=2 * limit
            )
            ids = sorted({event.example_id for event in said})
            found = items.find_many(connection, batch, ids)
            done = events.of_items(connection, batch.dataset, batch.iteration, ids)
        told = (
            Told(event, found[event.example_id], stand(done[event.example_id], batch.policy))
            for event in said
            if event.example_id in found
        )
        return [one for one in told if one.stands][:limit]

    def answered_by(self, dataset: str, name: str, *, limit: int = 20) -> list[DeskEvent]:
        """What somebody answered or decided in the open batch, and did not undo; newest first."""
        batch = self.batch(dataset)
        if not is_name(name):
            return []
        with reading(self._engine) as connection:
            return events.of_person(connection, batch.dataset, batch.iteration, name, limit=limit)

    def _item(self, connection: Connection, dataset: str, example_id: str) -> Item:
        named = is_name(dataset) and is_name(example_id)
        found = items.newest(connection, dataset, example_id) if named else None
        if found is None:
            raise ItemNotFound(
                f"no batch of {dataset!r} had an example {example_id!r}",
                hint=f"`burnish blame {dataset} {example_id}` tells of rows that nobody was asked",
            )
        return found


def _texts(filters: Filters) -> list[str]:
    named = (filters.reason, filters.label, filters.suggested, filters.assignee, filters.text)
    return [*named, *filters.states]
