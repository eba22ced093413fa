"""A method by its name, with what is known besides the answers: a model's probabilities, and gold.

What belongs here: the names of the methods, and a model as a further witness. What does not: the
methods themselves (`burnish.consensus.methods`, `.tables`), and the choice between them
(`burnish.consensus.choosing`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from burnish.consensus.answers import Answers, FloatArray, IntArray
from burnish.consensus.methods import Fit, majority, normalised, reliability, softmax
from burnish.consensus.tables import dawid_skene

METHODS = ("majority", "reliability", "dawid_skene", "dawid_skene_kinds")
"""From the simplest to the richest; each but the first also as `<method>+model`."""

# Further than any answers reach on the log scale: gold is never overruled.
_BARRIER = 10_000.0
_ENOUGH = 10_000
"""Examples by which a model is weighed; more would not change its weight."""


@dataclass(frozen=True)
class Known:
    """What is known besides the answers: a model's probabilities (N, K), gold classes (N,)."""

    pred_probs: FloatArray | None = None
    gold: IntArray | None = None


def fit_method(answers: Answers, method: str, known: Known) -> Fit:
    """The fit of a method by its name, with gold held fast and, for `+model`, the model heard."""
    base, _, model = method.partition("+")
    barrier = _barrier(answers, known.gold)
    if not model:
        return _fit(answers, base, barrier, class_prior=True)
    assert known.pred_probs is not None
    alone = _fit(answers, base, barrier, class_prior=True).probabilities
    offset = heard(known.pred_probs, alone)
    if barrier is not None:
        offset = offset + barrier
    return _fit(answers, base, offset, class_prior=False, start=alone)


def _fit(
    answers: Answers,
    base: str,
    offset: FloatArray | None,
    *,
    class_prior: bool,
    start: FloatArray | None = None,
) -> Fit:
    if base == "majority":
        return majority(answers, offset=offset)
    if base == "reliability":
        return reliability(answers, offset=offset, class_prior=class_prior, start=start)
    kinds = 2 if base == "dawid_skene_kinds" else 1
    return dawid_skene(answers, kinds=kinds, offset=offset, class_prior=class_prior)


def _barrier(answers: Answers, gold: IntArray | None) -> FloatArray | None:
    if gold is None:
        return None
    barrier = np.zeros((gold.size, answers.shape[2]))
    known = gold >= 0
    barrier[known] = -_BARRIER
    barrier[known, gold[known]] = 0.0
    return barrier


def heard(pred_probs: FloatArray, alone: FloatArray) -> FloatArray:
    """The model as a witness, (N, K) scores on the log scale: as sure as the answers bear it out.

    One power w >= 0 and one factor a class are fitted so that softmax(w log p + b), taken as what
    is believed before any answer, makes the answers likeliest. `alone` (N, K) are the probabilities
    by the answers alone. In the spirit of CROWDLAB (Goh, Tkachenko and Mueller 2022), whose weights
    too come from how far model and annotators agree. A model that knows nothing gets w = 0, and
    what is left is how common each class is.
    """
    from scipy.optimize import minimize

    whole = np.log(np.maximum(pred_probs, 1e-6))
    step = max(1, whole.shape[0] // _ENOUGH)
    logs = whole[::step]
    # Without how common its class is, a probability is the likelihood of the answers.
    answers = alone[::step] / np.maximum(alone.mean(axis=0), 1e-9)
    n, K = logs.shape

    def loss(x: FloatArray) -> tuple[float, FloatArray]:
        q = softmax(x[0] * logs + x[1:])
        joint = q * answers + 1e-300
        rest = q - normalised(joint)
        slope = np.concatenate([[(rest * logs).sum()], rest.sum(axis=0)]) / n
        value = -float(np.log(joint.sum(axis=1)).sum()) / n
        # A little ridge: a class that never occurs must not run off to minus infinity.
        return value + 1e-3 * float((x[1:] ** 2).sum()), slope + np.r_[0.0, 2e-3 * x[1:]]

    start = np.concatenate([[1.0], np.zeros(K)])
    found = minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=[(0.0, 3.0), *[(None, None)] * K]
    )
    return found.x[0] * whole + found.x[1:]
