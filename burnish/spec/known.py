"""Names a spec may use whose meaning stands in rooms above: models, augmenters, findings.

What belongs here: the names alone, so that a spec is checked before anything heavy is imported;
tests hold them against the registries. What does not: what stands behind a name
(`burnish.modeling.estimators`, `burnish.augmentation`, `burnish.quality`), or the names of
expectations (`burnish.spec.expectations`).
"""

from __future__ import annotations

from collections.abc import Mapping

from burnish.spec.models import FeatureKind

MODELS: tuple[str, ...] = ("logistic", "boosting", "neighbours", "forest", "mlp")
"""The bundled models; any other is named `module:Class`."""

AUGMENTERS: Mapping[str, FeatureKind] = {
    "image_contrast": "image",
    "image_noise": "image",
    "image_rotate": "image",
    "image_shift": "image",
    "sensor_jitter": "sensor",
    "sensor_scale": "sensor",
    "sensor_shift": "sensor",
    "tabular_interpolate": "numeric",
    "text_case": "text",
    "text_drop_word": "text",
    "text_typo": "text",
}
"""The built-in augmenters, each with the kind of feature that it changes."""

QUALITY: Mapping[str, bool] = {
    "missing": True,
    "disguised_missing": True,
    "missing_with_label": False,
    "constant": False,
    "identifier": False,
    "mixed_types": True,
    "spelling": True,
    "outlying_number": True,
    "unit": True,
    "odd_row": True,
    "odd_in_class": True,
    "imbalance": False,
    "rare_class": True,
    "unseen_class": True,
    "conflicting_labels": True,
    "exact_duplicates": True,
    "near_duplicates": True,
    "crossing_duplicates": True,
    "crossing_groups": True,
    "target_leak": False,
    "identifier_leak": False,
    "sorted_by_label": False,
    "time_back": True,
}
"""Kinds of finding that `gates.quality` may name, each with whether rows can be turned away for it.

Kinds that are notes alone, and those that another gate sees to, are not among them.
"""

RESERVED = frozenset(
    {
        *("example_id", "label", "split", "fold_group", "source_file"),
        *("given_label", "decision", "event_id", "origin_id", "method", "adopted_period"),
    }
)
"""Columns that the loop writes itself: no feature and no group can have one of these names."""

RESERVED_IN_PRODUCTION = frozenset(
    {"met_at", "period", "unread_columns", "predicted", "confidence", "champion"}
)
"""Columns that production writes beside features: with `production`, no feature can have these."""
