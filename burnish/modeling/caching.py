"""Results by content: what was computed from the same bytes is not computed again.

What belongs here: keys made of what a result depends on, and a folder of arrays. What does not:
what is worth keeping (`burnish.modeling.probabilities`), and tables of the
record (`burnish.store`).

A cache is not the record: every file may be deleted at any time, and one that cannot be read is
computed again.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray


def content_key(*parts: Any) -> str:
    """A key of 32 hex digits for arrays, sparse matrices and texts, by what they hold.

    >>> content_key(np.arange(3), "model") == content_key(np.arange(3), "model")
    True
    >>> content_key(np.arange(3), "model") == content_key(np.arange(4), "model")
    False
    """
    digest = xxhash.xxh3_128()
    for part in parts:
        for piece in _pieces(part):
            digest.update(f"{len(piece)}:".encode())
            digest.update(piece)
    return digest.hexdigest()


def _pieces(part: Any) -> Iterable[Any]:
    if hasattr(part, "tocsr"):
        matrix = part.tocsr()
        for array in (matrix.indptr, matrix.indices, matrix.data):
            yield from _pieces(array)
        yield repr(matrix.shape).encode()
    elif isinstance(part, np.ndarray):
        yield f"{part.dtype}{part.shape}".encode()
        yield np.ascontiguousarray(part).tobytes()
    else:
        yield str(part).encode()


class FolderCache:
    """Arrays as files of one folder, the least recently used deleted beyond `limit_bytes`.

    >>> with tempfile.TemporaryDirectory() as folder:
    ...     cache = FolderCache(Path(folder))
    ...     cache.put("a", np.arange(3))
    ...     cache.get("a").tolist(), cache.get("b")
    ([0, 1, 2], None)
    """

    def __init__(self, folder: Path, *, limit_bytes: int = 500_000_000) -> None:
        self.folder = folder
        self.limit_bytes = limit_bytes

    def get(self, key: str) -> NDArray[Any] | None:
        """The array of a key, or None: never put, deleted since, or no longer readable."""
        path = self.folder / f"{key}.npy"
        try:
            found = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        with suppress(OSError):  # a folder of somebody else's can be read all the same
            os.utime(path)
        return found

    def put(self, key: str, array: NDArray[Any]) -> None:
        """Keep an array; not one larger than the whole limit, nor where nothing can be written."""
        if array.nbytes > self.limit_bytes:
            return
        # A full disk must not cost the result, which is there already.
        with suppress(OSError):
            self._write(key, array)
            self._prune()

    def _write(self, key: str, array: NDArray[Any]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.folder, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                np.save(file, array, allow_pickle=False)
            Path(name).replace(self.folder / f"{key}.npy")
        finally:
            Path(name).unlink(missing_ok=True)

    def _prune(self) -> None:
        files: list[tuple[float, int, Path]] = []
        for path in self.folder.glob("*.npy"):
            try:
                stat = path.stat()
            except FileNotFoundError:  # another process was quicker
                continue
            files.append((stat.st_mtime, stat.st_size, path))
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files, key=lambda file: file[0]):
            if total <= self.limit_bytes:
                return
            path.unlink(missing_ok=True)
            total -= size
