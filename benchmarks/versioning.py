"""What a correction of labels costs here, beside the tools that keep versions of a table.

The task is that of `versioning_task.py`, measured and checked as in `versioning_peers.py`; all run
in one process, one after the other. Ours does more than the peers: each of the 10,000 corrections
goes through the ledger, with author, evidence and its place in the hash chain, on SQLite with
`synchronous=FULL`, and becomes a numbered dataset version with the content digest of features and
labels joined. "label overlay" is the same without the ledger: the corrected ids and labels alone,
appended to a Delta table.

Besides: the digest against reading the columns once, reading two of twenty columns, folding a
million events from cold and a thousand more, on SQLite and, where BURNISH_POSTGRES names a server,
on PostgreSQL.

    python benchmarks/versioning.py
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import uuid
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from versioning_peers import PEERS, ROUNDS, Peer, as_markdown, measure
from versioning_task import KEY, make_table, successive

from burnish.database import open_database
from burnish.ledger import SqlLedger
from burnish.records import Verdict, Watermark
from burnish.store import DeltaStore, table_digest
from burnish.versions import Versions


class Burnish(Peer):
    """Corrections through the ledger to a numbered dataset version."""

    note = "ledger with author, evidence and chain; numbered version with content digest"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        engine = open_database(folder / "burnish.db")
        self.ledger = SqlLedger(engine)
        self.store = DeltaStore(folder / "tables", engine)
        self.versions = Versions(engine, self.store, self.ledger)
        self.numbered: list[int] = []
        self.labels: dict[str, str] = {}

    def write(self, table: pa.Table) -> None:
        self.versions.write("bench", "validated_examples", table, gated=False)
        self.labels = dict(zip(*(table[name].to_pylist() for name in KEY), strict=True))
        self._number()

    def correct(self, corrections: pa.Table) -> None:
        ids, labels = (corrections[name].to_pylist() for name in KEY)
        verdicts = [
            Verdict(name, "change", self.labels[name], label, author="ann", reason="audit",
                    evidence={"iteration": len(self.numbered), "reason": "audit",
                              "suggested_label": label, "error_probability": 0.9123})
            for name, label in zip(ids, labels, strict=True)
        ]  # fmt: skip
        self.ledger.append("bench", verdicts)
        self.labels.update(zip(ids, labels, strict=True))
        self._number()

    def read_new(self) -> pa.Table:
        return self._read(self.numbered[-1])

    def read_old(self) -> pa.Table:
        return self._read(self.numbered[-2])

    def diff(self) -> pa.Table:
        old, new = self.numbered[-2:]
        marks = [self.versions.recipe("bench", version).watermark for version in (old, new)]
        changed = self.ledger.fold("bench", marks[1]).decisions
        changed = changed.filter(pc.greater(changed["event_id"], marks[0]))
        return changed.select(KEY).cast(pa.schema([(name, pa.string()) for name in KEY]))

    def _number(self) -> None:
        written = self.versions.write_curated("bench", self.ledger.fold("bench"))
        content = self.versions.content("bench", written.version)
        recipe = self.versions.recipe("bench", written.version)
        self.versions.commit(
            "bench",
            table_version=written.version,
            watermark=Watermark(recipe.watermark, recipe.chain),
            digest=content.digest.hex,
            rows=content.rows,
            class_counts=content.class_counts,
            iteration=1,
        )
        self.numbered.append(written.version)

    def _read(self, version: int) -> pa.Table:
        rows = self.versions.read_version("bench", "curated_examples", version=version)
        return rows.drop_columns(["given_label", "decision", "event_id"])


class Overlay(Peer):
    """The corrected labels alone, appended to a table of corrections; joined when read."""

    note = "ids and labels alone, appended; no author, no chain"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.store = DeltaStore(folder)

    def write(self, table: pa.Table) -> None:
        self.store.write("features", table)

    def correct(self, corrections: pa.Table) -> None:
        self.store.append("labels", corrections)

    def read_new(self) -> pa.Table:
        return self._read(self.store.describe("labels").version)

    def read_old(self) -> pa.Table:
        return self._read(self.store.describe("labels").version - 1)

    def diff(self) -> pa.Table:
        before = self.store.describe("labels").version - 1
        held = self.store.describe("labels", version=before).rows if before else 0
        return self.store.read("labels").slice(held)

    def _read(self, version: int) -> pa.Table:
        rows = self.store.read("features")
        if version < 1:
            return rows
        given = self.store.read("labels", version=version)
        codes = given["example_id"].combine_chunks().dictionary_encode()
        latest = {code: at for at, code in enumerate(codes.indices.to_pylist())}
        given = given.take(pa.array(sorted(latest.values())))
        place = pc.index_in(rows["example_id"], value_set=given["example_id"].combine_chunks())
        told = given["label"].combine_chunks().take(place.combine_chunks())
        return rows.set_column(1, "label", pc.coalesce(told, rows["label"]))


def columns_and_digest(table: pa.Table, folder: Path) -> list[str]:
    """How the digest, and two columns of twenty, compare with reading all columns once."""
    path = folder / "plain.parquet"
    pq.write_table(table, path, compression="zstd")
    store = DeltaStore(folder / "store")
    store.write("wide", table)
    works = {
        "plain Parquet read": lambda: pq.read_table(path),
        "verified read of the store": lambda: store.read("wide"),
        "two columns of the store": lambda: store.read("wide", columns=["example_id", "label"]),
        "digest of the table": lambda: table_digest(table),
    }
    seconds = {name: best(work) for name, work in works.items()}
    base = seconds["plain Parquet read"]
    return [f"| {name} | {value:.3f} | {value / base:.2f} |" for name, value in seconds.items()]


def folding(url: str, count: int) -> list[str]:
    """Appending and folding many events: from cold, and a thousand more."""
    ledger = SqlLedger(open_database(url))
    began = time.perf_counter()
    for start in range(0, count, 20_000):
        ids = range(start, min(start + 20_000, count))
        verdicts = [
            Verdict(f"row-{n * 7919 % (count * 7 // 10):07d}", "change", None, "cat", author="ann",
                    reason="audit", evidence={"error_probability": 0.9})
            for n in ids
        ]  # fmt: skip
        ledger.append("fold", verdicts)
    appended = time.perf_counter() - began
    cold = best(lambda: SqlLedger(open_database(url)).fold("fold"), times=3)
    ledger.fold("fold")
    steps = []
    for step in range(5):
        more = [Verdict(f"row-{n * 31 + step:07d}", "drop", None, None, author="bob")
                for n in range(1_000)]  # fmt: skip
        ledger.append("fold", more)
        began = time.perf_counter()
        ledger.fold("fold")
        steps.append(time.perf_counter() - began)
    kind = url.split(":", 1)[0] if "://" in url else "sqlite"
    return [f"| {kind} | {count:,} | {count / appended:,.0f} | {cold:.2f} | {min(steps):.3f} |"]


def best(work, *, times: int = 5) -> float:
    """The shortest of a few runs: the others were disturbed."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return min(taken)


def postgres() -> str | None:
    server = os.environ.get("BURNISH_POSTGRES")
    if not server:
        return None
    import sqlalchemy as sa

    name = f"bench_{uuid.uuid4().hex}"
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    return engine.url.set(database=name).render_as_string(hide_password=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--alone", action="store_true", help="without the peers")
    chosen = parser.parse_args()
    table = make_table(chosen.rows)
    corrections = successive(table, ROUNDS)
    with TemporaryDirectory() as folder:
        ours = {"label overlay": Overlay, "burnish": Burnish}
        names = [*([] if chosen.alone else PEERS), *ours]
        PEERS.update(ours)
        found = [measure(name, Path(folder), table, corrections) for name in names]
        print(as_markdown(found))
        work = f"work on {len(table):,} x {table.num_columns}"
        print(f"\n| {work} | s | against a plain read |\n| --- | ---: | ---: |")
        print("\n".join(columns_and_digest(table, Path(folder))))
        print("\n| ledger | events | appended a second | cold fold s | 1,000 more s |")
        print("| --- | ---: | ---: | ---: | ---: |")
        for url in (str(Path(folder) / "fold.db"), postgres()):
            if url:
                print("\n".join(folding(url, chosen.rows)))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
