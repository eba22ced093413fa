"""Label Studio's files: tasks as it imports them, and what it exports as JSON.

What belongs here: that JSON, and the labeling configuration that goes with it. What does not: its
server (`burnish.workflows.label_studio_live`), or the batch (`burnish.workflows.tool_exchange`).

Each task holds `data.burnish`: dataset, iteration and example_id, by which it comes home. Pictures
are data: URIs, so that a server without any access to our files shows them.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from xml.sax.saxutils import quoteattr

from burnish.errors import DataError, SourceUnreadable
from burnish.workflows.tools import Handout, ReadBack, Shot, ToolAnswer, Word

LABEL, DECISION, COMMENT = "burnish_label", "burnish_decision", "burnish_comment"
NOTHING = Shot(
    b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"></svg>', "image/svg+xml"
)
Found = Mapping[str, Any]


class LabelStudio:
    """Label Studio, by its own JSON; tried with 1.23."""

    name = "label-studio"
    suffix = ".json"

    def write(self, handout: Handout, target: Path) -> tuple[Path, ...]:
        """Write tasks to import, and `NAME.config.xml` to paste as the labeling configuration."""
        config = target.with_suffix(".config.xml")
        target.parent.mkdir(parents=True, exist_ok=True)
        tasks = json.dumps(tasks_of(handout), ensure_ascii=False, separators=(",", ":"))
        target.write_text(tasks, encoding="utf-8")
        config.write_text(config_of(handout), encoding="utf-8")
        return target, config

    def read(self, file: Path, *, author: str = "") -> ReadBack:
        """The annotations of an export as JSON (neither JSON-MIN nor CSV)."""
        try:
            found: Any = json.loads(file.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError, RecursionError) as error:
            raise _no_export(file, str(error)) from error
        if not isinstance(found, list) or not all(
            isinstance(one, dict) and "data" in one for one in cast("list[Any]", found)
        ):
            raise _no_export(file, "no list of tasks")
        return answers_of(cast("list[Found]", found), {}, author=author)


def tasks_of(handout: Handout) -> list[dict[str, Any]]:
    """The tasks as Label Studio imports them."""
    pictures, texts, has_values = _columns(handout)
    return [
        {
            "data": {
                "burnish": {
                    "dataset": handout.dataset,
                    "iteration": handout.iteration,
                    "example_id": task.example_id,
                }
            }
            | {
                f"picture{at}": _uri(task.pictures.get(name, NOTHING))
                for at, name in enumerate(pictures, start=1)
            }
            | {f"text{at}": task.texts.get(name, "") for at, name in enumerate(texts, start=1)}
            | ({"values": dict(task.values)} if has_values else {})
        }
        for task in handout.tasks
    ]


def config_of(handout: Handout) -> str:
    """The labeling configuration: what is shown, the classes, drop and unsure, and a comment.

    >>> from burnish.workflows.tools import Task
    >>> print(config_of(Handout("pets", 1, ("a & b",), (Task("p1", texts={"note": "x"}),))))
    <View>
      <Header value="note"/>
      <Text name="text1" value="$text1"/>
      <Choices name="burnish_label" toName="text1" choice="single">
        <Choice value="a &amp; b"/>
      </Choices>
      <Header value="Or, where no class is right:"/>
      <Choices name="burnish_decision" toName="text1" choice="single">
        <Choice value="drop"/>
        <Choice value="unsure"/>
      </Choices>
      <TextArea name="burnish_comment" toName="text1" placeholder="Comment" maxSubmissions="1"/>
    </View>
    """
    pictures, texts, has_values = _columns(handout)
    shown = [("Image", f"picture{at}", name) for at, name in enumerate(pictures, start=1)]
    shown += [("Text", f"text{at}", name) for at, name in enumerate(texts, start=1)]
    shown += [("Table", "values", "values")] if has_values else []
    if not shown:
        raise DataError("these tasks have nothing to look at", expected="one feature or more")
    lines = ["<View>"]
    for tag, key, name in shown:
        lines.append(f"  <Header value={quoteattr(name.replace('$', ''))}/>")
        lines.append(f'  <{tag} name="{key}" value="${key}"/>')
    of = f'toName="{shown[0][1]}"'
    lines.append(f'  <Choices name="{LABEL}" {of} choice="single">')
    lines += [f"    <Choice value={quoteattr(one)}/>" for one in handout.classes]
    lines += ["  </Choices>", '  <Header value="Or, where no class is right:"/>']
    lines.append(f'  <Choices name="{DECISION}" {of} choice="single">')
    lines += ['    <Choice value="drop"/>', '    <Choice value="unsure"/>', "  </Choices>"]
    lines.append(
        f'  <TextArea name="{COMMENT}" {of} placeholder="Comment" maxSubmissions="1"/>\n</View>'
    )
    return "\n".join(lines)


def answers_of(tasks: Iterable[Found], people: Mapping[int, str], *, author: str = "") -> ReadBack:
    """The annotations of tasks; `people` gives the address of each user by number.

    Skipped tasks, drafts, and annotations with neither class nor word are blank. Tasks that are
    none of ours are passed over.
    """
    answers, faults, blank = list[ToolAnswer](), list[str](), 0
    for task in tasks:
        ours = task["data"].get("burnish") if isinstance(task["data"], dict) else None
        if not isinstance(ours, dict):
            continue
        before = len(answers)
        for annotation in task.get("annotations") or ():
            try:
                answer = _answer(cast("Found", ours), task, annotation, people, author)
            except DataError as error:
                faults.append(f"task {task.get('id')}: {error.found}")
                continue
            if answer is not None:
                answers.append(answer)
        blank += len(answers) == before
    return ReadBack(tuple(answers), blank, tuple(faults))


def _answer(
    ours: Found, task: Found, annotation: Any, people: Mapping[int, str], author: str
) -> ToolAnswer | None:
    if not isinstance(annotation, dict) or annotation.get("was_cancelled"):
        return None
    found = cast("Found", annotation)
    said = _said(found.get("result") or ())
    labels, words = said.get(LABEL, []), said.get(DECISION, [])
    if not labels and not words:
        others = sorted(said.keys() - {COMMENT})
        if others:
            # Passed over as blank, the answers of a whole project would be lost without a word.
            raise DataError(
                f"annotation {found.get('id')} answers {', '.join(others)[:200]}, and not {LABEL}: "
                "the project has another labeling configuration than ours"
            )
        return None
    if len(labels) + len(words) > 1:
        raise DataError(f"annotation {found.get('id')} says {', '.join([*labels, *words])} at once")
    if words and words[0] not in {"drop", "unsure"}:
        raise DataError(f"annotation {found.get('id')} says {words[0]!r}, which is no decision")
    dataset, iteration, example_id = _place(ours)
    number = found.get("id")
    seconds = found.get("lead_time")
    return ToolAnswer(
        dataset=dataset,
        iteration=iteration,
        example_id=example_id,
        author=_author(found, people, author),
        label=labels[0] if labels else None,
        word=cast("Word", words[0]) if words else "",
        comment="\n".join(said.get(COMMENT, [])),
        task=_text(task.get("id")),
        annotation=_text(number),
        answered_at=_moment(found.get("updated_at") or found.get("created_at")),
        seconds=float(seconds) if isinstance(seconds, int | float) else None,
        shown=bool(task.get("predictions")),
    )


def _said(result: Sequence[Any]) -> dict[str, list[str]]:
    """What each control of ours was given, by its name."""
    said: dict[str, list[str]] = {}
    for one in result:
        if not isinstance(one, dict):
            continue
        part = cast("Found", one)
        value: Any = part.get("value") or {}
        told: Any = value.get("choices") or value.get("text") or []
        texts = [told] if isinstance(told, str) else [str(text) for text in told]
        said.setdefault(str(part.get("from_name")), []).extend(texts)
    return said


def _place(ours: Found) -> tuple[str, int, str]:
    dataset, iteration, example_id = (
        ours.get(name) for name in ("dataset", "iteration", "example_id")
    )
    fits = isinstance(dataset, str) and isinstance(iteration, int) and isinstance(example_id, str)
    if not fits:
        raise DataError("data.burnish does not say dataset, iteration and example_id")
    return cast("tuple[str, int, str]", (dataset, iteration, example_id))


def _author(annotation: Found, people: Mapping[int, str], author: str) -> str:
    """The address of whoever answered; a file tells their number alone."""
    by: Any = annotation.get("completed_by")
    if isinstance(by, dict):
        known = cast("Found", by)
        return _text(known.get("email") or known.get("username")) or author
    if isinstance(by, int) and by in people:
        return people[by]
    # By one name for all, two people would be one who changed their mind.
    return f"user {by}" if isinstance(by, int) else author


def _moment(text: Any) -> datetime | None:
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _columns(handout: Handout) -> tuple[list[str], list[str], bool]:
    """The columns of pictures and of texts that any task has, and whether any has values."""
    pictures = dict.fromkeys(name for task in handout.tasks for name in task.pictures)
    texts = dict.fromkeys(name for task in handout.tasks for name in task.texts)
    return list(pictures), list(texts), any(task.values for task in handout.tasks)


def _uri(shot: Shot) -> str:
    return f"data:{shot.media_type};base64,{b64encode(shot.content).decode()}"


def _no_export(file: Path, why: str) -> SourceUnreadable:
    return SourceUnreadable(
        f"cannot read {file}: {why[:200]}",
        expected="an export of Label Studio as JSON",
        hint="choose JSON in its export dialogue, neither JSON-MIN nor CSV",
    )
