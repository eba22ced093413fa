"""What users report comes before people once, in the users' own words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from burnish.errors import DataError
from burnish.workflows.production_adopting import read_raw
from burnish.workflows.production_asking import unlabeled_rows
from burnish.workflows.production_reports import ASKED_BY, NO_WORD, take_reports
from burnish.workflows.validate import validate_examples
from tests.burnish.workflows.production_boxes import batch, home_in, spec_in

DAY, NOW = "2026-03-07", datetime(2026, 3, 9, tzinfo=UTC)


@pytest.fixture
def opened(tmp_path):
    production = {
        "source": {"path": "met/*.csv"},
        "time": "at",
        "start": "2026-03-01",
        "reports": {"source": {"path": "said/*.csv"}, "example_id": "box", "comment": "words"},
    }
    spec, home = spec_in(tmp_path, production=production), home_in(tmp_path)
    rows = validate_examples(read_raw(spec, home.versions), spec)
    home.versions.write("boxes", "validated_examples", rows, gated=False)
    batch(home.versions, DAY, ["p1", "p2", "p3"])
    (tmp_path / "said").mkdir()
    return spec, home, tmp_path / "said"


def test_each_report_becomes_a_request_once_and_unknown_ids_are_told(opened):
    spec, home, said = opened
    (said / "a.csv").write_text("box,words\np1,this is a small one\np2,\nnobody,?\ns003,odd\n")
    first = take_reports(spec, home.versions, home.ledger, now=NOW)
    assert first.example_ids == ["p1", "p2", "s003"]
    assert first.unknown == ("nobody",)
    told = {one.reason: one.example_ids for one in home.ledger.requests("boxes")}
    assert told == {"this is a small one": ("p1",), NO_WORD: ("p2",), "odd": ("s003",)}
    assert {one.asked_by for one in first.requests} == {ASKED_BY}
    again = take_reports(spec, home.versions, home.ledger, now=NOW)
    assert again.requests == ()
    assert len(home.ledger.requests("boxes")) == 3
    assert sorted(unlabeled_rows(spec, home.versions)["example_id"].to_pylist()) == ["p1", "p2"]


def test_a_row_that_is_met_later_is_taken_up_then(opened):
    spec, home, said = opened
    (said / "a.csv").write_text("box,words\np9,wrong\n")
    assert take_reports(spec, home.versions, home.ledger, now=NOW).unknown == ("p9",)
    batch(home.versions, "2026-03-08", ["p9"])
    found = take_reports(spec, home.versions, home.ledger, now=NOW)
    assert found.unknown == ()
    assert [one.example_ids for one in found.requests] == [("p9",)]


def test_a_source_without_the_named_column_is_refused_with_a_near_name(opened):
    spec, home, said = opened
    (said / "a.csv").write_text("boxx,words\np1,wrong\n")
    with pytest.raises(DataError, match="no column 'box'"):
        take_reports(spec, home.versions, home.ledger, now=NOW)


def test_without_reports_in_the_spec_there_are_none(tmp_path):
    spec, home = spec_in(tmp_path), home_in(tmp_path)
    assert take_reports(spec, home.versions, home.ledger, now=NOW).to_table().num_rows == 0
