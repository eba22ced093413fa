"""Rows of production whose label came in, taken among the raw examples: adopted, once and for all.

What belongs here: which of them may join, the table `production_adopted`, and raw examples with
them. What does not: joining labels that came in to rows (`burnish.workflows.production_labels`),
when to adopt (`burnish.policy`), or splitting rows (`burnish.workflows.validate`).

An adopted row is a row as any other from then on: the raw gate judges it, it draws its split by
hash and keeps it, people may overrule its label in the ledger. What it is told by is the column
`adopted_period`, null for rows of the source.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyarrow import compute

from burnish.quality import duplicate_groups
from burnish.records import TableVersion
from burnish.spec import DatasetSpec
from burnish.versions import Versions
from burnish.workflows.ingest import read_examples
from burnish.workflows.production_met import (
    alone_with,
    among,
    append_once,
    ids_of,
    in_fields,
    rows_met,
)
from burnish.workflows.production_stages import ADOPTED, ASKED, LABELS
from burnish.workflows.validate import ADOPTED as COLUMN

# Arrow makes these functions when it is imported, so a checker cannot know them.
pc: Any = compute

TURNED_AWAY = "the gate of its batch turned it away"
SHARED = "another row of the loop has its id"
NO_CLASS = "its label is none of the classes"
REFUSED = pa.schema([("example_id", pa.string()), ("label", pa.string()), ("why", pa.string())])


@dataclass(frozen=True)
class Adopted:
    """What became of rows whose label came in.

    `rows` joined now, `total` have joined so far, `refused` are those that may not: example_id,
    label, why. `written` is the version of the table (None: there is none yet).
    """

    dataset: str
    until: str
    rows: int
    total: int
    refused: pa.Table
    written: TableVersion | None

    def to_table(self) -> pa.Table:
        """A row for each that was refused."""
        return self.refused

    @property
    def reasons(self) -> Mapping[str, int]:
        """How many were refused for each reason."""
        return Counter(self.refused["why"].to_pylist())


def adopt_labels(spec: DatasetSpec, versions: Versions, *, until: str) -> Adopted:
    """Adopt every row met up to the period `until` whose label came in; each is adopted once.

    Taken are the features as the batch has them now and the label as it came in; a label that is
    corrected at its origin later is a matter for the ledger. Left out, and told, are rows that
    their gate turned away, those whose label is no class of the spec, and those that share their id
    with another row of the loop. Doing it again adds nothing.
    """
    came = versions.read_last_good(spec.name, LABELS)
    with alone_with(versions, spec.name, ADOPTED):
        known = ids_of(versions, spec.name, ADOPTED)
        if came is None:
            return _done(spec, versions, until, 0, REFUSED.empty_table())
        own = pc.field("label").is_valid() & (pc.field("period") <= until) & ~among(known)
        came = came.filter(own)
        labels = dict(zip(came["example_id"].to_pylist(), came["label"].to_pylist(), strict=True))
        met = rows_met(versions, spec.name, list(labels), until=until)
        found = set() if met is None else set(met["example_id"].to_pylist())
        refused = _refused(spec, versions, labels, found)
        fit = [name for name in labels if name not in refused]
        if met is not None and fit:
            rows = _labelled(met.filter(among(fit)), labels, until)
            append_once(versions, spec.name, ADOPTED, rows)
        told = [{"example_id": name, "label": labels[name], "why": why}
                for name, why in sorted(refused.items())]  # fmt: skip
        return _done(spec, versions, until, len(fit), pa.Table.from_pylist(told, schema=REFUSED))


def read_raw(spec: DatasetSpec, versions: Versions) -> pa.Table:
    """The raw examples: the source as it is today, and the adopted rows of production below it.

    Raises as `burnish.workflows.ingest.read_examples` and `with_adopted` do.
    """
    raw = read_examples(spec)
    adopted = None if spec.production is None else versions.read_last_good(spec.name, ADOPTED)
    return raw if adopted is None else with_adopted(raw, adopted)


def with_adopted(raw: pa.Table, adopted: pa.Table) -> pa.Table:
    """Raw rows with adopted ones below them, and a column `adopted_period` that tells these.

    Adopted rows have the columns of the raw ones, null where they have none such. A row that the
    source has by now, under the same id, is the source's. Raises `DataError` where a column of an
    adopted row does not fit.

    >>> raw = pa.table({"example_id": ["a"], "label": ["x"], "size": [1.0], "site": ["north"]})
    >>> adopted = pa.table({"example_id": ["p1"], "label": ["y"], "size": [2],
    ...                     "adopted_period": ["2026-03-07"]})
    >>> with_adopted(raw, adopted).to_pylist()[1]
    {'example_id': 'p1', 'label': 'y', 'size': 2.0, 'site': None, 'adopted_period': '2026-03-07'}
    """
    rows = adopted.filter(~among([name for name in raw["example_id"].to_pylist() if name]))
    columns = in_fields(rows, raw.schema, what="rows adopted from production", like="in the source")
    columns[COLUMN] = rows[COLUMN]
    bare = raw.append_column(COLUMN, pa.nulls(raw.num_rows, pa.string()))
    return pa.concat_tables([bare, pa.table(columns, schema=bare.schema)])


def splits_so_far(spec: DatasetSpec, versions: Versions) -> pa.Table | None:
    """The splits of all rows ever seen: those once given, and training for rows asked about.

    A row that people were asked about was chosen by what a model gets wrong: it is no ruler. Where
    it repeats a row of validation or test it is left to follow that one. None where nothing was
    ever split.
    """
    fixed = versions.read_last_good(spec.name, "fixed_splits")
    asked = versions.read_last_good(spec.name, ASKED) if spec.production else None
    if asked is None or fixed is None:
        return fixed
    new = asked.filter(~among(fixed["example_id"].to_pylist()))
    validated = versions.read_last_good(spec.name, "validated_examples")
    if validated is not None and new.num_rows:
        new = new.filter(pc.invert(repeats_held_out(new, validated, spec)))
    training = pa.table(
        {"example_id": new["example_id"], "split": pa.repeat("train", new.num_rows)}
    )
    return pa.concat_tables([fixed, training.cast(fixed.schema)])


def repeats_held_out(rows: pa.Table, validated: pa.Table, spec: DatasetSpec) -> pa.Array:
    """Which rows have the features of a validation or test row.

    A feature that did not come is missing, as it will be among the raw rows. Raises `DataError`
    where a column does not fit.
    """
    names = list(spec.features)
    held_out = validated.filter(pc.field("split").isin(["validation", "test"])).select(names)
    cells = pa.table(
        in_fields(rows, held_out.schema, what="rows met in production", like="in the source")
    )
    known = duplicate_groups(held_out, names)
    return pc.is_in(duplicate_groups(cells, names), value_set=known)


def _refused(
    spec: DatasetSpec, versions: Versions, labels: Mapping[str, str], found: set[str]
) -> dict[str, str]:
    """Why each row may not join."""
    others = ids_of(versions, spec.name, "validated_examples")
    others |= ids_of(versions, spec.name, "unlabeled_examples")
    others -= ids_of(versions, spec.name, ADOPTED) | ids_of(versions, spec.name, ASKED)
    why: dict[str, str] = {}
    for name, label in labels.items():
        if name not in found:
            why[name] = TURNED_AWAY
        elif name in others:
            why[name] = SHARED
        elif spec.classes and label not in spec.classes:
            why[name] = NO_CLASS
    return why


def _labelled(met: pa.Table, labels: Mapping[str, str], until: str) -> pa.Table:
    kept = met.drop_columns([name for name in ("label", COLUMN) if name in met.column_names])
    said = [labels[name] for name in kept["example_id"].to_pylist()]
    with_label = kept.append_column("label", pa.array(said, pa.string()))
    return with_label.append_column(COLUMN, pa.repeat(until, met.num_rows))


def _done(
    spec: DatasetSpec, versions: Versions, until: str, rows: int, refused: pa.Table
) -> Adopted:
    total = len(ids_of(versions, spec.name, ADOPTED))
    written = versions.published(spec.name, ADOPTED)
    return Adopted(spec.name, until, rows, total, refused, written)
