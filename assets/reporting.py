"""How a stage is declared, and how what it wrote is shown in the Dagster UI.

What belongs here: the one decorator that every stage uses, and turning a written table version
into metadata that a person looks at. What does not: any computation on the data, which is the
library's, nor gates (`assets.checks`).
"""

import base64
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa

from assets.gates import GATED_STAGES, PRODUCTION_GATE
from assets.reading import described
from burnish.errors import BurnishError, IterationError, TrackingUnavailable
from burnish.records import Iteration, TableVersion
from burnish.report.columns import column_lines
from burnish.report.pages import Pages, write_page
from burnish.report.preview import preview_markdown
from burnish.report.shown import Figure, Shown
from burnish.report.svg import standalone
from burnish.spec import DatasetSpec
from burnish.versions import Versions
from burnish.workflows.closing_early import close_early
from burnish.workflows.version_pages import version_of

ITERATION_TAG = "burnish/iteration"
DATASET_TAG = "burnish/dataset"
PART_TAG = "burnish/part"
"""Which part of the cycle a run is: audit, retrain, refresh (both at once) or track."""

ALARM_TAG, WHY_TAG = "burnish/alarm", "burnish/why"
"""For which alarm a policy asked for a run, and why, in a sentence."""

PART_OF_LOOP = "burnish/stage"
"""Tag of every asset: the group of stages that it is of (`assets.STAGES`)."""

NETWORK = dg.RetryPolicy(max_retries=2, delay=1, backoff=dg.Backoff.EXPONENTIAL)
"""For stages that speak to a server. Never for a gate: its answer would be the same."""


def stage(
    spec: DatasetSpec,
    name: str,
    *,
    group: str,
    description: str,
    kinds: Iterable[str],
    deps: Iterable[str] = (),
    pool: str = "",
    **more: Any,
) -> Callable[..., dg.AssetsDefinition]:
    """The `dg.asset` decorator as every stage of every dataset uses it: key `[dataset, stage]`.

    Dagster's group is the dataset, so that its graph opens as one box and two datasets as two;
    `group` becomes the tag `burnish/stage`. A stage has a `pool` of its own where it may run beside
    the dataset's cycle.
    """
    declared = dg.asset(
        key=[spec.name, name],
        deps=[dg.AssetKey([spec.name, dep]) for dep in deps],
        group_name=spec.name,
        tags={PART_OF_LOOP: group},
        description=described(name, description),
        kinds=set(kinds),
        owners=[_owner(spec.owner or "data")],
        code_version="1",
        op_tags={DATASET_TAG: spec.name},
        pool=pool or pool_of(spec),
        **more,
    )

    def declare(body: Callable[..., Any]) -> dg.AssetsDefinition:
        return declared(without_second_try(body))

    return declare


def pool_of(spec: DatasetSpec) -> str:
    """The pool that every step of a dataset is in: at most one run of it at a time."""
    return f"dataset/{spec.name}"


def without_second_try(body: Callable[..., Any]) -> Callable[..., Any]:
    """`body`, whose deliberate errors end the step for good, whatever its retry policy says.

    A gate, the iteration contract or a source would say the same a second later. A tracking
    server that is down may not.
    """

    @wraps(body)
    def once(*args: Any, **kwargs: Any) -> Any:
        with _final_errors(kwargs.get("pages")):
            return body(*args, **kwargs)

    @wraps(body)
    def stream(*args: Any, **kwargs: Any) -> Iterator[Any]:
        with _final_errors(kwargs.get("pages")):
            yield from body(*args, **kwargs)

    return stream if inspect.isgeneratorfunction(body) else once


@contextmanager
def _final_errors(pages: Pages | None) -> Iterator[None]:
    try:
        yield
    except TrackingUnavailable:
        raise
    except BurnishError as error:
        linked = pages.linked if pages else str
        told = {"what to do": error.hint, "expected": error.expected, "found": error.found}
        metadata: dict[str, Any] = {name: linked(text) for name, text in told.items() if text}
        if page := re.search(r"\S+\.html", metadata.get("what to do", "")):
            metadata = {"gate report": as_link(page[0]), **metadata}
        raise dg.Failure(
            linked(f"{type(error).__name__}: {error}"), metadata=metadata, allow_retries=False
        ) from error


def materialized(
    written: TableVersion,
    table: pa.Table,
    shown: Shown,
    *,
    spec: DatasetSpec,
    pages: Pages,
    links: Mapping[str, str] | None = None,
    checks: Iterable[dg.AssetCheckResult] = (),
) -> dg.MaterializeResult[Any]:
    """The page of a written version: figures first, then links, plots, tables, first rows.

    Figures are numbers, which the UI draws over time under the same names; links are addresses
    where the reports are served. The data version is the content digest, so that an unchanged
    table makes nothing stale.
    """
    # A period of production is a table of its own, below its stage.
    stage = written.table.partition("/")[2]
    metadata: dict[str, Any] = {name: _figure(value) for name, value in shown.figures.items()}
    links = dict(links or {})
    if stage.partition("/")[0] in {*GATED_STAGES, PRODUCTION_GATE}:
        # Written by the gate, which comes after; under this name.
        links["gate report"] = pages.link(pages.gate(spec.name, stage, written.version))
    metadata |= {name: as_link(where) for name, where in links.items() if where}
    for name, svg in shown.plots.items():
        file = pages.plot(spec.name, stage, written.version, name)
        metadata[name] = _picture(svg, name, file=file, pages=pages)
    metadata |= {name: as_table(rows) for name, rows in shown.tables.items()}
    if shown.preview:
        metadata["first rows"] = dg.MetadataValue.md(preview_markdown(table, limit=5))
    metadata |= {
        "table version": str(written),
        "content digest": written.digest[:16],
        "dagster/row_count": table.num_rows,
        "dagster/column_schema": _schema(table, spec),
    }
    return dg.MaterializeResult(
        metadata=metadata,
        data_version=dg.DataVersion(written.digest or str(written.version)),
        check_results=list(checks),
    )


def version_links(versions: Versions, pages: Pages, iteration: Iteration) -> dict[str, str]:
    """The page of the dataset version that the iteration works with."""
    version = version_of(versions, iteration)
    if version is None:
        return {}
    return {"dataset version": pages.link(pages.version(version.dataset, version.number))}


def as_link(where: str) -> dg.MetadataValue[Any]:
    """An address that can be clicked, or a path that can be copied."""
    if where.startswith(("http://", "https://")):
        return dg.MetadataValue.url(where)
    return dg.MetadataValue.path(where)


def as_table(rows: pa.Table) -> dg.TableMetadataValue:
    """A short table, which the UI shows in place; numbers to four places, what is null is empty."""
    records = [
        dg.TableRecord({name: _cell(value) for name, value in row.items()})
        for row in rows.to_pylist()
    ]
    columns = [dg.TableColumn(part.name, str(part.type)) for part in rows.schema]
    return dg.MetadataValue.table(records, dg.TableSchema(columns))


def joined(
    context: dg.AssetExecutionContext, versions: Versions, spec: DatasetSpec, *, opens: bool
) -> Iteration:
    """The open iteration that this run works in; the run is tagged with its number.

    A run that was started for an iteration which has closed since is refused. A run of the part
    `refresh` lets the iteration close without waiting for people, for the alarm it is tagged with.
    """
    asked = context.run.tags.get(ITERATION_TAG)
    iteration = versions.join(spec.name, opens=opens)
    if asked is not None and asked != str(iteration.number):
        raise IterationError(
            f"this run was started for {spec.name}@iter{asked}, but {iteration} is the open one",
            expected="a run of the open iteration",
            hint=f"launch the job again without the tag {ITERATION_TAG}",
        )
    tagged(context, versions, spec)
    if context.run.tags.get(PART_TAG) == "refresh":
        alarm, why = context.run.tags.get(ALARM_TAG), context.run.tags.get(WHY_TAG)
        number = int(alarm) if alarm else None
        return close_early(versions, iteration, alarm=number, why=why or "asked for by hand")
    return iteration


def tagged(context: dg.AssetExecutionContext, versions: Versions, spec: DatasetSpec) -> None:
    """Tag a run that has no iteration yet with the open one, if there is one."""
    iteration = versions.current(spec.name)
    if iteration is not None and ITERATION_TAG not in context.run.tags:
        context.instance.add_run_tags(
            context.run.run_id, {ITERATION_TAG: str(iteration.number), DATASET_TAG: spec.name}
        )


def _owner(name: str) -> str:
    """As Dagster wants it: an address, or a team."""
    return name if "@" in name or name.startswith("team:") else f"team:{name}"


def _figure(value: Figure) -> Any:
    if value is None:
        return "not known yet"
    return round(value, 4) if isinstance(value, float) else value


def _cell(value: Any) -> str | int | float | bool:
    if value is None:
        return ""
    return round(value, 4) if isinstance(value, float) else value


def _schema(table: pa.Table, spec: DatasetSpec) -> dg.TableSchema:
    ids = table["example_id"] if "example_id" in table.column_names else None
    keyed = ids is not None and len(ids.unique()) == table.num_rows
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                line.name,
                line.kind,
                line.text,
                dg.TableColumnConstraints(unique=line.unique, other=list(line.limits)),
            )
            for line in column_lines(table.schema, spec, keyed=keyed)
        ]
    )


def _picture(svg: str, name: str, *, file: Path, pages: Pages) -> dg.MarkdownMetadataValue:
    """In place where the reports are served; else behind a click, since Dagster hides long text."""
    drawing = standalone(svg)
    if pages.url:
        where = pages.link(write_page(file, drawing))
    else:
        where = f"data:image/svg+xml;base64,{base64.b64encode(drawing.encode()).decode()}"
    return dg.MetadataValue.md(f"![{name}]({where})")
