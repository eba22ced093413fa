"""The shape of a dataset spec: what `catalog/NAME.yaml` may say, key by key.

What belongs here: the pydantic models and the checks that need no data. What does not: reading
YAML and naming the line of a mistake (`burnish.spec.reading`), a first guess of a spec from a
file (`burnish.spec.guess`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import floor
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, field_validator, model_validator

from burnish.records import OnFail
from burnish.spec.cron import cron_mistake
from burnish.spec.part import Part, Scalar, Share, Source
from burnish.spec.production import Policy, Production
from burnish.spec.promises import Promises

FeatureKind: TypeAlias = Literal[
    "numeric", "categorical", "boolean", "datetime", "text", "image", "sensor", "embedding"
]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
MOST_ANSWERS = 9
PEOPLE: Mapping[str, int] = {"single": 1, "double_blind": 2}
SPLITS: tuple[str, ...] = ("train", "validation", "test")


class Feature(Part):
    """A feature column. `shape` is (height, width[, channels]) of an image kept as numbers."""

    kind: FeatureKind
    shape: tuple[int, ...] = ()
    description: str = ""


class Annotations(Part):
    """Labels by several annotators, one row an answer."""

    source: Source
    example_id: str = "example_id"
    annotator_id: str = "annotator_id"
    label: str = "label"
    time: str | None = None


class Datasheet(Part):
    """What a reader must know before using the data (after 'Datasheets for Datasets', 2021)."""

    source: str = ""
    collection: str = ""
    preprocessing: str = ""
    licence: str = ""
    contact: str = ""
    motivation: str = ""
    people: str = ""
    uses: str = ""
    maintenance: str = ""


class ModelCard(Part):
    """What only a person can say of the model (after 'Model Cards for Model Reporting', 2019)."""

    intended_use: str = ""
    out_of_scope: str = ""
    factors: str = ""
    ethical: str = ""
    caveats: str = ""


class Split(Part):
    """Train, validation and test: by a column, by source files, or by a hash of id or group.

    `column` holds the words train, validation, test (`values` maps other words to them). `files`
    gives each split its files. Otherwise the shares are drawn by a hash of the group (else the
    id), which never moves a row. Where column or files give no validation rows, the share
    `validation` of the training rows is taken by the hash.
    """

    column: str | None = None
    values: dict[str, Literal["train", "validation", "test"]] = Field(default_factory=dict)
    files: dict[Literal["train", "validation", "test"], tuple[str, ...]] = Field(
        default_factory=dict
    )
    validation: Share = 0.2
    test: Share = 0.2

    @model_validator(mode="after")
    def _one_way(self) -> Split:
        if self.column and self.files:
            raise ValueError("give column or files, not both")
        if self.validation + self.test >= 1:
            raise ValueError("validation + test must leave rows for training")
        return self


class Side(Part):
    """One column of a cross: cut into a slice for each value, by `bins`, or by `values`.

    In YAML the name of the column alone will do.
    """

    column: str
    bins: tuple[float, ...] = ()
    values: tuple[Scalar, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, value: Any) -> Any:
        return {"column": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_meaning(self) -> Side:
        _refuse_bins(self.bins, self.values)
        return self


class Slice(Part):
    """A named predicate, or columns that are cut into slices.

    One of: `where` (column -> value, list of values, or [low, high) as {min, max}), `column`
    alone (a slice for each value), `column` with `bins` (edges) or with `values`, `cross` (a slice
    for each combination of the parts of two columns or more). A column may be a property of
    another: `words(review)`, `brightness(scan)`.
    """

    name: str
    where: dict[str, Any] = Field(default_factory=dict)
    column: str | None = None
    bins: tuple[float, ...] = ()
    values: tuple[Scalar, ...] = ()
    cross: tuple[Side, ...] = ()

    @model_validator(mode="after")
    def _one_meaning(self) -> Slice:
        if sum(map(bool, (self.where, self.column, self.cross))) != 1:
            raise ValueError("give exactly one of where, column, cross")
        if (self.bins or self.values) and not self.column:
            raise ValueError("bins and values need a column")
        _refuse_bins(self.bins, self.values)
        crossed = [side.column for side in self.cross]
        if self.cross and (len(crossed) < 2 or len(set(crossed)) < len(crossed)):
            raise ValueError("a cross is of two or more different columns")
        return self


def _refuse_bins(bins: tuple[float, ...], values: tuple[Scalar, ...]) -> None:
    if bins and values:
        raise ValueError("give bins or values, not both")
    if bins and (len(bins) < 2 or list(bins) != sorted(set(bins))):
        raise ValueError("bins are two or more rising edges")


class ExtraExpectation(Part):
    """One more expectation, by its Great Expectations name, at a gate of the loop."""

    expect: str
    on_fail: OnFail
    gate: Literal[
        "raw_examples",
        "validated_examples",
        "relabel_queue",
        "curated_examples",
        "augmented_examples",
        "trained_model",
        "slice_report",
    ] = "raw_examples"
    kwargs: dict[str, Any] = Field(default_factory=dict)
    why: str = ""

    @field_validator("expect")
    @classmethod
    def _name(cls, value: str) -> str:
        if not value.startswith("expect_"):
            raise ValueError("an expectation's name starts with expect_")
        return value


class Gates(Part):
    """Limits of the built-in suites, and further expectations.

    `quality` says what findings lead to, by kind: rows at fault are turned away (`quarantine`), or
    the gate of the validated rows stops. Errors and warnings count, notes do not.
    """

    max_share: Share = 0.05
    max_missing: Share = 0.2
    min_rows: Annotated[int, Field(ge=1)] = 20
    min_accuracy: Share = 0.0
    quality: dict[str, OnFail] = Field(default_factory=dict)
    expectations: tuple[ExtraExpectation, ...] = ()


class PromotionPolicy(Part):
    """When a new model takes the place of the one that serves.

    Losses are differences that must be shown before they stop a model: of accuracy over all
    validation rows, of accuracy in each slice of `min_support` rows or more, and of the Brier
    score. `confidence` is that of the whole decision: of two models that are equally good, the
    new one is turned down by all checks together at most so often as 1 - confidence.

    With `recent` the gate looks at the validation rows that were met in the last so many periods of
    production alone, where there are enough of them: a model that is better now, and worse at what
    does not come back, is not turned down for yesterday.
    """

    require: Literal["not_worse", "better"] = "not_worse"
    recent: Annotated[int, Field(ge=1, le=10_000)] | None = None
    max_overall_loss: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    max_slice_loss: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    max_calibration_loss: Annotated[float, Field(ge=0.0, le=2.0)] = 0.01
    min_support: Annotated[int, Field(ge=1)] = 20
    min_gold_accuracy: Annotated[float, Field(ge=0.0, le=1.0)] = 0.8
    confidence: Annotated[float, Field(ge=0.5, lt=1.0)] = 0.95


class Model(Part):
    """The model that is retrained: a bundled name, or `module:Class` of an estimator.

    `trust` names the classes beyond those of scikit-learn, numpy and scipy that its file may hold.
    """

    name: str = "logistic"
    params: dict[str, Any] = Field(default_factory=dict)
    trust: tuple[str, ...] = ()

    @field_validator("trust")
    @classmethod
    def _dotted(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if not all(part.isidentifier() for part in name.split(".")) or "." not in name:
                raise ValueError(f"{name!r} is no dotted name of one class, say mymodule.MyModel")
        return value


class Review(Part):
    """How much people are asked about in an iteration, and which shares of it are for what.

    `minutes`, where given, takes the place of `budget`: as many rows as fit at the seconds that a
    review takes. The random rows (`control_share`) are at least one, and never all of the budget.
    `gold` is a file of rows with a known answer, by which reviewers are measured.

    `policy` says at the review desk how many people answer a row without seeing each other's
    answers: one (`single`), two who must agree (`double_blind`), or `answers` of whom `agree` must
    (`n_of_m`); where too few agree, a reviewer decides. With `approval` a reviewer looks at what
    was agreed too. `shown_share` of the rows show label and model's opinion before the answer.
    With `request_slices` a slice that was discovered asks for training rows in it, once.

    `assign` says who is asked first for the items of a new batch: nobody in particular, people in
    turn, or by skill and load. `guide` is a Markdown file that says what the classes mean.
    `promises` says by when items are done.
    """

    budget: Annotated[int, Field(ge=1)] = 60
    minutes: Annotated[float, Field(gt=0.0, le=100_000.0)] | None = None
    seconds_per_review: Annotated[float, Field(ge=0.1, le=86_400.0)] = 30.0
    control_share: Share = 0.1
    unlabeled_share: Share = 0.25
    requested_share: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    gold: str | None = None
    gold_share: Share = 0.05
    policy: Literal["single", "double_blind", "n_of_m"] = "single"
    answers: Annotated[int, Field(ge=1, le=MOST_ANSWERS)] | None = None
    agree: Annotated[int, Field(ge=1, le=MOST_ANSWERS)] | None = None
    approval: bool = False
    shown_share: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    request_slices: bool = False
    assign: Literal["nobody", "round_robin", "skill"] = "nobody"
    guide: str | None = None
    promises: Promises | None = None

    @model_validator(mode="after")
    def _people(self) -> Review:
        if self.policy != "n_of_m":
            usual = PEOPLE[self.policy]
            # A spec that was written out and read again may name them.
            if self.answers not in {None, usual} or self.agree not in {None, usual}:
                raise ValueError(
                    f"answers and agree are for policy: n_of_m; {self.policy} asks {usual}"
                )
        elif self.answers is None or self.agree is None:
            raise ValueError("policy: n_of_m needs answers (m) and agree (n), say 3 and 2")
        elif not (2 <= self.agree <= self.answers and 2 * self.agree > self.answers):
            raise ValueError(
                f"agree: {self.agree} of answers: {self.answers} is no majority of two or more: "
                "two camps could each have enough"
            )
        return self

    @property
    def people(self) -> tuple[int, int]:
        """How many people answer a row at the desk, and how many of them must agree.

        >>> Review().people, Review(policy="n_of_m", answers=3, agree=2).people
        ((1, 1), (3, 2))
        """
        usual = PEOPLE.get(self.policy, 1)
        return self.answers or usual, self.agree or usual

    @model_validator(mode="after")
    def _one_budget(self) -> Review:
        # A spec that was written out and read again names every key, with its default.
        if self.minutes is not None and self.budget != Review.model_fields["budget"].default:
            raise ValueError("give budget or minutes, not both")
        return self

    @model_validator(mode="after")
    def _room_for_suspects(self) -> Review:
        rows, shares = self.rows(), {"control_share": self.control_share}
        if self.gold is not None:
            shares["gold_share"] = self.gold_share
        # As `burnish.acquisition.control_rows` counts them.
        drawn = sum(max(1, floor(share * rows + 0.5)) for share in shares.values() if share)
        if drawn >= rows:
            named = " and ".join(f"{name} {share:g}" for name, share in shares.items())
            raise ValueError(
                f"{named} of a budget of {rows} is {drawn} at "
                "random, which leaves no row to suspect: raise the budget, or set control_share: 0"
            )
        return self

    def rows(self, seconds: float | None = None) -> int:
        """The budget in rows, where an answer takes so many seconds (None: as the spec says).

        Where several people answer a row, it takes the time of all of them.

        >>> Review(minutes=20, policy="double_blind").rows()
        20
        >>> Review(minutes=20).rows(), Review(minutes=20).rows(10.0), Review(budget=7).rows()
        (40, 120, 7)
        """
        if self.minutes is None:
            return self.budget
        a_row = (seconds or self.seconds_per_review) * self.people[0]
        return max(1, floor(60.0 * self.minutes / a_row + 1e-9))


class Augment(Part):
    """Augmentation of training rows: `share` of their number is tried, weak slices first."""

    share: Annotated[float, Field(ge=0.0, le=5.0)] = 0.3
    methods: tuple[str, ...] = ()


class Schedule(Part):
    """When the nightly cycle runs: five cron fields, in the named timezone.

    `returns_cron` is when the return on labeling is measured, which trains many models. A champion
    older than `max_champion_days` is shown as overdue: nobody has closed an iteration.
    """

    cron: str = "0 2 * * *"
    timezone: str = "UTC"
    returns_cron: str = "0 5 * * 0"
    max_champion_days: float = Field(default=7.0, gt=0, le=3650)

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        if value in {"localtime", "posixrules", "Factory"}:
            raise ValueError("another time on each machine: name a timezone, say Europe/Berlin")
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError("not a timezone of the IANA database, say Europe/Berlin") from error
        return value

    @field_validator("cron", "returns_cron")
    @classmethod
    def _five_fields(cls, value: str) -> str:
        mistake = cron_mistake(value)
        if mistake:
            raise ValueError(mistake)
        return value


class Simulation(Part):
    """Known truth, for simulated reviewers and for scoring alone. No asset reads it."""

    path: str | None = None
    bundled: str | None = None
    id: str = "example_id"
    column: str = "label"

    @model_validator(mode="after")
    def _one_truth(self) -> Simulation:
        if bool(self.path) == bool(self.bundled):
            raise ValueError("give exactly one of path, bundled")
        return self


class DatasetSpec(Part):
    """All that the loop needs to know of one dataset; each spec becomes an asset graph."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    description: str = ""
    owner: str | None = None
    source: Source
    id: str | None = None
    target: str | None = None
    classes: tuple[str, ...] = ()
    features: Annotated[dict[str, Feature], Field(min_length=1)]
    group: str | None = None
    annotations: Annotations | None = None
    datasheet: Datasheet = Datasheet()
    card: ModelCard = ModelCard()
    split: Split = Split()
    unlabeled: Source | None = None
    slices: tuple[Slice, ...] = ()
    gates: Gates = Gates()
    model: Model = Model()
    review: Review = Review()
    promotion: PromotionPolicy = PromotionPolicy()
    augment: Augment = Augment()
    schedule: Schedule = Schedule()
    production: Production | None = None
    policy: Policy = Policy()
    simulation: Simulation | None = None
    random_state: Seed = 0
    folder: Path = Field(default=Path(), exclude=True)

    @property
    def has_unlabeled(self) -> bool:
        """Whether there are rows nobody has labelled: of a source, or met in production."""
        return self.unlabeled is not None or self.production is not None

    @field_validator("owner")
    @classmethod
    def _address_or_team(cls, value: str | None) -> str | None:
        if value is None:
            return None
        name = value.removeprefix("team:")
        fits = r"[^@\s]+@[^@\s]+\.[^@\s]+" if "@" in value else r"[\w.-]+"
        if not re.fullmatch(fits, name if "@" not in value else value):
            raise ValueError("neither an e-mail address nor the name of a team, say team:vision")
        return value

    @field_validator("features", mode="before")
    @classmethod
    def _kind_alone(cls, value: Any) -> Any:
        # `age: numeric` is short for `age: {kind: numeric}`.
        if isinstance(value, dict):
            return {k: {"kind": v} if isinstance(v, str) else v for k, v in value.items()}
        return value

    @field_validator("model", mode="before")
    @classmethod
    def _model_name_alone(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @field_validator("classes", mode="before")
    @classmethod
    def _classes_as_text(cls, value: Any) -> Any:
        return [str(item) for item in value] if isinstance(value, list | tuple) else value

    @model_validator(mode="after")
    def _consistent(self) -> DatasetSpec:
        if self.target is None and self.annotations is None:
            raise ValueError("give a target column, or annotations to take labels from")
        if self.target is not None and self.target in self.features:
            raise ValueError(f"the target {self.target!r} is also listed as a feature")
        names = [cut.name for cut in self.slices]
        if len(set(names)) != len(names):
            raise ValueError("two slices have the same name")
        if "overall" in names:
            raise ValueError("a slice is called overall, which is the name of all rows together")
        if self.promotion.recent is not None and self.production is None:
            raise ValueError("promotion.recent counts periods of production, and there is none")
        return self

    def of_kind(self, *kinds: FeatureKind) -> tuple[str, ...]:
        """Names of the feature columns of these kinds, in the order of the spec."""
        return tuple(name for name, feature in self.features.items() if feature.kind in kinds)
