"""Labels that people really got wrong: 700 songs, one random answer each, 44 % of them wrong.

The same linear model (LogisticRegression, C = 0.1, scaled features) is trained after 140 of the
700 labels were looked at, and scored on the 300 songs of the set's own test split. Beside each
other, over ten draws of the answers:

- nobody corrects anything; all labels are gold;
- an oracle gives their gold label to 140 songs at random, and to the 140 worst by the audit;
- the loop: five batches of 28, a tenth of each drawn at random as control arm, decided by a
  simulated reviewer who is right on 95 % of the songs and is audited anew after each batch.

    BURNISH_DATA=/path/to/data python benchmarks/music_loop.py
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from paired import mean_of, over_seeds, table
from threadpoolctl import threadpool_limits

from burnish.database import open_database
from burnish.ledger import SqlLedger
from burnish.spec import DatasetSpec, Feature, Model, Review, Source
from burnish.workflows.audit import audit_labels, predict_probs
from burnish.workflows.curate import curate
from burnish.workflows.queue import build_queue
from burnish.workflows.simulate import simulated_verdicts
from burnish.workflows.train import train_model
from burnish.workflows.validate import validate_examples

SEEDS, CORRECTED, BATCHES, ACCURACY = 10, 140, 5, 0.95


def songs(seed: int) -> tuple[DatasetSpec, pa.Table, dict[str, str]]:
    """The spec, the songs with one random answer each, and the gold labels."""
    folder = Path(os.environ["BURNISH_DATA"]) / "music_genre_crowd"
    answers = pd.read_csv(folder / "answers.csv").sort_values(["song", "worker"], kind="stable")
    by_song = answers.groupby("song")["label"].agg(list)
    rng = np.random.default_rng(seed)
    parts = []
    for part in ("train", "test"):
        rows = pd.read_csv(folder / f"songs_{part}.csv").copy()
        drawn = [str(rng.choice(by_song[name])) for name in rows["id"]] if part == "train" else None
        parts.append(rows.assign(split=part, label=drawn or rows["gold"].tolist()))
    whole = pd.concat(parts, ignore_index=True)
    columns = [name for name in whole if name.startswith("feature")]
    spec = DatasetSpec(
        name="music",
        source=Source(path="songs.csv"),
        target="label",
        classes=tuple(sorted(set(whole["gold"]))),
        features={name: Feature(kind="numeric") for name in columns},
        model=Model(name="sklearn.linear_model:LogisticRegression",
                    params={"C": 0.1, "max_iter": 2000}),
        review=Review(budget=CORRECTED // BATCHES),
        split={"column": "split", "validation": 0.0},
        random_state=seed,
    )  # fmt: skip
    ids = [str(name) for name in whole["id"]]
    made = pa.table({"example_id": ids, "label": whole["label"].tolist(),
                     "split": whole["split"].tolist(),
                     **{name: whole[name].to_numpy() for name in columns}})  # fmt: skip
    gold = dict(zip(ids, whole["gold"].tolist(), strict=True))
    return spec, validate_examples(made, spec), gold


def accuracy(rows: pa.Table, spec: DatasetSpec) -> float:
    training = rows.filter(pc.field("split") == "train")
    trained = train_model(training, rows, spec, random_state=spec.random_state)
    return float(pc.mean(pc.cast(trained.predictions["correct"], pa.int8())).as_py())


def corrected(rows: pa.Table, names: set[str], gold: dict[str, str]) -> pa.Table:
    ids, labels = rows["example_id"].to_pylist(), rows["label"].to_pylist()
    mended = [gold[a] if a in names else b for a, b in zip(ids, labels, strict=True)]
    return rows.set_column(rows.column_names.index("label"), "label", pa.array(mended))


def by_loop(rows: pa.Table, spec: DatasetSpec, gold: dict[str, str], folder: Path) -> float:
    ledger, queue = SqlLedger(open_database(folder / "loop.db")), None
    for iteration in range(1, BATCHES + 1):
        current = curate(rows, ledger.fold(spec.name))
        queue = build_queue(
            audit_labels(predict_probs(current, spec), spec=spec), spec,
            labels=ledger.fold(spec.name), requests=[], previous=queue,
            iteration=iteration, seed=spec.random_state,
        )  # fmt: skip
        verdicts = simulated_verdicts(
            queue, gold, accuracy=ACCURACY, classes=spec.classes, random_state=spec.random_state
        )
        ledger.append(spec.name, verdicts)
    return accuracy(curate(rows, ledger.fold(spec.name)), spec)


def one_seed(seed: int) -> list[float]:
    with threadpool_limits(1), TemporaryDirectory() as folder:
        spec, rows, gold = songs(seed)
        training = rows.filter(pc.field("split") == "train")["example_id"].to_pylist()
        audit = audit_labels(predict_probs(rows, spec), spec=spec)
        worst = set(audit["example_id"].to_pylist()[:CORRECTED])
        drawn = set(np.random.default_rng(seed).permutation(training)[:CORRECTED].tolist())
        return [
            accuracy(rows, spec),
            accuracy(corrected(rows, drawn, gold), spec),
            accuracy(corrected(rows, worst, gold), spec),
            by_loop(rows, spec, gold, Path(folder)),
            accuracy(corrected(rows, set(training), gold), spec),
        ]


def main() -> None:
    found = np.array(over_seeds(one_seed, range(SEEDS), workers=2))
    names = ["as answered", "140 at random by an oracle", "the audit's 140 by an oracle",
             "140 in the loop, simulated reviewer right on 95 %", "all 700 gold"]  # fmt: skip
    rows = []
    for at, name in enumerate(names):
        mean, gain = mean_of(found[:, at]), mean_of(found[:, at] - found[:, 1])
        rows.append([name, f"{mean.value:.3f} ({mean.low:.3f} to {mean.high:.3f})",
                     "" if at == 1 else gain.in_points()])  # fmt: skip
    print(table(["labels", "test accuracy", "points against random"], rows))


if __name__ == "__main__":
    main()
