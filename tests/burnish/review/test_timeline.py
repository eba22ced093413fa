"""The line of time of an example, of what came from elsewhere."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from burnish.review.bringing import Brought
from burnish.review.records import Origin, Person, Said
from burnish.review.sight import Sight
from burnish.review.timeline import Entry, timeline
from burnish.workflows.tool_exchange import Exchange, hand_out, take_back
from tests.burnish.workflows.tool_batches import at_the_desk, name_of, planted

REX = Person("rex", "reviewer")


def told(at: Exchange, person: Person) -> list[Entry]:
    """The history of the first row, of which everything may be seen."""
    return timeline(
        at.desk.events("pets", name_of(0)),
        at.examples.life("pets", name_of(0)),
        sight=Sight(label=True, others=True),
        person=person,
    )


def answered_in_a_tool(at: Exchange, out: Path) -> None:
    """Ada says in Label Studio that the first row is a dog."""
    hand_out(at, "label-studio", out)
    tasks = json.loads(out.read_text())
    tasks[0] |= {
        "id": 12,
        "annotations": [
            {
                "id": 34,
                "completed_by": {"email": "ada@example.org"},
                "result": [{"from_name": "burnish_label", "value": {"choices": ["dog"]}}],
                "updated_at": "2026-11-26T08:15:00Z",
            }
        ],
    }
    out.write_text(json.dumps(tasks))
    take_back(at, "label-studio", out)


def test_an_answer_from_a_tool_is_told_once_and_says_where_and_when_it_was_given(tmp_path: Path):
    at = at_the_desk(planted(tmp_path))
    answered_in_a_tool(at, tmp_path / "out.json")
    entries = told(at, REX)
    [said] = [one for one in entries if one.who == "ada@example.org"]
    assert said.where == "label-studio"
    assert said.text == "said 'dog', which is another label"
    assert said.event == 1, "the ledger's number of it"
    facts = dict(said.facts)
    assert (facts["task there"], facts["annotation there"]) == ("12", "34")
    assert facts["answered there at"] == "2026-11-26 08:15 UTC"


def test_an_answer_whose_verdict_was_taken_back_elsewhere_is_told_as_taken_back(tmp_path: Path):
    home = planted(tmp_path)
    at = at_the_desk(home)
    answered_in_a_tool(at, tmp_path / "out.json")
    home.ledger.undo("pets", 1, author="eve")
    [said] = [one for one in told(at, REX) if one.who == "ada@example.org"]
    assert (said.event, said.undone) == (1, True)


def test_an_answer_that_stands_though_another_was_taken_back_is_told_as_standing(tmp_path: Path):
    """With the second of two, the ledger takes back both, until somebody says the second again."""
    at = at_the_desk(planted(tmp_path, policy="double_blind"))
    answered_in_a_tool(at, tmp_path / "out.json")
    bob = Person("bob", "annotator")
    said = Said("change", "dog")
    origin = Origin("label-studio", "12", "35", datetime(2026, 11, 26, 8, 30, tzinfo=UTC))
    assert at.desk.bring("pets", [Brought(name_of(0), bob, said, origin)]) == ["taken"]
    at.desk.undo("pets", bob)
    answers = {one.who: one.undone for one in told(at, REX) if one.kind == "answer"}
    assert answers == {"ada@example.org": False, "bob": True}
