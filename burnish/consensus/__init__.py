"""Consensus: what several annotators say together, and what each of them is worth.

What belongs here: one label an example from a table of answers, reliability of annotators, and
agreement. What does not: labels against a model alone (`burnish.labels`), or which rows people are
asked about (`burnish.acquisition`).
"""

from burnish.consensus.agreement import Agreement
from burnish.consensus.choosing import Choice, Score
from burnish.consensus.consensus import Consensus, fit_consensus

__all__ = ["Agreement", "Choice", "Consensus", "Score", "fit_consensus"]
