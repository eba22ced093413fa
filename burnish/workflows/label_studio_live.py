"""A batch pushed into a project of Label Studio, and its annotations pulled.

What belongs here: what is asked of a project. What does not: requests
(`burnish.workflows.label_studio_client`), or what becomes of the answers
(`burnish.workflows.tool_exchange`).

The project itself says which items it has: so pushing again adds none twice, also where the last
push broke off in the middle.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from burnish.errors import ReviewError
from burnish.workflows.label_studio_client import LabelStudioClient
from burnish.workflows.tool_exchange import Exchange, TakenBack, take_answers
from burnish.workflows.tool_tasks import handout_of, note_handed_out
from burnish.workflows.tools import Handout
from burnish.workflows.tools_label_studio import LABEL, answers_of, config_of, tasks_of

NAME = "label-studio"
MOST_TASKS, MOST_BYTES = 200, 10_000_000
"""Of one request: tasks, and bytes of them."""
EMPTY = frozenset({"", "<View></View>", "<View/>"})


@dataclass(frozen=True)
class Pushed:
    """What a push did: items that are new in the project, and those it had already."""

    items: int
    before: int
    configured: bool

    def __str__(self) -> str:
        told = f"{self.items} items pushed; the project had {self.before} already."
        more = " Its labeling configuration was empty, and is set." if self.configured else ""
        return f"{told}{more}"


def push(at: Exchange, client: LabelStudioClient, project: int) -> Pushed:
    """Put the items that ask for answers into a project, each once.

    A project without a labeling configuration is given ours, and as many annotations a task as the
    policy asks for. Raises `ReviewError` where it has one that lacks our control of the classes,
    or the server refuses.
    """
    batch = at.batch
    there: Any = client.read(f"/api/projects/{project}/")
    if not isinstance(there, dict):
        raise ReviewError(
            f"project {project} does not answer as one", expected="a project's number"
        )
    before = frozenset(
        example_id
        for dataset, iteration, example_id in _names(client, project)
        if (dataset, iteration) == (batch.dataset, batch.iteration)
    )
    handout = handout_of(at.home, at.examples, batch, at.batches.spec(batch.dataset), but=before)
    if not handout.tasks:
        return Pushed(0, len(before), configured=False)
    configured = _configure(client, project, cast("Mapping[str, Any]", there), handout)
    for tasks in _parts(tasks_of(handout)):
        client.change("POST", f"/api/projects/{project}/import?commit_to_project=true", tasks)
        names = [task["data"]["burnish"]["example_id"] for task in tasks]
        note_handed_out(at.home, batch, NAME, names, clock=at.clock)
    return Pushed(len(handout.tasks), len(before), configured)


def pull(
    at: Exchange, client: LabelStudioClient, project: int, *, known_as: Mapping[str, str] = {}
) -> TakenBack:
    """Take the annotations of a project in; twice is the same as once.

    Whoever made one is called by their address. Raises as `take_answers` does, and `ReviewError`
    where the server refuses.
    """
    people = _people(client)
    tasks = list(client.pages(f"/api/tasks/?project={project}&fields=all"))
    where = f"project {project} at {client.url}"
    return take_answers(at, NAME, answers_of(tasks, people), where=where, known_as=known_as)


def _people(client: LabelStudioClient) -> dict[int, str]:
    found: Any = client.read("/api/users/")
    people = cast("list[Mapping[str, Any]]", found) if isinstance(found, list) else []
    return {
        one["id"]: str(one.get("email") or one.get("username"))
        for one in people
        if isinstance(one.get("id"), int) and (one.get("email") or one.get("username"))
    }


def _names(client: LabelStudioClient, project: int) -> Iterator[tuple[Any, Any, Any]]:
    for task in client.pages(f"/api/tasks/?project={project}&fields=task_only"):
        data: Any = task.get("data")
        ours: Any = data.get("burnish") if isinstance(data, dict) else None
        if isinstance(ours, dict):
            told = cast("Mapping[str, Any]", ours)
            yield told.get("dataset"), told.get("iteration"), told.get("example_id")


def _configure(
    client: LabelStudioClient, project: int, there: Mapping[str, Any], handout: Handout
) -> bool:
    """Give a project our configuration where it has none; whether it had none."""
    config = str(there.get("label_config") or "").strip()
    if config in EMPTY:
        body = {"label_config": config_of(handout), "maximum_annotations": handout.answers}
        client.change("PATCH", f"/api/projects/{project}/", body)
        return True
    if f'"{LABEL}"' not in config and f"'{LABEL}'" not in config:
        raise ReviewError(
            f"project {project} has a labeling configuration without our control of the classes",
            expected=f'a <Choices name="{LABEL}"> in it',
            hint="push into a new project, or paste the configuration that "
            "`burnish queue export --to label-studio` writes",
        )
    return False


def _parts(tasks: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Tasks in requests that are not too large."""
    some, size = list[dict[str, Any]](), 0
    for task in tasks:
        more = len(json.dumps(task))
        if some and (len(some) >= MOST_TASKS or size + more > MOST_BYTES):
            yield some
            some, size = [], 0
        some.append(task)
        size += more
    if some:
        yield some
