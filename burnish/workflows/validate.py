"""Validate: rows that passed the first gate, each with its split and its group, once and for all.

What belongs here: who trains, who validates, who tests, and which rows must stay together. What
does not: which rows are turned away (the gate, an expectation suite of the project), or the folds
of cross-validation (`burnish.modeling`, which reads `fold_group`).
"""

from __future__ import annotations

import hashlib
import os
import posixpath
from collections import Counter
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import pyarrow as pa
from pyarrow import compute

from burnish.errors import DataError
from burnish.ledger.events import LONGEST_ID, storable
from burnish.quality import duplicate_groups
from burnish.spec import SPLITS, DatasetSpec
from burnish.spec.guess import as_text
from burnish.spec.reading import near

# Arrow makes these functions when it is imported, so a checker cannot know them.
pc: Any = compute

ADOPTED = "adopted_period"
"""The column that rows adopted from production have a value in."""


def validate_examples(
    raw: pa.Table, spec: DatasetSpec, *, fixed: pa.Table | None = None
) -> pa.Table:
    """Raw rows with two more columns: split (train, validation, test) and fold_group (string).

    `fold_group` is the declared group; where there is none, the smallest example_id among the rows
    with exactly the same features, which for most rows is their own. Groups that hold copies of
    each other's rows are one group, under the smallest of their names.

    The split is read from the column or the files that the spec names. Without either, each
    fold_group is drawn by a sha256 of its name and `random_state`: rows of a group, and exact
    duplicates, never part. Where column or files give no validation rows, the share `validation` of
    the training groups is drawn in the same way.

    Rows adopted from production (`adopted_period`) are in none of the source's files, and no column
    of it speaks of them: they are drawn by the shares, but for those of a group that has a split.

    `fixed` has the splits of all rows ever seen (example_id, split): a row that stands in it keeps
    its split whatever the source says now, and a new row whose split is drawn follows the rows of
    its group.

    Raises `DataError` for an example_id that is missing or stands twice (the gate before this stage
    turns such rows away), a word that is no split, a file that no split or two splits claim, or
    where column or files leave no row for training.

    >>> spec = DatasetSpec.model_validate({"name": "toy", "source": {"path": "toy.csv"},
    ...     "target": "y", "features": {"x": "numeric"}, "split": {"column": "part"}})
    >>> raw = pa.table({"example_id": ["a", "b", "c"], "label": ["0", "1", "1"],
    ...     "x": [1.0, 1.0, 2.0], "part": ["train", "validation", "test"]})
    >>> validate_examples(raw, spec).select(["split", "fold_group"]).to_pylist()[1]
    {'split': 'validation', 'fold_group': 'a'}
    """
    ids = _distinct_ids(raw)
    groups = _fold_groups(raw, spec, ids)
    earlier = _earlier_splits(fixed)
    splits = _splits(raw, groups, ids, earlier, spec)
    kept = [earlier.get(name, split) for name, split in zip(ids, splits, strict=True)]
    others = raw.select([name for name in raw.column_names if name not in {"split", "fold_group"}])
    return others.append_column("split", pa.array(kept, pa.string())).append_column(
        "fold_group", pa.array(groups, pa.string())
    )


def with_new_splits(fixed: pa.Table | None, validated: pa.Table) -> pa.Table:
    """The splits of all rows ever seen: those of `fixed`, and below them those of new rows.

    >>> seen = pa.table({"example_id": ["a"], "split": ["test"]})
    >>> now = pa.table({"example_id": ["b"], "split": ["train"]})
    >>> with_new_splits(seen, now).to_pylist()
    [{'example_id': 'a', 'split': 'test'}, {'example_id': 'b', 'split': 'train'}]
    """
    rows = validated.select(["example_id", "split"])
    if fixed is None:
        return rows
    known = pc.is_in(rows["example_id"], value_set=fixed["example_id"].combine_chunks())
    return pa.concat_tables([fixed.select(rows.column_names), rows.filter(pc.invert(known))])


def crossing_duplicates(validated: pa.Table) -> int:
    """How many validation and test rows share their fold_group with a training row.

    Without a declared group these are rows whose features are exactly those of a training row, on
    which a model may answer by heart. It is 0 where splits are drawn by hash, unless rows that were
    fixed apart have become equal since.

    >>> crossing_duplicates(pa.table({"split": ["train", "test", "test"],
    ...                               "fold_group": ["a", "a", "b"]}))
    1
    """
    splits, groups = validated["split"].to_pylist(), validated["fold_group"].to_pylist()
    rows = list(zip(splits, groups, strict=True))
    training = {group for split, group in rows if split == "train"}
    return sum(split != "train" and group in training for split, group in rows)


def _distinct_ids(raw: pa.Table) -> list[str]:
    ids: list[str | None] = raw["example_id"].to_pylist()
    known = [name for name in ids if name is not None]
    if len(known) < len(ids):
        raise DataError(
            f"row {ids.index(None) + 1} has no example_id",
            expected="an example_id in every row (counted from 1)",
            hint="read what the raw gate let pass, not what it was shown",
        )
    name, count = Counter(known).most_common(1)[0] if known else ("", 0)
    if count > 1:
        raise DataError(
            f"example_id {name!r} stands in {count} rows",
            expected="every example_id once",
            hint="read what the raw gate let pass, not what it was shown",
        )
    unfit = next((name for name in known if not (len(name) <= LONGEST_ID and storable(name))), None)
    if unfit is not None:
        raise DataError(
            f"example_id {unfit[:60]!r}{'...' if len(unfit) > 60 else ''} of {len(unfit)} "
            "characters cannot be named in the ledger, so nobody could decide on it",
            expected=f"at most {LONGEST_ID} characters, no NUL and no control characters 1C to 1F",
            hint="name another column as `id` in the spec, or leave `id` out",
        )
    return known


def _fold_groups(raw: pa.Table, spec: DatasetSpec, ids: Sequence[str]) -> list[str]:
    own: list[str | None] = [None] * len(ids)
    if spec.group is not None:
        column = "example_id" if spec.group == spec.id else spec.group
        own = as_text(_column(raw, column, "group")).to_pylist()
    digests: list[str] = duplicate_groups(raw, list(spec.features)).to_pylist()
    first: dict[str, str] = {}
    for name, digest in zip(ids, digests, strict=True):
        first[digest] = min(name, first.get(digest, name))
    # A copy in another group ties the two groups together: apart, one would give the other away.
    names = [first[d] if group is None else group for group, d in zip(own, digests, strict=True)]
    leader: dict[str, str] = {}
    joined: dict[str, str] = {}
    for name, digest in zip(names, digests, strict=True):
        a, b = _leader(leader, name), _leader(leader, joined.setdefault(digest, name))
        leader[max(a, b)] = min(a, b)
    return [_leader(leader, name) for name in names]


def _leader(leader: dict[str, str], name: str) -> str:
    """The name that stands for all groups tied to this one: the smallest of theirs."""
    while leader.setdefault(name, name) != name:
        leader[name] = leader[leader[name]]
        name = leader[name]
    return name


def _column(raw: pa.Table, name: str, key: str) -> pa.ChunkedArray:
    if name not in raw.column_names:
        raise DataError(
            f"{key}: there is no column {name!r}",
            expected="one of: " + ", ".join(raw.column_names),
            hint=near(name, raw.column_names),
        )
    return raw[name]


def _earlier_splits(fixed: pa.Table | None) -> dict[str, str]:
    if fixed is None:
        return {}
    ids, splits = fixed["example_id"].to_pylist(), fixed["split"].to_pylist()
    wrong = [split for split in splits if split not in SPLITS]
    if wrong:
        raise DataError(
            f"the table of fixed splits holds {wrong[0]!r}",
            expected="one of: " + ", ".join(SPLITS),
        )
    return dict(zip(ids, splits, strict=True))


def _splits(
    raw: pa.Table,
    groups: Sequence[str],
    ids: Sequence[str],
    earlier: Mapping[str, str],
    spec: DatasetSpec,
) -> list[str]:
    """The split of each row, of adopted rows after all others: those stand, and these follow."""
    if ADOPTED not in raw.column_names:
        return _splits_of_source(raw, groups, ids, earlier, spec)
    own = pc.is_null(raw[ADOPTED]).to_pylist()
    source = raw.filter(pa.array(own))
    named = [name for name, mine in zip(ids, own, strict=True) if mine]
    tied = [group for group, mine in zip(groups, own, strict=True) if mine]
    found = _splits_of_source(source, tied, named, earlier, spec)
    return _drawn(groups, ids, {**earlier, **dict(zip(named, found, strict=True))}, spec, own)


def _splits_of_source(
    raw: pa.Table,
    groups: Sequence[str],
    ids: Sequence[str],
    earlier: Mapping[str, str],
    spec: DatasetSpec,
) -> list[str]:
    declared = _declared_splits(raw, spec)
    if declared is None:
        return _drawn(groups, ids, earlier, spec)
    if "validation" in declared:
        return declared
    return _carved(declared, groups, ids, earlier, spec)


# ---------------------------------------------------------------- declared


def _declared_splits(raw: pa.Table, spec: DatasetSpec) -> list[str] | None:
    """The splits that a column or the files give; None where neither is declared."""
    if spec.split.column is not None:
        words = as_text(_column(raw, spec.split.column, "split.column")).to_pylist()
        meant = {word: spec.split.values.get(str(word), str(word)) for word in set(words)}
        _check_words(raw, words, meant, spec.split.column)
    elif spec.split.files:
        words = _column(raw, "source_file", "split.files").to_pylist()
        meant = {file: _split_of_file(str(file), spec) for file in set(words)}
    else:
        return None
    splits = [meant[word] for word in words]
    if "train" not in splits:
        raise DataError(
            f"{spec.split.column or 'split.files'} leaves no row for training",
            expected="rows of split train",
            hint="map its words: `values: {learn: train}`" if spec.split.column else "",
        )
    return splits


def _check_words(
    raw: pa.Table, words: list[str | None], meant: Mapping[str | None, str], column: str
) -> None:
    unknown = [place for place, word in enumerate(words) if meant[word] not in SPLITS]
    if unknown:
        word, example = words[unknown[0]], raw["example_id"][unknown[0]].as_py()
        found = "nothing" if word is None else repr(word)
        raise DataError(
            f"column {column!r} says {found} of example {example!r} ({len(unknown)} such rows)",
            expected=f"one of: {', '.join(SPLITS)}, or a word that split.values maps to one",
            hint=f'say what it means: `values: {{"{word}": validation}}`' if word else "fill it in",
        )


def _split_of_file(file: str, spec: DatasetSpec) -> str:
    def claims(pattern: str) -> bool:
        here = os.path.relpath(pattern, spec.folder) if posixpath.isabs(pattern) else pattern
        return fnmatchcase(posixpath.normpath(file), posixpath.normpath(here))

    found = [split for split, files in spec.split.files.items() if any(map(claims, files))]
    if len(found) != 1:
        patterns = [pattern for files in spec.split.files.values() for pattern in files]
        raise DataError(
            f"file {file!r} is claimed by " + (" and ".join(found) or "no split"),
            expected="each file of the source in exactly one of split.files",
            hint="" if found else near(file, patterns),
        )
    return found[0]


# ---------------------------------------------------------------- drawn


def _drawn(
    groups: Sequence[str],
    ids: Sequence[str],
    earlier: Mapping[str, str],
    spec: DatasetSpec,
    settled: Sequence[bool] = (),
) -> list[str]:
    """The split of each row's group; `settled` rows have the split that `earlier` gives them."""
    standing = _standing(groups, ids, earlier)
    share = spec.split
    for group in dict.fromkeys(groups):
        if group not in standing:
            draw = _uniform(group, spec.random_state)
            if draw < share.test:
                standing[group] = "test"
            else:
                standing[group] = "validation" if draw < share.test + share.validation else "train"
    if not settled:
        return [standing[group] for group in groups]
    return [
        earlier[name] if mine else standing[group]
        for name, group, mine in zip(ids, groups, settled, strict=True)
    ]


def _carved(
    declared: Sequence[str],
    groups: Sequence[str],
    ids: Sequence[str],
    earlier: Mapping[str, str],
    spec: DatasetSpec,
) -> list[str]:
    """Declared splits, with a share of the training groups as validation."""
    standing = _standing(groups, ids, {k: v for k, v in earlier.items() if v != "test"})
    for group in dict.fromkeys(groups):
        chosen = _uniform(group, spec.random_state) < spec.split.validation
        standing.setdefault(group, "validation" if chosen else "train")
    return [
        standing[group] if split == "train" else split
        for split, group in zip(declared, groups, strict=True)
    ]


def _standing(
    groups: Sequence[str], ids: Sequence[str], earlier: Mapping[str, str]
) -> dict[str, str]:
    """The split of each group some rows of which were seen before; train where they differ."""
    standing: dict[str, str] = {}
    for name, group in zip(ids, groups, strict=True):
        split = earlier.get(name)
        if split is not None:
            standing[group] = min(split, standing.get(group, split), key=SPLITS.index)
    return standing


def _uniform(group: str, seed: int) -> float:
    """A number in [0, 1) that depends on the name and the seed alone."""
    digest = hashlib.sha256(f"{seed}:{group}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53
