"""Annotators with planted habits, whose truth the tests know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest


@dataclass(frozen=True)
class Planted:
    table: pa.Table
    truth: dict[str, str]

    def accuracy(self, consensus) -> float:
        pairs = zip(consensus.example_ids, consensus.labels, strict=True)
        return float(np.mean([self.truth[name] == label for name, label in pairs]))


def _plant(
    *, seed=0, n=300, classes=("a", "b", "c"), good=6, accuracy=0.75, per=5, spammers=0,
    adversary=None, few=0, share=None,
) -> Planted:  # fmt: skip
    """`per` of the good annotators and, if there are, every odd one answer each example."""
    rng = np.random.default_rng(seed)
    K = len(classes)
    truth = rng.choice(K, size=n, p=share)
    rows = []
    for i in range(n):
        who = rng.permutation(good)[:per]
        for w in who:
            right = rng.random() < accuracy
            label = truth[i] if right else (truth[i] + rng.integers(1, K)) % K
            rows.append((f"e{i:04}", f"good{w}", classes[label]))
        here = [w for w in range(spammers) if rng.random() < 0.5]
        rows += [(f"e{i:04}", f"spam{w}", classes[rng.integers(K)]) for w in here]
        if adversary is not None and rng.random() < 0.6:
            label = adversary[1] if classes[truth[i]] == adversary[0] else classes[truth[i]]
            rows.append((f"e{i:04}", "flip", label))
        if i < 3:
            rows += [(f"e{i:04}", f"few{w}", classes[truth[i]]) for w in range(few)]
    example, annotator, label = zip(*rows, strict=True)
    table = pa.table({"example_id": example, "annotator_id": annotator, "label": label})
    return Planted(table, {f"e{i:04}": classes[t] for i, t in enumerate(truth)})


@pytest.fixture
def plant() -> Callable[..., Planted]:
    return _plant
