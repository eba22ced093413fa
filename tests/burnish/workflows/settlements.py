"""Events as the review desk appends them: all answers to an item, then what settled it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from burnish.records import Decision, LabelEvent, Verdict
from burnish.workflows.gold import with_known_answers

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Course:
    """The events of one dataset, numbered as they come; labels stand at `given`."""

    def __init__(self, *, given: str = "8", gold: dict[str, str] | None = None) -> None:
        self.given, self.gold = given, gold or {}
        self.events: list[LabelEvent] = []

    def settle(
        self,
        example_id: str,
        answers: Sequence[tuple[str, str | None]],
        *,
        reason: str = "audit",
        iteration: int = 1,
        **evidence: Any,
    ) -> list[LabelEvent]:
        """One item settled by (author, label) in turn, the last one standing; None is unsure."""
        said = [
            self._said(author, example_id, label, reason, last, iteration, evidence)
            for last, (author, label) in zip(_last(answers), answers, strict=True)
        ]
        return self._append(with_known_answers(said, self.gold, after=len(self.events)))

    def take_back(self, events: Sequence[LabelEvent], *, by: str) -> None:
        """Undo a settlement as the desk does, newest first: the item is open again."""
        for event in reversed(events):
            undo = Verdict(
                event.verdict.example_id, "unsure", event.verdict.from_label, None, author=by,
                reason="sent back", evidence={"undoes": event.event_id}, supersedes=event.event_id,
            )  # fmt: skip
            self._append([undo])

    def _said(
        self,
        author: str,
        example_id: str,
        label: str | None,
        reason: str,
        last: bool,
        iteration: int,
        evidence: dict[str, Any],
    ) -> Verdict:
        decision: Decision = "unsure" if label is None else "change"
        decision = "keep" if label == self.given else decision
        facts = {"iteration": iteration, "reason": reason, "error_probability": 0.5}
        facts |= {"settles": last} | evidence
        return Verdict(
            example_id, decision, self.given, label, author=author, reason=reason, evidence=facts
        )

    def _append(self, verdicts: Sequence[Verdict]) -> list[LabelEvent]:
        first = len(self.events) + 1
        added = [LabelEvent(n, "toy", one, NOON, "") for n, one in enumerate(verdicts, first)]
        self.events += added
        return added


def _last(answers: Sequence[object]) -> list[bool]:
    return [place == len(answers) - 1 for place in range(len(answers))]
