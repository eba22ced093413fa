"""What every labeling tool must hold: out and back, and nothing told that would sway people.

`EXPORTS` plays each tool: it turns what we wrote into what the tool exports once people have
answered, in the shape that its real exports have.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.sax.saxutils import quoteattr

import pytest

from burnish.errors import DataError, SourceUnreadable
from burnish.workflows.tools import TOOLS, Handout, Shot, Task, tool_named
from tests.burnish.workflows.tool_batches import CLASSES, name_of, png

SAID = {0: "dog", 1: "ferret & co", 2: "(drop)", 3: "(unsure)"}
"""What is said of each row; those beyond are left without an answer."""
Answers = Mapping[str, str]


def handout(rows: int = 5, **parts: Any) -> Handout:
    tasks = tuple(
        Task(
            name_of(row),
            pictures={"photo": Shot(png(), "image/png")},
            texts={"note": f"line one\u2028of {row}\nline two"},
            values={"weight": "4.2"},
        )
        for row in range(rows)
    )
    return Handout("pets", 3, parts.pop("classes", CLASSES), tasks, **parts)


def label_studio(written: Path, said: Answers, by: str) -> Path:
    tasks = json.loads(written.read_text())
    for number, task in enumerate(tasks, start=1):
        label = said.get(task["data"]["burnish"]["example_id"])
        task |= {"id": number, "annotations": [], "drafts": [], "predictions": []}
        if label is None:
            continue
        word = label.strip("()") if label.startswith("(") else None
        part = {
            "from_name": "burnish_decision" if word else "burnish_label",
            "to_name": "picture1",
            "type": "choices",
            "value": {"choices": [word or label]},
        }
        task["annotations"] = [
            {
                "id": 100 + number,
                "completed_by": {"id": 1, "email": by},
                "was_cancelled": False,
                "result": [part],
                "created_at": "2026-11-26T09:00:00.5Z",
                "updated_at": "2026-11-26T10:00:00.25Z",
                "lead_time": 3.5,
            }
        ]
    return _beside(written, json.dumps(tasks))


def doccano(written: Path, said: Answers, by: str) -> Path:
    lines = []
    for number, line in enumerate(written.read_text().strip("\n").split("\n"), start=1):
        task = json.loads(line)
        example = task["burnish"].partition("/")[2]
        labels = [said[example]] if example in said else []
        lines.append(json.dumps(task | {"id": number, "label": labels, "Comments": []}))
    target = written.with_name("back.zip")
    with zipfile.ZipFile(target, "w") as packed:
        packed.writestr(f"{by}.jsonl", "\n".join(lines))
    return target


def cvat(written: Path, said: Answers, by: str) -> Path:
    images = []
    with zipfile.ZipFile(written) as packed:
        for number, name in enumerate(packed.namelist()):
            label = said.get(unquote(name.partition("/")[2]).rpartition(".")[0])
            tag = "" if label is None else f"<tag label={quoteattr(label)} source='manual'/>"
            images.append(f"<image id='{number}' name={quoteattr(name)}>{tag}</image>")
    meta = (
        "<meta><job><id>7</id><updated>2026-11-26 10:00:00.250000+00:00</updated>"
        f"<assignee><username>{by}</username></assignee></job></meta>"
    )
    text = f"<?xml version='1.0'?><annotations>{meta}{''.join(images)}</annotations>"
    return _beside(written, text)


EXPORTS: dict[str, Callable[[Path, Answers, str], Path]] = {
    "label-studio": label_studio,
    "doccano": doccano,
    "cvat": cvat,
}


def _beside(written: Path, text: str) -> Path:
    target = written.with_name("back")
    target.write_text(text)
    return target


def round_trip(name: str, folder: Path, said: Mapping[int, str] = SAID) -> Any:
    tool = tool_named(name)
    written = tool.write(handout(), folder / f"out{tool.suffix}")[0]
    answers = {name_of(row): label for row, label in said.items()}
    return tool.read(EXPORTS[name](written, answers, "ada@example.org"))


def test_every_tool_is_played():
    assert set(TOOLS) == set(EXPORTS)


@pytest.mark.parametrize("name", TOOLS)
def test_every_answer_comes_home_to_its_row_with_its_author(name, tmp_path):
    found = round_trip(name, tmp_path)
    told = {
        one.example_id: (one.dataset, one.iteration, one.label, one.word) for one in found.answers
    }
    assert told == {
        name_of(0): ("pets", 3, "dog", ""),
        name_of(1): ("pets", 3, "ferret & co", ""),
        name_of(2): ("pets", 3, None, "drop"),
        name_of(3): ("pets", 3, None, "unsure"),
    }
    assert {one.author for one in found.answers} == {"ada@example.org"}
    assert all(one.task for one in found.answers)
    assert (found.blank, found.faults) == (1, ())


@pytest.mark.parametrize("name", TOOLS)
def test_what_is_written_holds_no_label_and_depends_on_the_tasks_alone(name, tmp_path):
    tool = tool_named(name)
    files = [tool.write(handout(), tmp_path / at / f"out{tool.suffix}") for at in ("one", "two")]
    first, second = ([path.read_bytes() for path in paths] for paths in files)
    assert first == second
    tasks = first[0].decode("utf-8", "ignore")
    assert not any(label in tasks for label in CLASSES)
    setup = first[1].decode()
    assert "cat" in setup
    assert "drop" in setup


@pytest.mark.parametrize("name", TOOLS)
def test_a_file_that_is_no_export_is_refused_with_what_would_be_one(name, tmp_path):
    for number, content in enumerate((b"\x00\x01", b"{", b"[1]", b"", b"PK\x03\x04broken")):
        file = tmp_path / f"{number}.json"
        file.write_bytes(content)
        if name == "doccano" and not content:
            assert tool_named(name).read(file).answers == ()
            continue
        with pytest.raises(SourceUnreadable, match="export of"):
            tool_named(name).read(file)
    with pytest.raises(SourceUnreadable):
        tool_named(name).read(tmp_path / "absent")


@pytest.mark.parametrize("name", TOOLS)
def test_the_work_of_others_in_the_same_project_is_passed_over(name, tmp_path):
    tool = tool_named(name)
    written = tool.write(handout(), tmp_path / f"out{tool.suffix}")[0]
    back = EXPORTS[name](written, {name_of(0): "dog"}, "ada")
    if name == "cvat":
        back.write_text(back.read_text().replace("pets@iter3/", "holiday/"))
    elif name == "doccano":
        with zipfile.ZipFile(back, "w") as packed:
            packed.writestr("ada.jsonl", '{"id": 1, "text": "mine", "label": ["dog"]}')
    else:
        tasks = json.loads(back.read_text())
        back.write_text(json.dumps([task | {"data": {"text": "mine"}} for task in tasks]))
    assert tool.read(back).answers == ()


@pytest.mark.parametrize("name", [one for one in TOOLS if one != "label-studio"])
def test_a_class_that_is_called_as_a_word_of_ours_is_refused(name, tmp_path):
    odd = handout(classes=("cat", "(drop)"))
    with pytest.raises(DataError, match="has a class"):
        tool_named(name).write(odd, tmp_path / "out")


def test_several_choices_at_once_are_a_fault_and_no_answer(tmp_path):
    tool = tool_named("doccano")
    file = tmp_path / "all.jsonl"
    file.write_text('{"id": 4, "burnish": "pets@iter3/a", "label": ["cat", "dog"]}\n')
    found = tool.read(file, author="ada")
    assert found.answers == ()
    assert "cat, dog at once" in found.faults[0]


def test_an_entity_in_an_xml_is_not_expanded(tmp_path):
    file = tmp_path / "bomb.xml"
    file.write_text('<!DOCTYPE a [<!ENTITY b "bbbb">]><annotations>&b;</annotations>')
    with pytest.raises(SourceUnreadable, match="declares entities"):
        tool_named("cvat").read(file)


def test_what_label_studio_tells_of_an_answer_is_kept(tmp_path):
    answer = round_trip("label-studio", tmp_path).answers[0]
    assert answer.answered_at.isoformat() == "2026-11-26T10:00:00.250000+00:00"
    assert (answer.seconds, answer.annotation, answer.shown) == (3.5, "101", False)
