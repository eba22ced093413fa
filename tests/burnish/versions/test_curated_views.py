"""Curated rows are a view: features are written once, labels are folded in when read."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.database import open_database
from burnish.errors import CorruptTable, GateError
from burnish.ledger import SqlLedger
from burnish.records import Verdict, Watermark
from burnish.store import DeltaStore, content_digest
from burnish.versions import Versions
from burnish.versions.views import content_of

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
LABELS = ("cat", "dog", "eel")


def validated(count: int = 6) -> pa.Table:
    return pa.table(
        {
            "example_id": [f"e{n}" for n in range(count)],
            "label": [LABELS[n % 3] for n in range(count)],
            "x": [float(n) for n in range(count)],
            "split": ["train"] * count,
            "fold_group": [f"e{n}" for n in range(count)],
        }
    )


class Desk:
    """Versions, ledger and store on one database."""

    def __init__(self, folder) -> None:
        self.folder = folder
        engine = open_database(folder / "burnish.db")
        self.ledger = SqlLedger(engine, clock=lambda: NOW)
        self.store = DeltaStore(folder / "tables", engine, clock=lambda: NOW)
        self.versions = Versions(engine, self.store, self.ledger, clock=lambda: NOW)
        self.labels = {row["example_id"]: row["label"] for row in validated().to_pylist()}

    def publish(self) -> None:
        self.versions.write("pets", "validated_examples", validated(), gated=False)

    def say(self, name: str, decision: str, label: str | None = None) -> None:
        before = self.labels[name]
        self.ledger.append("pets", [Verdict(name, decision, before, label, author="ada")])
        if label is not None:
            self.labels[name] = label

    def curate(self):
        return self.versions.write_curated("pets", self.ledger.fold("pets"))


@pytest.fixture
def desk(tmp_path) -> Desk:
    made = Desk(tmp_path)
    made.publish()
    return made


def test_a_night_of_corrections_never_writes_the_features_again(desk):
    desk.curate()
    features = desk.folder / "tables" / "pets" / "validated_examples"
    before = {path: path.stat().st_mtime_ns for path in features.rglob("*") if path.is_file()}
    desk.say("e0", "change", "eel")
    written = desk.curate()
    assert {p: p.stat().st_mtime_ns for p in features.rglob("*") if p.is_file()} == before
    rows = desk.versions.read_version("pets", "curated_examples", version=written.version)
    assert rows["label"].to_pylist() == ["eel", "dog", "eel", "cat", "dog", "eel"]
    assert rows["given_label"].to_pylist() == validated()["label"].to_pylist()
    assert rows["decision"].to_pylist() == ["change", None, None, None, None, None]
    assert rows["event_id"].to_pylist() == [1, None, None, None, None, None]


def test_the_past_stays_as_it_was(desk):
    desk.say("e0", "change", "eel")
    first = desk.curate()
    desk.say("e0", "change", "dog")
    desk.say("e1", "drop")
    second = desk.curate()
    read = desk.versions.read_version
    old = read("pets", "curated_examples", version=first.version, columns=["example_id", "label"])
    new = read("pets", "curated_examples", version=second.version, columns=["label"])
    assert old["label"].to_pylist()[:2] == ["eel", "dog"]
    assert new["label"].to_pylist() == ["dog", "eel", "cat", "dog", "eel"]
    assert new.column_names == ["label"]


def test_the_same_labels_over_the_same_features_are_one_version(desk):
    desk.say("e0", "change", "eel")
    assert desk.curate() == desk.curate()
    desk.say("e0", "keep", "eel")
    assert desk.curate().version == 2


def test_what_a_view_is_made_of_is_held(desk):
    made = desk.curate()
    for number in range(3):
        rows = validated().set_column(2, "x", pa.array([float(number)] * 6))
        desk.versions.write("pets", "validated_examples", rows, gated=False)
    assert 1 not in desk.store.vacuum("pets/validated_examples", keep_last=1)
    kept = desk.versions.read_version("pets", "curated_examples", version=made.version)
    assert kept["x"].to_pylist() == validated()["x"].to_pylist()


def test_a_ledger_with_another_past_is_told(desk):
    desk.say("e0", "change", "eel")
    labels = desk.ledger.fold("pets")
    forged = type(labels)("pets", Watermark(1, "f" * 64), labels.decisions, "f" * 64)
    made = desk.versions.write_curated("pets", forged)
    with pytest.raises(CorruptTable, match="has another past up to event 1"):
        desk.versions.read_version("pets", "curated_examples", version=made.version)


def test_nothing_is_curated_before_rows_were_published(tmp_path):
    desk = Desk(tmp_path)
    with pytest.raises(GateError, match="was never published"):
        desk.curate()


ANSWERS = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from([*LABELS, "drop", "unsure"])), max_size=12
)


@settings(deadline=None, max_examples=25)
@given(ANSWERS)
def test_content_kept_up_to_date_is_the_content_of_the_rows(tmp_path_factory, answers):
    desk = Desk(tmp_path_factory.mktemp("desk"))
    desk.publish()
    for place, answer in answers:
        name = f"e{place}"
        if answer in {"drop", "unsure"}:
            desk.say(name, answer)
        elif answer == desk.labels[name]:
            desk.say(name, "keep", answer)
        else:
            desk.say(name, "change", answer)
    made = desk.curate()
    rows = desk.versions.read_version("pets", "curated_examples", version=made.version)
    content = desk.versions.content("pets", made.version)
    assert content.digest.hex == content_digest(content_of(rows))
    assert content.rows == rows.num_rows
    counts = {label: rows["label"].to_pylist().count(label) for label in LABELS}
    assert content.class_counts == {label: count for label, count in counts.items() if count}


def test_rows_that_the_gate_turned_away_are_no_part_of_the_numbered_version(desk):
    from burnish.records import GateReport
    from burnish.versions.verdicts import QUARANTINE

    made = desk.curate()
    away = pa.Table.from_pylist(
        [{"row": 4, "example_id": "e4", "code": "C", "expectation": "e", "column": "x",
          "value": "4"}],
        schema=QUARANTINE,
    )  # fmt: skip
    report = GateReport("curated_examples", 6, (), away, (), "s")
    content = desk.versions.content("pets", made.version)
    numbered = desk.versions.committing(
        "pets", table_version=made.version, watermark=desk.ledger.head("pets"),
        digest=content.digest.hex, rows=5, class_counts={}, iteration=1,
    )  # fmt: skip
    desk.versions.record_verdict(
        "pets", "curated_examples", made.version, report, when_published=numbered
    )
    [version] = desk.versions.dataset_versions("pets")
    assert "e4" not in desk.versions.read_numbered(version)["example_id"].to_pylist()
    assert desk.store.pins("pets/curated_examples_quarantine") == [(1, str(made))]
