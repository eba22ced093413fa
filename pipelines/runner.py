"""`python -m pipelines.runner`: the loop by command, what `make loop` calls.

What belongs here: options, progress, the table on the screen, and the files written at the end.
What does not: running jobs (`pipelines.turning`) and figures (`burnish.workflows.summarise`).
"""

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Literal

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from burnish.errors import BurnishError, IterationError
from burnish.modeling import check_model
from burnish.records import Iteration, LabelEvent
from burnish.report.loop_page import render_loop_page, reviewer_in_words
from burnish.report.pages import Pages
from burnish.report.summary import IterationSummary, LoopSummary, Measured
from burnish.spec import DatasetSpec, load_spec_named, load_usable, with_choices
from burnish.workflows.ahead import look_ahead
from burnish.workflows.backlog import waiting_sentence
from burnish.workflows.batch import batch_decided, open_batch, undecided
from burnish.workflows.exchange import export_items, handed_out, next_sheet
from burnish.workflows.gold import append_verdicts
from burnish.workflows.history import History
from burnish.workflows.home import Home, prepare_home
from burnish.workflows.iteration_report_pages import reports_of
from burnish.workflows.simulate import load_truth, simulated_verdicts
from burnish.workflows.summarise import (
    logged_since,
    missing_summaries,
    summarise_iteration,
    summarise_loop,
    who_decided,
)
from pipelines.definitions import settings_from_environment
from pipelines.environments import Settings
from pipelines.instance import open_instance, prepare
from pipelines.producing import production
from pipelines.rollback import rollback
from pipelines.turning import Loop, open_loop
from pipelines.up import up

# A file or a pipe has no width of its own; the table is whole at this one.
CONSOLE = Console(width=None if sys.stdout.isatty() else 120)

AFTER = "When all of them are decided:"

COLUMNS: tuple[tuple[str, Literal["left", "right"]], ...] = (
    ("iter", "right"),
    ("rows\nseen", "right"),
    ("labels\nchanged", "right"),
    ("errors\nfound", "right"),
    ("noise left\n(estimate)", "right"),
    ("accuracy\non test", "right"),
    ("worst\nslice", "left"),
    ("aug-\nmented", "right"),
    ("cham-\npion", "left"),
)


@click.group()
def main() -> None:
    """Commands that need the orchestrator."""


main.add_command(up)
main.add_command(rollback)
main.add_command(production)


@main.command("prepare")
@click.option("--home", type=click.Path(path_type=Path), default=None)
def prepare_command(home: Path | None) -> None:
    """Make the home and its Dagster instance, and print that instance's folder."""
    settings = settings_from_environment()
    known, _ = load_usable(settings.catalog)
    folder = (home or settings.home).resolve()
    click.echo(prepare(folder, dagster_url=settings.dagster_url, datasets=known))


@main.command()
@click.option("--dataset", required=True, help="A spec of the catalog, by name.")
@click.option("--iterations", default=5, show_default=True, type=click.IntRange(1))
@click.option("--budget", type=click.IntRange(1), help="Rows asked about [default: the spec's].")
@click.option(
    "--reviewer",
    type=click.Choice(["simulated", "file", "desk"]),
    default="file",
    show_default=True,
    help="Who decides: people, at the review desk or on a CSV sheet that is written (`file`), at "
    "the desk alone (`desk`), or a simulated reviewer who knows the truth and errs.",
)
@click.option("--reviewer-accuracy", default=0.95, show_default=True, type=click.FloatRange(0, 1))
@click.option("--seed", type=int, help="Of folds, draws and the simulated reviewer.")
@click.option("--home", type=click.Path(path_type=Path), help="Where all state lives.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write the figures.")
def loop(
    dataset: str,
    iterations: int,
    budget: int | None,
    reviewer: str,
    reviewer_accuracy: float,
    seed: int | None,
    home: Path | None,
    json_file: Path | None,
) -> None:
    """Run iterations of the loop on one dataset, then show what they brought."""
    try:
        settings = settings_from_environment()
        settings = settings if home is None else replace(settings, home=home.resolve())
        spec = _spec(settings, dataset, budget=budget, seed=seed)
        history = History.open(settings.home, dataset)
        run = Session(spec, settings, reviewer, reviewer_accuracy, history)
        done = run.turn(iterations)
        if done:
            run.show(done, json_file)
        run.tell_waiting()
    except BurnishError as error:
        CONSOLE.print(
            f"[red]{type(error).__name__}:[/] {escape(str(error))}", highlight=False, markup=True
        )
        raise SystemExit(1) from error
    except KeyboardInterrupt as stop:
        CONSOLE.print("Stopped. What was done is kept; the same command goes on from here.")
        raise SystemExit(130) from stop


def _spec(settings: Settings, dataset: str, *, budget: int | None, seed: int | None) -> DatasetSpec:
    spec = with_choices(
        load_spec_named(settings.catalog, dataset), budget=budget, random_state=seed
    )
    # Before people decide a whole batch, not after.
    check_model(spec.model)
    return spec


class Session:
    """One call of `loop`: turns the loop, lets the reviewer decide, keeps the figures."""

    def __init__(
        self,
        spec: DatasetSpec,
        settings: Settings,
        reviewer: str,
        accuracy: float,
        history: History,
    ) -> None:
        self.spec, self.settings, self.reviewer, self.accuracy = spec, settings, reviewer, accuracy
        self.history = history
        self.amiss: list[str] = []
        # Asked for before anything runs: without a known truth nobody can be simulated.
        self.truth = load_truth(spec) if reviewer == "simulated" else None
        self.home: Home = prepare_home(
            settings.home, database_url=settings.database_url, tables=settings.tables_root
        )

    def turn(self, iterations: int) -> list[IterationSummary]:
        """Run the iterations; fewer where people have to decide first.

        Raises `IterationError` while another loop of the dataset is turning. What a daemon runs
        is waited for.
        """
        with self.home.versions.exclusive(f"{self.spec.name}/loop") as alone:
            if not alone:
                raise IterationError(
                    f"another `burnish loop` is turning {self.spec.name}",
                    expected="one loop of a dataset at a time",
                    hint="wait for it, or end it; two datasets may turn side by side",
                )
            return self._turn(iterations)

    def _turn(self, iterations: int) -> list[IterationSummary]:
        done: list[IterationSummary] = []
        with (
            _progress() as bar,
            open_instance(self.settings.home, dagster_url=self.settings.dagster_url) as instance,
        ):
            task = bar.add_task("loading", total=None, stage="")
            loop = open_loop(
                self.spec,
                self.settings,
                self.home,
                instance,
                lambda step: bar.update(task, advance=1, stage=_stage_name(self.spec, step)),
                lambda why: bar.update(task, stage=why),
            )
            for _ in range(iterations):
                loop.wait_for_others()
                began = time.monotonic()
                iteration = self.home.versions.join(self.spec.name, opens=True)
                decided = batch_decided(self.home.versions, self.home.ledger, iteration)
                total = loop.steps("retrain") + (0 if decided else loop.steps("audit"))
                bar.reset(task, total=total, description=str(iteration), stage="audit")
                if not self._iterate(loop, iteration):
                    break
                seconds = time.monotonic() - began
                done.append(self._figures(iteration, seconds))
        if len(done) < iterations:
            self._ask(iteration)
        return done

    def _iterate(self, loop: Loop, iteration: Iteration) -> bool:
        versions, ledger = self.home.versions, self.home.ledger
        if not batch_decided(versions, ledger, iteration):
            loop.run("audit", iteration)
            if self.truth is not None:
                self._simulate(iteration, self.truth)
        if not batch_decided(versions, ledger, iteration):
            return False
        # A daemon's sensor may have been quicker.
        loop.wait_for_others()
        if not versions.iteration(self.spec.name, iteration.number).is_open:
            return True
        self.amiss = loop.run("retrain", iteration)
        return True

    def _simulate(self, iteration: Iteration, truth: dict[str, str]) -> None:
        _, queue = open_batch(self.home.versions, self.spec.name)
        left = {item["example_id"] for item in undecided(self.home.ledger, iteration, queue)}
        rows = queue.filter([example_id in left for example_id in queue["example_id"].to_pylist()])
        verdicts = simulated_verdicts(
            rows,
            truth,
            accuracy=self.accuracy,
            classes=sorted(set(truth.values())),
            random_state=self.spec.random_state * 1_000 + iteration.number,
        )
        append_verdicts(self.home.ledger, self.home.versions, self.spec.name, verdicts)

    def _figures(self, iteration: Iteration, seconds: float) -> IterationSummary:
        closed = self.home.versions.iteration(self.spec.name, iteration.number)
        summary = summarise_iteration(self.home, self.spec, closed, self.truth, seconds=seconds)
        self.history.add(summary)
        return summary

    def _ask(self, iteration: Iteration) -> None:
        """Give people the rows they have not decided yet, unless they have them already."""
        versions, ledger = self.home.versions, self.home.ledger
        _, queue = open_batch(versions, self.spec.name)
        left = {item["example_id"] for item in undecided(ledger, iteration, queue)}
        options = f"--dataset {self.spec.name}{_home_option(self.settings)}"
        again = f"  burnish loop {options} --iterations 1 --reviewer {self.reviewer}"
        desk = f"  burnish review{_home_option(self.settings)}"
        if self.reviewer == "desk":
            _tell(f"{iteration}: {len(left)} rows wait for people at the desk:", desk, AFTER, again)
            return
        target = handed_out(self.settings.home / "queues", iteration, left)
        if target is None:
            target = next_sheet(self.settings.home / "queues", iteration)
            export_items(self.home, self.spec.name, target)
        _tell(
            f"{iteration}: {len(left)} rows wait for people in {target}",
            "Decide in a browser, at the review desk:",
            desk,
            "Or on that sheet: fill in `label` (or `decision`: drop, unsure) without the model:",
            f"  burnish verdicts import {target} {options} --author NAME",
            AFTER,
            again,
        )

    def _verdicts(self) -> list[LabelEvent]:
        return self.home.ledger.events(self.spec.name)

    def show(self, done: list[IterationSummary], json_file: Path | None) -> None:
        """The table, the page, the JSON and the commands to look further."""
        for one in missing_summaries(self.home, self.spec, self.history.iterations, self.truth):
            self.history.add(one)
        for one in logged_since(self.home, self.spec, self.history.iterations):
            self.history.add(one)
        turned = {one.iteration for one in done}
        done = [one for one in self.history.iterations if one.iteration in turned]
        whole = summarise_loop(
            self.home,
            self.spec,
            self.history.iterations,
            reviewer="simulated" if self.truth is not None else who_decided(self._verdicts()),
            accuracy=self.accuracy if self.truth is not None else None,
            truth=self.truth,
            commands=_commands(self.settings, self.spec),
        )
        page = self.settings.home / "loop.html"
        pages = Pages(self.settings.home / "reports")
        for place in (page, pages.loop(self.spec.name)):
            reports = reports_of(pages, whole, place.parent)
            html = render_loop_page(whole, reports=reports, links=self._links(place))
            place.write_text(html, encoding="utf-8")
        if json_file is not None:
            this_call = replace(whole, iterations=tuple(done))
            json_file.parent.mkdir(parents=True, exist_ok=True)
            json_file.write_text(json.dumps(this_call.to_json(), indent=2), encoding="utf-8")
        CONSOLE.print(_table(whole, done))
        ahead = look_ahead(self.home.versions, self.home.ledger, self.spec.name)
        if ahead is not None:
            CONSOLE.print(ahead.text, highlight=False, soft_wrap=True)
        CONSOLE.print(f"The whole story: {page}", highlight=False, soft_wrap=True)
        for command in whole.commands:
            CONSOLE.print(f"  {command}", highlight=False, soft_wrap=True)

    def _links(self, page: Path) -> dict[str, str]:
        """Pages that say more, seen from `page`: those that are there."""
        returns = Pages(self.settings.home / "reports").returns(self.spec.name)
        if not returns.exists():
            return {}
        where = returns.relative_to(page.parent).as_posix()
        return {"What each batch of fixes bought, with and without it": where}

    def tell_waiting(self) -> None:
        """One line, where MLflow does not have every iteration: which, and why."""
        waiting = self.home.versions.untracked(self.spec.name)
        if waiting:
            said = self.amiss or [waiting_sentence(waiting)]
            CONSOLE.print(" ".join(said), highlight=False, markup=False, soft_wrap=True)


def _tell(*lines: str) -> None:
    CONSOLE.print("\n".join(lines), highlight=False, markup=False, soft_wrap=True)


def _commands(settings: Settings, spec: DatasetSpec) -> list[str]:
    own = _home_option(settings)
    before = f"BURNISH_HOME={settings.home} " if own else ""
    return [
        f"{before}make up    # lineage and gates in Dagster, iterations in MLflow, the review desk",
        f".venv/bin/burnish loop --dataset {spec.name}{own} --iterations 1    # go on",
    ]


def _home_option(settings: Settings) -> str:
    """The option that names the home, where it is not the project's own."""
    usual = settings.home == (settings.project / ".burnish").resolve()
    return "" if usual else f" --home {settings.home}"


def _stage_name(spec: DatasetSpec, step: str) -> str:
    name = step.removeprefix(f"{spec.name}__")
    return f"gate of {name.removesuffix('_gate')}" if name.endswith("_gate") else name


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TextColumn("{task.fields[stage]}"),
        TimeElapsedColumn(),
        console=CONSOLE,
    )


def _table(whole: LoopSummary, done: list[IterationSummary]) -> Table:
    against = done[0].accuracy_against
    left = (
        "still wrong, judged by the control arm and gold items"
        if done[-1].noise_corrected
        else "reviewers would still change, judged by the control arm"
    )
    table = Table(
        title=f"{whole.dataset}: {reviewer_in_words(whole)}",
        caption=f"Noise left (training labels {left}) and test accuracy in %, with 95 % intervals; "
        f"accuracy is against {against if against == 'truth' else 'the labels as given'}. "
        f"Augmented rows: kept/refused.",
        collapse_padding=True,
        padding=(0, 1, 0, 0),
        box=SIMPLE_HEAD,
        show_edge=False,
    )
    for header, justify in COLUMNS:
        table.add_column(header, justify=justify, no_wrap=header != "worst\nslice")
    if whole.baseline is not None:
        table.add_row("start", "0", "", "", "", _percent(whole.baseline), "", "", "")
    for turn in done:
        table.add_row(
            str(turn.iteration),
            str(turn.reviewed),
            str(turn.changed),
            "?" if turn.errors_found is None else str(turn.errors_found),
            _percent(turn.noise, digits=0),
            _percent(turn.test_accuracy),
            turn.worst_slice,
            f"{turn.augmented_kept}/{turn.augmented_refused}",
            "yes" if turn.promoted else "no",
        )
    return table


def _percent(figure: Measured | None, *, digits: int = 1) -> str:
    if figure is None:
        return "?"
    return f"{100 * figure.value:.{digits}f} ({100 * figure.low:.0f}-{100 * figure.high:.0f})"


if __name__ == "__main__":
    main(prog_name="burnish")
