"""Tables with one planted fault each, for measuring the checks of a table.

What belongs here: a clean table, and a fault of each kind with the rows and columns it was planted
in. What does not: the checks (`burnish.quality`), which know nothing of this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.errors import DataError

TARGET, TIME, SPLIT = "label", "visited", "split"
CITIES = ("Berlin", "Hamburg", "Hannover", "Heidelberg", "Leipzig", "Stuttgart")
GRADES = ("9th", "10th", "11th", "12th")
JOBS = ("Private", "Self-emp-inc", "Self-emp-not-inc", "Clerical", "Technician")
Columns = dict[str, Any]


@dataclass(frozen=True)
class PlantedFault:
    """A table with a fault of one `kind`, planted in `columns` and `rows`; no rows for a column's.

    `target`, `time` and `split` name the columns that play these parts, and are None where no
    column does.
    """

    table: pa.Table
    kind: str
    columns: tuple[str, ...]
    rows: tuple[int, ...]
    target: str | None = TARGET
    time: str | None = None
    split: str | None = None


def clean_table(n: int = 1000, *, seed: int = 0) -> pa.Table:
    """A table of n rows without a fault, though full of what looks like one.

    Skewed incomes, long-tailed balances, true zeros, hours that end at 99, categories that look
    alike ('10th' and '11th', 'Self-emp-inc' and 'Self-emp-not-inc'), two in five labels of the
    rarest class. Height, weight and reach go together; the label follows height and income.

    >>> clean_table(3).column_names[:4]
    ['height', 'weight', 'reach', 'income']
    """
    if n < 1:
        raise DataError(f"{n} rows", expected="1 or more")
    return pa.table(_clean(n, np.random.default_rng(seed)))


def _clean(n: int, rng: np.random.Generator) -> Columns:
    size = rng.normal(size=n)
    height = 170 + 9 * size + rng.normal(0, 1.5, n)
    income = np.exp(rng.normal(10, 0.7, n))
    day = np.datetime64("2015-01-01", "D") + np.sort(rng.integers(0, 3000, n))
    fine = size + 0.8 * np.log(income / np.exp(10)) + rng.normal(0, 0.7, n) > -0.2
    return {
        "height": height.round(1),
        "weight": (70 + 11 * size + rng.normal(0, 2.5, n)).round(1),
        "reach": (172 + 10 * size + rng.normal(0, 2, n)).round(1),
        "income": income.round(2),
        "balance": (500 * rng.standard_t(3, n)).round(2),
        "gain": np.where(rng.random(n) < 0.8, 0, np.exp(rng.normal(6, 1, n)).round()),
        "hours": np.clip(rng.normal(40, 12, n).round(), 1, 99).astype(np.int64),
        "visits": rng.poisson(2, n),
        "city": rng.choice(CITIES, n).tolist(),
        "grade": rng.choice(GRADES, n, p=[0.1, 0.2, 0.3, 0.4]).tolist(),
        "job": rng.choice(JOBS, n, p=[0.6, 0.05, 0.1, 0.15, 0.1]).tolist(),
        TIME: pa.array(day),
        TARGET: np.where(fine, "fine", "poor").tolist(),
    }


def plant(kind: str, n: int = 1000, *, seed: int = 0) -> PlantedFault:
    """A clean table of n rows (200 or more) with a fault of `kind`, one of `KINDS`.

    How it looks (which column, which stand-in, which slip) is drawn by `seed`. Raises `DataError`
    for an unknown kind or too few rows.

    >>> fault = plant("infinite", seed=1)
    >>> fault.kind, len(fault.rows) > 0
    ('infinite', True)
    """
    if kind not in KINDS or n < 200:
        raise DataError(f"kind {kind!r}, {n} rows", expected=f"200 or more, of: {', '.join(KINDS)}")
    rng = np.random.default_rng([seed, list(KINDS).index(kind)])
    return KINDS[kind](_clean(n, rng), n, rng)


def _some(n: int, rng: np.random.Generator, low: float, high: float) -> NDArray[np.int64]:
    count = round(n * rng.uniform(low, high))
    return np.sort(rng.choice(n, max(count, 3), replace=False))


def _pick(rng: np.random.Generator, *options: Any) -> Any:
    return options[int(rng.integers(len(options)))]


def _fault(
    columns: Columns, kind: str, names: tuple[str, ...], rows: Any = (), **parts: Any
) -> PlantedFault:
    return PlantedFault(pa.table(columns), kind, names, tuple(int(row) for row in rows), **parts)


def _put(values: Any, rows: NDArray[np.int64], new: Any) -> Any:
    """The values with `new` in `rows`: an array stays one, a list a list."""
    if isinstance(values, list):
        out: list[Any] = list(values)
        for place, row in enumerate(rows):
            out[row] = new[place] if isinstance(new, list) else new
        return out
    numbers = np.asarray(values).astype(
        float if np.asarray(values).dtype.kind in "iuf" else "M8[D]"
    )
    numbers[rows] = new
    return numbers


def _missing(c: Columns, n: int, rng: np.random.Generator) -> PlantedFault:
    rows = _some(n, rng, 0.02, 0.2)
    name, new = _pick(rng, ("income", np.nan), ("city", None), ("job", ""), ("city", "  "))
    c[name] = _put(c[name], rows, new)
    return _fault(c, "missing", (name,), rows)


def _disguised(c: Columns, n: int, rng: np.random.Generator) -> PlantedFault:
    rows = _some(n, rng, 0.01, 0.1)
    name, new = _pick(
        rng, ("height", -999), ("weight", 0), ("income", -1), ("visits", 99), ("hours", -9),
        ("balance", 99999), ("city", "?"), ("job", "N/A"), ("grade", "unknown"),
        ("reach", 999.9),
    )  # fmt: skip
    c[name] = _put(c[name], rows, new)
    return _fault(c, "disguised_missing", (name,), rows)


def _disguised_day(c: Columns, n: int, rng: np.random.Generator) -> PlantedFault:
    rows = _some(n, rng, 0.01, 0.1)
    day = np.datetime64(_pick(rng, "1970-01-01", "1900-01-01"), "D")
    days = c[TIME].to_numpy(zero_copy_only=False)
    c["born"] = pa.array(_put(rng.permutation(days) - np.timedelta64(9000, "D"), rows, day))
    return _fault(c, "disguised_missing", ("born",), rows)


def _any_disguise(c: Columns, n: int, rng: np.random.Generator) -> PlantedFault:
    return (_disguised_day if rng.random() < 0.2 else _disguised)(c, n, rng)


def _with_label(c: Columns, n: int, rng: np.random.Generator) -> PlantedFault:
    name = _pick(rng, "income", "city")
    poor = np.array(c[TARGET]) == "poor"
    rows = np.flatnonzero(rng.random(n) < np.where(poor, 0.2, 0.05))
    c[name] = _put(c[name], rows, np.nan if name == "income" else None)
    return _fault(c, "missing_with_label", (name,), rows)


def _with_column(c: Columns, n: int, rng: np.random.Generator) -> PlantedFault:
    cause = _pick(
        rng, np.array(c["city"]) == CITIES[int(rng.integers(6))], np.array(c["job"]) == "Private"
    )
    rows = np.flatnonzero(rng.random(n) < np.where(cause, 0.5, 0.03))
    c["income"] = _put(c["income"], rows, np.nan)
    return _fault(c, "missing_with_column", ("income",), rows)


def _constant(c: Columns, n: int, rng: np.random.Generator) -> PlantedFault:
    c["extra"] = _pick(rng, [7.5] * n, ["DE"] * n, [True] * n)
    return _fault(c, "constant", ("extra",))


def _nearly(c: Columns, n: int, rng: np.random.Generator) -> PlantedFault:
    rows = np.sort(rng.choice(n, max(1, n // 500), replace=False))
    value, other = _pick(rng, (0.0, 1.0), ("no", "yes"))
    c["extra"] = _put([value] * n, rows, other)
    return _fault(c, "nearly_constant", ("extra",), rows)


def _identifier(c: Columns, n: int, rng: np.random.Generator) -> PlantedFault:
    numbers = rng.choice(9 * 10**7, n, replace=False) + 10**7
    c["extra"] = _pick(
        rng, np.arange(n) + 1000, rng.permutation(n), numbers,
        [f"C-{number}" for number in numbers],
        [f"{one:08x}-aaaa-4bbb-8ccc-{one:012x}" for one in numbers],
    )  # fmt: skip
    return _fault(c, "identifier", ("extra",))


def _mixed_types(c: Columns, n: int, rng: np.random.Generator) -> PlantedFault:
    rows = _some(n, rng, 0.02, 0.2)
    weights = [f"{weight}" for weight in c["weight"]]
    days = [str(day) for day in c[TIME].to_pylist()]
    turned = ["/".join(reversed(days[row].split("-"))) for row in rows]
    c["extra"] = _pick(
        rng, _put(weights, rows, [f"{weights[row]} kg" for row in rows]),
        _put(weights, rows, [_pick(rng, "heavy", "light", "about 70") for _ in rows]),
        _put(weights, rows, [weights[row].replace(".", ",") for row in rows]),
        _put(days, rows, turned),
    )  # fmt: skip
    return _fault(c, "mixed_types", ("extra",), rows)


def _spelling(c: Columns, n: int, rng: np.random.Generator) -> PlantedFault:
    name = _pick(rng, "city", "job")
    words = list(c[name])
    rows = np.sort(rng.choice(n, 3, replace=False))
    slip = _pick(
        rng, str.upper, str.lower, lambda word: word + " ", _swapped, _dropped, _look_alike
    )
    c[name] = _put(words, rows, [slip(words[row]) for row in rows])
    return _fault(c, "spelling", (name,), rows)


def _swapped(word: str) -> str:
    return word[:2] + word[3] + word[2] + word[4:]


def _dropped(word: str) -> str:
    return word[:3] + word[4:]


def _look_alike(word: str) -> str:
    return word.replace("e", "\u0435").replace("a", "\u0430")


def _outlying(c: Columns, n: int, rng: np.random.Generator) -> PlantedFault:
    rows = np.sort(rng.choice(n, int(rng.integers(1, 5)), replace=False))
    name, far = _pick(
        rng,
        ("height", 400.0),
        ("height", 17.0),
        ("income", 9e7),
        ("weight", 700.0),
        ("balance", -9e6),
    )
    c[name] = _put(c[name], rows, far * rng.uniform(0.9, 1.1, rows.size))
    return _fault(c, "outlying_number", (name,), rows)


def _unit(c: Columns, n: int, rng: np.random.Generator) -> PlantedFault:
    rows = _some(n, rng, 0.05, 0.3)
    warm = rng.normal(37, 0.5, n).round(2)
    far = np.flatnonzero(np.array(c["city"]) == CITIES[0])
    height, weight, reach, income = (c[one] for one in ("height", "weight", "reach", "income"))
    name, rows, values, new = _pick(
        rng,
        ("height", rows, height, height[rows] / 100),
        ("weight", rows, weight, weight[rows] * 1000),
        ("temperature", rows, warm, 1.8 * warm[rows] + 32),
        ("income", far, income, income[far] / 1000),
        ("reach", rows, reach, reach[rows] / 2.54),
    )
    c[name] = _put(values, rows, np.round(new, 3))
    return _fault(c, "unit", (name,), rows)


def _odd_row(c: Columns, n: int, rng: np.random.Generator) -> PlantedFault:
    rows = np.sort(rng.choice(n, int(rng.integers(1, 5)), replace=False))
    names = ("height", "weight", "reach")
    for name, z in zip(names, _pick(rng, (2, -2, 2), (-2, 2, 2), (2, 2, -2)), strict=True):
        middle, spread = float(np.median(c[name])), float(np.std(c[name]))
        c[name] = _put(c[name], rows, middle + z * spread * rng.uniform(0.9, 1.1, rows.size))
    return _fault(c, "odd_row", names, rows)


def _odd_in_class(c: Columns, n: int, rng: np.random.Generator) -> PlantedFault:
    """Three classes nine spreads apart, and rows of one that carry the label of another."""
    kinds = rng.integers(0, 3, n)
    rows = np.sort(rng.choice(n, int(rng.integers(1, 5)), replace=False))
    places = np.array([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]])[kinds]
    c["x"], c["y"] = (places + rng.normal(size=(n, 2))).T
    kinds[rows] = (kinds[rows] + 1) % 3
    names = ("x", "y")
    kept = {name: c[name] for name in (*names, "city")}
    return _fault(kept | {TARGET: [f"kind {one}" for one in kinds]}, "odd_in_class", names, rows)


def _infinite(c: Columns, n: int, rng: np.random.Generator) -> PlantedFault:
    rows = np.sort(rng.choice(n, int(rng.integers(1, 9)), replace=False))
    name = _pick(rng, "income", "balance")
    c[name] = _put(c[name], rows, _pick(rng, np.inf, -np.inf))
    return _fault(c, "infinite", (name,), rows)


def _imbalance(c: Columns, n: int, rng: np.random.Generator) -> PlantedFault:
    rows = _some(n, rng, 0.02, 0.05)
    c[TARGET] = _put(["usual"] * n, rows, "rare")
    return _fault(c, "imbalance", (TARGET,))


def _rare_class(c: Columns, n: int, rng: np.random.Generator) -> PlantedFault:
    rows = np.sort(rng.choice(n, int(rng.integers(1, 6)), replace=False))
    c[TARGET] = _put(c[TARGET], rows, "else")
    return _fault(c, "rare_class", (TARGET,), rows)


def _unseen(c: Columns, n: int, rng: np.random.Generator) -> PlantedFault:
    parts = rng.choice(["train", "test"], n, p=[0.7, 0.3])
    rows = np.sort(rng.choice(np.flatnonzero(parts == "test"), 15, replace=False))
    c[TARGET] = _put(c[TARGET], rows, "new")
    return _fault(c | {SPLIT: parts.tolist()}, "unseen_class", (TARGET,), rows, split=SPLIT)


def _conflicting(c: Columns, n: int, rng: np.random.Generator) -> PlantedFault:
    pairs = rng.choice(n, (int(rng.integers(2, 8)), 2), replace=False)
    labels = list(c[TARGET])
    del c[TIME]
    for first, second in pairs:
        labels[second] = "poor" if labels[first] == "fine" else "fine"
    table = pa.table({**c, TARGET: labels})
    order = np.arange(n)
    order[pairs[:, 1]] = pairs[:, 0]
    copied = table.take(pa.array(order)).set_column(
        table.column_names.index(TARGET), TARGET, pa.array(labels)
    )
    rows = tuple(sorted(int(row) for row in pairs.ravel()))
    return PlantedFault(copied, "conflicting_labels", (TARGET,), rows)


def _ordered(kind: str, names: tuple[str, ...], keys: NDArray[Any], c: Columns) -> PlantedFault:
    table = pa.table(c).take(pa.array(np.argsort(keys, kind="stable")))
    return PlantedFault(table, kind, names, ())


def _by_label(c: Columns, _: int, rng: np.random.Generator) -> PlantedFault:
    keys = np.unique(c[TARGET], return_inverse=True)[1].astype(float)
    c[TIME] = pa.array(rng.permutation(c[TIME].to_numpy(zero_copy_only=False)))
    return _ordered("sorted_by_label", (TARGET,), keys, c)


def _by_feature(c: Columns, _: int, rng: np.random.Generator) -> PlantedFault:
    name = _pick(rng, "height", "income", "hours")
    c[TIME] = pa.array(rng.permutation(c[TIME].to_numpy(zero_copy_only=False)))
    return _ordered("sorted_by_feature", (name,), np.asarray(c[name], float), c)


def _time_back(c: Columns, n: int, rng: np.random.Generator) -> PlantedFault:
    days = c[TIME].to_numpy(zero_copy_only=False).astype("M8[D]")
    rows = np.sort(rng.choice(np.arange(n // 5, n - 2, 7), int(rng.integers(1, 6)), replace=False))
    days[rows] -= np.timedelta64(400, "D")
    c[TIME] = pa.array(days)
    return _fault(c, "time_back", (TIME,), rows, time=TIME)


def _alike(c: Columns, n: int, _: np.random.Generator) -> PlantedFault:
    """Recordings of twenty rows each: the rows of one are nearly one row."""
    starts = np.repeat(np.arange(0, n, 20), 20)[:n]
    for name in ("height", "weight", "reach", "income", "balance", "hours"):
        values = np.asarray(c[name], float)
        c[name] = values[starts] + 0.1 * (values - values.mean())
    return _fault(
        c, "alike_neighbours", ("height", "weight", "reach", "income", "balance", "hours")
    )


KINDS: Mapping[str, Callable[[Columns, int, np.random.Generator], PlantedFault]] = {
    "missing": _missing,
    "disguised_missing": _any_disguise,
    "missing_with_label": _with_label,
    "missing_with_column": _with_column,
    "constant": _constant,
    "nearly_constant": _nearly,
    "identifier": _identifier,
    "mixed_types": _mixed_types,
    "spelling": _spelling,
    "outlying_number": _outlying,
    "unit": _unit,
    "odd_row": _odd_row,
    "odd_in_class": _odd_in_class,
    "infinite": _infinite,
    "imbalance": _imbalance,
    "rare_class": _rare_class,
    "unseen_class": _unseen,
    "conflicting_labels": _conflicting,
    "sorted_by_label": _by_label,
    "sorted_by_feature": _by_feature,
    "time_back": _time_back,
    "alike_neighbours": _alike,
}
"""What plants each kind, by the kind's name in `burnish.quality`."""
