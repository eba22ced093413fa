"""What a desk must do, told a second time and simply: lists of answers, and who holds what.

It shares no code with the desk: states are worked out from the answers as they stand now, not from
a fold of events, and leases are a list.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from burnish.review.records import Policy

LEASE = timedelta(seconds=300)
SLACK = timedelta(seconds=2)


@dataclass
class Row:
    """One item: what was said in this round and before, and who is asked."""

    name: str
    position: int
    current: list[tuple[str, str | None, int]] = field(default_factory=list)
    past: list[tuple[str, str | None, int]] = field(default_factory=list)
    round: int = 1
    wanted: set[str] | None = None
    asked_again: bool = False
    approved_by: str = ""
    decision: tuple[str, str | None] | None = None
    left: bool = False
    outside: int | None = None
    last_seq: int = 0
    assignee: str = ""
    answered: set[str] = field(default_factory=set)

    def state(self, policy: Policy) -> str:
        state = self.at_desk(policy)
        gone = self.left or self.outside is not None
        return "withdrawn" if gone and state != "settled" else state

    def at_desk(self, policy: Policy) -> str:
        if self.approved_by or self.decision:
            return "settled"
        asked = len(self.wanted) if self.wanted else policy.answers
        if self.agreeing(policy) >= min(policy.agree, asked):
            return "submitted" if policy.approval else "settled"
        if len(self.current) >= asked:
            return "disagreed"
        return "rework" if self.asked_again else "open"

    def agreeing(self, policy: Policy) -> int:
        if policy.answers == 1:
            return len(self.current)
        labels = Counter(label for _, label, _ in self.current if label is not None)
        return max(labels.values(), default=0)

    def places(self, policy: Policy) -> int:
        if self.state(policy) not in {"open", "rework"}:
            return 0
        asked = len(self.wanted) if self.wanted else policy.answers
        return min(asked - len(self.current), min(policy.agree, asked) - self.agreeing(policy))

    def people(self) -> set[str]:
        return {person for person, _, _ in self.current}

    def send_back(self) -> None:
        self.wanted = self.people()
        self.past += self.current
        self.current, self.round, self.asked_again = [], self.round + 1, True
        self.approved_by, self.decision = "", None

    def told(self) -> list[tuple[str, str | None]]:
        """Whose verdicts the ledger has of it once it is settled, oldest first."""
        said = [(person, label) for person, label, _ in [*self.past, *self.current]]
        return [*said, *([self.decision] if self.decision else [])]


@dataclass
class Lease:
    token: str
    row: Row
    person: str
    taken: datetime
    expires: datetime

    def live(self, now: datetime) -> bool:
        return self.taken - SLACK <= now < self.expires

    def renew(self, now: datetime) -> None:
        self.taken, self.expires = min(self.taken, now), now + LEASE


@dataclass
class Model:
    """All items and leases of a batch, and what was acknowledged."""

    policy: Policy
    rows: dict[str, Row]
    leases: list[Lease] = field(default_factory=list)
    away: dict[str, datetime] = field(default_factory=dict)
    keyed: dict[str, tuple[str | None, int]] = field(default_factory=dict)
    taken_back: set[int] = field(default_factory=set)
    done: list[tuple[int, str, str, str, str | None]] = field(default_factory=list)
    reviews: set[tuple[int, str, str, str, str | None]] = field(default_factory=set)

    def lease(self, token: str) -> Lease | None:
        return next((one for one in self.leases if one.token == token), None)

    def asks(self, row: Row) -> bool:
        return row.state(self.policy) in {"open", "rework"}

    def settle_leases(self, row: Row) -> None:
        """Whoever has answered holds it no more; nobody does once it asks nobody."""
        self.leases = [
            one
            for one in self.leases
            if one.row is not row or (self.asks(row) and one.person not in row.people())
        ]

    def held(self, person: str, beside: list[str]) -> Lease | None:
        """What a person gets before anything new."""
        own = [one for one in self.leases if one.person == person and one.token not in beside]
        for lease in sorted(own, key=lambda one: (one.taken, one.token)):
            if self.asks(lease.row):
                return lease
            self.leases.remove(lease)
        return None

    def next_row(self, person: str, now: datetime) -> Row | None:
        """The new item that a person gets."""
        found = [row for row in self.rows.values() if self._is_for(row, person, now)]
        order = sorted(found, key=lambda row: (self._urgency(row, person), row.position))
        return order[0] if order else None

    def take(self, row: Row, person: str, token: str, now: datetime) -> None:
        """Give a person an item: who has run out on it makes room, the longest ago first."""
        on_it = [one for one in self.leases if one.row is row]
        over = sorted(
            (one for one in on_it if not one.live(now)), key=lambda one: (one.taken, one.token)
        )
        while len(on_it) >= row.places(self.policy):
            self.leases.remove(over[0])
            on_it.remove(over.pop(0))
        self.leases.append(Lease(token, row, person, now, now + LEASE))

    def _is_for(self, row: Row, person: str, now: datetime) -> bool:
        if not self.asks(row) or person in row.people():
            return False
        if row.wanted and person not in row.wanted:
            return False
        on_it = [one for one in self.leases if one.row is row]
        if any(one.person == person for one in on_it):
            return False
        kept = self._keeps_a_place(row, person, on_it, now)
        return row.places(self.policy) > sum(one.live(now) for one in on_it) + kept

    def _urgency(self, row: Row, person: str) -> int:
        if row.state(self.policy) == "rework":
            return 0
        return 1 if row.assignee == person else 2

    def _keeps_a_place(self, row: Row, person: str, on_it: list[Lease], now: datetime) -> bool:
        """Whether somebody else is asked first, who is here and has it neither open nor done."""
        whom = row.assignee
        if whom in {"", person} or row.state(self.policy) == "rework":
            return False
        is_away = whom in self.away and self.away[whom] > now
        has_it = any(one.person == whom and one.live(now) for one in on_it)
        return not (is_away or has_it or whom in row.people())
