"""The truth behind bundled data sets, for simulated reviewers and for scoring.

What belongs here: the one door to truth. What does not: anything else, and nobody else may come
in: of the whole project only `burnish.workflows.simulate`, tests and benchmarks import this.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from burnish.datasets.registry import build


def bundled_truth(name: str, **options: Any) -> pa.Table:
    """True labels of every example of a bundled set, withheld ones too: example_id, label.

    Takes the options of `burnish.datasets.load_bundled` and raises `DataError` as that does.

    >>> bundled_truth("digits").slice(0, 2).to_pylist()
    [{'example_id': 'digit-0000', 'label': '0'}, {'example_id': 'digit-0001', 'label': '1'}]
    """
    return build(name, options).truth
