"""Gold items: rows whose true label is known, by which reviewers are measured.

What belongs here: reading the known answers, writing them into the ledger after a reviewer's own
answer, and how often each reviewer is right. What does not: drawing gold items into a batch
(`burnish.acquisition`), the counts that correct an estimate of noise
(`burnish.workflows.control_arms`), the noise that is left (`burnish.workflows.noise`), or a truth
of all rows for simulation (`burnish.workflows.simulate`).

A reviewer's answer to a gold item is in the ledger like any other: nobody is told. Where it differs
from what is known, an event of author `gold` follows it and restates the known label. So the label
that stands is right, and what the reviewer said is not lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from burnish.errors import LedgerMoved, SpecError
from burnish.metrics import wilson_interval
from burnish.records import LabelEvent, Verdict
from burnish.spec import DatasetSpec
from burnish.spec.cells import as_text
from burnish.spec.guess import read_file
from burnish.typing import LabelLedger
from burnish.versions import Versions
from burnish.workflows.taken_back import is_undo, not_taken_back

GOLD = "gold"
"""Author and role of the events that restate known answers."""
STAGE = "gold_items"
_SCHEMA = pa.schema([("example_id", pa.string()), ("label", pa.string())])

ACCURACY_SCHEMA = pa.schema(
    [("author", pa.string())]
    + [(name, pa.int64()) for name in ("n", "unsure", "wrong_shown", "right_shown")]
    + [
        (f"{name}{end}", pa.float64())
        for name in ("sensitivity", "specificity", "accuracy")
        for end in ("", "_low", "_high")
    ]
)


@dataclass(frozen=True)
class GoldReviews:
    """What one reviewer, or several, said of rows with a known answer.

    `wrong_shown` rows had a wrong label, and of `wrong_found` of them the reviewer said so (by
    another label, or a drop); `right_shown` had a right one, and `right_kept` of them were kept.
    `correct` of all `answered` rows were given the known label; `unsure` counts beside them.
    """

    wrong_found: int = 0
    wrong_shown: int = 0
    right_kept: int = 0
    right_shown: int = 0
    correct: int = 0
    answered: int = 0
    unsure: int = 0


def load_gold(spec: DatasetSpec) -> pa.Table | None:
    """The known answers that the spec names, as example_id and label; None where it names none.

    Raises `SpecError` where the file lacks a column, has an empty cell, names an example twice, or
    a label is no class of the spec; `SourceUnreadable` where it cannot be opened.
    """
    if spec.review.gold is None:
        return None
    path = spec.folder / spec.review.gold
    table = read_file(path)
    absent = {"example_id", "label"} - set(table.column_names)
    if absent:
        raise SpecError(
            f"review.gold: {path} has no column {sorted(absent)[0]!r}",
            expected="the columns example_id and label",
        )
    rows = pa.table({name: as_text(table[name]) for name in ("example_id", "label")})
    ids, labels = rows["example_id"].to_pylist(), rows["label"].to_pylist()
    if None in ids or None in labels:
        raise SpecError(f"review.gold: {path} has an empty cell", expected="ids and labels")
    if len(set(ids)) != len(ids):
        [(twice, _)] = Counter(ids).most_common(1)
        raise SpecError(f"review.gold: {path} has {twice!r} twice", expected="each example once")
    odd = next((name for name in labels if spec.classes and name not in spec.classes), None)
    if odd is not None:
        raise SpecError(
            f"review.gold: {path} has the label {odd!r}", expected=", ".join(spec.classes)
        )
    return rows


def keep_gold(spec: DatasetSpec, versions: Versions) -> pa.Table | None:
    """The known answers of the spec, kept as a table: verdicts are taken in without the spec.

    A spec that names none any more leaves none behind, that no old answer overrules anybody.
    Raises what `load_gold` does, and `SpecError` where no row of the dataset is among them, or a
    label is one that none of its rows has.
    """
    gold = load_gold(spec)
    if gold is None:
        if known_answers(versions, spec.name):
            versions.write(spec.name, STAGE, _SCHEMA.empty_table(), gated=False)
        return None
    _check_fits(gold, spec, versions)
    versions.write(spec.name, STAGE, gold, gated=False)
    return gold


def _check_fits(gold: pa.Table, spec: DatasetSpec, versions: Versions) -> None:
    rows = versions.read(spec.name, "validated_examples", columns=["example_id", "label"])
    extra = versions.read_last_good(spec.name, "unlabeled_examples", columns=["example_id"])
    ids = set(rows["example_id"].to_pylist())
    ids |= set() if extra is None else set(extra["example_id"].to_pylist())
    names = gold["example_id"].to_pylist()
    if names and not ids.intersection(names):
        raise SpecError(
            f"review.gold: {spec.review.gold} names {names[0]!r} and others, which are no rows "
            f"of {spec.name}",
            expected=f"example_ids as {min(ids)!r}",
            hint="is its example_id the id of the source? `burnish labels export` lists them",
        )
    classes = {*rows["label"].drop_null().unique().to_pylist(), *spec.classes}
    odd = next((name for name in gold["label"].to_pylist() if name not in classes), None)
    if odd is not None:
        raise SpecError(
            f"review.gold: {spec.review.gold} has the label {odd!r}, which no row of {spec.name} "
            "has",
            expected=", ".join(sorted(classes)[:20]),
        )


def known_answers(versions: Versions, dataset: str) -> dict[str, str]:
    """The known label of each gold item, as it was kept last."""
    gold = versions.read_last_good(dataset, STAGE)
    if gold is None:
        return {}
    return dict(zip(gold["example_id"].to_pylist(), gold["label"].to_pylist(), strict=True))


def with_known_answers(
    verdicts: Iterable[Verdict], answers: Mapping[str, str], *, after: int
) -> list[Verdict]:
    """Verdicts ready to be appended, the known answer behind each that says something else.

    `after` is the number of the ledger's newest event: a restated answer names the event that it
    supersedes, so append with that watermark as `expected`.

    >>> said = Verdict("a", "keep", "8", "8", author="Ada", reason="gold")
    >>> [(v.author, v.to_label) for v in with_known_answers([said], {"a": "3"}, after=0)]
    [('Ada', '8'), ('gold', '3')]
    """
    ready: list[Verdict] = []
    for verdict in verdicts:
        ready.append(verdict)
        known = answers.get(verdict.example_id)
        if known is not None and verdict.to_label != known and not is_restated(verdict):
            ready.append(_restated(verdict, known, supersedes=after + len(ready)))
    return ready


def append_verdicts(
    ledger: LabelLedger, versions: Versions, dataset: str, verdicts: Sequence[Verdict]
) -> None:
    """Append verdicts, the known answers behind those that say something else, all or none."""
    answers = known_answers(versions, dataset)
    while True:
        head = ledger.head(dataset)
        ready = with_known_answers(verdicts, answers, after=head.event_id)
        try:
            # Somebody else's verdict in between would shift the events that answers supersede.
            ledger.append(dataset, ready, expected=head)
        except LedgerMoved:
            continue
        return


def is_restated(verdict: Verdict) -> bool:
    """Whether a verdict restates a known answer, and is nobody's own."""
    return verdict.role == GOLD


def count_reviews(
    events: Iterable[LabelEvent], gold: Mapping[str, str], *, reasons: Sequence[str] | None = None
) -> dict[str, GoldReviews]:
    """What each author said of rows with a known answer, the last word on each row counting.

    `reasons` keeps the rows that were in a batch for one of these, say `("gold", "control")`: rows
    that an audit picked are harder than most. What was taken back does not count, nor what a
    reviewer decided who had others' answers before them: it is no judgement of theirs alone, and
    they are asked where people disagree, which is where it is hard.
    """
    last: dict[tuple[str, str], Verdict] = {}
    for verdict in own_answers(events, gold):
        if verdict.evidence.get("decides"):
            continue
        if reasons is None or verdict.reason in reasons:
            last[verdict.author, verdict.example_id] = verdict
    said: dict[str, list[Verdict]] = {}
    for (author, _), verdict in sorted(last.items()):
        said.setdefault(author, []).append(verdict)
    return {author: _counts(verdicts, gold) for author, verdicts in said.items()}


def own_answers(
    events: Iterable[LabelEvent], gold: Mapping[str, str], *, also_taken_back: bool = False
) -> list[Verdict]:
    """What people themselves said of rows with a known answer and did not take back, in order.

    Where several answered an item, that is the answer of each. `also_taken_back` leaves in what
    they took back later.
    """
    said = sorted(events, key=lambda event: event.event_id)
    return [
        event.verdict
        for event in (said if also_taken_back else not_taken_back(said))
        if event.verdict.example_id in gold
        and not is_restated(event.verdict)
        and not is_undo(event.verdict)
    ]


def reviewer_accuracy(
    events: Iterable[LabelEvent], gold: Mapping[str, str], *, reasons: Sequence[str] | None = None
) -> pa.Table:
    """How often each reviewer is right on gold items, one row an author.

    author, n (rows answered), unsure; then with Wilson's 95 % interval (`_low`, `_high`)
    sensitivity, the share of wrong labels of which the reviewer said so, of `wrong_shown`;
    specificity, the share of right labels that were kept, of `right_shown`; accuracy, the share of
    rows given the known label. A share of no rows is null. `gold` gives the known label by
    example_id; see `count_reviews` for `reasons`.
    """
    lines: list[dict[str, Any]] = []
    for author, one in count_reviews(events, gold, reasons=reasons).items():
        lines.append(
            {"author": author, "n": one.answered, "unsure": one.unsure}
            | {"wrong_shown": one.wrong_shown, "right_shown": one.right_shown}
            | dict(_share("sensitivity", one.wrong_found, one.wrong_shown))
            | dict(_share("specificity", one.right_kept, one.right_shown))
            | dict(_share("accuracy", one.correct, one.answered))
        )
    return pa.Table.from_pylist(lines, schema=ACCURACY_SCHEMA)


def _share(name: str, hits: int, n: int) -> Iterator[tuple[str, float | None]]:
    found = wilson_interval(hits, n)
    yield name, found.value if n else None
    yield f"{name}_low", found.low
    yield f"{name}_high", found.high


def _counts(verdicts: Sequence[Verdict], gold: Mapping[str, str]) -> GoldReviews:
    sure = [verdict for verdict in verdicts if verdict.decision != "unsure"]
    labelled = [verdict for verdict in sure if verdict.from_label is not None]
    wrong = [one for one in labelled if one.from_label != gold[one.example_id]]
    right = [one for one in labelled if one.from_label == gold[one.example_id]]
    return GoldReviews(
        wrong_found=sum(one.decision != "keep" for one in wrong),
        wrong_shown=len(wrong),
        right_kept=sum(one.decision == "keep" for one in right),
        right_shown=len(right),
        correct=sum(one.to_label == gold[one.example_id] for one in sure),
        answered=len(sure),
        unsure=len(verdicts) - len(sure),
    )


def _restated(verdict: Verdict, known: str, *, supersedes: int) -> Verdict:
    return Verdict(
        example_id=verdict.example_id,
        decision="keep" if verdict.from_label == known else "change",
        from_label=verdict.from_label,
        to_label=known,
        author=GOLD,
        role=GOLD,
        reason=verdict.reason,
        comment="the known answer",
        evidence=verdict.evidence,
        supersedes=supersedes,
    )
