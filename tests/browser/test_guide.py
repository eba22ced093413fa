"""The labeling guide and flags in a real browser, and a guide that means harm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.labeling import (
    Planted,
    Served,
    press,
    ready,
    saved,
    saved_of_mine,
    serving,
    texts,
    until,
)

Tab = Callable[..., Any]
GUIDE = """# Pets

Look twice.

## Cat

Purrs.

## Dog: large

Barks.
"""
HARM = """## Cat

<script>window.__pwned = 1</script>
<img src=x onerror="window.__pwned = 2">
[a](javascript:window.__pwned=3) <javascript:alert(1)>
![spy](https://evil.example/spy.png) ![x](x" onerror="window.__pwned=4)

[b](https://fine.example/ "\\" onmouseover=window.__pwned=5 \\"")

```x" onclick=window.__pwned=6
code
```

| <svg onload=window.__pwned=7> |
|:--:|
| </details><form action=/sign-out method=post><button>Sign out</button></form> |
"""


@pytest.fixture
def planted(tmp_path: Path) -> Planted:
    made = texts(tmp_path)
    review = made.spec_.review.model_copy(update={"guide": "guide.md"})
    made.spec_ = made.spec_.model_copy(update={"review": review})
    (tmp_path / "guide.md").write_text(GUIDE)
    return made


@pytest.fixture
def served(planted: Planted, tmp_path: Path) -> Iterator[Served]:
    with serving(planted, tmp_path) as made:
        yield made


def shown(page: Any) -> str:
    return str(page.locator("#guide").get_attribute("data-version"))


def is_open(page: Any, name: str) -> bool:
    return bool(page.evaluate(f"document.querySelector('{name}').open"))


def test_the_part_of_a_class_is_looked_up_beside_the_example(served: Served, tab: Tab):
    page = tab(served)
    assert is_open(page, "#guide"), "there is room for it"
    card, guide = (page.locator(one).bounding_box() for one in ("#stage", "#guide"))
    assert card["x"] + card["width"] <= guide["x"]
    assert abs(card["y"] - guide["y"]) < 5
    page.hover("button.label-class[value=dog]")
    assert page.locator(".guide-current").inner_text().startswith("Dog: large")
    page.keyboard.press("g")
    assert not is_open(page, "#guide")
    page.reload()
    assert not is_open(page, "#guide"), "it stays as it was left"


def test_what_was_looked_up_for_one_example_is_not_marked_at_the_next(served: Served, tab: Tab):
    page = tab(served)
    page.keyboard.press("f")
    page.get_by_label("dog", exact=True).check()
    assert page.locator(".guide-current").count() == 1
    page.get_by_role("button", name="Flag", exact=True).click()
    page.locator("#flag-box:not([open])[data-flagged]").wait_for(state="attached")
    press(page, "1")
    assert page.locator(".guide-current").count() == 0


def test_answers_given_make_the_page_no_wider_than_a_telephone(served: Served, tab: Tab):
    page = tab(served, viewport={"width": 390, "height": 844})
    for count in (1, 2, 3):
        press(page, "1")
        saved_of_mine(page, count)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_on_a_small_screen_it_is_opened_when_it_is_needed(served: Served, tab: Tab):
    page = tab(served, viewport={"width": 390, "height": 844})
    assert not is_open(page, "#guide")
    page.locator("#guide summary").click()
    assert page.get_by_text("Purrs.").is_visible()
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390, "nothing is wider than the screen"


def test_an_answer_records_what_was_on_the_screen_and_a_new_version_is_told_of(
    served: Served, tab: Tab, tmp_path: Path
):
    page = tab(served)
    ready(page)
    (tmp_path / "guide.md").write_text(GUIDE + "\nAnd it wags.\n")
    press(page, "1")
    until(page, "document.querySelector('#guide').dataset.version === '2'")
    assert "Version 2 came while you were here" in page.locator("#guide").inner_text()
    press(page, "2")
    saved(page)
    until(page, "document.querySelector('#count-mine').textContent === '2'")
    found = served.desk.answered_by("pets", "ann")
    assert [event.guide for event in found] == [2, 1]
    verdicts = [event.verdict.evidence["guide"] for event in served.ledger.events("pets")]
    assert verdicts == [1, 2]
    with page.expect_popup() as opened:
        page.get_by_role("link", name="See what changed").click()
    assert "And it wags." in opened.value.locator("ins").all_inner_texts()


def test_a_flag_is_raised_by_keyboard_alone_and_the_item_still_waits(served: Served, tab: Tab):
    page = tab(served)
    ready(page)
    page.keyboard.press("f")
    for key in ("1", "2"):
        page.keyboard.press(key)
    assert page.locator(".guide-current").count() == 2, "their parts are shown"
    page.keyboard.press("Enter")
    until(page, "!document.querySelector('#flag-box').open")
    assert page.locator("#stage .label-card").get_attribute("data-example") == "pet-000"
    assert page.locator("#flag-words").inner_text() == "Unclear: cat / dog"
    (flag,) = served.desk.flags("pets")
    assert (flag.person, flag.labels, flag.guide) == ("ann", ("cat", "dog"), 1)
    press(page, "1")
    saved(page)
    assert page.locator("#flag-words").inner_text() == "Unclear classes"
    assert served.answers() == {"pet-000": "cat"}


def test_digits_mark_classes_while_a_flag_is_written_and_escape_leaves_it(served: Served, tab: Tab):
    page = tab(served)
    page.keyboard.press("f")
    page.keyboard.press("3")
    page.keyboard.press("u")
    page.keyboard.press("Escape")
    assert not is_open(page, "#flag-box")
    assert served.answers() == {}, "neither a class nor U was an answer"
    assert served.desk.flags("pets") == []
    press(page, "3")
    saved(page)
    assert served.answers() == {"pet-000": "fish"}


def test_everything_works_without_script(served: Served, tab: Tab):
    page = tab(served, java_script_enabled=False)
    page.locator("#guide summary").click()
    assert page.get_by_text("Purrs.").is_visible()
    page.locator("#flag-box summary").click()
    page.get_by_label("cat", exact=True).check()
    page.get_by_role("button", name="Flag", exact=True).click()
    assert "flagged as unclear" in page.locator("#state").inner_text()
    page.get_by_role("button", name="dog").click()
    (event,) = served.desk.answered_by("pets", "ann")
    assert (event.guide, [flag.labels for flag in served.desk.flags("pets")]) == (1, [("cat",)])


@pytest.mark.parametrize("place", ["label", "guide"])
def test_a_guide_that_means_harm_does_none(served: Served, tab: Tab, tmp_path: Path, place: str):
    (tmp_path / "guide.md").write_text(HARM)
    page = tab(served)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{served.url}/d/pets/{place}")
    for part in page.locator(".guide-part :is(a, code, td, th, p)").all():
        part.hover()
    page.locator(".guide-part code").first.click()
    assert page.evaluate("window.__pwned") is None
    assert page.locator(".guide-part :is(script, img, svg, form, button)").count() == 0
    assert page.locator(".guide-part a").count() == 1
    assert "window.__pwned = 1" in page.locator(".guide-part").inner_text(), "it stands as words"
    assert all(url.startswith(served.url) for url in asked), "and nothing is fetched"
