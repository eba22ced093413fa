"""A doubted label is explained by what was planted around it, and by nothing else."""

from __future__ import annotations

import json
import re

import numpy as np
import pyarrow as pa
import pytest

from burnish.database import open_database
from burnish.errors import DataError, IterationError
from burnish.ledger import SqlLedger
from burnish.records import Suite, Verdict
from burnish.report.explanation_page import (
    LIMITS,
    explained_style,
    explanations_part,
    render_explanation_page,
)
from burnish.report.pages import Pages
from burnish.spec import DatasetSpec
from burnish.store import DeltaStore
from burnish.versions import Versions
from burnish.workflows.audit import audit_labels, predict_probs
from burnish.workflows.explain import Explainer, explain_example, explanations_of
from burnish.workflows.gates import run_gate
from burnish.workflows.home import Home
from tests.burnish.workflows.turning_away import TurningAway

SPEC = DatasetSpec.model_validate(
    {
        "name": "toy", "source": {"path": "toy.csv"}, "target": "label",
        "features": {"x": "numeric", "y": "numeric"},
    }
)  # fmt: skip
FLIPPED = "r007"


def planted_rows() -> pa.Table:
    """Two clouds far apart, 60 rows of each class; one row of class a is labelled b."""
    rng = np.random.default_rng(3)
    places = np.vstack([rng.normal(0, 1, (60, 2)), rng.normal(9, 1, (60, 2))])
    names = [f"r{at:03d}" for at in range(120)]
    labels = ["a"] * 60 + ["b"] * 60
    labels[names.index(FLIPPED)] = "b"
    return pa.table(
        {
            "example_id": [*names, "held"], "label": [*labels, "a"],
            "split": ["train"] * 120 + ["test"],
            "x": [*places[:, 0], 0.0], "y": [*places[:, 1], 0.0],
        }
    )  # fmt: skip


@pytest.fixture
def home(tmp_path) -> Home:
    """A home whose first iteration is open and audited."""
    engine = open_database(tmp_path / "burnish.db")
    ledger = SqlLedger(engine)
    home = Home(tmp_path, Versions(engine, DeltaStore(tmp_path / "tables", engine), ledger), ledger)
    rows = planted_rows()
    home.versions.write("toy", "validated_examples", rows)
    pages = Pages(tmp_path / "pages")
    run_gate(
        SPEC, "validated_examples", Suite("validated_examples", ()), home.versions,
        runner=TurningAway(), pages=pages,
    )  # fmt: skip
    home.versions.join("toy", opens=True)
    audit = audit_labels(predict_probs(rows, SPEC))
    home.versions.write("toy", "label_audit", audit, iteration=1, gated=False)
    return home


def decide(home: Home, name: str, decision: str, label: str | None) -> None:
    given = {row["example_id"]: row["label"] for row in planted_rows().to_pylist()}[name]
    home.ledger.append("toy", [Verdict(name, decision, given, label, "ada")])  # type: ignore[arg-type]


def ask(home: Home, *names: str) -> None:
    """A queue of the open iteration with these rows, let through by its gate."""
    queue = pa.table({"example_id": list(names), "iteration": [1] * len(names)})
    home.versions.write("toy", "relabel_queue", queue, iteration=1)
    run_gate(
        SPEC, "relabel_queue", Suite("relabel_queue", ()), home.versions,
        runner=TurningAway(), pages=Pages(home.folder / "pages"),
    )  # fmt: skip


def test_a_flipped_label_is_explained_by_rows_of_its_true_class(home: Home):
    found = explain_example(home.versions, SPEC, FLIPPED)
    assert (found.label, found.suggested, found.iteration) == ("b", "a", 1)
    assert {row.label for row in found.nearest} == {"a"}
    assert {row.label for row in found.like_suggested} == {"a"}
    assert {row.label for row in found.like_label} == {"b"}
    assert found.like_label[0].distance > 3 * found.like_suggested[-1].distance
    against = {one.signal: one for one in found.of_side("against")}
    assert not found.of_side("for")
    for name in ("probability of error", "lead of the label", "near rows with another label"):
        assert against[name].rank == 1
        assert against[name].of == 120


def test_a_right_label_has_its_signals_for_it(home: Home):
    found = explain_example(home.versions, SPEC, "r020")
    assert not found.of_side("against")
    assert all(one.rank > 1 for one in found.of_side("for"))
    assert found.like_suggested == ()
    assert "the models agree" in render_explanation_page(found)


def test_near_rows_are_those_the_audit_counted(home: Home):
    explainer = Explainer.of(home.versions, SPEC)
    for name in ("r000", FLIPPED, "r099"):
        found = explainer.explain(name)
        other = np.mean([row.label != found.label for row in found.nearest])
        assert other == pytest.approx(explainer.rows[name]["neighbour_disagreement"])


def test_what_people_decided_narrows_down_what_would_account_for_the_doubt(home: Home):
    before = explain_example(home.versions, SPEC, FLIPPED)
    assert before.what_if.possible
    assert before.what_if.needed == 6
    assert set(before.what_if.unlooked) == {row.example_id for row in before.nearest}
    for row in before.nearest[:5]:
        decide(home, row.example_id, "keep", "a")
    after = explain_example(home.versions, SPEC, FLIPPED)
    assert [row.decision for row in after.nearest[:6]] == ["kept"] * 5 + [""]
    assert not after.what_if.possible
    assert "would still speak against the label" in render_explanation_page(after)


def test_a_row_that_people_are_still_asked_about_is_marked_and_kept_out_of_reports(home: Home):
    ask(home, FLIPPED, "r020")
    assert explain_example(home.versions, SPEC, FLIPPED).waiting
    iteration = home.versions.iteration("toy", 1)
    assert explanations_of(home.versions, iteration, SPEC) == ()
    decide(home, "r020", "unsure", None)
    assert explanations_of(home.versions, iteration, SPEC) == ()
    decide(home, FLIPPED, "change", "a")
    (found,) = explanations_of(home.versions, iteration, SPEC)
    assert (found.example_id, found.decision, found.waiting) == (FLIPPED, "changed to 'a'", False)


def test_what_was_decided_after_an_event_changes_no_explanation_up_to_it(home: Home):
    ask(home, FLIPPED)
    decide(home, FLIPPED, "keep", "b")
    until = home.ledger.head("toy").event_id
    iteration = home.versions.iteration("toy", 1)
    before = explanations_of(home.versions, iteration, SPEC, until=until)
    decide(home, FLIPPED, "change", "a")
    decide(home, before[0].nearest[0].example_id, "drop", None)
    assert explanations_of(home.versions, iteration, SPEC, until=until) == before
    assert explanations_of(home.versions, iteration, SPEC) != before


def test_the_most_suspicious_of_a_batch_come_first_and_no_more_than_asked(home: Home):
    names = ["r020", FLIPPED, "r050"]
    ask(home, *names)
    for name in names:
        decide(home, name, "keep", "b" if name == FLIPPED else "a")
    iteration = home.versions.iteration("toy", 1)
    found = explanations_of(home.versions, iteration, SPEC, most=2)
    assert found[0].example_id == FLIPPED
    assert len(found) == 2


def test_answers_of_annotators_are_told_where_they_are_kept(home: Home):
    answers = pa.table(
        {
            "example_id": [FLIPPED] * 3 + ["r020"], "annotator_id": [*"123", "1"],
            "label": ["a", "a", "b", "a"],
        }
    )  # fmt: skip
    home.versions.write("toy", "annotations", answers, gated=False)
    found = explain_example(home.versions, SPEC, FLIPPED)
    (votes,) = (one for one in found.signals if one.signal == "annotators' answers")
    assert (votes.side, votes.value) == ("against", pytest.approx(1 / 3))


@pytest.mark.parametrize("name", ["held", "nobody"])
def test_a_row_that_was_not_judged_is_refused(home: Home, name: str):
    with pytest.raises(DataError, match="did not judge"):
        explain_example(home.versions, SPEC, name)


def test_an_iteration_without_an_audit_is_refused(home: Home):
    with pytest.raises(IterationError, match="toy@iter4 has no audit"):
        explain_example(home.versions, SPEC, FLIPPED, iteration=4)


def test_the_page_is_one_file_without_script_and_escapes_what_it_shows(home: Home):
    found = explain_example(home.versions, SPEC, FLIPPED)
    page = render_explanation_page(found)
    assert not re.search(r"<script|<link|src=\"http|@import", page)
    assert all(limit[:30] in page for limit in LIMITS)
    nasty = render_explanation_page(
        found.__class__(**{**vars(found), "suggested": "<img src=x>", "example_id": "<b>7</b>"})
    )
    assert "<img src=x>" not in nasty
    assert "<b>7</b>" not in nasty
    part = explanations_part([found])
    assert "<html" not in part
    assert FLIPPED in part
    assert ".near" in explained_style()
    assert "{" not in re.sub(r"\{[^{}]*\}", "", explained_style())


def test_json_and_table_hold_what_the_page_says(home: Home):
    found = explain_example(home.versions, SPEC, FLIPPED)
    facts = json.loads(json.dumps(found.to_json()))
    assert facts["what_if"]["needed"] == found.what_if.needed
    assert [row["example_id"] for row in facts["nearest"]] == [r.example_id for r in found.nearest]
    assert found.to_table()["says"].to_pylist() == [one["says"] for one in facts["signals"]]


def test_the_command_prints_writes_a_page_and_speaks_json(home: Home, tmp_path):
    from click.testing import CliRunner

    from burnish.cli import main

    catalog = tmp_path / "catalog"
    catalog.mkdir()
    text = "name: toy\nsource: {path: toy.csv}\ntarget: label\nfeatures: {x: numeric, y: numeric}\n"
    (catalog / "toy.yaml").write_text(text)
    where = ["--home", str(home.folder), "--catalog", str(catalog)]
    ask(home, FLIPPED)
    run = CliRunner().invoke(
        main, ["explain", "toy", FLIPPED, "--html", str(tmp_path / "why.html"), *where]
    )
    assert run.exit_code == 0, run.output
    assert "1 of 120" in run.output
    assert "do not show them this" in run.output
    assert FLIPPED in (tmp_path / "why.html").read_text()
    asked = CliRunner().invoke(main, ["explain", "toy", FLIPPED, "--json", *where])
    assert json.loads(asked.output)["waiting"]
    refused = CliRunner().invoke(main, ["explain", "toy", "nobody", *where])
    assert refused.exit_code == 1
