"""A look at each column of a file: what its cells seem to be, and which one names the rows.

What belongs here: judging one column by its name and values. What does not: the YAML that is made
of the looks (`burnish.spec.guess`), or the type of undeclared cells (`burnish.spec.cells`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isqrt
from typing import Any

import pyarrow as pa
from pyarrow import compute

from burnish.spec.cells import is_text, whole
from burnish.spec.known import RESERVED
from burnish.spec.models import FeatureKind

# Arrow makes these functions when it is imported, so a checker cannot know them.
pc: Any = compute

SPLIT_WORDS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev", "eval"), "validation"),
    **dict.fromkeys(("test", "testing", "holdout"), "test"),
}
IMAGE_FILES = r"(?i)\.(png|jpe?g)$"
OTHER_IMAGES = r"(?i)\.(bmp|gif|tiff?|webp)$"


@dataclass(frozen=True)
class Look:
    """What a column seems to be; no kind where it is left out.

    `distinct` counts its values where they are few, `group` says that it may name groups of rows,
    `paths` that its cells are paths of files.
    """

    name: str
    kind: FeatureKind | None
    note: str = ""
    distinct: int = 0
    group: bool = False
    paths: bool = False


def _named_like_id(name: str) -> bool:
    words = r"(^|[^a-z])(id|uuid|guid|key|index|idx|rowid|row_?number)$|^unnamed: ?\d+$|^$"
    return bool(re.search(words, name.lower()) or re.search(r"[a-z]I[dD]$", name))


def key_column(columns: Mapping[str, pa.ChunkedArray]) -> str | None:
    """The column that names the rows, by its own name and since all of its values differ."""
    found = [name for name, cells in columns.items() if _named_like_id(name) and _is_key(cells)]
    # The index that pandas writes has no name of its own: another column speaks better.
    rank = {"example_id": 0, "id": 0, "": 2}
    return min(found, key=lambda name: rank.get(name.lower(), 1), default=None)


def flawed_keys(columns: Mapping[str, pa.ChunkedArray]) -> dict[str, str]:
    """Columns that would name the rows but for a few of them, each with its fault in words.

    >>> flawed_keys({"user_id": pa.chunked_array([["a", "b", "c", "d", "d", None]])})
    {'user_id': '1 row repeats an earlier value and 1 has none'}
    """
    faults: dict[str, str] = {}
    for name, cells in columns.items():
        if not (name and _named_like_id(name) and _holds_keys(cells)):
            continue
        distinct = len(cells.drop_null().unique())
        blanks = cells.null_count
        repeats = len(cells) - blanks - distinct
        # More than a few, and it names groups of rows: customers, not orders.
        few = repeats + blanks <= max(3, len(cells) // 20) and 2 * distinct > len(cells)
        if few and repeats + blanks:
            faults[name] = _fault(repeats, blanks)
    return faults


def _fault(repeats: int, blanks: int) -> str:
    twice = f"{repeats:,} {'row repeats' if repeats == 1 else 'rows repeat'} an earlier value"
    nothing = f"{blanks:,} {'' if repeats else 'row ' if blanks == 1 else 'rows '}"
    nothing += "has none" if blanks == 1 else "have none"
    return " and ".join(([twice] if repeats else []) + ([nothing] if blanks else []))


def _holds_keys(cells: pa.ChunkedArray) -> bool:
    # Pandas makes floats of whole numbers where one is missing.
    floats = pa.types.is_floating(cells.type) and whole(cells)
    return floats or pa.types.is_integer(cells.type) or is_text(cells.type)


def _is_key(cells: pa.ChunkedArray) -> bool:
    """Whether whole numbers or texts differ in every row."""
    keyed = pa.types.is_integer(cells.type) or is_text(cells.type)
    return keyed and cells.null_count == 0 and pc.count_distinct(cells).as_py() == len(cells)


def split_words(cells: pa.ChunkedArray) -> list[str]:
    """The words of a column that says train, validation or test of every row; else none."""
    if not is_text(cells.type) or cells.null_count:
        return []
    words: list[str] = pc.unique(cells).to_pylist() if len(cells) else []
    meant = {SPLIT_WORDS.get(word.lower()) for word in words}
    return sorted(words) if None not in meant and "train" in meant and len(meant) > 1 else []


def look_at(name: str, cells: pa.ChunkedArray) -> Look:
    """What a column seems to be, by its name, its type and its values.

    >>> look_at("age", pa.chunked_array([[31, 25, 31]])).kind
    'numeric'
    """
    reason = _unfit(name, cells)
    if reason or pa.types.is_nested(cells.type) or pa.types.is_binary(cells.type):
        return Look(name, None, reason) if reason else _look_at_signal(name, cells)
    values = pc.unique(cells.drop_null().combine_chunks())
    if is_text(cells.type):
        return _look_at_text(name, cells, values)
    return _look_at_values(name, cells, len(values))


def _unfit(name: str, cells: pa.ChunkedArray) -> str:
    """Why a column can be no feature whatever it holds; empty where it may be one."""
    if name in RESERVED:
        return "the loop writes a column of this name; rename it to use it"
    if cells.null_count == len(cells):
        return "empty"
    if pa.types.is_time(cells.type) or pa.types.is_duration(cells.type):
        return f"holds {cells.type}: write it as a number, say of seconds, to use it"
    if pa.types.is_nested(cells.type):
        return ""
    counts = pc.value_counts(cells.drop_null().combine_chunks()).field("counts")
    often = int(pc.max(counts).as_py())
    if len(counts) == 1:
        return "the same value in every row"
    nearly = len(cells) >= 200 and often >= 0.995 * len(cells)
    return f"nearly the same value in every row ({often:,} times)" if nearly else ""


def _look_at_signal(name: str, cells: pa.ChunkedArray) -> Look:
    kind, types = cells.type, pa.types
    if types.is_binary(kind):
        return Look(name, "image", "bytes")
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        item = kind.value_type
        if not (types.is_integer(item) or types.is_floating(item)):
            return Look(name, None, f"holds {kind}, no lists of numbers")
        picture = re.search(r"ima?ge?|pixel|picture|photo", name.lower())
        if re.search(r"embed|(^|_)(emb|vec|vector)(_|$)", name.lower()):
            return Look(name, "embedding", "lists of numbers")
        if picture and _square(cells):
            return Look(name, "image")
        return Look(name, "sensor", "lists of numbers")
    return Look(name, None, f"holds {kind}")


def _square(cells: pa.ChunkedArray) -> bool:
    """Whether all lists are of one length, and it is that of a square picture."""
    sizes = pc.unique(pc.list_value_length(cells.drop_null())).to_pylist()
    return len(sizes) == 1 and sizes[0] > 0 and isqrt(sizes[0]) ** 2 == sizes[0]


def _look_at_values(name: str, cells: pa.ChunkedArray, distinct: int) -> Look:
    if pa.types.is_boolean(cells.type):
        return Look(name, "boolean", distinct=2)
    if pa.types.is_temporal(cells.type):
        return Look(name, "datetime")
    low, high = pc.min(cells).as_py(), pc.max(cells).as_py()
    if pa.types.is_integer(cells.type):
        counter = _is_key(cells) and high - low == len(cells) - 1 and len(cells) >= 20
        if counter or _named_like_id(name):
            return _identifier(name, distinct, len(cells))
        if (low, high) == (0, 1):
            return Look(name, "boolean", "0 and 1", distinct=2)
    return Look(name, "numeric")


def _look_at_text(name: str, cells: pa.ChunkedArray, values: pa.Array) -> Look:
    given, distinct = len(cells) - cells.null_count, len(values)
    if {str(value).lower() for value in values[:3].to_pylist()} in _BOOLEAN_PAIRS:
        return Look(name, "boolean", distinct=2)
    if pc.all(pc.match_substring_regex(values, IMAGE_FILES)).as_py():
        return Look(name, "image", "paths of image files, from the source's folder", paths=True)
    if pc.all(pc.match_substring_regex(values, OTHER_IMAGES)).as_py():
        return Look(name, None, "paths of images that are neither PNG nor JPEG: convert them first")
    long = pc.mean(pc.utf8_length(values)).as_py() >= 25
    spaced = pc.sum(pc.match_substring_regex(values, r"\S\s+\S")).as_py() > distinct / 2
    few = distinct <= 50 and distinct <= max(2, given // 2)
    own = distinct > 0.95 * given and not (few or long or spaced)
    if _named_like_id(name) or own:
        return _identifier(name, distinct, len(cells))
    kind = "text" if (long or spaced) and not few else "categorical"
    return Look(name, kind, f"{distinct:,} values", distinct=distinct if few else 0)


_BOOLEAN_PAIRS = [{"true", "false"}, {"t", "f"}, {"yes", "no"}, {"y", "n"}]


def _identifier(name: str, distinct: int, rows: int) -> Look:
    if distinct > 0.95 * rows:
        return Look(name, None, "names rows rather than describing them")
    note = f"named like an identifier, {distinct:,} values: a group of rows?"
    return Look(name, None, note, group=True)
