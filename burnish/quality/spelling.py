"""One category under several spellings.

What belongs here: values of a column that seem to be the same word, by case, white space,
look-alike letters, or a slip of the keyboard. What does not: free text, which is never a category;
columns written in several ways (`burnish.quality.mixed`).

Real categories look alike, too ('10th' and '11th', 'Austria' and 'Australia'). A slip is therefore
believed only of a rare value beside a much more frequent one, both long, alike in their digits and
in their first letter.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from burnish.quality.checked import Check, Checked
from burnish.quality.column import Column
from burnish.quality.findings import QualityFinding
from burnish.quality.wording import count_of, listed, shown

_LOOK_ALIKE = str.maketrans(
    "асеорхуіјѕԁһкмтвнӏαορνικτυβ", "aceopxyijsdhkmtbhlaopvuktub"
)  # fmt: skip
_FREE = re.compile(r"[\s\-_/.,']+")
_OPPOSITES = re.compile(r"^(hyper|hypo|inter|intra|macro|micro|over|under|pre|post|in|out|non|un)")
OFTENER = 20
"""How much oftener the right spelling has to be, for a slip to be believed."""
_LONG, _LONGER = 5, 9  # letters from which on one slip, or two, are believed
_MOST_VALUES = 20_000


class Variant(NamedTuple):
    """A spelling, the one that seems to be meant, and by what (`way`)."""

    value: int
    meant: int
    way: str


def spellings(checked: Checked) -> Iterator[QualityFinding]:
    """Values of categories that seem to be another value misspelt, a finding a column.

    A warning; an error where labels differ by case, white space or look-alike letters alone, for
    then one class counts as two.

    >>> import pyarrow as pa
    >>> cities = ["Berlin"] * 40 + ["berlin", "Berlim"] + ["Hamburg"] * 40
    >>> found, = spellings(Checked.of(pa.table({"city": cities})))
    >>> for line in found.evidence.split("; "):
    ...     print(line)
    'berlin' (1) is 'Berlin' (40) but for case or white space
    'Berlim' (1) is 'Berlin' (40) but for a slip
    """
    columns = checked.categories
    if checked.target is not None and checked.column(checked.target).nature == "category":
        columns = [*columns, checked.column(checked.target)]
    for column in columns:
        variants = _variants(column) if 1 < len(column.values) <= _MOST_VALUES else []
        if variants:
            yield _finding(column, variants, column.name == checked.target)


def _finding(column: Column, variants: list[Variant], labels: bool) -> QualityFinding:
    rows = np.concatenate([np.flatnonzero(column.codes == one.value) for one in variants])
    sure = any(one.way != "a slip" for one in variants)
    names = [
        f"{_counted(column, one.value)} is {_counted(column, one.meant)} but for {one.way}"
        for one in variants
    ]
    return QualityFinding(
        kind="spelling",
        severity="error" if labels and sure else "warning",
        columns=(column.name,),
        rows=tuple(rows.tolist()),
        sentence=f"Column {shown(column.name)} seems to misspell {count_of(len(variants), 'value')}"
        f", in {count_of(rows.size)}.",
        evidence="; ".join(names[:5]) + (f"; {len(names) - 5:,} more" if len(names) > 5 else ""),
        to_do=f"Write {listed([shown(column.values[one.meant]) for one in variants])} instead, "
        "if that is meant.",
        details={"meant": {column.values[one.value]: column.values[one.meant] for one in variants}},
    )


def _counted(column: Column, place: int) -> str:
    return f"{shown(column.values[place])} ({column.counts[place]:,})"


def _variants(column: Column) -> list[Variant]:
    nothing = {one.value for one in column.disguises}
    usable = [
        place
        for place, value in enumerate(column.values)
        if value.strip() and value not in nothing and len(value) <= 80
    ]
    found = _same_but_for_looks(column, usable)
    taken = {one.value for one in found}
    return found + _slips(column, [place for place in usable if place not in taken])


def _same_but_for_looks(column: Column, places: list[int]) -> list[Variant]:
    groups: dict[str, list[int]] = {}
    for place in places:
        groups.setdefault(_bare(column.values[place]), []).append(place)
    found: list[Variant] = []
    for group in groups.values():
        ranked = sorted(group, key=lambda place: -int(column.counts[place]))
        meant = column.values[ranked[0]]
        for place in ranked[1:]:
            way = _difference(column.values[place], meant)
            if way:
                found.append(Variant(place, ranked[0], way))
    return found


def _bare(text: str) -> str:
    """What is left of a text without case, accents, white space, dashes and look-alike letters."""
    plain = unicodedata.normalize("NFKD", text).casefold().translate(_LOOK_ALIKE)
    letters = "".join(one for one in plain if not unicodedata.combining(one) and one.isprintable())
    return _FREE.sub("", letters) or letters


def _difference(text: str, meant: str) -> str:
    """By what two values of one bare form differ; empty where short codes may differ by it."""
    if _squeezed(text) == _squeezed(meant):
        return "white space"
    if _squeezed(text).casefold() == _squeezed(meant).casefold():
        # 'a' and 'A', 'Mg' and 'mg' may be two things.
        return "case or white space" if len(meant.strip()) > 2 else ""
    plain = [unicodedata.normalize("NFKC", one).casefold() for one in (text, meant)]
    if plain[0].translate(_LOOK_ALIKE) == plain[1].translate(_LOOK_ALIKE):
        return "letters that look alike"
    # 1-2 and 12, 1.2 and 12 are numbers, not one word.
    words = sum(letter.isalpha() for letter in meant)
    return "dashes, accents or white space" if words >= 4 and not _digits(meant) else ""


def _squeezed(text: str) -> str:
    return " ".join("".join(one for one in text if one.isprintable() or one.isspace()).split())


def _digits(text: str) -> str:
    return "".join(one for one in text if one.isdigit())


def _slips(column: Column, places: list[int]) -> list[Variant]:
    """Rare values that a slip or two of the keyboard make of a frequent one."""
    counts, values = column.counts, column.values
    frequent = [place for place in places if counts[place] >= OFTENER]
    by_form: dict[str, list[int]] = {}
    for place in frequent:
        for form in _shortened(_plain(values[place])):
            by_form.setdefault(form, []).append(place)
    found: list[Variant] = []
    for place in places:
        text = _plain(values[place])
        near = {other for form in _shortened(text) for other in by_form.get(form, ())} - {place}
        likely = [
            other
            for other in near
            if counts[other] >= OFTENER * counts[place] and _is_slip(text, _plain(values[other]))
        ]
        if likely:
            found.append(
                Variant(place, max(likely, key=lambda other: int(counts[other])), "a slip")
            )
    return found


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _shortened(text: str) -> set[str]:
    """The text with no letter, one, or in long texts two left out: a slip leaves one in common."""
    if len(text) < _LONG - 1:
        return set()
    once = {text[:at] + text[at + 1 :] for at in range(len(text))}
    forms = {text} | once
    if _LONGER - 2 <= len(text) <= 30:
        forms |= {one[:at] + one[at + 1 :] for one in once for at in range(len(one))}
    return forms


def _is_slip(text: str, meant: str) -> bool:
    if text[0] != meant[0] or _digits(text) != _digits(meant):
        return False
    if _OPPOSITES.sub("", text) == _OPPOSITES.sub("", meant) or _symbols(text) != _symbols(meant):
        return False
    if {text, meant} == {meant, meant + "s"} or {text, meant} == {text, text + "s"}:
        return False  # a plural is a word
    shorter = min(len(text), len(meant))
    allowed = 2 if shorter >= _LONGER else 1 if shorter >= _LONG else 0
    return 0 < distance(text, meant) <= allowed


def _symbols(text: str) -> str:
    return "".join(one for one in text if not one.isalnum() and not one.isspace() and one != "-")


def distance(one: str, other: str) -> int:
    """Letters to write, leave out, change or swap with the next to make one text of another.

    Damerau 1964, 'A technique for computer detection and correction of spelling errors'.

    >>> distance("Berlin", "Belrin"), distance("abc", "abcd"), distance("cat", "dog")
    (1, 1, 3)
    """
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            best = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                best = min(best, before[j - 2] + 1)
            row.append(best)
        before, last = last, row
    return last[-1]


SPELLING = Check("spelling", "categories under several spellings", spellings)
