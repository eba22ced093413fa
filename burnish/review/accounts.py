"""Accounts: the people of a desk, how they sign in, and what programs sign in with for them.

What belongs here: every change to people, passwords, sessions and tokens, each with its line in
the trail, in one transaction. What does not: cookies, headers and roles at a page (`access`),
whether a password is right (`checking`), or which are taken (`passwords`).

An actor is the name of who does something: of a person, or of the user of this machine for what is
done from its command line.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine

from burnish.database import migrate, read_once, reading, transact
from burnish.errors import ReviewError, SignInError, TooManyAttempts
from burnish.review import arranging, leases, people, sessions, trail
from burnish.review.checking import Checks
from burnish.review.install import Install
from burnish.review.passwords import Passwords, check_password
from burnish.review.people import PersonRecord
from burnish.review.records import Person, Role
from burnish.review.sessions import ApiToken, IssuedToken, Session
from burnish.review.trail import Doing, TrailLine
from burnish.typing import Clock

LONGEST_PAUSE = timedelta(days=366)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Accounts:
    """The people of the desk in a SQL database; tables are created if absent.

    A session ends `session_hours` after signing in, or after `idle_hours` of nothing. All times are
    `clock`'s. Errors: `SignInError` and `TooManyAttempts` of `sign_in`, `ReviewError` for what
    cannot be taken, `ReviewConflict` for a name that is there.

    >>> import tempfile
    >>> from burnish.database import open_database
    >>> accounts = Accounts(open_database(tempfile.mkdtemp() + "/burnish.db"))
    >>> ann = accounts.add_person("ann", "admin", by="root", password="a red barn door")
    >>> session = accounts.sign_in("ann", "a red barn door")
    >>> accounts.session(session.token).person
    Person(name='ann', role='admin', simulated=False)
    """

    def __init__(
        self,
        engine: Engine,
        *,
        clock: Clock = _utc_now,
        passwords: Passwords | None = None,
        session_hours: float = 12.0,
        idle_hours: float = 4.0,
    ) -> None:
        migrate(engine)
        self._engine = engine
        self._clock = clock
        self._passwords = passwords or Passwords()
        self._install = Install(engine, clock=clock)
        self._checks = Checks(engine, self._passwords, self._install, clock=clock)
        self._lasts = timedelta(hours=session_hours)
        self._idle = timedelta(hours=idle_hours)

    # ------------------------------------------------------------ people

    def people(self) -> list[PersonRecord]:
        """Everybody, by name; those who were deactivated too."""
        with reading(self._engine) as connection:
            return people.list_people(connection)

    def person(self, name: str) -> Person | None:
        """Somebody who is active."""
        return next((one.person for one in self.people() if one.active and one.name == name), None)

    def anybody_can_sign_in(self) -> bool:
        """Whether there is an active person with a password."""
        return any(one.active and one.has_password for one in self.people())

    def add_person(
        self,
        name: str,
        role: Role,
        *,
        by: str,
        password: str | None = None,
        simulated: bool = False,
        address: str = "",
    ) -> Person:
        """Add somebody; without a password they cannot sign in, but may have tokens."""
        name = people.check_name(name)
        people.check_role(role)
        person = Person(name, role, simulated)
        kept = None if password is None else self._passwords.hashed(check_password(password, name))
        doing = self._doing(by, address)

        def work(connection: Connection) -> None:
            people.add(connection, person, doing.at, kept)
            detail = f"{role}, simulated" if simulated else role
            trail.note(connection, doing, "person_added", name, detail=detail)

        transact(self._engine, work)
        return person

    def ensure_person(self, name: str) -> None:
        """Have an active person of this name: who acts where there is no login."""
        found = next((one for one in self.people() if one.name == name), None)
        if found is None:
            self.add_person(name, "admin", by=name)
        elif not found.active:
            raise ReviewError(f"{name} was deactivated", hint="give another name, or reactivate")

    def set_role(self, name: str, role: Role, *, by: str, address: str = "") -> None:
        """Give another role; every session of the person ends."""
        people.check_role(role)
        doing = self._doing(by, address)

        def work(connection: Connection) -> None:
            before = people.known(connection, name)
            if before.role == role:
                return
            if before.role == "admin":
                people.keep_an_admin(connection, name)
            people.change(connection, name, doing.at, role=role)
            sessions.end_sessions(connection, name)
            trail.note(connection, doing, "role_changed", name, detail=f"{before.role} to {role}")

        transact(self._engine, work)

    def set_password(self, name: str, password: str, *, by: str, address: str = "") -> None:
        """Set a password; every session of the person ends, tokens stay."""
        kept = self._passwords.hashed(check_password(password, name))
        doing = self._doing(by, address)

        def work(connection: Connection) -> None:
            people.known(connection, name)
            people.change(connection, name, doing.at, password_hash=kept)
            sessions.end_sessions(connection, name)
            trail.note(connection, doing, "password_set", name)

        transact(self._engine, work)

    def change_password(self, name: str, old: str, new: str, *, address: str = "") -> None:
        """Set one's own password, knowing the old one; guesses count as attempts to sign in."""
        try:
            self._checks.check(name, old, address)
        except TooManyAttempts:
            raise
        except SignInError as error:
            raise ReviewError(
                "the password you have is another",
                hint="who forgot it is given another: `burnish review person password NAME`",
            ) from error
        self.set_password(name, new, by=name, address=address)

    def deactivate(self, name: str, *, by: str, address: str = "") -> None:
        """Shut somebody out: sessions end and tokens are revoked. What they said stays.

        What they were asked first, and have not answered, is for anybody.
        """
        doing = self._doing(by, address)

        def work(connection: Connection) -> None:
            if people.known(connection, name).role == "admin":
                people.keep_an_admin(connection, name)
            people.change(connection, name, doing.at, active=False)
            sessions.end_sessions(connection, name)
            sessions.revoke_tokens(connection, doing.at, name=name)
            arranging.leave_to_anybody(
                connection, name, actor=by, why=f"{name} was deactivated", at=doing.at
            )
            trail.note(connection, doing, "person_deactivated", name)

        transact(self._engine, work)

    def reactivate(self, name: str, *, by: str, address: str = "") -> None:
        """Let somebody in again, with the password they had; their tokens stay revoked."""
        doing = self._doing(by, address)

        def work(connection: Connection) -> None:
            people.known(connection, name)
            people.change(connection, name, doing.at, active=True)
            trail.note(connection, doing, "person_reactivated", name)

        transact(self._engine, work)

    def pause(self, name: str, until: datetime | None, *, by: str, address: str = "") -> None:
        """Note that somebody is away until a time (None: back again).

        Nothing is dealt to them meanwhile, what is kept for them is for anybody, and what is before
        them is free at once. They may work all the same. Raises `ReviewError` for somebody who is
        not there or was deactivated, and for a time that is past or more than a year ahead.
        """
        doing = self._doing(by, address)
        if until is not None and not doing.at < until <= doing.at + LONGEST_PAUSE:
            raise ReviewError(
                f"nobody can be away until {until:%Y-%m-%d %H:%M} UTC",
                expected="a time from now on, within a year",
            )

        def work(connection: Connection) -> None:
            before = people.known(connection, name)
            if not before.active:
                raise ReviewError(f"{name} was deactivated", hint="an admin can let them in again")
            if until is None and before.paused_until is None:
                return
            # Also a time that is past: a clock that is set back would have them away again.
            people.change(connection, name, doing.at, paused_until=until)
            if until is None:
                if before.is_away(doing.at):
                    trail.note(connection, doing, "person_back", name)
                return
            leases.end_of_person(connection, name)
            detail = f"until {until:%Y-%m-%d %H:%M} UTC"
            trail.note(connection, doing, "person_paused", name, detail=detail)

        transact(self._engine, work)

    # ------------------------------------------------------------ signing in

    def sign_in(self, name: str, password: str, *, address: str = "") -> Session:
        """A new session. Which of name and password was wrong is not told."""
        person, kept = self._checks.check(name, password, address)
        fresh = self._passwords.hashed(password) if self._passwords.outdated(kept) else None
        doing = self._doing(person.name, address)

        def work(connection: Connection) -> Session:
            if fresh is not None:
                people.change(connection, person.name, doing.at, password_hash=fresh)
            trail.note(connection, doing, "sign_in", person.name)
            return sessions.open_session(connection, person, doing.at, lasts=self._lasts)

        return transact(self._engine, work)

    def session(self, token: str) -> Session | None:
        """Who is signed in with a token; None where it says nothing any more."""
        if not token:
            return None
        now = self._clock()
        with read_once(self._engine) as connection:
            found = sessions.find_session(connection, token, now, idle=self._idle)
        if found is not None and now - found.seen_at >= sessions.SEEN_EVERY:
            transact(self._engine, lambda c: sessions.saw_session(c, token, now))
        return found

    def sign_out(self, token: str, *, address: str = "") -> None:
        """End a session."""

        def work(connection: Connection) -> None:
            name = sessions.end_session(connection, token)
            if name is not None:
                trail.note(connection, self._doing(name, address), "sign_out", name)

        transact(self._engine, work)

    # ------------------------------------------------------------ tokens

    def make_token(
        self, name: str, label: str, *, by: str, days: int = 90, address: str = ""
    ) -> IssuedToken:
        """A new API token of a person, told once; `label` says what it is for."""
        label = label.strip()
        if not 1 <= len(label) <= 100 or not label.isprintable():
            raise ReviewError("a token needs a name", expected="what it is for, briefly")
        doing = self._doing(by, address)

        def work(connection: Connection) -> IssuedToken:
            if not people.known(connection, name).active:
                raise ReviewError(f"{name} was deactivated", hint="an admin can let them in again")
            made = sessions.make_token(
                connection, name, label, doing.at, lasts=timedelta(days=days)
            )
            detail = f"{label} ({made.token.token_id}), {days} days"
            trail.note(connection, doing, "token_made", name, detail=detail)
            return made

        return transact(self._engine, work)

    def token_person(self, secret: str) -> Person | None:
        """Whom an API token stands for; None where it says nothing (any more)."""
        if not secret.startswith(sessions.PREFIX):
            return None
        with reading(self._engine) as connection:
            return sessions.find_token(connection, secret, self._clock())

    def tokens(self, name: str | None = None) -> list[ApiToken]:
        """The tokens of a person, or of everybody, newest first."""
        with reading(self._engine) as connection:
            return sessions.list_tokens(connection, name)

    def revoke_token(
        self, token_id: str, *, by: str, owner: str | None = None, address: str = ""
    ) -> None:
        """Revoke a token by its id; with `owner`, only one of theirs."""
        found = [one for one in self.tokens(owner) if one.token_id == token_id]
        if not found:
            raise ReviewError(
                f"there is no token {token_id}", hint="the page Tokens lists those there are"
            )
        doing = self._doing(by, address)
        (token,) = found

        def work(connection: Connection) -> None:
            if sessions.revoke_tokens(connection, doing.at, token_id=token_id):
                detail = f"{token.label} ({token_id})"
                trail.note(connection, doing, "token_revoked", token.name, detail=detail)

        transact(self._engine, work)

    # ------------------------------------------------------------ trail and secret

    def trail(
        self, *, action: str = "", before: int | None = None, limit: int = 100
    ) -> list[TrailLine]:
        """The newest lines of the trail."""
        with reading(self._engine) as connection:
            return trail.read(connection, action=action, before=before, limit=limit)

    def now(self) -> datetime:
        """The present, by the clock of these accounts."""
        return self._clock()

    def sign(self, text: str) -> str:
        """A signature that only this install can make."""
        return self._install.sign(text)

    def cookie_name(self) -> str:
        """The session's cookie: desks of other homes on the same machine have others."""
        return f"burnish_{self.sign('cookie')[:8]}"

    def _doing(self, actor: str, address: str) -> Doing:
        return Doing(actor, self._clock(), address)
