"""The bundled "digits": real handwriting, with simulated scanners and annotators.

What belongs here: making the tables. What does not: how annotators err
(`burnish.datasets.annotators`), or the doors to the result: `burnish.datasets.bundled` without
truth, `burnish.datasets.truth` with it.

The images are the test part of the UCI 'Optical Recognition of Handwritten Digits' (Alpaydin &
Kaynak 1998, CC BY 4.0), as scikit-learn ships them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.datasets.annotators import SKILLS, draw_answers, majority, temptation
from burnish.datasets.made import Made
from burnish.errors import DataError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

SIDE = 8
LEVELS = 16
CLASSES = 10
MOST_NOISE = 0.6
ANNOTATORS = tuple(f"simulated-annotator-{number}" for number in range(1, len(SKILLS) + 1))
FIRST_ANSWER = datetime(2025, 1, 6, 8, tzinfo=UTC)
ANSWER_SECONDS = 4.0


@dataclass(frozen=True)
class Scanner:
    """What a scanner does to an image: blur and noise in pixels and grey levels, contrast."""

    name: str
    blur: float
    contrast: float
    noise: float


SCANNERS = (
    Scanner("scanA", blur=0.0, contrast=1.0, noise=0.0),
    Scanner("scanB", blur=0.4, contrast=0.85, noise=0.8),
    Scanner("scanC", blur=0.65, contrast=0.65, noise=1.5),
)


def make_digits(*, noise: float = 0.2, seed: int = 0, unlabeled: int = 0) -> Made:
    """Make the set; `burnish.datasets.load_bundled` describes tables and options."""
    from threadpoolctl import threadpool_limits

    _check_noise(noise)
    _check_whole("seed", seed)
    _check_whole("unlabeled", unlabeled)
    images, digits = real_images()
    scans, splits, answers = (
        np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(3)
    )
    source = scans.permutation(digits.size) % len(SCANNERS)
    pixels = _scanned(images, source, scans)
    split = _stratified_split(digits, splits)
    withheld = _withheld(split, unlabeled, splits)
    chosen = answers.integers(len(SKILLS), size=digits.size)
    training = split == "train"
    with threadpool_limits(1):
        tempting = temptation(pixels, digits, CLASSES)
    every = draw_answers(
        tempting, digits, chosen=chosen, counted=training & ~withheld, noise=noise, rng=answers
    )
    single = every[np.arange(digits.size), chosen]
    given = np.where(training, single, majority(every, CLASSES))
    ids = np.array([f"digit-{number:04d}" for number in range(digits.size)])
    table = _examples(ids, given, pixels, source, split)
    return Made(
        examples=table.filter(pa.array(~withheld)),
        annotations=_annotations(ids[~withheld], every[~withheld], answers),
        unlabeled=table.filter(pa.array(withheld)).drop_columns(["label", "split"])
        if unlabeled
        else None,
        truth=pa.table({"example_id": pa.array(ids), "label": as_text(digits)}),
    )


def real_images() -> tuple[FloatArray, IntArray]:
    """The 1,797 images (n, 8, 8) and what they show."""
    from sklearn.datasets import load_digits

    bunch: Any = load_digits()
    return bunch.images, bunch.target.astype(np.int64)


def _scanned(images: FloatArray, source: IntArray, rng: np.random.Generator) -> FloatArray:
    """Images as their scanner saw them, shape (n, 64)."""
    seen = images.copy()
    for place, scanner in enumerate(SCANNERS):
        own = source == place
        seen[own] = seen_by(scanner, images[own], rng)
    return seen.reshape(len(images), SIDE * SIDE)


def seen_by(scanner: Scanner, images: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Images (n, 8, 8) as a scanner sees them, in whole grey levels from 0 to 16."""
    from scipy.ndimage import gaussian_filter

    seen = images
    if scanner.blur:
        seen = gaussian_filter(seen, sigma=(0, scanner.blur, scanner.blur))
    # Losing contrast lifts the paper as much as it fades the ink: both move to a light grey.
    grey = (1.0 - scanner.contrast) * LEVELS / 4
    seen = scanner.contrast * seen + grey
    seen = seen + rng.normal(0.0, scanner.noise, size=seen.shape)
    return np.clip(np.rint(seen), 0, LEVELS)


def _stratified_split(digits: IntArray, rng: np.random.Generator) -> NDArray[np.str_]:
    split = np.full(digits.size, "train", dtype="<U10")
    for digit in range(CLASSES):
        rows = rng.permutation(np.flatnonzero(digits == digit))
        fifth = round(rows.size / 5)
        split[rows[:fifth]] = "validation"
        split[rows[fifth : 2 * fifth]] = "test"
    return split


def _withheld(split: NDArray[np.str_], count: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    training = np.flatnonzero(split == "train")
    if not 0 <= count <= training.size // 2:
        raise DataError(
            f"{count} rows are to be withheld as unlabeled",
            expected=f"0 to {training.size // 2}, half of the training rows",
        )
    mask = np.zeros(split.size, dtype=bool)
    mask[rng.permutation(training)[:count]] = True
    return mask


def _examples(
    ids: NDArray[np.str_],
    given: IntArray,
    pixels: FloatArray,
    source: IntArray,
    split: NDArray[np.str_],
) -> pa.Table:
    return pa.table(
        {
            "example_id": pa.array(ids),
            "label": as_text(given),
            "image": pixel_lists(pixels),
            "source": pa.array([SCANNERS[place].name for place in source.tolist()]),
            "ink": pixels.mean(axis=1),
            "split": pa.array(split),
        }
    )


def _annotations(ids: NDArray[np.str_], answers: IntArray, rng: np.random.Generator) -> pa.Table:
    """A row an answer. Each annotator works through the examples in an order of their own."""
    times = np.empty(answers.shape)
    for place in range(len(ANNOTATORS)):
        pace = rng.lognormal(np.log(ANSWER_SECONDS), 0.5, size=ids.size)
        times[rng.permutation(ids.size), place] = np.cumsum(pace)
    start = int(FIRST_ANSWER.timestamp() * 1_000_000)
    micros = start + np.rint(times * 1_000_000).astype(np.int64)
    return pa.table(
        {
            "example_id": pa.array(np.repeat(ids, len(ANNOTATORS))),
            "annotator_id": pa.array(list(ANNOTATORS) * ids.size),
            "label": as_text(answers.ravel()),
            "time": pa.array(micros.ravel(), pa.timestamp("us", tz="UTC")),
        }
    )


def pixel_lists(pixels: FloatArray) -> pa.ListArray:
    """A list of 64 numbers a row."""
    starts = np.arange(0, pixels.size + 1, SIDE * SIDE, dtype=np.int32)
    return pa.ListArray.from_arrays(starts, pixels.ravel().astype(np.float32))


def as_text(codes: IntArray) -> pa.Array:
    """Digits as labels."""
    return pa.array([str(code) for code in codes.tolist()])


def _check_noise(noise: object) -> None:
    if (
        isinstance(noise, bool)
        or not isinstance(noise, float | int)
        or not 0 <= noise <= MOST_NOISE
    ):
        raise DataError(f"noise is {noise!r}", expected=f"a share from 0 to {MOST_NOISE}")


def _check_whole(option: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise DataError(f"{option} is {value!r}", expected="a whole number, 0 or more")
