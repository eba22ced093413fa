"""What people ask of versions, of a loop that has turned twice: by command, as they would."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from burnish import cli
from burnish.store import content_digest
from burnish.versions.views import PROVENANCE
from burnish.workflows.checkout import retrain
from burnish.workflows.home import Home, open_home
from pipelines import runner


@pytest.fixture(scope="module")
def turned(tmp_path_factory, write_project) -> Path:
    """A home after two iterations with a simulated reviewer."""
    folder = tmp_path_factory.mktemp("turned")
    write_project(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BURNISH_CATALOG", str(folder / "catalog"))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        arguments = ["loop", "--dataset", "flowers", "--home", str(folder / "home"),
                     "--reviewer", "simulated", "--iterations", "2"]  # fmt: skip
        done = CliRunner().invoke(runner.main, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return folder / "home"


@pytest.fixture
def home(turned, tmp_path) -> Path:
    """A copy of it, to do with as one likes."""
    return Path(shutil.copytree(turned, tmp_path / "home"))


def burnish(home: Path, *arguments: str, fails: bool = False) -> str:
    done = CliRunner().invoke(cli.main, [*arguments, "--home", str(home)])
    assert (done.exit_code != 0) == fails, done.output
    return done.output


def opened(home: Path) -> Home:
    return open_home(home)


def test_versions_are_listed_with_the_models_trained_on_them(home):
    shown = burnish(home, "versions", "flowers")
    assert "flowers@1" in shown
    assert "iter2" in shown
    listed = json.loads(burnish(home, "versions", "flowers", "--json"))
    assert [row["version"] for row in listed] == ["flowers@1", "flowers@2"]
    assert [[m["iteration"] for m in row["models"]] for row in listed] == [[1], [2]]
    assert [row["watermark"] for row in listed] == [12, 24]


def test_a_datasheet_says_where_a_version_comes_from(home):
    facts = json.loads(burnish(home, "show", "flowers@1", "--json"))
    assert facts["description"].startswith("Three planted kinds of flower")
    assert facts["parents"] == ["flowers/validated_examples@1"]
    assert facts["watermark"] == 12
    assert (
        sum(facts["class_counts"].values()) == facts["rows"] == sum(facts["split_counts"].values())
    )
    assert len(facts["models"]) == 1
    assert "flowers@1" in burnish(home, "show", "flowers@1")


def test_from_a_tracked_run_to_the_version_and_back(home):
    from mlflow import MlflowClient

    iteration = opened(home).versions.iteration("flowers", 2)
    shown = burnish(home, "show", "--run", iteration.mlflow_run_id)
    assert "flowers@iter2, trained on flowers@2" in shown
    run = MlflowClient(f"sqlite:///{home}/mlflow.db").get_run(iteration.mlflow_run_id)
    there = json.loads(burnish(home, "show", run.data.tags["dataset_version"], "--json"))
    assert there["digest"] == run.data.tags["dataset_digest"]
    assert there["models"] == [iteration.mlflow_run_id]
    assert "no iteration here was logged" in burnish(home, "show", "--run", "nope", fails=True)


def test_a_diff_says_which_labels_changed_and_who_changed_them_why(home):
    found = json.loads(burnish(home, "diff", "flowers@iter1", "flowers@2", "--json"))
    events = opened(home).ledger.events("flowers", after=12)
    changed = {e.verdict.example_id: e for e in events if e.verdict.decision == "change"}
    rows = {row["example_id"]: row for row in found["changes"]}
    assert rows.keys() == changed.keys() != set()
    for name, row in rows.items():
        verdict = changed[name].verdict
        assert (row["change"], row["after"]) == ("relabelled", verdict.to_label)
        assert (row["author"], row["role"]) == ("simulated-reviewer", "simulated")
        assert row["error_probability"] == verdict.evidence["error_probability"]
        assert row["event_id"] == changed[name].event_id
    assert sum(found["by_pair"].values()) == len(rows)
    assert sum(count for name, count in found["by_slice"].items() if "colour" in name) == len(rows)
    shown = burnish(home, "diff", "flowers@1", "flowers@2")
    assert "simulated-reviewer (simulated)" in shown
    backwards = json.loads(burnish(home, "diff", "flowers@2", "flowers@1", "--json"))
    assert {(r["before"], r["after"]) for r in backwards["changes"]} == {
        (r["after"], r["before"]) for r in found["changes"]
    }
    # Nobody changed them back: it says what had not been decided yet.
    assert {r["change"] for r in backwards["changes"]} == {"before it was decided"}
    # The first night is there too, from the labels as they were collected.
    first = json.loads(burnish(home, "diff", "flowers@0", "flowers@1", "--json"))
    early = opened(home).ledger.events("flowers", until=12)
    assert {r["example_id"] for r in first["changes"]} == {
        e.verdict.example_id for e in early if e.verdict.decision == "change"
    }
    assert "no dataset version" in burnish(home, "show", "flowers@0", fails=True)
    assert json.loads(burnish(home, "diff", "flowers@2", "flowers", "--json"))["changes"] == []


def test_a_dropped_row_and_a_changed_source_show_in_a_diff(home):
    from burnish.records import Verdict
    from burnish.workflows.compare_labels import diff_versions

    state = opened(home)
    versions, ledger = state.versions, state.ledger
    rows = versions.read("flowers", "validated_examples")
    gone = rows.to_pylist()[0]
    ledger.append("flowers", [Verdict(gone["example_id"], "drop", gone["label"], None, author="ada",
                                      comment="a weed")])  # fmt: skip
    petal = rows.column_names.index("petal")
    moved = rows.set_column(petal, "petal", pa.array([9.5, *rows["petal"].to_pylist()[1:]]))
    versions.write("flowers", "validated_examples", moved, gated=False)
    written = versions.write_curated("flowers", ledger.fold("flowers"))
    content = versions.content("flowers", written.version)
    third = versions.commit(
        "flowers", table_version=written.version, watermark=ledger.head("flowers"),
        digest=content.digest.hex, rows=content.rows, class_counts=content.class_counts,
        iteration=3,
    )  # fmt: skip
    found = diff_versions(state, versions.dataset_version("flowers", 2), third)
    [row] = found.changes.to_pylist()
    assert (row["change"], row["author"], row["comment"]) == ("dropped", "ada", "a weed")
    # What the source did beside an `unsure` of somebody is not put down to that person.
    kept = rows.to_pylist()[1]
    ledger.append("flowers", [Verdict(kept["example_id"], "unsure", kept["label"], None,
                                      author="bob")])  # fmt: skip
    other = next(kind for kind in ("iris", "rose", "tulip") if kind != kept["label"])
    at = moved.column_names.index("label")
    relabelled = [other if n == 1 else label for n, label in enumerate(moved["label"].to_pylist())]
    source = moved.set_column(at, "label", pa.array(relabelled))
    versions.write("flowers", "validated_examples", source, gated=False)
    again = versions.write_curated("flowers", ledger.fold("flowers"))
    inside = versions.content("flowers", again.version)
    fourth = versions.commit(
        "flowers", table_version=again.version, watermark=ledger.head("flowers"),
        digest=inside.digest.hex, rows=inside.rows, class_counts=inside.class_counts, iteration=4,
    )  # fmt: skip
    [silent] = diff_versions(state, third, fourth).changes.to_pylist()
    assert (silent["change"], silent["after"], silent["author"]) == ("relabelled", other, None)
    assert found.features == {"petal": 1}
    assert content.digest.hex == content_digest(
        versions.read_numbered(third).drop_columns(list(PROVENANCE))
    )


def test_a_version_taken_out_is_the_one_that_the_model_saw(home, tmp_path):
    out = tmp_path / "out"
    shown = burnish(home, "checkout", "flowers@iter2", "--to", str(out))
    version = opened(home).versions.dataset_version("flowers", 2)
    assert version.digest in shown
    rows = pq.read_table(out / "examples.parquet")
    assert content_digest(rows.drop_columns(list(PROVENANCE))) == version.digest
    assert {path.name for path in out.iterdir()} == {
        "examples.parquet", "training.parquet", "spec.json",
        "datasheet.md", "datasheet.json", "croissant.json",
    }  # fmt: skip
    assert "not empty" in burnish(home, "checkout", "flowers@1", "--to", str(out), fails=True)
    # Fitted again from the files, it is the same model.
    again = retrain(out)
    summary = opened(home).versions.iteration("flowers", 2).summary
    kept = opened(home).versions.store.read(
        "flowers/trained_model", version=summary["predictions_version"]
    )
    assert again.predictions.equals(kept)
    import absl.logging
    import mlcroissant as mlc

    # Its log handler would close the capture of all tests, which it takes for its own stream.
    absl.logging.get_absl_handler().python_handler.setStream(sys.__stderr__)
    seen = mlc.Dataset(jsonld=str(out / "croissant.json"))
    assert sum(1 for _ in seen.records("examples")) == rows.num_rows


def test_the_trackers_own_digest_misses_a_change_that_ours_sees():
    import mlflow.data
    import pandas as pd

    from burnish.store import content_digest

    rng = np.random.default_rng(0)
    before = pd.DataFrame({"example_id": [str(n) for n in range(30_000)], "x": rng.random(30_000),
                           "label": ["cat"] * 30_000})  # fmt: skip
    after = before.copy()
    after.loc[10_000:, "label"] = "dog"
    theirs = [mlflow.data.from_pandas(frame).digest for frame in (before, after)]
    ours = [content_digest(pa.Table.from_pandas(frame)) for frame in (before, after)]
    assert theirs[0] == theirs[1]
    assert ours[0] != ours[1]


def test_the_life_of_an_example_runs_from_the_source_to_the_models(home):
    state = opened(home)
    event = next(e for e in state.ledger.events("flowers") if e.verdict.decision == "change")
    name = event.verdict.example_id
    life = json.loads(burnish(home, "blame", "flowers", name, "--json"))
    assert life["label"] == event.verdict.to_label
    kinds = [moment["what"] for moment in life["moments"]]
    assert kinds[0] == "ingested"
    assert {"audited", "queued", "decided", "in version", "trained on"} <= set(kinds)
    assert "simulated" in burnish(home, "blame", "flowers", name)
    assert "no-such" in burnish(home, "blame", "flowers", "no-such", fails=True)


def test_verify_finds_a_flipped_byte_and_names_it(home):
    assert "0 that do not hold" in burnish(home, "verify")
    part = max((home / "tables" / "flowers" / "validated_examples").glob("*.parquet"))
    data = bytearray(part.read_bytes())
    data[len(data) // 3] ^= 1
    part.write_bytes(data)
    shown = burnish(home, "verify", "flowers", fails=True)
    assert "flowers/validated_examples@1" in shown


def test_labels_go_out_and_come_back_without_overwriting_anybody(home, tmp_path):
    from burnish.records import Verdict

    sheet = tmp_path / "labels.csv"
    burnish(home, "labels", "export", "flowers", "--to", str(sheet))
    again = burnish(home, "labels", "import", str(sheet), "--dataset", "flowers", "--author", "ada")
    assert "0" in again
    before = opened(home).ledger.head("flowers").event_id
    assert before == 24
    rows = list(csv.DictReader(sheet.open(newline="")))
    name, label = rows[0]["example_id"], rows[0]["label"]
    rows[0]["label"] = next(kind for kind in ("iris", "rose", "tulip") if kind != label)
    opened(home).ledger.append("flowers", [Verdict(name, "keep", label, label, author="bob")])
    with sheet.open("w", newline="") as out:
        writer = csv.DictWriter(out, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    refused = burnish(
        home, "labels", "import", str(sheet), "--dataset", "flowers", "--author", "ada", fails=True
    )
    assert "bob" in refused
    assert opened(home).ledger.head("flowers").event_id == 25


def test_a_vacuum_of_every_table_leaves_the_loop_and_its_past_alone(home, monkeypatch, turned):
    state = opened(home)
    for table in state.versions.store.tables():
        state.versions.store.vacuum(table, keep_last=1)
    assert "0 that do not hold" in burnish(home, "verify")
    for number in (1, 2):
        burnish(home, "checkout", f"flowers@iter{number}", "--to", str(home / f"out{number}"))
    monkeypatch.setenv("BURNISH_CATALOG", str(turned.parent / "catalog"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    arguments = ["loop", "--dataset", "flowers", "--home", str(home), "--reviewer", "simulated",
                 "--iterations", "1"]  # fmt: skip
    done = CliRunner().invoke(runner.main, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert [v["version"] for v in json.loads(burnish(home, "versions", "flowers", "--json"))] == [
        "flowers@1", "flowers@2", "flowers@3",
    ]  # fmt: skip
