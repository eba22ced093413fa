"""A team's figures, read off a home: what they rest on, what is hidden, and that news shows."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from burnish.cli import main
from burnish.errors import ItemNotFound
from burnish.records import Verdict
from burnish.review.app import create_app
from burnish.review.context import DeskSettings
from burnish.review.figures import Share
from burnish.workflows.gold import STAGE
from burnish.workflows.home import Home
from burnish.workflows.serve_desk import desk_of
from burnish.workflows.team import HomeTeam
from tests.burnish.workflows.closed_turns import prepared

ANSWERS = pa.table({"example_id": ["p0", "p1"], "label": ["dog", "dog"]})


def say(home: Home, name: str, label: str, author: str = "Ada", **evidence: object) -> None:
    decision = "keep" if label == "cat" else "change"
    verdict = Verdict(name, decision, "cat", label, author=author, evidence=evidence)
    home.ledger.append("pets", [verdict])


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = prepared(tmp_path / "home")
    home.versions.write("pets", STAGE, ANSWERS, gated=False)
    return home


def counts(team: HomeTeam, *, open_gold: bool = True) -> list[tuple[str, int, Share]]:
    return [
        (one.name, one.answers, Share(one.right, one.gold))
        for one in team.figures("pets", open_gold=open_gold).people
    ]


def test_news_shows_at_once_and_nothing_is_counted_anew_without_any(home: Home):
    team = HomeTeam(home)
    say(home, "p0", "dog")
    assert counts(team) == [("Ada", 1, Share(1, 1))]
    assert team.figures("pets") is team.figures("pets")
    home.versions.write("pets", STAGE, ANSWERS.slice(1), gated=False)
    assert counts(team) == [("Ada", 1, Share(0, 0))]


def test_checks_of_the_open_iteration_are_left_out_even_while_it_has_no_queue(home: Home):
    team = HomeTeam(home)
    say(home, "p0", "dog", iteration=0)
    iteration = home.versions.join("pets", opens=True)
    assert home.versions.waiting("pets", "relabel_queue") is None
    say(home, "p1", "cat", iteration=iteration.number)
    say(home, "p1", "cat", author="Bob")
    assert counts(team) == [("Ada", 2, Share(1, 2)), ("Bob", 1, Share(0, 1))]
    hidden = counts(team, open_gold=False)
    assert hidden == [("Ada", 2, Share(1, 1)), ("Bob", 1, Share(0, 0))], "of no batch, but young"
    assert team.figures("pets", open_gold=False).doubts == ()


def test_a_dataset_that_is_not_there_is_told_of(home: Home):
    with pytest.raises(ItemNotFound, match="no dataset 'ghosts'"):
        HomeTeam(home).figures("ghosts")


def test_the_command_prints_a_table_and_json_without_what_json_cannot_hold(home: Home):
    for number in range(3):
        say(home, f"p{number}", "dog", seconds=4.0 + number)
    say(home, "p1", "ferret", author="[red]Bob")
    place = ["--home", str(home.folder)]
    printed = CliRunner().invoke(main, ["review", "people", "pets", *place], catch_exceptions=False)
    assert printed.exit_code == 0
    assert "100 % (34-100) of 2, few" in printed.output
    assert "[red]Bob" in printed.output
    assert "dog as ferret, 1" in printed.output
    told = CliRunner().invoke(
        main, ["review", "people", "pets", "--json", *place], catch_exceptions=False
    )
    found = json.loads(told.output)
    ada = next(one for one in found["people"] if one["name"] == "Ada")
    assert ada["seconds"] == 5.0
    assert ada["seconds_interval"] == {"value": 5.0, "low": None, "high": None}


def test_the_desk_of_a_home_tells_the_figures_of_its_team(home: Home, tmp_path: Path):
    say(home, "p0", "dog", author="ann")
    context = desk_of(home, tmp_path, DeskSettings(login=False, sole_person="root"))
    client = TestClient(create_app(context), base_url="http://127.0.0.1:3002")
    page = client.get("/d/pets/people")
    assert page.status_code == 200
    assert "1 of 1" in page.text
    assert client.get("/d/ghosts/people").status_code == 404
