"""What a finished loop has to say: plain figures, ready for the page and for JSON.

What belongs here: the frozen records and the sums over them. What does not: computing a figure
(the workflows and methods do), putting it on a page (`burnish.report.loop_page`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from burnish.errors import DataError

Reviewer = Literal["simulated", "file", "desk", "mixed"]
Against = Literal["truth", "given labels"]


@dataclass(frozen=True)
class Measured:
    """A figure with its 95 % interval, all in the unit of the figure.

    Raises `DataError` for NaN, infinity, or bounds in the wrong order. The value may lie outside
    its bounds: a bootstrap interval need not hold the point it was drawn around.

    >>> print(Measured(0.9512, 0.92, 0.974))
    0.951 (0.920 to 0.974)
    """

    value: float
    low: float
    high: float

    def __post_init__(self) -> None:
        if not all(math.isfinite(number) for number in (self.value, self.low, self.high)):
            raise DataError(
                f"a measured figure of {self.value} ({self.low} to {self.high})",
                expected="three finite numbers",
                hint="leave a figure out (None) where it cannot be computed",
            )
        if self.low > self.high:
            raise DataError(f"an interval from {self.low} to {self.high}", expected="low <= high")

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


@dataclass(frozen=True)
class ReasonFigure:
    """How the rows of one batch fared by why they were asked about (audit, control, ...).

    `errors_found` counts rows whose label was wrong in truth, None where truth is not known.
    """

    reason: str
    reviewed: int
    changed: int
    errors_found: int | None = None

    @property
    def precision(self) -> float | None:
        """Share of these rows that were wrong: by truth where known, else by verdict."""
        wrong = self.changed if self.errors_found is None else self.errors_found
        return wrong / self.reviewed if self.reviewed else None


@dataclass(frozen=True)
class SliceFigure:
    """Accuracy on one slice of the test split; `support` is its number of rows.

    `uncertain` says that rows, or mistakes, are too few for the interval to be trusted.
    """

    name: str
    measured: Measured
    support: int
    uncertain: bool = False


@dataclass(frozen=True)
class DiscoveredFigure:
    """A slice that nobody declared: the iteration that found it, and what it says.

    `errors` is the share of errors among its `support` rows, `more` how much more that is than
    among the others, both on rows that had no part in choosing the slice.
    """

    name: str
    iteration: int
    says: str
    support: int
    errors: float
    more: Measured


@dataclass(frozen=True)
class FoundExample:
    """One row whose label was changed, as a picture (`image_uri`, a data: URI) or as text."""

    example_id: str
    before: str
    after: str
    image_uri: str = ""
    text: str = ""

    def __post_init__(self) -> None:
        if self.image_uri and not self.image_uri.startswith("data:image/"):
            raise DataError(
                f"the picture of example {self.example_id!r} is at {self.image_uri[:60]!r}",
                expected="a data:image/... URI, since the page fetches nothing",
                hint="burnish.report.plots.digit_image makes one of numbers",
            )


@dataclass(frozen=True)
class ConfusionPair:
    """How many labels were changed from one class to another."""

    before: str
    after: str
    count: int


@dataclass(frozen=True)
class IterationSummary:
    """One turn of the loop.

    reviewed, changed: rows decided in this iteration, and those whose label was changed.
    errors_found: reviewed rows whose label was wrong in truth and is not left wrong (mended, or
        the row dropped); None where truth is not known.
    precision: share of the rows asked about because of the audit that were wrong, by truth where
        it is known, else by verdict; None where the audit asked about none.
    noise: share of wrong training labels as the control arm estimates it; `true_noise` is the
        same share counted against truth, at the same moment; None where not known. Where it is not
        `noise_corrected` by gold items, `noise` is the share that reviewers would change.
    test_accuracy: of this iteration's model on the test split, `accuracy_against` saying against
        which labels; None where there is no test row.
    seconds: wall time of the iteration.
    """

    iteration: int
    reviewed: int
    changed: int
    errors_found: int | None
    precision: float | None
    noise: Measured | None
    true_noise: float | None
    test_accuracy: Measured | None
    accuracy_against: Against
    worst_slice: str
    worst_slice_accuracy: Measured | None
    augmented_kept: int
    augmented_refused: int
    refusal_reasons: Mapping[str, int]
    dataset_version: str
    digest: str
    mlflow_run_id: str | None
    promoted: bool
    promotion_reason: str
    seconds: float
    by_reason: tuple[ReasonFigure, ...] = ()
    noise_corrected: bool = False

    def to_json(self) -> dict[str, Any]:
        """Every field under its name, intervals as {value, low, high}."""
        # asdict copies deeply, which a read-only mapping does not survive.
        return asdict(replace(self, refusal_reasons=dict(self.refusal_reasons)))


@dataclass(frozen=True)
class LoopSummary:
    """All that the page of a loop shows.

    baseline: test accuracy of the model trained on the labels as collected, before any review.
    slices_before, slices_after: test accuracy by slice of that model and of the last one.
    found: a sample of the rows changed; pairs: all changes by pair of labels, counted from
        `found` where not given.
    discovered: slices that the loop found by itself, the oldest first.
    promotion_rule: one sentence saying when a challenger becomes champion.
    rollbacks: a sentence on each rollback to an earlier champion, the oldest first.
    reviewer_accuracy: how often a simulated reviewer gives the true label, in [0, 1].
    """

    dataset: str
    reviewer: Reviewer
    reviewer_accuracy: float | None
    seed: int
    home: str
    baseline: Measured | None
    iterations: tuple[IterationSummary, ...]
    slices_before: tuple[SliceFigure, ...]
    slices_after: tuple[SliceFigure, ...]
    found: tuple[FoundExample, ...]
    commands: tuple[str, ...]
    generated_at: datetime
    pairs: tuple[ConfusionPair, ...] = ()
    promotion_rule: str = ""
    discovered: tuple[DiscoveredFigure, ...] = ()
    rollbacks: tuple[str, ...] = ()
    limits: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        if not self.iterations:
            raise DataError(
                f"the loop on {self.dataset!r} has no iteration to report",
                expected="one or more iterations",
                hint="run the loop for at least one iteration first",
            )

    @property
    def reviews(self) -> int:
        return sum(turn.reviewed for turn in self.iterations)

    @property
    def changes(self) -> int:
        return sum(turn.changed for turn in self.iterations)

    @property
    def truth_known(self) -> bool:
        return any(turn.errors_found is not None for turn in self.iterations)

    def confusion_pairs(self) -> tuple[ConfusionPair, ...]:
        """Changes by (before, after), most frequent first."""
        if self.pairs:
            counted = self.pairs
        else:
            counts = Counter((row.before, row.after) for row in self.found)
            counted = tuple(ConfusionPair(a, b, n) for (a, b), n in counts.items())
        return tuple(sorted(counted, key=lambda pair: (-pair.count, pair.before, pair.after)))

    def to_json(self) -> dict[str, Any]:
        """The summary as JSON can hold it; times in ISO 8601, pictures left out."""
        found = [
            {"example_id": row.example_id, "before": row.before, "after": row.after}
            for row in self.found
        ]
        return {
            "dataset": self.dataset,
            "reviewer": self.reviewer,
            "reviewer_accuracy": self.reviewer_accuracy,
            "seed": self.seed,
            "home": self.home,
            "generated_at": self.generated_at.isoformat(),
            "baseline": None if self.baseline is None else asdict(self.baseline),
            "iterations": [turn.to_json() for turn in self.iterations],
            "slices_before": [asdict(cut) for cut in self.slices_before],
            "slices_after": [asdict(cut) for cut in self.slices_after],
            "discovered": [asdict(one) for one in self.discovered],
            "found": found,
            "pairs": [asdict(pair) for pair in self.confusion_pairs()],
            "promotion_rule": self.promotion_rule,
            "limits": list(self.limits),
            "commands": list(self.commands),
        }
