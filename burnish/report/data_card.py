"""The data card of a dataset version: what people say of the data, and what its rows show.

What belongs here: the seven sections of 'Datasheets for Datasets' (Gebru, Morgenstern, Vecchione,
Vaughan, Wallach, Daumé III and Crawford, Communications of the ACM 64(12), 2021), read as a card
(Pushkarna, Zaldivar and Kjartansson, 'Data Cards', FAccT 2022), and which figure answers what. What
does not: how a card reads (`burnish.report.cards`), gathering figures
(`burnish.workflows.iteration_report_cards`), the datasheet of any version as Markdown
(`burnish.report.datasheet`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from burnish.report.cards import Card, Grid, Section, Statement
from burnish.report.datasheet import VersionSheet
from burnish.report.iteration_facts import IterationFacts, Person
from burnish.report.iteration_words import STAGES, brief, counted
from burnish.report.loop_page import percent
from burnish.spec import DatasetSpec

PAPER = "Datasheets for Datasets (Gebru et al., 2021) and Data Cards (Pushkarna et al., 2022)"
MOST_PAIRS, MOST_CLASSES = 20, 100


@dataclass(frozen=True)
class LabelHistory:
    """What people did to the labels since they were collected, over all iterations.

    changes: rows by what became of them. pairs: labels changed, by "before > after".
    """

    changes: Mapping[str, int]
    pairs: Mapping[str, int]
    people: tuple[Person, ...]


def data_card(
    facts: IterationFacts, spec: DatasetSpec, sheet: VersionSheet, history: LabelHistory
) -> Card:
    """The card of the data that an iteration's model was trained on."""
    return Card(
        kind="data",
        name=sheet.name,
        summary=spec.description or "Nobody stated what this data set is.",
        paper=PAPER,
        sections=(
            Section(
                "Motivation",
                (
                    _asked("What was it made for, by whom, and who paid?", spec, "motivation"),
                    Statement("What is it?", spec.description, "spec", "description"),
                ),
            ),
            _composition(facts, spec, sheet),
            Section(
                "Collection process",
                (
                    _asked("Where is it from?", spec, "source"),
                    _asked("How was it collected?", spec, "collection"),
                    _asked("Are rows about people, do they know, did they agree?", spec, "people"),
                ),
            ),
            _labelling(facts, spec, sheet, history),
            Section(
                "Uses",
                (
                    _asked("What may it be used for, and what not?", spec, "uses"),
                    Statement(
                        "What was it used for?",
                        f"to train the model of {facts.name}"
                        + (f"; tracked runs: {', '.join(sheet.models)}" if sheet.models else ""),
                    ),
                ),
            ),
            Section(
                "Distribution",
                (
                    _asked("Under which terms?", spec, "licence"),
                    Statement("Content digest", sheet.digest),
                ),
            ),
            Section(
                "Maintenance",
                (
                    _asked("Whom to ask?", spec, "contact"),
                    _asked("Who keeps it, and how are mistakes reported?", spec, "maintenance"),
                    Statement("Who answers for it?", spec.owner or "", "spec", "owner"),
                    Statement("When was this version made?", sheet.instant),
                ),
            ),
        ),
    )


def _asked(question: str, spec: DatasetSpec, key: str) -> Statement:
    return Statement(question, str(getattr(spec.datasheet, key)), "spec", f"datasheet.{key}")


def _composition(facts: IterationFacts, spec: DatasetSpec, sheet: VersionSheet) -> Section:
    classes = sorted(sheet.class_counts.items(), key=lambda one: (-one[1], one[0]))
    shown = tuple(
        (brief(name), f"{count:,}", percent(count / max(1, sheet.rows)))
        for name, count in classes[:MOST_CLASSES]
    )
    cut = f", the {MOST_CLASSES} largest of {len(classes)}" if len(classes) > MOST_CLASSES else ""
    splits = tuple((name, f"{count:,}") for name, count in sheet.split_counts.items())
    features = tuple(
        (name, one.kind, one.description or "not described") for name, one in spec.features.items()
    )
    away = "; ".join(
        f"{counted(gate.turned_away, 'row')} of {STAGES.get(gate.stage, gate.stage)}"
        for gate in facts.gates
        if gate.turned_away
    )
    return Section(
        "Composition",
        (
            Statement("How many rows?", f"{sheet.rows:,}", "measured"),
            Statement("What was left out?", away or "no row was turned away by a gate", "measured"),
        ),
        (
            Grid(f"Rows by class{cut}.", ("Class", "Rows", "Share"), shown, frozenset({1, 2})),
            Grid("Rows by split.", ("Split", "Rows"), splits, frozenset({1})),
            Grid("Features.", ("Column", "Kind", "What it is"), features),
        ),
    )


def _labelling(
    facts: IterationFacts, spec: DatasetSpec, sheet: VersionSheet, history: LabelHistory
) -> Section:
    done = ", ".join(f"{count:,} {word}" for word, count in history.changes.items())
    noise = facts.noise
    left = ""
    if noise.value is not None:
        basis = f"({percent(noise.value.low)} to {percent(noise.value.high)}; {noise.basis})"
        left = f"{percent(noise.value.value)} of training labels {basis}"
    people = tuple(
        (one.name, "simulated" if one.simulated else one.role, f"{one.answered:,}", _right(one))
        for one in history.people
    )
    pairs = tuple((brief(pair), f"{n:,}") for pair, n in list(history.pairs.items())[:MOST_PAIRS])
    return Section(
        "Preprocessing, cleaning and labelling",
        (
            _asked("What was done to it before?", spec, "preprocessing"),
            Statement("What did people change?", done or "nothing so far", "measured"),
            Statement("How were labels decided?", facts.policy),
            Statement("How many labels are still wrong?", left, "measured"),
            Statement("What was it made of?", ", ".join(sheet.parents)),
        ),
        (
            Grid(
                "Who decided on labels, over all iterations.",
                ("Who", "Role", "Answers", "Known answers right"), people, frozenset({2, 3}),
            ),
            Grid(
                f"Labels changed since collection, at most {MOST_PAIRS} pairs.",
                ("From > to", "Rows"), pairs, frozenset({1}),
            ),
        ),
    )  # fmt: skip


def _right(person: Person) -> str:
    return f"{person.right} of {person.known}" if person.known else "not measured"
