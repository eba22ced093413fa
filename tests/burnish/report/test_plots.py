"""Plots: what is drawn stands where it should, and no text ever becomes markup."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from burnish.calibration import reliability_of
from burnish.errors import DataError
from burnish.report import svg
from burnish.report.plots import (
    Bar,
    IntervalRow,
    Point,
    Series,
    bar_chart,
    calibration_chart,
    confusion_matrix_svg,
    digit_image,
    dot_interval_chart,
    line_chart,
    reliability_diagram,
)

NS = "{http://www.w3.org/2000/svg}"
numbers = st.floats(-1e9, 1e9, allow_nan=False)


def every_plot(words: str) -> list[str]:
    line = Series(words, (Point(0, 1, 0.5, 1.5), Point(1, 2)))
    return [
        line_chart([line, line], x_label=words, y_label=words, title=words),
        bar_chart([Bar(words, 3)], value_label=words, title=words),
        confusion_matrix_svg([[1, 2], [0, 3]], [words, "b"], title=words),
        reliability_diagram([0.9, 0.2], [True, False], title=words),
        calibration_chart(
            {
                words + ".": (one := reliability_of([0.9, 0.2], [True, False], event=words)),
                "b": one,
            },
            title=words,
        ),
        dot_interval_chart(
            [IntervalRow(words, 1, 0, 2, series=words)], value_label=words, title=words
        ),
    ]


def legal(words: str) -> str:
    return svg._ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", words)


@given(st.text(max_size=60))
def test_text_is_escaped_and_comes_back_as_it_was(words):
    shapes = [[part.tag for part in ET.fromstring(one).iter()] for one in every_plot("x")]
    for drawn, shape in zip(every_plot(words), shapes, strict=True):
        root = ET.fromstring(drawn)
        assert [part.tag for part in root.iter()] == shape
        assert (root.findtext(f"{NS}title") or "") == legal(words)


def test_every_plot_is_read_out_and_fetches_nothing():
    for drawn in every_plot("a name"):
        root = ET.fromstring(drawn)
        assert root.get("role") == "img"
        assert (root.get("aria-label") or "").startswith("a name. ")
        assert root.findtext(f"{NS}desc")
        assert "href" not in drawn
        assert "url(" not in drawn


def test_series_differ_without_colour():
    points = (Point(0, 1), Point(1, 2))
    drawn = line_chart(
        [Series(f"s{i}", points) for i in range(4)], x_label="x", y_label="y", title="t"
    )
    dashes = [part.get("stroke-dasharray") for part in ET.fromstring(drawn).iter(f"{NS}polyline")]
    assert len(set(dashes)) == 4


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=30))
def test_every_point_lies_inside_the_drawing(pairs):
    series = Series("s", tuple(Point(x, y, y - 1, y + 1) for x, y in pairs))
    root = ET.fromstring(line_chart([series], x_label="x", y_label="y", title="t"))
    _, _, width, height = (float(part) for part in root.get("viewBox", "").split())
    for line in root.iter(f"{NS}polyline"):
        for place in (line.get("points") or "").split():
            across, down = (float(part) for part in place.split(","))
            assert 0 <= across <= width
            assert 0 <= down <= height


def test_a_higher_value_stands_higher_and_a_later_one_further_right():
    series = Series("s", (Point(0, 0.8), Point(60, 0.9)))
    root = ET.fromstring(line_chart([series], x_label="x", y_label="y", title="t"))
    (line,) = root.iter(f"{NS}polyline")
    first, last = ((line.get("points") or "").split()[i].split(",") for i in (0, 1))
    assert float(last[0]) > float(first[0])
    assert float(last[1]) < float(first[1])


def test_many_points_get_a_band_and_few_get_whiskers():
    def drawn(count: int) -> str:
        points = tuple(Point(i, 0.5, 0.4, 0.6) for i in range(count))
        return line_chart([Series("s", points)], x_label="x", y_label="y", title="t")

    assert "<polygon" not in drawn(5)
    assert "<polygon" in drawn(100)


def test_bars_are_as_long_as_their_values():
    drawn = bar_chart([Bar("a", 10), Bar("b", 5), Bar("c", 0)], value_label="rows", title="t")
    widths = [float(part.get("width", "")) for part in ET.fromstring(drawn).iter(f"{NS}rect")]
    assert widths[0] == pytest.approx(2 * widths[1])
    assert widths[2] == 0


def test_a_confusion_matrix_shows_its_counts_row_by_row():
    drawn = confusion_matrix_svg([[30, 2], [0, 1111]], ["fine", "toxic"], title="t")
    said = [part.text for part in ET.fromstring(drawn).iter(f"{NS}text")]
    assert [word for word in said if (word or "").replace(",", "").isdigit()] == [
        *("30", "2", "1,111")
    ]
    assert "1,141 of 1,143 on the diagonal" in drawn


def test_a_reliability_diagram_tells_sure_and_wrong_apart():
    rng = np.random.default_rng(0)
    sure = rng.random(2000)
    drawn = reliability_diagram(sure, rng.random(2000) < sure)
    notes = [part.text or "" for part in ET.fromstring(drawn).iter(f"{NS}title")][1:]
    assert len(notes) == 10
    for note in notes:
        said, counted = note.removeprefix("confidence ").split(": ")
        right, of, _ = counted.replace(" of ", " ").split()
        assert int(right) / int(of) == pytest.approx(float(said), abs=0.12)


def test_a_calibration_chart_tells_before_and_after_apart_without_colour():
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.5, 1, 3000)
    right = rng.random(3000) < 0.25 + sure / 2
    before, after = reliability_of(sure, right), reliability_of(0.25 + sure / 2, right)
    drawn = calibration_chart({"before": before, "after": after}, title="Test <split>")
    root = ET.fromstring(drawn)
    shapes = {(part.get("d") or "").count("a") for part in root.iter(f"{NS}path")}
    fills = {(part.get("style") or "").split(";")[0] for part in root.iter(f"{NS}path")}
    assert shapes == {0, 2}, "circles before, squares after"
    assert fills == {f"fill:{svg.PAPER}", f"fill:{svg.colour(1)}"}
    notes = [part.text or "" for part in root.iter(f"{NS}title")]
    assert sum(note.startswith("before, confidence") for note in notes) == len(before.bins)
    said = (root.find(f"{NS}desc").text or "").split(" after: ")
    assert int(said[0].split("15 bins ")[1].split()[0]) >= 8, "before, bins lie below"
    assert int(said[1].split("15 bins ")[1].split()[0]) <= 2


def test_a_whisker_of_a_calibration_chart_spans_the_interval_of_its_bin():
    (only,) = reliability_of([0.75] * 8, [True] * 6 + [False] * 2, event="cat").bins
    root = ET.fromstring(
        calibration_chart({"": reliability_of([0.75] * 8, [True] * 6 + [False] * 2, event="cat")})
    )
    upright = [
        line
        for line in root.iter(f"{NS}line")
        if line.get("x1") == line.get("x2") and svg.colour(0) in (line.get("style") or "")
    ]
    (whisker,) = upright
    heights = [320 - 300 * limit for limit in (only.low, only.high)]
    assert [float(whisker.get("y1")), float(whisker.get("y2"))] == pytest.approx(heights, abs=0.01)
    assert "claimed probability of cat" in [part.text for part in root.iter(f"{NS}text")]


def test_series_that_cannot_share_a_plot_are_refused():
    one, other = (reliability_of([0.5], [True], event=event) for event in ("a", "b"))
    for series in ({}, {"x": one, "y": other}, dict.fromkeys("abcde", one)):
        with pytest.raises(DataError):
            calibration_chart(series)


def test_before_is_hollow_and_after_is_filled():
    rows = [IntervalRow("a", 0.5, 0.4, 0.6, series=moment) for moment in ("before", "after")]
    root = ET.fromstring(dot_interval_chart(rows, value_label="accuracy", title="t"))
    fills = {(part.get("style") or "").split(";")[0] for part in root.iter(f"{NS}path")}
    assert fills == {f"fill:{svg.PAPER}", f"fill:{svg.colour(1)}"}


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_numbers_that_are_none_are_refused(bad):
    with pytest.raises(DataError):
        line_chart([Series("s", (Point(0, bad),))], x_label="x", y_label="y", title="t")
    with pytest.raises(DataError):
        bar_chart([Bar("a", bad)], value_label="v", title="t")
    with pytest.raises(DataError):
        confusion_matrix_svg([[bad]], ["a"], title="t")
    with pytest.raises(DataError, match="row 1"):
        reliability_diagram([0.5, bad], [True, False])
    with pytest.raises(DataError):
        dot_interval_chart([IntervalRow("a", 1, bad, 2)], value_label="v", title="t")
    with pytest.raises(DataError, match="pixel 2"):
        digit_image([0, 1, bad, 2], (2, 2))


def test_nothing_to_draw_is_refused():
    with pytest.raises(DataError):
        line_chart([], x_label="x", y_label="y", title="t")
    with pytest.raises(DataError):
        bar_chart([], value_label="v", title="t")
    with pytest.raises(DataError):
        dot_interval_chart([], value_label="v", title="t")
    with pytest.raises(DataError):
        confusion_matrix_svg(np.zeros((0, 0)), [], title="t")


def opened(uri: str) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(b64decode(uri.removeprefix("data:image/png;base64,")))))


def test_an_image_of_numbers_comes_back_pixel_by_pixel():
    values = np.arange(64) % 17
    back = opened(digit_image(values, (8, 8)))
    assert back.shape == (8, 8)
    assert np.array_equal(back.ravel(), np.round(values / 16 * 255))
    assert opened(digit_image(np.arange(12), (2, 2, 3))).shape == (2, 2, 3)
    assert opened(digit_image(np.zeros(4), (2, 2, 1))).max() == 0
    assert opened(digit_image([5.0], (1, 1), value_range=(0, 10)))[0, 0] == 128


@pytest.mark.parametrize("shape", [(8, 9), (64,), (4, 4, 4), (0, 64)])
def test_an_image_of_another_shape_is_refused(shape):
    with pytest.raises(DataError, match="64 values"):
        digit_image(np.zeros(64), shape)


@given(numbers, numbers)
def test_ticks_enclose_the_data_and_rise(one, other):
    low, high = sorted((one, other))
    marks = svg.ticks(low, high)
    slack = 1e-6 * max(1.0, abs(low), abs(high))
    assert marks[0] <= low + slack
    assert marks[-1] >= high - slack
    assert marks == sorted(set(marks))
    assert 2 <= len(marks) <= 9


def tick_words(drawn: str) -> list[str]:
    return [one.text for one in ET.fromstring(drawn).iter(f"{NS}text") if one.text]


def test_windows_and_counts_have_whole_ticks_and_shares_have_parts():
    series = [Series("s", (Point(1, 2), Point(2, 3), Point(3, 3)))]
    counted = tick_words(
        line_chart(series, x_label="window", y_label="rows", title="t", counts=True)
    )
    assert [word for word in counted if "." in word] == []
    assert {"1", "2", "3"} <= set(counted)
    shares = [Series("s", (Point(1, 0.2), Point(2, 0.3)))]
    drawn = tick_words(line_chart(shares, x_label="window", y_label="share", title="t"))
    assert {"0.2", "0.3"} <= set(drawn)
    assert "1.5" not in drawn
