"""The door for augmenters: what one must be, which are built in, and which a spec asks for.

What belongs here: the protocol and choosing by name. What does not: the augmenters themselves
(`burnish.augmentation.images`, `.tabular`, `.texts`, `.sensors`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Protocol, runtime_checkable

import numpy as np
import pyarrow as pa

from burnish.errors import SpecError
from burnish.spec import Feature, FeatureKind


@runtime_checkable
class Augmenter(Protocol):
    """Makes one variant of each row it is given. One of your own enters by having this shape.

    `name` (letters, digits, `_`) is how a spec asks for it and part of the new rows' ids; `kind`
    is the kind of feature it changes.

    `apply` takes rows and gives a table of the same length, columns and types, in which only
    feature columns of `kind` differ; a missing cell stays missing. `partners` has for each row
    another real row near it, of the same class and slices, or the row itself where there is none.
    All chance comes from `rng`.
    """

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> FeatureKind: ...

    def apply(
        self,
        rows: pa.Table,
        rng: np.random.Generator,
        *,
        features: Mapping[str, Feature],
        partners: pa.Table,
    ) -> pa.Table: ...


def builtin_augmenters() -> dict[str, Augmenter]:
    """The augmenters of this package by name; add your own to the dictionary and pass it on.

    >>> sorted(builtin_augmenters())  # doctest: +NORMALIZE_WHITESPACE
    ['image_contrast', 'image_noise', 'image_rotate', 'image_shift', 'sensor_jitter',
     'sensor_scale', 'sensor_shift', 'tabular_interpolate', 'text_case', 'text_drop_word',
     'text_typo']
    """
    from burnish.augmentation.images import ImageContrast, ImageNoise, ImageRotate, ImageShift
    from burnish.augmentation.sensors import SensorJitter, SensorScale, SensorShift
    from burnish.augmentation.tabular import TabularInterpolate
    from burnish.augmentation.texts import TextCase, TextDropWord, TextTypo

    augmenters: tuple[Augmenter, ...] = (
        ImageShift(),
        ImageRotate(),
        ImageContrast(),
        ImageNoise(),
        TabularInterpolate(),
        TextCase(),
        TextTypo(),
        TextDropWord(),
        SensorJitter(),
        SensorScale(),
        SensorShift(),
    )
    return {augmenter.name: augmenter for augmenter in augmenters}


def choose_augmenters(
    augmenters: Mapping[str, Augmenter],
    methods: Sequence[str],
    features: Mapping[str, Feature],
) -> list[Augmenter]:
    """The augmenters named in `methods`; where it is empty, all whose kind the features have.

    Raises `SpecError` where a method is unknown, or changes a kind that no feature is of.

    >>> chosen = choose_augmenters(builtin_augmenters(), (), {"age": Feature(kind="numeric")})
    >>> [augmenter.name for augmenter in chosen]
    ['tabular_interpolate']
    """
    kinds = {feature.kind for feature in features.values()}
    if not methods:
        return [one for one in augmenters.values() if one.kind in kinds]
    for method in methods:
        if method not in augmenters:
            near = get_close_matches(method, list(augmenters), n=1)
            raise SpecError(
                f"augmentation method {method!r} is unknown",
                expected="one of: " + ", ".join(sorted(augmenters)),
                hint=f"did you mean {near[0]!r}?" if near else "",
            )
        if augmenters[method].kind not in kinds:
            raise SpecError(
                f"augmentation method {method!r} changes {augmenters[method].kind} features, "
                "and the spec has none",
                expected="a method for: " + ", ".join(sorted(kinds)),
            )
    return [augmenters[method] for method in dict.fromkeys(methods)]
