"""What is taken for what: pairs of classes, ordered by how many wrong labels they explain.

What belongs here: the sum of single findings over pairs. What does not: the findings
(`burnish.labels.errors`), nor a model's confusion with the truth (`burnish.metrics`).
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from burnish.errors import DataError
from burnish.labels.checks import encode_labels
from burnish.labels.errors import LabelErrors
from burnish.typing import Labels

SCHEMA = pa.schema(
    [
        ("given", pa.string()),
        ("suggested", pa.string()),
        ("count", pa.int64()),
        ("expected_errors", pa.float64()),
    ]
)


def confusion_pairs(labels: Labels, errors: LabelErrors) -> pa.Table:
    """Pairs given -> suggested with another class, the one with most expected errors first.

    `count` is the number of rows of a pair, `expected_errors` the sum of their error
    probabilities. Rows whose most probable class is the given one belong to no pair. Raises
    `DataError` where `labels` are not those that were audited.

    >>> from burnish.labels.errors import find_label_errors
    >>> labels = ["cat", "dog", "dog"]
    >>> found = find_label_errors(labels, [[0.9, 0.1], [0.2, 0.8], [0.95, 0.05]])
    >>> confusion_pairs(labels, found).select(["given", "suggested", "count"]).to_pylist()
    [{'given': 'dog', 'suggested': 'cat', 'count': 1}]
    """
    given = encode_labels(labels, errors.classes)
    if not np.array_equal(given, errors.codes):
        raise DataError(
            f"{given.size} labels that are not those of the audit",
            expected=f"the {errors.codes.size} labels that were audited, in their order",
        )
    K = len(errors.classes)
    pair = given * K + errors.suggested_codes
    count = np.bincount(pair, minlength=K * K)
    expected = np.bincount(pair, weights=errors.error_probability, minlength=K * K)
    found = [p for p in np.flatnonzero(count).tolist() if p // K != p % K]
    names = [str(name) for name in errors.classes]
    found.sort(key=lambda p: (-expected[p], names[p // K], names[p % K]))
    return pa.table(
        {
            "given": [names[p // K] for p in found],
            "suggested": [names[p % K] for p in found],
            "count": [int(count[p]) for p in found],
            "expected_errors": [float(expected[p]) for p in found],
        },
        schema=SCHEMA,
    )
