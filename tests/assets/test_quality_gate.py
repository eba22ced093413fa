"""Findings that a spec names turn rows away at the gate of the validated rows, or stop it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from assets.gates import GATED_STAGES, suite_for
from burnish.quality import CHECKS
from burnish.records import GateReport
from burnish.report.gate_story import gate_story
from burnish.report.pages import Pages
from burnish.spec import DatasetSpec
from burnish.spec.checking import contradictions
from burnish.spec.known import QUALITY
from burnish.workflows.gates import run_gate
from burnish.workflows.home import prepare_home
from resources.expectations import GreatExpectationsRunner

N = 300


def spec(**quality: str) -> DatasetSpec:
    return DatasetSpec.model_validate(
        {
            "name": "pets",
            "source": {"path": "pets.csv"},
            "target": "label",
            "features": {"x": "numeric", "coat": "categorical"},
            "gates": {"quality": quality},
        }
    )


def validated(crossing: int = 0, leak: bool = False) -> pa.Table:
    """Rows of chance; the last `crossing` test rows are copies of training rows."""
    rng = np.random.default_rng(0)
    label = rng.choice(["cat", "dog"], N)
    coat = np.where(label == "cat", "grey", "brown") if leak else rng.choice(["p", "q"], N)
    x = rng.normal(size=N)
    splits = ["train"] * 200 + ["validation"] * 50 + ["test"] * 50
    for column in (x, coat, label):
        column[N - crossing :] = column[:crossing]
    ids = [f"pet-{at:03d}" for at in range(N)]
    return pa.table(
        {
            "example_id": ids, "label": label.tolist(), "x": x, "coat": coat.tolist(),
            "split": splits, "fold_group": ids,
        }
    )  # fmt: skip


def judged(spec: DatasetSpec, rows: pa.Table) -> GateReport:
    suite = suite_for("validated_examples", spec, classes=("cat", "dog"))
    return GreatExpectationsRunner().run(suite, rows)


def test_nothing_is_turned_away_unless_the_spec_says_so():
    report = judged(spec(), validated(crossing=5))
    assert report.passed
    assert report.quarantined.num_rows == 0


def test_copies_of_training_rows_are_turned_away_and_the_rest_passes():
    report = judged(spec(crossing_duplicates="quarantine"), validated(crossing=5))
    assert report.passed
    away = report.quarantined
    assert away["example_id"].to_pylist() == [f"pet-{at}" for at in range(295, 300)]
    assert set(away["code"].to_pylist()) == {"VALIDATED-QUALITY-CROSSING-DUPLICATES"}
    (failed,) = [one for one in report.results if not one.passed]
    assert failed.failing == 5
    assert "copies of training rows" in failed.observed


def test_too_many_copies_stop_the_gate_as_any_rows_turned_away_do():
    report = judged(spec(crossing_duplicates="quarantine"), validated(crossing=40))
    assert report.stopped_by == ("VALIDATED-QUARANTINE-SHARE",)


def test_a_column_that_tells_the_target_stops_the_gate():
    leaking = validated(leak=True)
    assert judged(spec(), leaking).passed
    report = judged(spec(target_leak="stop", crossing_duplicates="quarantine"), leaking)
    assert report.stopped_by == ("VALIDATED-QUALITY-TARGET-LEAK",)
    story = gate_story(
        report, dataset="pets", stage="validated_examples", last_good=None, page="gate.html"
    )
    assert "'coat'" in story


def test_only_the_gate_of_validated_rows_looks_for_findings():
    wanted = spec(exact_duplicates="stop")
    for stage in GATED_STAGES:
        suite = suite_for(stage, wanted, classes=("cat", "dog"))
        own = [one for one in suite.expectations if one.kind.startswith("quality_")]
        assert len(own) == (stage == "validated_examples")


def test_readers_do_not_see_what_was_turned_away(tmp_path: Path):
    home = prepare_home(tmp_path / "home")
    pages = Pages(home.folder / "reports")
    rows, wanted = validated(crossing=5), spec(crossing_duplicates="quarantine")
    home.versions.write("pets", "validated_examples", rows)
    suite = suite_for("validated_examples", wanted, classes=("cat", "dog"))
    runner = GreatExpectationsRunner()
    done = run_gate(wanted, "validated_examples", suite, home.versions, runner=runner, pages=pages)
    assert done.verdict.quarantined == 5
    assert home.versions.read("pets", "validated_examples").num_rows == N - 5
    page = pages.gate("pets", "validated_examples", done.verdict.version).read_text("utf-8")
    assert "no crossing duplicates" in page
    assert "copies of training rows" in page
    assert "seed" not in page


def test_every_kind_that_may_be_named_is_a_check():
    assert set(QUALITY) <= {check.kind for check in CHECKS} | {"identifier_leak"}
    for kind in QUALITY:
        assert judged(spec(**{kind: "stop"}), validated()).rows == N


@pytest.mark.parametrize(
    ("quality", "said"),
    [({"exact_duplicate": "stop"}, "did you mean"), ({"target_leak": "quarantine"}, "of columns")],
)
def test_an_unknown_kind_or_a_consequence_that_cannot_be_is_refused(
    quality: dict[str, Any], said: str
):
    (wrong,) = contradictions(spec(**quality))
    assert said in f"{wrong.found} {wrong.expected} {wrong.hint}"
