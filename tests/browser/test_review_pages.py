"""In a real browser: reviewers adjudicate by keyboard, send back, and read what was ever said."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.browser.looking import Browser
from tests.burnish.review.doors import PASSWORD
from tests.burnish.review.planted_desk import ROWS, PlantedDesk, plant, queue_row

XSS = (
    '<script>window.__pwned=1</script><img src=x onerror="window.__pwned=1">'
    "\"'><svg onload=window.__pwned=1>{{7*7}}"
)


@contextmanager
def served(planted: PlantedDesk) -> Iterator[str]:
    """The desk on a free port."""
    import uvicorn

    config = uvicorn.Config(
        planted.app, host="127.0.0.1", port=0, log_level="warning", access_log=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def sign_in(page: Any, url: str, name: str, place: str) -> None:
    page.context.clear_cookies()
    page.goto(f"{url}/sign-in?next={place}")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{url}{place}")


def disagree(planted: PlantedDesk, count: int = 3) -> None:
    for _ in range(count):
        planted.answer("ann", label="dog", comment="long snout", seconds=3)
        planted.answer("ben", label="cat")


def test_disagreements_are_adjudicated_by_keyboard_alone(tmp_path: Path, browser: Browser):
    planted = plant(tmp_path)
    disagree(planted)
    with served(planted) as url:
        page = browser.page
        sign_in(page, url, "rex", "/d/pets/review")
        page.get_by_role("heading", name="p1").wait_for()
        label = page.get_by_text("Label as given", exact=True)
        assert not label.is_visible()
        page.keyboard.press("l")
        label.wait_for(state="visible")
        page.keyboard.press("c")
        page.keyboard.type("1 whisker")
        assert planted.ledger.events("pets") == [], "a digit in a comment decides nothing"
        page.keyboard.press("Escape")
        page.keyboard.press("1")
        page.get_by_text("Decided: p1").wait_for()
        page.get_by_role("heading", name="p2").wait_for()
        page.keyboard.press("x")
        page.get_by_text("Decided: p2").wait_for()
        page.keyboard.press("s")
        page.get_by_text("Write what is to be looked at again").wait_for()
        page.keyboard.type("look at the ears")
        page.keyboard.press("Escape")
        page.keyboard.press("s")
        page.get_by_text("Sent back: p3").wait_for()
    said = [(e.verdict.author, e.verdict.decision) for e in planted.ledger.events("pets")]
    assert [one for one in said if one[0] == "rex"] == [("rex", "keep"), ("rex", "drop")]
    first = next(e.verdict for e in planted.ledger.events("pets") if e.verdict.author == "rex")
    assert first.comment == "1 whisker"
    assert first.evidence["seconds"] > 0
    assert planted.desk.item("pets", "p3").state == "rework"
    assert browser.errors == []


def test_whoever_answered_finds_what_was_sent_back_with_its_comment(
    tmp_path: Path, browser: Browser
):
    planted = plant(tmp_path)
    disagree(planted, 1)
    after = planted.desk.item("pets", "p1").last_seq
    rex = planted.accounts.person("rex")
    assert rex is not None
    planted.desk.send_back("pets", rex, "p1", after=after, comment="look at the ears")
    with served(planted) as url:
        sign_in(browser.page, url, "ann", "/d/pets/label")
        browser.page.get_by_text("look at the ears").wait_for()
        browser.page.get_by_role("heading", name="p1").wait_for()


def test_who_was_slower_is_told_and_sees_the_item_as_it_is(tmp_path: Path, browser: Browser):
    planted = plant(tmp_path)
    disagree(planted, 1)
    with served(planted) as url:
        page = browser.page
        sign_in(page, url, "rex", "/d/pets/review")
        rita = planted.program("rita")
        act = {"example_id": "p1", "after": planted.desk.item("pets", "p1").last_seq}
        rita.post("/api/v1/datasets/pets/decisions", json=act | {"label": "dog"})
        page.keyboard.press("1")
        page.get_by_role("alert").get_by_text("Nothing was changed").wait_for()
        page.get_by_text("settled", exact=True).first.wait_for()
        assert page.get_by_role("group", name="Decide").count() == 0
    assert planted.ledger.events("pets")[-1].verdict.author == "rita"


def test_history_strikes_out_what_was_taken_back(tmp_path: Path, browser: Browser):
    planted = plant(tmp_path)
    slip = planted.answer("ann", label="cat", comment="a slip")
    planted.program("ann").post("/api/v1/datasets/pets/undo", json={"seq": slip["event"]["seq"]})
    planted.answer("ann", label="dog")
    planted.answer("ben", label="dog")
    with served(planted) as url:
        page = browser.page
        sign_in(page, url, "rex", "/d/pets/queue")
        page.get_by_role("link", name="p1", exact=True).click()
        page.get_by_role("heading", name="History of p1").wait_for()
        struck = page.locator("s").all_inner_texts()
        assert len(struck) == 1
        assert "cat" in struck[0]
        page.get_by_label("Ask for another look").fill("blurred")
        page.get_by_role("button", name="Ask").click()
        page.get_by_text("Asked for").wait_for()
        page.get_by_role("link", name="Versions").click()
        page.get_by_role("button", name="Compare").click()
        page.get_by_text("pets@1").first.wait_for()
    assert [one.reason for one in planted.ledger.requests("pets", now=planted.clock())] == [
        "blurred"
    ]


def test_rows_are_filtered_chosen_and_assigned(tmp_path: Path, browser: Browser):
    planted = plant(tmp_path)
    with served(planted) as url:
        page = browser.page
        sign_in(page, url, "rex", "/d/pets/queue")
        page.get_by_role("link", name="random check").click()
        page.get_by_text("rows, 1 to 2").wait_for()
        page.get_by_label("Choose all rows of this page").check()
        page.get_by_label("Ask first").select_option("ben")
        page.get_by_role("button", name="Assign").click()
        page.get_by_role("cell", name="ben").first.wait_for()
    assigned = {item.example_id for item in planted.desk.items("pets")[0] if item.assignee == "ben"}
    assert assigned == {"p3", "p4"}


def test_nothing_that_people_or_data_say_is_ever_run(tmp_path: Path, browser: Browser):
    bad = f"id {XSS}"
    change = {
        "example_id": bad, "change": XSS, "before": XSS, "after": "dog", "author": XSS,
        "role": XSS, "at": "2026-11-02T09:00:00+00:00", "reason": XSS, "comment": XSS,
        "error_probability": 0.9, "suggested_label": XSS, "event_id": 1,
    }  # fmt: skip
    row = queue_row(bad, 1, why=XSS, label=XSS, suggested_label=XSS, reason=XSS)
    planted = plant(
        tmp_path,
        rows=[row, *ROWS[1:]],
        classes=(XSS, "dog"),
        texts={bad: XSS},
        changes=[change],
        people={"ann": "annotator", "ben": "annotator", "rex": "reviewer", "o'x+y@z": "annotator"},
    )
    planted.answer("ann", label=XSS, comment=XSS)
    planted.answer("ben", label="dog", comment=XSS)
    page = browser.page
    refused: list[str] = []
    page.on("dialog", lambda dialog: refused.append("a dialog"))
    page.on("console", lambda m: "Content Security" in m.text and refused.append(m.text))
    with served(planted) as url:
        sign_in(page, url, "rex", "/d/pets/review")
        places = ["/d/pets/review", "/d/pets/queue", "/d/pets/versions"]
        page.get_by_label("Comment").fill(XSS)
        page.keyboard.press("Escape")
        page.keyboard.press("s")
        page.get_by_role("status").get_by_text("Sent back: id").wait_for()
        page.goto(f"{url}/d/pets/queue")
        history = page.get_by_role("link", name=bad).get_attribute("href")
        diff = "/d/pets/diff?before=pets@1&after=pets@2"
        nothing = urlencode({"text": f"no {XSS}", "reason": XSS})
        for place in [*places, history, diff, f"/d/pets/queue?{nothing}"]:
            page.goto(f"{url}{place}")
            page.wait_for_load_state("networkidle")
            assert page.evaluate("window.__pwned") is None, place
            assert page.locator("main script, main img[src='x'], main svg[onload]").count() == 0
            assert "49" not in page.locator("main").inner_text(), "a template ran"
        page.get_by_text("No row of the batch fits").wait_for()
        sign_in(page, url, "ann", "/d/pets/queue")
        page.goto(f"{url}{history}")
        assert page.evaluate("window.__pwned") is None
    assert refused == []
    assert browser.errors == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_no_page_is_wider_than_the_screen(
    tmp_path: Path, browser: Browser, width: int, height: int, scheme: Any
):
    planted = plant(tmp_path)
    disagree(planted)
    page = browser.page
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=scheme)
    with served(planted) as url:
        sign_in(page, url, "rex", "/d/pets/review")
        for place in ("review", "queue", "examples/p1", "versions"):
            page.goto(f"{url}/d/pets/{place}")
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, place
