"""A comparison of two iterations on a terminal, as JSON, and as a page among the reports.

What belongs here: laying out what was found. What does not: finding it
(`burnish.workflows.compare_iterations`), its sentences (`.compare_iterations_words`), or markup
(`burnish.report.comparison_page`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import fill
from typing import Any

from burnish.errors import IterationError
from burnish.records import Iteration
from burnish.report.comparison_page import (
    CheckLine,
    ComparisonContext,
    LabelLine,
    MetricLine,
    RulerLine,
    SliceLine,
    SplitPart,
    render_comparison_page,
)
from burnish.report.pages import Pages, write_page
from burnish.slices import OVERALL
from burnish.versions import Versions
from burnish.workflows import compare_iterations_words as words
from burnish.workflows.compare_iterations import SPLITS, ComparedIterations, compare_iterations
from burnish.workflows.home import Home
from burnish.workflows.naming import iteration_of

WIDTH = 80
MOST_SLICES, MOST_LABELS = 40, 10


def print_comparison(
    home: Home, before: str, after: str, *, page: Path | None, as_json: bool
) -> None:
    """Compare two iterations by name, write the page, and print the text or JSON."""
    pair = [_named(home.versions, name) for name in (before, after)]
    found = compare_iterations(home.versions, pair[0], pair[1])
    if as_json:
        if page is not None:
            write_page(page, comparison_html(found))
        sys.stdout.write(json.dumps(found.to_json(), indent=2) + "\n")
        return
    target = page or Pages(home.reports).comparison(
        found.before.dataset, found.before.number, found.after.number
    )
    write_page(target, comparison_html(found))
    told = "\n".join([*comparison_lines(found), "", f"The page: {target}"])
    sys.stdout.write(f"{told}\n")


def compared_with_champion(versions: Versions, iteration: Iteration) -> ComparedIterations | None:
    """The iteration beside the one that the gate held it against.

    None where that was the model of the start, which is no iteration, or where tables of either
    are no longer kept: what was decided is on record all the same.
    """
    told = versions.iteration(iteration.dataset, iteration.number)
    against = told.summary.get("promotion", {}).get("against")
    if against is None:
        return None
    try:
        return compare_iterations(versions, versions.iteration(told.dataset, int(against)), told)
    except IterationError:
        return None


def comparison_links(pages: Pages, found: ComparedIterations | None) -> dict[str, str]:
    """Write the page of a comparison among the reports, and where it is, as Dagster shows it."""
    if found is None:
        return {}
    page = pages.comparison(found.before.dataset, found.before.number, found.after.number)
    return {"compared with the champion": pages.link(write_page(page, comparison_html(found)))}


def tracked_comparison(versions: Versions, iteration: Iteration) -> dict[str, str]:
    """The page of the comparison with the champion, as an artifact of the tracked run."""
    found = compared_with_champion(versions, iteration)
    return {} if found is None else {"comparison": comparison_html(found)}


def comparison_lines(found: ComparedIterations) -> Iterator[str]:
    """The comparison as lines of at most 80 characters."""
    yield f"{found.before} ({found.before_version})  ->  {found.after} ({found.after_version})"
    yield ""
    for sentence in (words.headline(found), words.by_slice(found), words.ruler(found)):
        yield fill(sentence, WIDTH)
    for split in SPLITS:
        yield from _rulers_text(found, split)
    yield from _metrics_text(found)
    yield from _slices_text(found)
    yield ""
    yield fill(words.rows_in_words(found), WIDTH)
    yield from _labels_text(found)
    yield ""
    yield fill(words.decision(found), WIDTH)
    for check in found.decision.checks if found.decision else ():
        mark = "passed" if check.passed else "FAILED"
        yield fill(f"{mark}  {check.name}: {check.reason}", WIDTH, subsequent_indent=" " * 8)


def comparison_html(found: ComparedIterations) -> str:
    """The comparison as one self-contained page."""
    return render_comparison_page(comparison_context(found))


def comparison_context(found: ComparedIterations) -> ComparisonContext:
    """The comparison as the page wants it: sentences first, figures in points."""
    return ComparisonContext(
        dataset=found.before.dataset,
        before=str(found.before),
        after=str(found.after),
        before_version=str(found.before_version),
        after_version=str(found.after_version),
        headline=words.headline(found),
        by_slice=words.by_slice(found),
        ruler=words.ruler(found),
        rows=words.rows_in_words(found),
        decision=words.decision(found),
        rule=found.decision.rule if found.decision else "",
        promoted=found.decision.promoted if found.decision else None,
        confidence=found.confidence,
        min_support=found.min_support,
        splits=tuple(_part(found, split) for split in SPLITS if found.rows.common.get(split)),
        labels=tuple(_label(row) for row in found.rows.changes.to_pylist()),
        checks=tuple(
            CheckLine(one.name, one.passed, one.reason)
            for one in (found.decision.checks if found.decision else ())
        ),
    )


def _part(found: ComparedIterations, split: str) -> SplitPart:
    metrics = found.found(split=split, changed="model", fixed="new labels", slice_id=OVERALL)
    return SplitPart(
        split=split,
        rows=found.rows.common[split],
        sentence=words.by_slice(found, split=split),
        rulers=tuple(_ruler_lines(found, split)),
        metrics=tuple(
            MetricLine(
                row["metric"],
                row["before"],
                row["after"],
                row["difference"],
                row["low"],
                row["high"],
                row["finding"],
            )
            for row in metrics
        ),
        slices=tuple(
            SliceLine(
                row["slice"],
                row["support"],
                row["before"],
                row["after"],
                row["difference"],
                row["low_all"],
                row["high_all"],
                row["finding"],
            )
            for row in words.slice_lines(found, split=split)
        ),
    )


def _ruler_lines(found: ComparedIterations, split: str) -> Iterator[RulerLine]:
    """The four figures: a line a model with what the labels did, then what the model did."""
    four = _four(found, split)
    for model in ("old", "new"):
        alone = found.overall(split, changed="labels", fixed=f"{model} model")
        yield RulerLine(
            f"the {model} model",
            _share(four[f"{model}_model_old_labels"]),
            _share(four[f"{model}_model_new_labels"]),
            _what_labels_did(found, alone),
        )
    rows = [found.overall(split, changed="model", fixed=f"{one} labels") for one in ("old", "new")]
    bought = [words.interval(row) if row else "not known" for row in rows]
    yield RulerLine("what the model did", bought[0], bought[1], "")


def _what_labels_did(found: ComparedIterations, row: Mapping[str, Any] | None) -> str:
    if not found.rows.relabelled:
        return "nothing: none changed"
    return words.interval(row) if row else "not known"


def _four(found: ComparedIterations, split: str) -> Mapping[str, Any]:
    return next(
        row
        for row in found.numbers.to_pylist()
        if (row["split"], row["slice_id"], row["metric"]) == (split, OVERALL, "accuracy")
    )


def _label(row: Mapping[str, Any]) -> LabelLine:
    return LabelLine(
        row["example_id"],
        row["change"],
        row["before"] or "",
        row["after"] or "",
        row["author"] or "",
        row["at"],
    )


def _named(versions: Versions, name: str) -> Iteration:
    found = iteration_of(versions, name)
    if found is None:
        raise IterationError(
            f"{name!r} names no iteration",
            expected="a name as digits@iter7",
            hint="`burnish versions DATASET` lists the iterations behind each version",
        )
    return found


# ---------------------------------------------------------------- on a terminal


def _rulers_text(found: ComparedIterations, split: str) -> Iterator[str]:
    if not found.rows.common.get(split):
        return
    yield ""
    head = f"Accuracy on {found.rows.common[split]} {split} rows (%)"
    yield f"{head:45}{'old labels':>12}{'new labels':>12}"
    old, new, _ = _ruler_lines(found, split)
    for line in (old, new):
        yield f"  {line.name:43}{line.old:>12}{line.new:>12}"
    yield "What changed it, in points"
    for label in ("old labels", "new labels"):
        yield from _what_did(found, split, changed="model", fixed=label, on="on the")
    if not found.rows.relabelled:
        yield f"  {'the labels':33}nothing: no label was changed"
        return
    for model in ("old model", "new model"):
        yield from _what_did(found, split, changed="labels", fixed=model, on="under the")


def _what_did(
    found: ComparedIterations, split: str, *, changed: str, fixed: str, on: str
) -> Iterator[str]:
    row = found.overall(split, changed=changed, fixed=fixed)
    if row is not None:
        told = f"the {changed}, {on} {fixed}"
        yield f"  {told:33}{words.interval(row):26}{row['finding']}"


def _metrics_text(found: ComparedIterations) -> Iterator[str]:
    where = {"split": "validation", "changed": "model", "fixed": "new labels"}
    rows = [
        row
        for row in found.found(**where, slice_id=OVERALL)
        if row["metric"] != "accuracy" and row["difference"] is not None
    ]
    if rows:
        yield ""
        yield "Probabilities on validation rows, new labels (less is better)"
    for row in rows:
        limits = f"({row['low']:+.4f} to {row['high']:+.4f})" if row["low"] is not None else ""
        yield (
            f"  {row['metric']:10}{row['before']:8.4f} -> {row['after']:6.4f}  "
            f"{row['difference']:+.4f} {limits:20} {row['finding']}"
        )


def _slices_text(found: ComparedIterations) -> Iterator[str]:
    rows = words.slice_lines(found)
    if not rows:
        return
    yield ""
    share = f"{100 * found.confidence:g} %"
    yield f"By slice, validation rows, new labels; limits hold for all at once ({share})"
    yield f"  {'slice':24}{'rows':>5}{'before':>8}{'after':>7}  {'difference':23}finding"
    for row in rows[:MOST_SLICES]:
        name = row["slice"] if len(row["slice"]) <= 23 else row["slice"][:22] + "…"
        yield (
            f"  {name:24}{row['support']:>5}{_share(row['before']):>8}{_share(row['after']):>7}  "
            f"{words.interval(row, of_all=True):23}{row['finding']}"
        ).rstrip()
    if len(rows) > MOST_SLICES:
        yield f"  and {len(rows) - MOST_SLICES} more, on the page"


def _labels_text(found: ComparedIterations) -> Iterator[str]:
    changed = found.rows.relabelled
    for row in changed[:MOST_LABELS]:
        when = row["at"].strftime("%Y-%m-%d %H:%M") if row["at"] else ""
        who = f"by {row['author']} {when}" if row["author"] else "by the source"
        yield f"  {row['example_id']}: {row['before']} -> {row['after']} {who}"[:WIDTH]
    if len(changed) > MOST_LABELS:
        yield f"  and {len(changed) - MOST_LABELS} more, on the page"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"
