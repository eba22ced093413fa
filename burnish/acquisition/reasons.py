"""Why a row is in a batch, in one plain sentence for the person who is asked.

What belongs here: wording. What does not: picking rows (`burnish.acquisition.batch`), nor when a
sentence may be shown without giving the label away (`burnish.review`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from burnish.records import LabelRequest

CONTROL = "Drawn at random, to estimate noise without bias."
GOLD = "Its answer is known: it shows how often reviewers are right."


def why_audit(row: Mapping[str, Any]) -> str:
    """What the panel of models holds against the label.

    >>> why_audit({"label": "8", "suggested_label": "3", "error_probability": 0.9,
    ...            "self_confidence": 0.02, "margin": -0.91})
    "The panel puts 0.93 on '3'; the label says '8'."
    """
    label, suggested = row["label"], row["suggested_label"]
    confidence, margin = row.get("self_confidence"), row.get("margin")
    if confidence is None or margin is None:
        return (
            f"The label '{label}' is wrong with probability {row['error_probability']:.2f}; "
            f"the panel says '{suggested}'."
        )
    if suggested == label:
        return f"The panel puts {confidence:.2f} on the label '{label}', and is not sure."
    # The margin is what the label is ahead of the best other class, here the suggested one.
    return f"The panel puts {confidence - margin:.2f} on '{suggested}'; the label says '{label}'."


def why_unlabeled(row: Mapping[str, Any]) -> str:
    """How uncertain the models are of a row that has no label.

    >>> why_unlabeled({"suggested_label": "3", "margin": 0.04, "model_disagreement": 0.5})
    "No label yet; the panel says '3', 0.04 ahead of the next class, with disagreement 0.50."
    """
    ahead = "" if row.get("margin") is None else f", {row['margin']:.2f} ahead of the next class"
    return (
        f"No label yet; the panel says '{row['suggested_label']}'{ahead}, "
        f"with disagreement {row['model_disagreement']:.2f}."
    )


def why_requested(request: LabelRequest) -> str:
    """Who asked for the row, and what for.

    >>> why_requested(LabelRequest(("a",), asked_by="drift", reason="ink moved "))
    'Asked for by drift: ink moved.'
    """
    text = " ".join(f"Asked for by {request.asked_by}: {request.reason}".split())
    return text.rstrip(".: ") + "."
