"""Signals read off the tables of production, decided once, recorded with what they rested on."""

from __future__ import annotations

import pyarrow as pa
import pytest

from burnish.policy import replay
from burnish.records import Expectation, GateReport, Suite
from burnish.versions import QUARANTINE
from burnish.workflows.policy_facts import facts_of
from burnish.workflows.policy_run import due_periods, run_policy
from burnish.workflows.production_signals import signals_of
from burnish.workflows.production_stages import BATCH, LABELS, partition_stage
from tests.burnish.workflows.production_alarms import drifted, estimated, measured, record_of
from tests.burnish.workflows.production_boxes import at, batch, home_in, labels_came, spec_in

DAY, NOW = "2026-03-07", at("2026-03-08")


@pytest.fixture
def home(tmp_path):
    return home_in(tmp_path)


@pytest.fixture
def spec(tmp_path):
    return spec_in(tmp_path)


@pytest.fixture
def full(home):
    """Every day up to `DAY` has come."""
    for number in range(1, 8):
        batch(home.versions, f"2026-03-{number:02d}", [f"m{number}-{n}" for n in range(20)])
    return home


def told(spec, home, *, now=NOW, **more):
    found = signals_of(spec, home.versions, DAY, now=now, **more)
    return {one.of: one for one in found}


def test_each_part_of_the_tables_is_a_signal_of_its_own(spec, full):
    versions = full.versions
    for column in ("size", "(predicted)", "(confidence)", "(label)"):
        drifted(versions, DAY, column)
    drifted(versions, DAY, "(rows)", kind="rows", effect="auroc", value=0.8)
    estimated(versions, DAY, slice_id="s1", name="site:north")
    measured(versions, DAY, accuracy=0.7)
    found = told(spec, full)
    assert set(found) == {
        ("column_drift", "size"), ("prediction_drift", ""), ("prediction_drift", "confidence"),
        ("label_drift", ""), ("row_drift", ""), ("estimated_loss", "s1"), ("estimated_loss", ""),
        ("measured_loss", ""),
    }  # fmt: skip
    loss = found["measured_loss", ""]
    assert (loss.value, loss.low, loss.high) == pytest.approx((0.2, 0.18, 0.22))
    assert (loss.basis, loss.rows) == ("labels", 200)
    assert found["estimated_loss", "s1"].where["slice"] == "site:north"


def test_what_is_not_known_is_no_signal(spec, full):
    drifted(full.versions, DAY, finding="too few")
    estimated(full.versions, DAY, trusted=False, why="too far from the reference")
    assert told(spec, full) == {}


def test_a_change_that_comes_every_year_is_the_season(spec, full):
    drifted(full.versions, DAY, value=0.4)
    drifted(full.versions, DAY, value=0.06, against="a year before", finding="not shown")
    drifted(full.versions, DAY, value=0.02, against="a week before", finding="not shown")
    signal = told(spec, full)["column_drift", "size"]
    assert signal.low == pytest.approx(0.01)
    assert signal.where["value"] == 0.4


def test_answers_of_the_model_are_held_against_its_answers_on_held_out_rows(spec, full):
    drifted(full.versions, DAY, value=0.1)
    for value, column in ((0.3, "(predicted)"), (0.2, "size")):
        drifted(full.versions, DAY, column, value=value, against="validation")
    found = told(spec, full)
    assert found["prediction_drift", ""].value == 0.3
    assert found["column_drift", "size"].value == 0.1
    assert found["column_drift", "size"].where["validation"]["value"] == 0.2


def test_a_day_that_does_not_come_is_late_and_no_more_once_it_came(spec, home):
    for number in (1, 2, 4, 5, 6, 7):
        batch(home.versions, f"2026-03-{number:02d}", [f"m{number}"])
    assert told(spec, home, now=at("2026-03-05")) == {}
    assert list(told(spec, home, now=at("2026-03-06", 1))) == [("late_data", "2026-03-03")]
    late = told(spec, home)
    assert list(late) == [("late_data", "2026-03-03")]
    batch(home.versions, "2026-03-03", ["m3"])
    again = told(spec, home, watched=list(late))
    assert again["late_data", "2026-03-03"].value == 0


def test_a_day_may_be_late_by_more_than_a_month_before_it_is_told(tmp_path, home):
    days = {"source": {"path": "met/*.csv"}, "time": "at", "start": "2026-03-01"}
    patient = spec_in(tmp_path, production=days | {"late_after": 40})
    for number in range(2, 32):
        batch(home.versions, f"2026-03-{number:02d}", [f"m{number}"])
    assert ("late_data", "2026-03-01") not in told(patient, home, now=at("2026-04-10"))
    assert ("late_data", "2026-03-01") in told(patient, home, now=at("2026-04-11"))


def test_a_day_is_waited_for_no_longer_where_the_spec_has_no_such_period_by_now(tmp_path, home):
    weeks = {"source": {"path": "met/*.csv"}, "time": "at", "start": "2026-03-01", "period": "week"}
    changed = spec_in(tmp_path, production=weeks)
    batch(home.versions, "2026-03-01", ["m1"])
    late = told(changed, home, watched=[("late_data", "2026-03-03")])
    assert late["late_data", "2026-03-03"].value == 0


def test_a_delivery_that_its_gate_refused_is_told_with_the_reason(spec, full):
    suite = Suite("production_batch", (Expectation("e", "COLUMN_GONE", "stop"),))
    report = GateReport("g", 20, (), QUARANTINE.empty_table(), ("COLUMN_GONE",), suite.digest)
    stage = partition_stage(BATCH, DAY)
    version = full.versions.candidate("boxes", stage).version
    full.versions.record_verdict("boxes", stage, version, report)
    signal = told(spec, full)["refused_data", DAY]
    assert signal.where["stopped_by"] == ["COLUMN_GONE"]


def test_the_same_is_decided_once_and_new_tables_again(spec, full):
    record = record_of(full)
    drifted(full.versions, DAY)
    [made] = run_policy(spec, full.versions, record, DAY, now=NOW)
    assert (made.alarm, made.action) == ("raise", "watch")
    assert run_policy(spec, full.versions, record, DAY, now=NOW) == []
    estimated(full.versions, DAY)
    again = run_policy(spec, full.versions, record, DAY, now=NOW)
    assert [(one.alarm, one.action) for one in again] == [("keep", "watch"), ("join", "label")]
    assert [one.kind for one in record.events("boxes")] == ["decided", "opened", "decided"]
    body = record.events("boxes")[2].body
    assert body["sources"] == {"drift_report": 1, "performance_estimate": 1}
    assert replay(spec.policy, record.events("boxes")).differing == 0


def test_a_quiet_window_is_recorded_as_well(spec, full):
    record = record_of(full)
    assert run_policy(spec, full.versions, record, DAY, now=NOW) == []
    assert [one.kind for one in record.events("boxes")] == ["decided"]


def test_who_decides_second_decides_on_what_the_first_left(spec, full, monkeypatch):
    record = record_of(full)
    drifted(full.versions, DAY)
    append, between = record.append, []

    def overtaken(dataset, events, *, expected=None):
        if not between:
            between.append(1)
            assert len(run_policy(spec, full.versions, record_of(full), DAY, now=NOW)) == 1
        return append(dataset, events, expected=expected)

    monkeypatch.setattr(record, "append", overtaken)
    assert run_policy(spec, full.versions, record, DAY, now=NOW) == []
    assert len(record.alarms("boxes")) == 1


def test_periods_are_due_when_measured_anew_and_when_the_last_is_over(spec, full):
    record = record_of(full)
    drifted(full.versions, "2026-03-05")
    assert due_periods(spec, full.versions, record, now=NOW) == ["2026-03-05", DAY]
    run_policy(spec, full.versions, record, "2026-03-05", now=NOW)
    assert due_periods(spec, full.versions, record, now=NOW) == [DAY]
    estimated(full.versions, "2026-03-05")
    assert due_periods(spec, full.versions, record, now=NOW) == ["2026-03-05", DAY]


def test_reports_of_users_are_told_once(spec, full):
    record = record_of(full)
    [made] = run_policy(spec, full.versions, record, DAY, now=NOW, reports=["m7-1", "m7-2"])
    assert (made.action, made.signal.rows) == ("label", 2)
    assert run_policy(spec, full.versions, record, DAY, now=NOW, reports=["m7-2"]) == []
    [made] = run_policy(spec, full.versions, record, "2026-03-08", now=NOW, reports=["m7-2"])
    assert (made.alarm, made.signal.rows) == ("clear", 0)


def test_labels_that_suffice_by_now_are_looked_at_without_new_tables(spec, full):
    record = record_of(full)
    measured(full.versions, DAY, accuracy=0.7)
    held = run_policy(spec, full.versions, record, DAY, now=NOW)
    assert ["new labels" in one.held_back for one in held] == [False, True]
    for number in range(1, 4):
        day = f"2026-03-{number:02d}"
        labels_came(full.versions, day, {f"m{number}-{n}": "small" for n in range(20)})
    made = run_policy(spec, full.versions, record, DAY, now=NOW)
    assert [one.action for one in made] == ["ignore", "retrain"]


def test_labels_are_counted_once_and_rows_without_one_are_not(spec, full):
    labels_came(full.versions, DAY, {"m7-0": "small", "m7-1": None})
    facts = facts_of(spec, full.versions)
    assert (facts.new_labels, facts.champion, facts.iteration_open) == (1, None, False)


def test_labels_that_come_without_a_time_are_new_where_their_rows_are(spec, full):
    from dataclasses import replace

    from burnish.records import Iteration, Watermark
    from burnish.workflows.policy_facts import new_labels

    rows = full.versions.read("boxes", partition_stage(BATCH, DAY))
    rows = rows.append_column("label", pa.array(["small"] * rows.num_rows))
    bare = pa.nulls(rows.num_rows, pa.timestamp("us", "UTC"))
    full.versions.write("boxes", LABELS, rows.append_column("labelled_at", bare), gated=False)
    written = full.versions.write("boxes", "curated_examples", rows, gated=False)
    mark = Watermark(0, "")
    others = Iteration("boxes", 1, mark, at(DAY))
    made = replace(others, summary={"curated_version": written.version})
    assert [new_labels(spec, full.versions, one) for one in (others, made)] == [rows.num_rows, 0]
