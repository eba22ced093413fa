"""The rows of a return: those that any version of the labels trains on, and those scored.

What belongs here: reading them off what is published, and the labels that some decisions give. What
does not: which decisions (`burnish.workflows.returns_batches`).
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from burnish.records import LabelVersion
from burnish.spec import DatasetSpec
from burnish.versions import Versions
from burnish.workflows.curate import curate, trainable
from burnish.workflows.returns_fits import Arm

PRODUCTION = "production_labels"


def production_rows(versions: Versions, dataset: str) -> dict[str, pa.Table]:
    """Rows met in production that have a label by now, where such a stage was published."""
    table = versions.read_last_good(dataset, PRODUCTION)
    return {} if table is None else {"production": table}


def rows_of(
    spec: DatasetSpec, versions: Versions, labels: LabelVersion, scored: Mapping[str, pa.Table]
) -> tuple[pa.Table, pa.Table]:
    """All rows that any labels could train on, and the rows that are scored.

    The first have the label as collected, null where there was none, and what was decided last.
    The second are validation and test rows as `labels` have them, and those of `scored` that have a
    label and are not among the first. Rows that the gate of the curated rows turned away are in
    neither. Raises `GateError` where no validated rows were published.
    """
    refused = versions.quarantined(spec.name, "curated_examples")["example_id"].to_pylist()
    passed = ~pc.field("example_id").isin(pa.array(refused, pa.string()))
    validated = versions.read(spec.name, "validated_examples").filter(passed)
    universe = validated.filter(pc.field("split") == "train")
    unlabeled = versions.read_last_good(spec.name, "unlabeled_examples")
    if unlabeled is not None:
        decided = labels.decisions["example_id"].to_pylist()
        asked = unlabeled.filter(
            passed & pc.field("example_id").isin(pa.array(decided, pa.string()))
        )
        more = trainable(asked, validated)
        universe = pa.concat_tables([universe, more], promote_options="permissive")
    now = curate(validated, labels)
    known = pc.field("label").is_valid()
    held_out = now.filter(pc.field("split").isin(["validation", "test"]) & known)
    trained = universe["example_id"].to_pylist()
    for split, table in scored.items():
        fresh = table.filter(~pc.field("example_id").isin(pa.array(trained, pa.string())) & known)
        parts = [held_out, _in_split(fresh, split)]
        held_out = pa.concat_tables(parts, promote_options="permissive")
    return _with_decisions(universe, labels), held_out


def _in_split(table: pa.Table, split: str) -> pa.Table:
    """The rows, all of one split."""
    kept = table.drop_columns(["split"]) if "split" in table.column_names else table
    return kept.append_column("split", pa.array([split] * table.num_rows, pa.string()))


def _with_decisions(universe: pa.Table, labels: LabelVersion) -> pa.Table:
    """The rows with what people decided last: a variant of a decided row is not doubtful."""
    told = dict(
        zip(
            labels.decisions["example_id"].to_pylist(),
            labels.decisions["decision"].to_pylist(),
            strict=True,
        )
    )
    decided = [told.get(name) for name in universe["example_id"].to_pylist()]
    return universe.append_column("decision", pa.array(decided, pa.string()))


def labels_by(universe: pa.Table, decided: LabelVersion) -> Arm:
    """The label of each row by these decisions; None where it is dropped or has none."""
    rows = curate(universe.select(["example_id", "label"]), decided)
    labels = dict(zip(rows["example_id"].to_pylist(), rows["label"].to_pylist(), strict=True))
    return tuple(labels.get(name) for name in universe["example_id"].to_pylist())
