"""Leases: an item before one person, for a while.

What belongs here: the doors by which an item is taken, held and given back. What does not: which
item it is (`burnish.review.choosing`), and rows of leases (`burnish.review.leases`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from burnish.database import reading
from burnish.errors import ReviewConflict
from burnish.review import choosing, items, leases
from burnish.review.acting import (
    ASKING,
    Scene,
    decided_outside,
    outside_words,
    scene_of,
    scene_with,
    withdraw,
)
from burnish.review.ground import Ground
from burnish.review.records import Lease, OpenBatch, Person
from burnish.review.saying import is_name


class Leasing(Ground):
    """The doors of the desk by which items are leased.

    None waits for the disk: whose lease a power cut has taken back is given the next item.
    """

    def take(self, dataset: str, person: Person, *, beside: Sequence[str] = ()) -> Lease | None:
        """The next item that this person may answer, leased to them; None where nothing is left.

        Rework for them comes first, then what is assigned to them, then the others; of each what is
        urgent, then what is of high priority, then the others by position.
        What they hold already comes before all that, so that two tabs have the same item; `beside`
        are the tokens on their screen, next to which another is wanted.
        """
        batch = self.batch(dataset)

        def work(connection: Connection) -> Lease | None:
            now = self._clock()
            held = self._held(connection, batch, person, beside, now)
            return held or self._next(connection, batch, person, now)

        return self._transact(work, lasting=False)

    def lease(self, dataset: str, person: Person, token: str) -> Lease:
        """The lease of a token as it stands."""
        batch = self.batch(dataset)
        with reading(self._engine) as connection:
            return lease_of(connection, batch, person, token)

    def renew(self, dataset: str, person: Person, token: str) -> Lease:
        """Let a lease last from now on; also one that has run out, while nobody has its place."""
        batch = self.batch(dataset)

        def work(connection: Connection) -> Lease:
            lease, held = (
                lease_of(connection, batch, person, token),
                leases.find(connection, token),
            )
            assert held is not None
            return leases.renew(connection, held, self._clock(), self._lease_seconds).with_item(
                lease.item
            )

        return self._transact(work, lasting=False)

    def give_back(
        self, dataset: str, person: Person, token: str, *, until: datetime | None = None
    ) -> None:
        """End a lease, so that somebody else gets the item; nothing where it has ended already.

        With `until`, when it was known to end, one that has been prolonged since is kept.
        """
        batch = self.batch(dataset)

        def work(connection: Connection) -> None:
            held = leases.find(connection, token) if is_name(token) else None
            if held is None or (held.person, held.dataset) != (person.name, batch.dataset):
                return
            if until is None or held.expires_at == until:
                leases.end(connection, [token])

        self._transact(work, lasting=False)

    def _held(
        self,
        connection: Connection,
        batch: OpenBatch,
        person: Person,
        beside: Sequence[str],
        now: datetime,
    ) -> Lease | None:
        for held in leases.of_person(connection, batch, person.name):
            if held.token in beside:
                continue
            scene = scene_of(connection, self._ledger, batch, held.example_id, now)
            if not self._asks(scene):
                leases.end(connection, [held.token])
                continue
            renewed = leases.renew(connection, held, now, self._lease_seconds)
            return renewed.with_item(scene.item)
        return None

    @staticmethod
    def _asks(scene: Scene) -> bool:
        """Whether the item still asks people; one that was decided outside is withdrawn."""
        decided = decided_outside(scene)
        if decided is not None:
            withdraw(scene, outside_words(decided))
        return decided is None and scene.item.state in ASKING

    def _next(
        self, connection: Connection, batch: OpenBatch, person: Person, now: datetime
    ) -> Lease | None:
        while True:
            found = choosing.next_item(connection, batch, person.name, now)
            if found is None:
                return None
            # Most have been decided nowhere else, which the choice has told already.
            if not found.spoken or self._asks(
                scene_with(connection, self._ledger, batch, found.item, now)
            ):
                return self._leased(connection, batch, found, person, now)

    def _leased(
        self,
        connection: Connection,
        batch: OpenBatch,
        found: choosing.Next,
        person: Person,
        now: datetime,
    ) -> Lease:
        item = found.item
        if found.leases:
            held = leases.of_item(connection, batch, item.example_id)
            leases.make_room(connection, held, places=item.places - 1, now=now)
        lease = leases.new(
            batch,
            item,
            person.name,
            token=self._make_token(),
            now=now,
            seconds=self._lease_seconds,
        )
        leases.add(connection, lease)
        return lease


def lease_of(connection: Connection, batch: OpenBatch, person: Person, token: str) -> Lease:
    """The lease of a person by its token; raises `ReviewConflict` where it has ended."""
    held = leases.find(connection, token) if is_name(token) else None
    if held is not None and held.person == person.name and held.dataset == batch.dataset:
        item = items.find(connection, batch.dataset, held.iteration, held.example_id)
        if item is not None and held.iteration == batch.iteration:
            return held.with_item(item)
    raise ReviewConflict(
        "this lease has ended: the item was given to somebody else, answered, or its batch closed",
        hint="take the next item",
    )
