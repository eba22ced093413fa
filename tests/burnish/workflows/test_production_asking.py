"""Rows met in production are asked about once, and get to people; nothing else gets in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from burnish.errors import DataError
from burnish.records import Verdict
from burnish.workflows.curate import curate
from burnish.workflows.production_adopting import adopt_labels, read_raw
from burnish.workflows.production_answers import Chance
from burnish.workflows.production_asking import (
    ask_for_labels,
    unlabeled_rows,
    wrong_and_confident,
)
from burnish.workflows.production_stages import ASKED
from burnish.workflows.validate import validate_examples
from tests.burnish.workflows.production_boxes import batch, home_in, labels_came, spec_in

DAY, NEXT = "2026-03-07", "2026-03-08"
WHO = {"asked_by": "alarm 3", "reason": "accuracy is estimated to fall here"}


@pytest.fixture
def open_home(tmp_path):
    spec, home = spec_in(tmp_path), home_in(tmp_path)
    rows = validate_examples(read_raw(spec, home.versions), spec)
    home.versions.write("boxes", "validated_examples", rows, gated=False)
    batch(home.versions, DAY, ["p1", "p2", "p3"])
    batch(home.versions, NEXT, ["p4", "p5"], size=2.0)
    return spec, home


def ids(table: pa.Table) -> list[str]:
    return sorted(table["example_id"].to_pylist())


def test_rows_that_were_asked_about_join_the_unlabeled_ones_in_the_columns_of_training(open_home):
    spec, home = open_home
    made = ask_for_labels(spec, home.versions, home.ledger, ["p4", "p1"], **WHO)
    assert made.example_ids == ("p4", "p1")
    found = unlabeled_rows(spec, home.versions)
    assert ids(found) == ["p1", "p4"]
    assert found.column_names == ["example_id", "label", "size", "site"]
    assert found["label"].null_count == found["site"].null_count == 2


def test_a_row_keeps_the_chance_by_which_it_was_first_chosen(open_home):
    spec, home = open_home
    chances = {"p1": Chance(False, 1.0), "p2": Chance(True, 4.0)}
    ask_for_labels(spec, home.versions, home.ledger, ["p1", "p2"], **WHO, chances=chances)
    late = {"asked_by": "ada", "reason": "it looks odd"}
    again = {"p1": Chance(True, 9.0)}
    ask_for_labels(spec, home.versions, home.ledger, ["p1", "p4"], **late, chances=again)
    kept = home.versions.read("boxes", ASKED).sort_by("example_id").to_pylist()
    names = ("asked_reason", "asked_control", "asked_weight")
    assert [tuple(row[name] for name in names) for row in kept] == [
        (WHO["reason"], False, 1.0), (WHO["reason"], True, 4.0), ("it looks odd", None, None),
    ]  # fmt: skip


def test_asking_twice_changes_neither_the_table_nor_the_requests(open_home):
    spec, home = open_home
    first = ask_for_labels(spec, home.versions, home.ledger, ["p1"], **WHO)
    again = ask_for_labels(spec, home.versions, home.ledger, ["p1"], **WHO)
    assert again == first
    more = ask_for_labels(spec, home.versions, home.ledger, ["p1", "p2"], **WHO)
    assert more.request_id != first.request_id
    assert ids(home.versions.read("boxes", ASKED)) == ["p1", "p2"]
    assert len(home.ledger.requests("boxes")) == 2


def test_a_copy_of_a_held_out_row_joins_no_training_though_its_other_columns_differ(open_home):
    spec, home = open_home
    held = home.versions.read("boxes", "validated_examples").filter(pc.field("split") == "test")
    batch(home.versions, "2026-03-09", ["twin"], size=held["size"][0].as_py())
    ask_for_labels(spec, home.versions, home.ledger, ["twin", "p1"], **WHO)
    said = [Verdict(name, "change", None, "small", author="ada") for name in ("twin", "p1")]
    home.ledger.append("boxes", said)
    validated = home.versions.read("boxes", "validated_examples")
    unlabeled = unlabeled_rows(spec, home.versions)
    rows = curate(validated, home.ledger.fold("boxes"), unlabeled=unlabeled)
    trained = rows.filter(pc.field("split") == "train")
    assert "p1" in ids(trained)
    assert "twin" not in ids(trained)


def test_a_row_of_training_is_asked_about_as_it_is_and_an_unknown_one_is_refused(open_home):
    spec, home = open_home
    ask_for_labels(spec, home.versions, home.ledger, ["s003"], **WHO)
    assert unlabeled_rows(spec, home.versions).num_rows == 0
    with pytest.raises(DataError, match="no row of boxes is called 'nobody'"):
        ask_for_labels(spec, home.versions, home.ledger, ["p1", "nobody"], **WHO)
    assert unlabeled_rows(spec, home.versions).num_rows == 0, "all or none"


def test_an_id_that_training_has_too_is_refused_whichever_came_first(open_home):
    spec, home = open_home
    batch(home.versions, "2026-03-09", ["s003", "late"])
    with pytest.raises(DataError, match="'s003' names a row met in production and another row"):
        ask_for_labels(spec, home.versions, home.ledger, ["s003"], **WHO)
    ask_for_labels(spec, home.versions, home.ledger, ["late"], **WHO)
    rows = home.versions.read("boxes", "validated_examples")
    taken = pa.array(["late", *rows["example_id"].to_pylist()[1:]])
    home.versions.write(
        "boxes", "validated_examples", rows.set_column(0, "example_id", taken), gated=False
    )
    with pytest.raises(DataError, match="'late'"):
        unlabeled_rows(spec, home.versions)


def test_a_row_whose_label_came_in_since_leaves_unless_somebody_decided_on_it(open_home):
    spec, home = open_home
    ask_for_labels(spec, home.versions, home.ledger, ["p1", "p2", "p3"], **WHO)
    home.ledger.append("boxes", [Verdict("p2", "change", None, "small", author="Ada")])
    later = datetime.now(UTC) + timedelta(hours=1)
    labels_came(home.versions, DAY, {"p1": "small", "p2": "large"}, when=later)
    # p3 was labelled before anybody asked: whoever asked knew, and wants it looked at.
    labels_came(home.versions, DAY, {"p3": "small"}, when=later - timedelta(days=30))
    assert ids(unlabeled_rows(spec, home.versions)) == ["p2", "p3"]


def test_an_adopted_row_is_no_unlabeled_one_any_more(open_home):
    spec, home = open_home
    ask_for_labels(spec, home.versions, home.ledger, ["p1", "p4"], **WHO)
    labels_came(home.versions, DAY, {"p1": "small"})
    adopt_labels(spec, home.versions, until=NEXT)
    rows = validate_examples(read_raw(spec, home.versions), spec)
    home.versions.write("boxes", "validated_examples", rows, gated=False)
    assert ids(unlabeled_rows(spec, home.versions)) == ["p4"]
    # It is a row as any other now, and can be asked about as one.
    assert ask_for_labels(spec, home.versions, home.ledger, ["p1"], **WHO).example_ids == ("p1",)


def test_what_production_got_wrong_is_told_with_the_most_confident_first(open_home):
    spec, home = open_home
    labels_came(home.versions, DAY, {"p1": "small", "p2": "large", "p3": None})
    assert wrong_and_confident(home.versions, "boxes").to_pylist() == [
        {"example_id": "p1", "label": "small", "predicted": "large", "confidence": 0.95}
    ]
    assert wrong_and_confident(home.versions, "boxes", confidence=0.99).num_rows == 0
    ask_for_labels(spec, home.versions, home.ledger, ["p1"], **WHO)
    assert wrong_and_confident(home.versions, "boxes").num_rows == 0
