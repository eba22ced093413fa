"""The line of time of an example, of what came from elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

from burnish.review.records import Person
from burnish.review.sight import Sight
from burnish.review.timeline import timeline
from burnish.workflows.tool_exchange import hand_out, take_back
from tests.burnish.workflows.tool_batches import at_the_desk, name_of, planted


def test_an_answer_from_a_tool_is_told_once_and_says_where_and_when_it_was_given(tmp_path: Path):
    home = planted(tmp_path)
    at, out = at_the_desk(home), tmp_path / "out.json"
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
    entries = timeline(
        at.desk.events("pets", name_of(0)),
        at.examples.life("pets", name_of(0)),
        sight=Sight(label=True, others=True),
        person=Person("rex", "reviewer"),
    )
    [said] = [one for one in entries if one.who == "ada@example.org"]
    assert said.where == "label-studio"
    assert said.text == "said 'dog', which is another label"
    assert said.event == 1, "the ledger's number of it"
    facts = dict(said.facts)
    assert (facts["task there"], facts["annotation there"]) == ("12", "34")
    assert facts["answered there at"] == "2026-11-26 08:15 UTC"
