"""The simulated reviewer: blind, wrong as often as asked for, and alone in knowing the truth."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from burnish.datasets import load_bundled
from burnish.errors import ReviewError, SourceUnreadable
from burnish.records import LabelEvent, Verdict
from burnish.spec import DatasetSpec
from burnish.workflows.queue import QUEUE_SCHEMA
from burnish.workflows.simulate import (
    load_truth,
    score_predictions,
    score_verdicts,
    simulated_verdicts,
)

CLASSES = tuple("0123456789")


def spec(folder: Path = Path(), **simulation) -> DatasetSpec:
    return DatasetSpec.model_validate(
        {
            "name": "toy",
            "source": {"bundled": "digits", "options": {"noise": 0.1}},
            "target": "label",
            "features": {"image": "image"},
            "simulation": simulation or None,
            "folder": folder,
        }
    )


def queue(n: int, *, label: str | None = "8", suggested: str = "3", reason: str = "audit"):
    return pa.Table.from_pylist(
        [
            {
                "example_id": f"e{i:05d}",
                "iteration": 2,
                "position": i + 1,
                "reason": reason,
                "why": "Because.",
                "label": label,
                "suggested_label": suggested,
                "error_probability": None if label is None else 0.9,
                "inclusion_probability": 0.01 if reason == "control" else None,
                "pool_size": 100,
            }
            for i in range(n)
        ],
        schema=QUEUE_SCHEMA,
    )


def review(table: pa.Table, right: str, *, accuracy: float, seed: int = 0) -> list[Verdict]:
    truth = dict.fromkeys(table["example_id"].to_pylist(), right)
    return simulated_verdicts(table, truth, accuracy=accuracy, classes=CLASSES, random_state=seed)


def test_a_perfect_reviewer_keeps_right_labels_and_mends_wrong_ones():
    assert {(v.decision, v.to_label) for v in review(queue(50), "8", accuracy=1.0)} == {
        ("keep", "8")
    }
    mended = review(queue(50), "3", accuracy=1.0)
    assert {(v.decision, v.from_label, v.to_label) for v in mended} == {("change", "8", "3")}
    assert all(v.role == "simulated" and v.author == "simulated-reviewer" for v in mended)


def test_the_first_label_of_an_unlabeled_row_is_a_change_from_none():
    (verdict,) = review(queue(1, label=None, reason="unlabeled"), "3", accuracy=1.0)
    assert (verdict.decision, verdict.from_label, verdict.to_label) == ("change", None, "3")


@pytest.mark.parametrize("accuracy", [0.0, 0.7, 0.95])
def test_it_errs_at_the_asked_rate(accuracy):
    n = 4000
    right = sum(v.to_label == "3" for v in review(queue(n), "3", accuracy=accuracy))
    assert abs(right / n - accuracy) < 4 * (accuracy * (1 - accuracy) / n) ** 0.5 + 1e-12


def test_its_errors_fall_for_the_label_at_hand_more_than_for_others():
    wrong_given = Counter(v.to_label for v in review(queue(2000), "3", accuracy=0.0))
    assert 0.78 < wrong_given["8"] / 2000 < 0.86  # 0.8, and a ninth of the rest
    assert set(wrong_given) == set(CLASSES) - {"3"}
    suggested = Counter(v.to_label for v in review(queue(2000), "8", accuracy=0.0))
    assert suggested["3"] / 2000 > 0.78
    neither = Counter(v.to_label for v in review(queue(2000, suggested="8"), "8", accuracy=0.0))
    assert max(neither.values()) / 2000 < 0.2


def test_an_answer_depends_on_the_row_and_the_seed_not_on_its_neighbours():
    table = queue(200)
    whole = {v.example_id: v.to_label for v in review(table, "3", accuracy=0.5)}
    part = {v.example_id: v.to_label for v in review(table.slice(50, 20), "3", accuracy=0.5)}
    assert part.items() <= whole.items()
    other = {v.example_id: v.to_label for v in review(table, "3", accuracy=0.5, seed=1)}
    assert other != whole


def test_verdicts_carry_the_evidence_that_estimates_need():
    (verdict,) = review(queue(1, reason="control"), "3", accuracy=1.0)
    assert verdict.evidence == {
        "iteration": 2,
        "reason": "control",
        "suggested_label": "3",
        "error_probability": 0.9,
        "inclusion_probability": 0.01,
    }


def test_rows_without_truth_and_impossible_reviewers_are_refused():
    with pytest.raises(ReviewError, match="truth of 2 rows is not known, 'e00000' among them"):
        simulated_verdicts(queue(2), {}, accuracy=1.0, classes=CLASSES, random_state=0)
    for accuracy, classes in ((1.1, CLASSES), (float("nan"), CLASSES), (0.9, ("3",))):
        with pytest.raises(ReviewError, match="two classes or more"):
            simulated_verdicts(queue(1), {}, accuracy=accuracy, classes=classes, random_state=0)


def test_bundled_truth_belongs_to_the_bundled_rows():
    truth = load_truth(spec(bundled="digits"))
    ids = load_bundled("digits", noise=0.1).examples["example_id"].to_pylist()
    assert set(truth) == set(ids)
    assert set(truth.values()) == set(CLASSES)


def test_truth_is_read_from_files_as_text(tmp_path):
    (tmp_path / "truth.csv").write_text("id,kind\n007,1\n008,02\n")
    assert load_truth(spec(tmp_path, path="truth.csv", id="id", column="kind")) == {
        "007": "1",
        "008": "02",
    }
    pq.write_table(pa.table({"example_id": [7, 8], "label": [1, 2]}), tmp_path / "truth.parquet")
    assert load_truth(spec(tmp_path, path="truth.parquet")) == {"7": "1", "8": "2"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("example_id,kind\na,1\n", "no column 'label'"),
        ("example_id,label\na,1\na,2\n", "'a' more than once"),
        ("example_id,label\na,1\nb,\n", "empty cell in row 1"),
    ],
)
def test_a_truth_that_cannot_be_used_is_refused(tmp_path, text, found):
    (tmp_path / "truth.csv").write_text(text)
    with pytest.raises(ReviewError, match=found):
        load_truth(spec(tmp_path, path="truth.csv"))


def test_without_truth_people_have_to_decide(tmp_path):
    with pytest.raises(ReviewError, match="--reviewer file"):
        load_truth(spec())
    with pytest.raises(SourceUnreadable):
        load_truth(spec(tmp_path, path="missing.csv"))


def test_predictions_are_scored_against_truth_not_labels():
    rows = pa.table({"example_id": list("abcd"), "predicted": list("1122"), "label": list("2222")})
    score = score_predictions(rows, {"a": "1", "b": "1", "c": "1", "d": "2"})
    assert score.value == 0.75
    assert 0 < score.low < 0.75 < score.high < 1
    with pytest.raises(ReviewError, match="'d'"):
        score_predictions(rows, {"a": "1", "b": "1", "c": "1"})


def verdict(
    example_id: str, decision: str, before: str | None, after: str | None, reason: str = "audit"
):
    return Verdict(example_id, decision, before, after, "kim", evidence={"reason": reason})


def test_verdicts_are_scored_by_what_they_mended_and_broke():
    truth = {"a": "3", "b": "3", "c": "3", "d": "3", "e": "3", "f": "3", "g": "3"}
    score = score_verdicts(
        [
            verdict("a", "change", "8", "3"),  # found
            verdict("b", "change", "8", "5"),  # wrong before and after
            verdict("c", "change", "3", "8"),  # broken
            verdict("d", "keep", "3", "3", "control"),
            verdict("e", "keep", "8", "8", "control"),  # overlooked
            verdict("f", "drop", "8", None),
            verdict("g", "change", None, "3", "unlabeled"),  # had no label to be wrong
        ],
        truth,
    )
    assert (score.reviewed, score.found, score.broken) == (6, 1, 1)
    assert score.precision.value == 0.75
    assert score.base_rate.value == 0.5


def test_of_several_verdicts_the_last_is_scored_against_the_label_before_the_first():
    events = [
        LabelEvent(1, "toy", verdict("a", "change", "8", "5"), datetime.now(UTC), ""),
        LabelEvent(2, "toy", verdict("a", "change", "5", "3"), datetime.now(UTC), ""),
    ]
    score = score_verdicts(events, {"a": "3"})
    assert (score.reviewed, score.found, score.broken) == (1, 1, 0)
