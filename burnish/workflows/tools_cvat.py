"""CVAT's files: an archive of pictures to make a task of, and its exports as CVAT for images.

What belongs here: that archive, and `CVAT for images 1.1`. What does not: the batch
(`burnish.workflows.tool_exchange`).

A picture is called as its example: `digits@iter7/row%2012.png`. CVAT keeps names of files, and
exports them again. A class is a tag. Whose a task is, and when it was last changed, is told of the
task or job as a whole, so it is told of each of its tags.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from urllib.parse import quote, unquote
from xml.etree import ElementTree

from burnish.errors import DataError, SourceUnreadable
from burnish.workflows.tools import (
    WORD_LABELS,
    Handout,
    ReadBack,
    Task,
    ToolAnswer,
    check_words,
    meant,
    name_of,
    parsed_name,
    write_labels,
)

ENDINGS = {"image/png": ".png", "image/jpeg": ".jpg"}
LONGEST_NAME, MOST_BYTES = 250, 500_000_000
LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""The time of every file in an archive, so that the same tasks make the same bytes."""


class Cvat:
    """CVAT, by an archive of pictures and its own XML."""

    name = "cvat"
    suffix = ".zip"

    def write(self, handout: Handout, target: Path) -> tuple[Path, ...]:
        """Write the pictures as a zip, and `NAME.labels.json` for the raw labels of a new task."""
        check_words(handout)
        pictures = [_picture(handout, task) for task in handout.tasks]
        target.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as packed:
            for name, content in pictures:
                packed.writestr(zipfile.ZipInfo(name, LONG_AGO), content)
        told = [_label(name) for name in (*handout.classes, *WORD_LABELS)]
        return target, write_labels(target, told)

    def read(self, file: Path, *, author: str = "") -> ReadBack:
        """The tags of an export as `CVAT for images 1.1`: its XML, or the zip around it."""
        answers, faults, blank = list[ToolAnswer](), list[str](), 0
        root = _root(file)
        by, number, at = _who(root, author)
        for image in root.iter("image"):
            name = _name_of(image.get("name") or "")
            if name is None:
                continue
            tags = image.findall("tag")
            if len(tags) > 1:
                told = ", ".join(tag.get("label") or "" for tag in tags)
                faults.append(f"image {image.get('name')}: {told} at once")
            elif not tags:
                blank += 1
            else:
                label, word = meant(tags[0].get("label") or "")
                comment = _comment(tags[0])
                answers.append(
                    ToolAnswer(
                        *name, by, label, word, comment,
                        task=number, annotation=image.get("id") or "", answered_at=at,
                    )
                )  # fmt: skip
        return ReadBack(tuple(answers), blank, tuple(faults))


def _label(name: str) -> dict[str, object]:
    comment = {"name": "comment", "input_type": "text", "mutable": False, "values": [""]}
    return {"name": name, "type": "tag", "attributes": [comment]}


def _picture(handout: Handout, task: Task) -> tuple[str, bytes]:
    """The name and the bytes of the first picture of a task."""
    shot = next((one for one in task.pictures.values() if one.media_type in ENDINGS), None)
    if shot is None:
        raise DataError(
            f"example {task.example_id!r} has no picture, and CVAT shows pictures",
            hint="use --to label-studio or --to doccano for texts and values",
        )
    place, _, _ = name_of(handout, task).partition("/")
    name = f"{quote(task.example_id, safe='')}{ENDINGS[shot.media_type]}"
    if len(name) > LONGEST_NAME:
        raise DataError(
            f"example {task.example_id[:40]!r}... has too long a name for a file",
            expected=f"at most {LONGEST_NAME} characters",
            hint="use --to label-studio",
        )
    return f"{place}/{name}", shot.content


def _name_of(file: str) -> tuple[str, int, str] | None:
    """The task that a picture's name means; CVAT may put folders of its own before it."""
    parts = file.split("/")
    if len(parts) < 2:
        return None
    stem, _, _ = parts[-1].rpartition(".")
    return parsed_name(f"{parts[-2]}/{unquote(stem)}")


def _who(root: ElementTree.Element, author: str) -> tuple[str, str, datetime | None]:
    """Whose the task or job is, its number, and when it was changed last."""
    for place in ("meta/job", "meta/task"):
        found = root.find(place)
        if found is None:
            continue
        named = (found.findtext(f"{who}/username") for who in ("assignee", "owner"))
        by = next((name.strip() for name in named if name and name.strip()), "")
        return author or by, found.findtext("id") or "", _moment(found.findtext("updated"))
    return author, "", None


def _comment(tag: ElementTree.Element) -> str:
    told = (one.text for one in tag.findall("attribute") if one.get("name") == "comment")
    return next((text.strip() for text in told if text), "")


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat((text or "").strip())
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _root(file: Path) -> ElementTree.Element:
    try:
        text = next(_contents(file), None)
        if text is None:
            raise _no_export(file, "it holds no XML")
        # An export declares no entities, and those of a forged one could grow without end.
        if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
            raise _no_export(file, "it declares entities")
        return ElementTree.fromstring(text)  # noqa: S314 - see above
    except (OSError, ValueError, zipfile.BadZipFile, ElementTree.ParseError) as error:
        raise _no_export(file, str(error)) from error


def _contents(file: Path) -> Iterator[bytes]:
    if not zipfile.is_zipfile(file):
        yield file.read_bytes()
        return
    with zipfile.ZipFile(file) as packed:
        for info in packed.infolist():
            if info.filename.endswith(".xml"):
                if info.file_size > MOST_BYTES:
                    raise _no_export(file, f"{info.filename} has {info.file_size:,} bytes")
                yield packed.read(info)


def _no_export(file: Path, why: str) -> SourceUnreadable:
    return SourceUnreadable(
        f"cannot read {file}: {why[:200]}",
        expected="an export of CVAT as `CVAT for images 1.1`",
    )
