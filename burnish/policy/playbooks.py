"""Playbooks as data: for each signal what it means, and what is likely behind it.

What belongs here: the texts, and those that a spec adds. What does not: what was seen in a case
(`burnish.workflows.playbooks`), or the page (`burnish.report.playbook_page`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from burnish.spec.production import Policy, Rule, SignalName


@dataclass(frozen=True)
class Guide:
    """What a signal means, what to check in this order, and what not to conclude from it."""

    means: str
    check: tuple[str, ...]
    caution: str
    link: str = ""


GUIDES: Mapping[SignalName, Guide] = {
    "column_drift": Guide(
        "Values of this column are distributed otherwise than in the rows the model learned from.",
        (
            "Did the source, a sensor, a form or a unit of measurement change on that day?",
            "Are values missing, or new ones spelled in another way (upper case, another code)?",
            "Did the people or things that are measured change: a campaign, a new site, a season?",
            "Does the model rely on the column? Its importance is on the iteration's report.",
        ),
        "A column may change without the model getting worse. Look at the estimated loss first.",
    ),
    "prediction_drift": Guide(
        "The model answers otherwise than on the rows it was judged on.",
        (
            "Which columns changed in the same window? They are listed as evidence where they did.",
            "Has the true mix changed, say by a season? Labels that came in would show it.",
            "Was another model promoted, or its input prepared in another way?",
        ),
        "Other answers may be right: without labels it is not known.",
    ),
    "label_drift": Guide(
        "Labels that came in are mixed otherwise than those the model learned from.",
        (
            "Do labels of some kind come in earlier than others?",
            "Did those who label change, or what they were told?",
            "Did the world change? Then thresholds and priorities may have to follow.",
        ),
        "Labels that came in are those of some rows only, not of all.",
    ),
    "row_drift": Guide(
        "A classifier can tell the new rows from the old ones: they are somewhere else.",
        (
            "Look at the conditions below: what kind of row has become frequent?",
            "Is there a new site, device, customer or language?",
            "Are rows prepared in another way, though each column alone looks as before?",
        ),
        "What is far from the training rows is where the model knows least, not where it is wrong.",
    ),
    "estimated_loss": Guide(
        "By its own confidences, corrected for what rows are met, the model is less often right.",
        (
            "Look at the slice below, and at the columns that changed in the same window.",
            "Answer the rows that were asked about: their labels say whether the estimate holds.",
            "If the rows are of a new kind, retrain once there are labels of it.",
        ),
        "This is an estimate without labels. A change of what is right for the same row is not "
        "seen by it at all.",
    ),
    "measured_loss": Guide(
        "True labels that came in show that the model is less often right than it was.",
        (
            "Are the labels right? Look at those that contradict a confident answer.",
            "Was a new model promoted shortly before? Compare it with the one before it.",
            "Did columns change in the same window? Then mend the source before you retrain.",
            "If nothing changed but what is right: retrain on the new labels.",
        ),
        "Labels that come in early may be of other rows than the rest.",
    ),
    "late_data": Guide(
        "A period has no rows though it is over.",
        (
            "Did the delivery run? Is the file where the spec looks for it, under that name?",
            "Is it there and cannot be read: half written, another format, no permission?",
            "Was there nothing to deliver, say a holiday? Then overrule this alarm.",
        ),
        "Nothing is known of the model in that period.",
    ),
    "refused_data": Guide(
        "The gate turned a delivery away. Its rows were not predicted.",
        (
            "Read the report of the gate: which expectation failed, on which rows?",
            "Was a column renamed, dropped, retyped, or is it in another unit?",
            "Mend the source and deliver again; or change the gate if the data is right.",
        ),
        "Loosening a gate lets through everything else it would have caught.",
    ),
    "reports": Guide(
        "Users say that answers are wrong.",
        (
            "Look at the rows below: do they have something in common?",
            "Answer them at the desk: some reports are mistaken.",
            "Tell those who reported what became of it.",
        ),
        "People report what annoys them: this is no measure of how often the model is wrong.",
    ),
}


def guide_of(policy: Policy, signal: SignalName) -> Guide:
    """The guide of a signal: what the spec says is to be checked comes first.

    >>> from burnish.spec import Playbook
    >>> own = Playbook(signal="reports", check=("Ask Ada.",), link="https://wiki.example/reports")
    >>> guide_of(Policy(playbooks=(own,)), "reports").check[0]
    'Ask Ada.'
    """
    known = GUIDES[signal]
    for own in policy.playbooks:
        if own.signal == signal:
            return Guide(known.means, (*own.check, *known.check), known.caution, own.link)
    return known


def rule_words(policy: Policy, signal: SignalName) -> tuple[str, ...]:
    """What will happen by itself, and when, in sentences.

    >>> rule_words(Policy(), "column_drift")[0]
    'Nothing is done by itself: it is watched.'
    """
    rule = policy.rule_of(signal)
    return (*_action_words(policy, rule), _end_words(rule))


def _action_words(policy: Policy, rule: Rule) -> tuple[str, ...]:
    again = f"Not again within {_periods(rule.cooldown)}." if rule.cooldown else ""
    if rule.action == "label":
        budget = (
            f"At most {policy.label_budget} rows are asked for in "
            f"{_periods(policy.label_budget_periods)}, whatever asks."
        )
        return (f"People are asked for the labels of up to {rule.rows} rows. {again}", budget)
    if rule.action == "retrain":
        limits = (
            f"At most once in {_periods(policy.retrain_every)}, and on {policy.min_labels} new "
            "labels or more; rows without a label, or turned away by a gate, are never trained on. "
            "The new model serves only if the promotion gate lets it."
        )
        return (f"The model is trained again. {again}", limits)
    if rule.action == "roll_back":
        said = "The champion before serves again, where labels show that the present one is worse"
        return (f"{said} on the same rows. {again}",)
    return ("Nothing is done by itself: it is watched.",)


def _end_words(rule: Rule) -> str:
    clear = rule.over if rule.clear is None else rule.clear
    running = f" in {rule.windows} windows running" if rule.windows > 1 else ""
    if rule.signal in {"late_data", "refused_data"}:
        return "The alarm ends by itself once the data has come and passed its gate."
    least = f" and the figure itself at least {rule.least:g}" if rule.least else ""
    return (
        f"The alarm was raised because the lower limit was over {rule.over:g}{least}{running}; it "
        f"ends by itself when it is not over {clear:g} any more{running}."
    )


def _periods(count: int) -> str:
    return "one period" if count == 1 else f"{count} periods"
