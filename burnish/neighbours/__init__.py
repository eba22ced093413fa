"""Neighbours: the rows nearest to each row of a matrix, exactly, on the cores that are there.

What belongs here: searching one matrix for the nearest rows of each of its own rows, or of one of
them. What does not: what is read from neighbours (`burnish.labels` for doubtful labels,
`burnish.quality` for near duplicates and outliers), nor the features themselves
(`burnish.modeling`). The room lies beside `burnish.metrics`, below every method, since several
siblings need it.
"""

from burnish.neighbours.around import nearest_to
from burnish.neighbours.nearest import Neighbours, checked_features, nearest

__all__ = ["Neighbours", "checked_features", "nearest", "nearest_to"]
