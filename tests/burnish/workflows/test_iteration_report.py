"""Reports of iterations that were really turned: counts, people, and both models on shared rows."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from burnish.errors import IterationError, VersionNotFound
from burnish.records import Verdict
from burnish.report.iteration_page import render_iteration_page
from burnish.report.iteration_words import worse_words
from burnish.report.pages import Pages
from burnish.spec import DatasetSpec
from burnish.workflows.compare_iterations import compare_iterations
from burnish.workflows.gold import STAGE as GOLD_STAGE
from burnish.workflows.home import Home
from burnish.workflows.iteration_report import iteration_facts
from burnish.workflows.iteration_report_effect import (
    Against,
    accuracy_of,
    calibration_of,
    effect_of,
    held_against,
    predictions_of,
)
from burnish.workflows.iteration_report_pages import tracked_pages, write_report_pages
from burnish.workflows.showing_report import print_report
from tests.burnish.workflows.closed_turns import pets, prepared, turn

OTHER = {"cat": "dog", "dog": "cat"}


@pytest.fixture(scope="module")
def turned(tmp_path_factory: Any) -> tuple[Home, DatasetSpec]:
    """Two iterations of pets: in the second Ann and a program change four labels, Eve approves."""
    home = prepared(tmp_path_factory.mktemp("home"))
    spec = pets(description="Pets of a <shelter>.", card={"intended_use": "To sort pets."})
    turn(home, spec)
    rows = home.versions.read_last_good("pets", "validated_examples")
    assert rows is not None
    train = rows.filter(pc.field("split") == "train").slice(5, 6).to_pylist()
    said = [_answer(row, OTHER[row["label"]], approved_by="Eve") for row in train[:3]]
    said.append(_answer(train[3], OTHER[train[3]["label"]], author="bot", role="simulated"))
    said.append(_answer(train[4], train[4]["label"], reason="control"))
    home.ledger.append("pets", said)
    turn(home, spec)
    return home, spec


def _answer(row: dict[str, Any], to: str, *, author: str = "Ann", role: str = "annotator",
            reason: str = "audit", **more: Any) -> Verdict:  # fmt: skip
    evidence = {"reason": reason, "error_probability": 0.9, **more}
    decision = "keep" if to == row["label"] else "change"
    return Verdict(
        row["example_id"], decision, row["label"], to, author, role, reason, "", evidence
    )


def facts_of(turned: tuple[Home, DatasetSpec], number: int) -> Any:
    home, spec = turned
    iteration = home.versions.iteration("pets", number)
    return iteration_facts(home.versions, home.ledger, spec, iteration)


def test_changes_are_those_since_the_version_before_by_pair_and_reason(turned):
    changes = facts_of(turned, 2).changes
    assert (changes.since, changes.relabelled, changes.dropped) == ("pets@1", 4, 1)
    assert sum(pair.count for pair in changes.pairs) == 4
    by_reason = {line.reason: line for line in changes.reasons}
    assert (by_reason["audit"].reviewed, by_reason["audit"].changed) == (4, 4)
    assert (by_reason["control"].reviewed, by_reason["control"].changed) == (1, 0)
    assert sum(changes.slices.values()) == 5  # of one slice for each source: every changed row once
    assert facts_of(turned, 1).changes.since == "the labels as collected"


def test_who_decided_and_who_approved_is_read_off_the_ledger(turned):
    changes = facts_of(turned, 2).changes
    people = {one.name: one for one in changes.people}
    assert (people["Ann"].answered, people["Ann"].changed) == (5, 4)  # one of them a drop
    assert (people["Eve"].approved, people["Eve"].answered) == (3, 0)
    assert people["bot"].simulated
    assert changes.simulated == "some"


def test_known_answers_are_counted_of_this_iteration_and_so_far(tmp_path):
    home, spec = prepared(tmp_path), pets()
    rows = home.versions.read_last_good("pets", "validated_examples")
    assert rows is not None
    known = rows.filter(pc.field("split") == "train").slice(5, 6)
    gold = pa.table({"example_id": known["example_id"], "label": known["label"]})
    home.versions.write("pets", GOLD_STAGE, gold, gated=False)
    answers = known.to_pylist()
    home.ledger.append("pets", [_answer(row, row["label"]) for row in answers[:4]])
    turn(home, spec)
    home.ledger.append("pets", [_answer(row, OTHER[row["label"]]) for row in answers[4:]])
    turn(home, spec)
    ann = next(one for one in facts_of((home, spec), 2).changes.people if one.name == "Ann")
    assert (ann.right, ann.known) == (0, 2)
    assert (ann.right_so_far, ann.known_so_far) == (4, 6)


def test_the_effect_is_counted_on_the_rows_that_both_models_predicted(turned):
    home, _ = turned
    found = facts_of(turned, 2).effect
    new = predictions_of(home.versions, home.versions.iteration("pets", 2))
    old = predictions_of(home.versions, home.versions.iteration("pets", 1))
    theirs = {row["example_id"]: row["predicted"] for row in old.to_pylist()}
    rows = [
        row for row in new.to_pylist() if row["split"] == "test" and row["example_id"] in theirs
    ]
    assert found.overall.support == len(rows)
    right = np.mean([row["predicted"] == row["label"] for row in rows])
    before = np.mean([theirs[row["example_id"]] == row["label"] for row in rows])
    assert found.overall.after == pytest.approx(right)
    assert found.overall.before == pytest.approx(before)
    assert {"source:home", "source:street", "class:cat"} <= {one.slice for one in found.slices}


def test_the_effect_says_what_the_page_of_two_iterations_says(turned):
    home, _ = turned
    first, second = (home.versions.iteration("pets", number) for number in (1, 2))
    compared = compare_iterations(home.versions, first, second)
    where = {"split": "test", "changed": "model", "fixed": "new labels", "metric": "accuracy"}
    found = facts_of(turned, 2).effect
    theirs = {row["slice"]: row for row in compared.found(**where)}
    assert {line.slice for line in found.lines} == theirs.keys()
    for line in found.lines:
        for name, value in asdict(line).items():
            assert value == theirs[line.slice][name], (line.slice, name)


def test_the_first_is_held_against_the_labels_as_collected_and_the_next_against_the_champion(
    turned,
):
    home, _ = turned
    first = held_against(home.versions, home.versions.iteration("pets", 1))
    assert first.iteration is None
    assert "labels as collected" in first.words
    second = held_against(home.versions, home.versions.iteration("pets", 2))
    assert second.iteration is not None
    assert second.iteration.number == 1


def test_a_report_written_again_after_the_loop_went_on_says_the_same(turned):
    home, spec = turned
    iteration = home.versions.iteration("pets", 2)
    before = tracked_pages(home.versions, home.ledger, spec, iteration)
    home.ledger.append("pets", [Verdict("p50", "drop", None, None, author="Zoe")])
    assert tracked_pages(home.versions, home.ledger, spec, iteration) == before


def test_the_report_tells_what_the_model_reads_and_what_its_batch_bought(turned):
    home, spec = turned
    iteration = home.versions.iteration("pets", 2)
    pages = Pages(home.reports)
    written = write_report_pages(pages, home.versions, home.ledger, spec, iteration)
    importance = written.facts.importance
    assert importance is not None
    assert {row["feature"] for row in importance.top()} == {"weight", "height"}
    page = written.report.read_text()
    assert "What the model reads" in page
    assert "burnish return pets" in page
    # What is measured later must not change a page that is kept.
    kept = tracked_pages(home.versions, home.ledger, spec, iteration)["report"]
    assert "What this batch bought" not in kept


def test_pages_for_a_tracking_server_lead_nowhere(turned):
    home, spec = turned
    iteration = home.versions.iteration("pets", 2)
    made = tracked_pages(home.versions, home.ledger, spec, iteration)
    assert set(made) == {"report", "model-card", "data-card"}
    for page in made.values():
        assert page.count("href=") == page.count('href="#main"') == 1


def test_pages_are_written_where_people_look_and_their_links_arrive(turned, tmp_path):
    home, spec = turned
    pages = Pages(tmp_path, "http://here")
    for number in (1, 2):
        iteration = home.versions.iteration("pets", number)
        written = write_report_pages(pages, home.versions, home.ledger, spec, iteration)
    assert written.links(pages)["report of the iteration"] == "http://here/pets/iterations/2.html"
    champion = home.versions.champion("pets")
    assert champion is not None
    assert bool(written.cards) == (champion.number == 2)
    found = [*tmp_path.rglob("*.html")]
    assert {"1.html", "2.html", "model-card.html", "data-card.html"} <= {one.name for one in found}
    for page in found:
        for target in page.read_text("utf-8").split('href="')[1:]:
            where = target.split('"')[0]
            assert where.startswith("#") or (page.parent / where).exists(), f"{page}: {where}"
    report = (tmp_path / "pets" / "iterations" / "2.html").read_text("utf-8")
    assert "Pets of a &lt;shelter&gt;." in report
    assert "../iterations/2.html" in (tmp_path / "pets" / "versions" / "2.html").read_text("utf-8")
    assert "To sort pets." in (tmp_path / "pets" / "model-card.md").read_text("utf-8")


def test_an_open_iteration_has_no_report(tmp_path):
    home = prepared(tmp_path)
    iteration = home.versions.join("pets", opens=True)
    with pytest.raises(IterationError, match="open"):
        iteration_facts(home.versions, home.ledger, pets(), iteration)


def test_the_command_says_where_and_what_in_a_few_lines(turned, tmp_path, capsys):
    home, _ = turned
    print_report(home, "pets@iter2", page=tmp_path / "r.html", as_json=False)
    text = capsys.readouterr().out
    assert "pets@iter2: 4 labels changed" in text
    assert "What got worse:" in text
    assert str(tmp_path / "r.html") in text
    assert (tmp_path / "r.html").read_text("utf-8").count("href=") == 1
    print_report(home, "pets", page=None, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["number"] == 2
    assert set(told["pages"]) == {"report", "model", "data"}
    with pytest.raises(VersionNotFound, match="no name of an iteration"):
        print_report(home, "pets@2", page=None, as_json=False)


def predicted(labels: list[str], said: list[str], classes: list[str], split: str) -> pa.Table:
    """Predictions of a split that are as sure as can be of what they say."""
    columns = {
        f"p:{name}": [0.9 if one == name else 0.1 / (len(classes) - 1) for one in said]
        for name in classes
    }
    ids = [f"r{row}" for row in range(len(labels))]
    return pa.table(
        {
            "example_id": ids,
            "split": [split] * len(ids),
            "label": labels,
            "predicted": said,
            **columns,
        }
    )


def test_three_hundred_classes_and_no_test_rows_still_give_effect_and_calibration():
    classes = [f"class {n}" for n in range(300)]
    labels = [classes[n % 300] for n in range(900)]
    wrong = [classes[(n + (n % 4 == 0)) % 300] for n in range(900)]
    new, old = (predicted(labels, said, classes, "validation") for said in (wrong, labels))
    curated = pa.table({"example_id": new["example_id"], "label": labels, "source": ["x"] * 900})
    found = effect_of(new, Against("the other", old), curated, pets())
    assert found is not None
    assert (found.split, found.overall.finding) == ("validation", "worse")
    assert len(found.slices) == 301  # of three rows each, and the source
    assert "296 more" in " ".join(worse_words(found))
    assert accuracy_of(new) is None
    calibrated = calibration_of(new, random_state=0, draws=20)
    assert calibrated is not None
    assert calibrated.rows == 900


def test_rows_whose_class_the_model_never_saw_do_not_stop_calibration():
    labels = ["cat", "dog", "bird"] * 40
    table = predicted(labels, ["cat"] * 120, ["cat", "dog"], "test")
    found = calibration_of(table, random_state=0, draws=20)
    assert found is not None
    assert found.rows == 80
    assert found.advice == ""


def test_a_class_may_be_called_as_a_measurement_is():
    labels = ["confidence", "dog"] * 60
    found = calibration_of(
        predicted(labels, labels, ["confidence", "dog"], "test"), random_state=0, draws=20
    )
    assert found is not None
    assert found.reliability.event == "confidence"


def test_no_row_in_common_is_no_effect_and_not_an_effect_of_zero():
    new = predicted(["cat"], ["cat"], ["cat", "dog"], "test")
    old = new.set_column(0, "example_id", [["other"]])
    curated = pa.table({"example_id": ["r0"], "label": ["cat"], "source": ["x"]})
    assert effect_of(new, Against("the other", old), curated, pets()) is None
    assert effect_of(new, Against("the other", None), curated, pets()) is None


def test_corrected_test_labels_are_a_ruler_of_their_own():
    labels_then, labels_now = ["cat"] * 40, ["cat"] * 30 + ["dog"] * 10
    new = predicted(labels_now, ["cat"] * 30 + ["dog"] * 10, ["cat", "dog"], "test")
    old = predicted(labels_then, ["cat"] * 40, ["cat", "dog"], "test")
    curated = pa.table({"example_id": new["example_id"], "label": labels_now, "source": ["x"] * 40})
    found = effect_of(new, Against("the other", old), curated, pets())
    assert found is not None
    assert found.old_ruler is not None
    assert found.labels_changed == 10
    assert found.overall.difference == pytest.approx(0.25)
    assert found.old_ruler.difference == pytest.approx(-0.25)


def test_a_report_renders_from_the_record_alone(turned, tmp_path: Path):
    page = render_iteration_page(facts_of(turned, 2))
    assert "What got worse" in page
    assert "Ann" in page
