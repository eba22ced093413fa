"""The life of one example: every moment that was planted is told, in order, and nothing else."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pyarrow as pa
import pytest

from burnish.database import open_database
from burnish.errors import DataError, ReviewError
from burnish.ledger import SqlLedger
from burnish.records import Suite, Verdict
from burnish.report.pages import Pages
from burnish.spec import DatasetSpec
from burnish.store import DeltaStore
from burnish.versions import Versions
from burnish.workflows.blame import Life, life_of
from burnish.workflows.gates import run_gate
from burnish.workflows.home import Home
from tests.burnish.workflows.turning_away import TurningAway

SPEC = DatasetSpec.model_validate(
    {"name": "toy", "source": {"path": "toy.csv"}, "target": "label", "features": {"x": "numeric"}}
)
START = datetime(2026, 11, 2, 9, tzinfo=UTC)


class Clock:
    """A minute passes each time somebody looks at it."""

    def __init__(self) -> None:
        self.looked = 0

    def __call__(self) -> datetime:
        self.looked += 1
        return START + timedelta(minutes=self.looked)


@pytest.fixture
def home(tmp_path) -> Home:
    clock = Clock()
    engine = open_database(tmp_path / "burnish.db")
    ledger = SqlLedger(engine, clock=clock)
    store = DeltaStore(tmp_path / "tables", engine, clock=clock)
    return Home(tmp_path, Versions(engine, store, ledger, clock=clock), ledger)


def judge(home: Home, stage: str, *turned_away: str) -> None:
    run_gate(
        SPEC, stage, Suite(stage, ()), home.versions,
        runner=TurningAway(*turned_away), pages=Pages(home.folder / "pages"),
    )  # fmt: skip


def ingest(home: Home, labels: dict[str, str | None], *turned_away: str, **splits: str) -> None:
    """The source as it is today, through the first two gates."""
    ids = list(labels)
    raw = pa.table(
        {"example_id": ids, "label": pa.array(list(labels.values()), pa.string()),
         "x": [float(at) for at in range(len(ids))]}
    )  # fmt: skip
    home.versions.write("toy", "raw_examples", raw)
    judge(home, "raw_examples", *turned_away)
    rows = home.versions.read("toy", "raw_examples")
    kept = rows["example_id"].to_pylist()
    rows = rows.append_column("split", pa.array([splits.get(name, "train") for name in kept]))
    home.versions.write(
        "toy", "validated_examples", rows.append_column("fold_group", pa.array(kept))
    )
    judge(home, "validated_examples")


def audit(home: Home, **probability: float | None) -> int:
    """Opens an iteration: the most suspicious rows are asked about, in that order."""
    versions = home.versions
    iteration = versions.join("toy", opens=True).number
    ids, chance = list(probability), pa.array(list(probability.values()), pa.float64())
    ranks = pa.array([None if p is None else at for at, p in enumerate(chance.to_pylist(), 1)])
    labels = ["1" if p is not None else None for p in probability.values()]
    audited = pa.table(
        {"example_id": ids, "label": pa.array(labels, pa.string()), "error_probability": chance,
         "suggested_label": ["7"] * len(ids), "audit_rank": ranks.cast(pa.int64())}
    )  # fmt: skip
    versions.write("toy", "label_audit", audited, iteration=iteration, gated=False)
    queue = pa.table(
        {"example_id": ids, "iteration": [iteration] * len(ids), "reason": ["audit"] * len(ids),
         "why": ["looks like a 7"] * len(ids), "position": list(range(1, len(ids) + 1))}
    )  # fmt: skip
    versions.write("toy", "relabel_queue", queue, iteration=iteration)
    judge(home, "relabel_queue")
    return iteration


def train(home: Home, iteration: int, *turned_away: str, promoted: bool) -> None:
    versions = home.versions
    versions.write_curated("toy", home.ledger.fold("toy"), iteration=iteration)
    judge(home, "curated_examples", *turned_away)
    made = versions.dataset_versions("toy")[-1].number
    versions.note("toy", iteration, dataset_version=made)
    versions.set_run("toy", iteration, f"run{iteration}")
    versions.close("toy", iteration, promoted=promoted)


def told(life: Life) -> list[tuple[str, str, str]]:
    return [(one.what, one.where, one.text) for one in life.moments]


def texts(life: Life, what: str) -> list[str]:
    return [f"{one.where}: {one.text}" for one in life.moments if one.what == what]


def test_a_whole_life_is_told_in_the_order_of_time(home):
    ingest(home, {"a": "1", "b": "7"}, b="test")
    first = audit(home, a=0.9)
    evidence = {"error_probability": 0.9, "iteration": first}
    sure = Verdict(
        "a", "change", "1", "7", author="Ada", reason="audit", comment="a 7!", evidence=evidence
    )
    home.ledger.append("toy", [sure])
    train(home, first, promoted=True)
    second = audit(home, a=0.25)
    robot = Verdict("a", "change", "7", "1", author="sim", role="simulated")
    home.ledger.append("toy", [robot])
    train(home, second, promoted=False)
    life = life_of(home, "toy", "a")
    changed = "Ada (annotator) changed '1' to '7'"
    assert told(life) == [
        ("ingested", "toy/raw_examples@1", "collected with the label '1'"),
        ("ingested", "toy/validated_examples@1",
         "validated with the label '1', in the split train"),
        ("audited", "toy@iter1",
         "rank 1 of 1: '1' is wrong with probability 0.900, the models say '7'"),
        ("queued", "toy@iter1", "asked about at position 1, for audit: looks like a 7"),
        ("decided", "event 1 of toy",
         f"{changed}; reason: audit; comment: a 7!; error probability then: 0.900"),
        ("in version", "toy@1", "first in a version, as '7' in the split train"),
        ("trained on", "toy@iter1", "trained on as '7' in toy@1, run run1; promoted"),
        ("audited", "toy@iter2",
         "rank 1 of 1: '1' is wrong with probability 0.250, the models say '7'"),
        ("queued", "toy@iter2", "asked about at position 1, for audit: looks like a 7"),
        ("decided", "event 2 of toy", "sim (simulated reviewer) changed '7' to '1'"),
        ("in version", "toy@2", "from '7' to '1' in the split train"),
        ("trained on", "toy@iter2", "trained on as '1' in toy@2, run run2; not promoted"),
    ]  # fmt: skip
    assert all(one.at <= two.at for one, two in pairwise(life.moments))
    assert life.label == "1"
    assert life.moments[4].facts["evidence"] == evidence
    assert life.moments[-1].facts == {
        "iteration": 2, "dataset_version": 2, "mlflow_run_id": "run2", "promoted": False,
    }  # fmt: skip


def test_a_test_row_is_in_versions_and_never_trained_on(home):
    ingest(home, {"a": "1", "b": "7"}, b="test")
    train(home, audit(home, a=0.9), promoted=True)
    life = life_of(home, "toy", "b")
    assert [one.what for one in life.moments] == ["ingested", "ingested", "in version"]
    assert life.moments[-1].text == "first in a version, as '7' in the split test"


def test_the_source_may_change_a_label_lose_a_row_and_have_it_back(home):
    everything = {"a": "1", "b": "7"}
    for labels in (everything, {"a": "2", "b": "7"}, {"b": "7"}, {"b": "7", "c": "1"}, everything):
        home.versions.write("toy", "raw_examples", pa.table(
            {"example_id": list(labels), "label": list(labels.values())}
        ), gated=False)  # fmt: skip
    life = life_of(home, "toy", "a")
    assert texts(life, "ingested") == [
        "toy/raw_examples@1: collected with the label '1'",
        "toy/raw_examples@2: changed in the source from the label '1' to the label '2'",
        "toy/raw_examples@3: left the source",
        "toy/raw_examples@5: came back to the source with the label '1'",
    ]
    assert texts(life_of(home, "toy", "c"), "ingested") == [
        "toy/raw_examples@4: collected with the label '1'",
        "toy/raw_examples@5: left the source",
    ]
    assert (life.label, life_of(home, "toy", "c").label) == ("1", None)


def test_a_quarantined_row_says_which_gate_and_why_once(home):
    ingest(home, {"a": "1", "b": "7"}, "b")
    judge(home, "raw_examples", "b")
    life = life_of(home, "toy", "b")
    assert told(life)[1:] == [("quarantined", "toy/raw_examples@1", "turned away by RAW-X (x '9')")]
    assert life.label == "7"
    assert life.moments[1].facts["failures"] == [{"code": "RAW-X", "column": "x", "value": "9"}]


def test_a_row_that_the_last_gate_turned_away_is_in_no_version_and_trained_nothing(home):
    ingest(home, {"a": "1", "b": "7"})
    train(home, audit(home, a=0.9), "a", promoted=True)
    life = life_of(home, "toy", "a")
    assert not texts(life, "in version")
    assert not texts(life, "trained on")
    assert texts(life, "quarantined") == [
        "toy/curated_examples@1: turned away by RAW-X (x '9')"
    ]  # fmt: skip
    assert texts(life_of(home, "toy", "b"), "trained on")


def test_each_decision_is_told_and_the_last_one_stands(home):
    ingest(home, {"a": "1"})
    home.ledger.append("toy", [Verdict("a", "change", "1", "7", author="Ada")])
    home.ledger.undo("toy", 1, author="Bob")
    assert life_of(home, "toy", "a").label == "1"
    home.ledger.append("toy", [Verdict("a", "keep", "1", "1", author="Ada", supersedes=2)])
    assert life_of(home, "toy", "a").label == "1"
    home.ledger.append("toy", [Verdict("a", "drop", "1", None, author="Ada", role="expert")])
    life = life_of(home, "toy", "a")
    assert life.label is None
    assert texts(life, "decided") == [
        "event 1 of toy: Ada (annotator) changed '1' to '7'",
        "event 2 of toy: Bob (annotator) was unsure about '1'; reason: undo; undoes event: 1",
        "event 3 of toy: Ada (annotator) kept '1'",
        "event 4 of toy: Ada (expert) dropped it ('1')",
    ]


def test_a_dropped_row_leaves_the_versions_and_may_come_again(home):
    ingest(home, {"a": "1", "b": "7"})
    for number, (decision, label) in enumerate([("keep", "1"), ("drop", None), ("keep", "1")], 1):
        iteration = audit(home, a=0.5 + number / 10)
        home.ledger.append("toy", [Verdict("a", decision, "1", label, author="Ada")])
        train(home, iteration, promoted=True)
    # Nothing changes for it in a fourth version, made for another row.
    iteration = audit(home, b=0.7)
    home.ledger.append("toy", [Verdict("b", "change", "7", "1", author="Ada")])
    train(home, iteration, promoted=True)
    life = life_of(home, "toy", "a")
    assert texts(life, "in version") == [
        "toy@1: first in a version, as '1' in the split train",
        "toy@2: not in this version",
        "toy@3: again in a version, as '1' in the split train",
    ]
    assert [one.where for one in life.moments if one.what == "trained on"] == [
        "toy@iter1", "toy@iter3", "toy@iter4",
    ]  # fmt: skip


def test_an_unlabeled_row_joins_with_its_first_label(home):
    ingest(home, {"a": "1", "b": "7"})
    extra = pa.table({"example_id": ["u"], "label": pa.nulls(1, pa.string()), "x": [55.0]})
    home.versions.write("toy", "unlabeled_examples", extra, gated=False)
    iteration = audit(home, a=0.9, u=None)
    assert life_of(home, "toy", "u").label is None
    home.ledger.append("toy", [Verdict("u", "change", None, "7", author="Ada")])
    train(home, iteration, promoted=True)
    life = life_of(home, "toy", "u")
    assert life.label == "7"
    assert [f"{one.what}: {one.text}" for one in life.moments] == [
        "ingested: collected with no label",
        "audited: no label to judge; the models say '7'",
        "queued: asked about at position 2, for audit: looks like a 7",
        "decided: Ada (annotator) changed None to '7'",
        "in version: first in a version, as '7' in the split train",
        "trained on: trained on as '7' in toy@1, run run1; promoted",
    ]


def test_what_iterations_made_outlives_a_vacuum(home):
    ingest(home, {"a": "1", "b": "7"})
    for chance in (0.9, 0.8, 0.7):
        train(home, audit(home, a=chance), promoted=True)
    assert home.versions.store.vacuum("toy/label_audit", keep_last=1) == []
    life = life_of(home, "toy", "a")
    assert [one.where for one in life.moments if one.what == "audited"] == [
        "toy@iter1", "toy@iter2", "toy@iter3",
    ]  # fmt: skip


def test_an_audit_that_is_the_same_again_belongs_to_both_iterations(home):
    ingest(home, {"a": "1"})
    for _ in range(2):
        train(home, audit(home, a=0.9), promoted=True)
    life = life_of(home, "toy", "a")
    audits = [one for one in life.moments if one.what == "audited"]
    opened = home.versions.iteration("toy", 2).opened_at
    assert [one.where for one in audits] == ["toy@iter1", "toy@iter2"]
    assert audits[1].at == opened


def test_a_life_is_json_and_a_table(home):
    ingest(home, {"a": "1"})
    home.ledger.append("toy", [Verdict("a", "keep", "1", "1", author="Ada", evidence={"p": [1]})])
    life = life_of(home, "toy", "a")
    plain = json.loads(json.dumps(life.to_json()))
    assert {key: plain[key] for key in ("dataset", "example_id", "label")} == {
        "dataset": "toy", "example_id": "a", "label": "1",
    }  # fmt: skip
    assert plain["moments"][0]["at"] == life.moments[0].at.isoformat()
    assert plain["moments"][-1]["facts"]["evidence"] == {"p": [1]}
    table = life.to_table()
    assert table.column_names == ["at", "what", "where", "text"]
    assert table["text"].to_pylist() == [one.text for one in life.moments]
    assert table["at"].to_pylist() == [one.at for one in life.moments]


def test_an_unknown_dataset_and_an_example_that_never_was_are_refused(home):
    with pytest.raises(ReviewError, match="'toy'") as caught:
        life_of(home, "toy", "a")
    assert "one of: none yet" in str(caught.value)
    ingest(home, {f"f{number:04d}": "1" for number in range(2_000)})
    with pytest.raises(ReviewError, match="'toys'") as caught:
        life_of(home, "toys", "f0001")
    assert "one of: toy" in str(caught.value)
    for wrong, meant in [("F1234", "f1234"), ("f1234x", "f1234"), ("f12-34", "f1234")]:
        with pytest.raises(DataError, match=f"never had an example '{wrong}'") as absent:
            life_of(home, "toy", wrong)
        assert meant in absent.value.expected
    with pytest.raises(DataError) as absent:
        life_of(home, "toy", "")
    assert absent.value.expected == "the id of a row of its source"
