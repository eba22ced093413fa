"""The command `burnish`: what can be done from a shell.

What belongs here: options, and turning deliberate errors into a message and an exit code. What
does not: the work itself (`burnish.workflows`) or anything that needs the orchestrator, which
runs as `python -m pipelines.runner` inside the project; nor `burnish review`
(`burnish.cli_review`) and what goes out and comes back (`burnish.cli_exchange`).
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from burnish import __version__
from burnish.cli_check import check
from burnish.cli_exchange import label_studio, queue, verdicts
from burnish.cli_explain import explain
from burnish.cli_findings import compare, report, returns
from burnish.cli_options import JSON_OPTION, PROJECT_OPTION, MessageGroup, with_state
from burnish.cli_production import alarms, replay_policy
from burnish.cli_review import review

if TYPE_CHECKING:
    from burnish.workflows.home import Home


@click.group(cls=MessageGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="burnish")
def main() -> None:
    """Better models through better data: audit, review, retrain, and see what it bought."""


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--target", default=None, help="The column that holds the label.")
@click.option("--id", "identity", default=None, help="The column that names the rows.")
@click.option(
    "--annotations",
    type=click.Path(path_type=Path),
    default=None,
    help="A file of answers: example_id, annotator_id, label.",
)
@click.option("--group", default=None, help="The column whose rows are held out together.")
@click.option("--text", multiple=True, help="A column of texts; may be given again.")
@click.option("--image", multiple=True, help="A column of images; may be given again.")
@click.option("--exclude", multiple=True, help="A column to leave out; may be given again.")
@click.option("--budget", type=int, default=None, help="Rows to look at first [default: 100].")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=None,
    help="The folder to write to [default: NAME-audit here].",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def audit(file: Path, *, as_json: bool, **choices: Any) -> None:
    """Find the labels of FILE that are probably wrong: CSV, Parquet, Arrow or JSON lines.

    Writes a table of all rows, a report for people, and a dataset spec. FILE is only read.
    """
    from burnish.workflows.audit_file import audit_file
    from burnish.workflows.audit_file_print import print_audit, shown_progress

    with shown_progress() as progress:
        found = audit_file(file, progress=progress, **choices)
    print_audit(found, as_json=as_json)


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--target", required=True, help="The column that holds the label.")
@click.option("--name", default=None, help="The dataset's name [default: from the file's name].")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=None,
    help="Where to write the spec [default: catalog/NAME.yaml of the project, else here].",
)
@PROJECT_OPTION
def init(file: Path, target: str, name: str | None, out: Path | None, project: Path | None) -> None:
    """Write a first dataset spec from a look at FILE (CSV, Parquet, Arrow or JSON lines)."""
    from burnish.workflows.init import write_first_spec

    first = write_first_spec(file, target=target, name=name, out=out, project=project)
    spec = first.spec
    click.echo(
        f"Wrote {first.path}: {len(spec.features)} features, {len(spec.classes)} classes, "
        f"{len(spec.slices)} slices."
    )
    for note in first.notes:
        click.echo(f"Note: {note}")
    click.echo(
        f"Look it over, then:\n  burnish loop --dataset {spec.name} --iterations 1 --reviewer file"
    )


FORWARDED: dict[str, Any] = {
    "ignore_unknown_options": True,
    "allow_extra_args": True,
    "help_option_names": [],
}


@main.command(context_settings=FORWARDED)
@PROJECT_OPTION
@click.pass_context
def loop(ctx: click.Context, project: Path | None) -> None:
    """Run iterations of the loop in the project (`burnish loop --help` lists the options)."""
    _become_runner("loop", ctx.args, project)


@main.command(context_settings=FORWARDED)
@PROJECT_OPTION
@click.pass_context
def up(ctx: click.Context, project: Path | None) -> None:
    """Start Dagster, MLflow, the review desk and the reports here (`burnish up --help`)."""
    _become_runner("up", ctx.args, project)


@main.command(context_settings=FORWARDED)
@PROJECT_OPTION
@click.pass_context
def rollback(ctx: click.Context, project: Path | None) -> None:
    """Make an earlier model champion again (`burnish rollback --help` lists the options)."""
    _become_runner("rollback", ctx.args, project)


@main.command(context_settings=FORWARDED)
@PROJECT_OPTION
@click.pass_context
def production(ctx: click.Context, project: Path | None) -> None:
    """Take and measure what production met (`burnish production run --help`)."""
    _become_runner("production", ctx.args, project)


def _become_runner(command: str, arguments: list[str], project: Path | None) -> None:
    """Go on as a command that needs the orchestrator: signals reach it as they would reach us."""
    from burnish.workflows.home import find_project

    root = (project or find_project(Path.cwd())).resolve()
    # The project's folders are found by path, and the caller's own folder stays the current one:
    # paths in the options mean what they say there.
    search = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
    sys.stdout.flush()
    os.execve(  # noqa: S606
        sys.executable,
        [sys.executable, "-P", "-m", "pipelines.runner", command, *arguments],
        {**os.environ, "PYTHONPATH": search},
    )


main.add_command(review)
main.add_command(queue)
main.add_command(verdicts)
main.add_command(label_studio)
main.add_command(compare)
main.add_command(report)
main.add_command(returns)
main.add_command(explain)
main.add_command(check)
main.add_command(alarms)
main.add_command(replay_policy)


@main.command("versions")
@click.argument("dataset")
@JSON_OPTION
@with_state
def list_versions(dataset: str, as_json: bool, home: Home) -> None:
    """List the dataset versions of DATASET: rows, labels changed so far, iteration, digest."""
    from burnish.workflows.showing import print_versions

    print_versions(home, dataset, as_json=as_json)


@main.command()
@click.argument("name", required=False)
@click.option("--run", "run_id", help="The version behind a tracked run, by the run's id.")
@JSON_OPTION
@with_state
def show(name: str | None, run_id: str | None, as_json: bool, home: Home) -> None:
    """Show the datasheet of a version: NAME is DATASET, DATASET@7 or DATASET@iter7."""
    from burnish.workflows.showing import print_sheet

    if (name is None) == (run_id is None):
        raise click.UsageError("give NAME or --run, one of the two")
    print_sheet(home, name, run_id, as_json=as_json)


@main.command()
@click.argument("before")
@click.argument("after")
@JSON_OPTION
@with_state
def diff(before: str, after: str, as_json: bool, home: Home) -> None:
    """Show which labels changed from BEFORE to AFTER, who changed each, when, why.

    Both are names such as digits@7 or digits@iter7.
    """
    from burnish.workflows.showing import print_diff

    print_diff(home, before, after, as_json=as_json)


@main.command()
@click.argument("dataset")
@click.argument("example_id")
@JSON_OPTION
@with_state
def blame(dataset: str, example_id: str, as_json: bool, home: Home) -> None:
    """Tell the life of one example: ingested, audited, queued, decided, trained on."""
    from burnish.workflows.showing import print_life

    print_life(home, dataset, example_id, as_json=as_json)


@main.command()
@click.argument("name")
@click.option("--to", "folder", type=click.Path(path_type=Path, file_okay=False), required=True)
@with_state
def checkout(name: str, folder: Path, home: Home) -> None:
    """Write the rows and labels of a version to a folder, verified, with its papers."""
    from burnish.workflows.checkout import checkout as take_out
    from burnish.workflows.naming import iteration_of, require_numbered, resolve

    version = require_numbered(resolve(home.versions, name))
    done = take_out(home.versions, version, folder, iteration=iteration_of(home.versions, name))
    click.echo(f"{done.version}: {done.rows:,} rows, digest {done.digest}")
    for path in done.files:
        click.echo(f"  {path}")


@main.command()
@click.argument("dataset", required=False)
@with_state
def verify(dataset: str | None, home: Home) -> None:
    """Hold ledger, versions and every table against what was recorded of them.

    Exits with 1 where anything does not hold.
    """
    from burnish.workflows.showing import print_findings

    raise SystemExit(0 if print_findings(home, dataset) else 1)


@main.group()
def labels() -> None:
    """Labels of a whole dataset as a file."""


@labels.command("export")
@click.argument("name")
@click.option("--to", "target", type=click.Path(path_type=Path), required=True)
@with_state
def export_labels(name: str, target: Path, home: Home) -> None:
    """Write every label of a version (DATASET or DATASET@7) to a CSV or Parquet file."""
    from burnish.workflows.labels_file import export_labels as write_labels
    from burnish.workflows.naming import require_numbered, resolve

    version = require_numbered(resolve(home.versions, name))
    count = write_labels(home, version.dataset, target, version=version.number)
    click.echo(f"Wrote {count:,} labels of {version} to {target}.")


@labels.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dataset", required=True)
@click.option("--author", required=True, help="Who answers for these labels.")
@click.option("--reason", default="import", show_default=True)
@JSON_OPTION
@with_state
def import_labels(
    file: Path, *, dataset: str, author: str, reason: str, as_json: bool, home: Home
) -> None:
    """Take labels from FILE. Twice is once; a newer verdict of somebody is never overwritten.

    Rows that cannot be taken are refused one by one and listed; then the exit code is 1.
    """
    from burnish.workflows.labels_file import import_labels as take_labels

    done = take_labels(home, dataset, file, author=author, reason=reason)
    click.echo(json.dumps(done.to_json(), indent=1) if as_json else str(done))
    if done.taken and not as_json:
        click.echo("They are part of the next dataset version, which the next retrain makes.")
    raise SystemExit(1 if done.refused.num_rows else 0)


if __name__ == "__main__":
    main()
