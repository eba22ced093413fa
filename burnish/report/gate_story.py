"""A gate's outcome in a few lines, for a newcomer: what happened, which rows, why, what to do.

What belongs here: those lines, as Markdown for an orchestrator's UI, and the advice for each stage.
What does not: the whole report as a page (`burnish.report.gate_page`, which gives the same advice).
"""

from __future__ import annotations

from burnish.records import ExpectationResult, GateReport
from burnish.report.preview import inert

MOST_FAILURES = 8  # lines of the table; how many there are is always said
MOST_EXAMPLES = 3
_LISTED = ("raw_examples", "validated_examples")  # what `quarantined_examples` holds

_SPEC = "If the limit itself is wrong, change it under `gates` in the spec."
ADVICE = {
    "raw_examples": f"Mend the rows in the source, then materialize `raw_examples` again. {_SPEC}",
    "validated_examples": "Look at `split`, `group` and `features` in the spec, and at copies of "
    "rows in the source; then materialize `raw_examples` and what follows again.",
    "relabel_queue": "The batch is not what the spec promises. Materialize `pred_probs` and what "
    "follows again; people keep the batch that they have.",
    "curated_examples": "A verdict left labels as they must not be. `burnish blame DATASET "
    "EXAMPLE` says who decided what; decide anew, then materialize `curated_examples` again.",
    "augmented_examples": "Lower `augment.share` in the spec or name other `augment.methods`, then "
    "materialize `augmented_examples` again.",
    "trained_model": "Look at the confusion matrix of `trained_model` and at what changed since "
    f"the version before. {_SPEC}",
    "slice_report": "Look at which slice has lost its rows or its accuracy; then materialize "
    f"`slice_report` again. {_SPEC}",
}


def what_to_do(stage: str) -> str:
    """The advice for a gate that stopped, as one paragraph of Markdown."""
    return ADVICE.get(stage, f"Mend the causes, then materialize `{stage}` again.")


def gate_story(
    report: GateReport, *, dataset: str, stage: str, last_good: int | None, page: str
) -> str:
    r"""What a person reads of a gate: one paragraph where it passed; else causes and advice too.

    `last_good` is the version readers keep, None where there is none; `page` the address (or
    path) of the whole report. Values come from data, so nothing in them acts as markup.

    >>> from burnish.records import Expectation
    >>> import pyarrow as pa
    >>> known = Expectation("expect_column_values_to_be_in_set", "RAW-LABEL-KNOWN", "stop",
    ...     {"column": "label"}, "Labels are cat or dog.")
    >>> failed = ExpectationResult(known, False, 2, ("e7: <cta>",), "2 of 9 values fail")
    >>> none = pa.table({"row": pa.array([], pa.int64()), "code": pa.array([], pa.string())})
    >>> report = GateReport("raw_examples", 9, (failed,), none, ("RAW-LABEL-KNOWN",), "ab12")
    >>> story = gate_story(report, dataset="pets", stage="raw_examples", last_good=3, page="x.html")
    >>> story.splitlines()[0][:46]
    '**Stopped: 1 of 1 expectation does not hold.**'
    >>> print(story.splitlines()[6])
    | Labels are cat or dog. (RAW-LABEL-KNOWN) | label | 2 | e7: &lt;cta\> |
    """
    failing = [result for result in report.results if not result.passed]
    if report.passed:
        return _passed(report, page)
    keep = (
        "There is no version before" if last_good is None else f"Readers keep version {last_good}"
    )
    verb = "does not hold" if len(failing) == 1 else "do not hold"
    plural = "" if len(report.results) == 1 else "s"
    head = (
        f"**Stopped: {len(failing)} of {len(report.results)} expectation{plural} {verb}.** "
        f"{keep}, and nothing after {dataset}/{stage} runs."
    )
    table = ["| What does not hold | Column | Rows | For example |", "|---|---|---:|---|"]
    table += [_line(result) for result in _worst_first(failing, report)[:MOST_FAILURES]]
    advice = f"**What to do.** {what_to_do(stage)} The whole report: {page}"
    parts = [head, advice, "\n".join(table)]
    if len(failing) > MOST_FAILURES:
        parts.append(f"{MOST_FAILURES} of {len(failing)} are shown.")
    return "\n\n".join(parts)


def _passed(report: GateReport, page: str) -> str:
    away = len(set(report.quarantined["row"].to_pylist()))
    checks = f"All {len(report.results)} expectations hold on {report.rows:,} rows."
    if away:
        where = "`quarantined_examples`" if report.gate in _LISTED else "The whole report"
        checks = (
            f"Passed: {away:,} of {report.rows:,} rows were turned away and the rest is published. "
            f"{where} has each with its reason; mended in the source, they come back."
        )
    return f"{checks}\n\nThe whole report: {page}"


def _worst_first(failing: list[ExpectationResult], report: GateReport) -> list[ExpectationResult]:
    """Those that stop first, the most rows first; the share of rows turned away sums up others."""
    return sorted(
        failing,
        key=lambda one: (
            one.expectation.code.endswith("-QUARANTINE-SHARE"),
            one.expectation.code not in report.stopped_by,
            -one.failing,
        ),
    )


def _line(result: ExpectationResult) -> str:
    expectation = result.expectation
    why = expectation.why or expectation.kind.removeprefix("expect_").replace("_", " ")
    examples = dict.fromkeys(_once(example) for example in result.examples)
    shown = ", ".join(list(examples)[:MOST_EXAMPLES]) or result.observed
    cells = (
        f"{inert(why)} ({expectation.code})",
        inert(expectation.column) or "—",
        f"{result.failing:,}" if result.failing else "—",
        inert(shown, width=80),
    )
    return f"| {' | '.join(cells)} |"


def _once(example: str) -> str:
    """An example `name: value`, where the value is the name itself as that alone."""
    name, _, value = example.partition(": ")
    return name if name == value else example
