"""A period of production, from the file to the estimate: faults are refused, good days go on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from burnish.errors import DataError, GateError
from burnish.records import Verdict
from burnish.versions import Versions
from burnish.workflows.production_answers import Chance
from burnish.workflows.production_asking import ask_for_labels
from burnish.workflows.production_due import production_due
from burnish.workflows.production_labels import join_labels
from burnish.workflows.production_reference import load_champion
from burnish.workflows.production_rows import UNREAD, read_production
from burnish.workflows.production_run import predict_period, write_batch
from tests.burnish.workflows.production_days import (
    HEADER,
    NOW,
    START,
    day_lines,
    write_answers,
    write_day,
    write_lines,
)
from tests.burnish.workflows.production_world import World, copied

FIRST = "2026-03-01"
DAYS = [START + timedelta(days=n) for n in range(4)]


@pytest.fixture
def world(with_champion, tmp_path):
    return World.of(copied(with_champion, tmp_path / "copy"))


def read(world, stage: str, period: str = FIRST):
    return world.versions.read_last_good("flowers", f"{stage}/{period}")


def test_a_day_goes_through_to_the_estimate(world):
    for day in DAYS:
        write_day(world.arrivals, day)
    ran = world.run(*(day.isoformat() for day in DAYS))
    assert [one.rows for one in ran] == [40] * 4
    assert not any(one.refused for one in ran)
    said = read(world, "predictions")
    assert set(said["champion"].to_pylist()) == {1}
    assert said.column_names == [
        "example_id", "met_at", "period", "predicted", "confidence",
        "p:iris", "p:rose", "p:tulip", "champion",
    ]  # fmt: skip
    drift = read(world, "drift_report", "2026-03-04")
    assert set(drift["window_start"].to_pylist()) == {"2026-03-02"}
    assert set(drift["against"].to_pylist()) >= {"training", "validation"}
    estimate = read(world, "performance_estimate", "2026-03-04").to_pylist()
    assert estimate[0]["champion"] == 1
    assert 0.5 < estimate[0]["estimated"] < 1.0


def test_predictions_are_those_of_the_kept_model(world):
    write_day(world.arrivals, START)
    world.run(FIRST)
    rows, said = read(world, "production_batch"), read(world, "predictions")
    _, kinds = day_lines(START)
    right = [kinds[row["example_id"]] == row["predicted"] for row in said.to_pylist()]
    # Flowers lie four standard deviations apart, and a model that saw noisy labels tells them.
    assert np.mean(right) > 0.8
    assert said["example_id"].to_pylist() == rows["example_id"].to_pylist()


def test_a_day_whose_flowers_all_moved_is_told_by_its_columns(world):
    for day in DAYS:
        write_day(world.arrivals, day, shift=3.0)
    *_, last = world.run(*(day.isoformat() for day in DAYS))
    assert {"petal", "sepal", "leaf"} <= set(last.drifted)


def test_the_same_rows_again_make_no_version_and_late_rows_make_one(world):
    lines, _ = day_lines(START)
    write_lines(world.arrivals / "a.csv", lines[:30])
    world.run(FIRST)
    world.run(FIRST)
    stage = "production_batch/2026-03-01"
    assert world.versions.published("flowers", stage).version == 1
    write_lines(world.arrivals / "late.csv", lines[30:])
    batch = write_batch(
        world.spec, world.versions, read_production(world.spec, now=NOW), FIRST, now=NOW
    )
    assert (batch.written.version, batch.late, batch.gone) == (2, 10, 0)
    world.run(FIRST)
    assert read(world, "predictions").num_rows == 40


def spoilt(change, day=START):
    lines = [line.split(",") for line in day_lines(day)[0]]
    return [",".join(change(list(cells))) for cells in lines]


def at(place, value):
    def change(cells):
        cells[place] = value(cells[place]) if callable(value) else value
        return cells

    return change


WITHOUT = HEADER.replace(",leaf", "")
FAULTS = {
    "a column gone": (
        spoilt(lambda cells: [*cells[:4], cells[5]]), WITHOUT, "PRODUCTION-COLUMN-EXISTS-LEAF",
    ),
    "a column renamed": (
        spoilt(lambda cells: cells), HEADER.replace("leaf", "leaf_mm"),
        "PRODUCTION-COLUMN-EXISTS-LEAF",
    ),
    "a column of another type": (
        spoilt(at(2, "wide")), HEADER, "PRODUCTION-FEATURE-TYPE-PETAL",
    ),
    "a column all null": (spoilt(at(3, "")), HEADER, "PRODUCTION-FEATURE-EMPTY-SEPAL"),
    "another unit": (
        spoilt(at(4, lambda cell: f"{float(cell) * 1000:.1f}")), HEADER, "PRODUCTION-SCALE-LEAF",
    ),
    "one id for all": (spoilt(at(0, "p")), HEADER, "PRODUCTION-QUARANTINE-SHARE"),
    "no row": ([], HEADER, "PRODUCTION-EMPTY"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_day_is_refused_by_its_code_and_the_days_beside_it_go_on(world, fault):
    lines, header, code = FAULTS[fault]
    write_day(world.arrivals, DAYS[1])
    if lines:
        write_lines(world.arrivals / "a.csv", lines, header=header)
    first, second = world.run(FIRST, "2026-03-02")
    assert code in first.refused
    assert not second.refused
    assert read(world, "predictions") is None
    assert read(world, "predictions", "2026-03-02").num_rows == 40


def test_a_column_that_was_renamed_is_told_by_its_new_name(world):
    lines, header, _ = FAULTS["a column renamed"]
    write_lines(world.arrivals / "a.csv", lines, header=header)
    [first] = world.run(FIRST)
    assert "'leaf_mm' came: is it that one" in first.refused


def test_single_bad_rows_are_turned_away_and_the_others_predicted(world):
    lines = [line.split(",") for line in day_lines(START)[0]]
    lines[0][2], lines[1][2], lines[2][0] = "lots", "inf", ""
    lines[4][0] = lines[3][0]
    write_lines(world.arrivals / "a.csv", [",".join(cells) for cells in lines])
    [ran] = world.run(FIRST)
    assert not ran.refused
    assert read(world, "predictions").num_rows == 35
    away = world.versions.quarantined("flowers", "production_batch/2026-03-01")
    assert set(away["code"].to_pylist()) == {
        "PRODUCTION-CELLS-READ", "PRODUCTION-FEATURE-INFINITE-PETAL", "PRODUCTION-ID-MISSING",
        "PRODUCTION-ID-UNIQUE",
    }  # fmt: skip


def test_values_never_seen_are_watched_and_not_refused(world):
    write_lines(world.arrivals / "a.csv", spoilt(at(5, "blue")))
    [ran] = world.run(FIRST)
    assert not ran.refused


def test_a_refused_second_delivery_leaves_the_first_to_people_and_stops_what_follows(world):
    write_day(world.arrivals, START)
    world.run(FIRST)
    lines, header, code = FAULTS["another unit"]
    write_lines(world.arrivals / "2026-03-01.csv", lines, header=header)
    [ran] = world.run(FIRST)
    assert code in ran.refused
    assert read(world, "production_batch").num_rows == 40
    with pytest.raises(GateError, match=code):
        predict_period(world.spec, world.versions, FIRST)
    # Mended and delivered again, it goes on by itself.
    write_day(world.arrivals, START)
    [ran] = world.run(FIRST)
    assert not ran.refused


def test_labels_are_joined_whenever_they_come(world):
    answers = world.catalog / "answers"
    _, kinds = day_lines(START)
    write_answers(answers, {**kinds, "stranger": "iris"})
    early = join_labels(world.spec, world.versions, now=NOW)
    assert (early.rows.num_rows, early.unknown) == (0, 41)
    write_day(world.arrivals, START)
    world.run(FIRST)
    joined = join_labels(world.spec, world.versions, now=NOW)
    assert (joined.rows.num_rows, joined.unknown) == (40, 1)
    found = {row["example_id"]: row for row in joined.rows.to_pylist()}
    assert {name: row["label"] for name, row in found.items()} == kinds
    assert {"petal", "met_at", "period", "labelled_at", "predicted"} <= set(
        joined.rows.schema.names
    )
    # Measured again, the estimate says what the labels say.
    world.run(FIRST)
    names = [(line["label"], line["predicted"]) for line in joined.rows.to_pylist()]
    assert np.mean([one == other for one, other in names]) > 0.8


def test_rows_that_carry_names_of_the_table_or_stand_in_two_days_are_joined_all_the_same(world):
    days = ["2026-03-01", "2026-03-02"]
    columns = {"label": ["old", "old"], "predicted": [1, 2], "petal": [1.0, 2.0]}
    for day, names in zip(days, (["a", "b"], ["b", "c"]), strict=True):
        rows = pa.table({"example_id": names, "period": [day] * 2, **columns, UNREAD: [None, None]})
        world.versions.write("flowers", f"production_batch/{day}", rows, gated=False)
    said = pa.table({"example_id": ["b", "a"], "predicted": ["iris", "rose"], "champion": [1, 1]})
    world.versions.write("flowers", "predictions/2026-03-01", said, gated=False)
    write_answers(world.catalog / "answers", {"b": "rose", "c": "iris", "nobody": "rose"})
    joined = join_labels(world.spec, world.versions, now=NOW)
    assert joined.unknown == 1
    assert joined.rows.column_names == [
        "example_id", "period", "petal", "label", "labelled_at", "predicted",
    ]  # fmt: skip
    found = joined.rows.select(["example_id", "period", "label", "predicted"]).to_pylist()
    assert [tuple(row.values()) for row in found] == [
        ("b", "2026-03-01", "rose", "iris"),
        ("b", "2026-03-02", "rose", None),
        ("c", "2026-03-02", "iris", None),
    ]


def test_of_two_labels_of_a_row_the_later_counts(world):
    write_day(world.arrivals, START)
    world.run(FIRST)
    name = next(iter(day_lines(START)[1]))
    lines = [f"{name},rose,2026-03-05T00:00:00Z", f"{name},iris,2026-03-04T00:00:00Z"]
    write_lines(world.catalog / "answers" / "a.csv", lines, header="flower,kind,told")
    joined = join_labels(world.spec, world.versions, now=NOW)
    assert joined.rows["label"].to_pylist() == ["rose"]
    assert joined.changed == 1


def test_without_a_champion_nothing_is_predicted_and_what_to_do_is_said(planted):
    world = World.of(planted)
    write_day(world.arrivals, START)
    with pytest.raises(GateError, match="no champion yet") as told:
        load_champion(world.spec, world.versions)
    assert "flowers_retrain" in told.value.hint


def test_a_day_that_is_not_over_is_not_taken(world):
    met = read_production(world.spec, now=NOW)
    with pytest.raises(DataError, match="not over"):
        write_batch(world.spec, world.versions, met, "2026-03-20", now=NOW)
    with pytest.raises(DataError, match="no day of production"):
        write_batch(world.spec, world.versions, met, "2026-02-20", now=NOW)


def repeated(world, day, count):
    """Rows of a day that repeat rows the champion was fitted to, and their labels."""
    rows = load_champion(world.spec, world.versions).training.to_pylist()[:count]
    lines = [
        f"again{at},{day} 10:00:00,{row['petal']},{row['sepal']},{row['leaf']},{row['colour']}"
        for at, row in enumerate(rows)
    ]
    return lines, {f"again{at}": row["label"] for at, row in enumerate(rows)}


def test_labels_of_rows_that_the_champion_has_learned_measure_nothing(world):
    lines, kinds = day_lines(START)
    learned, known = repeated(world, FIRST, 30)
    write_lines(world.arrivals / "a.csv", [*lines, *learned])
    write_answers(world.catalog / "answers", {**kinds, **known})
    world.run(FIRST)
    join_labels(world.spec, world.versions, now=NOW)
    world.run(FIRST)
    table = read(world, "performance_estimate").to_pylist()
    whole = next(one for one in table if one["slice"] == "overall" and one["metric"] == "accuracy")
    assert (whole["rows"], whole["labels"]) == (40, 40)
    parts = [one for one in table if one["metric"] == "accuracy" and one["slice"] != "overall"]
    assert sum(one["labels"] for one in parts) == 40
    said = {row["example_id"]: row["predicted"] for row in read(world, "predictions").to_pylist()}
    right = [said[name] == kind for name, kind in kinds.items()]
    assert whole["measured"] == pytest.approx(np.mean(right))


def test_a_day_that_people_alone_were_asked_about_is_measured_by_what_their_rows_stand_for(world):
    write_day(world.arrivals, START)
    world.run(FIRST)
    said = {row["example_id"]: row["predicted"] for row in read(world, "predictions").to_pylist()}
    names = sorted(said)
    other = {"iris": "rose", "rose": "tulip", "tulip": "iris"}
    chances = {name: Chance(False, 1.0) for name in names[:5]}
    chances |= {name: Chance(True, 7.0) for name in names[5:10]}
    why = {"asked_by": "policy", "reason": "alarm 1"}
    ask_for_labels(world.spec, world.versions, world.ledger, names[:10], **why, chances=chances)
    # Of what was picked the model got all wrong, of what was drawn one in five.
    wrong = {name: other[said[name]] for name in names[:6]}
    told = {**{name: said[name] for name in names[:10]}, **wrong}
    world.ledger.append(
        "flowers",
        [Verdict(name, "change", None, label, author="ada") for name, label in told.items()],
    )
    due = production_due(world.spec, world.versions, world.record, now=NOW)
    assert [period for period, _ in due.measures] == [FIRST]
    world.run(FIRST)
    whole = read(world, "performance_estimate").to_pylist()[0]
    assert whole["labels"] == 10
    assert whole["measured"] == pytest.approx(28 / 40), "of ten as they stand four are right"
    assert whole["measured_low"] < 0.6
    assert "(label)" not in read(world, "drift_report")["column"].to_pylist()


def test_rows_that_the_champion_has_learned_count_for_no_other_row_of_the_window(world):
    """It is sure of what it learned: rows like that would stand for rows it is sure of."""
    lines, kinds = day_lines(START)
    learned, _ = repeated(world, FIRST, 60)
    write_lines(world.arrivals / "a.csv", lines)
    write_answers(world.catalog / "answers", dict(list(kinds.items())[::2]))
    world.run(FIRST)
    join_labels(world.spec, world.versions, now=NOW)
    world.run(FIRST)
    alone = read(world, "performance_estimate").to_pylist()
    write_lines(world.arrivals / "late.csv", learned)
    world.run(FIRST)
    assert read(world, "production_batch").num_rows == 100
    assert read(world, "performance_estimate").to_pylist() == alone
    assert alone[0]["labels"] == 20


def test_a_window_that_the_champion_has_learned_wholly_says_nothing_of_it(world):
    learned, known = repeated(world, FIRST, 30)
    write_lines(world.arrivals / "a.csv", learned)
    write_answers(world.catalog / "answers", known)
    world.run(FIRST)
    join_labels(world.spec, world.versions, now=NOW)
    world.run(FIRST)
    table = read(world, "performance_estimate").to_pylist()
    assert {one["trusted"] for one in table} == {False}
    assert {one["why"] for one in table} == {"the model was trained on every row of the window"}
    assert {one["measured"] for one in table} == {None}
    assert table[0]["rows"] == 30


def measured_anew(world):
    """The periods to measure again after the first is what production is compared with."""
    write_day(world.arrivals, START)
    world.run(FIRST)
    window = {"window_start": FIRST, "window_end": FIRST}
    world.record.append("flowers", [("rebased", FIRST, None, window)])
    due = production_due(world.spec, world.versions, world.record, now=NOW)
    return [period for period, _ in due.measures]


def test_a_measure_of_equal_figures_is_of_what_it_was_measured_on_last(world):
    assert measured_anew(world) == [FIRST]
    world.run(FIRST)
    after = production_due(world.spec, world.versions, world.record, now=NOW)
    assert after.measures == ()
    world.run(FIRST)
    assert world.versions.published("flowers", "performance_estimate/2026-03-01").version == 2


@pytest.mark.parametrize("before", ["judged", "never written"])
def test_what_a_killed_gate_left_unjudged_is_due_whatever_became_of_the_file(world, before):
    """Nobody may read the period else: a measure of it would be asked for, and refused, for good.

    The file was changed, its rows were written, the gate was killed, the file was changed back.
    """
    lines, _ = day_lines(START)
    file = world.arrivals / "a.csv"
    if before == "judged":
        write_lines(file, lines)
        world.run(FIRST)
    write_lines(file, lines[:-1])
    met = read_production(world.spec, now=NOW)
    write_batch(world.spec, world.versions, met, FIRST, now=NOW)
    file.unlink()
    if before == "judged":
        write_lines(file, lines)
    due = production_due(world.spec, world.versions, world.record, now=NOW)
    assert [period for period, _ in due.periods] == [FIRST]
    assert FIRST not in due.missing
    world.run(FIRST)
    after = production_due(world.spec, world.versions, world.record, now=NOW)
    assert after.periods == ()
    assert world.versions.refusal("flowers", f"production_batch/{FIRST}") is None or (
        before == "never written"
    )


def test_a_period_is_measured_anew_though_the_clock_was_set_back_since_the_promotion(world):
    versions = world.versions
    since = versions.champion_events("flowers")[0].at
    back = Versions(
        versions.engine, versions.store, world.ledger, clock=lambda: since - timedelta(hours=1)
    )
    world = replace(world, versions=back)
    assert measured_anew(world) == [FIRST]
