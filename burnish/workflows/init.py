"""A first dataset spec: where it goes, what it is called, and writing it.

What belongs here: what `burnish init` does. What does not: looking at the data
(`burnish.spec.guess_from_file`), or printing (`burnish.cli`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from burnish.errors import DataError, ProjectError
from burnish.spec import DatasetSpec, guess_from_file, load_spec
from burnish.workflows.home import find_project


@dataclass(frozen=True)
class FirstSpec:
    """A spec that was written, where, and `notes`: what people should know at once, a line each."""

    path: Path
    spec: DatasetSpec
    notes: tuple[str, ...]


def write_first_spec(
    file: Path,
    *,
    target: str,
    name: str | None = None,
    out: Path | None = None,
    project: Path | None = None,
) -> FirstSpec:
    """Write a first spec from a look at `file`, whose column `target` holds the label.

    `name` and `out` are `default_name` and `spec_path` unless given. Raises `DataError` where
    there is such a spec already, and what `burnish.spec.guess_from_file` raises.
    """
    name = name or default_name(file)
    where = out or spec_path(name, project=project)
    if where.exists():
        raise DataError(
            f"{where} is already there",
            expected="a spec that is new",
            hint="edit it, remove it, or choose another --out or --name",
        )
    guess = guess_from_file(file, target=target, name=name, folder=where.parent)
    where.parent.mkdir(parents=True, exist_ok=True)
    where.write_text(guess.text, encoding="utf-8")
    return FirstSpec(where, load_spec(where), guess.notes)


def default_name(file: Path) -> str:
    """A dataset name from a file name.

    >>> default_name(Path("data/Churn 2026-Q3.csv.gz"))
    'churn_2026_q3'
    """
    stem = file.name.split(".")[0].lower()
    name = re.sub(r"[^a-z0-9]+", "_", stem).strip("_") or "dataset"
    return (name if name[0].isalpha() else f"data_{name}")[:40]


def spec_path(name: str, *, project: Path | None = None) -> Path:
    """`catalog/NAME.yaml` of the project around us; beside us where there is none."""
    try:
        root = project or find_project(Path.cwd())
    except ProjectError:
        return Path.cwd() / f"{name}.yaml"
    return root / "catalog" / f"{name}.yaml"
