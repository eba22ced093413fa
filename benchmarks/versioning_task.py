"""The task of the versioning benchmarks: a table, corrections of its labels, and what is right."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

ROWS, SHARE = 1_000_000, 0.01
CLASSES = ("cat", "dog", "eel")
KEY = ["example_id", "label"]


def make_table(n: int = ROWS, *, seed: int = 0) -> pa.Table:
    """The table of `n` rows and 20 columns, in the order of its ids."""
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "example_id": [f"row-{i:07d}" for i in range(n)],
            "label": rng.choice(CLASSES, n),
            **{f"x{i:02d}": rng.standard_normal(n) for i in range(16)},
            "source": rng.choice(["camera", "phone", "scan", "web"], n),
            "views": rng.integers(0, 1000, n),
        }
    )


def make_corrections(table: pa.Table, *, seed: int = 1) -> pa.Table:
    """Another label (example_id, label) for 1 % of the rows of `table`, in no order."""
    rng = np.random.default_rng(seed)
    drawn = rng.choice(len(table), round(SHARE * len(table)), replace=False)
    rows = table.select(KEY).take(pa.array(drawn))
    codes = pc.index_in(rows["label"], value_set=pa.array(CLASSES)).to_numpy()
    moved = (codes + rng.integers(1, len(CLASSES), len(rows))) % len(CLASSES)
    return rows.set_column(1, "label", pa.array(CLASSES).take(pa.array(moved)))


def successive(table: pa.Table, rounds: int) -> list[pa.Table]:
    """Corrections of `table`, each of the labels that those before have left."""
    found = []
    for seed in range(1, rounds + 1):
        found.append(make_corrections(table, seed=seed))
        table = corrected(table, found[-1])
    return found


def corrected(table: pa.Table, corrections: pa.Table) -> pa.Table:
    """`table` with the labels of `corrections`."""
    positions = pc.index_in(table["example_id"], value_set=whole(corrections["example_id"]))
    labels = pc.coalesce(whole(corrections["label"]).take(positions), table["label"])
    return table.set_column(table.column_names.index("label"), "label", labels)


def differing(old: pa.Table, new: pa.Table) -> pa.Table:
    """The new (example_id, label) of each row of `new` that `old` has another label for."""
    positions = pc.index_in(new["example_id"], value_set=whole(old["example_id"]))
    return new.select(KEY).filter(pc.not_equal(whole(old["label"]).take(positions), new["label"]))


def whole(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def same(got: pa.Table, want: pa.Table) -> bool:
    """Whether the rows are the same in every cell, in whatever order and string type."""
    if len(got) != len(want) or set(got.column_names) != set(want.column_names):
        return False
    got = got.select(want.column_names).cast(want.schema).combine_chunks()
    positions = pc.index_in(want["example_id"], value_set=whole(got["example_id"]))
    return positions.null_count == 0 and got.take(positions).equals(want)
