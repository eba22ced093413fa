"""Augmentation: plausible variants of training rows, and the checks that refuse the others.

What belongs here: augmenters by modality behind one door, and realism checks on arrays. What does
not: which rows are varied and with which model they are judged (`burnish.workflows.augment`).
"""

from burnish.augmentation.picking import error_rates, near_partners, pick_origins
from burnish.augmentation.protocol import Augmenter, builtin_augmenters, choose_augmenters
from burnish.augmentation.realism import (
    REFUSALS,
    Refusal,
    nearest_distances,
    neighbour_distance_limit,
    refuse_changed_class,
    refuse_doubtful,
    refuse_duplicates,
    refuse_unlike,
)

__all__ = [
    "REFUSALS",
    "Augmenter",
    "Refusal",
    "builtin_augmenters",
    "choose_augmenters",
    "error_rates",
    "near_partners",
    "nearest_distances",
    "neighbour_distance_limit",
    "pick_origins",
    "refuse_changed_class",
    "refuse_doubtful",
    "refuse_duplicates",
    "refuse_unlike",
]
