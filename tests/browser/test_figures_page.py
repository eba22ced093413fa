"""In a real browser: two people differ, a reviewer decides, and both see what that did to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.browser.labeling import ready
from tests.browser.looking import Browser
from tests.browser.test_review_pages import served, sign_in
from tests.burnish.review.planted_desk import PlantedDesk, plant, queue_row

PAGE = "/d/pets/people"
ROWS = [queue_row(f"p{n}", n) for n in range(1, 5)]


def answer_in_browser(page: Any, url: str, planted: PlantedDesk, name: str, keys: str) -> None:
    """Sign in and answer all items, a key each, until the desk has them and its page says so."""
    sign_in(page, url, name, "/d/pets/label")
    ready(page)
    for at, key in enumerate(keys, 1):
        page.locator(f'#stage [data-example="p{at}"]').wait_for()
        page.keyboard.press(key)
    # The page goes there by itself: to leave it before would meet that on the way.
    page.locator(".label-done").wait_for()
    assert len(planted.desk.answered_by("pets", name)) == len(keys)


def row_of(page: Any, name: str) -> dict[str, str]:
    """What the table of people says of one, by column."""
    row = page.locator(".people-figures tbody tr", has=page.get_by_role("rowheader", name=name))
    cells = row.locator("td[data-label]")
    return {
        str(cell.get_attribute("data-label")): " ".join(str(cell.inner_text()).split())
        for cell in cells.all()
    }


def test_two_who_differ_are_found_and_adjudicated_and_it_shows_in_the_figures_of_both(
    tmp_path: Path, browser: Browser
):
    planted: PlantedDesk = plant(tmp_path, rows=ROWS)
    with served(planted) as url:
        page = browser.page
        answer_in_browser(page, url, planted, "ann", "1222")
        answer_in_browser(page, url, planted, "ben", "1211")

        sign_in(page, url, "rex", PAGE)
        before = {name: row_of(page, name) for name in ("ann", "ben")}
        assert [one["As decided"] for one in before.values()] == ["–", "–"]
        assert "0 % 0 to 49 % 0 of 4" in before["ben"]["Reworked"]
        page.get_by_text("2 of 4").first.wait_for()

        page.get_by_role("link", name="Review").click()
        for name in ("p3", "p4"):
            page.get_by_role("heading", name=name).wait_for()
            page.keyboard.press("2")
            page.get_by_text(f"Decided: {name}").wait_for()
        page.get_by_role("link", name="Figures").click()
        page.get_by_role("heading", name="People", exact=True).wait_for()
        ann, ben = row_of(page, "ann"), row_of(page, "ben")
        assert ann["As decided"].startswith("100 % 34 to 100 % 2 of 2")
        assert ben["As decided"].startswith("0 % 0 to 66 % 0 of 2")
        assert ann["Reworked"].startswith("0 %")
        assert ben["Reworked"].startswith("50 % 15 to 85 % 2 of 4")
        page.get_by_role("heading", name="Two by two").wait_for()

        sign_in(page, url, "ben", PAGE)
        mine = browser.text()
        assert "Your figures in pets" in mine
        assert "0 of 2" in mine
        assert "2 of 4" in mine
        assert "ann" not in mine.replace("annotator", "")
        assert page.get_by_text("alpha").count() == 0

        page.set_viewport_size({"width": 390, "height": 844})
        wider = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wider <= 0, "nothing is pushed off a phone's screen"
    assert browser.errors == []
