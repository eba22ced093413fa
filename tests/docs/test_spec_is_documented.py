"""Every key of the dataset spec, and every environment variable, has its line in the docs."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from burnish.spec import models
from burnish.spec.known import AUGMENTERS, MODELS

ROOT = Path(__file__).resolve().parents[2]
PARTS = [
    part
    for _, part in inspect.getmembers(models, inspect.isclass)
    if issubclass(part, models.Part) and part is not models.Part
]


def sections() -> dict[str, str]:
    text = (ROOT / "docs" / "spec.md").read_text(encoding="utf-8")
    found = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    return {head: body for head, _, body in (part.partition("\n") for part in found)}


def section_of(part: type[models.Part]) -> str:
    (body,) = [body for head, body in sections().items() if f"`{part.__name__}`" in head]
    return body


def keys_of(body: str) -> list[str]:
    return re.findall(r"^\| `(\w+)` \|", body, flags=re.MULTILINE)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_every_key_has_a_line_and_every_line_a_key(part):
    assert keys_of(section_of(part)) == list(part.model_fields)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_required_keys_are_called_required(part):
    body = section_of(part)
    said = set(re.findall(r"^\| `(\w+)` \| required", body, flags=re.MULTILINE))
    assert said == {name for name, field in part.model_fields.items() if field.is_required()}


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_numbers_given_as_defaults_are_the_defaults(part):
    body = section_of(part)
    lines = re.findall(r"^\| `(\w+)` \| ([\d.]+) \|", body, flags=re.MULTILINE)
    for name, number in lines:
        assert part.model_fields[name].default == float(number)


def test_every_model_and_augmenter_is_named():
    assert set(MODELS) <= set(re.findall(r"`(\w+)`", section_of(models.Model)))
    assert set(AUGMENTERS) <= set(re.findall(r"`(\w+)`", section_of(models.Augment)))


def test_every_environment_variable_is_documented():
    files = (ROOT / "pipelines" / "definitions.py", ROOT / "burnish" / "cli_exchange.py")
    reads = "".join(file.read_text(encoding="utf-8") for file in files)
    variables = set(re.findall(r'environ\.get\("(\w+)"', reads))
    assert variables
    assert variables == set(keys_of((ROOT / "docs" / "settings.md").read_text(encoding="utf-8")))
