"""Joining rows and decisions: a feature snapshot and a label version make curated rows.

What belongs here: what a standing decision does to a row. What does not: which decision stands
(the fold of `burnish.ledger`), or where the join is recorded (`burnish.versions.views`).
"""

from __future__ import annotations

from collections import Counter
from typing import Any, get_args

import pyarrow as pa
from pyarrow import compute

from burnish.errors import DataError
from burnish.quality import duplicate_groups
from burnish.records import Decision, LabelVersion

# Arrow makes these functions when it is imported, so a checker cannot know them.
pc: Any = compute

# Columns that say who a row is and where it stands, not what it is like.
ROLES = frozenset({"example_id", "label", "split", "fold_group", "source_file"})


def curate(
    validated: pa.Table, labels: LabelVersion, *, unlabeled: pa.Table | None = None
) -> pa.Table:
    """Validated rows with their current labels: the validated columns, and three more.

    `label` is the label as it stands: that of the decision for keep and change, the given one for
    unsure and where nobody decided. Added are given_label (as collected), decision (keep, change
    or unsure; null where nobody decided) and event_id (int64, of the standing decision). Rows
    that were dropped are left out.

    Rows of `unlabeled` that people have labelled join with split "train" and a null given_label,
    in the columns of `validated`; those that `trainable` refuses do not.

    A decision on a row that is not here (it left the source, or is unlabeled and `unlabeled` was
    not given) changes nothing. Raises `DataError` where an example has two decisions, an unknown
    one, or a change without a label, or stands in both tables.

    >>> from datetime import UTC, datetime
    >>> from burnish.records import Watermark
    >>> validated = pa.table({"example_id": ["a", "b", "c"], "label": ["cat", "dog", "cat"],
    ...     "split": ["train"] * 3, "fold_group": ["a", "b", "c"]})
    >>> decisions = pa.table({"example_id": ["a", "b"], "decision": ["change", "drop"],
    ...     "label": ["dog", None], "event_id": [1, 2]})
    >>> rows = curate(validated, LabelVersion("pets", Watermark(2, ""), decisions, ""))
    >>> rows.select(["example_id", "label", "given_label", "decision"]).to_pylist()[0]
    {'example_id': 'a', 'label': 'dog', 'given_label': 'cat', 'decision': 'change'}
    >>> rows.num_rows
    2
    """
    decisions = _checked(labels.decisions)
    rows = _decided(validated, decisions)
    if unlabeled is not None:
        rows = pa.concat_tables([rows, _first_labels(validated, unlabeled, decisions)])
    stays = pc.fill_null(pc.not_equal(rows["decision"], "drop"), True)
    # Filtering copies every column: not for nothing.
    return rows if pc.all(stays).as_py() is not False else rows.filter(stays)


def trainable(unlabeled: pa.Table, validated: pa.Table) -> pa.Table:
    """The unlabeled rows that may join training, in the columns of `validated`, split "train".

    Left out are rows that repeat a validation or test row in every column the two tables share, or
    stand in its group (`fold_group`, where `unlabeled` has it): to train on them would leak what
    is measured. A row that repeats a training row joins its fold_group; others have their own,
    called as the row.

    Raises `DataError` where a row stands in both tables, or a column does not fit.

    >>> validated = pa.table({"example_id": ["a", "b"], "label": ["cat", "dog"], "x": [1.0, 2.0],
    ...                       "split": ["train", "test"], "fold_group": ["a", "b"]})
    >>> unlabeled = pa.table({"example_id": ["u", "v", "w"], "label": pa.nulls(3, pa.string()),
    ...                       "x": [1.0, 2.0, 3.0]})
    >>> trainable(unlabeled, validated).select(["example_id", "fold_group"]).to_pylist()
    [{'example_id': 'u', 'fold_group': 'a'}, {'example_id': 'w', 'fold_group': 'w'}]
    """
    both = pc.is_in(unlabeled["example_id"], value_set=validated["example_id"])
    if pc.any(both).as_py():
        name = unlabeled["example_id"].filter(both)[0].as_py()
        raise DataError(
            f"example {name!r} stands among the labelled and among the unlabeled rows",
            expected="an id in one of the two",
            hint="take it out of the unlabeled source, or give the sources ids of their own",
        )
    rows = _in_columns_of(validated, unlabeled)
    shared = [name for name in validated.column_names if name in unlabeled.column_names]
    cells = [name for name in shared if name not in ROLES]
    held_out = pc.not_equal(validated["split"], "train")
    groups, leaking = rows["fold_group"], pa.repeat(False, len(rows))
    if cells:
        known, asked = duplicate_groups(validated, cells), duplicate_groups(rows, cells)
        same = pc.take(validated["fold_group"], pc.index_in(asked, value_set=known))
        groups, leaking = (
            pc.coalesce(groups, same),
            pc.is_in(asked, value_set=known.filter(held_out)),
        )
    groups = pc.coalesce(groups, rows["example_id"])
    leaking = pc.or_(leaking, pc.is_in(groups, value_set=validated["fold_group"].filter(held_out)))
    rows = _with(_with(rows, "fold_group", groups), "split", pa.repeat("train", len(rows)))
    return rows.filter(pc.invert(leaking))


def _checked(decisions: pa.Table) -> pa.Table:
    """The decisions, refused where they are no fold: one standing decision an example."""
    table = decisions.select(["example_id", "decision", "label", "event_id"]).cast(_DECISIONS)
    ids, known = table["example_id"], get_args(Decision)
    if pc.count_distinct(ids).as_py() < len(ids):
        name, count = Counter(ids.to_pylist()).most_common(1)[0]
        raise DataError(
            f"example {name!r} has {count} decisions",
            expected="one standing decision an example",
            hint="fold the ledger (`LabelLedger.fold`) and pass what it gives",
        )
    odd = table.filter(pc.invert(pc.is_in(table["decision"], value_set=pa.array(known))))
    if odd.num_rows:
        row = odd.slice(0, 1).to_pylist()[0]
        found, expected = f"decision {row['decision']!r}", "one of: " + ", ".join(known)
        raise DataError(f"example {row['example_id']!r} has the {found}", expected=expected)
    bare = table.filter(pc.and_(pc.equal(table["decision"], "change"), pc.is_null(table["label"])))
    if bare.num_rows:
        name = bare["example_id"][0].as_py()
        raise DataError(f"example {name!r} is changed to no label", expected="the new label")
    return table


_DECISIONS = pa.schema(
    {
        "example_id": pa.string(),
        "decision": pa.string(),
        "label": pa.string(),
        "event_id": pa.int64(),
    }
)


def _decided(rows: pa.Table, decisions: pa.Table) -> pa.Table:
    """Rows with the decision that stands on each, dropped ones still among them."""
    decisions = decisions.combine_chunks()
    place = pc.index_in(rows["example_id"], value_set=decisions["example_id"].combine_chunks())
    place = place.combine_chunks()
    # Few rows were decided: what stands on them is put in, and the rest is left as it is.
    decided, stands = place.is_valid(), decisions.take(place.drop_null())
    gives = pc.is_in(stands["decision"], value_set=pa.array(["keep", "change"]))
    gives = pc.and_(gives, pc.is_valid(stands["label"])).combine_chunks()
    told = pc.replace_with_mask(pa.repeat(False, len(rows)), decided, gives)
    given = rows["label"].cast(pa.string())
    label = pc.replace_with_mask(given, told, stands["label"].combine_chunks().filter(gives))
    rows = _with(rows, "label", label).append_column("given_label", given)
    for name, kind in (("decision", pa.string()), ("event_id", pa.int64())):
        cells = pc.replace_with_mask(
            pa.nulls(len(rows), kind), decided, stands[name].combine_chunks()
        )
        rows = rows.append_column(name, cells)
    return rows


def _first_labels(validated: pa.Table, unlabeled: pa.Table, decisions: pa.Table) -> pa.Table:
    """Unlabeled rows that people have given a label, as curated rows."""
    gives = pc.is_in(decisions["decision"], value_set=pa.array(["keep", "change"]))
    named = decisions.filter(pc.and_(gives, pc.is_valid(decisions["label"])))["example_id"]
    chosen = unlabeled.filter(pc.is_in(unlabeled["example_id"], value_set=named))
    return _decided(trainable(chosen, validated), decisions)


def _in_columns_of(validated: pa.Table, rows: pa.Table) -> pa.Table:
    """The columns of `validated`, in its order and types; null where the rows have none."""
    columns: dict[str, Any] = {}
    for field in validated.schema:
        if field.name not in rows.column_names or field.name == "label":
            columns[field.name] = pa.nulls(len(rows), field.type)
            continue
        try:
            columns[field.name] = rows[field.name].cast(field.type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise DataError(
                f"column {field.name!r} of the unlabeled rows does not fit: {error}",
                expected=f"{field.type}, as among the labelled rows",
            ) from error
    return pa.table(columns, schema=validated.schema)


def _with(rows: pa.Table, name: str, cells: Any) -> pa.Table:
    return rows.set_column(rows.column_names.index(name), name, cells)
