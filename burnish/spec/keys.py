"""Keys and words that are mistyped: which ones are known, and which of them was meant.

What belongs here: hints by likeness. What does not: finding the mistakes
(`burnish.spec.reading`, `burnish.spec.checking`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any, TypeAlias, get_args, get_origin

from pydantic import BaseModel

from burnish.spec.models import DatasetSpec

Step: TypeAlias = str | int

# Below this likeness two words share letters by chance: bugdet and augment come to 0.62.
_ALIKE = 0.65


def near(word: Step, known: Iterable[str]) -> str:
    """A hint that names the closest known word, whatever its case; empty where none is close.

    >>> near("Hight", ["height", "weight"]), near("size", ["height"])
    ("did you mean 'height'?", '')
    """
    found = _closest(word, known)
    return f"did you mean {found!r}?" if found else ""


def one_of(names: Sequence[str], *, most: int = 20) -> str:
    """The names that were possible, the first `most` of them where they are many.

    >>> one_of(["a", "b"]), one_of(list("abc"), most=2)
    ('one of: a, b', 'one of: a, b and 1 more')
    """
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return "one of: " + ", ".join(names[:most]) + more


def _closest(word: Step, known: Iterable[str]) -> str:
    lowered = {name.lower(): name for name in known}
    found = get_close_matches(str(word).lower(), list(lowered), n=1, cutoff=_ALIKE)
    return lowered[found[0]] if found else ""


def keys_of(path: Sequence[Step]) -> list[str]:
    """The keys that a spec can have at a path that leads to one of its parts.

    >>> keys_of(["model"])
    ['name', 'params', 'trust']
    """
    return [name for name in _part_at(path).model_fields if name != "folder"]


def key_hint(path: Sequence[Step]) -> str:
    """What was probably meant by the unknown key at the end of `path`; empty where nothing is near.

    A key that stands one level down is named with the key that it belongs under.

    >>> key_hint(["sourse"]), key_hint(["budgett"]), key_hint(["cron"])
    ("did you mean 'source'?", "'budget' belongs under `review`", "'cron' belongs under `schedule`")
    """
    *above, word = path
    here, below = keys_of(above), _keys_below(above)
    meant = _closest(word, [*here, *below])
    if meant in here:
        return near(word, here)
    parts = " or ".join(f"`{name}`" for name in below.get(meant, ()))
    return f"{meant!r} belongs under {parts}" if parts else ""


def _keys_below(path: Sequence[Step]) -> dict[str, list[str]]:
    """Each key of the parts right below a part, with the keys that lead to those parts."""
    below: dict[str, list[str]] = {}
    for name, field in _part_at(path).model_fields.items():
        part = _without_none(field.annotation)
        if _is_part(part):
            for key in part.model_fields:
                below.setdefault(key, []).append(name)
    return below


def _part_at(path: Sequence[Step]) -> type[BaseModel]:
    part: Any = DatasetSpec
    for step in path:
        if _is_part(part):
            part = part.model_fields[str(step)].annotation
        else:
            part = get_args(part)[1 if get_origin(part) is dict else 0]
        part = _without_none(part)
    return part


def _without_none(part: Any) -> Any:
    if type(None) in get_args(part):
        return next(kind for kind in get_args(part) if kind is not type(None))
    return part


def _is_part(part: Any) -> bool:
    return isinstance(part, type) and issubclass(part, BaseModel)
