"""The list of a batch finds what its filters say, and tells nothing that is not to be known yet."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from burnish.database import migrate, open_database
from burnish.ledger.events import EMPTY
from burnish.review.exporting import csv_lines
from burnish.review.listing import NOBODY, RANDOM_CHECK, Count, Queue
from burnish.review.records import Filters, OpenBatch, Policy
from burnish.review.schema import desk_items

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
BATCH = OpenBatch("pets", 3, EMPTY, 1, Policy(), ("cat", "dog"))
ROWS = [
    # example_id, state, reason, label, suggested, assignee, hours since anything happened
    ("a", "open", "audit", "cat", "dog", "", 1),
    ("b", "open", "audit", "cat", "dog", "ben", 30),
    ("c", "open", "gold", "dog", "cat", "", 2),
    ("d", "open", "control", "dog", "dog", "", 3),
    ("e", "settled", "gold", "dog", "cat", "ben", 4),
    ("f", "disagreed", "requested", "dog", "cat", "", 50),
    ("g", "withdrawn", "audit", "cat", "dog", "", 7),
    ("100%", "open", "audit", "dog", "cat", "", 5),
    ("1000", "open", "audit", "dog", "cat", "", 6),
]
SLICES = {"a": ["small"], "c": ["small"], "d": ["small", "brown"], "f": ["brown"]}


@pytest.fixture
def queue(database: str) -> Queue:
    engine = open_database(database)
    migrate(engine)
    stored = [
        {
            "dataset": dataset,
            "iteration": 3,
            "example_id": name,
            "position": position,
            "state": state,
            "round": 1,
            "answers": 0,
            "places": 1,
            "last_seq": 0,
            "assignee": assignee,
            "note": "",
            "reason": reason,
            "label": label,
            "suggested_label": suggested,
            "facts": json.dumps({"why": f"why of {name}", "error_probability": 0.9}),
            "added_at": NOW - timedelta(days=9),
            "updated_at": NOW - timedelta(hours=hours),
        }
        for dataset in ("pets", "others")
        for position, (name, state, reason, label, suggested, assignee, hours) in enumerate(ROWS, 1)
    ]
    with engine.begin() as connection:
        connection.execute(insert(desk_items), stored)
    return Queue(engine, BATCH, NOW, lambda names: {n: SLICES.get(n, []) for n in names})


HERE = [row[0] for row in ROWS if row[1] != "withdrawn"]


def names(queue: Queue, **filters: object) -> list[str]:
    return [row.example_id for row in queue.page(Filters(**filters)).rows]


def test_without_filters_the_rows_of_one_batch_come_in_their_order(queue: Queue):
    assert names(queue) == HERE
    assert queue.page(Filters()).total == len(HERE)


def test_rows_off_the_desk_are_listed_when_they_are_asked_for(queue: Queue):
    assert names(queue, states=("withdrawn",)) == ["g"]
    assert Count("withdrawn", 1) in queue.page(Filters()).counts.states
    assert Count("audit", 4) in queue.page(Filters()).counts.reasons


def test_each_filter_leaves_what_it_names(queue: Queue):
    assert names(queue, states=("disagreed", "settled")) == ["e", "f"]
    assert names(queue, reason="requested") == ["f"]
    assert names(queue, label="cat", suggested="dog") == ["a", "b"]
    assert names(queue, assignee="ben") == ["b", "e"]
    assert names(queue, assignee=NOBODY, reason="audit") == ["a", "100%", "1000"]
    assert names(queue, slice_name="brown") == ["d", "f"]
    assert names(queue, min_age_hours=24) == ["b", "f"]


def test_known_answers_and_random_draws_are_told_apart_by_nothing(queue: Queue):
    assert names(queue, reason="gold") == ["e"]
    assert names(queue, reason="control") == []
    assert names(queue, reason=RANDOM_CHECK) == ["c", "d"]
    # A label that is not shown finds no row: what a filter finds is told as well.
    assert names(queue, label="dog", suggested="dog") == []
    assert names(queue, label="dog", suggested="cat") == ["e", "f", "100%", "1000"]
    listing = queue.page(Filters())
    shown = {row.example_id: row for row in listing.rows}
    hidden = [
        (row.reason, row.why, row.label, row.suggested, row.error_probability)
        for row in (shown["c"], shown["d"])
    ]
    assert hidden == [(RANDOM_CHECK, "", None, None, None)] * 2
    assert (shown["e"].reason, shown["e"].label, shown["e"].why) == ("gold", "dog", "why of e")
    assert Count(RANDOM_CHECK, 2) in listing.counts.reasons
    assert {(pair.value, pair.second): pair.count for pair in listing.counts.pairs} == {
        ("cat", "dog"): 2,
        ("dog", "cat"): 4,
    }


def test_a_count_says_what_choosing_it_would_leave(queue: Queue):
    counts = queue.page(Filters(states=("open",), slice_name="small")).counts
    # The other filters hold; the filter that is counted does not.
    assert counts.states == (Count("open", 3),)
    assert counts.reasons == (Count(RANDOM_CHECK, 2), Count("audit", 1))
    assert counts.slices == (Count("small", 3), Count("brown", 1))
    assert counts.assignees == (Count(NOBODY, 3),)


@pytest.mark.parametrize(
    "text",
    [
        "' OR 1=1 --",
        "'; DROP TABLE desk_items; --",
        "\\",
        "_",
        "%%",
        "a' UNION SELECT 1 --",
        "\x00",
    ],
)
def test_sql_and_wildcards_in_a_filter_are_text(queue: Queue, text: str):
    if "\x00" not in text:
        assert names(queue, text=text) == []
        assert names(queue, reason=text) == []
        assert names(queue, label=text, suggested=text, assignee=text) == []
    assert names(queue, slice_name=text) == []
    assert names(queue, text="0%") == ["100%"]
    assert names(queue, text="00") == ["100%", "1000"]


def test_pages_part_the_list_without_loss(queue: Queue):
    pages = [queue.page(Filters(), offset=at, limit=3) for at in (0, 3, 6, 9)]
    parted = [row.example_id for page in pages for row in page.rows]
    assert parted == HERE
    assert {page.total for page in pages} == {len(HERE)}


def test_by_age_the_longest_waiting_comes_first(queue: Queue):
    oldest = queue.page(Filters(), sort="age", limit=3).rows
    assert [row.example_id for row in oldest] == ["f", "b", "1000"]
    assert oldest[0].hours == 50


def test_a_spreadsheet_runs_nothing_of_the_file(queue: Queue):
    rows = list(queue.rows(Filters()))
    start = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", "＝1"]
    planted = [type(rows[0])(**(vars(rows[0]) | {"note": text, "why": text})) for text in start]
    text = "".join(csv_lines([*rows, *planted]))
    read = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [line["note"] for line in read[len(rows) :]] == ["'" + one for one in start]
    assert [line["example_id"] for line in read[: len(rows)]] == [row.example_id for row in rows]
    secret = next(line for line in read if line["example_id"] == "c")
    assert (secret["reason"], secret["label"], secret["error_probability"]) == (
        RANDOM_CHECK,
        "",
        "",
    )
