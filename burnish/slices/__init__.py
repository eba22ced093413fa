"""Slices: named parts of the data, and metrics on each of them.

What belongs here: turning a spec's slices into masks over rows, ids that never change meaning,
metrics by slice, and names for them that a tracking server takes. What does not: the metrics
themselves (`burnish.metrics`), nor joining predictions to examples (`burnish.workflows.evaluate`).
"""

from burnish.slices.clusters import Clustered, ClusterSlice, Description, cluster_slices
from burnish.slices.discovery import Discovered, DiscoveredSlice, discover_slices
from burnish.slices.measuring import SLICE_METRICS, slice_metrics
from burnish.slices.naming import OVERALL, metric_name, slice_id
from burnish.slices.resolving import SliceMask, everything, resolve_slices
from burnish.slices.scoring import Scored, ScoredSlice, discover_and_score
from burnish.slices.significance import Raised

__all__ = [
    "OVERALL",
    "SLICE_METRICS",
    "ClusterSlice",
    "Clustered",
    "Description",
    "Discovered",
    "DiscoveredSlice",
    "Raised",
    "Scored",
    "ScoredSlice",
    "SliceMask",
    "cluster_slices",
    "discover_and_score",
    "discover_slices",
    "everything",
    "metric_name",
    "resolve_slices",
    "slice_id",
    "slice_metrics",
]
