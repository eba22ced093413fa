"""Gold items: nobody is told, both answers stay in the ledger, and reviewers are measured."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from burnish.errors import SourceUnreadable, SpecError
from burnish.records import LabelEvent, Suite, Verdict
from burnish.report.pages import Pages
from burnish.spec import DatasetSpec
from burnish.workflows.ahead import look_ahead, past_batches, seconds_of_a_review
from burnish.workflows.batch import batch_decided
from burnish.workflows.control_arms import gold_counts
from burnish.workflows.exchange import export_items, import_file
from burnish.workflows.gates import promised_rows, run_gate
from burnish.workflows.gold import (
    append_verdicts,
    count_reviews,
    known_answers,
    load_gold,
    reviewer_accuracy,
    with_known_answers,
)
from burnish.workflows.home import Home
from burnish.workflows.iterate import noise_so_far
from burnish.workflows.queue import queue_iteration
from burnish.workflows.simulate import simulated_verdicts
from burnish.workflows.summarise import standing_changes
from tests.burnish.workflows.closed_turns import Pass, pets, prepared

BUDGET = 20


def asked(home: Home, spec: DatasetSpec) -> pa.Table:
    """The queue of the open iteration, published, of an audit that suspects every label alike."""
    iteration = home.versions.join(spec.name, opens=True)
    rows = home.versions.read(spec.name, "validated_examples")
    n = rows.num_rows
    audit = pa.table(
        {
            "example_id": rows["example_id"],
            "label": rows["label"],
            "split": rows["split"],
            "error_probability": np.linspace(0.05, 0.6, n),
            "suggested_label": [
                "dog" if name == "cat" else "cat" for name in rows["label"].to_pylist()
            ],
            "model_disagreement": np.zeros(n),
        }
    )
    home.versions.write(spec.name, "label_audit", audit, iteration=iteration.number, gated=False)
    made = queue_iteration(spec, home.versions, home.ledger, iteration)
    pages = Pages(home.folder / "reports")
    suite = Suite("relabel_queue", ())
    run_gate(spec, "relabel_queue", suite, home.versions, runner=Pass(), pages=pages)
    assert made.ahead.reviews > 0
    return made.table


@pytest.fixture
def home(tmp_path) -> Home:
    return prepared(tmp_path / "home")


@pytest.fixture
def spec(tmp_path, home) -> DatasetSpec:
    """Half of the pets have a known answer: each third of these has the other label."""
    rows = home.versions.read("pets", "validated_examples").to_pylist()
    lines = [
        (
            row["example_id"],
            ("dog" if row["label"] == "cat" else "cat") if at % 3 == 0 else row["label"],
        )
        for at, row in enumerate(rows[::2])
    ]
    with (tmp_path / "gold.csv").open("w", newline="") as out:
        csv.writer(out).writerows([("example_id", "label"), *lines])
    review = {"budget": BUDGET, "gold": "gold.csv", "gold_share": 0.3}
    return pets(review=review, classes=["cat", "dog"], folder=tmp_path)


def filled_in(home: Home, sheet: Path, label_of) -> list[dict[str, str]]:
    """The sheet of the open batch, with a label in each row."""
    export_items(home, "pets", sheet)
    with sheet.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    for row in rows:
        row["label"] = label_of(row["example_id"])
    with sheet.open("w", newline="") as out:
        writer = csv.DictWriter(out, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return rows


def test_gold_rows_are_in_the_queue_and_the_sheet_does_not_tell_them(home, spec, tmp_path):
    queue = asked(home, spec)
    assert queue["reason"].to_pylist().count("gold") == 6
    assert queue["position"].to_pylist() == list(range(1, BUDGET + 1))
    rows = filled_in(home, tmp_path / "sheet.csv", lambda _: "")
    assert [row["example_id"] for row in rows] == queue["example_id"].to_pylist()
    assert set(rows[0]) == {"example_id", "decision", "label", "author", "comment", "weight",
                            "height", "source"}  # fmt: skip
    text = (tmp_path / "sheet.csv").read_text()
    assert "gold" not in text
    assert "control" not in text


def test_a_sheet_has_the_columns_that_all_its_rows_have(home, spec, tmp_path):
    """Unlabeled rows come of another source: a column of theirs alone would tell them."""
    asked(home, spec)
    bare = {"example_id": ["u1"], "weight": [1.0], "height": [2.0], "note": ["from the shelter"]}
    home.versions.write("pets", "unlabeled_examples", pa.table(bare), gated=False)
    rows = filled_in(home, tmp_path / "sheet.csv", lambda _: "")
    assert len(rows) == BUDGET
    assert {"weight", "height", "source"} < set(rows[0])
    assert "note" not in rows[0]


def test_a_row_that_left_the_source_is_not_on_the_sheet(home, spec, tmp_path):
    queue = asked(home, spec)
    gone = queue["example_id"].to_pylist()[:2]
    rows = home.versions.read("pets", "validated_examples")
    stay = [name not in gone for name in rows["example_id"].to_pylist()]
    home.versions.write("pets", "validated_examples", rows.filter(pa.array(stay)), gated=False)
    assert export_items(home, "pets", tmp_path / "sheet.csv") == BUDGET - 2


def test_both_answers_are_in_the_ledger_and_the_known_one_stands(home, spec, tmp_path):
    queue = {row["example_id"]: row for row in asked(home, spec).to_pylist()}
    known = known_answers(home.versions, "pets")
    filled_in(home, tmp_path / "sheet.csv", lambda name: queue[name]["label"])
    taken = import_file(home, "pets", tmp_path / "sheet.csv", author="Ada")
    assert (taken.taken, taken.left) == (BUDGET, 0)
    ahead = look_ahead(home.versions, home.ledger, "pets")
    training = home.versions.read("pets", "validated_examples")["split"].to_pylist().count("train")
    assert (ahead.reviews, ahead.checked) == (training - BUDGET, True)
    wrong = {name for name in queue if name in known and queue[name]["label"] != known[name]}
    assert wrong, "some of the gold items have a wrong label"
    events = home.ledger.events("pets")
    assert len(events) == BUDGET + len(wrong)
    restated = [event for event in events if event.verdict.author == "gold"]
    assert {event.verdict.example_id for event in restated} == wrong
    for event in restated:
        said = events[event.verdict.supersedes - 1].verdict
        assert (said.author, said.example_id) == ("Ada", event.verdict.example_id)
        assert event.verdict.reason == said.reason
        assert event.verdict.to_label == known[said.example_id]
    standing = home.ledger.fold("pets").decisions
    labels = dict(
        zip(standing["example_id"].to_pylist(), standing["label"].to_pylist(), strict=True)
    )
    assert all(labels[name] == known.get(name, row["label"]) for name, row in queue.items())
    iteration = home.versions.current("pets")
    assert batch_decided(home.versions, home.ledger, iteration)
    home.ledger.verify("pets")


def test_a_sheet_taken_twice_says_nothing_new_and_a_second_thought_counts(home, spec, tmp_path):
    queue = {row["example_id"]: row for row in asked(home, spec).to_pylist()}
    sheet = tmp_path / "sheet.csv"
    filled_in(home, sheet, lambda name: queue[name]["label"])
    import_file(home, "pets", sheet, author="Ada")
    count = len(home.ledger.events("pets"))
    again = import_file(home, "pets", sheet, author="Ada")
    assert (again.taken, again.known, again.others) == (0, BUDGET, ())
    assert len(home.ledger.events("pets")) == count
    known = known_answers(home.versions, "pets")
    name = next(n for n in queue if n in known and queue[n]["label"] != known[n])
    sheet.write_text(f"example_id,label\n{name},{known[name]}\n")
    assert import_file(home, "pets", sheet, author="Ada").taken == 1
    assert len(home.ledger.events("pets")) == count + 1, "a right answer needs no restating"


def test_mended_labels_of_test_rows_are_no_training_errors_found(home, spec, tmp_path):
    queue = {row["example_id"]: row for row in asked(home, spec).to_pylist()}
    filled_in(home, tmp_path / "sheet.csv", lambda name: queue[name]["label"])
    import_file(home, "pets", tmp_path / "sheet.csv", author="Ada")
    rows = home.versions.read("pets", "validated_examples")
    curated = rows.append_column("given_label", rows["label"])
    before = noise_so_far(home.versions, home.ledger, "pets", curated)
    tests = rows.filter(pc.field("split") == "test").to_pylist()
    drops = [Verdict(row["example_id"], "drop", row["label"], None, "Bob") for row in tests]
    home.ledger.append("pets", drops)
    left = curated.filter(pc.field("split") != "test")
    assert noise_so_far(home.versions, home.ledger, "pets", left) == before


def test_noise_is_corrected_once_both_kinds_of_gold_items_were_seen(home, spec, tmp_path):
    queue = {row["example_id"]: row for row in asked(home, spec).to_pylist()}
    known = known_answers(home.versions, "pets")
    answers = {name: known.get(name, row["label"]) for name, row in queue.items()}
    filled_in(home, tmp_path / "sheet.csv", lambda name: answers[name])
    import_file(home, "pets", tmp_path / "sheet.csv", author="Ada")
    rows = home.versions.read("pets", "validated_examples")
    curated = rows.append_column("given_label", rows["label"])
    right = {name: queue[name]["label"] == known[name] for name in queue if name in known}
    for kinds, corrected in [({True}, False), ({False}, False), ({True, False}, True)]:
        gold = {name: known[name] for name, fits in right.items() if fits in kinds}
        found = noise_so_far(home.versions, home.ledger, "pets", curated, gold=gold)
        assert (found.corrected, found.n) == (corrected, 2), kinds


def test_a_simulated_reviewer_is_measured_as_good_as_it_is(home, spec):
    answers = {f"g{at:04d}": "cat" for at in range(2000)}
    queue = pa.table(
        {
            "example_id": list(answers),
            "iteration": [1] * 2000,
            "reason": ["gold"] * 2000,
            "label": ["dog" if at % 4 == 0 else "cat" for at in range(2000)],
            "suggested_label": ["dog"] * 2000,
            "error_probability": [0.5] * 2000,
            "inclusion_probability": pa.nulls(2000, pa.float64()),
        }
    )
    verdicts = simulated_verdicts(
        queue, answers, accuracy=0.9, classes=["cat", "dog"], random_state=0
    )
    gold = pa.table({"example_id": list(answers), "label": list(answers.values())})
    home.versions.write("pets", "gold_items", gold, gated=False)
    append_verdicts(home.ledger, home.versions, "pets", verdicts)
    events = home.ledger.events("pets")
    (row,) = reviewer_accuracy(events, answers).to_pylist()
    assert (row["author"], row["n"]) == ("simulated-reviewer", 2000)
    for name in ("sensitivity", "specificity", "accuracy"):
        assert row[f"{name}_low"] < row[name] < row[f"{name}_high"]
        assert abs(row[name] - 0.9) < 0.05
    counts = gold_counts(events, answers)
    assert counts is not None
    assert (counts.wrong_shown, counts.right_shown) == (500, 1500)
    assert counts.wrong_found / 500 == row["sensitivity"]
    assert counts.right_kept / 1500 == row["specificity"]


def event(number: int, name: str, word: str, before, after, *, author="Ada", **more) -> LabelEvent:
    verdict = Verdict(name, word, before, after, author=author, **({"reason": "gold"} | more))
    return LabelEvent(number, "pets", verdict, datetime(2026, 1, 1, tzinfo=UTC), "")


def test_each_author_is_counted_apart_by_the_last_word_on_known_rows():
    gold = {"a": "cat", "b": "cat", "c": "cat", "d": "cat", "e": "cat", "f": "cat"}
    events = [
        event(1, "a", "keep", "dog", "dog"),
        event(2, "a", "change", "dog", "cat"),  # a second thought
        event(3, "b", "drop", "dog", None),  # said to be wrong, but not what it is
        event(4, "c", "keep", "cat", "cat"),
        event(5, "d", "unsure", "cat", None),
        event(6, "e", "change", None, "dog"),  # had no label to be wrong
        event(7, "f", "keep", "dog", "dog", author="Bo", reason="audit"),
        event(8, "f", "change", "dog", "cat", author="gold", role="gold"),
        event(9, "elsewhere", "keep", "dog", "dog"),
    ]
    counts = count_reviews(events, gold)
    assert sorted(counts) == ["Ada", "Bo"]
    ada = counts["Ada"]
    assert (ada.wrong_found, ada.wrong_shown, ada.right_kept, ada.right_shown) == (2, 2, 1, 1)
    assert (ada.correct, ada.answered, ada.unsure) == (2, 4, 1)
    assert list(count_reviews(events, gold, reasons=("gold", "control"))) == ["Ada"]
    rows = {row["author"]: row for row in reviewer_accuracy(events, gold).to_pylist()}
    assert rows["Ada"]["accuracy"] == 0.5
    assert (rows["Bo"]["sensitivity"], rows["Bo"]["specificity"]) == (0.0, None)
    assert reviewer_accuracy([], gold).num_rows == 0
    assert gold_counts([], gold) is None


def test_an_answer_follows_whatever_else_was_said():
    answers = {"a": "cat", "b": "cat", "c": "cat", "d": "cat"}
    said = [
        Verdict("a", "keep", "cat", "cat", author="Ada"),
        Verdict("b", "unsure", "cat", None, author="Ada"),
        Verdict("c", "drop", "dog", None, author="Ada"),
        Verdict("d", "change", None, "dog", author="Ada"),
        Verdict("z", "keep", "dog", "dog", author="Ada"),
    ]
    ready = with_known_answers(said, answers, after=10)
    told = [(v.example_id, v.author, v.decision, v.to_label, v.supersedes) for v in ready]
    assert told == [
        ("a", "Ada", "keep", "cat", None),
        ("b", "Ada", "unsure", None, None),
        ("b", "gold", "keep", "cat", 12),
        ("c", "Ada", "drop", None, None),
        ("c", "gold", "change", "cat", 14),
        ("d", "Ada", "change", "dog", None),
        ("d", "gold", "change", "cat", 16),
        ("z", "Ada", "keep", "dog", None),
    ]


def test_somebody_elses_verdict_in_between_shifts_no_answer(home, spec):
    asked(home, spec)
    name = next(iter(known_answers(home.versions, "pets")))
    inner = home.ledger.append
    calls = []

    def late(dataset, verdicts, *, expected=None):
        if not calls:
            calls.append(inner(dataset, [Verdict("p1", "drop", "dog", None, author="Cem")]))
        return inner(dataset, verdicts, expected=expected)

    home.ledger.append = late
    append_verdicts(home.ledger, home.versions, "pets", [Verdict(name, "drop", "cat", None, "Ada")])
    events = home.ledger.events("pets")
    assert [one.verdict.author for one in events] == ["Cem", "Ada", "gold"]
    assert events[2].verdict.supersedes == 2


@pytest.mark.parametrize(
    ("text", "error", "found"),
    [
        ("example_id,kind\na,cat\n", SpecError, "no column 'label'"),
        ("example_id,label\na,\n", SpecError, "empty cell"),
        ("example_id,label\na,cat\na,dog\n", SpecError, "'a' twice"),
        ("example_id,label\na,cow\n", SpecError, "label 'cow'"),
        ("", SourceUnreadable, "is empty"),
        (None, SourceUnreadable, "does not exist"),
    ],
)
def test_known_answers_that_cannot_be_used_are_refused(tmp_path, text, error, found):
    if text is not None:
        (tmp_path / "known.csv").write_text(text)
    review = {"gold": "known.csv"}
    with pytest.raises(error, match=found):
        load_gold(pets(review=review, classes=["cat", "dog"], folder=tmp_path))


def test_a_spec_without_known_answers_asks_about_none(home):
    spec = pets(review={"budget": BUDGET}, classes=["cat", "dog"])
    assert "gold" not in asked(home, spec)["reason"].to_pylist()
    assert known_answers(home.versions, "pets") == {}


@pytest.mark.parametrize(
    ("line", "found"),
    [("p0,feline", "has the label 'feline'"), ("0,cat", "are no rows of pets")],
)
def test_known_answers_that_are_of_another_dataset_are_refused(tmp_path, home, line, found):
    """The spec names no classes here: the rows do."""
    (tmp_path / "gold.csv").write_text(f"example_id,label\n{line}\n")
    spec = pets(review={"gold": "gold.csv"}, folder=tmp_path)
    with pytest.raises(SpecError, match=found):
        asked(home, spec)


def test_answers_that_the_spec_names_no_more_overrule_nobody(home, spec, tmp_path):
    asked(home, spec)
    queue = {
        row["example_id"]: row for row in asked(home, pets(review={"budget": BUDGET})).to_pylist()
    }
    filled_in(home, tmp_path / "sheet.csv", lambda name: queue[name]["label"])
    import_file(home, "pets", tmp_path / "sheet.csv", author="Ada")
    assert known_answers(home.versions, "pets") == {}
    assert {event.verdict.author for event in home.ledger.events("pets")} == {"Ada"}


def timed(number: int, seconds: object, **more) -> LabelEvent:
    return event(number, f"e{number}", "keep", "cat", "cat", evidence={"seconds": seconds}, **more)


def test_what_a_review_takes_is_learnt_from_people_who_were_timed(home):
    quick = [timed(at, 12.0) for at in range(1, 25)]
    assert seconds_of_a_review(quick) == 12.0
    assert seconds_of_a_review(quick[:5]) is None
    assert seconds_of_a_review([timed(at, 1.0, role="simulated") for at in range(50)]) is None
    assert seconds_of_a_review([*[timed(at, 60.0) for at in range(300)], *quick * 9]) == 12.0
    odd = [timed(at, what) for at, what in enumerate(["fast", -1.0, 0, 1e9, None, [3]] * 5, 99)]
    assert seconds_of_a_review(odd) is None
    assert seconds_of_a_review([*quick, *odd]) == 12.0
    home.ledger.append("pets", [one.verdict for one in quick])
    spec = pets(review={"minutes": 3}, classes=["cat", "dog"])
    assert asked(home, spec).num_rows == 15
    assert promised_rows(spec, home.versions) == 15
    assert spec.review.rows() == 6, "before anybody was timed, half a minute a row"


def test_past_batches_are_what_people_said_of_suspects():
    def audited(number, name, word, chance, batch, **more):
        after = {"keep": "dog", "change": "cat"}.get(word)
        evidence = {"iteration": batch, "error_probability": chance}
        return event(
            number, name, word, "dog", after, evidence=evidence, **({"reason": "audit"} | more)
        )

    events = [
        audited(1, "a", "change", 0.9, 1),
        audited(2, "b", "keep", 0.4, 1),
        audited(3, "c", "unsure", 0.5, 1),
        audited(4, "d", "change", 0.3, 2),
        audited(5, "e", "change", 0.1, 2, reason="control"),
        audited(6, "b", "change", 0.4, 1, author="gold", role="gold"),
    ]
    first, second = past_batches(events)
    assert (list(first.error_probability), list(first.wrong)) == ([0.9, 0.4], [True, False])
    assert (list(second.error_probability), list(second.wrong)) == ([0.3], [True])


def test_a_verdict_that_was_taken_back_teaches_the_forecast_nothing():
    facts = {"iteration": 1, "error_probability": 0.9}
    slip = event(1, "a", "change", "dog", "cat", reason="audit", evidence=facts)
    undo = event(2, "a", "unsure", "dog", None, reason="undo", evidence={"undoes": 1})
    redo = event(3, "a", "change", "dog", "cat", reason="undo", evidence={"undoes": 2})
    assert past_batches([slip, undo]) == []
    (batch,) = past_batches([slip, undo, redo])
    assert list(batch.wrong) == [True]


def test_only_changes_that_stand_were_found():
    events = [
        event(1, "a", "change", "dog", "cat", reason="gold"),
        event(2, "a", "keep", "dog", "dog", author="gold", role="gold"),
        event(3, "b", "change", "dog", "cat"),
        event(4, "b", "change", "dog", "pig"),
        event(5, "c", "change", "dog", "cat"),
    ]
    assert [one.event_id for one in standing_changes(events)] == [4, 5]
