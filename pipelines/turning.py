"""Turning the loop by command: jobs run in this process, one after the other.

What belongs here: running a dataset's jobs against a home, with progress by stage and a message
when a gate stops. What does not: options and tables on the screen (`pipelines.runner`), nor what
an iteration amounts to (`burnish.workflows.summarise`).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import dagster as dg

from assets.observed import observations
from assets.reporting import DATASET_TAG, ITERATION_TAG
from burnish import errors
from burnish.errors import BurnishError, GateError
from burnish.records import Iteration
from burnish.spec import DatasetSpec
from burnish.workflows.home import Home
from pipelines.definitions import build_definitions
from pipelines.environments import Settings
from pipelines.orphans import PROCESS_TAG, end_orphans, process_name
from pipelines.underway import at_work

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
Progress = Callable[[str], None]
WAIT_SECONDS = 1.0


@dataclass(frozen=True)
class Loop:
    """The jobs of one dataset, ready to run in this process."""

    spec: DatasetSpec
    home: Home
    definitions: dg.Definitions
    instance: dg.DagsterInstance
    on_step: Progress
    on_wait: Progress
    shared: bool

    def wait_for_others(self) -> None:
        """Return once no run that somebody else launched is at work on the dataset."""
        while others := at_work(self.instance, self.spec):
            self.on_wait(f"waits for run {others[0].run_id[:8]}, which was launched elsewhere")
            time.sleep(WAIT_SECONDS)
            # What it waits for may have been killed, and no daemon may be there to notice.
            end_orphans(self.instance, shared=self.shared, retry=False)

    def run(self, part: str, iteration: Iteration) -> list[str]:
        """Run the job `audit` or `retrain` within the iteration.

        Returns what checks that stop nothing found amiss. Raises `GateError` where a gate stopped
        it, and the stage's own error where one failed.
        """
        job = self.definitions.resolve_job_def(f"{self.spec.name}_{part}")
        for event in observations(self.spec, self.home.ledger):
            self.instance.report_runless_asset_event(event)
        result = job.execute_in_process(
            instance=self.instance,
            run_config=QUIET,
            tags={
                DATASET_TAG: self.spec.name,
                ITERATION_TAG: str(iteration.number),
                PROCESS_TAG: process_name(),
            },
            raise_on_error=False,
        )
        if not result.success:
            raise self._stop(part, result)
        checks = result.get_asset_check_evaluations()
        return [str(check.description) for check in checks if not check.passed]

    def steps(self, part: str) -> int:
        """How many steps (stages and gates) the job has."""
        return len(self.definitions.resolve_job_def(f"{self.spec.name}_{part}").graph.nodes)

    def _stop(self, part: str, result: dg.ExecuteInProcessResult) -> BurnishError:
        for event in result.all_events:
            found = _cause(event) if event.is_step_failure else None
            if found is not None:
                return found
        stopped = [v for v in self.home.versions.verdicts(self.spec.name) if not v.passed]
        if not stopped:
            return BurnishError(f"the job {part} of {self.spec.name} failed", hint="see `make up`")
        verdict = stopped[-1]
        lines = verdict.message or ", ".join(verdict.stopped_by)
        return GateError(
            f"the gate of {verdict.stage} stopped {self.spec.name}:\n  "
            + lines.replace("\n", "\n  "),
            expected="every expectation that says `stop` to hold; readers keep what was good",
            hint=f"read {verdict.report}" if verdict.report else "mend the source and run again",
        )


def _cause(event: dg.DagsterEvent) -> BurnishError | None:
    """What made a step fail, as its own error; None where a gate stopped it.

    Of the chain of causes the first of our own counts: it says what was found and what to do,
    while the ones beneath it speak of the library that noticed.
    """
    data: Any = event.step_failure_data
    chain = []
    error = data.error
    while error is not None:
        chain.append(error)
        error = error.cause
    if any("AssetCheck" in one.cls_name for one in chain):
        return None
    for one in chain:
        kind = getattr(errors, one.cls_name, None)
        if isinstance(kind, type) and issubclass(kind, BurnishError):
            return kind(f"{event.step_key}: {one.message.split(': ', 1)[-1].strip()}")
    if not chain:
        return None
    if chain[-1].cls_name == "DagsterExecutionInterruptedError":
        raise KeyboardInterrupt
    return BurnishError(
        f"{event.step_key} failed: {chain[-1].cls_name}: "
        f"{chain[-1].message.split(': ', 1)[-1].strip()}",
        hint="what was published before is untouched; mend the cause and run again",
    )


def open_loop(
    spec: DatasetSpec,
    settings: Settings,
    home: Home,
    instance: dg.DagsterInstance,
    on_step: Progress,
    on_wait: Progress,
) -> Loop:
    """The loop of one dataset; `on_step` is told the name of each step that has succeeded.

    `on_wait` is told what is waited for.
    """

    @dg.success_hook(name="progress")
    def progress(context: dg.HookContext) -> None:
        on_step(context.op.name)

    definitions = build_definitions({spec.name: spec}, settings, hooks={progress})
    shared = bool(settings.dagster_url)
    return Loop(spec, home, definitions, instance, on_step, on_wait, shared)
