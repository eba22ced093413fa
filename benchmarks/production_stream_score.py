"""Figures of a stream: estimates against the truth, alarms against falls, retraining against none.

What belongs here: reading what `production_stream_run.py` wrote, a table, and a plot. What does
not: the runs.

A window is a *fall* where the champion's accuracy lies 5 points or more below what it had on its
validation rows. An alarm of a window counts once it stands in a decision about that window that the
serving model was measured for. Falls in a row are one *episode*. Intervals of accuracy are those of
a bootstrap that draws periods, since rows of one period resemble each other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np

FALL = 0.05
STANDS = {"raise", "join", "keep"}
FREE = ("estimated_loss",)
DRIFT = ("column_drift", "prediction_drift", "row_drift")
LABELS = ("measured_loss",)


@dataclass(frozen=True)
class Window:
    """One window: what was true, what was estimated before labels, and which alarms stood when.

    `alarms` maps a kind of alarm to the moment at which a decision first had it standing.
    """

    period: str
    champion: int
    rows: int
    right: int
    right_first: int
    true: float
    reference: float
    estimated: float
    low: float
    high: float
    trusted: bool
    alarms: dict[str, datetime]
    loss: tuple[float, float] | None

    @property
    def fell(self) -> bool:
        return self.reference - self.true >= FALL - 1e-12


def windows_of(folder: Path, name: str) -> list[Window]:
    """The windows of the policy's arm, in order; the last, whose labels never came, is left out."""
    lines = _lines(folder / f"{name}-policy.jsonl")
    events = json.loads((folder / f"{name}-policy.record.json").read_text())["events"]
    return [_window(one, events) for one in lines[:-1] if one["estimate"] is not None]


def _window(told: dict[str, Any], events: Sequence[dict[str, Any]]) -> Window:
    line = told["estimate"]
    whole = told.get("window_rows") or told["rows"]
    right = told.get("window_right") or told["right"]
    return Window(
        period=told["period"],
        champion=told["champion"],
        rows=told["rows"],
        right=told["right"],
        right_first=told["right_first"],
        true=right / whole,
        reference=line["reference"],
        estimated=line["estimated"],
        low=line["low"],
        high=line["high"],
        trusted=bool(line["trusted"]),
        alarms=_alarms(told, events),
        loss=_loss(told, events),
    )


def _alarms(told: dict[str, Any], events: Sequence[dict[str, Any]]) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    for event in events:
        if event["kind"] != "decided" or event["period"] != told["period"]:
            continue
        body = event["body"]
        if body["facts"]["champion"] != told["champion"]:
            continue
        for signal, made in zip(body["signals"], body["decisions"], strict=True):
            for kind, names in (("free", FREE), ("drift", DRIFT), ("labels", LABELS)):
                if signal["name"] in names and made["alarm"] in STANDS:
                    found.setdefault(kind, datetime.fromisoformat(event["at"]))
    return found


def _loss(told: dict[str, Any], events: Sequence[dict[str, Any]]) -> tuple[float, float] | None:
    """The loss that labels first showed, and its lower limit; None where another model served."""
    for event in events:
        body = event["body"]
        if event["kind"] != "decided" or event["period"] != told["period"]:
            continue
        for signal in body["signals"]:
            mine = body["facts"]["champion"] == told["champion"]
            if mine and (signal["name"], signal["key"]) == ("measured_loss", ""):
                return signal["value"], signal["low"]
    return None


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


# ---------------------------------------------------------------- figures


def estimates_row(found: Sequence[Window], keep: Callable[[Window], bool]) -> list[str]:
    """How near the estimates came: windows, mean error, share of intervals with the truth."""
    kept = [one for one in found if keep(one)]
    if not kept:
        return ["0", "", "", ""]
    errors = np.array([one.estimated - one.true for one in kept])
    held = np.mean([one.low <= one.true <= one.high for one in kept])
    return [
        f"{len(kept)}",
        f"{100 * np.abs(errors).mean():.1f}",
        f"{100 * errors.mean():+.1f}",
        f"{100 * held:.0f} %",
    ]


def alarms_row(found: Sequence[Window], kind: str, ends: dict[str, datetime]) -> list[str]:
    """Windows hit and missed, episodes hit, delay, and alarms where accuracy had not fallen.

    The delay of an episode is counted in periods, from the end of its first window to the first
    decision that had the alarm standing for a window of the episode.
    """
    hits = sum(one.fell and kind in one.alarms for one in found)
    falls = sum(one.fell for one in found)
    wrong = sum(not one.fell and kind in one.alarms for one in found)
    delays: list[int] = []
    episodes = [*_episodes(found)]
    order = sorted(ends.values())
    for episode in episodes:
        at = [one.alarms[kind] for one in episode if kind in one.alarms]
        if at:
            begun = ends[episode[0].period]
            delays.append(sum(begun < end <= min(at) for end in order))
    late = f"{np.median(delays):.0f} (most {max(delays)})" if delays else "none"
    return [
        f"{hits} of {falls}",
        f"{len(delays)} of {len(episodes)}",
        late,
        f"{wrong} of {len(found) - falls}",
    ]


def _episodes(found: Sequence[Window]) -> Iterator[list[Window]]:
    run: list[Window] = []
    for one in found:
        if one.fell:
            run.append(one)
        elif run:
            yield run
            run = []
    if run:
        yield run


def accuracy(right: Sequence[int], rows: Sequence[int], *, seed: int = 0) -> tuple[float, ...]:
    """Accuracy over all periods and its 95 % interval, by a bootstrap over periods."""
    drawn = _drawn(len(rows), seed)
    hits, all_rows = np.asarray(right)[drawn].sum(1), np.asarray(rows)[drawn].sum(1)
    low, high = np.quantile(hits / all_rows, [0.025, 0.975])
    return sum(right) / sum(rows), float(low), float(high)


def difference(
    one: Sequence[int], other: Sequence[int], rows: Sequence[int], *, seed: int = 0
) -> tuple[float, ...]:
    """Accuracy of `one` less that of `other` on the same periods, with its 95 % interval."""
    gained = np.asarray(one) - np.asarray(other)
    drawn = _drawn(len(rows), seed)
    spread = gained[drawn].sum(1) / np.asarray(rows)[drawn].sum(1)
    low, high = np.quantile(spread, [0.025, 0.975])
    return float(gained.sum() / sum(rows)), float(low), float(high)


def _drawn(count: int, seed: int) -> Any:
    return np.random.default_rng(seed).integers(0, count, (2000, count))


def turns_of(folder: Path, name: str, arm: str, *, until: datetime) -> list[str]:
    """Trainings after the first model that began by a time, promotions and refusals among them."""
    turns = json.loads((folder / f"{name}-{arm}.record.json").read_text())["turns"][1:]
    begun = [one for one in turns if datetime.fromisoformat(one["opened"]) <= until]
    done = [one for one in begun if one["promotion"] is not None]
    promoted = sum(bool(one["promoted"]) for one in done)
    return [f"{len(done)}", f"{promoted}", f"{len(done) - promoted}"]


def report(folder: Path, name: str, ends: dict[str, datetime]) -> str:
    """All tables of a stream, as Markdown."""
    found = windows_of(folder, name)
    told = [f"{name}: {len(found)} windows, {sum(one.fell for one in found)} with a fall", ""]
    told += ["| Estimates | windows | mean error, points | bias | interval holds the truth |"]
    told += ["|---|---|---|---|---|"]
    for words, keep in (
        ("all", lambda one: one.rows > 0),
        ("trusted", lambda one: one.trusted),
        ("not trusted", lambda one: not one.trusted),
    ):
        told.append(_row(words, *estimates_row(found, keep)))
    told += ["", "| Alarm | falls told | episodes told | delay, periods | where nothing fell |"]
    told += ["|---|---|---|---|---|"]
    for words, kind in (
        ("estimated loss, no labels", "free"),
        ("drift of any kind, no labels", "drift"),
        ("measured loss, with labels", "labels"),
    ):
        told.append(_row(words, *alarms_row(found, kind, ends)))
    told += ["", "| Measured loss of a window | falls told | where nothing fell |", "|---|---|---|"]
    for words, over, least in (
        ("shown to be over 5 points", 0.05, 0.0),
        ("shown to be over 2 points", 0.02, 0.0),
        ("shown to be over 2, and 5 or more (the default rule)", 0.02, FALL),
        ("shown to be a loss, and 5 points or more", 0.0, FALL),
        ("shown to be a loss", 0.0, 0.0),
    ):
        said = [one for one in found if one.loss and one.loss[1] > over and one.loss[0] >= least]
        told.append(_row(words, *_counted(said, found)))
    told += [
        "",
        "| Retraining | periods | accuracy | against never | trainings | promoted | refused |",
    ]
    told += ["|---|---|---|---|---|---|---|", *_arms(folder, name, ends)]
    return "\n".join(told)


def _counted(said: Sequence[Window], found: Sequence[Window]) -> list[str]:
    falls = sum(one.fell for one in found)
    right = sum(one.fell for one in said)
    return [f"{right} of {falls}", f"{len(said) - right} of {len(found) - falls}"]


def _arms(folder: Path, name: str, ends: dict[str, datetime]) -> Iterator[str]:
    policy = _lines(folder / f"{name}-policy.jsonl")
    spans = [(policy, "policy")]
    always = folder / f"{name}-always.jsonl"
    if always.exists() and (lines := _lines(always)):
        spans += [(lines, "always"), (policy[: len(lines)], "policy")]
    for all_lines, arm in spans:
        # Of a period that its gate stopped, nobody predicted a row.
        lines = [one for one in all_lines if one["champion"]]
        rows = [one["rows"] for one in lines]
        right, first = ([one[key] for one in lines] for key in ("right", "right_first"))
        # A model that was trained when the last period was over did nothing for any of them.
        until = ends[lines[-1]["period"]]
        gain = _points(difference(right, first, rows), sign=True)
        shown = turns_of(folder, name, arm, until=until)
        yield _row(arm, f"{len(lines)}", _points(accuracy(right, rows)), gain, *shown)
        yield _row("never", f"{len(lines)}", _points(accuracy(first, rows)), "", "0", "", "")


def _points(figures: tuple[float, ...], *, sign: bool = False) -> str:
    value, low, high = (f"{100 * one:{'+' if sign else ''}.1f}" for one in figures)
    return f"{value} ({low} to {high})"


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


# ---------------------------------------------------------------- the plot

WIDE, TALL, LEFT, TOP, FOOT = 960, 380, 56, 56, 64


def plot(folder: Path, name: str, title: str) -> str:
    """Estimated and measured accuracy by window, with falls, alarms and retraining marked."""
    found = windows_of(folder, name)
    days = [date.fromisoformat(one.period).toordinal() for one in found]
    values = [v for one in found for v in (one.true, one.estimated, one.reference)]
    bottom = np.floor(10 * min(values)) / 10

    def x(day: float) -> float:
        return LEFT + (WIDE - LEFT - 16) * (day - days[0]) / max(1, days[-1] - days[0])

    def y(value: float) -> float:
        share = (min(max(value, bottom), 1.0) - bottom) / (1.0 - bottom)
        return TALL - FOOT - (TALL - TOP - FOOT) * share

    step = max(1, len(found) // 8)
    ticks = [(x(day), one.period[:7]) for day, one in zip(days, found, strict=True)][::step]
    levels = [(y(value), f"{value:.1f}") for value in np.arange(bottom, 1.001, 0.1)]
    parts = [*_axes(title, found, levels, ticks)]
    band = [(x(d), y(one.high)) for d, one in zip(days, found, strict=True)]
    band += [(x(d), y(one.low)) for d, one in reversed([*zip(days, found, strict=True)])]
    parts.append(f'<polygon points="{_points_of(band)}" fill="#ddd" stroke="none"/>')
    for values_of, style in (
        (lambda one: one.reference, 'stroke="#777" stroke-width="1" stroke-dasharray="2 3"'),
        (lambda one: one.estimated, 'stroke="#555" stroke-width="1.2" stroke-dasharray="6 3"'),
        (lambda one: one.true, 'stroke="#000" stroke-width="1.6"'),
    ):
        line = [(x(d), y(values_of(one))) for d, one in zip(days, found, strict=True)]
        parts.append(f'<polyline points="{_points_of(line)}" fill="none" {style}/>')
    parts += _marks(found, days, x, y)
    return "\n".join([*parts, "</svg>", ""])


def _axes(
    title: str,
    found: Sequence[Window],
    levels: Sequence[tuple[float, str]],
    ticks: Sequence[tuple[float, str]],
) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {TALL}" role="img" '
        'font-family="sans-serif" font-size="12">'
    )
    yield f"<title>{title}</title>"
    falls = sum(one.fell for one in found)
    yield (
        f"<desc>Accuracy in {len(found)} windows, measured and estimated without labels. "
        f"In {falls} it fell by 5 points or more.</desc>"
    )
    yield f'<rect width="{WIDE}" height="{TALL}" fill="#fff"/>'
    yield f'<text x="{LEFT}" y="18" font-size="14">{title}</text>'
    yield (
        f'<text x="{LEFT}" y="38">Line: measured. Dashes: estimated before labels, with its '
        "interval in grey. Dots: at validation.</text>"
    )
    for at, words in levels:
        yield f'<path d="M{LEFT} {at:.1f}H{WIDE - 16}" stroke="#eee"/>'
        yield f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{words}</text>'
    for at, words in ticks:
        yield f'<text x="{at:.1f}" y="{TALL - 8}" text-anchor="middle">{words}</text>'


def _marks(found: Sequence[Window], days: Sequence[int], x: Any, y: Any) -> Iterator[str]:
    """Under the lines, a row of marks each: falls, alarms without and with labels, retrains."""
    last = 0
    for day, one in zip(days, found, strict=True):
        at, foot = x(day), TALL - FOOT
        if one.fell:
            yield f'<circle cx="{at:.1f}" cy="{y(one.true):.1f}" r="3" fill="#000"/>'
        if "free" in one.alarms:
            yield f'<path d="M{at - 3:.1f} {foot + 18}l3 -6l3 6z" fill="none" stroke="#000"/>'
        if "labels" in one.alarms:
            yield f'<path d="M{at - 3:.1f} {foot + 33}l3 -6l3 6z" fill="#000"/>'
        if last and one.champion != last:
            yield f'<path d="M{at:.1f} {TOP}V{foot}" stroke="#000" stroke-dasharray="1 4"/>'
        last = one.champion
    yield (
        f'<text x="{LEFT}" y="{TOP - 4}" font-size="11">Black dot: 5 points or more lost. '
        "Triangle: alarm, open without labels, filled with. Upright dots: another model "
        "serves.</text>"
    )


def _points_of(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{one:.1f},{two:.1f}" for one, two in points)
