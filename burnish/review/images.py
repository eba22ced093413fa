"""Pictures that cells name or hold, as bytes that a browser may be given.

What belongs here: finding the file that a cell means within the folders that the dataset
declares, and making a clean picture of it. What does not: pictures kept as numbers
(`burnish.report.looking`), or who may see one (`burnish.review.pages_label`).

A cell is not trusted: whoever fills a column must not be able to make the desk read another file,
ask another machine, or decode a bomb. So a path counts only if it leads, all links followed, into a
declared folder; nothing is opened that is no ordinary file; only PNG and JPEG are decoded, and only
up to 40 million pixels; and what is sent is drawn anew, which leaves behind whatever else the file
holds (places, comments, scripts that some browser might take it for).
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from burnish.errors import DataError, SourceUnreadable
from burnish.spec import DatasetSpec
from burnish.spec.paths import resolve_paths

MOST_PIXELS, MOST_BYTES, LARGEST_SIDE = 40_000_000, 64 * 2**20, 1600


@dataclass(frozen=True)
class Picture:
    """A picture as it is sent: its bytes, and what they are (`image/png` or `image/jpeg`)."""

    content: bytes
    media_type: str
    width: int
    height: int


def picture_of(
    row: Mapping[str, Any], column: str, spec: DatasetSpec, *, side: int = LARGEST_SIDE
) -> Picture:
    """The picture in an image column of a row, of at most `side` pixels a side.

    Raises `DataError` where the column is none of pictures, the cell holds none, its file is not
    to be had, or it is no PNG or JPEG within the limits. What an error says names no path beyond
    what the cell itself holds.
    """
    feature = spec.features.get(column)
    if feature is None or feature.kind != "image":
        raise DataError(f"{column!r} is no column of pictures", expected="an image feature")
    cell = row.get(column)
    if isinstance(cell, bytes):
        _check_bytes(len(cell))
        return drawn_anew(io.BytesIO(cell), side=side)
    if not isinstance(cell, str) or not cell:
        raise DataError(f"{column!r} names no picture in this row", expected="a file or its bytes")
    with opened(cell, image_roots(spec), base=spec.folder) as file:
        return drawn_anew(file, side=side)


def image_roots(spec: DatasetSpec) -> tuple[Path, ...]:
    """The folders that pictures of a dataset may lie in: of its spec, and of its source's files.

    These are the folders that a path in a cell is taken from when rows are read
    (`burnish.workflows.cell_paths`); a whole disk is never one.
    """
    try:
        sources = resolve_paths(spec.source, spec.folder)
    except SourceUnreadable:  # the source has gone since; its rows are stored, and still shown
        sources = list[Path]()
    folders = [spec.folder, *(file.parent for file in sources)]
    real = dict.fromkeys(folder.resolve() for folder in folders)
    return tuple(folder for folder in real if folder != folder.parent)


@contextmanager
def opened(cell: str, roots: Sequence[Path], *, base: Path) -> Generator[BinaryIO]:
    """The file that a path in a cell means, opened; `DataError` unless it lies within `roots`."""
    try:
        path = (base / cell).resolve(strict=True)
        if not any(path.is_relative_to(root) for root in roots):
            raise _no_file(cell)
        # Not waiting: opening a pipe would hang until somebody writes into it.
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except (OSError, ValueError, RuntimeError) as error:  # also: a NUL, a ring of links
        raise _no_file(cell) from error
    try:
        found = os.fstat(number)
        # A folder on the way may have become a link between looking and opening.
        same = (base / cell).resolve() == path and os.path.samestat(found, path.stat())
        if not (same and stat.S_ISREG(found.st_mode)):
            raise _no_file(cell)
        _check_bytes(found.st_size)
        with os.fdopen(number, "rb", closefd=False) as file:
            yield file
    finally:
        os.close(number)


def _no_file(cell: str) -> DataError:
    # Whether something lies outside of the folders is not for whoever fills a column to learn.
    shown = cell if len(cell) <= 200 else cell[:197] + "..."
    return DataError(
        f"the picture {shown!r} is not to be had",
        expected="an ordinary file within the folder of the dataset's spec or source",
        hint="mend the path, or bring the file back",
    )


def _check_bytes(size: int) -> None:
    if size > MOST_BYTES:
        raise DataError(
            f"the picture has {size:,} bytes", expected=f"at most {MOST_BYTES:,}", hint="shrink it"
        )


def drawn_anew(source: BinaryIO, *, side: int = LARGEST_SIDE) -> Picture:
    """A PNG or JPEG decoded and written again, upright, and no larger than `side`.

    Raises `DataError` for anything else, and for more than 40 million pixels before they are
    decoded.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(source, formats=("PNG", "JPEG")) as picture:
            _check_pixels(picture.width, picture.height)
            picture.draft("RGB", (side, side))
            upright = _plain(ImageOps.exif_transpose(picture), side=side)
    except DataError:
        raise
    # Pillow raises nearly anything on what only looks like a picture.
    except (OSError, ValueError, SyntaxError, TypeError, Image.DecompressionBombError) as error:
        raise DataError(
            "the picture cannot be read", expected="a PNG or JPEG", hint="save it again as one"
        ) from error
    upright.thumbnail((side, side))
    png = upright.mode == "RGBA" or max(upright.size) <= 256
    buffer = io.BytesIO()
    if png:
        upright.save(buffer, format="PNG")
    else:
        upright.save(buffer, format="JPEG", quality=88)
    kind = "image/png" if png else "image/jpeg"
    return Picture(buffer.getvalue(), kind, upright.width, upright.height)


def _check_pixels(width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        raise DataError(
            f"the picture has {width:,} x {height:,} pixels",
            expected=f"at most {MOST_PIXELS:,} pixels",
            hint="shrink it",
        )


def _plain(picture: Any, *, side: int) -> Any:
    """The picture in red, green and blue; one of deep grey stretched over what it holds."""
    import numpy as np
    from PIL import Image

    if picture.mode in {"I", "F"} or picture.mode.startswith("I;16"):
        deep = picture.convert("F")
        low, high = deep.getextrema()
        # Shrunk before it is stretched: numbers of all pixels would take a gigabyte.
        values = np.asarray(deep.reduce(max(1, max(deep.size) // side)), dtype=np.float64)
        stretched = (values - low) / ((high - low) or 1.0) * 255
        plain = Image.fromarray(stretched.round().astype(np.uint8)).convert("RGB")
    else:
        plain = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    plain.info.clear()  # comments and profiles would be written again
    return plain
