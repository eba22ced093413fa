"""Curate: validated rows with every verdict given so far.

What belongs here: the names by which the workflows call the join of rows and decisions. What does
not: the join itself (`burnish.versions.joining`), which decision stands (the fold of
`burnish.ledger`), or numbering what comes out (`burnish.versions`).
"""

from burnish.versions.joining import ROLES, curate, trainable

__all__ = ["ROLES", "curate", "trainable"]
