"""A simulated person who decides a batch.

What belongs here: verdicts for tests that need a batch decided. What does not: any expectation.
"""

from __future__ import annotations

from pathlib import Path

from burnish.records import Verdict
from burnish.workflows.batch import open_batch
from burnish.workflows.home import prepare_home


def decide(home: Path, dataset: str) -> None:
    """Keep every label of the open batch; a label that errs now and then is not needed here."""
    state = prepare_home(home)
    _, queue = open_batch(state.versions, dataset)
    state.ledger.append(
        dataset,
        [
            Verdict(item["example_id"], "keep", item["label"], item["label"], author="ada")
            for item in queue.to_pylist()
        ],
    )
