"""What several annotators say together: the door `fit_consensus` and its result.

What belongs here: putting choice, fit, annotators and agreement together. What does not: each of
them (`burnish.consensus.choosing`, `.methods`, `.tables`, `.annotators`, `.agreement`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

from burnish.consensus.agreement import Agreement, disagreement, measure_agreement
from burnish.consensus.annotators import Compared, compare, confusion_counts, describe_annotators
from burnish.consensus.answers import (
    Answers,
    FloatArray,
    IntArray,
    read_answers,
    read_gold,
    read_pred_probs,
)
from burnish.consensus.choosing import Choice, candidates, choose
from burnish.consensus.fitting import METHODS, Known, fit_method
from burnish.errors import DataError

_TIE = 1e-9


@dataclass(frozen=True)
class Consensus:
    """What `fit_consensus` found, example by example in the order of the sorted ids.

    `labels` (N,) and `probabilities` (N, K, columns in the order of `classes`) stand beside
    `example_ids`; `disagreement` (N,) is the share of an example's pairs of answers that differ
    (NaN with one answer), `n_answers` (N,) their number. `annotators` is a table, one row an
    annotator; `method` and `why` say what was chosen, `choice` holds the scores behind it.
    """

    example_ids: tuple[Any, ...]
    classes: tuple[Any, ...]
    labels: NDArray[Any]
    probabilities: FloatArray
    n_answers: IntArray
    disagreement: FloatArray
    annotators: pa.Table
    agreement: Agreement
    choice: Choice
    compared: Compared = field(repr=False)

    @property
    def method(self) -> str:
        """The method whose consensus this is."""
        return self.choice.method

    @property
    def why(self) -> str:
        """One sentence, with numbers: why this method."""
        return self.choice.why

    def confusion_matrix(self, annotator_id: Any) -> FloatArray:
        """What an annotator answers, (K, K): row i is P(answer = j | true = i), smoothed.

        Every row has one answer's worth of doubt spread over the classes, so a class the annotator
        never met has equal entries. Raises `DataError` for somebody who gave no answer.
        """
        ids = self.compared.answers.annotator_ids
        if annotator_id not in ids:
            raise DataError(
                f"annotator {annotator_id!r} gave no answer",
                expected="one of the annotators of the annotations",
            )
        counts = confusion_counts(self.compared, ids.index(annotator_id))
        counts = counts + 1.0 / counts.shape[0]
        return counts / counts.sum(axis=1, keepdims=True)

    def to_table(self) -> pa.Table:
        """One row an example: label, its probability, n_answers, disagreement, and each class."""
        columns = {f"probability:{name}": self.probabilities[:, k] for k, name in self._named()}
        return pa.table(
            {
                "example_id": pa.array(list(self.example_ids)),
                "label": pa.array(self.labels.tolist()),
                "probability": self.probabilities.max(axis=1),
                "n_answers": self.n_answers,
                "disagreement": pa.array(self.disagreement, from_pandas=True),
                **columns,
            }
        )

    def _named(self) -> list[tuple[int, Any]]:
        return list(enumerate(self.classes))


def fit_consensus(
    annotations: Any,
    *,
    pred_probs: Any = None,
    classes: Sequence[Any] | None = None,
    gold: Any = None,
    method: str = "auto",
    random_state: int = 0,
) -> Consensus:
    """One label for each example from the answers of several annotators.

    `annotations` is a table (Arrow, pandas, polars, a mapping of columns) with example_id,
    annotator_id and label; `classes` defaults to the labels that occur. `pred_probs`, out of
    sample, lets a model speak beside the annotators: a table with example_id and a column a class,
    or an array (N, K) in the order of the sorted example ids. `gold` (a mapping of example_id to
    label, or a table) decides between methods from 20 examples on, and is kept as the label.

    `method` is 'auto', 'majority', 'reliability' (one number an annotator), 'dawid_skene' (a table
    an annotator; Dawid and Skene 1979), 'dawid_skene_kinds' (with easy and hard examples; Li,
    Rubinstein and Cohn 2019) or 'model' (the best of these with `pred_probs`). 'auto' takes the
    simplest that predicts held-out answers as well as any; `why` says so in words.

    A tie goes to the class whose annotators agree with others more often, and what is still tied
    to a draw by `random_state` and the example's id: never to the order of rows. Raises
    `DataError` on missing values, an empty table, an unknown class or method, or an annotator who
    answers an example twice, naming the row.

    >>> answers = {
    ...     "example_id": [1, 1, 1, 2, 2, 2],
    ...     "annotator_id": ["ann", "bob", "cy", "ann", "bob", "cy"],
    ...     "label": ["cat", "cat", "dog", "dog", "dog", "dog"],
    ... }
    >>> fit_consensus(answers, method="majority").labels.tolist()
    ['cat', 'dog']
    """
    answers = read_answers(annotations, classes=classes)
    known = Known(
        None if pred_probs is None else read_pred_probs(pred_probs, answers),
        None if gold is None else read_gold(gold, answers),
    )
    choice = _choice(answers, known, method, random_state)
    fit = fit_method(answers, choice.method, known)
    # Shares of votes know no annotators: to judge these, each is given a reliability first.
    counted = choice.method == "majority"
    judge = fit_method(answers, "reliability", known) if counted else fit
    compared = compare(answers, judge)
    annotators = describe_annotators(answers, compared)
    names = np.empty(len(answers.classes), dtype=object)
    names[:] = answers.classes
    chosen = _labels(answers, fit.probabilities, annotators, random_state)
    return Consensus(
        example_ids=answers.example_ids,
        classes=answers.classes,
        labels=names[chosen],
        probabilities=fit.probabilities,
        n_answers=np.bincount(answers.example, minlength=len(answers.example_ids)),
        disagreement=disagreement(answers),
        annotators=annotators,
        agreement=measure_agreement(answers),
        choice=choice,
        compared=compared,
    )


def _choice(answers: Answers, known: Known, method: str, random_state: int) -> Choice:
    names = candidates(answers, known)
    if method == "auto":
        return choose(answers, known, names=names, random_state=random_state)
    if method == "model":
        if known.pred_probs is None:
            raise DataError(
                "method is 'model' without pred_probs", expected="a model's probabilities"
            )
        models = tuple(name for name in names if name.endswith("+model"))
        return choose(answers, known, names=models, random_state=random_state)
    if method not in {*METHODS, *names}:
        raise DataError(
            f"method is {method!r}",
            expected="one of: auto, model, " + ", ".join([*METHODS, *names[len(METHODS) :]]),
            hint="methods that end in +model need pred_probs",
        )
    return Choice(method, f"{method}: asked for")


def _labels(
    answers: Answers, probabilities: FloatArray, annotators: pa.Table, random_state: int
) -> IntArray:
    """The most probable class; of tied ones that of the better annotators, then by a draw."""
    best = probabilities.argmax(axis=1)
    top = probabilities.max(axis=1, keepdims=True)
    tied = np.flatnonzero((probabilities >= top - _TIE).sum(axis=1) > 1)
    if tied.size == 0:
        return best
    N, _, K = answers.shape
    support = np.bincount(
        answers.example * K + answers.label,
        weights=annotators["reliability"].to_numpy()[answers.annotator],
        minlength=N * K,
    ).reshape(N, K)
    for at in tied.tolist():
        among = np.flatnonzero(probabilities[at] >= top[at] - _TIE)
        value = support[at, among]
        among = among[value >= value.max() - _TIE]
        if among.size > 1:
            among = among[_draw(answers, at, among, random_state) :]
        best[at] = among[0]
    return best


def _draw(answers: Answers, example: int, among: IntArray, random_state: int) -> int:
    """The place of the smallest hash: a draw that knows the ids and the seed, and no order."""
    name = answers.example_ids[example]
    hashes = [
        xxhash.xxh64_intdigest(f"{name!r}|{answers.classes[k]!r}".encode(), seed=random_state)
        for k in among.tolist()
    ]
    return int(np.argmin(hashes))
