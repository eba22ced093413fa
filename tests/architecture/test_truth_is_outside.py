"""Truth lies outside every table that an asset reads: one module opens it, and nobody else can."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("burnish", "assets", "resources", "pipelines")
DOOR = "burnish.datasets.truth"
# Modules of the room that hold truth beside the labels, and what a generator hands out with it.
INNER = tuple(
    f"burnish.datasets.{name}"
    for name in ("digits", "digits_stream", "parcels", "made", "registry", "annotators")
)
PLANTED = ("burnish.datasets.planted", "burnish.datasets.make_classification_table")
BUNDLES = ("sklearn.datasets",)
SIMULATE = "burnish/workflows/simulate.py"


def outside_the_room() -> list[Path]:
    files = [file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))]
    return [file for file in files if "burnish/datasets/" not in file.as_posix()]


def imported_names(source: str) -> set[str]:
    """Dotted names of all that is imported, at any depth, and strings that could be imported."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names.add(node.value.replace(":", "."))
    return names


def opened(source: str, modules: tuple[str, ...]) -> list[str]:
    names = imported_names(source)
    return [
        module
        for module in modules
        if any(name == module or name.startswith(f"{module}.") for name in names)
    ]


@pytest.mark.parametrize(
    "source",
    [
        "from burnish.datasets.truth import bundled_truth",
        "from burnish.datasets import truth",
        "import burnish.datasets.truth as t",
        "def f():\n    from burnish.datasets.truth import bundled_truth",
        "from importlib import import_module\nimport_module('burnish.datasets.truth')",
    ],
)
def test_the_rule_sees_every_way_in(source: str):
    assert opened(source, (DOOR,)) == [DOOR]


def test_only_the_simulated_reviewer_opens_truth():
    openers = {
        file.relative_to(ROOT).as_posix()
        for file in outside_the_room()
        if opened(file.read_text(encoding="utf-8"), (DOOR,))
    }
    assert openers == {SIMULATE}


def test_nobody_goes_round_the_door():
    for file in outside_the_room():
        found = opened(file.read_text(encoding="utf-8"), (*INNER, *PLANTED, *BUNDLES))
        assert not found, f"{file.relative_to(ROOT)} reaches for {found}"


def test_no_stage_reaches_the_simulated_reviewer():
    files = sorted((ROOT / "assets").rglob("*.py")) + sorted((ROOT / "resources").rglob("*.py"))
    for file in files:
        source = file.read_text(encoding="utf-8")
        assert not opened(source, ("burnish.workflows.simulate",)), file.name
        assert ".simulation" not in source, f"{file.name} reads the spec's simulation"


def test_the_only_other_reader_of_the_specs_simulation_is_the_spec_itself():
    readers = {
        file.relative_to(ROOT).as_posix()
        for file in sorted((ROOT / "burnish").rglob("*.py"))
        if any(
            isinstance(node, ast.Attribute) and node.attr == "simulation"
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        )
    }
    assert readers == {SIMULATE}


def test_what_a_team_would_be_given_carries_no_truth():
    from burnish.datasets import load_bundled
    from burnish.datasets.truth import bundled_truth

    digits = load_bundled("digits", unlabeled=20)
    truth = bundled_truth("digits", unlabeled=20)["label"].to_pylist()
    by_id = dict(zip(bundled_truth("digits")["example_id"].to_pylist(), truth, strict=True))
    tables = {"examples", "annotations", "unlabeled"}
    assert set(digits.__dataclass_fields__) == {"name", "options", *tables}
    assert digits.production is not None
    assert set(digits.production.column_names) == {"example_id", "met", "image", "source", "ink"}
    for table in (digits.examples, digits.annotations, digits.unlabeled):
        assert table is not None
        wanted = [by_id[example_id] for example_id in table["example_id"].to_pylist()]
        for name in table.column_names:
            assert table[name].to_pylist() != wanted, f"{name} is the truth itself"
