"""Which rows each period has by now, without reading files again that were read before.

What belongs here: which files a period follows from, and reading those alone that changed it. What
does not: the rows themselves (`burnish.workflows.production_rows`), how it is kept
(`burnish.workflows.production_seen`), or what is due (`burnish.workflows.production_due`).

A file is known by its size and time: one that is rewritten with both as they were is not noticed.
The rows of a period follow from the files that have rows in it, and from those that share an
example_id with these: a newer file may take a row to another period. While all of them are as they
were, the content of the period is.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from burnish import __version__
from burnish.errors import DataError
from burnish.spec import DatasetSpec, Source
from burnish.store import content_digest
from burnish.workflows.production_files import (
    Delivered,
    Waited,
    in_order,
    mark_of,
    name_of,
    production_paths,
    read_one,
)
from burnish.workflows.production_periods import required_production
from burnish.workflows.production_rows import Met, contents_of, met_of, read_production
from burnish.workflows.production_seen import (
    SeenFile,
    SeenPeriod,
    keep_files,
    keep_periods,
    seen_files,
    seen_periods,
)


@dataclass(frozen=True)
class Arrived:
    """The content digest of each period that has rows; `waited` are files that are not in it."""

    digests: Mapping[str, str]
    waited: tuple[Waited, ...]


@dataclass(frozen=True)
class _Looked:
    """The files by now, oldest first; `held` are the rows of those that were read just now."""

    seen: Mapping[str, SeenFile]
    held: Mapping[str, Delivered]
    waited: tuple[Waited, ...]


def arrived(
    spec: DatasetSpec,
    engine: Engine,
    *,
    now: datetime,
    periods: Sequence[str],
    environ: Mapping[str, str] = os.environ,
) -> Arrived:
    """What came by now of periods that are over; only files that are new or changed are read.

    The same as of `read_production`, whatever is known of earlier looks, and raises as it does. A
    database and a bundled stream are read each time.
    """
    source = required_production(spec).source
    if source is None or source.bundled:
        return _of_all(read_production(spec, now=now, periods=periods, environ=environ), periods)
    looked = _look(spec, source, engine, now=now)
    related = _related(looked.seen, periods)
    states = {name: _state(spec, looked.seen, files) for name, files in related.items() if files}
    known = seen_periods(engine, spec.name)
    stale = [
        name for name, state in states.items() if name not in known or known[name].state != state
    ]
    found = _digests(spec, source, looked, related, stale, now=now)
    keep_periods(engine, spec.name, {name: SeenPeriod(states[name], found[name]) for name in found})
    told = {name: found[name] if name in found else known[name].digest for name in states}
    return Arrived({name: digest for name, digest in told.items() if digest}, looked.waited)


def _of_all(met: Met, periods: Sequence[str]) -> Arrived:
    counts = met.counts
    digests = {name: content_digest(met.of(name)) for name in periods if name in counts}
    return Arrived(digests, met.waited)


# ---------------------------------------------------------------- files


def _look(spec: DatasetSpec, source: Source, engine: Engine, *, now: datetime) -> _Looked:
    """Every file as it is now, read where it is new or changed; what is found is kept."""
    reading = _reading(spec)
    known = seen_files(engine, spec.name, reading=reading)
    seen: dict[str, SeenFile] = {}
    new: dict[str, SeenFile] = {}
    held: dict[str, Delivered] = {}
    waited: list[Waited] = []
    refused: list[DataError] = []
    for path in production_paths(spec, source):
        name = name_of(spec, path)
        mark = mark_of(path)
        if name in known and known[name].mark == mark:
            seen[name] = known[name]
            continue
        one = read_one(path, source, name=name, now=now)
        if isinstance(one, Waited):
            waited.append(one)
            continue
        try:
            new[name] = seen[name] = _seen(spec, one, mark)
            held[name] = one
        except DataError as error:
            refused.append(error)
    keep_files(engine, spec.name, new, gone=known.keys() - seen.keys(), reading=reading)
    if refused:
        # The others are known by the next look.
        raise refused[0]
    return _Looked(seen, held, tuple(waited))


def _seen(spec: DatasetSpec, one: Delivered, mark: str) -> SeenFile:
    content = contents_of(spec, one)
    hashed = [
        int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")
        for name in content.ids
    ]
    return SeenFile(mark, content.periods, np.unique(np.array(hashed, np.uint64)))


def _reading(spec: DatasetSpec) -> str:
    """Other where a spec, or another Burnish, may find other rows in the same files."""
    chosen = spec.model_dump_json(include={"id", "features", "production"})
    return hashlib.sha256(f"{__version__}\n{spec.folder}\n{chosen}".encode()).hexdigest()[:32]


# ---------------------------------------------------------------- periods


def _related(seen: Mapping[str, SeenFile], periods: Sequence[str]) -> dict[str, set[str]]:
    """The files that the rows of each period follow from."""
    names = list(seen)
    having: dict[str, list[int]] = {name: [] for name in periods}
    for place, one in enumerate(seen.values()):
        for period in one.periods:
            if period in having:
                having[period].append(place)
    owners, groups = _shared([one.ids for one in seen.values()])
    found: dict[str, set[str]] = {}
    for period, places in having.items():
        files = set(places)
        if len(owners) and places:
            flags = np.zeros(len(names), bool)
            flags[places] = True
            hit = np.zeros(int(groups[-1]) + 1, bool)
            hit[groups[flags[owners]]] = True
            files.update(np.unique(owners[hit[groups]]).tolist())
        found[period] = {names[place] for place in files}
    return found


def _shared(ids: Sequence[NDArray[np.uint64]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ids that more than one file has: the file of each, and which lines are of the same id."""
    whole = np.concatenate([np.zeros(0, np.uint64), *ids])
    owners = np.repeat(np.arange(len(ids)), [len(one) for one in ids])
    order = np.argsort(whole, kind="stable")
    whole, owners = whole[order], owners[order]
    same = whole[1:] == whole[:-1]
    again = np.zeros(len(whole), bool)
    again[1:] |= same
    again[:-1] |= same
    _, groups = np.unique(whole[again], return_inverse=True)
    return owners[again], groups.astype(np.int64)


def _state(spec: DatasetSpec, seen: Mapping[str, SeenFile], files: Collection[str]) -> str:
    told = [_reading(spec), *(f"{name}|{seen[name].mark}" for name in sorted(files))]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:32]


def _digests(
    spec: DatasetSpec,
    source: Source,
    looked: _Looked,
    related: Mapping[str, Collection[str]],
    stale: Iterable[str],
    *,
    now: datetime,
) -> dict[str, str]:
    """The digests of periods whose files are others; a file that is gone meanwhile ends them."""
    wanted = {name for period in stale for name in related[period]}
    delivered: list[Delivered] = []
    for path in production_paths(spec, source) if wanted else []:
        name = name_of(spec, path)
        if name in wanted:
            one = looked.held.get(name) or read_one(path, source, name=name, now=now)
            if isinstance(one, Waited):
                raise DataError(f"{name} was changed during the look", hint="look again")
            delivered.append(one)
    met = met_of(spec, in_order(delivered), now=now)
    counts = met.counts
    return {name: content_digest(met.of(name)) if name in counts else "" for name in stale}
