"""What a correction of labels costs in the tools that keep versions of a table.

The task is the same for each: a table of 1,000,000 rows and 20 columns is written, then another
label is given to 1 % of its rows, drawn at random, so that readers see a new version. Measured are
the first write; the correction, from a table of (example_id, label) to the new version, and by how
many bytes the folder has grown with it; reading the newest version and the one before as Arrow
tables, all columns; and telling which labels differ between the two. Corrections and reads are
repeated, each over the version that the one before left, and medians are given.

- delta merge: `DeltaTable.merge` with the change data feed on; differences come from that feed.
- iceberg: `Table.upsert` of pyiceberg, a SQLite catalog; the upsert wants whole rows, so these are
  read first. After 60 s it is given up for an overwrite of the table. No feed of changes: both
  label columns are read and joined.
- lance: `merge_insert` of the label alone, stable row ids; differences come from `delta()`, which
  gives the rows updated, and from the old version, asked for the labels of these rows.
- dvc: a Parquet file in a git repository, `dvc add` and `git commit` by the command line, where
  each command starts a Python of its own; the old version by `git checkout` and `dvc checkout`.
  `dvc diff` compares files, not rows: both label columns are read and joined.
- parquet copy: a whole file for each version; both label columns are read and joined.

Settings are the defaults (Delta and Parquet compress by snappy, Iceberg by zstd). Bytes are sizes
of files after minus before: what was written and then replaced does not count. Files come from the
page cache, and nothing waits for a disk. What each peer read is checked against the table expected,
cell by cell, outside of the times.

    python benchmarks/versioning_peers.py
"""

from __future__ import annotations

import argparse
import gc
import os
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from versioning_task import (
    KEY,
    ROWS,
    corrected,
    differing,
    make_corrections,
    make_table,
    same,
    successive,
    whole,
)

T = TypeVar("T")
ROUNDS = 3
UPSERT_CAP = 60.0


@dataclass(frozen=True)
class Figures:
    """What one peer took: seconds, and bytes that the folder grew by; medians over corrections."""

    peer: str
    write_s: float
    correct_s: float
    correct_bytes: int
    read_new_s: float
    read_old_s: float
    diff_s: float
    note: str


class Peer(ABC):
    """One tool, keeping versions of one table in `folder`, which is there and empty."""

    note = ""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @abstractmethod
    def write(self, table: pa.Table) -> None:
        """Store the first version."""

    @abstractmethod
    def correct(self, corrections: pa.Table) -> None:
        """Store a version with these labels."""

    @abstractmethod
    def read_new(self) -> pa.Table:
        """The newest version."""

    @abstractmethod
    def read_old(self) -> pa.Table:
        """The version before the newest."""

    @abstractmethod
    def diff(self) -> pa.Table:
        """The new (example_id, label) wherever labels differ between these two."""

    def back(self) -> None:
        """Return from the old version to the newest, where looking at it moved anything."""
        return


class DeltaMerge(Peer):
    """Delta Lake, by its Rust library."""

    note = "diff: change data feed"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        import deltalake

        self.delta, self.path = deltalake, str(folder / "table")

    def write(self, table: pa.Table) -> None:
        on = {"delta.enableChangeDataFeed": "true"}
        self.delta.write_deltalake(self.path, table, configuration=on)

    def correct(self, corrections: pa.Table) -> None:
        self._open().merge(
            corrections,
            predicate="target.example_id = source.example_id",
            source_alias="source",
            target_alias="target",
        ).when_matched_update({"label": "source.label"}).execute()

    def read_new(self) -> pa.Table:
        return self._open().to_pyarrow_table()

    def read_old(self) -> pa.Table:
        return self._open(self._open().version() - 1).to_pyarrow_table()

    def diff(self) -> pa.Table:
        now = self._open()
        feed = now.load_cdf(now.version(), now.version(), columns=[*KEY, "_change_type"])
        rows = pa.table(feed)
        rows = rows.cast(pa.schema([(name, pa.string()) for name in rows.column_names]))
        return differing(
            rows.filter(pc.field("_change_type") == "update_preimage"),
            rows.filter(pc.field("_change_type") == "update_postimage"),
        )

    def _open(self, version: int | None = None):
        return self.delta.DeltaTable(self.path, version=version)


class Iceberg(Peer):
    """Apache Iceberg, by pyiceberg."""

    note = "upsert; diff: both label columns joined"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        from pyiceberg.catalog.sql import SqlCatalog

        self.catalog = SqlCatalog(
            "peers", uri=f"sqlite:///{folder}/catalog.db", warehouse=folder.as_uri()
        )
        self.catalog.create_namespace("peers")
        self.snapshots: list[int] = []
        self.upserts = True

    def write(self, table: pa.Table) -> None:
        stored = self.catalog.create_table("peers.examples", schema=table.schema)
        stored.append(table)
        self._remember(stored)

    def correct(self, corrections: pa.Table) -> None:
        stored = self._open()
        try:
            if self.upserts:
                with capped(UPSERT_CAP):
                    self._upsert(stored, corrections)
        except TimeoutError:
            # The median leaves out this first, lost attempt.
            self.upserts, stored = False, self._open()
            self.note = self.note.replace("upsert", f"overwrite (upsert over {UPSERT_CAP:.0f} s)")
        if not self.upserts:
            stored.overwrite(corrected(stored.scan().to_arrow(), corrections))
        self._remember(stored)

    def read_new(self) -> pa.Table:
        return self._scan(-1).to_arrow()

    def read_old(self) -> pa.Table:
        return self._scan(-2).to_arrow()

    def diff(self) -> pa.Table:
        old, new = (self._scan(at, fields=KEY).to_arrow() for at in (-2, -1))
        return differing(old, new)

    @staticmethod
    def _upsert(stored, corrections: pa.Table) -> None:
        from pyiceberg.expressions import In

        ids = corrections["example_id"].to_pylist()
        rows = stored.scan(row_filter=In("example_id", ids)).to_arrow()
        stored.upsert(
            corrected(rows, corrections), ["example_id"], when_not_matched_insert_all=False
        )

    def _open(self):
        return self.catalog.load_table("peers.examples")

    def _scan(self, at: int, fields: list[str] | None = None):
        return self._open().scan(
            snapshot_id=self.snapshots[at], selected_fields=tuple(fields or ["*"])
        )

    def _remember(self, stored) -> None:
        # One overwrite leaves two snapshots, the first without the rows that are replaced.
        self.snapshots.append(stored.current_snapshot().snapshot_id)


class Lance(Peer):
    """Lance, by pylance."""

    note = "diff: updated rows of `delta()`, their old labels looked up"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        import lance

        self.lance, self.path = lance, str(folder / "table.lance")

    def write(self, table: pa.Table) -> None:
        # Without stable row ids `delta()` finds no updated rows.
        self.lance.write_dataset(table, self.path, enable_stable_row_ids=True)

    def correct(self, corrections: pa.Table) -> None:
        merge = self._open().merge_insert("example_id").when_matched_update_all()
        merge.execute(corrections)

    def read_new(self) -> pa.Table:
        return self._open().to_table()

    def read_old(self) -> pa.Table:
        return self._before().to_table()

    def diff(self) -> pa.Table:
        now, before = self._open(), self._before()
        new = now.delta(compared_against=before.version).get_updated_rows().read_all()
        updated = pc.field("example_id").isin(whole(new["example_id"]))
        return differing(before.to_table(columns=KEY, filter=updated), new)

    def _open(self, version: int | None = None):
        return self.lance.dataset(self.path, version=version)

    def _before(self):
        return self._open(self._open().version - 1)


class Dvc(Peer):
    """DVC, by its command line, over a Parquet file."""

    note = "command line; diff: both label columns joined"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.file = folder / "table.parquet"
        self.revisions: list[str] = []
        # What DVC would keep below /var/tmp stays in the folder, and is counted.
        os.environ["DVC_SITE_CACHE_DIR"] = str(folder / ".dvc" / "tmp")
        self._git("init", "--quiet", "--initial-branch=main")
        self._git("config", "user.name", "Peer")
        self._git("config", "user.email", "peer@example.org")
        self._dvc("init", "--quiet")
        self._dvc("config", "core.analytics", "false")
        self._git("commit", "--quiet", "--all", "--message=start")

    def write(self, table: pa.Table) -> None:
        pq.write_table(table, self.file)
        self._dvc("add", "--quiet", self.file.name)
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message=version")
        self.revisions.append(self._git("rev-parse", "HEAD"))

    def correct(self, corrections: pa.Table) -> None:
        self.write(corrected(pq.read_table(self.file), corrections))

    def read_new(self) -> pa.Table:
        return pq.read_table(self.file)

    def read_old(self) -> pa.Table:
        self._check_out(self.revisions[-2])
        return pq.read_table(self.file)

    def back(self) -> None:
        self._check_out("main")

    def diff(self) -> pa.Table:
        import dvc.api

        name, repo = self.file.name, str(self.folder)
        with dvc.api.open(name, repo=repo, rev=self.revisions[-2], mode="rb") as file:
            old = pq.read_table(file, columns=KEY)
        return differing(old, pq.read_table(self.file, columns=KEY))

    def _check_out(self, revision: str) -> None:
        self._git("checkout", "--quiet", revision)
        self._dvc("checkout", "--quiet")

    def _git(self, *arguments: str) -> str:
        return self._run("git", *arguments)

    def _dvc(self, *arguments: str) -> str:
        return self._run(sys.executable, "-m", "dvc", *arguments)

    def _run(self, *command: str) -> str:
        done = subprocess.run(command, cwd=self.folder, check=True, capture_output=True, text=True)
        return done.stdout.strip()


class ParquetCopy(Peer):
    """A whole Parquet file for each version, by pyarrow."""

    note = "diff: both label columns joined"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.files: list[Path] = []

    def write(self, table: pa.Table) -> None:
        self.files.append(self.folder / f"{len(self.files) + 1}.parquet")
        pq.write_table(table, self.files[-1])

    def correct(self, corrections: pa.Table) -> None:
        self.write(corrected(self.read_new(), corrections))

    def read_new(self) -> pa.Table:
        return pq.read_table(self.files[-1])

    def read_old(self) -> pa.Table:
        return pq.read_table(self.files[-2])

    def diff(self) -> pa.Table:
        old, new = (pq.read_table(file, columns=KEY) for file in self.files[-2:])
        return differing(old, new)


PEERS: dict[str, type[Peer]] = {
    "delta merge": DeltaMerge,
    "iceberg": Iceberg,
    "lance": Lance,
    "dvc": Dvc,
    "parquet copy": ParquetCopy,
}


def measure(name: str, folder: Path, table: pa.Table, corrections: list[pa.Table]) -> Figures:
    """The figures of the peer `name` in a new folder below `folder`, its answers checked.

    Each of the `corrections` is of the labels that those before have left.
    """
    warm_up(PEERS[name], folder / f"{name} warm-up", table)
    place = folder / name
    place.mkdir(parents=True)
    peer = PEERS[name](place)
    empty = size(place)
    write_s, _ = timed(lambda: peer.write(table))
    first = size(place) - empty
    rounds, before = [], table
    for one in corrections:
        after = corrected(before, one)
        rounds.append(measured_round(peer, one, before, after))
        before = after
    correct_s, correct_bytes, read_new_s, read_old_s, diff_s = map(
        median, zip(*rounds, strict=True)
    )
    return Figures(
        peer=name,
        write_s=write_s,
        correct_s=correct_s,
        correct_bytes=int(correct_bytes),
        read_new_s=read_new_s,
        read_old_s=read_old_s,
        diff_s=diff_s,
        note=f"{peer.note}; first version {first / 1e6:.1f} MB",
    )


def measured_round(
    peer: Peer, corrections: pa.Table, before: pa.Table, after: pa.Table
) -> tuple[float, int, float, float, float]:
    """One correction and the reads behind it: seconds, bytes, seconds, seconds, seconds."""
    held = size(peer.folder)
    correct_s, _ = timed(lambda: peer.correct(corrections))
    grown = size(peer.folder) - held
    read_new_s, new = timed(peer.read_new)
    assert same(new, after), f"{peer.folder.name}: the newest version is not the corrected table"
    read_old_s, old = timed(peer.read_old)
    assert same(old, before), f"{peer.folder.name}: the old version is not the table before"
    peer.back()
    assert len(differing(old, new)) == len(corrections)
    del old, new
    diff_s, changes = timed(peer.diff)
    assert same(changes, corrections), f"{peer.folder.name}: the diff is not the corrections"
    return correct_s, grown, read_new_s, read_old_s, diff_s


def warm_up(peer_type: type[Peer], folder: Path, table: pa.Table) -> None:
    """Load what a peer loads at its first use, on a few rows."""
    folder.mkdir(parents=True)
    few = table.slice(0, 1000)
    peer = peer_type(folder)
    peer.write(few)
    labels = make_corrections(few)
    measured_round(peer, labels, few, corrected(few, labels))


def timed(function: Callable[[], T]) -> tuple[float, T]:
    gc.collect()
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def size(folder: Path) -> int:
    """The bytes of all files below `folder`."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


@contextmanager
def capped(seconds: float) -> Iterator[None]:
    """Raise `TimeoutError` in the block once `seconds` have passed (and Python is back in it)."""

    def stop(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def as_markdown(figures: list[Figures]) -> str:
    headers = ["peer", "write s", "correct s", "correct MB", "read new s", "read old s", "diff s"]
    lines = [[*headers, "note"], ["---", *["---:"] * 6, "---"]]
    for one in figures:
        seconds = [f"{x:.2f}" for x in (one.read_new_s, one.read_old_s, one.diff_s)]
        spent = [f"{one.write_s:.2f}", f"{one.correct_s:.2f}", f"{one.correct_bytes / 1e6:.1f}"]
        lines.append([one.peer, *spent, *seconds, one.note])
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Versions of a table, by the tools that keep them")
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS))
    options = parser.parse_args()
    table = make_table(options.rows)
    corrections = successive(table, options.rounds)
    with TemporaryDirectory() as folder:
        figures = [measure(name, Path(folder), table, corrections) for name in options.peers]
    print(as_markdown(figures))


if __name__ == "__main__":
    main()
