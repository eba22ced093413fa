"""The answers of several annotators, beside the labels of a file that is audited.

What belongs here: joining answers to rows, and the two signals that come of them. What does not:
how a consensus is found (`burnish.consensus`), or reading the file (`burnish.workflows.ingest`).
"""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from pyarrow import compute

from burnish.errors import DataError
from burnish.spec import DatasetSpec
from burnish.workflows.ingest import read_annotations

# Arrow makes these functions when it is imported, so a checker cannot know them.
pc: Any = compute


@dataclass(frozen=True)
class Consensus:
    """What the answers come to: a label by example_id, a reliability by annotator, and how.

    `odd` names annotators who are worse than a guess or flip a class, each with what they are.
    """

    labels: Mapping[str, str]
    reliability: Mapping[str, float]
    method: str
    why: str = ""
    odd: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Answers:
    """Answers by row: `given` has the pairs (annotator, label) of each, none where nobody answered.

    labels: what the answers of each row come to, null where there are none.
    """

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
        given=tuple(tuple(by_row.get(name, ())) for name in ids),
        labels=pa.chunked_array([labels]),
        consensus=consensus,
        notes=(f"{lost:,} answers are not whole or belong to no row",) if lost else (),
    )


def answer_signals(answers: Answers, labels: Sequence[str | None]) -> dict[str, pa.Array]:
    """How the answers stand to the labels, row by row; null where nobody answered.

    annotator_disagreement: the share of answers that are not the label. annotator_reliability: the
    mean reliability of those who gave the label; 0 where nobody did.

    >>> answers = Answers(((("ann", "cat"), ("bob", "dog")), ()), pa.chunked_array([["cat", None]]),
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


def _triples(answers: pa.Table) -> list[tuple[str, str, str]]:
    columns = [answers[name].to_pylist() for name in ("example_id", "annotator_id", "label")]
    return list(zip(*columns, strict=True))


def _consensus(answers: pa.Table) -> Consensus:
    """The label of each example by all of its answers."""
    try:
        fit: Any = importlib.import_module("burnish.consensus").fit_consensus
    except ImportError:
        return _most_answers(answers)
    found = fit(answers.select(["example_id", "annotator_id", "label"]))
    table, people = found.to_table(), found.annotators.to_pylist()
    pairs = zip(table["example_id"].to_pylist(), table["label"].to_pylist(), strict=True)
    return Consensus(
        labels=dict(pairs),
        reliability={one["annotator_id"]: one["reliability"] for one in people},
        method=found.method,
        why=found.why,
        odd={one["annotator_id"]: one["kind"] for one in people if one["kind"] in _ODD},
    )


_ODD = ("spammer", "adversary")


def _most_answers(answers: pa.Table) -> Consensus:
    votes: dict[str, Counter[str]] = {}
    triples = _triples(answers)
    for example_id, _, label in triples:
        votes.setdefault(example_id, Counter())[label] += 1
    labels = {
        name: min(counts, key=lambda label: (-counts[label], label))
        for name, counts in votes.items()
    }
    agreed, asked = Counter[str](), Counter[str]()
    for example_id, annotator, label in triples:
        asked[annotator] += 1
        agreed[annotator] += labels[example_id] == label
    # One answer of each kind is added, so that three answers prove no perfect annotator.
    reliability = {name: (agreed[name] + 1) / (count + 2) for name, count in asked.items()}
    return Consensus(labels, reliability, "majority")
