"""From a measured return to what its page says.

What belongs here: choosing and naming the lines. What does not: the page
(`burnish.report.return_page`), measuring (`burnish.workflows.returns`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from burnish.report.pages import Pages, write_page
from burnish.report.return_page import ForetoldLine, GainLine, ReturnStory, render_return_page
from burnish.report.shown import Shown
from burnish.typing import LabelLedger
from burnish.versions import Versions
from burnish.workflows.ahead import look_ahead
from burnish.workflows.returns import Returns
from burnish.workflows.returns_ahead import (
    forecast_return,
    foretold_so_far,
    gains_as_they_came,
)


def story_of(returns: Returns, *, at: datetime, errors: str = "") -> ReturnStory:
    """The story of a measurement made `at`; `errors` foretells what the next reviews will find."""
    gains = gains_as_they_came(returns)
    ahead = forecast_return(gains)
    facts = returns.facts
    return ReturnStory(
        dataset=returns.dataset,
        came=lines_of(returns.rows("as it came")),
        left_out=lines_of(returns.rows("left out")),
        together=lines_of(returns.rows("together", whole=None)),
        reasons=lines_of(returns.rows("reason")),
        slices=lines_of(_shown(returns)),
        by_split=lines_of(
            row
            for split in ("validation", "test", "production")
            for kind in ("left out", "together")
            for row in returns.rows(kind, split=split)
        ),
        forecast=ahead.text if ahead else "",
        errors=errors,
        foretold=tuple(
            ForetoldLine(
                f"batch {one.iteration}",
                one.forecast.expected,
                one.forecast.low,
                one.forecast.high,
                one.came,
                one.held,
            )
            for one in foretold_so_far(gains)
        ),
        seeds=int(facts["seeds"]),
        fits=int(facts["fits"]),
        resampled=bool(facts["resampled"]),
        measured_at=at,
    )


def write_returns_page(
    pages: Pages,
    versions: Versions,
    ledger: LabelLedger,
    returns: Returns,
    *,
    at: datetime,
    page: Path | None = None,
) -> Path:
    """Write the page of a measurement made `at`; where it lies (`page`, else among the reports)."""
    story = story_of(returns, at=at, errors=errors_ahead(versions, ledger, returns.dataset))
    return write_page(page or pages.returns(returns.dataset), render_return_page(story))


def returns_shown(returns: Returns) -> Shown:
    """The page of the stage: the gain of all batches together, and how many helped or hurt."""
    (whole,) = returns.rows("together")
    batches = list(returns.rows("left out"))
    counts = Counter(row["finding"] for row in batches)
    per = 100 * whole["gain"] / whole["reviews"] if whole["reviews"] else None
    columns = ("iteration", "reviews", "changed", "gain", "low", "high", "finding")
    rows = [{name: row[name] for name in columns} for row in batches]
    return Shown(
        figures={
            "gain of the last batches": whole["gain"],
            "gain, low": whole["low"],
            "gain, high": whole["high"],
            "gain per 100 reviews": per,
            "batches that helped": counts["better"],
            "batches that hurt": counts["worse"],
            "batches measured": len(batches),
        },
        tables={"batch by batch, left out today": pa.Table.from_pylist(rows)},
        preview=False,
    )


def errors_ahead(versions: Versions, ledger: LabelLedger, dataset: str) -> str:
    """How many errors the next reviews are expected to find; empty where there is no audit."""
    ahead = look_ahead(versions, ledger, dataset)
    return ahead.text if ahead is not None else ""


def named(row: Mapping[str, Any]) -> str:
    """What a row of the returns left out, in words.

    >>> named({"kind": "left out", "iteration": 7, "reason": None})
    'batch 7'
    """
    if row["kind"] == "together":
        return "all these batches"
    return str(row["reason"]) if row["kind"] == "reason" else f"batch {row['iteration']}"


def _shown(returns: Returns) -> Iterable[Mapping[str, Any]]:
    """Slices that a batch is shown to have changed, what hurt first."""
    found = [
        row
        for row in returns.rows("left out", whole=False)
        if row["finding"] in {"better", "worse"}
    ]
    return sorted(found, key=lambda row: (row["finding"] != "worse", row["iteration"]))


def lines_of(rows: Iterable[Mapping[str, Any]]) -> tuple[GainLine, ...]:
    """Rows of `RETURNS_SCHEMA` as the page has them."""
    return tuple(
        GainLine(
            name=named(row),
            having=row["with"],
            **{
                name: row[name]
                for name in (
                    "reviews", "changed", "hours", "timed", "split", "slice", "support", "without",
                    "gain", "low", "high", "low_all", "high_all", "finding",
                )
            },
        )
        for row in rows
    )  # fmt: skip
