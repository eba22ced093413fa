"""Names of versions as people write them: `digits`, `digits@7`, `digits@iter7`, a tracked run.

What belongs here: from a name to a dataset version. What does not: what is done with it.
"""

from __future__ import annotations

import re

from burnish.errors import IterationError, VersionNotFound
from burnish.records import DatasetVersion, Iteration
from burnish.versions import Versions

NAME = re.compile(r"(?P<dataset>[a-z][a-z0-9_]*)(?:@(?P<iteration>iter)?(?P<number>\d+))?")


def resolve(versions: Versions, name: str) -> DatasetVersion:
    """The dataset version that a name means.

    `digits` is the newest, `digits@7` the seventh, `digits@iter7` the one that iteration 7 trained
    its model on. Raises `VersionNotFound` for a name that means none.
    """
    match = NAME.fullmatch(name)
    if match is None:
        raise VersionNotFound(
            f"{name!r} is no name of a version",
            expected="DATASET, DATASET@7 or DATASET@iter7",
        )
    dataset, number = match["dataset"], match["number"]
    made = versions.dataset_versions(dataset)
    if not made:
        known = ", ".join(versions.datasets()) or "none yet"
        raise VersionNotFound(
            f"{dataset} has no dataset version",
            expected=f"a dataset that was curated; there are iterations of: {known}",
            hint=f"run `burnish loop --dataset {dataset}`",
        )
    if number is None:
        return made[-1]
    if match["iteration"]:
        return trained_on(versions, versions.iteration(dataset, int(number)))
    return versions.dataset_version(dataset, int(number))


def trained_on(versions: Versions, iteration: Iteration) -> DatasetVersion:
    """The dataset version that an iteration's model was trained on."""
    number = iteration.summary.get("dataset_version")
    if number is None:
        raise IterationError(
            f"{iteration} has not trained a model yet",
            expected="an iteration past trained_model",
            hint="decide its batch and go on with the loop",
        )
    return versions.dataset_version(iteration.dataset, int(number))


def of_run(versions: Versions, run_id: str) -> tuple[Iteration, DatasetVersion]:
    """The iteration that a tracked run belongs to, and the dataset version behind its model."""
    for dataset in versions.datasets():
        for iteration in versions.iterations(dataset):
            if iteration.mlflow_run_id == run_id:
                return iteration, trained_on(versions, iteration)
    raise VersionNotFound(
        f"no iteration here was logged as run {run_id!r}",
        expected="the id of a run that this home logged",
        hint="the run's tag `home` says which database it came from",
    )


def models_of(versions: Versions, version: DatasetVersion) -> list[Iteration]:
    """The iterations whose model was trained on a dataset version."""
    return [
        iteration
        for iteration in versions.iterations(version.dataset)
        if iteration.summary.get("dataset_version") == version.number
    ]
