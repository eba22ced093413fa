"""Alarms and replays on a terminal and as JSON.

What belongs here: printing. What does not: the record (`burnish.policy`), or pages
(`burnish.workflows.playbooks`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from burnish.errors import SpecError
from burnish.policy import Alarm, Replay, SqlPolicyRecord, replay
from burnish.policy.words import alarm_sentence
from burnish.report.pages import Pages
from burnish.spec import Policy, load_spec_named
from burnish.workflows.home import Home
from burnish.workflows.playbooks import write_alarm_pages, write_playbook
from burnish.workflows.verify import require_dataset


def record_of(home: Home) -> SqlPolicyRecord:
    """The policy record of a home."""
    return SqlPolicyRecord(home.versions.engine)


def print_alarms(home: Home, dataset: str | None, *, every: bool, as_json: bool) -> None:
    """List the open alarms (or every one) of a dataset, or of all datasets."""
    if dataset is not None:
        require_dataset(home, dataset)
    record = record_of(home)
    names = [dataset] if dataset is not None else home.versions.datasets()
    found = [one for name in names for one in record.alarms(name) if every or one.is_open]
    if as_json:
        _print_json([_alarm_json(one) for one in found])
        return
    if not found:
        _console().print("No alarms." if every else "No alarm is open.")
        return
    _console().print(_alarm_table(found))
    _console().print("What to do: burnish alarms show DATASET NUMBER", highlight=False)


def print_playbook(
    home: Home, catalog: Path, dataset: str, number: int, *, page: Path | None, as_json: bool
) -> None:
    """Write the playbook of an alarm, and say in short what it is."""
    require_dataset(home, dataset)
    record, pages = record_of(home), Pages(home.reports)
    spec = load_spec_named(catalog, dataset)
    target = page or pages.playbook(dataset, number)
    write_playbook(spec, home.versions, record, target, number)
    if page is None:
        write_alarm_pages(spec, home.versions, record, pages, now=datetime.now(UTC))
    [alarm] = [one for one in record.alarms(dataset) if one.number == number]
    if as_json:
        _print_json({**_alarm_json(alarm), "page": str(target)})
        return
    console = _console()
    console.print(
        Text(f"{dataset}, alarm {number} ({alarm.status}): {alarm_sentence(alarm.signal)}")
    )
    for event in alarm.events:
        told = event.body.get("why") or event.body.get("part") or ""
        console.print(Text(f"  {event.at:%Y-%m-%d %H:%M}  {event.kind}  {told}"))
    console.print(f"The playbook: {target}", highlight=False, soft_wrap=True)


def print_answer(alarm: Alarm, *, as_json: bool) -> None:
    """Say what became of an alarm that a person answered."""
    if as_json:
        _print_json(_alarm_json(alarm))
        return
    _console().print(Text(f"{alarm.dataset}, alarm {alarm.number}: {alarm.status}."))


def print_replay(
    home: Home, catalog: Path | None, dataset: str, *, policy: Path | None, as_json: bool
) -> None:
    """Decide the record of a dataset again by a policy in a file, or by its spec as it is now."""
    require_dataset(home, dataset)
    if policy is not None:
        chosen = read_policy(policy)
    else:
        assert catalog is not None
        chosen = load_spec_named(catalog, dataset).policy
    found = replay(chosen, record_of(home).events(dataset))
    if as_json:
        _print_json(found.to_table().to_pylist())
        return
    console = _console()
    console.print(Text(replay_sentence(found)))
    parted = [line for line in found.to_table().to_pylist() if line["differs"]]
    if parted:
        console.print(_replay_table(parted))


def replay_sentence(found: Replay) -> str:
    """What a replay comes to, in a sentence."""
    total = found.table.num_rows
    counts = ", ".join(
        f"{found.count(action, replayed=False)} to {found.count(action, replayed=True)} {said}"
        for action, said in (
            ("label", "requests"),
            ("retrain", "retrains"),
            ("roll_back", "rollbacks"),
        )
    )
    alarms = f"{found.alarms(replayed=False)} to {found.alarms(replayed=True)} alarms"
    return f"{found.differing} of {total} decisions differ: {alarms}, {counts}."


def read_policy(path: Path) -> Policy:
    """The policy in a YAML file: the key `policy` of a spec, or that part alone.

    Raises `SpecError` where the file cannot be read, or says what a policy cannot say.
    """
    try:
        told = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SpecError(f"{path} cannot be read as YAML: {error}") from error
    part = told.get("policy", told) if isinstance(told, dict) else told
    try:
        return Policy.model_validate(part or {})
    except ValidationError as error:
        lines = [
            f"{path}, {'.'.join(str(step) for step in one['loc'])}: {one['msg']}"
            for one in error.errors()
        ]
        raise SpecError(
            "\n".join(lines), expected="a policy", hint="docs/spec.md says what it holds"
        ) from error


def _alarm_json(alarm: Alarm) -> dict[str, Any]:
    return {
        "dataset": alarm.dataset,
        "number": alarm.number,
        "status": alarm.status,
        "opened": alarm.opened,
        "opened_at": alarm.opened_at.isoformat(),
        "closed_at": alarm.closed_at.isoformat() if alarm.closed_at else None,
        "why_closed": alarm.why_closed,
        "signal": alarm.signal.to_json(),
        "evidence": [one.to_json() for one in alarm.evidence],
        "sentence": alarm_sentence(alarm.signal),
    }


def _alarm_table(alarms: Sequence[Alarm]) -> Table:
    table = Table(show_edge=False, box=None, pad_edge=False)
    for header in ("dataset", "alarm", "status", "window to", "what"):
        table.add_column(header, overflow="fold", justify="right" if header == "alarm" else "left")
    for one in alarms:
        cells = [one.dataset, str(one.number), one.status, one.opened, alarm_sentence(one.signal)]
        # As text: a column's name may hold what reads as markup.
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _replay_table(lines: Sequence[dict[str, Any]]) -> Table:
    table = Table(show_edge=False, box=None, pad_edge=False)
    for header in ("window to", "signal", "of", "was", "would be", "why"):
        table.add_column(header, overflow="fold")
    for one in lines:
        was = _decided(one["action"], one["alarm"], one["rows"])
        now = _decided(one["replayed_action"], one["replayed_alarm"], one["replayed_rows"])
        why = one["held_back"] or one["reason"]
        cells = [one["period"], one["signal"], one["key"], was, now, why]
        table.add_row(*(Text(str(cell)) for cell in cells))
    return table


def _decided(action: str, alarm: str, rows: int) -> str:
    told = f"{action} {rows}" if rows else action
    return told if alarm == "none" else f"{told}, {alarm}"


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else 160)


def _print_json(told: Any) -> None:
    sys.stdout.write(json.dumps(told, indent=1) + "\n")
