"""What is told of one closed iteration: plain figures, ready for its page, its cards and for JSON.

What belongs here: the frozen records, and what follows from them alone. What does not: computing a
figure from the record (`burnish.workflows.iteration_report`), putting it into words
(`burnish.report.iteration_words`), or onto a page (`burnish.report.iteration_page`). What is not
known is None, and says so wherever it is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from burnish.calibration import Reliability
from burnish.modeling import Importance
from burnish.report.explained import Explanation
from burnish.report.importance_part import PatchMap
from burnish.report.looking import Looked
from burnish.report.return_page import GainLine
from burnish.report.summary import ConfusionPair, Measured


@dataclass(frozen=True)
class Person:
    """Somebody who had a say.

    answered: answers given, of which `changed` gave another label or dropped the row. settled:
    rows that others disagreed on and this person decided. approved: answers of others approved.
    known: rows with a known answer that the person was asked about in this iteration, `right` of
    them right; `known_so_far`, `right_so_far` the same over all iterations until then.
    """

    name: str
    role: str
    answered: int
    changed: int
    settled: int = 0
    approved: int = 0
    known: int = 0
    right: int = 0
    known_so_far: int = 0
    right_so_far: int = 0

    @property
    def simulated(self) -> bool:
        return self.role == "simulated"


@dataclass(frozen=True)
class ReasonLine:
    """Rows by why people were asked about them: how many, and what came of them."""

    reason: str
    reviewed: int
    changed: int
    dropped: int


@dataclass(frozen=True)
class Changes:
    """What changed in the data since the version that the iteration before worked with.

    since: its name, or the labels as collected. relabelled to left: rows by what became of them.
    slices: changed rows by slice. features: changed cells by column. held_out: labels changed in
    validation and test rows. since_champion: rows that differ from those that the model compared
    with was trained on; None where that is the same as `since`.
    """

    since: str
    relabelled: int
    dropped: int
    joined: int
    left: int
    rows: int
    pairs: tuple[ConfusionPair, ...]
    reasons: tuple[ReasonLine, ...]
    slices: Mapping[str, int]
    features: Mapping[str, int]
    held_out: int
    people: tuple[Person, ...]
    since_champion: int | None = None

    @property
    def reviewed(self) -> int:
        return sum(line.reviewed for line in self.reasons)

    @property
    def simulated(self) -> str:
        """Whether simulated people decided: `all`, `some` or empty."""
        simulated = {one.simulated for one in self.people if one.answered}
        return ("all" if simulated == {True} else "some") if True in simulated else ""


@dataclass(frozen=True)
class ChangedExample:
    """One changed row as people look at it; `after` is None where it was dropped."""

    example_id: str
    before: str | None
    after: str | None
    author: str
    simulated: bool
    reason: str
    error_probability: float | None
    looked: Looked


@dataclass(frozen=True)
class EffectLine:
    """The difference that the new model makes on one slice, paired, on the same rows.

    `low` to `high` is the interval of this slice alone, `low_all` to `high_all` one that holds for
    all slices at once (of all rows together it is the same: that question stands by itself); the
    finding is read off the latter. None: no row to measure on.
    """

    slice: str
    support: int
    before: float | None
    after: float | None
    difference: float | None
    low: float
    high: float
    low_all: float
    high_all: float
    finding: str

    @property
    def would_show(self) -> float | None:
        """The smallest loss that would have been shown here, in the unit of the figure.

        It is how far the upper limit lies above the difference: had the difference been lower by
        more than that, the interval would lie wholly below zero. A true loss of this size is shown
        about one time in two, one of twice the size nearly always.
        """
        return None if self.difference is None else max(0.0, self.high_all - self.difference)


@dataclass(frozen=True)
class Effect:
    """Both models on the same rows of a split: of all rows first, then by slice.

    against: the model compared with, in words. labels_changed: of these rows, how many labels
    people changed since that model was measured; then `old_ruler` is the line of all rows on the
    labels as they were.
    """

    split: str
    against: str
    metric: str
    confidence: float
    overall: EffectLine
    slices: tuple[EffectLine, ...]
    labels_changed: int
    old_ruler: EffectLine | None = None

    @property
    def lines(self) -> tuple[EffectLine, ...]:
        return (self.overall, *self.slices)

    def found(self, finding: str) -> tuple[EffectLine, ...]:
        """The lines of a finding: better, worse, not shown, too few."""
        return tuple(line for line in self.lines if line.finding == finding)


@dataclass(frozen=True)
class Calibrated:
    """Whether the model's confidence means what it says, on rows it has not seen.

    error: mean distance of claimed and observed, freed of what chance adds; by_chance_high: what a
    perfectly calibrated model would show one time in twenty. p_value: the probability that such a
    model shows this much. advice: the recalibration that held-out rows speak for, and why.
    """

    split: str
    rows: int
    error: Measured
    seen: float
    by_chance: float
    by_chance_high: float
    p_value: float
    reliability: Reliability
    advice: str = ""
    why: str = ""


@dataclass(frozen=True)
class Noise:
    """Wrong labels left in the training rows, as estimated; `corrected` by gold items or not."""

    value: Measured | None
    before: Measured | None
    rows: int
    basis: str
    corrected: bool


@dataclass(frozen=True)
class Check:
    """One check of the promotion policy: what was asked, whether it held, and the numbers."""

    name: str
    passed: bool
    text: str


@dataclass(frozen=True)
class Decision:
    """Whether the model became champion, by which rule, and why.

    `difference` is of accuracy on `rows` validation rows, its interval at `level`. `since` tells
    of each rollback that took the model away or brought it back, the oldest first. `early` says
    why the iteration did not wait for people, and what they had not decided; empty where it did.
    """

    promoted: bool
    rule: str
    reason: str
    rows: int
    difference: Measured | None
    checks: tuple[Check, ...] = ()
    level: float = 0.95
    since: tuple[str, ...] = ()
    early: str = ""


@dataclass(frozen=True)
class KnownAnswers:
    """What the batch's rows with a known answer say of it, all reviewers together.

    raised: whether they show that it is bad; reviewers: those of whom that holds by themselves.
    """

    raised: bool
    reviewers: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Bought:
    """What the newest measurement of the return says, of this batch and in all.

    measured: the iterations whose batches it looks at, empty where nothing was measured. own: the
    lines of this batch, as it came and left out today. link: the page of the return, or empty.
    """

    measured: tuple[int, ...] = ()
    own: tuple[GainLine, ...] = ()
    headline: str = ""
    link: str = ""

    @property
    def hurt(self) -> bool:
        """Whether this batch is shown to have made the model worse."""
        return any(line.finding == "worse" for line in self.own)


@dataclass(frozen=True)
class GateLine:
    """What the gate of a stage last said before the iteration closed.

    turned_away: rows that went to quarantine. stops: how often it stopped the iteration before.
    """

    stage: str
    version: int
    passed: bool
    turned_away: int
    stops: int


@dataclass(frozen=True)
class Augmented:
    """Rows made of training rows: kept and refused, with reasons."""

    kept: int
    refused: int
    reasons: Mapping[str, int]


@dataclass(frozen=True)
class Link:
    """Another page: what it is, and where (relative to the report, or an address)."""

    text: str
    where: str


@dataclass(frozen=True)
class IterationFacts:
    """All that the report of an iteration shows.

    against: the model it was held against, in words. effect: None where no row of a held-out split
    is shared with it. accuracy: of the new model on the test rows, against the labels as they are.
    importance: what the model reads (of pictures also where: `maps`), or `unread`, why that is not
    known. explained: why some rows
    of the batch were doubted. bought: None where the page must not change with later measurements.
    """

    dataset: str
    number: int
    description: str
    opened_at: datetime
    closed_at: datetime
    dataset_version: str
    digest: str
    git_sha: str
    changes: Changes
    examples: tuple[ChangedExample, ...]
    against: str
    effect: Effect | None
    accuracy: Measured | None
    calibration: Calibrated | None
    noise: Noise
    augmented: Augmented | None
    gates: tuple[GateLine, ...]
    decision: Decision
    policy: str
    notes: tuple[str, ...] = ()
    known_answers: KnownAnswers | None = None
    importance: Importance | None = None
    maps: tuple[PatchMap, ...] = ()
    unread: str = ""
    explained: tuple[Explanation, ...] = ()
    bought: Bought | None = None
    links: tuple[Link, ...] = field(default=())

    @property
    def name(self) -> str:
        """`digits@iter8`."""
        return f"{self.dataset}@iter{self.number}"

    def without_links(self) -> IterationFacts:
        """The same, for a place from which no other page can be reached."""
        bought = replace(self.bought, link="") if self.bought else None
        return replace(self, links=(), bought=bought)

    def to_json(self) -> dict[str, Any]:
        """As JSON can hold it: times in ISO 8601, pictures left out, read-only mappings copied."""
        flat = replace(self, examples=(), importance=None, explained=(), changes=replace(
            self.changes, slices=dict(self.changes.slices), features=dict(self.changes.features)
        ))  # fmt: skip
        told = asdict(flat)
        told["importance"] = self.importance.table.to_pylist() if self.importance else None
        told["explained"] = [one.to_json() for one in self.explained]
        told["opened_at"], told["closed_at"] = (
            self.opened_at.isoformat(),
            self.closed_at.isoformat(),
        )
        told["examples"] = [
            {"example_id": one.example_id, "before": one.before, "after": one.after}
            for one in self.examples
        ]
        return told
