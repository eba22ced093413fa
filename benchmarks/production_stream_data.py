"""The streams of `production_stream.py`: electricity and weather as projects that production meets.

What belongs here: which rows are the start and which come when, and the spec that a stream runs by.
What does not: running it (`production_stream_run.py`), or figures (`production_stream_score.py`).

Nothing of the data is kept: files are written to a temporary project, period by period. The time of
an electricity row is known (half-hours from 7 May 1996). The weather file has no dates: its rows
are taken as days in a row, and begin on 1 January 1980, the first day that a ZIP file, as a model
is one, can show. Some days are missing in it, so that its seasons come five weeks early in the end.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias

Row: TypeAlias = dict[str, str]


@dataclass(frozen=True)
class Stream:
    """One data set as production meets it.

    `start` is when production begins; rows before it are what the first model learns from. A
    window holds `window` periods. `group` is the column of rows that are split together: hours of
    one week resemble each other, and a split that parts them would flatter the model. `share` is
    that of rows made by augmentation: none for the weather, where the promotion gate refuses the
    first model made with them (it finds less of the rain).
    """

    name: str
    file: str
    target: str
    classes: tuple[str, str]
    first: datetime
    step: timedelta
    start: datetime
    period: str
    window: int
    group: str
    share: float

    def rows(self, data: Path) -> list[Row]:
        """All rows in time order, with `example_id`, `met`, `kind` and the group."""
        found: list[Row] = []
        with gzip.open(data / self.file, "rt") as lines:
            for at, row in enumerate(csv.DictReader(lines)):
                met = self.first + at * self.step
                kind = self.classes[int(float(row.pop(self.target)))]
                if "period" in row:
                    # Production calls the day of a row so: no feature may be called that.
                    row["half_hour"] = row.pop("period")
                row |= {"example_id": f"r{at:05d}", "met": f"{met:%Y-%m-%dT%H:%M:%SZ}"}
                found.append(row | {"kind": kind, "block": self._block(met)})
        return found

    def _block(self, met: datetime) -> str:
        year, week, _ = met.isocalendar()
        return f"{year}-{week:02d}" if self.group == "week" else f"{met:%Y-%m}"

    def features(self, row: Row) -> list[str]:
        """The names of the features."""
        return [name for name in row if name not in {"example_id", "met", "kind", "block"}]

    def periods(self, until: datetime) -> Iterator[tuple[str, datetime, datetime]]:
        """Name, beginning and end of each period of production that ends by `until`."""
        begin = self.start
        while (end := _after(begin, self.period)) <= until:
            yield begin.date().isoformat(), begin, end
            begin = end


def _after(begin: datetime, period: str) -> datetime:
    if period == "month":
        return begin.replace(year=begin.year + begin.month // 12, month=begin.month % 12 + 1)
    return begin + timedelta(days={"day": 1, "week": 7}[period])


_ELEC = datetime(1996, 5, 7, tzinfo=UTC)
_HALF_HOUR = timedelta(minutes=30)
STREAMS = {
    one.name: one
    for one in (
        Stream(
            "elec_week", "drift_elec2/elec2.csv.gz", "class", ("down", "up"), _ELEC, _HALF_HOUR,
            _ELEC + timedelta(weeks=8), "week", 1, "week", 0.3,
        ),
        Stream(
            "elec_day", "drift_elec2/elec2.csv.gz", "class", ("down", "up"), _ELEC, _HALF_HOUR,
            _ELEC + timedelta(weeks=8), "day", 7, "week", 0.3,
        ),
        Stream(
            "weather", "drift_noaa_weather/weather.csv.gz", "target", ("dry", "rain"),
            datetime(1980, 1, 1, tzinfo=UTC), timedelta(days=1), datetime(1984, 1, 1, tzinfo=UTC),
            "month", 3, "month", 0.0,
        ),
    )
}  # fmt: skip

SPEC = """\
name: {name}
owner: team:benchmark
source: {{path: start.csv}}
id: example_id
target: label
group: block
classes: [{classes}]
features: {{{features}}}
model: {model}
augment: {{share: {share}}}
review: {{budget: 20}}
{promotion}production:
  source: {{path: arrivals/*.csv}}
  time: met
  start: {start}
  period: {period}
  window: {window}
  labels: {{source: {{path: answers/*.csv}}, time: told}}
policy:
  min_labels: 50
  retrain_every: {every}
  rules:
    - {{signal: row_drift, action: watch, over: 0.65}}
    - {{signal: estimated_loss, action: watch, over: 0.05}}
    - {{signal: measured_loss, action: retrain, over: 0.02, least: 0.05, cooldown: {every}}}
"""
"""Labels of every row come in by themselves, so nothing is asked of people: where the default
policy would ask for labels, the alarm is raised and nothing else. A model is retrained at most
every `every` periods. All else is as it is by default."""

EVERY = {"day": 7, "week": 2, "month": 3}
RECENT = {"day": 84, "week": 12, "month": 24}
"""The promotion gate looks at validation rows of so many periods: a quarter of electricity, and two
years of weather, which has seasons."""


def write_project(
    stream: Stream, rows: list[Row], folder: Path, *, model: str, recent: int | None = None
) -> Path:
    """The catalog of a stream: its spec and the rows of the start.

    `recent` is as in the spec's `promotion`; None: as `RECENT` says, 0: the gate's default.
    """
    lately = RECENT[stream.period] if recent is None else recent
    catalog = folder / "catalog"
    for name in ("arrivals", "answers"):
        (catalog / name).mkdir(parents=True)
    features = stream.features(rows[0])
    text = SPEC.format(
        name=stream.name,
        classes=", ".join(stream.classes),
        features=", ".join(f"{name}: numeric" for name in features),
        model=model,
        share=stream.share,
        start=stream.start.date().isoformat(),
        period=stream.period,
        window=stream.window,
        every=EVERY[stream.period],
        promotion=f"promotion: {{recent: {lately}}}\n" if lately else "",
    )
    (catalog / f"{stream.name}.yaml").write_text(text)
    names = ["example_id", "block", *features, "label"]
    _write(catalog / "start.csv", [row | {"label": row["kind"]} for row in rows], names)
    return catalog


def deliver(stream: Stream, rows: list[Row], catalog: Path, period: str) -> None:
    """The rows of a period come in, without their labels."""
    names = ["example_id", "met", "block", *stream.features(rows[0])]
    _write(catalog / "arrivals" / f"{period}.csv", rows, names)


def answer(rows: list[Row], catalog: Path, period: str, told: datetime) -> None:
    """The labels of a period come in."""
    said = [
        {"example_id": row["example_id"], "label": row["kind"], "told": told.isoformat()}
        for row in rows
    ]
    _write(catalog / "answers" / f"{period}.csv", said, ["example_id", "label", "told"])


def _write(path: Path, rows: list[Row], names: list[str]) -> None:
    with path.open("w", newline="") as out:
        writer = csv.DictWriter(out, names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
