"""The life of one example: when it came, what was thought of it, who decided, what it trained.

What belongs here: gathering what tables, ledger, dataset versions and iterations say of one
example, in the order of time. What does not: the events alone (`SqlLedger.blame`), whether any of
it was tampered with (`burnish.workflows.verify`), or how a life is shown (`burnish.cli`).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa
from pyarrow import compute

from burnish.errors import DataError, VersionNotFound
from burnish.records import DatasetVersion, LabelEvent, TableVersion
from burnish.versions import Versions
from burnish.versions.views import CURATED, FEATURES, UNLABELED, VIEW
from burnish.workflows.home import Home
from burnish.workflows.verify import require_dataset

# Arrow makes these functions when it is imported, so a checker cannot know them.
pc: Any = compute

RAW = "raw_examples"
ORDER = ("ingested", "quarantined", "audited", "queued", "decided", "in version", "trained on")
FAILURE = ("code", "column", "value")
Row = dict[str, Any]


@dataclass(frozen=True)
class Moment:
    """Something that happened to an example: `what` of `ORDER`, `where` a version or iteration."""

    at: datetime | None
    what: str
    where: str
    text: str
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Life:
    """All that is known of one example, oldest first.

    `label` is the label as it stands; None where there is none, or the example was dropped or has
    left the source.
    """

    dataset: str
    example_id: str
    label: str | None
    moments: tuple[Moment, ...]

    def to_json(self) -> dict[str, Any]:
        """The life as JSON can hold it, times in ISO 8601."""
        whole = asdict(self)
        for moment in whole["moments"]:
            moment["at"] = moment["at"] and moment["at"].isoformat()
        return {**whole, "moments": list(whole["moments"])}

    def to_table(self) -> pa.Table:
        """A row a moment: at, what, where, text."""
        rows = [asdict(moment) for moment in self.moments]
        words = [(name, pa.string()) for name in ("what", "where", "text")]
        return pa.Table.from_pylist(rows, pa.schema([("at", pa.timestamp("us", "UTC")), *words]))


def life_of(home: Home, dataset: str, example_id: str) -> Life:
    """Everything that happened to one example, in the order of time.

    Of tables, only versions that are still kept can tell. Of each iteration there are the newest
    audit and the queue that people saw. What simulated reviewers decided is called simulated.

    Raises `ReviewError` for a dataset that the home does not know, `DataError` for an example
    that never was, and `StoreError` where a table that would tell is damaged.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from burnish.records import Verdict
    >>> from burnish.workflows.home import prepare_home
    >>> home = prepare_home(Path(tempfile.mkdtemp()))
    >>> rows = pa.table({"example_id": ["a"], "label": ["1"]})
    >>> written = home.versions.write("digits", "raw_examples", rows, gated=False)
    >>> decided = home.ledger.append("digits", [Verdict("a", "change", "1", "7", author="Ada")])
    >>> life = life_of(home, "digits", "a")
    >>> life.label, [moment.text for moment in life.moments]
    ('7', ["collected with the label '1'", "Ada (annotator) changed '1' to '7'"])
    """
    require_dataset(home, dataset)
    one = _Example(home.versions, dataset, example_id)
    events = home.ledger.blame(dataset, example_id)
    raw, unlabeled = (list(one.course(stage, "label")) for stage in (RAW, UNLABELED))
    validated = list(one.course(FEATURES, "label", "split"))
    states = _states(one, events)
    moments = [
        *(_ingested(step) for step in (*raw, *unlabeled)),
        *(_validated(step) for step in validated),
        *_quarantined(one),
        *_audited(one),
        *_queued(one),
        *(_decided(event) for event in events),
        *_in_versions(states),
        *_trained_on(one, states),
    ]
    if not moments:
        raise _never_was(one)
    moments.sort(key=lambda moment: (moment.at, ORDER.index(moment.what)))
    newest = [row for steps in (validated, raw, unlabeled) if steps for row in steps[-1].rows]
    return Life(dataset, example_id, _label(newest, events), tuple(moments))


@dataclass(frozen=True)
class _Step:
    """A version of a table in which the rows of an example are not those of the version before."""

    version: TableVersion
    before: list[Row] | None  # None: it was in none so far
    rows: list[Row]

    def to_moment(self, text: str) -> Moment:
        facts = {"rows": self.rows}
        return Moment(self.version.created_at, "ingested", str(self.version), text, facts)


@dataclass(frozen=True)
class _Example:
    """One example, and where to look for it; tables are read in the columns asked for alone."""

    versions: Versions
    dataset: str
    example_id: str

    def of(self, table: pa.Table) -> list[Row]:
        found = table.filter(pc.equal(table["example_id"], self.example_id))
        return found.drop_columns("example_id").to_pylist()

    def course(self, stage: str, *columns: str) -> Iterator[_Step]:
        """Every change of the example's rows over the kept versions of a table."""
        before: list[Row] | None = None
        store = self.versions.store
        for version in store.history(f"{self.dataset}/{stage}"):
            wanted = ["example_id", *columns]
            rows = self.of(store.read(version.table, version=version.version, columns=wanted))
            if rows != (before or []):
                yield _Step(version, before, rows)
                before = rows

    def made(
        self, stage: str, columns: Sequence[str], *, seen: bool
    ) -> Iterator[tuple[int, datetime, int, Row]]:
        """Iteration, time, number of rows and the example's row, of kept versions by iteration.

        With `seen`, of each version that was published; else of the newest of an iteration.
        """
        store, name = self.versions.store, f"{self.dataset}/{stage}"
        kept = {version.version: version for version in store.history(name)}
        opened = {turn.number: turn.opened_at for turn in self.versions.iterations(self.dataset)}
        made = self.versions.outputs(self.dataset, stage)
        shown = set(self.versions.published_versions(self.dataset, stage))
        chosen = [pair for pair in made if pair[1] in shown] if seen else dict(made).items()
        for number, version in chosen:
            if version in kept:
                table = store.read(name, version=version, columns=["example_id", *columns])
                # The version may be one that an earlier iteration had made already.
                at = kept[version].created_at
                for row in self.of(table):
                    yield number, max(at, opened.get(number, at)), table.num_rows, row


def _ingested(step: _Step) -> Moment:
    label = _labels(step.rows)
    if not step.rows:
        return step.to_moment("left the source")
    if step.before is None:
        return step.to_moment(f"collected with {label}")
    if not step.before:
        return step.to_moment(f"came back to the source with {label}")
    return step.to_moment(f"changed in the source from {_labels(step.before)} to {label}")


def _validated(step: _Step) -> Moment:
    if not step.rows:
        return step.to_moment("no longer among the validated rows")
    splits = ", ".join(sorted({row["split"] for row in step.rows}))
    return step.to_moment(f"validated with {_labels(step.rows)}, in the split {splits}")


def _labels(rows: list[Row]) -> str:
    named = [row["label"] for row in rows]
    if named == [None]:
        return "no label"
    return f"the label{'s' * (len(named) > 1)} {', '.join(map(repr, named))}"


def _quarantined(one: _Example) -> Iterator[Moment]:
    for stage in (RAW, FEATURES, CURATED):
        for step in one.course(f"{stage}_quarantine", *FAILURE):
            failed = [f"{row['code']} ({row['column']} {row['value']!r})" for row in step.rows]
            # A table that nothing was turned away of makes no quarantine: nobody is seen to leave.
            if failed:
                where = f"{one.dataset}/{stage}@{step.version.properties['stage_version']}"
                text, facts = f"turned away by {', '.join(failed)}", {"failures": step.rows}
                yield Moment(step.version.created_at, "quarantined", where, text, facts)


def _audited(one: _Example) -> Iterator[Moment]:
    columns = ("label", "audit_rank", "error_probability", "suggested_label")
    for number, at, rows, row in one.made("label_audit", columns, seen=False):
        text = f"no label to judge; the models say {row['suggested_label']!r}"
        if row["error_probability"] is not None:
            text = (
                f"rank {row['audit_rank']} of {rows}: {row['label']!r} is wrong with probability "
                f"{row['error_probability']:.3f}, the models say {row['suggested_label']!r}"
            )
        yield Moment(at, "audited", f"{one.dataset}@iter{number}", text, row)


def _queued(one: _Example) -> Iterator[Moment]:
    first: dict[int, Moment] = {}
    for number, at, _, row in one.made("relabel_queue", ("reason", "why", "position"), seen=True):
        text = f"asked about at position {row['position']}, for {row['reason']}: {row['why']}"
        where = f"{one.dataset}@iter{number}"
        first.setdefault(number, Moment(at, "queued", where, text, row))
    yield from first.values()


def _decided(event: LabelEvent) -> Moment:
    verdict, evidence = event.verdict, event.verdict.evidence
    role = "simulated reviewer" if verdict.role == "simulated" else verdict.role
    said = {
        "keep": f"kept {verdict.to_label!r}",
        "change": f"changed {verdict.from_label!r} to {verdict.to_label!r}",
        "drop": f"dropped it ({verdict.from_label!r})",
        "unsure": f"was unsure about {verdict.from_label!r}",
    }[verdict.decision]
    chance = evidence.get("error_probability")
    more = {
        "reason": verdict.reason,
        "comment": verdict.comment,
        "error probability then": f"{chance:.3f}" if isinstance(chance, float) else chance,
        "version of the guide": evidence.get("guide"),
        "approved by": evidence.get("approved_by"),
        "undoes event": evidence.get("undoes"),
    }
    told = "".join(f"; {name}: {value}" for name, value in more.items() if value not in ("", None))
    where = f"event {event.event_id} of {event.dataset}"
    facts = {"event_id": event.event_id, **asdict(verdict)}
    return Moment(event.at, "decided", where, f"{verdict.author} ({role}) {said}{told}", facts)


def _states(one: _Example, events: Sequence[LabelEvent]) -> list[tuple[DatasetVersion, Row | None]]:
    """Each dataset version with the example's row in it.

    With the same features, the row hangs on the decision that stands on it alone: so versions
    between which nobody decided on it are joined once.
    """
    known: dict[object, list[Row]] = {}
    columns = ["example_id", "label", "split"]
    states: list[tuple[DatasetVersion, Row | None]] = []
    for version in one.versions.dataset_versions(one.dataset):
        number = version.table_version
        parts = _parts(one, number, events)
        if parts not in known:
            known[parts] = one.of(
                one.versions.read_version(one.dataset, CURATED, version=number, columns=columns)
            )
        rows = [] if _turned_away(one, version) else known[parts]
        states.append((version, rows[0] if rows else None))
    return states


def _parts(one: _Example, number: int, events: Sequence[LabelEvent]) -> object:
    """What the example's row in a version of curated rows is made of."""
    stored = one.versions.store.describe(f"{one.dataset}/{CURATED}", version=number)
    if stored.properties.get(VIEW) is None:
        return number
    recipe = one.versions.recipe(one.dataset, number)
    standing = sum(event.event_id <= recipe.watermark for event in events)
    return recipe.features, recipe.quarantine, recipe.unlabeled, standing


def _turned_away(one: _Example, version: DatasetVersion) -> bool:
    try:
        return bool(one.of(one.versions.turned_away(version)))
    except VersionNotFound:  # `verify_home` tells of it; the rest of a life can be told
        return False


def _in_versions(states: list[tuple[DatasetVersion, Row | None]]) -> Iterator[Moment]:
    before: Row | None = None
    ever = False
    for version, row in states:
        if row != before:
            text = "not in this version" if row is None else _stands(row, before, ever)
            yield Moment(version.created_at, "in version", str(version), text, row or {})
        before, ever = row, ever or row is not None


def _stands(row: Row, before: Row | None, ever: bool) -> str:
    now = f"{row['label']!r} in the split {row['split']}"
    if before is None:
        return f"{'again' if ever else 'first'} in a version, as {now}"
    return f"from {before['label']!r} to {now}"


def _trained_on(one: _Example, states: list[tuple[DatasetVersion, Row | None]]) -> Iterator[Moment]:
    rows = {version.number: row for version, row in states}
    for turn in one.versions.iterations(one.dataset):
        number = turn.summary.get("dataset_version")
        row = None if number is None else rows.get(int(number))
        if turn.is_open or row is None or row["split"] != "train":
            continue
        outcome = "promoted" if turn.promoted else "not promoted"
        run = f", run {turn.mlflow_run_id}" if turn.mlflow_run_id else ""
        text = f"trained on as {row['label']!r} in {one.dataset}@{number}{run}; {outcome}"
        facts = {
            "iteration": turn.number,
            "dataset_version": number,
            "mlflow_run_id": turn.mlflow_run_id,
            "promoted": turn.promoted,
        }
        yield Moment(turn.closed_at, "trained on", str(turn), text, facts)


def _label(newest: list[Row], events: Sequence[LabelEvent]) -> str | None:
    """The label as it stands on the newest row of an example."""
    verdict = events[-1].verdict if events else None
    if not newest or (verdict and verdict.decision == "drop"):
        return None
    told = verdict.to_label if verdict and verdict.decision != "unsure" else None
    return newest[0]["label"] if told is None else told


def _never_was(one: _Example) -> DataError:
    near: list[str] = []
    for stage in (RAW, UNLABELED):
        if one.versions.candidate(one.dataset, stage):
            rows = one.versions.read_candidate(one.dataset, stage, columns=["example_id"])
            near += _close(one.example_id, rows["example_id"])
    return DataError(
        f"{one.dataset} never had an example {one.example_id!r}",
        expected=f"perhaps one of: {', '.join(near)}" if near else "the id of a row of its source",
        hint="ids are those of the spec's `id` column; upper and lower case differ",
    )


def _close(name: str, ids: pa.ChunkedArray) -> list[str]:
    """The ids that look like `name`, sought among those that begin or end like it."""
    near = ids
    for size in range(len(name), 0, -1):
        begin, end = pc.starts_with(ids, name[:size]), pc.ends_with(ids, name[-size:])
        near = ids.filter(pc.or_(begin, end))
        if len(near) >= 3:
            break
    return difflib.get_close_matches(name, near.slice(0, 5_000).to_pylist(), n=3)
