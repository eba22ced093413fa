"""The commands `burnish queue`, `verdicts` and `label-studio`: a batch out, people's answers back.

What belongs here: options. What does not: sheets (`burnish.workflows.exchange`), other tools
(`burnish.workflows.tool_exchange`), a server (`burnish.workflows.label_studio_live`) or taking a
batch back (`burnish.workflows.undo_batch`).
"""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from burnish.cli_options import (
    JSON_OPTION,
    found_catalog,
    with_catalog,
    with_catalog_if_any,
    with_state,
)
from burnish.errors import DataError

if TYPE_CHECKING:
    from burnish.workflows.home import Home
    from burnish.workflows.label_studio_client import LabelStudioClient

TOOLS = ("label-studio", "cvat", "doccano")
AUTHOR_OPTION = click.option(
    "--author", default="", help="Whose answers are those that name nobody."
)
PERSON_OPTION = click.option(
    "--person",
    "people",
    multiple=True,
    metavar="THERE=HERE",
    help="Who is called THERE in the tool is HERE at the desk; may be given again.",
)


@click.group()
def queue() -> None:
    """What people are asked to look at."""


@queue.command("export")
@click.argument("dataset")
@click.option(
    "--to",
    "to",
    default="csv",
    show_default=True,
    metavar="TOOL|FILE",
    help="csv, label-studio, cvat or doccano; or a file, which is a CSV.",
)
@click.option("--out", type=click.Path(path_type=Path), help="The file [default: named here].")
@click.option("--all", "everything", is_flag=True, help="Also what this tool was given before.")
@with_catalog_if_any
def export_queue(
    dataset: str, *, to: str, out: Path | None, everything: bool, home: Home, catalog: Path | None
) -> None:
    """Write what is undecided of DATASET's open batch: a CSV to fill in, or another tool's tasks.

    The label as it stands and the model's opinion are left out on purpose: people agree with
    what they are shown. A tool is given each item once, unless --all.
    """
    if to in TOOLS:
        from burnish.workflows.tool_exchange import hand_out, opened

        at = opened(home, catalog or found_catalog(None), dataset)
        done = hand_out(at, to, out, everything=everything)
        click.echo(str(done))
        if done.items:
            click.echo(f"Then: burnish verdicts import {dataset} EXPORT --from {to}")
        return
    if to != "csv" and not Path(to).suffix:
        raise DataError(
            f"--to {to!r} is no tool that is known",
            expected=f"csv, {', '.join(TOOLS)}, or a file as {to}.csv",
        )
    _export_sheet(home, dataset, out or Path(f"{dataset}.csv" if to == "csv" else to))


def _export_sheet(home: Home, dataset: str, target: Path) -> None:
    from burnish.workflows.exchange import export_items

    if target.exists():
        # Somebody may have filled it in, and nobody has that but them.
        raise DataError(
            f"there is a file {target} already", hint="name another with --out, or remove it"
        )
    count = export_items(home, dataset, target)
    click.echo(
        f"Wrote {count} items to {target}. Fill in `label` (or `decision`: drop, unsure), then:\n"
        f"  burnish verdicts import {target} --dataset {dataset} --home {home.folder} "
        "--author YOUR-NAME"
    )


@click.group()
def verdicts() -> None:
    """What people decided."""


@verdicts.command("import")
@click.argument("names", nargs=-1, required=True, metavar="[DATASET] FILE")
@click.option("--dataset", help="The dataset, where it is not the first argument.")
@click.option(
    "--from",
    "tool",
    type=click.Choice(["csv", *TOOLS]),
    default="csv",
    show_default=True,
    help="Where the file comes from.",
)
@AUTHOR_OPTION
@PERSON_OPTION
@with_catalog_if_any
def import_verdicts(
    names: tuple[str, ...],
    *,
    dataset: str | None,
    tool: str,
    author: str,
    people: tuple[str, ...],
    home: Home,
    catalog: Path | None,
) -> None:
    """Take FILE in: a filled-in CSV, or another tool's export. Twice is the same as once.

    A CSV goes into the label ledger as it is. Answers from a tool come to the desk, where the
    policy of the batch says what settles an item, and two who differ wait for a reviewer.
    """
    name, file = _dataset_and_file(names, dataset)
    if tool == "csv":
        from burnish.workflows.exchange import import_file

        click.echo(str(import_file(home, name, file, author=author)))
        return
    from burnish.workflows.tool_exchange import opened, take_back

    at = opened(home, catalog or found_catalog(None), name)
    click.echo(str(take_back(at, tool, file, author=author, known_as=_known_as(people))))


@verdicts.command("export")
@click.argument("dataset")
@click.option(
    "--to",
    "form",
    type=click.Choice(["csv", "label-studio"]),
    default="csv",
    show_default=True,
    help="A line an event, or tasks with their annotations.",
)
@click.option("--out", type=click.Path(path_type=Path), help="The file [default: named here].")
@with_state
def export_verdicts(dataset: str, *, form: Any, out: Path | None, home: Home) -> None:
    """Write every verdict on DATASET: who decided what, when, why, and in which tool."""
    from burnish.workflows.verdicts_file import export_verdicts as write_verdicts

    target = out or Path(f"{dataset}-verdicts.{'csv' if form == 'csv' else 'json'}")
    count = write_verdicts(home, dataset, target, form=form)
    click.echo(f"Wrote {count:,} verdicts to {target}.")


@verdicts.command("undo")
@click.argument("name")
@click.option("--author", required=True, help="Who takes the batch back.")
@click.option("--why", required=True, help="For whoever asks what became of it.")
@click.option("--only-author", metavar="NAME", help="Only rows whose decision rests on NAME.")
@JSON_OPTION
@with_state
def undo_verdicts(
    name: str, *, author: str, why: str, only_author: str | None, as_json: bool, home: Home
) -> None:
    """Take back the verdicts of a whole batch, which NAME says: DATASET@iter7.

    Nothing is deleted. Each row has the label it had before the batch, unless somebody decided it
    again since; gold items keep their known answer. Twice is the same as once.
    """
    from burnish.workflows.undo_batch import undo_batch

    done = undo_batch(
        home.versions, home.ledger, name, author=author, why=why, only_author=only_author
    )
    if as_json:
        click.echo(json.dumps(done.to_table().to_pylist(), indent=1))
        return
    click.echo(str(done))
    if done.events:
        click.echo("The next dataset version has it, which the next retrain makes.")


@click.group("label-studio")
def label_studio() -> None:
    """A batch in a project of a Label Studio server. Its token is in BURNISH_LABEL_STUDIO_TOKEN."""


SERVER_OPTIONS = (
    click.option("--url", required=True, help="The server: https://labels.example.org"),
    click.option("--project", type=click.IntRange(min=1), required=True, help="Its number there."),
    click.option("--allow-http", is_flag=True, help="The token may cross the network readable."),
)


_beside_its_project = partial(with_catalog, project_option=False)
"""`--project` is that of the server here; ours is the one around us, or --home and --catalog."""


def _of_server(command: Any) -> Any:
    for option in reversed(SERVER_OPTIONS):
        command = option(command)
    return command


@label_studio.command("push")
@click.argument("dataset")
@_of_server
@_beside_its_project
def push_batch(
    dataset: str, *, url: str, project: int, allow_http: bool, home: Home, catalog: Path
) -> None:
    """Put what is undecided of DATASET's open batch into a project; what it has stays as it is."""
    from burnish.workflows.label_studio_live import push
    from burnish.workflows.tool_exchange import opened

    click.echo(str(push(opened(home, catalog, dataset), _client(url, allow_http), project)))


@label_studio.command("pull")
@click.argument("dataset")
@_of_server
@PERSON_OPTION
@_beside_its_project
def pull_verdicts(
    dataset: str,
    *,
    url: str,
    project: int,
    allow_http: bool,
    people: tuple[str, ...],
    home: Home,
    catalog: Path,
) -> None:
    """Take a project's annotations of DATASET in. Twice is the same as once."""
    from burnish.workflows.label_studio_live import pull
    from burnish.workflows.tool_exchange import opened

    client, known_as = _client(url, allow_http), _known_as(people)
    click.echo(str(pull(opened(home, catalog, dataset), client, project, known_as=known_as)))


def _client(url: str, allow_http: bool) -> LabelStudioClient:
    from burnish.workflows.label_studio_client import LabelStudioClient

    token = os.environ.get("BURNISH_LABEL_STUDIO_TOKEN", "")
    return LabelStudioClient(url, token, allow_http=allow_http)


def _dataset_and_file(names: tuple[str, ...], dataset: str | None) -> tuple[str, Path]:
    """`DATASET FILE`, or `FILE --dataset DATASET`."""
    if len(names) == 2 and dataset is None:
        return names[0], Path(names[1])
    if len(names) == 1 and dataset is not None:
        return dataset, Path(names[0])
    raise click.UsageError("give DATASET and FILE, or FILE with --dataset")


def _known_as(people: tuple[str, ...]) -> dict[str, str]:
    known: dict[str, str] = {}
    for one in people:
        there, equals, here = one.rpartition("=")
        if not (equals and there.strip() and here.strip()):
            raise DataError(f"--person {one!r}", expected="THERE=HERE")
        known[there.strip()] = here.strip()
    return known
