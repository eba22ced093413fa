"""The labeling guide: its versions, what of it reaches a page, and who answered under which."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.errors import ReviewError, SourceUnreadable
from burnish.review.guides import MOST_BYTES, read_guide
from burnish.review.markdown import parts_of
from burnish.spec import DatasetSpec
from tests.burnish.review.desks import ADA, BOB, DOUBLE, ROB, Room, room, said

Write = Callable[[str], None]


def spec(folder: Path, guide: str | None = "guide.md") -> DatasetSpec:
    found = DatasetSpec.model_validate(
        {
            "name": "digits",
            "source": {"path": "digits.csv"},
            "id": "id",
            "target": "label",
            "features": {"x": "numeric"},
            "review": {"guide": guide},
        }
    )
    return found.model_copy(update={"folder": folder})


@pytest.fixture
def desk(tmp_path: Path) -> Room:
    return desk_on(str(tmp_path / "desk.db"), tmp_path)


def desk_on(database: str, folder: Path) -> Room:
    made = room(database, policy=DOUBLE)
    made.loop.spec_ = spec(folder)
    return made


@pytest.fixture
def write(tmp_path: Path) -> Write:
    moments = iter(range(1, 100))

    def written(text: str) -> None:
        path = tmp_path / "guide.md"
        path.write_text(text, encoding="utf-8")
        os.utime(path, (next(moments), next(moments)))

    return written


def texts(desk: Room) -> list[str]:
    return [one.text for one in desk.desk.guide_versions("digits")]


def test_a_new_content_is_the_next_version_and_one_that_comes_back_too(desk: Room, write: Write):
    for text in ("one", "one", "two", "one"):
        write(text)
        now = desk.desk.guide("digits")
        assert now is not None
        assert now.guide is not None
        assert (now.guide.text, now.problem) == (text, "")
    assert texts(desk) == ["one", "two", "one"]
    assert [one.version for one in desk.desk.guide_versions("digits")] == [3, 2, 1]


def test_a_file_that_did_not_change_is_not_read_again(
    desk: Room, write: Write, monkeypatch: pytest.MonkeyPatch
):
    write("one")
    first = desk.desk.guide("digits")
    monkeypatch.setattr("burnish.review.guides.read_guide", lambda path: pytest.fail("was read"))
    assert desk.desk.guide("digits") == first


def test_two_desks_on_one_database_note_a_content_once(desk: Room, write: Write, tmp_path: Path):
    other = desk_on(str(tmp_path / "desk.db"), tmp_path)
    for text in ("one", "two"):
        write(text)
        assert desk.desk.guide("digits") == other.desk.guide("digits")
    assert texts(desk) == ["two", "one"]


@pytest.mark.parametrize("fault", ["gone", "folder", "bytes", "large", "empty", "nul"])
def test_a_file_that_cannot_be_used_leaves_the_last_version_and_says_why(
    desk: Room, write: Write, tmp_path: Path, fault: str
):
    write("what a 3 is")
    assert desk.desk.guide("digits") is not None
    path = tmp_path / "guide.md"
    path.unlink()
    match fault:
        case "folder":
            path.mkdir()
        case "bytes":
            path.write_bytes(b"caf\xe9")
        case "large":
            path.write_text("x" * (MOST_BYTES + 1))
        case "empty":
            path.write_text(" \n")
        case "nul":
            path.write_text("a\0b")
        case _:
            assert fault == "gone"
    now = desk.desk.guide("digits")
    assert now is not None
    assert now.guide is not None
    assert (now.version, now.guide.text) == (1, "what a 3 is")
    assert "guide.md" in now.problem
    if path.is_dir():
        path.rmdir()
    write("what an 8 is")
    mended = desk.desk.guide("digits")
    assert mended is not None
    assert (mended.version, mended.problem) == (2, "")


def test_a_guide_that_never_was_is_none_and_without_one_in_the_spec_there_is_nothing(
    desk: Room, tmp_path: Path
):
    now = desk.desk.guide("digits")
    assert now is not None
    assert now.guide is None
    assert "cannot be read" in now.problem
    desk.loop.spec_ = spec(tmp_path, None)
    assert desk.desk.guide("digits") is None


def test_line_ends_and_a_mark_at_the_beginning_make_no_new_version(tmp_path: Path):
    path = tmp_path / "g.md"
    path.write_bytes(b"\xef\xbb\xbfone\r\ntwo\r")
    assert read_guide(path) == "one\ntwo\n"
    with pytest.raises(SourceUnreadable, match="cannot be read"):
        read_guide(tmp_path / "no\0name")


def test_a_verdict_records_the_version_that_was_on_the_screen(
    database: str, write: Write, tmp_path: Path
):
    desk = desk_on(database, tmp_path)
    write("one")
    desk.desk.guide("digits")
    lease = desk.desk.take("digits", ADA)
    assert lease is not None
    write("two")
    assert desk.desk.guide("digits") is not None
    first = desk.desk.answer("digits", ADA, lease.token, said("3"), guide=1)
    assert first.event.guide == 1, "the newer one was not before her"
    other = desk.desk.take("digits", BOB)
    assert other is not None
    desk.desk.answer("digits", BOB, other.token, said("3"), guide=2)
    told = [(e.verdict.author, e.verdict.evidence.get("guide")) for e in desk.told("a")]
    assert told == [("ada", 1), ("bob", 2)]
    assert desk.desk.answers_under("digits") == {1: 1, 2: 1}
    assert desk.desk.answers_under("digits", person="ada") == {1: 1}


def test_a_reviewers_decision_records_it_too_and_what_is_taken_back_does_not_count(
    desk: Room, write: Write
):
    write("one")
    desk.desk.guide("digits")
    desk.say(ADA, "3")
    desk.say(BOB, "8")
    seen = desk.desk.item("digits", "a").last_seq
    decided = desk.desk.decide("digits", ROB, "a", said("3"), after=seen, guide=1)
    assert decided.event.guide == 1
    assert desk.told("a")[-1].verdict.evidence["guide"] == 1
    lease = desk.desk.take("digits", ADA)
    assert lease is not None
    desk.desk.answer("digits", ADA, lease.token, said("3"), guide=1)
    desk.desk.undo("digits", ADA)
    assert desk.desk.answers_under("digits") == {None: 2, 1: 1}
    assert "guide" not in desk.told("a")[0].verdict.evidence, "nobody said which it was"


@pytest.mark.parametrize("version", [2, 0, -1, 2**40])
def test_a_version_that_never_was_is_refused_and_nothing_is_stored(
    desk: Room, write: Write, version: int
):
    write("one")
    desk.desk.guide("digits")
    lease = desk.desk.take("digits", ADA)
    assert lease is not None
    with pytest.raises(ReviewError, match="has no version"):
        desk.desk.answer("digits", ADA, lease.token, said("3"), guide=version)
    assert desk.desk.events("digits", "a") == []


HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[a](javascript:alert(1))",
    "[a](JaVaScRiPt&#58;alert(1))",
    "[a](data:text/html;base64,PHNjcmlwdD4=)",
    "[a](//evil.example/x)",
    "[a](vbscript:x)",
    "<javascript:alert(1)>",
    "![a](https://evil.example/spy.png)",
    "![a](javascript:alert(1))",
    '![a](data:image/svg+xml;base64,PHN2Zz4= "x")',
    '[a](https://fine.example "x\\" onclick=alert(1)")',
    '```x" onclick=alert(1)\n```',
    "[r]\n\n[r]: javascript:alert(1)",
    "|a|\n|-|\n|<svg onload=alert(1)>|",
    "## <script>alert(1)</script>",
    "[![x](https://evil.example/p.png)](javascript:alert(1))",
)


def check_safe(text: str) -> None:
    """A parser of HTML, as a browser has one, finds no element or attribute but those meant."""
    from html.parser import HTMLParser

    meant = {
        *("p", "a", "em", "strong", "code", "pre", "ul", "ol", "li", "br", "hr", "s", "img"),
        *("blockquote", "table", "thead", "tbody", "tr", "th", "td"),
        *(f"h{level}" for level in range(2, 7)),
    }

    class Look(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert tag in meant, (tag, text)
            for name, value in attrs:
                fine = {"class", "rel", "target", "href", "src", "alt", "title", "start"}
                assert name in fine, (name, text)
                if name == "href":
                    assert (value or "").lower().startswith(("https://", "http://", "mailto:"))
                    assert ("rel", "noopener noreferrer nofollow") in attrs
                if name == "src":
                    assert (value or "").startswith("data:image/png;base64,"), value

    for part in parts_of(text, ("cat",)):
        Look().feed(str(part.html))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_words(text: str):
    check_safe(text)


PIECES = st.sampled_from(
    [*HOSTILE, "# cat\n", "\n\n", "> ", "- ", "* ", "`", "**", "[", "](", ")", "<", ">", '"', "!["]
)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_whatever_is_put_together_stays_safe(text: str):
    check_safe(text)


def test_what_a_guide_needs_is_let_through():
    picture = "data:image/png;base64,iVBORw0KGgo="
    text = f"[who](https://a.example/x) ![a cat]({picture})\n\n|a|b|\n|-|-:|\n|1|2|\n"
    (part,) = parts_of(text)
    assert 'href="https://a.example/x" rel="noopener noreferrer nofollow"' in part.html
    assert f'<img src="{picture}" alt="a cat"' in part.html
    assert '<td class="guide-right">2</td>' in part.html
    assert "style" not in part.html


def test_a_part_is_of_the_class_whose_heading_it_stands_below():
    text = (
        "# How to label\n\nAll.\n\n## Cat\n\npurrs\n\n### When asleep\n\nstill a cat\n\n"
        "## Dog (large)\n\nbarks\n\n## Other words\n\nask\n"
    )
    found = [(p.label, p.html.count("<p>")) for p in parts_of(text, ("cat", "dog", "fish"))]
    assert found == [("", 1), ("cat", 2), ("dog", 1), ("", 1)]


def test_a_folded_class_name_does_not_take_anothers_heading():
    parts = parts_of("## normal (sinus)\n\nx\n\n## abnormal\n\ny\n", ("normal", "abnormal"))
    assert [part.label for part in parts] == ["normal", "abnormal"]


def test_an_open_batch_goes_on_where_the_spec_takes_the_guide_away(desk: Room, write: Write):
    write("one")
    desk.desk.guide("digits")
    assert desk.loop.spec_ is not None
    review = desk.loop.spec_.review.model_copy(update={"guide": None})
    desk.loop.spec_ = desk.loop.spec_.model_copy(update={"review": review})
    assert desk.desk.guide("digits") is None
    assert desk.say(ADA, "3").event.guide is None
    assert texts(desk) == ["one"]
