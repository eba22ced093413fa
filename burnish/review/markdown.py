"""A labeling guide as a page may show it: Markdown made safe, in parts that belong to classes.

What belongs here: from text to markup. What does not: where the text comes from
(`burnish.review.guides`), or where on a page it stands (`templates/_guide.html`).

The text is somebody else's: HTML in it is shown as it is written, a link leads to http, https or a
mail address alone, and a picture is part of the text itself (`data:`). What is anything else stays
as words. The page's policy would refuse the rest too; neither relies on the other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

LINK = re.compile(r"(https?://|mailto:)", re.IGNORECASE)
PICTURE = re.compile(r"data:image/(png|jpe?g|gif|webp);base64,[A-Za-z0-9+/=]+", re.IGNORECASE)
ELSEWHERE = {"rel": "noopener noreferrer nofollow", "target": "_blank"}
TITLED = re.compile(r"\s*(?::|\(|\s[-–—]\s).*", re.DOTALL)
"""What follows the name of a class in a heading: "Cat: any animal that ..."."""
LOWEST = 6
KEPT = 32


@dataclass(frozen=True)
class Part:
    """A part of a guide: `label` is the class whose heading it stands below, else empty."""

    label: str
    html: Markup


@lru_cache(maxsize=KEPT)
def parts_of(text: str, classes: tuple[str, ...] = ()) -> tuple[Part, ...]:
    r"""The parts of a guide in order; a part begins at the heading of a class, and ends with it.

    A heading is that of a class if it is the class's name, whatever the case, alone or before a
    colon, a dash or a bracket. Headings are set one lower: a page has a title of its own.

    >>> text = "Look twice.\n\n## Cat: small\n\nIt purrs.\n\n## Else\n\n<b>Ask</b>"
    >>> for part in parts_of(text, ("cat", "dog")):
    ...     print(repr(part.label), part.html.strip().replace("\n", " "))
    '' <p>Look twice.</p>
    'cat' <h3>Cat: small</h3> <p>It purrs.</p>
    '' <h3>Else</h3> <p>&lt;b&gt;Ask&lt;/b&gt;</p>
    """
    reader = _reader()
    tokens = reader.parse(text)
    starts = _starts(tokens, classes)
    for token in tokens:
        _make_safe(token)
    ends = [place for place, _ in starts[1:]] + [len(tokens)]
    return tuple(
        Part(label, _markup(reader, tokens[start:end]))
        for (start, label), end in zip(starts, ends, strict=True)
        if end > start
    )


def class_of(heading: str, classes: Sequence[str]) -> str:
    """The class that a heading is about; empty where it is about none.

    >>> class_of("Atrial Fibrillation (AF)", ["normal", "atrial fibrillation"])
    'atrial fibrillation'
    >>> class_of("Normally", ["normal"])
    ''
    """
    names = {_folded(name): name for name in classes}
    whole = _folded(heading)
    return names.get(whole) or names.get(_folded(TITLED.sub("", heading))) or ""


def _reader() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def _starts(tokens: Sequence[Token], classes: Sequence[str]) -> list[tuple[int, str]]:
    """Where each part begins, and the class that it is of."""
    starts: list[tuple[int, str]] = [(0, "")]
    depth = 0
    for place, token in enumerate(tokens):
        if token.type != "heading_open" or token.level:
            continue
        level = int(token.tag[1])
        label = class_of(tokens[place + 1].content.strip("*_` "), classes)
        ends = starts[-1][1] and level <= depth
        if label or ends:
            starts.append((place, label))
            depth = level
    return starts


def _make_safe(token: Token) -> None:
    if token.type in {"heading_open", "heading_close"}:
        token.tag = f"h{min(LOWEST, int(token.tag[1]) + 1)}"
    if token.type in {"th_open", "td_open"}:
        # No style of its own is let through by the page's policy.
        side = str(token.attrs.pop("style", "")).rpartition(":")[2]
        if side in {"right", "center"}:
            token.attrs["class"] = f"guide-{side}"
    if token.children:
        token.children = _safe(token.children)


def _safe(children: Sequence[Token]) -> list[Token]:
    kept: list[Token] = []
    open_links: list[bool] = []
    for token in children:
        if token.type == "link_open":
            open_links.append(bool(LINK.match(str(token.attrs.get("href", "")))))
            token.attrs.update(ELSEWHERE)
        if token.type in {"link_open", "link_close"}:
            known = open_links[-1] if token.type == "link_open" else open_links.pop()
            if not known:
                continue
        elif token.type == "image" and not PICTURE.fullmatch(str(token.attrs.get("src", ""))):
            _become_words(token)
        kept.append(token)
    return kept


def _become_words(picture: Token) -> None:
    """A picture from elsewhere is told of by its words."""
    picture.content = f"[picture: {picture.content}]"
    picture.type, picture.tag, picture.children = "text", "", None


def _markup(reader: MarkdownIt, tokens: Sequence[Token]) -> Markup:
    # The renderer escapes every text, and writes no attribute but those that were let through.
    return Markup(reader.renderer.render(tokens, reader.options, {}))  # noqa: S704


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
