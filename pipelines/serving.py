"""Programs that run beside each other: started, waited for until they answer, ended together.

What belongs here: a program as a child process with a log, the wait, and the error that names
one that died. What does not: which programs there are (`pipelines.services`), what is left of
an earlier call (`pipelines.standing`), or what is said on the screen (`pipelines.up`).
"""

import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from burnish.errors import ProjectError
from pipelines import processes

LAST_LINES = 15
LOOK_SECONDS = 0.2
BOOT_SECONDS = 240.0
"""How long a program may take until it answers; two slow cores under load need a minute."""

END_SECONDS = 6.0
"""How long the programs may take to end by themselves."""


class Interrupted(Exception):
    """Somebody asked for the end while programs were still starting."""


@dataclass(frozen=True)
class Service:
    """One program: its command, its environment, and a question that it answers once it works.

    `answers` is asked again and again, with the time at which the program was started, and raises
    `ProjectError` where it never will. A program that names another to come `after` is started
    when that one answers.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    answers: Callable[[float], bool]
    after: str = ""


@dataclass(frozen=True)
class Running:
    """A program that was started, and when, in seconds since 1970."""

    service: Service
    process: subprocess.Popen[bytes]
    log: Path
    since: float

    @property
    def last_lines(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(f"    {line}" for line in lines[-LAST_LINES:])


@dataclass
class Company:
    """All programs of one call, known to the system by one mark in their environment.

    `stop` is set by whoever wants them ended; `on_start` is told of each process that begins.
    """

    token: str
    logs: Path
    stop: threading.Event
    on_start: Callable[[str, int], None]
    running: list[Running] = field(default_factory=list)

    def boot(self, services: Sequence[Service], say: Callable[[Running], None]) -> None:
        """Start all of them and wait until each answers; `say` is told of each that does.

        Raises `ProjectError` where one dies or takes too long, and `Interrupted` where the end
        was asked for.
        """
        waiting, silent, answered = list(services), [], {""}
        until = time.monotonic() + BOOT_SECONDS
        while waiting or silent:
            for service in [one for one in waiting if one.after in answered]:
                waiting.remove(service)
                silent.append(self._start(service))
            self.require_all_alive("ended while it started")
            for running in [one for one in silent if one.service.answers(one.since)]:
                silent.remove(running)
                answered.add(running.service.name)
                say(running)
            if silent and time.monotonic() > until:
                raise stopped(silent[0], f"does not answer after {BOOT_SECONDS:.0f} s")
            if self.stop.wait(LOOK_SECONDS):
                raise Interrupted

    def _start(self, service: Service) -> Running:
        """Start one program, in a session of its own: a Ctrl-C of the terminal is not for it."""
        log = _fresh_log(self.logs, service.name)
        with log.open("ab") as out:
            since = time.time()
            process = subprocess.Popen(
                service.command,
                env={**service.environment, processes.MARK: self.token},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        running = Running(service, process, log, since)
        self.running.append(running)
        self.on_start(service.name, process.pid)
        return running

    def require_all_alive(self, what: str) -> None:
        """Raise `ProjectError`, with the end of its log, where a program is no more."""
        for one in self.running:
            code = one.process.poll()
            if code is not None:
                raise stopped(one, f"{what} ({_ending(code)})")

    def terminate(self, name: str) -> None:
        """Ask one program to end, ahead of the others."""
        for one in self.running:
            if one.service.name == name and one.process.poll() is None:
                one.process.terminate()

    def end(self, hurry: Callable[[], bool]) -> bool:
        """End all of them and all that they started; True if it took force."""
        groups = [one.process.pid for one in self.running]
        forced = processes.end(self.token, groups, patience=END_SECONDS, hurry=hurry)
        for one in self.running:
            one.process.poll()
        return forced


def stopped(one: Running, what: str) -> ProjectError:
    """The error that names a program which does not run, with the end of its log."""
    return ProjectError(
        f"{one.service.name} {what}; its last lines:\n{one.last_lines or '    (none)'}",
        hint=f"all of it is in {one.log}",
    )


def _fresh_log(folder: Path, name: str) -> Path:
    """A log that begins with this start; that of the start before is kept beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{name}.log"
    if log.exists():
        log.replace(log.with_name(f"{log.name}.1"))
    log.touch()
    return log


def _ending(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {-code}"
