"""What was promised is watched: people are told what is overdue, and Dagster how a batch stands.

What belongs here: the sensor `NAME_promises`. What does not: when an item is due
(`burnish.review.promises`), or what is told of it (`burnish.workflows.keeping_promises`).
"""

import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta

import dagster as dg

from burnish.spec import DatasetSpec
from burnish.versions import Versions
from burnish.workflows.keeping_promises import Look, figures, look_at_batch, tell_of_breaches
from pipelines.policing import Telling, utc_now

LOOK_EVERY = 60
"""Seconds between two looks."""

SHOW_EVERY = timedelta(minutes=15)
"""Figures change with each answer: they are shown so often, and at once where more is overdue."""


def build_promising(
    spec: DatasetSpec,
    *,
    clock: Callable[[], datetime] = utc_now,
    telling: Telling,
    every: int = 0,
    review_url: str = "",
) -> dg.SensorDefinition:
    """The sensor `NAME_promises` of a dataset whose spec promises something.

    It looks `every` so many seconds, 0 for as many as it takes by itself. `review_url` is where
    people reach the desk, for the link in a note.
    """

    @dg.sensor(
        name=f"{spec.name}_promises",
        minimum_interval_seconds=every or LOOK_EVERY,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells people once of each item that is overdue, and shows beside the queue "
        "how far its batch is from what was promised.",
    )
    def promises(
        context: dg.SensorEvaluationContext, versions: dg.ResourceParam[Versions]
    ) -> dg.SensorResult:
        look = look_at_batch(spec, versions, clock=clock)
        if look is None:
            return dg.SensorResult(skip_reason="no batch waits for people")
        tell(spec, versions, look, telling=telling, review_url=review_url)
        shown = _is_to_show(look, context.cursor)
        overdue = sum(look.kept.overdue.values())
        return dg.SensorResult(
            skip_reason=f"{overdue} items are overdue; {look.kept.sentence}",
            asset_events=[_observation(spec, look)] if shown else [],
            cursor=_cursor(look) if shown else context.cursor,
        )

    return promises


def tell(
    spec: DatasetSpec, versions: Versions, look: Look, *, telling: Telling, review_url: str
) -> int:
    """Tell of what is newly overdue by what the spec names; how many notes went out."""
    promised = spec.review.promises
    if promised is None:
        return 0
    folder = promised.email_folder
    return tell_of_breaches(
        spec,
        versions.engine,
        look.batch,
        now=look.kept.now,
        webhook=telling.webhook(promised.webhook_variable),
        email_folder=spec.folder / folder if folder else None,
        link=f"{review_url.rstrip('/')}/d/{spec.name}/promises" if review_url else "",
    )


def _observation(spec: DatasetSpec, look: Look) -> dg.AssetObservation:
    return dg.AssetObservation(asset_key=[spec.name, "relabel_queue"], metadata=figures(look.kept))


def _is_to_show(look: Look, cursor: str | None) -> bool:
    seen = json.loads(cursor or "{}")
    new = json.loads(_cursor(look))
    if seen.get("overdue") != new["overdue"]:
        return True
    waited = look.kept.now - datetime.fromisoformat(seen["at"])
    return seen["mark"] != new["mark"] and waited >= SHOW_EVERY


def _cursor(look: Look) -> str:
    kept = look.kept
    mark = hashlib.sha256(json.dumps(figures(kept)).encode()).hexdigest()[:16]
    overdue = [kept.iteration, sum(kept.overdue.values())]
    return json.dumps({"overdue": overdue, "mark": mark, "at": kept.now.isoformat()})
