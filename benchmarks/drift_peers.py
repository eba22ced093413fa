"""One run of `drift.py speed` by one library, run by the interpreter that has it installed.

    python drift_peers.py LIBRARY FOLDER

Reads reference.parquet and current.parquet of FOLDER and prints one JSON object: processor seconds
of the second of two calls (the first loads and compiles) and of which part, if there are parts.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path


def burnish(folder: Path) -> dict[str, float]:
    import pyarrow.parquet as pq

    from burnish.drift import detect_drift

    reference, current = (pq.read_table(folder / f"{side}.parquet") for side in SIDES)
    detect_drift(reference, current)
    start = time.process_time()
    detect_drift(reference, current)
    return {"seconds": time.process_time() - start}


def nannyml(folder: Path) -> dict[str, float]:
    import nannyml as nml
    import pandas as pd

    reference, current = (pd.read_parquet(folder / f"{side}.parquet") for side in SIDES)
    for _ in range(2):
        drift = nml.UnivariateDriftCalculator(
            column_names=list(reference),
            continuous_methods=["kolmogorov_smirnov", "wasserstein", "jensen_shannon"],
            categorical_methods=["chi2", "jensen_shannon", "l_infinity"],
            chunk_size=len(current),
        )
        start = time.process_time()
        drift.fit(reference)
        fitted = time.process_time()
        drift.calculate(current)
        done = time.process_time()
    return {"seconds": done - start, "calculate": done - fitted}


def evidently(folder: Path) -> dict[str, float]:
    import pandas as pd
    from evidently import Report
    from evidently.presets import DataDriftPreset

    reference, current = (pd.read_parquet(folder / f"{side}.parquet") for side in SIDES)
    for _ in range(2):
        start = time.process_time()
        Report([DataDriftPreset()]).run(current, reference).dict()
        done = time.process_time()
    return {"seconds": done - start}


SIDES = ("reference", "current")
LIBRARIES: dict[str, Callable[[Path], dict[str, float]]] = {
    "burnish": burnish,
    "nannyml": nannyml,
    "evidently": evidently,
}


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    print(json.dumps(LIBRARIES[sys.argv[1]](Path(sys.argv[2]))))
