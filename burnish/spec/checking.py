"""Checking: what each part of a spec allows and the whole does not, and names nobody knows.

What belongs here: checks of a parsed spec that need neither its data nor a heavy library. What
does not: the shape of each part (`burnish.spec.models`), the line of a mistake
(`burnish.spec.reading`), or checks that import a model (`burnish.modeling.check_model`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import ValidationError

from burnish.errors import SpecError
from burnish.spec.expectations import COMMON, EXPECTATIONS, NEEDS_DATABASE
from burnish.spec.keys import Step, near
from burnish.spec.known import AUGMENTERS, MODELS, QUALITY, RESERVED, RESERVED_IN_PRODUCTION
from burnish.spec.models import DatasetSpec, ExtraExpectation


@dataclass(frozen=True)
class Contradiction:
    """What is wrong with a spec, and the path of keys to the place where it is."""

    path: tuple[Step, ...]
    found: str
    expected: str
    hint: str = ""


def contradictions(spec: DatasetSpec) -> Iterator[Contradiction]:
    """All that is wrong with a spec whose parts are each as they should be.

    >>> spec = DatasetSpec.model_validate({"name": "toy", "source": {"path": "toy.csv"},
    ...     "target": "kind", "features": {"x": "numeric"}, "model": "forrest"})
    >>> [(wrong.path, wrong.hint) for wrong in contradictions(spec)]
    [(('model', 'name'), "did you mean 'forest'?")]
    """
    yield from _names_taken(spec)
    yield from _empty_promises(spec)
    yield from _unknown_model(spec)
    yield from _unknown_methods(spec)
    yield from _unknown_findings(spec)
    for place, extra in enumerate(spec.gates.expectations):
        yield from _unknown_expectation(extra, ("gates", "expectations", place))


def with_choices(
    spec: DatasetSpec, *, budget: int | None = None, random_state: int | None = None
) -> DatasetSpec:
    """The spec with a budget or seed that somebody chose for this run, checked as in a spec.

    Raises `SpecError` naming the key.

    >>> spec = DatasetSpec.model_validate({"name": "toy", "source": {"path": "toy.csv"},
    ...     "target": "kind", "features": {"x": "numeric"}})
    >>> with_choices(spec, budget=30).review.budget
    30
    """
    parts = spec.model_dump()
    if budget is not None:
        parts["review"] |= {"budget": budget, "minutes": None}
    if random_state is not None:
        parts["random_state"] = random_state
    try:
        return DatasetSpec.model_validate({**parts, "folder": spec.folder})
    except ValidationError as error:
        wrong = error.errors()[0]
        key, message = ".".join(map(str, wrong["loc"])), str(wrong["msg"])
        found = f"{key}: found {wrong['input']}" if wrong["type"] != "value_error" else key
        message = message.removeprefix("Value error, ").removeprefix("Input should be ")
        raise SpecError(found, expected=message) from error


def _names_taken(spec: DatasetSpec) -> Iterator[Contradiction]:
    roles = {spec.id: "id", spec.split.column: "split.column"}
    for name in spec.features:
        if name in roles:
            found = f"found the column of `{roles[name]}`"
            hint = "a model would learn it by heart: take it out of the features"
            yield Contradiction(("features", name), found, "a feature", hint)
    asked = [("features", name) for name in spec.features]
    asked += [("group", spec.group)] if spec.group and spec.group != "source_file" else []
    for part, name in asked:
        if name in RESERVED:
            path = (part, name) if part == "features" else (part,)
            found = f"found {name!r}, a column that the loop writes"
            hint = f"rename the column in the source, to {name}_given for instance"
            yield Contradiction(path, found, "another name", hint)
    if spec.production is not None:
        for name in sorted(RESERVED_IN_PRODUCTION & set(spec.features)):
            found = f"found {name!r}, a column that production writes"
            hint = f"rename the column in the sources, to {name}_given for instance"
            yield Contradiction(("features", name), found, "another name", hint)


def _empty_promises(spec: DatasetSpec) -> Iterator[Contradiction]:
    for place, name in enumerate(spec.classes):
        if name in spec.classes[:place]:
            yield Contradiction(("classes", place), f"found {name!r} again", "each class once")
    if len(spec.classes) == 1:
        found = f"found the one class {spec.classes[0]!r}"
        yield Contradiction(("classes",), found, "two classes or more, or no such key")
    if spec.split.values and spec.split.column is None:
        found = "found words, but no split.column that holds them"
        yield Contradiction(("split", "values"), found, "split.column")


def _unknown_model(spec: DatasetSpec) -> Iterator[Contradiction]:
    name = spec.model.name
    if name in MODELS or re.fullmatch(r"\w+(\.\w+)*:\w+", name):
        return
    expected = "one of: " + ", ".join(MODELS) + "; or module:Class of a classifier"
    yield Contradiction(("model", "name"), f"found {name!r}", expected, near(name, MODELS))


def _unknown_methods(spec: DatasetSpec) -> Iterator[Contradiction]:
    kinds = {feature.kind for feature in spec.features.values()}
    fitting = [name for name, kind in AUGMENTERS.items() if kind in kinds]
    for place, name in enumerate(spec.augment.methods):
        if name in fitting:
            continue
        found = f"found {name!r}"
        if name in AUGMENTERS:
            found += f", which changes {AUGMENTERS[name]} features, and the spec has none"
        expected = "one of: " + ", ".join(fitting) if fitting else "no methods for such features"
        yield Contradiction(("augment", "methods", place), found, expected, near(name, fitting))


def _unknown_findings(spec: DatasetSpec) -> Iterator[Contradiction]:
    for kind, on_fail in spec.gates.quality.items():
        path = ("gates", "quality", kind)
        if kind not in QUALITY:
            expected = "one of: " + ", ".join(QUALITY)
            yield Contradiction(path, f"found {kind!r}", expected, near(kind, QUALITY))
        elif on_fail == "quarantine" and not QUALITY[kind]:
            found = "found 'quarantine', but such a finding is of columns, not of single rows"
            yield Contradiction(path, found, "stop")


def _unknown_expectation(
    extra: ExtraExpectation, path: tuple[Step, ...]
) -> Iterator[Contradiction]:
    if extra.expect in NEEDS_DATABASE:
        found = f"found {extra.expect!r}, which needs a database"
        expected = "an expectation of a table in memory"
        hint = "for patterns, take expect_column_values_to_match_regex"
        yield Contradiction((*path, "expect"), found, expected, hint)
        return
    takes = EXPECTATIONS.get(extra.expect)
    if takes is None:
        expected = "a name that Great Expectations knows, say expect_column_values_to_be_between"
        hint = near(extra.expect, EXPECTATIONS) or "https://greatexpectations.io/expectations"
        yield Contradiction((*path, "expect"), f"found {extra.expect!r}", expected, hint)
        return
    for name in extra.kwargs:
        if name not in takes.known and name not in COMMON:
            found = f"found {name!r}, which {extra.expect} does not take"
            expected = "one of: " + ", ".join(takes.known)
            yield Contradiction((*path, "kwargs", name), found, expected, near(name, takes.known))
    for name in takes.required:
        if name not in extra.kwargs:
            found = f"has no {name!r}, which {extra.expect} needs"
            yield Contradiction((*path, "kwargs"), found, f"a value for {name}")
