"""The commands `burnish review ...`: the desk, its people, and how well they judge.

What belongs here: options and prompts. What does not: serving (`burnish.workflows.serve_desk`),
people (`burnish.review.accounts`) or figures (`burnish.workflows.gold`, `.anchoring`,
`.people_figures`).
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from burnish.cli_options import JSON_OPTION, with_catalog, with_state

if TYPE_CHECKING:
    from burnish.workflows.home import Home

ROLES = click.Choice(["annotator", "reviewer", "admin"])


class _ServesByDefault(click.Group):
    """`burnish review` alone, or with options only, is `burnish review serve`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = {*self.commands, *ctx.help_option_names}
        return super().parse_args(ctx, args if args and args[0] in own else ["serve", *args])


@click.group(cls=_ServesByDefault)
def review() -> None:
    """The review desk: where people decide on the rows of a batch.

    Without a command it serves the desk; `burnish review serve --help` lists the options of that.
    """


@review.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Where it listens.")
@click.option(
    "--port", type=click.IntRange(1, 65535), help="Its port [default: 3002, or a free one]."
)
@click.option("--no-login", metavar="NAME", help="Everybody acts as NAME; on loopback alone.")
@click.option(
    "--allow-host", multiple=True, metavar="NAME", help="A name it goes by; may be given again."
)
@click.option(
    "--public-url",
    default="",
    envvar="BURNISH_REVIEW_URL",
    help="The address that people type, where a proxy stands before the desk.",
)
@click.option(
    "--trusted-proxy",
    multiple=True,
    metavar="ADDRESS",
    help="A proxy that is believed when it says whom it asks for; may be given again.",
)
@with_catalog
def serve(
    *,
    host: str,
    port: int | None,
    no_login: str | None,
    allow_host: tuple[str, ...],
    public_url: str,
    trusted_proxy: tuple[str, ...],
    home: Home,
    catalog: Path,
) -> None:
    """Serve the desk until Ctrl-C.

    On loopback, where nobody could sign in yet, an admin is made and the password told once. To
    other machines it listens only if somebody can sign in.
    """
    from burnish.workflows import serve_desk

    serve_desk.require_libraries()
    from burnish.review.context import DeskSettings

    settings = DeskSettings(
        loopback=serve_desk.is_loopback(host),
        hosts=allow_host,
        login=no_login is None,
        sole_person=no_login or "",
        public_url=public_url.rstrip("/"),
        trusted_proxies=trusted_proxy,
    )
    serve_desk.serve(
        home, catalog, settings=settings, host=host, port=port, say=click.echo,
        # A file that the screen is written to would keep the password.
        tell_password=sys.stdout.isatty(),
    )  # fmt: skip


@review.group()
def person() -> None:
    """Who may sign in at the desk."""


PASSWORD_OPTION = click.option(
    "--password-stdin", is_flag=True, help="Read the password from the standard input."
)


@person.command("add")
@click.argument("name")
@click.option("--role", type=ROLES, default="annotator", show_default=True)
@click.option("--simulated", is_flag=True, help="A program that answers; it signs in by token.")
@PASSWORD_OPTION
@with_state
def add_person(name: str, *, role: Any, simulated: bool, password_stdin: bool, home: Home) -> None:
    """Add NAME, and ask for a password."""
    from burnish.workflows.serve_desk import accounts_of, by_command

    accounts = accounts_of(home)
    password = None if simulated else _password(password_stdin)
    added = accounts.add_person(name, role, by=by_command(), password=password, simulated=simulated)
    click.echo(f"{added.name} is {'a simulated ' if simulated else ''}{added.role} now.")


@person.command("list")
@JSON_OPTION
@with_state
def list_people(*, as_json: bool, home: Home) -> None:
    """List everybody: role, whether they can sign in, since when."""
    from burnish.workflows.serve_desk import accounts_of
    from burnish.workflows.showing_review import print_people

    accounts = accounts_of(home)
    print_people(accounts.people(), now=accounts.now(), as_json=as_json)


@person.command("role")
@click.argument("name")
@click.argument("role", type=ROLES)
@with_state
def set_role(name: str, role: Any, *, home: Home) -> None:
    """Give NAME another role."""
    from burnish.workflows.serve_desk import accounts_of, by_command

    accounts_of(home).set_role(name, role, by=by_command())
    click.echo(f"{name} is {role} now.")


@person.command("password")
@click.argument("name")
@PASSWORD_OPTION
@with_state
def set_password(name: str, *, password_stdin: bool, home: Home) -> None:
    """Set the password of NAME; every session of theirs ends."""
    from burnish.workflows.serve_desk import accounts_of, by_command

    accounts = accounts_of(home)
    accounts.set_password(name, _password(password_stdin), by=by_command())
    click.echo(f"{name} has a new password.")


@person.command("deactivate")
@click.argument("name")
@with_state
def deactivate(name: str, *, home: Home) -> None:
    """Shut NAME out: sessions end, tokens are revoked. What they said stays."""
    from burnish.workflows.serve_desk import accounts_of, by_command

    accounts_of(home).deactivate(name, by=by_command())
    click.echo(f"{name} can not sign in any more.")


@person.command("reactivate")
@click.argument("name")
@with_state
def reactivate(name: str, *, home: Home) -> None:
    """Let NAME in again, with the password they had."""
    from burnish.workflows.serve_desk import accounts_of, by_command

    accounts_of(home).reactivate(name, by=by_command())
    click.echo(f"{name} can sign in again.")


@person.command("pause")
@click.argument("name")
@click.option(
    "--until",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]),
    required=True,
    help="When they are back, in UTC.",
)
@with_state
def pause(name: str, *, until: datetime, home: Home) -> None:
    """Note that NAME is away: nothing is dealt to them, or kept for them."""
    from burnish.workflows.serve_desk import accounts_of, by_command

    accounts_of(home).pause(name, until.replace(tzinfo=UTC), by=by_command())
    click.echo(f"{name} is away until {until:%Y-%m-%d %H:%M} UTC.")


@person.command("back")
@click.argument("name")
@with_state
def back(name: str, *, home: Home) -> None:
    """Note that NAME is back before time."""
    from burnish.workflows.serve_desk import accounts_of, by_command

    accounts_of(home).pause(name, None, by=by_command())
    click.echo(f"{name} is back.")


@review.command()
@click.argument("name")
@click.option("--label", default="command line", show_default=True, help="What it is for.")
@click.option("--days", type=click.IntRange(1, 3650), default=90, show_default=True)
@with_state
def token(name: str, *, label: str, days: int, home: Home) -> None:
    """Make an API token for NAME, and print it: it is told this once."""
    from burnish.workflows.serve_desk import accounts_of, by_command

    made = accounts_of(home).make_token(name, label, by=by_command(), days=days)
    click.echo(made.secret)
    click.echo(f"Told once; it ends after {days} days, or when it is revoked at /tokens.", err=True)


@review.command()
@click.argument("dataset")
@JSON_OPTION
@with_state
def accuracy(dataset: str, *, as_json: bool, home: Home) -> None:
    """Show how often each reviewer of DATASET is right on gold items, and what showing does."""
    from burnish.workflows.showing_review import print_accuracy

    print_accuracy(home, dataset, as_json=as_json)


@review.command()
@click.argument("dataset")
@JSON_OPTION
@with_state
def people(dataset: str, *, as_json: bool, home: Home) -> None:
    """Show each person's figures on DATASET: right, reworked, how fast, and how far they agree."""
    from burnish.workflows.showing_people import print_figures

    print_figures(home, dataset, as_json=as_json)


@review.command()
@click.argument("dataset")
@click.option("--check", is_flag=True, help="Fail where the guide's file cannot be used.")
@click.option("--note", is_flag=True, help="Keep the file as a version now, under your name.")
@JSON_OPTION
@with_catalog
def guide(
    dataset: str, *, check: bool, note: bool, as_json: bool, home: Home, catalog: Path
) -> None:
    """Show the versions of DATASET's labeling guide, answers under each, and what is flagged."""
    from datetime import UTC, datetime

    from burnish.spec import load_spec_named
    from burnish.workflows.guides import guide_state, note_guide
    from burnish.workflows.serve_desk import by_command
    from burnish.workflows.showing_review import print_guide

    spec = load_spec_named(catalog, dataset)
    if note:
        note_guide(home, spec, by=by_command(), clock=lambda: datetime.now(UTC))
    state = guide_state(home, spec)
    print_guide(state, as_json=as_json)
    if check and (state.problem or state.path is None):
        raise SystemExit(1)


@review.command()
@click.argument("dataset")
@JSON_OPTION
@with_catalog
def promises(dataset: str, *, as_json: bool, home: Home, catalog: Path) -> None:
    """Show what is overdue in the open batch of DATASET, and when it will be done."""
    from burnish.spec import load_spec_named
    from burnish.workflows.showing_promises import print_promises

    spec = load_spec_named(catalog, dataset)
    print_promises(home, spec, clock=lambda: datetime.now(UTC), as_json=as_json)


@review.command()
@click.argument("dataset")
@JSON_OPTION
@with_state
def worth(dataset: str, *, as_json: bool, home: Home) -> None:
    """Show what people found in DATASET in how many hours, and what is to be expected."""
    from burnish.workflows.showing_worth import print_worth

    print_worth(home, dataset, as_json=as_json)


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
