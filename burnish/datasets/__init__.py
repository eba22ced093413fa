"""Bundled data sets, and generators that plant a truth for tests.

What belongs here: tables made from what ships with our dependencies, never from the network. What
does not: reading a user's files (`burnish.workflows.ingest`).

Truth is kept apart. `load_bundled` returns what a team would have: given labels and annotators'
answers. The labels behind them come from `burnish.datasets.truth` alone, which only the simulated
reviewer and the scorer (`burnish.workflows.simulate`) open; a test of the architecture holds that.
"""

from burnish.datasets.bundled import Bundled, load_bundled
from burnish.datasets.planted import Planted, make_classification_table
from burnish.datasets.planted_drift import DriftWindow, PlantedDrift, plant_drift

__all__ = [
    "Bundled",
    "DriftWindow",
    "Planted",
    "PlantedDrift",
    "load_bundled",
    "make_classification_table",
    "plant_drift",
]
