"""What people say of a file's columns beforehand, and what follows for the looks at them.

What belongs here: choices that go before a guess, and refusing those that the file cannot bear.
What does not: the guess itself (`burnish.spec.guess`, `burnish.spec.looks`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa

from burnish.errors import DataError
from burnish.spec.cells import is_text
from burnish.spec.keys import near, one_of
from burnish.spec.looks import Look
from burnish.spec.models import FeatureKind


@dataclass(frozen=True)
class Chosen:
    """Choices of a person, none by default; a guess keeps to them.

    identity: the column that names the rows. group: the column whose rows stay in one fold. kinds:
    the kind of a feature, whatever its column looks like. exclude: columns that are no features,
    say since they give the label away. annotations: a file of answers, one row
    an answer, with the columns example_id, annotator_id and label. budget: rows that people are
    asked about in an iteration.
    """

    identity: str | None = None
    group: str | None = None
    kinds: Mapping[str, FeatureKind] = field(default_factory=dict[str, FeatureKind])
    exclude: tuple[str, ...] = ()
    annotations: Path | None = None
    budget: int | None = None


NOTHING_CHOSEN = Chosen()


def check_chosen(chosen: Chosen, columns: Sequence[str], target: str | None) -> None:
    """Refuse a column that is not there, or one that is asked to be two things at once.

    >>> check_chosen(Chosen(group="custmer"), ["customer", "x"], "x")
    Traceback (most recent call last):
    ...
    burnish.errors.DataError: there is no column 'custmer' to be the group
      expected: one of: customer, x
      hint: did you mean 'customer'?
    """
    roles = [("the id", chosen.identity), ("the group", chosen.group)]
    roles += [(f"{'an' if kind == 'image' else 'a'} {kind}", n) for n, kind in chosen.kinds.items()]
    roles += [("left out", name) for name in chosen.exclude]
    taken = {} if target is None else {target: "the target"}
    for role, name in roles:
        if name is None:
            continue
        if name not in columns:
            raise DataError(
                f"there is no column {name!r} to be {role}",
                expected=one_of(columns),
                hint=near(name, columns),
            )
        if name in taken:
            raise DataError(
                f"column {name!r} cannot be {role} and {taken[name]} at once",
                expected="one use of each column",
            )
        taken[name] = role


def chosen_looks(
    looks: Iterable[Look], chosen: Chosen, columns: Mapping[str, pa.ChunkedArray]
) -> list[Look]:
    """The looks, with what people chose in the place of what a column looks like."""
    kept = [
        replace(look, kind=None, note="left out, as chosen", group=False, paths=False)
        if look.name in chosen.exclude
        else look
        for look in looks
    ]
    return [
        look
        if look.name not in chosen.kinds
        else replace(
            look,
            kind=chosen.kinds[look.name],
            note="as chosen",
            distinct=0,
            group=False,
            paths=chosen.kinds[look.name] == "image" and is_text(columns[look.name].type),
        )
        for look in kept
    ]
