"""Labels that people really got wrong: 700 songs, one random answer each, 44 % of them wrong.

The same linear model (LogisticRegression, C = 0.1, scaled features) is trained after a fifth of
the labels were looked at, and scored on songs that were kept apart. Beside each other:

- nobody corrects anything; all labels are gold;
- an oracle gives their gold label to a fifth of the songs: at random; the least believed by one
  linear model (cleanlab's default, self-confidence); the most probably wrong by the audit; those
  whose review is worth most, as a batch takes them (without control rows);
- the loop: five batches, a tenth of each drawn at random as control arm, decided by a simulated
  reviewer who is right on 95 % of the songs; the audit is made anew after each batch.

Over ten draws of the answers on the set's own split (700 songs, 140 of them looked at, 300 kept
apart), and over twenty splits drawn anew: only 700 songs have answers of the crowd, so 560 of these
are for training, 112 of them looked at, and the other 140 are kept apart with the 300.

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
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from burnish.acquisition import compose_batch
from burnish.database import open_database
from burnish.ledger import SqlLedger
from burnish.spec import DatasetSpec, Feature, Model, Review, Source
from burnish.workflows.audit import audit_labels, predict_probs
from burnish.workflows.curate import curate
from burnish.workflows.queue import build_queue
from burnish.workflows.simulate import simulated_verdicts
from burnish.workflows.train import train_model
from burnish.workflows.validate import validate_examples

SEEDS, SPLITS, BATCHES, ACCURACY = 10, 20, 5, 0.95
APART = 140


def songs(seed: int, *, redrawn: bool) -> tuple[DatasetSpec, pa.Table, dict[str, str]]:
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
    if redrawn:
        drawn_apart = np.random.default_rng(1_000 + seed).permutation(len(parts[0]))[:APART]
        at = parts[0].columns.get_loc
        parts[0].iloc[drawn_apart, at("split")] = "test"
        parts[0].iloc[drawn_apart, at("label")] = parts[0]["gold"].iloc[drawn_apart]
    whole = pd.concat(parts, ignore_index=True)
    corrected = int((whole["split"] == "train").sum()) // 5
    columns = [name for name in whole if name.startswith("feature")]
    spec = DatasetSpec(
        name="music",
        source=Source(path="songs.csv"),
        target="label",
        classes=tuple(sorted(set(whole["gold"]))),
        features={name: Feature(kind="numeric") for name in columns},
        model=Model(name="sklearn.linear_model:LogisticRegression",
                    params={"C": 0.1, "max_iter": 2000}),
        review=Review(budget=round(corrected / BATCHES)),
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


def least_believed(rows: pa.Table, spec: DatasetSpec, count: int) -> set[str]:
    """The songs whose label one linear model, cross-validated, finds least probable."""
    own = rows.filter(pc.field("split") == "train")
    X = np.column_stack([own[name].to_numpy() for name in spec.features])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))
    labels = np.array(own["label"].to_pylist())
    cut = StratifiedKFold(5, shuffle=True, random_state=spec.random_state)
    probs = cross_val_predict(model, X, labels, cv=cut, method="predict_proba")
    given = probs[np.arange(len(labels)), np.searchsorted(np.unique(labels), labels)]
    ids = own["example_id"].to_pylist()
    return {ids[at] for at in np.argsort(given, kind="stable")[:count]}


def one_seed(task: tuple[int, bool]) -> list[float]:
    seed, redrawn = task
    with threadpool_limits(1), TemporaryDirectory() as folder:
        spec, rows, gold = songs(seed, redrawn=redrawn)
        training = rows.filter(pc.field("split") == "train")["example_id"].to_pylist()
        count = len(training) // 5
        audit = audit_labels(predict_probs(rows, spec), spec=spec)
        worst = set(audit["example_id"].to_pylist()[:count])
        drawn = set(np.random.default_rng(seed).permutation(training)[:count].tolist())
        batch = compose_batch(audit, budget=count, control_share=0.0, random_state=seed)
        chosen = [
            drawn, least_believed(rows, spec, count), worst, set(batch["example_id"].to_pylist())
        ]  # fmt: skip
        return [
            accuracy(rows, spec),
            *[accuracy(corrected(rows, names, gold), spec) for names in chosen],
            by_loop(rows, spec, gold, Path(folder)),
            accuracy(corrected(rows, set(training), gold), spec),
        ]


NAMES = [
    "as answered", "random, by an oracle", "self-confidence of one linear model, by an oracle",
    "most probably wrong by the audit, by an oracle", "worth most as a batch, by an oracle",
    f"the loop, simulated reviewer right on {ACCURACY:.0%}", "all gold",
]  # fmt: skip


def report(title: str, found: np.ndarray) -> None:
    rows = []
    for at, name in enumerate(NAMES):
        mean = mean_of(found[:, at])
        gains = [mean_of(found[:, at] - found[:, other]).in_points() for other in (1, 2)]
        rows.append([name, f"{mean.value:.3f} ({mean.low:.3f} to {mean.high:.3f})",
                     *("" if at == other else gain
                       for other, gain in zip((1, 2), gains, strict=True))])  # fmt: skip
    print(f"{title}\n")
    print(table(["labels looked at", "test accuracy", "points against random",
                 "points against self-confidence"], rows))  # fmt: skip
    print()


def main() -> None:
    tasks = [(seed, False) for seed in range(SEEDS)] + [(seed, True) for seed in range(SPLITS)]
    found = np.array(over_seeds(one_seed, tasks, workers=2))
    report(f"{SEEDS} draws of answers, the set's own split", found[:SEEDS])
    report(f"{SPLITS} splits drawn anew", found[SEEDS:])


if __name__ == "__main__":
    main()
