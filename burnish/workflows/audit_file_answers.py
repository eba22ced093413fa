"""The answers of several annotators, beside the labels of a file that is audited.

What belongs here: joining answers to rows, and the two signals that come of them. What does not:
how a consensus is found (`burnish.consensus`), or reading the file (`burnish.workflows.ingest`).
"""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyarrow import compute

from burnish.errors import DataError
from burnish.spec import DatasetSpec
from burnish.workflows.ingest import read_annotations

# Arrow makes these functions when it is imported, so a checker cannot know them.
pc: Any = compute


@dataclass(frozen=True)
class Answers:
    """Answers by row: `given` has the pairs (annotator, label) of each, none where nobody answered.

    consensus: the label that the answers come to, null where there are none; method: how it was
    found. reliability: by annotator, the share of answers that are the consensus.
    """

    given: tuple[tuple[tuple[str, str], ...], ...]
    consensus: pa.ChunkedArray
    method: str
    reliability: Mapping[str, float]
    notes: tuple[str, ...] = ()


def read_answers(spec: DatasetSpec, examples: pa.Table) -> Answers | None:
    """The answers to `examples` in their order; None where the spec has no annotations.

    Raises `DataError` where no answer belongs to any row, and what `read_annotations` raises.
    """
    table = read_annotations(spec)
    if table is None:
        return None
    answers = table.filter(
        pc.and_(pc.is_in(table["example_id"], examples["example_id"]), pc.is_valid(table["label"]))
    )
    if answers.num_rows == 0:
        raise DataError(
            "no answer belongs to any row",
            expected="example_id of the annotations among the ids of the rows",
            hint="name the column that they speak of with --id",
        )
    lost = table.num_rows - answers.num_rows
    found, method = _consensus(answers)
    by_row: dict[str, list[tuple[str, str]]] = {}
    for example_id, annotator, label in _triples(answers):
        by_row.setdefault(example_id, []).append((annotator, label))
    ids: list[str] = examples["example_id"].to_pylist()
    return Answers(
        given=tuple(tuple(by_row.get(name, ())) for name in ids),
        consensus=pa.chunked_array([pa.array([found.get(name) for name in ids], pa.string())]),
        method=method,
        reliability=_reliability(answers, found),
        notes=(f"{lost:,} answers have no label or belong to no row",) if lost else (),
    )


def answer_signals(answers: Answers, labels: Sequence[str | None]) -> dict[str, pa.Array]:
    """How the answers stand to the labels, row by row; null where nobody answered.

    annotator_disagreement: the share of answers that are not the label. annotator_reliability: the
    mean reliability of those who gave the label; 0 where nobody did.

    >>> answers = Answers(((("ann", "cat"), ("bob", "dog")), ()), pa.chunked_array([["cat", None]]),
    ...     "majority", {"ann": 0.9, "bob": 0.5})
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
        known = [answers.reliability[annotator] for annotator in agreeing]
        reliability.append(sum(known) / len(known) if known else 0.0)
    return {
        "annotator_disagreement": pa.array(disagreement, pa.float64()),
        "annotator_reliability": pa.array(reliability, pa.float64()),
    }


def _triples(answers: pa.Table) -> list[tuple[str, str, str]]:
    columns = [answers[name].to_pylist() for name in ("example_id", "annotator_id", "label")]
    return [(a, b or "", c) for a, b, c in zip(*columns, strict=True)]


def _consensus(answers: pa.Table) -> tuple[Mapping[str, str], str]:
    """The label of each example by all of its answers, and the method's name."""
    try:
        fit: Any = importlib.import_module("burnish.consensus").fit_consensus
    except ImportError:
        return _most_answers(answers), "majority"
    found = fit(answers.select(["example_id", "annotator_id", "label"]))
    table = found.to_table()
    pairs = zip(table["example_id"].to_pylist(), table["label"].to_pylist(), strict=True)
    return {str(name): str(label) for name, label in pairs}, str(found.method)


def _most_answers(answers: pa.Table) -> dict[str, str]:
    votes: dict[str, Counter[str]] = {}
    for example_id, _, label in _triples(answers):
        votes.setdefault(example_id, Counter())[label] += 1
    return {
        name: min(counts, key=lambda label: (-counts[label], label))
        for name, counts in votes.items()
    }


def _reliability(answers: pa.Table, consensus: Mapping[str, str]) -> dict[str, float]:
    # One answer of each kind is added, so that three answers prove no perfect annotator.
    agreed, asked = Counter[str](), Counter[str]()
    for example_id, annotator, label in _triples(answers):
        asked[annotator] += 1
        agreed[annotator] += consensus.get(example_id) == label
    return {name: (agreed[name] + 1) / (count + 2) for name, count in asked.items()}
