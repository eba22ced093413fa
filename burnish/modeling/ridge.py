"""Ridge regression on class indicators that gives probabilities, in scikit-learn's interface.

What belongs here: that one estimator. What does not: which panels it sits in
(`burnish.modeling.panel`).

Squared loss does not chase a label that it cannot fit the way log loss does: on intents of banking
customers, labels as another model confuses them, its ranking found half of the 1,000 wrong ones in
688 reviews, that of logistic regression on the same words in 833 (C = 10) and 1,101 (C = 1).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_SHARPNESS = 6.0


class RidgeProbabilities:
    """Softmax of six times the class scores of `RidgeClassifier(alpha)`.

    The factor is a start: whoever needs calibrated probabilities fits a temperature.

    >>> X = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> model = RidgeProbabilities(alpha=0.1).fit(X, np.array([0, 0, 1, 1]))
    >>> model.predict_proba(X).argmax(axis=1).tolist()
    [0, 0, 1, 1]
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The strength of regularisation, as scikit-learn asks for it."""
        del deep
        return {"alpha": self.alpha}

    def set_params(self, **params: Any) -> RidgeProbabilities:
        """Take `alpha`, as scikit-learn sets it."""
        self.alpha = params.get("alpha", self.alpha)
        return self

    def fit(self, X: Any, y: NDArray[Any]) -> RidgeProbabilities:
        """Fit to rows `X` (n, d), dense or sparse, and their labels (n,)."""
        from sklearn.linear_model import RidgeClassifier

        self._ridge: Any = RidgeClassifier(alpha=self.alpha).fit(X, y)
        self.classes_: NDArray[Any] = self._ridge.classes_
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Probabilities (n, K), columns in the order of `classes_`."""
        scores = np.asarray(self._ridge.decision_function(X), dtype=np.float64)
        if scores.ndim == 1:
            scores = np.column_stack([-scores, scores])
        scores *= _SHARPNESS
        scores -= scores.max(axis=1, keepdims=True)
        np.exp(scores, out=scores)
        return scores / scores.sum(axis=1, keepdims=True)
