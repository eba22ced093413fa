"""A sensor's signal as a plot with axes, large enough to judge a label by.

What belongs here: the drawing of one signal of one or several channels. What does not: the small
line beside a suspect (`burnish.report.looking`), the plots of figures (`burnish.report.plots`).

The drawing has no style attributes, which a page with a strict policy would refuse: its colours are
presentation attributes, so that it follows the page into dark mode all the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from burnish.report import svg

WIDTH, HEIGHT, MOST_POINTS, MOST_CHANNELS = 760.0, 240.0, 700, 8
_LEFT, _RIGHT, _TOP, _LEGEND = 64.0, 12.0, 12.0, 20.0

FloatArray = NDArray[np.float64]


def trace(cell: Any, *, name: str, about: str = "") -> str:
    """A signal over the number of its readings, as SVG; empty where it holds no number.

    `cell` is a list of numbers, or of channels that are such lists (the longer side is time).
    `about` says what is measured, and in which unit, where that is known. A signal of more than
    700 readings is drawn as its highest and lowest of each stretch, so that no spike is lost.

    >>> drawn = trace([0.0, 1.5, None, 0.5], name="ecg", about="mV")
    >>> "4 readings from 0 to 1.5, 1 missing" in drawn, "style=" in drawn
    (True, False)
    >>> trace([None], name="ecg")
    ''
    """
    channels = channels_of(cell)
    known = channels[np.isfinite(channels)]
    if not known.size:
        return ""
    several = len(channels) > 1
    top = _TOP + (_LEGEND if several else 0)
    y_ticks = svg.ticks(float(known.min()), float(known.max()), count=4)
    readings = channels.shape[1]
    x = svg.Scale(0, max(readings - 1, 1), _LEFT, WIDTH - _RIGHT)
    y = svg.Scale(y_ticks[0], y_ticks[-1], top + HEIGHT, top)
    body = _axes(x, y, y_ticks, readings, about or name)
    for place, channel in enumerate(channels):
        body.append(_line(channel, x, y, place))
        if several:
            body += _legend(place)
    desc = _in_words(channels, about)
    return svg.document(WIDTH, y.start + 44, title=name, desc=desc, body=body)


def channels_of(cell: Any) -> FloatArray:
    """The channels of a signal, shape (channels, readings); NaN where a reading is missing.

    Channels of unequal length are filled up; what holds no numbers gives none.

    >>> channels_of([[1, 2], [3, 4], [5, 6]]).shape
    (2, 3)
    """
    try:
        if len(cell) and all(isinstance(one, list | tuple | np.ndarray) for one in cell):
            longest = max(len(one) for one in cell)
            rows = [_floats(one, longest) for one in cell]
            found = np.array(rows) if longest else np.empty((0, 0))
            found = found.T if found.shape[0] > found.shape[1] else found
            return found[:MOST_CHANNELS]
        return _floats(cell, len(cell))[np.newaxis]
    except (TypeError, ValueError):
        return np.empty((0, 0))


def _floats(values: Any, length: int) -> FloatArray:
    found = np.full(length, np.nan)
    found[: len(values)] = [np.nan if value is None else value for value in values]
    return found


def _in_words(channels: FloatArray, about: str) -> str:
    known = channels[np.isfinite(channels)]
    missing = int(channels.size - known.size)
    parts = [f"{channels.shape[1]:,} readings"]
    if len(channels) > 1:
        parts[0] += f" of each of {len(channels)} channels"
    parts[0] += f" from {known.min():.4g} to {known.max():.4g}"
    if missing:
        parts.append(f"{missing:,} missing")
    if about:
        parts.append(about)
    return ", ".join(parts)


def _axes(
    x: svg.Scale, y: svg.Scale, y_ticks: list[float], readings: int, caption: str
) -> list[str]:
    parts: list[str] = []
    for tick in y_ticks:
        parts.append(_rule(x.start, y(tick), x.end, y(tick), "var(--line,#8886)"))
        parts.append(_words(x.start - 8, y(tick), svg.label(tick), anchor="end"))
    for tick in svg.ticks(0, max(readings - 1, 1), count=8):
        if x.low <= tick <= x.high:
            parts.append(_rule(x(tick), y.start, x(tick), y.start + 5, "currentColor"))
            parts.append(_words(x(tick), y.start + 16, svg.label(tick)))
    parts.append(_rule(x.start, y.start, x.end, y.start, "currentColor"))
    parts.append(_words((x.start + x.end) / 2, y.start + 34, "reading"))
    middle = (y.start + y.end) / 2
    turned = f'transform="rotate(-90 12 {svg.number(middle)})"'
    parts.append(_words(12, middle, svg.shorten(caption, 40), extra=turned))
    return parts


def _line(channel: FloatArray, x: svg.Scale, y: svg.Scale, place: int) -> str:
    """The channel as one path that breaks where readings are missing."""
    path, pen_up = list[str](), True
    for at in _kept(channel):
        value = float(channel[at])
        if np.isfinite(value):
            path.append(f"{'M' if pen_up else 'L'}{svg.number(x(at))},{svg.number(y(value))}")
        pen_up = not np.isfinite(value)
    if np.isfinite(channel).sum() == 1:  # a single reading would be a line of no length
        path.append("h.01")
    return (
        f'<path d="{"".join(path)}" fill="none" stroke="{svg.colour(place)}" stroke-width="1.6" '
        f'stroke-dasharray="{_dash(place)}" stroke-linejoin="round" stroke-linecap="round"/>'
    )


def _kept(channel: FloatArray) -> list[int]:
    """The readings that are drawn: all, or the lowest and highest of each stretch."""
    if channel.size <= MOST_POINTS:
        return list(range(channel.size))
    kept: set[int] = {0, channel.size - 1}
    for stretch in np.array_split(np.arange(channel.size), MOST_POINTS // 2):
        values = channel[stretch]
        finite = np.isfinite(values)
        if finite.any():
            kept.add(int(stretch[np.argmin(np.where(finite, values, np.inf))]))
            kept.add(int(stretch[np.argmax(np.where(finite, values, -np.inf))]))
        else:
            kept.add(int(stretch[0]))
    return sorted(kept)


def _legend(place: int) -> list[str]:
    left = _LEFT + 84 * place
    line = (
        f'<line x1="{svg.number(left)}" y1="10" x2="{svg.number(left + 22)}" y2="10" '
        f'stroke="{svg.colour(place)}" stroke-width="2" stroke-dasharray="{_dash(place)}"/>'
    )
    return [line, _words(left + 28, 10, f"channel {place + 1}", anchor="start")]


def _dash(place: int) -> str:
    # Four colours in turn, each twice at most: the second time dashed.
    return svg.DASHES[(place // 4) % len(svg.DASHES)]


def _rule(x1: float, y1: float, x2: float, y2: float, stroke: str) -> str:
    return (
        f'<line x1="{svg.number(x1)}" y1="{svg.number(y1)}" x2="{svg.number(x2)}" '
        f'y2="{svg.number(y2)}" stroke="{stroke}"/>'
    )


def _words(x: float, y: float, content: str, *, anchor: str = "middle", extra: str = "") -> str:
    return (
        f'<text x="{svg.number(x)}" y="{svg.number(y)}" dy=".35em" text-anchor="{anchor}" '
        f'font-size="12" fill="currentColor" {extra}>{svg.escape(content)}</text>'
    )
