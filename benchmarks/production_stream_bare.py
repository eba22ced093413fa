"""What retraining could bring on a stream: boosting alone, without gates, audits or a policy.

What belongs here: the bare measure beside which the runs of `production_stream_run.py` are held.
What does not: anything of the project.

Every `every` periods a model is fitted to the rows whose labels are in (those of all periods but
the newest), to all of them or to those of the last periods; it always takes the other's place.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from benchmarks.production_stream_data import Row, Stream

SPANS: Mapping[str, int | None] = {"all": None, "last 12": 12, "last 26": 26}


def bare_retraining(stream: Stream, rows: Sequence[Row], *, every: int) -> dict[str, float]:
    """Accuracy over all periods of production: of the first model, and by what is learned from."""
    names = stream.features(rows[0])
    cells = np.array([[float(row[name] or "nan") for name in names] for row in rows])
    labels, met = np.array([row["kind"] for row in rows]), [row["met"] for row in rows]
    periods = stream.periods(stream.first + len(rows) * stream.step)
    spans = [
        tuple(bisect_left(met, f"{at:%Y-%m-%dT%H:%M:%SZ}") for at in (begin, end))
        for _, begin, end in periods
    ]

    def fitted(start: int, end: int) -> HistGradientBoostingClassifier:
        return HistGradientBoostingClassifier(random_state=0).fit(
            cells[start:end], labels[start:end]
        )

    first = fitted(0, spans[0][0])
    models = {"never": first, **dict.fromkeys(SPANS, first)}
    right, total = dict.fromkeys(models, 0), 0
    for at, (begin, end) in enumerate(spans):
        if at >= 2 and at % every == 0:
            known = spans[at - 1][0]
            for name, span in SPANS.items():
                whole = span is None or at - 1 <= span
                start = 0 if whole else spans[at - 1 - (span or 0)][0]
                models[name] = fitted(start, known)
        if end > begin:
            total += end - begin
            for name, model in models.items():
                right[name] += int((model.predict(cells[begin:end]) == labels[begin:end]).sum())
    return {name: count / total for name, count in right.items()}
