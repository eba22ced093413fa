"""Poisoned input: which gate stops it, by which code, and that nothing published is touched."""

from __future__ import annotations

import dagster as dg
import pytest

from assets import AUDIT
from burnish.errors import GateError
from burnish.spec import load_catalog
from burnish.workflows.home import prepare_home
from pipelines.definitions import build_definitions
from pipelines.environments import Settings
from pipelines.jobs import stage_keys

INGEST = AUDIT[:5]


class Project:
    """The planted project, whose ingest part can be run again and again."""

    def __init__(self, planted) -> None:
        self.planted = planted
        self.home = prepare_home(planted.home)
        self.instance = dg.DagsterInstance.ephemeral()

    def ingest(self) -> dg.ExecuteInProcessResult:
        settings = Settings(self.planted.catalog, self.planted.home, self.planted.catalog)
        specs = load_catalog(self.planted.catalog)
        definitions = build_definitions(specs, settings)
        job = definitions.resolve_job_def("flowers_audit")
        return job.execute_in_process(
            instance=self.instance,
            asset_selection=stage_keys(specs["flowers"], INGEST),
            raise_on_error=False,
        )

    def published(self) -> dict[str, tuple[int, str] | None]:
        found = {
            stage: self.home.versions.published("flowers", stage)
            for stage in ("raw_examples", "validated_examples")
        }
        return {stage: v and (v.version, v.digest) for stage, v in found.items()}


@pytest.fixture
def project(planted) -> Project:
    ready = Project(planted)
    assert ready.ingest().success
    return ready


def flip_labels(lines: list[str], *, share: float, label: str) -> list[str]:
    """The first `share` of the rows get this label."""
    count = int(len(lines[1:]) * share)
    changed = [f"{line.rsplit(',', 1)[0]},{label}" for line in lines[1 : count + 1]]
    return [lines[0], *changed, *lines[count + 1 :]]


def assert_stopped(project: Project, code: str) -> None:
    before = project.published()
    result = project.ingest()
    assert not result.success
    verdict = project.home.versions.verdict("flowers", "raw_examples")
    assert not verdict.passed
    assert any(stop.startswith(code) for stop in verdict.stopped_by), verdict.stopped_by
    assert project.published() == before
    materialized = {event.asset_key.path[-1] for event in result.get_asset_materialization_events()}
    assert "validated_examples" not in materialized
    with pytest.raises(GateError, match=code):
        project.home.versions.read("flowers", "raw_examples")
    assert project.home.versions.read_last_good("flowers", "raw_examples").num_rows == 240


def test_many_labels_outside_the_class_set_stop_the_raw_gate(project):
    lines = project.planted.lines()
    project.planted.rewrite(flip_labels(lines, share=0.2, label="daisy"))
    assert_stopped(project, "RAW-QUARANTINE-SHARE")


def test_few_labels_outside_the_class_set_are_quarantined_row_by_row(project):
    lines = project.planted.lines()
    project.planted.rewrite(flip_labels(lines, share=0.03, label="daisy"))
    assert project.ingest().success
    left = project.home.versions.read_last_good("flowers", "quarantined_examples").to_pylist()
    assert [row["example_id"] for row in left] == [f"f{at:04d}" for at in range(7)]
    assert {(row["code"], row["column"], row["value"]) for row in left} == {
        ("RAW-LABEL-KNOWN", "label", "daisy")
    }
    valid = project.home.versions.read("flowers", "validated_examples")
    assert valid.num_rows == 233
    assert "daisy" not in valid["label"].to_pylist()


def test_copies_that_the_gate_of_validated_rows_turns_away_are_listed_beside(project):
    spec = project.planted.catalog / "flowers.yaml"
    spec.write_text(f"{spec.read_text()}\ngates: {{quality: {{exact_duplicates: quarantine}}}}\n")
    lines = flip_labels(project.planted.lines(), share=0.005, label="daisy")
    lines += [f"copy{at},{lines[at].split(',', 1)[1]}" for at in (5, 9)]
    project.planted.rewrite(lines)
    assert project.ingest().success
    left = project.home.versions.read_last_good("flowers", "quarantined_examples").to_pylist()
    assert {(row["gate"], row["example_id"], row["code"]) for row in left} == {
        ("raw_examples", "f0000", "RAW-LABEL-KNOWN"),
        ("validated_examples", "copy5", "VALIDATED-QUALITY-EXACT-DUPLICATES"),
        ("validated_examples", "copy9", "VALIDATED-QUALITY-EXACT-DUPLICATES"),
    }
    assert project.home.versions.read("flowers", "validated_examples").num_rows == 239


def test_a_feature_with_30_percent_nulls_stops_the_raw_gate(project):
    lines = project.planted.lines()
    emptied = [
        ",".join([cells[0], "", *cells[2:]]) if at % 10 < 3 else line
        for at, line in enumerate(lines[1:])
        for cells in [line.split(",")]
    ]
    project.planted.rewrite([lines[0], *emptied])
    assert_stopped(project, "RAW-FEATURE-MISSING-PETAL")


def test_a_duplicated_id_stops_the_raw_gate(project):
    lines = project.planted.lines()
    project.planted.rewrite([*lines, lines[5]])
    assert_stopped(project, "RAW-ID-UNIQUE")


def test_a_class_that_is_gone_stops_the_raw_gate(project):
    lines = project.planted.lines()
    project.planted.rewrite([line for line in lines if not line.endswith("tulip")])
    assert_stopped(project, "RAW-CLASS-MISSING")


def test_a_text_file_renamed_parquet_is_named_unreadable(project):
    spec = project.planted.catalog / "flowers.yaml"
    spec.write_text(spec.read_text().replace("flowers.csv", "flowers.parquet"))
    (project.planted.catalog / "flowers.parquet").write_text("this is no Parquet file\n" * 50)
    assert_stopped(project, "RAW-SOURCE-UNREADABLE")


def test_an_empty_file_is_named_unreadable(project):
    project.planted.csv.write_text("")
    assert_stopped(project, "RAW-SOURCE-UNREADABLE")


def test_a_file_with_a_header_alone_is_named_unreadable(project):
    project.planted.rewrite(project.planted.lines()[:1])
    assert_stopped(project, "RAW-")


def test_a_mended_source_is_let_through_again(project):
    good = project.planted.lines()
    project.planted.rewrite([*good, good[5]])
    assert not project.ingest().success
    project.planted.rewrite(good)
    assert project.ingest().success
    assert project.home.versions.read("flowers", "raw_examples").num_rows == 240
