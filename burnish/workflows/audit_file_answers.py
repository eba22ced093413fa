"""The answers of several annotators, beside the labels of a file that is audited.

What belongs here: joining answers to rows, the two signals that come of them, and hearing
annotators beside the models. What does not:
how a consensus is found (`burnish.consensus`), or reading the file (`burnish.workflows.ingest`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import nan
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute

from burnish.consensus import fit_consensus
from burnish.errors import DataError
from burnish.spec import DatasetSpec
from burnish.workflows.audit import PREFIX
from burnish.workflows.ingest import read_annotations

# Arrow makes these functions when it is imported, so a checker cannot know them.
pc: Any = compute

_POWER, _TINY, _EVEN = 0.25, 1e-6, 0.5
_SHOWN = 5


@dataclass(frozen=True)
class Consensus:
    """What the answers come to: a label by example_id, a reliability by annotator, and how.

    `odd` names annotators who are worse than a guess or flip a class, each with what they are;
    `alpha` is Krippendorff's, 1 where all agree and 0 where they do as by chance.
    """

    labels: Mapping[str, str]
    reliability: Mapping[str, float]
    method: str
    why: str = ""
    odd: Mapping[str, str] = field(default_factory=dict[str, str])
    alpha: float = nan


@dataclass(frozen=True)
class Answers:
    """Answers by row: `given` has the pairs (annotator, label) of each, none where nobody answered.

    table: the answers themselves (example_id, annotator_id, label). labels: what the answers of
    each row come to, null where there are none.
    """

    table: pa.Table
    given: tuple[tuple[tuple[str, str], ...], ...]
    labels: pa.ChunkedArray
    consensus: Consensus
    notes: tuple[str, ...] = ()


def read_answers(spec: DatasetSpec, examples: pa.Table) -> Answers | None:
    """The answers to `examples` in their order; None where the spec has no annotations.

    Raises `DataError` where no answer belongs to any row or an annotator answers a row twice, and
    what `read_annotations` raises.
    """
    table = read_annotations(spec)
    if table is None:
        return None
    known = pc.is_in(table["example_id"], value_set=examples["example_id"].combine_chunks())
    whole = pc.and_(pc.is_valid(table["label"]), pc.is_valid(table["annotator_id"]))
    answers = table.filter(pc.and_(known, whole))
    if answers.num_rows == 0:
        raise DataError(
            "no answer belongs to any row",
            expected="example_id of the annotations among the ids of the rows",
            hint="name the column that they speak of with --id",
        )
    lost = table.num_rows - answers.num_rows
    consensus = _consensus(answers)
    by_row: dict[str, list[tuple[str, str]]] = {}
    for example_id, annotator, label in _triples(answers):
        by_row.setdefault(example_id, []).append((annotator, label))
    ids: list[str] = examples["example_id"].to_pylist()
    labels = pa.array([consensus.labels.get(name) for name in ids], pa.string())
    return Answers(
        table=answers.select(["example_id", "annotator_id", "label"]),
        given=tuple(tuple(by_row.get(name, ())) for name in ids),
        labels=pa.chunked_array([labels]),
        consensus=consensus,
        notes=(f"{lost:,} answers are not whole or belong to no row",) if lost else (),
    )


def strange_answers(answers: Answers, labels: Sequence[str | None]) -> tuple[str, ...]:
    """A note on answers that are the label of no row, say 'unsure'; none where there are none.

    Raises `DataError` where all are: then labels and answers are written differently.
    """
    known = {label for label in labels if label is not None}
    strange = Counter(a for a in answers.table["label"].to_pylist() if a not in known)
    if not strange:
        return ()
    often = strange.most_common(1)[0][0]
    if strange.total() == answers.table.num_rows:
        raise DataError(
            f"no answer is the label of any row; {often!r} is given most often",
            expected="labels as the rows have them: " + ", ".join(sorted(known)[:_SHOWN]),
            hint="write the labels of the annotations as those of the file, or leave --target out",
        )
    count = strange.total()
    said = f"{count:,} {'answer is' if count == 1 else 'answers are'} the label of no row"
    return (f"{said}, such as {often!r}: counted as disagreement, and not heard otherwise",)


def answer_signals(answers: Answers, labels: Sequence[str | None]) -> dict[str, pa.Array]:
    """How the answers stand to the labels, row by row; null where nobody answered.

    annotator_disagreement: the share of answers that are not the label. annotator_reliability: the
    mean reliability of those who gave the label; 0 where nobody did.

    >>> answers = Answers(
    ...     pa.table({}), ((("ann", "cat"), ("bob", "dog")), ()), pa.chunked_array([["cat", None]]),
    ...     Consensus({}, {"ann": 0.9, "bob": 0.5}, "majority"))
    >>> {name: cells.to_pylist() for name, cells in answer_signals(answers, ["cat", "dog"]).items()}
    {'annotator_disagreement': [0.5, None], 'annotator_reliability': [0.9, None]}
    """
    disagreement: list[float | None] = []
    reliability: list[float | None] = []
    for pairs, label in zip(answers.given, labels, strict=True):
        if not pairs or label is None:
            disagreement.append(None)
            reliability.append(None)
            continue
        agreeing = [annotator for annotator, answer in pairs if answer == label]
        disagreement.append(1.0 - len(agreeing) / len(pairs))
        known = [answers.consensus.reliability[annotator] for annotator in agreeing]
        reliability.append(sum(known) / len(known) if known else 0.0)
    return {
        "annotator_disagreement": pa.array(disagreement, pa.float64()),
        "annotator_reliability": pa.array(reliability, pa.float64()),
    }


def heard(audit: pa.Table, probs: pa.Table, answers: Answers) -> pa.Table:
    """`audit` with the annotators heard beside the models, for rows that somebody answered.

    `probs` are the probabilities that the audit read. A consensus of annotators and models says
    how probable each label is; the odds that it is wrong, to the power of a quarter, take the place
    of the models' own, at the same mean. (On songs with answers of a crowd the consensus ranked
    wrong labels far better than models or annotators alone, and was far too sure; a power of .2 to
    .3 was the best calibrated.) suggested_label is the consensus' own; where the models take
    another class for likelier than the label, or the label is more probably wrong than right, it is
    the likeliest of the others.
    """
    names = [name for name in probs.column_names if name.startswith(PREFIX)]
    judged = pc.is_in(probs["example_id"], value_set=answers.table["example_id"].combine_chunks())
    known = probs.filter(judged).select(["example_id", *names])
    known = known.rename_columns(["example_id", *(name.removeprefix(PREFIX) for name in names)])
    # An answer that no row has as its label (unsure) speaks for none of the classes.
    said = answers.table.filter(
        pc.and_(
            pc.is_in(answers.table["example_id"], value_set=known["example_id"].combine_chunks()),
            pc.is_in(answers.table["label"], value_set=pa.array(known.column_names[1:])),
        )
    )
    if known.num_rows == 0 or said.num_rows == 0:
        return audit
    found = fit_consensus(said, pred_probs=known, classes=known.column_names[1:], method="model")
    place = {name: at for at, name in enumerate(found.to_table()["example_id"].to_pylist())}
    column = {name: at for at, name in enumerate(found.classes)}
    rows = audit.select(["example_id", "label", "error_probability"]).to_pylist()
    at = [n for n, row in enumerate(rows) if row["example_id"] in place and row["label"] in column]
    own = [found.probabilities[place[rows[n]["example_id"]], column[rows[n]["label"]]] for n in at]
    probability = np.array(
        [np.nan if row["error_probability"] is None else row["error_probability"] for row in rows]
    )
    probability[at] = _softened(1.0 - np.array(own), float(probability[at].mean()))
    suggested = audit["suggested_label"].to_pylist()
    for n in at:
        chances = found.probabilities[place[rows[n]["example_id"]]].copy()
        if suggested[n] != rows[n]["label"] or probability[n] > _EVEN:
            chances[column[rows[n]["label"]]] = -1.0
        suggested[n] = str(found.classes[int(chances.argmax())])
    return _ranked_again(audit, probability, suggested)


def _softened(wrong: NDArray[np.float64], mean: float) -> NDArray[np.float64]:
    odds = _POWER * (np.log(wrong + _TINY) - np.log(1.0 - wrong + _TINY))
    low, high = -60.0, 60.0
    for _ in range(60):
        shift = (low + high) / 2
        low, high = (shift, high) if _logistic(odds + shift).mean() < mean else (low, shift)
    return _logistic(odds + (low + high) / 2)


def _logistic(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1.0 / (1.0 + np.exp(-z))


def _ranked_again(
    audit: pa.Table, probability: NDArray[np.float64], suggested: list[str]
) -> pa.Table:
    labels = audit["label"].to_pylist()
    pairs = [
        f"{a}>{b}" if a is not None and a != b else None
        for a, b in zip(labels, suggested, strict=True)
    ]
    known = ~np.isnan(probability)
    # Ties keep the order of the models.
    order = np.argsort(-probability[known], kind="stable")
    rank = np.zeros(len(probability), dtype=np.int64)
    rank[np.flatnonzero(known)[order]] = np.arange(1, order.size + 1)
    columns = {
        "error_probability": pa.array(probability, from_pandas=True),
        "suggested_label": pa.array(suggested, pa.string()),
        "confusion_pair": pa.array(pairs, pa.string()),
        "audit_rank": pa.array(rank, mask=~known),
    }
    for name, cells in columns.items():
        audit = audit.set_column(audit.column_names.index(name), name, cells)
    return audit.sort_by("audit_rank")


def _triples(answers: pa.Table) -> list[tuple[str, str, str]]:
    columns = [answers[name].to_pylist() for name in ("example_id", "annotator_id", "label")]
    return list(zip(*columns, strict=True))


def _consensus(answers: pa.Table) -> Consensus:
    """The label of each example by all of its answers."""
    found = fit_consensus(answers.select(["example_id", "annotator_id", "label"]))
    table, people = found.to_table(), found.annotators.to_pylist()
    pairs = zip(table["example_id"].to_pylist(), table["label"].to_pylist(), strict=True)
    return Consensus(
        labels=dict(pairs),
        reliability={one["annotator_id"]: one["reliability"] for one in people},
        method=found.method,
        why=found.why,
        odd={one["annotator_id"]: one["kind"] for one in people if one["kind"] in _ODD},
        alpha=found.agreement.alpha,
    )


_ODD = ("spammer", "adversary")
