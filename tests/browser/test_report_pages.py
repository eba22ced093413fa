"""Pages of gates and versions in a browser: read without script, and nothing fetched elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from burnish.records import Expectation, ExpectationResult, GateReport
from burnish.report.datasheet import VersionSheet
from burnish.report.gate_page import render_gate_page
from burnish.report.pages import Pages, write_page
from burnish.report.version_page import (
    LabelChange,
    ModelRun,
    VersionLine,
    render_version_page,
    render_versions_page,
)
from pipelines.pages import PagesServer

AT = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
NASTY = "<img src=http://127.0.0.1:9/x onerror=alert(1)>"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Pages]:
    """A gate that stopped and two versions of one dataset, served as `burnish up` serves them."""
    with PagesServer(tmp_path) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        pages = Pages(tmp_path, f"http://127.0.0.1:{server.server_address[1]}")
        write_all(pages)
        yield pages
        server.shutdown()
        thread.join()


def write_all(pages: Pages) -> None:
    away = pa.table(
        {
            "row": [3], "example_id": ["pet-3"], "code": ["RAW-LABEL-KNOWN"],
            "expectation": ["in set"], "column": ["label"], "value": [NASTY],
        }
    )  # fmt: skip
    known = Expectation("in_set", "RAW-LABEL-KNOWN", "quarantine", {"column": "label"}, "Known.")
    failed = ExpectationResult(known, False, 1, (f"pet-3: {NASTY}",), "1 of 9 values fail")
    report = GateReport("raw_examples", 9, (failed,), away, ("RAW-LABEL-KNOWN",), "ab" * 32)
    html = render_gate_page(report, dataset="pets", stage="raw_examples", version=2, at=AT)
    write_page(pages.gate("pets", "raw_examples", 2), html)
    run = ModelRun(2, "f" * 32, "http://127.0.0.1:5000/#/experiments/1/runs/" + "f" * 32)
    change = LabelChange("pet-7", "relabelled", "cat", NASTY, "ada", "annotator", AT, "audit", 0.9)
    html = render_version_page(sheet(2), before=sheet(1), changes=[change], runs=[run])
    write_page(pages.version("pets", 2), html)
    write_page(pages.version("pets", 1), render_version_page(sheet(1), before=None, changes=[]))
    lines = [VersionLine(n, AT, 9, n, n, (run,) if n == 2 else (), "0" * 64) for n in (1, 2)]
    write_page(pages.versions("pets"), render_versions_page("pets", lines))


def sheet(number: int) -> VersionSheet:
    counts = {"cat": 5 + number, "dog": 4}
    return VersionSheet(
        "pets", number, f"Pets. {NASTY}", "a shelter", "", "", "CC0", "", "5c28aa3", "run-1",
        ("pets/validated_examples@1",), 12 * number, "0" * 64, 9, counts, {"train": 9},
        {"weight": "double"}, number, AT, (),
    )  # fmt: skip


def test_a_newcomer_finds_from_a_version_to_what_is_behind_it(browser, site):
    browser.open(site.link(site.versions("pets")), "2 dataset versions", "pets@1")
    browser.click("pets@2")
    browser.see("1 row changed since pets@1", "Who changed what since pets@1", "pet-7", "ada")
    assert any("/#/experiments/1/runs/" in link for link in browser.links())
    browser.click("pets@1")
    browser.see("No row changed since the labels as collected", "All versions")
    browser.open(
        site.link(site.gate("pets", "raw_examples", 2)),
        "Stopped by RAW-LABEL-KNOWN", "What to do", "Mend the rows in the source", "pet-3",
    )  # fmt: skip
    # What data say is shown as what it is, and no page asks anybody else for anything.
    assert NASTY in browser.text()
    assert all(url.startswith((site.url, "about:")) for url in browser.asked)
    assert browser.errors == []
