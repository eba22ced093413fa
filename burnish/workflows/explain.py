"""Why a label is doubted: the signals of the audit, the rows most like it, and what would explain.

What belongs here: gathering an `Explanation` of one row from the tables of an iteration. What does
not: wording (`burnish.workflows.explain_signals`), who may see it (`burnish.review`), or its page
(`burnish.report.explanation_page`). It names the label and the model's opinion, so it is for people
who have answered already, or who are never asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute

from burnish.errors import DataError, IterationError
from burnish.modeling import design_frame
from burnish.modeling.views import frame_views, neighbour_space
from burnish.neighbours import nearest_to
from burnish.records import Iteration
from burnish.report.explained import Explanation, NearRow, WhatIf
from burnish.report.looking import Usual, look, usual_values
from burnish.spec import DatasetSpec
from burnish.versions import Versions
from burnish.versions.views import FEATURES, UNLABELED
from burnish.workflows.explain_signals import audit_signals, confusion_signal, votes_signal

# Arrow makes these functions when it is imported, so a checker cannot know them.
pc: Any = compute

NEAREST, OF_EACH = 10, 4
_SAID = {"keep": "kept", "change": "changed to '{label}'", "drop": "dropped", "unsure": "not sure"}


def explain_example(
    versions: Versions, spec: DatasetSpec, example_id: str, *, iteration: int | None = None
) -> Explanation:
    """What speaks against the label of a training row and what for it.

    As the audit of `iteration` saw it (None: the newest audit); what people have decided is as of
    now. Raises `IterationError` where there is no such audit, `DataError` where it did not judge
    the row: a held-out row, one without a label, or none of this dataset.
    """
    return Explainer.of(versions, spec, iteration=iteration).explain(example_id)


def explanations_of(
    versions: Versions,
    iteration: Iteration,
    spec: DatasetSpec,
    *,
    most: int = 6,
    until: int | None = None,
) -> tuple[Explanation, ...]:
    """Explanations of the most suspicious rows of an iteration's batch, most suspicious first.

    Only of rows that people have finally decided, up to the event `until` (None: now): to explain
    one that somebody may still be asked about would answer for them. Empty where there is none.
    Raises as `explain_example` does.
    """
    explainer = Explainer.of(versions, spec, iteration=iteration.number, until=until)
    batch = dict(versions.outputs(spec.name, "relabel_queue")).get(iteration.number)
    if batch is None:
        return ()
    queue = versions.store.read(f"{spec.name}/relabel_queue", version=batch)
    asked = set(filter(explainer.is_final, queue["example_id"].to_pylist()))
    ranked = sorted(
        (row for row in explainer.rows.values() if row["example_id"] in asked),
        key=lambda row: row["audit_rank"],
    )
    return tuple(explainer.explain(row["example_id"]) for row in ranked[:most])


@dataclass(frozen=True)
class Explainer:
    """One audit, and what is needed to explain any of its rows; made once for many rows.

    `examples` are the rows as the audit read them; `decisions` what people have said, in words;
    `asked` the rows of the open batch.
    """

    dataset: str
    iteration: int
    spec: DatasetSpec
    audit: pa.Table
    examples: pa.Table
    decisions: Mapping[str, str]
    answers: pa.Table | None
    asked: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        versions: Versions,
        spec: DatasetSpec,
        *,
        iteration: int | None = None,
        until: int | None = None,
    ) -> Explainer:
        """From the record of an iteration, decisions up to an event (None: now).

        Raises as `explain_example` does.
        """
        made = dict(versions.outputs(spec.name, "label_audit"))
        number = max(made, default=0) if iteration is None else iteration
        if number not in made:
            known = ", ".join(map(str, sorted(made))) or "none yet"
            raise IterationError(
                f"{spec.name}@iter{number} has no audit" if number else f"{spec.name} has no audit",
                expected=f"an iteration that was audited: {known}",
                hint=f"run `burnish loop --dataset {spec.name}`",
            )
        audit = versions.store.read(f"{spec.name}/label_audit", version=made[number])
        return cls(
            dataset=spec.name,
            iteration=number,
            spec=spec,
            audit=audit.filter(pc.is_valid(audit["label"])),
            examples=_examples(versions, spec, number, audit["example_id"]),
            decisions=_decisions(versions, spec.name, until),
            answers=versions.read_last_good(spec.name, "annotations"),
            asked=_asked(versions, spec.name),
        )

    def explain(self, example_id: str) -> Explanation:
        """One row explained. Raises `DataError` where the audit did not judge it."""
        row = self.rows.get(example_id)
        if row is None or example_id not in self._places:
            raise DataError(
                f"the audit of {self.dataset}@iter{self.iteration} did not judge {example_id!r}",
                expected="a training row with a label",
                hint=f"`burnish blame {self.dataset} {example_id}` tells what is known of it",
            )
        nearest = self._near(example_id)
        label, suggested = row["label"], row["suggested_label"]
        answered = votes_signal(self._votes(example_id), label)
        confused = confusion_signal(self.audit, row)
        signals = [*audit_signals(self.audit, row), confused, answered]
        shown = [self._near_row(example_id, *pair) for pair in nearest[:NEAREST]]
        return Explanation(
            dataset=self.dataset,
            iteration=self.iteration,
            example_id=example_id,
            label=label,
            suggested=suggested,
            probability=row["error_probability"],
            decision=self.decisions.get(example_id, ""),
            looked=self._look(example_id, label),
            signals=tuple(one for one in signals if one is not None),
            nearest=tuple(shown),
            like_label=self._of_label(example_id, nearest, label),
            like_suggested=()
            if suggested == label
            else self._of_label(example_id, nearest, suggested),
            what_if=_what_if(shown, label, suggested),
            waiting=example_id in self.asked and not self.is_final(example_id),
        )

    def is_final(self, example_id: str) -> bool:
        """Whether people have decided on a row, and are not asked again."""
        return self.decisions.get(example_id, _SAID["unsure"]) != _SAID["unsure"]

    @cached_property
    def rows(self) -> Mapping[str, dict[str, Any]]:
        """The judged rows of the audit by example_id."""
        return {row["example_id"]: row for row in self.audit.to_pylist()}

    @cached_property
    def _places(self) -> Mapping[str, int]:
        """Where the judged rows stand in `_space`."""
        ids: list[str] = self.examples["example_id"].to_pylist()
        return {name: at for at, name in enumerate(ids) if name in self.rows}

    @cached_property
    def _space(self) -> NDArray[np.float64]:
        """What the audit sought neighbours in: made of all of its rows, of those judged kept."""
        frame = design_frame(self.examples, self.spec.features, folder=self.spec.folder)
        return neighbour_space(frame_views(frame, self.spec.features))

    @cached_property
    def _judged(self) -> tuple[list[str], NDArray[np.float64]]:
        names = list(self._places)
        return names, self._space[list(self._places.values())]

    @cached_property
    def _usual(self) -> Usual:
        labels = [self.rows[n]["label"] if n in self.rows else None for n in self._ids]
        return usual_values(
            self.examples, pa.chunked_array([pa.array(labels, pa.string())]), self.spec
        )

    @cached_property
    def _ids(self) -> list[str]:
        return self.examples["example_id"].to_pylist()

    def _near(self, example_id: str) -> list[tuple[str, float]]:
        """All other judged rows with their distances, the nearest first."""
        names, space = self._judged
        if len(names) < 2:
            return []
        places, distances = nearest_to(space, names.index(example_id), k=len(names))
        return [
            (names[at], far) for at, far in zip(places.tolist(), distances.tolist(), strict=True)
        ]

    def _of_label(
        self, example_id: str, nearest: list[tuple[str, float]], label: str
    ) -> tuple[NearRow, ...]:
        own = [pair for pair in nearest if self.rows[pair[0]]["label"] == label]
        return tuple(self._near_row(example_id, *pair) for pair in own[:OF_EACH])

    def _near_row(self, example_id: str, name: str, distance: float) -> NearRow:
        row = self.rows[name]
        return NearRow(
            example_id=name,
            label=row["label"],
            distance=distance,
            decision=self.decisions.get(name, ""),
            near_copy=row.get("cluster") is not None
            and row.get("cluster") == self.rows[example_id].get("cluster"),
            looked=self._look(name, row["label"]),
        )

    def _look(self, name: str, label: str) -> Any:
        row = self.examples.slice(self._places[name], 1).to_pylist()[0]
        return look(row, self.spec, label=label, usual=self._usual)

    def _votes(self, example_id: str) -> list[str]:
        if self.answers is None:
            return []
        own = self.answers.filter(pc.equal(self.answers["example_id"], example_id))
        return [label for label in own["label"].to_pylist() if label is not None]


def _examples(
    versions: Versions, spec: DatasetSpec, iteration: int, ids: pa.ChunkedArray
) -> pa.Table:
    """Features of the audited rows, those without a label among them, in the order of the source.

    Of an iteration that made curated rows, the very snapshot these were joined of; else the newest.
    """
    columns = ["example_id", *spec.features]
    made = dict(versions.outputs(spec.name, "curated_examples")).get(iteration)
    if made is None:
        newest = [versions.read_last_good(spec.name, s, columns=columns) for s in _STAGES]
        tables = [rows for rows in newest if rows is not None]
    else:
        recipe = versions.recipe(spec.name, made)
        parts = zip(_STAGES, (recipe.features, recipe.unlabeled), strict=True)
        tables = [
            versions.store.read(f"{spec.name}/{stage}", version=version, columns=columns)
            for stage, version in parts
            if version is not None
        ]
    together = pa.concat_tables(tables, promote_options="permissive")
    asked = together.filter(pc.is_in(together["example_id"], ids.combine_chunks()))
    return _first_of_each(asked)


_STAGES = (FEATURES, UNLABELED)


def _first_of_each(rows: pa.Table) -> pa.Table:
    seen: dict[str, int] = {}
    for at, name in enumerate(rows["example_id"].to_pylist()):
        seen.setdefault(name, at)
    return rows.take(pa.array(list(seen.values()), pa.int64()))


def _decisions(versions: Versions, dataset: str, until: int | None) -> dict[str, str]:
    """What stands of people's decisions, in words."""
    folded = versions.ledger.fold(dataset, until).decisions
    return {
        row["example_id"]: f"{_SAID[row['decision']].format(label=row['label'])}"
        for row in folded.select(["example_id", "decision", "label"]).to_pylist()
    }


def _asked(versions: Versions, dataset: str) -> frozenset[str]:
    """The rows that people are asked about in the open batch."""
    waiting = versions.waiting(dataset, "relabel_queue")
    if waiting is None:
        return frozenset()
    queue = versions.store.read(f"{dataset}/relabel_queue", version=waiting[1])
    return frozenset(queue["example_id"].to_pylist())


def _what_if(nearest: list[NearRow], label: str, suggested: str) -> WhatIf:
    own = sum(1 for row in nearest if row.label == label)
    others = [row for row in nearest if row.label == suggested and suggested != label]
    # Of each that turns out wrong, one label moves from the one side to the other.
    needed = 0 if own > len(others) or not others else (len(others) - own) // 2 + 1
    unlooked = tuple(row.example_id for row in others if not row.is_decided)
    return WhatIf(len(nearest), own, len(others), unlooked, needed)
