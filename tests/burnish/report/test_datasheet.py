"""The datasheet: all that is stated and nothing else, and text that stays text."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from burnish.errors import DataError
from burnish.report.datasheet import NOT_STATED, VersionSheet, sheet_facts, sheet_markdown

FULL = VersionSheet(
    dataset="digits",
    number=7,
    description="Handwritten digits.\n\nFrom three scanners.",
    source="UCI repository",
    collection="Thirteen people wrote them",
    preprocessing="A third is blurred",
    licence="CC-BY-4.0",
    contact="data@example.org",
    code_sha="6c98351",
    run="run-41",
    parents=("digits/validated_examples@3", "digits@6"),
    watermark=1041,
    digest="ab" * 32,
    rows=1797,
    class_counts={"zero": 1023, "one": 774},
    split_counts={"train": 1213, "test": 584},
    columns={"example_id": "string", "image": "list<item: float>"},
    iteration=5,
    created_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    models=("model-a", "model-b"),
)
EMPTY = VersionSheet(
    "pets", 1, "", "", "", "", "", "", "", "", (), 0, "0" * 64, 0, {}, {}, {}, 1,
    datetime(2026, 1, 1, tzinfo=UTC), (),
)  # fmt: skip
TEXTS = ("description", "source", "collection", "preprocessing", "licence", "contact")
TEXTS += ("code_sha", "run")
HOSTILE = (
    "<script>alert(1)</script>",
    "a | b\n|---|---|\n| c | d |",
    "# Heading",
    "para\n===",
    "- item",
    "+ item",
    "12. item",
    "1) item",
    "---",
    "***",
    "> quote",
    "```\nfence",
    "~~~\nfence",
    "    indented",
    "para\n\n    indented",
    "[link](https://evil.test)",
    "![image](https://evil.test/x.png)",
    "[ref]: https://evil.test\n\n[ref]",
    "<https://evil.test>",
    "*em* **strong** _em_ __strong__ ~~gone~~",
    "`code`",
    "&lt;b&gt; &copy;",
    "back\\slash \\| \\<",
    "line\x0b\x1c\x85\u2028| x |",
    "nul\x00 bell\x07",
    "<!-- gone -->",
    "$x^2$",
)


class Page(HTMLParser):
    """Tags by name, and the text a reader sees, with runs of space as one."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.raw = ""
        # HTML in the source is let through here, so that a tag that slipped in would be seen.
        render = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
        self.feed(render.render(markdown))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.raw += data

    @property
    def text(self) -> str:
        return flat(self.raw)


def flat(text: str) -> str:
    return " ".join("".join(" " if ord(char) < 32 or 127 <= ord(char) < 160 else char
                            for char in text).split())  # fmt: skip


def hostile(text: str) -> VersionSheet:
    """A sheet with the text in every place that takes one."""
    return replace(
        FULL,
        **dict.fromkeys(TEXTS, text),
        dataset=text,
        parents=(text, text),
        models=(text, text),
        class_counts={text: 3, "other": 4},
        split_counts={text: 3, "other": 4},
        columns={text: text, "other": "string"},
    )


def test_every_stated_value_is_in_the_datasheet():
    text = Page(sheet_markdown(FULL)).text
    stated = [flat(getattr(FULL, name)) for name in TEXTS]
    stated += [*FULL.parents, *FULL.models, FULL.digest, "1,041", "1,797", "1,023", "774"]
    stated += ["zero", "one", "train", "1,213", "test", "584", "image", "list<item: float>"]
    stated += ["digits@7", "Iteration. 5", "2026-01-02T03:04:05Z"]
    assert [value for value in stated if value not in text] == []
    assert NOT_STATED not in text


def test_sections_are_those_of_the_paper_in_its_order():
    heads = [line[3:] for line in sheet_markdown(FULL).splitlines() if line.startswith("## ")]
    assert heads == [
        "Motivation", "Composition", "Collection process", "Preprocessing, cleaning and labelling",
        "Uses", "Distribution", "Maintenance",
    ]  # fmt: skip


def test_what_is_empty_is_not_stated_and_nothing_stands_in_for_it():
    lines = [line for line in sheet_markdown(EMPTY).splitlines() if line.startswith("**")]
    said = dict(line.removeprefix("**").split(".** ", 1) for line in lines)
    known = {
        "Rows": "0", "Label events folded": "0", "Iteration": "1",
        "Content digest": "0" * 64, "Created": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    assert {title: text for title, text in said.items() if text != NOT_STATED} == known
    assert len(said) == len(known) + len(TEXTS) + 5  # and two lists, three tables


@pytest.mark.parametrize("text", ["  ", "\n\n", "\x00"])
def test_blank_text_counts_as_not_stated(text: str):
    assert f"**Source.** {NOT_STATED}" in sheet_markdown(replace(EMPTY, source=text))


def test_paragraphs_of_a_description_are_kept():
    markdown = sheet_markdown(FULL)
    assert "**Description.** Handwritten digits.\n\nFrom three scanners.\n\n" in markdown


def test_names_stay_readable_in_the_source():
    assert "digits/validated_examples@3" in sheet_markdown(FULL)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_inert_everywhere(text: str):
    assert_inert(text)


alphabet = st.sampled_from("ab1 \n\t|`*_[]()<>&#~!$\\-+=.:/\"'^{}\x00\u2028é")


@given(st.text(alphabet, min_size=1).filter(flat))
def test_any_text_is_inert_and_shown_whole(text: str):
    assert_inert(text)


def assert_inert(text: str) -> None:
    page, model = Page(sheet_markdown(hostile(text))), Page(sheet_markdown(hostile("plain")))
    # More paragraphs than one are the only markup that a text may bring.
    assert [tag for tag in page.tags if tag != "p"] == [tag for tag in model.tags if tag != "p"]
    shown = page.text.count(flat(text))
    assert shown >= len(TEXTS) + 8, "in every text, twice in both lists, in the tables, the title"


def test_facts_are_plain_json_and_hold_every_field():
    facts = sheet_facts(FULL)
    assert json.loads(json.dumps(facts)) == facts
    assert set(facts) == {field.name for field in fields(VersionSheet)} | {"name"}
    assert facts["name"] == "digits@7"
    assert facts["parents"] == list(FULL.parents)
    assert facts["created_at"] == "2026-01-02T03:04:05Z"
    same = set(facts) - {"name", "parents", "models", "created_at"}
    assert {name: facts[name] for name in same} == {name: getattr(FULL, name) for name in same}


def test_the_instant_is_told_in_utc_wherever_it_was_taken():
    east = datetime(2026, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert replace(EMPTY, created_at=east).instant == "2025-12-31T23:30:00Z"


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(DataError, match=r"pets@1 .* no time zone"):
        replace(EMPTY, created_at=datetime(2026, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize("digest", ["", "ab", "A" * 64, "0" * 65])
def test_a_digest_of_another_shape_is_refused(digest: str):
    with pytest.raises(DataError, match="digest"):
        replace(EMPTY, digest=digest)
