"""A slice that was found keeps its id, is measured in later iterations, and may ask for labels."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from burnish.records import Suite, Verdict
from burnish.report.pages import Pages
from burnish.spec import DatasetSpec
from burnish.workflows.discovered_iteration import (
    CALIBRATION,
    DISCOVERED,
    discovered_before,
    discovered_by,
    evaluate_iteration,
    made_by,
)
from burnish.workflows.gates import run_gate
from burnish.workflows.home import Home, prepare_home
from burnish.workflows.stage_pages import slices_page
from tests.burnish.workflows.closed_turns import Pass
from tests.burnish.workflows.test_discovered import scans


def spec_of(**review: object) -> DatasetSpec:
    return DatasetSpec.model_validate(
        {
            "name": "scans",
            "source": {"path": "scans.csv"},
            "target": "label",
            "features": {"age": "numeric", "note": "text"},
            "slices": [{"name": "source", "column": "source"}],
            "review": review,
        }
    )


def home_of(folder: Path) -> Home:
    home = prepare_home(folder)
    _, curated = scans()
    home.versions.write("scans", "validated_examples", curated, gated=False)
    return home


def turned(home: Home, spec: DatasetSpec, *, hurt: str = "c", seed: int = 0):
    """An iteration whose model fails on site `hurt`, evaluated and closed."""
    versions = home.versions
    iteration = versions.join("scans", opens=True)
    answers, _ = scans(seed=seed, hurt=hurt)
    versions.write_curated("scans", home.ledger.fold("scans"), iteration=iteration.number)
    gate(home, spec, "curated_examples")
    curated = versions.read("scans", "curated_examples", of=iteration)
    labels = dict(zip(curated["example_id"].to_pylist(), curated["label"].to_pylist(), strict=True))
    # The model is wrong where it was planted to be, whatever the label is.
    _, first = scans()
    wrong = {row["example_id"]: not row["correct"] for row in answers.to_pylist()}
    other = {"3": "8", "8": "3"}
    ids = first["example_id"].to_pylist()
    said = [other[labels[name]] if wrong[name] else labels[name] for name in ids]
    table = pa.table(
        {
            "example_id": ids,
            "split": first["split"],
            "label": [labels[name] for name in ids],
            "predicted": said,
            "correct": [not wrong[name] for name in ids],
            "confidence": [0.9] * len(ids),
            "p:3": [0.9 if one == "3" else 0.1 for one in said],
            "p:8": [0.9 if one == "8" else 0.1 for one in said],
        }
    )
    apart = pc.field("split") == "train"
    versions.write("scans", "pred_probs", table.filter(apart), gated=False)
    held_out = table.filter(~apart)
    versions.write("scans", "trained_model", held_out, iteration=iteration.number)
    gate(home, spec, "trained_model")
    done = evaluate_iteration(spec, versions, home.ledger, iteration)
    gate(home, spec, "slice_report")
    iteration = versions.iteration("scans", iteration.number)
    return iteration, done


def gate(home: Home, spec: DatasetSpec, stage: str) -> None:
    pages = Pages(home.folder / "pages")
    run_gate(spec, stage, Suite(stage, ()), home.versions, runner=Pass(), pages=pages)


def supports(done, name: str) -> dict[str, int]:
    return {
        row["split"]: row["support"]
        for row in done.report.to_pylist()
        if (row["slice"], row["metric"]) == (name, "accuracy")
    }


def test_a_slice_keeps_its_id_and_is_measured_on_all_rows_from_the_next_iteration_on(
    tmp_path: Path,
):
    home, spec = home_of(tmp_path), spec_of()
    first, one = turned(home, spec)
    found = {row["slice_id"]: row for row in one.discovered.to_pylist()}
    assert found
    assert all('"site" in ["c"]' in row["predicate"] for row in found.values())
    home.versions.close("scans", first.number, promoted=True)
    second, two = turned(home, spec, hurt="none", seed=1)
    later = {row["slice_id"]: row for row in two.discovered.to_pylist()}
    assert {name: later[name] for name in found} == found
    row = next(row for row in found.values() if row["ground"] == "validation")
    before, after = supports(one, row["slice"]), supports(two, row["slice"])
    assert 0.35 < before["validation"] / after["validation"] < 0.65
    assert discovered_before(home.versions, second).equals(one.discovered)
    assert {one.slice_id for one in discovered_by(home.versions, first)} == set(found)


def test_doing_it_again_finds_the_same(tmp_path: Path):
    home, spec = home_of(tmp_path), spec_of(request_slices=True)
    iteration, one = turned(home, spec)
    again = evaluate_iteration(spec, home.versions, home.ledger, iteration)
    assert again.discovered.equals(one.discovered)
    assert again.report.equals(one.report)
    assert (one.requested > 0, again.requested) == (True, 0)


def test_a_found_slice_asks_for_open_training_rows_of_its_own_and_only_where_wanted(tmp_path: Path):
    (tmp_path / "a").mkdir()
    quiet = home_of(tmp_path / "a")
    turned(quiet, spec_of())
    assert quiet.ledger.requests("scans") == []
    (tmp_path / "b").mkdir()
    home = home_of(tmp_path / "b")
    _, curated = scans()
    labels = {
        row["example_id"]: row["label"]
        for row in curated.to_pylist()
        if (row["site"], row["split"]) == ("c", "train")
    }
    inside = list(labels)
    decided = Verdict(inside[0], "keep", labels[inside[0]], labels[inside[0]], author="ann")
    home.ledger.append("scans", [decided])
    _, done = turned(home, spec_of(request_slices=True))
    requests = home.ledger.requests("scans")
    names = [name for one in requests for name in one.example_ids]
    assert done.requested == len(names) == len(set(names)) > 0
    assert set(names) <= set(inside) - {inside[0]}
    assert all(one.until is not None for one in requests)


def test_what_was_written_beside_the_report_is_found_again_and_shown(tmp_path: Path):
    home, spec = home_of(tmp_path), spec_of()
    iteration, done = turned(home, spec)
    for stage, table in ((DISCOVERED, done.discovered), (CALIBRATION, done.calibrated.table)):
        kept = made_by(home.versions, iteration, stage)
        assert kept is not None
        assert kept.num_rows == table.num_rows
    assert made_by(home.versions, iteration, "nothing") is None
    shown = slices_page(done, iteration=iteration.number)
    assert shown.figures["slices discovered"] == done.discovered.num_rows
    assert shown.tables["slices discovered so far"]["what"].to_pylist()
    assert iteration.summary["calibration"]["method"] == done.calibrated.advice.method


def test_slices_never_ask_for_held_out_rows(tmp_path: Path):
    home = home_of(tmp_path)
    turned(home, spec_of(request_slices=True))
    _, curated = scans()
    apart = curated.filter(pc.field("split") == "validation")["example_id"].to_pylist()
    asked = {name for one in home.ledger.requests("scans") for name in one.example_ids}
    assert asked
    assert not asked & set(apart)
