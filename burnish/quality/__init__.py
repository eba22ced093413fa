"""Quality: what is wrong with the examples themselves, before any label is questioned.

What belongs here: exact and near duplicates, labels that differ between copies, outliers, and the
checks of a table (`check_table`), which all enter by one door (`QualityCheck`). What does not:
wrong labels (`burnish.labels`), or which rows a gate turns away (the expectations of the project).
"""

from burnish.quality.checked import Check, Checked, QualityCheck
from burnish.quality.checking import CHECKS, check_table
from burnish.quality.column import Column
from burnish.quality.conflicts import LabelConflicts, label_conflicts
from burnish.quality.duplicates import duplicate_groups
from burnish.quality.findings import QualityFinding, QualityReport
from burnish.quality.leaks import identifier_leak
from burnish.quality.near import near_duplicate_groups
from burnish.quality.near_rows import near_duplicate_rows
from burnish.quality.outliers import Outliers, outliers
from burnish.quality.pictures import near_duplicate_images

__all__ = [
    "CHECKS",
    "Check",
    "Checked",
    "Column",
    "LabelConflicts",
    "Outliers",
    "QualityCheck",
    "QualityFinding",
    "QualityReport",
    "check_table",
    "duplicate_groups",
    "identifier_leak",
    "label_conflicts",
    "near_duplicate_groups",
    "near_duplicate_images",
    "near_duplicate_rows",
    "outliers",
]
