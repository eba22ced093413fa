"""The truth behind bundled data sets, for simulated reviewers and for scoring.

What belongs here: the one door to truth. What does not: anything else, and nobody else may come
in: of the whole project only `burnish.workflows.simulate`, tests and benchmarks import this.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from burnish.datasets.registry import build, build_stream


def bundled_truth(name: str, **options: Any) -> pa.Table:
    """True labels of every example of a bundled set, withheld ones too: example_id, label.

    Takes the options of `burnish.datasets.load_bundled` and raises `DataError` as that does.

    >>> bundled_truth("digits").slice(0, 2).to_pylist()
    [{'example_id': 'digit-0000', 'label': '0'}, {'example_id': 'digit-0001', 'label': '1'}]
    """
    return build(name, options).truth


def stream_truth(name: str, **options: Any) -> pa.Table:
    """True labels of what a model of a bundled set meets later: example_id, label.

    No rows where the set has no such stream.

    >>> stream_truth("digits").num_rows, stream_truth("parcels").num_rows
    (1680, 0)
    """
    stream = build_stream(name, options)
    text = pa.schema([("example_id", pa.string()), ("label", pa.string())])
    return text.empty_table() if stream is None else stream.truth
