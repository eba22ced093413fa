"""One column measured: its effects with their limits, and the line of the report.

What belongs here: which effects a kind of column has, and which of them decides. What does not:
the limits themselves (`burnish.drift.limits`), or all columns of a table together
(`burnish.drift.detecting`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.drift.blocks import worth
from burnish.drift.cells import Categories, Kind, Numbers, categories, numbers, of_values
from burnish.drift.limits import chance_variation, joined, room, share_gap, share_limits, size_of
from burnish.drift.profiles import (
    LIST_PARTS,
    TEXT_PARTS,
    array_profile,
    text_profile,
    unknown_words,
    word_counts,
)
from burnish.drift.statistics import (
    BINS,
    COMPILED_FROM,
    Distances,
    count_distances,
    number_distances,
)
from burnish.metrics import Interval

FEWEST = 20
MOST_NAMED = 20
ROUNDING = 1e-9

IntArray = NDArray[np.int64]
_WHICH: dict[str, Callable[[NDArray[np.float64]], NDArray[np.bool_]]] = {
    "missing": np.isnan,
    "nan": np.isnan,
    "infinite": np.isinf,
}
Line: TypeAlias = dict[str, Any]

TESTS: dict[Kind, int] = {
    "numeric": 4,
    "datetime": 4,
    "categorical": 3,
    "boolean": 3,
    "text": len(TEXT_PARTS) + 2,
    "list": len(LIST_PARTS) + 1,
    "image": len(LIST_PARTS) + 1,
}
"""How many effects of a column may each say that it drifted: the correction counts them all."""


@dataclass(frozen=True)
class Terms:
    """At which level each effect is held, what is tolerated, and the blocks of either side."""

    alpha: float
    minimum: float
    blocks: tuple[IntArray | None, IntArray | None] = (None, None)
    compiled: bool = False


@dataclass(frozen=True)
class Effect:
    """An effect with its limits; `few` where there are too few cells for it to be judged."""

    name: str
    at: Interval
    part: str = ""
    few: bool = False


def measure_column(
    name: str, kind: Kind, before: pa.ChunkedArray, after: pa.ChunkedArray, terms: Terms
) -> Line:
    """The line of one column, with the keys of `DRIFT_SCHEMA`.

    >>> one = pa.chunked_array([[1.0, 2.0] * 100])
    >>> line = measure_column("x", "numeric", one, one, Terms(alpha=0.01, minimum=0.05))
    >>> line["value"], line["finding"]
    (0.0, 'not shown')
    """
    effects, told = effects_of(kind, before, after, terms)
    shown = [effect for effect in effects if not effect.few]
    # The first is the effect of the kind itself; another one speaks where it is surer.
    best = max(shown or effects[:1], key=lambda effect: (effect.at.low, effect.at.value))
    if best.at.low <= terms.minimum:
        best = effects[0]
    drifted = not best.few and best.at.low > terms.minimum
    return {
        "column": name,
        "kind": kind,
        "finding": "drifted" if drifted else "too few" if best.few else "not shown",
        "effect": best.name,
        "part": best.part,
        "value": best.at.value,
        "low": best.at.low,
        "high": best.at.high,
        "minimum": terms.minimum,
        "reference_rows": len(before),
        "current_rows": len(after),
        **told,
    }


def effects_of(
    kind: Kind, before: pa.ChunkedArray, after: pa.ChunkedArray, terms: Terms
) -> tuple[list[Effect], Line]:
    """All effects of a column that may decide, that of the kind first, and its other statistics."""
    return _MEASURES[kind](before, after, terms)


def _numeric(
    before: pa.ChunkedArray, after: pa.ChunkedArray, terms: Terms
) -> tuple[list[Effect], Line]:
    return _of_numbers((numbers(before), numbers(after)), terms)


def _of_numbers(sides: tuple[Numbers, Numbers], terms: Terms) -> tuple[list[Effect], Line]:
    main, told = _ks(sides, _worths(sides, terms), terms)
    effects = [main]
    for effect, told_as, counts in (
        ("missing", "missing", [side.missing for side in sides]),
        ("nan", "nan", [side.nan for side in sides]),
        ("infinite", "infinite", [side.infinite for side in sides]),
    ):
        rows = [side.values.size for side in sides]
        worths = _share_worths([partial(_WHICH[effect], side.values) for side in sides], terms)
        effects.append(_shares(effect, counts, rows, worths, terms))
        told |= _before_after(told_as, counts, rows)
    return effects, told


def _ks(
    sides: tuple[Numbers, Numbers], worths: tuple[float, float], terms: Terms, part: str = ""
) -> tuple[Effect, Line]:
    m, n = (side.finite.size for side in sides)
    if not (m and n):
        return Effect("ks", Interval(0.0, 0.0, 1.0), part, few=True), {}
    found = number_distances(
        sides[0].finite, sides[1].finite, compiled=terms.compiled or m + n >= COMPILED_FROM
    )
    ks = found.ks or 0.0
    wide = room(m * worths[0], n * worths[1], terms.alpha)
    limits = Interval(ks, max(0.0, ks - wide), min(1.0, ks + wide))
    return Effect("ks", limits, part, few=min(m, n) < FEWEST), _told(found)


def _worths(sides: tuple[Numbers, Numbers], terms: Terms) -> tuple[float, float]:
    if terms.blocks[0] is None and terms.blocks[1] is None:
        return 1.0, 1.0
    reference = sides[0].finite
    places = (np.arange(1, BINS) / BINS * reference.size).astype(np.int64)
    edges = np.unique(reference[places]) if reference.size else np.zeros(0)
    found: list[float] = []
    for side, blocks in zip(sides, terms.blocks, strict=True):
        codes = np.searchsorted(edges, side.values, side="left") + 1
        codes[~np.isfinite(side.values)] = 0
        size = edges.size + 2
        found.append(worth(codes, size, blocks, alpha=terms.alpha, ordered=True))
    return found[0], found[1]


def _categorical(
    before: pa.ChunkedArray, after: pa.ChunkedArray, terms: Terms
) -> tuple[list[Effect], Line]:
    both = categories(before, after)
    worths = tuple(
        worth(codes + 1, len(both.names) + 1, blocks, alpha=terms.alpha, ordered=False)
        for codes, blocks in zip((both.before, both.after), terms.blocks, strict=True)
    )
    counts = both.counts()
    rows = (len(before), len(after))
    known = (int(counts[0].sum()), int(counts[1].sum()))
    lost = [rows[0] - known[0], rows[1] - known[1]]
    gone = _share_worths([lambda: both.before < 0, lambda: both.after < 0], terms)
    missing = _shares("missing", lost, rows, gone, terms)
    told = _before_after("missing", lost, rows) | _new_and_lost(both, counts)
    if not (known[0] and known[1]):
        return [Effect("total_variation", Interval(0.0, 0.0, 1.0), few=True), missing], told
    found = count_distances(*counts)
    effects = [_variation(found, counts, worths, terms), missing]
    # Of the reference's own rows some would be new to the others: those are no drift.
    alone = int((counts[0] == 1).sum())
    new = int(counts[1][counts[0] == 0].sum())
    unmet = _share_worths(
        [
            lambda: np.append(counts[0] == 1, False)[both.before],
            lambda: np.append(counts[0] == 0, False)[both.after],
        ],
        terms,
    )
    effects.append(_shares("new", [alone, new], known, unmet, terms, gained=True))
    return effects, told | _told(found) | {"new_share": new / known[1]}


def _variation(
    found: Distances,
    counts: tuple[IntArray, IntArray],
    worths: tuple[float, ...],
    terms: Terms,
) -> Effect:
    """The surest of the total variations of the categories as they are, and with rare ones joined.

    Joining categories can only lessen the variation, and chance far more: what moved into many rare
    values shows where they count as one.
    """
    m, n = (int(side.sum()) for side in counts)
    plain = found.total_variation or 0.0
    ways = joined(*counts)
    wide = room(m * worths[0], n * worths[1], terms.alpha / len(ways))
    values = [0.0]
    for way in ways:
        chance = chance_variation(*way) / np.sqrt(min(worths))
        values.append(float(np.abs(way[0] / m - way[1] / n).sum()) / 2 - chance)
    value = max(values) if max(values) > ROUNDING else 0.0
    limits = Interval(value, max(0.0, value - wide), min(1.0, plain + wide))
    return Effect("total_variation", limits, few=min(m, n) < FEWEST)


def _new_and_lost(both: Categories, counts: tuple[IntArray, IntArray]) -> Line:
    def most(gone: IntArray, here: IntArray) -> list[str]:
        places = np.flatnonzero((gone == 0) & (here > 0))
        if places.size > MOST_NAMED:
            least = np.partition(here[places], -MOST_NAMED)[-MOST_NAMED]
            # Of a column of unique values all are as frequent: then some stand for the others.
            places = np.concatenate(
                [places[here[places] > least], places[here[places] == least][:MOST_NAMED]]
            )
        order = sorted(places, key=lambda at: (-here[at], both.names[at]))
        return [both.names[at] for at in order[:MOST_NAMED]]

    return {"new_values": most(*counts), "lost_values": most(*counts[::-1])}


def _text(
    before: pa.ChunkedArray, after: pa.ChunkedArray, terms: Terms
) -> tuple[list[Effect], Line]:
    profiles = [text_profile(side) for side in (before, after)]
    unknown = unknown_words(before, after)
    for profile, share in zip(profiles, unknown, strict=True):
        profile["unknown words"] = share
    effects, told = _profiled(profiles, before, after, terms)
    words = word_counts(before, after)
    if words:
        effects.append(
            _words(words, [len(side) - side.null_count for side in (before, after)], terms)
        )
    return effects, told


def _words(words: list[tuple[str, int, int]], rows: list[int], terms: Terms) -> Effect:
    """The word whose share of texts surely changed most, corrected for all that were looked at."""
    if min(rows) < FEWEST:
        return Effect("word", Interval(0.0, 0.0, 1.0), few=True)
    alpha = terms.alpha / len(words)
    found: list[Effect] = []
    for word, first, second in words:
        sides = [
            share_limits(count * one, total * one, alpha)
            for count, total, one in zip(
                (first, second), rows, _plain_worth(terms, rows), strict=True
            )
        ]
        found.append(Effect("word", size_of(share_gap(*sides)), word))
    return max(found, key=lambda effect: (effect.at.low, effect.at.value))


def _plain_worth(terms: Terms, rows: list[int]) -> tuple[float, float]:
    """Where rows come in blocks, a word is as sure as if a block were one text."""
    found = [
        1.0 if blocks is None else (int(blocks.max()) + 1) / max(1, total)
        for blocks, total in zip(terms.blocks, rows, strict=True)
    ]
    return min(1.0, found[0]), min(1.0, found[1])


def _arrays(
    before: pa.ChunkedArray, after: pa.ChunkedArray, terms: Terms
) -> tuple[list[Effect], Line]:
    return _profiled([array_profile(before), array_profile(after)], before, after, terms)


def _profiled(
    profiles: list[dict[str, NDArray[np.float64]]],
    before: pa.ChunkedArray,
    after: pa.ChunkedArray,
    terms: Terms,
) -> tuple[list[Effect], Line]:
    """Effects of every part, the one that drifted most first, with its distances."""
    found: list[tuple[Effect, Line]] = []
    for part in profiles[0]:
        sides = (of_values(profiles[0][part]), of_values(profiles[1][part]))
        found.append(_ks(sides, _worths(sides, terms), terms, part))
    found.sort(key=lambda pair: (pair[0].few, -pair[0].at.low, -pair[0].at.value))
    rows = [len(before), len(after)]
    # A list that holds a NaN, and bytes that are no image, are missing too.
    kept = [np.isfinite(profile.get("mean", profile["length"])) for profile in profiles]
    lost = [int((~one).sum()) for one in kept]
    worths = _share_worths([partial(np.copy, one) for one in kept], terms)
    effects = [effect for effect, _ in found]
    effects.append(_shares("missing", lost, rows, worths, terms))
    return effects, found[0][1] | _before_after("missing", lost, rows)


def _share_worths(
    flags: Sequence[Callable[[], NDArray[np.bool_]]], terms: Terms
) -> tuple[float, float]:
    """What the rows are worth of which a share is taken: cells of a day are lost together."""
    first, second = (
        1.0
        if blocks is None
        else worth(flag().astype(np.int64), 2, blocks, alpha=terms.alpha, ordered=False)
        for flag, blocks in zip(flags, terms.blocks, strict=True)
    )
    return first, second


def _shares(
    name: str,
    counts: list[int],
    rows: list[int] | tuple[int, int],
    worths: tuple[float, ...],
    terms: Terms,
    *,
    gained: bool = False,
) -> Effect:
    """The difference of two shares; where only a gain matters, a loss counts as none."""
    sides = [
        share_limits(count * one, total * one, terms.alpha)
        for count, total, one in zip(counts, rows, worths, strict=True)
    ]
    gap = share_gap(*sides)
    at = size_of(gap)
    if gained:
        at = Interval(*(max(0.0, end) for end in (gap.value, gap.low, gap.high)))
    return Effect(name, at, few=min(rows) < FEWEST)


def _before_after(name: str, counts: list[int], rows: list[int] | tuple[int, int]) -> Line:
    return {f"{name}_before": counts[0] / rows[0], f"{name}_after": counts[1] / rows[1]}


def _told(found: Distances) -> Line:
    return {
        "ks": found.ks,
        "wasserstein": found.wasserstein,
        "psi": found.psi,
        "jensen_shannon": found.jensen_shannon,
        "chi_square": found.chi_square,
        "total_variation": found.total_variation,
    }


_Measure: TypeAlias = Callable[[pa.ChunkedArray, pa.ChunkedArray, Terms], tuple[list[Effect], Line]]
_MEASURES: dict[Kind, _Measure] = {
    "numeric": _numeric,
    "datetime": _numeric,
    "categorical": _categorical,
    "boolean": _categorical,
    "text": _text,
    "list": _arrays,
    "image": _arrays,
}
