"""An earlier champion serves again: recorded first, and the alias follows."""

from __future__ import annotations

import shutil

import pytest

from burnish.errors import ChampionMoved, IterationError, TrackingUnavailable
from burnish.patience import Patience
from burnish.records import TrackedRun
from burnish.report.iteration_page import render_iteration_page
from burnish.report.pages import Pages
from burnish.workflows import promote_inputs
from burnish.workflows.backlog import log_waiting
from burnish.workflows.home import prepare_home
from burnish.workflows.iterate import close_iteration
from burnish.workflows.iteration_report import iteration_facts
from burnish.workflows.iteration_report_pages import write_champion_cards
from burnish.workflows.rolling_back import follow_record, roll_back
from tests.burnish.workflows.closed_turns import measured, pets, prepared, turn

SAID = {"author": "Ada", "why": "a slice got worse"}


class Aliases:
    """A tracker that remembers where its alias is, and may be down."""

    def __init__(self):
        self.champion, self.down, self.logged = None, False, []

    def reach(self, *, patience=None):
        if self.down:
            raise TrackingUnavailable("no server answers")

    def answers(self):
        return not self.down

    def log_iteration(self, iteration, *, patience=None):
        self.reach()
        self.logged.append(iteration)
        run_id = f"r{iteration.iteration}"
        if iteration.serves:
            self.champion = run_id
        return TrackedRun(run_id, "", iteration.dataset, str(iteration.iteration))

    def set_champion(self, dataset, run_id, *, patience=None):
        self.reach()
        self.champion = run_id


@pytest.fixture
def spec():
    return pets()


@pytest.fixture(scope="module")
def turned(tmp_path_factory):
    folder = tmp_path_factory.mktemp("turned")
    home = prepared(folder)
    for _ in range(3):
        turn(home, pets())
    assert [one.promoted for one in home.versions.iterations("pets")] == [True] * 3
    return folder


@pytest.fixture
def home(turned, tmp_path):
    shutil.copytree(turned, tmp_path, dirs_exist_ok=True)
    return prepare_home(tmp_path)


def log(home, spec, tracker):
    return log_waiting(spec, home.versions, tracker, patience=9.0)


def test_it_goes_back_to_the_champion_before_and_then_further(home, spec):
    tracker = Aliases()
    log(home, spec, tracker)
    first = roll_back(home.versions, tracker, "pets", **SAID)
    assert (first.event.iteration, first.event.who, first.waits) == (2, "Ada", "")
    assert first.sentence.startswith("pets@iter2 is champion again, in place of pets@iter3")
    assert tracker.champion == "r2"
    assert roll_back(home.versions, tracker, "pets", **SAID).event.iteration == 1
    assert home.versions.champion("pets").number == 1
    with pytest.raises(IterationError, match="no champion of pets before pets@iter1"):
        roll_back(home.versions, tracker, "pets", **SAID)


@pytest.mark.parametrize("name", ["1", "iter1", "pets@iter1"])
def test_the_model_can_be_named(home, name):
    done = roll_back(home.versions, Aliases(), "pets", to=name, **SAID)
    assert done.event.iteration == 1
    assert "not logged yet" in done.waits


def test_the_next_challenger_is_held_against_the_one_that_serves_again(home, spec):
    roll_back(home.versions, Aliases(), "pets", to="1", **SAID)
    turn(home, spec)
    assert home.versions.iteration("pets", 4).summary["promotion"]["against"] == 1


def test_a_server_that_is_down_has_its_alias_put_right_by_the_next_log(home, spec):
    tracker = Aliases()
    log(home, spec, tracker)
    tracker.down = True
    done = roll_back(home.versions, tracker, "pets", **SAID)
    assert "waits: no server answers" in done.sentence
    assert home.versions.champion("pets").number == 2
    assert tracker.champion == "r3"
    waiting = log(home, spec, tracker)
    assert not waiting.in_accord
    assert "alias champion waits for MLflow: no server answers" in waiting.sentence
    tracker.down = False
    assert log(home, spec, tracker).in_accord
    assert tracker.champion == "r2"


def test_what_was_rolled_back_before_it_was_logged_takes_no_alias(home, spec):
    tracker = Aliases()
    roll_back(home.versions, tracker, "pets", **SAID)
    log(home, spec, tracker)
    assert [one.serves for one in tracker.logged] == [True, True, False]
    assert tracker.champion == "r2"


def test_a_rollback_while_an_iteration_closes_has_it_decided_anew(home, spec, monkeypatch):
    iteration = measured(home, spec)
    decide, seen = promote_inputs.decide_for, []

    def slowly(*given):
        found = decide(*given)
        seen.append(found.against)
        if len(seen) == 1:
            roll_back(home.versions, Aliases(), "pets", **SAID)
        return found

    monkeypatch.setattr("burnish.workflows.iterate.decide_for", slowly)
    close_iteration(spec, home.versions, iteration, run_id="r", git_sha="g")
    assert seen == [3, 2]
    closed = home.versions.iteration("pets", 4)
    assert closed.summary["promotion"]["against"] == 2
    assert home.versions.champion("pets").number == (4 if closed.promoted else 2)


def test_a_promotion_while_somebody_rolls_back_is_not_undone(home, spec, monkeypatch):
    """They meant to leave the third: it is no longer the one that serves."""
    versions, true = home.versions, home.versions.roll_back

    def late(*given, **told):
        turn(home, spec)
        return true(*given, **told)

    monkeypatch.setattr(versions, "roll_back", late)
    with pytest.raises(ChampionMoved, match="pets@iter4 became champion meanwhile"):
        roll_back(versions, Aliases(), "pets", **SAID)
    assert versions.champion("pets").number == 4


def test_a_promoted_champion_asks_no_server(home):
    tracker = Aliases()
    tracker.down = True
    assert follow_record(home.versions, tracker, "pets", patience=Patience(1.0)) == ""


@pytest.mark.parametrize(
    ("to", "message"),
    [
        ("9", "pets has no iteration 9"),
        ("3", "pets@iter3 is champion already"),
        ("pets@2", "names no iteration of pets"),
        ("cats@iter1", "names no iteration of pets"),
        ("x", "names no iteration of pets"),
        ("9" * 30, "names no iteration of pets"),
    ],
)
def test_a_name_that_will_not_do_is_refused(home, to, message):
    with pytest.raises(IterationError, match=message):
        roll_back(home.versions, Aliases(), "pets", to=to, **SAID)
    assert home.versions.champion("pets").number == 3


def test_an_iteration_without_a_model_is_refused(home):
    home.versions.join("pets", opens=True)
    with pytest.raises(IterationError, match="pets@iter4 never trained a model"):
        roll_back(home.versions, Aliases(), "pets", to="4", **SAID)


def test_a_model_that_the_gate_did_not_promote_is_refused(home, spec):
    iteration = home.versions.join("pets", opens=True)
    home.versions.note("pets", iteration.number, model_version=1)
    home.versions.close("pets", iteration.number, promoted=False)
    with pytest.raises(IterationError, match="was never champion") as caught:
        roll_back(home.versions, Aliases(), "pets", to="4", **SAID)
    assert "one of the iterations 1, 2, 3" in str(caught.value)


@pytest.mark.parametrize("table", ["trained_model", "model_files"])
def test_a_model_of_which_a_table_is_gone_is_refused(home, table):
    shutil.rmtree(home.folder / "tables" / "pets" / table)
    with pytest.raises(IterationError, match=f"what pets@iter2 left in {table}"):
        roll_back(home.versions, Aliases(), "pets", **SAID)
    assert home.versions.champion("pets").number == 3


def test_a_dataset_without_champion_is_named(home):
    with pytest.raises(IterationError, match="cats has no champion"):
        roll_back(home.versions, Aliases(), "cats", **SAID)


@pytest.mark.parametrize("said", [{"author": " ", "why": "x"}, {"author": "Ada", "why": ""}])
def test_who_and_why_are_asked_for(home, said):
    with pytest.raises(IterationError, match="is given"):
        roll_back(home.versions, Aliases(), "pets", **said)


@pytest.mark.parametrize("word", ["author", "why"])
def test_what_no_database_can_hold_is_refused(home, word):
    with pytest.raises(IterationError, match=f"no database can hold the {word}"):
        roll_back(home.versions, Aliases(), "pets", **(SAID | {word: "a\udcffb"}))
    assert home.versions.champion("pets").number == 3


def test_reports_and_card_tell_of_the_rollback_and_nobody_is_told_that_it_serves(home, spec):
    roll_back(home.versions, Aliases(), "pets", author="Ada <b>", why="cats got worse.")
    words = "Ada <b> rolled back from pets@iter3 to pets@iter2: cats got worse."
    for number, told in ((1, ()), (2, (words,)), (3, (words,))):
        facts = iteration_facts(
            home.versions, home.ledger, spec, home.versions.iteration("pets", number)
        )
        assert tuple(one.split(" ", 2)[2] for one in facts.decision.since) == told
        page = render_iteration_page(facts)
        assert ("this model now serves" in page) == (not told)
        # Of the one that serves again too: which way it went, the sentence says.
        assert ("a rollback since: see above" in page) == bool(told)
        assert ("Ada &lt;b&gt; rolled back" in page) == bool(told)
    cards = write_champion_cards(Pages(home.folder / "p", ""), home.versions, home.ledger, spec)
    assert "rolled back from pets@iter3 to pets@iter2" in cards["model"].read_text("utf-8")
