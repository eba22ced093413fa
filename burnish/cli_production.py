"""The commands of production: `burnish alarms`, `burnish replay-policy`.

What belongs here: their options. What does not: the work (`burnish.workflows.showing_alarms`,
`.answering_alarms`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from burnish.cli_options import JSON_OPTION, MessageGroup, with_catalog, with_state

if TYPE_CHECKING:
    from burnish.workflows.home import Home

WHO_OPTION = click.option("--who", required=True, help="Who answers.")
WHY_OPTION = click.option("--why", required=True, help="Why, for whoever asks later.")


class ListingGroup(MessageGroup):
    """A group that lists where no command of it is named: `burnish alarms digits`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        first = next((one for one in args if not one.startswith("-")), None)
        helped = bool({"-h", "--help"} & set(args[:1]))
        if not helped and (first is None or first not in self.commands):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(cls=ListingGroup)
def alarms() -> None:
    """Alarms of production: list them (`burnish alarms [DATASET]`), look, and answer."""


@alarms.command("list")
@click.argument("dataset", required=False)
@click.option("--all", "every", is_flag=True, help="Those that are over as well.")
@JSON_OPTION
@with_state
def list_alarms(dataset: str | None, *, every: bool, as_json: bool, home: Home) -> None:
    """List the open alarms of DATASET, or of every dataset."""
    from burnish.workflows.showing_alarms import print_alarms

    print_alarms(home, dataset, every=every, as_json=as_json)


@alarms.command("show")
@click.argument("dataset")
@click.argument("number", type=click.IntRange(min=1))
@click.option(
    "--html",
    "page",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="Write the playbook to this file [default: among the reports of the home].",
)
@JSON_OPTION
@with_catalog
def show_alarm(
    dataset: str, number: int, *, page: Path | None, as_json: bool, catalog: Path, home: Home
) -> None:
    """Write the playbook of an alarm: what was seen, where, what to check, and what happens."""
    from burnish.workflows.showing_alarms import print_playbook

    print_playbook(home, catalog, dataset, number, page=page, as_json=as_json)


@alarms.command("ack")
@click.argument("dataset")
@click.argument("number", type=click.IntRange(min=1))
@WHO_OPTION
@JSON_OPTION
@with_state
def acknowledge_alarm(dataset: str, number: int, *, who: str, as_json: bool, home: Home) -> None:
    """Say that you have seen an alarm, and are at it."""
    from burnish.workflows.answering_alarms import acknowledge
    from burnish.workflows.showing_alarms import print_answer, record_of

    print_answer(acknowledge(record_of(home), dataset, number, who=who), as_json=as_json)


@alarms.command("overrule")
@click.argument("dataset")
@click.argument("number", type=click.IntRange(min=1))
@WHO_OPTION
@WHY_OPTION
@JSON_OPTION
@with_state
def overrule_alarm(
    dataset: str, number: int, *, who: str, why: str, as_json: bool, home: Home
) -> None:
    """Say that an alarm is none: it is quiet until its signal gets worse."""
    from burnish.workflows.answering_alarms import overrule
    from burnish.workflows.showing_alarms import print_answer, record_of

    print_answer(overrule(record_of(home), dataset, number, who=who, why=why), as_json=as_json)


@alarms.command("close")
@click.argument("dataset")
@click.argument("number", type=click.IntRange(min=1))
@WHO_OPTION
@WHY_OPTION
@JSON_OPTION
@with_state
def close_alarm(
    dataset: str, number: int, *, who: str, why: str, as_json: bool, home: Home
) -> None:
    """Say that what was behind an alarm is mended: it has to be shown anew to rise again."""
    from burnish.workflows.answering_alarms import close
    from burnish.workflows.showing_alarms import print_answer, record_of

    print_answer(close(record_of(home), dataset, number, who=who, why=why), as_json=as_json)


@click.command("replay-policy")
@click.argument("dataset")
@click.option(
    "--policy",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="A YAML file with the policy to try [default: the one in the spec].",
)
@JSON_OPTION
@with_catalog
def replay_policy(
    dataset: str, *, policy: Path | None, as_json: bool, catalog: Path, home: Home
) -> None:
    """Decide every window of DATASET again by another policy, and say where it parts.

    Signals and facts are those that were recorded: what another policy would have changed in the
    world is not known.
    """
    from burnish.workflows.showing_alarms import print_replay

    print_replay(home, catalog, dataset, policy=policy, as_json=as_json)
