"""Facts under a seal: JSON whose every change shows.

What belongs here: sealing and unsealing. What does not: what the facts are
(`burnish.store.commits`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from burnish.errors import CorruptTable


def sealed(facts: Mapping[str, object]) -> str:
    """JSON of some facts and, under `seal`, the sha256 of all the others.

    >>> unsealed(sealed({"rows": 3}), what="a commit")
    {'rows': 3}
    """
    seal = hashlib.sha256(_canonical(facts)).hexdigest()
    return json.dumps({**facts, "seal": seal})


def unsealed(text: str | bytes, *, what: str) -> dict[str, Any]:
    """The facts under an unbroken seal; raises `CorruptTable`, naming `what`, otherwise."""
    try:
        facts: dict[str, Any] = json.loads(text)
        seal = facts.pop("seal")
        whole = seal == hashlib.sha256(_canonical(facts)).hexdigest()
    except (ValueError, KeyError, AttributeError, TypeError):
        whole, facts = False, {}
    if not whole:
        raise CorruptTable(
            f"{what} is not what was written ({len(text)} bytes)",
            expected="JSON under an unbroken seal",
            hint="restore the file from a backup",
        )
    return facts


def _canonical(facts: Mapping[str, object]) -> bytes:
    return json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()
