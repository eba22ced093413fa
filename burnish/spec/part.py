"""What the models of a spec share: their base, seeds and shares, and where rows come from.

What belongs here: what several of them use. What does not: what they say (`burnish.spec.models`,
`burnish.spec.production`).
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Scalar: TypeAlias = str | bool | int | float
Share = Annotated[float, Field(ge=0.0, lt=1.0)]


def _is_variable(value: str) -> str:
    # The address is a secret, which no spec keeps; taken for a name it would never be told to.
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
        raise ValueError("the name of a variable that holds the address, as LABELING_HOOK")
    return value


Variable = Annotated[str, AfterValidator(_is_variable)]
"""The name of an environment variable that holds a secret."""


class Part(BaseModel):
    """Base of every part: unknown keys are mistakes, and nothing changes after parsing."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class Source(Part):
    """Where rows come from: exactly one of `path` (files, one or a list) and `bundled`.

    Paths are taken from the folder of the spec. The format is read off the ending (.csv, .tsv,
    .parquet, .arrow, .feather, .ipc, .jsonl, .ndjson, text also with .gz; a folder with
    `_delta_log` is Delta) unless `format` says it.
    """

    path: str | None = None
    paths: tuple[str, ...] = ()
    bundled: str | None = None
    format: Literal["csv", "parquet", "arrow", "jsonl", "delta"] | None = None
    options: dict[str, Scalar] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_source(self) -> Source:
        given = [bool(self.path), bool(self.paths), bool(self.bundled)]
        if sum(given) != 1:
            raise ValueError("give exactly one of path, paths, bundled")
        return self

    @property
    def files(self) -> tuple[str, ...]:
        return (self.path,) if self.path else self.paths
