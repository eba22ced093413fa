"""Fixtures shared by the whole tree: a small planted project, and the real data where it is."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

# An example that took long on a busy machine has not failed: no test asserts wall time.
settings.register_profile("burnish", deadline=None)
settings.load_profile("burnish")

SPEC = """\
name: flowers
description: Three planted kinds of flower; fifteen in a hundred training labels are wrong.
source: {{path: {file}}}
id: flower
target: kind
features:
  petal: numeric
  sepal: numeric
  leaf: numeric
  colour: categorical
classes: [iris, rose, tulip]
slices:
  - {{name: colour, column: colour}}
split: {{validation: 0.2, test: 0.2}}
review: {{budget: 12, control_share: 0.25}}
augment: {{share: 0.2}}
simulation: {{path: truth.csv, id: flower, column: kind}}
random_state: 7
"""


@dataclass(frozen=True)
class Planted:
    """A project's catalog with one dataset, the CSV behind it, and a home of its own."""

    catalog: Path
    csv: Path
    home: Path

    def lines(self) -> list[str]:
        return self.csv.read_text().splitlines()

    def rewrite(self, lines: list[str]) -> None:
        self.csv.write_text("\n".join(lines) + "\n")


def write_flowers(folder: Path, *, rows: int = 240, noise: float = 0.15, seed: int = 3) -> Path:
    """Write flowers.csv and truth.csv; return the CSV with the noisy labels."""
    rng = np.random.default_rng(seed)
    kinds = np.array(["iris", "rose", "tulip"])
    truth = rng.integers(0, 3, rows)
    centres = np.array([[0.0, 0.0, 0.0], [4.0, 0.5, -1.0], [0.5, 4.0, 2.0]])
    points = centres[truth] + rng.normal(0, 1.0, (rows, 3))
    wrong = rng.random(rows) < noise
    given = np.where(wrong, (truth + rng.integers(1, 3, rows)) % 3, truth)
    colours = rng.choice(["red", "white"], rows)
    lines, true_lines = ["flower,petal,sepal,leaf,colour,kind"], ["flower,kind"]
    for at in range(rows):
        values = ",".join(f"{value:.4f}" for value in points[at])
        lines.append(f"f{at:04d},{values},{colours[at]},{kinds[given[at]]}")
        true_lines.append(f"f{at:04d},{kinds[truth[at]]}")
    folder.mkdir(parents=True, exist_ok=True)
    csv = folder / "flowers.csv"
    csv.write_text("\n".join(lines) + "\n")
    (folder / "truth.csv").write_text("\n".join(true_lines) + "\n")
    return csv


@pytest.fixture(scope="session")
def write_project() -> Callable[[Path], Planted]:
    """Writes a catalog with the flowers in it into a folder."""

    def write(folder: Path) -> Planted:
        catalog = folder / "catalog"
        csv = write_flowers(catalog)
        (catalog / "flowers.yaml").write_text(SPEC.format(file="flowers.csv"))
        return Planted(catalog, csv, folder / "home")

    return write


@pytest.fixture
def planted(tmp_path: Path, write_project: Callable[[Path], Planted]) -> Planted:
    """A catalog with the flowers in it."""
    return write_project(tmp_path)


@pytest.fixture(scope="session")
def with_champion(
    tmp_path_factory: pytest.TempPathFactory, write_project: Callable[[Path], Planted]
) -> Planted:
    """A project whose flowers have a champion and production; made once, to be copied."""
    from tests.burnish.workflows.production_world import make_champion

    made = write_project(tmp_path_factory.mktemp("champion"))
    make_champion(made)
    return made


@pytest.fixture
def real_data() -> Path:
    """The folder of real data sets; the test is skipped where there is none."""
    folder = os.environ.get("BURNISH_DATA", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("BURNISH_DATA names no folder of real data sets")
    return Path(folder)


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """The URL of a PostgreSQL server that tests may create databases in, from BURNISH_POSTGRES."""
    url = os.environ.get("BURNISH_POSTGRES", "")
    if not url:
        pytest.skip("BURNISH_POSTGRES names no PostgreSQL server")
    return url


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real MLflow server that all tests of a session share."""
    from tests.resources.mlflow_server import serving

    with serving(tmp_path_factory.mktemp("mlflow")) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of each kind, as what `open_database` takes."""
    if request.param == "sqlite":
        yield str(tmp_path / "database.db")
        return
    import sqlalchemy as sa

    url = sa.engine.make_url(request.getfixturevalue("postgres_url"))
    name = f"burnish_{uuid.uuid4().hex}"
    server = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    try:
        yield url.set(database=name).render_as_string(hide_password=False)
    finally:
        with server.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
        server.dispose()
