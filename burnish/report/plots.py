"""Plots as strings of SVG: pure functions, no plotting library, nothing to fetch.

What belongs here: one function a kind of plot, from plain numbers to a drawing that is vector,
legible in black and white, and read out by its title and description. What does not: what is
plotted (`burnish.report.summary`), lines and letters (`burnish.report.svg`), the table that a
page puts beside each plot (`burnish.report.loop_page`).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import ArrayLike

from burnish.calibration import Reliability, reliability_of
from burnish.calibration.reliability import Binning
from burnish.errors import DataError
from burnish.report import svg


@dataclass(frozen=True)
class Point:
    """One point of a line, with its interval where there is one."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Series:
    """A named line. `points` are joined in the order given."""

    name: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Bar:
    """A named quantity, not negative."""

    name: str
    value: float


@dataclass(frozen=True)
class IntervalRow:
    """A figure with its interval; rows of one `name` share a line, told apart by `series`.

    One that is `uncertain`, for rows or mistakes are few, is drawn hollow, on a dashed line.
    """

    name: str
    value: float
    low: float
    high: float
    series: str = ""
    uncertain: bool = False


WIDTH = 460.0
BAND_FROM = 16  # whiskers of more points than this would touch: a band is drawn instead


def line_chart(
    series: Sequence[Series],
    *,
    x_label: str,
    y_label: str,
    title: str,
    x_from: float | None = None,
    counts: bool = False,
) -> str:
    """Lines over a common x, each with its intervals: whiskers, or a band where points are many.

    Both axes are cut to the data; the horizontal one begins at `x_from` where that is lower. It
    has whole numbers alone where each x is one; the other axis, where values are `counts`.
    Series differ by dash and marker as well as by colour. Raises `DataError` for no points and
    for NaN or infinity.

    >>> points = (Point(0, 0.86, 0.82, 0.89), Point(60, 0.9, 0.87, 0.93))
    >>> drawn = line_chart([Series("test accuracy", points)], x_label="reviews",
    ...                    y_label="accuracy", title="Accuracy by reviews")
    >>> drawn.startswith("<svg"), "test accuracy" in drawn
    (True, True)
    """
    points = [point for one in series for point in one.points]
    if not points:
        raise _nothing_to_draw("points")
    xs = [point.x for point in points]
    ys = [y for point in points for y in (point.y, point.low, point.high) if y is not None]
    svg.finite(xs, "x of point")
    svg.finite(ys, "y of point")
    left = min(xs) if x_from is None else min(x_from, *xs)
    steps = all(float(one).is_integer() for one in (left, *xs))
    x_ticks = svg.ticks(left, max(xs), whole=steps)
    y_ticks = svg.ticks(min(ys), max(ys), whole=counts)
    top = 14.0 + 20 * len(series)
    x = svg.Scale(x_ticks[0], x_ticks[-1], 56, WIDTH - 16)
    y = svg.Scale(y_ticks[0], y_ticks[-1], top + 190, top)
    body = _frame(x, y, x_ticks, y_ticks, x_label=x_label, y_label=y_label)
    for place, one in enumerate(series):
        body += _legend_line(20, 12.0 + 20 * place, one.name, place)
        body += _line_of(one, place, x, y)
    ends = "; ".join(
        f"{one.name} from {one.points[0].y:.3g} to {one.points[-1].y:.3g}"
        for one in series
        if one.points
    )
    desc = f"{y_label} by {x_label}: {ends}."
    return svg.document(WIDTH, y.start + 50, title=title, desc=desc, body=body)


def bar_chart(bars: Sequence[Bar], *, value_label: str, title: str) -> str:
    """Horizontal bars from zero, each with its name before and its number behind it.

    Raises `DataError` for no bars, and for values that are negative, NaN or infinite.

    >>> "augmented" in bar_chart([Bar("augmented", 12)], value_label="rows", title="Rows")
    True
    """
    if not bars:
        raise _nothing_to_draw("bars")
    svg.finite([bar.value for bar in bars], "bar")
    if min(bar.value for bar in bars) < 0:
        raise DataError("a bar has a negative value", expected="values of zero or more")
    left, step = 170.0, 26.0
    x = svg.Scale(0, max(bar.value for bar in bars) or 1, left, WIDTH - 64)
    body = [svg.line(left, 6, left, 10 + step * len(bars), stroke=svg.INK)]
    for place, bar in enumerate(bars):
        middle = 10 + step * (place + 0.5)
        body.append(_name(left - 8, middle, bar.name))
        body.append(
            svg.rect(left, middle - 8, x(bar.value) - left, 16, style=f"fill:{svg.colour(0)}")
        )
        body.append(svg.text(x(bar.value) + 6, middle, svg.label(bar.value)))
    bottom = 10 + step * len(bars)
    body.append(svg.text(left, bottom + 16, value_label, fill=svg.MUTED))
    desc = "; ".join(f"{bar.name} {svg.label(bar.value)}" for bar in bars) + "."
    return svg.document(WIDTH, bottom + 30, title=title, desc=f"{value_label}: {desc}", body=body)


def confusion_matrix_svg(counts: ArrayLike, classes: Sequence[str], *, title: str) -> str:
    """Counts by true class (rows) and predicted class (columns), shape (K, K), numbers inside.

    Cells off the diagonal are shaded by their share of their row, the diagonal is framed. Raises
    `DataError` where the shape does not fit `classes` or a count is negative or not finite.

    >>> "predicted" in confusion_matrix_svg([[3, 1], [0, 4]], ["a", "b"], title="Test split")
    True
    """
    table = np.asarray(counts, dtype=float)
    k = len(classes)
    if table.shape != (k, k) or k == 0:
        raise DataError(f"counts of shape {table.shape}", expected=f"({k}, {k}), one class or more")
    if not np.isfinite(table).all() or (table < 0).any():
        raise DataError("a count is negative, NaN or infinite", expected="counts of zero or more")
    left, top, cell = 110.0, 60.0, max(26.0, min(60.0, 340.0 / k))
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    body = [svg.text(left + cell * k / 2, 12, "predicted", anchor="middle", fill=svg.MUTED)]
    body.append(svg.text(8, 38, "true", fill=svg.MUTED))
    for row, name in enumerate(classes):
        middle = (row + 0.5) * cell
        body.append(svg.text(left - 8, top + middle, svg.shorten(name, 14), anchor="end"))
        short = svg.shorten(name, max(2, int(cell / 8)))
        body.append(svg.text(left + middle, 38, short, anchor="middle"))
        for column in range(k):
            corner = left + column * cell, top + row * cell
            body += _cell(
                *corner,
                cell,
                count=table[row, column],
                share=shares[row, column],
                own=row == column,
            )
    right = int(np.trace(table))
    desc = f"{right:,} of {int(table.sum()):,} on the diagonal, {k} classes."
    side = max(WIDTH, left + cell * k + 12)
    return svg.document(side, top + cell * k + 12, title=title, desc=desc, body=body)


def reliability_diagram(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    bins: int = 10,
    binning: Binning = "equal_width",
    title: str = "Reliability",
) -> str:
    """How often predictions of a given confidence are right: `calibration_chart` of plain arrays.

    `confidence` in [0, 1] and boolean `correct` have shape (n,). Raises `DataError` for others.

    >>> "diagonal" in reliability_diagram([0.9, 0.8, 0.6], [True, True, False])
    True
    """
    found = reliability_of(confidence, correct, bins=bins, binning=binning)
    return calibration_chart({"": found}, title=title)


def calibration_chart(series: Mapping[str, Reliability], *, title: str = "Reliability") -> str:
    """What was claimed against what came true, bin by bin (DeGroot and Fienberg 1983).

    `series` names up to four results of `burnish.calibration.reliability` of one event, say before
    and after recalibration. Each point is a bin, at its mean claim, with its interval. On the
    dashed diagonal, probabilities say what they mean; below it they claim too much. Series differ
    by marker, and the first of several is hollow. Raises `DataError` for none, for more than four,
    and for different events.

    >>> from burnish.calibration import reliability_of
    >>> before = reliability_of([0.9, 0.9, 0.6, 0.6], [True, False, True, False], bins=2)
    >>> calibration_chart({"before": before}).count("of 2 correct")
    2
    """
    event = _one_event(series)
    named = list(series) if len(series) > 1 else []
    top = 20.0 + 20 * len(named)
    x, y = svg.Scale(0, 1, 56, 396), svg.Scale(0, 1, top + 300, top)
    marks = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    sure = event == "confidence"
    x_label = "confidence" if sure else f"claimed probability of {svg.shorten(event, 30)}"
    y_label = "share correct" if sure else f"share of {svg.shorten(event, 30)}"
    body = _frame(x, y, marks, marks, x_label=x_label, y_label=y_label)
    body.append(svg.line(x(0), y(0), x(1), y(1), stroke=svg.MUTED, dash="6 4"))
    for place, name in enumerate(named):
        height = 10.0 + 20 * place
        body.append(svg.marker(66, height, place, hollow=place == 0))
        body.append(svg.text(80, height, svg.shorten(name, 50)))
    for place, (name, one) in enumerate(series.items()):
        body += _bins_of(one, place, x, y, name=name if named else "", hollow=bool(named))
    desc = " ".join(_said(name if named else "", one) for name, one in series.items())
    desc += " On the diagonal the two agree."
    return svg.document(WIDTH, y.start + 50, title=title, desc=desc, body=body)


def dot_interval_chart(rows: Sequence[IntervalRow], *, value_label: str, title: str) -> str:
    """A line for each name, on it a dot and whiskers for each series of that name.

    The first series is drawn hollow, so that before and after are told apart in print. Raises
    `DataError` for no rows and for NaN or infinity.

    >>> rows = [IntervalRow("scan A", 0.8, 0.7, 0.9, series="before"),
    ...         IntervalRow("scan A", 0.9, 0.8, 0.95, series="after")]
    >>> dot_interval_chart(rows, value_label="accuracy", title="Slices").count("scan A, after")
    1
    """
    if not rows:
        raise _nothing_to_draw("rows")
    values = [value for row in rows for value in (row.value, row.low, row.high)]
    svg.finite(values, "value")
    names = list(dict.fromkeys(row.name for row in rows))
    series = list(dict.fromkeys(row.series for row in rows))
    marks = svg.ticks(min(values), max(values), count=4)
    step, top = 16.0 * len(series) + 10, 34.0
    x = svg.Scale(marks[0], marks[-1], 176, WIDTH - 18)
    bottom = top + step * len(names)
    body: list[str] = []
    for mark in marks:
        body.append(svg.line(x(mark), top - 4, x(mark), bottom))
        body.append(svg.text(x(mark), bottom + 14, svg.label(mark), anchor="middle", size=12))
    for place, name in enumerate(names):
        body.append(_name(166, top + step * (place + 0.5), name))
    for row in rows:
        kind = series.index(row.series)
        height = top + step * names.index(row.name) + 5 + 16 * (kind + 0.5)
        body += _dot(row, kind, x, height, hollow=kind == 0 and len(series) > 1)
    for kind, name in enumerate(series if len(series) > 1 else []):
        body.append(svg.marker(180 + 110 * kind, 12, kind, hollow=kind == 0))
        body.append(svg.text(190 + 110 * kind, 12, svg.shorten(name, 13)))
    body.append(svg.text((176 + WIDTH) / 2, bottom + 34, value_label, anchor="middle", size=12))
    first = f"{rows[0].name} {rows[0].series} {rows[0].value:.3g}"
    desc = f"{value_label} with intervals for {len(names)} names, the first: {first}."
    return svg.document(WIDTH, bottom + 46, title=title, desc=desc, body=body)


def digit_image(
    values: ArrayLike, shape: tuple[int, ...], *, value_range: tuple[float, float] | None = None
) -> str:
    """An image kept as numbers, as a `data:` URI of a PNG.

    `values` holds height * width * channels numbers (1 or 3 channels), row by row. They are
    stretched from `value_range`, by default (0, the greatest), onto black to white, clipped
    outside. Raises `DataError` where the number of values does not fit `shape`, or one is NaN.

    >>> digit_image([0, 16, 16, 0], (2, 2))[:30]
    'data:image/png;base64,iVBORw0K'
    """
    from PIL import Image

    pixels = np.asarray(values, dtype=float).ravel()
    fits = len(shape) in {2, 3} and min(shape) > 0 and shape[2:] in {(), (1,), (3,)}
    if not fits or pixels.size != int(np.prod(shape)):
        raise DataError(
            f"{pixels.size} values for an image of shape {shape}",
            expected="height * width [* 1 or 3 channels] values",
            hint="set the `shape` of the image feature in the spec",
        )
    svg.finite(pixels.tolist(), "pixel")
    low, high = value_range or (0.0, float(pixels.max()))
    stretched = np.clip((pixels - low) / ((high - low) or 1.0), 0, 1) * 255
    array = stretched.round().astype(np.uint8).reshape(shape)
    image = Image.fromarray(array[:, :, 0] if shape[2:] == (1,) else array)
    buffer = BytesIO()
    image.save(buffer, format="PNG")
    return "data:image/png;base64," + b64encode(buffer.getvalue()).decode("ascii")


def _frame(
    x: svg.Scale,
    y: svg.Scale,
    x_ticks: Sequence[float],
    y_ticks: Sequence[float],
    *,
    x_label: str,
    y_label: str,
) -> list[str]:
    """Grid, ticks and the names of both axes; the y axis is named level, above its numbers."""
    parts: list[str] = []
    for tick in y_ticks:
        parts.append(svg.line(x.start, y(tick), x.end, y(tick)))
        parts.append(svg.text(x.start - 8, y(tick), svg.label(tick), anchor="end", size=12))
    for tick in x_ticks:
        parts.append(svg.line(x(tick), y.start, x(tick), y.start + 5, stroke=svg.INK))
        parts.append(svg.text(x(tick), y.start + 17, svg.label(tick), anchor="middle", size=12))
    parts.append(svg.line(x.start, y.start, x.end, y.start, stroke=svg.INK))
    middle = (x.start + x.end) / 2
    parts.append(svg.text(middle, y.start + 38, x_label, anchor="middle", size=12))
    turned = f'transform="rotate(-90 10 {svg.number((y.start + y.end) / 2)})"'
    parts.append(
        svg.text(10, (y.start + y.end) / 2, y_label, anchor="middle", size=12, extra=turned)
    )
    return parts


def _legend_line(left: float, height: float, name: str, place: int) -> list[str]:
    sample = svg.line(
        left, height, left + 32, height, stroke=svg.colour(place), width=2, dash=_dash(place)
    )
    return [
        sample,
        svg.marker(left + 16, height, place),
        svg.text(left + 42, height, svg.shorten(name, 56)),
    ]


def _line_of(one: Series, place: int, x: svg.Scale, y: svg.Scale) -> list[str]:
    stroke, parts = svg.colour(place), list[str]()
    bounded = [point for point in one.points if point.low is not None and point.high is not None]
    crowded = len(one.points) > BAND_FROM
    if crowded and bounded:
        upper = [(x(point.x), y(point.high or 0.0)) for point in bounded]
        lower = [(x(point.x), y(point.low or 0.0)) for point in reversed(bounded)]
        parts.append(
            f'<polygon points="{_path(upper + lower)}" fill-opacity=".16" style="fill:{stroke}"/>'
        )
    path = _path([(x(point.x), y(point.y)) for point in one.points])
    parts.append(
        f'<polyline points="{path}" fill="none" style="stroke:{stroke}" stroke-width="2" '
        f'stroke-dasharray="{_dash(place)}"/>'
    )
    for point in bounded if not crowded else []:
        low, high = y(point.low or 0.0), y(point.high or 0.0)
        parts.append(svg.whisker(x(point.x), low, x(point.x), high, stroke=stroke))
    shown = one.points if not crowded else (one.points[0], one.points[-1])
    for point in shown:
        note = f"{one.name}: {point.y:.4g} at {svg.label(point.x)}"
        parts.append(svg.marker(x(point.x), y(point.y), place, title=note))
    return parts


def _cell(
    left: float, top: float, size: float, *, count: float, share: float, own: bool
) -> list[str]:
    shade = "fill:none" if own else f"fill:{svg.colour(1)};fill-opacity:{share * 0.75:.2f}"
    frame = f"stroke:{svg.INK if own else svg.GRID}"
    shown = svg.rect(left, top, size, size, style=f"{shade};{frame}")
    if not count:
        return [shown]
    digits = svg.label(count)
    fits = 13 if len(digits) * 7 < size else max(7, int(size / len(digits) * 1.5))
    return [shown, svg.text(left + size / 2, top + size / 2, digits, anchor="middle", size=fits)]


def _one_event(series: Mapping[str, Reliability]) -> str:
    if not series:
        raise _nothing_to_draw("series")
    events = {one.event for one in series.values()}
    if len(series) > 4 or len(events) > 1:
        raise DataError(
            f"{len(series)} series of {len(events)} events",
            expected="at most four series, all of one event",
            hint="draw one plot a class",
        )
    return events.pop()


def _bins_of(
    one: Reliability, place: int, x: svg.Scale, y: svg.Scale, *, name: str, hollow: bool
) -> list[str]:
    parts: list[str] = []
    for bin_ in one.bins:
        at, right = x(bin_.claimed), round(bin_.observed * bin_.rows)
        word = "correct" if one.event == "confidence" else "true"
        note = f"{one.event} {bin_.claimed:.2f}: {right} of {bin_.rows} {word}"
        parts.append(svg.whisker(at, y(bin_.low), at, y(bin_.high), stroke=svg.colour(place)))
        parts.append(
            svg.marker(
                at,
                y(bin_.observed),
                place,
                title=f"{name}, {note}" if name else note,
                hollow=hollow and place == 0,
            )
        )
    return parts


def _said(name: str, one: Reliability) -> str:
    """A series in words, for those who hear the plot."""
    claimed = sum(bin_.claimed * bin_.rows for bin_ in one.bins) / one.rows
    observed = sum(bin_.observed * bin_.rows for bin_ in one.bins) / one.rows
    below = sum(bin_.high < bin_.claimed for bin_ in one.bins)
    above = sum(bin_.low > bin_.claimed for bin_ in one.bins)
    sure = one.event == "confidence"
    words = ("Mean confidence", "share correct") if sure else ("Mean claim", "share that came true")
    return (
        f"{name + ': ' if name else ''}{words[0]} {claimed:.3f}, {words[1]} {observed:.3f}, "
        f"over {one.rows:,} predictions; of {len(one.bins)} bins {below} lie below the diagonal "
        f"with their interval and {above} above."
    )


def _dot(row: IntervalRow, kind: int, x: svg.Scale, height: float, *, hollow: bool) -> list[str]:
    named = ", ".join(part for part in (row.name, row.series) if part)
    note = f"{named}: {row.value:.3f} ({row.low:.3f} to {row.high:.3f})"
    note += ", uncertain" if row.uncertain else ""
    dash, ends = "3 3" if row.uncertain else "", (x(row.low), height, x(row.high), height)
    return [
        svg.whisker(*ends, stroke=svg.colour(kind), dash=dash),
        svg.marker(x(row.value), height, kind, title=note, hollow=hollow or row.uncertain),
    ]


def _name(right: float, height: float, name: str) -> str:
    """A name that ends at `right`, cut to the room it has, whole in its tooltip."""
    shown = svg.text(right, height, svg.fitted(name, right - 4), anchor="end", size=12)
    return f"<g><title>{svg.escape(name)}</title>{shown}</g>"


def _path(points: list[tuple[float, float]]) -> str:
    return " ".join(f"{svg.number(px)},{svg.number(py)}" for px, py in points)


def _dash(place: int) -> str:
    return svg.DASHES[place % len(svg.DASHES)]


def _nothing_to_draw(what: str) -> DataError:
    return DataError(
        f"a plot of no {what}", expected="one or more", hint="leave the plot out of the page"
    )
