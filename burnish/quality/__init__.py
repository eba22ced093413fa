"""Quality: what is wrong with the examples themselves, before any label is questioned.

What belongs here: exact duplicates. What does not: wrong labels (`burnish.labels`), or which rows
a gate turns away (the expectations of the project).
"""

from burnish.quality.duplicates import duplicate_groups

__all__ = ["duplicate_groups"]
