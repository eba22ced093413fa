"""Columns in words: what each column of the loop's tables means, and what must hold of it.

What belongs here: one sentence a column, and the columns of a table as lines that people read.
What does not: the tables themselves (`burnish.workflows`), or the checks that hold the limits
(the gates).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from burnish.report.columns_measured import MARK, MEASURED
from burnish.spec import DatasetSpec

MOST_FEATURES = 12  # further ones are told in one line, or a wide table would hide what follows

PROBABILITY = "p:"

BESIDE = "Of the source, beside the features: the model does not see it."

MEANING: dict[str, str] = {
    "added_errors": "How much more of all rows is wrong and in the slice than was before.",
    "adjusted_p": "The p-value, corrected for all slices that were judged with this one.",
    "adopted_period": "Of a row met in production: when it joined with the label that came in.",
    "against": "What it was held against: the model of an iteration (empty: of the start) or rows.",
    "annotator_id": "Who gave this answer.",
    "asked_control": "Whether a row asked about was drawn at random; empty: nobody knows.",
    "asked_reason": "What a row was asked about for.",
    "asked_weight": "How many rows of its window a row asked about stands for.",
    "audit_rank": "1 is the most suspicious label.",
    "champion": "The iteration whose model it is of.",
    "changed": "How many training labels differ with and without the fixes.",
    "check": "Which check of the promotion gate.",
    "check_reason": "What the check found, in a sentence.",
    "chi_square": "Pearson's chi-square of the two rows of counts.",
    "class_distance": "How far the row lies from its label's rows, relative to other rows, 0 to 1.",
    "cluster": "Near copies of each other share it.",
    "code": "The expectation that failed, by a stable code to search for.",
    "column": "The column the expectation speaks of.",
    "columns": "The columns a finding speaks of.",
    "conditions": "Which parts of the data have gained most, in words.",
    "confidence": "The model's probability of the class it predicts.",
    "confusion_pair": "Label as it stands > suggested label; empty where they agree.",
    "copy_group": "Rows with the same features share it.",
    "correct": "Whether the prediction is the label as it stands.",
    "count": "Rows concerned, or columns where no row is.",
    "current_rows": "How many rows of the window were compared.",
    "decision": "What people decided last: keep, change, drop, unsure; empty where nobody did.",
    "effect": "Mean error in the slice minus that of the other rows.",
    "error": "Standard error of the gain, over held-out rows and seeds.",
    "error_probability": "How probable it is that the label is wrong, 0 to 1.",
    "estimated": "What the metric is likely to be, from rows without labels.",
    "event_id": "The event of the label ledger that the label comes from.",
    "evidence": "By what it is known.",
    "example_id": "The row's name; it never changes.",
    "example_ids": "The rows concerned, at most the first 1,000.",
    "expectation": "What was expected, by its Great Expectations name.",
    "finding": "What is shown with everything in view at once: better, worse, not shown, too few.",
    "fold_group": "Rows that must stay in one fold, since they are copies or belong together.",
    "found": "What the check found: a difference, a count or a share.",
    "found_mean_error": "Share of errors among the rows on which the slice was chosen: too high.",
    "found_support": "How many rows the slice had where it was chosen.",
    "gain": "Share of rows that are right with the fixes, less that without them.",
    "gate": "The stage whose gate turned the row away.",
    "given_label": "The label as it was collected.",
    "ground": "validation: the model fails here; training: labels and models disagree here.",
    "high": "Upper end of the interval, of 95 % where no other share is told.",
    "high_all": "Upper end of an interval that holds for all rows of its kind at once.",
    "hours": "Hours that reviewing took.",
    "inclusion_probability": "With which probability a control row was drawn.",
    "infinite_after": "Share of the current cells that are infinite.",
    "infinite_before": "Share of the reference cells that are infinite.",
    "iteration": "The turn of the loop.",
    "jensen_shannon": "Jensen-Shannon distance of the two distributions, 0 (alike) to 1 (apart).",
    "kind": "What kind of line it is; of returns, what was left out: a batch, a reason, all.",
    "ks": "Greatest gap between the two distribution functions (Kolmogorov and Smirnov).",
    "label": "The label as it stands, every verdict so far applied.",
    "labelled_at": "When the label came in.",
    "labels": "How many of the rows have a label by now.",
    "leverage": "How much the row's label can move a model; about 1.",
    "limit": "What it is held to.",
    "log_odds": "Logarithm of the best other class's probability over the label's.",
    "loss": "Accuracy (or AUROC) on the reference less what is estimated now: over 0 is worse.",
    "loss_high": "Upper end of the interval of the estimated loss.",
    "loss_low": "Lower end of the interval of the estimated loss.",
    "lost_values": "Values of the reference that did not come any more.",
    "low": "Lower end of the interval, of 95 % where no other share is told.",
    "low_all": "Lower end of an interval that holds for all rows of its kind at once.",
    "margin": "Probability of the label minus that of the best other class, -1 to 1.",
    "matched_by": "Of a seasonal change: the earlier window that looks the same.",
    "mean_error": "Share of errors among the rows that judged the slice.",
    "measured": "The metric by the labels that came in, weighed to stand for all the rows.",
    "measured_high": "Upper end of the interval of what was measured.",
    "measured_low": "Lower end of the interval of what was measured.",
    "measured_loss": "The reference less what labels show now: over 0 is worse.",
    "measured_loss_high": "Upper end of the interval of that, which holds for all slices together.",
    "measured_loss_low": "Lower end of the interval of that, which holds for all slices together.",
    "met_at": "When the row was met in production, in UTC.",
    "method": "How the variant was made; empty for an original.",
    "metric": "Which metric.",
    "minimum": "The smallest effect that matters: drift is shown where the lower end is over it.",
    "missing_after": "Share of missing cells in the window.",
    "missing_before": "Share of missing cells in the reference.",
    "mlflow_run_id": "The MLflow run of the iteration.",
    "model_disagreement": "How much the models of the panel differ over this row, 0 to 1.",
    "nan_after": "Share of the current cells that came as `not a number`.",
    "nan_before": "Share of the reference cells that came as `not a number`.",
    "neighbour_disagreement": "Share of the 10 nearest rows with another label, 0 to 1.",
    "new_share": "Share of the window's rows with a value that the reference has not.",
    "new_values": "Values that the reference has not, the most frequent first.",
    "origin_id": "The row that a variant was made of; empty for an original.",
    "outlier_score": "How far the row lies from its nearest rows; an ordinary row has 0.5, 0 to 1.",
    "p_value": "How often rows without a difference would show one as large, or larger.",
    "part": "Which measure of a text, list or image changed most, or which word.",
    "passed": "Whether the check passed.",
    "period": "The day, week or month of production, by the date on which it begins.",
    "pool_size": "How many rows were open when the batch was drawn.",
    "position": "Place in the batch, which is drawn at random and tells no reason.",
    "predicate": "The condition that makes the slice, in full.",
    "predicted": "The class the model predicts.",
    "promoted": "Whether the new model became champion.",
    "psi": "Population stability index of the two distributions.",
    "reason": "Why, in a word or a sentence.",
    "reference": "The metric on the rows it is held against, which the model had not seen.",
    "reference_rows": "How many rows of the reference were compared.",
    "review_group": "Rows of a batch that are alike to look at; a number that tells no reason.",
    "reviews": "How many rows people decided.",
    "row": "Position in the table, counted from 0.",
    "rows": "How many rows it is of.",
    "rule": "The rule by which it was decided.",
    "self_confidence": "Probability that models which never saw the row give its label, 0 to 1.",
    "sentence": "What was found.",
    "severity": "error: training on it is wrong; warning: look at it; note: good to know.",
    "slice": "The part of the rows that is measured.",
    "slice_id": "The slice's id: the same predicate has the same id for ever.",
    "split": "train, validation or test; fixed when the row was first seen.",
    "static_probability": "How probable models alone find it that the label is wrong, 0 to 1.",
    "suggested_label": "The label that the models hold most probable.",
    "support": "How many rows the value rests on.",
    "suspicion": "What ranks the labels, from their probability and that of the best other class.",
    "time": "When the answer was given.",
    "timed": "Whether hours are from the desk's clock or from the spec.",
    "to_do": "What to do about it.",
    "total_variation": "Half the sum of the differences of shares, as counted, 0 to 1.",
    "trusted": "Whether nothing is seen to speak against the estimate.",
    "uncertain": "Whether there are too few rows, or outcomes of the rarer kind, to trust it.",
    "unread_columns": "Columns whose cell in this row is of another kind than the spec says.",
    "value": "The value found.",
    "wasserstein": "Wasserstein distance of the two distributions, in the unit of the column.",
    "where": "The conditions as the spec writes them, in JSON.",
    "why": "One sentence for the person who decides.",
    "window_end": "The last period of the window.",
    "window_start": "The first period of the window.",
    "with": "Share of rows that the model with the fixes gets right.",
    "without": "Share of rows that the model without the fixes gets right.",
}


@dataclass(frozen=True)
class ColumnLine:
    """A column, or some that are told together: name, Arrow type, sentence, what it must be."""

    name: str
    kind: str
    text: str = ""
    limits: tuple[str, ...] = ()
    unique: bool = False


def column_lines(
    schema: pa.Schema, spec: DatasetSpec, *, keyed: bool = False
) -> tuple[ColumnLine, ...]:
    """Every column in the order of the table, with what the spec or the loop says of it.

    Probabilities of classes are one line, and so are features beyond the first dozen. `keyed`
    says that example_id names each row once.

    >>> weight = {"kind": "numeric", "description": "In kg."}
    >>> spec = DatasetSpec.model_validate({"name": "pets", "source": {"path": "a.csv"},
    ...     "target": "label", "features": {"weight": weight}})
    >>> schema = pa.schema([("weight", pa.float64()), ("p:cat", pa.float64()),
    ...     ("p:dog", pa.float64())])
    >>> for line in column_lines(schema, spec):
    ...     print(line.name, "|", line.text)
    weight | In kg.
    p:<class> | Probability of each class, a column each: cat, dog.
    """
    classes = [n.removeprefix(PROBABILITY) for n in schema.names if n.startswith(PROBABILITY)]
    features = [name for name in schema.names if name in spec.features]
    left = set(features[MOST_FEATURES:])
    meaning = MEANING | MEASURED if MARK in schema.names else MEANING
    lines: list[ColumnLine] = []
    for part in schema:
        if part.name.startswith(PROBABILITY):
            if part.name == f"{PROBABILITY}{classes[0]}":
                lines.append(_probabilities(classes, str(part.type)))
        elif part.name not in left:
            lines.append(_line(part, spec, meaning, keyed=keyed))
        elif part.name == features[-1]:
            lines.append(_further(features[MOST_FEATURES:]))
    return tuple(lines)


def _line(
    part: pa.Field, spec: DatasetSpec, meaning: Mapping[str, str], *, keyed: bool
) -> ColumnLine:
    key = keyed and part.name == "example_id"
    feature = spec.features.get(part.name)
    if feature is None:
        text = meaning.get(part.name, BESIDE)
        if part.name == "label" and spec.classes:
            text = f"{text} One of: {_listed(spec.classes)}."
        return ColumnLine(part.name, str(part.type), text, unique=key)
    size = " x ".join(str(length) for length in feature.shape)
    return ColumnLine(
        part.name, str(part.type), feature.description, (f"{feature.kind} {size}".strip(),)
    )


def _probabilities(classes: Sequence[str], kind: str) -> ColumnLine:
    text = f"Probability of each class, a column each: {_listed(classes)}."
    return ColumnLine(f"{PROBABILITY}<class>", kind, text, ("0 to 1",))


def _further(names: Sequence[str]) -> ColumnLine:
    return ColumnLine(f"({len(names)} more features)", "", f"{_listed(names)}.")


def _listed(names: Sequence[str], *, most: int = 20) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
