"""The part of a report that says which features a model reads, and in which slices.

What belongs here: figures of importance into a chart, a table and a map, as markup that a page
includes. What does not: measuring it (`burnish.modeling.importance`), or any whole page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from markupsafe import Markup

from burnish.modeling import Importance
from burnish.report import svg
from burnish.report.plots import IntervalRow, dot_interval_chart
from burnish.report.templating import templates
from burnish.slices import OVERALL

MOST_FEATURES, MOST_LINES = 12, 24


@dataclass(frozen=True)
class PatchMap:
    """Importance of each patch of a picture, row by row, in nats; `findings` in the same places."""

    feature: str
    values: tuple[tuple[float, ...], ...]
    findings: tuple[tuple[str, ...], ...]
    rows: int


@dataclass(frozen=True)
class ImportanceContext:
    """Everything that `templates/_importance.html` may use.

    unit: what a figure counts. chart: features over all rows, None where there is only one.
    overall: the figures behind it. stands_out: a feature in a slice whose limits leave out what
    the feature matters overall, the furthest off first. left_out: how many more of these there
    are. maps: a drawing and its caption for each picture.
    """

    importance: Importance
    unit: str
    chart: Markup | None
    overall: tuple[dict[str, Any], ...]
    more_features: int
    stands_out: tuple[dict[str, Any], ...]
    left_out: int
    maps: tuple[tuple[Markup, str], ...]


def importance_part(importance: Importance, *, maps: Sequence[PatchMap] = ()) -> Markup:
    """Features by how much the model reads them, overall and where it differs by slice.

    Markup for inside of a section; headings start at h3. Everything from data is escaped.
    """
    page = _context(importance, maps)
    # Its texts are escaped by the template.
    return Markup(templates().get_template("_importance.html").render(page=page))  # noqa: S704


def importance_markdown(importance: Importance, *, most: int = 5) -> str:
    """The most important features overall, as a table in Markdown, for where HTML is stripped."""
    unit = "nats" if importance.metric == "log_loss" else "share of rows"
    lines = [f"| feature | added loss, {unit} | 95 % interval | |", "| --- | --- | --- | --- |"]
    for row in importance.top(most=most):
        name = str(row["feature"]).replace("|", "\\|").replace("\n", " ")
        lines.append(f"| {name} | {row['importance']:.3f} | {_limits(row)} | {row['finding']} |")
    return "\n".join(lines)


def patch_map_svg(found: PatchMap) -> str:
    """The grid of patches, shaded by importance, each with its figure inside.

    >>> drawn = patch_map_svg(PatchMap("face", ((0.5, 0.0),), (("matters", "not shown"),), 100))
    >>> "0.50" in drawn, "face" in drawn
    (True, True)
    """
    cell, top = 60.0, 6.0
    known = [value for line in found.values for value in line if isfinite(value)]
    most = max([*known, 1e-12])
    body: list[str] = []
    for row, line in enumerate(found.values):
        for column, value in enumerate(line):
            shown = isfinite(value)
            opacity = 0.75 * max(0.0, value) / most if shown else 0.0
            style = f"fill:{svg.colour(0)};fill-opacity:{opacity:.2f};stroke:{svg.GRID}"
            corner = 6 + column * cell, top + row * cell
            body.append(svg.rect(*corner, cell, cell, style=style))
            # Adding 0 after rounding takes the sign from a zero.
            text = f"{round(value, 2) + 0.0:.2f}" if shown else "-"
            if shown and found.findings[row][column] != "matters":
                text = f"({text})"
            middle = corner[0] + cell / 2, corner[1] + cell / 2
            body.append(svg.text(*middle, text, anchor="middle"))
    width, height = cell * len(found.values[0]) + 12, cell * len(found.values) + 12
    desc = f"Importance of {len(known)} patches, from {min(known, default=0):.3g} to {most:.3g}."
    return svg.document(width, height, title=f"Where in {found.feature}", desc=desc, body=body)


def _context(importance: Importance, maps: Sequence[PatchMap]) -> ImportanceContext:
    every = importance.table.num_rows
    overall = list(importance.top(most=every))
    shown = [row for row in overall[:MOST_FEATURES] if row["low"] is not None]
    chart = None
    if len(shown) > 1:
        rows = [IntervalRow(r["feature"], r["importance"], r["low"], r["high"]) for r in shown]
        drawn = dot_interval_chart(
            rows, value_label=f"added loss, {_unit(importance)}", title="What the model reads"
        )
        chart = Markup(drawn)  # noqa: S704 - `svg` escapes
    apart = _apart(importance, overall)
    return ImportanceContext(
        importance=importance,
        unit=_unit(importance),
        chart=chart,
        overall=tuple(overall[:MOST_FEATURES]),
        more_features=max(0, len(overall) - MOST_FEATURES),
        stands_out=tuple(apart[:MOST_LINES]),
        left_out=max(0, len(apart) - MOST_LINES),
        maps=tuple((Markup(patch_map_svg(one)), _caption(one)) for one in maps),  # noqa: S704
    )


def _caption(one: PatchMap) -> str:
    return (
        f"Where in {one.feature} the model looks: loss added by shuffling one patch at a time, on "
        f"{one.rows:,} rows; in brackets what is not shown to matter"
    )


def _apart(importance: Importance, overall: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Features in slices where they matter otherwise than overall, past chance for all at once."""
    everywhere = {row["feature"]: row["importance"] for row in overall}
    found: list[dict[str, Any]] = []
    for row in importance.table.to_pylist():
        whole = everywhere.get(row["feature"])
        known = not row["uncertain"] and row["low_all"] is not None and whole is not None
        if row["slice_id"] != OVERALL and known and not row["low_all"] <= whole <= row["high_all"]:
            found.append({**row, "overall": whole})
    return sorted(found, key=lambda row: -abs(row["importance"] - row["overall"]))


def _unit(importance: Importance) -> str:
    if importance.metric == "log_loss":
        return "in nats of log-loss"
    return "as a share of rows"


def _limits(row: dict[str, Any]) -> str:
    return "not known" if row["low"] is None else f"{row['low']:.3f} to {row['high']:.3f}"
