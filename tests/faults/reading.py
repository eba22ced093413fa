"""A reader who looks at whatever is published, all the time, while loops work and are killed.

What belongs here: reading as people do, and holding every byte against the digest it was recorded
with. What does not: the loops (`tests.faults.killing`).
"""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path
from types import TracebackType

import pyarrow as pa

from burnish.errors import BurnishError
from burnish.records import TableVersion
from burnish.store import content_digest
from burnish.versions.views import CURATED, content_of
from burnish.workflows.home import open_home
from tests.faults.killing import DATASET, rows

PAUSE = 0.2


class Reader:
    """Reads until it is left; `faults` says what no reader may ever see."""

    def __init__(self, home: Path) -> None:
        self.folder = home
        self.home = open_home(home)
        self.versions = self.home.versions
        self.faults: list[str] = []
        self.read: Counter[str] = Counter()
        self._newest: dict[str, int] = {}
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._until_left, daemon=True)

    def __enter__(self) -> Reader:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._left.set()
        self._thread.join()

    def _until_left(self) -> None:
        while not self._left.wait(PAUSE):
            try:
                self.sweep()
            except Exception as error:  # noqa: BLE001 - a thread's error must reach the test
                self.faults.append(f"{type(error).__name__}: {error}")

    def sweep(self) -> None:
        """Look at every stage that readers see anything of."""
        query = f"SELECT DISTINCT stage FROM publications WHERE dataset = '{DATASET}'"
        for (stage,) in rows(self.folder / "burnish.db", query):
            self._look(stage)

    def _look(self, stage: str) -> None:
        try:
            before = self.versions.published(DATASET, stage)
            seen = self.versions.read_last_good(DATASET, stage)
            after = self.versions.published(DATASET, stage)
        except BurnishError as error:
            self.faults.append(f"{stage}: {error}")
            return
        assert before is not None
        assert seen is not None
        assert after is not None
        for one in (before, after):
            if one.version < self._newest.get(stage, 0):
                self.faults.append(f"{one} was shown after version {self._newest[stage]}")
            self._newest[stage] = one.version
        if before.version == after.version:
            self.read[stage] += 1
            self.faults += [f"{before}: {fault}" for fault in self._wrong(stage, before, seen)]

    def _wrong(self, stage: str, shown: TableVersion, seen: pa.Table) -> list[str]:
        self.versions.store.verify(shown.table, version=shown.version)
        if stage != CURATED:
            # The planted rows all pass their gates, so people see the whole version.
            found = content_digest(seen)
            return [] if found == shown.digest else [f"shown with the content {found[:12]}"]
        numbered = [
            one
            for one in self.versions.dataset_versions(DATASET)
            if one.table_version == shown.version
        ]
        if not numbered:
            return ["published without a number"]
        found = content_digest(content_of(seen))
        return [] if found == numbered[-1].digest else [f"joined to the content {found[:12]}"]
