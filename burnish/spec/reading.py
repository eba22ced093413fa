"""Reading: a spec from its YAML, with errors that name the line to mend.

What belongs here: YAML into `DatasetSpec`, one or a folder of them. What does not: what a spec may
say (`burnish.spec.models`, `burnish.spec.checking`), the files that it names
(`burnish.spec.paths`), or the tables of the loop (`burnish.workflows.ingest`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic import ValidationError

from burnish.errors import SpecError
from burnish.spec.checking import contradictions
from burnish.spec.keys import Step, key_hint, keys_of, near
from burnish.spec.models import DatasetSpec

MAX_DEPTH = 30

TEXT_TAG, NULL_TAG, BOOL_TAG = (f"tag:yaml.org,2002:{kind}" for kind in ("str", "null", "bool"))
EXPECTED = {
    "string_type": "text",
    "bool_type": "true/false",
    "bool_parsing": "true/false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "tuple_type": "a list",
    "dict_type": "a mapping, `key: value`",
    "model_type": "a mapping, `key: value`",
    "too_short": "at least one entry",
    "string_pattern_mismatch": "at most 40 lower-case letters, digits and _, a letter first",
}


def load_spec(path: Path | str) -> DatasetSpec:
    r"""The spec in a YAML file; its `folder` is that of the file.

    Keys, classes, and the values of slices over categorical columns are taken as they are written:
    `classes: [yes, no, 01]` means these three texts, whatever YAML makes of them.

    Raises `SpecError` with every mistake at once, each by file, line and key: what was found, what
    was expected, and which known word is closest.

    >>> from tempfile import TemporaryDirectory
    >>> text = "name: toy\nsource: {path: toy.csv}\ntarget: kind\nfeatures: {x: numerical}\n"
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder) / "toy.yaml"
    ...     _ = file.write_text(text)
    ...     try:
    ...         load_spec(file)
    ...     except SpecError as error:
    ...         print(str(error).replace(folder, "catalog"))
    catalog/toy.yaml, line 4, features.x: found 'numerical'
      expected: one of: numeric, categorical, boolean, datetime, text, image, sensor, embedding
      hint: did you mean 'numeric'?
    """
    path = Path(path)
    root = _composed(path)
    mistakes: list[_Mistake] = []
    try:
        mistakes += [*_duplicate_keys(root), *_as_written(root)]
        spec = DatasetSpec.model_validate(_plain(root))
        mistakes += _contradictions(spec, root)
    except ValidationError as error:
        raise _refusal(path, [*mistakes, *_misfits(error, root)]) from error
    except yaml.MarkedYAMLError as error:
        raise _bad_yaml(path, error) from error
    if mistakes:
        raise _refusal(path, mistakes)
    return spec.model_copy(update={"folder": path.absolute().parent})


def load_catalog(folder: Path | str) -> dict[str, DatasetSpec]:
    """Every spec (`*.yaml`, `*.yml`) of a folder by its name, sorted; a file is called as its spec.

    Raises `SpecError` with the mistakes of all files, or where there is no such folder.
    """
    found, refused = load_usable(folder)
    if refused:
        raise SpecError("\n".join(str(error) for error in refused.values()))
    return found


def load_usable(folder: Path | str) -> tuple[dict[str, DatasetSpec], dict[str, SpecError]]:
    """The specs of a folder that can be used, by name, and the errors of the others, by file.

    One dataset's mistake is no reason to leave the others lying. Raises `SpecError` where there
    is no such folder.
    """
    found: dict[str, DatasetSpec] = {}
    refused: dict[str, SpecError] = {}
    for path in _spec_files(Path(folder)):
        try:
            spec = load_spec(path)
            if spec.name != path.stem or spec.name in found:
                raise _misnamed(path, spec.name)
            found[spec.name] = spec
        except SpecError as error:
            refused[path.name] = error
    return dict(sorted(found.items())), refused


def load_spec_named(folder: Path | str, name: str) -> DatasetSpec:
    """The spec called `name` of a folder, whatever is wrong with the other files in it.

    Raises `SpecError` with its mistakes, or where there is no `NAME.yaml` (or `NAME.yml`) or both.
    """
    folder = Path(folder)
    files = _spec_files(folder)
    found = [path for path in files if path.stem == name]
    if not found:
        names = [path.stem for path in files]
        raise SpecError(
            f"there is no dataset {name!r} in {folder}",
            expected=f"one of: {', '.join(names) or '(the catalog is empty)'}",
            hint=near(name, names) or "write a spec with `burnish init FILE --target COLUMN`",
        )
    spec = load_spec(found[0])
    if spec.name != name or len(found) > 1:
        raise _misnamed(found[-1], spec.name)
    return spec


def _spec_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise SpecError(
            f"{folder} is not a folder", expected="a folder of dataset specs, NAME.yaml each"
        )
    return sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")])


def _misnamed(path: Path, name: str) -> SpecError:
    found, expected, hint = f"found {name!r}", repr(path.stem), f"rename the file to {name}.yaml"
    if name == path.stem:
        found, expected = f"found {name!r}, which another file has too", "a name of its own"
        hint = "rename the dataset and its file"
    line = _find(_composed(path), ("name",)).line
    return _refusal(path, [_Mistake(line, "name", found, expected, hint)])


@dataclass(frozen=True)
class _Mistake:
    """One mistake in a spec: where it stands and what to do."""

    line: int
    key: str
    found: str
    expected: str = ""
    hint: str = ""


def _refusal(path: Path, mistakes: Sequence[_Mistake]) -> SpecError:
    merged: dict[tuple[int, str, str], _Mistake] = {}
    for new in sorted(mistakes, key=lambda mistake: mistake.line):
        # One value that fits no member of a union is one mistake, not one a member.
        place = (new.line, new.key, new.found)
        old = merged.get(place, new)
        expected = " or ".join(dict.fromkeys(text for text in (old.expected, new.expected) if text))
        merged[place] = _Mistake(*place, expected, old.hint or new.hint)
    errors = [
        SpecError(
            f"{path}, line {found.line}, {found.key or 'top level'}: {found.found}",
            expected=found.expected,
            hint=found.hint,
        )
        for found in merged.values()
    ]
    return errors[0] if len(errors) == 1 else SpecError("\n".join(map(str, errors)))


class _Loader(yaml.SafeLoader):
    """YAML 1.1 as PyYAML reads it, but `1e-3` is a number as in YAML 1.2."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


def _composed(path: Path) -> yaml.MappingNode:
    """The tree of YAML nodes, which know their lines; refused where it is not one mapping."""
    try:
        root = _Loader(path.read_bytes().decode("utf-8-sig")).get_single_node()
    except FileNotFoundError as error:
        raise SpecError(f"{path} does not exist", expected="the YAML of a dataset spec") from error
    except OSError as error:
        raise SpecError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SpecError(f"{path} is not UTF-8 text (byte {error.start})") from error
    except yaml.MarkedYAMLError as error:
        raise _bad_yaml(path, error) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise SpecError(f"{path} is not YAML: {error}") from error
    if not isinstance(root, yaml.MappingNode):
        found = "nothing" if root is None else _shown(root)
        raise SpecError(
            f"{path}, line {1 if root is None else _line(root)}, top level: found {found}",
            expected="a mapping that begins with `name: ...`",
        )
    return root


def _bad_yaml(path: Path, error: yaml.MarkedYAMLError) -> SpecError:
    mark = error.problem_mark or error.context_mark
    where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    context = f" ({error.context})" if error.context else ""
    hint = "look at the indentation, colons and quotes on this line and the one before"
    if isinstance(error, yaml.constructor.ConstructorError):
        hint = "write the value in quotes if it is text"
    return SpecError(f"{path}{where}: {error.problem}{context}", expected="plain YAML", hint=hint)


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1


def _walk(node: yaml.Node, above: tuple[Step, ...] = ()) -> Iterator[tuple[tuple[Step, ...], Any]]:
    """Every mapping and list under a node, with its path."""
    if len(above) > MAX_DEPTH:  # an alias inside its own anchor has no end
        raise yaml.MarkedYAMLError(problem="nested too deeply", problem_mark=node.start_mark)
    if isinstance(node, yaml.MappingNode):
        yield above, node
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                found = f"{_shown(key)} as a key"
                raise yaml.MarkedYAMLError(problem=found, problem_mark=key.start_mark)
            yield from _walk(value, (*above, key.value))
    elif isinstance(node, yaml.SequenceNode):
        yield above, node
        for place, item in enumerate(node.value):
            yield from _walk(item, (*above, place))


def _duplicate_keys(root: yaml.MappingNode) -> Iterator[_Mistake]:
    for path, node in _walk(root):
        first: dict[str, int] = {}
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            name = str(key.value)
            if name in first:
                found = f"found the key a second time (first on line {first[name]})"
                yield _Mistake(_line(key), _key((*path, name)), found, "each key once")
            else:
                first[name] = _line(key)


def _as_written(root: yaml.MappingNode) -> Iterator[_Mistake]:
    """Make text of the values that are matched against text, so that `no` and `01` stay so."""
    for place, item in enumerate(_items(_find(root, ("classes",)))):
        if item.tag == NULL_TAG:
            hint = f'write "{item.value}" in quotes if a class is called so' if item.value else ""
            found = f"found {_shown(item)}"
            yield _Mistake(_line(item), _key(("classes", place)), found, "a class", hint)
        elif isinstance(item, yaml.ScalarNode):
            item.tag = TEXT_TAG
    for column, item in _slice_values(root):
        kind = _kind_written(root, column)
        word = item.tag == BOOL_TAG and item.value.lower() not in {"true", "false"}
        text = kind in {"categorical", "text"} or (kind is None and word)
        if text and isinstance(item, yaml.ScalarNode) and item.tag != NULL_TAG:
            item.tag = TEXT_TAG


def _slice_values(root: yaml.MappingNode) -> Iterator[tuple[str, yaml.Node]]:
    """Column and value of everything that a slice compares a column with."""
    for cut in _items(_find(root, ("slices",))):
        column = _find(cut, ("column",))
        if column.steps:
            yield from ((str(column.node.value), item) for item in _items(_find(cut, ("values",))))
        where = _find(cut, ("where",))
        if where.steps and isinstance(where.node, yaml.MappingNode):
            for key, value in where.node.value:
                items = value.value if isinstance(value, yaml.SequenceNode) else [value]
                yield from ((str(key.value), item) for item in items)


def _kind_written(root: yaml.MappingNode, column: str) -> str | None:
    place = _find(root, ("features", column, "kind"))
    scalar = len(place.steps) >= 2 and isinstance(place.node, yaml.ScalarNode)
    return str(place.node.value) if scalar else None


def _plain(node: yaml.Node) -> Any:
    """Plain values of a tree of nodes; every key is the text that is written."""
    if isinstance(node, yaml.MappingNode):
        return {str(key.value): _plain(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item) for item in node.value]
    try:
        return yaml.constructor.SafeConstructor().construct_object(node)
    except ValueError as error:  # 2026-13-45 looks like a date to YAML
        raise yaml.constructor.ConstructorError(None, None, str(error), node.start_mark) from error


@dataclass(frozen=True)
class _Place:
    """How far a path could be followed: the steps that exist, the line, and the node there."""

    steps: tuple[Step, ...]
    line: int
    node: yaml.Node


def _find(root: yaml.Node, path: Sequence[Step]) -> _Place:
    node, line, steps = root, _line(root), 0
    for step in path:
        if isinstance(node, yaml.MappingNode):
            under = [(_line(key), value) for key, value in node.value if key.value == str(step)]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            under = [(_line(item), item) for item in node.value[step : step + 1]]
        else:
            under = []
        if not under:
            break
        line, node = under[-1]
        steps += 1
    return _Place(tuple(path[:steps]), line, node)


def _items(place: _Place) -> list[yaml.Node]:
    found = place.steps and isinstance(place.node, yaml.SequenceNode)
    return place.node.value if found else []


def _key(path: Sequence[Step]) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def _shown(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "a mapping"
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    if node.tag == NULL_TAG:
        return f"{node.value} (YAML for nothing)" if node.value else "nothing"
    return repr(node.value) if node.tag == TEXT_TAG else str(node.value)


def _misfits(error: ValidationError, root: yaml.MappingNode) -> list[_Mistake]:
    """What pydantic found, in the words and lines of the YAML."""
    unknown: dict[tuple[Step, ...], _Mistake] = {}
    missing: dict[tuple[Step, ...], _Mistake] = {}
    others: list[_Mistake] = []
    for detail in error.errors():
        path = detail["loc"] or _place_of(str(detail["msg"]))
        place = _find(root, path)
        if detail["type"] == "extra_forbidden":
            unknown[path] = _unknown_key(path, place.line)
        elif detail["type"] == "missing" and len(place.steps) == len(path) - 1:
            missing[path] = _Mistake(place.line, _key(path), "is missing", "a value for this key")
        else:
            others.append(_misfit(cast("dict[str, Any]", detail), place))
    # A mistyped key is one mistake: the key that it stands for is not missed as well.
    meant = {(path[:-1], mistake.hint) for path, mistake in unknown.items()}
    missed = [
        mistake
        for path, mistake in missing.items()
        if (path[:-1], f"did you mean {path[-1]!r}?") not in meant
    ]
    return [*unknown.values(), *missed, *others]


def _place_of(message: str) -> tuple[Step, ...]:
    """Where a mistake lies that pydantic puts on the spec as a whole."""
    target = re.search(r"the target '(.*)' is also listed as a feature", message)
    if target:
        return ("features", target[1])
    return ("slices",) if "two slices" in message else ()


def _unknown_key(path: tuple[Step, ...], line: int) -> _Mistake:
    found = f"found the unknown key {str(path[-1])!r}"
    expected = "one of: " + ", ".join(keys_of(path[:-1]))
    return _Mistake(line, _key(path), found, expected, key_hint(path))


def _misfit(detail: dict[str, Any], place: _Place) -> _Mistake:
    key, found, node = _key(place.steps), f"found {_shown(place.node)}", place.node
    found = "found no entry" if detail["type"] == "too_short" else found
    message = str(detail["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
    if detail["type"] == "value_error":
        scalar = isinstance(node, yaml.ScalarNode)
        return _Mistake(place.line, key, f"{found}: {message}" if scalar else message)
    if detail["type"] == "literal_error":
        words = re.findall(r"'([^']*)'", str(detail["ctx"]["expected"]))
        wrong = str(detail["input"])
        if "[key]" in detail["loc"]:
            found = f"found the key {wrong!r}"
        return _Mistake(place.line, key, found, "one of: " + ", ".join(words), near(wrong, words))
    hint = ""
    if detail["type"] == "model_type" and place.steps[:1] == ("features",):
        hint = f"give its kind, say `{place.steps[-1]}: numeric`"
    elif node.tag == NULL_TAG:
        hint = "give the key a value, or leave it out"
    elif detail["type"] == "string_type" and isinstance(node, yaml.ScalarNode):
        hint = f'write "{node.value}" in quotes'
    return _Mistake(place.line, key, found, EXPECTED.get(detail["type"], message), hint)


def _contradictions(spec: DatasetSpec, root: yaml.MappingNode) -> Iterator[_Mistake]:
    for wrong in contradictions(spec):
        place = _find(root, wrong.path)
        # `model: logit` has no key `model.name` to point at.
        short = isinstance(place.node, yaml.ScalarNode) and place.steps
        key = _key(place.steps if short else wrong.path)
        yield _Mistake(place.line, key, wrong.found, wrong.expected, wrong.hint)
    if "folder" in spec.model_fields_set:
        yield _unknown_key(("folder",), _find(root, ("folder",)).line)
