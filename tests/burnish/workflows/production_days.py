"""Planted days of production for the flowers: files of rows, and a spec that reads them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from burnish.spec import DatasetSpec, load_catalog

START = date(2026, 3, 1)
NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
CENTRES = np.array([[0.0, 0.0, 0.0], [4.0, 0.5, -1.0], [0.5, 4.0, 2.0]])
KINDS = ("iris", "rose", "tulip")
HEADER = "flower,met,petal,sepal,leaf,colour"

PRODUCTION = """\
production:
  source: {path: arrivals}
  time: met
  start: 2026-03-01
  window: 3
  labels: {source: {path: answers/*.csv}, example_id: flower, label: kind, time: told}
"""


def day_lines(
    day: date, *, rows: int = 40, seed: int = 0, shift: float = 0.0
) -> tuple[list[str], dict[str, str]]:
    """The rows of a day as lines of CSV, without the header, and the kind of each flower."""
    rng = np.random.default_rng([seed, day.toordinal()])
    truth = rng.integers(0, 3, rows)
    points = CENTRES[truth] + rng.normal(0, 1.0, (rows, 3)) + shift
    colours = rng.choice(["red", "white"], rows)
    lines, kinds = [], {}
    for at in range(rows):
        name = f"p{day:%m%d}{at:03d}"
        met = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(minutes=30 * (at % 48))
        values = ",".join(f"{value:.4f}" for value in points[at])
        lines.append(f"{name},{met:%Y-%m-%d %H:%M:%S},{values},{colours[at]}")
        kinds[name] = KINDS[truth[at]]
    return lines, kinds


def write_day(folder: Path, day: date, *, name: str = "", **options: Any) -> Path:
    """One file with the rows of a day."""
    lines, _ = day_lines(day, **options)
    return write_lines(folder / (name or f"{day}.csv"), lines)


def write_lines(path: Path, lines: list[str], *, header: str = HEADER) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def write_answers(folder: Path, kinds: Mapping[str, str], *, name: str = "one.csv") -> Path:
    """Labels that came in, two days after the first of March."""
    lines = [f"{flower},{kind},2026-03-03T08:00:00Z" for flower, kind in kinds.items()]
    return write_lines(folder / name, lines, header="flower,kind,told")


def with_production(planted: Any, **changes: str) -> DatasetSpec:
    """The spec of the flowers with production; `changes` replace text of that part."""
    text = PRODUCTION
    for old, new in changes.items():
        text = text.replace(old, new)
    file = planted.catalog / "flowers.yaml"
    file.write_text(file.read_text().split("production:")[0] + text)
    (planted.catalog / "arrivals").mkdir(exist_ok=True)
    (planted.catalog / "answers").mkdir(exist_ok=True)
    return load_catalog(planted.catalog)["flowers"]
