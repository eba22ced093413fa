"""Modeling: features by modality, estimators, and probabilities for rows a model never saw.

What belongs here: turning Arrow tables into what scikit-learn takes, cross-fitting, and a model's
bytes. What does not: judging labels by the probabilities (`burnish.labels`), nor stages of the loop
(`burnish.workflows`).
"""

from burnish.modeling.caching import FolderCache
from burnish.modeling.estimators import check_model, make_estimator
from burnish.modeling.features import design_frame, make_pipeline
from burnish.modeling.folds import joined_groups
from burnish.modeling.importance import Importance, permutation_importance_by_slice
from burnish.modeling.leverage import review_leverage
from burnish.modeling.panel import PanelModel, audit_panel
from burnish.modeling.permuting import column_groups, patch_groups
from burnish.modeling.probabilities import (
    OutOfSample,
    check_pred_probs,
    out_of_sample_probabilities,
)
from burnish.modeling.saving import dump_model, load_model

__all__ = [
    "FolderCache",
    "Importance",
    "OutOfSample",
    "PanelModel",
    "audit_panel",
    "check_model",
    "check_pred_probs",
    "column_groups",
    "design_frame",
    "dump_model",
    "joined_groups",
    "load_model",
    "make_estimator",
    "make_pipeline",
    "out_of_sample_probabilities",
    "patch_groups",
    "permutation_importance_by_slice",
    "review_leverage",
]
