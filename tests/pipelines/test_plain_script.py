"""The library without an orchestrator does what the jobs do, to the last digest."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.mark.slow
def test_a_script_of_the_library_s_calls_ends_as_the_jobs_of_dagster_do(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    for variable in ("MLFLOW_TRACKING_URI", "BURNISH_MLFLOW_URL", "BURNISH_DATABASE_URL"):
        monkeypatch.delenv(variable, raising=False)
    import overhead_task as task

    from burnish.workflows.simulate import load_truth

    spec = task.write_project(tmp_path / "catalog", rows=400)
    truth, ended = load_truth(spec), {}
    for name, open_side in task.SIDES.items():
        home = tmp_path / name
        task.make_template(home)
        with ExitStack() as stack:
            side = open_side(spec, home, stack)
            for _ in range(2):
                side.audit()
                task.decide(side, spec, truth, home)
                side.retrain()
            ended[name] = task.outcome(side, spec, home)
    assert len(ended["plain"]["dataset versions"]) == 2
    assert all(ended["plain"]["metrics"])
    assert len(ended["plain"]["gates"]) >= 7
    for what, found in ended["plain"].items():
        assert found == ended["dagster"][what], what
