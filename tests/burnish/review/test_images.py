"""Pictures of a dataset: only files of its own folders, only PNG and JPEG, only so large."""

from __future__ import annotations

import io
import os
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from burnish.errors import DataError
from burnish.review import images
from burnish.review.images import drawn_anew, image_roots, picture_of
from burnish.spec import DatasetSpec

SECRET = "a picture of somebody else"


def spec_of(folder: Path, path: str = "scans.csv") -> DatasetSpec:
    spec = DatasetSpec.model_validate(
        {
            "name": "scans",
            "source": {"path": path},
            "target": "kind",
            "features": {"scan": "image", "note": "text"},
        }
    )
    return spec.model_copy(update={"folder": folder})


def png(colour: tuple[int, ...] = (200, 30, 30), size=(30, 20)) -> bytes:
    buffer = io.BytesIO()
    Image.new({3: "RGB", 4: "RGBA"}[len(colour)], size, colour).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A catalog with a picture in it, and a picture beside it that is none of its business."""
    catalog = tmp_path / "catalog"
    (catalog / "pictures").mkdir(parents=True)
    (catalog / "pictures" / "a.png").write_bytes(png())
    (tmp_path / "secret.png").write_bytes(png((1, 2, 3)))
    (tmp_path / "catalog-of-others").mkdir()
    (tmp_path / "catalog-of-others" / "b.png").write_bytes(png((1, 2, 3)))
    return catalog


def shown(cell: object, folder: Path):
    return picture_of({"scan": cell}, "scan", spec_of(folder))


def test_a_file_of_the_folder_is_sent_as_a_picture(place):
    found = shown("pictures/a.png", place)
    assert (found.media_type, found.width, found.height) == ("image/png", 30, 20)
    assert Image.open(io.BytesIO(found.content)).getpixel((0, 0)) == (200, 30, 30)


def test_the_bytes_of_a_cell_are_sent_as_a_picture(place):
    assert shown(png((0, 9, 0)), place).media_type == "image/png"


def test_a_link_within_the_folder_is_followed(place):
    (place / "linked.png").symlink_to(place / "pictures" / "a.png")
    assert shown("linked.png", place).width == 30


def test_pictures_beside_the_source_are_the_datasets_own(place, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "c.png").write_bytes(png())
    spec = spec_of(place, "../data/scans.csv")
    assert picture_of({"scan": "../data/c.png"}, "scan", spec).width == 30


@pytest.mark.parametrize(
    "cell",
    [
        "../secret.png",
        "pictures/../../secret.png",
        "../catalog-of-others/b.png",
        "pictures/..",
        "{tmp}/secret.png",
        "file://{tmp}/secret.png",
        "http://127.0.0.1:9/a.png",
        "//127.0.0.1/share/a.png",
        "out.png",
        "out/secret.png",
        "ring.png",
        "pictures",
        "pipe.png",
        "/dev/zero",
        "/proc/self/environ",
        "a\0.png",
        "none.png",
        "x" * 5000,
        "~/secret.png",
        "%2e%2e/secret.png",
        "..\\secret.png",
    ],
)
def test_what_lies_outside_or_is_no_file_is_refused_in_the_same_words(place, tmp_path, cell):
    (place / "out.png").symlink_to(tmp_path / "secret.png")
    (place / "out").symlink_to(tmp_path)
    (place / "ring.png").symlink_to(place / "ring.png")
    os.mkfifo(place / "pipe.png")
    with pytest.raises(DataError, match="is not to be had"):
        shown(cell.replace("{tmp}", str(tmp_path)), place)


def test_an_absolute_path_into_the_folder_is_taken(place):
    assert shown(str(place / "pictures" / "a.png"), place).width == 30


def test_a_folder_that_turns_into_a_link_meanwhile_is_refused(place, tmp_path, monkeypatch):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").write_bytes(png((1, 2, 3)))
    real_open = os.open

    def swapping(path, flags, *rest, **more):
        (place / "pictures").rename(place / "before")
        (place / "pictures").symlink_to(tmp_path / "pictures")
        return real_open(path, flags, *rest, **more)

    monkeypatch.setattr(images.os, "open", swapping)
    with pytest.raises(DataError, match="is not to be had"):
        shown("pictures/a.png", place)


def test_a_whole_disk_is_never_a_root(place):
    assert Path("/") not in image_roots(spec_of(place, "/scans.csv"))


@pytest.mark.parametrize("cell", [None, "", 7, [1, 2]])
def test_a_cell_that_names_nothing_is_told_in_words(place, cell):
    with pytest.raises(DataError, match="names no picture"):
        shown(cell, place)


@pytest.mark.parametrize("column", ["note", "kind", "none", "__class__"])
def test_other_columns_hold_no_pictures(place, column):
    with pytest.raises(DataError, match="no column of pictures"):
        picture_of({column: "pictures/a.png"}, column, spec_of(place))


@pytest.mark.parametrize(
    "content",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<!doctype html><script>alert(1)</script>",
        b"GIF89a\x01\x00\x01\x00\x00\x00\x00;",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0",
        b"",
        png()[:-30],
    ],
)
def test_what_only_calls_itself_a_png_is_refused(place, content):
    (place / "false.png").write_bytes(content)
    for cell in ("false.png", content):
        with pytest.raises(DataError, match="cannot be read"):
            shown(cell, place)


def test_another_format_is_refused_even_where_it_is_a_fine_picture(place):
    Image.new("RGB", (9, 9)).save(place / "moving.png", format="GIF")
    Image.new("RGB", (9, 9)).save(place / "print.png", format="TIFF")
    for cell in ("moving.png", "print.png"):
        with pytest.raises(DataError, match="cannot be read"):
            shown(cell, place)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header promises that many pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("size", [(8_000, 5_001), (60_000, 60_000), (2_000_000_000, 1)])
def test_a_bomb_is_refused_before_it_is_decoded(place, size, monkeypatch):
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it was decoded"))
    with pytest.raises(DataError, match=r"pixels|cannot be read"):
        shown(bomb(*size), place)


def test_a_file_of_too_many_bytes_is_not_read(place, monkeypatch):
    monkeypatch.setattr(images, "MOST_BYTES", 50)
    with pytest.raises(DataError, match="at most 50"):
        picture_of({"scan": "pictures/a.png"}, "scan", spec_of(place))


def test_a_large_picture_is_sent_smaller(place):
    found = shown(png(size=(3200, 200)), place)
    assert (found.width, found.height, found.media_type) == (1600, 100, "image/jpeg")


def test_what_else_a_file_holds_stays_behind():
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = SECRET
    exif[0x0112] = 6  # lies on its side
    Image.new("RGB", (400, 300)).save(buffer, "JPEG", exif=exif, comment=SECRET.encode())
    content = buffer.getvalue() + b"<script>" + SECRET.encode()
    assert content.count(SECRET.encode()) == 3
    found = drawn_anew(io.BytesIO(content))
    assert (found.width, found.height) == (300, 400)
    assert SECRET.encode() not in found.content
    assert b"<script>" not in found.content


def test_what_can_be_seen_through_stays_so():
    found = drawn_anew(io.BytesIO(png((9, 9, 9, 40), size=(900, 9))))
    assert found.media_type == "image/png"
    assert Image.open(io.BytesIO(found.content)).mode == "RGBA"


def test_deep_grey_is_stretched_so_that_it_can_be_seen():
    buffer = io.BytesIO()
    values = np.array([[1000, 1100], [1200, 1300]], dtype=np.uint16)
    Image.fromarray(values).save(buffer, "PNG")
    buffer.seek(0)
    found = Image.open(io.BytesIO(drawn_anew(buffer).content)).convert("L")
    assert (found.getpixel((0, 0)), found.getpixel((1, 1))) == (0, 255)


def test_deep_grey_of_many_pixels_takes_no_gigabyte():
    buffer = io.BytesIO()
    values = np.zeros((4000, 4000), dtype=np.uint16)
    values[:2000] = 65_535
    Image.fromarray(values).save(buffer, "PNG")
    buffer.seek(0)
    tracemalloc.start()
    found = drawn_anew(buffer, side=400)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    picture = Image.open(io.BytesIO(found.content)).convert("L")
    assert (found.width, found.height) == (400, 400)
    assert (picture.getpixel((9, 9)), picture.getpixel((9, 390))) == (255, 0)
    # What numpy holds; 8 bytes for each of the 16 million pixels would be 128 MB.
    assert peak < 40e6
