"""Days of production differ without any drift: their rows do not count as so many witnesses."""

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from burnish.spec import DatasetSpec
from burnish.workflows.production_measure import drift_table
from burnish.workflows.production_reference import Champion
from burnish.workflows.production_window import Window

NAMES = [f"x{at}" for at in range(8)]
DAYS = tuple(date(2026, 3, day).isoformat() for day in range(1, 8))


class NothingKept:
    """A record without any table: there are no earlier windows, and no labels."""

    def read_last_good(self, *_: Any, **__: Any) -> None:
        return None


def spec_of(**changes: Any) -> DatasetSpec:
    return DatasetSpec.model_validate(
        {
            "name": "days",
            "source": {"path": "days.csv"}, "target": "label", "classes": ["a", "b"],
            "features": {name: {"kind": "numeric"} for name in NAMES},
            "production": {
                "source": {"path": "arrivals"}, "time": "at", "start": "2026-03-01", **changes,
            },
        }
    )  # fmt: skip


def columns(rng: np.random.Generator, day: np.ndarray, moved: float) -> dict[str, np.ndarray]:
    """A fifth of the variance is that of the day."""
    count = int(day.max()) + 1
    return {
        name: np.sqrt(0.2) * rng.normal(size=count)[day]
        + np.sqrt(0.8) * rng.normal(size=day.size)
        + moved * (name == "x0")
        for name in NAMES
    }


def drifted(spec: DatasetSpec, seed: int, *, moved: float = 0.0) -> set[str]:
    rng = np.random.default_rng(seed)
    known = columns(rng, np.arange(2000), 0.0)
    training = pa.table(known | {"label": rng.choice(["a", "b"], 2000)})
    sure = rng.uniform(0.5, 1.0, 2000)
    said = {"predicted": pa.array(["a"] * 2000), "confidence": sure}
    validation = pa.table({**known, "label": training["label"], **said})
    champion = Champion(1, None, ("a", "b"), training, training, validation, spec)
    day = np.repeat(np.arange(7), 200)
    rows = pa.table(
        {
            **columns(rng, day, moved),
            "example_id": [str(at) for at in range(day.size)],
            "period": [DAYS[at] for at in day],
        }
    )
    sure = rng.uniform(0.5, 1.0, day.size)
    labels = tuple(rng.choice(["a", "b"], day.size).tolist())
    window = Window(DAYS, rows, np.column_stack([sure, 1 - sure]), labels)
    table = drift_table(spec, NothingKept(), champion, window)
    return {line["column"] for line in table.to_pylist() if line["finding"] == "drifted"}


def test_days_that_differ_as_ever_are_no_drift_unless_rows_are_said_to_be_independent() -> None:
    assert not any(drifted(spec_of(), seed) for seed in range(3))
    assert any(drifted(spec_of(independent_rows=True), seed) for seed in range(3))


@pytest.mark.parametrize("window", [3, 7])
def test_a_column_that_moved_on_all_days_is_drift_of_a_long_and_of_a_short_window(window) -> None:
    assert "x0" in drifted(spec_of(window=window), 5, moved=3.0)


def test_a_row_that_a_champion_learned_is_known_by_its_name_though_a_column_did_not_come():
    learned = pa.table({"example_id": ["a", "b"], **{name: [1.0, 2.0] for name in NAMES}})
    spec = spec_of()
    champion = Champion(1, None, ("a", "b"), learned, learned, learned, spec)
    rows = pa.table({"example_id": ["a", "new"], NAMES[0]: [1.0, 7.0]})
    assert champion.has_learned(rows).tolist() == [True, False]
