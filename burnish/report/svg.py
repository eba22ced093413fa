"""The alphabet of hand-made SVG: escaped text, scales, ticks, marks and the document around them.

What belongs here: what every plot is put together of. What does not: a plot
(`burnish.report.plots`). Colours are CSS variables that fall back to `currentColor`, so that a
drawing follows the page into dark mode and onto paper; what tells two series apart is always a
shape or a dash as well.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from xml.sax.saxutils import escape as escape_markup

from burnish.errors import DataError

INK = "var(--ink,currentColor)"
MUTED = "var(--muted,currentColor)"
GRID = "var(--line,#bbb)"
PAPER = "var(--paper,Canvas)"
DASHES: tuple[str, ...] = ("", "7 4", "2 3", "9 3 2 3")
# Those of the pages (`templates/base.html`), by daylight.
_COLOURS = (
    "svg{--ink:#191d1c;--muted:#55605c;--line:#d5dad7;--paper:#fff;color:#191d1c;"
    "--series-1:#0a5f5a;--series-2:#a8480f;--series-3:#5a4a9c;--series-4:#55605c;"
    "font-family:system-ui,sans-serif}"
)
# XML 1.0 has no way to write these, escaped or not.
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def escape(text: object) -> str:
    """Text as the content of an element or of a quoted attribute; never markup.

    >>> escape('<b> & "c"')
    '&lt;b&gt; &amp; &quot;c&quot;'
    """
    legal = _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", str(text))
    return escape_markup(legal, {'"': "&quot;", "'": "&#39;", "\r": "&#13;"})


def fitted(text: str, width: float) -> str:
    """A text shortened until letters of size 12 are no wider than so many pixels, 25 at most.

    Widths are those of a wide face, so that a name is cut in its middle and not at the border.

    >>> fitted("<b>MMMMMMMMMMMM</b>", 162), fitted("class:1", 162)
    ('<b>MMMM…MMM</b>', 'class:1')
    """
    length = 25
    while length > 8 and sum(map(_breadth, shorten(text, length))) > width:
        length -= 1
    return shorten(text, length)


def _breadth(letter: str) -> float:
    if letter in "iljtf.,:;'|!/ ()[]":
        return 4.5
    if letter in "mwMW@%<>+=" or ord(letter) > 0x2E7F:
        return 11.5
    return 9.0 if letter.isupper() else 7.5


def shorten(text: str, length: int) -> str:
    """Text of at most `length` characters: the middle is cut, since ends tell names apart.

    >>> shorten("pen_pressure: 0.25 to 0.5", 15)
    'pen_pre… to 0.5'
    """
    if len(text) <= length:
        return text
    head = length // 2
    tail = length - head - 1
    return f"{text[:head]}…{text[len(text) - tail :]}"


def colour(position: int) -> str:
    """Stroke of the series at this position; four colours in turn."""
    return f"var(--series-{position % 4 + 1},currentColor)"


def number(value: float) -> str:
    """A coordinate with at most two decimals.

    >>> number(3.0), number(-0.001), number(1.239)
    ('3', '0', '1.24')
    """
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def label(value: float) -> str:
    """A tick's number as people write it.

    >>> label(0.8500000001), label(1200.0), label(0.0)
    ('0.85', '1,200', '0')
    """
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{value:,.0f}"
    return f"{value:.6g}"


def finite(values: list[float], what: str) -> None:
    """Raise `DataError` naming the first place where a value is NaN or infinite."""
    for place, value in enumerate(values):
        if not math.isfinite(value):
            raise DataError(
                f"{what} {place} is {value}",
                expected="a finite number",
                hint="leave a point out where its figure cannot be computed",
            )


@dataclass(frozen=True)
class Scale:
    """A straight map of data onto coordinates: `low` goes to `start`, `high` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        if self.high == self.low:
            return (self.start + self.end) / 2
        # The share first: a difference of two huge numbers times a width may overflow.
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def ticks(low: float, high: float, *, count: int = 5, whole: bool = False) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten apart) that enclose `low` and `high`.

    With `whole`, whole numbers alone: of counts there are no parts.

    >>> ticks(0.83, 0.96)
    [0.8, 0.85, 0.9, 0.95, 1.0]
    >>> ticks(3, 3)
    [2.0, 2.5, 3.0, 3.5, 4.0]
    >>> ticks(3, 3, whole=True), ticks(1, 3, whole=True)
    ([2.0, 3.0, 4.0], [1.0, 2.0, 3.0])
    """
    # Ticks are written with 12 digits: a range narrower than that is one value.
    if high - low <= max(1e-9 * max(abs(low), abs(high)), 1e-300):
        pad = 1.0 if whole else abs(low) / 3 or 1.0
        low, high = low - pad, high + pad
    raw = max((high - low) / count, 1.0 if whole else 0.0)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * nice for nice in (1, 2, 5, 10) if power * nice >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{step * place:.12g}") for place in range(first, last + 1)]


def document(width: float, height: float, *, title: str, desc: str, body: list[str]) -> str:
    """The whole drawing: it scales with its box and is read out as its title and description."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {number(width)} {number(height)}" '
        f'role="img" aria-label="{escape(title)}. {escape(desc)}" font-size="13" '
        'font-family="system-ui, sans-serif">'
        f"<title>{escape(title)}</title><desc>{escape(desc)}</desc>{''.join(body)}</svg>"
    )


def standalone(drawing: str, *, width: float = 380) -> str:
    """A drawing of `document` as an image of its own: with its size, colours, and white paper.

    Within a page a drawing takes the colours of the page; as an image it would have none. A wide
    one is made `width` pixels wide, but never so small that its letters cannot be read.

    >>> drawn = document(20, 10, title="t", desc="d", body=[])
    >>> standalone(drawn)[:60]
    '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="1'
    """
    size = re.search(r'viewBox="0 0 (\S+) (\S+)"', drawing)
    if size is None or not drawing.startswith("<svg "):
        raise DataError("no drawing of ours", expected="an SVG that `document` made")
    scale = max(min(1.0, width / float(size[1])), 0.8)
    wide, high = (number(scale * float(side)) for side in size.groups())
    sized = f'width="{wide}" height="{high}" viewBox='
    head, rest = drawing.replace("viewBox=", sized, 1).split(">", 1)
    return f'{head}><style>{_COLOURS}</style><rect width="100%" height="100%" fill="#fff"/>{rest}'


def without_styles(drawing: str) -> str:
    """A drawing of `document` whose styles are attributes: for pages that allow no inline style.

    >>> without_styles('<text style="fill:var(--ink,currentColor);opacity:.5">a</text>')
    '<text fill="var(--ink,currentColor)" opacity=".5">a</text>'
    """

    def attributes(found: re.Match[str]) -> str:
        pairs = (one.split(":", 1) for one in found[1].split(";") if one.strip())
        return " ".join(f'{name.strip()}="{value.strip()}"' for name, value in pairs)

    return re.sub(r'style="([^"<>]*)"', attributes, drawing)


def text(
    x: float,
    y: float,
    content: object,
    *,
    anchor: str = "start",
    fill: str = INK,
    size: int = 13,
    extra: str = "",
) -> str:
    """One line of text; `y` is the height of its middle, `extra` further (safe) attributes."""
    return (
        f'<text x="{number(x)}" y="{number(y)}" dy=".35em" text-anchor="{anchor}" '
        f'font-size="{size}" style="fill:{fill}" {extra}>{escape(content)}</text>'
    )


def line(
    x1: float,
    y1: float,
    x2: float,
    y2: float,
    *,
    stroke: str = GRID,
    width: float = 1,
    dash: str = "",
) -> str:
    """A straight line."""
    return (
        f'<line x1="{number(x1)}" y1="{number(y1)}" x2="{number(x2)}" y2="{number(y2)}" '
        f'style="stroke:{stroke}" stroke-width="{number(width)}" stroke-dasharray="{dash}"/>'
    )


def rect(x: float, y: float, width: float, height: float, *, style: str, title: str = "") -> str:
    """A rectangle, with a tooltip where `title` is given."""
    inner = f"<title>{escape(title)}</title>" if title else ""
    return (
        f'<rect x="{number(x)}" y="{number(y)}" width="{number(max(width, 0))}" '
        f'height="{number(max(height, 0))}" style="{style}">{inner}</rect>'
    )


def marker(x: float, y: float, position: int, *, title: str = "", hollow: bool = False) -> str:
    """The mark of the series at this position: circle, square, triangle, diamond in turn."""
    stroke = colour(position)
    style = f"fill:{PAPER if hollow else stroke};stroke:{stroke}"
    outlines = (
        f"M{number(x - 4.5)},{number(y)}a4.5,4.5 0 1,0 9,0a4.5,4.5 0 1,0 -9,0Z",
        f"M{number(x - 4)},{number(y - 4)}h8v8h-8Z",
        f"M{number(x)},{number(y - 5)}l5,9h-10Z",
        f"M{number(x)},{number(y - 5.5)}l5.5,5.5l-5.5,5.5l-5.5,-5.5Z",
    )
    return (
        f'<path d="{outlines[position % 4]}" style="{style}" stroke-width="1.6">'
        f"<title>{escape(title)}</title></path>"
    )


def whisker(x1: float, y1: float, x2: float, y2: float, *, stroke: str, dash: str = "") -> str:
    """An interval: a line with a small bar across at each end."""
    bar = 4.0
    upright = x1 == x2
    dx, dy = (bar, 0.0) if upright else (0.0, bar)
    return "".join(
        (
            line(x1, y1, x2, y2, stroke=stroke, width=1.4, dash=dash),
            line(x1 - dx, y1 - dy, x1 + dx, y1 + dy, stroke=stroke, width=1.4),
            line(x2 - dx, y2 - dy, x2 + dx, y2 + dy, stroke=stroke, width=1.4),
        )
    )
