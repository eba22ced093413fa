"""A double-blind batch from relabel_queue to curated_examples, through the desk's HTTP API."""

from __future__ import annotations

import csv
import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from burnish.cli import main
from burnish.errors import ReviewError
from burnish.review.accounts import Accounts
from burnish.spec import load_spec_named
from burnish.workflows.home import Home, open_home
from burnish.workflows.simulate import load_truth
from burnish.workflows.simulate_desk import DeskClient, SimulatedPerson, simulated_reviewers
from pipelines import runner
from tests.pipelines.desk_server import PROJECT, desk_server

POLICY = "policy: double_blind, gold: gold.csv, gold_share: 0.2, shown_share: 0.5"


class Project:
    """The planted project with two simulated annotators and an adjudicator at its desk."""

    def __init__(self, planted) -> None:
        self.planted = planted
        spec = planted.catalog / "flowers.yaml"
        spec.write_text(
            spec.read_text().replace("control_share: 0.25", f"control_share: 0.25, {POLICY}")
        )
        truth = list(csv.reader((planted.catalog / "truth.csv").open()))
        self.gold = {name for name, _ in truth[1::2]}
        with (planted.catalog / "gold.csv").open("w", newline="") as out:
            csv.writer(out).writerows([("example_id", "label"), *truth[1::2]])
        self.truth = load_truth(load_spec_named(planted.catalog, "flowers"))

    @property
    def home(self) -> Home:
        return open_home(self.planted.home)

    def loop(self, reviewer: str = "desk"):
        arguments = ["loop", "--dataset", "flowers", "--home", str(self.planted.home),
                     "--iterations", "1", "--reviewer", reviewer]  # fmt: skip
        done = CliRunner().invoke(runner.main, arguments, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done

    def burnish(self, *arguments: str, stdin: str = ""):
        more = ["--home", str(self.planted.home)]
        done = CliRunner().invoke(main, [*arguments, *more], input=stdin, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done

    def person(self, name: str, role: str, accuracy: float) -> SimulatedPerson:
        self.burnish("review", "person", "add", name, "--role", role, "--simulated")
        token = self.burnish("review", "token", name).stdout.strip()
        return SimulatedPerson(name, token, accuracy)

    def work(self, url: str, **people: list[SimulatedPerson]):
        return simulated_reviewers(url, "flowers", truth=self.truth, random_state=5, **people)


@pytest.fixture
def project(planted, monkeypatch) -> Project:
    monkeypatch.setenv("BURNISH_CATALOG", str(planted.catalog))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return Project(planted)


def outcomes(home: Home) -> dict[str, tuple[str, str | None]]:
    rows = home.ledger.fold("flowers").decisions.to_pylist()
    return {row["example_id"]: (row["decision"], row["label"]) for row in rows}


def test_two_who_err_and_one_who_decides_make_the_next_dataset_version(project):
    assert "burnish review" in project.loop().output
    home, catalog = project.planted.home, project.planted.catalog
    ada, bob = (project.person(name, "annotator", 0.7) for name in ("sim ada", "sim bob"))
    rita = project.person("sim rita", "reviewer", 1.0)

    with desk_server(home, catalog) as desk:
        assert "flowers, iteration 1: 0 of 12 items are settled" in desk.text
        worked = project.work(desk.url, annotators=[ada, bob])
        assert worked.answers == {"sim ada": 12, "sim bob": 12}
        assert worked.conflicts == 0
        half = project.home.ledger.events("flowers")
        client = DeskClient(desk.url, rita.token)
        states = client.ask("GET", "/datasets/flowers")["states"]
        assert states["disagreed"] + states["settled"] == 12
        assert 0 < states["disagreed"] < 12, "people who err disagree about some"
        # What is disagreed about is nowhere in the ledger, and the batch waits.
        assert len({event.verdict.example_id for event in half}) == states["settled"]
        assert "wait for people at the desk" in project.loop().output.replace("\n", " ")

        worked = project.work(desk.url, annotators=[ada], reviewers=[rita])
        assert (worked.answers, worked.decided) == ({}, states["disagreed"])
        assert desk.end() == 0
        assert desk.text.endswith("Ended.\n")

    events = project.home.ledger.events("flowers")
    own = [event.verdict for event in events if event.verdict.role != "gold"]
    assert {verdict.role for verdict in own} == {"simulated"}
    assert {verdict.author for verdict in own} == {"sim ada", "sim bob", "sim rita"}
    assert len(own) == 24 + states["disagreed"]
    assert any(project.truth[one.example_id] != one.to_label for one in own)
    settled = [one.example_id for one in own if one.evidence["settles"]]
    assert len(settled) == len(set(settled)) == 12

    done = project.loop()
    assert "simulated reviewer" in done.output
    closed = project.home.versions.iteration("flowers", 1)
    assert not closed.is_open
    found = outcomes(project.home)
    assert len(found) == 12
    rows = project.home.versions.read("flowers", "curated_examples").to_pylist()
    curated = {row["example_id"]: row["label"] for row in rows}
    assert {name: curated[name] for name in found} == {
        name: said[1] for name, said in found.items()
    }
    assert any(row["label"] != row["given_label"] for row in rows)
    assert closed.summary["dataset_version"] == 1


def test_known_answers_stand_and_measure_each_person(project):
    project.loop()
    people = [project.person(name, "annotator", 0.6) for name in ("sim ada", "sim bob")]
    rita = project.person("sim rita", "reviewer", 0.5)
    with desk_server(project.planted.home, project.planted.catalog) as desk:
        project.work(desk.url, annotators=people, reviewers=[rita])
    queue = project.home.versions.read_last_good("flowers", "relabel_queue").to_pylist()
    gold = {row["example_id"] for row in queue if row["reason"] == "gold"}
    assert gold
    found = outcomes(project.home)
    assert {name: found[name][1] for name in gold} == {name: project.truth[name] for name in gold}
    told = json.loads(project.burnish("review", "accuracy", "flowers", "--json").stdout)
    counts = {row["author"]: row["n"] for row in told["accuracy"]}
    assert counts["sim ada"] == counts["sim bob"] >= len(gold)
    answered = [
        event.verdict.evidence
        for event in project.home.ledger.events("flowers")
        if event.verdict.author == "sim ada" and event.verdict.example_id in project.gold
    ]
    ada = [row for row in told["anchoring"] if row["author"] == "sim ada"]
    for arm, shown in (("shown_n", True), ("hidden_n", False)):
        assert sum(row[arm] for row in ada) == sum(one["shown"] is shown for one in answered) > 0
    assert "not known" in project.burnish("review", "accuracy", "flowers").output


def test_a_token_that_was_taken_away_works_no_more(project):
    project.loop()
    ada = project.person("sim ada", "annotator", 1.0)
    with desk_server(project.planted.home, project.planted.catalog) as desk:
        project.burnish("review", "person", "deactivate", "sim ada")
        with pytest.raises(ReviewError):
            project.work(desk.url, annotators=[ada])
    assert project.home.ledger.head("flowers").event_id == 0


def one_line(text: str) -> str:
    return " ".join(text.split())


def test_people_are_added_listed_and_given_other_roles_by_command(project, tmp_path):
    project.loop()
    add = ["review", "person", "add", "Ada", "--role", "admin", "--password-stdin"]
    project.burnish(*add, stdin="a red barn door\n")
    project.burnish("review", "person", "add", "Bob", stdin="four grey cats sing\n" * 2)
    project.burnish("review", "person", "role", "Bob", "reviewer")
    listed = json.loads(project.burnish("review", "person", "list", "--json").stdout)
    assert [(one["name"], one["role"], one["has_password"]) for one in listed] == [
        ("Ada", "admin", True),
        ("Bob", "reviewer", True),
    ]
    project.burnish("review", "person", "deactivate", "Bob")
    assert "Bob reviewer deactivated" in one_line(
        project.burnish("review", "person", "list").output
    )


@pytest.fixture
def served(project) -> Callable[..., object]:
    project.loop()
    home: Path = project.planted.home
    return lambda *options: desk_server(home, project.planted.catalog, *options)


def test_without_a_screen_no_password_is_told_and_it_says_what_to_do(project, served):
    with served() as desk:
        assert "person add NAME --role admin" in desk.text
        assert "password" not in desk.text
    listed = json.loads(project.burnish("review", "person", "list", "--json").stdout)
    assert listed == []


def test_on_a_screen_the_first_admin_is_told_a_password_that_signs_in(project):
    project.loop()
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "burnish.cli", "review", "--home", str(project.planted.home),
               "--catalog", str(project.planted.catalog)]  # fmt: skip
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, cwd=PROJECT) as process:
        os.close(theirs)
        shown = ""
        while "Ctrl-C ends it." not in shown:
            shown += os.read(ours, 4096).decode()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    os.close(ours)
    name, password = (re.search(rf"{word}\s+(\S+)", shown)[1] for word in ("name", "password"))
    accounts = Accounts(project.home.versions.engine)
    assert accounts.sign_in(name, password).person.role == "admin"


EARLY = """
import os, signal, sys
from pathlib import Path
from burnish.review.context import DeskSettings
from burnish.workflows.home import open_home
from burnish.workflows.serve_desk import serve

def say(line):
    print(line, flush=True)
    if line == "Ctrl-C ends it.":
        os.kill(os.getpid(), getattr(signal, sys.argv[3]))

settings = DeskSettings(login=False, sole_person="Ada")
serve(open_home(Path(sys.argv[1])), Path(sys.argv[2]), settings=settings, port=0, say=say)
"""


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
def test_a_desk_that_is_told_to_end_before_it_has_started_ends(project, number):
    project.loop()
    places = [str(project.planted.home), str(project.planted.catalog)]
    done = subprocess.run(
        [sys.executable, "-c", EARLY, *places, number],
        cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "Ended."), done.stderr


def test_a_second_desk_takes_another_port_and_a_named_one_must_be_free(project, served):
    with served() as first, served() as second:
        assert first.url != second.url
        port = first.url.rpartition(":")[2]
        refused = CliRunner().invoke(main, ["review", "--port", port, "--home",
                                            str(project.planted.home)])  # fmt: skip
        assert refused.exit_code == 1
        assert f"port {port}" in refused.output


def test_off_loopback_it_refuses_to_stand_open(project, served):
    serve = ["review", "--home", str(project.planted.home), "--host", "0.0.0.0"]
    for options, found in (
        ([], "nobody could sign in"),
        (["--no-login", "Ada"], "without a login"),
    ):
        done = CliRunner().invoke(main, [*serve, *options])
        assert done.exit_code == 1
        assert found in done.output


def test_without_a_login_everybody_is_the_one_who_was_named(served):
    with served("--no-login", "Ada") as desk:
        assert "acts as Ada" in desk.text
        assert DeskClient(desk.url, "").ask("GET", "/me") == {
            "name": "Ada", "role": "admin", "simulated": False,
        }  # fmt: skip
