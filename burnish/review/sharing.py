"""Sharing a batch out: dealing items, handing them over, and what is before oneself.

What belongs here: the doors by which a team shares its work. What does not: who gets which item of
a deal (`burnish.review.assigning`), assigning by hand (`burnish.review.desk`), or pauses, which are
people's and not a batch's (`burnish.review.accounts`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, select

from burnish.database import reading
from burnish.errors import NotAllowed, ReviewError
from burnish.review import arranging, dealing, items, leases, people
from burnish.review.assigning import WORDS, How
from burnish.review.ground import Ground
from burnish.review.records import ROLES_HINT, Item, OpenBatch, Person
from burnish.review.saying import fit_comment, is_name
from burnish.review.schema import desk_items

MOST_MINE = 200
_C = desk_items.c


@dataclass(frozen=True)
class Mine:
    """What waits for one person: `rework` that asks them, and what is `assigned` to them.

    Both in the order in which they are asked, at most 200 of each; `total` counts all of both.
    """

    rework: tuple[Item, ...]
    assigned: tuple[Item, ...]
    total: int


class Sharing(Ground):
    """The doors of the desk by which a team shares its work."""

    def deal(self, dataset: str, person: Person, example_ids: Sequence[str], how: How) -> int:
        """Deal these items out to those at work; returns how many found somebody. For reviewers.

        Only open ones are dealt, each to somebody who has not answered it. Whoever was asked first
        for one of those before is not any more; where nobody is found, it stays as it was.
        """
        if person.role == "annotator":
            raise NotAllowed(
                f"items are dealt by reviewers, and {person.name} is an annotator", hint=ROLES_HINT
            )
        batch, now = self.batch(dataset), self._clock()
        skills = self._skills(dataset) if how == "skill" else None
        ids = [one for one in example_ids if is_name(one)]

        def work(connection: Connection) -> int:
            among = dealing.open_items(connection, batch, ids)
            to = dealing.dealt(connection, batch, among, how=how, skills=skills, now=now)
            why = WORDS[how]
            return arranging.assign(connection, batch, to, actor=person.name, why=why, at=now)

        return self._transact(work)

    def hand_over(self, dataset: str, person: Person, to: str, *, why: str, of: str = "") -> int:
        """Give what is assigned to somebody, and open, to another (`to` empty: to anybody).

        `of` is oneself where it is empty; reviewers hand over what is others'. What the other has
        answered already is for anybody. What was before whoever hands it over is so no more.
        Returns how many items there were. Raises `ReviewError` for somebody who is not there, was
        deactivated, or is away.
        """
        giver = of or person.name
        if giver != person.name and person.role == "annotator":
            raise NotAllowed(
                f"what is {giver}'s is handed over by them, or by a reviewer", hint=ROLES_HINT
            )
        if giver == to:
            raise ReviewError(f"{giver} has it already", expected="somebody else, or nobody")
        batch = self._looked_outside(self.batch(dataset))
        now, words = self._clock(), fit_comment(why)
        if not words.strip():
            raise ReviewError("items are handed over without a word", expected="why, in a few")

        def work(connection: Connection) -> int:
            if to:
                _require_at_work(connection, to, self._clock())
            names = _waiting(connection, batch, giver)
            done = _answered_among(connection, batch, names, to) if to else set[str]()
            whom = {name: "" if name in done else to for name in names}
            leases.end_of_items(connection, batch, names, giver)
            return arranging.assign(
                connection, batch, whom, actor=person.name, why=words.strip(), at=now
            )

        return self._transact(work)

    def mine(self, dataset: str, name: str) -> Mine:
        """What waits for somebody in the open batch, in the order in which they are asked."""
        batch = self._looked_outside(self.batch(dataset))
        rework = and_(_C.state == "rework", items.asked_again(name))
        assigned = _assigned(name)
        with reading(self._engine) as connection:
            first, again = items.asked_first(connection, batch, rework, limit=MOST_MINE)
            then, left = items.asked_first(connection, batch, assigned, limit=MOST_MINE)
        return Mine(tuple(first), tuple(then), again + left)


def _assigned(name: str) -> ColumnElement[bool]:
    return and_(_C.state == "open", _C.assignee == name, ~items.answered_by(name))


def _waiting(connection: Connection, batch: OpenBatch, name: str) -> list[str]:
    mine = items.of_batch(batch.dataset, batch.iteration)
    return list(connection.scalars(select(_C.example_id).where(mine, _assigned(name))))


def _answered_among(
    connection: Connection, batch: OpenBatch, names: Sequence[str], person: str
) -> set[str]:
    among = dealing.open_items(connection, batch, names)
    return {item.example_id for item in among if person in item.done}


def _require_at_work(connection: Connection, name: str, now: datetime) -> None:
    found = people.known(connection, name)
    if not found.active:
        raise ReviewError(f"{name} was deactivated", hint="hand over to somebody who is here")
    if found.is_away(now):
        raise ReviewError(
            f"{name} is away until {found.paused_until:%Y-%m-%d %H:%M} UTC",
            hint="hand over to somebody who is here",
        )
