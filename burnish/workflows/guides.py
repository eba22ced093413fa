"""The labeling guide of a dataset outside the desk: its file, its versions, what people flag.

What belongs here: what the command line, the desk's start and the pages of the loop tell of a
guide. What does not: versions and flags themselves (`burnish.review.guides`,
`burnish.review.flags`), or the desk's pages (`burnish.review.pages_guide`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from burnish.database import migrate, transact
from burnish.errors import DataError, SpecError
from burnish.review import flags, guides
from burnish.review.flags import FlagCounts
from burnish.review.guides import Guide
from burnish.spec import DatasetSpec, load_spec_named
from burnish.typing import Clock
from burnish.versions import Versions
from burnish.workflows.home import Home


@dataclass(frozen=True)
class GuideState:
    """How a dataset's guide stands: the file, the versions kept, newest first, and the flags.

    `path` is None where the spec names no guide. `problem` says why its file cannot be used;
    `is_new` that it says something else than the newest version, which the desk notes at its next
    look. `answers` are those that stand, by version; None: under none.
    """

    dataset: str
    path: Path | None
    versions: tuple[Guide, ...]
    answers: Mapping[int | None, int]
    flags: FlagCounts
    problem: str = ""
    is_new: bool = False

    def to_json(self) -> dict[str, Any]:
        """As JSON can hold it; texts are left out."""
        return {
            "dataset": self.dataset,
            "path": str(self.path) if self.path else None,
            "problem": self.problem,
            "is_new": self.is_new,
            "answers_under_none": self.answers.get(None, 0),
            "versions": self.to_table().to_pylist(),
            "flags": {
                "total": self.flags.total,
                "by_class": dict(self.flags.by_class),
                "by_pair": [[*pair, count] for pair, count in self.flags.by_pair],
            },
        }

    def to_table(self) -> pa.Table:
        """A row a version, newest first: version, at, noted_by, answers, lines, digest."""
        rows = [
            {
                "version": one.version,
                "at": one.at.isoformat(timespec="seconds"),
                "noted_by": one.noted_by,
                "answers": self.answers.get(one.version, 0),
                "lines": one.text.count("\n") + 1,
                "digest": one.digest[:12],
            }
            for one in self.versions
        ]
        words = [(name, pa.string()) for name in ("at", "noted_by")]
        numbers = [(name, pa.int64()) for name in ("answers", "lines")]
        return pa.Table.from_pylist(
            rows, pa.schema([("version", pa.int64()), *words, *numbers, ("digest", pa.string())])
        )


def guide_state(home: Home, spec: DatasetSpec) -> GuideState:
    """How the guide of a dataset stands; nothing is noted by looking."""
    engine = home.versions.engine
    migrate(engine)
    path, text, problem = guides.path_of(spec), None, ""
    if path is not None:
        try:
            text = guides.read_guide(path)
        except DataError as error:
            problem = error.found
    with engine.connect() as connection:
        kept = tuple(guides.versions(connection, spec.name))
        answers = guides.answers_under(connection, spec.name)
        standing = flags.standing(connection, spec.name)
    is_new = text is not None and (not kept or kept[0].digest != guides.digest_of(text))
    return GuideState(
        spec.name, path, kept, answers, flags.counted(standing), problem=problem, is_new=is_new
    )


def note_guide(home: Home, spec: DatasetSpec, *, by: str, clock: Clock) -> Guide:
    """Keep the guide's file as its newest version now, before the desk looks at it by itself.

    Raises `SpecError` where the spec names none, `DataError` where the file cannot be used.
    """
    path = guides.path_of(spec)
    if path is None:
        raise SpecError(f"the spec of {spec.name} names no guide", hint="review: {guide: guide.md}")
    text, engine, at = guides.read_guide(path), home.versions.engine, clock()
    migrate(engine)
    return transact(engine, lambda c: guides.note(c, spec.name, text, by=by, at=at))


def guide_problems(home: Home, catalog: Path) -> list[str]:
    """A line for each dataset with an open iteration whose guide cannot be used."""
    lines: list[str] = []
    for dataset in home.versions.datasets():
        if home.versions.current(dataset) is None:
            continue
        try:
            spec = load_spec_named(catalog, dataset)
        except SpecError:  # told of already: its batch is left out
            continue
        path = guides.path_of(spec)
        try:
            if path is not None:
                guides.read_guide(path)
        except DataError as error:
            lines.append(f"  {dataset}: {error.found}; its last version is shown, if it has one")
    return lines


def flags_of(versions: Versions, dataset: str) -> FlagCounts:
    """What people have flagged as unclear in a dataset, in all its batches."""
    migrate(versions.engine)
    with versions.engine.connect() as connection:
        return flags.counted(flags.standing(connection, dataset))
