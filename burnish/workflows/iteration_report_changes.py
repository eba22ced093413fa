"""What an iteration changed in the data, why, and who decided: read off ledger and versions.

What belongs here: the changes since the version before, the people behind them, and a few changed
rows to look at. What does not: what the changes did to the model
(`burnish.workflows.iteration_report_effect`), how any of it reads (`burnish.report`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyarrow import compute

from burnish.records import DatasetVersion, Iteration, LabelEvent
from burnish.report.iteration_facts import ChangedExample, Changes, Person, ReasonLine
from burnish.report.looking import look, usual_values
from burnish.report.summary import ConfusionPair
from burnish.spec import DatasetSpec
from burnish.typing import LabelLedger
from burnish.versions import Versions
from burnish.workflows.compare_labels import diff_versions
from burnish.workflows.gold import count_reviews, is_restated, known_answers
from burnish.workflows.naming import as_collected, trained_on
from burnish.workflows.taken_back import is_undo, not_taken_back, settles

pc: Any = compute

COLLECTED = "the labels as collected"
MOST_EXAMPLES = 12
REVIEWER = "reviewer"


@dataclass(frozen=True)
class Span:
    """A closed iteration between two dataset versions; `before` has number 0 for the first."""

    versions: Versions
    ledger: LabelLedger
    iteration: Iteration
    before: DatasetVersion
    after: DatasetVersion

    @property
    def since(self) -> str:
        return str(self.before) if self.before.number else COLLECTED


def span_of(versions: Versions, ledger: LabelLedger, iteration: Iteration) -> Span:
    """From the version that the iteration before trained on to the one of this iteration."""
    after = trained_on(versions, iteration)
    earlier = [
        one
        for one in versions.iterations(iteration.dataset)
        if one.number < iteration.number and one.summary.get("dataset_version") is not None
    ]
    before = trained_on(versions, earlier[-1]) if earlier else as_collected(after)
    return Span(versions, ledger, iteration, before, after)


def changes_of(
    span: Span, spec: DatasetSpec, *, champion: DatasetVersion | None = None
) -> tuple[Changes, pa.Table]:
    """What changed from `before` to `after`, and the changed rows themselves (`CHANGES`).

    `champion` is the version that the model compared with was trained on (None: on `before`).
    """
    diff = diff_versions(span, span.before, span.after, spec=spec)
    events = events_of(span)
    counts = Counter(diff.changes["change"].to_pylist())
    since_champion = None
    if champion is not None and champion.number != span.before.number:
        since_champion = diff_versions(span, champion, span.after).changes.num_rows
    relabelled = diff.changes.filter(pc.field("change") == "relabelled")
    pairs = Counter(
        zip(relabelled["before"].to_pylist(), relabelled["after"].to_pylist(), strict=True)
    )
    changes = Changes(
        since=span.since,
        relabelled=counts["relabelled"],
        dropped=counts["dropped"],
        joined=counts["joined"],
        left=counts["left"],
        rows=span.after.rows,
        pairs=tuple(
            ConfusionPair(a or "(none)", b or "(none)", n) for (a, b), n in pairs.most_common()
        ),
        reasons=_by_reason(events),
        slices=dict(Counter(diff.by_slice).most_common()),
        features=diff.features,
        held_out=_held_out(span, relabelled),
        people=people_of(events, known_of(span, events), known_so_far(span)),
        since_champion=since_champion,
    )
    return changes, diff.changes


def events_of(span: Span) -> list[LabelEvent]:
    """People's answers of the iteration; what was taken back since, and taking it back, is none."""
    first, last = span.before.watermark.event_id, span.after.watermark.event_id
    events = span.ledger.events(span.iteration.dataset, after=first, until=last)
    return [event for event in not_taken_back(events) if not is_undo(event.verdict)]


def people_of(
    events: Iterable[LabelEvent],
    known: Mapping[str, tuple[int, int]],
    so_far: Mapping[str, tuple[int, int]],
) -> tuple[Person, ...]:
    """Everybody who had a say, the busiest first; known answers by author are (asked, right)."""
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for verdict in (event.verdict for event in events):
        approver = str(verdict.evidence.get("approved_by") or "")
        if approver:
            counts[approver, REVIEWER]["approved"] += 1
        if is_restated(verdict):
            continue
        own = counts[verdict.author, verdict.role]
        own["answered"] += 1
        own["changed"] += verdict.decision in {"change", "drop"}
        own["settled"] += bool(verdict.evidence.get("decides"))
    people = [
        Person(
            name,
            role,
            answered=own["answered"],
            changed=own["changed"],
            settled=own["settled"],
            approved=own["approved"],
            known=known.get(name, (0, 0))[0],
            right=known.get(name, (0, 0))[1],
            known_so_far=so_far.get(name, (0, 0))[0],
            right_so_far=so_far.get(name, (0, 0))[1],
        )
        for (name, role), own in counts.items()
    ]
    return tuple(sorted(people, key=lambda one: (-one.answered, -one.approved, one.name)))


def examples_of(
    span: Span, spec: DatasetSpec, changes: pa.Table, *, most: int = MOST_EXAMPLES
) -> tuple[ChangedExample, ...]:
    """Some relabelled rows as people look at them, every pair of labels having its turn."""
    chosen = _in_turn(changes.filter(pc.field("change") == "relabelled").to_pylist(), most)
    if not chosen:
        return ()
    rows = span.versions.read_numbered(span.after)
    usual = usual_values(rows, rows["label"], spec)
    ids = pa.array([one["example_id"] for one in chosen], pa.string())
    known = {
        row["example_id"]: row
        for row in rows.filter(pc.is_in(rows["example_id"], value_set=ids)).to_pylist()
    }
    return tuple(
        ChangedExample(
            example_id=one["example_id"],
            before=one["before"],
            after=one["after"],
            author=one["author"] or "",
            simulated=one["role"] == "simulated",
            reason=one["reason"] or "",
            error_probability=one["error_probability"],
            looked=look(known[one["example_id"]], spec, label=one["before"], usual=usual),
        )
        for one in chosen
    )


def _in_turn(rows: Sequence[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """The first row of each pair of labels, most frequent pairs first, then the second, ..."""
    by_pair: dict[tuple[str | None, str | None], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_pair[row["before"], row["after"]].append(row)
    ranked = sorted(by_pair.values(), key=lambda group: -len(group))
    places = range(max((len(group) for group in ranked), default=0))
    dealt = [group[place] for place in places for group in ranked if place < len(group)]
    return dealt[:most]


def _by_reason(events: Sequence[LabelEvent]) -> tuple[ReasonLine, ...]:
    """What came of each row that was decided, by why people were asked about it."""
    standing = {
        event.verdict.example_id: event.verdict
        for event in events
        if settles(event.verdict) and not is_restated(event.verdict)
    }
    groups: dict[str, Counter[str]] = defaultdict(Counter)
    for verdict in standing.values():
        reason = str(verdict.evidence.get("reason") or verdict.reason or "other")
        groups[reason][verdict.decision] += 1
    lines = [
        ReasonLine(reason, counts.total(), counts["change"], counts["drop"])
        for reason, counts in groups.items()
    ]
    return tuple(sorted(lines, key=lambda line: (-line.reviewed, line.reason)))


def _held_out(span: Span, relabelled: pa.Table) -> int:
    columns = ["example_id", "split"]
    rows = span.versions.read_numbered(span.after, columns=columns)
    apart = rows.filter(pc.is_in(rows["split"], value_set=pa.array(["validation", "test"])))
    held_out = apart["example_id"].combine_chunks()
    return int(pc.sum(pc.is_in(relabelled["example_id"], value_set=held_out)).as_py() or 0)


def known_of(span: Span, events: Iterable[LabelEvent]) -> dict[str, tuple[int, int]]:
    """By author, of the rows with a known answer among events: how many asked, how many right."""
    answers = known_answers(span.versions, span.iteration.dataset)
    if not answers:
        return {}
    counted = count_reviews(events, answers)
    return {author: (one.answered, one.correct) for author, one in counted.items()}


def known_so_far(span: Span) -> dict[str, tuple[int, int]]:
    """The same over all iterations up to this one."""
    last = span.after.watermark.event_id
    return known_of(span, span.ledger.events(span.iteration.dataset, until=last))
