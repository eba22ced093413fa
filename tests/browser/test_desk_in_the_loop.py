"""A whole batch in real browsers: queued by the loop, decided by people, retrained on."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from click.testing import CliRunner

from burnish.cli import main
from burnish.records import Verdict
from burnish.workflows.home import Home, open_home
from pipelines import runner
from tests.browser.labeling import example, press, ready, saved, until
from tests.pipelines.desk_server import DeskServer, desk_server

KINDS = ("iris", "rose", "tulip")
PASSWORD = "a long enough passphrase"
ROLES = {"ann": "annotator", "ben": "annotator", "rex": "reviewer"}


class Project:
    """The flowers, asked about in batches of 24, two people a row, and their truth for the test."""

    def __init__(self, planted: Any) -> None:
        self.planted = planted
        spec = planted.catalog / "flowers.yaml"
        spec.write_text(spec.read_text().replace("budget: 12", "budget: 24, policy: double_blind"))
        with (planted.catalog / "truth.csv").open() as lines:
            self.truth = {row["flower"]: row["kind"] for row in csv.DictReader(lines)}

    @property
    def home(self) -> Home:
        return open_home(self.planted.home)

    def loop(self) -> str:
        home = ["--home", str(self.planted.home)]
        arguments = ["loop", "--dataset", "flowers", "--iterations", "1", "--reviewer", "desk"]
        done = CliRunner().invoke(runner.main, arguments + home, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    def let_in(self) -> None:
        for name, role in ROLES.items():
            command = ["review", "person", "add", name, "--role", role, "--password-stdin"]
            home = ["--home", str(self.planted.home)]
            done = CliRunner().invoke(main, command + home, input=PASSWORD)
            assert done.exit_code == 0, done.output

    def verdicts(self) -> list[Verdict]:
        return [event.verdict for event in self.home.ledger.events("flowers")]

    def key(self, example_id: str, *, beside: int = 0) -> str:
        """The key of the true class, or of the one that stands so many places on."""
        return str((KINDS.index(self.truth[example_id]) + beside) % len(KINDS) + 1)


@pytest.fixture
def project(planted: Any, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("BURNISH_CATALOG", str(planted.catalog))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return Project(planted)


@contextmanager
def person(chrome: Any, desk: DeskServer, name: str, place: str) -> Iterator[Any]:
    """A browser of this person's own, signed in, at a place of the desk."""
    context = chrome.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"{desk.url}/sign-in?next={place}")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{desk.url}{place}")
    yield page
    context.close()
    assert faults == []


def label(page: Any, count: int, key: Callable[[str], str]) -> list[str]:
    """Answer so many items by keyboard; the ids in the order they came."""
    seen = [press(page, key(example(page))) for _ in range(count)]
    saved(page)
    return seen


def finish(page: Any, key: Callable[[str], str]) -> None:
    """Answer the last item, and wait until the desk has nothing more to ask."""
    page.keyboard.press(key(example(page)))
    page.get_by_text("Nothing is left for you").wait_for()


def answer_with_a_slip(page: Any, project: Project) -> None:
    """Ann answers all 24 rightly; the twentieth she takes back, and answers again."""
    ready(page)
    slip = label(page, 20, project.key)[-1]
    page.keyboard.press("z")
    until(page, f"document.querySelector('#stage [data-example=\"{slip}\"]') !== null")
    assert label(page, 4, project.key)[0] == slip
    finish(page, project.key)


def answer_otherwise(page: Any, project: Project) -> set[str]:
    """Ben answers all 24, the first four wrongly; those."""
    ready(page)
    others = set(label(page, 4, lambda name: project.key(name, beside=1)))
    label(page, 19, project.key)
    finish(page, project.key)
    return others


def adjudicate(page: Any, project: Project, others: set[str]) -> str:
    """Rex decides three of the four, and sends back the last; its id."""
    for _ in range(3):
        name = page.locator(".label-card").get_attribute("data-example")
        assert name in others
        page.keyboard.press(project.key(name))
        page.get_by_text(f"Decided: {name}").wait_for()
    page.keyboard.press("c")
    page.keyboard.type("look at the petals")
    page.keyboard.press("Escape")
    back = str(page.locator(".label-card").get_attribute("data-example"))
    page.keyboard.press("s")
    page.get_by_text(f"Sent back: {back}").wait_for()
    return back


def require_trained_on(project: Project, last: Mapping[str, Verdict], events: int) -> None:
    home = project.home
    closed = home.versions.iteration("flowers", 1)
    assert not closed.is_open
    version = home.versions.dataset_version("flowers", int(closed.summary["dataset_version"]))
    assert version.watermark.event_id == events
    rows = home.versions.read("flowers", "curated_examples").to_pylist()
    curated = {row["example_id"]: row["label"] for row in rows}
    assert all(curated[name] == project.truth[name] for name in last)
    assert any(one.decision == "change" for one in last.values())


def test_a_batch_is_decided_by_three_people_and_the_model_is_trained_on_it(
    project: Project, chrome: Any
):
    assert "24 rows wait for people at the desk" in project.loop()
    project.let_in()
    labels = "/d/flowers/label"
    with desk_server(project.planted.home, project.planted.catalog) as desk:
        with person(chrome, desk, "ann", labels) as page:
            answer_with_a_slip(page, project)
        assert project.verdicts() == [], "one answer of two settles nothing"
        with person(chrome, desk, "ben", labels) as page:
            others = answer_otherwise(page, project)
        decided = {verdict.example_id for verdict in project.verdicts()}
        assert len(decided) == 20
        assert not decided & others
        assert "4 rows wait for people" in project.loop()

        with person(chrome, desk, "rex", "/d/flowers/review") as page:
            back = adjudicate(page, project, others)
        for name in ("ann", "ben"):
            with person(chrome, desk, name, labels) as page:
                page.get_by_text("look at the petals").wait_for()
                assert example(page) == back
                finish(page, project.key)
        with person(chrome, desk, "rex", f"/d/flowers/examples/{back}") as page:
            page.locator("ol.line").get_by_text("look at the petals").first.wait_for()
            said = page.locator("ol.line").inner_text()
            assert min(said.count("ann"), said.count("ben")) >= 2
        assert desk.end() == 0

    events = project.verdicts()
    last = {verdict.example_id: verdict for verdict in events}
    assert len(last) == 24
    assert all(one.to_label == project.truth[name] for name, one in last.items())
    assert {name for name, one in last.items() if one.author == "rex"} == others - {back}
    # Of the row that was sent back, what both had said at first is in the ledger as well.
    assert Counter(one.author for one in events) == {"ann": 25, "ben": 25, "rex": 3}
    project.loop()
    require_trained_on(project, last, len(events))
