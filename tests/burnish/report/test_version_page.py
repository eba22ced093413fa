"""The page of a dataset version: who changed what, and nothing in it that acts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.report.datasheet import VersionSheet
from burnish.report.version_page import (
    MOST_CHANGES,
    LabelChange,
    ModelRun,
    VersionLine,
    render_version_page,
    render_versions_page,
)

AT = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


def sheet(number: int, *, cats: int = 5, description: str = "Pets.") -> VersionSheet:
    return VersionSheet(
        "pets", number, description, "", "", "", "CC0", "", "5c28aa3", "run-1", ("pets@1",), 12,
        "0" * 64, 9, {"cat": cats, "dog": 4}, {"train": 9}, {"weight": "double"}, 3, AT, (),
    )  # fmt: skip


def test_it_says_who_changed_what_when_and_why():
    change = LabelChange("e7", "relabelled", "dog", "cat", "ada", "annotator", AT, "audit", 0.91)
    page = render_version_page(sheet(2, cats=6), before=sheet(1), changes=[change])
    for words in ("1 row changed since pets@1", "e7", "ada", "2026-01-02 03:04", "0.91", "+1"):
        assert words in page
    assert "simulated" not in page
    assert "<del>dog</del> <ins>cat</ins>" in page


def test_a_simulated_person_is_called_so():
    change = LabelChange("e7", "relabelled", "dog", "cat", "bot", "simulated", AT)
    assert ">simulated</span>" in render_version_page(sheet(1), before=None, changes=[change])


def test_the_first_version_is_held_against_the_labels_as_collected():
    page = render_version_page(sheet(1), before=None, changes=[])
    assert "No row changed since the labels as collected" in page
    assert "burnish diff pets@0 pets@1" in page


def test_of_many_changes_the_first_are_shown_and_all_are_counted():
    changes = [LabelChange(f"e{n}", "left", "cat", None) for n in range(MOST_CHANGES + 50)]
    page = render_version_page(sheet(2), before=sheet(1), changes=changes)
    assert f"The first {MOST_CHANGES} of {MOST_CHANGES + 50} rows" in page
    assert page.count('<th scope="row">e') == MOST_CHANGES


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:5000/#/experiments/1/runs/abc"])
def test_its_models_are_linked_where_a_server_shows_them(url: str):
    page = render_version_page(sheet(1), before=None, changes=[], runs=[ModelRun(3, "abc", url)])
    assert (f'href="{url}"' in page) is bool(url)
    assert "abc" in page


def test_the_list_of_versions_begins_with_the_newest():
    page = render_versions_page("pets", [VersionLine(n, AT, 9, n, n, (), "f" * 64) for n in (1, 2)])
    assert page.index("pets@2") < page.index("pets@1")
    assert 'href="2.html"' in page


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_whatever_data_and_people_say_stays_text(text: str):
    nasty = f"<script>{text}</script>"
    change = LabelChange(nasty, "relabelled", nasty, nasty, nasty, nasty, AT, nasty)
    page = render_version_page(sheet(1, description=nasty), before=None, changes=[change])
    assert "<script" not in page
