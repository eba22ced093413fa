"""Labels: which of them are probably wrong, how wrong the whole is, and what is taken for what.

What belongs here: judging given labels against out-of-sample probabilities. What does not: making
those probabilities (`burnish.modeling`), several annotators (`burnish.consensus`), or which rows
people are asked about (`burnish.acquisition`).
"""

from burnish.labels.checks import check_pred_probs, encode_labels
from burnish.labels.confusion import confusion_pairs
from burnish.labels.errors import LabelErrors, find_label_errors
from burnish.labels.noise import NoiseEstimate, estimate_noise
from burnish.labels.rate import RateEstimate, ReviewerCounts, estimate_noise_rate
from burnish.labels.refit import Refit, refit_error_probability
from burnish.labels.scorers import SCORERS, Scorer, score_labels

__all__ = [
    "SCORERS",
    "LabelErrors",
    "NoiseEstimate",
    "RateEstimate",
    "Refit",
    "ReviewerCounts",
    "Scorer",
    "check_pred_probs",
    "confusion_pairs",
    "encode_labels",
    "estimate_noise",
    "estimate_noise_rate",
    "find_label_errors",
    "refit_error_probability",
    "score_labels",
]
