"""How a stage is declared, and how what it wrote is shown in the Dagster UI.

What belongs here: the one decorator that every stage uses, and turning a written table version
into metadata that a person looks at. What does not: any computation on the data, which is the
library's, nor gates (`assets.checks`).
"""

import base64
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any

import dagster as dg
import pyarrow as pa

from burnish.errors import BurnishError, IterationError, TrackingUnavailable
from burnish.records import Iteration, TableVersion
from burnish.report.preview import preview_markdown
from burnish.spec import DatasetSpec
from burnish.versions import Versions

ITERATION_TAG = "burnish/iteration"
DATASET_TAG = "burnish/dataset"
PART_TAG = "burnish/part"
"""Which part of the cycle a run is: audit, retrain or track."""

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
    **more: Any,
) -> Callable[..., dg.AssetsDefinition]:
    """The `dg.asset` decorator as every stage of every dataset uses it: key `[dataset, stage]`."""
    declared = dg.asset(
        key=[spec.name, name],
        deps=[dg.AssetKey([spec.name, dep]) for dep in deps],
        group_name=group,
        description=description,
        kinds=set(kinds),
        owners=[_owner(spec.owner or "data")],
        code_version="1",
        op_tags={DATASET_TAG: spec.name},
        pool=pool_of(spec),
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
        with _final_errors():
            return body(*args, **kwargs)

    @wraps(body)
    def stream(*args: Any, **kwargs: Any) -> Iterator[Any]:
        with _final_errors():
            yield from body(*args, **kwargs)

    return stream if inspect.isgeneratorfunction(body) else once


@contextmanager
def _final_errors() -> Iterator[None]:
    try:
        yield
    except TrackingUnavailable:
        raise
    except BurnishError as error:
        told = {"found": error.found, "expected": error.expected, "what to do": error.hint}
        raise dg.Failure(
            f"{type(error).__name__}: {error}",
            metadata={name: text for name, text in told.items() if text},
            allow_retries=False,
        ) from error


def materialized(
    written: TableVersion,
    table: pa.Table,
    *,
    figures: Mapping[str, float | int | str | bool | None] | None = None,
    plots: Mapping[str, str] | None = None,
    tables: Mapping[str, pa.Table] | None = None,
    links: Mapping[str, str] | None = None,
    checks: Iterable[dg.AssetCheckResult] = (),
) -> dg.MaterializeResult[Any]:
    """What the UI shows of a written version: figures as numbers, schema, preview, plots, links.

    The data version is the content digest, so that an unchanged table makes nothing stale.
    """
    metadata: dict[str, Any] = {
        "dagster/row_count": table.num_rows,
        "dagster/column_schema": _schema(table),
        "version": written.version,
        "digest": written.digest,
        "preview": dg.MetadataValue.md(preview_markdown(table)),
    }
    metadata |= {name: value for name, value in (figures or {}).items() if value is not None}
    metadata |= {name: _picture(svg, name) for name, svg in (plots or {}).items()}
    metadata |= {
        name: dg.MetadataValue.md(preview_markdown(rows, limit=30))
        for name, rows in (tables or {}).items()
    }
    metadata |= {name: _link(where) for name, where in (links or {}).items() if where}
    return dg.MaterializeResult(
        metadata=metadata,
        data_version=dg.DataVersion(written.digest or str(written.version)),
        check_results=list(checks),
    )


def joined(
    context: dg.AssetExecutionContext, versions: Versions, spec: DatasetSpec, *, opens: bool
) -> Iteration:
    """The open iteration that this run works in; the run is tagged with its number.

    A run that was started for an iteration which has closed since is refused.
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


def _schema(table: pa.Table) -> dg.TableSchema:
    return dg.TableSchema(
        columns=[dg.TableColumn(name=field.name, type=str(field.type)) for field in table.schema]
    )


def _picture(svg: str, name: str) -> dg.MarkdownMetadataValue:
    encoded = base64.b64encode(svg.encode()).decode()
    return dg.MetadataValue.md(f"![{name}](data:image/svg+xml;base64,{encoded})")


def _link(where: str) -> dg.MetadataValue[Any]:
    if where.startswith(("http://", "https://")):
        return dg.MetadataValue.url(where)
    return dg.MetadataValue.path(where)
