"""Texts that are nearly the same: pieces of five characters, MinHash, and a check of each pair.

What belongs here: which texts are compared and how alike two are. What does not: groups and their
names (`burnish.quality.near`).

MinHash (Broder 1997) only proposes pairs; each is then compared by all of its pieces, so that no
pair is reported which is less alike than was asked for. Missed are a few: of pairs at .8, less
than one in a thousand, and more in a crowd of texts from one template.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

WIDTH = 5
_BANDS, _ROWS = 16, 4
_CHARACTERS = 2_000_000
_SEED = 20_241_011
# An estimate from 64 hashes this far under the similarity is hardly ever that of a pair above it.
_SLACK = 0.2
# So many of those that follow in the same crowd are compared with each text.
_REACH = 12
_PAIRS = 65_536
# The first texts of two groups are at most this much less alike than pairs have to be.
_SPREAD = 0.1

Pairs = tuple[NDArray[np.intp], NDArray[np.intp]]


def normalised(texts: Sequence[str]) -> list[str]:
    """The texts in one case, with single spaces."""
    return [" ".join(text.casefold().split()) for text in texts]


def similar_pairs(texts: Sequence[str], *, similarity: float) -> Pairs:
    """Pairs of positions whose texts share at least `similarity` of their pieces (Jaccard).

    Of texts that are alike, as many pairs are returned as connect them. Two groups are not joined
    by a pair where their first texts are much less alike. `texts` should be
    normalised and distinct.

    >>> found = similar_pairs(["a fairly long line", "a fairly long lines", "b"], similarity=0.8)
    >>> [place.tolist() for place in found]
    [[0], [1]]
    """
    nothing = np.empty(0, dtype=np.intp)
    if len(texts) < 2:
        return nothing, nothing
    signatures = np.vstack(list(_signatures(texts)))
    pieces: dict[int, set[str]] = {}

    def alike(i: int, j: int) -> float:
        return _jaccard(_pieces(i, texts, pieces), _pieces(j, texts, pieces))

    leader = list(range(len(texts)))
    kept: list[tuple[int, int]] = []
    for i, j in _likely(signatures, similarity - _SLACK):
        # What is connected already needs no comparison, which keeps crowds cheap.
        one, other = _leader(i, leader), _leader(j, leader)
        if one == other:
            continue
        # Chains through texts of one template would end in a group of everything.
        if alike(i, j) >= similarity and alike(one, other) >= similarity - _SPREAD:
            leader[max(one, other)] = min(one, other)
            kept.append((i, j))
    pairs = np.array(kept, dtype=np.intp).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def _leader(place: int, leader: list[int]) -> int:
    while leader[place] != place:
        leader[place] = leader[leader[place]]
        place = leader[place]
    return place


def _likely(signatures: NDArray[np.uint32], least: float) -> Iterator[tuple[int, int]]:
    """Candidates whose signatures agree in at least that share of places, the likeliest first."""
    left, right = _candidates(signatures)
    share = np.empty(left.size, dtype=np.float32)
    for start in range(0, left.size, _PAIRS):
        part = slice(start, start + _PAIRS)
        share[part] = (signatures[left[part]] == signatures[right[part]]).mean(axis=1)
    order = np.argsort(-share, kind="stable")
    order = order[: int(np.count_nonzero(share >= least))]
    yield from zip(left[order].tolist(), right[order].tolist(), strict=True)


def _signatures(texts: Sequence[str]) -> Iterator[NDArray[np.uint32]]:
    """MinHash signatures, blocks of shape (texts, 64)."""
    block: list[str] = []
    size = 0
    for text in texts:
        block.append(text.ljust(WIDTH))
        size += len(block[-1])
        if size > _CHARACTERS:
            yield _signatures_of_block(block)
            block, size = [], 0
    if block:
        yield _signatures_of_block(block)


def _signatures_of_block(texts: list[str]) -> NDArray[np.uint32]:
    encoded = "".join(texts).encode("utf-32-le", "surrogatepass")
    characters = np.frombuffer(encoded, dtype="<u4").astype(np.uint64)
    lengths = np.array([len(text) for text in texts])
    ends = np.cumsum(lengths)
    windows = characters.size - WIDTH + 1
    hashed = np.zeros(windows, dtype=np.uint64)
    draw = np.random.default_rng(_SEED)
    for step, factor in enumerate(_odd(draw, WIDTH)):
        hashed += characters[step : step + windows] * factor
    hashed = _mixed(hashed)
    # A window that reaches into the next text is no piece of either.
    inside = np.ones(windows, dtype=bool)
    for back in range(1, WIDTH):
        inside[ends[:-1] - back] = False
    hashed = hashed[inside]
    starts = np.concatenate([[0], np.cumsum(lengths - WIDTH + 1)[:-1]])
    signatures = np.empty((len(texts), _BANDS * _ROWS), dtype=np.uint32)
    for place, factor in enumerate(_odd(draw, _BANDS * _ROWS)):
        values = ((hashed * factor) >> np.uint64(32)).astype(np.uint32)
        signatures[:, place] = np.minimum.reduceat(values, starts)
    return signatures


def _odd(draw: np.random.Generator, size: int) -> NDArray[np.uint64]:
    return draw.integers(0, 2**64, size, dtype=np.uint64) | np.uint64(1)


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    # The finish of splitmix64: every bit in comes to bear on every bit out.
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _candidates(signatures: NDArray[np.uint32]) -> Pairs:
    """Pairs that agree in a whole band; in a crowd, those that are near each other in its order."""
    draw = np.random.default_rng(_SEED + 1)
    n = signatures.shape[0]
    bands = signatures.reshape(n, _BANDS, _ROWS).astype(np.uint64)
    keys = _mixed((bands * _odd(draw, _ROWS)).sum(axis=2, dtype=np.uint64))
    found: list[NDArray[np.intp]] = []
    for band in range(_BANDS):
        # Sorting a crowd by the next band brings those together which are most alike.
        order = np.lexsort((keys[:, (band + 1) % _BANDS], keys[:, band]))
        key = keys[order, band]
        for step in range(1, min(_REACH, n - 1) + 1):
            equal = np.flatnonzero(key[step:] == key[:-step])
            if equal.size == 0:
                break
            one, other = order[equal], order[equal + step]
            found.append(np.minimum(one, other) * n + np.maximum(one, other))
    pairs = np.unique(np.concatenate(found)) if found else np.empty(0, dtype=np.intp)
    return pairs // n, pairs % n


def _pieces(place: int, texts: Sequence[str], known: dict[int, set[str]]) -> set[str]:
    if place not in known:
        text = texts[place].ljust(WIDTH)
        known[place] = {text[at : at + WIDTH] for at in range(len(text) - WIDTH + 1)}
    return known[place]


def _jaccard(one: set[str], other: set[str]) -> float:
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)
