"""Dagster and MLflow in a browser, as a newcomer opens them: lineage, a page, a gate, a comparison.

What is asserted is what such a person needs to read; how it looks was looked at by people.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from click.testing import CliRunner

from pipelines import runner
from pipelines.pages import PagesServer
from tests.operating.served import Served, serving

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Site:
    """A project that was turned twice, and one whose source is poisoned; all of it served."""

    dagster: Served
    mlflow: str
    reports: str
    refused: str

    def asset(self, dataset: str, stage: str, more: str = "") -> str:
        return f"{self.dagster.url}/assets/{dataset}/{stage}{more}"


@pytest.fixture(scope="module")
def site(tmp_path_factory, write_project, mlflow_server) -> Iterator[Site]:
    planted = write_project(tmp_path_factory.mktemp("looked-at"))
    poison(planted)
    reports = planted.home / "reports"
    reports.mkdir(parents=True)
    with PagesServer(reports) as server, pytest.MonkeyPatch.context() as patch:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        patch.setenv("BURNISH_CATALOG", str(planted.catalog))
        patch.setenv("BURNISH_PAGES_URL", url)
        patch.setenv("MLFLOW_TRACKING_URI", mlflow_server)
        assert turn(planted, "flowers", 2).exit_code == 0
        assert turn(planted, "weeds", 1).exit_code == 1
        with serving(planted.catalog, planted.home) as dagster:
            refused = dagster.run(assets=["validated_examples"], dataset="weeds")
            assert refused.status == "FAILURE"
            yield Site(dagster, mlflow_server, url, refused.run_id)
        server.shutdown()


def poison(planted) -> None:
    """A second dataset, a fifth of whose labels nobody has heard of."""
    lines = planted.lines()
    bad = [f"{line.rsplit(',', 1)[0]},dandelion" for line in lines[1:50]]
    (planted.catalog / "weeds.csv").write_text("\n".join([lines[0], *bad, *lines[50:]]) + "\n")
    spec = (planted.catalog / "flowers.yaml").read_text()
    spec = spec.replace("name: flowers", "name: weeds").replace("flowers.csv", "weeds.csv")
    (planted.catalog / "weeds.yaml").write_text(spec)


def turn(planted, dataset: str, iterations: int):
    arguments = ["loop", "--dataset", dataset, "--home", str(planted.home)]
    arguments += ["--reviewer", "simulated", "--iterations", str(iterations)]
    return CliRunner().invoke(runner.main, arguments)


def test_the_lineage_has_a_box_a_dataset_and_opens_on_its_stages(browser, site):
    browser.open(f"{site.dagster.url}/asset-groups", "flowers", "weeds")
    group = f"{site.dagster.url}/locations/burnish/asset-groups/flowers"
    shown = browser.open(group, "raw_examples", "label_audit", "champion")
    for stage in ("relabel_queue", "curated_examples", "slice_report", "label_ledger"):
        assert stage in shown


def test_an_asset_page_shows_figures_a_plot_a_table_and_links(browser, site):
    shown = browser.open(
        site.asset("flowers", "slice_report"),
        "On this page.", "worst slice", "accuracy by slice", "lowest slices",
    )  # fmt: skip
    assert "A long whisker" in shown or "long whisker" in shown
    assert "colour:red" in shown
    browser.page.wait_for_timeout(500)
    assert any(url.startswith(f"{site.reports}/flowers/plots/") for url in browser.pictures())
    links = browser.links()
    assert f"{site.reports}/flowers/versions/2.html" in links
    assert any(link.startswith(f"{site.reports}/flowers/gates/slice_report-v") for link in links)
    # Each figure is a line over the iterations.
    browser.click("Plots")
    browser.see("validation accuracy", "worst slice, accuracy")
    assert browser.page.locator("canvas").count() >= 4


def test_a_failed_gate_says_which_rows_why_and_what_to_do(browser, site):
    shown = browser.open(
        site.asset("weeds", "raw_examples", "?view=checks&checkDetail=gate"),
        "Stopped:", "What to do.", "Mend the rows in the source", "dandelion",
    )  # fmt: skip
    assert "RAW-LABEL-KNOWN" in shown
    assert "f0000" in shown
    [report] = {link for link in browser.links() if "/weeds/gates/" in link}
    browser.open(report, "Stopped by RAW-QUARANTINE-SHARE", "What to do", "dandelion")


def test_the_stage_after_it_is_refused_with_the_way_out(browser, site):
    shown = browser.open(
        f"{site.dagster.url}/runs/{site.refused}", "the gate of weeds/raw_examples stopped"
    )
    assert f"{site.reports}/weeds/gates/raw_examples-v1.html" in shown
    assert "mend the source and materialize raw_examples again" in shown


def test_mlflow_lists_both_experiments_under_their_dataset(browser, site):
    shown = browser.open(
        f"{site.mlflow}/#/experiments?workflowType=machine_learning", "flowers by slice"
    )
    assert len(re.findall(r"dataset\s*:\s*flowers", shown)) == 2


def test_mlflow_compares_the_iterations_by_the_columns_that_matter(browser, site):
    browser.open(view(site, "flowers", "burnish-iterations"), "iter-0001", "iter-0002")
    browser.see("validation_accuracy", "test_accuracy", "noise", "promoted")


def test_mlflow_draws_the_iterations_as_one_line(browser, site):
    url = view(site, "flowers", "burnish-over-iterations", charts=True)
    browser.open(url, "Group: flowers", "Over the iterations")
    browser.page.wait_for_selector(".js-plotly-plot .scatterlayer .trace", timeout=60_000)


def test_mlflow_draws_a_line_a_slice_over_the_iterations(browser, site):
    url = view(site, "flowers by slice", "burnish-slices-over-iterations", charts=True)
    shown = browser.open(url, "Slices over the iterations", "colour:red", "overall")
    assert "colour:white" in shown
    browser.page.wait_for_selector(".js-plotly-plot .scatterlayer .trace", timeout=60_000)
    browser.open(view(site, "flowers by slice", "burnish-lowest-slices"), "accuracy_change", "rows")


def view(site: Site, experiment: str, key: str, *, charts: bool = False) -> str:
    from mlflow import MlflowClient

    from resources.mlflow_views import view_path

    found = MlflowClient(tracking_uri=site.mlflow).get_experiment_by_name(experiment)
    assert found is not None
    return f"{site.mlflow}/{view_path(found.experiment_id, key, charts=charts)}"
