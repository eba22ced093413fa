"""A home with an open batch of planted rows, for tests of what goes out to tools and comes back."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml
from PIL import Image

from burnish.workflows.home import Home, prepare_home
from burnish.workflows.tool_exchange import Exchange, opened

START = datetime(2026, 11, 26, 9, tzinfo=UTC)
CLASSES = ("cat", "dog", "ferret & co")
REASONS = ("audit", "gold", "control", "held_out")
"""Row n of the batch is there for reason n modulo four."""


class Later:
    """A clock that goes on by a second each time that it is asked."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def png(colour: str = "red", size: int = 8) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (size, size), colour).save(buffer, "PNG")
    return buffer.getvalue()


def name_of(row: int) -> str:
    """Ids hold what files and addresses do not: a slash, a space, a quote."""
    return f'pet/{row} "x"'


def planted(
    folder: Path,
    rows: int = 4,
    *,
    policy: str = "single",
    pictures: bool = True,
    texts: bool = True,
) -> Home:
    """A home whose open batch asks about so many rows; all labels are `cat`, the model says dog."""
    features: dict[str, str] = {"weight": "numeric"}
    table: dict[str, Any] = {
        "example_id": [name_of(row) for row in range(rows)],
        "label": ["cat"] * rows,
        "weight": [float(row) for row in range(rows)],
        "split": ["train" if row % 4 < 3 else "test" for row in range(rows)],
        "fold_group": [name_of(row) for row in range(rows)],
    }
    if texts:
        features["note"] = "text"
        table["note"] = [f"=<b>note</b> {{{{7*7}}}} {row}" for row in range(rows)]
    if pictures:
        features["photo"] = "image"
        table["photo"] = [png()] * rows
    home = prepare_home(folder / "home")
    home.versions.write("pets", "validated_examples", pa.table(table), gated=False)
    iteration = home.versions.join("pets", opens=True)
    queue = [_queued(row, iteration.number) for row in range(rows)]
    home.versions.write(
        "pets", "relabel_queue", pa.Table.from_pylist(queue), iteration=1, gated=False
    )
    spec = {
        "name": "pets",
        "source": {"path": "pets.csv"},
        "target": "label",
        "classes": list(CLASSES),
        "features": features,
        "review": {"budget": 10, "policy": policy},
    }
    (folder / "catalog").mkdir()
    (folder / "catalog" / "pets.yaml").write_text(yaml.safe_dump(spec))
    return home


def at_the_desk(home: Home, clock: Any = None) -> Exchange:
    return opened(home, home.folder.parent / "catalog", "pets", clock=clock or Later())


def _queued(row: int, iteration: int) -> dict[str, Any]:
    reason = REASONS[row % 4]
    blind = reason == "held_out"
    return {
        "example_id": name_of(row),
        "iteration": iteration,
        "position": row + 1,
        "reason": reason,
        "why": f"secretly {reason}",
        "label": None if blind else "cat",
        "suggested_label": "dog" if reason == "audit" else None,
        "error_probability": 0.987654 if reason == "audit" else None,
        "inclusion_probability": 0.125 if reason == "control" else None,
        "pool_size": 90,
        "review_group": 1,
    }
