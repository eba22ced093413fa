"""What a `burnish up` leaves in the home while it stands: a lock and a note of its processes.

What belongs here: one `up` for a home at a time, and ending what one that was killed left behind.
What does not: starting programs (`pipelines.serving`).

The lock is the system's, on the home's folder, and is gone with the process that holds it,
however that ended. The note, `up.json`, has the addresses for whoever comes second, and the mark
by which the processes of a killed call are found. It is written before the first one starts.
"""

import fcntl
import json
import os
import shutil
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from burnish.errors import ProjectError
from pipelines import processes

LEFTOVER_SECONDS = 8.0


@dataclass
class Standing:
    """The place of one `burnish up` in a home, held until `leave` or the end of the process."""

    home: Path
    lock: int
    token: str
    addresses: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    groups: dict[str, int] = field(default_factory=dict)

    @property
    def note(self) -> Path:
        return self.home / "up.json"

    def started(self, name: str, pid: int) -> None:
        """Note a process, so that it is found if this one is killed."""
        self.groups[name] = pid
        self.write()

    def write(self) -> None:
        text = {
            "token": self.token,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "addresses": dict(self.addresses),
            "folder": str(self.folder or ""),
            "groups": self.groups,
        }
        draft = self.note.with_name(".up.json")
        draft.write_text(json.dumps(text, indent=1) + "\n", encoding="utf-8")
        draft.replace(self.note)

    def leave(self) -> None:
        """Give the place up; nothing of this call is left."""
        self.note.unlink(missing_ok=True)
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self.lock)


def take_place(home: Path, token: str) -> tuple[Standing, list[str]]:
    """Take the one place of `up` in a home, and end what a killed call left, which is named.

    Raises `ProjectError`, with the addresses, where an `up` stands there already, and where
    something that was left cannot be ended.
    """
    home.mkdir(parents=True, exist_ok=True)
    lock = os.open(home, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise _taken(home) from error
    standing = Standing(home, lock, token)
    return standing, _clear(standing.note)


def _taken(home: Path) -> ProjectError:
    note = _read(home / "up.json")
    addresses = [f"{name} {url}" for name, url in note.get("addresses", {}).items()]
    where = ":\n    " + "\n    ".join(addresses) if addresses else ""
    return ProjectError(
        f"`burnish up` runs for {home} already (process {note.get('pid', 'unknown')}){where}",
        expected="one for a home",
        hint="use those addresses, or end it with Ctrl-C where it runs",
    )


def _clear(note: Path) -> list[str]:
    left = _read(note)
    if not left or left["host"] != socket.gethostname():
        return []
    groups = left["groups"]
    alive = processes.left(left["token"], groups.values())
    named = sorted(name for name, pid in groups.items() if pid in alive)
    if alive - set(groups.values()):
        named.append(f"and {len(alive - set(groups.values()))} of their processes")
    if alive:
        processes.end(left["token"], groups.values(), patience=LEFTOVER_SECONDS)
    still = processes.left(left["token"], groups.values())
    if still:
        raise ProjectError(
            f"processes of an earlier `burnish up` cannot be ended: {sorted(still)}",
            hint="end them by hand",
        )
    if left["folder"]:
        shutil.rmtree(left["folder"], ignore_errors=True)
    note.unlink(missing_ok=True)
    return named


def _read(note: Path) -> dict[str, Any]:
    """The note; nothing where there is none, or a power cut left an empty one."""
    with suppress(FileNotFoundError, json.JSONDecodeError):
        found = json.loads(note.read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else {}
    return {}
