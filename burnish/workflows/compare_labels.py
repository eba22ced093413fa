"""What changed between two dataset versions: which labels, by whom, when, why, on what evidence.

What belongs here: joining the labels of two versions with the events in between. What does not:
cells of features (the store's own diff), or the life of one example (`burnish.workflows.blame`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa
from pyarrow import compute

from burnish.records import DatasetVersion, LabelEvent
from burnish.slices import resolve_slices
from burnish.spec import DatasetSpec
from burnish.typing import LabelLedger
from burnish.versions import Versions

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


class Opened(Protocol):
    """What a comparison asks of a home: its record, and its ledger."""

    @property
    def versions(self) -> Versions: ...

    @property
    def ledger(self) -> LabelLedger: ...


@dataclass(frozen=True)
class VersionDiff:
    """What changed from `before` to `after`.

    `changes` has a row an example, columns of `CHANGES`: change is `relabelled`, `dropped` (people
    took it out), `left` (the source no longer has it, or a gate turned it away), or `joined` (new,
    or labelled for the first time); from a later version to an earlier one, `before it was decided`
    and `before it was dropped`. Author to event_id are those of the decision that made the
    difference; null where no person did. error_probability and suggested_label are what the audit
    said when the row was asked about. `features` counts changed cells of features by column.
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
    home: Opened, before: DatasetVersion, after: DatasetVersion, *, spec: DatasetSpec | None = None
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
    relabelled = [row for row in changes.to_pylist() if row["before"] and row["after"]]
    return VersionDiff(
        before=before,
        after=after,
        changes=changes,
        by_pair=_counted(f"{row['before']} > {row['after']}" for row in relabelled),
        by_slice={} if spec is None else _slices_of(home, before, after, spec, changes),
        features=_features(home, before, after),
    )


def _labels(home: Opened, version: DatasetVersion) -> pa.Table:
    """Ids and labels of a version; of number 0, as they were collected."""
    columns = ["example_id", "label"]
    if version.number:
        return home.versions.read_numbered(version, columns=columns)
    recipe = home.versions.recipe(version.dataset, version.table_version)
    name = f"{version.dataset}/validated_examples"
    return home.versions.store.read(name, version=recipe.features, columns=columns)


def _explained(
    home: Opened, before: DatasetVersion, after: DatasetVersion, rows: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Rows with the decision that made the difference, where one did.

    It is the one that stands in the later of the two versions, made after the earlier: and only if
    it says what the later version has. A source may have changed a label, or lost a row, beside it.
    """
    later_is_after = after.watermark.event_id >= before.watermark.event_id
    first, last = sorted([before.watermark.event_id, after.watermark.event_id])
    events = home.ledger.events(before.dataset, after=first, until=last)
    last_of: dict[str, LabelEvent] = {event.verdict.example_id: event for event in events}
    explained: list[dict[str, Any]] = []
    for row in rows:
        event = last_of.get(row["example_id"])
        label = row["after"] if later_is_after else row["before"]
        if event is not None and _made(event, label):
            explained.append(_with_event(row, event, backwards=not later_is_after))
        else:
            explained.append(row)
    return explained


def _made(event: LabelEvent, label: str | None) -> bool:
    """Whether a decision is what gave an example this label (None: took it out)."""
    verdict = event.verdict
    if verdict.decision == "drop":
        return label is None
    if verdict.decision == "unsure":
        return label is not None and "undoes" in verdict.evidence
    return verdict.to_label == label


def _with_event(row: dict[str, Any], event: LabelEvent, *, backwards: bool) -> dict[str, Any]:
    verdict, evidence = event.verdict, event.verdict.evidence
    change = "dropped" if verdict.decision == "drop" and not backwards else row["change"]
    # Against the course of time the decision is what is taken back, and nobody's act.
    return row | {
        "change": f"before it was {'dropped' if verdict.decision == 'drop' else 'decided'}"
        if backwards
        else change,
        "author": verdict.author,
        "role": verdict.role,
        "at": event.at,
        "reason": verdict.reason,
        "comment": verdict.comment,
        "error_probability": evidence.get("error_probability"),
        "suggested_label": evidence.get("suggested_label"),
        "event_id": event.event_id,
    }


def _slices_of(
    home: Opened,
    before: DatasetVersion,
    after: DatasetVersion,
    spec: DatasetSpec,
    changes: pa.Table,
) -> dict[str, int]:
    """Changed rows by slice: as they are in `after`, and those that it lost as they were."""
    lost = pc.is_null(changes["after"])
    counts = Counter(_by_slice(home, after, spec, changes.filter(pc.invert(lost))))
    if before.number and pc.any(lost).as_py():
        counts.update(_by_slice(home, before, spec, changes.filter(lost)))
    return dict(counts)


def _by_slice(
    home: Opened, version: DatasetVersion, spec: DatasetSpec, changes: pa.Table
) -> dict[str, int]:
    rows = home.versions.read_numbered(version)
    named = rows.filter(pc.is_in(rows["example_id"], value_set=changes["example_id"]))
    counts = {cut.name: int(cut.mask.sum()) for cut in resolve_slices(named, spec.slices)}
    return {name: count for name, count in counts.items() if count}


def _features(home: Opened, before: DatasetVersion, after: DatasetVersion) -> dict[str, int]:
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
