"""Two iterations side by side: what the model did, and what the ruler did."""

from __future__ import annotations

import json
import shutil

import pytest

from burnish.errors import IterationError
from burnish.records import Verdict
from burnish.report.pages import Pages
from burnish.versions import Versions
from burnish.workflows import compare_iterations_words as words
from burnish.workflows.compare_iterations import METRICS, compare_iterations
from burnish.workflows.home import prepare_home
from burnish.workflows.showing_comparison import (
    compared_with_champion,
    comparison_html,
    comparison_links,
    print_comparison,
    tracked_comparison,
)
from tests.burnish.workflows.closed_turns import pets, prepared, turn


def held_out(versions: Versions, number: int) -> list[dict]:
    told = versions.iteration("pets", number).summary
    return versions.let_through(
        "pets", "trained_model", int(told["predictions_version"])
    ).to_pylist()


@pytest.fixture(scope="module")
def turned(tmp_path_factory):
    """Three iterations; before the second, Ada turns the labels of two validation rows round."""
    folder = tmp_path_factory.mktemp("turned")
    home, spec = prepared(folder), pets()
    turn(home, spec)
    rows = [row for row in held_out(home.versions, 1) if row["split"] == "validation"]
    other = {"cat": "dog", "dog": "cat"}
    home.ledger.append(
        "pets",
        [
            Verdict(row["example_id"], "change", row["label"], other[row["label"]], author="Ada")
            for row in rows[5:7]
        ],
    )
    gone = Verdict(rows[0]["example_id"], "drop", None, None, author="Ben")
    home.ledger.append("pets", [gone])
    turn(home, spec)
    turn(home, spec)
    return folder


@pytest.fixture
def home(turned, tmp_path):
    shutil.copytree(turned, tmp_path, dirs_exist_ok=True)
    return prepare_home(tmp_path)


@pytest.fixture
def found(home):
    return compare_iterations(
        home.versions, home.versions.iteration("pets", 1), home.versions.iteration("pets", 2)
    )


def test_the_four_figures_are_those_of_each_model_on_each_ruler(home, found):
    """Counted here by hand, on the rows that both predicted."""
    old = {row["example_id"]: row for row in held_out(home.versions, 1)}
    new = {row["example_id"]: row for row in held_out(home.versions, 2)}
    ids = [one for one, row in new.items() if row["split"] == "validation" and one in old]
    [row] = [
        row
        for row in found.numbers.to_pylist()
        if (row["split"], row["slice"], row["metric"]) == ("validation", "overall", "accuracy")
    ]
    assert row["support"] == len(ids)
    for model, said in (("old", old), ("new", new)):
        for ruler, labels in (("old", old), ("new", new)):
            right = sum(said[one]["predicted"] == labels[one]["label"] for one in ids)
            assert row[f"{model}_model_{ruler}_labels"] == pytest.approx(right / len(ids))


def test_differences_are_between_those_figures(found):
    [four] = [
        row
        for row in found.numbers.to_pylist()
        if (row["split"], row["slice"], row["metric"]) == ("validation", "overall", "accuracy")
    ]
    for ruler in ("old", "new"):
        row = found.overall("validation", changed="model", fixed=f"{ruler} labels")
        expected = four[f"new_model_{ruler}_labels"] - four[f"old_model_{ruler}_labels"]
        assert row["difference"] == pytest.approx(expected)
    for model in ("old", "new"):
        row = found.overall("validation", changed="labels", fixed=f"{model} model")
        expected = four[f"{model}_model_new_labels"] - four[f"{model}_model_old_labels"]
        assert row["difference"] == pytest.approx(expected)


def test_every_metric_and_slice_is_compared_on_both_rulers(found):
    seen = {
        (row["slice"], row["metric"]) for row in found.found(changed="model", fixed="old labels")
    }
    assert {("overall", metric) for metric in METRICS} <= seen
    assert {("source:home", "accuracy"), ("class:cat", "brier")} <= seen
    # Of rows of one class alone, a calibration error means little.
    assert ("class:cat", "ece") not in seen
    assert seen == {
        (row["slice"], row["metric"]) for row in found.found(changed="model", fixed="new labels")
    }


def test_labels_that_were_changed_are_named_with_who_and_when(found):
    assert [row["author"] for row in found.rows.relabelled] == ["Ada", "Ada"]
    assert all(row["at"] is not None for row in found.rows.relabelled)
    assert "2 held-out labels were changed in between. That alone moves" in words.ruler(found)


def test_a_row_that_was_dropped_is_counted_and_named(home, found):
    # The second turn drops p2 by itself.
    first = next(row for row in held_out(home.versions, 1) if row["split"] == "validation")
    assert first["example_id"] in found.rows.left
    [row] = [
        row for row in found.rows.changes.to_pylist() if row["example_id"] == first["example_id"]
    ]
    assert (row["change"], row["author"]) == ("dropped", "Ben")
    assert f"2 left: {first['example_id']}, p2." in words.rows_in_words(found)


def test_without_a_changed_label_the_ruler_is_said_to_be_the_same(home):
    versions = home.versions
    later = compare_iterations(
        versions, versions.iteration("pets", 2), versions.iteration("pets", 3)
    )
    assert later.rows.relabelled == []
    assert words.ruler(later).startswith("No label of a validation or test row was changed")
    for row in later.found(changed="labels", slice_id="overall"):
        assert row["difference"] == 0


def test_the_dataset_versions_and_the_decision_are_named(found):
    assert (str(found.before_version), str(found.after_version)) == ("pets@1", "pets@2")
    assert found.decision.against == 1
    assert words.decision(found).startswith("pets@iter2 was promoted, held against pets@iter1.")


def test_the_same_figures_are_in_text_json_page_dagster_and_mlflow(home, found, capsys):
    row = found.overall("validation", changed="model", fixed="new labels")
    figure = words.interval(row)
    page = home.folder / "page.html"
    print_comparison(home, "pets@iter1", "pets@iter2", page=page, as_json=False)
    text = capsys.readouterr().out
    assert figure in text
    assert figure in page.read_text()
    assert all(len(line) <= 80 for line in text.splitlines() if "page" not in line)
    print_comparison(home, "pets@iter1", "pets@iter2", page=None, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert row in told["differences"]
    pages = Pages(home.folder / "reports")
    links = comparison_links(pages, compared_with_champion(home.versions, found.after))
    (link,) = links.values()
    assert link.endswith("pets/comparisons/1-2.html")
    artifact = tracked_comparison(home.versions, found.after)["comparison"]
    assert artifact == comparison_html(found) == pages.comparison("pets", 1, 2).read_text()


def test_the_page_fetches_nothing_and_runs_nothing(found):
    html = comparison_html(found)
    assert "<script" not in html
    assert "http://" not in html.replace("http://www.w3.org/2000/svg", "")
    assert html.count("<table") == html.count("<caption")


def test_the_first_iteration_has_no_champion_to_be_compared_with(home):
    assert compared_with_champion(home.versions, home.versions.iteration("pets", 1)) is None
    assert tracked_comparison(home.versions, home.versions.iteration("pets", 1)) == {}


def test_an_iteration_whose_tables_are_gone_is_told_and_holds_up_no_log(home):
    shutil.rmtree(home.folder / "tables" / "pets" / "trained_model")
    versions = home.versions
    one, other = versions.iteration("pets", 1), versions.iteration("pets", 2)
    with pytest.raises(IterationError, match="what pets@iter1 left in trained_model"):
        compare_iterations(versions, one, other)
    assert compared_with_champion(versions, other) is None


def test_names_that_name_no_two_iterations_are_refused(home):
    versions = home.versions
    one = versions.iteration("pets", 1)
    with pytest.raises(IterationError, match="pets@iter1 against itself"):
        compare_iterations(versions, one, one)
    opened = versions.join("pets", opens=True)
    with pytest.raises(IterationError, match="pets@iter4 has not trained a model yet"):
        compare_iterations(versions, one, opened)
    with pytest.raises(IterationError, match="'pets@1' names no iteration"):
        print_comparison(home, "pets@1", "pets@iter2", page=None, as_json=False)
