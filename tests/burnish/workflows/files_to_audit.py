"""Files with planted label errors, as a newcomer brings them: numbers, texts, pictures.

What belongs here: writing a file and telling which of its rows are wrong. What does not: any
expectation.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv, feather, ipc, parquet

THEMES = {
    "sport": "match goal team coach league season striker stadium referee cup penalty fans",
    "food": "recipe oven butter garlic soup dinner flour pepper taste kitchen sauce bread",
    "law": "court judge appeal ruling lawyer statute evidence verdict trial clause treaty jury",
}
FILLER = "the a of and in was with for on that it very today again new some"


@dataclass(frozen=True)
class Written:
    """A file, and the positions of its wrong rows from 0."""

    path: Path
    wrong: frozenset[int]


def numbers(*, rows: int = 300, noise: float = 0.1, seed: int = 0) -> tuple[pa.Table, frozenset]:
    """Three clouds of numbers, a category that follows them, and a city without meaning."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, rows)
    wrong = rng.permutation(rows)[: round(noise * rows)]
    given = truth.copy()
    given[wrong] = (truth[wrong] + rng.integers(1, 3, wrong.size)) % 3
    centres = np.array([[0, 0, 0], [5, 1, -1], [1, 5, 2]], dtype=float)
    X = centres[truth] + rng.normal(0, 0.8, (rows, 3))
    kinds = np.array(["iris", "rose", "tulip"])
    table = {"plant_id": [f"p{at:04d}" for at in range(rows)]}
    table |= {name: X[:, at].round(3) for at, name in enumerate(("petal", "sepal", "leaf"))}
    table["city"] = rng.choice(["Oslo", "Rome"], rows)
    table["kind"] = kinds[given]
    return pa.table(table), frozenset(wrong.tolist())


def save(table: pa.Table, path: Path) -> Path:
    """Write a table in the format that the ending names."""
    match path.suffix:
        case ".csv":
            csv.write_csv(table, path)
        case ".parquet":
            parquet.write_table(table, path)
        case ".arrow":
            with ipc.new_file(path, table.schema) as sink:
                sink.write_table(table)
        case ".feather":
            feather.write_feather(table, path)
        case ".jsonl":
            path.write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))
    return path


def texts(path: Path, *, rows: int = 180, noise: float = 0.1, seed: int = 1) -> Written:
    """Sentences of three themes; the first wrong one holds markup."""
    rng = np.random.default_rng(seed)
    names = list(THEMES)
    truth = rng.integers(0, 3, rows)
    wrong = rng.permutation(rows)[: round(noise * rows)]
    given = truth.copy()
    given[wrong] = (truth[wrong] + 1) % 3
    lines = []
    for at in range(rows):
        words = rng.choice(THEMES[names[truth[at]]].split(), 7).tolist()
        words += rng.choice(FILLER.split(), 6).tolist()
        text = " ".join(rng.permutation(words).tolist())
        if at == wrong[0]:
            text += " <script>document.title = 'taken'</script> <img src=x onerror=alert(1)>"
        lines.append({"note": text, "theme": names[given[at]]})
    save(pa.Table.from_pylist(lines), path)
    return Written(path, frozenset(wrong.tolist()))


def pictures(folder: Path, *, rows: int = 90, noise: float = 0.1, seed: int = 2) -> Written:
    """A folder of PNGs, bars that stand, lie or cross, and a CSV that names them."""
    from PIL import Image

    rng = np.random.default_rng(seed)
    shapes = ["across", "both", "upright"]
    (folder / "scans").mkdir(parents=True)
    truth = rng.integers(0, 3, rows)
    wrong = rng.permutation(rows)[: round(noise * rows)]
    given = truth.copy()
    given[wrong] = (truth[wrong] + 1) % 3
    lines = ["picture,shape"]
    for at in range(rows):
        pixels = rng.integers(0, 60, (24, 24))
        start = rng.integers(6, 14)
        if shapes[truth[at]] in {"across", "both"}:
            pixels[start : start + 5, 2:22] = 230
        if shapes[truth[at]] in {"upright", "both"}:
            pixels[2:22, start : start + 5] = 230
        name = f"scans/{at:03d}.png"
        Image.fromarray(pixels.astype(np.uint8)).save(folder / name)
        lines.append(f"{name},{shapes[given[at]]}")
    path = folder / "shapes.csv"
    path.write_text("\n".join(lines) + "\n")
    return Written(path, frozenset(wrong.tolist()))


def found_first(table: pa.Table, wrong: frozenset[int]) -> float:
    """The share of wrong rows among as many of the most suspicious."""
    first = table.slice(0, len(wrong))["row"].to_pylist()
    return len({row - 1 for row in first} & wrong) / len(wrong)
