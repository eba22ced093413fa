"""The commands on alarms: listing, looking, answering, and trying another policy."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from burnish.cli import main
from burnish.errors import DataError
from burnish.policy import Signal
from burnish.workflows.answering_alarms import overrule
from burnish.workflows.policy_run import run_policy
from burnish.workflows.showing_alarms import record_of
from tests.burnish.workflows.production_alarms import drifted
from tests.burnish.workflows.production_boxes import at, batch, home_in, spec_in

DAY, NOW = "2026-03-07", at("2026-03-08")


@pytest.fixture
def run(tmp_path):
    home = home_in(tmp_path)
    spec = spec_in(tmp_path)
    home.versions.join("boxes", opens=True)
    record = record_of(home)
    for number in range(1, 8):
        day = f"2026-03-{number:02d}"
        batch(home.versions, day, [f"m{number}"])
        drifted(home.versions, day, value=0.1 * number)
        run_policy(spec, home.versions, record, day, now=at(day, 23))
    catalog = tmp_path / "catalog"
    catalog.mkdir()
    told = spec.model_dump(mode="json", exclude_unset=True, exclude={"folder"})
    (catalog / "boxes.yaml").write_text(yaml.safe_dump(told))

    def call(*args, code=0):
        where = ["--home", str(home.folder)]
        if args[0] == "replay-policy" or args[:2] == ("alarms", "show"):
            where += ["--catalog", str(catalog), "--project", str(tmp_path)]
        done = CliRunner().invoke(main, [*args, *where])
        assert done.exit_code == code, done.output
        return done.output

    return call


def test_open_alarms_are_listed_with_and_without_a_name(run):
    for args in (("alarms",), ("alarms", "boxes"), ("alarms", "list", "boxes")):
        output = run(*args)
        assert "A column has changed: the column size" in output
        assert "2026-03-02" in output
    [alarm] = json.loads(run("alarms", "boxes", "--json"))
    assert (alarm["number"], alarm["status"], alarm["signal"]["key"]) == (1, "open", "size")


def test_a_playbook_is_written_where_it_says(run):
    output = run("alarms", "show", "boxes", "1")
    page = output.partition("The playbook: ")[2].strip()
    assert "the column size" in Path(page).read_text(encoding="utf-8")


def test_an_answer_is_recorded_with_who_and_why(run):
    run("alarms", "ack", "boxes", "1", "--who", "Ada")
    assert "overruled" in run("alarms", "overrule", "boxes", "1", "--who", "Ada", "--why", "known")
    assert "No alarm is open" in run("alarms", "boxes")
    [alarm] = json.loads(run("alarms", "boxes", "--all", "--json"))
    assert alarm["why_closed"] == "overruled: known"
    assert "overruled already" in run(
        "alarms", "close", "boxes", "1", "--who", "Ada", "--why", "x", code=1
    )


def test_another_policy_is_held_against_the_record(run, tmp_path):
    assert run("replay-policy", "boxes").startswith("0 of 7 decisions differ: 1 to 1 alarms")
    rule = {"signal": "column_drift", "action": "label", "over": 0.3, "rows": 10}
    file = tmp_path / "policy.yaml"
    file.write_text(yaml.safe_dump({"policy": {"rules": [rule]}}))
    output = run("replay-policy", "boxes", "--policy", str(file))
    assert "1 to 1 alarms, 0 to 1 requests" in output
    lines = json.loads(run("replay-policy", "boxes", "--policy", str(file), "--json"))
    raised = [line["period"] for line in lines if line["replayed_alarm"] == "raise"]
    assert raised == ["2026-03-04"]


def test_a_policy_with_a_mistake_is_refused_with_the_key(run, tmp_path):
    file = tmp_path / "policy.yaml"
    file.write_text("rules: [{signal: column_drift, action: panic}]")
    output = run("replay-policy", "boxes", "--policy", str(file), code=1)
    assert "rules.0.action" in output


def test_an_unknown_dataset_is_refused(run):
    assert "dogs" in run("alarms", "dogs", code=1)


def test_of_two_answers_at_once_the_first_counts_and_the_second_is_refused(tmp_path, monkeypatch):
    record = record_of(home_in(tmp_path))
    signal = Signal("column_drift", "size", 0.4, 0.35, 0.45, 300, "no labels")
    record.append("boxes", [("opened", DAY, 1, {"signal": signal.to_json(), "why": "w"})])
    append, done = record.append, []

    def overtaken(dataset, events, *, expected=None):
        if not done:
            done.append(append(dataset, [("closed", DAY, 1, {"why": "mended", "by": "Ada"})]))
        return append(dataset, events, expected=expected)

    monkeypatch.setattr(record, "append", overtaken)
    with pytest.raises(DataError, match="closed already: mended"):
        overrule(record, "boxes", 1, who="Bo", why="a campaign")
    [alarm] = record.alarms("boxes")
    assert (alarm.status, alarm.why_closed) == ("closed", "mended")
