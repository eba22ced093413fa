"""The doors of the desk to the labeling guide, and for flags of what it leaves unclear.

What belongs here: looking at the guide's file, and who may flag which item. What does not: the rows
of versions (`burnish.review.guides`) and flags (`burnish.review.flags`), or what a page makes of
them (`burnish.review.pages_guide`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from burnish.database import read_once, reading
from burnish.errors import DataError, ItemNotFound, ReviewError
from burnish.review import events, flags, guides, items, leases
from burnish.review.flags import MOST_LABELS, Flag
from burnish.review.ground import Ground
from burnish.review.guides import Guide, GuideNow
from burnish.review.records import OpenBatch, Person
from burnish.review.saying import fit_comment, is_name


@dataclass(frozen=True)
class Flagged:
    """What came of a flag: the flag that stands now; `known` where the same stood before."""

    flag: Flag
    known: bool = False


class Guiding(Ground):
    """The doors of the desk to guides and flags."""

    def guide(self, dataset: str) -> GuideNow | None:
        """The guide that people go by now; None where the spec names none.

        The file is looked at each time and read when it has changed: a new content is the next
        version. One that cannot be used leaves the last version standing, and says why.
        """
        spec = self.spec(dataset)
        path = guides.path_of(spec)
        if path is None:
            return None
        mark = guides.mark_of(path)
        kept = self._guides.get(dataset)
        if kept is not None and kept[0] == (path, mark):
            return kept[1]
        now = self._read_guide(dataset, path)
        self._guides[dataset] = (path, mark), now
        return now

    def guide_versions(self, dataset: str) -> list[Guide]:
        """All versions of a dataset's guide, newest first."""
        if not is_name(dataset):
            return []
        with reading(self._engine) as connection:
            return guides.versions(connection, dataset)

    def answers_under(self, dataset: str, *, person: str | None = None) -> Mapping[int | None, int]:
        """How many answers that stand were given under each version; of `person` alone, if named.

        None counts those that were given under no guide.
        """
        with reading(self._engine) as connection:
            return guides.answers_under(connection, dataset, person=person)

    def flag(
        self,
        dataset: str,
        person: Person,
        example_id: str,
        labels: Sequence[str],
        *,
        comment: str = "",
        guide: int | None = None,
    ) -> Flagged:
        """Say which classes are unclear on an item (none: take one's own flag back).

        It does not answer the item. Of a person and an item the last flag counts, and the same one
        again is the one that stands. An annotator may flag what is before them, or what they have
        answered: of any other item it is not told whether the batch has it.
        """
        batch = self.batch(dataset)
        unclear, text = _fit_labels(batch, labels), fit_comment(comment)
        now = self._clock()

        def work(connection: Connection) -> Flagged:
            _check_may_flag(connection, batch, person, example_id)
            version = fit_guide(connection, dataset, guide)
            of = (batch.dataset, batch.iteration, example_id, person.name)
            before = flags.last_of(connection, *of)
            if before is not None and _says(before) == (unclear, text, version):
                return Flagged(before, known=True)
            if not unclear and (before is None or not before.labels):
                raise ReviewError("there is no flag to take back", expected="a class or more")
            flag = Flag(flags.next_seq(connection), *of, unclear, text, version, now)
            flags.add(connection, flag, after=before.seq if before else 0)
            return Flagged(flag)

        return self._transact(work)

    def flags(
        self, dataset: str, *, iteration: int | None = None, person: str | None = None
    ) -> list[Flag]:
        """The flags that stand, newest first; of one batch or one person alone, if named."""
        if not is_name(dataset):
            return []
        with reading(self._engine) as connection:
            return flags.standing(connection, dataset, iteration=iteration, person=person)

    def flag_of(self, dataset: str, person: Person, example_id: str) -> Flag | None:
        """The flag that a person's word on an item of the open batch is; None: there is none."""
        batch = self.batch(dataset)
        with read_once(self._engine) as connection:
            found = flags.last_of(
                connection, batch.dataset, batch.iteration, example_id, person.name
            )
        return found if found is not None and found.labels else None

    def _read_guide(self, dataset: str, path: Path) -> GuideNow:
        try:
            text = guides.read_guide(path)
        except DataError as error:
            with reading(self._engine) as connection:
                return GuideNow(guides.newest(connection, dataset), error.found)
        at = self._clock()
        # Most often it is known: nobody need wait for their turn to write for that.
        with reading(self._engine) as connection:
            before = guides.newest(connection, dataset)
        if before is not None and before.digest == guides.digest_of(text):
            return GuideNow(before)
        return GuideNow(
            self._transact(lambda c: guides.note(c, dataset, text, by=guides.CATALOG, at=at))
        )


def fit_guide(connection: Connection, dataset: str, version: int | None) -> int | None:
    """The version that somebody says they had before them; `ReviewError` for one that never was."""
    if version is not None and not guides.is_known(connection, dataset, version):
        raise ReviewError(
            f"the guide of {dataset} has no version {version}",
            expected="the version that was shown, or none",
        )
    return version


def _fit_labels(batch: OpenBatch, labels: Sequence[str]) -> tuple[str, ...]:
    chosen = set(labels)
    strange = sorted(chosen - set(batch.classes))
    if strange:
        raise ReviewError(
            f"{strange[0][:80]!r} is no class of {batch.dataset}",
            expected=", ".join(batch.classes[:20]),
        )
    if len(chosen) > MOST_LABELS:
        raise ReviewError(
            f"{len(chosen)} classes are flagged at once", expected=f"at most {MOST_LABELS}"
        )
    return tuple(label for label in batch.classes if label in chosen)


def _says(flag: Flag) -> tuple[tuple[str, ...], str, int | None]:
    return flag.labels, flag.comment, flag.guide


def _check_may_flag(
    connection: Connection, batch: OpenBatch, person: Person, example_id: str
) -> None:
    of = (connection, batch.dataset)
    found = items.find(*of, batch.iteration, example_id) if is_name(example_id) else None
    if found is not None and person.role == "annotator":
        held = leases.of_item(connection, batch, example_id)
        done = events.of_item(*of, example_id, iteration=batch.iteration)
        mine = {one.person for one in held} | {one.actor.name for one in done}
        found = found if person.name in mine else None
    if found is None:
        raise ItemNotFound(
            f"no item of yours in {batch.dataset} is {example_id[:80]!r}",
            expected="an item that is before you, or that you have answered",
        )
