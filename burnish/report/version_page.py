"""The pages of dataset versions: one a version, and the list of them all.

What belongs here: putting a version's datasheet, its class counts and what people changed since
the version before into a page. What does not: gathering any of it (`burnish.workflows`), the same
datasheet as Markdown (`burnish.report.datasheet`), and markup (`templates/version.html`,
`templates/versions.html`). A page is one file, without script, and fetches nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from markupsafe import Markup

from burnish.report.datasheet import NOT_STATED, VersionSheet
from burnish.report.plots import Bar, bar_chart
from burnish.report.templating import templates

MOST_CHANGES = 200  # lines that are shown; how many there are is always said
MOST_BARS = 12


@dataclass(frozen=True)
class LabelChange:
    """One row that changed since the version before: what, from what to what, by whom, and why.

    `change` is `relabelled`, `dropped`, `left` or `joined`. author, role, at and reason are those
    of the decision behind it; empty or None where the source changed by itself.
    """

    example_id: str
    change: str
    before: str | None
    after: str | None
    author: str = ""
    role: str = ""
    at: datetime | None = None
    reason: str = ""
    error_probability: float | None = None


@dataclass(frozen=True)
class ModelRun:
    """A model that was trained on the version: its iteration, its run, where that is shown."""

    iteration: int
    run_id: str
    url: str = ""


@dataclass(frozen=True)
class ClassLine:
    """A class: its rows now, and in the version before (None: there is none)."""

    name: str
    rows: int
    before: int | None

    @property
    def difference(self) -> str:
        """With its sign; empty where nothing changed or there is nothing to compare with."""
        return "" if self.before in {None, self.rows} else f"{self.rows - (self.before or 0):+,}"


@dataclass(frozen=True)
class VersionContext:
    """Everything that `templates/version.html` may use.

    statements: the datasheet's questions and answers. changes: those that are shown, of
    `changed` in all. by_author, by_change: how many of these there are. gate: where the report of
    the gate lies, relative to the page; empty where there is none. reports: by iteration, where the
    report of one that trained its model on the version lies.
    """

    sheet: VersionSheet
    headline: str
    before: str
    previous: int | None
    classes: tuple[ClassLine, ...]
    statements: tuple[tuple[str, str], ...]
    pairs_chart: Markup | None
    changes: tuple[LabelChange, ...]
    changed: int
    by_author: Mapping[str, int]
    by_change: Mapping[str, int]
    runs: tuple[ModelRun, ...]
    gate: str
    reports: Mapping[int, str]


@dataclass(frozen=True)
class VersionLine:
    """A dataset version in the list of all. events: label events folded into it."""

    number: int
    created_at: datetime
    rows: int
    events: int
    iteration: int
    runs: tuple[ModelRun, ...]
    digest: str


def render_version_page(
    sheet: VersionSheet,
    *,
    before: VersionSheet | None,
    changes: Sequence[LabelChange],
    runs: Sequence[ModelRun] = (),
    gate: str = "",
    reports: Mapping[int, str] | None = None,
) -> str:
    """The whole page as HTML text, to be written in UTF-8.

    `before` is the version before, None for the first, which is held against the labels as they
    were collected. Everything that comes from data, people or a spec is escaped.

    >>> from datetime import timezone
    >>> sheet = VersionSheet("pets", 2, "Cats & dogs", "", "", "", "", "", "", "", (), 3, "0" * 64,
    ...     5, {"cat": 5}, {}, {}, 1, datetime(2026, 1, 1, tzinfo=timezone.utc), ())
    >>> change = LabelChange("e7", "relabelled", "<dgo>", "dog", author="ada")
    >>> page = render_version_page(sheet, before=None, changes=[change])
    >>> "pets@2" in page, "&lt;dgo&gt;" in page, "Cats &amp; dogs" in page, "<dgo>" in page
    (True, True, True, False)
    """
    context = _context(sheet, before=before, changes=changes, runs=runs, gate=gate)
    return _template("version.html").render(page=replace(context, reports=reports or {}))


def render_versions_page(dataset: str, versions: Sequence[VersionLine]) -> str:
    """The list of all versions of a dataset, the newest first, as HTML text."""
    newest_first = sorted(versions, key=lambda one: -one.number)
    return _template("versions.html").render(dataset=dataset, versions=newest_first)


def _context(
    sheet: VersionSheet,
    *,
    before: VersionSheet | None,
    changes: Sequence[LabelChange],
    runs: Sequence[ModelRun],
    gate: str,
) -> VersionContext:
    pairs = Counter(
        f"{one.before} > {one.after}" for one in changes if one.change == "relabelled"
    ).most_common(MOST_BARS)
    chart = None
    if pairs:
        bars = [Bar(name, float(count)) for name, count in pairs]
        chart = Markup(bar_chart(bars, value_label="labels", title="Labels changed"))  # noqa: S704
    names = sorted({*sheet.class_counts, *(before.class_counts if before else ())})
    since = before.name if before else "the labels as collected"
    return VersionContext(
        sheet=sheet,
        headline=_headline(len(changes), since),
        before=since,
        previous=before.number if before else None,
        classes=tuple(
            ClassLine(
                name,
                sheet.class_counts.get(name, 0),
                before.class_counts.get(name, 0) if before else None,
            )
            for name in names
        ),
        statements=_statements(sheet),
        pairs_chart=chart,
        changes=tuple(changes[:MOST_CHANGES]),
        changed=len(changes),
        by_author=Counter(_who(one) for one in changes if one.author),
        by_change=Counter(one.change for one in changes),
        runs=tuple(runs),
        gate=gate,
        reports={},
    )


def _headline(changed: int, since: str) -> str:
    if not changed:
        return f"No row changed since {since}"
    return f"{changed:,} row{'' if changed == 1 else 's'} changed since {since}"


def _who(change: LabelChange) -> str:
    return f"{change.author} ({change.role})" if change.role == "simulated" else change.author


def _statements(sheet: VersionSheet) -> tuple[tuple[str, str], ...]:
    told = (
        ("What it is", sheet.description),
        ("Where it comes from", sheet.source),
        ("How it was collected", sheet.collection),
        ("What was done to it", sheet.preprocessing),
        ("Licence", sheet.licence),
        ("Contact", sheet.contact),
    )
    return tuple((question, answer.strip() or NOT_STATED) for question, answer in told)


def _template(name: str):
    environment = templates()
    return environment.get_template(name)
