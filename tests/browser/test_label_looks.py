"""The labeling page as it is seen and heard: attacks, scripts of other hands, phones, contrast."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.labeling import (
    Planted,
    Served,
    example,
    focused,
    pictures,
    press,
    queue_of,
    saved,
    serving,
    signals,
    spec_of,
    texts,
)

NASTY = (
    "<img src=x onerror=window.__pwned=1><script>window.__pwned=2</script>"
    "'\"><svg onload=window.__pwned=3>"
)
HEBREW = "\u05d4\u05d7\u05ea\u05d5\u05dc \u05d9\u05e9\u05df \u05e2\u05dc \u05d4\u05e1\u05e4\u05d4"


def nasty(folder: Path) -> Planted:
    """A batch in which everything that a dataset fills is an attack."""
    rows = [
        {
            "example_id": f"{at}/{NASTY}",
            f"note{NASTY}": f"{NASTY} {at}",
            f"colour{NASTY}": NASTY,
            f"ecg{NASTY}": [1.0, 2.0, 3.0],
            f"scan{NASTY}": f"{NASTY}.png",
        }
        for at in range(4)
    ]
    features = {
        f"note{NASTY}": "text",
        f"colour{NASTY}": "categorical",
        f"ecg{NASTY}": {"kind": "sensor", "description": NASTY},
        f"scan{NASTY}": "image",
    }
    classes = (NASTY, f"b{NASTY}", "javascript:window.__pwned=4")
    return Planted(
        spec_of(features, folder), rows, classes, queue_of(rows, classes), shown_share=1.0
    )


def test_nothing_that_a_dataset_fills_is_run(tmp_path, tab):
    with serving(nasty(tmp_path), tmp_path) as served:
        page = tab(served)
        dialogs = []
        page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
        assert NASTY in page.locator("#stage").inner_text()
        page.keyboard.press("c")
        page.keyboard.type(NASTY)
        page.keyboard.press("Escape")
        for key in "12":
            press(page, key)
        saved(page)
        assert NASTY in page.locator("#past").inner_text()
        page.reload()
        page.wait_for_timeout(300)
        assert page.evaluate("window.__pwned") is None
        assert dialogs == []
        assert served.answers()[f"0/{NASTY}"] == NASTY


def test_a_text_from_right_to_left_is_set_so(tmp_path, tab):
    planted = texts(tmp_path, 3)
    planted.rows[0]["note"] = HEBREW + "\n    " + HEBREW
    with serving(planted, tmp_path) as served:
        page = tab(served)
        words = page.locator(".label-words").first
        assert words.evaluate("node => getComputedStyle(node).direction") == "rtl"
        assert words.evaluate("node => getComputedStyle(node).whiteSpace") == "pre-wrap"
        assert words.inner_text().splitlines()[1].startswith("    ")


@pytest.mark.parametrize("kind", [texts, pictures, signals])
def test_a_phone_shows_the_classes_and_scrolls_in_one_direction(kind, tmp_path, tab):
    with serving(kind(tmp_path), tmp_path) as served:
        page = tab(served, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
        wide = "document.documentElement.scrollWidth <= window.innerWidth"
        assert page.evaluate(wide)
        for button in page.locator("#answer button[name]:visible").all():
            box = button.bounding_box()
            assert box["height"] >= 44
            assert box["y"] + box["height"] <= 844
        page.locator("#choices button").first.tap()
        saved(page)
        assert page.evaluate(wide)
        assert len(served.answers()) == 1


TELEPHONE = {"viewport": {"width": 390, "height": 664}, "has_touch": True, "is_mobile": True}


@pytest.mark.parametrize("window", [{}, TELEPHONE], ids=["desk", "telephone"])
def test_ten_digits_and_their_example_fit_on_one_screen(window, tmp_path, tab):
    planted = pictures(tmp_path)
    spec = planted.spec_.features.pop("photo")
    assert spec.kind == "image"
    planted.classes = tuple("0123456789")
    with serving(planted, tmp_path) as served:
        page = tab(served, **window)
        height = page.viewport_size["height"]
        picture = page.locator("#stage img").bounding_box()
        buttons = [one.bounding_box() for one in page.locator("#answer button[name]:visible").all()]
        assert len(buttons) == 12
        assert max(one["y"] + one["height"] for one in buttons) <= height
        first = min(one["y"] for one in buttons)
        assert picture["y"] + picture["height"] <= (first if window else height)
        assert len({one["y"] for one in buttons[:10]}) == 2


def test_the_latest_answers_are_seen_without_scrolling(tmp_path, tab):
    classes = [f"a class of some length {at}" for at in range(10)]
    with serving(texts(tmp_path, classes=classes), tmp_path) as served:
        page = tab(served)
        page.set_viewport_size({"width": 1280, "height": 800})
        press(page, "1")
        saved(page)
        was = page.locator(".label-was").first.bounding_box()
        assert was["y"] + was["height"] <= 800
        assert page.evaluate("scrollY") == 0


def test_no_button_breaks_its_word(tmp_path, tab):
    with serving(texts(tmp_path), tmp_path) as served:
        page = tab(served, viewport={"width": 320, "height": 640})
        press(page, "1")
        saved(page)
        for name in ("Unsure", "Drop", "Undo"):
            word = page.locator(".label-others").get_by_text(name, exact=True)
            lines = word.evaluate(
                "node => node.offsetHeight / parseFloat(getComputedStyle(node).lineHeight)"
            )
            assert lines < 1.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_what_is_behind_them(scheme, tmp_path, tab):
    with serving(texts(tmp_path), tmp_path) as served:
        page = tab(served, color_scheme=scheme)
        marked = page.locator(".label-odd").count()
        press(page, "1")
        saved(page)
        found = page.evaluate(CONTRASTS)
        assert marked == 1
        assert len(found) > 15
        assert [one for one in found if one[1] < 4.5] == []


# Each element with words of its own, and the contrast (WCAG 2) with the nearest colour behind it.
CONTRASTS = """
() => {
  const paint = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    paint.clearRect(0, 0, 1, 1); paint.fillStyle = colour; paint.fillRect(0, 0, 1, 1);
    return [...paint.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  const found = [];
  for (const node of document.querySelectorAll("main *")) {
    const own = [...node.childNodes].some((one) => one.nodeType === 3 && one.data.trim());
    if (!own || !node.checkVisibility()) continue;
    const pair = [light(rgba(getComputedStyle(node).color)), light(behind(node))];
    const words = node.className + ": " + node.textContent.trim().slice(0, 30);
    found.push([words, (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05)]);
  }
  return found;
}
"""


@pytest.fixture
def notes(tmp_path: Path) -> Iterator[Served]:
    with serving(texts(tmp_path), tmp_path) as served:
        yield served


def test_every_control_has_a_name_and_what_happens_is_announced(notes, tab):
    page = tab(notes)
    for name in ("cat", "dog", "fish", "Unsure", "Drop"):
        assert page.get_by_role("button", name=name, exact=True).count() == 1
    assert page.get_by_role("textbox", name="Comment").count() == 1
    assert page.get_by_role("group", name="What is it?").count() == 1
    assert page.get_by_role("progressbar", name="Settled items of the batch").count() == 1
    assert page.get_by_role("region", name="Example").count() == 1
    assert focused(page, "Example pet-000")
    press(page, "1")
    saved(page)
    assert page.get_by_role("status").first.inner_text() == "Saved: cat. 1 of 30 settled."
    assert focused(page, "Example pet-001")
    page.keyboard.press("?")
    assert page.get_by_role("dialog", name="Keys").is_visible()
    page.get_by_label("Use single keys").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("1")
    assert example(page) == "pet-001"


def test_everything_is_reached_by_tab_alone(notes, tab):
    page = tab(notes)
    reached = []
    for _ in range(14):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate("document.activeElement.innerText || document.activeElement.id")
        )
    words = " ".join(reached)
    assert re.search(r"cat.*dog.*fish.*Unsure.*Drop.*comment", words, re.S)
    page.get_by_role("button", name="fish").focus()
    page.keyboard.press("Enter")
    saved(page)
    assert notes.answers() == {"pet-000": "fish"}


def test_pictures_of_files_and_of_numbers_are_shown_large(tmp_path, tab):
    with serving(pictures(tmp_path), tmp_path) as served:
        page = tab(served)
        photo = page.get_by_role("img", name="photo of photo-0")
        photo.evaluate("node => node.decode()")
        assert photo.bounding_box()["width"] > 300
        scan = page.get_by_role("img", name="scan of photo-0")
        assert scan.evaluate("node => getComputedStyle(node).imageRendering") == "pixelated"
        assert scan.bounding_box()["width"] > 200
        (tmp_path / "photo2.jpg").unlink()
        press(page, "1")
        press(page, "2")
        page.get_by_text("photo of photo-2: the picture cannot be shown.").wait_for()
