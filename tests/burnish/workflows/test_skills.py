"""Answers of which the right one is known are counted, by person and pair of classes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from burnish.records import LabelEvent, Verdict
from burnish.review.skill import Tally
from burnish.workflows.skills import tallies

EIGHT = Verdict("a", "keep", "8", "8", author="ada", evidence={"suggested_label": "3"})


def events(*verdicts: Verdict) -> list[LabelEvent]:
    at = datetime(2026, 11, 26, tzinfo=UTC)
    return [LabelEvent(n, "digits", one, at, "") for n, one in enumerate(verdicts, start=1)]


def test_gold_answers_count_in_both_directions_of_a_pair():
    three = Verdict("b", "keep", "3", "3", author="ada", evidence={"suggested_label": "8"})
    found = tallies(events(EIGHT, three), {"a": "3", "b": "3"})
    assert found == {"ada": {("3", "8"): Tally(1, 2)}}


def test_a_reviewers_decision_tells_who_was_right_and_is_no_answer_itself():
    other = replace(EIGHT, author="bob", decision="change", to_label="3")
    decided = replace(other, author="rob", evidence={"suggested_label": "3", "decides": True})
    found = tallies(events(EIGHT, other, decided), {})
    assert found == {"ada": {("3", "8"): Tally(0, 1)}, "bob": {("3", "8"): Tally(1, 1)}}


def test_what_is_known_only_of_agreement_does_not_count():
    assert tallies(events(EIGHT, replace(EIGHT, author="bob")), {}) == {}


def test_later_answers_unsure_ones_and_restated_ones_do_not_count():
    again = replace(EIGHT, evidence=dict(EIGHT.evidence) | {"again": True})
    unsure = replace(EIGHT, author="bob", decision="unsure", to_label=None)
    restated = replace(EIGHT, author="gold", role="gold", to_label="3", decision="change")
    assert tallies(events(again, unsure, restated), {"a": "3"}) == {}
