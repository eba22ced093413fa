"""The frozen records that cross rooms: what a store, a ledger, a gate and a tracker speak of.

What belongs here: plain immutable data with no behaviour beyond naming itself. What does not:
reading or writing any of it (`burnish.store`, `burnish.ledger`, `burnish.versions`), nor the
protocols that do (`burnish.typing`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

import pyarrow as pa

Decision = Literal["keep", "change", "drop", "unsure"]
OnFail = Literal["quarantine", "stop"]
FINAL_DECISIONS: frozenset[str] = frozenset({"keep", "change", "drop"})

# ---------------------------------------------------------------- store


@dataclass(frozen=True)
class TableVersion:
    """One immutable version of one table. `digest` covers every cell, not the row order."""

    table: str
    version: int
    rows: int
    digest: str
    created_at: datetime
    parent: int | None = None
    properties: Mapping[str, str] = field(default_factory=dict[str, str])

    def __str__(self) -> str:
        return f"{self.table}@{self.version}"


@dataclass(frozen=True)
class TableDiff:
    """What changed between two versions: ids of rows, and changed cells as old and new text."""

    table: str
    before: int
    after: int
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: pa.Table  # example_id, column, before, after


# ---------------------------------------------------------------- ledger


HELD_OUT = "held_out"
"""Why a validation or test row is in a batch: it was asked for, and nobody is shown its label."""


@dataclass(frozen=True)
class Verdict:
    """A person's decision on one example, not yet in the ledger.

    `to_label` is the label the person gives: for `keep` the label it has, for `change` the new
    one, for `drop` and `unsure` None. `from_label` is the label as it stood, None for an example
    that had none, or where nobody was told it (`blind` in the evidence). A `simulated` author is
    marked by `role="simulated"`.
    """

    example_id: str
    decision: Decision
    from_label: str | None
    to_label: str | None
    author: str
    role: str = "annotator"
    reason: str = ""
    comment: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict[str, Any])
    supersedes: int | None = None


@dataclass(frozen=True)
class LabelEvent:
    """A verdict as the ledger holds it: numbered, timed in UTC, and chained by hash."""

    event_id: int
    dataset: str
    verdict: Verdict
    at: datetime
    chain: str


@dataclass(frozen=True)
class Watermark:
    """A place in the ledger of one dataset: all events up to `event_id`, and their chain hash."""

    event_id: int
    chain: str


@dataclass(frozen=True)
class LabelVersion:
    """The fold of the ledger up to a watermark: one standing decision for each example decided.

    `decisions` has the columns example_id, decision, label (null unless keep or change), author
    (dictionary-encoded text), at, event_id; in the order of event_id. `digest` is the chain at the
    watermark, which names every event that was folded.
    """

    dataset: str
    watermark: Watermark
    decisions: pa.Table
    digest: str


@dataclass(frozen=True)
class LabelRequest:
    """Somebody or something asks for rows to be looked at, why, and until when."""

    example_ids: tuple[str, ...]
    asked_by: str
    reason: str
    until: datetime | None = None
    request_id: int | None = None
    at: datetime | None = None


# ---------------------------------------------------------------- gates


@dataclass(frozen=True)
class Expectation:
    """One expectation of a suite: what must hold, and what a failure does.

    `kind` is the snake-case name of a Great Expectations expectation, `code` a stable name for
    this very check that people can search for, `why` one sentence for the person who reads it.
    """

    kind: str
    code: str
    on_fail: OnFail
    kwargs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    why: str = ""

    @property
    def column(self) -> str:
        return str(self.kwargs.get("column", "")) or ", ".join(
            str(name) for name in self.kwargs.get("column_list", ())
        )


@dataclass(frozen=True)
class Suite:
    """The expectations of one gate, in order, and how large a share may be quarantined."""

    gate: str
    expectations: tuple[Expectation, ...]
    max_share: float = 0.05

    @property
    def digest(self) -> str:
        text = json.dumps(asdict(self), sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class ExpectationResult:
    """How one expectation fared: how many rows failed it, a few examples, what was observed."""

    expectation: Expectation
    passed: bool
    failing: int
    examples: tuple[str, ...]
    observed: str


@dataclass(frozen=True)
class GateReport:
    """The outcome of one gate on one table.

    `quarantined` holds every row turned away, one line for each failed expectation: row (0-based
    position), example_id, code, expectation, column, value. `stopped_by` names the codes that
    stop; empty means that the gate passed.
    """

    gate: str
    rows: int
    results: tuple[ExpectationResult, ...]
    quarantined: pa.Table
    stopped_by: tuple[str, ...]
    suite_digest: str

    @property
    def passed(self) -> bool:
        return not self.stopped_by


@dataclass(frozen=True)
class GateVerdict:
    """What our own record keeps of a gate: which suite saw which data, and what came of it.

    `message` says in a line each what stopped it.
    """

    dataset: str
    stage: str
    version: int
    data_digest: str
    suite_digest: str
    passed: bool
    stopped_by: tuple[str, ...]
    quarantined: int
    at: datetime
    report: str = ""
    message: str = ""


# ---------------------------------------------------------------- iterations


@dataclass(frozen=True)
class Iteration:
    """One turn of the loop on one dataset: opened by the audit, closed when retrain publishes."""

    dataset: str
    number: int
    watermark: Watermark
    opened_at: datetime
    closed_at: datetime | None = None
    mlflow_run_id: str | None = None
    promoted: bool | None = None
    summary: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def is_open(self) -> bool:
        return self.closed_at is None

    def __str__(self) -> str:
        return f"{self.dataset}@iter{self.number}"


@dataclass(frozen=True)
class ChampionEvent:
    """A model became champion: `what` is `promoted` (by the gate) or `rolled back` (by a person).

    `seq` counts from 1 within a dataset; 0 stands for promotions of before they were recorded.
    """

    dataset: str
    seq: int
    iteration: int
    what: str
    who: str
    why: str
    at: datetime


@dataclass(frozen=True)
class DatasetVersion:
    """Feature snapshot + label version, with the content digest of the two joined.

    `sheet` says where it comes from: the datasheet of the spec, `code_sha`, `run`, and `parents`,
    the versions it was made of.
    """

    dataset: str
    number: int
    table_version: int
    watermark: Watermark
    digest: str
    rows: int
    class_counts: Mapping[str, int]
    iteration: int
    created_at: datetime
    sheet: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __str__(self) -> str:
        return f"{self.dataset}@{self.number}"


# ---------------------------------------------------------------- tracking


@dataclass(frozen=True)
class TrackedIteration:
    """All that a tracking server is told of one iteration, ready to log in one go.

    `metrics` are flat, with names legal on the server; `tables` become artifact tables; `pages`
    become HTML artifacts; `model` is a fitted estimator and `model_input` a few rows of what it
    takes; `trust` names types outside of scikit-learn that it may consist of. `at` is when the
    iteration was closed, which is the time of its run however late that is logged (None: now).
    `serves` says whether the alias `champion` may move to it, which a rollback since forbids (None:
    as it was promoted).
    """

    dataset: str
    iteration: int
    tags: Mapping[str, str]
    params: Mapping[str, str | int | float]
    metrics: Mapping[str, float]
    tables: Mapping[str, pa.Table]
    dataset_version: str
    dataset_digest: str
    rows: int
    source: str
    model: Any
    model_input: Any
    promoted: bool
    serves: bool | None = None
    pages: Mapping[str, str] = field(default_factory=dict[str, str])
    trust: tuple[str, ...] = ()
    at: datetime | None = None


@dataclass(frozen=True)
class TrackedRun:
    """Where the tracking server put an iteration; `comparison` shows it beside the others."""

    run_id: str
    url: str
    model_name: str
    model_version: str
    comparison: str = ""

    def url_of(self, run_id: str) -> str:
        """Where another run of the same dataset is shown; empty where no server shows it."""
        return self.url.replace(self.run_id, run_id)
