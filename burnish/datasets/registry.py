"""Which bundled data sets there are, and building one with options checked.

What belongs here: names and options. What does not: the making itself, one module a set. Inner
to `burnish.datasets`, as what it returns holds the truth.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from burnish.datasets.digits import make_digits
from burnish.datasets.digits_stream import make_digits_stream
from burnish.datasets.made import Made, Stream
from burnish.datasets.parcels import make_parcels
from burnish.errors import DataError

BUILDERS: Mapping[str, Callable[..., Made]] = {"digits": make_digits, "parcels": make_parcels}

STREAMS: Mapping[str, Callable[..., Stream]] = {"digits": make_digits_stream}


def build_stream(name: str, options: Mapping[str, Any]) -> Stream | None:
    """What a model of a bundled set meets later, with its truth; None where there is none.

    Raises `DataError` for an unknown option.
    """
    builder = STREAMS.get(name)
    return None if builder is None else builder(**_known(name, options, builder))


def build(name: str, options: Mapping[str, Any]) -> Made:
    """A bundled set with its truth. Raises `DataError` for an unknown name or option."""
    builder = BUILDERS.get(name)
    if builder is None:
        raise DataError(
            f"no bundled data set is called {name!r}", expected=f"one of: {', '.join(BUILDERS)}"
        )
    return builder(**_known(name, options, builder))


def _known(
    name: str, options: Mapping[str, Any], builder: Callable[..., object]
) -> Mapping[str, Any]:
    known = inspect.signature(builder).parameters
    unknown = [option for option in options if option not in known]
    if unknown:
        raise DataError(
            f"the bundled data set {name!r} has no option {unknown[0]!r}",
            expected=f"among: {', '.join(known)}",
        )
    return options
