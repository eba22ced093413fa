"""The report of an iteration says what happened, what was not seen, and stays whole on odd data."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.report.iteration_facts import Bought, KnownAnswers, Noise, Person
from burnish.report.iteration_outlook import limits, what_next
from burnish.report.iteration_page import iteration_context, render_iteration_page
from burnish.report.iteration_words import headline, points, ruler_words, worse_words
from burnish.report.return_page import GainLine
from burnish.report.summary import ConfusionPair, Measured
from tests.burnish.report.iteration_facts_made import effect, line, made_facts

NASTY = "<script>alert('x')</script>\"'&"


class Reader(HTMLParser):
    """The tags, ids, targets and words of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.tags.append(tag)
        self.ids += [told["id"] or ""] if "id" in told else []
        self.targets += [told["href"] or ""] if "href" in told else []
        self.open.append(tag)

    def handle_data(self, data: str) -> None:
        if self.open[-1:] not in (["style"], ["title"], ["desc"]):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def test_the_page_has_every_section_and_its_own_links_arrive():
    read = Reader(render_iteration_page(made_facts()))
    for name in ("changes", "people", "effect", "worse", "calibration", "state", "decision",
                 "limits", "next"):  # fmt: skip
        assert name in read.ids
    inside = [where[1:] for where in read.targets if where.startswith("#")]
    assert set(inside) <= set(read.ids)
    assert "../versions/2.html" in read.targets
    assert "script" not in read.tags


def test_what_got_worse_is_named_with_its_size_and_stands_in_the_headline():
    facts = made_facts(effect=effect(line("scanC", "worse", loss=0.12), line("scanA")))
    assert headline(facts) == (
        "1 label changed; the model is not shown to be better or worse, but worse on 1 part of "
        "the data"
    )
    assert worse_words(facts.effect)[0] == "Shown to be worse: scanC (−12.0 points)."
    assert "Parts of the data that are shown to be worse" in render_iteration_page(facts)
    assert any("scanC" in sentence for sentence in what_next(facts))


def test_where_nothing_got_worse_the_loss_that_would_have_been_missed_is_said():
    quiet = effect(line("a"), line("b", low_all=-0.3, high_all=0.3))
    said = " ".join(worse_words(quiet))
    assert "Nothing is shown to have got worse" in said
    assert "overall, a true loss of 4.0 points" in said
    assert "4.0 points (a) to 30.0 (b)" in said


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(0.001, 1))
def test_a_loss_beyond_what_would_show_lies_below_zero_with_its_limits(moved, below, above):
    one = line("a", difference=moved, low_all=moved - below, high_all=moved + above)
    assert one.would_show is not None
    lost = -one.would_show - 1e-6
    assert lost + above < 0
    assert lost + 2e-6 + above > 0  # and a smaller one does not


def test_too_few_rows_are_told_apart_from_nothing_shown():
    few = effect(line("rare", "too few", support=3))
    assert "Too few rows to say anything: rare (3 rows)." in worse_words(few)
    assert any("Hold out more rows of rare" in one for one in what_next(made_facts(effect=few)))


def test_another_ruler_is_told_apart_from_another_model():
    same = effect()
    assert "against the same labels" in ruler_words(same)
    other = effect(labels_changed=7, old_ruler=line("overall", loss=0.03))
    said = ruler_words(other)
    assert "7 labels of these test rows changed" in said
    assert "On the labels of then the difference is −3.0" in said
    assert "on those of now 0.0" in said


def test_simulated_people_are_called_simulated():
    bot = Person("bot", "simulated", answered=3, changed=1)
    facts = made_facts()
    facts = replace(facts, changes=replace(facts.changes, people=(bot,)))
    text = Reader(render_iteration_page(facts)).text
    assert "All decisions are simulated." in text
    assert any("stands in for people" in one for one in limits(facts))
    both = replace(facts.changes, people=(bot, Person("Ann", "annotator", 1, 0)))
    assert "Some decisions are simulated." in render_iteration_page(replace(facts, changes=both))
    assert "simulated" not in Reader(render_iteration_page(made_facts())).text


def test_who_approved_is_named():
    eve = Person("Eve", "reviewer", answered=0, changed=0, approved=4)
    facts = made_facts()
    changed = replace(facts.changes, people=(*facts.changes.people, eve))
    context = iteration_context(replace(facts, changes=changed))
    assert context.approvers == (eve,)
    assert [one.name for one in context.deciders] == ["Ann"]
    assert "Nobody approved" in Reader(render_iteration_page(facts)).text


def test_what_is_not_known_is_not_known_and_never_zero():
    unknown = Noise(None, None, 60, "", False)
    bare = made_facts(effect=None, accuracy=None, calibration=None, augmented=None, noise=unknown)
    text = Reader(render_iteration_page(replace(bare, gates=(), examples=()))).text
    assert text.count("ot known") >= 6
    assert "0 %" not in text
    assert headline(bare) == "1 label changed; no row shows what that did to the model"


def test_a_hostile_data_set_still_gives_a_page():
    long = "class of " + "x" * 5000
    pairs = tuple(ConfusionPair(f"{NASTY}{n}", long, 1) for n in range(300))
    facts = made_facts()
    changes = replace(
        facts.changes, pairs=pairs, slices={NASTY: 2, long: 1}, people=(Person(NASTY, NASTY, 1, 1),)
    )
    shown = replace(facts.examples[0], example_id=long, before=NASTY, after=None, author=NASTY)
    slices = [line(f"{long}{n}", "too few" if n % 2 else "not shown") for n in range(300)]
    page = render_iteration_page(
        replace(facts, description=NASTY, changes=changes, examples=(shown,),
                effect=effect(*slices))
    )  # fmt: skip
    read = Reader(page)
    assert "script" not in read.tags
    assert "x" * 200 not in read.text
    assert "The 12 most frequent of 300 pairs." in read.text
    assert len(page) < 400_000


def test_a_page_for_where_nothing_can_be_reached_has_no_link_but_to_itself():
    read = Reader(render_iteration_page(made_facts().without_links()))
    assert read.targets == ["#main"]


def test_the_facts_are_plain_json():
    told = json.loads(json.dumps(made_facts().to_json()))
    assert told["effect"]["overall"]["before"] == 0.9
    assert told["closed_at"] == "2026-01-02T03:04:00+00:00"


def test_few_errors_left_end_the_advice_to_go_on():
    few = made_facts(noise=Noise(Measured(0.001, 0.0, 0.003), None, 10_000, "gold", True))
    assert "further reviews will find little" in " ".join(what_next(few))
    many = made_facts(noise=Noise(Measured(0.2, 0.15, 0.25), None, 100, "gold", True))
    assert "About 20 of 100 training labels are estimated to be still wrong (15 to 25)" in (
        " ".join(what_next(many))
    )


@given(st.floats(-1, 1))
def test_points_carry_their_sign_and_never_a_negative_zero(value):
    shown = points(value)
    assert shown == "0.0" or shown[0] in "+−"
    assert float(shown.replace("−", "-")) == pytest.approx(100 * value, abs=0.0501)


def bad_batch(finding: str = "worse") -> Bought:
    told = {
        "name": "batch 2", "reviews": 300, "changed": 90, "hours": 2.5, "timed": "as the spec says",
        "split": "held out", "slice": "overall", "support": 400, "without": 0.9, "having": 0.85,
        "gain": -0.05, "low": -0.07, "high": -0.03, "low_all": -0.08, "high_all": -0.02,
    }  # fmt: skip
    own = (GainLine(**told, finding="not shown"), GainLine(**told, finding=finding))
    return Bought((1, 2), own, "Batch 2 made the model worse.", "../return.html")


def test_a_batch_that_is_shown_to_have_hurt_is_named_at_the_top_and_its_page_linked():
    page = render_iteration_page(made_facts(bought=bad_batch()))
    text = Reader(page).text
    assert text.index("Batch 2 made the model worse.") < text.index("What changed in the data")
    assert "is worth −5.0 points of accuracy on 400 held-out rows" in text
    assert 'href="../return.html"' in page
    harmless = made_facts(bought=replace(bad_batch("not shown"), headline="None is shown."))
    assert "made the model worse" not in render_iteration_page(harmless)


def test_what_was_not_measured_is_said_and_a_page_that_is_kept_says_nothing_of_it():
    assert "burnish return pets" in Reader(render_iteration_page(made_facts(bought=Bought()))).text
    others = replace(bad_batch(), own=(), measured=(5, 6))
    said = Reader(render_iteration_page(made_facts(bought=others))).text
    assert "This batch was not measured; batches 5, 6 were." in said
    assert "What this batch bought" not in render_iteration_page(made_facts())


def test_a_reviewer_who_is_too_often_wrong_is_named_among_the_people():
    known = KnownAnswers(True, ("Ann",), "1 of 9 gold items of the batch were answered rightly")
    text = Reader(render_iteration_page(made_facts(known_answers=known))).text
    assert "The answers of this batch are not to be trusted." in text
    assert "Ann too often wrong" in " ".join(text.split())


def test_why_nothing_is_known_of_what_the_model_reads_is_said_and_escaped():
    page = render_iteration_page(made_facts(unread="1 rows of <b>test</b>"))
    assert "Not known: 1 rows of &lt;b&gt;test&lt;/b&gt;." in page


def test_parts_of_too_few_rows_stand_apart_from_those_that_are_judged():
    few = [line(f"class:{n}", "too few", support=3) for n in range(100)]
    page = iteration_context(made_facts(effect=effect(*few, line("source:home"))))
    assert [one.slice for one in page.slices] == ["source:home"]
    assert (page.slices_in_all, page.few_in_all) == (1, 100)
    assert "Parts of too few rows to judge (100)" in render_iteration_page(page.facts)
