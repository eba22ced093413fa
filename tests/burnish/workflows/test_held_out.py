"""Held-out rows come into a batch by request or at random, and nobody is shown their label."""

import csv
import json
from pathlib import Path

import pyarrow as pa
import pytest

from burnish.errors import DataError
from burnish.records import HELD_OUT, LabelRequest, Verdict
from burnish.workflows.exchange import item_evidence
from burnish.workflows.held_out import request_at_random, tells_opinion
from burnish.workflows.home import prepare_home
from burnish.workflows.labels_file import import_labels
from burnish.workflows.queue import build_queue
from tests.burnish.workflows.test_queue import audit, build, fold, names, spec

HELD = [f"v{at:02d}" for at in range(20)]


def asked(*ids: str) -> list[LabelRequest]:
    return [LabelRequest(ids, asked_by="ann", reason="check the ruler")]


def queue_with(requests, *, previous=None, labels=None, **review):
    return build_queue(
        audit(50), spec(**review), labels=labels or fold(), requests=requests,
        previous=previous, iteration=1, seed=7, held_out=HELD,
    )  # fmt: skip


def test_nobody_asked_so_no_held_out_row_comes_in():
    assert not set(queue_with([])["example_id"].to_pylist()) & set(HELD)


def test_rows_that_were_asked_for_come_in_without_label_and_model():
    queue = queue_with(asked("v03", "v07"))
    rows = {row["example_id"]: row for row in queue.to_pylist() if row["example_id"] in HELD}
    assert set(rows) == {"v03", "v07"}
    for row in rows.values():
        assert (row["label"], row["suggested_label"], row["error_probability"]) == (None,) * 3
        assert (row["reason"], row["inclusion_probability"]) == (HELD_OUT, None)
    assert queue["position"].to_pylist() == list(range(1, 11))
    assert queue.num_rows == 10


def test_they_keep_to_the_share_of_what_is_asked_for_together_with_training_rows():
    ids = [f"e{at:03d}" for at in range(30)]
    queue = queue_with(asked(*HELD, *ids), requested_share=0.4)
    reasons = queue["reason"].to_pylist()
    assert reasons.count(HELD_OUT) + reasons.count("requested") == 4
    assert "control" in reasons


def test_their_place_in_the_batch_tells_nothing():
    places = {
        row["position"]
        for seed in range(40)
        for row in build_queue(
            audit(50), spec(), labels=fold(), requests=asked("v03"), previous=None,
            iteration=1, seed=seed, held_out=HELD,
        ).to_pylist()
        if row["example_id"] == "v03"
    }  # fmt: skip
    assert len(places) >= 8


def test_built_again_the_batch_keeps_them_and_asks_nobody_twice():
    first = queue_with(asked("v03"))
    assert queue_with(asked("v03"), previous=first).equals(first)
    decided = fold(v03="keep")
    assert "v03" not in names(queue_with(asked("v03"), labels=decided))


def test_the_control_arm_is_drawn_from_training_rows_alone():
    for seed in range(20):
        queue = build_queue(
            audit(50), spec(), labels=fold(), requests=asked(*HELD), previous=None,
            iteration=1, seed=seed, held_out=HELD,
        )  # fmt: skip
        control = [r["example_id"] for r in queue.to_pylist() if r["reason"] == "control"]
        assert control
        assert not set(control) & set(HELD)


def test_without_requests_the_batch_is_what_it_was():
    assert queue_with([]).equals(build(audit(50), fold()))


def home_with(folder: Path):
    home = prepare_home(folder)
    rows = pa.table(
        {
            "example_id": ["t1", *HELD],
            "label": ["cat", *["dog"] * 19, "cat"],
            "split": ["train"] + ["test"] * 20,
        }
    )
    home.versions.write("toy", "validated_examples", rows, gated=False)
    return home, rows


def test_a_random_request_takes_every_open_row_of_the_split_alike(tmp_path: Path):
    home, rows = home_with(tmp_path)
    home.ledger.append("toy", [Verdict("v00", "keep", "dog", "dog", author="ann")])
    drawn = [
        request_at_random(
            home.ledger, rows, dataset="toy", split="test", rows=5, asked_by="ann",
            random_state=seed,
        ).example_ids
        for seed in range(30)
    ]  # fmt: skip
    assert {len(set(one)) for one in drawn} == {5}
    assert {name for one in drawn for name in one} == set(HELD) - {"v00"}
    with pytest.raises(DataError, match="split 'train'"):
        request_at_random(
            home.ledger, rows, dataset="toy", split="train", rows=5, asked_by="ann", random_state=0
        )


def test_a_verdict_on_a_held_out_row_says_that_it_was_blind():
    item = queue_with(asked("v03")).to_pylist()
    told = {row["example_id"]: item_evidence(row, 1) for row in item}
    assert told["v03"]["blind"] is True
    assert not any("blind" in one for name, one in told.items() if name != "v03")


def written(folder: Path, **columns: list[str]) -> Path:
    file = folder / "labels.csv"
    with file.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return file


def test_a_file_that_tells_the_models_opinion_is_not_taken_for_held_out_rows(tmp_path: Path):
    home, _ = home_with(tmp_path)
    file = written(
        tmp_path, example_id=["t1", "v01"], label=["dog", "cat"], suggested_label=["dog", "cat"]
    )
    found = import_labels(home, "toy", file, author="ann")
    assert (found.taken, found.refused["example_id"].to_pylist()) == (1, ["v01"])
    assert "suggested_label" in found.refused["why"][0].as_py()


def test_a_plain_file_is_taken_and_marked_as_not_blind(tmp_path: Path):
    home, _ = home_with(tmp_path)
    file = written(tmp_path, example_id=["t1", "v01"], label=["dog", "cat"])
    assert import_labels(home, "toy", file, author="ann").taken == 2
    evidence = {e.verdict.example_id: e.verdict.evidence for e in home.ledger.events("toy")}
    assert evidence["v01"]["blind"] is False
    assert "blind" not in evidence["t1"]
    assert json.dumps(dict(evidence["v01"]))


@pytest.mark.parametrize("column", ["p:cat", "predicted", "error_probability"])
def test_columns_that_tell_an_opinion(column: str):
    assert tells_opinion(["example_id", column]) == column
