"""Names of versions as people write them: `digits`, `digits@7`, `digits@iter7`, a tracked run.

What belongs here: from a name to a dataset version. What does not: what is done with it.
"""

from __future__ import annotations

import re
from dataclasses import replace

from burnish.errors import IterationError, VersionNotFound
from burnish.records import DatasetVersion, Iteration, Watermark
from burnish.versions import Versions

# No loop comes to a milliard versions, and no database is asked for a number it cannot hold.
NAME = re.compile(r"(?P<dataset>[a-z][a-z0-9_]*)(?:@(?P<iteration>iter)?(?P<number>\d{1,9}))?")


def resolve(versions: Versions, name: str) -> DatasetVersion:
    """The dataset version that a name means.

    `digits` is the newest, `digits@7` the seventh, `digits@iter7` the one that iteration 7 trained
    its model on, `digits@0` the labels as they were collected, which a diff may start from. Raises
    `VersionNotFound` for a name that means none.
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
    if int(number) == 0:
        return as_collected(made[0])
    return versions.dataset_version(dataset, int(number))


def as_collected(first: DatasetVersion) -> DatasetVersion:
    """The labels as collected, over the features of the first version; it has no content digest."""
    return replace(first, number=0, watermark=Watermark(0, ""), digest="", iteration=0)


def require_numbered(version: DatasetVersion) -> DatasetVersion:
    """The version; raises `VersionNotFound` for `@0`, which was never one."""
    if version.number:
        return version
    raise VersionNotFound(
        f"{version} stands for the labels as collected, and is no dataset version",
        expected=f"{version.dataset}@1 or later",
        hint=f"`burnish diff {version} {version.dataset}@1` is what it is for",
    )


def iteration_of(versions: Versions, name: str) -> Iteration | None:
    """The iteration that a name such as `digits@iter7` means; None for other names."""
    match = NAME.fullmatch(name)
    if match is None or not match["iteration"]:
        return None
    return versions.iteration(match["dataset"], int(match["number"]))


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
            run = iteration.mlflow_run_id
            if run == run_id or (run and len(run_id) >= 6 and run.startswith(run_id)):
                return iteration, trained_on(versions, iteration)
    raise VersionNotFound(
        f"no iteration here was logged as run {run_id!r}",
        expected="the id of a run that this home logged",
        hint="the run's tag `home` says which database it came from",
    )


def models_of(versions: Versions, version: DatasetVersion) -> list[Iteration]:
    """The iterations whose model was trained on a dataset version."""
    return models_by_version(versions, version.dataset).get(version.number, [])


def models_by_version(versions: Versions, dataset: str) -> dict[int, list[Iteration]]:
    """The iterations that trained a model, oldest first, by the dataset version it was trained on.

    Versions that no model was trained on are not in it.
    """
    found: dict[int, list[Iteration]] = {}
    for iteration in versions.iterations(dataset):
        number = iteration.summary.get("dataset_version")
        if number is not None:
            found.setdefault(int(number), []).append(iteration)
    return found
