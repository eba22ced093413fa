"""A batch out to a tool and back: each item once, no answer twice, and the desk's policy holds."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from burnish.cli import main
from burnish.errors import DataError, ReviewError, SourceUnreadable
from burnish.records import Verdict
from burnish.workflows.tool_exchange import hand_out, take_back
from burnish.workflows.tool_tasks import asked, handed_out, note_handed_out
from burnish.workflows.verdicts_file import export_verdicts
from tests.burnish.workflows.tool_batches import at_the_desk, name_of, planted

ADA, BOB = "ada@example.org", "bob@example.org"


@pytest.fixture
def home(tmp_path):
    return planted(tmp_path)


def answered(out: Path, *said: tuple[int, str, str], at: str = "2026-11-26T10:00:00Z") -> Path:
    """An export of Label Studio in which people said something of rows: (row, author, label)."""
    tasks = json.loads(out.read_text())
    by_name = {task["data"]["burnish"]["example_id"]: task for task in tasks}
    for number, task in enumerate(tasks, start=1):
        task |= {"id": number, "annotations": [], "predictions": []}
    for row, author, label in said:
        task = by_name[name_of(row)]
        part = {"from_name": "burnish_label", "value": {"choices": [label]}}
        task["annotations"].append(
            {
                "id": f"{row}-{author}",
                "completed_by": {"email": author},
                "result": [part],
                "updated_at": at,
            }
        )
    back = out.with_name("back.json")
    back.write_text(json.dumps(tasks))
    return back


def out_of(home, name="out.json"):
    out = home.folder.parent / name
    hand_out(at_the_desk(home), "label-studio", out)
    return out


def test_nothing_that_goes_out_tells_a_check_from_another_row(home):
    out = out_of(home)
    text = out.read_text() + out.with_suffix(".config.xml").read_text()
    for secret in ("secretly", "0.98", "0.125", "gold", "control", "held", "suggested", "audit"):
        assert secret not in text, secret
    tasks = json.loads(out.read_text())
    assert {tuple(task["data"]) for task in tasks} == {("burnish", "picture1", "text1", "values")}
    assert "label" not in tasks[0]["data"]["values"]
    assert all(task["data"]["picture1"].startswith("data:image/png;base64,") for task in tasks)
    assert [task["data"]["burnish"]["example_id"] for task in tasks] == [
        name_of(row) for row in range(4)
    ]


def test_each_item_goes_out_once_unless_all_are_asked_for(home):
    folder = home.folder.parent
    first = hand_out(at_the_desk(home), "label-studio", folder / "one.json")
    assert (first.items, first.before) == (4, 0)
    again = hand_out(at_the_desk(home), "label-studio", folder / "two.json")
    assert (again.items, again.before, again.files) == (0, 4, ())
    assert not (folder / "two.json").exists()
    assert hand_out(at_the_desk(home), "doccano", folder / "d.jsonl").items == 4
    whole = hand_out(at_the_desk(home), "label-studio", folder / "two.json", everything=True)
    assert whole.items == 4
    with pytest.raises(DataError, match="already"):
        hand_out(at_the_desk(home), "label-studio", folder / "one.json", everything=True)


def test_who_notes_the_same_items_at_the_same_time_as_another_is_not_refused(home):
    at = at_the_desk(home)

    def meanwhile():
        note_handed_out(home, at.batch, "doccano", names[:1], clock=at.clock)
        return at.clock()

    names = asked(home, at.batch)[:2]
    note_handed_out(home, at.batch, "doccano", names, clock=meanwhile)
    assert handed_out(home, at.batch, "doccano") == set(names)


def test_a_file_twice_is_the_same_as_once_and_the_ledger_names_who_and_when(home):
    back = answered(out_of(home), (0, ADA, "dog"), (1, ADA, "cat"), (2, BOB, "ferret & co"))
    found = take_back(at_the_desk(home), "label-studio", back)
    assert (found.taken, found.settled, found.open, found.blank) == (3, 3, 1, 1)
    head = home.ledger.head("pets")
    again = take_back(at_the_desk(home), "label-studio", back)
    assert (again.taken, again.changed, again.known) == (0, 0, 3)
    assert home.ledger.head("pets") == head
    [event] = home.ledger.blame("pets", name_of(2))
    assert (event.verdict.author, event.verdict.to_label) == (BOB, "ferret & co")
    assert event.verdict.evidence["tool"] == "label-studio"
    assert event.verdict.evidence["answered_at"].startswith("2026-11-26T10:00:00")


def test_a_changed_annotation_takes_the_place_of_the_first(home):
    out = out_of(home)
    take_back(at_the_desk(home), "label-studio", answered(out, (0, ADA, "dog"), (1, ADA, "dog")))
    later = answered(out, (0, ADA, "cat"), (1, ADA, "dog"), at="2026-11-26T11:00:00Z")
    found = take_back(at_the_desk(home), "label-studio", later)
    assert (found.taken, found.changed, found.known) == (0, 1, 1)
    labels = dict(zip(*home.ledger.fold("pets").decisions.select(["example_id", "label"]).columns,
                      strict=True))  # fmt: skip
    assert {str(name): str(label) for name, label in labels.items()} == {
        name_of(0): "cat",
        name_of(1): "dog",
    }


def test_two_who_differ_leave_the_row_undecided_with_its_label_as_it_was(home):
    back = answered(out_of(home), (0, ADA, "dog"), (0, BOB, "cat"))
    found = take_back(at_the_desk(home), "label-studio", back)
    assert (found.taken, found.settled, found.disagreed) == (2, 0, 1)
    [standing] = home.ledger.fold("pets").decisions.to_pylist()
    assert (standing["decision"], standing["label"]) == ("unsure", None)
    assert {event.actor.name for event in at_the_desk(home).desk.events("pets", name_of(0))} == {
        ADA,
        BOB,
    }
    with_reviewer = hand_out(at_the_desk(home), "cvat", home.folder.parent / "c.zip")
    assert with_reviewer.items == 3, "what waits for a reviewer is not asked of others"


def test_a_double_blind_batch_is_settled_by_two_who_agree_and_not_by_one(tmp_path):
    home = planted(tmp_path, policy="double_blind")
    out = out_of(home)
    one = take_back(at_the_desk(home), "label-studio", answered(out, (0, ADA, "dog")))
    assert (one.taken, one.settled) == (1, 0)
    back = answered(out, (0, ADA, "dog"), (0, BOB, "dog"), (1, ADA, "dog"), (1, BOB, "cat"))
    two = take_back(at_the_desk(home), "label-studio", back)
    assert (two.taken, two.known, two.settled, two.disagreed) == (3, 1, 1, 1)
    assert [event.verdict.author for event in home.ledger.blame("pets", name_of(0))] == [ADA, BOB]


def test_an_import_never_wins_over_what_somebody_else_decided(home):
    out = out_of(home)
    home.ledger.append("pets", [Verdict(name_of(0), "keep", "cat", "cat", author="Zoe")])
    found = take_back(at_the_desk(home), "label-studio", answered(out, (0, ADA, "dog")))
    assert (found.taken, found.decided) == (0, (name_of(0),))
    assert [event.verdict.author for event in home.ledger.blame("pets", name_of(0))] == ["Zoe"]


def test_one_bad_answer_and_nothing_is_taken(home):
    back = answered(out_of(home), (0, ADA, "dog"), (1, ADA, "wolf"), (2, "gold", "dog"))
    with pytest.raises(DataError, match="2 answers of") as raised:
        take_back(at_the_desk(home), "label-studio", back)
    assert "'wolf' is no class" in str(raised.value)
    assert "no person" in str(raised.value)
    assert home.ledger.head("pets").event_id == 0


def test_a_held_out_row_whose_task_tells_what_a_model_thinks_is_refused(home):
    back = answered(out_of(home), (0, ADA, "dog"), (3, ADA, "dog"))
    tasks = json.loads(back.read_text())
    back.write_text(json.dumps([task | {"predictions": [{"result": []}]} for task in tasks]))
    with pytest.raises(DataError, match="held out and judged blind"):
        take_back(at_the_desk(home), "label-studio", back)
    back.write_text(json.dumps([task | {"predictions": [{}]} for task in tasks[:1]]))
    take_back(at_the_desk(home), "label-studio", back)
    [event] = home.ledger.blame("pets", name_of(0))
    assert event.verdict.evidence["shown"] is True


def test_answers_of_another_batch_are_passed_over(home):
    back = answered(out_of(home), (0, ADA, "dog"), (1, ADA, "dog"))
    back.write_text(back.read_text().replace('"iteration": 1', '"iteration": 2', 1))
    found = take_back(at_the_desk(home), "label-studio", back)
    assert (found.taken, found.elsewhere) == (1, 1)


def test_somebody_is_called_here_as_they_are_called_here(home):
    back = answered(out_of(home), (0, ADA, "dog"))
    take_back(at_the_desk(home), "label-studio", back, known_as={ADA: "Ada"})
    assert home.ledger.blame("pets", name_of(0))[0].verdict.author == "Ada"


def test_a_batch_that_asks_nothing_says_so(home):
    rows = [Verdict(name_of(row), "keep", "cat", "cat", author="Zoe") for row in range(4)]
    home.ledger.append("pets", rows)
    with pytest.raises(ReviewError, match="no item of pets"):
        out_of(home)


def test_the_commands_hand_out_take_in_and_write_out(home, tmp_path):
    where = ["--home", str(home.folder), "--catalog", str(tmp_path / "catalog")]
    out = tmp_path / "ls.json"

    def run(*words: str) -> str:
        done = CliRunner().invoke(main, [*words], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    told = run("queue", "export", "pets", "--to", "label-studio", "--out", str(out), *where)
    assert "Wrote 4 items" in told
    back = answered(out, (0, ADA, "dog"))
    told = run("verdicts", "import", "pets", str(back), "--from", "label-studio", *where)
    assert "1 answers taken" in told
    sheet = tmp_path / "sheet.csv"
    assert "Wrote 3 items" in run("queue", "export", "pets", "--to", str(sheet), *where[:2])
    lines = list(csv.DictReader(sheet.open()))
    lines[0] |= {"label": "cat", "author": "Zoe"}
    with sheet.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)
    told = run("verdicts", "import", str(sheet), "--dataset", "pets", *where[:2])
    assert "1 verdicts taken" in told
    written = tmp_path / "v.csv"
    assert "Wrote 2 verdicts" in run(
        "verdicts", "export", "pets", "--out", str(written), "--home", str(home.folder)
    )
    told = list(csv.DictReader(written.open()))
    assert [(row["author"], row["tool"], row["to_label"]) for row in told] == [
        (ADA, "label-studio", "dog"),
        ("Zoe", "", "cat"),
    ]


def test_a_sheet_that_is_there_is_never_written_over(home, tmp_path):
    sheet = tmp_path / "pets.csv"
    sheet.write_text("example_id,label\nfilled,in\n")
    for words in (("--to", str(sheet)), ("--to", "csv", "--out", str(sheet))):
        args = ["queue", "export", "pets", *words, "--home", str(home.folder)]
        done = CliRunner().invoke(main, args)
        assert done.exit_code == 1
        assert "already" in done.output
        assert sheet.read_text() == "example_id,label\nfilled,in\n"


def test_a_tool_that_is_misspelt_is_no_name_of_a_sheet(home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    args = ["queue", "export", "pets", "--to", "labelstudio", "--home", str(home.folder)]
    done = CliRunner().invoke(main, args)
    assert done.exit_code == 1
    assert "label-studio" in done.output
    assert not (tmp_path / "labelstudio").exists()


def test_verdicts_are_written_whole_and_guarded_against_spreadsheets(home, tmp_path):
    said = Verdict("a", "change", "cat", "=1+1", author="Ada", comment="@me", evidence={"x": 1})
    home.ledger.append("pets", [said])
    home.ledger.undo("pets", 1, author="Ada")
    export_verdicts(home, "pets", tmp_path / "v.csv")
    first, second = csv.DictReader((tmp_path / "v.csv").open())
    assert (first["to_label"], first["comment"]) == ("'=1+1", "'@me")
    assert json.loads(first["evidence"]) == {"x": 1}
    assert second["undoes"] == "1"
    export_verdicts(home, "pets", tmp_path / "v.json", form="label-studio")
    [task] = json.loads((tmp_path / "v.json").read_text())
    assert [one["was_cancelled"] for one in task["annotations"]] == [False, True]
    assert task["annotations"][0]["completed_by"] == {"email": "Ada"}
    with pytest.raises(DataError, match="no verdict"):
        export_verdicts(home, "cars", tmp_path / "c.csv")


def test_answers_of_another_labeling_configuration_are_told_and_not_taken_for_blank(home):
    back = answered(out_of(home), (0, ADA, "dog"))
    back.write_text(back.read_text().replace("burnish_label", "animal"))
    with pytest.raises(DataError, match="animal, and not burnish_label"):
        take_back(at_the_desk(home), "label-studio", back)
    assert home.ledger.events("pets") == []


@pytest.mark.parametrize("tool", ["label-studio", "cvat", "doccano"])
def test_a_file_that_is_not_there_is_told_as_such(home, tmp_path, tool):
    with pytest.raises(SourceUnreadable, match="there is no file"):
        take_back(at_the_desk(home), tool, tmp_path / "gone.json")
