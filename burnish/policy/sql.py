"""The policy's record in the database: every decision with its inputs, and every alarm.

What belongs here: appending and reading events, and alarms as they stand. What does not: deciding
(`burnish.policy.deciding`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Select, func, select

from burnish.database import migrate, reading, transact
from burnish.policy.alarms import alarms_of
from burnish.policy.records import Alarm, EventKind, PolicyEvent
from burnish.policy.schema import policy_events
from burnish.typing import Clock

NewEvent = tuple[EventKind, str, int | None, Mapping[str, Any]]
"""What is appended: kind, period, alarm, body."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SqlPolicyRecord:
    """Append-only events of the policy of every dataset.

    >>> import tempfile
    >>> from burnish.database import open_database
    >>> record = SqlPolicyRecord(open_database(tempfile.mkdtemp() + "/burnish.db"))
    >>> [event] = record.append("digits", [("decided", "2026-03-07", None, {"decisions": []})])
    >>> event.seq, [one.kind for one in record.events("digits")]
    (1, ['decided'])
    """

    def __init__(self, engine: Engine, *, clock: Clock = _utc_now) -> None:
        self._engine = engine
        self._clock = clock
        self._read: dict[str, list[PolicyEvent]] = {}
        migrate(engine)

    def append(
        self, dataset: str, events: Sequence[NewEvent], *, expected: int | None = None
    ) -> list[PolicyEvent]:
        """Append events, all or none. With `expected`, only where that is the newest `seq` still.

        Returns an empty list where it is not: somebody else decided meanwhile.
        """
        return transact(self._engine, self._appending(dataset, events, expected))

    def _appending(
        self, dataset: str, events: Sequence[NewEvent], expected: int | None
    ) -> Callable[[Connection], list[PolicyEvent]]:
        def add(connection: Connection) -> list[PolicyEvent]:
            newest = select(func.max(policy_events.c.seq)).where(policy_events.c.dataset == dataset)
            seq, at = connection.scalar(newest) or 0, self._clock()
            if expected is not None and seq != expected:
                return []
            added: list[PolicyEvent] = []
            for number, (kind, period, alarm, body) in enumerate(events, start=seq + 1):
                text = json.dumps(dict(body), sort_keys=True, allow_nan=False)
                row: dict[str, Any] = {
                    "dataset": dataset,
                    "seq": number,
                    "kind": kind,
                    "period": period,
                    "alarm": alarm,
                    "body": text,
                    "at": at,
                }
                connection.execute(policy_events.insert(), row)
                added.append(PolicyEvent(**{**row, "body": json.loads(text)}))
            return added

        return add

    def events(self, dataset: str, *, after: int = 0) -> list[PolicyEvent]:
        """Events with a greater `seq` than `after`, oldest first."""
        # Events are never changed: those that were read once need not be read again.
        known = self._read.get(dataset, [])
        found = self._since(dataset, known[-1].seq - 1 if known else 0)
        if known and found[:1] != known[-1:]:
            # The database was put back to an earlier day.
            known, found = [], self._since(dataset, 0)
        self._read[dataset] = known = [*known[:-1], *found]
        return [event for event in known if event.seq > after]

    def newest(self, dataset: str, kind: EventKind) -> PolicyEvent | None:
        """The newest event of a kind; None where there is none."""
        found = self._found(
            select(policy_events)
            .where(policy_events.c.dataset == dataset, policy_events.c.kind == kind)
            .order_by(policy_events.c.seq.desc())
            .limit(1)
        )
        return found[0] if found else None

    def _since(self, dataset: str, after: int) -> list[PolicyEvent]:
        return self._found(
            select(policy_events)
            .where(policy_events.c.dataset == dataset, policy_events.c.seq > after)
            .order_by(policy_events.c.seq)
        )

    def _found(self, query: Select[Any]) -> list[PolicyEvent]:
        with reading(self._engine) as connection:
            return [
                PolicyEvent(
                    dataset=row["dataset"],
                    seq=row["seq"],
                    kind=row["kind"],
                    period=row["period"],
                    alarm=row["alarm"],
                    at=row["at"],
                    body=json.loads(row["body"]),
                )
                for row in connection.execute(query).mappings()
            ]

    def alarms(self, dataset: str) -> list[Alarm]:
        """Every alarm as it stands, oldest first."""
        return alarms_of(self.events(dataset))

    def open_alarms(self, dataset: str) -> list[Alarm]:
        """The alarms that are open, oldest first, without the signals that joined them.

        Decisions, of which there are many and long ones, are not read for it.
        """
        found = self._found(
            select(policy_events)
            .where(policy_events.c.dataset == dataset, policy_events.c.kind != "decided")
            .order_by(policy_events.c.seq)
        )
        return [alarm for alarm in alarms_of(found) if alarm.is_open]
