"""The simulated reviewer, and scores against a known truth.

What belongs here: everything that opens truth, and nothing else does. What does not: people's
verdicts (`burnish.workflows.exchange`, `burnish.review`), or estimates that any data set allows
(`burnish.workflows.noise`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from burnish.acquisition import seeded_keys
from burnish.errors import ReviewError
from burnish.metrics import Interval, wilson_interval
from burnish.records import LabelEvent, Verdict
from burnish.spec import DatasetSpec, Simulation
from burnish.spec.guess import as_text, read_file
from burnish.workflows.exchange import item_evidence

# Of the simulated reviewer's errors, the share that falls for the label at hand.
CONFUSABLE_SHARE = 0.8


@dataclass(frozen=True)
class ReviewScore:
    """What a review truly found, of rows that had a label.

    found: the label before was wrong, the one after is right; broken: the other way round.
    precision: share of the audit rows that were truly wrong; base_rate: of the control rows.
    """

    reviewed: int
    found: int
    broken: int
    precision: Interval
    base_rate: Interval


def load_truth(spec: DatasetSpec) -> dict[str, str]:
    """The true label of each example, from the `simulation` of the spec.

    A bundled truth is read with the options of the bundled source; a file like a source's, its
    path taken from the folder of the spec. Raises `ReviewError` where the spec knows no truth, a
    column is missing, a cell is empty or an id is repeated; `SourceUnreadable` where the file
    cannot be opened.
    """
    simulation = spec.simulation
    if simulation is None:
        raise ReviewError(
            f"{spec.name} has no known truth, so no reviewer can be simulated",
            expected="a `simulation` in the spec",
            hint="run with `--reviewer file` and let people decide",
        )
    table = _bundled(simulation, spec) if simulation.bundled else _from_file(simulation, spec)
    ids, truth = table[simulation.id].to_pylist(), table[simulation.column].to_pylist()
    bare = next((row for row, pair in enumerate(zip(ids, truth, strict=True)) if None in pair), -1)
    if bare >= 0:
        raise ReviewError(f"the truth has an empty cell in row {bare}", expected="id and label")
    known = dict(zip(ids, truth, strict=True))
    if len(known) != len(ids):
        seen: set[str] = set()
        twice = next(name for name in ids if name in seen or seen.add(name))
        raise ReviewError(f"the truth has {twice!r} more than once", expected="each id once")
    return known


def simulated_verdicts(
    queue: pa.Table,
    truth: Mapping[str, str],
    *,
    accuracy: float,
    classes: Sequence[str],
    random_state: int,
    author: str = "simulated-reviewer",
) -> list[Verdict]:
    """A simulated person's verdict on each row of `queue`, in the order of the queue.

    The reviewer looks at the example alone and names its true label, or with probability
    1 - `accuracy` a wrong one: in four of five cases the label at hand (the given one, else the
    suggested, whichever is wrong), otherwise any other of `classes`. The answer to a row depends
    on its id and `random_state` only. A label equal to the current one is a `keep`, another a
    `change`; the first label of an unlabeled row is a change from None.

    Raises `ReviewError` for a row without truth, fewer than two classes, or an accuracy outside
    [0, 1].
    """
    if not 0.0 <= accuracy <= 1.0 or len(set(classes)) < 2:
        raise ReviewError(
            f"accuracy is {accuracy}, with {len(set(classes))} classes",
            expected="an accuracy from 0 to 1, and two classes or more",
        )
    items = queue.to_pylist()
    ids = [item["example_id"] for item in items]
    keys = seeded_keys(ids, salt="simulated reviewer", random_state=random_state)
    verdicts: list[Verdict] = []
    for item, right, key in zip(items, _looked_up(ids, truth), keys.tolist(), strict=True):
        rng = np.random.default_rng(key)
        answer = right if rng.random() < accuracy else _mistake(item, right, classes, rng)
        verdicts.append(simulated_verdict(item, answer, author=author))
    return verdicts


def simulated_verdict(item: Mapping[str, Any], answer: str, *, author: str) -> Verdict:
    """What a simulated person's answer on a queue's item is as a verdict: marked as simulated."""
    return Verdict(
        example_id=item["example_id"],
        decision="keep" if answer == item["label"] else "change",
        from_label=item["label"],
        to_label=answer,
        author=author,
        role="simulated",
        reason=str(item["reason"]),
        evidence=item_evidence(item, item["iteration"]),
    )


def score_predictions(predictions: pa.Table, truth: Mapping[str, str]) -> Interval:
    """Share of `predictions` (example_id, predicted) that are true, with Wilson's interval.

    Every row counts: filter by split first. Raises `ReviewError` for a row without truth.

    >>> rows = pa.table({"example_id": ["a", "b"], "predicted": ["3", "8"]})
    >>> score_predictions(rows, {"a": "3", "b": "3"}).value
    0.5
    """
    right = _looked_up(predictions["example_id"].to_pylist(), truth)
    said = predictions["predicted"].to_pylist()
    hits = sum(a == b for a, b in zip(said, right, strict=True))
    return wilson_interval(hits, len(said))


def score_verdicts(
    verdicts: Iterable[Verdict | LabelEvent], truth: Mapping[str, str]
) -> ReviewScore:
    """What the verdicts truly found and broke; see `ReviewScore`.

    Where an example has several verdicts, its label before the first is compared with its label
    after the last. First labels of unlabeled rows are left out: nothing was wrong before. Raises
    `ReviewError` for a row without truth.
    """
    first: dict[str, Verdict] = {}
    last: dict[str, Verdict] = {}
    for given in verdicts:
        verdict = given.verdict if isinstance(given, LabelEvent) else given
        first.setdefault(verdict.example_id, verdict)
        last[verdict.example_id] = verdict
    ids = [name for name, verdict in first.items() if verdict.from_label is not None]
    right = dict(zip(ids, _looked_up(ids, truth), strict=True))
    was_wrong = {name: first[name].from_label != right[name] for name in ids}
    changed = [name for name in ids if last[name].decision == "change"]
    is_right = {name: last[name].to_label == right[name] for name in changed}
    return ReviewScore(
        reviewed=len(ids),
        found=sum(was_wrong[name] and is_right[name] for name in changed),
        broken=sum(not was_wrong[name] and not is_right[name] for name in changed),
        precision=_share_wrong(ids, "audit", first, was_wrong),
        base_rate=_share_wrong(ids, "control", first, was_wrong),
    )


def _share_wrong(
    ids: Sequence[str], reason: str, first: Mapping[str, Verdict], was_wrong: Mapping[str, bool]
) -> Interval:
    own = [name for name in ids if first[name].evidence.get("reason") == reason]
    return wilson_interval(sum(was_wrong[name] for name in own), len(own))


def _mistake(
    item: Mapping[str, Any], right: str, classes: Sequence[str], rng: np.random.Generator
) -> str:
    at_hand = [
        name for name in (item["label"], item["suggested_label"]) if name not in (None, right)
    ]
    if at_hand and rng.random() < CONFUSABLE_SHARE:
        return str(at_hand[0])
    others = sorted(set(classes) - {right})
    return others[int(rng.integers(len(others)))]


def _looked_up(ids: Sequence[str], truth: Mapping[str, str]) -> list[str]:
    missing = [name for name in ids if name not in truth]
    if missing:
        raise ReviewError(
            f"the truth of {len(missing)} rows is not known, {missing[0]!r} among them",
            expected="a true label for every row",
            hint="check `simulation.id` in the spec: is it the id of the source?",
        )
    return [truth[name] for name in ids]


def _bundled(simulation: Simulation, spec: DatasetSpec) -> pa.Table:
    from burnish.datasets.truth import bundled_truth, stream_truth

    name = str(simulation.bundled)
    options = spec.source.options if spec.source.bundled == name else {}
    truth = bundled_truth(name, **options)
    if spec.production is not None:
        # People are asked about rows met in production as well.
        truth = pa.concat_tables([truth, stream_truth(name, **options)])
    return _columns(truth, simulation, f"the bundled truth {name!r}")


def _from_file(simulation: Simulation, spec: DatasetSpec) -> pa.Table:
    path = spec.folder / str(simulation.path)
    return _columns(read_file(path), simulation, f"the truth {path}")


def _columns(table: pa.Table, simulation: Simulation, what: str) -> pa.Table:
    """Id and label as text, spelt the way the source's own ids and labels are."""
    for name in (simulation.id, simulation.column):
        if name not in table.column_names:
            raise ReviewError(
                f"{what} has no column {name!r}", expected=", ".join(table.column_names)
            )
    return pa.table({n: as_text(table[n]) for n in (simulation.id, simulation.column)})
