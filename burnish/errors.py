"""Every error that Burnish raises on purpose, under one root.

What belongs here: the tree below and how a message is put together. What does not: deciding
when to raise, which stays with the code that found the fault.

    BurnishError
     ├── SpecError               a dataset spec cannot be used as it stands
     ├── DataError               a source, a column or a value is not what was declared
     │    └── SourceUnreadable   a file or table cannot be opened at all
     ├── StoreError              a versioned table
     │    ├── VersionNotFound    no such table, version, tag or time
     │    ├── CorruptTable       bytes on disk are not those that were written
     │    └── WriteConflict      somebody else moved the head first
     ├── LedgerError             a label event cannot be taken
     │    ├── LedgerTampered     the hash chain of the past does not hold
     │    └── LedgerMoved        somebody else decided first
     ├── GateError               a stage asks for data that no gate has passed
     ├── IterationError          the iteration contract would be broken
     │    └── ChampionMoved      another model became champion meanwhile
     ├── ReviewError             the review of a queue cannot go on
     │    ├── ReviewConflict     somebody else, or another tab, was first
     │    ├── ItemNotFound       no such item, or no batch is open
     │    ├── NotAllowed         this person may not do that
     │    └── SignInError        nobody is signed in, or name and password do not fit
     │         └── TooManyAttempts  and so often that it has to wait
     ├── TrackingError           the tracking server did not take an iteration
     │    └── TrackingUnavailable it is down, or too slow to be waited for: later is as good
     └── ProjectError            no project around this folder, or it cannot run

A message says what was found, what was expected, and what to do:

>>> print(DataError("column 'age' is missing", expected="one of: name, years",
...                 hint="name the column in the spec's `features`"))
column 'age' is missing
  expected: one of: name, years
  hint: name the column in the spec's `features`
"""

from __future__ import annotations


class BurnishError(Exception):
    """Root of every deliberate error: `found`, what was `expected`, and a `hint`."""

    def __init__(self, found: str, *, expected: str = "", hint: str = "") -> None:
        self.found = found
        self.expected = expected
        self.hint = hint
        super().__init__(found, expected, hint)

    def __str__(self) -> str:
        lines = [self.found]
        if self.expected:
            lines.append(f"  expected: {self.expected}")
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only arguments do not survive pickling by themselves, and errors cross processes.
        return (_rebuild, (type(self), self.found, self.expected, self.hint))


def _rebuild(kind: type[BurnishError], found: str, expected: str, hint: str) -> BurnishError:
    return kind(found, expected=expected, hint=hint)


class SpecError(BurnishError):
    """A dataset spec cannot be used as it stands; the message names file, line and key."""


class DataError(BurnishError):
    """A source, a column or a value is not what was declared."""


class SourceUnreadable(DataError):
    """A file or table cannot be opened at all, or holds nothing."""


class StoreError(BurnishError):
    """A versioned table cannot be written or read."""


class VersionNotFound(StoreError):
    """No such table, version, tag or time."""


class CorruptTable(StoreError):
    """The bytes on disk are not those that were written."""


class WriteConflict(StoreError):
    """Somebody else moved the head first; read again and retry."""


class LedgerError(BurnishError):
    """A label event cannot be taken into the ledger."""


class LedgerTampered(LedgerError):
    """The hash chain of the ledger's past does not hold."""


class LedgerMoved(LedgerError):
    """Somebody else's events came first; look at them and decide again."""


class GateError(BurnishError):
    """A stage asks for data that no gate has passed."""


class IterationError(BurnishError):
    """The iteration contract would be broken."""


class ChampionMoved(IterationError):
    """Another model became champion since this was decided; look again, and decide anew."""


class ReviewError(BurnishError):
    """The review of a queue cannot go on."""


class ReviewConflict(ReviewError):
    """Somebody else, or another tab, was first; look at the item again."""


class ItemNotFound(ReviewError):
    """There is no such item at the desk, or no batch is open."""


class NotAllowed(ReviewError):
    """Who asks may not do that."""


class SignInError(ReviewError):
    """Nobody is signed in, or name and password do not fit."""


class TooManyAttempts(SignInError):
    """Sign-in failed so often that it has to wait."""


class TrackingError(BurnishError):
    """The tracking server did not take an iteration; the data work is kept."""


class TrackingUnavailable(TrackingError):
    """The tracking server is down, or too slow to be waited for; logging later does as well."""


class ProjectError(BurnishError):
    """There is no project around this folder, or it cannot run."""
