"""Tables of production that hold a planted change, and the record of a policy beside them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa

from burnish.drift import DRIFT_SCHEMA, PERFORMANCE_SCHEMA
from burnish.policy import SqlPolicyRecord
from burnish.workflows.production_stages import DRIFT, PERFORMANCE, partition_stage

DRIFT_TABLE = pa.schema(
    [*DRIFT_SCHEMA, ("against", pa.string()), ("window_start", pa.string()),
     ("window_end", pa.string())]
)  # fmt: skip
PERFORMANCE_TABLE = pa.schema(
    [*PERFORMANCE_SCHEMA, ("champion", pa.int64()), ("window_start", pa.string()),
     ("window_end", pa.string())]
)  # fmt: skip


class Ticking:
    """A clock that moves by a minute each time it is asked, so that an order of events is told."""

    def __init__(self):
        self.now = datetime(2026, 3, 10, tzinfo=UTC)

    def __call__(self):
        self.now += timedelta(minutes=1)
        return self.now


def record_of(home, clock=None):
    return SqlPolicyRecord(home.versions.engine, clock=clock or Ticking())


def drifted(versions, day, column="size", *, value=0.4, room=0.05, against="training", **more):
    line = {
        "column": column, "kind": "numeric", "finding": "drifted", "effect": "ks",
        "value": value, "low": value - room, "high": value + room, "minimum": 0.1,
        "reference_rows": 400, "current_rows": 300, "against": against,
        "window_start": day, "window_end": day,
    } | more  # fmt: skip
    return add(versions, DRIFT, day, [line], DRIFT_TABLE)


def estimated(versions, day, *, loss=0.1, room=0.02, slice_id="overall", name="overall", **more):
    line = {
        "slice": name, "slice_id": slice_id, "metric": "accuracy", "rows": 300,
        "reference": 0.9, "estimated": 0.9 - loss, "low": 0.9 - loss - room,
        "high": 0.9 - loss + room, "loss": loss, "loss_low": loss - room,
        "loss_high": loss + room, "labels": 0, "trusted": True, "why": "", "champion": 1,
        "window_start": day, "window_end": day,
    } | more  # fmt: skip
    return add(versions, PERFORMANCE, day, [line], PERFORMANCE_TABLE)


def measured(versions, day, *, accuracy, room=0.02, labels=200, **more):
    told = {"measured": accuracy, "measured_low": accuracy - room, "measured_high": accuracy + room}
    loss = 0.9 - accuracy
    told |= {
        "measured_loss": loss,
        "measured_loss_low": loss - room,
        "measured_loss_high": loss + room,
    }
    return estimated(versions, day, loss=0.0, labels=labels, **told, **more)


def add(versions, stage, day, lines, schema):
    """Lines beside those that the table of the day has already."""
    name = partition_stage(stage, day)
    known = versions.read_last_good("boxes", name)
    table = pa.Table.from_pylist(lines, schema)
    rows = table if known is None else pa.concat_tables([known, table])
    return versions.write("boxes", name, rows, gated=False)
