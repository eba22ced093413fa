"""Mappers: the same results wherever the work runs, and no failure is lost on the way."""

from __future__ import annotations

import multiprocessing
import os
from typing import Any

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.errors import BurnishError
from burnish.records import Expectation
from burnish.typing import Mapper
from resources.compute import MapperResource, ProcessMapper, SerialMapper


@pytest.mark.parametrize("mapper", [SerialMapper(), ProcessMapper(workers=2)])
def test_both_are_mappers_and_take_nothing_and_one(mapper: Mapper) -> None:
    assert isinstance(mapper, Mapper)
    assert mapper.map(abs, []) == []
    assert mapper.map(abs, [-3]) == [3]


@given(st.lists(st.integers()))
def test_the_serial_mapper_is_map(items: list[int]) -> None:
    assert SerialMapper().map(abs, iter(items)) == [abs(item) for item in items]


@pytest.mark.parametrize("start", ["spawn", "forkserver"])
def test_processes_keep_the_order_and_are_others(start: Any) -> None:
    mapper = ProcessMapper(workers=2, start=start)
    assert mapper.map(abs, range(-50, 0)) == list(range(50, 0, -1))
    assert set(mapper.map(os.path.realpath, ["/proc/self"] * 2)).isdisjoint(
        {os.path.realpath("/proc/self")}
    )


def test_records_cross_the_boundary_and_what_is_raised_there_is_raised_here() -> None:
    mapper = ProcessMapper(workers=2)
    records = [Expectation("expect_x", code, "stop", {"column": "a"}) for code in ("A", "B")]
    assert mapper.map(repr, records) == [repr(record) for record in records]
    with pytest.raises(ZeroDivisionError):
        mapper.map((1).__truediv__, [1, 0, 1])


def test_a_process_that_dies_is_an_error_with_a_hint() -> None:
    with pytest.raises(BurnishError, match="died while it ran _exit") as caught:
        ProcessMapper(workers=2).map(os._exit, [3, 3])
    assert "fewer workers" in caught.value.hint


def test_no_process_is_left_behind() -> None:
    ProcessMapper(workers=2).map(abs, [1, 2, 3])
    assert multiprocessing.active_children() == []


def test_less_than_one_worker_is_refused() -> None:
    with pytest.raises(BurnishError, match="0 workers"):
        ProcessMapper(workers=0)


@pytest.mark.parametrize(("workers", "kind"), [(1, "SerialMapper"), (2, "ProcessMapper")])
def test_an_asset_gets_the_plain_mapper_from_the_resource(workers: int, kind: str) -> None:
    @dg.asset
    def which(mapper: dg.ResourceParam[Mapper]) -> str:
        return type(mapper).__name__

    resources = {"mapper": MapperResource(workers=workers)}
    instance = dg.DagsterInstance.ephemeral()
    done = dg.materialize([which], resources=resources, instance=instance)
    assert done.output_for_node("which") == kind
