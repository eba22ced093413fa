"""The templates of the reports, and what every page is rendered with.

What belongs here: the one environment of Jinja for pages that stand alone. What does not: any
page's context or filters (each page has its own), or the desk's (`burnish.review.rendering`).
"""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def templates() -> Environment:
    """Everything is escaped, and a name that a context lacks is an error, not a blank.

    >>> templates().from_string("{{ label }}").render(label="<b>")
    '&lt;b&gt;'
    """
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
