"""What a spec says of production: where its rows come from, how they are watched, what follows.

What belongs here: the models `production` and `policy`. What does not: reading production rows
(`burnish.workflows.production_rows`), measuring drift (`burnish.drift`), or deciding by a policy
(`burnish.policy`).
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from burnish.spec.part import Part, Share, Source, Variable

Period: TypeAlias = Literal["day", "week", "month"]
Action: TypeAlias = Literal["ignore", "watch", "label", "retrain", "roll_back"]
SignalName: TypeAlias = Literal[
    "column_drift",
    "prediction_drift",
    "label_drift",
    "row_drift",
    "estimated_loss",
    "measured_loss",
    "late_data",
    "refused_data",
    "reports",
]


class SqlSource(Part):
    """Rows of a table or a query; the address of the database stands in a variable, never here."""

    url_variable: str
    table: str | None = None
    query: str | None = None

    @model_validator(mode="after")
    def _one(self) -> SqlSource:
        if bool(self.table) == bool(self.query):
            raise ValueError("give exactly one of table, query")
        return self


class Arrivals(Part):
    """What comes in later, by example: labels, or what users reported. `time`: when it came."""

    source: Source | None = None
    sql: SqlSource | None = None
    example_id: str = "example_id"
    label: str = "label"
    time: str | None = None
    comment: str | None = None

    @model_validator(mode="after")
    def _one(self) -> Arrivals:
        if (self.source is None) == (self.sql is None):
            raise ValueError("give exactly one of source, sql")
        return self


class Production(Part):
    """Rows that a model meets in production, a partition a day (week, month).

    `source` is as that of the dataset (its `path` may be a pattern: files are read wherever they
    have rows of a period), or `sql`; `time` the column of when a row was met. Periods begin at
    `start`, by the clock of `timezone`; `end` is the last day, where production is over. Drift is
    measured over a `window` of so many periods. Rows of one period are taken to be alike, unless
    `independent_rows`.
    `labels` are true labels that come in later, `reports` what users say is wrong.
    """

    source: Source | None = None
    sql: SqlSource | None = None
    time: str
    start: date
    end: date | None = None
    period: Period = "day"
    timezone: str = "UTC"
    window: Annotated[int, Field(ge=1, le=366)] = 7
    independent_rows: bool = False
    labels: Arrivals | None = None
    reports: Arrivals | None = None
    max_share: Share = 0.2
    min_rows: Annotated[int, Field(ge=1)] = 1
    late_after: Annotated[int, Field(ge=0, le=366)] = 2

    @model_validator(mode="after")
    def _one(self) -> Production:
        if (self.source is None) == (self.sql is None):
            raise ValueError("give exactly one of source, sql")
        if self.end is not None and self.end < self.start:
            raise ValueError("end lies before start")
        return self


class Rule(Part):
    """What follows from one signal.

    The alarm is raised where the signal is shown to be over `over`, and is itself at least `least`,
    in `windows` windows running, and cleared where it is not shown to be over `clear` in as many
    (hysteresis). `rows` are asked for by `label`. An action is not repeated within `cooldown`
    periods.
    """

    signal: SignalName
    action: Action
    over: Annotated[float, Field(ge=0.0)] = 0.0
    least: Annotated[float, Field(ge=0.0)] = 0.0
    clear: Annotated[float, Field(ge=0.0)] | None = None
    windows: Annotated[int, Field(ge=1, le=100)] = 1
    rows: Annotated[int, Field(ge=1)] = 100
    cooldown: Annotated[int, Field(ge=0, le=366)] = 7

    @model_validator(mode="after")
    def _hysteresis(self) -> Rule:
        if self.clear is not None and self.clear > self.over:
            raise ValueError("clear lies over `over`: an alarm would be cleared while it is raised")
        return self


DEFAULT_RULES: tuple[Rule, ...] = (
    Rule(signal="column_drift", action="watch", over=0.1),
    Rule(signal="prediction_drift", action="watch", over=0.1),
    Rule(signal="label_drift", action="watch", over=0.1),
    Rule(signal="row_drift", action="label", over=0.65, rows=50),
    Rule(signal="estimated_loss", action="label", over=0.05, rows=100),
    # Of equally good models labels show this of less than 2 in 100 windows, of 50 labels as well.
    Rule(signal="measured_loss", action="retrain", over=0.02, least=0.05),
    Rule(signal="late_data", action="watch"),
    Rule(signal="refused_data", action="watch"),
    Rule(signal="reports", action="label", rows=50),
)


class Playbook(Part):
    """What to check for one signal, before what the library says; `link` to a page of your own."""

    signal: SignalName
    check: tuple[str, ...] = ()
    link: str = ""


class Policy(Part):
    """What the signals of production lead to; signals without a rule of their own by default.

    `label_budget` is how many rows may be asked for in `label_budget_periods` periods; a model is
    retrained at most once in `retrain_every` periods, and never on fewer than `min_labels` new
    labels. `owner` answers an alarm within `respond_days`. `webhook_variable` names the variable
    that holds the address notes are posted to; `email_folder` is where they are left as files;
    `playbooks` add to what a playbook says is to be checked.
    """

    rules: tuple[Rule, ...] = ()
    label_budget: Annotated[int, Field(ge=0)] = 300
    label_budget_periods: Annotated[int, Field(ge=1, le=366)] = 7
    retrain_every: Annotated[int, Field(ge=1, le=366)] = 7
    min_labels: Annotated[int, Field(ge=1)] = 50
    owner: str = ""
    respond_days: Annotated[int, Field(ge=1, le=366)] = 2
    webhook_variable: Variable | None = None
    email_folder: str | None = None
    playbooks: tuple[Playbook, ...] = ()

    @model_validator(mode="after")
    def _one_rule_a_signal(self) -> Policy:
        for what, parts in (("rules", self.rules), ("playbooks", self.playbooks)):
            named = [part.signal for part in parts]
            if len(set(named)) != len(named):
                raise ValueError(f"two {what} are of one signal")
        return self

    def rule_of(self, signal: SignalName) -> Rule:
        """The rule of a signal: the spec's own, else the default.

        >>> Policy().rule_of("measured_loss").action
        'retrain'
        """
        return next(rule for rule in (*self.rules, *DEFAULT_RULES) if rule.signal == signal)
