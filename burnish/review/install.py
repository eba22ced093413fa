"""The secret of an install: random, made once, for what the desk has to recognise as its own.

What belongs here: the secret and signing with it. What does not: sessions and tokens, which are
random themselves and need no signature (`sessions`).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from functools import cached_property

from sqlalchemy import Connection, Engine, insert, select

from burnish.database import transact
from burnish.review.schema import desk_secrets
from burnish.typing import Clock


class Install:
    """Signs with the secret of the database, which is made where there is none."""

    def __init__(self, engine: Engine, *, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def sign(self, text: str) -> str:
        """A signature that only this install can make, in hexadecimal digits."""
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()

    @cached_property
    def _secret(self) -> bytes:
        mine = desk_secrets.c.name == "install"

        def work(connection: Connection) -> str:
            found = connection.scalar(select(desk_secrets.c.value).where(mine))
            if found is not None:
                return found
            made = secrets.token_hex(32)
            values = {"name": "install", "value": made, "created_at": self._clock()}
            connection.execute(insert(desk_secrets).values(values))
            return made

        return bytes.fromhex(transact(self._engine, work))
