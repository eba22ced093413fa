"""One example as people would look at it: pictures, texts, and values with the unusual ones marked.

What belongs here: cells into what a page shows. What does not: which examples are shown
(`burnish.workflows.audit_file_page`), or markup (the templates).

A picture becomes a small data: URI. A number is unusual where it lies more than 3.5 robust standard
deviations from the median of the rows with the same label (Iglewicz and Hoaglin 1993), a category
where under 2 % of at least 50 rows with that label have it. Where the label must not show through,
a row is held against `ALL_ROWS` instead.

`SMALL` is for lists of many examples, `LARGE` for a page that shows one: pictures kept as numbers
in full, signals with axes, whole texts. Of pictures that are files or bytes a large look only tells
the columns (`Looked.files`), since whoever shows them large serves them by an address of their own.
"""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from markupsafe import Markup
from numpy.typing import NDArray
from pyarrow import compute

from burnish.errors import DataError
from burnish.report import svg
from burnish.report.plots import digit_image
from burnish.report.traces import trace
from burnish.spec import DatasetSpec, Feature

# Arrow makes these functions when it is imported, so a checker cannot know them.
pc: Any = compute

LONGEST_TEXT, MOST_VALUES, LARGEST_SIDE = 700, 12, 128
ALL_ROWS = "\0all rows"
"""Takes the place of a label in `Usual`: what is usual among all rows, whatever their label."""
_FAR, _RARE, _MANY = 3.5, 0.02, 50


@dataclass(frozen=True)
class Detail:
    """How much of an example is shown."""

    longest_text: int
    most_values: int
    large: bool


SMALL = Detail(LONGEST_TEXT, MOST_VALUES, large=False)
LARGE = Detail(longest_text=100_000, most_values=300, large=True)


@dataclass(frozen=True)
class ShownValue:
    """A cell in words; `unusual` says why it stands out, empty where it does not."""

    name: str
    text: str
    unusual: str = ""


@dataclass(frozen=True)
class Looked:
    """What is shown of one example. `drawings` are SVG of ours; `more` counts values left out.

    `files` are the columns whose pictures a large look leaves to whoever serves them.
    """

    pictures: tuple[tuple[str, str], ...] = ()
    drawings: tuple[tuple[str, Markup], ...] = ()
    texts: tuple[tuple[str, str], ...] = ()
    values: tuple[ShownValue, ...] = ()
    more: int = 0
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Usual:
    """What is usual among the rows of each label, so that one row can be held against it.

    numbers: column -> label -> (median, robust standard deviation). shares: column -> label ->
    value -> share, for labels of 50 rows or more.
    """

    numbers: Mapping[str, Mapping[str, tuple[float, float]]] = field(
        default_factory=dict[str, Mapping[str, tuple[float, float]]]
    )
    shares: Mapping[str, Mapping[str, Mapping[str, float]]] = field(
        default_factory=dict[str, Mapping[str, Mapping[str, float]]]
    )


def usual_values(examples: pa.Table, labels: pa.ChunkedArray | None, spec: DatasetSpec) -> Usual:
    """What is usual in each column of numbers or categories, by label; rows without one count not.

    Without `labels` it is what is usual among `ALL_ROWS`.

    >>> spec = DatasetSpec.model_validate({"name": "toy", "source": {"path": "toy.csv"},
    ...     "target": "kind", "features": {"x": "numeric"}})
    >>> rows = pa.table({"x": [1.0, 2.0, 3.0, None]})
    >>> usual_values(rows, pa.chunked_array([["a"] * 4]), spec).numbers["x"]["a"][0]
    2.0
    """
    members = _members(labels) if labels is not None else {ALL_ROWS: np.arange(examples.num_rows)}
    numbers = {
        name: _spreads(examples[name], members)
        for name in spec.of_kind("numeric")
        if name in examples.column_names
    }
    shares = {
        name: _shares(examples[name], members)
        for name in spec.of_kind("categorical", "boolean")
        if name in examples.column_names
    }
    return Usual(numbers, shares)


def _members(labels: pa.ChunkedArray) -> dict[str, NDArray[np.intp]]:
    coded = pc.dictionary_encode(labels).combine_chunks()
    names: list[str] = coded.dictionary.to_pylist()
    codes = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False)
    return {name: np.flatnonzero(codes == place) for place, name in enumerate(names)}


def _spreads(
    cells: pa.ChunkedArray, members: Mapping[str, NDArray[np.intp]]
) -> dict[str, tuple[float, float]]:
    values = cells.cast(pa.float64()).to_numpy()
    found: dict[str, tuple[float, float]] = {}
    for label, rows in members.items():
        own = values[rows]
        own = own[np.isfinite(own)]
        if own.size:
            middle = float(np.median(own))
            # 1.4826: of a normal distribution this is its standard deviation.
            found[label] = middle, 1.4826 * float(np.median(np.abs(own - middle)))
    return found


def _shares(
    cells: pa.ChunkedArray, members: Mapping[str, NDArray[np.intp]]
) -> dict[str, dict[str, float]]:
    coded = pc.dictionary_encode(cells.cast(pa.string())).combine_chunks()
    values: list[str] = coded.dictionary.to_pylist()
    codes = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False)
    found: dict[str, dict[str, float]] = {}
    for label, rows in members.items():
        if rows.size >= _MANY:
            counts = np.bincount(codes[rows] + 1, minlength=len(values) + 1)[1:]
            found[label] = dict(zip(values, (counts / rows.size).tolist(), strict=True))
    return found


def look(
    row: Mapping[str, Any],
    spec: DatasetSpec,
    *,
    label: str | None,
    usual: Usual,
    detail: Detail = SMALL,
) -> Looked:
    """One row of examples as people look at it; values that are unusual for `label` come first.

    A picture that cannot be read is told of in words, since the row may be shown for that very
    reason.
    """
    shown = _Shown(row, spec, label, usual, detail)
    for name, feature in spec.features.items():
        shown.add(name, feature)
    values = sorted(shown.values, key=lambda value: not value.unusual)
    most = detail.most_values
    return Looked(
        tuple(shown.pictures),
        tuple(shown.drawings),
        tuple(shown.texts),
        tuple(values[:most]),
        max(0, len(values) - most),
        tuple(shown.files),
    )


@dataclass
class _Shown:
    """What has been gathered of a row, feature by feature."""

    row: Mapping[str, Any]
    spec: DatasetSpec
    label: str | None
    usual: Usual
    detail: Detail
    pictures: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    drawings: list[tuple[str, Markup]] = field(default_factory=list[tuple[str, Markup]])
    texts: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    values: list[ShownValue] = field(default_factory=list[ShownValue])
    files: list[str] = field(default_factory=list[str])

    def add(self, name: str, feature: Feature) -> None:
        cell = self.row.get(name)
        match feature.kind:
            case "image":
                self._add_picture(name, cell, feature)
            case "sensor":
                self._add_signal(name, cell, feature)
            case "embedding":
                numbers = 0 if cell is None else len(cell)
                self.values.append(ShownValue(name, f"{numbers:,} numbers"))
            case "text":
                self.texts.append((name, _cut(str(cell or ""), self.detail.longest_text)))
            case _:
                self.values.append(_value(name, cell, self.label, self.usual))

    def _add_picture(self, name: str, cell: Any, feature: Feature) -> None:
        if self.detail.large and isinstance(cell, str | bytes):
            self.files.append(name)
        elif uri := picture_uri(cell, feature, self.spec.folder):
            self.pictures.append((name, uri))
        else:
            self.values.append(ShownValue(name, "no picture", "cannot be read"))

    def _add_signal(self, name: str, cell: Any, feature: Feature) -> None:
        if not self.detail.large:
            if cell is not None:
                self.drawings.append((name, _line_of(cell, name)))
            return
        drawn = trace(cell, name=name, about=feature.description)
        if drawn:
            self.drawings.append((name, Markup(drawn)))  # noqa: S704 - its texts are escaped
        else:
            self.values.append(ShownValue(name, "no signal", "holds no reading"))


def picture_uri(cell: Any, feature: Feature, folder: Path) -> str:
    """A picture of at most 128 pixels a side as a data: URI; empty where none can be made.

    `cell` is a list of numbers (square, or of the feature's `shape`), the bytes of a PNG or JPEG,
    or its path from `folder`.
    """
    if cell is None:
        return ""
    try:
        if isinstance(cell, str | bytes):
            return _thumbnail(cell, folder)
        side = int(np.sqrt(len(cell)))
        return digit_image(cell, feature.shape or (side, side))
    except (DataError, OSError, ValueError):
        return ""


def _thumbnail(cell: str | bytes, folder: Path) -> str:
    from PIL import Image

    source = io.BytesIO(cell) if isinstance(cell, bytes) else folder / cell
    buffer = io.BytesIO()
    try:
        with Image.open(source, formats=("PNG", "JPEG")) as picture:
            picture.draft("RGB", (LARGEST_SIDE, LARGEST_SIDE))
            small = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    except Image.DecompressionBombError as error:
        raise DataError(f"the picture is too large: {error}") from error
    small.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
    png = small.mode == "RGBA" or max(small.size) <= 48
    small.save(buffer, format="PNG" if png else "JPEG")
    kind = "png" if png else "jpeg"
    return f"data:image/{kind};base64," + b64encode(buffer.getvalue()).decode("ascii")


def _line_of(cell: Sequence[Any], name: str) -> Markup:
    """The course of a signal, thinned to 200 points."""
    numbers = np.asarray([np.nan if value is None else value for value in cell], dtype=float)
    numbers = numbers.ravel()[:: max(1, numbers.size // 200)]
    known = np.flatnonzero(np.isfinite(numbers))
    if not known.size:
        return Markup("")
    low, high = float(numbers[known].min()), float(numbers[known].max())
    x = svg.Scale(0, max(numbers.size - 1, 1), 4, 256)
    y = svg.Scale(low, high, 60, 4)
    points = zip(known.tolist(), numbers[known].tolist(), strict=True)
    path = " ".join(f"{svg.number(x(at))},{svg.number(y(value))}" for at, value in points)
    drawn = f'<polyline points="{path}" fill="none" style="stroke:{svg.colour(0)}"/>'
    desc = f"{len(cell)} values from {low:.4g} to {high:.4g}"
    return Markup(  # noqa: S704 - numbers of ours, and text that `document` escapes
        svg.document(260, 64, title=name, desc=desc, body=[drawn])
    )


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _value(name: str, cell: Any, label: str | None, usual: Usual) -> ShownValue:
    if cell is None or (isinstance(cell, float) and isnan(cell)):
        return ShownValue(name, "missing", "missing")
    if label is None:
        return ShownValue(name, _words(cell))
    spread = usual.numbers.get(name, {}).get(label)
    if spread is not None and isinstance(cell, int | float):
        return ShownValue(name, _words(cell), _far(float(cell), label, *spread))
    shares = usual.shares.get(name, {}).get(label)
    share = 1.0 if shares is None else shares.get(_as_key(cell), 0.0)
    rare = f"{100 * share:.1f} % of {_whose(label)}" if share < _RARE else ""
    return ShownValue(name, _words(cell), rare)


def _far(value: float, label: str, middle: float, spread: float) -> str:
    if spread <= 0 or abs(value - middle) <= _FAR * spread:
        return ""
    return f"median of {_whose(label)}: {_words(middle)}"


def _whose(label: str) -> str:
    return "all rows" if label == ALL_ROWS else "this label"


def _as_key(cell: Any) -> str:
    return str(cell).lower() if isinstance(cell, bool) else str(cell)


def _number(value: float) -> str:
    """A number with four digits, or all of a whole one; never 2.2e+05 where people write 224,300.

    >>> _number(224_300.0), _number(2.23456), _number(51_234.56), _number(1.5e-7)
    ('224,300', '2.235', '51,235', '1.5e-07')
    """
    if value.is_integer() and abs(value) < 1e15:
        return f"{value:,.0f}"
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.4g}"


def _moment(cell: date) -> str:
    """A time without the parts that say nothing: midnight is a day, and all times are UTC."""
    if not isinstance(cell, datetime):
        return cell.isoformat()
    day = cell.replace(tzinfo=None)
    return day.isoformat(" ").removesuffix(" 00:00:00")


def _words(cell: Any) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        return _number(cell)
    text = _moment(cell) if isinstance(cell, date) else str(cell)
    return text if len(text) <= 80 else text[:79] + "…"
