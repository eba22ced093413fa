"""Columns of a frame shuffled, and what a fitted model loses by it, row by row.

What belongs here: which row gets whose value, the predictions that follow, and the loss of each
row. What does not: what the losses of many rows say of a column (`burnish.modeling.importance`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from burnish.errors import DataError
from burnish.metrics.checked import FloatArray, IntArray, codes, one_dimension, probabilities
from burnish.modeling.features import PIXEL
from burnish.modeling.images import picture_shape
from burnish.spec import Feature
from burnish.typing import Labels

if TYPE_CHECKING:
    import pandas as pd

LossName = Literal["log_loss", "accuracy"]
Orders = NDArray[np.intp]

# Few rows several times over are predicted in one go: a pipeline costs some milliseconds a call.
_ROWS_AT_ONCE = 20_000


def orders_of(
    rows: int, repeats: int, *, random_state: int, within: IntArray | None = None
) -> Orders:
    """Whose value each row gets, shape (repeats, rows): a permutation of the rows each time.

    With `within` (rows,), values are exchanged among the rows of one code alone.

    >>> orders_of(4, 1, random_state=2, within=np.array([0, 1, 0, 1]))[0].tolist()
    [2, 3, 0, 1]
    """
    rng = np.random.default_rng(random_state)
    drawn = np.stack([rng.permutation(rows) for _ in range(repeats)])
    if within is None:
        return drawn
    # Stable by code: rows of one code fill its own places, in the order that was drawn.
    places = np.argsort(within, kind="stable")
    found = np.empty_like(drawn)
    for order, out in zip(drawn, found, strict=True):
        out[places] = order[np.argsort(within[order], kind="stable")]
    return found


@dataclass(frozen=True)
class Losses:
    """The loss of each row of a frame under a model, shape (n,); see `losses_of`."""

    model: Any
    truth: IntArray
    n_classes: int
    metric: LossName

    def __call__(self, frame: pd.DataFrame, *, shuffled: bool = False) -> FloatArray:
        """`frame` holds the rows, or them several times over; those `shuffled` are trusted more."""
        found = np.asarray(self.model.predict_proba(frame), dtype=np.float64)
        # What the model says of the rows as they are was looked at in full: that takes a while.
        if not shuffled or found.shape != (len(frame), self.n_classes):
            found = probabilities(found, len(frame), self.n_classes)
        elif not np.isfinite(found).all():
            raise DataError(
                "pred_probs is NaN or infinite of a shuffled row", expected="finite probabilities"
            )
        wanted = np.tile(self.truth, len(frame) // self.truth.size)
        if self.metric == "accuracy":
            return (found.argmax(axis=1) != wanted).astype(np.float64)
        own = found[np.arange(wanted.size), wanted]
        return -np.log(np.clip(own, np.finfo(np.float64).eps, 1.0))


def losses_of(
    model: Any, y_true: Labels, *, classes: Sequence[object] | None, metric: LossName
) -> Losses:
    """The losses of rows whose labels are `y_true`, in the order of any frame they are asked of.

    log_loss: -ln of the probability of the true class, in nats. accuracy: 1 where the most
    probable class is not the true one, else 0. Raises `DataError` on a label that is no class, and
    when asked, on probabilities that are not.
    """
    labels = one_dimension(y_true, "y_true")
    names = _classes(model) if classes is None else list(classes)
    return Losses(model, codes(labels, names, "y_true"), len(names), metric)


def permuted_losses(
    losses: Losses, frame: pd.DataFrame, columns: Sequence[str], orders: Orders
) -> FloatArray:
    """The loss of each row with `columns` shuffled together as `orders` say, (repeats, n)."""
    import pandas as pd

    step = max(1, _ROWS_AT_ONCE // len(frame))
    parts: list[FloatArray] = []
    for start in range(0, len(orders), step):
        some = orders[start : start + step]
        shuffled = pd.concat([frame] * len(some), ignore_index=True)
        taken = some.ravel()
        for name in columns:
            shuffled[name] = frame[name].array.take(taken)
        parts.append(losses(shuffled, shuffled=True).reshape(some.shape))
    return np.concatenate(parts)


def column_groups(
    features: Mapping[str, Feature], frame: pd.DataFrame
) -> dict[str, tuple[str, ...]]:
    """The columns of a design frame by the feature they were made of.

    All pixels of a picture, all figures of a signal and all parts of a date are one group: they
    come and go together, so that shuffling one of them alone would make rows that never occur.

    >>> from burnish.modeling.features import design_frame
    >>> import pyarrow as pa
    >>> kinds = {"age": Feature(kind="numeric"), "face": Feature(kind="image", shape=(2, 2))}
    >>> rows = pa.table({"age": [31.0], "face": [[0.0, 1.0, 2.0, 3.0]]})
    >>> {name: len(columns) for name, columns in column_groups(kinds, design_frame(rows, kinds))
    ...  .items()}
    {'age': 1, 'face': 4}
    """
    names = [str(name) for name in frame.columns]
    found: dict[str, tuple[str, ...]] = {}
    for name, feature in features.items():
        own = [column for column in names if _made_of(column, name, feature)]
        if own:
            found[name] = tuple(own)
    return found


def patch_groups(
    feature: Feature, columns: Sequence[str], *, cells: int = 4
) -> dict[tuple[int, int], tuple[str, ...]]:
    """The pixels of a picture by patch: (row, column) of a grid of `cells` a side, from 0.

    `columns` are those of one picture in the design frame, row by row.

    >>> pixels = [f"face_px_{at:03d}" for at in range(16)]
    >>> patch_groups(Feature(kind="image"), pixels, cells=2)[(0, 1)]
    ('face_px_002', 'face_px_003', 'face_px_006', 'face_px_007')
    """
    height, width = picture_shape(len(columns), feature.shape)
    found: dict[tuple[int, int], list[str]] = {}
    for at, name in enumerate(columns):
        row, column = divmod(at, width)
        patch = row * min(cells, height) // height, column * min(cells, width) // width
        found.setdefault(patch, []).append(name)
    return {patch: tuple(names) for patch, names in found.items()}


def _made_of(column: str, name: str, feature: Feature) -> bool:
    match feature.kind:
        case "image":
            return PIXEL.search(column) is not None and PIXEL.sub("", column) == name
        case "datetime" | "sensor" | "embedding":
            return column.rpartition("__")[0] == name
        case _:
            return column == name


def _classes(model: Any) -> list[object]:
    known = getattr(model, "classes_", None)
    if known is None:
        raise DataError(
            "the model does not say its classes",
            expected="a fitted classifier, or `classes` in the order of its probabilities",
        )
    return list(np.asarray(known).tolist())
