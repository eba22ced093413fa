"""The queue of an iteration: decided rows stay out, and a second run changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from burnish.errors import ReviewError
from burnish.records import LabelEvent, LabelRequest, LabelVersion, Verdict, Watermark
from burnish.spec import DatasetSpec
from burnish.workflows.queue import QUEUE_SCHEMA, QueueState, build_queue, queue_state

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def spec(**review) -> DatasetSpec:
    return DatasetSpec.model_validate(
        {
            "name": "toy",
            "source": {"path": "toy.csv"},
            "target": "label",
            "features": {"x": "numeric"},
            "review": {"budget": 10, "control_share": 0.2} | review,
        }
    )


def audit(n: int, *, unlabeled: int = 0) -> pa.Table:
    bare = [None] * unlabeled
    return pa.table(
        {
            "example_id": [f"e{i:03d}" for i in range(n)] + [f"u{i:03d}" for i in range(unlabeled)],
            "label": pa.array(["8"] * n + bare, pa.string()),
            "given_label": pa.array(["8"] * n + bare, pa.string()),
            "split": pa.array(["train"] * n + bare, pa.string()),
            "error_probability": pa.array([i / n for i in range(n)] + bare, pa.float64()),
            "suggested_label": ["3"] * (n + unlabeled),
            "self_confidence": pa.array([0.1] * n + bare, pa.float64()),
            "margin": pa.array([-0.7] * n + bare, pa.float64()),
            "model_disagreement": np.linspace(0, 1, n + unlabeled),
        }
    )


def given(*decisions: tuple[str, str]) -> list[LabelEvent]:
    return [
        LabelEvent(number, "toy", Verdict(name, word, "8", None, author="Ada"), NOON, "")
        for number, (name, word) in enumerate(decisions, start=1)
    ]


def fold(**decisions: str) -> LabelVersion:
    """A label version in which each named example stands decided, events numbered in order."""
    names = sorted(decisions)
    table = pa.table(
        {
            "example_id": pa.array(names, pa.string()),
            "decision": pa.array([decisions[name] for name in names], pa.string()),
            "event_id": pa.array(range(1, len(names) + 1), pa.int64()),
        }
    )
    return LabelVersion("toy", Watermark(len(names), "x"), table, "digest")


def build(table: pa.Table, labels: LabelVersion, previous: pa.Table | None = None, **choices):
    return build_queue(
        table,
        choices.pop("spec", spec()),
        labels=labels,
        requests=choices.pop("requests", []),
        previous=previous,
        iteration=choices.pop("iteration", 1),
        seed=7,
    )


def names(queue: pa.Table) -> list[str]:
    return queue["example_id"].to_pylist()


def test_a_queue_has_the_documented_columns_and_its_iteration():
    queue = build(audit(50), fold(), iteration=4)
    assert queue.schema == QUEUE_SCHEMA
    assert queue.column_names[:3] == ["example_id", "iteration", "position"]
    assert queue["iteration"].to_pylist() == [4] * 10


def test_finally_decided_rows_are_never_asked_about_again_and_unsure_ones_are():
    decided = {f"e{i:03d}": "keep" for i in range(40, 48)} | {"e048": "drop", "e049": "change"}
    queue = build(audit(50), fold(**decided, e039="unsure"))
    assert not set(decided) & set(names(queue))
    assert "e039" in names(queue)
    assert queue["pool_size"].to_pylist() == [40] * 10


def test_a_second_run_of_an_iteration_gives_the_same_queue_whatever_was_decided_meanwhile():
    first = build(audit(50), fold())
    meanwhile = fold(**dict.fromkeys(names(first)[:4], "change"))
    assert build(audit(50), meanwhile, first).equals(first)


def test_a_second_run_tops_up_to_the_budget_and_never_above():
    first = build(audit(50), fold(), spec=spec(budget=6))
    more = build(audit(50), fold(**{names(first)[0]: "keep"}), first)
    assert more.slice(0, 6).equals(first)
    assert more["position"].to_pylist() == list(range(1, 11))
    assert len(set(names(more))) == 10
    assert build(audit(50), fold(), more, spec=spec(budget=3)).equals(more)


def test_a_top_up_draws_no_second_control_arm():
    first = build(audit(50), fold(), spec=spec(budget=6))
    more = build(audit(50), fold(), first)
    assert "control" not in more.slice(6)["reason"].to_pylist()


def test_rows_that_no_longer_exist_leave_the_queue_and_decided_ones_stay():
    first = build(audit(50), fold())
    gone, dropped = names(first)[0], names(first)[1]
    left = [name not in {gone, dropped} for name in audit(50)["example_id"].to_pylist()]
    again = build(audit(50).filter(pa.array(left)), fold(**{dropped: "drop"}), first)
    assert gone not in names(again)
    assert dropped in names(again)
    assert again.num_rows == 10


def test_the_queue_of_another_iteration_is_not_carried_on():
    first = build(audit(50), fold(), iteration=1)
    later = build(audit(50), fold(), first, iteration=2)
    assert later["iteration"].to_pylist() == [2] * 10
    control = [
        [row["example_id"] for row in queue.to_pylist() if row["reason"] == "control"]
        for queue in (first, later)
    ]
    assert control[0] != control[1], "each iteration draws its own control arm"


def test_requests_and_unlabeled_rows_find_their_place():
    asked = [LabelRequest(("e001", "e002", "test-row"), asked_by="kim", reason="look")]
    queue = build(
        audit(50, unlabeled=20), fold(u019="change"), requests=asked,
        spec=spec(unlabeled_share=0.3),
    )  # fmt: skip
    reasons = dict(zip(names(queue), queue["reason"].to_pylist(), strict=True))
    assert {reasons.get("e001"), reasons.get("e002")} <= {"requested", "control"}
    assert "test-row" not in reasons
    assert list(reasons.values()).count("unlabeled") == 3
    assert "u019" not in reasons


def test_a_queue_of_before_there_were_groups_is_carried_on():
    first = build(audit(50), fold(), spec=spec(budget=6))
    more = build(audit(50), fold(), first.drop_columns(["review_group"]))
    assert more.schema == QUEUE_SCHEMA
    assert (
        more.slice(0, 6).drop_columns(["review_group"]).equals(first.drop_columns(["review_group"]))
    )
    assert more["review_group"].to_pylist()[:6] == [None] * 6
    assert more["review_group"].to_pylist()[6:] == [1] * 4


def test_rows_added_later_are_groups_of_their_own():
    first = build(audit(50), fold(), spec=spec(budget=6))
    more = build(audit(50), fold(), first)
    assert min(more["review_group"].to_pylist()[6:]) == max(first["review_group"].to_pylist()) + 1


def test_requests_and_known_answers_keep_to_their_shares():
    asked = [LabelRequest(tuple(f"e{i:03d}" for i in range(30)), asked_by="drift", reason="look")]
    known = pa.table({"example_id": [f"e{i:03d}" for i in range(40, 50)]})
    queue = build_queue(
        audit(50), spec(requested_share=0.3, gold_share=0.2), labels=fold(), requests=asked,
        previous=None, iteration=1, seed=7, gold=known,
    )  # fmt: skip
    reasons = queue["reason"].to_pylist()
    assert {name: reasons.count(name) for name in sorted(set(reasons))} == {
        "audit": 3, "control": 2, "gold": 2, "requested": 3,
    }  # fmt: skip


def test_a_time_is_as_many_rows_as_fit():
    assert build(audit(50), fold(), spec=spec(budget=60, minutes=4)).num_rows == 8


def test_when_everything_is_decided_there_is_nothing_to_ask():
    decided = fold(**{f"e{i:03d}": "keep" for i in range(5)})
    with pytest.raises(ReviewError, match="every training row has been decided"):
        build(audit(5), decided)
    # The batch of the iteration itself is still shown while its last rows are being decided.
    first = build(audit(5), fold())
    assert build(audit(5), decided, first).equals(first)


def test_the_state_counts_verdicts_given_since_the_iteration_opened():
    queue = build(audit(50), fold())
    some = sorted(names(queue))
    events = given(*((name, "unsure") for name in some[:2]), ("elsewhere", "keep"))
    state = queue_state(queue, events)
    assert state == QueueState(total=10, decided=2)
    assert (state.undecided, state.is_complete) == (8, False)
    assert queue_state(queue, given(*((name, "keep") for name in some))).is_complete
