"""Whatever verdicts come in whatever order, the fold is the dict that a person would keep."""

from __future__ import annotations

import os
import tempfile
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import rmtree

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import create_engine, text

from burnish.database import open_database
from burnish.errors import LedgerError
from burnish.ledger import SqlLedger
from burnish.records import Verdict

NAMES = st.sampled_from(["a", "b", "c", "ä", "Z"])
LABELS = st.sampled_from(["0", "1", "2"])
START = datetime(2026, 11, 2, tzinfo=UTC)


class FoldModel(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp())
        self.ticks = 0
        engine = self.engine = open_database(self.database())
        self.ledgers = [SqlLedger(engine, clock=self.tick) for _ in range(2)]
        self.labels: dict[str, str | None] = {}
        self.standing: dict[str, tuple[str, str | None, int]] = {}
        self.past: list[tuple[int, str]] = []
        self.count = 0

    def database(self) -> str:
        return str(self.home / "ledger.db")

    def tick(self) -> datetime:
        self.ticks += 1
        return START + timedelta(seconds=self.ticks)

    def take(self, verdicts: list[Verdict], who: int) -> None:
        self.ledgers[who].append("digits", verdicts)
        for verdict in verdicts:
            self.count += 1
            labelling = verdict.decision in {"keep", "change"}
            label = verdict.to_label if labelling else None
            self.standing[verdict.example_id] = (verdict.decision, label, self.count)
            if labelling:
                self.labels[verdict.example_id] = label

    @rule(name=NAMES, label=LABELS, who=st.integers(0, 1))
    def label(self, name: str, label: str, who: int) -> None:
        before = self.labels.get(name)
        decision = "keep" if before == label else "change"
        self.take([Verdict(name, decision, before, label, author=f"person {who}")], who)

    @rule(name=NAMES, decision=st.sampled_from(["drop", "unsure"]), who=st.integers(0, 1))
    def set_aside(self, name: str, decision: str, who: int) -> None:
        verdict = Verdict(name, decision, self.labels.get(name), None, author="ann")
        self.take([verdict], who)

    @rule(names=st.lists(NAMES, min_size=2, max_size=4), who=st.integers(0, 1))
    def drop_many(self, names: list[str], who: int) -> None:
        self.take([Verdict(name, "drop", None, None, author="bob") for name in names], who)

    @rule(name=NAMES, who=st.integers(0, 1))
    def refuse(self, name: str, who: int) -> None:
        good = Verdict(name, "drop", None, None, author="bob")
        bad = Verdict(name, "drop", None, "1", author="bob")
        try:
            self.ledgers[who].append("digits", [good, bad])
        except LedgerError:
            return
        raise AssertionError("a bad verdict was taken")

    @rule(who=st.integers(0, 1))
    def undo(self, who: int) -> None:
        events = self.ledgers[who].events("digits")
        if not events:
            return
        newest = events[-1]
        name = newest.verdict.example_id
        course = self.ledgers[who].blame("digits", name)
        undone = self.ledgers[who].undo("digits", newest.event_id, author="ann")
        self.count += 1
        assert undone.event_id == self.count
        before = course[-2].verdict if len(course) > 1 else None
        decision = before.decision if before else "unsure"
        labelling = decision in {"keep", "change"}
        label = before.to_label if before and labelling else None
        self.standing[name] = (decision, label, self.count)
        if labelling:
            self.labels[name] = label

    @rule()
    def remember(self) -> None:
        self.past.append((self.count, self.ledgers[0].fold("digits").digest))

    @invariant()
    def the_fold_is_the_dict(self) -> None:
        fold = self.ledgers[0].fold("digits")
        rows = fold.decisions.to_pylist()
        assert sorted(row["example_id"] for row in rows) == sorted(self.standing)
        numbers = [row["event_id"] for row in rows]
        assert numbers == sorted(numbers)
        assert {
            row["example_id"]: (row["decision"], row["label"], row["event_id"]) for row in rows
        } == self.standing
        assert fold.watermark.event_id == self.count
        assert fold.digest == self.ledgers[1].fold("digits", self.count).digest

    @invariant()
    def the_past_does_not_change(self) -> None:
        for watermark, digest in self.past:
            assert self.ledgers[1].fold("digits", watermark).digest == digest

    def teardown(self) -> None:
        assert self.ledgers[0].verify("digits").event_id == self.count
        rmtree(self.home)


class PostgresFoldModel(FoldModel):
    """The same, on a real PostgreSQL server."""

    def database(self) -> str:
        self.name = f"burnish_{uuid.uuid4().hex}"
        self.server = create_engine(os.environ["BURNISH_POSTGRES"], isolation_level="AUTOCOMMIT")
        with self.server.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {self.name}"))
        return self.server.url.set(database=self.name).render_as_string(hide_password=False)

    def teardown(self) -> None:
        super().teardown()
        self.engine.dispose()
        with self.server.connect() as connection:
            connection.execute(text(f"DROP DATABASE {self.name} WITH (FORCE)"))
        self.server.dispose()


TestFoldModel = FoldModel.TestCase
TestFoldModel.settings = settings(max_examples=12, stateful_step_count=15, deadline=None)
TestPostgresFoldModel = pytest.mark.skipif(
    not os.environ.get("BURNISH_POSTGRES"), reason="BURNISH_POSTGRES names no PostgreSQL server"
)(PostgresFoldModel.TestCase)
TestPostgresFoldModel.settings = settings(max_examples=5, stateful_step_count=12, deadline=None)
