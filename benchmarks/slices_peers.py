"""One task of `slices.py peers` by one library, run by the interpreter that has it installed.

    python slices_peers.py TASK FILE.npz

Reads the rows of a file that `slices.py` wrote and prints one JSON object: processor seconds of
the second of two calls (the first, on the first 2,000 rows, loads and compiles), the peak
of memory beside the data in MB, and what was found. Nothing but numpy and pandas is shared.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

Found = dict[str, Any]


def fairlearn(frame: pd.DataFrame, y: np.ndarray, predicted: np.ndarray, _: int) -> Found:
    from fairlearn.metrics import MetricFrame
    from sklearn.metrics import accuracy_score, recall_score

    found: Found = {}
    for name in frame:
        by = MetricFrame(
            metrics={"accuracy": accuracy_score, "recall": recall_score},
            y_true=y,
            y_pred=predicted,
            sensitive_features=frame[name],
        ).by_group
        for metric in by:
            found |= {f"{name}:{at}/{metric}": float(one) for at, one in by[metric].items()}
    return found


def burnish_metrics(frame: pd.DataFrame, y: np.ndarray, predicted: np.ndarray, _: int) -> Found:
    import pyarrow as pa

    from burnish.slices import resolve_partitions, slice_metrics
    from burnish.spec import Slice

    declared = [Slice(name=name, column=name) for name in frame]
    cuts = resolve_partitions(pa.Table.from_pandas(frame, preserve_index=False), declared)
    table = slice_metrics(y, predicted, cuts, metrics=["accuracy", "recall"], positive=1)
    return {f"{row['slice']}/{row['metric']}": row["value"] for row in table.to_pylist()}


def sliceline(frame: pd.DataFrame, y: np.ndarray, predicted: np.ndarray, support: int) -> Found:
    from sliceline.slicefinder import Slicefinder

    finder = Slicefinder(alpha=0.95, k=10, max_l=2, min_sup=support, verbose=False)
    coded = frame.apply(lambda column: column.cat.codes).to_numpy()
    finder.fit(coded, (y != predicted).astype(float))
    found: Found = {}
    for path, numbers in zip(finder.top_slices_, finder.top_slices_statistics_, strict=True):
        words = [
            f"{name}={frame[name].cat.categories[int(code)]}"
            for name, code in zip(frame.columns, path, strict=True)
            if code is not None
        ]
        found[" & ".join(sorted(words))] = float(numbers["slice_score"])
    return found


def burnish_discovery(
    frame: pd.DataFrame, y: np.ndarray, predicted: np.ndarray, support: int
) -> Found:
    from burnish.slices import discover_slices

    wrong = (y != predicted).astype(float)
    found = discover_slices(frame, wrong, k=10, max_depth=2, min_support=support)
    return {
        " & ".join(sorted(f"{c}={v}" for c, v in one.slice.where.items())): one.score
        for one in found.slices
    }


def deepchecks(frame: pd.DataFrame, y: np.ndarray, predicted: np.ndarray, support: int) -> Found:
    """The check as it is by default, on 10,000 of the rows, but for segments as small as ours."""
    from deepchecks.core.errors import DeepchecksProcessError
    from deepchecks.tabular import Dataset
    from deepchecks.tabular.checks import WeakSegmentsPerformance

    right = pd.Series((y == predicted).astype(float))
    data = Dataset(frame.astype(str).assign(label=y), label="label", cat_features=list(frame))
    check = WeakSegmentsPerformance(
        score_per_sample=right,
        segment_minimum_size_ratio=support / len(frame),
    )
    sure = np.column_stack([1 - predicted, predicted]) * 0.8 + 0.1
    try:
        weak = check.run(data, y_pred=predicted, y_proba=sure, with_display=False)
    except DeepchecksProcessError:  # it found no weak segment
        return {}
    listed = weak.value["weak_segments_list"].head(10)
    found: Found = {}
    for _, row in listed.iterrows():
        names = [
            f"{row[name]} in {row[f'{name} Range']}"
            for name in ("Feature1", "Feature2")
            if row[name]
        ]
        found[" & ".join(names)] = float(row.iloc[0])
    return found


TASKS: dict[str, Callable[[pd.DataFrame, np.ndarray, np.ndarray, int], Found]] = {
    "fairlearn": fairlearn,
    "burnish metrics": burnish_metrics,
    "sliceline": sliceline,
    "burnish discovery": burnish_discovery,
    "deepchecks": deepchecks,
}


def resident(what: str) -> float:
    """Megabytes of memory of this process: now (VmRSS), or at most so far (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(what))
    return int(line.split()[1]) / 1024


def main() -> None:
    warnings.filterwarnings("ignore")
    task, path = TASKS[sys.argv[1]], sys.argv[2]
    with np.load(path) as stored:
        codes, names, y, predicted = (stored[k] for k in ("codes", "names", "y", "predicted"))
        values = [stored[f"values{at}"] for at in range(len(names))]
        support = int(stored["support"])
    frame = pd.DataFrame(
        {
            str(name): pd.Categorical.from_codes(codes[:, at], [str(v) for v in values[at]])
            for at, name in enumerate(names)
        }
    )
    task(frame[:2000], y[:2000], predicted[:2000], 20)
    if sys.argv[1].startswith("burnish"):  # compiled code is loaded for large inputs alone
        task(frame[: len(frame) // 2], y[: len(y) // 2], predicted[: len(y) // 2], support)
    Path("/proc/self/clear_refs").write_text("5")
    before, start = resident("VmRSS"), time.process_time()
    found = task(frame, y, predicted, support)
    seconds = time.process_time() - start
    print(json.dumps({"seconds": seconds, "mb": resident("VmHWM") - before, "found": found}))


if __name__ == "__main__":
    main()
