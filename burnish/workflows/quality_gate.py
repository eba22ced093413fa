"""Findings at a gate: the kinds of fault that a spec turns rows away for, or stops for.

What belongs here: expectations made of `gates.quality`, and judging rows by one of them. What does
not: the checks (`burnish.quality`), expectations of Great Expectations and what follows from a
failure (`resources.expectations`), or the report of all findings (`burnish.workflows.quality_run`).

A note never counts: it says that something is good to know, or that nothing need be wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.quality import CHECKS, QualityCheck, QualityReport, check_table, identifier_leak
from burnish.records import Expectation
from burnish.spec import DatasetSpec, FeatureKind

PREFIX = "quality_"
GATE = "validated_examples"
"""Where findings are judged: there each row has its split, and nothing has been built on it."""


@dataclass(frozen=True)
class Fault:
    """What a gate found of one kind: positions (k,) of rows, in rising order, and a sentence."""

    rows: NDArray[np.int64]
    said: str

    @property
    def found(self) -> bool:
        return bool(self.said)


def quality_expectations(spec: DatasetSpec) -> tuple[Expectation, ...]:
    """The expectations that `gates.quality` of a spec asks for, in the order of the spec.

    >>> spec = DatasetSpec.model_validate({"name": "toy", "source": {"path": "toy.csv"},
    ...     "target": "y", "features": {"x": "numeric"},
    ...     "gates": {"quality": {"exact_duplicates": "quarantine"}}})
    >>> [(one.kind, one.code) for one in quality_expectations(spec)]
    [('quality_exact_duplicates', 'VALIDATED-QUALITY-EXACT-DUPLICATES')]
    """
    looks_for = {check.kind: check.looks_for for check in _checks()}
    kinds = {name: feature.kind for name, feature in spec.features.items()}
    return tuple(
        Expectation(
            PREFIX + kind,
            f"VALIDATED-QUALITY-{kind.upper().replace('_', '-')}",
            on_fail,
            {"features": kinds, "group": spec.group, "seed": spec.random_state},
            f"The spec wants no {looks_for[kind]}.",
        )
        for kind, on_fail in spec.gates.quality.items()
    )


def judge_quality(expectation: Expectation, rows: pa.Table) -> Fault:
    """What is at fault in `rows` (example_id, label, split, features) by one such expectation."""
    wanted = expectation.kind.removeprefix(PREFIX)
    report = check_rows(
        rows,
        expectation.kwargs["features"],
        group=expectation.kwargs["group"],
        random_state=expectation.kwargs["seed"],
        only=wanted,
    )
    told = [one for one in report.findings if one.severity != "note"]
    places = np.array([row for one in told for row in one.rows], dtype=np.int64)
    return Fault(np.unique(places), " ".join(one.sentence for one in told))


def check_rows(
    rows: pa.Table,
    features: Mapping[str, FeatureKind],
    *,
    group: str | None,
    random_state: int,
    only: str | None = None,
) -> QualityReport:
    """The checks on rows with example_id, label and split; `only` those of one kind."""
    kinds: dict[str, FeatureKind] = {
        name: kind for name, kind in features.items() if name in rows.column_names
    }
    own = group if group in rows.column_names and group not in kinds else None
    named = ["example_id", "label", "split", *([] if own is None else [own])]
    checks = [check for check in _checks() if only in (None, check.kind)]
    return check_table(
        rows.select([*kinds, *named]), target="label", kinds=kinds, split="split", group=own,
        exclude=["example_id"], random_state=random_state, checks=checks,
    )  # fmt: skip


def _checks() -> tuple[QualityCheck, ...]:
    return (*CHECKS, identifier_leak("example_id"))
