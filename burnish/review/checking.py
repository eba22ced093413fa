"""Whether a name and a password fit, counting those that do not.

What belongs here: the one place where a password is tried. What does not: hashes (`passwords`),
how many failures are too many (`attempts`), or what a right password opens (`accounts`).
"""

from __future__ import annotations

import threading
import unicodedata

from sqlalchemy import Engine

from burnish.database import reading, transact
from burnish.errors import SignInError
from burnish.review import people, trail
from burnish.review.attempts import note_throttled, throttled, wait_of
from burnish.review.install import Install
from burnish.review.passwords import Passwords
from burnish.review.records import Person
from burnish.review.trail import Doing
from burnish.typing import Clock


class Checks:
    """Tries one password at a time.

    Counting failures and adding one is one step, and a hash takes 64 MB that a crowd of strangers
    must not multiply.
    """

    def __init__(
        self, engine: Engine, passwords: Passwords, install: Install, *, clock: Clock
    ) -> None:
        self._engine = engine
        self._passwords = passwords
        self._install = install
        self._clock = clock
        self._one = threading.Lock()

    def check(self, name: str, password: str, address: str) -> tuple[Person, str]:
        """Who has this name and password, and the hash of it; else `SignInError`, counted.

        `TooManyAttempts` where one has to wait; then the password is not looked at.
        """
        name = unicodedata.normalize("NFKC", name).strip()
        with reading(self._engine) as connection:
            found = people.find(connection, name)
        # What is typed where the name belongs may be a password: it is kept unreadable.
        subject = name if found else f"unknown {self._install.sign(f'name:{name}')[:16]}"
        # Before the lock as well: those who must wait anyway need not queue up for it.
        self._refuse_throttled(subject, address)
        with self._one:
            self._refuse_throttled(subject, address)
            kept = found[1] if found and found[0].active else None
            if self._passwords.fits(kept, password) and found is not None and kept is not None:
                return found[0].person, kept
            doing = Doing("", self._clock(), address)
            transact(self._engine, lambda c: trail.note(c, doing, "sign_in_failed", subject))
        raise SignInError("name and password do not fit", hint="an admin can set a new password")

    def _refuse_throttled(self, subject: str, address: str) -> None:
        doing = Doing("", self._clock(), address)
        with reading(self._engine) as connection:
            wait = wait_of(connection, subject, address, doing.at)
        if wait is not None:
            transact(self._engine, lambda c: note_throttled(c, doing, subject))
            raise throttled(wait)
