"""Where a new dataset spec goes and what it is called.

What belongs here: names and paths for `burnish init`. What does not: looking at the data
(`burnish.spec.guess_spec`).
"""

from __future__ import annotations

import re
from pathlib import Path

from burnish.errors import ProjectError
from burnish.workflows.home import find_project


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
