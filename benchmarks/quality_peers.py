"""One check of a peer on the tables that `quality.py planted` wrote, run where it is installed.

    python quality_peers.py datalab|deepchecks CHECK FOLDER

Prints one JSON list: for each table the rows, the columns and whether anything was found; rows or
columns are null where the check does not tell them. Defaults and default conditions are used.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

Found = dict[str, Any]


def matrix_of(frame: pd.DataFrame) -> np.ndarray:
    """Numbers to mean 0 and deviation 1, categories of up to 50 values as columns of their own."""
    parts = []
    for name in frame:
        if pd.api.types.is_numeric_dtype(frame[name]):
            column = frame[name].astype(float).replace([np.inf, -np.inf], np.nan)
            column = column.fillna(column.median())
            parts.append(((column - column.mean()) / (column.std() or 1.0)).to_numpy()[:, None])
        elif frame[name].nunique() <= 50:
            parts.append(pd.get_dummies(frame[name].astype(str)).to_numpy(dtype=float))
    return np.hstack(parts)


def datalab(check: str, frame: pd.DataFrame, roles: dict[str, str | None]) -> Found:
    from cleanlab import Datalab

    label = roles["target"]
    features = frame.drop(columns=[name for name in roles.values() if name])
    data: dict[str, list[Any]] = {"label": frame[label].astype(str).tolist()}
    lab = Datalab(data=data, label_name="label", task="classification", verbosity=0)
    matrix = matrix_of(features)
    if check == "null":
        # Nulls are looked for in the matrix, so it keeps them.
        numbers = features.select_dtypes("number").to_numpy(dtype=float)
        other = features.select_dtypes(exclude="number").isna().to_numpy()
        matrix = np.hstack([numbers, np.where(other, np.nan, 0.0)])
    lab.find_issues(features=matrix, issue_types={check: {}})
    flags = lab.get_issues(check)[f"is_{check}_issue"].to_numpy()
    if check in ("class_imbalance", "non_iid"):
        return {"rows": None, "columns": None, "flag": bool(flags.any())}
    return {"rows": np.flatnonzero(flags).tolist(), "columns": None, "flag": bool(flags.any())}


def deepchecks(check: str, frame: pd.DataFrame, roles: dict[str, str | None]) -> Found:
    from deepchecks.tabular import Dataset, checks

    split, label = roles["split"], roles["target"]
    features = frame.drop(columns=[name for name in (split,) if name])
    train, test = (
        Dataset(
            part, label=label, cat_features=[n for n in part.select_dtypes("object") if n != label]
        )
        for part in (
            (features[frame[split] == "train"], features[frame[split] != "train"])
            if split
            else (features, features)
        )
    )
    whole = Dataset(features, label=label, cat_features=train.cat_features)
    made = getattr(checks, check)
    if check in ("TrainTestSamplesMix", "NewLabelTrainTest"):
        value = made().run(train, test).value
    else:
        value = made().run(whole).value
    return READERS[check](value, features)


def of_columns(names: Any) -> Found:
    found = [str(name) for name in names]
    return {"rows": None, "columns": found, "flag": bool(found)}


def misspelt(value: Any, frame: pd.DataFrame) -> Found:
    """Rows of the rarer spellings of a word."""
    rows: set[int] = set()
    for name, words in value["columns"].items():
        for variants in words.values():
            seen = sorted(variants, key=lambda one: -one["count"])
            rare = [one["variant"] for one in seen[1:]]
            rows |= set(np.flatnonzero(frame[name].isin(rare)).tolist())
    return {"rows": sorted(rows), "columns": None, "flag": bool(rows)}


def torn(value: Any, _: pd.DataFrame) -> Found:
    rows = sorted({int(row) for group in value["samples_indices"] for row in group})
    return {"rows": rows, "columns": None, "flag": bool(rows)}


def flagged(found: bool) -> Found:
    return {"rows": None, "columns": None, "flag": bool(found)}


READERS: dict[str, Any] = {
    "PercentOfNulls": lambda value, _: of_columns(value.index[value.iloc[:, 0] > 0]),
    "IsSingleValue": lambda value, _: of_columns(n for n, count in value.items() if count == 1),
    "MixedDataTypes": lambda value, _: of_columns(
        name for name, one in value.items() if one and 0 < one["numbers"] < 1
    ),
    "StringMismatch": misspelt,
    "ConflictingLabels": torn,
    "DataDuplicates": lambda value, _: flagged(value > 0),
    "TrainTestSamplesMix": lambda value, _: flagged(value["ratio"] > 0),
    "FeatureLabelCorrelation": lambda value, _: of_columns(n for n, s in value.items() if s > 0.8),
    "ClassImbalance": lambda value, _: flagged(min(value.values()) / max(value.values()) < 0.1),
    "NewLabelTrainTest": lambda value, _: flagged(bool(value.get("new_labels"))),
}


def main() -> None:
    tool, check, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    warnings.filterwarnings("ignore")
    look = {"datalab": datalab, "deepchecks": deepchecks}[tool]
    found = []
    for at in range(len(list(folder.glob("*.csv")))):
        frame = pd.read_csv(folder / f"{at}.csv", keep_default_na=False, na_values=[""])
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            found.append(look(check, frame, json.loads((folder / f"{at}.json").read_text())))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
