"""Passwords: which are taken, how they are kept, and how one is checked.

What belongs here: rules and hashes. What does not: whose password it is (`accounts`), or how often
one may be tried (`attempts`).
"""

from __future__ import annotations

import unicodedata
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from burnish.errors import ReviewError

SHORTEST = 10
LONGEST = 1024
COMMON_WORDS = """
0123456789 0987654321 1111111111 1122334455 1234512345 1234567890 12345678910 123456789a
1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx3edc 9876543210 aaaaaaaaaa abc1234567 abcd123456 abcdefghij
administrator adminadmin asdfghjkl; asdfghjkl1 burnishburnish changeme123 changemenow
iloveyou123 letmein123 loveyou123 mypassword passw0rd123 password00 password01 password10
password11 password12 password123 password1234 passwordpassword q1w2e3r4t5 qazwsxedcr
qwerty1234 qwerty12345 qwerty123456 qwertyuiop qwertyuiop1 secret1234 sunshine123 superman123
testtest12 welcome123 welcome1234 zaq12wsxcde zxcvbnm123
"""
COMMON = frozenset(COMMON_WORDS.split())


class Passwords:
    """Argon2id with salt, at the cost of RFC 9106's choice for machines with less memory.

    A hash carries its cost, so that raising the cost here is noticed at the next sign-in.

    >>> cheap = Passwords(time_cost=1, memory_kib=8, lanes=1)
    >>> kept = cheap.hashed("a red barn door")
    >>> cheap.fits(kept, "a red barn door"), cheap.fits(kept, "a red barn")
    (True, False)
    """

    def __init__(self, *, time_cost: int = 3, memory_kib: int = 65536, lanes: int = 4) -> None:
        self._hasher = PasswordHasher(time_cost, memory_kib, lanes)

    def hashed(self, password: str) -> str:
        """What is kept of a password."""
        return self._hasher.hash(_same_text(password))

    def fits(self, kept: str | None, password: str) -> bool:
        """Whether it is the one that was kept; with None it costs the same, and never is."""
        # Looked up for everybody: the first name that is tried pays for it, known or not.
        nobodys = self._nobodys
        try:
            right = self._hasher.verify(kept or nobodys, _same_text(password))
        except (VerificationError, InvalidHashError):
            return False
        return right and kept is not None

    def outdated(self, kept: str) -> bool:
        """Whether it was hashed at another cost than is used now."""
        return self._hasher.check_needs_rehash(kept)

    @cached_property
    def _nobodys(self) -> str:
        return self._hasher.hash("nobody's")


def check_password(password: str, name: str) -> str:
    """A new password, if it will do; else `ReviewError` saying why not.

    >>> check_password("a red barn door", "ann")
    'a red barn door'
    """
    text = _same_text(password)
    why = ""
    if len(text) < SHORTEST:
        why = f"it has {len(text)} characters"
    elif len(text) > LONGEST:
        why = f"it has {len(text)} characters, and hashing it would keep the desk busy"
    elif text.casefold() in COMMON or len(set(text)) < 4:
        why = "it is among the first that are tried"
    elif name and _only_the_name(text.casefold(), name.casefold()):
        why = "it is the name"
    if why:
        raise ReviewError(
            f"the password cannot be taken: {why}",
            expected=f"{SHORTEST} to {LONGEST} characters that are not easily guessed",
            hint="four or five words that have nothing to do with each other are easy to remember",
        )
    return password


def _only_the_name(password: str, name: str) -> bool:
    """Whether nothing but digits and signs is left once the name is taken out."""
    left = password.replace(name, "")
    return left != password and not any(one.isalpha() for one in left)


def _same_text(password: str) -> str:
    # The same keys give different code points on different systems.
    return unicodedata.normalize("NFKC", password[: LONGEST + 1])
