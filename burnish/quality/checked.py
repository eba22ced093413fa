"""A table made ready to be checked, and the door by which a check enters.

What belongs here: what a check is given (`Checked`, and a `Column` of it) and what it has to be
(`QualityCheck`). What does not: the checks (each in a module of its own), or the list of those that
run (`burnish.quality.checking`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.errors import DataError
from burnish.quality.column import Column
from burnish.quality.findings import QualityFinding
from burnish.spec import FeatureKind


@dataclass(frozen=True)
class Checked:
    """What a check is given: the table, the parts that its columns play, and a seed.

    `target`, `split`, `time` and `group` name columns, or are None. `names` are the columns to be
    judged as features: all but those four and the excluded. Columns are made ready once, when
    they are first asked for.
    """

    table: pa.Table
    names: tuple[str, ...]
    target: str | None = None
    split: str | None = None
    time: str | None = None
    group: str | None = None
    kinds: Mapping[str, FeatureKind] = field(default_factory=dict[str, FeatureKind])
    random_state: int = 0

    @classmethod
    def of(
        cls,
        table: pa.Table,
        *,
        target: str | None = None,
        kinds: Mapping[str, FeatureKind] | None = None,
        split: str | None = None,
        time: str | None = None,
        group: str | None = None,
        exclude: Sequence[str] = (),
        random_state: int = 0,
    ) -> Checked:
        """Make `table` ready. Raises `DataError` where a name is unknown, or two columns share one.

        >>> Checked.of(pa.table({"age": [1], "label": ["a"]}), target="label").names
        ('age',)
        """
        named = [name for name in (target, split, time, group) if name is not None]
        _check_names(table, [*named, *exclude, *(kinds or {})])
        aside = {*named, *exclude}
        names = tuple(name for name in table.column_names if name not in aside)
        return cls(table, names, target, split, time, group, kinds or {}, random_state)

    @property
    def rows(self) -> int:
        return self.table.num_rows

    @cached_property
    def _columns(self) -> dict[str, Column]:
        return {}

    def column(self, name: str) -> Column:
        """One column, made ready; any of the table, features or not."""
        if name not in self._columns:
            self._columns[name] = Column.of(name, self.table.column(name), self.kinds.get(name))
        return self._columns[name]

    @property
    def features(self) -> list[Column]:
        return [self.column(name) for name in self.names]

    @property
    def numbers(self) -> list[Column]:
        """The features that are numbers."""
        return [column for column in self.features if column.nature == "number"]

    @property
    def categories(self) -> list[Column]:
        """The features that are categories."""
        return [column for column in self.features if column.nature == "category"]

    @cached_property
    def classes(self) -> tuple[NDArray[np.int64], list[str]] | None:
        """Class of each row (n,), -1 where there is none, and the names of the classes.

        None where there is no target, or one that is a quantity rather than a class.
        """
        return self.column(self.target).classes if self.target is not None else None


def _check_names(table: pa.Table, wanted: Iterable[str]) -> None:
    names = table.column_names
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(
            f"several columns are called {twice[0]!r}",
            expected="one column a name",
            hint="rename or drop all but one of them",
        )
    for name in wanted:
        if name not in names:
            raise DataError(f"no column {name!r}", expected=f"one of: {', '.join(names)}")


class QualityCheck(Protocol):
    """What a check has to be, a built-in one or your own.

    `kind` is the stable word that all of its findings carry, `looks_for` what it looks for, in
    words that end a sentence. Called with a `Checked` it gives its findings, of any table: an empty
    one, one row, all null. It raises nothing and changes nothing.
    """

    @property
    def kind(self) -> str: ...

    @property
    def looks_for(self) -> str: ...

    def __call__(self, checked: Checked, /) -> Iterable[QualityFinding]: ...


@dataclass(frozen=True)
class Check:
    """A check made of a plain function.

    >>> empty = Check("empty_table", "no row at all", lambda checked: [])
    >>> empty.kind, list(empty(Checked.of(pa.table({"a": [1]}))))
    ('empty_table', [])
    """

    kind: str
    looks_for: str
    find: Callable[[Checked], Iterable[QualityFinding]]

    def __call__(self, checked: Checked, /) -> Iterable[QualityFinding]:
        return self.find(checked)
