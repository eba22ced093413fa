"""Simulated annotators who confuse what looks alike.

What belongs here: how likely an image is taken for another class, and drawing answers. What does
not: reading images or laying out tables (`burnish.datasets.digits`).

An annotator of skill s errs on example i with probability logistic(a_i - s + b). The ambiguity
a_i is how near the example lies to other classes in pixel space; b is the same for everybody and
set so that a wanted number of labels is wrong. Which class is named in error follows the same
distances, so mistakes gather on ambiguous images and on pairs of classes that resemble each other
(as real ones do: Snow et al. 2008; Northcutt et al. 2021, 'Pervasive Label Errors').
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

SKILLS: tuple[float, ...] = (0.8, 0.4, 0.0, -0.4, -0.8)
"""Skill of each annotator on the logit scale, best first."""

_NEIGHBOURS = 5
# Scales in pixel distance, over which a class becomes e times less tempting: set so that at 20 %
# single-annotator noise the majority of five is wrong on about 3 %, as careful teams measure.
_IMAGE_SCALE = 8.0
_CLASS_SCALE = 3.0
_HABIT = 0.5


def temptation(pixels: FloatArray, truth: IntArray, n_classes: int) -> FloatArray:
    """How tempting each wrong class is for each example, shape (n, K), on the logit scale.

    The nearer the closest examples of a class in pixel space, relative to those of the true class,
    the more tempting it is; so it is if the two classes are near each other on average. -inf for
    the true class. `pixels` is (n, d), each class needs more than five rows.
    """
    rows = np.arange(truth.size)
    distance = _class_distances(pixels, truth, n_classes)
    gap = distance - distance[rows, truth][:, None]
    by_class = np.stack([gap[truth == k].mean(axis=0) for k in range(n_classes)])
    logits = -gap / _IMAGE_SCALE - by_class[truth] / _CLASS_SCALE
    logits[rows, truth] = -np.inf
    return logits


def _class_distances(pixels: FloatArray, truth: IntArray, n_classes: int) -> FloatArray:
    """Mean distance to the five nearest examples of each class, itself left out; (n, K)."""
    squares = np.einsum("ij,ij->i", pixels, pixels)
    squared = squares[:, None] + squares[None, :] - 2.0 * (pixels @ pixels.T)
    distance = np.sqrt(np.maximum(squared, 0.0))
    np.fill_diagonal(distance, np.inf)
    nearest = [
        np.partition(distance[:, truth == k], _NEIGHBOURS - 1, axis=1)[:, :_NEIGHBOURS]
        for k in range(n_classes)
    ]
    return np.stack([block.mean(axis=1) for block in nearest], axis=1)


def draw_answers(
    temptations: FloatArray,
    truth: IntArray,
    *,
    chosen: IntArray,
    counted: NDArray[np.bool_],
    noise: float,
    rng: np.random.Generator,
) -> IntArray:
    """Everybody's answer to every example, shape (n, annotators), as class numbers.

    `chosen` (n,) is the annotator whose answer becomes the row's label. Of the `counted` rows
    exactly round(noise * rows) have a wrong one. With the same generator, answers wrong at a
    lower noise are wrong at a higher one too.
    """
    n, n_classes = temptations.shape
    annotators = len(SKILLS)
    ambiguity = np.log(np.exp(temptations).sum(axis=1))
    # An error happens where b exceeds this threshold: b's quantile then gives an exact count.
    threshold = rng.logistic(size=(n, annotators)) - ambiguity[:, None] + np.asarray(SKILLS)
    habits = rng.normal(0.0, _HABIT, size=(annotators, n_classes, n_classes))
    leaning = temptations[:, None, :] + habits[:, truth, :].transpose(1, 0, 2)
    mistaken = (leaning + rng.gumbel(size=leaning.shape)).argmax(axis=2)
    ranked = np.sort(threshold[np.arange(n), chosen][counted])
    wrong_rows = round(noise * ranked.size)
    offset = ranked[wrong_rows - 1] if wrong_rows else -np.inf
    return np.where(threshold <= offset, mistaken, truth[:, None])


def majority(answers: IntArray, n_classes: int) -> IntArray:
    """The label most annotators gave, shape (n,); a tie goes to its most skilled supporter."""
    votes = np.zeros((answers.shape[0], n_classes))
    for place, column in enumerate(answers.T):
        votes[np.arange(column.size), column] += 1.0 + 2.0 ** -(place + 4)
    return votes.argmax(axis=1)
