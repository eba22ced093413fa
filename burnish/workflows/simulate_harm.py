"""A simulated reviewer who has a rule wrong: one class is called another.

What belongs here: verdicts that do harm on purpose, to measure what catches them. What does not: a
reviewer who errs by chance (`burnish.workflows.simulate`), which does little harm to a model: its
errors point everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from burnish.acquisition import seeded_keys
from burnish.errors import ReviewError
from burnish.records import Verdict
from burnish.workflows.simulate import simulated_verdict


def one_sided_verdicts(
    queue: pa.Table,
    truth: Mapping[str, str],
    *,
    wrong: float,
    takes: str,
    calls: str,
    random_state: int,
    author: str = "simulated-reviewer",
) -> list[Verdict]:
    """A verdict on each row of `queue`: rows that are `takes` are called `calls`, others are right.

    `wrong` is the share of all rows that is to be wrong: so that of the rows of class `takes` each
    is mistaken with probability `wrong` over their share, at most 1. The answer to a row depends on
    its id, that probability and `random_state`. Raises `ReviewError` where `wrong` is no share, the
    two classes are one, or a row has no truth.

    >>> rows = pa.table({"example_id": ["a", "b"], "label": ["belt", "hand"], "reason": ["audit"] *
    ...     2, "iteration": [1, 1], "suggested_label": ["belt", "hand"],
    ...     "error_probability": [0.5, 0.5], "inclusion_probability": [0.1, 0.1]})
    >>> said = one_sided_verdicts(rows, {"a": "belt", "b": "hand"}, wrong=0.5, takes="belt",
    ...                           calls="hand", random_state=0)
    >>> [(verdict.decision, verdict.to_label) for verdict in said]
    [('change', 'hand'), ('keep', 'hand')]
    """
    if not 0.0 <= wrong <= 1.0 or takes == calls:
        raise ReviewError(
            f"{wrong} of the rows are to be wrong, {takes!r} called {calls!r}",
            expected="a share from 0 to 1, and two classes",
        )
    items = queue.to_pylist()
    ids = [item["example_id"] for item in items]
    strange = next((name for name in ids if name not in truth), None)
    if strange is not None:
        raise ReviewError(f"the truth of {strange!r} is not known", expected="one for every row")
    share = sum(truth[name] == takes for name in ids) / max(1, len(ids))
    chance = min(1.0, wrong / share) if share else 0.0
    keys = seeded_keys(ids, salt="one-sided reviewer", random_state=random_state)
    verdicts: list[Verdict] = []
    for item, key in zip(items, keys.tolist(), strict=True):
        right = truth[item["example_id"]]
        mistaken = right == takes and np.random.default_rng(key).random() < chance
        answer = calls if mistaken else right
        verdicts.append(simulated_verdict(item, answer, author=author))
    return verdicts
