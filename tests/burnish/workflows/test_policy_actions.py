"""Carrying out: rows asked for once, from the right place, and runs wanted until they are begun."""

from __future__ import annotations

import pytest

from burnish.policy import SqlPolicyRecord
from burnish.workflows.policy_actions import carry_out, settle
from burnish.workflows.policy_run import run_policy
from tests.burnish.workflows.production_alarms import estimated, measured, record_of
from tests.burnish.workflows.production_boxes import at, batch, home_in, labels_came, spec_in

DAY, NOW = "2026-03-07", at("2026-03-08")


@pytest.fixture
def home(tmp_path):
    home = home_in(tmp_path)
    for number in range(1, 8):
        names = [f"m{number}-{n:02d}" for n in range(40)]
        batch(home.versions, f"2026-03-{number:02d}", names, site=["north", "south"] * 20)
    return home


@pytest.fixture
def spec(tmp_path):
    return spec_in(tmp_path, slices=[{"name": "site", "column": "site"}])


@pytest.fixture(autouse=True)
def validated(home):
    import pyarrow as pa

    rows = pa.table(
        {
            "example_id": ["s0"], "label": ["large"], "size": [1.0], "split": ["train"],
            "fold_group": ["s0"],
        }
    )  # fmt: skip
    home.versions.write("boxes", "validated_examples", rows, gated=False)


def parts(spec, home, record):
    return [one.part for one in carry_out(spec, home.versions, home.ledger, record)]


def test_rows_are_asked_for_where_the_loss_is_and_some_at_random(spec, home):
    from burnish.slices import resolve_slices
    from burnish.workflows.production_stages import BATCH, partition_stage

    rows = home.versions.read_last_good("boxes", partition_stage(BATCH, DAY))
    south = next(one for one in resolve_slices(rows, spec.slices) if one.name == "site:south")
    record = record_of(home)
    estimated(home.versions, DAY, slice_id=south.slice_id, name="site:south")
    run_policy(spec, home.versions, record, DAY, now=NOW)
    [wanted] = carry_out(spec, home.versions, home.ledger, record)
    assert (wanted.part, wanted.alarm) == ("audit", 1)
    [request] = home.ledger.requests("boxes")
    numbers = [int(one.partition("-")[2]) for one in request.example_ids]
    assert len(numbers) == 100
    weights = home.versions.read("boxes", "production_asked")["asked_weight"].to_pylist()
    assert sum(weights) == pytest.approx(280), "the rows that were asked for stand for the window"
    assert all(one % 2 == 1 for one in numbers[:80]), "south is every second row"
    assert any(one % 2 == 0 for one in numbers[80:])
    assert "alarm 1" in request.reason


def test_what_was_done_is_not_done_again_and_a_run_is_wanted_until_it_is_begun(spec, home):
    record = record_of(home)
    estimated(home.versions, DAY)
    run_policy(spec, home.versions, record, DAY, now=NOW)
    [wanted] = carry_out(spec, home.versions, home.ledger, record)
    assert carry_out(spec, home.versions, home.ledger, record) == [wanted]
    settle(record, "boxes", wanted, run_id="r1")
    settle(record, "boxes", wanted, run_id="r2")
    assert parts(spec, home, record) == []
    assert len(home.ledger.requests("boxes")) == 1
    assert len([one for one in record.events("boxes") if one.kind == "acted"]) == 2


def test_a_process_that_dies_between_asking_and_noting_it_asks_once(spec, home, monkeypatch):
    record = record_of(home)
    estimated(home.versions, DAY)
    run_policy(spec, home.versions, record, DAY, now=NOW)

    def dies(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(SqlPolicyRecord, "append", dies)
        with pytest.raises(KeyboardInterrupt):
            carry_out(spec, home.versions, home.ledger, record)
    assert parts(spec, home, record) == ["audit"]
    [request] = home.ledger.requests("boxes")
    [acted] = [one for one in record.events("boxes") if one.kind == "acted"]
    assert acted.body["request"] == request.request_id
    assert acted.body["example_ids"] == list(request.example_ids)


def test_rows_with_a_label_are_not_asked_for(spec, home):
    record = record_of(home)
    labels_came(home.versions, DAY, {f"m7-{n:02d}": "small" for n in range(40)})
    estimated(home.versions, DAY)
    run_policy(spec, home.versions, record, DAY, now=NOW)
    carry_out(spec, home.versions, home.ledger, record)
    [request] = home.ledger.requests("boxes")
    assert not [one for one in request.example_ids if one.startswith("m7-")]


def test_reported_rows_are_the_ones_asked_for(spec, home):
    record = record_of(home)
    run_policy(spec, home.versions, record, DAY, now=NOW, reports=["m2-01", "m3-05"])
    carry_out(spec, home.versions, home.ledger, record)
    assert home.ledger.requests("boxes")[0].example_ids == ("m2-01", "m3-05")


def test_rows_that_users_reported_are_asked_about_once_and_an_audit_queues_them(spec, home):
    from burnish.records import LabelRequest
    from burnish.workflows.production_reports import ASKED_BY

    home.ledger.request("boxes", LabelRequest(("m2-01", "m3-05"), ASKED_BY, "wrong"))
    record = record_of(home)
    run_policy(spec, home.versions, record, DAY, now=NOW, reports=["m2-01", "m3-05"])
    assert parts(spec, home, record) == ["audit"]
    [request] = home.ledger.requests("boxes")
    assert request.asked_by == ASKED_BY
    [acted] = [one for one in record.events("boxes") if one.kind == "acted"]
    assert acted.body["example_ids"] == ["m2-01", "m3-05"]


def test_an_alarm_that_a_person_closed_is_not_acted_on(spec, home):
    record = record_of(home)
    estimated(home.versions, DAY)
    run_policy(spec, home.versions, record, DAY, now=NOW)
    record.append("boxes", [("closed", DAY, 1, {"why": "known", "by": "Ada"})])
    assert parts(spec, home, record) == []
    assert home.ledger.requests("boxes") == []


def test_a_retrain_is_wanted_once_labels_show_the_loss(spec, home):
    record = record_of(home)
    labels_came(home.versions, DAY, {f"m{d}-{n:02d}": "small" for d in (6, 7) for n in range(40)})
    measured(home.versions, DAY, accuracy=0.7)
    run_policy(spec, home.versions, record, DAY, now=NOW)
    assert parts(spec, home, record) == ["refresh"]


def test_a_row_that_cannot_be_asked_about_is_told_and_stops_nothing_else(spec, home):
    record = record_of(home)
    run_policy(spec, home.versions, record, DAY, now=NOW, reports=["nobody"])
    assert parts(spec, home, record) == []
    [acted] = [one for one in record.events("boxes") if one.kind == "acted"]
    assert "could not be asked" in acted.body["why"]
    assert parts(spec, home, record) == []
