"""Docstrings of this project are plain text; this turns them into what Sphinx can set.

What belongs here: one hook for autodoc. Paragraphs stay paragraphs, `names` become code, hanging
lines (`name: what it is`) become a list, indented figures and doctests are kept as they stand.
Nothing else in a docstring is markup.
"""

import re
from collections.abc import Iterator

CODE = re.compile(r"(`+)(.+?)\1", re.DOTALL)
MARKUP = re.compile(r"([*_|\\])")


def as_restructured_text(*event) -> None:
    """Rewrite the docstring's lines, the last part of `autodoc-process-docstring`, in place."""
    lines: list[str] = event[-1]
    lines[:] = [line for block in _blocks(lines) for line in [*_set(block), ""]]


def _blocks(lines: list[str]) -> Iterator[list[str]]:
    block: list[str] = []
    for line in [*lines, ""]:
        if line.strip():
            block.append(line.rstrip())
        elif block:
            yield block
            block = []


def _set(block: list[str]) -> list[str]:
    if block[0].lstrip().startswith(">>>"):
        return [".. code-block:: pycon", "", *(f"   {line}" for line in block)]
    if all(line.startswith(" ") for line in block):
        return ["::", "", *(f"   {line}" for line in block)]
    if any(line.startswith(" ") for line in block) or block[0].startswith("- "):
        return _items(block)
    return _inline("\n".join(block)).split("\n")


def _items(block: list[str]) -> list[str]:
    items: list[str] = []
    for line in block:
        if line.startswith(" ") and items:
            items[-1] += " " + line.strip()
        else:
            items.append(line.removeprefix("- ").strip())
    return [f"* {_inline(item)}" for item in items]


def _inline(text: str) -> str:
    """Code set as code, all else escaped."""
    parts, end = [], 0
    for found in CODE.finditer(text):
        parts.append(MARKUP.sub(r"\\\1", text[end : found.start()]))
        parts.append(f"``{' '.join(found[2].split())}``\\ ")
        end = found.end()
    return "".join(parts) + MARKUP.sub(r"\\\1", text[end:])
