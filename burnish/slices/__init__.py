"""Slices: named parts of the data, and metrics on each of them.

What belongs here: turning a spec's slices into masks over rows, ids that never change meaning,
metrics by slice, and names for them that a tracking server takes. What does not: the metrics
themselves (`burnish.metrics`), nor joining predictions to examples (`burnish.workflows.evaluate`).
"""

from burnish.slices.clusters import Clustered, ClusterSlice, Description, cluster_slices
from burnish.slices.comparing import COMPARISON_SCHEMA, Comparison, compare
from burnish.slices.discovery import Discovered, DiscoveredSlice, discover_slices
from burnish.slices.measuring import REGRESSION_METRICS, SLICE_METRICS, slice_metrics
from burnish.slices.naming import OVERALL, metric_name, slice_id
from burnish.slices.own_metrics import OwnMetric
from burnish.slices.partitions import Partition, SliceMask, SliceName, by_class, each_once
from burnish.slices.resolving import everything, resolve_partitions, resolve_slices
from burnish.slices.scoring import Scored, ScoredSlice, discover_and_score
from burnish.slices.significance import Raised
from burnish.slices.worst import worst

__all__ = [
    "COMPARISON_SCHEMA",
    "OVERALL",
    "REGRESSION_METRICS",
    "SLICE_METRICS",
    "ClusterSlice",
    "Clustered",
    "Comparison",
    "Description",
    "Discovered",
    "DiscoveredSlice",
    "OwnMetric",
    "Partition",
    "Raised",
    "Scored",
    "ScoredSlice",
    "SliceMask",
    "SliceName",
    "by_class",
    "cluster_slices",
    "compare",
    "discover_and_score",
    "discover_slices",
    "each_once",
    "everything",
    "metric_name",
    "resolve_partitions",
    "resolve_slices",
    "slice_id",
    "slice_metrics",
    "worst",
]
