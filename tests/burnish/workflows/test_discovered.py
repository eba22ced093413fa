from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from burnish.slices import slice_id
from burnish.spec import DatasetSpec, Slice
from burnish.workflows.calibrated import calibrate
from burnish.workflows.discovered import FoundSlice, found_masks, withholding
from burnish.workflows.discovered_search import (
    search_training,
    search_validation,
    searchable,
)
from burnish.workflows.evaluate import slice_report

SPEC = DatasetSpec.model_validate(
    {
        "name": "scans",
        "source": {"path": "scans.csv"},
        "target": "label",
        "features": {"age": "numeric", "note": "text"},
        "slices": [{"name": "source", "column": "source"}],
    }
)


def scans(n=2400, seed=0, hurt="c"):
    """Rows of four sites; a third of the answers on site `hurt` are wrong, one in twenty others."""
    rng = np.random.default_rng(seed)
    site = rng.choice(["a", "b", "c", "d"], n)
    label = rng.choice(["3", "8"], n)
    other = np.where(label == "3", "8", "3")
    wrong = rng.random(n) < np.where(site == hurt, 0.33, 0.05)
    said = np.where(wrong, other, label)
    ids = [f"e{number}" for number in range(n)]
    curated = pa.table(
        {
            "example_id": ids,
            "label": label.tolist(),
            "split": ["train", "validation"] * (n // 2),
            "fold_group": ids,
            "site": site.tolist(),
            "source": rng.choice(["x", "y"], n).tolist(),
            "age": rng.integers(0, 90, n),
            "note": ["so so"] * n,
        }
    )
    answers = pa.table(
        {
            "example_id": ids,
            "split": curated["split"],
            "label": label.tolist(),
            "predicted": said.tolist(),
            "correct": ~wrong,
            "p:3": np.where(said == "3", 0.9, 0.1),
            "p:8": np.where(said == "8", 0.9, 0.1),
        }
    )
    return answers, curated


@pytest.mark.parametrize("search", [search_validation, search_training])
def test_the_site_that_was_hurt_is_found_and_holds(search):
    answers, curated = scans()
    found = search(answers, curated, SPEC, random_state=0)
    held = [one.found.slice.where for one in found.holding]
    assert {"site": "c"} in held or {"site": "c", "source": "x"} in held
    assert {where.get("site") for where in held} == {"c"}
    assert "held on the other half" in found.said


def test_nothing_holds_where_errors_are_random():
    held = [
        len(search_validation(*scans(seed=seed, hurt="none"), SPEC, random_state=seed).holding)
        for seed in range(10)
    ]
    assert sum(held) <= 1


def test_training_rows_are_held_against_labels_as_they_stand():
    answers, curated = scans()
    # People have mended every label: there is nothing left to find.
    mended = curated.set_column(1, "label", answers["predicted"])
    assert search_training(answers, mended, SPEC, random_state=0).holding == ()


def test_too_few_rows_are_not_searched_and_that_is_said():
    answers, curated = scans(n=120)
    found = search_validation(answers, curated, SPEC, random_state=0)
    assert found.holding == ()
    assert found.said.startswith("not searched: 60 rows")


def test_columns_of_the_loop_are_not_searched_and_texts_by_their_properties():
    _, curated = scans(n=8)
    assert searchable(curated, SPEC).column_names == [
        "site", "source", "age", "words(note)", "characters(note)", "digit_share(note)",
    ]  # fmt: skip


def found_site(**changes):
    cut = Slice(name="site = c", where={"site": "c"})
    one = FoundSlice(cut, slice_id('"site" in ["c"]'), 3, "validation")
    return replace(one, **changes)


def test_rows_that_found_a_slice_do_not_score_it_then_and_do_later():
    answers, curated = scans()
    inside = [row["example_id"] for row in curated.to_pylist() if row["site"] == "c"]
    half = frozenset(inside[::2])

    def support(found):
        report = slice_report(answers, curated, SPEC, found=found).to_pylist()
        (row,) = [
            one for one in report if (one["slice"], one["metric"]) == ("site = c", "accuracy")
        ]
        return row["support"]

    validation = {
        row["example_id"] for row in curated.to_pylist() if row["split"] == "validation"
    } & set(inside)
    assert support(withholding([found_site()], half, iteration=3)) == len(validation - half)
    assert support(withholding([found_site()], half, iteration=4)) == len(validation)


def test_a_found_slice_that_is_declared_by_now_is_measured_once_under_its_declared_name():
    answers, curated = scans()
    declared = Slice(name="the scanner", where={"site": "c"})
    spec = SPEC.model_copy(update={"slices": (declared,)})
    report = slice_report(answers, curated, spec, found=[found_site()])
    rows = report.filter(pa.compute.equal(report["slice_id"], found_site().slice_id))
    assert set(rows["slice"].to_pylist()) == {"the scanner"}
    assert len(set(zip(rows["split"].to_pylist(), rows["metric"].to_pylist(), strict=True))) == (
        rows.num_rows
    )


def test_a_slice_whose_column_has_gone_is_left_out():
    _, curated = scans(n=40)
    assert found_masks(curated.drop_columns(["site"]), [found_site()]) == []


def test_overconfidence_is_seen_by_slice_and_the_advice_mends_it():
    answers, curated = scans()
    done = calibrate(answers, curated, SPEC, found=[found_site()])
    gaps = {row["slice"]: row["gap"] for row in done.table.to_pylist()}
    # The model claims 0.9 everywhere; on site c two thirds are right.
    assert gaps["site = c"] == pytest.approx(0.67 - 0.9, abs=0.06)
    assert done.table.column_names[:2] == ["slice", "slice_id"]
    assert done.advice.method == "identity" or done.advice.gain > 0


def test_with_few_validation_rows_no_map_is_fitted():
    done = calibrate(*scans(n=120), SPEC)
    assert (done.advice.method, done.advice.gain) == ("identity", None)
