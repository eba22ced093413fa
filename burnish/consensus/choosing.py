"""Which method to believe, from the answers alone or from gold: no method wins everywhere.

What belongs here: held-out likelihood, accuracy on gold, and the choice in words. What does not:
fitting a method by its name (`burnish.consensus.fitting`).

Answers are held out, a fifth at a time; each method is fitted to the rest, and has to say how
probable the held-out ones are. Of the methods within one standard error of the best, paired by
example, the simplest is taken. Dawid-Skene is beaten by majority where answers depend on each
other (ZenCrowd); there this test prefers the method that allows for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan, sqrt

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.consensus.answers import Answers, FloatArray, IntArray
from burnish.consensus.fitting import METHODS, Known, fit_method

_FOLDS = 5
_ONE_FOLD_FROM = 50_000
_ONE_FOLD_FROM_CELLS = 1_000_000
_LEAST_GOLD = 20
_MOST_CELLS = 5_000_000


@dataclass(frozen=True)
class Score:
    """How a method did: mean log-likelihood of held-out answers, and accuracy on gold (or NaN).

    `behind` is how far the likelihood lies under the best, `standard_error` that difference's.
    """

    method: str
    log_likelihood: float
    behind: float
    standard_error: float
    gold_accuracy: float


@dataclass(frozen=True)
class Choice:
    """The method chosen, why in one sentence, and the scores behind it (none if nothing to try)."""

    method: str
    why: str
    scores: tuple[Score, ...] = ()

    def to_table(self) -> pa.Table:
        """One row a method, in the order from the simplest to the richest."""
        columns = ("log_likelihood", "behind", "standard_error", "gold_accuracy")
        values = {name: [getattr(s, name) for s in self.scores] for name in columns}
        return pa.table(
            {
                "method": pa.array([s.method for s in self.scores], pa.string()),
                **{name: pa.array(v, pa.float64(), from_pandas=True) for name, v in values.items()},
            }
        )


def candidates(answers: Answers, known: Known) -> tuple[str, ...]:
    """The methods that can be tried on these answers, from the simplest to the richest.

    Kinds are tried with two classes only: with more, a kind of one class is not told from another
    class. Tables are not tried where they would not fit into memory.
    """
    _, A, K = answers.shape
    names = list(METHODS)
    if K != 2:
        names.remove("dawid_skene_kinds")
    if A * K * K > _MOST_CELLS:
        names = ["majority", "reliability"]
    if known.pred_probs is not None:
        names += [f"{name}+model" for name in names if name != "majority"]
    return tuple(names)


def choose(answers: Answers, known: Known, *, names: tuple[str, ...], random_state: int) -> Choice:
    """The simplest of `names` that predicts held-out answers as well as any, or is best on gold.

    Gold decides first where 20 or more examples have it: methods more than one standard error
    less accurate there are out. Gold is not shown to the methods while they are compared.
    """
    folds = _folds(answers, random_state)
    if (folds < 0).all():
        return Choice(
            "majority",
            "majority: no example has two answers, so no method can be tested on held-out ones",
        )
    unseen = Known(known.pred_probs)
    logs = {name: _held_out(answers, folds, name, unseen) for name in names}
    right = _on_gold(answers, names, known)
    scores = _scores(answers, folds, logs, right)
    left = tuple(s for s in scores if _near_best_on_gold(s.method, right))
    best = max(s.log_likelihood for s in left)
    ahead = next(s for s in left if s.log_likelihood == best)
    errors = _standard_errors(answers, folds, logs, ahead.method)
    chosen = next(s for s in left if best - s.log_likelihood <= errors[s.method])
    return Choice(
        chosen.method, _why(chosen, ahead, scores, right, int((folds >= 0).sum())), scores
    )


def _folds(answers: Answers, random_state: int) -> IntArray:
    """The fold each answer is held out in, -1 for never; answers of an example are spread out."""
    N, _, K = answers.shape
    rng = np.random.default_rng(random_state)
    n = answers.label.size
    shuffled = np.lexsort((rng.random(n), answers.example))
    size = np.bincount(answers.example, minlength=N)
    rank = np.empty(n, dtype=np.int64)
    rank[shuffled] = np.arange(n) - np.repeat(np.cumsum(size) - size, size)
    fold = (rank + rng.integers(_FOLDS, size=N)[answers.example]) % _FOLDS
    fold[size[answers.example] < 2] = -1
    # Many answers, or many classes of many examples, measure well enough with one fifth of them.
    large = n >= _ONE_FOLD_FROM or N * K >= _ONE_FOLD_FROM_CELLS
    return np.where(fold == 0, 0, -1) if large else fold


def _held_out(answers: Answers, folds: IntArray, name: str, known: Known) -> FloatArray:
    logs = np.full(folds.size, nan)
    for fold in np.unique(folds[folds >= 0]):
        out = folds == fold
        fit = fit_method(answers.only(~out), name, known)
        logs[out] = np.log(np.maximum(fit.answer_probability(answers.only(out)), 1e-12))
    return logs


def _on_gold(
    answers: Answers, names: tuple[str, ...], known: Known
) -> Mapping[str, NDArray[np.bool_]]:
    if known.gold is None or (known.gold >= 0).sum() < _LEAST_GOLD:
        return {}
    at = known.gold >= 0
    unseen = Known(known.pred_probs)
    return {
        name: fit_method(answers, name, unseen).probabilities[at].argmax(axis=1) == known.gold[at]
        for name in names
    }


def _near_best_on_gold(name: str, right: Mapping[str, NDArray[np.bool_]]) -> bool:
    if not right:
        return True
    best = max(right.values(), key=lambda hits: float(hits.mean()))
    behind = best.astype(float) - right[name]
    return float(behind.mean()) <= float(behind.std()) / sqrt(behind.size)


def _scores(
    answers: Answers,
    folds: IntArray,
    logs: Mapping[str, FloatArray],
    right: Mapping[str, NDArray[np.bool_]],
) -> tuple[Score, ...]:
    mean = {name: float(np.nanmean(values)) for name, values in logs.items()}
    best = max(mean, key=lambda name: mean[name])
    errors = _standard_errors(answers, folds, logs, best)
    return tuple(
        Score(
            name, mean[name], mean[best] - mean[name], errors[name],
            float(right[name].mean()) if right else nan,
        )
        for name in logs
    )  # fmt: skip


def _standard_errors(
    answers: Answers, folds: IntArray, logs: Mapping[str, FloatArray], best: str
) -> dict[str, float]:
    """Of the mean difference to the best; answers to one example count as one draw."""
    out = folds >= 0
    example, n = answers.example[out], int(out.sum())
    errors: dict[str, float] = {}
    for name, values in logs.items():
        by_example = np.bincount(example, weights=(logs[best] - values)[out])
        count = np.bincount(example)
        centred = by_example - count * (by_example.sum() / n)
        errors[name] = float(sqrt((centred**2).sum()) / n)
    return errors


def _why(
    chosen: Score,
    ahead: Score,
    scores: tuple[Score, ...],
    right: Mapping[str, NDArray[np.bool_]],
    n: int,
) -> str:
    others = ", ".join(
        f"{s.method} {s.log_likelihood:.3f}" for s in scores if s.method != chosen.method
    )
    likelihood = f"mean log-likelihood {chosen.log_likelihood:.3f} on {n:,} held-out answers"
    lead = f"{chosen.method}: {likelihood}"
    if chosen.method == ahead.method:
        reason = "the best"
    else:
        reason = f"the simplest within one standard error of {ahead.method}"
    gold = ""
    if right:
        size = next(iter(right.values())).size
        gold = f", right on {chosen.gold_accuracy:.1%} of {size} gold examples"
        reason += " among those near the best on gold"
    return f"{lead}{gold}, {reason}" + (f" ({others})" if others else "")
