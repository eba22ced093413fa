"""Modeling: features by modality, estimators, and probabilities for rows a model never saw.

What belongs here: turning Arrow tables into what scikit-learn takes, and cross-fitting. What does
not: judging labels by the probabilities (`burnish.labels`), nor stages of the loop
(`burnish.workflows`).
"""

from burnish.modeling.estimators import PanelModel, audit_panel, make_estimator
from burnish.modeling.features import design_frame, make_pipeline
from burnish.modeling.probabilities import (
    OutOfSample,
    check_pred_probs,
    out_of_sample_probabilities,
)

__all__ = [
    "OutOfSample",
    "PanelModel",
    "audit_panel",
    "check_pred_probs",
    "design_frame",
    "make_estimator",
    "make_pipeline",
    "out_of_sample_probabilities",
]
