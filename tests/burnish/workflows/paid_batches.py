"""A home whose ledger holds batches of fixes with a planted effect: good, harmful, or none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from burnish.datasets.planted import make_classification_table
from burnish.records import Verdict
from burnish.spec import DatasetSpec
from burnish.workflows.home import Home, prepare_home

NAME = "planted"


def planted_spec(**parts: Any) -> DatasetSpec:
    """Numbers and the site as features, a slice for each site; no augmentation unless asked."""
    return DatasetSpec.model_validate(
        {
            "name": NAME,
            "source": {"path": "planted.csv"},
            "target": "label",
            "features": {**{f"x{n}": "numeric" for n in range(5)}, "site": "categorical"},
            "slices": [{"name": "site", "column": "site"}],
            "model": {"name": "neighbours"},
            "augment": {"share": 0.0},
            **parts,
        }
    )


class Paid:
    """Rows with wrong labels, and batches of verdicts on them, each of an iteration that closed."""

    def __init__(self, folder: Path, *, rows: int = 900, noise: float = 0.3) -> None:
        self.home: Home = prepare_home(folder)
        examples, truth = make_classification_table(rows, noise=noise, seed=4)
        ids = examples["example_id"]
        self.rows = examples.append_column("fold_group", ids)
        self.truth = dict(zip(ids.to_pylist(), truth["label"].to_pylist(), strict=True))
        # The rows that everything is measured on are right.
        held_out = [row["split"] != "train" for row in examples.to_pylist()]
        labels = [
            self.truth[name] if apart else label
            for name, label, apart in zip(
                ids.to_pylist(), examples["label"].to_pylist(), held_out, strict=True
            )
        ]
        place = self.rows.column_names.index("label")
        self.rows = self.rows.set_column(place, "label", pa.array(labels))
        self.labels = dict(zip(ids.to_pylist(), labels, strict=True))
        self.home.versions.write(NAME, "validated_examples", self.rows, gated=False)

    def training(self, **where: str) -> list[str]:
        """Ids of training rows, of those with these cells."""
        wanted = {"split": "train", **where}
        return [
            row["example_id"]
            for row in self.rows.to_pylist()
            if all(row[column] == cell for column, cell in wanted.items())
        ]

    def wrong(self) -> list[str]:
        """Ids of training rows whose label is wrong as it stands."""
        return [name for name in self.training() if self.labels[name] != self.truth[name]]

    def batch(
        self, names: Sequence[str], to: dict[str, str], *, reason: str = "audit", **evidence: Any
    ) -> int:
        """One iteration in which these rows got the labels of `to` (absent: kept); its number."""
        versions = self.home.versions
        number = versions.join(NAME, opens=True).number
        verdicts: list[Verdict] = []
        for name in names:
            old, new = self.labels[name], to.get(name, self.labels[name])
            facts = {"iteration": number, "reason": reason, **evidence}
            decision = "keep" if old == new else "change"
            verdicts.append(
                Verdict(name, decision, old, new, author="Ada", reason=reason, evidence=facts)
            )
            self.labels[name] = new
        self.home.ledger.append(NAME, verdicts)
        versions.close(NAME, number, promoted=True)
        return number

    def mend(self, count: int, **more: Any) -> int:
        """A batch that gives wrong rows their true label."""
        names = self.wrong()[:count]
        return self.batch(names, {name: self.truth[name] for name in names}, **more)

    def harm(self, count: int, *, site: str, **more: Any) -> int:
        """A batch that calls right rows of one site all the same, whatever they are."""
        names = [
            name
            for name in self.training(site=site)
            if self.labels[name] == self.truth[name] != "class-1"
        ][:count]
        return self.batch(names, dict.fromkeys(names, "class-1"), **more)

    def confirm(self, count: int, **more: Any) -> int:
        """A batch that keeps every label."""
        return self.batch(self.training()[:count], {}, **more)


class Plain:
    """One after the other, and counting."""

    def __init__(self) -> None:
        self.calls = 0

    def map(self, function: Any, items: Any) -> list[Any]:
        done = []
        for item in items:
            self.calls += 1
            done.append(function(item))
        return done
