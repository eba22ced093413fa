"""Asking people about rows met in production: such rows join the unlabeled ones, and the queue.

What belongs here: turning ids of production into rows that the loop can ask about, and the request
itself. What does not: which rows are worth asking about (`burnish.drift`, `burnish.policy`), rows
whose label came in by itself (`burnish.workflows.production_adopting`), or composing a batch
(`burnish.acquisition`).

A row that was asked about is a training row for good: it was chosen because a model is likely to
be wrong on it, and a ruler made of such rows would make every model look bad.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from burnish.errors import DataError
from burnish.records import LabelRequest
from burnish.spec import DatasetSpec
from burnish.spec.cells import as_text
from burnish.typing import LabelLedger
from burnish.versions import Versions
from burnish.workflows.ingest import read_unlabeled
from burnish.workflows.production_adopting import repeats_held_out
from burnish.workflows.production_answers import CONTROL, REASON, WEIGHT, Chance
from burnish.workflows.production_met import (
    alone_with,
    among,
    append_once,
    ids_of,
    in_fields,
    rows_met,
    shown_ids,
)
from burnish.workflows.production_stages import (
    ADOPTED,
    ASKED,
    LABELS,
    PREDICTIONS,
    partition_stage,
)

VALIDATED, UNLABELED = "validated_examples", "unlabeled_examples"
OF_THE_LOOP = frozenset({"example_id", "label", "split", "fold_group", "adopted_period"})
"""Columns of validated rows that say where a row stands, not what it is like."""


def ask_for_labels(
    spec: DatasetSpec,
    versions: Versions,
    ledger: LabelLedger,
    example_ids: Sequence[str],
    *,
    asked_by: str,
    reason: str,
    chances: Mapping[str, Chance] | None = None,
) -> LabelRequest:
    """Ask people about rows, those met in production among them; asking again changes nothing.

    Rows of published batches are appended to the table `production_asked`, once each; the next
    audit takes them among the unlabeled rows. Rows that the loop has already are asked about as
    they are: a training row with its label, a row of validation or test without it. Returns the
    request, the one that stands where the same was asked before.

    `chances` are those by which rows were chosen, by example_id: kept with the rows, they let what
    people say stand for the window (`burnish.workflows.production_answers`). Of rows without one
    nobody knows for what others they stand.

    Raises `DataError` for an id that no row has, or that a row of production shares with another
    row of the loop; `LedgerError` for no ids, nobody who asks, or no reason.
    """
    names = tuple(dict.fromkeys(example_ids))
    with alone_with(versions, spec.name, ASKED):
        adopted = ids_of(versions, spec.name, ADOPTED)
        asked = ids_of(versions, spec.name, ASKED)
        own = ids_of(versions, spec.name, VALIDATED) - adopted
        own |= ids_of(versions, spec.name, UNLABELED) - adopted - asked
        new = [name for name in names if name not in adopted | asked]
        met = rows_met(versions, spec.name, new)
        found = set() if met is None else set(met["example_id"].to_pylist())
        _refuse_shared(sorted(found & own))
        _refuse_unknown([name for name in new if name not in found | own], spec.name)
        if met is not None and found:
            append_once(versions, spec.name, ASKED, _with_chances(met, reason, chances or {}))
    return request_once(ledger, spec.name, LabelRequest(names, asked_by, reason))


def _with_chances(rows: pa.Table, reason: str, chances: Mapping[str, Chance]) -> pa.Table:
    """Rows with what they were asked about for, and by which chance they were chosen."""
    own = [name for name in (REASON, CONTROL, WEIGHT) if name in rows.column_names]
    known = [chances.get(name) for name in rows["example_id"].to_pylist()]
    rows = rows.drop_columns(own).append_column(REASON, pa.repeat(reason, rows.num_rows))
    control = [None if one is None else one.control for one in known]
    weight = [None if one is None else one.weight for one in known]
    rows = rows.append_column(CONTROL, pa.array(control, pa.bool_()))
    return rows.append_column(WEIGHT, pa.array(weight, pa.float64()))


def request_once(ledger: LabelLedger, dataset: str, request: LabelRequest) -> LabelRequest:
    """The request that stands of the same rows, by the same, for the same reason; else a new one.

    Whoever was stopped between asking and noting it asks again.
    """
    wanted = request.example_ids, request.asked_by, request.reason
    for one in ledger.requests(dataset):
        if (one.example_ids, one.asked_by, one.reason) == wanted:
            return one
    return ledger.request(dataset, request)


def unlabeled_rows(spec: DatasetSpec, versions: Versions) -> pa.Table | None:
    """The rows nobody has labelled: those of the source, then those of production asked about.

    None where the spec has neither. Rows of production come with the columns that the validated
    rows have. A row leaves once it is adopted; so does one whose label came in after it was asked
    about, unless somebody has decided on it: that decision gives it its place in training. One that
    repeats a row of validation or test in every feature is left out: it would leak what they say.

    Raises `DataError` where a row asked about has the id of another row of the loop, or a column
    that does not fit; `GateError` where no validated rows can be read; and as
    `burnish.workflows.ingest.read_unlabeled` does.
    """
    source = read_unlabeled(spec)
    if spec.production is None:
        return source
    validated = versions.read(spec.name, VALIDATED)
    asked = versions.read_last_good(spec.name, ASKED)
    rows = asked if asked is not None else pa.table({"example_id": pa.array([], pa.string())})
    adopted = ids_of(versions, spec.name, ADOPTED)
    rows = rows.filter(~among(adopted | _answered(versions, spec.name)))
    names = set(rows["example_id"].to_pylist())
    if rows.num_rows:
        fresh = [not one for one in repeats_held_out(rows, validated, spec).to_pylist()]
        rows = rows.filter(pa.array(fresh, pa.bool_()))
    _refuse_shared(sorted(names & set(validated["example_id"].to_pylist())))
    if source is not None:
        _refuse_shared(sorted(names & set(source["example_id"].to_pylist())))
    shaped = _shaped(rows, validated, spec)
    if source is None:
        return shaped
    return pa.concat_tables([source, shaped], promote_options="permissive")


def _answered(versions: Versions, dataset: str) -> set[str]:
    """Rows whose label came in after they were asked about, and on which nobody has decided."""
    came = versions.read_last_good(dataset, LABELS, columns=["example_id", "label", "labelled_at"])
    if came is None:
        return set()
    asked_at = {
        name: request.at
        for request in reversed(versions.ledger.requests(dataset))
        for name in request.example_ids
    }
    decided = set(versions.ledger.fold(dataset).decisions["example_id"].to_pylist())
    found: set[str] = set()
    for row in came.to_pylist():
        name, since = row["example_id"], asked_at.get(row["example_id"])
        late = since is not None and row["labelled_at"] is not None and row["labelled_at"] > since
        if row["label"] is not None and late and name not in decided:
            found.add(name)
    return found


def _shaped(rows: pa.Table, validated: pa.Table, spec: DatasetSpec) -> pa.Table:
    """Rows of production in the columns of validated rows, without any label."""
    columns: dict[str, pa.ChunkedArray | pa.Array] = {
        "example_id": rows["example_id"].cast(pa.string()),
        "label": pa.nulls(rows.num_rows, pa.string()),
    }
    fields = [field for field in validated.schema if field.name not in OF_THE_LOOP]
    columns |= in_fields(
        rows, fields, what="rows met in production", like="among the validated rows"
    )
    if spec.group is not None and spec.group in rows.column_names:
        columns["fold_group"] = as_text(rows[spec.group])
    return pa.table(columns)


def _refuse_shared(names: Sequence[str]) -> None:
    if names:
        raise DataError(
            f"{shown_ids(names)} names a row met in production and another row of the loop",
            expected="an example_id that no other row has",
            hint="give the rows of production ids of their own, say with the day in front",
        )


def _refuse_unknown(names: Sequence[str], dataset: str) -> None:
    if names:
        raise DataError(
            f"no row of {dataset} is called {shown_ids(names)}",
            expected="ids of published batches, or of rows that the loop has",
            hint="materialize production_batch of the day with its check; a gate may have turned "
            "the row away",
        )


def asked_for(requests: Iterable[LabelRequest], asked_by: str) -> Collection[str]:
    """The rows that somebody has asked about, by any request that stands."""
    return {name for one in requests if one.asked_by == asked_by for name in one.example_ids}


def wrong_and_confident(versions: Versions, dataset: str, *, confidence: float = 0.9) -> pa.Table:
    """Rows of production whose label came in and contradicts a confident prediction.

    Columns example_id, label, predicted, confidence (of the prediction, at least `confidence`); the
    most confident first, ties by example_id. Rows that were asked about already are left out.
    Either the model or the label is wrong: both are worth a person's look.
    """
    came = versions.read_last_good(dataset, LABELS, columns=["example_id", "label", "period"])
    if came is None:
        return _CONTRADICTED.empty_table()
    known = ids_of(versions, dataset, ASKED)
    came = came.filter(pc.field("label").is_valid() & ~among(known))
    found = [_CONTRADICTED.empty_table()]
    for period in sorted(set(came["period"].to_pylist())):
        said = versions.read_last_good(dataset, partition_stage(PREDICTIONS, period))
        if said is None:
            continue
        own = came.filter(pc.field("period") == period).drop_columns(["period"])
        names = ["example_id", "predicted", "confidence"]
        pairs = own.join(said.select(names), "example_id", join_type="inner")
        wrong = pc.field("label") != pc.field("predicted")
        sure = pc.field("confidence") >= confidence
        found.append(pairs.filter(wrong & sure).select(_CONTRADICTED.names).cast(_CONTRADICTED))
    order = [("confidence", "descending"), ("example_id", "ascending")]
    return pa.concat_tables(found).sort_by(order)


_CONTRADICTED = pa.schema(
    [
        *((name, pa.string()) for name in ("example_id", "label", "predicted")),
        ("confidence", pa.float64()),
    ]
)
