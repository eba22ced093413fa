"""A harmful batch through the real assets: seen, named, refused, taken back, and made good."""

from __future__ import annotations

import csv
import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.compute as pc
import pytest
from click.testing import CliRunner

from burnish.cli import main
from burnish.datasets import load_bundled
from burnish.records import FINAL_DECISIONS, LabelRequest
from burnish.spec import load_spec_named
from burnish.workflows.batch import open_batch
from burnish.workflows.batch_quality import iteration_alarm
from burnish.workflows.gold import append_verdicts
from burnish.workflows.home import Home, open_home
from burnish.workflows.simulate import load_truth
from burnish.workflows.simulate_harm import one_sided_verdicts
from pipelines import runner
from pipelines.instance import open_instance

DEPOT, ROWS, WRONG = "milan", 300, 0.4
SAM, WHY = "simulated Sam", "Sam took the new belt for a table"
SPEC = """\
name: parcels
description: Synthetic parcels; one training label in ten is wrong.
source: {bundled: parcels, options: {rows: 4000, noise: 0.1, seed: 0}}
id: example_id
target: label
classes: [belt, freight, hand]
features:
  weight_kg: numeric
  length_cm: numeric
  girth_cm: numeric
  value_eur: numeric
  distance_km: numeric
  hour: numeric
  carrier: categorical
  depot: categorical
split: {column: split}
slices:
  - {name: depot, column: depot}
  - {name: carrier, column: carrier}
review: {budget: 60, control_share: 0.05, gold: gold.csv, gold_share: 0.1, requested_share: 1.0}
augment: {share: 0}
simulation: {bundled: parcels}
"""


class Parcels:
    """A project of the parcels: a good batch, a harmful one, then what follows."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.catalog = folder / "home", folder / "catalog"
        self.catalog.mkdir()
        (self.catalog / "parcels.yaml").write_text(SPEC)
        self.truth = load_truth(
            load_spec_named(
                self.catalog,
                "parcels",
            )
        )
        self.depot = {row["example_id"]: row["depot"]
                      for row in load_bundled("parcels").examples.to_pylist()}  # fmt: skip
        with (self.catalog / "gold.csv").open("w", newline="") as out:
            known = list(self.truth.items())[::10]
            csv.writer(out).writerows([("example_id", "label"), *known])

    @property
    def home(self) -> Home:
        return open_home(self.folder)

    def loop(self, *more: str) -> str:
        arguments = ["loop", "--dataset", "parcels", "--home", str(self.folder), *more]
        arguments += ["--iterations", "1"]
        done = CliRunner().invoke(runner.main, arguments, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    def burnish(self, *arguments: str) -> str:
        command = [*arguments, "--home", str(self.folder)]
        done = CliRunner().invoke(main, command, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    def harmful_batch(self) -> list[str]:
        """Somebody asks for rows of one depot, and whoever decides calls the belt's the hand's."""
        gold = set(list(self.truth)[::10])
        decided = set(self.home.ledger.fold("parcels").decisions["example_id"].to_pylist())
        training = self.home.versions.read("parcels", "validated_examples").filter(
            (pc.field("depot") == DEPOT) & (pc.field("split") == "train")
        )
        names = training["example_id"].to_pylist()
        asked = [name for name in names if name not in gold | decided][:ROWS]
        self.home.ledger.request(
            "parcels", LabelRequest(tuple(asked), asked_by="Ada", reason="milan has a new belt")
        )
        self.loop("--budget", "360", "--reviewer", "file")
        iteration, queue = open_batch(self.home.versions, "parcels")
        said = one_sided_verdicts(
            queue, self.truth, wrong=WRONG, takes="belt", calls="hand", random_state=1,
            author=SAM,
        )  # fmt: skip
        append_verdicts(self.home.ledger, self.home.versions, "parcels", said)
        assert iteration.number == 2
        self.loop("--budget", "360", "--reviewer", "file")
        return asked

    def labels(self, number: int) -> dict[str, str]:
        version = self.home.versions.dataset_version("parcels", number)
        rows = self.home.versions.read_version(
            "parcels", "curated_examples", version=version.table_version
        )
        return dict(zip(rows["example_id"].to_pylist(), rows["label"].to_pylist(), strict=True))

    def accuracy(self, iteration: int, depot: str) -> float:
        """Of an iteration's model on the test rows of a depot, against the truth."""
        turn = self.home.versions.iteration("parcels", iteration)
        version = int(turn.summary["predictions_version"])
        rows = self.home.versions.store.read("parcels/trained_model", version=version).to_pylist()
        own = [row for row in rows if row["split"] == "test"
               and self.depot[row["example_id"]] == depot]  # fmt: skip
        right = sum(row["predicted"] == self.truth[row["example_id"]] for row in own)
        return right / len(own)

    def open_among(self, names: list[str]) -> int:
        rows = self.home.ledger.fold("parcels").decisions.to_pylist()
        final = {row["example_id"] for row in rows if row["decision"] in FINAL_DECISIONS}
        return sum(name not in final for name in names)

    def check(self) -> Any:
        """The newest evaluation of the check on gold answers."""
        key = dg.AssetCheckKey(dg.AssetKey(["parcels", "curated_examples"]), "gold_answers")
        with open_instance(self.folder) as instance:
            found = instance.event_log_storage.get_latest_asset_check_execution_by_key([key])
            return found[key].evaluation


@dataclass(frozen=True)
class Story:
    """What was seen after the harmful batch, and after it was taken back."""

    made: Parcels
    asked: list[str]
    champion: int
    check: Any
    returned: str
    report: str
    undone: str
    again: str
    open_rows: int


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """A good batch, a harmful one, its taking back, and a good one: a model after each."""
    with pytest.MonkeyPatch.context() as patch:
        made = Parcels(tmp_path_factory.mktemp("parcels"))
        patch.setenv("BURNISH_CATALOG", str(made.catalog))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        made.loop("--reviewer", "simulated")
        asked = made.harmful_batch()
        champion, check = made.home.versions.champion("parcels"), made.check()
        assert champion is not None
        returned = made.burnish("return", "parcels", "--last", "2", "--seeds", "3")
        report = (made.folder / "reports/parcels/iterations/2.html").read_text()
        undo = ["verdicts", "undo", "parcels@iter2", "--author", "Rita", "--why", WHY]
        undone, again = made.burnish(*undo), made.burnish(*undo)
        still_open = made.open_among(asked)
        made.loop("--reviewer", "simulated")
        yield Story(
            made, asked, champion.number, check, returned, report, undone, again, still_open
        )


def test_the_batch_is_as_harmful_as_planned(story):
    made = story.made
    own = [e.verdict for e in made.home.ledger.events("parcels") if e.verdict.author == SAM]
    assert {verdict.role for verdict in own} == {"simulated"}
    in_slice = [verdict for verdict in own if verdict.example_id in set(story.asked)]
    assert len(in_slice) == ROWS
    wrong = [one for one in in_slice if one.to_label != made.truth[one.example_id]]
    assert 0.33 < len(wrong) / ROWS < 0.47
    assert made.accuracy(2, DEPOT) < made.accuracy(1, DEPOT) - 0.1


def test_the_promotion_gate_refuses_its_model_and_the_champion_stays(story):
    turn = story.made.home.versions.iteration("parcels", 2)
    assert turn.promoted is False
    assert turn.summary["promotion"]["reason"].startswith("worse")
    assert story.champion == 1


def test_gold_items_name_who_decided_before_a_model_is_trained(story):
    versions, ledger = story.made.home.versions, story.made.home.ledger
    bad, good = (
        iteration_alarm(versions, ledger, versions.iteration("parcels", n)) for n in (2, 1)
    )
    assert bad.raised
    assert bad.reviewers == (SAM,)
    assert not good.raised
    assert not story.check.passed
    assert story.check.severity == dg.AssetCheckSeverity.WARN
    assert story.check.description == bad.reason


def test_the_return_names_the_batch_that_hurt(story):
    headline = story.returned.split("\n\n")[1]
    assert headline.startswith("Batch 2 made the model worse")
    assert "depot:milan" in headline
    assert "Batch 1 made the model worse" not in story.returned


def test_the_report_names_harm_slice_and_reviewer(story):
    words = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", story.report)).split())
    assert "Batch 2 made the model worse" in words
    assert f"depot:{DEPOT}" in words.split("What got worse")[-1]
    assert SAM in words.split("Who decided, who approved")[-1]
    assert "Not promoted. worse" in words


def test_the_batch_is_taken_back_row_by_row_and_once(story):
    made = story.made
    events = made.home.ledger.events("parcels")
    back = [event.verdict for event in events if event.verdict.author == "Rita"]
    taken = {verdict.example_id for verdict in back}
    assert f"{len(taken)} rows of parcels@iter2 have the label they had before it" in story.undone
    assert set(story.asked) <= taken
    assert {verdict.comment for verdict in back} == {WHY}
    assert "No verdict of parcels@iter2 was left to take back" in story.again
    assert story.open_rows == ROWS, "all of them may be asked about again"


def test_the_next_dataset_version_has_the_labels_of_before(story):
    before, harmed, after = (story.made.labels(number) for number in (1, 2, 3))
    asked_again = {
        event.verdict.example_id
        for event in story.made.home.ledger.events("parcels")
        if event.verdict.evidence.get("iteration") == 3
    }
    rows = [name for name in story.asked if name not in asked_again]
    assert len(rows) > ROWS / 2
    assert [after[name] for name in rows] == [before[name] for name in rows]
    assert sum(harmed[name] != before[name] for name in rows) > 50


def test_diff_and_blame_tell_who_took_it_back_and_why(story):
    made = story.made
    harmed, after = made.labels(2), made.labels(3)
    name = next(one for one in story.asked if harmed[one] != after[one])
    life = json.loads(made.burnish("blame", "parcels", name, "--json"))
    said = [moment["text"] for moment in life["moments"] if moment["what"] == "decided"]
    assert said[0].startswith(f"{SAM} (simulated reviewer)")
    assert said[1].startswith("Rita (reviewer) was unsure about")
    assert f"comment: {WHY}" in said[1]
    changed = json.loads(made.burnish("diff", "parcels@2", "parcels@3", "--json"))
    assert name in json.dumps(changed)
    assert "Rita" in json.dumps(changed)


def test_the_next_model_is_as_good_as_before_the_harm(story):
    made = story.made
    turn = made.home.versions.iteration("parcels", 3)
    assert turn.promoted
    assert made.accuracy(3, DEPOT) > made.accuracy(2, DEPOT) + 0.1
    assert made.accuracy(3, DEPOT) > made.accuracy(1, DEPOT) - 0.03
