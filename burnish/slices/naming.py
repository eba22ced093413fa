"""Names of slices: an id that means one predicate for ever, and metric names with it.

What belongs here: text made from predicates. What does not: the predicates
(`burnish.slices.predicates`).
"""

from __future__ import annotations

import hashlib
import re

from burnish.errors import DataError

OVERALL = "overall"
"""Name and id of the slice of all rows."""

_LONGEST = 250


def slice_id(predicate: str) -> str:
    """First 8 hex digits of the SHA-256 of a canonical predicate.

    It comes from the meaning alone, never from data: the same predicate has the same id in every
    iteration and in every dataset.

    >>> slice_id('"source" in ["scanA"]')
    '8cc046f2'
    """
    return hashlib.sha256(predicate.encode()).hexdigest()[:8]


def metric_name(metric: str, slice: str, slice_id: str) -> str:  # noqa: A002
    """The name under which a tracking server keeps one metric of one slice.

    `metric/slice.id`: what stands before the slash becomes one chart with a line a slice, so the
    slice's part holds no slash of its own. Characters that MLflow refuses become `_`, and a long
    slice name is cut so that the whole has at most 250 characters; the id keeps names apart.
    Raises `DataError` where `metric` is no plain word or `slice_id` no id.

    >>> metric_name("accuracy", "source:scanA", "1f3a9c02")
    'accuracy/source:scanA.1f3a9c02'
    >>> metric_name("accuracy", "a/b = 1|2", "1f3a9c02")
    'accuracy/a_b _ 1_2.1f3a9c02'
    >>> metric_name("accuracy", "overall", "overall")
    'accuracy/overall'
    """
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,99}", metric):
        raise DataError(f"metric {metric!r}", expected="a word of letters, digits and _")
    if slice_id == OVERALL:
        return f"{metric}/{OVERALL}"
    if not re.fullmatch(r"[0-9a-f]{8}", slice_id):
        raise DataError(
            f"slice id {slice_id!r}",
            expected="8 hex digits, or 'overall'",
            hint="take it from burnish.slices.resolve_slices",
        )
    room = _LONGEST - len(metric) - len("/.") - len(slice_id)
    legal = re.sub(r"[^\w.\- :]", "_", slice)
    return f"{metric}/{legal[:room]}.{slice_id}"
