"""The page of an audited file in a browser: read without script, and nothing fetched."""

from __future__ import annotations

from pathlib import Path

import pytest

from burnish.workflows.audit_file import audit_file
from tests.burnish.workflows.files_to_audit import pictures, texts

SCRIPTS = """
window.ran = [];
for (const name of ['alert', 'confirm', 'prompt']) window[name] = () => window.ran.push(name);
"""


@pytest.fixture(scope="module")
def notes(tmp_path_factory) -> Path:
    """The page of texts, one of which holds a script and an image with a handler."""
    folder = tmp_path_factory.mktemp("notes")
    written = texts(folder / "notes.csv")
    return audit_file(written.path, target="theme", out=folder / "out").files.page


def test_a_text_with_a_script_is_shown_and_never_run(browser, notes):
    browser.page.add_init_script(SCRIPTS)
    shown = browser.open(notes.as_uri(), "labels look wrong", "What to do next")
    assert "<script>document.title = 'taken'</script>" in shown
    assert browser.page.evaluate("window.ran") == []
    assert browser.page.evaluate("document.scripts.length") == 0
    assert "taken" not in browser.page.title()
    assert [url for url in browser.asked if url.startswith("http")] == []
    assert browser.errors == []


def test_pictures_are_part_of_the_page(browser, tmp_path):
    written = pictures(tmp_path / "pictures")
    page = audit_file(written.path, target="shape", out=tmp_path / "out").files.page
    browser.open(page.as_uri(), "most suspicious rows")
    arrived = browser.pictures()
    assert len(arrived) == 50
    assert all(url.startswith("data:image/png") for url in arrived)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1400])
def test_the_page_fits_and_can_be_read_by_day_and_by_night(browser, notes, scheme, width):
    browser.page.emulate_media(color_scheme=scheme)
    browser.page.set_viewport_size({"width": width, "height": 900})
    browser.open(notes.as_uri(), "most suspicious rows")
    assert browser.page.evaluate("document.documentElement.scrollWidth") <= width
    for selector in (".suspects del", ".suspects ins", ".which", "blockquote"):
        assert contrast(browser, selector) >= 4.5, selector


CONTRAST = """
node => {
  const parts = text => text.match(/[\\d.]+/g).map(Number);
  const light = text => parts(text).slice(0, 3).map(v => v / 255)
    .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, at) => sum + v * [.2126, .7152, .0722][at], 0);
  let paper = node;
  while (parts(getComputedStyle(paper).backgroundColor)[3] === 0) paper = paper.parentElement;
  const [a, b] = [light(getComputedStyle(node).color),
                  light(getComputedStyle(paper).backgroundColor)].sort((x, y) => y - x);
  return (a + .05) / (b + .05);
}
"""


def contrast(browser, selector: str) -> float:
    """The contrast of the first such element with what is behind it (WCAG 2.2)."""
    return float(browser.page.locator(selector).first.evaluate(CONTRAST))
