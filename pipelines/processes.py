"""Processes as the system lists them: which live, since when, which carry a mark, how they end.

What belongs here: asking the system and sending signals. What does not: which programs run and
why (`pipelines.services`), or what a dead process means for a run (`pipelines.orphans`).

A process id says little by itself: it is given to somebody else once its owner is gone. So a
process is known by its id and the time it began, or by a mark: a variable in its environment that
all of its descendants inherit, whatever their session or parent. Linux shows both in `/proc`;
elsewhere ids and process groups have to do.
"""

import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path

MARK = "BURNISH_UP"
"""The variable that every process of a `burnish up` has in its environment."""

SLACK_SECONDS = 2.0
"""How far the system's two clocks (time of day, time since boot) may disagree."""

KILL_SECONDS = 5.0
"""How long the system may take to end what was killed."""

_PROC = Path("/proc")
_READABLE = (_PROC / "self" / "environ").exists()


def is_alive(pid: int, *, by: float | None = None) -> bool:
    """Whether the process lives; with `by`, whether it is one that had begun by that time.

    A process that has ended and was not waited for yet is not alive.
    """
    fields = _stat(pid)
    if fields is None:
        return not _READABLE and _answers(pid)
    if fields[0] == "Z":
        return False
    return by is None or _began(fields) <= by + SLACK_SECONDS


def began(pid: int) -> float | None:
    """When the process began, in seconds since 1970; None where nobody knows."""
    fields = _stat(pid)
    return None if fields is None else _began(fields)


def marked(token: str) -> set[int]:
    """The live processes whose mark is `token`: the children of a `burnish up`, and theirs."""
    wanted = f"{MARK}={token}".encode()
    found = set()
    for folder in _PROC.glob("[0-9]*"):
        # Processes come and go while they are looked through, and some belong to others.
        with suppress(OSError):
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                found.add(int(folder.name))
    return {pid for pid in found if is_alive(pid)}


def left(token: str, groups: Iterable[int]) -> set[int]:
    """What still lives of the marked processes; of the groups, where marks cannot be read."""
    if _READABLE:
        return marked(token)
    return {group for group in groups if _answers(-group)}


def end(
    token: str,
    groups: Iterable[int],
    *,
    patience: float,
    hurry: Callable[[], bool] = lambda: False,
) -> bool:
    """End all that is left, gently and after `patience` seconds by force; True if it took force.

    The leaders of the groups are told first, as each ends its own children in good order; what
    outlives them is told then. Where `hurry` says so, force comes at once.
    """
    leaders, told = set(groups), set[int]()
    until = time.monotonic() + patience
    while pids := left(token, leaders):
        if time.monotonic() > until or hurry():
            break
        now = (pids & leaders or pids) - told
        _signal(now, signal.SIGTERM)
        told |= now
        time.sleep(0.1)
    else:
        return False
    until = time.monotonic() + KILL_SECONDS
    while (pids := left(token, leaders)) and time.monotonic() < until:
        _signal(pids, signal.SIGKILL)
        time.sleep(0.1)
    return True


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):  # it ended by itself meanwhile
            os.kill(pid if _READABLE else -pid, number)


def _stat(pid: int) -> list[str] | None:
    """The fields of proc(5) from the third on: state, parent, ...; None where nothing is known."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The second field is the program's name in brackets, which may hold anything.
    return text.rpartition(")")[2].split()


def _began(fields: list[str]) -> float:
    return _booted() + int(fields[19]) / os.sysconf("SC_CLK_TCK")


@cache
def _booted() -> float:
    for line in (_PROC / "stat").read_text(encoding="utf-8").splitlines():
        if line.startswith("btime "):
            return float(line.split()[1])
    return 0.0


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's process, so it lives
        return True
    return True
