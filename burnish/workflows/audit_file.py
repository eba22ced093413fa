"""Auditing a file from cold: no project, no configuration, no orchestrator.

What belongs here: the steps from a file to a table, a page and a spec, in their order. What does
not: any of the steps (`burnish.workflows.audit_file_rows`, `.audit`, `.audit_file_queue`,
`.audit_file_page`, `.audit_file_out`), or printing (`.audit_file_print`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote
from typing import Any

import pyarrow as pa

from burnish.errors import DataError, ProjectError
from burnish.report.audit_page import AuditSummary, NextStep, render_audit_page
from burnish.spec import Chosen, FeatureKind
from burnish.workflows.audit import audit_labels, predict_probs
from burnish.workflows.audit_file_answers import heard
from burnish.workflows.audit_file_out import AuditFiles, audit_files, write_audit_files
from burnish.workflows.audit_file_page import summarise_audit
from burnish.workflows.audit_file_queue import audit_table
from burnish.workflows.audit_file_rows import FileRows, read_rows, require_file
from burnish.workflows.home import find_project
from burnish.workflows.init import default_name

DEFAULT_BUDGET = 100
Told = Callable[[str, int, int], None]
"""Is told what is being done, how much of it is done, and of how much."""


@dataclass(frozen=True)
class FileAudit:
    """What an audit of a file found, and where it was written.

    table: every row with its signals, as `burnish.workflows.audit_file_queue.audit_table` says.
    """

    table: pa.Table
    summary: AuditSummary
    files: AuditFiles

    def to_table(self) -> pa.Table:
        """One row an example, the most suspicious first."""
        return self.table


def audit_file(
    file: Path,
    *,
    target: str | None = None,
    identity: str | None = None,
    annotations: Path | None = None,
    group: str | None = None,
    text: Sequence[str] = (),
    image: Sequence[str] = (),
    exclude: Sequence[str] = (),
    budget: int | None = None,
    out: Path | None = None,
    progress: Told | None = None,
    now: datetime | None = None,
) -> FileAudit:
    """Find the labels of a file that are probably wrong, and write what was found to a folder.

    `file` is CSV, Parquet, Arrow or JSON lines; `target` its column of labels, which may be left
    out where `annotations` names a file of answers (example_id, annotator_id, label), whose
    consensus then is the label. `identity` names the rows, rows of one `group` are held out
    together, `text` and `image` say what columns hold, and those of `exclude` are no features.
    `budget` rows are to be looked at first. `out` is the folder, by default NAME-audit in the
    current one.

    Written are audit.parquet, report.html and NAME.yaml, all or none; `file` is only read. Raises
    `DataError` where the file cannot be audited as it is, naming what to do.
    """
    rows_asked = DEFAULT_BUDGET if budget is None else budget
    if rows_asked < 1:
        raise DataError(
            f"the budget is {budget} rows",
            expected="one row or more to look at",
            hint="leave --budget out for 100 rows",
        )
    if target is None and annotations is None:
        raise DataError(
            "no column of labels is named",
            expected="--target with a column of the file, or --annotations with a file of answers",
        )
    if annotations is not None:
        require_file(annotations)
    tell = progress or _nothing
    name = default_name(file)
    folder = out or Path(f"{name}-audit")
    files = audit_files(folder, name)
    kinds: dict[str, FeatureKind] = {**dict.fromkeys(text, "text"), **dict.fromkeys(image, "image")}
    both = sorted(set(text) & set(image))
    if both:
        raise DataError(
            f"column {both[0]!r} cannot be text and an image at once", expected="one kind a column"
        )
    tell("reading", 0, 1)
    chosen = Chosen(identity, group, kinds, tuple(exclude), annotations, budget)
    rows = read_rows(file, target=target, folder=folder, chosen=chosen)
    tell("reading", 1, 1)
    judged = _judged(rows, tell)
    table = audit_table(judged, rows, budget=rows_asked)
    tell("writing", 0, 1)
    moment = now or datetime.now(UTC)
    steps = next_steps(rows, files)
    summary = summarise_audit(rows, table, steps=steps, now=moment)
    page = render_audit_page(summary)
    write_audit_files(files, table=table, page=page, spec_text=rows.spec_text)
    tell("writing", 1, 1)
    return FileAudit(table, summary, files)


def _judged(rows: FileRows, tell: Told) -> pa.Table:
    # Until the first fit is done, rows are read and compared.
    tell("comparing", 0, 1)
    found = predict_probs(
        rows.examples, rows.spec, progress=lambda done, fits: tell("models", done, fits)
    )
    audit = audit_labels(found, spec=rows.spec)
    return audit if rows.answers is None else heard(audit, found, rows.answers)


def next_steps(rows: FileRows, files: AuditFiles) -> tuple[NextStep, ...]:
    """What a newcomer does next, with the commands."""
    name = rows.spec.name
    steps = [
        NextStep(
            "Look at the rows of the queue, in the order of queue_rank. Those with reason "
            "control were drawn at random: decide on them with the same care, since they alone "
            "tell how many labels are wrong without bias.",
            f'pandas.read_parquet("{files.table}").dropna(subset="queue_rank")'
            '.sort_values("queue_rank")',
        ),
        NextStep(f"Look over what was guessed of the columns: {files.spec}."),
    ]
    try:
        project, where = find_project(Path.cwd()), ""
    except ProjectError:
        project, where = Path("PROJECT"), ", the folder that holds workspace.yaml"
    command = (
        f"BURNISH_CATALOG={quote(str(files.spec.parent))} burnish loop "
        f"--project {quote(str(project))} "
        f"--dataset {name} --iterations 1 --reviewer file"
    )
    steps.append(
        NextStep(
            "Go on with the loop: it takes verdicts in, keeps every version, retrains and says "
            f"what that bought. It runs in a project{where}:",
            command,
        )
    )
    return tuple(steps)


def _nothing(*_: Any) -> None:
    return None
