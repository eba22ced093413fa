"""Columns of what is measured of production in words: drift_report and performance_estimate.

What belongs here: a sentence a column. What does not: those of every other table, and the lines
that people read (`burnish.report.columns`): there the same name may mean something else.
"""

from __future__ import annotations

MARK = "window_end"
"""The column by which a table is known to be one of these."""

MEASURED: dict[str, str] = {
    "against": "Which rows the window is held against.",
    "chi_square": "The chi-square statistic of the counts, of columns of categories.",
    "column": "The column that is compared; names in brackets are what the model says.",
    "current_rows": "Rows of the window.",
    "effect": "Which effect size `value` is.",
    "estimated": "What the metric is likely to be in the window, from rows without labels.",
    "finding": "drifted: shown to be over the minimum; seasonal: as an earlier window was, too.",
    "high": "Upper end of the interval.",
    "infinite_after": "Share of values in the window that are infinite.",
    "infinite_before": "Share of values in the reference that are infinite.",
    "jensen_shannon": "Jensen-Shannon distance, 0 (alike) to 1.",
    "kind": "numeric or categorical; rows: all columns together.",
    "ks": "The Kolmogorov-Smirnov statistic: the widest gap of the two distributions, 0 to 1.",
    "labels": "Rows of the window whose label came in by now.",
    "loss": "How much lower the metric is likely to be than on the reference.",
    "loss_high": "Upper end of the interval of the loss.",
    "loss_low": "Lower end of the interval of the loss.",
    "lost_values": "Values of the reference that are gone.",
    "low": "Lower end of the interval.",
    "measured": "What the metric is on the rows whose label came in.",
    "measured_high": "Upper end of the interval of what was measured.",
    "measured_low": "Lower end of the interval of what was measured.",
    "metric": "accuracy, the share of right answers, or auroc, how well two classes are ranked.",
    "minimum": "The smallest effect that matters.",
    "missing_after": "Share of values in the window that are missing.",
    "missing_before": "Share of values in the reference that are missing.",
    "nan_after": "Share of values in the window that are not a number.",
    "nan_before": "Share of values in the reference that are not a number.",
    "new_share": "Share of rows in the window with a value that the reference does not have.",
    "new_values": "Values that the reference does not have.",
    "psi": "The population stability index; 0.1 is often called small, 0.25 large.",
    "reference": "What the metric is on the rows the model was judged on.",
    "reference_rows": "Rows that the window is held against.",
    "rows": "Rows of the window in this slice that the model was not trained on.",
    "total_variation": "Half of the summed differences in share, 0 (alike) to 1.",
    "trusted": "Whether the estimate may be relied on.",
    "value": "The effect size.",
    "wasserstein": "The Wasserstein distance, in the unit of the column.",
}
