"""The databases of a new Dagster instance: made as a whole, or not at all.

What belongs here: making them under another name, and moving them to their place. What does not:
the configuration, the lock and the opening of an instance (`pipelines.instance`).

Dagster makes a SQLite database in several steps and does not go on with one that was cut short
between them: it takes it for one of an old release, or looks for runs and assets without indexes.
"""

import shutil
from pathlib import Path

import dagster as dg
import yaml

PARTS = ("history", "schedules")
ELSEWHERE = frozenset({"storage", "run_storage", "event_log_storage", "schedule_storage"})


def make_databases(folder: Path) -> None:
    """Make what is missing of the databases of the instance that is configured in `folder`.

    One process at a time. Where the configuration names another storage, that is left alone.
    """
    missing = [part for part in PARTS if not (folder / part).exists()]
    configuration = folder / "dagster.yaml"
    if not missing or ELSEWHERE & (yaml.safe_load(configuration.read_text()) or {}).keys():
        return
    draft = folder / ".draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    shutil.copyfile(configuration, draft / configuration.name)
    with dg.DagsterInstance.from_config(str(draft)):
        pass
    for part in missing:
        (draft / part).rename(folder / part)
    shutil.rmtree(draft)
