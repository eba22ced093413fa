"""Rolling back: an earlier champion serves again, by a person's word.

What belongs here: whether a model may be rolled back to, recording that it is, and having the
tracking server's alias follow the record. What does not: the record
(`burnish.versions.champions`), the gate that promotes (`burnish.workflows.promote`), or taking
back the verdicts behind a bad model.

The record is the truth. The alias follows it: at once where the server answers, else when
`tracked_iterations` runs next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from burnish.errors import BurnishError, IterationError, StoreError, TrackingUnavailable
from burnish.ledger.events import storable
from burnish.patience import Patience
from burnish.records import ChampionEvent, Iteration
from burnish.typing import Tracker
from burnish.versions import Versions
from burnish.versions.champions import PROMOTED, ROLLED_BACK, serving
from burnish.workflows.naming import NAME


@dataclass(frozen=True)
class RolledBack:
    """What was recorded, the iteration that served before, and why an alias waits (or empty)."""

    event: ChampionEvent
    before: Iteration
    waits: str

    @property
    def sentence(self) -> str:
        """What a person wants to know of it."""
        done = (
            f"{self.event.dataset}@iter{self.event.iteration} is champion again, in place of "
            f"{self.before} (recorded for {self.event.who})."
        )
        if not self.waits:
            return f"{done} The alias in MLflow has moved."
        return (
            f"{done} The alias in MLflow waits: {self.waits}. The next tracked_iterations moves it."
        )


def roll_back(
    versions: Versions,
    tracker: Tracker,
    dataset: str,
    *,
    to: str | None = None,
    author: str,
    why: str,
    patience: Patience | None = None,
) -> RolledBack:
    """Make an earlier champion of a dataset champion again, and move the alias after it.

    `to` is `7`, `iter7` or `digits@iter7`; by default the champion before the present one. Only a
    model that the gate once promoted may serve again. Raises `IterationError` where there is none
    such, it serves already, `author` or `why` is empty, or what was kept of its model is gone; and
    `ChampionMoved` where another became champion meanwhile. A server that is down, or refuses, is
    no error: `RolledBack.waits` says why.
    """
    event, present = roll_back_record(versions, dataset, to=to, author=author, why=why)
    waits = follow_record(versions, tracker, dataset, patience=patience or Patience(4.0))
    return RolledBack(event, present, waits)


def roll_back_record(
    versions: Versions, dataset: str, *, to: str | None = None, author: str, why: str
) -> tuple[ChampionEvent, Iteration]:
    """As `roll_back`, in the record alone: what was recorded, and the iteration before.

    The alias follows when `tracked_iterations` runs next.
    """
    _require_words(author, why)
    seq = versions.champion_seq(dataset)
    present = versions.champion(dataset)
    if present is None:
        known = ", ".join(versions.datasets()) or "none yet"
        raise IterationError(
            f"{dataset} has no champion", expected=f"a dataset that has one, of: {known}"
        )
    events = versions.champion_events(dataset)
    number = _before(dataset, events) if to is None else _number(dataset, to)
    chosen = versions.iteration(dataset, number)
    _require_fit(versions, chosen, present, events)
    event = versions.roll_back(dataset, number, who=author.strip(), why=why.strip(), expected=seq)
    return event, present


def follow_record(versions: Versions, tracker: Tracker, dataset: str, *, patience: Patience) -> str:
    """Move the server's alias to the model that a rollback made champion; why not, or empty.

    Nothing is done where the champion was promoted: its alias moved when it was logged.
    """
    events = versions.champion_events(dataset)
    if not events or events[-1].what != ROLLED_BACK:
        return ""
    chosen = versions.iteration(dataset, events[-1].iteration)
    if chosen.mlflow_run_id is None:
        return f"{chosen} is not logged yet"
    try:
        tracker.set_champion(dataset, chosen.mlflow_run_id, patience=patience)
    except TrackingUnavailable as error:
        return error.found
    except BurnishError as error:
        return f"{error.found} ({error.hint})" if error.hint else error.found
    return ""


def newest_rollback(versions: Versions, dataset: str) -> int:
    """The `seq` of the rollback that made the present champion; 0 where it was promoted."""
    events = versions.champion_events(dataset)
    return events[-1].seq if events and events[-1].what == ROLLED_BACK else 0


def rollbacks_in_words(
    events: Sequence[ChampionEvent], iteration: int | None = None
) -> tuple[str, ...]:
    """Each rollback in a sentence, oldest first; with `iteration`, those that it lost or won by.

    >>> from datetime import UTC, datetime
    >>> at = datetime(2026, 1, 31, tzinfo=UTC)
    >>> first = ChampionEvent("pets", 1, 1, "promoted", "promotion gate", "", at)
    >>> second = ChampionEvent("pets", 2, 2, "promoted", "promotion gate", "", at)
    >>> back = ChampionEvent("pets", 3, 1, "rolled back", "Ada", "cats got worse", at)
    >>> rollbacks_in_words([first, second, back], 2)
    ('On 2026-01-31 Ada rolled back from pets@iter2 to pets@iter1: cats got worse.',)
    """
    said: list[str] = []
    for at, one in enumerate(events):
        if one.what != ROLLED_BACK:
            continue
        before, after = serving(events[:at]), serving(events[: at + 1])
        moved = {*before[-1:], one.iteration} | (set(before) - set(after))
        if iteration is None or iteration in moved:
            source = f" from {one.dataset}@iter{before[-1]}" if before else ""
            said.append(
                f"On {one.at:%Y-%m-%d} {one.who} rolled back{source} to "
                f"{one.dataset}@iter{one.iteration}: {one.why.rstrip('.')}."
            )
    return tuple(said)


def _require_words(author: str, why: str) -> None:
    for word, text in (("author", author), ("why", why)):
        if not text.strip():
            raise IterationError(
                f"no {word} is given", expected="who rolls back, and why: both are recorded"
            )
        if not storable(text):
            raise IterationError(
                f"no database can hold the {word} {text!r}",
                expected="text without NUL, lone surrogates and the characters 1C to 1F",
            )


def _before(dataset: str, events: Sequence[ChampionEvent]) -> int:
    stack = serving(events)
    if len(stack) < 2:
        raise IterationError(
            f"there was no champion of {dataset} before {dataset}@iter{stack[-1]}",
            expected="an earlier promoted model",
            hint="name another with --to, or train one",
        )
    return stack[-2]


def _number(dataset: str, to: str) -> int:
    name = to if "@" in to else f"{dataset}@iter{to.removeprefix('iter')}"
    match = NAME.fullmatch(name)
    if match is None or not match["iteration"] or match["dataset"] != dataset:
        raise IterationError(
            f"{to!r} names no iteration of {dataset}", expected=f"a name as {dataset}@iter7, or 7"
        )
    return int(match["number"])


def _require_fit(
    versions: Versions, chosen: Iteration, present: Iteration, events: Sequence[ChampionEvent]
) -> None:
    if chosen.number == present.number:
        raise IterationError(f"{chosen} is champion already", expected="an earlier champion")
    if "model_version" not in chosen.summary:
        raise IterationError(f"{chosen} never trained a model", expected="an earlier champion")
    promoted = sorted({one.iteration for one in events if one.what == PROMOTED})
    if chosen.number not in promoted:
        listed = ", ".join(str(number) for number in promoted)
        raise IterationError(
            f"{chosen} was never champion: the gate did not promote its model",
            expected=f"one of the iterations {listed}",
            hint="a model comes to serve by the gate alone; `promotion` in the spec is its policy",
        )
    for table, noted in (
        ("model_files", "model_version"),
        ("trained_model", "predictions_version"),
    ):
        try:
            versions.store.read(f"{chosen.dataset}/{table}", version=int(chosen.summary[noted]))
        except StoreError as error:
            raise IterationError(
                f"what {chosen} left in {table} can no longer be read: {error.found}",
                expected="a model whose files and predictions are kept",
                hint="roll back to another champion, or train again",
            ) from error
