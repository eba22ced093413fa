"""A few rows of a table as people would look at them, in Markdown.

What belongs here: previews for places that show Markdown. What does not: whole pages
(`burnish.report.gate_page`, `burnish.report.loop_page`).
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa


def preview_markdown(table: pa.Table, *, limit: int = 8, width: int = 40) -> str:
    r"""The first `limit` rows as a Markdown table; long cells are cut, pipes are escaped.

    >>> print(preview_markdown(pa.table({"id": ["a"], "note": ["x|y"]})))
    | id | note |
    |---|---|
    | a | x\|y |
    """
    names = table.column_names
    if not names:
        return "(no columns)"
    lines = [f"| {' | '.join(_cell(name, width) for name in names)} |", "|---" * len(names) + "|"]
    lines += [
        f"| {' | '.join(_cell(row[name], width) for name in names)} |"
        for row in table.slice(0, limit).to_pylist()
    ]
    if table.num_rows > limit:
        lines.append(f"\n{limit} of {table.num_rows:,} rows")
    return "\n".join(lines)


def inert(value: object, *, width: int = 200) -> str:
    r"""A value as one line of a Markdown table, of at most `width` characters; never markup.

    >>> inert("a|b <i>\n*c*")
    'a\\|b &lt;i\\> \\*c\\*'
    """
    text = " ".join(str(value).split())
    text = text if len(text) <= width else text[: width - 1] + "…"
    for char in "\\|>`*_[]":
        text = text.replace(char, "\\" + char)
    return text.replace("<", "&lt;")


def _cell(value: Any, width: int) -> str:
    if value is None:
        return "—"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return f"\\[{len(value)} numbers\\]"
    if isinstance(value, bytes):
        return f"\\[{len(value):,} bytes\\]"
    return inert(value, width=width)
