"""What a table's folder asks of a file system: whole files and locks.

What belongs here: durable creation, and the folder's lock. What does not: what the files say
(`burnish.store.commits`, `burnish.store.parts`), or when they are written (`burnish.store.delta`).
POSIX only: it leans on fsync of folders, and flock.
"""

from __future__ import annotations

import fcntl
import os
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


def fresh_name(suffix: str) -> str:
    """A file name that nobody else has, nor any table (tables' names hold no dot)."""
    return f"{uuid.uuid4().hex}.{suffix}"


def write_new(path: Path, data: bytes) -> None:
    """Write a file that must not exist, and wait until its bytes are on the disk."""
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(root: Path, folder: Path) -> None:
    """Create a folder below `root`, durably: each new name is synced in its parent."""
    if folder.is_dir():
        return
    if folder != root:
        make_folder(root, folder.parent)
    folder.mkdir(parents=folder == root, exist_ok=True)
    sync_folder(folder.parent)


@contextmanager
def locked(folder: Path, *, alone: bool) -> Generator[None]:
    """Hold a folder's lock, shared or alone; the system frees it when the holder is killed."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)
