"""The queue, the review and the history show what a person may see, and do what a form says."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

import pytest

from burnish.review.records import Policy
from tests.burnish.review.doors import csrf_of, signed_in
from tests.burnish.review.planted_desk import ROWS, PlantedDesk, plant, queue_row

CHANGES = [
    {
        "example_id": example_id,
        "change": change,
        "before": before,
        "after": after,
        "author": author,
        "role": role,
        "at": "2026-11-02T09:00:00+00:00",
        "reason": "audit",
        "comment": "",
        "error_probability": 0.9,
        "suggested_label": after,
        "event_id": 1,
    }
    for example_id, change, before, after, author, role in [
        ("q1", "relabelled", "cat", "dog", "ann", "annotator"),
        ("q2", "relabelled", "dog", "cat", "bot", "simulated"),
        ("q3", "dropped", "dog", None, "ann", "annotator"),
        ("p2", "joined", None, "cat", None, None),
    ]
]


@pytest.fixture
def planted(tmp_path: Path) -> PlantedDesk:
    return plant(tmp_path, changes=CHANGES)


def words(page: Any) -> str:
    """What can be read on a page."""
    text = re.sub(r"<(script|style)\b.*?</\1>|<[^>]+>", " ", page.text, flags=re.S)
    return re.sub(r"\s+", " ", text)


def after_of(page: Any) -> str:
    found = re.search(r'name="after" value="(\d+)"', page.text)
    assert found, "the page offers no act"
    return found[1]


def act(client: Any, page: Any, **form: Any) -> Any:
    form = {"example_id": "p1", "after": after_of(page), "csrf": csrf_of(page.text)} | form
    return client.post("/d/pets/review", data=form)


def test_without_a_batch_the_home_page_names_the_command_that_opens_one(planted, monkeypatch):
    monkeypatch.setattr(planted.batches, "open", lambda dataset: None)
    assert "burnish loop --dataset NAME --iterations 1" in words(
        signed_in(planted.app, "ann").get("/")
    )


# ------------------------------------------------------------------ queue


def test_a_reviewer_reads_why_each_row_is_there_but_not_of_random_checks(planted: PlantedDesk):
    rex = signed_in(planted.app, "rex")
    read = words(rex.get("/d/pets/queue"))
    assert "the label of p1 says" in read
    assert "random check" in read
    for telling in ("Its answer is known", "Drawn at random", "gold", "control"):
        assert telling not in read
    assert "audit 4" in read


def test_filters_of_the_address_are_applied_and_kept_in_every_link(planted: PlantedDesk):
    rex = signed_in(planted.app, "rex")
    page = rex.get("/d/pets/queue", params={"slice": "first", "sort": "age"})
    assert re.findall(r'name="example_id" value="([^"]+)"', page.text) == ["p1"]
    links = re.findall(r'href="/d/pets/queue(\?[^"]*)"', page.text)
    kept = [link for link in links if "reason=audit" in link]
    assert kept
    assert all("slice=first" in link for link in kept)
    assert all("sort=age" in link for link in kept)


@pytest.mark.parametrize(
    "query", ["?state=burnt", "?offset=-1", "?limit=9999", "?text=%00", "?hours=nan"]
)
def test_an_address_that_asks_nonsense_is_refused(planted: PlantedDesk, query: str):
    assert signed_in(planted.app, "rex").get(f"/d/pets/queue{query}").status_code == 422


def test_an_annotator_sees_their_own_answers_and_not_how_others_answered(planted: PlantedDesk):
    planted.answer("ben", label="cat", comment="it purrs")
    planted.answer("ann", label="dog", comment="long snout")
    read = words(signed_in(planted.app, "ann").get("/d/pets/queue"))
    assert "1 answer of yours stands" in read
    assert "long snout" in read
    assert "answered" in read
    for telling in ("it purrs", "ben", "disagreed", "random check"):
        assert telling not in read


def test_the_queue_says_once_for_how_many_rows_something_was_done(planted: PlantedDesk):
    rex = signed_in(planted.app, "rex")
    form = {"csrf": csrf_of(rex.get("/d/pets/queue").text), "assignee": "ben"}
    none = rex.post("/d/pets/queue/assign", data=form)
    assert "Nothing was done" in rex.get(none.headers["location"]).text
    two = rex.post("/d/pets/queue/assign", data=form | {"example_id": ["p2", "p3"]})
    page = rex.get(two.headers["location"]).text
    assert "Done for 2 rows." in page
    assert "done=" not in page, "no link and no form of the page says it again"
    assert "Done for" not in rex.get("/d/pets/queue").text


def test_chosen_rows_are_assigned_and_all_that_a_filter_leaves(planted: PlantedDesk):
    rex = signed_in(planted.app, "rex")
    token = csrf_of(rex.get("/d/pets/queue").text)
    chosen = {"csrf": token, "assignee": "ben", "which": "chosen", "example_id": ["p2", ".."]}
    done = rex.post("/d/pets/queue/assign?reason=audit", data=chosen)
    assert (done.status_code, done.headers["location"]) == (
        303,
        "/d/pets/queue?reason=audit&done=2",
    )
    assigned = {i.example_id: i.assignee for i in planted.desk.items("pets")[0]}
    assert {name for name, who in assigned.items() if who == "ben"} == {"p2", ".."}
    every = {"csrf": token, "assignee": "ann", "which": "all"}
    rex.post("/d/pets/queue/assign?reason=random+check", data=every)
    assigned = {i.example_id: i.assignee for i in planted.desk.items("pets")[0]}
    assert {name for name, who in assigned.items() if who == "ann"} == {"p3", "p4"}


def test_the_owner_is_one_of_the_people(planted: PlantedDesk):
    rex = signed_in(planted.app, "rex")
    token = csrf_of(rex.get("/d/pets/queue").text)
    assert rex.post("/d/pets/queue/owner", data={"csrf": token, "owner": "zoe"}).status_code == 400
    assert rex.post("/d/pets/queue/owner", data={"csrf": token, "owner": "rita"}).status_code == 303
    assert planted.desk.progress("pets").batch.owner == "rita"


def test_the_csv_holds_what_the_filters_leave_and_no_secret_and_no_formula(tmp_path: Path):
    rows = [*ROWS, queue_row("=HYPERLINK(1)", 7, why="@SUM(1)")]
    planted = plant(tmp_path, rows=rows)
    done = signed_in(planted.app, "rex").get("/d/pets/queue.csv")
    assert done.headers["content-type"].startswith("text/csv")
    assert "attachment" in done.headers["content-disposition"]
    lines = list(csv.DictReader(io.StringIO(done.text, newline="")))
    assert [line["example_id"] for line in lines][-1] == "'=HYPERLINK(1)"
    assert lines[-1]["why"] == "'@SUM(1)"
    by_id = {line["example_id"]: line for line in lines}
    assert (by_id["p3"]["reason"], by_id["p3"]["label"]) == ("random check", "")
    assert signed_in(planted.app, "ann").get("/d/pets/queue.csv").status_code == 403
    some = signed_in(planted.app, "rex").get("/d/pets/queue.csv?slice=first")
    assert len(some.text.splitlines()) == 2


# ------------------------------------------------------------------ review


def test_a_reviewer_decides_between_two_answers_and_gets_the_next(planted: PlantedDesk):
    for _ in range(2):
        planted.answer("ann", label="dog", comment="long snout", seconds=3.2)
        planted.answer("ben", label="cat")
    rex = signed_in(planted.app, "rex")
    page = rex.get("/d/pets/review")
    read = words(page)
    assert "long snout" in read
    assert "ann" in read
    assert "3 s" in read
    done = act(rex, page, label="cat", comment="whiskers", seconds="4.5")
    assert done.status_code == 303
    shown = rex.get(done.headers["location"])
    assert "Decided: p1" in words(shown)
    assert 'name="example_id" value="p2"' in shown.text
    last = planted.ledger.events("pets")[-1].verdict
    assert (last.author, last.to_label, last.comment) == ("rex", "cat", "whiskers")


def test_label_and_model_are_folded_away_until_asked_for(planted: PlantedDesk):
    planted.answer("ann", label="dog")
    planted.answer("ben", decision="drop")
    page = signed_in(planted.app, "rex").get("/d/pets/review").text
    folded = re.search(r'<details class="opinion">.*?</details>', page, re.S)
    assert folded
    assert "Label as given" in folded[0]
    for telling in ("Label as given", "panel", "93 %"):
        assert telling not in page.replace(folded[0], "")


def test_who_was_slower_reads_what_happened_and_keeps_their_comment(planted: PlantedDesk):
    planted.answer("ann", label="dog")
    planted.answer("ben", label="cat")
    rex, rita = signed_in(planted.app, "rex"), signed_in(planted.app, "rita")
    page = rita.get("/d/pets/review")
    act(rex, rex.get("/d/pets/review"), label="cat")
    late = act(rita, page, label="dog", comment="a thought of mine")
    assert late.status_code == 409
    assert "Nothing was changed" in words(late)
    assert "settled" in words(late)
    assert [e.verdict.author for e in planted.ledger.events("pets")] == ["ann", "ben", "rex"]
    assert act(rex, page, label="cat").status_code == 303


def test_sending_back_takes_a_comment_and_reaches_who_answered(planted: PlantedDesk):
    planted.answer("ann", label="dog")
    planted.answer("ben", label="cat")
    rex = signed_in(planted.app, "rex")
    page = rex.get("/d/pets/review")
    bare = act(rex, page, act="send_back", comment="  ")
    assert bare.status_code == 400
    assert "sent back with a comment" in words(bare)
    assert act(rex, page, act="send_back", comment="look at the ears").status_code == 303
    assert "look at the ears" in words(signed_in(planted.app, "ann").get("/d/pets/label"))
    released = act(rex, rex.get("/d/pets/review?item=p1"), act="release")
    assert released.status_code == 303
    assert planted.desk.item("pets", "p1").state == "open"


def test_submitted_items_are_approved(tmp_path: Path):
    planted = plant(tmp_path, policy=Policy(approval=True))
    planted.answer("ann", label="dog")
    rex = signed_in(planted.app, "rex")
    assert act(rex, rex.get("/d/pets/review"), act="approve").status_code == 303
    assert planted.ledger.events("pets")[0].verdict.evidence["approved_by"] == "rex"


def test_a_reviewer_who_answered_is_told_why_another_must_look(planted: PlantedDesk):
    planted.answer("ann", label="dog")
    planted.answer("rita", label="cat")
    rita = signed_in(planted.app, "rita")
    assert "Nothing waits for you" in words(rita.get("/d/pets/review"))
    page = rita.get("/d/pets/review?item=p1")
    assert "You answered this item yourself" in words(page)
    assert 'name="after"' not in page.text


def test_annotators_do_not_come_into_the_review(planted: PlantedDesk):
    ann = signed_in(planted.app, "ann")
    assert ann.get("/d/pets/review").status_code == 403
    form = {"example_id": "p1", "after": 0, "label": "dog"}
    assert ann.post("/d/pets/review", data=form).status_code == 403


def test_classes_without_a_key_are_typed(tmp_path: Path):
    many = [f"kind{number}" for number in range(30)]
    planted = plant(tmp_path, classes=many)
    planted.answer("ann", label="kind3")
    planted.answer("ben", label="kind4")
    rex = signed_in(planted.app, "rex")
    page = rex.get("/d/pets/review")
    assert len(re.findall(r'data-key="[1-9]"', page.text)) == 9
    assert act(rex, page, typed="kind29").status_code == 303
    assert planted.ledger.events("pets")[-1].verdict.to_label == "kind29"


# ------------------------------------------------------------------ history


def test_history_tells_once_what_stands_at_the_desk_and_in_the_ledger(planted: PlantedDesk):
    first = planted.answer("ann", label="cat", comment="a slip")
    planted.program("ann").post("/api/v1/datasets/pets/undo", json={"seq": first["event"]["seq"]})
    planted.clock.on(minutes=1)
    planted.answer("ann", label="dog", comment="long snout")
    planted.clock.on(minutes=1)
    planted.answer("ben", label="dog")
    page = signed_in(planted.app, "rex").get("/d/pets/examples/p1")
    struck = re.findall(r"<s [^>]*>(.*?)</s>", page.text)
    assert len(struck) == 1
    assert "cat" in struck[0]
    read = words(page)
    assert read.count("long snout") == 1
    assert "event 1 of the ledger" in read
    assert "event 2 of the ledger" in read
    order = [read.index(part) for part in ("a slip", "took the answer back", "long snout")]
    assert order == sorted(order)


def test_who_may_still_be_asked_sees_nothing_that_would_lead_them(planted: PlantedDesk):
    planted.answer("ann", label="dog", comment="long snout")
    ben = signed_in(planted.app, "ben")
    page = ben.get("/d/pets/examples/p1")
    assert "You may still be asked" in words(page)
    for telling in ("long snout", "panel", "'cat'", "the models say", "gold", "audit", "93 %"):
        assert telling not in words(page)
    own = words(signed_in(planted.app, "ann").get("/d/pets/examples/p1"))
    assert "long snout" in own
    assert "Label as given" in own


def test_asked_again_one_is_not_told_whether_one_had_changed_the_label(planted: PlantedDesk):
    planted.answer("ann", label="dog")
    planted.answer("ben", label="cat")
    ann = signed_in(planted.app, "ann")
    assert "which is another label" in words(ann.get("/d/pets/examples/p1"))
    rex = signed_in(planted.app, "rex")
    act(rex, rex.get("/d/pets/review"), act="send_back", comment="look at the ears")
    for place in ("examples/p1", "queue"):
        read = words(ann.get(f"/d/pets/{place}"))
        assert "said &#39;dog&#39;" in read
        assert "another label" not in read
        assert "label as given" not in read


def test_nobody_learns_from_history_that_a_row_is_a_known_answer(planted: PlantedDesk):
    rex = signed_in(planted.app, "rex")
    read = words(rex.get("/d/pets/examples/p3"))
    assert "for random check" in read
    for telling in ("gold", "answer is known"):
        assert telling not in read


def test_no_history_tells_an_annotator_of_an_open_batch_why_a_row_is_in_it(planted: PlantedDesk):
    for _ in range(4):
        planted.answer("ann", label="dog")
    ann = signed_in(planted.app, "ann")
    for name in ("p1", "p3", "p4"):
        read = words(ann.get(f"/d/pets/examples/{name}"))
        assert "asked about at position 3" in read
        for telling in ("random check", "for gold", "Why it is here", "Label is wrong with"):
            assert telling not in read


def test_ids_that_look_like_paths_have_a_history(planted: PlantedDesk):
    rex = signed_in(planted.app, "rex")
    found = rex.get("/d/pets/queue").text
    assert "/d/pets/examples/a%2F..%2Fp5" in found
    assert "/d/pets/examples?id=.." in found
    assert "History of .." in words(rex.get("/d/pets/examples?id=.."))
    assert "History of a/../p5" in words(rex.get("/d/pets/examples/a%2F..%2Fp5"))
    assert rex.get("/d/pets/examples/nothing").status_code == 404


def test_another_look_is_asked_for_with_a_reason(planted: PlantedDesk):
    ann = signed_in(planted.app, "ann")
    token = csrf_of(ann.get("/d/pets/examples/p2").text)
    form = {"csrf": token, "example_id": "p2", "reason": "blurred"}
    done = ann.post("/d/pets/requests", data=form)
    assert done.status_code == 303
    assert "Asked for" in words(ann.get(done.headers["location"]))
    (request,) = planted.ledger.requests("pets", now=planted.clock())
    assert (request.example_ids, request.asked_by, request.reason) == (("p2",), "ann", "blurred")
    assert ann.post("/d/pets/requests", data=form | {"reason": ""}).status_code == 422


# ------------------------------------------------------------------ versions


def test_the_diff_says_who_changed_what_and_can_be_filtered(planted: PlantedDesk):
    rex = signed_in(planted.app, "rex")
    assert "pets@2" in words(rex.get("/d/pets/versions"))
    between = {"before": "pets@1", "after": "pets@2"}
    read = words(rex.get("/d/pets/diff", params=between))
    assert "4 rows changed" in read
    assert "simulated" in read

    def listed(**filters: str) -> list[str]:
        page = rex.get("/d/pets/diff", params=between | filters)
        return re.findall(r'<th scope="row"><a [^>]*><bdi>([^<]+)', page.text)

    assert listed() == ["q1", "q2", "q3", "p2"]
    assert listed(author="ann") == ["q1", "q3"]
    assert listed(change="dropped") == ["q3"]
    assert listed(pair="dog > cat") == ["q2"]
    assert listed(text="' OR 1=1") == []


def test_the_diff_holds_back_rows_that_the_visitor_may_be_asked_about(planted: PlantedDesk):
    ann = signed_in(planted.app, "ann")
    page = ann.get("/d/pets/diff", params={"before": "pets@1", "after": "pets@2"})
    assert "3 rows changed" in words(page)
    assert "1 more" in words(page)
    assert "p2" not in words(page)


def test_versions_of_another_dataset_are_not_compared_here(planted: PlantedDesk):
    rex = signed_in(planted.app, "rex")
    other = rex.get("/d/pets/diff", params={"before": "birds@1", "after": "pets@2"})
    assert other.status_code == 400
    gone = rex.get("/d/pets/diff", params={"before": "pets@1", "after": "pets@9"})
    assert gone.status_code == 404


@pytest.mark.parametrize("place", ["label", "queue", "review", "queue.csv"])
def test_without_an_open_batch_there_is_nothing_here(planted: PlantedDesk, place: str):
    done = signed_in(planted.app, "rex").get(f"/d/birds/{place}")
    assert done.status_code == 404
