"""The bundled parcels: synthetic, repeatable, with slices large enough to see harm in one."""

from __future__ import annotations

from collections import Counter

import pytest

from burnish.datasets import load_bundled
from burnish.datasets.parcels import CARRIERS, CLASSES, DEPOTS
from burnish.datasets.truth import bundled_truth
from burnish.errors import DataError


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    return load_bundled("parcels").examples.to_pylist()


def truth_of(**options) -> dict[str, str]:
    table = bundled_truth("parcels", **options)
    return dict(zip(table["example_id"].to_pylist(), table["label"].to_pylist(), strict=True))


def test_a_fifth_of_the_rows_is_of_each_depot_and_classes_have_their_share(rows):
    assert set(Counter(row["depot"] for row in rows).values()) == {800}
    shares = Counter(truth_of().values())
    assert [shares[name] for name in CLASSES] == [1600, 1200, 1200]
    assert Counter(row["split"] for row in rows) == {"train": 2400, "validation": 800, "test": 800}
    by_slice = Counter(row["depot"] for row in rows if row["split"] == "train")
    assert min(by_slice.values()) > 400
    assert set(by_slice) == set(DEPOTS)
    assert {row["carrier"] for row in rows} == set(CARRIERS)


@pytest.mark.parametrize("noise", [0.0, 0.1, 0.35])
def test_just_the_share_that_was_asked_for_is_wrong_and_in_training_alone(noise):
    truth = truth_of(noise=noise)
    wrong = [
        row["split"]
        for row in load_bundled("parcels", noise=noise).examples.to_pylist()
        if row["label"] != truth[row["example_id"]]
    ]
    assert wrong == ["train"] * round(noise * 2400)


def test_equal_options_give_equal_tables_and_another_seed_another():
    assert load_bundled("parcels", seed=3).examples.equals(load_bundled("parcels", seed=3).examples)
    assert not load_bundled("parcels").examples.equals(load_bundled("parcels", seed=1).examples)


def test_noise_changes_labels_alone():
    one, other = (load_bundled("parcels", noise=share).examples for share in (0.0, 0.3))
    assert one.drop_columns(["label"]).equals(other.drop_columns(["label"]))


def test_there_are_no_answers_of_annotators():
    made = load_bundled("parcels")
    assert made.annotations is None
    assert made.unlabeled is None


@pytest.mark.parametrize(
    "options", [{"rows": 10}, {"rows": 4000.0}, {"noise": 0.7}, {"noise": "0.1"}, {"seed": -1},
                {"noise": True}, {"depots": 3}]
)  # fmt: skip
def test_what_cannot_be_made_is_refused(options):
    with pytest.raises(DataError):
        load_bundled("parcels", **options)
