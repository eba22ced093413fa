"""Images changed as copies are changed are grouped; images of one class are not."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from burnish.errors import DataError
from burnish.quality import near_duplicate_images

RNG = np.random.default_rng


def scene(seed: int, side: int = 72) -> np.ndarray:
    """Shades of all sizes and a few shapes with edges: as rich as a photograph."""
    rng = RNG(seed)
    picture = np.zeros((side, side))
    for size in (3, 6, 12, 24):
        rough = Image.fromarray(rng.normal(size=(size, size)).astype(np.float32) * 60 / size**0.5)
        picture += np.asarray(rough.resize((side, side), Image.Resampling.BICUBIC))
    for _ in range(5):
        y, x = rng.integers(0, side - 20, 2)
        h, w = rng.integers(8, 20, 2)
        picture[y : y + h, x : x + w] += rng.normal() * 40
    picture -= picture.min()
    return picture / picture.max() * 220 + 10


def as_file(pixels: np.ndarray, kind: str = "PNG", **options: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(out, kind, **options)
    return out.getvalue()


def smaller(pixels: np.ndarray) -> bytes:
    return as_file(np.asarray(Image.fromarray(pixels.astype(np.uint8)).resize((48, 48))))


CHANGES = {
    "brighter": lambda pixels: as_file(pixels * 1.1 + 12),
    "darker": lambda pixels: as_file(pixels * 0.5),
    "compressed": lambda pixels: as_file(pixels, "JPEG", quality=35),
    "smaller": smaller,
    "grain": lambda pixels: as_file(pixels + RNG(9).normal(size=pixels.shape) * 6),
    "cropped in the middle": lambda pixels: as_file(pixels[4:-4, 4:-4]),
    "cropped at a corner": lambda pixels: as_file(pixels[:60, :60]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changed_copies_are_found_and_nothing_else(change) -> None:
    scenes = [scene(seed) for seed in range(150)]
    files = [as_file(one) for one in scenes]
    copies = [CHANGES[change](one) for one in scenes[:30]]
    names = near_duplicate_images([*files, *copies]).to_pylist()
    found = sum(names[at] == names[150 + at] for at in range(30))
    assert found >= 27, change
    assert len(set(names[:150])) == 150


def test_digits_of_one_class_are_not_merged() -> None:
    names = near_duplicate_images(list(load_digits().images[:800])).to_pylist()
    assert len(set(names)) >= 0.998 * len(names)


def test_equal_images_are_one_group_in_any_order() -> None:
    files = [as_file(scene(seed)) for seed in (1, 2, 1, 3)]
    names = near_duplicate_images(files).to_pylist()
    assert names[0] == names[2]
    assert len(set(names)) == 3
    assert near_duplicate_images(files[::-1]).to_pylist() == names[::-1]


def test_images_of_one_grey_are_equal_to_their_like_alone() -> None:
    flat, other = np.full((20, 20), 7.0), np.full((20, 20), 200.0)
    names = near_duplicate_images([flat, other, flat]).to_pylist()
    assert names[0] == names[2] != names[1]


def test_a_mirrored_image_is_another() -> None:
    one = scene(4)
    assert len(set(near_duplicate_images([one, one[:, ::-1]]).to_pylist())) == 2


@pytest.mark.parametrize("bad", [b"no image", np.array([1.0, np.nan]), np.full((2, 2), np.inf)])
def test_an_image_that_cannot_be_read_is_named(bad) -> None:
    with pytest.raises(DataError, match="image 1"):
        near_duplicate_images([scene(0), bad])


def test_no_images_have_no_groups() -> None:
    assert near_duplicate_images([]).equals(pa.array([], pa.string()))
