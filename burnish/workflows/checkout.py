"""Taking a dataset version out: the rows and labels that a past model saw, with its papers.

What belongs here: the datasheet of a version, and writing a version to a folder. What does not:
how the papers read (`burnish.report.datasheet`, `burnish.report.croissant`).
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from burnish.errors import CorruptTable, DataError
from burnish.records import DatasetVersion, Iteration
from burnish.report.croissant import FileFacts, croissant
from burnish.report.datasheet import VersionSheet, sheet_facts, sheet_markdown
from burnish.spec import DatasetSpec
from burnish.versions import Versions
from burnish.versions.views import PROVENANCE, digest_of_content
from burnish.workflows.naming import models_of
from burnish.workflows.train import Trained, train_model

EXAMPLES, TRAINING = "examples.parquet", "training.parquet"


@dataclass(frozen=True)
class CheckedOut:
    """A version in a folder: which one, its digest as recomputed, and the files written."""

    version: DatasetVersion
    digest: str
    rows: int
    files: tuple[Path, ...]


def version_sheet(versions: Versions, version: DatasetVersion) -> VersionSheet:
    """All that people are told of a dataset version."""
    columns = ["split"]
    splits = _rows(versions, version, columns)["split"].to_pylist()
    told: Mapping[str, Any] = version.sheet
    words = ("description", "source", "collection", "preprocessing", "licence", "contact")
    return VersionSheet(
        dataset=version.dataset,
        number=version.number,
        **{name: str(told.get(name, "")) for name in words},
        code_sha=str(told.get("code_sha", "")),
        run=str(told.get("run", "")),
        parents=tuple(told.get("parents", ())),
        watermark=version.watermark.event_id,
        digest=version.digest,
        rows=version.rows,
        class_counts=version.class_counts,
        split_counts=dict(sorted(Counter(splits).items())),
        columns={part.name: str(part.type) for part in _schema(versions, version)},
        iteration=version.iteration,
        created_at=version.created_at,
        models=tuple(
            iteration.mlflow_run_id
            for iteration in models_of(versions, version)
            if iteration.mlflow_run_id
        ),
    )


def checkout(
    versions: Versions,
    version: DatasetVersion,
    folder: Path,
    *,
    iteration: Iteration | None = None,
) -> CheckedOut:
    """Write exactly the rows and labels of a version to a folder, verified against its digest.

    `examples.parquet` are the rows with current and given label; `training.parquet`, where a model
    was trained on the version, the augmented training rows that it was fitted to (by `iteration`,
    else the last that did); `spec.json` the spec of that time; `datasheet.md`, `datasheet.json` and
    `croissant.json` the papers.

    Raises `DataError` where the folder holds something already, and `CorruptTable` where the rows
    are not those that were numbered.
    """
    if folder.exists() and any(folder.iterdir()):
        raise DataError(f"{folder} is not empty", expected="a new folder", hint="give another --to")
    rows = _rows(versions, version, None)
    digest = digest_of_content(rows).hex
    if digest != version.digest:
        raise CorruptTable(
            f"{version} holds other content than was numbered: {digest[:12]}",
            expected=f"the digest {version.digest[:12]}",
            hint="`burnish verify` says what does not hold",
        )
    folder.mkdir(parents=True, exist_ok=True)
    sheet = version_sheet(versions, version)
    pq.write_table(_readable(rows), folder / EXAMPLES, compression="zstd")
    if digest_of_content(pq.read_table(folder / EXAMPLES)).hex != digest:
        raise CorruptTable(
            f"{version} does not come back from Parquet as it is",
            hint="a column has a type that Parquet changes: say which in an issue",
        )
    written = [folder / EXAMPLES]
    trained = iteration or next(iter(reversed(models_of(versions, version))), None)
    training = None if trained is None else _training(versions, trained)
    if training is not None:
        pq.write_table(training, folder / TRAINING, compression="zstd")
        written.append(folder / TRAINING)
    data = (folder / EXAMPLES).read_bytes()
    file = FileFacts(EXAMPLES, hashlib.sha256(data).hexdigest(), len(data))
    papers = {
        "datasheet.md": sheet_markdown(sheet),
        "datasheet.json": json.dumps(sheet_facts(sheet), indent=1),
        "croissant.json": json.dumps(croissant(sheet, rows.schema, file), indent=1),
        "spec.json": json.dumps(_spec_of(version, trained), indent=1),
    }
    for name, text in papers.items():
        (folder / name).write_text(text, encoding="utf-8")
        written.append(folder / name)
    return CheckedOut(version, digest, rows.num_rows, tuple(written))


def retrain(folder: Path) -> Trained:
    """Fit the model again from what `checkout` wrote: the same rows, the same spec, the same model.

    Raises `DataError` where the version was not one that a model was trained on.
    """
    if not (folder / TRAINING).exists():
        raise DataError(
            f"{folder} has no {TRAINING}",
            expected="a version that a model was trained on",
            hint="check out DATASET@iterN",
        )
    spec = DatasetSpec.model_validate(json.loads((folder / "spec.json").read_text("utf-8")))
    return train_model(
        pq.read_table(folder / TRAINING),
        pq.read_table(folder / EXAMPLES),
        spec,
        random_state=spec.random_state,
    )


def _rows(versions: Versions, version: DatasetVersion, columns: list[str] | None) -> pa.Table:
    return versions.read_numbered(version, columns=columns)


def _schema(versions: Versions, version: DatasetVersion) -> pa.Schema:
    recipe = versions.recipe(version.dataset, version.table_version)
    schema = versions.store.schema(f"{version.dataset}/validated_examples", version=recipe.features)
    kinds = {"given_label": pa.string(), "decision": pa.string(), "event_id": pa.int64()}
    for name in PROVENANCE:
        schema = schema.append(pa.field(name, kinds[name]))
    return schema


def _training(versions: Versions, iteration: Iteration) -> pa.Table:
    number = int(iteration.summary["augmented_version"])
    return versions.store.read(f"{iteration.dataset}/augmented_examples", version=number)


def _spec_of(version: DatasetVersion, iteration: Iteration | None) -> Any:
    """The spec that the model was trained by, else that of when the version was made."""
    noted = None if iteration is None else iteration.summary.get("spec")
    return noted or version.sheet.get("spec", {})


def _readable(rows: pa.Table) -> pa.Table:
    """Rows whose lists have no fixed size: Parquet readers refuse a null among those."""
    kinds = [
        pa.list_(field.type.value_type) if pa.types.is_fixed_size_list(field.type) else field.type
        for field in rows.schema
    ]
    return rows.cast(pa.schema(list(zip(rows.column_names, kinds, strict=True))))
