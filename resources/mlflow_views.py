"""What a person sees first in MLflow's UI: saved views with the columns and charts that matter.

What belongs here: views of the two experiments of a dataset, and the addresses that open them.
What does not: anything that is logged (`resources.tracking`, `resources.mlflow_slices`).

MLflow keeps a saved view in a tag of its experiment; by itself its table shows no metric at all.
The form is that of MLflow 3.17 (`mlflow.demo.generators.saved_views` writes one as well). A server
that knows another form does not list the view, and loses nothing else.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow import MlflowClient

TAG = "mlflow.sharedViewState."
TABLE, TREND = "burnish-iterations", "burnish-over-iterations"
LOWEST, LINES = "burnish-lowest-slices", "burnish-slices-over-iterations"
TRAINING = "workflowType=machine_learning"
"""Without it, MLflow shows an experiment as one of traces and prompts."""

ITERATION_COLUMNS = (
    "metrics.`iteration`",
    "metrics.`validation_accuracy`",
    "metrics.`test_accuracy`",
    "metrics.`noise`",
    "tags.`promoted`",
    "tags.`worst_slice`",
    "metrics.`validation_worst_slice_accuracy`",
    "metrics.`promotion_difference`",
    "tags.`dataset_version`",
)
SLICE_COLUMNS = (
    "metrics.`accuracy`",
    "metrics.`accuracy_change`",
    "metrics.`rows`",
    "tags.`uncertain`",
    "metrics.`test_accuracy`",
    "metrics.`log_loss`",
    "metrics.`ece`",
    "metrics.`auroc`",
    "metrics.`brier`",
)


def set_views(client: MlflowClient, dataset: str, *, iterations: str, slices: str) -> None:
    """Save the views of both experiments (by id), and name them in their descriptions.

    What is there already stays: people may have changed it.
    """
    links = _links(iterations, slices)
    described = (
        (iterations, _iteration_views(), f"{dataset}: a run an iteration. Open {links}."),
        (slices, _slice_views(), f"{dataset}: a run a slice, step is the iteration. Open {links}."),
    )
    for experiment, views, note in described:
        there = client.get_experiment(experiment).tags
        wanted = {f"{TAG}{key}": _saved(*view) for key, view in views.items()}
        for name, value in {**wanted, "mlflow.note.content": note}.items():
            if name not in there:
                client.set_experiment_tag(experiment, name, value)


def _links(iterations: str, slices: str) -> str:
    views = {
        "Iterations": view_path(iterations, TABLE),
        "Over the iterations": view_path(iterations, TREND, charts=True),
        "Slices over the iterations": view_path(slices, LINES, charts=True),
        "Lowest slices first": view_path(slices, LOWEST),
    }
    return " · ".join(f"[{name}]({path})" for name, path in views.items())


def view_path(experiment: str, key: str, *, charts: bool = False) -> str:
    """The address of a view, from the root of the server."""
    mode = "&compareRunsMode=CHART" if charts else ""
    return f"#/experiments/{experiment}/runs?viewStateShareKey={key}{mode}&{TRAINING}"


def _iteration_views() -> dict[str, tuple[str, dict[str, Any]]]:
    charts = {
        "Accuracy": ("validation_accuracy", "test_accuracy"),
        "Labels reviewers would still change": ("noise", "noise_low", "noise_high"),
        "Worst slice": ("validation_worst_slice_accuracy",),
        "Log-loss": ("validation_log_loss", "test_log_loss"),
        "Calibration error": ("validation_ece", "test_ece"),
        "Gain over the champion": ("promotion_difference", "promotion_low", "promotion_high"),
    }
    trend = {
        **_state(ITERATION_COLUMNS),
        **_charts("Over the iterations", charts),
        # All iterations of a dataset are drawn as one line.
        "groupBy": {
            "aggregateFunction": "average",
            "groupByKeys": [{"mode": "tag", "groupByData": "dataset"}],
        },
    }
    return {
        TABLE: ("Iterations", _state(ITERATION_COLUMNS)),
        TREND: ("Over the iterations", trend),
    }


def _slice_views() -> dict[str, tuple[str, dict[str, Any]]]:
    lowest = _state(SLICE_COLUMNS, order_by="metrics.`accuracy`", ascending=True)
    charts = {
        "Accuracy, validation rows": ("accuracy",),
        "Accuracy, test rows": ("test_accuracy",),
        "Log-loss, validation rows": ("log_loss",),
        "Calibration error, validation rows": ("ece",),
    }
    lines = {**lowest, **_charts("Slices over the iterations", charts)}
    return {
        LOWEST: ("Lowest slices first", lowest),
        LINES: ("Slices over the iterations", lines),
    }


def _state(
    columns: Sequence[str], *, order_by: str = "attributes.start_time", ascending: bool = False
) -> dict[str, Any]:
    return {
        "searchFilter": "",
        "orderByKey": order_by,
        "orderByAsc": ascending,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": list(columns),
        "columnOrder": ["attributes.`Run Name`", *columns, "runDateAndNestInfo", "duration"],
        "columnWidths": {name: max(110, 40 + 7 * len(name.split("`")[1])) for name in columns},
        "runsHiddenMode": "FIRST_10_RUNS",
        "viewMaximized": False,
        "runListHidden": False,
        "isAccordionReordered": True,
        "useGroupedValuesInCharts": True,
        "hideEmptyCharts": True,
        "groupBy": None,
        "groupsExpanded": {},
        "globalLineChartConfig": {
            "xAxisKey": "step",
            "lineSmoothness": 0,
            "selectedXAxisMetricKey": "",
        },
    }


def _charts(section: str, charts: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    return {
        "compareRunSections": [
            {
                "uuid": "burnish",
                "name": section,
                "display": True,
                "isReordered": False,
                "deleted": False,
                "isGenerated": False,
            }
        ],
        "compareRunCharts": [
            {
                "uuid": f"burnish-{place}",
                "type": "LINE",
                "runsCountToCompare": 10,
                "metricSectionId": "burnish",
                "deleted": False,
                "isGenerated": False,
                "displayName": title,
                "metricKey": metrics[0],
                "selectedMetricKeys": list(metrics),
                "lineSmoothness": 0,
                "xAxisScaleType": "linear",
                "scaleType": "linear",
                "range": {},
                "xAxisKey": "step",
                "selectedXAxisMetricKey": "",
                "yAxisKey": "metric",
                "yAxisExpressions": [],
                "ignoreOutliers": False,
                "useGlobalXaxisKey": True,
                "useGlobalLineSmoothing": True,
            }
            for place, (title, metrics) in enumerate(charts.items())
        ],
    }


def _saved(name: str, state: Mapping[str, Any]) -> str:
    text = json.dumps(state, separators=(",", ":"))
    packed = base64.b64encode(zlib.compress(text.encode())).decode()
    # A constant time, so that saving a view again changes nothing.
    return json.dumps(
        {"name": name, "createdAt": 0, "updatedAt": 0, "state": f"deflate;{packed}"},
        separators=(",", ":"),
    )
