"""The audit's probabilities of error, refitted to the verdicts so far.

What belongs here: which verdicts count, the scores as they were when each row was picked, and
putting refitted probabilities into a label audit. What does not: the fit and whether it is kept
(`burnish.labels.refit`), or the audit itself (`burnish.workflows.audit`).

A verdict is about the label that was audited then, and judged by the models of then; both have
changed since. So each is joined with the audit of its own iteration. The static probability
stays in the audit beside the refitted one, as `static_probability`: a refit of refitted
probabilities would forget what it started from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute

from burnish.labels import Refit, ReviewerCounts, refit_error_probability
from burnish.records import FINAL_DECISIONS, Iteration, LabelEvent, Verdict
from burnish.typing import LabelLedger
from burnish.versions import Versions
from burnish.workflows.control_arms import GOLD, gold_counts
from burnish.workflows.gold import is_restated, known_answers
from burnish.workflows.taken_back import not_taken_back, settles

# Arrow makes these functions when it is imported, so a checker cannot know them.
pc: Any = compute

STATIC = "static_probability"
# Numbers of an audit that are no signals of an error: what is fitted, and what a row is worth.
_NO_SIGNALS = frozenset({STATIC, "error_probability", "leverage", "cost"})


def verdict_history(events: Iterable[LabelEvent], audits: Mapping[int, pa.Table]) -> pa.Table:
    """Verdicts on labels, each with its row of the audit of its iteration.

    `audits` are label audits by the number of the iteration. Columns: example_id, iteration,
    wrong (whether the label was changed or dropped), static_probability, and the signals that all
    these audits have. Of several verdicts on a row in one iteration the last counts, of several
    people's answers to an item the one that settled it. Left out are `unsure`, first labels, gold
    items and known answers restated, verdicts that were taken back, and those on another label than
    the one audited.
    """
    last: dict[tuple[int, str], Verdict] = {}
    for event in not_taken_back(events):
        number = event.verdict.evidence.get("iteration")
        if isinstance(number, int) and _counts(event.verdict):
            last[number, event.verdict.example_id] = event.verdict
    names = _shared_signals(audits[n] for n in sorted({key[0] for key in last} & set(audits)))
    parts = [_joined(last, number, audits[number], names) for number in sorted(audits)]
    empty = pa.schema(
        [("example_id", pa.string()), ("iteration", pa.int64()), ("wrong", pa.bool_())]
        + [(name, pa.float64()) for name in (STATIC, *names)]
    ).empty_table()
    return pa.concat_tables([empty, *parts])


def refitted_audit(
    audit: pa.Table, history: pa.Table, *, reviewers: ReviewerCounts | None = None
) -> tuple[pa.Table, Refit]:
    """`audit` with its probabilities refitted to `history`, and what became of the refit.

    error_probability and audit_rank are replaced where the refit is kept (the order of rows
    changes only by a combination of signals); the column static_probability holds what the models
    alone say. Rows without a label stay last, and null. `history` is a table of
    `verdict_history`, `reviewers` are counts on gold items.

    >>> audit = pa.table({"example_id": ["a"], "error_probability": [0.7], "audit_rank": [1]})
    >>> table, refit = refitted_audit(audit, verdict_history([], {}))
    >>> refit.kind, table.column_names[-1]
    ('static', 'static_probability')
    """
    named = audit.append_column(STATIC, audit["error_probability"]) if _is_plain(audit) else audit
    judged = named.filter(pc.is_valid(named[STATIC]))
    names = [name for name in _signals_of(judged) if name in history.column_names]
    refit = refit_error_probability(
        history[STATIC].to_numpy(),
        history["wrong"].to_numpy(),
        signals={name: history[name].to_numpy() for name in names},
        reviewers=reviewers,
    )
    if not refit.kept:
        return named, refit
    now = {name: judged[name].to_numpy() for name in names}
    ranked = _ranked(judged, refit.error_probability(judged[STATIC].to_numpy(), now))
    return pa.concat_tables([ranked, named.filter(pc.is_null(named[STATIC]))]), refit


def refit_iteration(
    versions: Versions,
    ledger: LabelLedger,
    iteration: Iteration,
    audit: pa.Table,
    *,
    gold: Mapping[str, str] | None = None,
) -> tuple[pa.Table, Refit]:
    """`audit`, made in `iteration`, refitted to the verdicts before the iteration opened.

    Nothing later counts, so that the audit made again is the same. `gold` gives the known label of
    gold items by example_id; by default it is what is kept of them.
    """
    mark = iteration.watermark.event_id
    events = [one for one in ledger.events(iteration.dataset) if one.event_id <= mark]
    asked = {event.verdict.evidence.get("iteration") for event in events}
    audits = _audits_of(versions, iteration, asked)
    answers = known_answers(versions, iteration.dataset) if gold is None else gold
    counts = gold_counts(events, answers)
    return refitted_audit(audit, verdict_history(events, audits), reviewers=counts)


def _audits_of(versions: Versions, iteration: Iteration, asked: set[Any]) -> dict[int, pa.Table]:
    """The last audit of each iteration in `asked` that is before this one and still kept."""
    store, table = versions.store, f"{iteration.dataset}/label_audit"
    newest = dict(versions.outputs(iteration.dataset, "label_audit"))
    wanted = [number for number in sorted(newest) if number < iteration.number and number in asked]
    kept = {version.version for version in store.history(table)} if wanted else set[int]()
    return {n: store.read(table, version=newest[n]) for n in wanted if newest[n] in kept}


def _counts(verdict: Verdict) -> bool:
    return (
        verdict.decision in FINAL_DECISIONS
        and settles(verdict)
        and verdict.from_label is not None
        and verdict.reason != GOLD
        and not is_restated(verdict)
    )


def _joined(
    verdicts: Mapping[tuple[int, str], Verdict], number: int, audit: pa.Table, names: list[str]
) -> pa.Table:
    own = {name: one for (at, name), one in verdicts.items() if at == number}
    rows = audit.filter(pc.is_in(audit["example_id"], pa.array(list(own), pa.string())))
    labels = zip(rows["example_id"].to_pylist(), rows["label"].to_pylist(), strict=True)
    same = pa.array([own[name].from_label == label for name, label in labels], pa.bool_())
    rows = rows.filter(same)
    given = [own[name] for name in rows["example_id"].to_pylist()]
    static = STATIC if STATIC in rows.column_names else "error_probability"
    return pa.table(
        {
            "example_id": rows["example_id"].cast(pa.string()),
            "iteration": pa.array([number] * rows.num_rows, pa.int64()),
            "wrong": pa.array([_is_wrong(one) for one in given], pa.bool_()),
            STATIC: rows[static],
            **{name: rows[name] for name in names},
        }
    )


def _is_wrong(verdict: Verdict) -> bool:
    return verdict.decision == "drop" or verdict.to_label != verdict.from_label


def _is_plain(audit: pa.Table) -> bool:
    """Whether no refit has been tried on the audit yet."""
    return STATIC not in audit.column_names


def _signals_of(judged: pa.Table) -> list[str]:
    """Columns of numbers that may tell of an error, known of each row that has a label."""
    return [
        field.name
        for field in judged.schema
        if pa.types.is_floating(field.type)
        and field.name not in _NO_SIGNALS
        and judged[field.name].null_count == 0
        and np.isfinite(judged[field.name].to_numpy()).all()
    ]


def _shared_signals(audits: Iterable[pa.Table]) -> list[str]:
    shared: list[str] | None = None
    for audit in audits:
        own = _signals_of(audit.filter(pc.is_valid(audit["error_probability"])))
        shared = own if shared is None else [name for name in shared if name in own]
    return shared or []


def _ranked(audit: pa.Table, probability: NDArray[np.float64]) -> pa.Table:
    """`audit` with new probabilities, most suspicious row first; ties in the order they had."""
    order = np.lexsort((audit["audit_rank"].to_numpy(), -probability))
    columns = {name: audit[name] for name in audit.column_names}
    columns["error_probability"] = pa.chunked_array([probability])
    table = pa.table(columns).take(pa.array(order))
    ranks = pa.array(np.arange(1, order.size + 1), pa.int64())
    return table.set_column(table.column_names.index("audit_rank"), "audit_rank", ranks)
