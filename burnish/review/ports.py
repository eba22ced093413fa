"""What the desk asks of the loop: the open batches, their rows, and where a label comes from.

What belongs here: the protocol. What does not: answering it from a home
(`burnish.workflows.desk`), which lies above this room.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from burnish.report.explained import Explanation
from burnish.report.looking import Looked
from burnish.review.figures import Figures
from burnish.review.records import OpenBatch
from burnish.review.skill import Tallies
from burnish.review.worth import Worth
from burnish.spec import DatasetSpec


class Batches(Protocol):
    """The open batches of a home. `open` reads SQL alone: it is asked at each call."""

    def datasets(self) -> list[str]: ...

    def open(self, dataset: str) -> OpenBatch | None: ...

    def queue(self, batch: OpenBatch) -> list[dict[str, Any]]: ...

    def known_answers(self, dataset: str) -> Mapping[str, str]: ...

    def spec(self, dataset: str) -> DatasetSpec: ...

    def tallies(self, dataset: str) -> Tallies: ...


class Team(Protocol):
    """What the pages show of a team; see `burnish.workflows.team`.

    `figures` with `open_gold=False` leaves out the known answers of the open batch: what an
    annotator is shown, who could otherwise find out which of its items are checks.
    """

    def figures(self, dataset: str, *, open_gold: bool = True) -> Figures: ...

    def worth(self, dataset: str) -> Worth: ...


class Examples(Protocol):
    """What the pages show of examples, versions and lives; see `burnish.workflows.desk`."""

    def row(self, dataset: str, example_id: str) -> Mapping[str, Any] | None: ...

    def absent(self, dataset: str, example_ids: Sequence[str]) -> Sequence[str]: ...

    def look(self, dataset: str, example_id: str, *, by_label: bool) -> Looked | None: ...

    def slices(self, dataset: str, example_ids: Sequence[str]) -> Mapping[str, Sequence[str]]: ...

    def explain(self, dataset: str, example_id: str) -> Explanation: ...

    def life(self, dataset: str, example_id: str) -> Mapping[str, Any]: ...

    def versions(self, dataset: str) -> list[Mapping[str, Any]]: ...

    def diff(self, before: str, after: str) -> Mapping[str, Any]: ...
