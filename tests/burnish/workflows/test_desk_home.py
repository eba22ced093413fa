"""What the desk learns of a home: open batches, and examples without what must stay hidden."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import yaml

from burnish.errors import DataError, SpecError
from burnish.records import Suite, Verdict
from burnish.report.pages import Pages
from burnish.spec import load_spec_named
from burnish.workflows.desk import HomeBatches
from burnish.workflows.desk_examples import HomeExamples
from burnish.workflows.gates import run_gate
from burnish.workflows.home import Home
from burnish.workflows.queue import queue_iteration
from burnish.workflows.serve_desk import left_out
from tests.burnish.workflows.closed_turns import Pass, prepared

SPEC = {
    "name": "pets",
    "source": {"path": "pets.csv"},
    "target": "label",
    "owner": "team:vets",
    "classes": ["cat", "dog", "ferret"],
    "features": {"weight": "numeric", "height": "numeric"},
    "slices": [
        {"name": "heavy", "where": {"weight": {"min": 1.0}}},
        {"name": "source", "column": "source"},
        {"name": "kind", "column": "label"},
        {"name": "nowhere", "column": "colour"},
    ],
    "review": {"budget": 10, "policy": "double_blind", "shown_share": 0.25, "gold": "gold.csv"},
}


def write_spec(folder: Path, **changes: object) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "gold.csv").write_text("example_id,label\np0,dog\np1,dog\n")
    (folder / "pets.yaml").write_text(yaml.safe_dump(SPEC | changes))


@pytest.fixture
def catalog(tmp_path) -> Path:
    write_spec(tmp_path / "catalog")
    return tmp_path / "catalog"


@pytest.fixture
def home(tmp_path) -> Home:
    return prepared(tmp_path / "home")


@pytest.fixture
def batches(home, catalog) -> HomeBatches:
    return HomeBatches(home, catalog)


@pytest.fixture
def examples(home, batches) -> HomeExamples:
    return HomeExamples(home, batches)


def queued(home: Home, catalog: Path, *, judged: bool = True) -> pa.Table:
    """The queue of an open iteration, of an audit that suspects all rows; judged by its gate."""
    spec = load_spec_named(catalog, "pets")
    iteration = home.versions.join("pets", opens=True)
    rows = home.versions.read("pets", "validated_examples")
    audit = pa.table(
        {
            "example_id": rows["example_id"],
            "label": rows["label"],
            "split": rows["split"],
            "error_probability": np.linspace(0.05, 0.6, rows.num_rows),
            "suggested_label": ["cat"] * rows.num_rows,
            "model_disagreement": np.zeros(rows.num_rows),
        }
    )
    home.versions.write("pets", "label_audit", audit, iteration=iteration.number, gated=False)
    made = queue_iteration(spec, home.versions, home.ledger, iteration)
    if judged:
        pages, suite = Pages(home.folder / "reports"), Suite("relabel_queue", ())
        run_gate(spec, "relabel_queue", suite, home.versions, runner=Pass(), pages=pages)
    return made.table


def test_a_batch_is_open_once_its_queue_has_passed_the_gate(home, catalog, batches):
    assert (batches.datasets(), batches.open("pets")) == ([], None)
    queued(home, catalog, judged=False)
    assert batches.open("pets") is None
    table = queued(home, catalog)
    batch = batches.open("pets")
    assert (batch.iteration, batch.owner, batch.shown_share) == (1, "team:vets", 0.25)
    assert (batch.policy.answers, batch.policy.agree, batch.policy.name) == (2, 2, "double_blind")
    assert batch.classes == ("cat", "dog", "ferret")
    assert batches.datasets() == ["pets"]
    rows = batches.queue(batch)
    assert [row["example_id"] for row in rows] == table.sort_by("position")[
        "example_id"
    ].to_pylist()
    assert [row["position"] for row in rows] == list(range(1, 11))


def test_a_closed_iteration_leaves_no_batch(home, catalog, batches):
    queued(home, catalog)
    home.versions.close("pets", 1, promoted=False)
    assert batches.open("pets") is None
    home.versions.join("pets", opens=True)
    assert batches.open("pets") is None, "the queue is still that of the iteration before"


def test_known_answers_and_classes_are_read_off_the_home(home, catalog, batches):
    queued(home, catalog)
    assert batches.known_answers("pets") == {"p0": "dog", "p1": "dog"}
    write_spec(catalog, classes=[])
    assert batches.open("pets").classes == ("cat", "dog")


def test_a_spec_is_read_again_when_it_changed_and_a_broken_one_changes_nothing(catalog, batches):
    assert batches.spec("pets").review.policy == "double_blind"
    write_spec(catalog, review={"budget": 10, "policy": "single", "approval": True})
    assert batches.spec("pets").review.approval
    (catalog / "pets.yaml").write_text("name: [pets")
    assert batches.spec("pets").review.approval
    with pytest.raises(SpecError):
        batches.spec("ferrets")


def test_a_dataset_without_a_spec_has_no_batch_to_show(home, catalog):
    queued(home, catalog)
    (catalog / "pets.yaml").unlink()
    assert HomeBatches(home, catalog).datasets() == []


def test_a_batch_that_is_left_out_for_its_spec_is_told_of_at_the_start(home, catalog, tmp_path):
    queued(home, catalog)
    assert left_out(home, catalog) == []
    (catalog / "pets.yaml").write_text("name: [pets")
    [line] = left_out(home, catalog)
    assert "pets is left out until its spec is mended" in line
    assert "pets is left out" in left_out(home, tmp_path / "another catalog")[0]
    home.versions.close("pets", 1, promoted=False)
    assert left_out(home, catalog) == []


def test_a_row_has_its_features_and_no_label_or_source(home, catalog, examples):
    table = queued(home, catalog)
    inside, outside = table["example_id"][0].as_py(), _outside(home, table)
    for name in (inside, outside):
        assert set(examples.row("pets", name)) == {"example_id", "weight", "height"}
    assert examples.row("pets", "p999") is None
    assert examples.look("pets", "p999", by_label=False) is None


def test_what_is_absent_is_told_of_many_at_once(home, catalog, examples):
    table = queued(home, catalog)
    inside, outside = table["example_id"][0].as_py(), _outside(home, table)
    assert examples.absent("pets", ["p999", inside, outside, "p998", "p999"]) == ["p999", "p998"]
    assert examples.absent("pets", [inside, outside]) == []


def _outside(home: Home, table: pa.Table) -> str:
    ids = home.versions.read("pets", "validated_examples")["example_id"].to_pylist()
    return next(name for name in ids if name not in table["example_id"].to_pylist())


def test_values_stand_out_among_all_rows_until_the_label_may_show(home, catalog, examples):
    """A dog as heavy as dogs are is usual among all pets, and unusual among cats."""
    rows = home.versions.read("pets", "validated_examples")
    weights = [0.0 + at % 3 / 100 if at % 2 == 0 else 5.0 + at % 3 / 100 for at in range(90)]
    labels = ["cat" if weight < 1 else "dog" for weight in weights]
    labels[1] = "cat"
    planted = rows.set_column(1, "label", pa.array(labels)).set_column(
        2, "weight", pa.array(weights)
    )
    home.versions.write("pets", "validated_examples", planted, gated=False)
    queued(home, catalog)
    hidden = {one.name: one.unusual for one in examples.look("pets", "p1", by_label=False).values}
    shown = {one.name: one.unusual for one in examples.look("pets", "p1", by_label=True).values}
    assert hidden["weight"] == ""
    assert shown["weight"] == "median of this label: 0.01"


def test_by_label_means_the_label_as_people_left_it(home, catalog, examples):
    rows = home.versions.read("pets", "validated_examples")
    weights = pa.array([5.0 * (at % 2) + at % 3 / 100 for at in range(90)])
    kinds = pa.array(["cat"] + [("cat", "dog")[at % 2] for at in range(1, 90)])
    planted = rows.set_column(1, "label", kinds).set_column(2, "weight", weights)
    home.versions.write("pets", "validated_examples", planted, gated=False)
    home.ledger.append("pets", [Verdict("p0", "change", "cat", "dog", author="Ada")])
    queued(home, catalog)
    shown = {one.name: one.unusual for one in examples.look("pets", "p0", by_label=True).values}
    assert shown["weight"].startswith("median of this label: 5.01")


def test_slices_are_named_but_for_those_that_tell_the_label(home, catalog, examples):
    table = queued(home, catalog)
    ids = table["example_id"].to_pylist()
    rows = home.versions.read("pets", "validated_examples").to_pylist()
    truth = {
        row["example_id"]: ["heavy"] * (row["weight"] >= 1.0) + [f"source:{row['source']}"]
        for row in rows
    }
    assert examples.slices("pets", ids) == {name: truth[name] for name in ids}
    assert examples.slices("pets", ["p0", "p999"]) == {"p0": truth["p0"], "p999": []}


def test_a_life_and_a_diff_are_those_of_the_commands(home, catalog, examples):
    home.ledger.append("pets", [Verdict("p0", "change", "cat", "dog", author="Ada")])
    home.versions.join("pets", opens=True)
    home.versions.write_curated("pets", home.ledger.fold("pets"), iteration=1)
    life = examples.life("pets", "p0")
    assert (life["label"], life["moments"][-1]["text"][:13]) == ("dog", "Ada (annotato")
    with pytest.raises(DataError, match="never had an example"):
        examples.life("pets", "p999")


def test_threads_that_ask_at_once_read_a_queue_once(home, catalog, batches, monkeypatch):
    queued(home, catalog)
    batch, asked = batches.open("pets"), []
    versions = home.versions
    read = versions.let_through
    monkeypatch.setattr(versions, "let_through", lambda *a: (asked.append(a), read(*a))[1])
    threads = [threading.Thread(target=batches.queue, args=(batch,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(asked) == 1
    batches.queue(replace(batch, queue_version=batch.queue_version))
    assert len(asked) == 1


def test_what_an_example_looks_like_is_asked_anew_once_it_may_be_old(home, batches):
    now = [0.0]
    examples = HomeExamples(home, batches, fresh_seconds=1.0, timer=lambda: now[0])
    before = examples.row("pets", "p0")
    rows = home.versions.read("pets", "validated_examples")
    left = rows.filter(pa.compute.not_equal(rows["example_id"], "p0"))
    home.versions.write("pets", "validated_examples", left, gated=False)
    now[0] = 0.9
    assert examples.row("pets", "p0") == before
    now[0] = 1.1
    assert examples.row("pets", "p0") is None
