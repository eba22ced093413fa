"""The plot of a signal: no spike is lost, holes are holes, and every channel is there."""

import re

import numpy as np
import pytest

from burnish.report.traces import MOST_POINTS, channels_of, trace


def paths(drawn: str) -> list[str]:
    return re.findall(r'<path d="([^"]*)"', drawn)


def test_a_single_spike_in_a_long_signal_is_drawn():
    signal = np.zeros(50_000)
    signal[31_234] = 7.0
    (path,) = paths(trace(signal.tolist(), name="ecg"))
    heights = {point.split(",")[1] for point in re.split("[ML]", path)[1:]}
    assert len(heights) == 2
    assert path.count("L") <= MOST_POINTS + 2


def test_a_missing_reading_breaks_the_line():
    (path,) = paths(trace([1.0, 2.0, None, 2.0, 1.0], name="ecg"))
    assert path.count("M") == 2


def test_several_channels_are_told_apart_and_named():
    cell = [[0.0, 1.0], [1.0, 2.0], [2.0, 1.0]]
    drawn = trace(cell, name="accel")
    assert len(paths(drawn)) == 2
    assert "channel 2" in drawn
    assert "3 readings of each of 2 channels" in drawn


def test_one_reading_can_be_seen():
    (path,) = paths(trace([4.2], name="ecg"))
    assert path.endswith("h.01")


@pytest.mark.parametrize("cell", [None, [], [[]], ["a"], "words", 3, [None, float("nan")]])
def test_what_holds_no_numbers_is_no_drawing(cell):
    assert trace(cell, name="ecg") == ""
    assert not np.isfinite(channels_of(cell)).any()


def test_names_are_text():
    drawn = trace([1.0, 2.0], name="<script>x</script>", about="\" onload='x'")
    assert "<script" not in drawn
    assert "onload='" not in drawn
