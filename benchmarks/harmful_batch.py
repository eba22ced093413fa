"""What catches a harmful batch of labels: the promotion gate, gold items, or neither.

Parcels (4,000 synthetic rows, 2,400 for training, a tenth of their labels wrong; 800 for
validation, labels right), a champion trained on the labels as collected. One batch follows: 100 or
300 random training rows of one depot, of about 480, and gold items of a twentieth of that number
from all depots. Whoever decides is wrong on 20 or 40 % of the rows, or, as a good batch, on 5 %:

- by one rule: a parcel for the belt is called one for the hand, as often as the share allows;
- by chance: as `burnish.workflows.simulate` errs, mostly the label at hand.

Then the model is trained again, and the two are held against each other on the validation rows:

- gate, overall: worse over all with 95 % confidence (`burnish.workflows.promote`);
- gate, a slice: any of overall, five depots and three carriers is worse, corrected for the nine
  (`burnish.slices.compare`);
- gold: Wilson's upper limit of the gold items answered rightly is below 85 %
  (`burnish.workflows.batch_quality`).

The harm is measured on the 800 test rows: accuracy after less before, over all and in the depot.
Shares are of seeds, with Wilson's 95 % interval in brackets.

    python benchmarks/harmful_batch.py [SEEDS] [MODEL]
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from paired import over_seeds, table

from burnish.datasets import load_bundled
from burnish.datasets.truth import bundled_truth
from burnish.metrics import wilson_interval
from burnish.records import LabelEvent, Verdict
from burnish.slices import compare, everything, resolve_slices
from burnish.spec import DatasetSpec, Feature, Model, Slice, Source
from burnish.workflows.batch_quality import batch_gold, gold_alarm
from burnish.workflows.promote import decide_promotion
from burnish.workflows.simulate import simulated_verdicts
from burnish.workflows.simulate_harm import one_sided_verdicts
from burnish.workflows.train import train_model

SEEDS, GOLD_SHARE, CLASSES = 200, 0.05, ("belt", "freight", "hand")
NUMBERS = ("weight_kg", "length_cm", "girth_cm", "value_eur", "distance_km", "hour")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Scenario:
    """A batch: rows in one depot, the share of them that is decided wrongly, and how."""

    size: int
    wrong: float
    one_sided: bool


SCENARIOS = tuple(
    Scenario(size, wrong, one_sided)
    for wrong, one_sided in ((0.4, True), (0.2, True), (0.4, False), (0.2, False), (0.05, False))
    for size in (300, 100)
)


def spec_of(model: str) -> DatasetSpec:
    kinds = {name: Feature(kind="numeric") for name in NUMBERS}
    kinds |= {name: Feature(kind="categorical") for name in ("carrier", "depot")}
    return DatasetSpec(
        name="parcels", source=Source(bundled="parcels"), target="label", features=kinds,
        classes=CLASSES, model=Model(name=model), split={"column": "split"},
        slices=(Slice(name="depot", column="depot"), Slice(name="carrier", column="carrier")),
    )  # fmt: skip


def trained(rows: pa.Table, spec: DatasetSpec, seed: int) -> pa.Table:
    training = rows.filter(pc.field("split") == "train")
    return train_model(training, rows, spec, random_state=seed).predictions


def decided(
    rows: pa.Table, truth: dict[str, str], depot: str, one: Scenario, seed: int
) -> tuple[list[Verdict], dict[str, str]]:
    """The verdicts on a batch, gold items among them, and the known answers of these."""
    rng = np.random.default_rng([seed, one.size])
    training = rows.filter(pc.field("split") == "train")
    inside = rng.permutation(
        np.flatnonzero(np.array(training["depot"].to_pylist()) == depot)
    )[: one.size]  # fmt: skip
    others = np.setdiff1d(np.arange(training.num_rows), inside)
    known = rng.permutation(others)[: round(GOLD_SHARE * one.size)]
    picked = training.take(pa.array(np.concatenate([inside, known])))
    n = picked.num_rows
    queue = pa.table(
        {
            "example_id": picked["example_id"], "label": picked["label"],
            "suggested_label": picked["label"], "iteration": [1] * n,
            "reason": ["requested"] * len(inside) + ["gold"] * len(known),
            "error_probability": [0.5] * n, "inclusion_probability": pa.nulls(n, pa.float64()),
        }
    )  # fmt: skip
    gold = {name: truth[name] for name in picked["example_id"].to_pylist()[len(inside) :]}
    if one.one_sided:
        said = one_sided_verdicts(
            queue, truth, wrong=one.wrong, takes="belt", calls="hand", random_state=seed
        )
    else:
        said = simulated_verdicts(
            queue, truth, accuracy=1 - one.wrong, classes=CLASSES, random_state=seed
        )
    return said, gold


def with_labels(rows: pa.Table, said: list[Verdict], gold: dict[str, str]) -> pa.Table:
    new = {verdict.example_id: verdict.to_label for verdict in said} | gold
    ids, labels = rows["example_id"].to_pylist(), rows["label"].to_pylist()
    mended = [new.get(name, label) for name, label in zip(ids, labels, strict=True)]
    return rows.set_column(rows.column_names.index("label"), "label", pa.array(mended))


def a_slice_is_worse(before: pa.Table, after: pa.Table, rows: pa.Table, spec: DatasetSpec) -> bool:
    own = after.filter(pc.field("split") == "validation")
    old = before.filter(pc.field("split") == "validation")
    place = {name: at for at, name in enumerate(rows["example_id"].to_pylist())}
    examples = rows.take(pa.array([place[name] for name in own["example_id"].to_pylist()]))
    cuts = [everything(own.num_rows), *resolve_slices(examples, spec.slices)]
    found = compare(own["label"].to_pylist(), old["predicted"].to_pylist(),
                    own["predicted"].to_pylist(), cuts)  # fmt: skip
    return any(True for _ in found.rows(finding="worse"))


def harm(before: pa.Table, after: pa.Table, names: set[str]) -> float:
    test = pc.field("split") == "test"
    pairs = zip(before.filter(test).to_pylist(), after.filter(test).to_pylist(), strict=True)
    gains = [int(b["correct"]) - int(a["correct"]) for a, b in pairs if b["example_id"] in names]
    return float(np.mean(gains))


def one_seed(task: tuple[int, str]) -> list[list[float]]:
    seed, model = task
    spec = spec_of(model)
    rows = load_bundled("parcels", seed=seed).examples
    named = bundled_truth("parcels", seed=seed)
    truth = dict(zip(named["example_id"].to_pylist(), named["label"].to_pylist(), strict=True))
    depot = sorted(set(rows["depot"].to_pylist()))[seed % 5]
    inside = set(rows.filter(pc.field("depot") == depot)["example_id"].to_pylist())
    before = trained(rows, spec, seed)
    found: list[list[float]] = []
    for one in SCENARIOS:
        said, gold = decided(rows, truth, depot, one, seed)
        after = trained(with_labels(rows, said, gold), spec, seed)
        overall = not decide_promotion(after, before).promoted
        in_slice = a_slice_is_worse(before, after, rows, spec)
        events = [LabelEvent(n, "parcels", v, NOW, "") for n, v in enumerate(said, 1)]
        alarm = gold_alarm(batch_gold(events, gold, 1)).raised
        gate = overall or in_slice
        found.append([overall, in_slice, gate, alarm, gate or alarm,
                      harm(before, after, set(truth)), harm(before, after, inside)])  # fmt: skip
    return found


def share(hits: np.ndarray) -> str:
    one = wilson_interval(int(hits.sum()), hits.size)
    return f"{100 * one.value:.1f} % ({100 * one.low:.1f} to {100 * one.high:.1f})"


def main() -> None:
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS
    model = sys.argv[2] if len(sys.argv) > 2 else "logistic"
    found = np.array(over_seeds(one_seed, [(seed, model) for seed in range(seeds)], workers=2))
    lines = []
    for at, one in enumerate(SCENARIOS):
        how = "by one rule" if one.one_sided else "by chance"
        mine = found[:, at]
        lines.append(
            [str(one.size), f"{one.wrong:.0%} {how}", *(share(mine[:, k]) for k in range(5)),
             f"{100 * mine[:, 5].mean():+.1f}", f"{100 * mine[:, 6].mean():+.1f}"]
        )  # fmt: skip
    print(f"{model}, {seeds} seeds\n")
    names = ["rows", "wrong", "gate, overall", "gate, a slice", "gate", "gold", "gate or gold",
             "points on test", "points in the depot"]  # fmt: skip
    print(table(names, lines))


if __name__ == "__main__":
    main()
