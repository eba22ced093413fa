"""A batch out to another labeling tool, and people's answers back to the desk.

What belongs here: what holds for every tool: which items go out, who answered, and what became of
it. What does not: a tool's format (`burnish.workflows.tools`), sheets to fill in
(`burnish.workflows.exchange`), or a server (`burnish.workflows.label_studio_live`).

Answers come in by the desk (`burnish.review.bringing`), as if they had been given there: the policy
of the batch says how many have to agree, and where two differ a reviewer decides. So nothing is
settled by a file that would not be settled by the same people at the desk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from burnish.errors import DataError, ReviewError, SourceUnreadable
from burnish.records import HELD_OUT
from burnish.review import people
from burnish.review.bringing import Brought, Outcome
from burnish.review.desk import Desk
from burnish.review.records import OpenBatch, Origin, Person, Said
from burnish.typing import Clock
from burnish.workflows.desk import HomeBatches
from burnish.workflows.desk_examples import HomeExamples
from burnish.workflows.exchange import left_since
from burnish.workflows.home import Home
from burnish.workflows.tool_tasks import asked, handed_out, handout_of, note_handed_out
from burnish.workflows.tools import ReadBack, ToolAnswer, tool_named


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class HandedOut:
    """What went out: the files, how many items, and how many had gone out before."""

    files: tuple[Path, ...]
    items: int
    before: int

    def __str__(self) -> str:
        if not self.items:
            return (
                f"All {self.before} items that ask for answers went out before; --all writes them "
                "again."
            )
        more = f" {self.before} went out before, and --all writes them too." if self.before else ""
        return f"Wrote {self.items} items to {', '.join(map(str, self.files))}.{more}"


@dataclass(frozen=True)
class TakenBack:
    """What became of the answers of a file or a server.

    `taken` are new, `changed` take the place of an earlier answer of the same person, `known` were
    taken before, `older` are behind what the person has said since. `decided` are the examples that
    were decided otherwise meanwhile, `beyond` those that more people answered than the policy asks.
    `blank` tasks have no answer, `elsewhere` are of other batches or have left the source.
    `settled`, `open` and `disagreed` tell of the batch as it stands now.
    """

    taken: int
    changed: int
    known: int
    older: int
    blank: int
    elsewhere: int
    decided: tuple[str, ...] = ()
    beyond: tuple[str, ...] = ()
    settled: int = 0
    open: int = 0
    disagreed: int = 0

    def __str__(self) -> str:
        lines = [
            (
                f"{self.taken} answers taken, {self.changed} changed; {self.known} were known, "
                f"{self.older} are older than what stands, {self.blank} tasks have no answer, "
                f"{self.elsewhere} answers are of no item of this batch."
            ),
            *_named(self.decided, "decided meanwhile by somebody whose word stays"),
            *_named(self.beyond, "answered by more people than the policy asks for"),
            (
                f"Of the batch {self.settled} items are settled, {self.open} ask for answers, and "
                f"{self.disagreed} wait for a reviewer at the desk."
            ),
        ]
        return "\n".join(lines)


@dataclass(frozen=True)
class Exchange:
    """A batch at the desk, and what its tasks are made of: opened once for out and back."""

    home: Home
    desk: Desk
    batch: OpenBatch
    batches: HomeBatches
    examples: HomeExamples
    clock: Clock


def opened(home: Home, catalog: Path, dataset: str, *, clock: Clock = _now) -> Exchange:
    """The open batch of a dataset. Raises `ReviewError` (`ItemNotFound`) where none is open."""
    batches = HomeBatches(home, catalog)
    desk = Desk(home.versions.engine, home.ledger, batches, clock=clock)
    batch = desk.progress(dataset).batch
    return Exchange(home, desk, batch, batches, HomeExamples(home, batches), clock)


def hand_out(
    at: Exchange, tool_name: str, target: Path | None = None, *, everything: bool = False
) -> HandedOut:
    """Write the items that ask for answers and did not go out to this tool before.

    `everything` writes those too. `target` is the file (None: named after the batch, here). An
    existing file is not overwritten: people may have it. Raises `DataError` where the tool cannot
    show them, `ReviewError` where no item asks.
    """
    tool, batch = tool_named(tool_name), at.batch
    before = handed_out(at.home, batch, tool.name) & set(asked(at.home, batch))
    but = frozenset[str]() if everything else before
    handout = handout_of(at.home, at.examples, batch, at.batches.spec(batch.dataset), but=but)
    if not handout.tasks:
        return HandedOut((), 0, len(before))
    path = target or _free(Path(f"{batch.dataset}-iter{batch.iteration}-{tool.name}{tool.suffix}"))
    if path.exists():
        raise DataError(
            f"there is a file {path} already", hint="name another with --out, or remove it"
        )
    files = tool.write(handout, path)
    names = [task.example_id for task in handout.tasks]
    note_handed_out(at.home, batch, tool.name, names, clock=at.clock)
    return HandedOut(files, len(names), 0 if everything else len(before))


def take_back(
    at: Exchange, tool_name: str, file: Path, *, author: str = "", known_as: Mapping[str, str] = {}
) -> TakenBack:
    """Take an export of a tool in; twice is the same as once.

    `author` is whose the answers are that name nobody, `known_as` gives the name here of people
    who have another there. Raises `DataError`, and takes nothing, where an answer cannot be taken
    as it is; `SourceUnreadable` for a file that is no export of the tool.
    """
    tool = tool_named(tool_name)
    if not file.exists():
        raise SourceUnreadable(
            f"there is no file {file}", expected=f"an export of {tool.name}", hint="check its name"
        )
    found = tool.read(file, author=author)
    return take_answers(at, tool.name, found, where=str(file), known_as=known_as)


def take_answers(
    at: Exchange,
    tool: str,
    found: ReadBack,
    *,
    where: str,
    known_as: Mapping[str, str] = {},
) -> TakenBack:
    """What `take_back` does, of answers that were read already; `where` is for errors."""
    rows = {row["example_id"]: row for row in at.batches.queue(at.batch)}
    gone = left_since(at.home, at.batch.dataset, at.batch.iteration) - rows.keys()
    place = (at.batch.dataset, at.batch.iteration)
    here = [
        one
        for one in found.answers
        if (one.dataset, one.iteration) == place and one.example_id not in gone
    ]
    faults = list(found.faults)
    persons = _persons(at, {known_as.get(one.author, one.author) for one in here}, faults)
    ours: list[Brought] = []
    for one in _latest(here):
        person = persons.get(known_as.get(one.author, one.author))
        if one.shown and rows.get(one.example_id, {}).get("reason") == HELD_OUT:
            faults.append(
                f"example {one.example_id!r} is held out and judged blind, and this task tells "
                "what a model thinks"
            )
        elif person is not None:
            ours.append(_brought(one, person, tool))
    faults += [
        f"{ours[at_].person.name} on {ours[at_].example_id!r}: {why}"
        for at_, why in at.desk.faults(at.batch.dataset, ours)
    ]
    if faults:
        raise DataError(
            f"{len(faults)} answers of {where} cannot be taken:\n  " + "\n  ".join(faults[:20]),
            hint="nothing was taken; mend these and import again",
        )
    outcomes = at.desk.bring(at.batch.dataset, ours)
    return _told(at, ours, outcomes, found, elsewhere=len(found.answers) - len(here))


def _persons(at: Exchange, names: set[str], faults: list[str]) -> dict[str, Person]:
    """The people of these names: as the desk knows them, else annotators by that name."""
    found: dict[str, Person] = {}
    with at.home.versions.engine.connect() as connection:
        for name in sorted(names):
            try:
                known = people.find(connection, name)
                found[name] = (
                    known[0].person if known else Person(people.check_name(name), "annotator")
                )
            except ReviewError as error:
                who = f"{error.found} (who answered?)" if name else "nobody is named as the author"
                faults.append(f"{who}: give --author, or --person THERE=HERE")
    return found


def _latest(answers: Sequence[ToolAnswer]) -> list[ToolAnswer]:
    """The last answer of each person to each task, in the order of their times."""
    first = datetime.min.replace(tzinfo=UTC)
    ordered = sorted(answers, key=lambda one: (one.answered_at or first, one.example_id))
    last = {(one.author, one.example_id): one for one in ordered}
    return [one for one in ordered if last[one.author, one.example_id] is one]


def _brought(one: ToolAnswer, person: Person, tool: str) -> Brought:
    said = Said(
        one.word or "change",
        one.label,
        one.comment,
        seconds=one.seconds,
        shown=one.shown,
    )
    origin = Origin(tool, one.task, one.annotation, one.answered_at)
    return Brought(one.example_id, person, said, origin)


def _told(
    at: Exchange,
    answers: Sequence[Brought],
    outcomes: Sequence[Outcome],
    found: ReadBack,
    *,
    elsewhere: int,
) -> TakenBack:
    counts = Counter(outcomes)
    names = {
        what: tuple(
            sorted(
                {
                    one.example_id
                    for one, outcome in zip(answers, outcomes, strict=True)
                    if outcome == what
                }
            )
        )
        for what in ("decided", "beyond")
    }
    states = at.desk.progress(at.batch.dataset).states
    told = TakenBack(
        counts["taken"], counts["changed"], counts["known"], counts["older"], found.blank, elsewhere
    )
    return replace(
        told,
        **names,
        settled=states.get("settled", 0),
        open=states.get("open", 0) + states.get("rework", 0),
        disagreed=states.get("disagreed", 0) + states.get("submitted", 0),
    )


def _named(names: tuple[str, ...], what: str) -> list[str]:
    if not names:
        return []
    more = " ..." if len(names) > 10 else ""
    return [f"{len(names)} were {what}: {', '.join(names[:10])}{more}."]


def _free(path: Path) -> Path:
    """A name that no file has yet: what was handed out is never overwritten."""
    count, free = 1, path
    while free.exists():
        count += 1
        free = path.with_name(f"{path.stem}-{count}{path.suffix}")
    return free
