"""The house keeps its own rules: sizes, imports, what the wheel ships, what an import loads."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("burnish", "assets", "resources", "pipelines")
SOURCES = [file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))]


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_module_opens_with_its_contract_and_stays_short(file: Path):
    text = file.read_text(encoding="utf-8")
    doc = ast.get_docstring(ast.parse(text))
    assert doc, "a module opens with a docstring"
    assert len(text.splitlines()) <= 500


def test_asset_bodies_are_sentences():
    for file in sorted((ROOT / "assets").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and _is_asset(node):
                first = node.body[0].lineno
                assert (node.end_lineno or first) - first + 1 <= 12, f"{file.name}: {node.name}"


def _is_asset(node: ast.FunctionDef) -> bool:
    names = [ast.unparse(decorator).split("(")[0] for decorator in node.decorator_list]
    return bool({"stage", "dg.asset", "dg.observable_source_asset"} & set(names))


def test_importing_burnish_loads_nothing_heavy():
    heavy = [
        "sklearn",
        "numba",
        "pandas",
        "scipy",
        "torch",
        "dagster",
        "mlflow",
        "great_expectations",
    ]
    code = f"import sys, burnish; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


HEAVY = (
    "alembic", "deltalake", "great_expectations", "matplotlib", "mlflow", "numba", "pandas",
    "PIL",
    "polars", "scipy", "skops", "sklearn",
)  # fmt: skip
"""Whatever takes a tenth of a second or more to import, or brings along what does. Not among them:
numpy, pyarrow and SQLAlchemy, which the types and tables of our own modules are made of, and which
Dagster loads in part itself; and jinja2, which takes a hundredth."""


def loaded_by(code: str, home: Path, catalog: Path) -> list[str]:
    """Which of the heavy libraries a new process holds once it has run `code`."""
    tell = f"import sys; print([name for name in {HEAVY} if name in sys.modules])"
    settings = {"BURNISH_HOME": str(home), "BURNISH_CATALOG": str(catalog)}
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{tell}"],
        capture_output=True, text=True, check=True, cwd=ROOT, env={**os.environ, **settings},
    )  # fmt: skip
    return ast.literal_eval(done.stdout.splitlines()[-1])


GRAPH = "from pipelines.definitions import defs; repository = defs().get_repository_def()"
RUN = """
import dagster as dg
from pipelines.turning import QUIET
keys = [dg.AssetKey(["flowers", name]) for name in STAGES]
job = repository.get_job("flowers_audit")
with dg.DagsterInstance.ephemeral() as instance:
    assert job.execute_in_process(run_config=QUIET, instance=instance, asset_selection=keys).success
"""


def test_building_the_graphs_of_the_catalog_loads_no_heavy_library(tmp_path: Path):
    code = f"{GRAPH}; assert repository.get_all_jobs() and repository.schedule_defs"
    assert loaded_by(code, tmp_path, ROOT / "catalog") == []


def test_a_stage_and_its_gate_load_what_they_use_and_no_more(planted):
    stages = ("raw_examples", "validated_examples")
    code = f"{GRAPH}\nSTAGES = {stages}{RUN}"
    found = set(loaded_by(code, planted.home, planted.catalog))
    assert {"great_expectations", "deltalake"} <= found
    assert not {"mlflow", "skops", "sklearn"} & found, "no model is near these stages"
    code = f"{GRAPH}\nSTAGES = ('quarantined_examples',){RUN}"
    found = set(loaded_by(code, planted.home, planted.catalog))
    assert not {"great_expectations", "mlflow", "scipy", "sklearn"} & found, "no gate, no model"


def test_the_wheel_ships_the_library_alone(tmp_path: Path):
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-q",
         "-w", str(tmp_path), str(ROOT)],
        check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("burnish-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"burnish"}
    assert "burnish/py.typed" in names
    assert "burnish/report/templates/loop.html" in names


def test_the_lock_names_no_index_and_pins_every_package_by_hash():
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    assert not [line for line in lines if "://" in line]
    pins = [line for line in lines if line and not line.startswith((" ", "#"))]
    assert all("==" in pin and pin.endswith("\\") for pin in pins)
