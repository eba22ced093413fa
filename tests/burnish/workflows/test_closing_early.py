"""An alarm closes an iteration with what was decided, and what was not decided stays that way."""

from __future__ import annotations

import pyarrow as pa
import pytest

from burnish.errors import IterationError
from burnish.records import LabelRequest, Verdict
from burnish.workflows.batch import batch_decided, require_decided
from burnish.workflows.blame import life_of
from burnish.workflows.closing_early import NOTE, UNDECIDED, close_early, early_in_words
from burnish.workflows.iterate import curate_iteration
from burnish.workflows.queue import QUEUE_SCHEMA, build_queue
from burnish.workflows.returns_batches import batches_of, standing_events
from tests.burnish.workflows.closed_turns import pets, prepared
from tests.burnish.workflows.test_queue import audit, spec

WHY = "accuracy fell by 9 points"


@pytest.fixture
def begun(tmp_path):
    """An open iteration with a batch of three, of which one is decided."""
    home = prepared(tmp_path)
    iteration = home.versions.join("pets", opens=True)
    rows = [
        {"example_id": f"p{at}", "iteration": 1, "position": at, "reason": "audit", "why": "?",
         "label": "cat", "review_group": 1}
        for at in (1, 2, 3)
    ]  # fmt: skip
    queue = pa.Table.from_pylist(rows, schema=QUEUE_SCHEMA)
    home.versions.write("pets", "relabel_queue", queue, iteration=1, gated=False)
    said = Verdict(
        "p1", "change", "cat", "dog", author="Ada", evidence={"iteration": 1, "reason": "audit"}
    )
    home.ledger.append("pets", [said])
    return home, iteration


def test_without_the_note_an_undecided_batch_is_waited_for(begun):
    home, iteration = begun
    with pytest.raises(IterationError, match="waits for people: 2 of 3 rows are undecided"):
        require_decided(home.versions, home.ledger, iteration)


def test_with_the_note_the_iteration_goes_on_with_what_was_decided(begun):
    home, iteration = begun
    noted = close_early(home.versions, iteration, alarm=3, why=WHY)
    assert require_decided(home.versions, home.ledger, noted) == 2
    written, _, _ = curate_iteration(pets(), home.versions, home.ledger, noted)
    rows = home.versions.read_candidate("pets", "curated_examples", version=written.version)
    label = dict(zip(rows["example_id"].to_pylist(), rows["decision"].to_pylist(), strict=True))
    assert (label["p1"], label["p2"], label["p3"]) == ("change", None, None)
    now = home.versions.iteration("pets", 1)
    assert now.summary[UNDECIDED] == 2
    assert early_in_words(now) == (
        f"Closed early for alarm 3: {WHY}. 2 rows of its batch were not decided."
    )
    assert not batch_decided(home.versions, home.ledger, now), "people are not said to be done"


def test_the_first_reason_stands_and_an_empty_one_is_refused(begun):
    home, iteration = begun
    first = close_early(home.versions, iteration, alarm=3, why=WHY)
    again = close_early(home.versions, iteration, alarm=4, why="another alarm")
    assert again.summary[NOTE] == first.summary[NOTE] == {"alarm": 3, "why": WHY}
    with pytest.raises(IterationError, match="without a reason"):
        close_early(home.versions, iteration, alarm=5, why=" ")


def test_a_closed_iteration_cannot_be_closed_early(begun):
    home, iteration = begun
    home.versions.close("pets", 1, promoted=False)
    with pytest.raises(IterationError, match="is closed"):
        close_early(home.versions, iteration, alarm=3, why=WHY)


def test_an_iteration_without_a_queue_waits_for_one_all_the_same(tmp_path):
    home = prepared(tmp_path)
    noted = close_early(
        home.versions, home.versions.join("pets", opens=True), alarm=None, why="by hand"
    )
    with pytest.raises(IterationError, match="has no queue yet"):
        require_decided(home.versions, home.ledger, noted)
    assert early_in_words(noted).startswith("Closed early: by hand. ")


def test_rows_left_undecided_come_back_as_requested_and_as_suspected():
    wanted = LabelRequest(("u001", "e000"), asked_by="alarm 3", reason=WHY)
    asked = {
        "labels": fold_of_none(),
        "requests": [wanted],
        "previous": None,
        "seed": 0,
    }
    rows = audit(40, unlabeled=4)
    first = build_queue(rows, spec(), iteration=1, **asked)
    second = build_queue(rows, spec(), iteration=2, **{**asked, "previous": first})
    for batch in (first, second):
        found = {row["example_id"]: row for row in batch.to_pylist()}
        assert {found[name]["reason"] for name in ("u001", "e000")} <= {"requested", "control"}
        assert found["u001"]["why"] == f"Asked for by alarm 3: {WHY}."
        assert found["u001"]["label"] is None
        # The most suspicious label is still that.
        assert "e039" in found


def test_the_life_of_a_row_and_the_return_speak_of_what_was_decided_alone(begun):
    home, iteration = begun
    noted = close_early(home.versions, iteration, alarm=3, why=WHY)
    curate_iteration(pets(), home.versions, home.ledger, noted)
    home.versions.close("pets", 1, promoted=False)
    [batch] = batches_of(standing_events(home.ledger.events("pets")), {"p1", "p2", "p3"}, [1])
    assert [event.verdict.example_id for event in batch.events] == ["p1"]
    told = [moment.what for moment in life_of(home, "pets", "p2").moments]
    assert "queued" in told
    assert "decided" not in told


def fold_of_none():
    from tests.burnish.workflows.test_queue import fold

    return fold()
