"""What reviews buy on the digits, by who orders them: our queue, chance, cleanlab's default.

A fifth of the training labels is wrong. In each of five iterations a simulated reviewer, right on
95 % of the rows, decides 60 rows; then the same model is trained on the labels as they stand. The
three orders start from the same labels in each seed, and the reviewer's answer to a row depends
on the row and the seed alone. The queue spends a tenth of its reviews on the random control arm;
the other two need not. cleanlab ranks by `get_label_quality_scores` with its default method, fed
with 5-fold cross-validated probabilities of the model that is trained. Nothing is augmented.

Errors found are labels that were wrong and are right now. Accuracy is that on the test rows,
against the truth.

    python benchmarks/loop_curves.py --seeds 30
"""

from __future__ import annotations

import argparse
import os
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from cleanlab.rank import get_label_quality_scores
from paired import mean_of, over_seeds, table
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from burnish.acquisition import seeded_keys
from burnish.database import open_database
from burnish.ledger import SqlLedger
from burnish.modeling import make_estimator, make_pipeline
from burnish.spec import DatasetSpec, load_spec
from burnish.workflows.audit import audit_labels, predict_probs
from burnish.workflows.curate import curate
from burnish.workflows.ingest import read_examples
from burnish.workflows.queue import QUEUE_SCHEMA, build_queue
from burnish.workflows.simulate import load_truth, simulated_verdicts
from burnish.workflows.train import design_frames, train_model
from burnish.workflows.validate import validate_examples

CATALOG = Path(__file__).resolve().parent.parent / "catalog"
ORDERS = ("queue", "random", "cleanlab")
ITERATIONS, BUDGET, ACCURACY = 5, 60, 0.95


def digits(seed: int) -> DatasetSpec:
    spec = load_spec(CATALOG / "digits.yaml")
    source = spec.source.model_copy(update={"options": {"noise": 0.2, "seed": seed}})
    return spec.model_copy(update={"source": source, "random_state": seed})


def queue_by_audit(current, spec, ledger, previous, iteration):
    audit = audit_labels(predict_probs(current, spec), spec=spec)
    return build_queue(
        audit, spec, labels=ledger.fold(spec.name), requests=[], previous=previous,
        iteration=iteration, seed=spec.random_state,
    )  # fmt: skip


def queue_by_score(current, spec, ledger, iteration, score):
    """The rows of lowest score that are still open, as a queue."""
    train = current.filter(pc.field("split") == "train")
    final = set(ledger.fold(spec.name).decisions["example_id"].to_pylist())
    is_open = np.array([name not in final for name in train["example_id"].to_pylist()])
    order = np.argsort(np.where(is_open, score(train), np.inf), kind="stable")[:BUDGET]
    rows = train.take(pa.array(order))
    nothing = [None] * rows.num_rows
    columns = dict.fromkeys(QUEUE_SCHEMA.names, nothing)
    columns |= {"example_id": rows["example_id"], "label": rows["label"]}
    columns |= {"iteration": [iteration] * rows.num_rows, "reason": ["audit"] * rows.num_rows}
    return pa.table(columns, schema=QUEUE_SCHEMA)


def cleanlab_scores(spec):
    def score(train):
        (frame,) = design_frames([train], spec)
        labels = np.array(train["label"].to_pylist())
        classes = np.unique(labels)
        model = make_pipeline(
            make_estimator(spec.model, random_state=spec.random_state, n_classes=classes.size),
            spec.features,
            frame,
        )
        folds = StratifiedKFold(5, shuffle=True, random_state=spec.random_state)
        probs = cross_val_predict(model, frame, labels, cv=folds, method="predict_proba")
        return get_label_quality_scores(np.searchsorted(classes, labels), probs)

    return score


def chance(spec):
    def score(train):
        ids = train["example_id"].to_pylist()
        return seeded_keys(ids, salt="benchmark", random_state=spec.random_state).astype(float)

    return score


def course(order: str, spec: DatasetSpec, validated: pa.Table, truth: dict[str, str], folder: Path):
    """Errors found and test accuracy after 0, 60, ... reviews by one order."""
    ledger = SqlLedger(open_database(folder / f"{order}.db"))
    previous, found, accuracy = None, [0], []
    for iteration in range(1, ITERATIONS + 2):
        current = curate(validated, ledger.fold(spec.name))
        training = current.filter(pc.field("split") == "train")
        trained = train_model(training, current, spec, random_state=spec.random_state)
        test = trained.predictions.filter(pc.field("split") == "test")
        said, ids = test["predicted"].to_pylist(), test["example_id"].to_pylist()
        accuracy.append(float(np.mean([a == truth[b] for a, b in zip(said, ids, strict=True)])))
        if iteration > ITERATIONS:
            return found, accuracy
        if order == "queue":
            queue = previous = queue_by_audit(current, spec, ledger, previous, iteration)
        else:
            score = cleanlab_scores(spec) if order == "cleanlab" else chance(spec)
            queue = queue_by_score(current, spec, ledger, iteration, score)
        verdicts = simulated_verdicts(
            queue, truth, accuracy=ACCURACY, classes=spec.classes, random_state=spec.random_state
        )
        ledger.append(spec.name, verdicts)
        mended = sum(
            v.from_label != truth[v.example_id] and v.to_label == truth[v.example_id]
            for v in verdicts
        )
        found.append(found[-1] + mended)
    raise AssertionError("unreachable")


def one_seed(seed: int) -> dict[str, tuple[list[int], list[float]]]:
    from tempfile import TemporaryDirectory

    from threadpoolctl import threadpool_limits

    spec = digits(seed)
    validated = validate_examples(read_examples(spec), spec)
    truth = load_truth(spec)
    with TemporaryDirectory() as folder, threadpool_limits(1):
        return {o: course(o, spec, validated, truth, Path(folder)) for o in ORDERS}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--workers", type=int, default=2)
    chosen = parser.parse_args()
    began = time.monotonic()
    runs = over_seeds(one_seed, range(chosen.seeds), workers=chosen.workers)
    found = {o: np.array([run[o][0] for run in runs]) for o in ORDERS}
    accuracy = {o: np.array([run[o][1] for run in runs]) for o in ORDERS}
    headers = ["reviews", *(f"errors found, {o}" for o in ORDERS),
               *(f"test accuracy, {o}" for o in ORDERS)]  # fmt: skip
    rows = [
        [str(BUDGET * at), *(f"{found[o][:, at].mean():.1f}" for o in ORDERS),
         *(f"{accuracy[o][:, at].mean():.4f}" for o in ORDERS)]
        for at in range(ITERATIONS + 1)
    ]  # fmt: skip
    print(table(headers, rows))
    print()
    headers = ["after 300 reviews", "accuracy, points (95 % interval)", "errors found"]
    rows = []
    for other in ("random", "cleanlab"):
        points = mean_of(accuracy["queue"][:, -1] - accuracy[other][:, -1])
        errors = mean_of(found["queue"][:, -1] - found[other][:, -1])
        rows.append([f"queue - {other}", points.in_points(),
                     f"{errors.value:+.1f} ({errors.low:+.1f} to {errors.high:+.1f})"])  # fmt: skip
    print(table(headers, rows))
    print(f"\n{chosen.seeds} seeds, {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
