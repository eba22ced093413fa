"""What `burnish up` looks after while its programs run: the code server, and runs in progress.

What belongs here: loading the code server anew when its process was killed, runs that nobody else
would miss, and cancelling what is in progress when all of it ends. What does not: telling a dead
run from a live one (`pipelines.orphans`).
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import dagster as dg
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._grpc.client import DagsterGrpcClient

from burnish.errors import BurnishError
from pipelines.environments import require_database
from pipelines.instance import DAGSTER_URL, database_errors
from pipelines.orphans import end_orphans, launched_by, mark_cancelled
from pipelines.services import Place
from pipelines.underway import STOPPED_TAG

CANCEL_SECONDS = 5.0
"""How long runs may take to end once they are cancelled."""

RELOAD_SECONDS = 120
ENDED = "`burnish up` was ended"


class Watch:
    """An eye on one place's code server and on its runs, as a context that opens the instance."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.settings = place.settings
        self._stack = ExitStack()
        self._instance: dg.DagsterInstance | None = None
        self._found: list[str] = []

    def __enter__(self) -> "Watch":
        folder = str(self.settings.home / "dagster")
        self._instance = self._stack.enter_context(dg.DagsterInstance.from_config(folder))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def instance(self) -> dg.DagsterInstance:
        assert self._instance is not None
        return self._instance

    def look(self) -> list[str]:
        """See to the code server and to runs that died; what was found, in sentences.

        What was found the last time as well is not told again.
        """
        found = self._revive()
        try:
            with self._storage():
                end_orphans(self.instance, shared=bool(self.settings.dagster_url), retry=True)
        except BurnishError as error:
            found.append(str(error))
        new = [line for line in found if line not in self._found]
        self._found = found
        return new

    @contextmanager
    def _storage(self) -> Iterator[None]:
        # Asked first: Dagster itself would try for many seconds, and somebody may want the end.
        require_database(DAGSTER_URL, self.settings.dagster_url)
        with database_errors():
            yield

    def _revive(self) -> list[str]:
        """Load the project again where the process that had loaded it is gone."""
        client = DagsterGrpcClient(socket=str(self.place.socket))
        if _answers(client):
            return []
        # The answer is an error even where all went well: the process that is gone cannot be told
        # to end any more.
        with suppress(DagsterUserCodeUnreachableError):
            client.reload_code(timeout=RELOAD_SECONDS)
        if not _answers(client):
            return ["The project's process is gone and does not come back; see the logs."]
        return ["The project's process was gone, and was started again."]

    def cancel(self, hurry: Callable[[], bool]) -> list[str]:
        """Cancel the runs that our code server launched, and wait a little for their end.

        Raises `ProjectError` where Dagster's database does not answer.
        """
        with self._storage():
            runs = launched_by(self.instance, str(self.place.socket))
            for run in runs:
                # Nobody meant this run: the sensor may ask for it again.
                self.instance.add_run_tags(run.run_id, {STOPPED_TAG: "with everything"})
                # A code server that hangs must not keep us.
                ask = threading.Thread(target=self._terminate, args=(run.run_id,), daemon=True)
                ask.start()
            until = time.monotonic() + CANCEL_SECONDS
            while launched_by(self.instance, str(self.place.socket)):
                if time.monotonic() > until or hurry():
                    break
                time.sleep(0.2)
            return [run.run_id for run in runs]

    def _terminate(self, run_id: str) -> None:
        # A run that cannot be asked to end is ended with everything else, and marked afterwards.
        with suppress(DagsterUserCodeUnreachableError):
            self.instance.run_launcher.terminate(run_id)

    def close_the_books(self, cancelled: list[str]) -> list[str]:
        """Say of each run in the record that it has ended; and how many wait for the next time."""
        with self._storage():
            for run in launched_by(self.instance, str(self.place.socket)):
                mark_cancelled(self.instance, run, ENDED)
            lines = []
            for run_id in cancelled:
                run = self.instance.get_run_by_id(run_id)
                if run is not None:
                    lines.append(f"The run {run_id[:8]} ({run.job_name}): {run.status.value}.")
            queued = dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED])
            count = self.instance.get_runs_count(queued)
            if count:
                lines.append(f"{count} queued run(s) will start with the next `burnish up`.")
            return lines


def _answers(client: DagsterGrpcClient) -> bool:
    try:
        client.ping("")
    except DagsterUserCodeUnreachableError:
        return False
    return True
