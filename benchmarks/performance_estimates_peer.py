"""NannyML's CBPE on the rows of a file that `performance_estimates.py` wrote.

    python performance_estimates_peer.py FILE.npz

Run by the interpreter that has nannyml. The file holds for each task i the arrays y_i (0 or 1) and
p_i of reference rows and q_i of current ones. Prints one JSON list: estimated accuracy, its limits,
estimated AUROC, and processor seconds, a task each.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import warnings

import numpy as np
import pandas as pd


def frame(probs: np.ndarray, labels: np.ndarray | None = None) -> pd.DataFrame:
    found = pd.DataFrame({"probability": probs, "said": (probs > 0.5).astype(int)})
    return found if labels is None else found.assign(label=labels)


def one(labels: np.ndarray, before: np.ndarray, after: np.ndarray) -> list[float]:
    from nannyml import CBPE

    start = time.process_time()
    estimator = CBPE(
        metrics=["accuracy", "roc_auc"],
        y_pred="said",
        y_pred_proba="probability",
        y_true="label",
        problem_type="classification_binary",
        chunk_size=len(after),
    ).fit(frame(before, labels))
    found = estimator.estimate(frame(after)).filter(period="analysis").to_df()
    line = found.iloc[0]
    value = float(line[("accuracy", "value")])
    # Its limits for plots are three standard errors of sampling away, which is told apart.
    half = 1.96 * float(line[("accuracy", "sampling_error")])
    area = float(line[("roc_auc", "value")])
    return [value, value - half, value + half, area, time.process_time() - start]


def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    tasks = np.load(sys.argv[1])
    count = sum(name.startswith("y_") for name in tasks.files)
    rows = [one(*(tasks[f"{name}_{at}"] for name in "ypq")) for at in range(count)]
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
