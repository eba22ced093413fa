"""The sensor of a policy: what goes wrong in one of its steps stops no other."""

from __future__ import annotations

from pipelines.policing import decide_due
from tests.burnish.workflows.production_alarms import drifted, record_of
from tests.burnish.workflows.production_boxes import at, batch, home_in, spec_in

DAY = "2026-03-07"


def test_reports_that_cannot_be_read_are_warned_of_and_stop_no_decision(tmp_path):
    days = {"source": {"path": "met/*.csv"}, "time": "at", "start": "2026-03-07"}
    reports = {"source": {"path": "reports.csv"}, "example_id": "box"}
    spec = spec_in(tmp_path, production=days | {"reports": reports})
    (tmp_path / "reports.csv").write_text("name,comment\nm7,wrong\n")
    home, said = home_in(tmp_path), []
    record = record_of(home)
    batch(home.versions, DAY, ["m7"])
    drifted(home.versions, DAY)
    decide_due(
        spec, home.versions, home.ledger, record, now=at("2026-03-08"), environ={}, warn=said.append
    )
    assert [one.signal.key for one in record.alarms("boxes")] == ["size"]
    [warned] = said
    assert "no column 'box'" in warned
