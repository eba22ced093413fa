"""What changed between two dataset versions: which labels, by whom, when, why, on what evidence.

What belongs here: joining the labels of two versions with the events in between. What does not:
cells of features (the store's own diff), or the life of one example (`burnish.workflows.blame`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyarrow import compute

from burnish.records import DatasetVersion, LabelEvent
from burnish.slices import resolve_slices
from burnish.spec import DatasetSpec
from burnish.workflows.home import Home

# Arrow makes these functions when it is imported, so a checker cannot know them.
pc: Any = compute

CHANGES = pa.schema(
    [
        ("example_id", pa.string()),
        ("change", pa.string()),
        ("before", pa.string()),
        ("after", pa.string()),
        ("author", pa.string()),
        ("role", pa.string()),
        ("at", pa.timestamp("us", tz="UTC")),
        ("reason", pa.string()),
        ("comment", pa.string()),
        ("error_probability", pa.float64()),
        ("suggested_label", pa.string()),
        ("event_id", pa.int64()),
    ]
)


@dataclass(frozen=True)
class VersionDiff:
    """What changed from `before` to `after`.

    `changes` has a row an example, columns of `CHANGES`: change is `relabelled`, `dropped` (people
    took it out), `left` (the source no longer has it), or `joined` (new, or labelled for the first
    time). Author to event_id are those of the event that made the difference; null where no person
    did. error_probability and suggested_label are what the audit said when the row was asked about.
    `features` counts changed cells of features by column.
    """

    before: DatasetVersion
    after: DatasetVersion
    changes: pa.Table
    by_pair: Mapping[str, int]
    by_slice: Mapping[str, int]
    features: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        rows = self.changes.to_pylist()
        for row in rows:
            row["at"] = row["at"].isoformat() if row["at"] else None
        return {
            "before": str(self.before),
            "after": str(self.after),
            "digests": [self.before.digest, self.after.digest],
            "counts": dict(Counter(row["change"] for row in rows)),
            "changes": rows,
            "by_pair": dict(self.by_pair),
            "by_slice": dict(self.by_slice),
            "features": dict(self.features),
        }


def diff_versions(
    home: Home, before: DatasetVersion, after: DatasetVersion, *, spec: DatasetSpec | None = None
) -> VersionDiff:
    """What changed between two versions of one dataset, in either direction of time.

    With `spec`, changes are counted by its slices as well. Only ids and labels are read, and the
    features where these changed.
    """
    old, new = _labels(home, before), _labels(home, after)
    place = pc.index_in(new["example_id"], value_set=old["example_id"].combine_chunks())
    stayed, known = new.filter(pc.is_valid(place)), place.drop_null()
    was = old["label"].take(known)
    differs = pc.not_equal(pc.fill_null(was, "\0"), pc.fill_null(stayed["label"], "\0"))
    rows = [
        {"example_id": name, "change": "relabelled", "before": a, "after": b}
        for name, a, b in zip(
            stayed["example_id"].filter(differs).to_pylist(),
            was.filter(differs).to_pylist(),
            stayed["label"].filter(differs).to_pylist(),
            strict=True,
        )
    ]
    rows += [
        {"example_id": row["example_id"], "change": "joined", "before": None, "after": row["label"]}
        for row in new.filter(pc.is_null(place)).to_pylist()
    ]
    still = pc.is_in(old["example_id"], value_set=new["example_id"].combine_chunks())
    rows += [
        {"example_id": row["example_id"], "change": "left", "before": row["label"], "after": None}
        for row in old.filter(pc.invert(still)).to_pylist()
    ]
    changes = pa.Table.from_pylist(_explained(home, before, after, rows), schema=CHANGES)
    changes = changes.sort_by([("event_id", "ascending"), ("example_id", "ascending")])
    relabelled = changes.filter(pc.field("change") == "relabelled").to_pylist()
    return VersionDiff(
        before=before,
        after=after,
        changes=changes,
        by_pair=_counted(f"{row['before']} > {row['after']}" for row in relabelled),
        by_slice={} if spec is None else _by_slice(home, after, spec, changes),
        features=_features(home, before, after),
    )


def _labels(home: Home, version: DatasetVersion) -> pa.Table:
    return home.versions.read_version(
        version.dataset,
        "curated_examples",
        version=version.table_version,
        columns=["example_id", "label"],
    )


def _explained(
    home: Home, before: DatasetVersion, after: DatasetVersion, rows: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Rows with the event that made the difference: the last one between the two watermarks."""
    first, last = sorted([before.watermark.event_id, after.watermark.event_id])
    events = home.ledger.events(before.dataset, after=first, until=last)
    last_of: dict[str, LabelEvent] = {event.verdict.example_id: event for event in events}
    return [_with_event(row, last_of.get(row["example_id"])) for row in rows]


def _with_event(row: dict[str, Any], event: LabelEvent | None) -> dict[str, Any]:
    if event is None:
        return row
    verdict, evidence = event.verdict, event.verdict.evidence
    dropped = row["change"] == "left" and verdict.decision == "drop"
    return row | {
        "change": "dropped" if dropped else row["change"],
        "author": verdict.author,
        "role": verdict.role,
        "at": event.at,
        "reason": verdict.reason,
        "comment": verdict.comment,
        "error_probability": evidence.get("error_probability"),
        "suggested_label": evidence.get("suggested_label"),
        "event_id": event.event_id,
    }


def _by_slice(
    home: Home, version: DatasetVersion, spec: DatasetSpec, changes: pa.Table
) -> dict[str, int]:
    rows = home.versions.read_version(
        version.dataset, "curated_examples", version=version.table_version
    )
    named = rows.filter(pc.is_in(rows["example_id"], value_set=changes["example_id"]))
    counts = {cut.name: int(cut.mask.sum()) for cut in resolve_slices(named, spec.slices)}
    return {name: count for name, count in counts.items() if count}


def _features(home: Home, before: DatasetVersion, after: DatasetVersion) -> dict[str, int]:
    versions = home.versions
    recipes = [versions.recipe(one.dataset, one.table_version) for one in (before, after)]
    old, new = recipes[0].features, recipes[1].features
    if old == new:
        return {}
    diff = versions.store.diff(f"{before.dataset}/validated_examples", old, new)
    columns = [name for name in diff.changed["column"].to_pylist() if name != "label"]
    return _counted(columns)


def _counted(names: Any) -> dict[str, int]:
    return dict(Counter[str](names).most_common())
