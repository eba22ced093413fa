"""Lists of dataset versions: each with its runs, at a cost that does not grow with the list."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import event

from burnish.report.pages import Pages
from burnish.workflows.showing import version_lines
from burnish.workflows.version_pages import write_version_page
from tests.burnish.workflows.closed_turns import pets, prepared, turn


@pytest.fixture
def home(tmp_path):
    return prepared(tmp_path)


def turned(home, times: int) -> None:
    for _ in range(times):
        turn(home, pets())
        newest = home.versions.iterations("pets")[-1]
        home.versions.set_run("pets", newest.number, f"run{newest.number:04d}")


def written(home) -> str:
    pages = Pages(home.folder / "pages")
    newest = home.versions.dataset_versions("pets")[-1]
    write_version_page(pages, home.versions, newest, run_url=lambda run: f"http://runs/{run}")
    return pages.versions("pets").read_text()


def test_each_version_of_the_list_has_the_runs_of_its_own_models(home):
    turned(home, 3)
    linked = re.findall(r"http://runs/(run\d+)", written(home))
    assert sorted(linked) == ["run0001", "run0002", "run0003"]


@pytest.mark.parametrize("listed", [written, lambda home: version_lines(home, "pets")])
def test_a_list_of_many_versions_reads_no_more_often_than_one_of_few(home, listed):
    asked: list[str] = []
    event.listen(home.versions.engine, "before_cursor_execute", lambda *seen: asked.append(seen[2]))

    def statements() -> int:
        asked.clear()
        listed(home)
        return len(asked)

    turned(home, 2)
    few = statements()
    turned(home, 4)
    assert statements() == few
