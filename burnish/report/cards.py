"""Model cards and data cards: questions in sections, answered by people or by measurement.

What belongs here: the shape of a card, and how it reads as a page and as Markdown. What does not:
what a card asks and answers (`burnish.report.model_card`, `.data_card`), gathering the answers
(`burnish.workflows.iteration_report_cards`). What only a person can say and nobody has said is
marked, never filled in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from burnish.report.datasheet import inert
from burnish.report.templating import templates

Source = Literal["spec", "measured", "record"]
NOT_STATED = "Not stated."
SOURCES: Mapping[str, str] = {
    "spec": "stated by people",
    "measured": "measured",
    "record": "from the record",
}


@dataclass(frozen=True)
class Statement:
    """A question and its answer. `key` names the place in the spec where a person may answer.

    An empty answer of a person shows as not stated, with the key; any other as not known.
    """

    question: str
    answer: str
    source: Source = "record"
    key: str = ""

    @property
    def blank(self) -> bool:
        return not self.answer.strip()


@dataclass(frozen=True)
class Grid:
    """A table: its caption, headers, and rows of text; `numbers` are columns set to the right."""

    caption: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Section:
    """A section of a card, under the name that the paper gives it."""

    title: str
    statements: tuple[Statement, ...] = ()
    grids: tuple[Grid, ...] = ()
    charts: tuple[tuple[Markup, str], ...] = ()

    @property
    def anchor(self) -> str:
        return self.title.lower().replace(" ", "-").replace(",", "")


@dataclass(frozen=True)
class Card:
    """A card. `front` is what machines read at the head of its Markdown; `paper` is its pattern."""

    kind: Literal["model", "data"]
    name: str
    summary: str
    paper: str
    sections: tuple[Section, ...]
    front: tuple[tuple[str, str], ...] = ()
    links: tuple[tuple[str, str], ...] = ()

    @property
    def blanks(self) -> tuple[Statement, ...]:
        """What a person has yet to say."""
        told = [one for section in self.sections for one in section.statements]
        return tuple(one for one in told if one.key and one.blank)


@dataclass(frozen=True)
class CardContext:
    """Everything that `templates/card.html` may use: the card, and what sources are called."""

    card: Card
    title: str
    sources: Mapping[str, str]


def render_card(card: Card) -> str:
    """The card as one self-contained HTML page; everything that people or data say is escaped.

    >>> card = Card("model", "pets@iter2", "A <model>", "a paper", (
    ...     Section("Intended use", (Statement("For what?", "", "spec", "card.intended_use"),)),))
    >>> page = render_card(card)
    >>> "A &lt;model&gt;" in page, "card.intended_use" in page
    (True, True)
    """
    environment = templates()
    title = f"{'Model' if card.kind == 'model' else 'Data'} card of {card.name}"
    return environment.get_template("card.html").render(page=CardContext(card, title, SOURCES))


def card_markdown(card: Card) -> str:
    r"""The card as Markdown, with the head that Hugging Face reads; charts are left out.

    >>> card = Card("model", "pets@iter2", "It tells cats | dogs", "a paper", (),
    ...     (("license", "CC0: yes"),))
    >>> print(card_markdown(card))
    ---
    license: "CC0: yes"
    ---
    <BLANKLINE>
    # Model card of pets@iter2
    <BLANKLINE>
    It tells cats \| dogs
    <BLANKLINE>
    After *a paper*.
    <BLANKLINE>
    """
    kind = "Model" if card.kind == "model" else "Data"
    parts = [_front(card), f"# {kind} card of {inert(card.name)}", inert(card.summary)]
    parts.append(f"After *{inert(card.paper)}*.")
    for section in card.sections:
        parts.append(f"## {section.title}")
        parts += [_statement(one) for one in section.statements]
        parts += [_grid(one) for one in section.grids]
    return "\n\n".join(part for part in parts if part) + "\n"


def _front(card: Card) -> str:
    # A string of JSON is one of YAML, whatever it holds.
    lines = [f"{name}: {json.dumps(value)}" for name, value in card.front if value]
    return "\n".join(["---", *lines, "---"]) if lines else ""


def _statement(one: Statement) -> str:
    if not one.blank:
        return f"**{one.question}** {inert(one.answer)}"
    hint = f" (a person can say it: `{one.key}` of the spec)" if one.key else ""
    return f"**{one.question}** *{NOT_STATED[:-1] if one.key else 'Not known'}{hint}.*"


def _grid(grid: Grid) -> str:
    if not grid.rows:
        return f"{inert(grid.caption)} None."
    marks = ["---:" if place in grid.numbers else "---" for place in range(len(grid.headers))]
    lines = [
        "| " + " | ".join(inert(one) for one in grid.headers) + " |",
        "|" + "|".join(marks) + "|",
        *("| " + " | ".join(inert(cell) for cell in row) + " |" for row in grid.rows),
    ]
    return f"{inert(grid.caption)}\n\n" + "\n".join(lines)
