"""Verifying a home: whether what was recorded is still there, and still what it was.

What belongs here: holding ledger, dataset versions, iterations, pins and tables against each
other, and saying of each whether it holds. What does not: the checks of one part by itself
(`SqlLedger.verify`, `DeltaStore.verify`), or mending anything: that is a backup's work.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count

from burnish.errors import (
    BurnishError,
    CorruptTable,
    LedgerTampered,
    ReviewError,
    StoreError,
    VersionNotFound,
)
from burnish.ledger.events import EMPTY
from burnish.records import DatasetVersion, Iteration, Watermark
from burnish.store import DeltaStore
from burnish.versions import Versions
from burnish.versions.curating import content_without
from burnish.versions.views import CURATED, VIEW, Recipe, parts_of
from burnish.workflows.home import Home

# The versions that an iteration notes, by the word in its summary. The first two are pinned when
# they are noted; the others a vacuum may take, but for those of the champion.
NOTED = {
    "curated_version": CURATED,
    "model_version": "model_files",
    "augmented_version": "augmented_examples",
    "predictions_version": "trained_model",
    "report_version": "slice_report",
}
PINNED = ("curated_version", "model_version")
RESTORE = "restore the database from a backup that verifies"


@dataclass(frozen=True)
class Finding:
    """What was looked at, whether it holds, and what was seen."""

    what: str
    ok: bool
    text: str

    def __str__(self) -> str:
        return f"{'ok' if self.ok else 'BAD'}  {self.what}: {self.text}"


def verify_home(home: Home, dataset: str | None = None, *, tables: bool = True) -> list[Finding]:
    """Check all that a home holds of one dataset (None: of each), and report every check.

    In this order: the chain of the ledger; every watermark that was kept, which also tells that
    newer events were cut off; content, counts and pins of each dataset version; the versions that
    iterations and the champion name; with `tables`, every kept version of every table, read in
    full. Events cut off behind the newest watermark leave no trace.

    Raises `ReviewError` for a dataset that the home does not know.

    >>> import tempfile
    >>> from pathlib import Path
    >>> import pyarrow as pa
    >>> from burnish.workflows.home import prepare_home
    >>> home = prepare_home(Path(tempfile.mkdtemp()))
    >>> rows = pa.table({"example_id": ["a"], "label": ["7"]})
    >>> written = home.versions.write("digits", "raw_examples", rows, gated=False)
    >>> for finding in verify_home(home, "digits"):
    ...     print(finding)
    ok  ledger of digits: all 0 events hold
    ok  digits/raw_examples@1: 1 rows, as they were written
    """
    if dataset is not None:
        require_dataset(home, dataset)
    findings: list[Finding] = []
    for name in known_datasets(home) if dataset is None else [dataset]:
        findings += [_finding(what, check) for what, check in _checks(home, name)]
        if tables:
            findings += [one for table in _tables(home, name) for one in _table(home, name, table)]
    return findings


def known_datasets(home: Home) -> list[str]:
    """The datasets that ever had a table or an iteration, by name."""
    named = {table.split("/")[0] for table in _store(home.versions).tables() if "/" in table}
    return sorted(named | set(home.versions.datasets()))


def require_dataset(home: Home, dataset: str) -> None:
    """Raise `ReviewError` for a dataset of which the home holds neither tables nor events."""
    known = known_datasets(home)
    if dataset not in known and home.ledger.head(dataset) == EMPTY:
        raise ReviewError(
            f"nothing is known of a dataset {dataset!r} here",
            expected=f"one of: {', '.join(known) or 'none yet'}",
            hint="check the name, and the home that --home or BURNISH_HOME names",
        )


def _finding(what: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(what, True, check())
    except BurnishError as error:
        return Finding(what, False, str(error))


def _checks(home: Home, dataset: str) -> Iterator[tuple[str, Callable[[], str]]]:
    """Every check but those of tables: what it looks at, and what says that it holds, or raises."""
    versions = home.versions
    made, turns = versions.dataset_versions(dataset), versions.iterations(dataset)
    champion = versions.champion(dataset)
    yield f"ledger of {dataset}", partial(_ledger_holds, home, dataset)
    for one in (*turns, *made):
        yield f"watermark of {one}", partial(_mark_holds, home, dataset, one.watermark)
    if versions.candidate(dataset, CURATED) is not None:
        yield f"labels of {dataset}/{CURATED}", partial(_views_hold, home, dataset)
    for version in made:
        yield f"content of {version}", partial(_content_holds, versions, version)
        yield f"pins of {version}", partial(_pins_hold, versions, version)
    for turn in turns:
        yield f"versions named by {turn}", partial(_names_hold, versions, turn, needed=PINNED)
    if champion is not None:
        check = partial(_names_hold, versions, champion, needed=tuple(NOTED))
        yield f"champion of {dataset}, {champion}", check


def _ledger_holds(home: Home, dataset: str) -> str:
    return f"all {home.ledger.verify(dataset).event_id} events hold"


def _views_hold(home: Home, dataset: str) -> str:
    """Every kept version of curated rows was made with a past that the ledger still has.

    Tables and database restored from backups of different times show here.
    """
    kept = [
        one for one in home.versions.store.history(f"{dataset}/{CURATED}") if VIEW in one.properties
    ]
    for one in kept:
        _mark_holds(
            home,
            dataset,
            Watermark(int(one.properties["watermark"]), one.properties["chain"]),
        )
    return f"{len(kept)} versions were made with labels that are in the ledger"


def _mark_holds(home: Home, dataset: str, mark: Watermark) -> str:
    found = EMPTY.chain
    if mark.event_id:
        with _decoded(dataset):
            events = home.ledger.events(dataset, after=mark.event_id - 1, until=mark.event_id)
        if not events:
            newest = home.ledger.head(dataset).event_id
            raise LedgerTampered(
                f"event {mark.event_id} of {dataset} is gone; the newest is {newest}", hint=RESTORE
            )
        found = events[0].chain
    if found != mark.chain:
        raise LedgerTampered(
            f"the chain of {dataset} at event {mark.event_id} is {found}",
            expected=f"{mark.chain}, which was kept",
            hint=RESTORE,
        )
    return f"event {mark.event_id} has the chain that was kept"


@contextmanager
def _decoded(dataset: str) -> Generator[None]:
    """An event that cannot be decoded was never appended so: say that, as the library would."""
    try:
        yield
    except (TypeError, ValueError) as error:
        found = f"an event of {dataset} cannot be read: {error}"
        raise LedgerTampered(found, hint=RESTORE) from error


def _content_holds(versions: Versions, version: DatasetVersion) -> str:
    with _decoded(version.dataset):
        rows = versions.read_version(version.dataset, CURATED, version=version.table_version)
    found = content_without(rows, versions.turned_away(version))
    recipe = _recipe(versions, version)
    mark = Watermark(recipe.watermark, recipe.chain) if recipe else version.watermark
    pairs: list[tuple[str, object, object]] = [
        ("digest", found.digest.hex, version.digest),
        ("rows", found.rows, version.rows),
        ("rows by label", dict(found.class_counts), dict(version.class_counts)),
        ("watermark", mark, version.watermark),
    ]
    faults = [f"{name} {seen}, not {kept}" for name, seen, kept in pairs if seen != kept]
    if faults:
        raise CorruptTable(
            f"{version}, joined again, has other facts than were recorded: {'; '.join(faults)}",
            expected=f"the content of {version.dataset}/{CURATED}@{version.table_version}",
            hint="restore database and tables from backups of the same time",
        )
    return f"{found.rows} rows, joined again, have the digest {version.digest[:12]}"


def _pins_hold(versions: Versions, version: DatasetVersion) -> str:
    store, recipe = _store(versions), _recipe(versions, version)
    parts = [(f"{version.dataset}/{CURATED}", version.table_version)]
    parts += parts_of(version.dataset, recipe) if recipe else []
    loose = [f"{name}@{at}" for name, at in parts if at not in dict(store.pins(name))]
    if loose:
        raise StoreError(
            f"{version} is made of what nothing holds: {', '.join(loose)}",
            expected="a pin on each",
            hint="pin them (`DeltaStore.pin`) before the next vacuum",
        )
    return f"{len(parts)} tables pinned"


def _recipe(versions: Versions, version: DatasetVersion) -> Recipe | None:
    """What a dataset version is joined of; None where it was stored as rows."""
    name = f"{version.dataset}/{CURATED}"
    stored = versions.store.describe(name, version=version.table_version)
    if stored.properties.get(VIEW) is None:
        return None
    return versions.recipe(version.dataset, version.table_version)


def _names_hold(versions: Versions, turn: Iteration, *, needed: tuple[str, ...]) -> str:
    checks: list[Callable[[], str]] = []
    named = {key: int(value) for key, value in turn.summary.items() if key in NOTED and value}
    for key, version in named.items():
        name = f"{turn.dataset}/{NOTED[key]}"
        checks.append(partial(_described, versions, name, version, key in needed))
    number = turn.summary.get("dataset_version")
    if number is not None:
        checks.append(lambda: str(versions.dataset_version(turn.dataset, int(number))))
    findings = [_finding("", check) for check in checks]
    lost = [found.text for found in findings if not found.ok]
    if lost:
        raise VersionNotFound(f"{turn} names what is not there:\n  " + "\n  ".join(lost))
    return ", ".join(found.text for found in findings) or "none yet"


def _described(versions: Versions, name: str, version: int, needed: bool) -> str:
    try:
        return str(versions.store.describe(name, version=version))
    except VersionNotFound:
        # What is not needed any more may have been let go; what never was may not be named.
        if needed or version > versions.store.describe(name).version:
            raise
        return f"{name}@{version} let go"


def _tables(home: Home, dataset: str) -> list[str]:
    names = _store(home.versions).tables()
    return [name for name in names if name.startswith(f"{dataset}/")]


def _table(home: Home, dataset: str, table: str) -> Iterator[Finding]:
    """A finding for each kept version of a table; versions that a vacuum took are passed over.

    The history of a table with a damaged commit cannot be had, so versions are asked for one by
    one: up to the newest, or, where that one is damaged, as far as any record knows of versions.
    """
    versions, store = home.versions, _store(home.versions)
    held = {version for version, _ in store.pins(table)}
    head = _finding(f"newest version of {table}", lambda: str(store.describe(table)))
    if head.ok:
        last = store.describe(table).version
    else:
        yield head
        stage = table.removeprefix(f"{dataset}/")
        made = [version for _, version in versions.outputs(dataset, stage)]
        last = max([0, *held, *made, *versions.published_versions(dataset, stage)])
    for number in count(1):
        try:
            rows = store.verify(table, version=number).rows
            yield Finding(f"{table}@{number}", True, f"{rows} rows, as they were written")
        except BurnishError as error:
            gone = isinstance(error, VersionNotFound) and number not in held
            if number > last and (gone or str(error) == head.text):
                return
            if not gone:
                yield Finding(f"{table}@{number}", False, str(error))


def _store(versions: Versions) -> DeltaStore:
    store = versions.store
    if not isinstance(store, DeltaStore):
        raise StoreError(
            f"{type(store).__name__} lists neither its tables nor its pins",
            expected="a store of `burnish.store`",
        )
    return store
