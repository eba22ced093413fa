"""Facts of an iteration as a test wants them, whatever no data set would give."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from burnish.calibration import reliability_of
from burnish.report.iteration_facts import (
    Augmented,
    Calibrated,
    ChangedExample,
    Changes,
    Check,
    Decision,
    Effect,
    EffectLine,
    GateLine,
    IterationFacts,
    Link,
    Noise,
    Person,
    ReasonLine,
)
from burnish.report.looking import Looked, ShownValue
from burnish.report.summary import ConfusionPair, Measured

AT = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


def line(name: str, finding: str = "not shown", *, loss: float = 0.0, **more: Any) -> EffectLine:
    """A slice of 100 rows whose accuracy went from .9 down by `loss`; limits 4 points each way."""
    told: dict[str, Any] = {
        "slice": name, "support": 100, "before": 0.9, "after": 0.9 - loss, "difference": -loss,
        "low": -loss - 0.02, "high": -loss + 0.02, "low_all": -loss - 0.04,
        "high_all": -loss + 0.04, "finding": finding,
    }  # fmt: skip
    return EffectLine(**{**told, **more})


def effect(*slices: EffectLine, overall: EffectLine | None = None, **more: Any) -> Effect:
    whole = overall or line("overall")
    told = {"labels_changed": 0, **more}
    return Effect("test", "the champion until then", "accuracy", 0.95, whole, slices, **told)


def made_facts(**parts: Any) -> IterationFacts:
    """A quiet iteration of pets in which one label was changed; `parts` replace its parts."""
    ann = Person("Ann", "annotator", answered=3, changed=1)
    changes = Changes(
        "pets@1", 1, 0, 0, 0, 90, (ConfusionPair("cat", "dog", 1),),
        (ReasonLine("audit", 2, 1, 0), ReasonLine("control", 1, 0, 0)), {"source:home": 1}, {}, 0,
        (ann,),
    )  # fmt: skip
    found = Calibrated(
        "test", 4, Measured(0.02, 0.0, 0.05), 0.03, 0.02, 0.06, 0.4,
        reliability_of([0.6, 0.7, 0.8, 0.9], [True, False, True, True], bins=2),
        "temperature", "0.0400 nats a row better than as they are",
    )  # fmt: skip
    quiet = IterationFacts(
        dataset="pets", number=2, description="Pets of a shelter.", opened_at=AT, closed_at=AT,
        dataset_version="pets@2", digest="ab" * 32, git_sha="5c28aa3", changes=changes,
        examples=(
            ChangedExample(
                "p1", "cat", "dog", "Ann", False, "audit", 0.93,
                Looked(values=(ShownValue("weight", "4.2"),)),
            ),
        ),
        against="the champion until then", effect=effect(line("source:home")),
        accuracy=Measured(0.9, 0.83, 0.95), calibration=found,
        noise=Noise(Measured(0.1, 0.05, 0.2), None, 60, "control rows: 10", False),
        augmented=Augmented(9, 2, {"unlike_data": 2}),
        gates=(GateLine("raw_examples", 1, True, 3, 1),),
        decision=Decision(
            True, "promoted unless shown to be worse", "not shown to be worse", 18,
            Measured(0.0, -0.1, 0.1), (Check("overall", True, "0.0 points"),),
        ),
        policy="One person answers a row; nobody else approves it.",
        links=(Link("Data: pets@2", "../versions/2.html"),),
    )  # fmt: skip
    return replace(quiet, **parts)
