"""What is shown of a labeling guide and of flags: the records that templates are given.

What belongs here: plain data, and making it of a version, of two that are compared, and of flags.
What does not: the routes (`burnish.review.pages_guide`, `burnish.review.pages_label`), Markdown
(`burnish.review.markdown`), or markup (`templates/`).
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from burnish.review.flags import Flag, FlagCounts
from burnish.review.guides import Guide, GuideNow
from burnish.review.markdown import Part, parts_of
from burnish.review.rendering import shown_by

AROUND = 3
"""Lines that did not change, shown above and below those that did."""
MOST_LINES = 4000
"""The longest text that is compared line by line: of longer ones it would take too long."""


@dataclass(frozen=True)
class GuideView:
    """A version of a guide as a page shows it.

    `parts` are its text, in those of one class each; `unreadable` says that its file cannot be used
    just now, so that this is the last version that could.
    """

    dataset: str
    version: int
    at: datetime
    parts: tuple[Part, ...]
    unreadable: bool = False


@shown_by("label_guide.html")
@dataclass(frozen=True)
class GuidePart:
    """The guide alone, for a page that was open when a new version came: `guide` is that."""

    guide: GuideView


@dataclass(frozen=True)
class VersionRow:
    """A version in the list: its number, when it came, who noted it, and the answers under it."""

    version: int
    at: datetime
    noted_by: str
    answers: int


@dataclass(frozen=True)
class DiffLine:
    """A line of what changed between two versions; `gap` stands for lines that are left out."""

    kind: Literal["same", "added", "removed", "gap"]
    text: str


@dataclass(frozen=True)
class Changes:
    """What changed from the version `before` to `after`; `too_long`: they were not compared."""

    before: int
    after: int
    lines: tuple[DiffLine, ...]
    too_long: bool = False


@shown_by("guide.html")
@dataclass(frozen=True)
class GuidePage:
    """The guide of a dataset and what is unclear in it.

    dataset: whose. guide: the version that is shown, None where there is none. now: the number of
    that which people go by. problem: why the file cannot be used; told to reviewers alone, as where
    it is (`named`: whether the spec names one at all). versions: newest first. others: answers that
    were given under none. all_answers: the figures are everybody's, not the visitor's alone.
    changes: what changed between two versions, if that was asked for. mine: the visitor's own flags
    that stand. counts: how often what is flagged, and flags: the newest of them, both for reviewers
    alone; held_back: flags left out because the visitor may answer those items.
    """

    dataset: str
    guide: GuideView | None
    now: int | None
    named: bool
    problem: str
    versions: tuple[VersionRow, ...]
    others: int
    all_answers: bool
    changes: Changes | None
    mine: tuple[Flag, ...]
    counts: FlagCounts | None
    flags: tuple[Flag, ...]
    held_back: int


def view_of(guide: Guide, classes: Sequence[str], *, unreadable: bool = False) -> GuideView:
    """A version as a page shows it; its parts are those of `classes`."""
    parts = parts_of(guide.text, tuple(classes))
    return GuideView(guide.dataset, guide.version, guide.at, parts, unreadable)


def view_now(now: GuideNow | None, classes: Sequence[str]) -> GuideView | None:
    """The guide that people go by now; None where there is none."""
    if now is None or now.guide is None:
        return None
    return view_of(now.guide, classes, unreadable=bool(now.problem))


def rows_of(versions: Sequence[Guide], answers: Mapping[int | None, int]) -> tuple[VersionRow, ...]:
    """The list of versions with the answers under each."""
    return tuple(
        VersionRow(one.version, one.at, one.noted_by, answers.get(one.version, 0))
        for one in versions
    )


def changes_of(before: Guide, after: Guide) -> Changes:
    r"""What changed between two versions, line by line, with a few lines around it.

    >>> from datetime import UTC
    >>> at = datetime(2026, 11, 26, tzinfo=UTC)
    >>> old = Guide("pets", 1, "", "A cat purrs.\nAsk.", "catalog", at)
    >>> new = Guide("pets", 2, "", "A cat purrs or hisses.\nAsk.", "catalog", at)
    >>> [(line.kind, line.text) for line in changes_of(old, new).lines]
    [('removed', 'A cat purrs.'), ('added', 'A cat purrs or hisses.'), ('same', 'Ask.')]
    """
    old, new = before.text.split("\n"), after.text.split("\n")
    if max(len(old), len(new)) > MOST_LINES:
        return Changes(before.version, after.version, (), too_long=True)
    found: list[DiffLine] = []
    for group in difflib.SequenceMatcher(None, old, new).get_grouped_opcodes(AROUND):
        if group[0][1] or found:
            found.append(DiffLine("gap", ""))
        for tag, a, b, c, d in group:
            if tag == "equal":
                found += [DiffLine("same", line) for line in old[a:b]]
            else:
                found += [DiffLine("removed", line) for line in old[a:b]]
                found += [DiffLine("added", line) for line in new[c:d]]
    return Changes(before.version, after.version, tuple(found))
