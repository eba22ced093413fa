"""Every page that ten iterations wrote, in a browser: whole, self-contained, and no wider than it.

One batch was taken back in between, so that the pages have that to tell, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from burnish.cli import main
from pipelines import runner

pytestmark = pytest.mark.slow

SIZES = ((1280, 800), (390, 844))
BARE_TABLES = "tables => tables.filter(t => !t.caption || !t.caption.textContent.trim()).length"
BARE_DRAWINGS = "all => all.filter(s => s.getAttribute('role') === 'img' && !s.querySelector(\
'title')).length"
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def reports(
    tmp_path_factory: pytest.TempPathFactory, write_project: Any
) -> Iterator[dict[str, Path]]:
    """Pages of ten iterations by their place among the reports; the ninth batch was taken back."""
    with pytest.MonkeyPatch.context() as patch:
        planted = write_project(tmp_path_factory.mktemp("ten"))
        patch.setenv("BURNISH_CATALOG", str(planted.catalog))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        home = str(planted.home)
        loop = ["loop", "--dataset", "flowers", "--home", home, "--reviewer", "simulated"]
        undo = ["verdicts", "undo", "flowers@iter9", "--author", "Rita", "--why", "a slip"]
        for program, command in (
            (runner.main, [*loop, "--iterations", "9"]),
            (main, [*undo, "--home", home]),
            (runner.main, [*loop, "--iterations", "1"]),
        ):
            done = CliRunner().invoke(program, command, catch_exceptions=False)
            assert done.exit_code == 0, done.output
        folder = planted.home / "reports" / "flowers"
        yield {str(page.relative_to(folder)): page for page in sorted(folder.rglob("*.html"))}


def test_the_pages_of_every_iteration_are_there(reports):
    assert "loop.html" in reports
    assert {f"versions/{number}.html" for number in range(1, 11)} < reports.keys()
    # A table that did not change makes no version, and so no page of its own.
    assert any(name.startswith("gates/trained_model-v") for name in reports)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_no_page_fetches_fails_or_is_wider_than_the_screen(reports, chrome, size, scheme):
    width, height = size
    context = chrome.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page, asked, faults = context.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: faults.append(str(error)))
    for name, file in reports.items():
        page.goto(file.as_uri())
        assert page.evaluate(OVERFLOW) <= 0, name
        assert page.eval_on_selector_all("table", BARE_TABLES) == 0, name
        assert page.eval_on_selector_all("svg", BARE_DRAWINGS) == 0, name
        assert page.locator("script").count() == 0, name
        assert page.locator("h1").count() == 1, name
    context.close()
    outside = [url for url in asked if not url.startswith(("file:", "data:"))]
    assert (outside, faults) == ([], [])
