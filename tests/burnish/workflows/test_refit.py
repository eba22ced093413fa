"""An audit refitted to verdicts: each verdict meets the score of its own time."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from burnish.database import open_database
from burnish.labels import ReviewerCounts
from burnish.ledger import SqlLedger
from burnish.records import LabelEvent, Verdict
from burnish.store import DeltaStore
from burnish.versions import Versions
from burnish.workflows.audit import AUDIT_SCHEMA
from burnish.workflows.refit import STATIC, refit_iteration, refitted_audit, verdict_history

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def audit_of(probability: np.ndarray, *, unlabeled: int = 0) -> pa.Table:
    """An audit of rows r0, r1, ..., whose margin says nothing."""
    order = np.argsort(-probability, kind="stable")
    rank = np.empty(order.size, dtype=int)
    rank[order] = np.arange(1, order.size + 1)
    rows = [
        {"example_id": f"r{at}", "label": "8", "given_label": "8", "split": "train",
         "error_probability": float(p), "suggested_label": "3", "self_confidence": 0.5,
         "margin": 0.1, "model_disagreement": 0.2, "audit_rank": int(rank[at])}
        for at, p in enumerate(probability)
    ]  # fmt: skip
    bare = [{"example_id": f"u{at}", "model_disagreement": 0.3} for at in range(unlabeled)]
    return pa.Table.from_pylist([rows[at] for at in order] + bare, schema=AUDIT_SCHEMA)


def said(number: int, name: str, label: str | None, *, iteration: int = 1, **more) -> LabelEvent:
    before = more.pop("before", "8")
    decision = more.pop("decision", "keep" if label == before else "change")
    verdict = Verdict(
        name, decision, before, label, "kim", evidence={"iteration": iteration}, **more
    )
    return LabelEvent(number, "toy", verdict, NOW, "")


def test_verdicts_meet_the_audit_of_their_own_iteration():
    audits = {1: audit_of(np.array([0.9, 0.2])), 2: audit_of(np.array([0.4, 0.7]))}
    events = [said(1, "r0", "3"), said(2, "r1", "8", iteration=2)]
    rows = verdict_history(events, audits).to_pylist()
    assert [(r["example_id"], r["iteration"], r["wrong"], r[STATIC]) for r in rows] == [
        ("r0", 1, True, 0.9),
        ("r1", 2, False, 0.7),
    ]
    assert rows[0]["margin"] == 0.1
    # The second audit has nobody's verdict.
    assert verdict_history(events[:1], audits).num_rows == 1


def test_only_final_verdicts_on_the_label_that_was_audited_count():
    events = [
        said(1, "r0", "3"),
        said(2, "r0", "8"),  # said again in the same batch: the last word counts
        said(3, "r1", None, decision="unsure"),
        said(4, "r2", None, decision="drop"),
        said(5, "r3", "3", reason="gold"),
        said(6, "r4", "3", before="5"),
        said(7, "r5", "3", before=None, decision="change"),
        said(8, "r6", "3", iteration=9),
        LabelEvent(9, "toy", Verdict("r7", "keep", "8", "8", "kim"), NOW, ""),
        said(10, "r8", "3"),
        # r8 was a slip, and taken back; r9 is a control row whose answer is known.
        LabelEvent(
            11, "toy", Verdict("r8", "unsure", "8", None, "kim", evidence={"undoes": 10}), NOW, ""
        ),
        said(12, "r9", "8", reason="control"),
        said(13, "r9", "3", reason="control", role="gold"),
    ]
    rows = verdict_history(events, {1: audit_of(np.linspace(0.1, 0.9, 10))}).to_pylist()
    assert {row["example_id"]: row["wrong"] for row in rows} == {
        "r0": False,
        "r2": True,
        "r9": False,
    }


def test_a_refit_starts_from_what_the_models_said_and_not_from_the_last_refit():
    audit = audit_of(np.array([0.9, 0.2]))
    audit = audit.append_column(STATIC, pa.array([0.6, 0.1]))
    [row] = verdict_history([said(1, "r0", "3")], {1: audit}).to_pylist()
    assert row[STATIC] == 0.6


def history_of(rng: np.random.Generator, probability: np.ndarray, wrong: np.ndarray) -> pa.Table:
    events = [said(at + 1, f"r{at}", "3" if is_wrong else "8") for at, is_wrong in enumerate(wrong)]
    return verdict_history(events, {1: audit_of(probability)})


def test_probabilities_that_are_too_high_come_down_in_the_same_order():
    rng = np.random.default_rng(0)
    before = rng.uniform(0.3, 0.95, 200)
    history = history_of(rng, before, rng.random(200) < before / 5)
    audit = audit_of(rng.uniform(0.3, 0.95, 50), unlabeled=2)
    found, refit = refitted_audit(audit, history, reviewers=ReviewerCounts(50, 50, 50, 50))
    assert refit.kind == "recalibrated"
    assert found["example_id"].equals(audit["example_id"])
    assert found["audit_rank"].equals(audit["audit_rank"])
    assert found[STATIC].equals(audit["error_probability"])
    now = np.array(found["error_probability"].to_pylist()[:50])
    assert (now < np.array(audit["error_probability"].to_pylist()[:50])).all()
    assert found["error_probability"].to_pylist()[50:] == [None, None]
    assert found.schema.names == [*AUDIT_SCHEMA.names, STATIC]


def test_a_signal_that_tells_changes_the_order():
    rng = np.random.default_rng(1)
    hint = rng.uniform(-1, 1, 400)
    p = np.full(400, 0.5)
    audit = audit_of(p).set_column(AUDIT_SCHEMA.names.index("margin"), "margin", pa.array(hint))
    # All ranks tie, so rows stand in their own order.
    events = [
        said(at + 1, f"r{at}", "3" if rng.random() < 1 / (1 + np.exp(4 * hint[at])) else "8")
        for at in range(400)
    ]
    found, refit = refitted_audit(audit, verdict_history(events, {1: audit}))
    assert refit.kind == "combined"
    margins = np.array(found["margin"].to_pylist())
    assert (np.diff(margins) >= 0).all()
    assert found["audit_rank"].to_pylist() == list(range(1, 401))


def test_without_verdicts_the_audit_stays_and_says_what_it_is():
    audit = audit_of(np.array([0.9, 0.2]), unlabeled=1)
    found, refit = refitted_audit(audit, verdict_history([], {}))
    assert not refit.kept
    assert found.select(AUDIT_SCHEMA.names).equals(audit)
    assert found[STATIC].equals(audit["error_probability"])


def test_an_iteration_learns_from_verdicts_before_it_opened_and_from_none_after(tmp_path):
    engine = open_database(tmp_path / "burnish.db")
    ledger = SqlLedger(engine)
    versions = Versions(engine, DeltaStore(tmp_path / "tables", engine), ledger)
    rng = np.random.default_rng(2)
    before = rng.uniform(0.3, 0.95, 200)
    wrong = rng.random(200) < before / 5
    first = versions.join("toy", opens=True)
    static, untouched = refit_iteration(versions, ledger, first, audit_of(before))
    assert not untouched.kept
    versions.write("toy", "label_audit", static, iteration=1, gated=False)
    verdicts = [
        Verdict(f"r{at}", "change" if is_wrong else "keep", "8", "3" if is_wrong else "8", "kim",
                evidence={"iteration": 1})
        for at, is_wrong in enumerate(wrong)
    ]  # fmt: skip
    ledger.append("toy", verdicts)
    assert not refit_iteration(versions, ledger, first, audit_of(before))[1].kept
    versions.close("toy", 1, promoted=False)
    second = versions.join("toy", opens=True)
    found, refit = refit_iteration(versions, ledger, second, audit_of(before))
    assert (refit.kind, refit.n) == ("recalibrated", 200)
    ledger.append("toy", [Verdict("r0", "keep", "8", "8", "kim", evidence={"iteration": 2})])
    again, _ = refit_iteration(versions, ledger, second, audit_of(before))
    assert again.equals(found)
