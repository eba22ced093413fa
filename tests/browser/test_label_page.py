"""The labeling page in a real browser: what a person presses is what the desk holds, once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from burnish.review.records import Person, Policy, Said
from tests.browser.labeling import (
    Served,
    example,
    press,
    ready,
    saved,
    saved_of_mine,
    see,
    serving,
    texts,
    until,
)

BOB = Person("bob", "annotator")


@pytest.fixture
def notes(tmp_path: Path) -> Iterator[Served]:
    with serving(texts(tmp_path), tmp_path) as served:
        yield served


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
    assert page.locator("#count-done").inner_text() == "20"
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
    ready(page)
    assert notes.answers() == {"pet-000": "cat"}
    assert notes.desk.progress("pets").leased == 2
    page.goto("about:blank")
    for _ in range(100):
        if notes.desk.progress("pets").leased == 0:
            break
        page.wait_for_timeout(50)
    assert notes.desk.progress("pets").leased == 0


def test_a_class_that_is_a_digit_is_chosen_by_that_digit(tmp_path, tab):
    with serving(texts(tmp_path, 5, [str(at) for at in range(10)]), tmp_path) as served:
        page = tab(served)
        for key in "3079":
            press(page, key)
        saved(page)
        assert list(served.answers().values()) == list("3079")
        assert page.locator("#filter").count() == 0


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


def test_a_class_that_is_a_number_is_typed(tmp_path, tab):
    with serving(texts(tmp_path, 5, [str(at) for at in range(100, 140)]), tmp_path) as served:
        page = tab(served)
        page.keyboard.type("112")
        page.keyboard.press("Enter")
        see(page, "pet-001")
        page.keyboard.type("139")
        page.keyboard.press("Enter")
        see(page, "pet-002")
        saved(page)
        assert served.answers() == {"pet-000": "112", "pet-001": "139"}


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
        for key in "12":
            press(page, key)
        see(page, "pet-002")
        page.keyboard.press("3")  # which leads to another page
        page.get_by_role("heading", name="Nothing is left for you").wait_for()
        assert "The batch is settled" in page.locator("main").inner_text()
        assert page.get_by_role("link", name="Other datasets").is_visible()


def test_of_two_who_answer_blind_neither_reads_whether_they_agree(tmp_path, tab):
    planted = texts(tmp_path, 3)
    planted.policy = Policy(answers=2, agree=2)
    with serving(planted, tmp_path) as served:
        for label in ("cat", "cat", "cat"):
            lease = served.desk.take("pets", BOB)
            served.desk.answer("pets", BOB, lease.token, Said("change", label))
        page = tab(served)
        for count, key in enumerate("12", 1):  # the first as bob, the second not
            press(page, key)
            saved_of_mine(page, count)
            assert page.locator(".label-counts").inner_text().strip() == (
                f"{count} of 3 answered by me"
            )
            assert (
                page.get_by_role("status")
                .first.inner_text()
                .endswith(f"{count} of 3 answered by me.")
            )
        first, second = (page.locator(".label-was").nth(at).inner_text() for at in (1, 0))
        assert first.splitlines()[-1] == second.splitlines()[-1] == "Undo"
        assert "answered" in first
        assert "answered" in second
        press(page, "3")
        page.get_by_role("heading", name="Nothing is left for you").wait_for()
        read = page.locator("main").inner_text()
        assert "two blind answers each" in read
        assert "What came of yours is told when the batch is closed" in read
        for telling in ("settled", "differ", "waits"):
            assert telling not in read


def test_while_others_hold_all_that_is_left_the_page_says_so(tmp_path, tab):
    with serving(texts(tmp_path, 1), tmp_path) as served:
        served.desk.take("pets", BOB)
        page = tab(served)
        assert "1 item is before other people" in page.locator("main").inner_text()


def test_a_desk_that_cannot_save_is_told_from_one_that_cannot_be_reached(notes, tab):
    page = tab(notes)
    ready(page)
    page.route("**/label/answer", lambda route: route.fulfill(status=503, body="{}"))
    page.keyboard.press("1")
    page.get_by_text("The desk cannot save anything just now").wait_for()
    assert page.locator("#state").inner_text() == "1 answer not saved yet"
    page.unroute("**/label/answer")
    saved_of_mine(page, 1)
    assert notes.answers() == {"pet-000": "cat"}


def test_a_batch_that_was_closed_meanwhile_is_told_of_and_left(notes, tab):
    page = tab(notes)
    ready(page)
    notes.planted.open = lambda dataset: None
    page.keyboard.press("1")
    told = page.get_by_text("“cat” for pet-000 was not saved: no batch of 'pets' is open")
    told.wait_for()
    page.wait_for_timeout(400)  # what is asked for next is refused as well
    assert told.is_visible()
    assert page.locator("#state").inner_text() == "not saved"
    page.get_by_role("button", name="Go on").click()
    see(page, "pet-001")  # it was there already
    page.keyboard.press("2")
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("heading", name="There is nothing here").wait_for()
    assert notes.ledger.events("pets") == []


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
