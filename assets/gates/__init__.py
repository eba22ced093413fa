"""What each gate checks: one YAML a stage, and the loader that fits it to a dataset's spec.

What belongs here: the suites as data, and putting a spec's limits, columns and classes into them.
What does not: running a suite (`resources.expectations`), or what a verdict does (`assets.checks`,
`burnish.versions`).

An entry of a suite has the keys `code`, `expect` (a name of Great Expectations), `on_fail`
(`stop` or `quarantine`), `kwargs` and `why`. A value `$name` in `kwargs` stands for a parameter of
`suite_for`. `when` keeps an entry only where that parameter is given, `unless` only where it is
not. `for_each` repeats an entry and ends each copy's code in the name it was made for: `features`,
`features.KIND` and `columns` set `$column`; `classes` sets `$class` and `$column`, the column of
its probabilities; `scales`, of a production batch, sets `$column`, `$low`, `$high`.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

import yaml

from burnish.errors import SpecError
from burnish.records import Expectation, Suite
from burnish.spec.models import SPLITS, DatasetSpec, Split
from burnish.versions import Versions
from burnish.workflows.production_gate import BatchFacts, Scale, batch_facts
from burnish.workflows.production_stages import BATCH
from burnish.workflows.quality_gate import GATE as QUALITY_GATE
from burnish.workflows.quality_gate import quality_expectations

GATED_STAGES: tuple[str, ...] = (
    "raw_examples",
    "validated_examples",
    "relabel_queue",
    "curated_examples",
    "augmented_examples",
    "trained_model",
    "slice_report",
)

PRODUCTION_GATE = BATCH
"""The gate of each period of production, which is of no cycle."""

_FOLDER = Path(__file__).parent
_PARAMETER = re.compile(r"\$([a-z_]+)")


def suite_for(
    stage: str,
    spec: DatasetSpec,
    *,
    classes: Sequence[str],
    budget: int | None = None,
    batch: BatchFacts | None = None,
) -> Suite:
    """The suite of `stage`, fitted to a spec: the built-in expectations, then the spec's own.

    Those of `gates.quality` are of the validated rows alone.

    `classes` is the class set, empty where no version has been published yet; `budget` how many
    rows a queue may hold (None: as the spec says), `batch` what is known of a period of production,
    which its gate needs. Codes are stable:
    they depend on the stage, the names of columns and classes, and the order of the spec's own
    expectations. Raises `SpecError` where the stage has no gate.
    """
    if stage not in GATED_STAGES and not (stage == PRODUCTION_GATE and batch is not None):
        raise SpecError(f"no gate at {stage!r}", expected=f"one of {', '.join(GATED_STAGES)}")
    entries = yaml.safe_load((_FOLDER / f"{stage}.yaml").read_text(encoding="utf-8"))
    parameters = _parameters(spec, classes, budget) | _of_batch(spec, batch)
    built: list[Expectation] = []
    for entry in entries:
        if _applies(entry, parameters):
            built += _expand(entry, parameters, spec)
    most = spec.production.max_share if batch and spec.production else spec.gates.max_share
    found = quality_expectations(spec) if stage == QUALITY_GATE else ()
    return Suite(stage, (*built, *found, *_extras(stage, spec)), max_share=most)


def production_suite(spec: DatasetSpec, versions: Versions, period: str) -> Suite:
    """The suite of a period of production, fitted to its candidate and to what is usual.

    Raises `GateError` where the period has no candidate.
    """
    facts = batch_facts(spec, versions, period)
    return suite_for(PRODUCTION_GATE, spec, classes=(), batch=facts)


def _parameters(spec: DatasetSpec, classes: Sequence[str], budget: int | None) -> dict[str, Any]:
    gates = spec.gates
    return {
        "budget": spec.review.rows() if budget is None else budget,
        "classes": list(classes),
        "max_missing": f"{gates.max_missing:.0%}",
        "min_accuracy": gates.min_accuracy,
        "min_rows": gates.min_rows,
        # Rounded, so that 1 - 0.7 asks for 0.3 and not for a little more.
        "present": round(1.0 - gates.max_missing, 12),
        "required_splits": required_splits(spec.split),
        "splits": list(SPLITS),
    }


def _of_batch(spec: DatasetSpec, batch: BatchFacts | None) -> dict[str, Any]:
    if batch is None or spec.production is None:
        return {}
    return {
        "begins": batch.begins,
        "ends": batch.ends,
        "instead_of": batch.instead,
        "period": batch.period,
        "production_rows": spec.production.min_rows,
        "scales": batch.scales,
    }


def required_splits(split: Split) -> list[str]:
    """The splits that must not be empty: those the spec gives files, words or a share.

    >>> required_splits(Split())
    ['train', 'validation', 'test']
    >>> required_splits(Split(files={"train": ("a.csv",), "validation": ("b.csv",)}))
    ['train', 'validation']
    """
    required = ["train"]
    if split.validation > 0 or "validation" in split.files:
        required.append("validation")
    drawn = not split.column and not split.files and split.test > 0
    if drawn or "test" in split.files or "test" in split.values.values():
        required.append("test")
    return required


def _applies(entry: Mapping[str, Any], parameters: Mapping[str, Any]) -> bool:
    if "when" in entry and not parameters[entry["when"]]:
        return False
    return not ("unless" in entry and parameters[entry["unless"]])


def _expand(
    entry: Mapping[str, Any], parameters: Mapping[str, Any], spec: DatasetSpec
) -> list[Expectation]:
    if "for_each" not in entry:
        return [_expectation(entry, parameters, entry["code"])]
    copies: list[Expectation] = []
    taken: set[str] = set()
    for name, more in _members(entry["for_each"], parameters, spec):
        code = _unused(f"{entry['code']}-{_slug(name)}", taken)
        copies.append(_expectation(entry, {**parameters, **more}, code))
    return copies


def _members(
    kind: str, parameters: Mapping[str, Any], spec: DatasetSpec
) -> list[tuple[str, dict[str, Any]]]:
    if kind == "classes":
        return [(name, {"class": name, "column": f"p:{name}"}) for name in parameters["classes"]]
    if kind == "scales":
        return [(name, _scale(name, scale)) for name, scale in parameters["scales"].items()]
    if kind == "columns":
        return [(name, {"column": name}) for name in _further_columns(spec)]
    names = spec.features
    if "." in kind:
        wanted = kind.split(".", 1)[1]
        names = [name for name, feature in spec.features.items() if feature.kind == wanted]
    instead = parameters.get("instead_of", {})
    return [(name, {"column": name, "instead": instead.get(name, "")}) for name in names]


def _scale(name: str, scale: Scale) -> dict[str, Any]:
    return {"column": name, "low": scale[0], "high": scale[1]}


def _further_columns(spec: DatasetSpec) -> list[str]:
    """Columns that the spec speaks of and that are neither features nor made by the loop."""
    named = [spec.group, spec.split.column, *(cut.column for cut in spec.slices)]
    named += [name for cut in spec.slices for name in cut.where]
    made = {"example_id", "label", "split", "fold_group", "source_file", spec.id, spec.target}
    return [name for name in dict.fromkeys(named) if name and name not in {*made, *spec.features}]


def _expectation(entry: Mapping[str, Any], parameters: Mapping[str, Any], code: str) -> Expectation:
    return Expectation(
        kind=entry["expect"],
        code=code,
        on_fail=entry["on_fail"],
        kwargs=_filled(entry.get("kwargs", {}), parameters),
        why=Template(entry["why"]).substitute(parameters),
    )


def _filled(value: Any, parameters: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        return {name: _filled(item, parameters) for name, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, parameters) for item in value]
    name = _PARAMETER.fullmatch(value) if isinstance(value, str) else None
    return parameters[name.group(1)] if name else value


def _extras(stage: str, spec: DatasetSpec) -> list[Expectation]:
    prefix = stage.split("_", 1)[0].upper()
    own = [extra for extra in spec.gates.expectations if extra.gate == stage]
    built: list[Expectation] = []
    for number, extra in enumerate(own, start=1):
        expectation = Expectation(extra.expect, "", extra.on_fail, extra.kwargs, extra.why)
        parts = (prefix, "EXTRA", f"{number:02d}", _slug(expectation.column))
        code = "-".join(part for part in parts if part)
        built.append(Expectation(extra.expect, code, extra.on_fail, extra.kwargs, extra.why))
    return built


def _slug(name: str) -> str:
    return re.sub(r"\W+|_", "-", name.upper()).strip("-")


def _unused(code: str, taken: set[str]) -> str:
    # "a b" and "a-b" are two columns; their codes must differ too.
    unused = next(
        tried
        for tried in (code, *(f"{code}-{n}" for n in range(2, len(taken) + 3)))
        if tried not in taken
    )
    taken.add(unused)
    return unused
