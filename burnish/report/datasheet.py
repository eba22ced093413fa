"""The datasheet of one dataset version: everything people are told of it, in Markdown or as facts.

What belongs here: `VersionSheet`, and putting it into words. What does not: gathering it (the
workflows, from spec, store and record), the machine-readable description for other tools
(`burnish.report.croissant`), the bytes of the data. Nothing is read or written, and nothing is
said that the sheet does not say.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from burnish.errors import DataError

NOT_STATED = "not stated"

_DIGEST = re.compile(r"[0-9a-f]{64}")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# An underscore between letters or digits cannot open emphasis, and names are full of them.
_ACTIVE = re.compile(r"[\\`*\[\]|~$&<>]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_OPENS_BLOCK = re.compile(r"^([-+=#:]|\d+(?=[.)]))")


@dataclass(frozen=True)
class VersionSheet:
    """Everything people are told of one dataset version. An empty text is one nobody stated.

    description, source, collection, preprocessing, licence, contact: as the dataset's spec states
    them. code_sha, run: the commit and the run that made the version. parents: what it was made
    of, say `digits/validated_examples@3` and `digits@6`. watermark: label events folded. digest:
    of the content, 64 hex digits. class_counts, split_counts: rows by class and by split.
    columns: Arrow type, as text, by name. created_at: with its time zone. models: tracked runs of
    the models trained on it so far.

    Raises `DataError` for a digest of another shape or a time without a time zone.

    >>> VersionSheet("pets", 2, "", "", "", "", "", "", "", "", (), 0, "0" * 64, 0, {}, {}, {}, 1,
    ...     datetime(2026, 1, 1, tzinfo=UTC), ()).name
    'pets@2'
    """

    dataset: str
    number: int
    description: str
    source: str
    collection: str
    preprocessing: str
    licence: str
    contact: str
    code_sha: str
    run: str
    parents: tuple[str, ...]
    watermark: int
    digest: str
    rows: int
    class_counts: Mapping[str, int]
    split_counts: Mapping[str, int]
    columns: Mapping[str, str]
    iteration: int
    created_at: datetime
    models: tuple[str, ...]

    def __post_init__(self) -> None:
        if not _DIGEST.fullmatch(self.digest):
            raise DataError(
                f"{self.name} has the digest {self.digest!r}", expected="64 hex digits, lower case"
            )
        if self.created_at.tzinfo is None:
            raise DataError(
                f"{self.name} was created at {self.created_at}, in no time zone",
                expected="a time in UTC",
                hint="datetime.now(UTC)",
            )

    @property
    def name(self) -> str:
        """Dataset and number, `digits@7`."""
        return f"{self.dataset}@{self.number}"

    @property
    def instant(self) -> str:
        """When it was created, ISO 8601 in UTC: `2026-01-02T03:04:05Z`."""
        return self.created_at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def sheet_facts(sheet: VersionSheet) -> dict[str, Any]:
    """The sheet as plain JSON: its fields by name, and `name`. What is empty stays empty.

    >>> sheet = VersionSheet("pets", 2, "", "", "", "", "CC0", "", "", "", ("pets@1",), 3, "0" * 64,
    ...     5, {"cat": 5}, {}, {}, 1, datetime(2026, 1, 1, tzinfo=UTC), ())
    >>> facts = sheet_facts(sheet)
    >>> facts["name"], facts["parents"], facts["class_counts"], facts["created_at"]
    ('pets@2', ['pets@1'], {'cat': 5}, '2026-01-01T00:00:00Z')
    """
    return {
        "name": sheet.name,
        "dataset": sheet.dataset,
        "number": sheet.number,
        "description": sheet.description,
        "source": sheet.source,
        "collection": sheet.collection,
        "preprocessing": sheet.preprocessing,
        "licence": sheet.licence,
        "contact": sheet.contact,
        "code_sha": sheet.code_sha,
        "run": sheet.run,
        "parents": list(sheet.parents),
        "watermark": sheet.watermark,
        "digest": sheet.digest,
        "rows": sheet.rows,
        "class_counts": dict(sheet.class_counts),
        "split_counts": dict(sheet.split_counts),
        "columns": dict(sheet.columns),
        "iteration": sheet.iteration,
        "created_at": sheet.instant,
        "models": list(sheet.models),
    }


def sheet_markdown(sheet: VersionSheet) -> str:
    r"""The datasheet in Markdown, to be written in UTF-8; what is empty is `not stated`.

    The sections are those of 'Datasheets for Datasets' (Gebru, Morgenstern, Vecchione, Vaughan,
    Wallach, Daumé III and Crawford, Communications of the ACM 64(12), 2021), as far as a version
    is known. Values come from people and data, so they are escaped: they show as the text they
    are, in the place they have, whatever markup they hold. Paragraphs of a text are kept.

    >>> sheet = VersionSheet("pets", 2, "Cats | <b>dogs</b>", "", "", "", "", "", "", "", (), 0,
    ...     "0" * 64, 1200, {"cat": 1200}, {}, {}, 1, datetime(2026, 1, 1, tzinfo=UTC), ())
    >>> for line in sheet_markdown(sheet).splitlines()[4:13]:
    ...     print(line)
    ## Motivation
    <BLANKLINE>
    **Description.** Cats \| &lt;b&gt;dogs&lt;/b&gt;
    <BLANKLINE>
    ## Composition
    <BLANKLINE>
    **Rows.** 1,200
    <BLANKLINE>
    **Rows by class.**
    """
    parts = [
        f"# Datasheet of {inert(sheet.name)}",
        "After *Datasheets for Datasets* (Gebru et al., 2021).",
        "## Motivation",
        _said("Description", sheet.description),
        "## Composition",
        f"**Rows.** {sheet.rows:,}",
        _counted("Rows by class", "Class", sheet.class_counts),
        _counted("Rows by split", "Split", sheet.split_counts),
        _tabled("Columns", ("Column", "Arrow type"), sheet.columns, right=False),
        "## Collection process",
        _said("Source", sheet.source),
        _said("Collection", sheet.collection),
        "## Preprocessing, cleaning and labelling",
        _said("Preprocessing", sheet.preprocessing),
        f"**Label events folded.** {sheet.watermark:,}",
        _listed("Made from", sheet.parents),
        f"**Iteration.** {sheet.iteration}",
        _said("Code", sheet.code_sha),
        _said("Run", sheet.run),
        "## Uses",
        _listed("Models trained on it", sheet.models),
        "## Distribution",
        _said("Licence", sheet.licence),
        f"**Content digest.** {sheet.digest}",
        "## Maintenance",
        _said("Contact", sheet.contact),
        f"**Created.** {sheet.instant}",
    ]
    return "\n\n".join(parts) + "\n"


def _said(title: str, text: str) -> str:
    paragraphs = [inert(part) for part in re.split(r"\n\s*\n", text.strip())]
    return f"**{title}.** " + ("\n\n".join(part for part in paragraphs if part) or NOT_STATED)


def _listed(title: str, items: tuple[str, ...]) -> str:
    if not items:
        return f"**{title}.** {NOT_STATED}"
    return f"**{title}.**\n\n" + "\n".join(f"- {inert(item)}" for item in items)


def _counted(title: str, what: str, counts: Mapping[str, int]) -> str:
    shown = {name: f"{count:,}" for name, count in counts.items()}
    return _tabled(title, (what, "Rows"), shown, right=True)


def _tabled(title: str, heads: tuple[str, str], cells: Mapping[str, str], *, right: bool) -> str:
    if not cells:
        return f"**{title}.** {NOT_STATED}"
    lines = [f"| {heads[0]} | {heads[1]} |", "|---|---:|" if right else "|---|---|"]
    lines += [f"| {inert(name)} | {inert(cell)} |" for name, cell in cells.items()]
    return f"**{title}.**\n\n" + "\n".join(lines)


def inert(text: str) -> str:
    r"""The text on one line, with nothing in it that Markdown or HTML would act on.

    >>> print(inert("# <b>1</b>"))
    \# &lt;b&gt;1&lt;/b&gt;
    """
    flat = " ".join("".join(" " if _is_control(char) else char for char in text).split())
    inert = _ACTIVE.sub(lambda found: _ENTITIES.get(found[0], "\\" + found[0]), flat)
    # A paragraph must not become a list, a heading or a rule by how it begins.
    return _OPENS_BLOCK.sub(_held_back, inert)


def _held_back(found: re.Match[str]) -> str:
    return found[0] + "\\" if found[0].isdigit() else "\\" + found[0]


def _is_control(char: str) -> bool:
    return unicodedata.category(char) == "Cc"
