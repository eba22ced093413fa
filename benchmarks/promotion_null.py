"""How often the promotion gate refuses an equally good model, and what loss it sees.

1. null: what two real models of digits say of validation and test rows is exchanged at random
   between them, row by row, 1,000 times. Then neither is better, and every refusal (`not_worse`)
   and every promotion (`better`) is an error. Clopper and Pearson's upper limit (95 %, one-sided)
   is to be no more than the stated rate. Beside it, sets of simulated predictions of other sizes.
2. power: in one slice of n rows the challenger loses accuracy, elsewhere it is as good. The loss
   that is refused in 80 % of the repetitions, found by bisection.
3. groups: weeks of 300 rows, in each of which chance prefers one of two equally good models: how
   often the new one is refused, with the weeks told to the gate and without.

    BURNISH_DATA=/path/to/data python benchmarks/promotion_null.py [null] [power] [groups]

`--repetitions N` changes the count of the repetitions, `--json FILE` keeps the figures.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from burnish.slices import Partition, SliceMask, by_class, each_once
from burnish.spec import PromotionPolicy
from burnish.workflows.promote import decide_on_pair
from burnish.workflows.promote_pairs import Pair

RATE = 0.05
POWER = 0.8


@dataclass(frozen=True)
class Rows:
    """A pair of models on one set of rows, and its slices."""

    name: str
    pair: Pair
    slices: list[SliceMask | Partition]


def remember_limits() -> None:
    """Limits of the same counts are the same: each is found once, or it would take hours."""
    from burnish.slices import comparing_limits

    kept: dict[tuple[Any, ...], Any] = {}
    found = comparing_limits.tango_limits

    def remembered(only_a: Any, only_b: Any, n: Any, *, confidence: float = 0.95) -> Any:
        key = (*(np.asarray(one).tobytes() for one in (only_a, only_b, n)), confidence)
        if key not in kept:
            kept[key] = found(only_a, only_b, n, confidence=confidence)
        return kept[key]

    comparing_limits.tango_limits = remembered


def upper_limit(errors: int, repetitions: int, *, confidence: float = 0.95) -> float:
    """Clopper and Pearson's one-sided upper limit of a rate."""
    from scipy.stats import beta

    return float(beta.ppf(confidence, errors + 1, repetitions - errors))


def simulated(
    rows: int, parts: int, *, accuracy: float, rng: np.random.Generator, classes: int = 4
) -> Rows:
    """Two models that are right as often, on rows of `parts` slices by each of two columns."""
    names = np.array([f"c{k}" for k in range(classes)])
    labels = rng.integers(0, classes, rows)
    hard = rng.normal(size=rows)
    probs = [_probabilities(labels, hard, accuracy, classes, rng) for _ in range(2)]
    slices = [
        SliceMask(f"{column}:{part}", f"{column}{part}", "", codes == part)
        for column in ("one", "other")
        for codes in [rng.integers(0, parts, rows)]
        for part in range(parts)
    ]
    pair = Pair(
        tuple(map(str, range(rows))),
        names[labels],
        names[probs[0].argmax(1)],
        names[probs[1].argmax(1)],
        tuple(names.tolist()),
        *probs,
    )
    (cut,) = each_once([*slices, *by_class(pair.labels).masks()])
    return Rows(f"simulated, {rows} rows, {len(cut)} slices", pair, cut)


def _probabilities(
    labels: np.ndarray,
    hard: np.ndarray,
    accuracy: float,
    classes: int,
    rng: np.random.Generator,
) -> np.ndarray:
    scores = rng.normal(size=(labels.size, classes))
    # Rows that are hard are so for both models.
    lift = np.quantile(rng.normal(size=10_000), accuracy) * 2 + 1.2 - 0.6 * hard
    scores[np.arange(labels.size), labels] += lift
    powers = np.exp(scores - scores.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def real() -> Iterator[Rows]:
    """Two models of digits, fitted on halves of the training rows, on what neither has seen."""
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import train_test_split
    from threadpoolctl import threadpool_limits

    data = load_digits()
    x, y = np.asarray(data.data) / 16, np.asarray(data.target)
    x_fit, x_out, y_fit, y_out = train_test_split(x, y, test_size=0.4, random_state=0, stratify=y)
    halves = np.random.default_rng(0).permutation(len(y_fit)) % 2
    with threadpool_limits(1):
        probs = [
            LogisticRegression(max_iter=300, C=0.05)
            .fit(x_fit[halves == half], y_fit[halves == half])
            .predict_proba(x_out)
            for half in (0, 1)
        ]
    names = np.array([str(k) for k in range(10)])
    ink = np.digitize(x_out.mean(1), np.quantile(x_out.mean(1), [0.2, 0.4, 0.6, 0.8]))
    cuts = [SliceMask(f"ink:{k}", f"ink{k}", "", ink == k) for k in range(5)]
    pair = Pair(
        tuple(map(str, range(len(y_out)))),
        names[y_out],
        names[probs[0].argmax(1)],
        names[probs[1].argmax(1)],
        tuple(names.tolist()),
        *probs,
    )
    (cut,) = each_once([*cuts, *by_class(pair.labels).masks()])
    yield Rows(f"digits, {pair.rows} rows, {len(cut)} slices", pair, cut)


def exchanged(pair: Pair, rng: np.random.Generator) -> Pair:
    """The same rows, each model's word exchanged for the other's on a coin's toss."""
    swap = rng.random(pair.rows) < 0.5
    assert pair.probs_before is not None
    assert pair.probs_after is not None
    return replace(
        pair,
        before=np.where(swap, pair.after, pair.before),
        after=np.where(swap, pair.before, pair.after),
        probs_before=np.where(swap[:, None], pair.probs_after, pair.probs_before),
        probs_after=np.where(swap[:, None], pair.probs_before, pair.probs_after),
    )


def null(repetitions: int) -> Iterator[dict[str, Any]]:
    rng = np.random.default_rng(1)
    sets = [
        *real(),
        simulated(200, 3, accuracy=0.8, rng=rng),
        simulated(1_000, 6, accuracy=0.85, rng=rng),
        simulated(3_000, 8, accuracy=0.9, rng=rng),
    ]
    # Nothing is allowed to be lost: any margin makes refusals rarer.
    policy = PromotionPolicy(max_calibration_loss=0.0)
    for one in sets:
        rng = np.random.default_rng(2)
        refused, promoted, by_check = 0, 0, dict[str, int]()
        for _ in range(repetitions):
            pair = exchanged(one.pair, rng)
            found = decide_on_pair(pair, one.slices, policy)
            refused += not found.promoted
            for check in found.checks:
                by_check[check.name] = by_check.get(check.name, 0) + (not check.passed)
            # With `better`, the one check that asks for more is that of the whole.
            promoted += found.promoted and found.low is not None and found.low > 0
        yield {
            "rows": one.name,
            "refused as not worse": refused / repetitions,
            "upper limit of refused": upper_limit(refused, repetitions),
            "promoted as better": promoted / repetitions,
            "upper limit of promoted": upper_limit(promoted, repetitions),
            "by check": by_check,
        }


def drawn_by_group(groups: int, rng: np.random.Generator, *, shift: float) -> Pair:
    """Two equally good models on weeks of 300 rows, in each of which chance prefers one of them.

    The difference of their accuracies in a week has the standard deviation `shift`.
    """
    rows = groups * WEEK
    week = np.repeat(np.arange(groups), WEEK)
    labels = rng.integers(0, 2, rows)
    tilt = rng.normal(0.0, shift / 2, groups)[week]
    words, said = np.array(["no", "yes"]), list[np.ndarray]()
    for sign in (1.0, -1.0):
        right = rng.random(rows) < 0.8 + sign * tilt
        said.append(np.where(right, labels, 1 - labels))
    probs = [np.stack([1 - (0.7 * one + 0.15), 0.7 * one + 0.15], axis=1) for one in said]
    ids = tuple(map(str, range(rows)))
    return Pair(ids, words[labels], *(words[one] for one in said), ("no", "yes"), *probs, week)


WEEK = 300


def by_groups(repetitions: int) -> Iterator[dict[str, Any]]:
    """Refusals of equally good models where rows of a week stand or fall together."""
    for shift in (0.0, 0.05, 0.1):
        for groups in (2, 3, 5, 10, 30):
            rng = np.random.default_rng(4)
            refused = {"told": 0, "not told": 0}
            for _ in range(repetitions):
                pair = drawn_by_group(groups, rng, shift=shift)
                slices = [by_class(pair.labels)]
                for told, one in (("told", pair), ("not told", replace(pair, groups=None))):
                    policy = PromotionPolicy(max_calibration_loss=0.0)
                    refused[told] += not decide_on_pair(one, slices, policy).promoted
            yield (
                {"weeks": groups, "shift of a week": shift}
                | {f"refused, weeks {told}": count / repetitions for told, count in refused.items()}
                | {"upper limit, told": upper_limit(refused["told"], repetitions)}
            )


def refusals(
    rows: int, in_slice: int, loss: float, *, repetitions: int, accuracy: float = 0.9
) -> float:
    """How often the gate refuses a challenger that loses `loss` in a slice of `in_slice` rows."""
    rng = np.random.default_rng(3)
    # 16 further slices of a quarter of the rows each, and the hurt one.
    others = [SliceMask(f"s{k}", f"s{k}", "", rng.permutation(rows) < rows // 4) for k in range(16)]
    mine = np.arange(rows) < in_slice
    slices = [*others, SliceMask("hurt", "hurt", "", mine)]
    # One row in twenty is right for one model alone, either way, as of real retrained models.
    flip, refused = 0.025, 0
    for _ in range(repetitions):
        drawn = rng.random(rows)
        # Up to `accuracy` the older model is right; of both ends a strip is right for one alone.
        before = drawn < accuracy
        after = (drawn >= flip) & (drawn < accuracy + flip)
        lost = mine & before & (rng.random(rows) < loss / accuracy)
        after = after & ~lost
        words = np.array(["no", "yes"])
        pair = Pair(
            tuple(map(str, range(rows))),
            np.full(rows, "yes"),
            words[before.astype(int)],
            words[after.astype(int)],
            (),
            None,
            None,
        )
        refused += not decide_on_pair(pair, slices, PromotionPolicy()).promoted
    return refused / repetitions


def power(repetitions: int) -> Iterator[dict[str, Any]]:
    cells = ((360, 30), (360, 100), (1000, 100), (1000, 300), (5000, 300), (5000, 1000))
    for rows, in_slice in cells:
        low, high = 0.0, 0.9
        if refusals(rows, in_slice, high, repetitions=repetitions) < POWER:
            yield {"rows": rows, "in the slice": in_slice, "loss refused in 80 %": None}
            continue
        while high - low > 0.02:
            middle = (low + high) / 2
            seen = refusals(rows, in_slice, middle, repetitions=repetitions) >= POWER
            low, high = (low, middle) if seen else (middle, high)
        yield {"rows": rows, "in the slice": in_slice, "loss refused in 80 %": round(high, 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=["null", "power"])
    parser.add_argument("--repetitions", type=int, default=0)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    remember_limits()
    kept: dict[str, list[dict[str, Any]]] = {}
    for name, part, usual in (
        ("null", null, 1000),
        ("groups", by_groups, 1000),
        ("power", power, 200),
    ):
        if name in (asked.parts or ["null", "power"]):
            print(f"\n{name}")
            kept[name] = []
            for row in part(asked.repetitions or usual):
                kept[name].append(row)
                print(row, flush=True)
    if asked.json:
        asked.json.write_text(json.dumps(kept, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
