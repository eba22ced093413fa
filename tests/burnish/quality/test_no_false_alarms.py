"""What looks like a fault and is none is left alone: years, days, codes, parts made on purpose."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from burnish.quality import QualityReport, check_table


def kinds_of(report: QualityReport) -> set[str]:
    return {one.kind for one in report.findings}


def test_the_first_of_a_row_of_years_is_no_stand_in():
    years = [date(1970 + at, 1, 1) for at in range(13) for _ in range(30)]
    assert "disguised_missing" not in kinds_of(check_table(pa.table({"year": years})))


def test_a_day_far_before_a_daily_record_still_is_one():
    days = [date(1970, 1, 1)] * 5 + [date(2024, 1, 1) + timedelta(days=at) for at in range(200)]
    (found,) = [
        one
        for one in check_table(pa.table({"day": days})).findings
        if one.kind == "disguised_missing"
    ]
    assert found.count == 5


def test_three_letters_among_codes_of_three_letters_are_a_code():
    codes = pa.table({"airport": ["JFK", "LAX", "UNK", "SEA", "BOS"] * 9})
    assert "disguised_missing" not in kinds_of(check_table(codes))
    words = pa.table({"colour": ["red", "blue", "UNK", "green", "white"] * 9})
    assert "disguised_missing" in kinds_of(check_table(words))


@pytest.mark.parametrize("form", ["%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y"])
def test_a_day_in_each_row_is_no_identifier_and_its_rows_are_no_copies(form: str):
    days = [(date(2024, 1, 1) + timedelta(days=at)).strftime(form) for at in range(300)]
    rain = np.random.default_rng(0).permutation(300) % 7
    found = kinds_of(check_table(pa.table({"day": days, "rain": rain})))
    assert not found & {"identifier", "exact_duplicates"}


def test_copies_are_said_to_be_equal_but_for_what_names_them():
    rows = np.random.default_rng(0).normal(size=200)
    table = pa.table({"x": [*rows, rows[0]], "code": [f"A-{at:04d}" for at in range(201)]})
    (found,) = [one for one in check_table(table).findings if one.kind == "exact_duplicates"]
    assert "that does not only name it" in found.sentence
    assert "'code'" in found.evidence


def split_table(unseen: dict[str, int]) -> pa.Table:
    """200 training rows and 1,000 test rows of 'a' and 'b', and so many of 'new' in each part."""
    parts = ["train"] * 200 + ["test"] * 1000
    labels = ["a", "b"] * 600
    for part, count in unseen.items():
        parts += [part] * count
        labels += ["new"] * count
    return pa.table({"y": labels, "part": parts})


@pytest.mark.parametrize(
    ("unseen", "severity"),
    [({"test": 50}, "error"), ({"test": 3}, "warning"), ({"oos_test": 300}, "warning")],
)
def test_a_class_that_training_lacks_is_an_error_where_it_spoils_a_part(
    unseen: dict[str, int], severity: str
):
    report = check_table(split_table(unseen), target="y", split="part")
    (found,) = [one for one in report.findings if one.kind == "unseen_class"]
    assert (found.severity, found.count) == (severity, sum(unseen.values()))


def test_without_a_word_for_training_no_class_is_called_unseen():
    folds = pa.table({"y": ["a"] * 30 + ["b"] * 20, "fold": ["1"] * 30 + ["2"] * 20})
    assert "unseen_class" not in kinds_of(check_table(folds, target="y", split="fold"))


def dice(n: int = 2000) -> pa.Table:
    """Few values that nobody copied, in a random split."""
    rng = np.random.default_rng(3)
    numbers = {f"n{at}": rng.integers(5, size=n) for at in range(6)}
    return pa.table(
        {**numbers, "y": rng.choice(["a", "b"], n), "part": rng.choice(["train", "test"], n)}
    )


def test_rows_that_are_equal_by_chance_are_notes_on_either_side_of_a_split():
    report = check_table(dice(), target="y", split="part")
    told = {one.kind: one.severity for one in report.findings}
    for kind in ("exact_duplicates", "crossing_duplicates", "conflicting_labels"):
        assert told[kind] == "note"


def test_copies_among_rows_that_could_not_be_equal_by_chance_stay_a_fault():
    rng = np.random.default_rng(3)
    rows = dice().append_column("weight", pa.array(rng.normal(size=2000)))
    train = np.flatnonzero(np.array(rows["part"].to_pylist()) == "train")[:40]
    copies = rows.take(pa.array(train))
    at = copies.column_names.index("part")
    copies = copies.set_column(at, "part", pa.array(["test"] * 40))
    report = check_table(pa.concat_tables([rows, copies]), target="y", split="part")
    told = {one.kind: (one.severity, one.count) for one in report.findings}
    assert told["exact_duplicates"] == ("warning", 40)
    assert told["crossing_duplicates"] == ("error", 40)


def test_one_text_under_two_labels_is_no_chance_though_there_is_no_other_column():
    texts = [f"where is my parcel number {at}" for at in range(200)]
    table = pa.table({"text": [*texts, *texts[:4]], "y": ["a", "b"] * 100 + ["b", "a"] * 2})
    (found,) = [
        one for one in check_table(table, target="y").findings if one.kind == "conflicting_labels"
    ]
    assert (found.severity, found.count) == ("warning", 8)
