"""`burnish review`: the desk of a home, served until told to stop; and the first who may enter.

What belongs here: putting the desk together from a home and a catalog, the port, the server, and
what is said on the screen. What does not: the application (`burnish.review`), what it is told of a
home (`burnish.workflows.desk`), or the options (`burnish.cli_review`).
"""

from __future__ import annotations

import getpass
import ipaddress
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from signal import SIGINT, SIGTERM
from typing import TYPE_CHECKING

from burnish.errors import ProjectError, ReviewError, SpecError
from burnish.spec import load_spec_named
from burnish.workflows.guides import guide_problems
from burnish.workflows.home import Home

if TYPE_CHECKING:
    import uvicorn

    from burnish.review.accounts import Accounts
    from burnish.review.context import DeskContext, DeskSettings

USUAL_PORT = 3002
LOOPBACK = "127.0.0.1"
LIBRARIES = ("argon2", "fastapi", "markdown_it", "python_multipart", "uvicorn")
Say = Callable[[str], None]


@dataclass(frozen=True)
class FirstAdmin:
    """The admin that was made because nobody could sign in; the password is kept nowhere else."""

    name: str
    password: str

    def __str__(self) -> str:
        return (
            f"Nobody could sign in yet, so there is an admin now, told here and never again:\n"
            f"    name      {self.name}\n"
            f"    password  {self.password}\n"
            f"  Another password: burnish review person password {self.name}"
        )


def require_libraries() -> None:
    """Raise `ProjectError` where a library of the desk is not installed."""
    missing = [name for name in LIBRARIES if find_spec(name) is None]
    if missing:
        raise ProjectError(
            f"the review desk needs {', '.join(missing)}, which cannot be imported",
            hint='pip install "burnish[review]"',
        )


def accounts_of(home: Home) -> Accounts:
    """The people of a home's desk. Raises `ProjectError` where its libraries are missing."""
    require_libraries()
    from burnish.review.accounts import Accounts

    return Accounts(home.versions.engine)


def desk_of(home: Home, catalog: Path, settings: DeskSettings) -> DeskContext:
    """Everything that the desk's pages are given, of one home."""
    require_libraries()
    from datetime import UTC, datetime

    from burnish.review.accounts import Accounts
    from burnish.review.context import DeskContext
    from burnish.review.desk import Desk
    from burnish.workflows.desk import HomeBatches
    from burnish.workflows.desk_examples import HomeExamples
    from burnish.workflows.team import HomeTeam

    def now() -> datetime:
        return datetime.now(UTC)

    batches = HomeBatches(home, catalog)
    engine = home.versions.engine
    return DeskContext(
        desk=Desk(engine, home.ledger, batches, clock=now),
        accounts=Accounts(engine, clock=now),
        examples=HomeExamples(home, batches, fresh_seconds=1.0),
        settings=settings,
        team=HomeTeam(home),
    )


def first_admin(accounts: Accounts, *, user: str = "") -> FirstAdmin | None:
    """An admin with a random password, where nobody can sign in yet; else None.

    The admin is called as the user of this machine (`user` in place of it), or `admin` where that
    is no name or already somebody else's.
    """
    if accounts.anybody_can_sign_in():
        return None
    password = secrets.token_urlsafe(12)
    for name in (user or user_of_machine(), "admin"):
        with suppress(ReviewError):
            _make_admin(accounts, name, password)
            return FirstAdmin(name, password)
    raise ReviewError(
        "nobody can sign in, and the name `admin` is taken by somebody who is none",
        hint="burnish review person add NAME --role admin",
    )


def _make_admin(accounts: Accounts, name: str, password: str) -> None:
    """Raises `ReviewError` for a name that cannot be taken."""
    found = accounts.person(name)
    if found is None:
        accounts.add_person(name, "admin", by=by_command(), password=password)
    elif found.role == "admin" and not found.simulated:
        # Made by `--no-login`, which needs no password.
        accounts.set_password(name, password, by=by_command())
    else:
        raise ReviewError(f"{name} is no admin", hint="name another, or make them one")


def user_of_machine() -> str:
    """Who runs this, as the machine knows them; `admin` where it does not."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "admin"


def by_command() -> str:
    """How the trail names who acts from a command line: no person of the desk is called so."""
    return f"{user_of_machine()} (command line)"


def is_loopback(host: str) -> bool:
    """Whether a server at this host is reached from this machine alone.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listen(host: str, port: int | None) -> socket.socket:
    """A socket that listens: at the port that was named, else the usual one, else any that is free.

    Raises `ProjectError` where a named port is taken, or the host is not of this machine.
    """
    if port is not None:
        return _bound(host, port)
    try:
        return _bound(host, USUAL_PORT)
    except ProjectError:
        return _bound(host, 0)


def _bound(host: str, port: int) -> socket.socket:
    try:
        [family, *_] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        found = socket.socket(family, socket.SOCK_STREAM)
        try:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind((host, port))
            found.listen(128)
        except OSError:
            found.close()
            raise
    except OSError as error:
        raise ProjectError(
            f"the desk cannot listen at {host}, port {port}: {error.strerror or error}",
            hint="name another with --port, or leave --port out",
        ) from error
    return found


def serve(
    home: Home,
    catalog: Path,
    *,
    settings: DeskSettings,
    host: str = LOOPBACK,
    port: int | None = None,
    say: Say,
    tell_password: bool = True,
) -> None:
    """Serve the desk until Ctrl-C or a signal to end; requests in progress are answered.

    `say` prints a line. The first admin is made where somebody is there to read the password
    (`tell_password`), on loopback alone. Raises `ProjectError` where it would stand open, a port
    is taken, or a library is missing.
    """
    context = desk_of(home, catalog, settings)
    from burnish.review.app import create_app

    with listen(host, port) as listening:
        made = None
        if settings.login and settings.loopback and tell_password:
            made = first_admin(context.accounts)
        server = server_of(create_app(context))
        missing = [*left_out(home, catalog), *guide_problems(home, catalog)]
        # From here on, and not from when it has started: somebody may be quicker, and an event loop
        # that starts can lose what it is told meanwhile.
        with _told_by_signals(server):
            for line in greeting(context, _address(host, listening), made, missing):
                say(line)
            server.run(sockets=[listening])
    say("Ended.")


def greeting(
    context: DeskContext, address: str, made: FirstAdmin | None, missing: Sequence[str] = ()
) -> list[str]:
    """What is said once the desk listens: where, who may enter, what waits, what is `missing`."""
    settings = context.settings
    lines = [f"Review: {settings.public_url or address}"]
    if not settings.login:
        lines.append(f"  No login: whoever opens it acts as {settings.sole_person}.")
    elif made is not None:
        lines.append(f"  {made}")
    elif not context.accounts.anybody_can_sign_in():
        lines.append("  Nobody can sign in yet: burnish review person add NAME --role admin")
    waiting = [
        f"  {one.batch.dataset}, iteration {one.batch.iteration}: "
        f"{one.settled} of {one.total} items are settled"
        for one in context.desk.datasets()
    ]
    lines += [*waiting, *missing] or [
        "  No batch is open; one is opened by `burnish loop --dataset NAME --iterations 1`."
    ]
    return [*lines, "Ctrl-C ends it."]


def left_out(home: Home, catalog: Path) -> list[str]:
    """A line for each dataset that has an iteration open, and no spec that can be used.

    The desk leaves its batch out, and nobody would know why.
    """
    lines: list[str] = []
    for dataset in home.versions.datasets():
        if home.versions.current(dataset) is None:
            continue
        try:
            load_spec_named(catalog, dataset)
        except SpecError as error:
            lines.append(f"  {dataset} is left out until its spec is mended: {error.found}")
    return lines


def _address(host: str, listening: socket.socket) -> str:
    port = listening.getsockname()[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def server_of(app: object) -> uvicorn.Server:
    """The server of the desk's application: it speaks of warnings alone, and trusts no proxy."""
    import uvicorn

    config = uvicorn.Config(
        app,  # pyright: ignore[reportArgumentType]
        log_level="warning",
        access_log=False,
        # Whom a request comes from is what the connection says; the desk itself knows its proxies.
        proxy_headers=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=5,
    )
    return uvicorn.Server(config)


@contextmanager
def _told_by_signals(server: uvicorn.Server) -> Generator[None]:
    """Have the server end its requests and stop, when this process is told to end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {one: signal.signal(one, server.handle_exit) for one in (SIGINT, SIGTERM)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
