"""In a real browser: a reviewer deals a batch, one goes away, and hands over what is theirs."""

from __future__ import annotations

from pathlib import Path

from tests.browser.looking import Browser
from tests.browser.test_review_pages import served, sign_in
from tests.burnish.review.planted_desk import plant


def test_a_batch_is_dealt_handed_over_and_left_while_one_is_away(tmp_path: Path, browser: Browser):
    planted = plant(tmp_path)
    with served(planted) as url:
        page = browser.page
        sign_in(page, url, "rex", "/d/pets/queue")
        page.get_by_label("Which rows").select_option("all")
        page.get_by_role("button", name="in turn").click()
        page.wait_for_load_state()
        got = [item.assignee for item in planted.desk.items("pets")[0]]
        assert sorted(got) == ["ann"] * 3 + ["ben"] * 3
        sign_in(page, url, "ann", "/d/pets/mine")
        page.get_by_text("3 items wait for you").wait_for()
        page.get_by_label("All that is assigned to you goes to").select_option("ben")
        page.get_by_label("Why").fill("a holiday")
        page.get_by_role("button", name="Hand over").click()
        page.get_by_text("They are handed over.").wait_for()
        page.get_by_role("link", name="Going away?").click()
        page.get_by_label("Away until (UTC)").fill("2026-11-20T09:00")
        page.get_by_role("button", name="I am away").click()
        page.get_by_text("You are away until 2026-11-20 09:00 UTC").wait_for()
    assert {item.assignee for item in planted.desk.items("pets")[0]} == {"ben"}
    assert browser.errors == []


def test_on_a_telephone_every_tab_of_a_dataset_is_seen(tmp_path: Path, browser: Browser):
    planted = plant(tmp_path)
    with served(planted) as url:
        page = browser.page
        page.set_viewport_size({"width": 390, "height": 844})
        sign_in(page, url, "rex", "/d/pets/guide")
        ends = page.evaluate(
            "[...document.querySelectorAll('.nav a')].map(a => a.getBoundingClientRect().right)"
        )
        assert len(ends) >= 6
        assert max(ends) <= 390
