"""What a model of digits meets once it serves: four weeks of simulated scans, a day at a time.

What belongs here: making those rows, and the labels that come in later. What does not: the digits
that a model learns from (`burnish.datasets.digits`), or the doors to the result
(`burnish.datasets.bundled` without truth, `burnish.datasets.truth` with it).

There are no other images than the 1,797, so a row of production is made of two training images of
one digit: each is turned, moved, stretched and slanted a little, one is laid over the other, and
what comes of it is scanned. No image of a validation or test row is in it. From the fifteenth day
on scanC sees half of all rows instead of a third, and its glass is dirty: more blur, more noise,
less contrast.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.datasets.annotators import SKILLS, draw_answers, majority, temptation
from burnish.datasets.digits import (
    CLASSES,
    LEVELS,
    SCANNERS,
    SIDE,
    FloatArray,
    IntArray,
    Scanner,
    as_text,
    make_digits,
    pixel_lists,
    real_images,
    seen_by,
)
from burnish.datasets.made import Stream

FIRST_DAY = datetime(2025, 2, 3, tzinfo=UTC)
DAYS, ROWS_A_DAY = 28, 60
WORN_FROM = 14
WORN = replace(SCANNERS[2], blur=0.85, contrast=0.55, noise=2.0)
LABELLED = 0.5
TOLD_AFTER = timedelta(days=2)


def make_digits_stream(*, noise: float = 0.2, seed: int = 0, unlabeled: int = 0) -> Stream:
    """Rows, labels and truth; options are those of the digits that the model learned from."""
    from threadpoolctl import threadpool_limits

    learned = make_digits(noise=noise, seed=seed, unlabeled=unlabeled).examples
    rng = np.random.default_rng(np.random.SeedSequence([seed, 28]))
    images, digits = real_images()
    pairs = zip(learned["example_id"].to_pylist(), learned["split"].to_pylist(), strict=True)
    training = np.array([int(name[6:]) for name, split in pairs if split == "train"])
    drawn = rng.choice(training, DAYS * ROWS_A_DAY)
    other = _of_the_same_digit(drawn, training, digits, rng)
    day = np.repeat(np.arange(DAYS), ROWS_A_DAY)
    source = _scanners(day, rng)
    pixels = _scanned(_laid_over(images[drawn], images[other], rng), source, day, rng)
    truth = digits[drawn]
    with threadpool_limits(1):
        tempting = temptation(pixels, truth, CLASSES)
    chosen = rng.integers(len(SKILLS), size=day.size)
    everyone = np.ones(day.size, dtype=bool)
    answers = draw_answers(tempting, truth, chosen=chosen, counted=everyone, noise=noise, rng=rng)
    met = _times(day, rng)
    ids = pa.array([f"scan-{at:%m%d}-{row % ROWS_A_DAY:02d}" for row, at in enumerate(met)])
    rows = pa.table(
        {
            "example_id": ids,
            "met": pa.array(met, pa.timestamp("us", tz="UTC")),
            "image": pixel_lists(pixels),
            "source": pa.array([SCANNERS[place].name for place in source.tolist()]),
            "ink": pixels.mean(axis=1),
        }
    )
    told = pa.array([at + TOLD_AFTER for at in met], pa.timestamp("us", tz="UTC"))
    labels = pa.table(
        {"example_id": ids, "label": as_text(majority(answers, CLASSES)), "told": told}
    )
    came = rng.random(day.size) < LABELLED
    return Stream(
        rows, labels.filter(pa.array(came)), pa.table({"example_id": ids, "label": as_text(truth)})
    )


def _scanners(day: IntArray, rng: np.random.Generator) -> IntArray:
    """Which scanner saw each row: a third each, and scanC half once it is worn."""
    before = rng.integers(len(SCANNERS), size=day.size)
    after = rng.choice(len(SCANNERS), size=day.size, p=[0.25, 0.25, 0.5])
    return np.where(day < WORN_FROM, before, after)


def _of_the_same_digit(
    drawn: IntArray, training: IntArray, digits: IntArray, rng: np.random.Generator
) -> IntArray:
    """Another training row of the same digit for each."""
    other = np.empty_like(drawn)
    for digit in range(CLASSES):
        mine = digits[drawn] == digit
        other[mine] = rng.choice(training[digits[training] == digit], int(mine.sum()))
    return other


def _laid_over(ones: FloatArray, others: FloatArray, rng: np.random.Generator) -> FloatArray:
    share = rng.uniform(0.6, 0.9, (len(ones), 1, 1))
    both = share * _written_again(ones, rng) + (1.0 - share) * _written_again(others, rng)
    # As much ink as the first has: where two strokes miss each other, both had become grey.
    for _ in range(3):
        gain = ones.sum(axis=(1, 2), keepdims=True) / both.sum(axis=(1, 2), keepdims=True)
        both = np.clip(both * gain, 0.0, LEVELS)
    return both


def _written_again(images: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Each image turned, slanted, stretched and moved a little about its middle."""
    from scipy.ndimage import affine_transform

    count, middle = len(images), (SIDE - 1) / 2
    turn, slant = rng.normal(0.0, 0.06, count), rng.normal(0.0, 0.05, count)
    stretch = rng.normal(1.0, 0.03, (count, 2))
    moved = rng.normal(0.0, 0.15, (count, 2))
    again = np.empty_like(images)
    for row in range(count):
        cos, sin = np.cos(turn[row]), np.sin(turn[row])
        shape = np.array([[cos, -sin], [sin, cos]]) @ np.array([[1.0, slant[row]], [0.0, 1.0]])
        shape = shape * stretch[row]
        offset = middle - shape @ np.full(2, middle) + moved[row]
        # Digits touch the edge: what lies a little beyond it fades, and is not cut off.
        again[row] = affine_transform(
            images[row], shape, offset=offset, order=3, mode="grid-constant"
        )
    return again


def _scanned(
    images: FloatArray, source: IntArray, day: IntArray, rng: np.random.Generator
) -> FloatArray:
    """Images as their scanner saw them on that day, shape (n, 64)."""
    seen = np.empty((len(images), SIDE * SIDE))
    for place, scanner in enumerate(SCANNERS):
        for part, own in _by_wear(scanner, source == place, day):
            seen[own] = seen_by(part, images[own], rng).reshape(-1, SIDE * SIDE)
    return seen


def _by_wear(
    scanner: Scanner, mine: NDArray[np.bool_], day: IntArray
) -> list[tuple[Scanner, NDArray[np.bool_]]]:
    if scanner.name != WORN.name:
        return [(scanner, mine)]
    return [(scanner, mine & (day < WORN_FROM)), (WORN, mine & (day >= WORN_FROM))]


def _times(day: IntArray, rng: np.random.Generator) -> list[datetime]:
    """Moments between eight and six, in order within a day."""
    seconds = np.sort(rng.integers(8 * 3600, 18 * 3600, (DAYS, ROWS_A_DAY)), axis=1).ravel()
    pairs = zip(day.tolist(), seconds.tolist(), strict=True)
    return [FIRST_DAY + timedelta(days=at, seconds=second) for at, second in pairs]
