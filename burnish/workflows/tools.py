"""Labeling tools that others made: what each of them is given, and what comes back from it.

What belongs here: the records that cross between a batch and a tool, the Protocol that each tool
answers, and their names. What does not: one tool's format (`burnish.workflows.tools_label_studio`
and its siblings), the batch and the desk (`burnish.workflows.tool_exchange`), or a server
(`burnish.workflows.label_studio_live`).

A tool is a plugin: a pure writer of tasks and a pure reader of answers. Each of them passes
`tests/conformance/test_labeling_tools.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Literal, Protocol

from burnish.errors import DataError

Word = Literal["", "drop", "unsure"]
WORD_LABELS: Mapping[str, Word] = {"(drop)": "drop", "(unsure)": "unsure"}
"""How a tool that knows labels alone says what is no label."""


@dataclass(frozen=True)
class Shot:
    """A picture of a task: its bytes, and what they are (`image/png`, `image/svg+xml` ...)."""

    content: bytes = field(repr=False)
    media_type: str


@dataclass(frozen=True)
class Task:
    """One item as people in a tool see it: no label, no opinion, no reason why it is asked."""

    example_id: str
    pictures: Mapping[str, Shot] = field(default_factory=dict[str, Shot])
    texts: Mapping[str, str] = field(default_factory=dict[str, str])
    values: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Handout:
    """The tasks of one batch that go out together; each is asked of so many (`answers`) people."""

    dataset: str
    iteration: int
    classes: tuple[str, ...]
    tasks: tuple[Task, ...]
    answers: int = 1


@dataclass(frozen=True)
class ToolAnswer:
    """What a person said in a tool, of which task of ours.

    `label`, or a `word` in place of it. `task` and `annotation` are the tool's own numbers,
    `answered_at` its time; what a tool does not tell is empty or None. `shown`: a model's opinion
    was before the person.
    """

    dataset: str
    iteration: int
    example_id: str
    author: str
    label: str | None = None
    word: Word = ""
    comment: str = ""
    task: str = ""
    annotation: str = ""
    answered_at: datetime | None = None
    seconds: float | None = None
    shown: bool = False


@dataclass(frozen=True)
class ReadBack:
    """What a file of a tool holds: answers, how many tasks have none, and what cannot be read."""

    answers: tuple[ToolAnswer, ...]
    blank: int = 0
    faults: tuple[str, ...] = ()


class LabelingTool(Protocol):
    """A labeling tool's files. Both are pure: neither knows a home, a ledger or a clock."""

    name: str
    suffix: str

    def write(self, handout: Handout, target: Path) -> tuple[Path, ...]:
        """Write the tasks to a file, and beside it what sets a project up; the paths written.

        Raises `DataError` for tasks that the tool cannot show.
        """
        ...

    def read(self, file: Path, *, author: str = "") -> ReadBack:
        """The answers in an export of the tool; `author` where it does not say who answered.

        Raises `SourceUnreadable` for a file that is no such export.
        """
        ...


_MADE: Mapping[str, tuple[str, str]] = {
    "label-studio": ("burnish.workflows.tools_label_studio", "LabelStudio"),
    "cvat": ("burnish.workflows.tools_cvat", "Cvat"),
    "doccano": ("burnish.workflows.tools_doccano", "Doccano"),
}
TOOLS = tuple(_MADE)


def tool_named(name: str) -> LabelingTool:
    """A tool by its name; `DataError` for one that there is not.

    >>> tool_named("doccano").suffix
    '.jsonl'
    """
    if name not in _MADE:
        raise DataError(f"there is no labeling tool {name!r}", expected=", ".join(TOOLS))
    module, kind = _MADE[name]
    make: Callable[[], LabelingTool] = getattr(import_module(module), kind)
    return make()


def name_of(handout: Handout, task: Task) -> str:
    """The stable name of a task, which every tool carries along: `digits@iter7/row 12`."""
    return f"{handout.dataset}@iter{handout.iteration}/{task.example_id}"


def parsed_name(name: str) -> tuple[str, int, str] | None:
    """The dataset, iteration and example that a name means; None for what is no such name.

    >>> parsed_name("digits@iter7/a/b"), parsed_name("somebody else's")
    (('digits', 7, 'a/b'), None)
    """
    place, slash, example_id = name.partition("/")
    dataset, mark, number = place.rpartition("@iter")
    if not (slash and mark and dataset and example_id and number.isdecimal()):
        return None
    return dataset, int(number), example_id


def check_words(handout: Handout) -> None:
    """Raise `DataError` where a class is called as a tool's label for what is none."""
    for word in WORD_LABELS:
        if word in handout.classes:
            raise DataError(
                f"{handout.dataset} has a class {word!r}, which is how no label is said there",
                hint="use --to label-studio or --to csv for this dataset",
            )


def meant(label: str) -> tuple[str | None, Word]:
    """A label of a tool as a label of ours, or the word that it stands for.

    >>> meant("cat"), meant("(drop)")
    (('cat', ''), (None, 'drop'))
    """
    word = WORD_LABELS.get(label, "")
    return (None, word) if word else (label, "")


def write_labels(target: Path, labels: Sequence[Mapping[str, object]]) -> Path:
    """Write the labels of a tool's project beside its tasks, as `NAME.labels.json`; that file."""
    file = target.with_suffix(".labels.json")
    file.write_text(json.dumps(labels, ensure_ascii=False, indent=1), encoding="utf-8")
    return file
