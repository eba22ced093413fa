"""The figures of every iteration that `burnish loop` has shown, kept beside the state.

What belongs here: one JSON file a dataset. What does not: the record of iterations itself, which
is in SQL (`burnish.versions`); figures that need known truth must not be there, so they are here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from burnish.report.summary import IterationSummary, Measured, ReasonFigure


@dataclass
class History:
    """Iterations in order; `add` keeps one for good."""

    file: Path
    iterations: tuple[IterationSummary, ...] = ()

    @classmethod
    def open(cls, home: Path, dataset: str) -> History:
        """The history of one dataset in a home; empty where there is none yet."""
        file = home / "reports" / dataset / "loop.json"
        if not file.exists():
            return cls(file)
        rows: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
        return cls(file, tuple(_summary(row) for row in rows))

    def add(self, summary: IterationSummary) -> None:
        """Keep one more iteration; one that is there already is replaced."""
        others = [old for old in self.iterations if old.iteration != summary.iteration]
        self.iterations = tuple(sorted([*others, summary], key=lambda one: one.iteration))
        self.file.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps([one.to_json() for one in self.iterations], indent=1)
        # Written beside and moved over: a kill in between leaves the file before.
        beside = self.file.with_suffix(".tmp")
        beside.write_text(text, encoding="utf-8")
        beside.replace(self.file)


def _summary(row: dict[str, Any]) -> IterationSummary:
    known = {field.name for field in fields(IterationSummary)}
    values = {key: value for key, value in row.items() if key in known}
    for key in ("noise", "test_accuracy", "worst_slice_accuracy"):
        values[key] = None if values[key] is None else Measured(**values[key])
    values["by_reason"] = tuple(_reason(one) for one in values["by_reason"])
    return IterationSummary(**values)


def _reason(row: dict[str, Any]) -> ReasonFigure:
    known = {field.name for field in fields(ReasonFigure)}
    return ReasonFigure(**{key: value for key, value in row.items() if key in known})
