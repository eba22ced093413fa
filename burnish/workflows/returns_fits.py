"""The fits behind the return on labeling: one seed, every choice of labels, the same held-out rows.

What belongs here: training the spec's model on each arm's labels with one seed, and saying which
held-out rows each gets right. What does not: which arms there are (`burnish.workflows.returns`), or
what the differences mean (`burnish.workflows.returns_table`).

Arms differ in labels alone. The seed of the model, the variants that augmentation makes, a
resample of the rows and the scale of the features are the same in all arms of a seed. Variants of a
row whose label the arms do not agree on are left out of all of them: which variants are kept
depends on labels, and the difference would be of two draws instead of two sets of labels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from burnish.modeling.estimators import make_estimator
from burnish.modeling.features import make_pipeline
from burnish.spec import DatasetSpec
from burnish.typing import Mapper
from burnish.workflows.augment import FOLDS, augment_examples
from burnish.workflows.train import design_frames

Arm = tuple[str | None, ...]
"""The label of each training row; None where the arm does without the row."""


@dataclass(frozen=True)
class Ground:
    """What every fit is made of.

    training: the rows that any arm trains on. held_out: the rows that are scored, with the labels
    they are held against. arms: labels of the training rows, the first of them those that stand
    now. report: the slice report that weights augmentation.
    """

    spec: DatasetSpec
    training: pa.Table
    held_out: pa.Table
    arms: tuple[Arm, ...]
    report: pa.Table | None
    resampled: bool = False

    @property
    def fits_of_a_seed(self) -> int:
        """Models trained for one seed, the judges of augmentation among them."""
        return len(self.arms) + (FOLDS if self.spec.augment.share else 0)


def with_chance(ground: Ground) -> Ground:
    """`ground`, its rows resampled where the seed would change nothing otherwise.

    A model such as logistic regression has no randomness of its own, and without augmentation each
    seed would train the same model again. So two seeds are tried, on the labels that stand now.
    """
    seen = replace(ground, arms=ground.arms[:1])
    first, second = (_probs(seen, seed) for seed in (0, 1))
    return replace(ground, resampled=bool(np.array_equal(first, second)))


def correct_over_seeds(ground: Ground, seeds: range, mapper: Mapper) -> NDArray[np.bool_]:
    """Whether each seed's model of each arm gets a held-out row right: (seeds, arms, rows)."""
    return np.stack(mapper.map(partial(correct_by_arm, ground), seeds))


def correct_by_arm(ground: Ground, seed: int) -> NDArray[np.bool_]:
    """Whether the model of each arm gets a held-out row right, shape (arms, rows)."""
    labels = np.array(ground.held_out["label"].to_pylist(), dtype=object)
    return np.stack([names[probs.argmax(axis=1)] == labels for names, probs in _fits(ground, seed)])


def _probs(ground: Ground, seed: int) -> NDArray[np.float64]:
    ((_, probs),) = _fits(ground, seed)
    return probs


def _fits(ground: Ground, seed: int) -> list[tuple[NDArray[np.object_], NDArray[np.float64]]]:
    """The classes of each arm's model, and its probabilities of the held-out rows."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        variants = _variants(ground, seed)
        tables = [ground.training, variants, ground.held_out]
        training, varied, held_out = design_frames(tables, ground.spec)
        place = {name: at for at, name in enumerate(ground.training["example_id"].to_pylist())}
        origins = np.array([place[name] for name in variants["origin_id"].to_pylist()], np.intp)
        copies = np.ones(len(training), np.intp)
        if ground.resampled:
            copies = np.random.default_rng([seed, len(copies)]).poisson(1.0, len(copies))
        return [
            _fit(ground.spec, seed, (training, varied), held_out, *_rows(arm, copies, origins))
            for arm in ground.arms
        ]


def _rows(
    arm: Arm, copies: NDArray[np.intp], origins: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.intp], list[str]]:
    """Training rows of an arm, its variants, and the labels of both in this order."""
    labels = np.array(arm, dtype=object)
    known = np.array([label is not None for label in arm], dtype=bool)
    wanted = np.where(known, copies, 0)
    for name in {label for label in arm if label is not None}:
        own = labels == name
        if not wanted[own].any():
            # A resample must not lose a class: the model would be of another task.
            wanted[own] = 1
    rows = np.repeat(np.arange(labels.size), wanted)
    kept = np.flatnonzero(known[origins]) if origins.size else np.zeros(0, np.intp)
    return rows, kept, [*labels[rows].tolist(), *labels[origins[kept]].tolist()]


def _fit(
    spec: DatasetSpec,
    seed: int,
    frames: tuple[Any, Any],
    held_out: Any,
    *chosen: Any,
) -> tuple[NDArray[np.object_], NDArray[np.float64]]:
    import pandas as pd

    rows, variants, labels = chosen
    parts = [frames[0].iloc[rows], frames[1].iloc[variants]]
    frame = pd.concat([part for part in parts if len(part)], ignore_index=True)
    estimator = make_estimator(spec.model, random_state=seed, n_classes=len(set(labels)))
    model = make_pipeline(estimator, spec.features, frame).fit(frame, labels)
    names = np.array([str(name) for name in model.classes_], dtype=object)
    return names, np.asarray(model.predict_proba(held_out), dtype=np.float64)


def _variants(ground: Ground, seed: int) -> pa.Table:
    """Variants of the rows on whose label all arms agree, made from the labels that stand now."""
    labels = pa.array(list(ground.arms[0]), pa.string())
    place = ground.training.column_names.index("label")
    now = ground.training.set_column(place, "label", labels)
    now = now.filter(pc.field("label").is_valid())
    held_out = ground.held_out.filter(pc.field("split") != "train")
    rows = pa.concat_tables([now, held_out], promote_options="permissive")
    made = augment_examples(rows, ground.spec, report=ground.report, random_state=seed).examples
    ids = ground.training["example_id"].to_pylist()
    agreed = [name for name, *told in zip(ids, *ground.arms, strict=True) if len(set(told)) == 1]
    return made.filter(pc.field("origin_id").isin(pa.array(agreed, pa.string())))
