"""The sensor of promises: a forgotten item is told of once, by a real webhook, and shown."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import dagster as dg
import pyarrow as pa
import pytest
from click.testing import CliRunner

from burnish.cli import main
from burnish.review.records import Person, Said
from burnish.spec import load_catalog
from burnish.workflows.desk import HomeBatches
from burnish.workflows.home import prepare_home
from pipelines.definitions import build_definitions
from pipelines.environments import Settings
from pipelines.policing import Telling
from pipelines.promising import build_promising

START = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
SPEC = """\
name: flowers
source: {path: none.csv}
id: example_id
target: label
features: {x: numeric}
classes: ["iris", "rose"]
review:
  promises: {urgent: 4, high: 8, normal: 24, webhook_variable: MY_HOOK, email_folder: mails}
"""
ANN = Person("ann", "annotator")


class Promised:
    """A batch of three flowers as the loop left it, and looks of the sensor at given times."""

    def __init__(self, folder, instance):
        (folder / "catalog").mkdir()
        (folder / "catalog" / "flowers.yaml").write_text(SPEC)
        self.folder, self.instance, self.cursor, self.now = folder, instance, None, START
        self.spec = load_catalog(folder / "catalog")["flowers"]
        self.home = prepare_home(folder / "home")
        versions = self.home.versions
        iteration = versions.join("flowers", opens=True)
        written = versions.write("flowers", "relabel_queue", queue("abc"), gated=False)
        versions.record_output(
            "flowers", "relabel_queue", iteration=iteration.number, version=written.version
        )

    def look(self, hours, **telling):
        self.now = START + timedelta(hours=hours)
        sensor = build_promising(
            self.spec,
            clock=lambda: self.now,
            telling=Telling(**telling),
            review_url="https://desk.example.org",
        )
        with dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursor,
            resources={"versions": self.home.versions},
        ) as context:
            done = sensor.evaluate_tick(context)
        self.cursor = done.cursor or self.cursor
        return done

    def answer(self):
        from burnish.review.desk import Desk

        batches = HomeBatches(self.home, self.folder / "catalog")
        desk = Desk(self.home.versions.engine, self.home.ledger, batches, clock=lambda: self.now)
        lease = desk.take("flowers", ANN)
        desk.answer("flowers", ANN, lease.token, Said("change", "rose"))


def queue(names):
    return pa.table(
        {
            "example_id": list(names),
            "iteration": [1] * len(names),
            "position": list(range(1, len(names) + 1)),
            "reason": ["audit"] * len(names),
            "why": ["in doubt"] * len(names),
            "label": ["iris"] * len(names),
            "suggested_label": ["rose"] * len(names),
            "error_probability": [0.9] * len(names),
        }
    )


@pytest.fixture
def promised(tmp_path):
    with dg.instance_for_test() as instance:
        yield Promised(tmp_path, instance)


def test_a_forgotten_item_is_seen_by_the_webhook_exactly_once(promised, hook):
    url, notes = hook
    told = {"environ": {"MY_HOOK": url}, "private": True}
    promised.look(0, **told)
    promised.answer()
    promised.answer()
    promised.look(23, **told)
    assert notes == []
    for hours in (24.1, 24.2, 48):
        promised.look(hours, **told)
    [note] = notes
    assert "*flowers, iteration 1: 1 item is overdue*" in note["text"]
    assert "c: due 2026-11-27 09:00 UTC" in note["text"]
    assert "<https://desk.example.org/d/flowers/promises|" in note["text"]
    assert len(list((promised.folder / "catalog" / "mails").iterdir())) == 1


def test_a_network_of_ones_own_is_told_where_the_settings_say_so_alone(promised, hook):
    url, notes = hook
    promised.look(0)
    promised.look(25, environ={"MY_HOOK": url})
    assert notes == []


def test_a_batch_that_nobody_opened_is_due_all_the_same(promised, hook):
    url, notes = hook
    promised.look(0)
    promised.look(25, environ={"MY_HOOK": url}, private=True)
    assert "3 items are overdue" in notes[0]["text"]


def test_the_figures_stand_beside_the_queue_when_more_is_overdue_and_now_and_then(promised):
    [first] = promised.look(0).asset_events
    assert first.asset_key.path == ["flowers", "relabel_queue"]
    assert first.metadata["items that wait"].value == 3
    assert first.metadata["overdue"].value == 0
    assert promised.look(0.1).asset_events == []
    promised.answer()
    assert promised.look(0.2).asset_events == []
    [later] = promised.look(1).asset_events
    assert later.metadata["settled in time"].value == 1
    [broken] = promised.look(25).asset_events
    assert broken.metadata["overdue"].value == 2


def test_dagster_keeps_the_figures_of_a_look(promised):
    for event in promised.look(0).asset_events:
        promised.instance.report_runless_asset_event(event)
    key = dg.AssetKey(["flowers", "relabel_queue"])
    [kept] = promised.instance.fetch_observations(key, limit=1).records
    assert kept.asset_observation.metadata["forecast"].value.startswith("no forecast")


def test_there_is_a_sensor_where_a_spec_promises_something_alone(promised):
    where = Settings(promised.folder, promised.folder / "home", promised.folder / "catalog")
    file = promised.folder / "catalog" / "flowers.yaml"
    build = build_definitions(load_catalog(promised.folder / "catalog"), where)
    dg.Definitions.validate_loadable(build)
    assert build.resolve_sensor_def("flowers_promises").minimum_interval_seconds == 60
    file.write_text(SPEC.split("review:", maxsplit=1)[0])
    without = build_definitions(load_catalog(promised.folder / "catalog"), where)
    assert "flowers_promises" not in {one.name for one in without.sensors}


def test_without_an_open_batch_nothing_is_looked_at(promised):
    empty = prepare_home(promised.folder / "empty")
    promised.home = empty
    assert promised.look(0).skip_message == "no batch waits for people"


def test_the_command_tells_the_same_figures(promised):
    promised.look(0)
    catalog = promised.folder / "catalog"
    where = ["--home", str(promised.home.folder), "--catalog", str(catalog)]
    done = CliRunner().invoke(main, ["review", "promises", "flowers", *where])
    assert done.exit_code == 0, done.output
    assert "flowers, iteration 1: no forecast: fewer than 20 answers" in done.output
    assert "3 items wait" in done.output
    told = CliRunner().invoke(main, ["review", "promises", "flowers", "--json", *where])
    found = json.loads(told.output)
    assert found["waiting"] == {"urgent": 0, "high": 0, "normal": 3}
    assert found["zone"] == "UTC"
