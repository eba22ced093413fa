"""Evidence of an alarm: columns before and now, rows to look at, and the course of its signal.

What belongs here: reading it off the tables. What does not: words and pages
(`burnish.workflows.playbooks`, `burnish.report.playbook_page`), or measuring drift
(`burnish.drift`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from markupsafe import Markup
from numpy.typing import NDArray

from burnish.metrics import wilson_interval
from burnish.policy import Alarm, PolicyEvent, Signal
from burnish.report.playbook_page import Examples, Shift
from burnish.report.plots import IntervalRow, Point, Series, dot_interval_chart, line_chart
from burnish.spec import DatasetSpec
from burnish.versions import Versions
from burnish.workflows.production_periods import required_production, window_of
from burnish.workflows.production_stages import BATCH, PREDICTIONS, partition_stage

MOST_EXAMPLES, MOST_COLUMNS, MOST_SHIFTS, MOST_VALUES, BINS = 12, 8, 6, 8, 6
MISSING, OTHERS = "missing", "others"
_COUNTED = frozenset({"reports", "late_data", "refused_data"})


def course_of(events: Sequence[PolicyEvent], signal: Signal) -> list[tuple[str, Signal]]:
    """A signal window by window, as each was decided last."""
    found: dict[str, Signal] = {}
    for event in events:
        if event.kind == "decided":
            for told in event.body["signals"]:
                if (told["name"], told["key"]) == signal.of:
                    found[event.period] = Signal(**told)
    return sorted(found.items())


def trend_of(course: Sequence[tuple[str, Signal]]) -> Markup | None:
    """The course drawn, None for fewer than two windows."""
    if len(course) < 2:
        return None
    points = tuple(
        Point(float(place), one.value, one.low, one.high)
        for place, (_, one) in enumerate(course, start=1)
    )
    first, last = course[0][0], course[-1][0]
    drawn = line_chart(
        [Series(course[-1][1].name.replace("_", " "), points)],
        x_label=f"window, from {first} to {last}",
        y_label="rows" if course[-1][1].name == "reports" else "value",
        title="Window by window",
        counts=course[-1][1].name in _COUNTED,
    )
    return Markup(drawn)  # noqa: S704 - drawn by burnish.report.plots, which escapes all text


def shifts_of(
    spec: DatasetSpec, versions: Versions, signals: Sequence[Signal], period: str
) -> tuple[Shift, ...]:
    """The columns of an alarm, in training rows and in the window; at most six."""
    columns = [one.key for one in signals if one.name == "column_drift"][:MOST_SHIFTS]
    before, now = _training(spec, versions), _window(spec, versions, period)
    if before is None or now is None:
        return ()
    shared = set(before.column_names) & set(now.column_names)
    found = [shift_of(name, before[name], now[name]) for name in columns if name in shared]
    return tuple(one for one in found if one is not None)


def shift_of(column: str, before: pa.ChunkedArray, now: pa.ChunkedArray) -> Shift | None:
    """One column before and now, by its most frequent values or by ranges; None for no rows.

    >>> shift = shift_of("site", pa.chunked_array([["a", "a", "b"]]), pa.chunked_array([["b"]]))
    >>> shift.lines
    (('b', 0.3333333333333333, 1.0), ('a', 0.6666666666666666, 0.0))
    """
    if not len(before) or not len(now):
        return None
    kind = before.type
    nested = pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind) or pa.types.is_binary(kind)
    if nested:
        return None
    numeric = pa.types.is_floating(kind) or pa.types.is_integer(kind)
    if numeric and (pa.types.is_floating(now.type) or pa.types.is_integer(now.type)):
        names, counts = _by_range(before, now)
    else:
        names, counts = _by_value(before, now)
    totals = len(before), len(now)
    lines = tuple(
        (name, float(was) / totals[0], float(is_now) / totals[1])
        for name, was, is_now in zip(names, *counts, strict=True)
    )
    rows: list[IntervalRow] = []
    for series, side, total in zip(("before", "now"), counts, totals, strict=True):
        for name, count in zip(names, side, strict=True):
            share = wilson_interval(int(count), total)
            ends = (100 * share.value, 100 * share.low, 100 * share.high)
            rows.append(IntervalRow(name, *ends, series=series))
    drawn = dot_interval_chart(
        rows, value_label="share of rows, %", title=f"{column}, before and now"
    )
    return Shift(column, lines, Markup(drawn))  # noqa: S704 - as above


def examples_of(
    spec: DatasetSpec, versions: Versions, alarm: Alarm, period: str
) -> Examples | None:
    """Rows that were asked about for an alarm, else rows that its signal names; None for none."""
    ids: list[str] = []
    what = "rows that people were asked about"
    for event in alarm.events:
        if event.kind == "acted":
            ids += event.body.get("example_ids", [])
    if not ids:
        what = "rows that the signal names"
        for signal in (alarm.signal, *alarm.evidence):
            ids += [str(one) for one in signal.where.get("example_ids", [])]
    ids = list(dict.fromkeys(ids))
    if not ids:
        return None
    shown = ids[:MOST_EXAMPLES]
    rows = _rows(spec, versions, shown, period)
    columns = ["example_id", *[name for name in rows.column_names if name != "example_id"]]
    known = {row["example_id"]: row for row in rows.to_pylist()}
    cells = tuple(
        (name, *(_cell(known.get(name, {}).get(column)) for column in columns[1:]))
        for name in shown
    )
    return Examples(tuple(columns), cells, len(ids), what)


def _rows(spec: DatasetSpec, versions: Versions, ids: Sequence[str], period: str) -> pa.Table:
    """The rows by id: their period, a few features, and what the model said of them."""
    wanted = pc.field("example_id").isin(pa.array(list(ids), pa.string()))
    found: list[pa.Table] = []
    for one in window_of(required_production(spec), period):
        rows = versions.read_last_good(spec.name, partition_stage(BATCH, one))
        if rows is None:
            continue
        kept = [name for name in spec.features if name in rows.column_names][:MOST_COLUMNS]
        kept = [name for name in ("example_id", "period") if name in rows.column_names] + kept
        part = rows.filter(wanted).select(kept)
        said = versions.read_last_good(spec.name, partition_stage(PREDICTIONS, one))
        if said is not None and part.num_rows:
            answers = said.filter(wanted).select(["example_id", "predicted", "confidence"])
            part = part.join(answers, "example_id", join_type="left outer")
        if part.num_rows:
            found.append(part)
    if not found:
        return pa.table({"example_id": pa.array([], pa.string())})
    return pa.concat_tables(found, promote_options="permissive")


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    text = str(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _training(spec: DatasetSpec, versions: Versions) -> pa.Table | None:
    """The rows that the champion learned from, as they are kept; else the validated ones."""
    champion = versions.champion(spec.name)
    number = champion.summary.get("curated_version") if champion else None
    if number is not None:
        rows = versions.let_through(spec.name, "curated_examples", int(number))
    else:
        rows = versions.read_last_good(spec.name, "validated_examples")
    return None if rows is None else rows.filter(pc.field("split") == "train")


def _window(spec: DatasetSpec, versions: Versions, period: str) -> pa.Table | None:
    parts = [
        versions.read_last_good(spec.name, partition_stage(BATCH, one))
        for one in window_of(required_production(spec), period)
    ]
    known = [one for one in parts if one is not None]
    return pa.concat_tables(known, promote_options="permissive") if known else None


_Counts = tuple[NDArray[np.int64], NDArray[np.int64]]


def _by_range(before: pa.ChunkedArray, now: pa.ChunkedArray) -> tuple[list[str], _Counts]:
    """Counts between the quantiles of before, with what lies beyond, and missing cells."""
    sides = [_numbers(one) for one in (before, now)]
    levels = np.linspace(0, 1, BINS + 1)[1:-1]
    edges = np.unique(np.quantile(sides[0], levels)) if sides[0].size else np.array([0.0])
    counts = [
        np.append(
            np.bincount(np.searchsorted(edges, side, side="right"), minlength=edges.size + 1),
            len(whole) - side.size,
        )
        for side, whole in zip(sides, (before, now), strict=True)
    ]
    shown = [f"{edge:.4g}" for edge in edges]
    between = [f"{a} to {b}" for a, b in pairwise(shown)]
    names = [f"below {shown[0]}", *between, f"{shown[-1]} or more", MISSING]
    kept = counts[0] + counts[1] > 0
    names = [name for name, one in zip(names, kept.tolist(), strict=True) if one]
    return names, (counts[0][kept], counts[1][kept])


def _numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    values = np.asarray(column.drop_null().cast(pa.float64()).to_numpy(), dtype=np.float64)
    return values[np.isfinite(values)]


def _by_value(before: pa.ChunkedArray, now: pa.ChunkedArray) -> tuple[list[str], _Counts]:
    """Counts of the most frequent values of both, the others together, and missing cells."""
    sides = [_texts(one) for one in (before, now)]
    share: dict[str, float] = {}
    for side in sides:
        for name in side:
            share[name] = share.get(name, 0.0) + 1 / len(side)
    ranked = sorted((name for name in share if name != MISSING), key=lambda one: (-share[one], one))
    names = ranked[:MOST_VALUES]
    beyond = set(ranked[MOST_VALUES:])
    rest = [OTHERS] if beyond else []
    rest += [MISSING] if MISSING in share else []
    names = [*names, *rest]
    place = {name: at for at, name in enumerate(names)}
    counts = [np.zeros(len(names), dtype=np.int64) for _ in sides]
    for side, count in zip(sides, counts, strict=True):
        for name in side:
            count[place[OTHERS if name in beyond else name]] += 1
    return names, (counts[0], counts[1])


def _texts(column: pa.ChunkedArray) -> list[str]:
    return [MISSING if one is None else _cell(one) or "(empty)" for one in column.to_pylist()]
