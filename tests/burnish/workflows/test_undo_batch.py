"""A batch that is taken back: the labels of before stand again, and nothing is forgotten."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from burnish.cli import main
from burnish.errors import IterationError, ReviewError, VersionNotFound
from burnish.records import Verdict
from burnish.workflows.batch import decided_examples
from burnish.workflows.gold import append_verdicts, count_reviews
from burnish.workflows.home import prepare_home
from burnish.workflows.summarise import who_decided
from burnish.workflows.undo_batch import rows_of_batch, undo_batch
from tests.burnish.workflows.settlements import Course

WHY = "the guideline was misread"


def said(example_id: str, label: str | None, *, by: str = "Sam", batch: int = 1, **more) -> Verdict:
    decision = "unsure" if label is None else "keep" if label == "8" else "change"
    return Verdict(
        example_id, decision, "8", label, author=by, reason="audit",
        evidence={"iteration": batch, **more},
    )  # fmt: skip


@pytest.fixture
def home(tmp_path, database):
    """A home on SQLite, and one on PostgreSQL, with two iterations of `toy`; the second is open."""
    made = prepare_home(tmp_path, database_url=database)
    made.versions.join("toy", opens=True)
    made.versions.close("toy", 1, promoted=True)
    made.versions.join("toy", opens=True)
    return made


def standing(home) -> dict[str, tuple[str, str | None]]:
    rows = home.ledger.fold("toy").decisions.to_pylist()
    return {row["example_id"]: (row["decision"], row["label"]) for row in rows}


def undo(home, name: str = "toy@iter1", **more):
    return undo_batch(home.versions, home.ledger, name, author="Ada", why=WHY, **more)


def test_rows_have_the_label_of_before_and_are_open_again(home):
    home.ledger.append("toy", [said("a", "3"), said("b", "8"), said("c", None)])
    done = undo(home)
    assert done.count("taken back") == 3
    assert standing(home) == dict.fromkeys("abc", ("unsure", None))
    assert decided_examples(home.ledger.events("toy")) == set()
    assert done.to_table()["stands"].to_pylist() == [None, None, None]


def test_every_event_stays_and_says_who_took_back_what_and_why(home):
    [first] = home.ledger.append("toy", [said("a", "3")])
    undo(home)
    course = home.ledger.blame("toy", "a")
    assert course[0] == first
    back = course[1].verdict
    assert (back.author, back.role, back.comment) == ("Ada", "reviewer", WHY)
    assert back.evidence == {"undoes": 1, "undone_iteration": 1}
    assert back.supersedes == 1
    assert home.ledger.verify("toy").event_id == 2


def test_what_stood_before_the_batch_stands_again(home):
    home.ledger.append("toy", [said("a", "3", batch=1), said("a", "5", by="Bob", batch=2)])
    done = undo(home, "toy@iter2")
    assert standing(home) == {"a": ("change", "3")}
    assert done.to_table()["stands"].to_pylist() == ["3"]


def test_what_somebody_decided_later_stays(home):
    home.ledger.append("toy", [said("a", "3"), said("b", "3")])
    home.ledger.append("toy", [said("a", "5", by="Bob", batch=2)])
    home.ledger.append("toy", [Verdict("b", "change", "3", "6", author="Eve", reason="import")])
    done = undo(home)
    assert (done.count("taken back"), done.count("decided since")) == (0, 2)
    assert done.events == ()
    assert standing(home) == {"a": ("change", "5"), "b": ("change", "6")}


def test_a_later_decision_that_was_taken_back_protects_nothing(home):
    home.ledger.append("toy", [said("a", "3"), said("a", "5", by="Bob", batch=2)])
    home.ledger.undo("toy", 2, author="Bob")
    assert undo(home).count("taken back") == 1
    assert standing(home) == {"a": ("unsure", None)}


def test_a_number_that_no_database_holds_names_nothing(home):
    with pytest.raises(VersionNotFound, match="is no iteration"):
        undo(home, f"toy@iter{'9' * 30}")


def test_twice_is_once(home):
    home.ledger.append("toy", [said("a", "3"), said("b", "8")])
    undo(home)
    head = home.ledger.head("toy")
    again = undo(home)
    assert (again.rows, again.events) == ((), ())
    assert home.ledger.head("toy") == head
    assert str(again) == "No verdict of toy@iter1 was left to take back."


def test_gold_items_keep_their_answer_and_still_tell_how_good_the_batch_was(home):
    gold = pa.table({"example_id": ["g", "h"], "label": ["3", "8"]})
    home.versions.write("toy", "gold_items", gold, gated=False)
    append_verdicts(home.ledger, home.versions, "toy", [said("g", "5"), said("h", "8")])
    append_verdicts(home.ledger, home.versions, "toy", [said("a", "5")])
    known = {"g": "3", "h": "8"}
    before = count_reviews(home.ledger.events("toy"), known)
    done = undo(home)
    assert (done.count("taken back"), done.count("known answer")) == (1, 2)
    assert standing(home)["g"] == ("change", "3")
    assert standing(home)["h"] == ("keep", "8")
    assert count_reviews(home.ledger.events("toy"), known) == before
    assert before["Sam"].correct == 1


def test_every_answer_to_a_row_that_several_people_settled_is_taken_back(home):
    home.ledger.append("toy", [said("a", "8", by="Ada", settles=False), said("a", "3", by="Bob")])
    done = undo(home)
    assert len(done.events) == 2
    assert done.count("taken back") == 1
    assert standing(home) == {"a": ("unsure", None)}


def test_only_the_rows_that_rest_on_one_person(home):
    home.ledger.append("toy", [said("a", "3", by="Sam"), said("b", "3", by="Bob")])
    agreed = [said("c", "3", by="Sam", settles=False), said("c", "3", by="Bob")]
    overruled = [said("d", "5", by="Sam", settles=False), said("d", "8", by="Rita")]
    home.ledger.append("toy", agreed + overruled)
    done = undo(home, only_author="Sam")
    outcomes = dict(zip(*done.to_table().select(["example_id", "outcome"]).to_pydict().values(),
                        strict=True))  # fmt: skip
    assert outcomes == {"a": "taken back", "b": "by others", "c": "taken back", "d": "by others"}
    assert standing(home)["b"] == ("change", "3")


def test_a_verdict_in_between_is_seen_and_not_overruled(home, monkeypatch):
    home.ledger.append("toy", [said("a", "3"), said("b", "3")])
    append, tries = home.ledger.append, []

    def once_late(dataset, verdicts, *, expected=None):
        if not tries:
            tries.append(append(dataset, [said("a", "5", by="Bob", batch=2)]))
        return append(dataset, verdicts, expected=expected)

    monkeypatch.setattr(home.ledger, "append", once_late)
    done = undo(home)
    assert tries
    assert (done.count("taken back"), done.count("decided since")) == (1, 1)
    assert standing(home) == {"a": ("change", "5"), "b": ("unsure", None)}


def test_all_or_nothing(home, monkeypatch):
    home.ledger.append("toy", [said("a", "3"), said("b", "3")])
    calls = []
    append = home.ledger.append
    monkeypatch.setattr(
        home.ledger, "append", lambda *given, **more: calls.append(given) or append(*given, **more)
    )
    undo(home)
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("name", "more", "error"),
    [
        ("toy@1", {}, VersionNotFound),
        ("toy", {}, VersionNotFound),
        ("toy@iter9", {}, IterationError),
        ("toy@iter1", {"only_author": "Nobody"}, ReviewError),
    ],
)
def test_what_cannot_be_taken_back_is_said(home, name, more, error):
    home.ledger.append("toy", [said("a", "3")])
    with pytest.raises(error):
        undo(home, name, **more)
    assert home.ledger.head("toy").event_id == 1


@pytest.mark.parametrize(("author", "why"), [("", "x"), ("Ada", " ")])
def test_nobody_takes_back_without_a_name_and_a_reason(home, author, why):
    with pytest.raises(ReviewError, match="who takes it back, and why"):
        undo_batch(home.versions, home.ledger, "toy@iter1", author=author, why=why)


def test_a_simulated_loop_stays_a_simulated_one(home):
    one = said("a", "3")
    home.ledger.append("toy", [Verdict(**{**one.__dict__, "role": "simulated"})])
    undo(home)
    assert who_decided(home.ledger.events("toy")) == "simulated"


def test_the_command_says_what_it_did(tmp_path):
    home = prepare_home(tmp_path)
    home.versions.join("toy", opens=True)
    home.ledger.append("toy", [said("a", "3"), said("b", "3")])
    home.ledger.append("toy", [said("b", "5", by="Bob", batch=2)])
    command = ["verdicts", "undo", "toy@iter1", "--author", "Ada", "--why", WHY,
               "--home", str(tmp_path)]  # fmt: skip
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    assert "1 rows of toy@iter1 have the label they had before it" in done.output
    assert "1 rows were decided again since" in done.output
    again = CliRunner().invoke(main, [*command, "--json"])
    assert [row["outcome"] for row in json.loads(again.output)] == ["decided since"]


ANSWERS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["8", "3", None]), st.integers(1, 3)),
    max_size=20,
)


@given(ANSWERS, st.integers(1, 3))
def test_no_row_is_picked_that_the_batch_did_not_decide_last(answers, batch):
    course = Course()
    for name, label, iteration in answers:
        course.settle(name, [("Sam", label)], iteration=iteration)
    last = {name: iteration for name, _, iteration in answers}
    rows = rows_of_batch(course.events, batch)
    picked = {row.said.verdict.example_id for row in rows if row.outcome == "taken back"}
    assert picked == {name for name, iteration in last.items() if iteration == batch}
    for row in rows:
        ids = [one.event_id for one in row.answers]
        assert ids == sorted(ids, reverse=True)
        assert row.before is None or row.before.verdict.evidence["iteration"] != batch or not ids
