"""The page of a loop: what it must say, whatever the loop was like."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.augmentation import REFUSALS
from burnish.errors import DataError
from burnish.report.loop_page import headline, percent, render_loop_page, slice_rows, verdict
from burnish.report.plots import digit_image
from burnish.report.summary import (
    ConfusionPair,
    FoundExample,
    IterationSummary,
    LoopSummary,
    Measured,
    ReasonFigure,
    SliceFigure,
)

VOID = {"meta", "img", "br", "hr", "link", "input"}


def measured(value: float, half: float = 0.03) -> Measured:
    return Measured(value, max(0.0, value - half), min(1.0, value + half))


def made_turn(number: int, **changes: object) -> IterationSummary:
    share = 1 - 0.75**number
    noise = 0.2 * (1 - share) + 0.01
    turn = IterationSummary(
        iteration=number,
        reviewed=60,
        changed=36 - 4 * min(number, 5),
        errors_found=35 - 4 * min(number, 5),
        precision=0.62 - 0.08 * min(number, 5),
        noise=Measured(noise + 0.01, max(0, noise - 0.05), noise + 0.09),
        true_noise=noise,
        test_accuracy=measured(0.86 + 0.1 * share),
        accuracy_against="truth",
        worst_slice="pen_pressure: 0.25 to 0.5",
        worst_slice_accuracy=measured(0.78 + 0.12 * share, 0.07),
        augmented_kept=280 - number,
        augmented_refused=20 + number,
        refusal_reasons={"unlike_data": 14, "class_changed": 6, "a reason of one's own": 1},
        dataset_version=f"digits@{number}",
        digest="9f2b6c1e7a404ae2" * 4,
        mlflow_run_id="c0ffee" * 5 + "ab",
        promoted=number != 3,
        promotion_reason="validation accuracy +0.021 (+0.004 to +0.038), no slice clearly worse",
        seconds=4.2,
        by_reason=(ReasonFigure("audit", 54, 30, 30), ReasonFigure("control", 6, 1, 1)),
    )
    return replace(turn, **changes)  # type: ignore[arg-type]


def made_digit(seed: int) -> str:
    pixels = np.random.default_rng(seed).integers(0, 17, size=64)
    return digit_image(pixels, (8, 8))


def made_loop(turns: int = 5, **changes: object) -> LoopSummary:
    slices = ("overall", "pen_pressure: 0 to 0.25", "pen_pressure: 0.25 to 0.5", "scan A", "scan B")
    loop = LoopSummary(
        dataset="digits",
        reviewer="simulated",
        reviewer_accuracy=0.95,
        seed=7,
        home="~/loops/digits",
        baseline=measured(0.86),
        iterations=tuple(made_turn(number + 1) for number in range(turns)),
        slices_before=tuple(
            SliceFigure(name, measured(0.86 - 0.03 * i, 0.05), 360 - 80 * i)
            for i, name in enumerate(slices)
        ),
        slices_after=tuple(
            SliceFigure(name, measured(0.95 - 0.02 * i, 0.03), 360 - 80 * i)
            for i, name in enumerate(slices)
        ),
        found=tuple(
            FoundExample(f"digits-{i:04d}", str(i % 10), str((i * 3 + 1) % 10), made_digit(i))
            for i in range(12)
        ),
        commands=("burnish blame digits 0007", "burnish diff digits 1 5"),
        generated_at=datetime(2026, 3, 1, 12, 30, tzinfo=UTC),
        pairs=(ConfusionPair("4", "9", 12), ConfusionPair("1", "7", 9), ConfusionPair("8", "3", 7)),
        promotion_rule="a challenger must not be worse on validation, overall and on any slice.",
    )
    return replace(loop, **changes)  # type: ignore[arg-type]


class Reader(HTMLParser):
    """Collects tags and visible text, and checks that every element is closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    return reader


def test_headline_gives_reviews_iterations_and_both_accuracies_with_intervals():
    loop = made_loop(
        iterations=tuple(made_turn(i, test_accuracy=Measured(0.95, 0.92, 0.97)) for i in (1, 2))
    )
    assert headline(loop) == (
        "After 120 reviews in 2 iterations, test accuracy against the truth rose from "
        "0.860 (0.830 to 0.890) to 0.950 (0.920 to 0.970)."
    )
    assert headline(loop) in read(render_loop_page(loop)).text
    assert "do not overlap" in verdict(loop)


def test_a_loss_is_called_a_loss_and_an_overlap_an_overlap():
    loop = made_loop(1, iterations=(made_turn(1, test_accuracy=measured(0.85)),))
    assert "fell from 0.860" in headline(loop)
    assert "does not rule out chance" in verdict(loop)
    same = made_loop(1, iterations=(made_turn(1, test_accuracy=measured(0.86)),))
    assert "stayed at 0.860" in headline(same)


@pytest.mark.parametrize(("share", "words"), [(0.95, "95 %"), (0.995, "99.5 %"), (1.0, "100 %")])
def test_a_simulated_reviewer_is_named_before_any_figure(share, words):
    text = read(render_loop_page(made_loop(reviewer_accuracy=share))).text
    body = text[text.index("Skip to the content") :]
    said = f"simulated reviewer, right {words} of the time"
    assert said in body[: body.index("After ")]
    assert "no person made them" in body


def test_decisions_from_a_file_are_not_called_simulated():
    loop = made_loop(reviewer="file", reviewer_accuracy=None)
    text = read(render_loop_page(loop)).text
    assert "decisions read from a file" in text
    assert "imulated" not in text


@pytest.mark.parametrize(
    ("reviewer", "words", "simulated"),
    [
        ("desk", "decided by people at the review desk", False),
        ("mixed", "decided by people, and by a simulated reviewer", True),
    ],
)
def test_a_program_that_decided_some_rows_is_named_beside_people(reviewer, words, simulated):
    loop = made_loop(reviewer=reviewer, reviewer_accuracy=None)
    text = read(render_loop_page(loop)).text
    assert words in text
    assert ("a program that knows the true labels" in text) == simulated
    assert "no person made them" not in text


def test_without_truth_accuracy_is_against_given_labels_and_nothing_is_truly_wrong():
    turns = tuple(
        made_turn(
            i,
            errors_found=None,
            true_noise=None,
            accuracy_against="given labels",
            by_reason=(ReasonFigure("audit", 54, 30),),
        )
        for i in (1, 2)
    )
    loop = made_loop(reviewer="file", reviewer_accuracy=None, iterations=turns)
    text = read(render_loop_page(loop)).text
    assert "against the given labels" in text
    assert "against the truth" not in text
    assert "truth not known" in text
    assert "Truth is not known here" in text


@pytest.mark.parametrize("turns", [1, 2, 100])
def test_every_iteration_has_its_row_in_every_table(turns):
    reader = read(render_loop_page(made_loop(turns)))
    rows = [attrs for tag, attrs in reader.tags if tag == "th" and attrs.get("scope") == "row"]
    # Batches (and one line before), augmentation, promotion, versions; reasons; slices.
    assert len(rows) == 4 * turns + 1 + 2 + 5


def test_a_loop_that_found_nothing_still_has_a_page():
    turn = made_turn(
        1,
        changed=0,
        errors_found=None,
        precision=None,
        noise=None,
        true_noise=None,
        worst_slice="",
        worst_slice_accuracy=None,
        augmented_kept=0,
        augmented_refused=0,
        refusal_reasons={},
        mlflow_run_id=None,
        by_reason=(),
    )
    loop = made_loop(
        baseline=None,
        iterations=(turn,),
        slices_before=(),
        slices_after=(),
        found=(),
        pairs=(),
        commands=(),
        promotion_rule="",
    )
    text = read(render_loop_page(loop)).text
    assert "No label was changed." in text
    assert "No row was made up." in text
    assert "not tracked" in text


def test_the_page_fetches_nothing_and_runs_nothing():
    page = render_loop_page(made_loop())
    reader = read(page)
    for tag, attrs in reader.tags:
        assert tag not in {"script", "link", "iframe", "object", "form"}
        for name, value in attrs.items():
            assert not name.startswith("on")
            if name in {"src", "href", "srcset", "action"}:
                assert str(value).startswith(("#", "data:image/png;base64,"))
    assert "url(" not in page
    assert "@import" not in page
    # The name of the SVG namespace is the one address on the page.
    assert set(re.findall(r"https?://[^\"'\s<]+", page)) == {"http://www.w3.org/2000/svg"}


def test_the_page_can_be_read_without_eyes():
    reader = read(render_loop_page(made_loop()))
    tags = [tag for tag, _ in reader.tags]
    assert tags.count("h1") == tags.count("main") == tags.count("header") == 1
    assert tags.count("table") == tags.count("caption") > 5
    assert all(attrs.get("alt") for tag, attrs in reader.tags if tag == "img")
    assert all(attrs.get("aria-label") for tag, attrs in reader.tags if tag == "svg")
    assert all(attrs.get("scope") for tag, attrs in reader.tags if tag == "th")
    ids = [attrs["id"] for _, attrs in reader.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    links = {str(a["href"])[1:] for tag, a in reader.tags if tag == "a"}
    assert links <= set(ids)


@settings(max_examples=25, deadline=None)
@given(st.text(min_size=1, max_size=200))
def test_text_from_data_never_becomes_markup(words):
    turn = made_turn(1, worst_slice=words, promotion_reason=words, refusal_reasons={words: 1})
    loop = made_loop(
        dataset=words,
        home=words,
        iterations=(turn,),
        slices_after=(SliceFigure(words, measured(0.5), 3),),
        found=(FoundExample(words, words, words, text=words),),
        pairs=(ConfusionPair(words, words, 1),),
        commands=(words,),
        promotion_rule=words,
        rollbacks=(words,),
        limits=(words,),
    )
    plain = replace(
        loop,
        dataset="x",
        home="x",
        commands=("x",),
        promotion_rule="x",
        rollbacks=("x",),
        limits=("x",),
        slices_after=(SliceFigure("x", measured(0.5), 3),),
        found=(FoundExample("x", "x", "x", text="x"),),
        pairs=(ConfusionPair("x", "x", 1),),
        iterations=(
            replace(turn, worst_slice="x", promotion_reason="x", refusal_reasons={"x": 1}),
        ),
    )
    tags = [tag for tag, _ in read(render_loop_page(loop)).tags]
    expected = [tag for tag, _ in read(render_loop_page(plain)).tags]
    if words != "overall" and words not in {cut.name for cut in loop.slices_before}:
        assert tags == expected


def test_a_rollback_stands_beside_the_promotions():
    told = "On 2026-01-31 Ada rolled back from pets@iter2 to pets@iter1: cats got worse."
    assert told in read(render_loop_page(made_loop(rollbacks=(told,)))).text


def test_reasons_for_refusal_are_explained():
    text = read(render_loop_page(made_loop())).text
    assert "a reason of one's own: 1; class_changed: 6; unlike_data: 14" in text
    assert REFUSALS["class_changed"] in text
    assert REFUSALS["duplicate"] not in text


def test_slices_are_joined_by_name_with_overall_on_top():
    before = (SliceFigure("a", measured(0.9), 5), SliceFigure("overall", measured(0.95), 50))
    after = (SliceFigure("b", measured(0.7), 8), SliceFigure("overall", measured(0.97), 50))
    rows = slice_rows(before, after)
    assert [row.name for row in rows] == ["overall", "b", "a"]
    assert rows[1].before is None
    assert rows[2].after is None


def test_json_has_the_keys_that_readers_rely_on():
    loop = json.loads(json.dumps(made_loop(2).to_json()))
    assert {"dataset", "reviewer", "baseline", "iterations"} <= set(loop)
    turn = loop["iterations"][0]
    promised = {
        *("iteration", "reviewed", "changed", "errors_found", "precision", "noise"),
        *("test_accuracy", "worst_slice", "dataset_version", "digest", "mlflow_run_id", "promoted"),
    }
    assert promised <= set(turn)
    assert set(turn["noise"]) == set(turn["test_accuracy"]) == {"value", "low", "high"}


def test_noise_that_gold_items_corrected_is_said_to_be_wrong_and_not_what_reviewers_change():
    turn = replace(made_turn(1), noise_corrected=True)
    page = render_loop_page(made_loop(iterations=(turn,)))
    assert "Training labels still wrong" in page
    assert "reviewers would still change" not in page
    assert "reviewers would still change" in render_loop_page(made_loop())


def test_pairs_are_counted_from_the_examples_where_none_are_given():
    rows = tuple(FoundExample(str(i), "4", "9" if i else "1") for i in range(3))
    pairs = made_loop(found=rows, pairs=()).confusion_pairs()
    assert pairs == (ConfusionPair("4", "9", 2), ConfusionPair("4", "1", 1))


def test_figures_that_cannot_be_are_refused():
    with pytest.raises(DataError, match="nan"):
        Measured(float("nan"), 0, 1)
    with pytest.raises(DataError, match=r"0\.9 to 0\.1"):
        Measured(0.5, 0.9, 0.1)
    with pytest.raises(DataError, match="no iteration"):
        made_loop(iterations=())
    with pytest.raises(DataError, match="data:image"):
        FoundExample("1", "a", "b", image_uri="https://example.org/x.png")


@given(st.floats(0, 1))
def test_a_share_inside_zero_and_one_is_never_shown_as_all_or_nothing(share):
    shown = percent(share)
    assert (shown == "100 %") == (share == 1)
    assert (shown == "0 %") == (share == 0)


def test_pages_that_say_more_are_linked_where_there_are_any():
    found = read(render_loop_page(made_loop(), links={"The return": "return.html?a=1&b=2"}))
    assert ("a", {"href": "return.html?a=1&b=2"}) in found.tags
    assert "The return" not in read(render_loop_page(made_loop())).text


def test_without_test_rows_the_page_says_so_and_draws_no_curve():
    turns = tuple(made_turn(number, test_accuracy=None) for number in (1, 2))
    none = made_loop(iterations=turns, baseline=None, slices_before=(), slices_after=())
    page = render_loop_page(none)
    assert "test accuracy is not known: there are no test rows" in read(page).text
    assert "Test accuracy by rows reviewed" not in page
