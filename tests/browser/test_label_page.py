"""The labeling page in a real browser: what a person presses is what the desk holds, once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from burnish.review.records import Person, Said
from tests.browser.labeling import (
    Planted,
    Served,
    pictures,
    queue_of,
    serving,
    sign_in,
    signals,
    spec_of,
    texts,
)
from tests.browser.looking import chromium

BOB = Person("bob", "annotator")
NASTY = (
    "<img src=x onerror=window.__pwned=1><script>window.__pwned=2</script>"
    "'\"><svg onload=window.__pwned=3>"
)
HEBREW = "\u05d4\u05d7\u05ea\u05d5\u05dc \u05d9\u05e9\u05df \u05e2\u05dc \u05d4\u05e1\u05e4\u05d4"

Tab = Callable[..., Any]


@pytest.fixture(scope="module")
def chrome() -> Iterator[Any]:
    """A headless Chromium that the tests of this module share."""
    program = chromium()
    if program is None:
        pytest.skip("no Chromium is installed; .ci/browser installs one")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def tab(chrome: Any) -> Iterator[Tab]:
    """Opens the labeling page of a desk in a browser of its own, signed in."""
    contexts, faults = [], []

    def open_tab(served: Served, name: str = "ann", **options: Any) -> Any:
        context = chrome.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.set_default_timeout(20_000)
        sign_in(page, served, name)
        return page

    yield open_tab
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture
def notes(tmp_path: Path) -> Iterator[Served]:
    with serving(texts(tmp_path), tmp_path) as served:
        yield served


def until(page: Any, holds: str) -> None:
    """Wait until an expression holds in the page; its policy lets nothing be compiled there."""
    for _ in range(1000):
        if page.evaluate(holds):
            return
        page.wait_for_timeout(20)
    raise AssertionError(f"it never came to hold: {holds}\n{page.inner_text('main')}")


def example(page: Any) -> str:
    """The example on screen."""
    return str(page.locator("#stage .label-card").get_attribute("data-example"))


def see(page: Any, example_id: str) -> None:
    """Wait until this example is on screen."""
    until(page, f"document.querySelector('#stage [data-example=\"{example_id}\"]') !== null")


def ready(page: Any) -> None:
    """Wait until the next example is there as well."""
    until(page, "document.querySelector('#ahead').childElementCount > 0")


def press(page: Any, key: str) -> str:
    """Press a key, and wait until something else is on screen; what was answered."""
    before = example(page)
    page.evaluate("window.shown = document.querySelector('#stage .label-card')")
    page.keyboard.press(key)
    until(page, "!window.shown?.isConnected")
    return before


def saved(page: Any) -> None:
    """Wait until the page says that all is saved."""
    until(page, "document.querySelector('#state').dataset.state === 'saved'")


def past(page: Any) -> str:
    """The words of the strip."""
    return str(page.locator("#past").inner_text()).replace("\xa0", " ")


def focused(page: Any, heading: str) -> bool:
    """Whether the heading of this name has the focus."""
    found = page.get_by_role("heading", name=heading)
    return bool(found.evaluate("node => node === document.activeElement"))


def saved_of_mine(page: Any, count: int) -> None:
    """Wait until that many answers are shown as saved."""
    until(page, f"document.querySelector('#count-mine').textContent === '{count}'")


def test_twenty_items_are_decided_by_keys_alone(notes, tab):
    page = tab(notes)
    keys = {"1": "cat", "2": "dog", "3": "fish", "u": "unsure", "x": "drop"}
    expected = {}
    for at in range(20):
        key = list(keys)[at % 5]
        expected[press(page, key)] = keys[key]
    saved(page)
    assert list(expected) == [f"pet-{at:03d}" for at in range(20)]
    assert notes.answers() == expected
    assert page.locator("#count-settled").inner_text() == "20"
    swaps = page.evaluate("performance.getEntriesByName('burnish-swap').length")
    assert swaps == 20
    seconds = [e.said.seconds for e in notes.desk.answered_by("pets", "ann", limit=50)]
    assert all(one is not None and one >= 0 for one in seconds)
    assert {event.verdict.author for event in notes.ledger.blame("pets", "pet-004")} == {"ann"}


def test_the_next_example_is_on_screen_before_the_answer_has_left(notes, tab):
    page = tab(notes)
    ready(page)
    page.route("**/answer", lambda route: None)  # never answered
    before = example(page)
    page.keyboard.press("1")
    assert example(page) != before
    assert page.locator("#state").inner_text() == "saving …"
    assert page.locator("#past-list .label-was").count() == 0
    page.unroute("**/answer")


def test_a_key_that_is_held_down_answers_once(notes, tab):
    page = tab(notes)
    ready(page)
    page.keyboard.down("1")
    page.keyboard.down("1")
    page.keyboard.down("1")
    page.keyboard.up("1")
    saved(page)
    assert notes.answers() == {"pet-000": "cat"}


def test_a_double_click_answers_once(notes, tab):
    page = tab(notes)
    ready(page)
    page.get_by_role("button", name="dog").dblclick()
    saved(page)
    assert notes.answers() == {"pet-000": "dog"}


def test_a_comment_goes_with_its_answer_and_keys_are_text_meanwhile(notes, tab):
    page = tab(notes)
    page.keyboard.press("c")
    page.keyboard.type("1 is too dark, x?")
    assert example(page) == "pet-000"
    page.keyboard.press("Escape")
    press(page, "2")
    press(page, "1")
    saved(page)
    first, second = reversed(notes.desk.answered_by("pets", "ann"))
    assert (first.said.comment, first.said.label) == ("1 is too dark, x?", "dog")
    assert second.said.comment == ""


def test_undo_brings_the_item_back_and_the_ledger_takes_it_back(notes, tab):
    page = tab(notes)
    press(page, "1")
    press(page, "2")
    saved(page)
    page.keyboard.press("z")
    see(page, "pet-001")
    assert notes.answers() == {"pet-000": "cat"}
    assert page.get_by_role("status").first.inner_text() == "Taken back: pet-001."
    # They have seen what the label was, so hiding it again would only pretend.
    assert "Label as it stands" in page.locator("#stage").inner_text()
    press(page, "k")
    saved(page)
    event = notes.desk.answered_by("pets", "ann")[0]
    assert (event.said.label, event.said.decision, event.said.shown) == ("dog", "keep", True)


def test_an_older_answer_is_taken_back_from_the_strip(notes, tab):
    page = tab(notes)
    for key in "123":
        press(page, key)
    saved(page)
    page.get_by_role("button", name="Undo cat for pet-000").click()
    see(page, "pet-000")
    assert notes.answers() == {"pet-001": "dog", "pet-002": "fish"}


def test_the_strip_tells_label_and_model_only_once_it_is_answered(notes, tab):
    page = tab(notes)
    assert "model" not in page.locator("#work").inner_text().lower()
    press(page, "3")
    saved(page)
    assert "label: cat · model: dog · error 94 %" in page.locator("#past").inner_text().replace(
        "\xa0", " "
    )
    assert "SECRET-WHY" not in page.content()


def test_two_tabs_of_one_browser_never_ask_the_same_twice(notes, tab):
    page = tab(notes)
    other = page.context.new_page()
    other.goto(notes.label_url)
    assert example(page) == example(other) == "pet-000"
    press(page, "1")
    see(other, "pet-001")
    assert "in another tab" in other.locator("#notice").inner_text()
    press(other, "2")
    saved(other)
    assert notes.answers() == {"pet-000": "cat", "pet-001": "dog"}
    assert len(notes.desk.events("pets", "pet-000")) == 1


def test_another_answer_from_another_browser_is_told_and_not_taken(notes, tab):
    page, other = tab(notes), tab(notes)
    press(page, "1")
    saved(page)
    other.keyboard.press("2")
    other.get_by_role("button", name="Go on").wait_for()
    told = other.locator("#notice").inner_text()
    assert "“dog” for pet-000 was not saved" in told
    assert "ann has said 'cat' of 'pet-000' already" in told
    assert example(other) == "pet-000"
    other.keyboard.press("3")  # an item that was refused takes no further answer
    assert example(other) == "pet-000"
    other.keyboard.press("Enter")
    until(other, "document.querySelector('#stage .label-card').dataset.example !== 'pet-000'")
    assert notes.answers() == {"pet-000": "cat"}


def test_without_a_connection_answers_wait_and_are_saved_once_there_is_one(notes, tab):
    page = tab(notes)
    ready(page)
    page.context.set_offline(True)
    press(page, "1")
    page.keyboard.press("2")
    until(page, "document.querySelector('#state').dataset.state === 'unsaved'")
    assert "2 answers not saved yet" in page.locator("#state").inner_text()
    assert "do not close it" in page.locator("#notice").inner_text()
    assert notes.answers() == {}
    warned = []
    page.on("dialog", lambda dialog: (warned.append(dialog.type), dialog.dismiss()))
    page.close(run_before_unload=True)
    page.wait_for_timeout(300)
    assert warned == ["beforeunload"]
    page.context.set_offline(False)
    saved_of_mine(page, 2)
    saved(page)
    assert notes.answers() == {"pet-000": "cat", "pet-001": "dog"}
    assert [len(notes.desk.events("pets", f"pet-00{at}")) for at in (0, 1)] == [1, 1]


def test_an_answer_whose_acknowledgement_was_lost_is_sent_again_and_taken_once(notes, tab):
    page = tab(notes)
    lost = []

    def lose(route: Any) -> None:
        lost.append(route.fetch().status)
        route.abort()

    page.route("**/answer", lose, times=1)
    press(page, "1")
    saved_of_mine(page, 1)
    assert lost == [200]
    assert len(notes.desk.events("pets", "pet-000")) == 1


def test_an_item_that_went_to_somebody_else_is_explained(tmp_path, tab):
    with serving(texts(tmp_path, 4), tmp_path, lease_seconds=0.3) as served:
        page = tab(served)
        page.wait_for_timeout(500)
        lease = served.desk.take("pets", BOB)
        served.desk.answer("pets", BOB, lease.token, Said("change", "fish"))
        page.keyboard.press("1")
        page.get_by_role("button", name="Go on").wait_for()
        assert "“cat” for pet-000 was not saved" in page.locator("#notice").inner_text()
        assert served.answers() == {}


def test_a_page_that_is_left_gives_items_back_and_one_loaded_again_keeps_them(notes, tab):
    page = tab(notes)
    ready(page)
    page.reload()
    ready(page)
    page.wait_for_timeout(300)
    press(page, "1")
    saved(page)
    assert notes.answers() == {"pet-000": "cat"}
    assert notes.desk.progress("pets").leased == 2
    page.goto("about:blank")
    for _ in range(100):
        if notes.desk.progress("pets").leased == 0:
            break
        page.wait_for_timeout(50)
    assert notes.desk.progress("pets").leased == 0


def test_one_of_many_classes_is_found_by_typing(tmp_path, tab):
    classes = [f"intent {at:02d}" for at in range(60)] + ["card arrival", "lost card", "card lost"]
    with serving(texts(tmp_path, 6, classes), tmp_path) as served:
        page = tab(served)
        page.keyboard.press("/")
        page.keyboard.type("card lo")
        assert page.locator("#choices button:not([hidden])").all_inner_texts() == [
            "card lost",
            "lost card",
        ]
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        see(page, "pet-001")
        # The field keeps the focus: the next class is typed at once.
        page.keyboard.type("arrival")
        page.keyboard.press("Enter")
        see(page, "pet-002")
        page.keyboard.type("no such")
        page.keyboard.press("Enter")
        page.keyboard.press("Escape")
        press(page, "9")
        saved(page)
        expected = {"pet-000": "lost card", "pet-001": "card arrival", "pet-002": "intent 08"}
        assert served.answers() == expected


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


def test_without_script_the_page_works_as_plain_forms(notes, tab):
    page = tab(notes, java_script_enabled=False)
    page.get_by_label("Comment").fill("by form")
    page.get_by_role("button", name="dog").click()
    assert "saved" in page.locator("#state").inner_text()
    assert example(page) == "pet-001"
    page.get_by_role("button", name="Unsure").click()
    assert notes.answers() == {"pet-000": "dog", "pet-001": "unsure"}
    assert notes.desk.answered_by("pets", "ann")[-1].said.comment == "by form"
    page.get_by_role("button", name="Undo unsure for pet-001").click()
    assert notes.answers() == {"pet-000": "dog"}


def test_when_all_is_answered_the_page_says_what_comes_next(tmp_path, tab):
    with serving(texts(tmp_path, 3), tmp_path) as served:
        page = tab(served)
        for key in "123":
            press(page, key)
        page.get_by_role("heading", name="Nothing is left for you").wait_for()
        assert "The batch is settled" in page.locator("main").inner_text()
        assert page.get_by_role("link", name="Other datasets").is_visible()


def test_while_others_hold_all_that_is_left_the_page_says_so(tmp_path, tab):
    with serving(texts(tmp_path, 1), tmp_path) as served:
        served.desk.take("pets", BOB)
        page = tab(served)
        assert "1 item is before other people" in page.locator("main").inner_text()


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


def test_a_session_that_ended_keeps_the_answer_until_somebody_signs_in_again(notes, tab):
    page = tab(notes)
    ready(page)
    cookies = page.context.cookies()
    page.context.clear_cookies()
    press(page, "1")
    page.get_by_text("Your session has ended").wait_for()
    assert notes.answers() == {}
    page.context.add_cookies(cookies)
    page.get_by_role("button", name="Try again").click()
    saved_of_mine(page, 1)
    assert notes.answers() == {"pet-000": "cat"}
