"""Quality: what is wrong with the examples themselves, before any label is questioned.

What belongs here: exact and near duplicates, labels that differ between copies, and outliers.
What does not: wrong labels (`burnish.labels`), or which rows a gate turns away (the expectations
of the project).
"""

from burnish.quality.conflicts import LabelConflicts, label_conflicts
from burnish.quality.duplicates import duplicate_groups
from burnish.quality.near import near_duplicate_groups
from burnish.quality.outliers import Outliers, outliers

__all__ = [
    "LabelConflicts",
    "Outliers",
    "duplicate_groups",
    "label_conflicts",
    "near_duplicate_groups",
    "outliers",
]
