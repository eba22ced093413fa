"""Pages of gates and versions in a browser: read without script, and nothing fetched elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest

from burnish.records import Expectation, ExpectationResult, GateReport
from burnish.report.cards import Card, render_card
from burnish.report.datasheet import VersionSheet
from burnish.report.gate_page import render_gate_page
from burnish.report.iteration_facts import IterationFacts
from burnish.report.iteration_page import render_iteration_page
from burnish.report.looking import Looked
from burnish.report.model_card import ModelFacts, model_card
from burnish.report.pages import Pages, write_page
from burnish.report.plots import digit_image
from burnish.report.version_page import (
    LabelChange,
    ModelRun,
    VersionLine,
    render_version_page,
    render_versions_page,
)
from burnish.spec import DatasetSpec
from pipelines.pages import PagesServer
from tests.burnish.report.iteration_facts_made import effect, line, made_facts

AT = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
NASTY = "<img src=http://127.0.0.1:9/x onerror=alert(1)>"

PICTURE = digit_image([0, 16, 16, 0], (2, 2))
# WCAG 2.2, 1.4.3: luminance of text and of the first opaque ground behind it.
FAINT = """() => {
  const parts = c => (c.match(/[\\d.]+/g) || []).map(Number);
  const lum = c => { const [r, g, b] = parts(c).map(v => v / 255).map(
    v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b; };
  const ground = e => { for (; e; e = e.parentElement) {
    const c = getComputedStyle(e).backgroundColor;
    if (parts(c).length === 3 || parts(c)[3] === 1) return c; } return 'rgb(255,255,255)'; };
  const said = [...document.querySelectorAll('main *, header *, nav *, footer')].filter(e =>
    !e.closest('svg') && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()));
  return said.map(e => { const [a, b] = [getComputedStyle(e).color, ground(e)].map(lum);
    return [(Math.max(a, b) + .05) / (Math.min(a, b) + .05), e.textContent.slice(0, 40)]; })
    .filter(([ratio]) => ratio < 4.5);
}"""


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
    write_page(pages.iteration("pets", 2), render_iteration_page(reported()))
    write_page(pages.card("pets", "model"), render_card(carded()))
    lines = [VersionLine(n, AT, 9, n, n, (run,) if n == 2 else (), "0" * 64) for n in (1, 2)]
    write_page(pages.versions("pets"), render_versions_page("pets", lines))


def reported() -> IterationFacts:
    """The report of an iteration in which one part of the data got worse, with odd names."""
    slices = [line(f"a part with quite a long name, number {n}") for n in range(12)]
    worse = line(NASTY, "worse", loss=0.1)
    shown = replace(made_facts().examples[0], looked=Looked(pictures=(("photo", PICTURE),)))
    return made_facts(effect=effect(worse, *slices), examples=(shown,), description=NASTY)


def carded() -> Card:
    spec = DatasetSpec.model_validate(
        {
            "name": "pets",
            "source": {"path": "a.csv"},
            "target": "label",
            "features": {"w": "numeric"},
        }
    )
    return model_card(reported(), spec, ModelFacts({}, ("cat", "dog"), 60, 9, {}, "test", ()))


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_report_and_card_can_be_read_wide_and_narrow_by_day_and_by_night(
    browser, site, width, scheme
):
    page, said = browser.page, []
    page.on("console", lambda message: said.append(message.text))
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    for where, words in (
        (site.iteration("pets", 2), "What got worse"),
        (site.card("pets", "model"), "Intended use"),
    ):
        browser.open(site.link(where), words)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(FAINT) == []
        levels = page.eval_on_selector_all("h1,h2,h3", "all => all.map(h => +h.tagName[1])")
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(b - a <= 1 for a, b in pairwise(levels))
        assert page.eval_on_selector_all("img:not([alt]), img[alt='']", "all => all.length") == 0
        unnamed = "all => all.filter(s => !s.querySelector('title') || !s.querySelector('desc'))"
        assert page.eval_on_selector_all("svg", unnamed) == []
        assert page.eval_on_selector_all("table:not(:has(caption))", "all => all.length") == 0
        broken = "all => all.filter(a => !document.querySelector(a.hash)).map(a => a.hash)"
        assert page.eval_on_selector_all("a[href^='#']", broken) == []
    assert all(url.startswith((site.url, "about:", "data:image/")) for url in browser.asked)
    assert browser.errors == []
    assert said == []


def test_from_a_report_one_finds_to_the_data_and_what_got_worse(browser, site):
    browser.open(site.link(site.iteration("pets", 2)), "worse on 1 part of the data")
    assert NASTY in browser.text()
    browser.click("Data: pets@2")
    browser.see("1 row changed since pets@1")
