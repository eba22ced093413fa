"""Cards say what was measured, and mark what only a person can say."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from burnish.report.cards import Card, Grid, Section, Statement, card_markdown, render_card
from burnish.report.data_card import LabelHistory, data_card
from burnish.report.datasheet import VersionSheet
from burnish.report.iteration_facts import Person
from burnish.report.model_card import ModelFacts, SliceScore, model_card
from burnish.spec import DatasetSpec
from tests.burnish.report.iteration_facts_made import made_facts

NASTY = "<img src=x onerror=alert(1)> | # `x`"


def spec(**parts: Any) -> DatasetSpec:
    return DatasetSpec.model_validate(
        {
            "name": "pets", "source": {"path": "pets.csv"}, "target": "label",
            "features": {"weight": {"kind": "numeric", "description": "kilograms"}}, **parts,
        }
    )  # fmt: skip


def facts_of_model(*scores: SliceScore) -> ModelFacts:
    return ModelFacts({"model": "logistic"}, ("cat", "dog"), 60, 9, {"test": 18}, "test", scores)


def sheet(**counts: int) -> VersionSheet:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return VersionSheet(
        "pets", 2, "", "", "", "", "", "", "", "", ("pets/validated_examples@1",), 3, "0" * 64,
        sum(counts.values()), counts, {"train": 60}, {}, 2, at, (),
    )  # fmt: skip


def test_a_model_card_has_the_sections_of_its_paper_in_order():
    card = model_card(made_facts(), spec(), facts_of_model())
    assert [section.title for section in card.sections] == [
        "Model details", "Intended use", "Factors", "Metrics", "Evaluation data", "Training data",
        "Quantitative analyses", "Ethical considerations", "Caveats and recommendations",
    ]  # fmt: skip


def test_a_data_card_has_the_sections_of_its_paper_in_order():
    history = LabelHistory({"relabelled": 2}, {"cat > dog": 2}, (Person("Ann", "annotator", 3, 2),))
    card = data_card(made_facts(), spec(), sheet(cat=50, dog=40), history)
    assert [section.title for section in card.sections] == [
        "Motivation", "Composition", "Collection process", "Preprocessing, cleaning and labelling",
        "Uses", "Distribution", "Maintenance",
    ]  # fmt: skip
    page = render_card(card)
    assert "2 relabelled" in page
    assert "cat &gt; dog" in page
    assert "55.6 %" in page


def test_what_only_a_person_can_say_is_marked_until_the_spec_says_it():
    blank = model_card(made_facts(), spec(), facts_of_model())
    assert {"card.intended_use", "card.out_of_scope", "card.ethical", "card.caveats"} <= {
        one.key for one in blank.blanks
    }
    assert "card.intended_use" in render_card(blank)
    assert "`card.intended_use` of the spec" in card_markdown(blank)
    told = model_card(made_facts(), spec(card={"intended_use": "To sort pets."}), facts_of_model())
    assert "card.intended_use" not in {one.key for one in told.blanks}
    assert "To sort pets." in render_card(told)


def test_metrics_are_told_by_slice_and_unknown_ones_as_such():
    score = SliceScore("source:home", 9, "0.889 (0.565 to 0.980)", {"log_loss": None, "ece": 0.1})
    page = render_card(model_card(made_facts(), spec(), facts_of_model(score)))
    assert "source:home" in page
    assert "0.889 (0.565 to 0.980)" in page
    assert '<td class="num">not known</td>' in page


def test_what_people_and_data_say_is_text_on_the_page_and_in_markdown():
    card = Card(
        "data", NASTY, NASTY, NASTY,
        (Section("Uses", (Statement("For what?", NASTY),),
                 (Grid(NASTY, (NASTY, "n"), ((NASTY, "1"),), frozenset({1})),)),),
        (("license", 'a: "b"\n- c'),),
    )  # fmt: skip
    assert "<img" not in render_card(card)
    text = card_markdown(card)
    assert "<img" not in text
    assert text.splitlines()[1] == 'license: "a: \\"b\\"\\n- c"'
    row = next(line for line in text.splitlines() if line.endswith("| 1 |"))
    assert row.replace("\\|", "").count("|") == 3


def test_a_card_for_where_nothing_can_be_reached_has_no_links():
    page = render_card(model_card(made_facts(), spec(), facts_of_model()))
    assert page.count("href=") == 1  # to its own content
