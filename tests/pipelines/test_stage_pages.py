"""What the pages of stages show, after a real iteration: names, kinds, figures, links, plots."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dagster as dg
import pytest

from assets.gates import GATED_STAGES
from assets.reading import HOW_TO_READ
from burnish.records import Verdict
from burnish.spec import load_catalog
from burnish.workflows.batch import open_batch
from burnish.workflows.home import Home, prepare_home
from burnish.workflows.production_stages import BATCH, DRIFT, LABELS, PERFORMANCE, PREDICTIONS
from pipelines.definitions import build_definitions
from pipelines.environments import Settings

URL = "http://127.0.0.1:3001"

NUMBERS = {
    "raw_examples": ["classes", "rows without a label", "missing feature cells"],
    "validated_examples": [
        "training rows", "validation rows", "test rows", "duplicates across splits",
    ],
    "quarantined_examples": ["rows turned away", "expectations failed"],
    "quality_report": ["errors", "warnings", "notes", "rows asked about"],
    "pred_probs": ["models agree", "mean P(label)", "mean disagreement"],
    "label_audit": [
        "labels judged", "errors expected", "labels with P(wrong) > 0.5", "share expected wrong",
        "verdicts behind P(wrong)",
    ],
    "relabel_queue": [
        "suspicious labels", "drawn at random", "known answers", "asked for", "without a label",
        "held out, judged blind",
        "mean P(wrong) of suspects", "errors in the next 100 reviews",
        "flags of unclear classes",
    ],
    "curated_examples": [
        "rows decided", "labels changed", "noise left (estimate)", "noise left, low",
        "noise left, high",
    ],
    "augmented_examples": ["original rows", "variants kept", "variants refused", "share kept"],
    "trained_model": ["validation accuracy", "test accuracy", "mean confidence"],
    "slice_report": [
        "validation accuracy", "test accuracy", "worst slice, accuracy", "slices measured",
        "slices discovered", "rows asked for by slices",
    ],
    "champion": [
        "validation accuracy", "test accuracy", "gain over the champion", "gain, low",
        "gain, high", "noise left (estimate)",
    ],
    "tracked_iterations": ["iterations in MLflow", "logged just now", "waiting for MLflow"],
}  # fmt: skip
WORDS = {
    "relabel_queue": ["what comes next", "flagged most"],
    "label_audit": ["P(wrong) is"],
    "slice_report": ["worst slice", "search for slices", "calibration"],
    "champion": ["became champion", "why", "held against", "slices worse", "slices better"],
}
PLOTS = {
    "raw_examples": ["rows by class"],
    "validated_examples": ["training rows by class"],
    "quarantined_examples": ["failures by expectation"],
    "quality_report": ["rows by finding"],
    "pred_probs": ["confidence and agreement"],
    "label_audit": ["errors expected by pair"],
    "relabel_queue": ["why rows are in the batch"],
    "curated_examples": ["labels changed by pair"],
    "augmented_examples": ["what became of the variants"],
    "trained_model": ["confusion matrix", "confidence and accuracy"],
    "slice_report": ["accuracy by slice"],
    "champion": ["accuracy over the iterations"],
}
TABLES = {
    "raw_examples": ["datasheet"],
    "validated_examples": ["rows by class and split"],
    "quarantined_examples": ["rows turned away and why"],
    "quality_report": ["findings"],
    "pred_probs": ["agreement by class"],
    "label_audit": ["most suspicious labels"],
    "relabel_queue": ["first rows of the batch"],
    "curated_examples": ["labels by class"],
    "augmented_examples": ["rows by class"],
    "trained_model": ["by class, on validation rows"],
    "slice_report": ["lowest slices", "slices discovered so far", "confidence by slice"],
    "champion": ["checks of the gate", "accuracy by slice", "iterations so far"],
    "tracked_iterations": ["iterations and their runs"],
}
LINKS = {
    "quality_report": ["report of the checks"],
    "curated_examples": ["dataset versions"],
    **{
        stage: ["dataset version"]
        for stage in ("augmented_examples", "trained_model", "slice_report")
    },
    "champion": [
        "report of the iteration",
        "model card",
        "data card",
        "compared with the champion",
        "dataset version",
    ],
    "tracked_iterations": ["MLflow run", "MLflow, all iterations", "dataset version"],
}
FROM_THE_SECOND = {"accuracy by slice", "compared with the champion"}
"""What needs a champion to be held against: the first iteration has the model of the start."""
Pages = dict[str, list[dict[str, Any]]]


def run(planted: Any, instance: dg.DagsterInstance, job: str, **settings: str) -> None:
    """Run a job of the flowers in this process; it succeeds."""
    where = Settings(planted.catalog.parent, planted.home, planted.catalog, **settings)
    definitions = build_definitions(load_catalog(planted.catalog), where)
    assert definitions.resolve_job_def(job).execute_in_process(instance=instance).success


class Turned:
    """Two iterations of the flowers, with everything that Dagster was told of them."""

    def __init__(self, planted: Any, server: str) -> None:
        self.home: Home = prepare_home(planted.home)
        self.reports = planted.home / "reports"
        self.instance = dg.DagsterInstance.ephemeral()
        for _ in range(2):
            where = {"tracking_uri": server, "pages_url": URL}
            run(planted, self.instance, "flowers_audit", **where)
            self.decide()
            run(planted, self.instance, "flowers_retrain", **where)
        self.pages = {stage: self.shown(stage) for stage in NUMBERS}
        self.checks = {stage: self.judged(stage) for stage in GATED_STAGES}

    def decide(self) -> None:
        """A simulated person, who changes the first label of each batch and keeps the others."""
        _, queue = open_batch(self.home.versions, "flowers")
        verdicts = []
        for place, item in enumerate(queue.to_pylist()):
            given, other = item["label"], item["suggested_label"]
            change = place == 0 and given != other
            word, label = ("change", other) if change else ("keep", given)
            verdicts.append(Verdict(item["example_id"], word, given, label, author="ada"))
        self.home.ledger.append("flowers", verdicts)

    def shown(self, stage: str) -> list[dict[str, Any]]:
        key = dg.AssetKey(["flowers", stage])
        found = self.instance.fetch_materializations(key, limit=10).records
        return [dict(one.asset_materialization.metadata) for one in reversed(found)]

    def judged(self, stage: str) -> Any:
        key = dg.AssetCheckKey(dg.AssetKey(["flowers", stage]), "gate")
        log = self.instance.event_log_storage
        [record] = log.get_latest_asset_check_execution_by_key([key]).values()
        return record.event.dagster_event.event_specific_data


@pytest.fixture(scope="module")
def turned(tmp_path_factory, write_project, mlflow_server) -> Turned:
    return Turned(write_project(tmp_path_factory.mktemp("shown")), mlflow_server)


def of_kind(page: dict[str, Any], *kinds: type) -> list[str]:
    return [name for name, value in page.items() if type(value) in kinds]


@pytest.mark.parametrize("stage", NUMBERS)
def test_a_stage_shows_the_pinned_figures_plots_and_tables_every_time(turned, stage):
    pages = turned.pages[stage]
    assert len(pages) == 2
    absent = FROM_THE_SECOND
    for page in pages:
        numbers = of_kind(page, dg.IntMetadataValue, dg.FloatMetadataValue)
        assert numbers == ["iteration", *NUMBERS[stage], "dagster/row_count"]
        pictures = [
            name for name in of_kind(page, dg.MarkdownMetadataValue) if name != "first rows"
        ]
        assert pictures == PLOTS.get(stage, [])
        tables = [name for name in TABLES[stage] if name not in absent]
        assert of_kind(page, dg.TableMetadataValue) == tables
        words = of_kind(page, dg.TextMetadataValue, dg.BoolMetadataValue)
        assert words == [*WORDS.get(stage, []), "table version", "content digest"]
        gate = ["gate report"] if stage in GATED_STAGES else []
        links = [name for name in LINKS.get(stage, []) if name not in absent]
        assert of_kind(page, dg.UrlMetadataValue) == [*links, *gate]
        absent = set()
    # The same kinds, so that each figure is one line over the iterations.
    first, second = ({k: type(v) for k, v in page.items()} for page in pages)
    assert first == {k: kind for k, kind in second.items() if k in first}
    assert set(second) - set(first) <= FROM_THE_SECOND


@pytest.mark.parametrize("stage", NUMBERS)
def test_figures_are_finite_and_belong_to_their_iteration(turned, stage):
    for number, page in enumerate(turned.pages[stage], start=1):
        assert next(iter(page)) == "iteration"
        assert page["iteration"].value == number
        for name in of_kind(page, dg.FloatMetadataValue):
            assert math.isfinite(page[name].value), name


@pytest.mark.parametrize("stage", NUMBERS)
def test_links_lead_to_pages_that_are_there(turned, stage):
    for page in turned.pages[stage]:
        for name in of_kind(page, dg.UrlMetadataValue):
            parts = urlsplit(page[name].value)
            assert (parts.scheme, parts.hostname) == ("http", "127.0.0.1"), name
            if name.startswith("MLflow"):
                assert parts.fragment.endswith("workflowType=machine_learning")
            else:
                assert (turned.reports / parts.path.lstrip("/")).is_file(), page[name].value


@pytest.mark.parametrize("stage", PLOTS)
def test_a_plot_is_short_enough_to_be_drawn_in_place_and_its_file_is_there(turned, stage):
    for name in PLOTS[stage]:
        text = turned.pages[stage][-1][name].value
        assert len(text) < 1000  # Dagster hides what is longer behind a click
        where = re.fullmatch(rf"!\[{re.escape(name)}\]\({URL}/(\S+\.svg)\)", text)
        assert where is not None
        drawing = (turned.reports / where[1]).read_text()
        assert drawing.startswith("<svg ")
        assert "<style>svg{--ink:" in drawing


@pytest.mark.parametrize("stage", NUMBERS)
def test_columns_are_told_in_words(turned, stage):
    schema = turned.pages[stage][-1]["dagster/column_schema"].value
    features = {"petal", "sepal", "leaf", "colour"}
    for column in schema.columns:
        assert column.description or column.name in features, column.name


def test_what_a_description_names_is_on_the_page(turned):
    # Those of production are held to the same where there is production: test_production.
    of_production = {BATCH, PREDICTIONS, DRIFT, PERFORMANCE, LABELS}
    assert of_production == HOW_TO_READ.keys() - turned.pages.keys()
    for stage, text in HOW_TO_READ.items():
        if stage in of_production:
            continue
        named = set(re.findall(r"\*\*(.+?)\*\*", text))
        assert named <= set(turned.pages[stage][-1]), stage


@pytest.mark.parametrize("stage", GATED_STAGES)
def test_a_gate_says_in_words_that_all_holds_and_links_its_report(turned, stage):
    judged = turned.checks[stage]
    assert judged.description.startswith("All ")
    page = f"{URL}/flowers/gates/{stage}-v"
    assert page in judged.description
    assert judged.metadata["gate report"].value.startswith(page)
    if stage == "curated_examples":
        assert judged.metadata["dataset version"].value == f"{URL}/flowers/versions/2.html"


def test_the_page_of_a_version_says_who_changed_what_and_names_the_run(turned):
    page = (turned.reports / "flowers" / "versions" / "2.html").read_text()
    [iteration] = [one for one in turned.home.versions.iterations("flowers") if one.number == 2]
    assert "flowers@2: " in page
    assert "ada" in page
    assert f"/runs/{iteration.mlflow_run_id}" in page
    assert "../gates/curated_examples-v" in page
    index = (turned.reports / "flowers" / "versions" / "index.html").read_text()
    assert 'href="1.html"' in index
    assert 'href="2.html"' in index


def test_without_an_address_links_are_paths_and_plots_are_kept_with_the_event(planted):
    instance = dg.DagsterInstance.ephemeral()
    run(planted, instance, "flowers_audit")
    key = dg.AssetKey(["flowers", "raw_examples"])
    [event] = instance.fetch_materializations(key, limit=1).records
    page = dict(event.asset_materialization.metadata)
    assert isinstance(page["gate report"], dg.PathMetadataValue)
    assert Path(page["gate report"].value).is_file()
    assert "data:image/svg+xml;base64," in page["rows by class"].value
