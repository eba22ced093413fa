"""Planted copies with small changes are grouped, and rows that are merely alike are not."""

from __future__ import annotations

import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.errors import DataError
from burnish.neighbours import nearest
from burnish.quality import duplicate_groups, near_duplicate_groups
from burnish.quality.shingles import similar_pairs

SENTENCE = "the parcel was left at the wrong door on {} by a driver called {} who rang {} times"
NAMES = ["Ada", "Bo", "Cleo", "Dov", "Ed", "Fay", "Gil", "Hal", "Ivy", "Jo"]


def rows_of_groups(names: pa.Array) -> set[frozenset[int]]:
    found: dict[str, set[int]] = {}
    for row, name in enumerate(names.to_pylist()):
        found.setdefault(name, set()).add(row)
    return {frozenset(rows) for rows in found.values() if len(rows) > 1}


@pytest.mark.parametrize("d", [2, 8, 64])
@pytest.mark.parametrize("scale", [1e-3, 1e4])
def test_planted_near_copies_are_grouped_and_next_to_nothing_else(d, scale) -> None:
    rng = np.random.default_rng(d)
    rows = rng.normal(size=(2000, d))
    jitter = 1e-6 if d == 2 else 0.01
    copies = rows[:100] + rng.normal(size=(100, d)) * jitter
    found = rows_of_groups(near_duplicate_groups(np.vstack([rows, copies]) * scale))
    planted = {frozenset({row, 2000 + row}) for row in range(100)}
    assert len(planted - found) <= 3
    assert len(found - planted) <= 12, "about a row in a thousand by chance"


def test_crowded_and_thin_regions_are_measured_each_by_itself() -> None:
    rng = np.random.default_rng(0)
    thin, crowded = rng.normal(size=(600, 6)) * 100, rng.normal(size=(600, 6)) * 0.1 + 1000
    copies = np.vstack([thin[:20] + 0.5, crowded[:20] + 0.0005])
    found = rows_of_groups(near_duplicate_groups(np.vstack([thin, crowded, copies])))
    planted = {frozenset({row if row < 20 else 580 + row, 1200 + row}) for row in range(40)}
    assert len(planted - found) <= 4
    assert len(found - planted) <= 2


def test_a_burst_of_jittered_copies_is_one_group() -> None:
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(400, 20))
    burst = rows[0] + rng.normal(size=(12, 20)) * 0.01
    found = rows_of_groups(near_duplicate_groups(np.vstack([rows, burst])))
    assert found == {frozenset({0, *range(400, 412)})}


def test_many_exact_copies_are_one_group_of_the_same_rows_as_duplicate_groups() -> None:
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(30, 4))[rng.integers(0, 30, 3000)]
    table = pa.table({f"x{at}": rows[:, at] for at in range(4)})
    exact = duplicate_groups(table, table.column_names)
    assert rows_of_groups(near_duplicate_groups(rows)) == rows_of_groups(exact)


def test_known_neighbours_stand_for_the_search() -> None:
    rows = np.random.default_rng(3).normal(size=(300, 5)).repeat(2, axis=0)
    given = near_duplicate_groups(rows, neighbours=nearest(rows, k=32))
    assert given.equals(near_duplicate_groups(rows))
    with pytest.raises(DataError, match="neighbours of 600 rows"):
        near_duplicate_groups(rows[:50], neighbours=nearest(rows, k=32))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 60), text=st.booleans())
def test_names_do_not_depend_on_the_order_of_the_rows(seed, n, text) -> None:
    rng = np.random.default_rng(seed)
    if text:
        rows = np.array(
            [SENTENCE.format(NAMES[a], NAMES[b], c) for a, b, c in rng.integers(0, 10, (n, 3))]
        )
    else:
        rows = rng.integers(0, 3, (n, 2)) + rng.choice([0.0, 1e-9], (n, 1))
    order = rng.permutation(n)
    names = np.array(near_duplicate_groups(rows).to_pylist())
    assert near_duplicate_groups(rows[order]).to_pylist() == names[order].tolist()


def test_the_width_of_the_numbers_and_the_sign_of_zero_do_not_matter() -> None:
    rows = np.array([[0.0, 0.5], [-0.0, 0.5], [1.0, 2.0]])
    wide, narrow = near_duplicate_groups(rows), near_duplicate_groups(rows.astype(np.float32))
    assert wide.equals(narrow)
    assert rows_of_groups(wide) == {frozenset({0, 1})}


def test_texts_with_small_changes_are_grouped_and_others_are_not() -> None:
    rng = np.random.default_rng(4)
    words = ["".join(rng.choice(list("abcdefghij"), 6)) for _ in range(400)]
    texts = [" ".join(rng.choice(words, 14)) for _ in range(1500)]
    copies = [text.upper().replace(" ", "  ", 2) + "!" for text in texts[:150]]
    found = rows_of_groups(near_duplicate_groups([*texts, *copies]))
    assert found == {frozenset({row, 1500 + row}) for row in range(150)}


def test_pairs_are_those_of_the_definition() -> None:
    rng = np.random.default_rng(5)
    words = ["".join(rng.choice(list("abcdefghij"), 6)) for _ in range(300)]
    texts = [" ".join(rng.choice(words, 24)) for _ in range(150)]
    for text in texts[:150]:
        edited = text.split()
        edited[rng.integers(24)] = rng.choice(words)
        texts.append(" ".join(edited[: rng.integers(20, 25)]))
    pieces = [{text[at : at + 5] for at in range(len(text) - 4)} for text in texts]
    true = {
        (i, j)
        for i in range(len(texts))
        for j in range(i + 1, len(texts))
        if len(pieces[i] & pieces[j]) / len(pieces[i] | pieces[j]) >= 0.8
    }
    left, right = similar_pairs(texts, similarity=0.8)
    found = set(zip(left.tolist(), right.tolist(), strict=True))
    assert found <= true
    assert 50 < len(true) < 150
    assert len(true - found) <= 1


def test_texts_of_one_template_are_not_chained_into_one_group() -> None:
    rng = np.random.default_rng(7)
    texts = [
        SENTENCE.format(NAMES[a] * 3, NAMES[b] * 3, c) for a, b, c in rng.integers(0, 10, (1000, 3))
    ]
    assert len(set(near_duplicate_groups(texts).to_pylist())) > 20


@pytest.mark.parametrize("texts", [[""], ["", "a"], ["é", "É", "ﬁ"], ["ab", "ab", "abc"]])
def test_short_and_odd_texts_have_names(texts) -> None:
    names = near_duplicate_groups(texts).to_pylist()
    folded = [" ".join(text.casefold().split()) for text in texts]
    assert len(set(names)) == len(set(folded))


def test_text_in_any_container_means_the_same() -> None:
    texts = ["one line of text", "One line  of text", "another"]
    names = near_duplicate_groups(texts)
    for held in (pa.array(texts), pa.chunked_array([texts[:1], texts[1:]]), np.array(texts)):
        assert near_duplicate_groups(held).equals(names)


def test_tens_of_thousands_of_texts_take_seconds() -> None:
    rng = np.random.default_rng(6)
    words = np.array(["".join(rng.choice(list("abcdefghijkl"), 5)) for _ in range(3000)])
    texts = [" ".join(row) for row in words[rng.integers(0, 3000, (20_000, 10))]]
    texts += [text + "s" for text in texts]
    start = time.process_time()
    names = near_duplicate_groups(texts)
    assert time.process_time() - start < 15
    assert len(set(names.to_pylist())) == pytest.approx(20_000, rel=0.001)


@pytest.mark.parametrize(
    ("examples", "choices", "says"),
    [
        (["a", None], {}, "None in row 1"),
        (["a", 1], {}, "1 in row 1"),
        (["a"], {"similarity": 0.0}, "similarity is 0.0"),
        (np.array([[1.0], [np.inf]]), {}, "row 1"),
        (np.array([1.0, 2.0]), {}, "shape"),
    ],
)
def test_what_cannot_be_compared_is_refused(examples, choices, says) -> None:
    with pytest.raises(DataError, match=says):
        near_duplicate_groups(examples, **choices)
