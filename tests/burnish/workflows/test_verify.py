"""Verifying a home: each fault that is planted is found and named, and hides no other."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pyarrow as pa
import pytest

from burnish.errors import ReviewError
from burnish.records import Suite, Verdict
from burnish.report.pages import Pages
from burnish.spec import DatasetSpec
from burnish.workflows.gates import run_gate
from burnish.workflows.home import Home, prepare_home
from burnish.workflows.verify import Finding, verify_home
from tests.burnish.workflows.turning_away import TurningAway

SPEC = DatasetSpec.model_validate(
    {"name": "toy", "source": {"path": "toy.csv"}, "target": "label", "features": {"x": "numeric"}}
)
IDS = ["a", "b", "c", "d"]


def turn(home: Home, *verdicts: Verdict, gate: TurningAway) -> None:
    """One iteration: people decide, labels are curated, numbered and trained on."""
    versions = home.versions
    iteration = versions.join("toy", opens=True)
    home.ledger.append("toy", verdicts)
    curated = versions.write_curated("toy", home.ledger.fold("toy"), iteration=iteration.number)
    suite = Suite("curated_examples", ())
    pages = Pages(home.folder / "pages")
    run_gate(SPEC, "curated_examples", suite, versions, runner=gate, pages=pages)
    made = versions.dataset_versions("toy")[-1].number
    kept = versions.write("toy", "model_files", pa.table({"model": [str(made)]}), gated=False)
    versions.store.pin(kept.table, kept.version, str(iteration))
    versions.note(
        "toy", iteration.number,
        dataset_version=made, curated_version=curated.version, model_version=kept.version,
    )  # fmt: skip
    versions.close("toy", iteration.number, promoted=True)


@pytest.fixture
def folder(tmp_path) -> Path:
    """A home with two iterations, two dataset versions, and a row the last gate turned away."""
    home = prepare_home(tmp_path / "home")
    rows = pa.table(
        {"example_id": IDS, "label": ["1", "7", "1", "7"], "x": [1.0, 2.0, 3.0, 9.0],
         "split": ["train", "train", "train", "test"], "fold_group": IDS}
    )  # fmt: skip
    home.versions.write("toy", "raw_examples", rows.select(["example_id", "label", "x"]))
    home.versions.write("toy", "validated_examples", rows, gated=False)
    home.versions.write("wine", "raw_examples", rows, gated=False)
    ann = Verdict("a", "change", "1", "7", author="Ann")
    bob = Verdict("b", "keep", "7", "7", author="Bob")
    turn(home, ann, bob, gate=TurningAway())
    turn(home, Verdict("c", "change", "1", "7", author="Ann"), gate=TurningAway("a"))
    return tmp_path / "home"


def found(folder: Path, **choices) -> dict[str, Finding]:
    """What a fresh process would find, by what was looked at."""
    findings = verify_home(prepare_home(folder), "toy", **choices)
    assert len({one.what for one in findings}) == len(findings)
    return {one.what: one for one in findings}


def bad(findings: dict[str, Finding]) -> set[str]:
    return {what for what, one in findings.items() if not one.ok}


def sql(folder: Path, *statements: str) -> None:
    with sqlite3.connect(folder / "burnish.db") as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def flip(folder: Path, table: str, version: int) -> None:
    store = prepare_home(folder).versions.store
    [path] = store.files(table, version=version)
    data = bytearray(Path(path).read_bytes())
    data[20] ^= 0xFF
    Path(path).write_bytes(data)


def commit(folder: Path, table: str, version: int) -> Path:
    return folder / "tables" / table / "_delta_log" / f"{version - 1:020d}.json"


def test_a_whole_home_holds_and_every_check_is_reported(folder):
    findings = found(folder)
    assert not bad(findings), findings
    assert set(findings) == {
        "ledger of toy",
        "watermark of toy@iter1", "watermark of toy@iter2", "watermark of toy@1",
        "watermark of toy@2",
        "labels of toy/curated_examples",
        "content of toy@1", "content of toy@2", "pins of toy@1", "pins of toy@2",
        "versions named by toy@iter1", "versions named by toy@iter2",
        "champion of toy, toy@iter2",
        "toy/raw_examples@1", "toy/validated_examples@1", "toy/curated_examples@1",
        "toy/curated_examples@2", "toy/curated_examples_quarantine@1", "toy/model_files@1",
        "toy/model_files@2",
    }  # fmt: skip
    assert findings["ledger of toy"].text == "all 3 events hold"
    # The row that the gate turned away is no part of the version that was recorded.
    assert findings["content of toy@2"].text.startswith("3 rows, joined again")


def test_every_dataset_is_looked_at_unless_one_is_named(folder):
    home = prepare_home(folder)
    whats = [one.what for one in verify_home(home)]
    assert "wine/raw_examples@1" in whats
    assert "toy/raw_examples@1" in whats
    assert "toy/raw_examples@1" not in found(folder, tables=False)
    with pytest.raises(ReviewError, match="'digit'") as caught:
        verify_home(home, "digit")
    assert "one of: toy, wine" in str(caught.value)


def test_a_flipped_byte_is_named_with_table_and_version(folder):
    flip(folder, "toy/model_files", 1)
    findings = found(folder)
    assert bad(findings) == {"toy/model_files@1"}
    assert "toy/model_files@1" in findings["toy/model_files@1"].text


def test_a_flipped_byte_in_the_features_shows_in_the_versions_joined_of_them(folder):
    flip(folder, "toy/validated_examples", 1)
    findings = found(folder)
    assert bad(findings) == {"toy/validated_examples@1", "content of toy@1", "content of toy@2"}
    assert "toy/validated_examples@1" in findings["content of toy@2"].text


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("left", [40, None])
def test_a_commit_cut_short_hides_no_other_version(folder, version, left):
    path = commit(folder, "toy/model_files", version)
    if left is None:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:left])
    findings = found(folder)
    other = f"toy/model_files@{3 - version}"
    assert findings[other].ok
    assert f"versions named by toy@iter{version}" in bad(findings)
    assert f"versions named by toy@iter{3 - version}" not in bad(findings)
    named = [one for one in findings.values() if f"toy/model_files@{version}" in one.text]
    assert any(one.what.startswith(("toy/", "newest version of toy/")) for one in named)
    assert not any(one.ok for one in named)


def test_a_folder_that_is_gone_is_reported_once_a_version(folder):
    (folder / "tables/toy/model_files").rename(folder / "elsewhere")
    assert {what for what in bad(found(folder)) if "model_files" in what} == {
        "newest version of toy/model_files", "toy/model_files@1", "toy/model_files@2",
    }  # fmt: skip


def test_an_event_that_was_changed_is_found_and_so_is_the_version_it_made(folder):
    sql(
        folder,
        "DROP TRIGGER label_events_no_update",
        "UPDATE label_events SET to_label = '9' WHERE event_id = 2",
    )
    findings = found(folder)
    assert bad(findings) == {"ledger of toy", "content of toy@1", "content of toy@2"}
    assert "event 2 of toy" in findings["ledger of toy"].text


@pytest.mark.parametrize("change", ["evidence = '{'", "at = 'noon'", "chain = 'x'"])
def test_an_event_that_cannot_be_decoded_stops_no_other_check(folder, change):
    sql(
        folder,
        "DROP TRIGGER label_events_no_update",
        f"UPDATE label_events SET {change} WHERE event_id = 3",
    )
    findings = found(folder)
    assert {"ledger of toy", "watermark of toy@2"} <= bad(findings)
    assert findings["watermark of toy@1"].ok
    assert findings["content of toy@1"].ok
    assert findings["toy/raw_examples@1"].ok


def test_events_cut_off_at_the_end_are_missed_by_the_watermarks_alone(folder):
    sql(
        folder,
        "DROP TRIGGER label_events_no_delete",
        "DELETE FROM label_events WHERE event_id = 3",
    )
    findings = found(folder)
    assert findings["ledger of toy"].ok
    assert bad(findings) == {
        "watermark of toy@2", "content of toy@2", "labels of toy/curated_examples",
    }  # fmt: skip
    assert "event 3 of toy is gone" in findings["watermark of toy@2"].text


def test_a_ledger_written_anew_has_another_chain_than_was_kept(folder):
    sql(folder, "DROP TRIGGER label_events_no_delete", "DELETE FROM label_events")
    ledger = prepare_home(folder).ledger
    for name in "abc":
        ledger.append("toy", [Verdict(name, "keep", "7", "7", author="Mallory")])
    findings = found(folder)
    assert findings["ledger of toy"].ok
    assert findings["watermark of toy@iter1"].ok  # it opened before the first event
    assert {"watermark of toy@iter2", "watermark of toy@1", "watermark of toy@2"} <= bad(findings)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("digest = 'abc'", "not abc"),
        ("rows = 7", "rows 4, not 7"),
        ("class_counts = '{}'", "rows by label"),
    ],
)
def test_a_recorded_fact_that_was_changed_is_found(folder, change, told):
    triggers = [
        f"DROP TRIGGER IF EXISTS dataset_versions_no_{action}" for action in ("update", "delete")
    ]
    sql(folder, *triggers, f"UPDATE dataset_versions SET {change} WHERE number = 1")
    findings = found(folder)
    assert bad(findings) == {"content of toy@1"}
    assert told in findings["content of toy@1"].text


def test_a_base_without_pins_is_told_of_before_a_vacuum_and_after_it(folder):
    home = prepare_home(folder)
    rows = home.versions.read_version("toy", "validated_examples")
    for at in range(2):
        more = rows.set_column(2, "x", pa.array([float(at)] * 4))
        home.versions.write("toy", "validated_examples", more, gated=False)
    sql(
        folder,
        "DROP TRIGGER IF EXISTS pins_no_delete",
        "DELETE FROM pins WHERE table_name = 'toy/validated_examples'",
    )
    findings = found(folder)
    assert bad(findings) == {"pins of toy@1", "pins of toy@2"}
    assert "toy/validated_examples@1" in findings["pins of toy@1"].text
    assert home.versions.store.vacuum("toy/validated_examples", keep_last=1) == [1]
    findings = found(folder)
    assert bad(findings) == {
        "pins of toy@1", "pins of toy@2", "content of toy@1", "content of toy@2",
    }  # fmt: skip
    assert "toy/validated_examples has no version 1" in findings["content of toy@1"].text
    assert findings["toy/validated_examples@3"].ok


def test_a_pinned_version_that_was_let_go_is_a_fault(folder):
    sql(folder, "INSERT INTO store_vacuumed VALUES ('toy/model_files', 1, 'mallory', '2026-01-01')")
    findings = found(folder)
    assert {"toy/model_files@1", "versions named by toy@iter1"} == bad(findings)


def test_what_a_vacuum_may_take_is_no_fault(folder):
    home = prepare_home(folder)
    for at in range(4):
        home.versions.write("toy", "label_audit", pa.table({"x": [at]}), gated=False)
    home.versions.store.vacuum("toy/label_audit", keep_last=1)
    findings = found(folder)
    assert not bad(findings)
    kept = {what for what in findings if what.startswith("toy/label_audit")}
    assert kept == {"toy/label_audit@3", "toy/label_audit@4"}


def test_an_iteration_that_names_what_never_was_is_found(folder):
    home = prepare_home(folder)
    home.versions.join("toy", opens=True)
    home.versions.note("toy", 3, dataset_version=8, predictions_version=5, model_version=1)
    findings = found(folder)
    assert bad(findings) == {"versions named by toy@iter3"}
    told = findings["versions named by toy@iter3"].text
    assert "no dataset version 8" in told
    assert "toy/trained_model" in told


def test_quarantined_rows_that_are_no_longer_kept_are_told_of(folder):
    name = "toy/curated_examples_quarantine"
    sql(folder, f"INSERT INTO store_vacuumed VALUES ('{name}', 1, 'test', '2026-01-01')")
    findings = found(folder)
    assert "content of toy@2" in bad(findings)
    assert f"{name} has no version" in findings["content of toy@2"].text


def test_an_older_database_beside_newer_tables_is_told_of(folder):
    sql(
        folder,
        "DROP TRIGGER label_events_no_delete",
        "DELETE FROM label_events WHERE event_id = 3",
        "DROP TRIGGER dataset_versions_no_delete",
        "DELETE FROM dataset_versions WHERE number = 2",
    )
    findings = found(folder)
    assert "labels of toy/curated_examples" in bad(findings)
    assert "event 3 of toy is gone" in findings["labels of toy/curated_examples"].text
