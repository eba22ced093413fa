"""The page of a gate: what was checked, what failed, what follows, and the rows turned away.

What belongs here: putting a `GateReport` into words and the order people read it in. What does
not: judging a table (a `GateRunner`) and markup (`templates/gate.html`). The page is one file,
without script, and fetches nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from burnish.records import Expectation, ExpectationResult, GateReport
from burnish.report.gate_story import what_to_do
from burnish.report.templating import templates

MOST_ROWS = 200  # lines of the quarantine that are shown; how many there are is always said
LONGEST = 160  # characters of an expectation's limits, say of a long set of classes

Outcome = Literal["stops", "turned away", "tolerated", "holds"]
_ORDER: dict[Outcome, int] = {"stops": 0, "turned away": 1, "tolerated": 2, "holds": 3}
_CONSEQUENCE = {
    "stop": "stops the gate",
    "quarantine": "turns the rows away",
}


@dataclass(frozen=True)
class Line:
    """One expectation as the page shows it.

    outcome: `stops` the gate; rows `turned away`; rows `tolerated` (fewer than the expectation
    allows); or it `holds`. limits: its arguments in words. consequence: what a failure does.
    """

    result: ExpectationResult
    outcome: Outcome
    expectation: str
    limits: str
    consequence: str


@dataclass(frozen=True)
class GateContext:
    """Everything that `templates/gate.html` may use.

    rows_away: distinct rows turned away; lines_away: one a row and expectation. shown: the first
    of those lines, in the order of the rows. advice: what to do where it stopped, in parts, every
    second of which is code.
    """

    report: GateReport
    dataset: str
    stage: str
    version: int
    at: datetime
    headline: str
    consequence: str
    failing: tuple[Line, ...]
    holding: tuple[Line, ...]
    rows_away: int
    lines_away: int
    shown: tuple[Mapping[str, Any], ...]
    advice: tuple[str, ...]


def render_gate_page(
    report: GateReport, *, dataset: str, stage: str, version: int, at: datetime
) -> str:
    """The whole page as HTML text, to be written in UTF-8.

    `version` is the version of the stage's table that was judged, `at` when. Everything that
    comes from data or a spec is escaped.

    >>> from datetime import timezone
    >>> import pyarrow as pa
    >>> known = Expectation("expect_column_values_to_be_in_set", "RAW-LABEL-KNOWN", "stop",
    ...     {"column": "label", "value_set": ["cat", "dog"]}, "Labels are cat or dog.")
    >>> away = pa.table({"row": pa.array([], pa.int64()), "code": pa.array([], pa.string())})
    >>> failed = ExpectationResult(known, False, 1, ("e7: <cta>",), "1 of 9 values fail")
    >>> report = GateReport("raw_examples", 9, (failed,), away, ("RAW-LABEL-KNOWN",), "ab12")
    >>> page = render_gate_page(report, dataset="pets", stage="raw_examples", version=3,
    ...     at=datetime(2026, 1, 1, tzinfo=timezone.utc))
    >>> "Stopped by RAW-LABEL-KNOWN" in page, "e7: &lt;cta&gt;" in page, "<cta>" in page
    (True, True, False)
    """
    lines = _lines(report)
    rows_away = len(set(report.quarantined["row"].to_pylist()))
    context = GateContext(
        report=report,
        dataset=dataset,
        stage=stage,
        version=version,
        at=at,
        headline=_headline(report, rows_away),
        consequence=_what_follows(report, rows_away),
        failing=tuple(line for line in lines if line.outcome != "holds"),
        holding=tuple(line for line in lines if line.outcome == "holds"),
        rows_away=rows_away,
        lines_away=report.quarantined.num_rows,
        shown=tuple(report.quarantined.slice(0, MOST_ROWS).to_pylist()),
        advice=() if report.passed else tuple(what_to_do(stage).split("`")),
    )
    environment = templates()
    return environment.get_template("gate.html").render(page=context)


def _headline(report: GateReport, rows_away: int) -> str:
    if not report.passed:
        return f"Stopped by {', '.join(report.stopped_by)}"
    if rows_away:
        return f"Passed, {rows_away:,} of {report.rows:,} rows turned away"
    return f"Passed: all {len(report.results)} expectations hold"


def _what_follows(report: GateReport, rows_away: int) -> str:
    if not report.passed:
        return (
            "Readers keep the last version that passed, and nothing after this stage runs until "
            "the causes below are mended and the stage is materialized again."
        )
    if rows_away:
        return (
            "This version is published without the rows listed below; each is kept with its reason."
        )
    return "This version is published."


def _lines(report: GateReport) -> list[Line]:
    away = set(report.quarantined["code"].to_pylist())
    lines = [_line(result, report.stopped_by, away) for result in report.results]
    return sorted(lines, key=lambda line: _ORDER[line.outcome])


def _line(result: ExpectationResult, stopped_by: tuple[str, ...], away: set[str]) -> Line:
    expectation = result.expectation
    return Line(
        result=result,
        outcome=_outcome(result, stopped_by, away),
        expectation=(
            expectation.kind.removeprefix("expect_").replace("quality_", "no ").replace("_", " ")
        ),
        limits=_limits(expectation),
        consequence=_CONSEQUENCE[expectation.on_fail],
    )


def _outcome(result: ExpectationResult, stopped_by: tuple[str, ...], away: set[str]) -> Outcome:
    code = result.expectation.code
    if code in stopped_by:
        return "stops"
    if code in away:
        return "turned away"
    # The share check counts the rows that leave, which is not a failure of its own.
    share = code.endswith("-QUARANTINE-SHARE")
    return "tolerated" if result.failing and not share else "holds"


def _limits(expectation: Expectation) -> str:
    parts: list[str] = []
    for name, value in expectation.kwargs.items():
        if name in {"column", "column_list", "meta", "notes"} or _is_finding(expectation):
            continue
        parts.append(f"{name.replace('_', ' ')}: {_words(value)}")
    text = "; ".join(parts)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _is_finding(expectation: Expectation) -> bool:
    # What a check is given (features, a seed) is no limit that a reader could think about.
    return expectation.kind.startswith("quality_")


def _words(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    if isinstance(value, Mapping):
        return _condition(value)
    return str(value)


def _condition(condition: Mapping[str, Any]) -> str:
    # The row conditions of Great Expectations, as it writes them in a suite.
    if "conditions" in condition:
        joint = f" {condition.get('type', 'and')} "
        return joint.join(_words(part) for part in condition["conditions"])
    column = condition.get("column", {})
    name = column.get("name", "") if isinstance(column, Mapping) else column
    if "is_null" in condition:
        return f"{name} is {'missing' if condition['is_null'] else 'not missing'}"
    return f"{name} {condition.get('operator', '')} {_words(condition.get('parameter', ''))}"
