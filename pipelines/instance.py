"""The Dagster instance of a home: its folder, its configuration, and opening it.

What belongs here: `DAGSTER_HOME` under a Burnish home. What does not: our own record of
iterations and gates (`burnish.versions`); Dagster's event log mirrors that.
"""

import shutil
from pathlib import Path

import dagster as dg


def prepare(home: Path) -> Path:
    """Make `home/dagster` with our configuration, unless it is there; return that folder."""
    folder = home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "dagster.yaml"
    if not target.exists():
        shutil.copyfile(Path(__file__).with_name("dagster.yaml"), target)
    return folder


def open_instance(home: Path) -> dg.DagsterInstance:
    """The instance whose history `dagster dev` shows when `DAGSTER_HOME` is the same folder."""
    return dg.DagsterInstance.from_config(str(prepare(home)))
