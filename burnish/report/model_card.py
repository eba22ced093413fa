"""The model card of an iteration: what people say of the model, and what was measured.

What belongs here: the nine sections of 'Model Cards for Model Reporting' (Mitchell, Wu, Zaldivar,
Barnes, Vasserman, Hutchinson, Spitzer, Raji and Gebru, FAT* 2019), and which figure answers what.
What does not: how a card reads (`burnish.report.cards`), gathering figures
(`burnish.workflows.iteration_report_cards`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from burnish.report import iteration_outlook as outlook
from burnish.report import iteration_words as words
from burnish.report.cards import Card, Grid, Section, Statement
from burnish.report.iteration_facts import IterationFacts
from burnish.report.loop_page import percent
from burnish.report.plots import calibration_chart
from burnish.spec import DatasetSpec

PAPER = "Model Cards for Model Reporting (Mitchell et al., 2019)"
MOST_LISTED = 40


@dataclass(frozen=True)
class SliceScore:
    """One slice of a split: rows, accuracy with its interval, and further metrics by name."""

    slice: str
    rows: int
    accuracy: str
    others: Mapping[str, float | None]


@dataclass(frozen=True)
class ModelFacts:
    """What the record knows of a model beside its report.

    params: of the estimator. split: the one that `scores` are of. training, made_up: rows it was
    fitted to, and how many of these are variants of others.
    """

    params: Mapping[str, str]
    classes: tuple[str, ...]
    training: int
    made_up: int
    split_counts: Mapping[str, int]
    split: str
    scores: tuple[SliceScore, ...]


def model_card(facts: IterationFacts, spec: DatasetSpec, model: ModelFacts) -> Card:
    """The card of the model of an iteration; what only a person can say comes from the spec."""
    told = "became champion." if facts.decision.promoted else "did not become champion."
    told = " ".join([told, *facts.decision.since])
    return Card(
        kind="model",
        name=facts.name,
        summary=f"The model that iteration {facts.number} of {facts.dataset} trained. It {told}",
        paper=PAPER,
        sections=(
            _details(facts, spec, model),
            Section(
                "Intended use",
                (
                    _asked("What is it for, and for whom?", spec, "intended_use"),
                    _asked("What must it not be used for?", spec, "out_of_scope"),
                ),
            ),
            _factors(spec, model),
            _metrics(facts),
            _evaluation(facts, model),
            _training(facts, model),
            _analyses(facts, model),
            _ethical(spec),
            _caveats(facts, spec),
        ),
        front=(("library_name", "sklearn"), ("model_name", facts.name)),
    )


def _asked(question: str, spec: DatasetSpec, key: str) -> Statement:
    return Statement(question, str(getattr(spec.card, key)), "spec", f"card.{key}")


def listed(names: tuple[str, ...]) -> str:
    """Names in a row, the first 40 of many.

    >>> listed(("a", "b"))
    'a, b'
    """
    more = len(names) - MOST_LISTED
    return ", ".join(names[:MOST_LISTED]) + (f" and {more:,} more" if more > 0 else "")


def _details(facts: IterationFacts, spec: DatasetSpec, model: ModelFacts) -> Section:
    features = ", ".join(f"{name} ({one.kind})" for name, one in spec.features.items())
    params = tuple((name, value) for name, value in model.params.items())
    return Section(
        "Model details",
        (
            Statement("Who answers for it?", spec.owner or "", "spec", "owner"),
            Statement("Whom to ask?", spec.datasheet.contact, "spec", "datasheet.contact"),
            Statement("When was it closed?", f"{facts.closed_at:%Y-%m-%d %H:%M} UTC"),
            Statement("What kind of model is it?", spec.model.name),
            Statement("What does it take?", features),
            Statement("What does it give?", f"a probability for each of: {listed(model.classes)}"),
            Statement("Which code made it?", facts.git_sha),
        ),
        (Grid("Parameters.", ("Parameter", "Value"), params),),
    )


def _factors(spec: DatasetSpec, model: ModelFacts) -> Section:
    names = tuple(words.brief(score.slice) for score in model.scores if score.slice != "overall")
    return Section(
        "Factors",
        (
            _asked("Which groups, instruments and circumstances may matter?", spec, "factors"),
            Statement(
                "Which were measured?",
                listed(names) or "none: the spec declares no slices",
                "measured",
            ),
        ),
    )


def _metrics(facts: IterationFacts) -> Section:
    return Section(
        "Metrics",
        (
            Statement(
                "What is measured?",
                "Accuracy: the share of predictions that are the label. F1, macro: of each class "
                "the harmonic mean of how many found are right and how many right are found, then "
                "the mean. Log-loss: how surprised the model is by the label, less is better. "
                "Calibration error: how far confidence and outcome lie apart.",
            ),
            Statement("How is chance dealt with?", "95 % intervals; Wilson's for accuracy."),
            Statement("When does a model become champion?", facts.decision.rule),
        ),
    )


def _evaluation(facts: IterationFacts, model: ModelFacts) -> Section:
    rows = model.split_counts.get(model.split, 0)
    return Section(
        "Evaluation data",
        (
            Statement(
                "On which rows?",
                f"{rows:,} {model.split} rows of {facts.dataset_version}, which training never saw",
                "measured",
            ),
            Statement(
                "Why these?", "The spec sets them apart, and they stay the same in every iteration."
            ),
            Statement(
                "Are their labels right?",
                f"They are as people left them; {words.counted(facts.changes.held_out, 'label')} "
                "of validation and test rows changed in this iteration. Wrong ones may be left.",
                "measured",
            ),
        ),
    )


def _training(facts: IterationFacts, model: ModelFacts) -> Section:
    noise = facts.noise
    left = "" if noise.value is None else (
        f"{percent(noise.value.value)} of training labels are estimated to be wrong or such that "
        f"reviewers would change them ({percent(noise.value.low)} to {percent(noise.value.high)})"
    )  # fmt: skip
    return Section(
        "Training data",
        (
            Statement("Which data?", f"{facts.dataset_version}: {facts.description}".rstrip(": ")),
            Statement(
                "How many rows?",
                f"{model.training:,}, of which {model.made_up:,} are variants made of others",
                "measured",
            ),
            Statement("How many labels are still wrong?", left, "measured"),
            Statement("Content digest", facts.digest),
        ),
    )


def _analyses(facts: IterationFacts, model: ModelFacts) -> Section:
    names = list(dict.fromkeys(name for score in model.scores for name in score.others))
    rows = tuple(
        (
            words.brief(score.slice),
            f"{score.rows:,}",
            score.accuracy,
            *(_number(score.others.get(name)) for name in names),
        )
        for score in model.scores
    )
    headers = ("Part of the data", "Rows", "Accuracy", *(_named(name) for name in names))
    caption = f"By part of the data, {model.split} rows. Parts of two columns are crosses."
    numbers = frozenset(range(1, len(headers)))
    charts: tuple[tuple[Markup, str], ...] = ()
    statements: tuple[Statement, ...] = ()
    if facts.calibration is not None:
        drawn = calibration_chart({"": facts.calibration.reliability}, title="Confidence, outcome")
        # Drawn by burnish.report.plots, which escapes all text.
        charts = ((Markup(drawn), "How often predictions of a given confidence are right."),)  # noqa: S704
        said = " ".join(words.calibration_words(facts.calibration))
        statements = (Statement("Can its confidence be trusted?", said, "measured"),)
    return Section(
        "Quantitative analyses", statements, (Grid(caption, headers, rows, numbers),), charts
    )


def _ethical(spec: DatasetSpec) -> Section:
    people = spec.datasheet.people
    return Section(
        "Ethical considerations",
        (
            _asked("Which risks to people are there, and what was done?", spec, "ethical"),
            Statement("Are there people in the data?", people, "spec", "datasheet.people"),
        ),
    )


def _caveats(facts: IterationFacts, spec: DatasetSpec) -> Section:
    return Section(
        "Caveats and recommendations",
        (
            _asked("What else should a user know?", spec, "caveats"),
            Statement("What got worse?", " ".join(words.worse_words(facts.effect)), "measured"),
            Statement("What cannot be said?", " ".join(outlook.limits(facts))),
            Statement("What next?", " ".join(outlook.what_next(facts))),
        ),
    )


def _named(metric: str) -> str:
    known = {"f1_macro": "F1, macro", "log_loss": "Log-loss", "ece": "Calibration error"}
    return known.get(metric, metric.replace("_", " "))


def _number(value: float | None) -> str:
    return "not known" if value is None else f"{value:.3f}"
