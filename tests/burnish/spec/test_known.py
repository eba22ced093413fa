"""Names that a spec knows without importing what they stand for are the names that there are."""

import great_expectations.expectations as gxe
import pytest

from burnish.acquisition.batch import control_rows
from burnish.augmentation import builtin_augmenters
from burnish.spec import Review
from burnish.spec.expectations import COMMON, EXPECTATIONS, NEEDS_DATABASE
from burnish.spec.known import AUGMENTERS


def installed() -> dict[str, type]:
    """The expectations of the installed Great Expectations, by name."""
    found = (getattr(gxe, name) for name in dir(gxe))
    kinds = {str(getattr(kind, "expectation_type", "")): kind for kind in found}
    return {name: kind for name, kind in kinds.items() if name.startswith("expect_")}


def test_augmenters_are_those_that_are_built_in() -> None:
    assert {one.name: one.kind for one in builtin_augmenters().values()} == AUGMENTERS


def test_expectations_are_those_of_great_expectations() -> None:
    assert set(EXPECTATIONS) | NEEDS_DATABASE == set(installed())
    assert not set(EXPECTATIONS) & NEEDS_DATABASE


@pytest.mark.parametrize("name", EXPECTATIONS)
def test_arguments_are_those_of_great_expectations(name: str) -> None:
    fields = installed()[name].__fields__
    takes = EXPECTATIONS[name]
    assert set(takes.known) == set(fields) - COMMON
    assert set(takes.required) == {key for key, field in fields.items() if field.required}


@pytest.mark.parametrize("budget", range(1, 12))
@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.25, 0.5, 0.6, 0.75, 0.99])
def test_a_review_is_refused_where_all_of_it_would_be_drawn_at_random(
    budget: int, share: float
) -> None:
    drawn = control_rows(budget, share, 1000)
    if drawn < budget:
        assert Review(budget=budget, control_share=share).budget == budget
        return
    with pytest.raises(ValueError, match="leaves no row to suspect"):
        Review(budget=budget, control_share=share)


def test_a_time_takes_the_place_of_a_budget() -> None:
    assert Review(minutes=10, seconds_per_review=15).rows() == 40
    assert Review(minutes=10).rows(6.0) == 100
    assert Review(minutes=0.5, seconds_per_review=60, control_share=0).rows() == 1
    with pytest.raises(ValueError, match="give budget or minutes, not both"):
        Review(minutes=10, budget=30)
    with pytest.raises(ValueError, match="leaves no row to suspect"):
        Review(minutes=0.5)
    written_out = Review(minutes=10).model_dump(mode="json")
    assert Review.model_validate(written_out) == Review(minutes=10)


def test_known_answers_leave_room_for_suspects_too() -> None:
    assert Review(budget=3, gold="known.csv").rows() == 3
    with pytest.raises(ValueError, match=r"gold_share 0\.05 of a budget of 2 is 2 at random"):
        Review(budget=2, gold="known.csv")


@pytest.mark.parametrize(
    ("keys", "people"),
    [
        ({}, (1, 1)),
        ({"policy": "double_blind"}, (2, 2)),
        ({"policy": "n_of_m", "answers": 3, "agree": 2}, (3, 2)),
        ({"policy": "n_of_m", "answers": 5, "agree": 5}, (5, 5)),
    ],
)
def test_a_policy_says_how_many_people_answer_and_must_agree(
    keys: dict[str, object], people: tuple[int, int]
) -> None:
    review = Review.model_validate(keys)
    assert review.people == people
    assert Review.model_validate(review.model_dump(mode="json")) == review


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ({"policy": "double_blind", "answers": 3}, "are for policy: n_of_m; double_blind asks 2"),
        ({"agree": 2}, "are for policy: n_of_m; single asks 1"),
        ({"policy": "n_of_m"}, "needs answers"),
        ({"policy": "n_of_m", "answers": 4, "agree": 2}, "no majority of two or more"),
        ({"policy": "n_of_m", "answers": 1, "agree": 1}, "no majority of two or more"),
        ({"policy": "n_of_m", "answers": 2, "agree": 3}, "no majority of two or more"),
    ],
)
def test_a_policy_that_two_camps_could_fulfil_is_refused(
    keys: dict[str, object], found: str
) -> None:
    with pytest.raises(ValueError, match=found):
        Review.model_validate(keys)
