"""The stream of digits: the same each time, made of training images, drifting when it says."""

from __future__ import annotations

import numpy as np
import pytest

from burnish.datasets import load_bundled
from burnish.datasets.truth import stream_truth

OPTIONS = {"noise": 0.2, "seed": 0}


@pytest.fixture(scope="module")
def stream():
    digits = load_bundled("digits", **OPTIONS)
    return digits.production, digits.production_labels, stream_truth("digits", **OPTIONS)


def test_equal_options_give_equal_rows_and_another_seed_others(stream):
    assert load_bundled("digits", **OPTIONS).production.equals(stream[0])
    assert not load_bundled("digits", noise=0.2, seed=1).production.equals(stream[0])
    assert load_bundled("parcels").production is None


def test_sixty_rows_a_day_for_four_weeks_each_with_an_id_of_its_own(stream):
    days = [at.date().isoformat() for at in stream[0]["met"].to_pylist()]
    assert len(set(stream[0]["example_id"].to_pylist())) == 1680
    assert sorted(set(days))[0::27] == ["2025-02-03", "2025-03-02"]
    assert {days.count(day) for day in set(days)} == {60}


def test_labels_come_two_days_later_for_half_of_the_rows_and_few_are_wrong(stream):
    rows, labels, truth = stream
    assert "label" not in rows.column_names
    met = dict(zip(rows["example_id"].to_pylist(), rows["met"].to_pylist(), strict=True))
    waits = {(row["told"] - met[row["example_id"]]).days for row in labels.to_pylist()}
    assert waits == {2}
    assert 0.45 < labels.num_rows / rows.num_rows < 0.55
    right = dict(zip(*truth.to_pydict().values(), strict=True))
    wrong = [row["label"] != right[row["example_id"]] for row in labels.to_pylist()]
    assert 0 < np.mean(wrong) < 0.06


def test_scan_c_comes_more_often_and_sees_less_from_the_fifteenth_day_on(stream):
    source = np.array(stream[0]["source"].to_pylist())
    pixels = np.array(stream[0]["image"].to_pylist())
    late = np.arange(source.size) >= 14 * 60
    worn = source == "scanC"
    assert np.mean(worn[~late]) < 0.4
    assert np.mean(worn[late]) > 0.45
    spread = pixels.std(axis=1)
    assert spread[worn & late].mean() < 0.93 * spread[worn & ~late].mean()
    for other in ("scanA", "scanB"):
        mine = source == other
        assert spread[mine & late].mean() == pytest.approx(spread[mine & ~late].mean(), rel=0.05)


def test_no_row_is_the_image_of_a_row_that_models_are_judged_on(stream):
    examples = load_bundled("digits", **OPTIONS).examples
    kept = {tuple(image) for image in examples["image"].to_pylist()}
    assert not kept & {tuple(image) for image in stream[0]["image"].to_pylist()}
