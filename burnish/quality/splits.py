"""Which rows are for training and which are held out, as a column says it.

What belongs here: the words of a split, read for checks. What does not: drawing a split
(`burnish.workflows.validate`), or what crosses it (`burnish.quality.copies`, `.times`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from burnish.quality.checked import Checked
from burnish.spec.looks import SPLIT_WORDS


@dataclass(frozen=True)
class Parts:
    """`training` (n,) marks rows to learn from; `held_out` has a mask (n,) for each other split.

    `told` is whether a word said which part is for training, and not its size.
    """

    training: NDArray[np.bool_]
    held_out: dict[str, NDArray[np.bool_]]
    told: bool = True


def parts_of(checked: Checked) -> Parts | None:
    """The parts of a table; None without a split, or where it has one part alone.

    Training rows are those of a word such as `train`, or where no word says so, of the largest
    part. Rows without a word are of no part.
    """
    if checked.split is None:
        return None
    column = checked.column(checked.split)
    words = [SPLIT_WORDS.get(value.strip().lower(), value) for value in column.values]
    rows: dict[str, NDArray[np.bool_]] = {}
    for place, word in enumerate(words):
        rows[word] = rows.get(word, np.zeros(checked.rows, dtype=bool)) | (column.codes == place)
    if len(rows) < 2:
        return None
    largest = max(rows, key=lambda word: int(rows[word].sum()))
    told = "train" in rows
    training = rows.pop("train" if told else largest)
    return Parts(training, rows, told)
