"""A small dataset with days of production, written as the stages of production write them.

What belongs here: rows for tests that close the loop. What does not: any expectation.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from burnish.spec import DatasetSpec
from burnish.versions import Versions
from burnish.workflows.home import Home, prepare_home
from burnish.workflows.production_stages import BATCH, LABELS, PREDICTIONS, partition_stage

CSV = ["name,size,site,kind"] + [
    f"s{at:03d},{at % 7}.{at},north,{'large' if at % 7 > 3 else 'small'}" for at in range(60)
]


def spec_in(folder: Path, **more) -> DatasetSpec:
    """A spec with production, whose source is written into the folder."""
    (folder / "boxes.csv").write_text("\n".join(CSV) + "\n")
    return DatasetSpec.model_validate(
        {
            "name": "boxes",
            "source": {"path": "boxes.csv"},
            "id": "name",
            "target": "kind",
            "features": {"size": "numeric"},
            "classes": ["large", "small"],
            "production": {"source": {"path": "met/*.csv"}, "time": "at", "start": "2026-03-01"},
            "review": {"budget": 12, "control_share": 0.2},
            "folder": folder,
        }
        | more
    )


def at(day: str, hour: int = 12) -> datetime:
    return datetime.fromisoformat(f"{day}T{hour:02d}:00:00").replace(tzinfo=UTC)


def batch(versions: Versions, day: str, ids: list[str], *, size: float = 5.0, **more) -> pa.Table:
    """Publish a day's batch and what a champion said of it."""
    rows = pa.table(
        {
            "example_id": ids,
            "met_at": pa.array([at(day)] * len(ids), pa.timestamp("us", "UTC")),
            "period": [day] * len(ids),
            "size": [size + place for place in range(len(ids))],
            "at": [f"{day}T12:00:00Z"] * len(ids),
        }
        | more
    )
    versions.write("boxes", partition_stage(BATCH, day), rows, gated=False)
    said = rows.select(["example_id", "met_at", "period"])
    said = said.append_column("predicted", pa.array(["large"] * len(ids)))
    said = said.append_column("confidence", pa.array([0.95] * len(ids)))
    said = said.append_column("champion", pa.array([1] * len(ids), pa.int64()))
    versions.write("boxes", partition_stage(PREDICTIONS, day), said, gated=False)
    return rows


def labels_came(
    versions: Versions, day: str, labels: dict[str, str | None], *, when: datetime | None = None
) -> None:
    """Publish labels that came in for rows of a day, beside those that came in before."""
    came_at = when or at(day) + timedelta(days=1)
    new = pa.table(
        {
            "example_id": list(labels),
            "period": [day] * len(labels),
            "label": pa.array(list(labels.values()), pa.string()),
            "labelled_at": pa.array([came_at] * len(labels), pa.timestamp("us", "UTC")),
        }
    )
    known = versions.read_last_good("boxes", LABELS)
    rows = new if known is None else pa.concat_tables([known, new])
    versions.write("boxes", LABELS, rows, gated=False)


def home_in(folder: Path) -> Home:
    return prepare_home(folder / "home")
