"""Gates by Great Expectations: a suite of ours goes in, a report of ours comes out.

What belongs here: turning `burnish.records.Expectation` into an expectation of Great Expectations,
running a suite in one pass, and reading the results back by row. What does not: what a gate checks
(`assets.gates`), what follows from a verdict (`burnish.versions`), or the page that shows it
(`burnish.report.gate_page`).
"""

from __future__ import annotations

import copy
import difflib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg
import numpy as np
import pyarrow as pa

from burnish.errors import SpecError
from burnish.records import Expectation, ExpectationResult, GateReport, Suite
from burnish.typing import GateRunner
from burnish.workflows.quality_gate import PREFIX, Fault, judge_quality
from resources.frames import frame_for, row_columns, temporal_bounds, text_of

if TYPE_CHECKING:
    import pandas as pd

EXAMPLES = 5
"""How many failing values a result shows; the quarantine always holds them all."""

QUARANTINE_SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("example_id", pa.string()),
        ("code", pa.string()),
        ("expectation", pa.string()),
        ("column", pa.string()),
        ("value", pa.string()),
    ]
)


class GreatExpectationsRunner:
    """Holds Arrow tables against suites with Great Expectations.

    Expectations about findings (`burnish.workflows.quality_gate`) are judged by our own checks.

    Two checks are its own, first and last in every report: `<GATE>-EMPTY`, since an empty table
    satisfies every expectation about values, and `<GATE>-QUARANTINE-SHARE`, which stops where
    more than `suite.max_share` of the rows would leave. `<GATE>` is the first word of the gate's
    name in capitals.

    An expectation that gives no rows (one about the table, a missing column, or one that raised)
    cannot quarantine: its failure stops. Rows that fail a `mostly` expectation with on_fail
    "quarantine" leave even where enough others pass.
    """

    def run(self, suite: Suite, data: pa.Table, *, key: str | None = "example_id") -> GateReport:
        """Hold `data` against `suite`; `key` names the column that identifies a row.

        Raises `SpecError` where an expectation has a name or arguments that Great Expectations
        does not know, or where two share a code.
        """
        _check_codes(suite)
        judged = [
            _judge(item, outcome, data, key)
            for item, outcome in zip(suite.expectations, _outcomes(suite, data), strict=True)
        ]
        quarantined = _in_row_order([part for _, part, _ in judged if part is not None])
        prefix = suite.gate.split("_", 1)[0].upper()
        first = _not_empty(prefix, data.num_rows)
        last = _share_kept(prefix, suite.max_share, quarantined, data.num_rows)
        results = (first, *(result for result, _, _ in judged), last)
        stops = (not first.passed, *(stop for _, _, stop in judged), not last.passed)
        return GateReport(
            gate=suite.gate,
            rows=data.num_rows,
            results=results,
            quarantined=quarantined,
            stopped_by=tuple(
                result.expectation.code for result, stop in zip(results, stops, strict=True) if stop
            ),
            suite_digest=suite.digest,
        )


class GateRunnerResource(dg.ConfigurableResource[GateRunner]):
    """Hands assets and checks a `GreatExpectationsRunner` as `dg.ResourceParam[GateRunner]`."""

    def create_resource(self, context: dg.InitResourceContext) -> GateRunner:  # noqa: ARG002
        return GreatExpectationsRunner()


def _outcomes(suite: Suite, data: pa.Table) -> list[_Outcome]:
    """How each expectation of a suite fared, in its order."""
    own = [item for item in suite.expectations if item.kind.startswith(PREFIX)]
    others = [item for item in suite.expectations if not item.kind.startswith(PREFIX)]
    built = [_Built.of(item, data.schema) for item in others]
    validated = iter(_validate(built, frame_for(others, data)))
    if data.num_rows == 0:  # nothing to find; that the table is empty stops by itself
        found = iter([_Outcome(True, {}) for _ in own])
    else:
        found = iter([_of_findings(judge_quality(item, data)) for item in own])
    return [
        next(found if item.kind.startswith(PREFIX) else validated) for item in suite.expectations
    ]


def _of_findings(fault: Fault) -> _Outcome:
    rows = fault.rows.tolist()
    seen = {"unexpected_index_list": rows, "said": fault.said, "rows": len(rows)}
    return _Outcome(not fault.found, seen)


# ---------------------------------------------------------------- building


@dataclass(frozen=True)
class _Built:
    """An expectation whose name and arguments Great Expectations has accepted."""

    expectation: Expectation
    kind: type[Any]
    kwargs: Mapping[str, Any]

    @classmethod
    def of(cls, expectation: Expectation, schema: pa.Schema) -> _Built:
        kind = _class_of(expectation)
        kwargs = temporal_bounds(copy.deepcopy(dict(expectation.kwargs)), schema)
        try:
            kind(**kwargs)
        except (ValueError, TypeError) as error:
            raise _wrong_arguments(expectation, kind, error) from error
        return cls(expectation, kind, kwargs)

    def fresh(self, position: int) -> Any:
        """A new instance, since one belongs to a single suite; `position` finds its result."""
        meta = {**self.kwargs.get("meta", {}), "position": position}
        return self.kind(**{**self.kwargs, "meta": meta})


def _check_codes(suite: Suite) -> None:
    codes = [item.code for item in suite.expectations]
    twice = sorted({code for code in codes if codes.count(code) > 1})
    if twice:
        raise SpecError(
            f"gate {suite.gate}: the code {twice[0]} stands for two expectations",
            expected="one code an expectation",
            hint="rename one of them",
        )


def _class_of(expectation: Expectation) -> type[Any]:
    import great_expectations.expectations as gxe

    classes = {item.expectation_type: item for item in _known_classes(gxe)}
    if expectation.kind in classes:
        return classes[expectation.kind]
    known = sorted(classes)
    close = difflib.get_close_matches(expectation.kind, known, n=3, cutoff=0.5)
    raise SpecError(
        f"{expectation.code}: Great Expectations knows no {expectation.kind!r}",
        expected=f"a name such as {', '.join(close or known[:3])}",
        hint="names and arguments: https://greatexpectations.io/expectations",
    )


def _known_classes(module: Any) -> list[Any]:
    public = [getattr(module, name) for name in dir(module) if name.startswith("Expect")]
    return [item for item in public if isinstance(getattr(item, "expectation_type", None), str)]


def _wrong_arguments(expectation: Expectation, kind: Any, error: Exception) -> SpecError:
    reserved = {"id", "batch_id", "catch_exceptions", "rendered_content", "result_format", "meta"}
    known = sorted(set(kind.__fields__) - reserved)
    unknown = [name for name in expectation.kwargs if name not in kind.__fields__]
    close = [near for name in unknown for near in difflib.get_close_matches(name, known, n=1)]
    detail = "; ".join(line.strip() for line in str(error).splitlines()[1:]) or str(error)
    return SpecError(
        f"{expectation.code}: {expectation.kind} does not take these arguments: {detail}",
        expected=f"arguments among {', '.join(known)}",
        hint=f"did you mean {', '.join(close)}?" if close else "mend the expectation's kwargs",
    )


# ---------------------------------------------------------------- running


@dataclass(frozen=True)
class _Outcome:
    """What Great Expectations said of one expectation; `raised` is empty unless it broke."""

    success: bool
    result: Mapping[str, Any]
    raised: str = ""


def _validate(built: Sequence[_Built], frame: pd.DataFrame) -> list[_Outcome]:
    # One broken expectation can take the results of the whole run with it, so whatever broke in
    # company is run again alone: only what also breaks alone is to blame.
    together = _run_together(dict(enumerate(built)), frame)
    outcomes: list[_Outcome] = []
    for position, item in enumerate(built):
        outcome = together.get(position)
        if outcome is None or (outcome.raised and len(built) > 1):
            outcome = _run_alone(item, frame)
        outcomes.append(outcome)
    return outcomes


def _run_together(built: Mapping[int, _Built], frame: pd.DataFrame) -> dict[int, _Outcome]:
    if not built:
        return {}
    try:
        return _run(built, frame)
    except Exception:  # noqa: BLE001 - each is run alone next, where the culprit is named
        return {}


def _run_alone(item: _Built, frame: pd.DataFrame) -> _Outcome:
    try:
        return _run({0: item}, frame)[0]
    except Exception as error:  # noqa: BLE001 - whatever it raises is this expectation's result
        return _Outcome(False, {}, raised=f"{type(error).__name__}: {error}")


def _run(built: Mapping[int, _Built], frame: pd.DataFrame) -> dict[int, _Outcome]:
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    logging.getLogger("great_expectations").setLevel(logging.CRITICAL)
    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(enable=False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    batch = (
        context.data_sources.add_pandas("gate")
        .add_dataframe_asset("table")
        .add_batch_definition_whole_dataframe("all")
    )
    suite = context.suites.add(
        gx.ExpectationSuite("suite", expectations=[b.fresh(i) for i, b in built.items()])
    )
    validation = context.validation_definitions.add(
        gx.ValidationDefinition(name="validation", data=batch, suite=suite)
    )
    validated = validation.run(
        batch_parameters={"dataframe": frame},
        result_format={"result_format": "COMPLETE", "return_unexpected_index_query": False},
    )
    return {
        item.expectation_config.meta["position"]: _Outcome(
            bool(item.success), item.result or {}, _exception_of(item.exception_info)
        )
        for item in validated.results
    }


def _exception_of(info: Mapping[str, Any] | None) -> str:
    # Either one description, or one for each metric that broke.
    parts = [info] if info and "raised_exception" in info else list((info or {}).values())
    messages = [
        str(part.get("exception_message") or "an exception without a message")
        for part in parts
        if isinstance(part, Mapping) and part.get("raised_exception")
    ]
    return "; ".join(dict.fromkeys(messages))


# ---------------------------------------------------------------- judging


def _judge(
    expectation: Expectation, outcome: _Outcome, data: pa.Table, key: str | None
) -> tuple[ExpectationResult, pa.Table | None, bool]:
    """The result, the rows it quarantines (None for none), and whether it stops."""
    rows = np.sort(np.asarray(outcome.result.get("unexpected_index_list") or [], dtype=np.int64))
    leaves = expectation.on_fail == "quarantine" and rows.size > 0
    result = ExpectationResult(
        expectation=expectation,
        passed=outcome.success,
        failing=int(outcome.result.get("unexpected_count") or outcome.result.get("rows") or 0),
        examples=_examples(expectation, rows, data, key),
        observed=_observed(outcome),
    )
    part = _quarantine_part(expectation, rows, data, key) if leaves else None
    return result, part, not outcome.success and not leaves


def _examples(
    expectation: Expectation, rows: np.ndarray, data: pa.Table, key: str | None
) -> tuple[str, ...]:
    shown = rows[:EXAMPLES]
    values = text_of(data, row_columns(expectation), shown)
    if key is None or key not in data.column_names:
        names = [f"row {row}" for row in shown]
    else:
        names = text_of(data, (key,), shown)
    return tuple(f"{name}: {value}" for name, value in zip(names, values, strict=True))


def _observed(outcome: _Outcome) -> str:
    result = outcome.result
    if outcome.raised:
        return f"could not be checked: {outcome.raised}"
    if result.get("partial_missing_list"):
        return f"missing: {', '.join(str(item) for item in result['partial_missing_list'])}"
    if "said" in result:
        return str(result["said"]) or "nothing found"
    if "unexpected_count" in result:
        return f"{result['unexpected_count']:,} of {result['element_count']:,} values fail"
    value = result.get("observed_value")
    if value is not None:
        return f"{value:.6g}" if isinstance(value, float | np.floating) else str(value)
    return "as expected" if outcome.success else "not as expected"


def _quarantine_part(
    expectation: Expectation, rows: np.ndarray, data: pa.Table, key: str | None
) -> pa.Table:
    n = len(rows)
    known = key is not None and key in data.column_names
    columns = row_columns(expectation)
    return pa.table(
        {
            "row": pa.array(rows, pa.int64()),
            "example_id": text_of(data, (key,), rows) if known and key else [""] * n,
            "code": [expectation.code] * n,
            "expectation": [expectation.kind] * n,
            "column": [", ".join(columns)] * n,
            "value": text_of(data, columns, rows),
        },
        schema=QUARANTINE_SCHEMA,
    )


def _in_row_order(parts: Sequence[pa.Table]) -> pa.Table:
    if not parts:
        return QUARANTINE_SCHEMA.empty_table()
    joined = pa.concat_tables(parts)
    # Stable, so that the codes of one row keep the order of the suite.
    order = np.argsort(joined["row"].to_numpy(), kind="stable")
    return joined.take(pa.array(order)).combine_chunks()


def _not_empty(prefix: str, rows: int) -> ExpectationResult:
    expectation = Expectation(
        "expect_table_row_count_to_be_between",
        f"{prefix}-EMPTY",
        "stop",
        {"min_value": 1},
        "An empty table satisfies every expectation about its values, so it passes no gate.",
    )
    return ExpectationResult(expectation, rows > 0, 0, (), f"{rows:,} rows")


def _share_kept(
    prefix: str, max_share: float, quarantined: pa.Table, rows: int
) -> ExpectationResult:
    leaving = len(np.unique(quarantined["row"].to_numpy()))
    share = leaving / rows if rows else 0.0
    expectation = Expectation(
        "quarantined_share_to_be_at_most",
        f"{prefix}-QUARANTINE-SHARE",
        "stop",
        {"max_share": max_share},
        "Where this many rows are turned away, the source is wrong rather than the rows.",
    )
    observed = f"{leaving:,} of {rows:,} rows ({share:.2%}); at most {max_share:.2%}"
    return ExpectationResult(expectation, share <= max_share, leaving, (), observed)
