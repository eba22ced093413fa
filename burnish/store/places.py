"""Where the files of a table lie: a local folder, or a prefix of an object store.

What belongs here: whole files created durably, ranges of them read, listed and removed, and a
lock where there is one. What does not: what the files say (`burnish.store.commits`,
`burnish.store.parts`), or when they are written (`burnish.store.delta`).
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from burnish.errors import StoreError
from burnish.store.files import locked, make_folder, sync_folder, write_new

# A file that nobody names yet may be that of a writer who is still at work.
UNNAMED_AT_LEAST = timedelta(days=1)


class Place(Protocol):
    """The files of one table, by their name below it; `uri` is what Delta Lake calls it."""

    uri: str

    def exists(self) -> bool: ...

    def create(self) -> None: ...

    def write(self, name: str, data: bytes) -> None: ...

    def settle(self, name: str) -> None: ...

    def read(self, name: str) -> bytes | None: ...

    def image(
        self, name: str, size: int, ranges: Sequence[tuple[int, int]]
    ) -> pa.Buffer | None: ...

    def names(self, folder: str = "") -> list[str]: ...

    def sweepable(self, folder: str = "") -> list[str]: ...

    def remove(self, name: str) -> None: ...

    def held(self, *, alone: bool) -> Any: ...


class LocalPlace:
    """A folder of this machine, whose lock readers and writers share and a vacuum holds alone."""

    def __init__(self, root: Path, table: str) -> None:
        self._root = root
        self._folder = root / table
        self.uri = str(self._folder)

    def exists(self) -> bool:
        return (self._folder / "_delta_log").is_dir()

    def create(self) -> None:
        make_folder(self._root, self._folder)

    def write(self, name: str, data: bytes) -> None:
        write_new(self._folder / name, data)
        sync_folder(self._folder)

    def settle(self, name: str) -> None:
        """Wait until a file that another library wrote, and its name, are on the disk."""
        path = self._folder / name
        for what in (path, path.parent):
            sync_folder(what)

    def read(self, name: str) -> bytes | None:
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def image(self, name: str, size: int, ranges: Sequence[tuple[int, int]]) -> pa.Buffer | None:  # noqa: ARG002
        """The file as memory; pages are read when they are looked at."""
        path = self._folder / name
        if not path.is_file() or path.stat().st_size != size:
            return None
        with pa.memory_map(str(path)) as mapped:
            return mapped.read_buffer()

    def names(self, folder: str = "") -> list[str]:
        where = self._folder / folder
        return [path.name for path in where.iterdir() if path.is_file()] if where.is_dir() else []

    def sweepable(self, folder: str = "") -> list[str]:
        return self.names(folder)

    def remove(self, name: str) -> None:
        (self._folder / name).unlink()

    @contextmanager
    def held(self, *, alone: bool) -> Generator[None]:
        with locked(self._folder, alone=alone):
            yield


class ObjectPlace:
    """A prefix of an object store by its URL (s3://, gs://, az://, file://), with its options.

    There is no lock: commits hold by the store's own put-if-absent, and a vacuum spares whatever
    is younger than a day. Needs the extra `objectstore`.
    """

    def __init__(self, url: str, table: str, options: Mapping[str, str]) -> None:
        self.uri = f"{url.rstrip('/')}/{table}"
        self._options = dict(options)
        self._opened: Any = None

    @property
    def _store(self) -> Any:
        if self._opened is None:
            try:
                from obstore.store import from_url
            except ImportError as error:
                raise StoreError(
                    f"{self.uri} is in an object store, and `obstore` is not installed",
                    hint="pip install 'burnish[objectstore]'",
                ) from error
            chosen: dict[str, Any] = {"config": self._options} if self._options else {}
            if self.uri.startswith("file://"):
                chosen["mkdir"] = True
            self._opened = from_url(self.uri, **chosen)
        return self._opened

    def exists(self) -> bool:
        return bool(self.names("_delta_log"))

    def create(self) -> None:
        """Nothing: a prefix is there as soon as a file is."""

    def write(self, name: str, data: bytes) -> None:
        import obstore

        obstore.put(self._store, name, data, mode="create")

    def settle(self, name: str) -> None:
        """Nothing: an object store answers when the object is safe."""

    def read(self, name: str) -> bytes | None:
        import obstore

        try:
            return bytes(obstore.get(self._store, name).bytes())
        except FileNotFoundError:
            return None

    def image(self, name: str, size: int, ranges: Sequence[tuple[int, int]]) -> pa.Buffer | None:
        """The file as memory that holds the asked ranges, and zeros in between."""
        import numpy as np
        import obstore

        try:
            if obstore.head(self._store, name)["size"] != size:
                return None
            parts = obstore.get_ranges(
                self._store, name, starts=[a for a, _ in ranges], ends=[b for _, b in ranges]
            )
        except FileNotFoundError:
            return None
        whole = np.zeros(size, np.uint8)
        for (start, stop), part in zip(ranges, parts, strict=True):
            whole[start:stop] = np.frombuffer(memoryview(part), np.uint8)
        return pa.py_buffer(whole)

    def names(self, folder: str = "") -> list[str]:
        return [name for name, _ in self._listed(folder)]

    def sweepable(self, folder: str = "") -> list[str]:
        late = datetime.now(UTC) - UNNAMED_AT_LEAST
        return [name for name, at in self._listed(folder) if at < late]

    def _listed(self, folder: str) -> list[tuple[str, datetime]]:
        import obstore

        found = obstore.list_with_delimiter(self._store, folder or None)["objects"]
        return [(meta["path"].rsplit("/", 1)[-1], meta["last_modified"]) for meta in found]

    def remove(self, name: str) -> None:
        import obstore

        obstore.delete(self._store, name)

    @contextmanager
    def held(self, *, alone: bool) -> Generator[None]:  # noqa: ARG002
        yield
