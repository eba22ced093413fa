"""Alarms after another model became champion: closed where it answers them, kept where it does not.

What belongs here: which periods have to be measured again, and what that says of each open alarm.
What does not: measuring (`burnish.workflows.production_run`), or alarms that clear by themselves
(`burnish.policy`).

A retrain is no proof. The new champion predicts the window again; rows that it was trained on are
left out, for it knows their answers. An alarm is closed only where the loss that is left, measured
or estimated, is not shown to be over what clears it. From then on production is compared with the
window at the promotion, because that is what the new model has learned.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any, Literal, TypeAlias

import pyarrow as pa

from burnish.policy import Alarm, SqlPolicyRecord
from burnish.policy.sql import NewEvent
from burnish.records import ChampionEvent, Iteration
from burnish.spec import DatasetSpec
from burnish.spec.production import SignalName
from burnish.versions import Versions
from burnish.workflows.production_estimate import performance_table, unlearned_window
from burnish.workflows.production_met import published_periods
from burnish.workflows.production_periods import is_period, required_production, window_of
from burnish.workflows.production_reference import Champion, load_champion
from burnish.workflows.production_signals import MEASURED_LOSS
from burnish.workflows.production_stages import BATCH, PERFORMANCE, PREDICTIONS, partition_stage
from burnish.workflows.production_window import Window

BY = "promotion"
"""Who closed an alarm, where a new champion's figures did."""

ANSWERED: frozenset[SignalName] = frozenset(
    {"column_drift", "prediction_drift", "label_drift", "row_drift", "estimated_loss",
     "measured_loss"}
)  # fmt: skip
"""Signals that another model can answer; data that is late it cannot."""

Kind: TypeAlias = Literal["estimated_loss", "measured_loss"]
LOSSES: tuple[Kind, ...] = ("estimated_loss", "measured_loss")
FEWEST = 20
"""Fewer rows than these that the model has not learned say nothing of it."""


@dataclass(frozen=True)
class Closing:
    """What became of the alarms that were open when a model became champion.

    `learned` rows of the window are among those it was trained on, `fresh` are not. `kept` says why
    an alarm stays open. `rebased` is the window that production is compared with from now on.
    """

    dataset: str
    champion: int
    window: tuple[str, str]
    learned: int
    fresh: int
    closed: Mapping[int, str] = field(default_factory=dict[int, str])
    kept: Mapping[int, str] = field(default_factory=dict[int, str])
    rebased: tuple[str, str] | None = None

    def to_table(self) -> pa.Table:
        """A row an alarm: alarm, closed, why."""
        told = [*((n, True, why) for n, why in self.closed.items())]
        told += [(n, False, why) for n, why in self.kept.items()]
        names = ("alarm", "closed", "why")
        kinds = (pa.int64(), pa.bool_(), pa.string())
        columns = [pa.array([row[place] for row in told], kind) for place, kind in enumerate(kinds)]
        return pa.table(columns, names=names)


@dataclass(frozen=True)
class _Loss:
    """A loss of accuracy on rows that the model has not learned."""

    value: float
    low: float
    high: float
    rows: int


def periods_to_repeat(spec: DatasetSpec, versions: Versions) -> list[str]:
    """The periods of the newest window that the champion has not predicted or measured itself.

    All of the window are predicted again, the last is measured. Empty without a champion, or
    without a batch.
    """
    champion, window = versions.champion(spec.name), _newest_window(spec, versions)
    if champion is None or not window:
        return []
    arrived = set(published_periods(versions, spec.name))
    readable = [one for one in window if one in arrived and _may_be_read(versions, spec, one)]
    due = [one for one in readable if not _made_by(versions, spec, PREDICTIONS, one, champion)]
    last = window[-1]
    if not due and last in readable and not _made_by(versions, spec, PERFORMANCE, last, champion):
        return [last]
    return due


def close_alarms(spec: DatasetSpec, versions: Versions, record: SqlPolicyRecord) -> Closing | None:
    """Close the alarms that the present champion answers, once for each time one came to serve.

    None where that was done, where there is no champion or no batch, and while the window is still
    to be measured again (`periods_to_repeat`); then nothing is recorded. Alarms that were raised
    after it became champion are its own, and let be.
    """
    served = versions.champion_events(spec.name)
    if not served or not _newest_window(spec, versions):
        return None
    events = record.events(spec.name)
    key = f"champion-{served[-1].seq}"
    if any(one.body.get("key") == key and one.body.get("part") == "looked" for one in events):
        return None
    if periods_to_repeat(spec, versions):
        return None
    found = _looked(spec, versions, record, served[-1])
    told = list(_events(found, key, served[-1]))
    done = record.append(spec.name, told, expected=events[-1].seq if events else 0)
    # Somebody decided meanwhile: the next look sees it.
    return found if done else None


def _looked(
    spec: DatasetSpec, versions: Versions, record: SqlPolicyRecord, served: ChampionEvent
) -> Closing:
    alarms = [one for one in record.alarms(spec.name) if one.is_open and one.opened_at <= served.at]
    champion = load_champion(spec, versions)
    last = _newest_window(spec, versions)[-1]
    window, learned = unlearned_window(spec, versions, champion, last)
    losses = _losses(spec, champion, window) if alarms and window.rows.num_rows >= FEWEST else {}
    found = Closing(
        spec.name,
        champion.number,
        (window.periods[0], last),
        learned,
        window.rows.num_rows,
    )
    said = {one.number: _answer(spec, one, found, losses) for one in alarms}
    closed = {number: why for number, (answered, why) in said.items() if answered}
    kept = {number: why for number, (answered, why) in said.items() if not answered}
    # What the model has not learned is no reference for it.
    rebased = found.window if learned and _may_rebase(alarms, kept) else None
    return replace(found, closed=closed, kept=kept, rebased=rebased)


def _may_rebase(alarms: list[Alarm], kept: Mapping[int, str]) -> bool:
    """Not while an alarm stays open that the model should have answered: its evidence would go."""
    return not any(one.number in kept and one.signal.name in ANSWERED for one in alarms)


def _losses(spec: DatasetSpec, champion: Champion, window: Window) -> dict[tuple[Kind, str], _Loss]:
    """The loss of each slice and of all rows, measured where there are labels and estimated."""
    table, _ = performance_table(spec, champion, window)
    found: dict[tuple[Kind, str], _Loss] = {}
    for row in table.to_pylist():
        if row["metric"] != "accuracy":
            continue
        key = "" if row["slice_id"] == "overall" else str(row["slice_id"])
        estimated = (row["loss"], row["loss_low"], row["loss_high"])
        if row["trusted"] and _known(estimated):
            found["estimated_loss", key] = _Loss(*estimated, int(row["rows"]))
        loss, low, high = (row[name] for name in MEASURED_LOSS)
        if _known((loss, low, high)) and row["labels"] >= FEWEST:
            found["measured_loss", key] = _Loss(loss, low, high, int(row["labels"]))
    return found


def _known(figures: tuple[float | None, ...]) -> bool:
    return all(one is not None and isfinite(one) for one in figures)


def _answer(
    spec: DatasetSpec,
    alarm: Alarm,
    found: Closing,
    losses: Mapping[tuple[Kind, str], _Loss],
) -> tuple[bool, str]:
    """Whether the model answers an alarm, and why, in a sentence."""
    model = f"{spec.name}@iter{found.champion}"
    if alarm.signal.name not in ANSWERED:
        return False, f"{model} serves now, which is no answer to it"
    if not found.learned:
        return False, f"{model} has learned no row of the window {_span(found)}"
    told = [(*one, losses[one]) for one in _asked(alarm) if one in losses]
    if not told:
        return False, (
            f"whether {model} answers it cannot be told: {found.fresh} rows of the window "
            f"{_span(found)} are new to it, with too few labels and no estimate to be trusted"
        )
    over = [_told(spec, *one) for one in told if one[2].low > _clears(spec, one[0])]
    if over:
        return False, f"{model} does not answer it: {'; '.join(over)}"
    return True, (
        f"{model} was trained on {found.learned} rows of the window {_span(found)}; on the "
        f"{found.fresh} others {'; '.join(_told(spec, *one) for one in told)}"
    )


def _asked(alarm: Alarm) -> list[tuple[Kind, str]]:
    """The losses that have to be down: that of all rows, and those the alarm was raised for."""
    signals = (alarm.signal, *alarm.evidence)
    keys = sorted({one.key for one in signals if one.name in LOSSES} | {""})
    return [(name, key) for key in keys for name in LOSSES]


def _clears(spec: DatasetSpec, name: Kind) -> float:
    rule = spec.policy.rule_of(name)
    return rule.over if rule.clear is None else rule.clear


def _told(spec: DatasetSpec, name: Kind, key: str, loss: _Loss) -> str:
    what = "measured" if name == "measured_loss" else "estimated"
    where = f" in slice {key}" if key else ""
    figures = f"{100 * loss.value:.1f} points ({100 * loss.low:.1f} to {100 * loss.high:.1f})"
    level = 100 * _clears(spec, name)
    shown = "" if loss.low > level / 100 else "not "
    return f"the {what} loss{where} is {figures}, {shown}shown to be over {level:g}"


def _span(found: Closing) -> str:
    return " to ".join(dict.fromkeys(found.window))


def _events(found: Closing, key: str, served: ChampionEvent) -> Iterator[NewEvent]:
    last = found.window[1]
    for number, why in found.closed.items():
        yield "closed", last, number, {"why": why, "by": BY, "champion": found.champion}
    for number, why in found.kept.items():
        yield "acted", last, number, {"key": key, "part": "kept open", "why": why}
    if found.rebased is not None:
        start, end = found.rebased
        told: dict[str, Any] = {"window_start": start, "window_end": end}
        told |= {"champion": found.champion, "why": f"iteration {found.champion} was {served.what}"}
        yield "rebased", last, None, told
    body: dict[str, Any] = {"key": key, "part": "looked", "champion": found.champion}
    yield "acted", last, None, body | {"learned": found.learned, "fresh": found.fresh}


def _newest_window(spec: DatasetSpec, versions: Versions) -> list[str]:
    production = required_production(spec)
    # Of a calendar that the spec had before, periods are left that nothing can be run for.
    arrived = [one for one in published_periods(versions, spec.name) if is_period(production, one)]
    return window_of(production, arrived[-1]) if arrived else []


def _may_be_read(versions: Versions, spec: DatasetSpec, period: str) -> bool:
    """Whether no later delivery of the period was refused: then it waits to be mended."""
    return versions.refusal(spec.name, partition_stage(BATCH, period)) is None


def _made_by(
    versions: Versions, spec: DatasetSpec, stage: str, period: str, champion: Iteration
) -> bool:
    """Whether a table of a period was made with this model; one without rows is anybody's."""
    table = versions.read_last_good(spec.name, partition_stage(stage, period), columns=["champion"])
    return table is not None and set(table["champion"].to_pylist()) <= {champion.number}
