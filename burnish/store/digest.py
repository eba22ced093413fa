"""A digest of what a table holds: whatever the order of its rows and columns, and updatable.

What belongs here: from the lanes of cells to the digest of a table, and its arithmetic. What does
not: the value of a cell (`burnish.store.hashing`), the checksum of a file (`burnish.store.parts`).

Where each row has an example_id of its own, each cell is mixed with the id of its row, and the
cells of a column are summed: four sums of 64 bits each, modulo 2^64. A sum knows no order, and a
cell can be taken out and another put in without a look at the rest (an additive multiset hash,
after Clarke et al. 2003, 'Incremental multiset hash functions'). For a given id each 64-bit value
has a sum of its own, so a changed number is always seen; texts meet by accident once in 2^256.

Where ids are missing or repeated, the rows are mixed as wholes, and it is the rows that are
summed. The two kinds are marked, and never equal.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

from burnish.errors import StoreError
from burnish.store.hashing import LANES, Lanes, canonical_type, cell_lanes, mixed

# Arrow makes these functions when it is imported, so a checker cannot know them.
pc: Any = compute

KEY = "example_id"
FORMAT = "burnish content 2"
# Sums join blocks; this size was the fastest of those tried from 4,096 to 65,536.
ROWS_PER_BLOCK = 65_536
THREADS = 2
_MASK = (1 << 64) - 1

Sums = tuple[int, int, int, int]
ZERO: Sums = (0, 0, 0, 0)


@dataclass(frozen=True)
class TableDigest:
    """What a table's digest is made of: for each column its type and its four sums.

    `by_id` says whether cells are tied to ids; where they are not, `columns` have no sums and
    `whole` holds those of the rows. `hex` is the digest, 64 characters.
    """

    rows: int
    types: Mapping[str, str]
    by_id: bool
    columns: Mapping[str, Sums] = field(default_factory=dict[str, Sums])
    whole: Sums = ZERO

    @property
    def hex(self) -> str:
        columns = [
            [name, kind, _as_hex(self.columns.get(name, ZERO))]
            for name, kind in sorted(self.types.items())
        ]
        facts = [FORMAT, self.by_id, self.rows, columns, _as_hex(self.whole)]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    def with_cells(self, before: pa.Table, after: pa.Table) -> TableDigest:
        """The digest after some cells have changed, from the old cells and the new ones alone.

        Both tables hold example_id and the columns that changed, for the same ids. Raises
        `StoreError` where the digest is not tied to ids, or the tables do not fit.

        >>> old = pa.table({"example_id": ["a", "b"], "x": [1, 2]})
        >>> new = pa.table({"example_id": ["a", "b"], "x": [1, 7]})
        >>> whole = table_digest(old)
        >>> whole.with_cells(old.slice(1), new.slice(1)).hex == table_digest(new).hex
        True
        """
        names = set(before.column_names)
        if names != set(after.column_names) or not names <= set(self.types):
            raise StoreError(
                f"cells of {', '.join(sorted(names ^ set(after.column_names)))} on one side alone",
                expected=f"the same columns, among {', '.join(self.types)}",
            )
        if before.num_rows != after.num_rows:
            raise StoreError(f"{before.num_rows} old rows and {after.num_rows} new ones")
        out, into = _tied(before, self), _tied(after, self)
        columns = dict(self.columns)
        for name in names - {KEY}:
            columns[name] = _plus(_minus(columns[name], out.columns[name]), into.columns[name])
        return TableDigest(self.rows, self.types, True, columns)

    def with_rows(self, *, added: pa.Table | None, removed: pa.Table | None) -> TableDigest:
        """The digest after whole rows were added, or removed. Raises as `with_cells` does.

        That ids stay distinct is for the caller to know.
        """
        rows, columns = self.rows, dict(self.columns)
        for part, join, sign in ((added, _plus, 1), (removed, _minus, -1)):
            if part is None or part.num_rows == 0:
                continue
            if set(part.column_names) != set(self.types):
                raise StoreError(
                    f"rows with the columns {', '.join(part.column_names)}",
                    expected=", ".join(self.types),
                )
            found = _tied(part, self)
            rows += sign * part.num_rows
            columns = {name: join(columns[name], found.columns[name]) for name in columns}
        return TableDigest(rows, self.types, True, columns)

    def to_json(self) -> dict[str, object]:
        """As plain JSON, for a commit."""
        return {
            "rows": self.rows,
            "types": dict(self.types),
            "by_id": self.by_id,
            "columns": {name: _as_hex(sums) for name, sums in self.columns.items()},
            "whole": _as_hex(self.whole),
        }

    @staticmethod
    def from_json(facts: Mapping[str, object]) -> TableDigest:
        """What `to_json` wrote."""
        made: dict[str, object] = dict(facts)
        columns: Mapping[str, str] = made["columns"]  # pyright: ignore[reportAssignmentType]
        return TableDigest(
            rows=made["rows"],  # pyright: ignore[reportArgumentType]
            types=made["types"],  # pyright: ignore[reportArgumentType]
            by_id=bool(made["by_id"]),
            columns={name: _from_hex(text) for name, text in columns.items()},
            whole=_from_hex(str(made["whole"])),
        )


def content_digest(table: pa.Table) -> str:
    """Hex digest (64 characters) of every cell, and of the names and types of the columns.

    It does not depend on the order of rows or columns, on chunking, or on how Arrow lays a value
    out: string, large_string and dictionary-encoded text agree, and so do the kinds of list and
    of binary. Null differs from "" and from NaN; -0.0 equals 0.0, and every NaN equals every other.
    Repeated rows and repeated ids count as often as they stand.

    Raises `StoreError` for two columns of one name, or a type that has no canonical value.

    >>> one = pa.table({"example_id": ["a", "b"], "x": [0.0, 1.0]})
    >>> other = pa.table({"x": [1.0, -0.0], "example_id": ["b", "a"]})
    >>> content_digest(one) == content_digest(other)
    True
    >>> content_digest(one) == content_digest(one.set_column(1, "x", pa.array([0.0, None])))
    False
    """
    return table_digest(table).hex


def table_digest(table: pa.Table) -> TableDigest:
    """The digest of a table in its parts; raises as `content_digest` does."""
    names = sorted(table.column_names)
    if len(set(names)) < len(names):
        twice = next(name for name, after in pairwise(names) if name == after)
        raise StoreError(f"two columns are named {twice!r}", hint="rename one of them")
    types = {name: canonical_type(table.schema.field(name).type) for name in table.column_names}
    by_id = _ids_are_distinct(table)
    blocks = [table.slice(at, ROWS_PER_BLOCK) for at in range(0, table.num_rows, ROWS_PER_BLOCK)]
    with ThreadPoolExecutor(THREADS) as pool:
        if not by_id:
            return TableDigest(table.num_rows, types, False, whole=_total(pool.map(_rows, blocks)))
        sums = dict.fromkeys(names, ZERO)
        for block in pool.map(_columns, blocks):
            sums = {name: _plus(sums[name], block[name]) for name in names}
    return TableDigest(table.num_rows, types, True, sums)


def _ids_are_distinct(table: pa.Table) -> bool:
    if KEY not in table.column_names:
        return False
    ids = table[KEY]
    if pa.types.is_nested(ids.type):
        return False
    if pa.types.is_dictionary(ids.type) or pa.types.is_string_view(ids.type):
        ids = ids.cast(pa.string())
    if ids.null_count or len(ids) < 2:
        return ids.null_count == 0
    if pa.types.is_string(ids.type) or pa.types.is_integer(ids.type):
        # Rising ids, which most tables have, need no count.
        rising = pc.less(ids.slice(0, len(ids) - 1), ids.slice(1))
        if pc.all(rising).as_py():
            return True
    return pc.count_distinct(ids).as_py() == len(ids)


def _tied(table: pa.Table, to: TableDigest) -> TableDigest:
    """The digest of a few rows, which must fit one that is tied to ids."""
    found = table_digest(table)
    wrong = [name for name, kind in found.types.items() if kind != to.types.get(name)]
    if not (to.by_id and found.by_id) or wrong:
        raise StoreError(
            f"column {wrong[0]!r} is {found.types[wrong[0]]}"
            if wrong
            else "rows without an example_id of their own",
            expected=f"type {to.types.get(wrong[0])}" if wrong else "distinct ids on both sides",
        )
    return found


def _columns(block: pa.Table) -> dict[str, Sums]:
    """The sums of each column, cells tied to the ids of their rows."""
    ids = cell_lanes(block[KEY])
    # An id takes part as it is, so that a value in its own column is no special case.
    sums: dict[str, Sums] = {}
    for name in block.column_names:
        lanes = cell_lanes(block[name])
        sums[name] = _summed(
            mixed(lane + own) for lane, own in zip(lanes, _turned(ids), strict=True)
        )
    return sums


def _rows(block: pa.Table) -> Sums:
    """The sums of the rows, each mixed from its cells and the names of their columns."""
    whole = [np.zeros(block.num_rows, np.uint64) for _ in range(LANES)]
    for name in block.column_names:
        key = hashlib.sha256(name.encode()).digest()
        salts = np.frombuffer(key, "<u8")
        for place, lane in enumerate(cell_lanes(block[name])):
            whole[place] += mixed(lane ^ salts[place])
    return _summed(mixed(total) for total in whole)


def _turned(ids: Lanes) -> Lanes:
    """Lanes of ids, the last first: a cell of the id column must not meet its own id."""
    return ids[::-1]


def _summed(lanes: Iterable[np.ndarray[tuple[int, ...], np.dtype[np.uint64]]]) -> Sums:
    a, b, c, d = (int(lane.sum(dtype=np.uint64)) for lane in lanes)
    return a, b, c, d


def _total(parts: Iterable[Sums]) -> Sums:
    total = ZERO
    for part in parts:
        total = _plus(total, part)
    return total


def _plus(left: Sums, right: Sums) -> Sums:
    a, b, c, d = ((x + y) & _MASK for x, y in zip(left, right, strict=True))
    return a, b, c, d


def _minus(left: Sums, right: Sums) -> Sums:
    a, b, c, d = ((x - y) & _MASK for x, y in zip(left, right, strict=True))
    return a, b, c, d


def _as_hex(sums: Sums) -> str:
    return "".join(f"{number:016x}" for number in sums)


def _from_hex(text: str) -> Sums:
    a, b, c, d = (int(text[at : at + 16], 16) for at in range(0, 64, 16))
    return a, b, c, d
