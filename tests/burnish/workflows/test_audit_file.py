"""A file is audited from cold: what is written, what is found, and what is refused."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from burnish.datasets import load_bundled
from burnish.errors import BurnishError, DataError, SourceUnreadable
from burnish.spec import Chosen, load_spec
from burnish.workflows.audit_file import audit_file
from burnish.workflows.audit_file_page import expected_share
from burnish.workflows.audit_file_rows import read_rows
from burnish.workflows.ingest import read_examples
from tests.burnish.workflows.files_to_audit import found_first, numbers, pictures, save, texts


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, outside of any project."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    code = "import sys; from burnish.cli import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", code, "audit", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)


def table_of(folder: Path) -> pa.Table:
    return parquet.read_table(folder / "audit.parquet")


def quality(audit, title: str):
    return next(one for one in audit.summary.findings if one.title == title)


# ---------------------------------------------------------------- the command


@pytest.mark.parametrize("ending", ["csv", "parquet", "arrow", "feather", "jsonl"])
def test_each_format_is_audited_from_the_shell(tmp_path, ending):
    table, wrong = numbers()
    save(table, tmp_path / f"plants.{ending}")
    done = run(f"plants.{ending}", "--target", "kind", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "plants-audit"
    assert {one.name for one in folder.iterdir()} == {
        "audit.parquet", "report.html", "plants.yaml"
    }  # fmt: skip
    found = table_of(folder)
    assert found_first(found, wrong) >= 0.9
    assert found.column_names[:5] == [
        "example_id", "row", "given_label", "suggested_label", "error_probability",
    ]  # fmt: skip
    assert {"self_confidence", "margin", "model_disagreement", "queue_rank", "reason"} <= set(
        found.column_names
    )
    assert len(done.stdout.splitlines()) < 25
    assert "burnish loop" in done.stdout
    assert done.stderr == ""


def test_json_is_all_that_stdout_holds(tmp_path):
    table, _ = numbers()
    save(table, tmp_path / "plants.csv")
    done = run("plants.csv", "--target", "kind", "--out", "found", "--json", folder=tmp_path)
    facts = json.loads(done.stdout)
    assert facts["rows"] == 300
    assert facts["noise_rate"]["low"] < 0.1 < facts["noise_rate"]["high"]
    assert Path(facts["files"]["table"]) == tmp_path / "found" / "audit.parquet"
    assert facts["most_suspicious"][0]["error_probability"] > 0.5


def test_a_mistake_is_told_without_a_traceback_and_leaves_nothing(tmp_path):
    table, _ = numbers()
    save(table, tmp_path / "plants.csv")
    done = run("plants.csv", "--target", "kimd", folder=tmp_path)
    assert done.returncode == 1
    assert "did you mean 'kind'?" in done.stderr
    assert "Traceback" not in done.stderr
    assert [one.name for one in tmp_path.iterdir()] == ["plants.csv"]


# ---------------------------------------------------------------- what is found


def test_texts_are_judged_and_their_markup_is_shown_as_text(here):
    written = texts(here / "notes.csv")
    audit = audit_file(written.path, target="theme", text=["note"])
    assert found_first(audit.to_table(), written.wrong) >= 0.8
    page = audit.files.page.read_text()
    assert "<script" not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;document.title" in page


def test_pictures_are_judged_and_shown_on_the_page_itself(here):
    written = pictures(here / "pictures")
    audit = audit_file(written.path, target="shape")
    assert found_first(audit.to_table(), written.wrong) >= 0.7
    page = audit.files.page.read_text()
    assert page.count('src="data:image/png;base64,') == 50
    assert not re.search(r"(src|href)=[\"'](?!data:image/|#)", page)


def test_answers_of_annotators_are_signals_beside_the_labels(here):
    made = load_bundled("digits", noise=0.1)
    parquet.write_table(made.examples.slice(0, 400), here / "digits.parquet")
    parquet.write_table(made.annotations, here / "answers.parquet")
    audit = audit_file(
        here / "digits.parquet", target="label", annotations=here / "answers.parquet"
    )
    found = audit.to_table()
    disagreement = found["annotator_disagreement"].drop_null()
    assert pc.min(disagreement).as_py() == 0.0
    assert pc.max(disagreement).as_py() > 0.3
    assert pc.max(found["annotator_reliability"]).as_py() <= 1.0
    spec = load_spec(audit.files.spec)
    assert spec.annotations is not None
    assert (spec.folder / spec.annotations.source.files[0]).resolve() == here / "answers.parquet"


def test_without_a_target_the_consensus_of_the_answers_is_audited(here):
    table, _ = numbers()
    save(table.drop_columns(["kind"]), here / "plants.csv")
    kinds, ids = table["kind"].to_pylist(), table["plant_id"].to_pylist()
    answers = [
        {"example_id": name, "annotator_id": who, "label": kind}
        for name, kind in zip(ids, kinds, strict=True)
        for who in ("ann", "bob", "cy")
    ]
    save(pa.Table.from_pylist(answers[:-3]), here / "answers.jsonl")
    audit = audit_file(here / "plants.csv", annotations=here / "answers.jsonl")
    found = audit.to_table()
    assert found["given_label"].null_count == 1
    assert audit.summary.labels.startswith("labels: consensus")
    by_id = dict(
        zip(found["example_id"].to_pylist(), found["given_label"].to_pylist(), strict=True)
    )
    assert [by_id[name] for name in ids[:50]] == kinds[:50]


def test_test_rows_are_judged_and_marked_but_never_queued(here):
    table, _ = numbers()
    parts = pa.array(["train", "train", "test"] * 100)
    save(table.append_column("part", parts), here / "plants.csv")
    audit = audit_file(here / "plants.csv", target="kind", budget=40)
    found = audit.to_table()
    queued = found.filter(pc.is_valid(found["queue_rank"]))
    assert set(queued["split"].to_pylist()) == {"train"}
    assert sorted(queued["queue_rank"].to_pylist()) == list(range(1, 41))
    tested = found.filter(pc.equal(found["split"], "test"))
    assert tested.num_rows == 100
    assert tested["error_probability"].null_count == 0
    assert audit.summary.held_out == 100
    assert "test row</span>" in audit.files.page.read_text()
    assert "flatters that model" in audit.summary.limits[0]


def test_rows_without_a_label_come_last_and_some_are_queued(here):
    table, _ = numbers()
    kinds = table["kind"].to_pylist()
    kinds[:60] = [None] * 60
    save(table.set_column(5, "kind", pa.array(kinds)), here / "plants.csv")
    audit = audit_file(here / "plants.csv", target="kind", budget=20)
    found = audit.to_table()
    assert found.slice(240)["row"].to_pylist() == list(range(1, 61))
    assert found.slice(240)["error_probability"].null_count == 60
    reasons = found["reason"].drop_null().to_pylist()
    assert reasons.count("unlabeled") == 5
    assert reasons.count("control") == 2
    assert quality(audit, "Rows without a label").count == 60


def test_rows_drawn_at_random_are_dealt_evenly_into_the_queue(here):
    table, _ = numbers()
    save(table, here / "plants.csv")
    found = audit_file(here / "plants.csv", target="kind", budget=100).to_table()
    queued = found.filter(pc.is_valid(found["queue_rank"])).sort_by("queue_rank")
    control = [at for at, why in enumerate(queued["reason"].to_pylist()) if why == "control"]
    assert [at // 10 for at in control] == list(range(10))
    suspicion = queued.filter(pc.equal(queued["reason"], "audit"))["audit_rank"].to_pylist()
    assert suspicion == sorted(suspicion)


def test_rows_of_a_group_are_held_out_together(here):
    table, _ = numbers()
    farms = pa.array([f"farm{at // 10}" for at in range(300)])
    save(table.append_column("farm", farms), here / "plants.csv")
    rows = read_rows(
        here / "plants.csv", target="kind", folder=here / "out", chosen=Chosen(group="farm")
    )
    assert rows.examples["fold_group"].to_pylist() == farms.to_pylist()
    assert rows.spec.group == "farm"


def test_copies_and_conflicting_labels_are_told_with_their_rows(here):
    table, _ = numbers()
    table = table.drop_columns(["plant_id"])
    twice = pa.concat_tables([table, table.slice(4, 1), table.slice(9, 1)])
    kinds = twice["kind"].to_pylist()
    kinds[301] = next(kind for kind in ("iris", "rose") if kind != kinds[9])
    place = twice.column_names.index("kind")
    save(twice.set_column(place, "kind", pa.array(kinds)), here / "plants.csv")
    audit = audit_file(here / "plants.csv", target="kind")
    assert quality(audit, "Exact duplicates").count == 2
    assert quality(audit, "Exact duplicates").examples == ("rows 5, 301", "rows 10, 302")
    torn = quality(audit, "Conflicting labels")
    assert torn.count == 2
    assert torn.examples == (f"row 10 {kinds[9]}, row 302 {kinds[301]}",)


def test_near_copies_and_outliers_are_told_with_their_rows(here):
    table, _ = numbers()
    near = table.slice(7, 1)
    near = near.set_column(1, "petal", pc.add(near["petal"], 0.0005))
    odd = table.slice(0, 1).set_column(2, "sepal", pa.array([400.0]))
    rows = pa.concat_tables([table, near, odd])
    ids = pa.array([f"p{at:04d}" for at in range(302)])
    save(rows.set_column(0, "plant_id", ids), here / "plants.csv")
    audit = audit_file(here / "plants.csv", target="kind")
    assert "rows 8, 301" in quality(audit, "Near duplicates").examples
    assert quality(audit, "Outliers").examples[0] == "row 302"
    scores = audit.to_table().sort_by("row")["outlier_score"].to_pylist()
    assert scores.index(max(scores)) == 301


def test_more_rows_than_can_be_compared_are_told_of(here, monkeypatch):
    table, _ = numbers()
    save(table, here / "plants.csv")
    monkeypatch.setattr("burnish.modeling.copies.MOST_ROWS", 299)
    monkeypatch.setattr("burnish.workflows.audit_file_page.MOST_ROWS", 299)
    audit = audit_file(here / "plants.csv", target="kind")
    assert audit.to_table()["outlier_score"].null_count == audit.to_table().num_rows
    assert any("above 299 labeled rows" in note for note in audit.summary.notes)
    assert not [one for one in audit.summary.findings if one.title == "Outliers"]


def test_a_planted_noisy_slice_and_rare_classes_are_told(here):
    table, _ = numbers(rows=400, noise=0.0)
    kinds, cities = table["kind"].to_pylist(), table["city"].to_pylist()
    oslo = [at for at, city in enumerate(cities) if city == "Oslo"][::4]
    for at in oslo:
        kinds[at] = "rose" if kinds[at] == "iris" else "iris"
    kinds[:2] = ["rosse", "rosse"]
    save(table.set_column(5, "kind", pa.array(kinds)), here / "plants.csv")
    audit = audit_file(here / "plants.csv", target="kind")
    first, second = audit.summary.slices
    assert (first.name, second.name) == ("city:Oslo", "city:Rome")
    assert first.share.low > second.share.value
    assert quality(audit, "Classes with fewer than 10 rows").examples == ("rosse (2)",)


def test_labels_that_nothing_tells_apart_are_told_of_before_anything_else(here):
    table, _ = numbers()
    kinds = np.random.default_rng(0).permutation(table["kind"].to_pylist())
    save(table.set_column(5, "kind", pa.array(kinds)), here / "plants.csv")
    audit = audit_file(here / "plants.csv", target="kind")
    (doubt,) = audit.summary.doubts
    assert "may be chance" in doubt
    assert f'<p class="note bad">{doubt[:30]}' in audit.files.page.read_text()


def test_labels_that_can_be_told_raise_no_doubt_and_a_handful_does(here):
    table, _ = numbers()
    save(table, here / "plants.csv")
    assert audit_file(here / "plants.csv", target="kind").summary.doubts == ()
    save(table.slice(0, 30), here / "few.csv")
    assert "Only 30 rows" in audit_file(here / "few.csv", target="kind").summary.doubts[0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_an_expected_share_lies_in_its_interval(probabilities):
    share = expected_share(np.array(probabilities))
    assert 0.0 <= share.low <= share.value + 1e-9
    assert share.value - 1e-9 <= share.high <= 1.0


# ---------------------------------------------------------------- what is written


def test_the_spec_reads_the_same_rows_from_where_it_lies(here):
    written = pictures(here / "pictures")
    audit = audit_file(written.path, target="shape", out=here / "deep" / "out", budget=17)
    spec = load_spec(audit.files.spec)
    assert spec.review.budget == 17
    rows = read_examples(spec)
    found = audit.to_table().sort_by("row")
    assert rows["example_id"].to_pylist() == found["example_id"].to_pylist()


def test_a_second_audit_takes_the_place_of_the_first(here):
    table, _ = numbers()
    save(table, here / "plants.csv")
    audit_file(here / "plants.csv", target="kind", budget=10)
    again = audit_file(here / "plants.csv", target="kind", budget=20)
    assert not again.files.kept_spec
    assert load_spec(again.files.spec).review.budget == 20
    assert len(table_of(here / "plants-audit")["queue_rank"].drop_null()) == 20
    assert len(list((here / "plants-audit").iterdir())) == 3


def test_a_spec_that_somebody_changed_is_kept(here):
    table, _ = numbers()
    save(table, here / "plants.csv")
    first = audit_file(here / "plants.csv", target="kind")
    mended = first.files.spec.read_text().replace('description: ""', "description: mine")
    first.files.spec.write_text(mended)
    for _ in range(2):
        again = audit_file(here / "plants.csv", target="kind")
        assert again.files.kept_spec
        assert again.files.spec.read_text() == mended


@pytest.mark.parametrize("name", ["report.html", "audit.parquet"])
def test_a_file_of_somebody_else_is_never_overwritten(here, name):
    table, _ = numbers()
    save(table, here / "plants.csv")
    theirs = here / "plants-audit" / name
    theirs.parent.mkdir()
    theirs.write_text("mine")
    with pytest.raises(DataError, match="no audit wrote it"):
        audit_file(here / "plants.csv", target="kind")
    assert theirs.read_text() == "mine"
    assert list(theirs.parent.iterdir()) == [theirs]


@pytest.mark.parametrize("moment", [("models", 1), ("writing", 0)])
def test_a_stopped_audit_leaves_what_was_there(here, moment):
    table, _ = numbers()
    save(table, here / "plants.csv")
    before = audit_file(here / "plants.csv", target="kind", budget=10)
    held = {one.name: one.read_bytes() for one in before.files.page.parent.iterdir()}

    def stop(what: str, done: int, total: int) -> None:
        if (what, done) == moment:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        audit_file(here / "plants.csv", target="kind", budget=50, progress=stop)
    assert {one.name: one.read_bytes() for one in before.files.page.parent.iterdir()} == held


def test_progress_tells_every_step_in_order(here):
    table, _ = numbers()
    save(table, here / "plants.csv")
    told: list[tuple[str, int, int]] = []
    audit_file(here / "plants.csv", target="kind", progress=lambda *step: told.append(step))
    assert list(dict.fromkeys(what for what, _, _ in told)) == [
        "reading", "comparing", "models", "writing",
    ]  # fmt: skip
    models = [(done, total) for what, done, total in told if what == "models"]
    assert models == [(at, models[-1][1]) for at in range(models[-1][1] + 1)]


# ---------------------------------------------------------------- what is refused


def flawed(folder: Path) -> Path:
    """A file with columns that cannot be what somebody may ask of them."""
    table, _ = numbers(rows=60)
    table = table.append_column("size", pa.array(np.linspace(0, 1, 60)))
    table = table.append_column("one", pa.array(["all"] * 60))
    table = table.append_column("scan", pa.array([f"scan{at}.tiff" for at in range(60)]))
    table = table.append_column("code", pa.array([f"c{at}" for at in range(60)]))
    save(
        pa.table({"example_id": ["x"], "annotator_id": ["ann"], "label": ["iris"]}),
        folder / "a.csv",
    )
    save(pa.table({"example_id": ["x"], "who": ["ann"], "label": ["iris"]}), folder / "b.csv")
    return save(table, folder / "plants.csv")


@pytest.mark.parametrize(
    ("choices", "found", "hint"),
    [
        ({"target": "kynd"}, "no column 'kynd' to be the target", "did you mean 'kind'?"),
        ({"target": "size"}, "a continuous number", "cut it into classes"),
        ({"target": "one"}, "the same value, 'all'", "choose another column"),
        ({"target": "code"}, "no two rows of 'code' have the same label", "--target"),
        ({"target": None}, "no column of labels is named", ""),
        ({"budget": 0}, "the budget is 0 rows", "leave --budget out"),
        ({"identity": "plantid"}, "no column 'plantid' to be the id", "'plant_id'"),
        ({"identity": "city"}, "stands in", "--group"),
        ({"group": "one"}, "leaves one group of all 60 rows", "--group"),
        ({"group": "kind"}, "cannot be the group and the target at once", ""),
        ({"text": ["note"]}, "no column 'note' to be a text", ""),
        ({"text": ["code"], "image": ["code"]}, "text and an image at once", ""),
        ({"image": ["scan"]}, "the image 'scan0.tiff' in row 1 is not there", "mend the path"),
        ({"annotations": Path("c.csv")}, "c.csv is not there", "did you mean"),
        ({"annotations": Path("b.csv")}, "no column 'annotator_id'", ""),
        ({"annotations": Path("a.csv")}, "no answer belongs to any row", "--id"),
        ({"out": Path("plants.csv")}, "plants.csv is a file", "--out"),
    ],
)
def test_what_cannot_be_audited_is_told_with_a_way_out(here, choices, found, hint):
    file = flawed(here)
    with pytest.raises(BurnishError) as caught:
        audit_file(file, **{"target": "kind", **choices})
    assert found in str(caught.value)
    assert hint in caught.value.hint
    assert not (here / "plants-audit").exists()


def test_pictures_none_of_which_is_there_are_left_out_with_a_note(here):
    table, wrong = numbers()
    scans = pa.array([f"elsewhere/{at}.png" for at in range(300)])
    save(table.append_column("scan", scans), here / "plants.csv")
    audit = audit_file(here / "plants.csv", target="kind")
    assert found_first(audit.to_table(), wrong) >= 0.9
    assert any("scan" in note and "elsewhere/0.png" in note for note in audit.summary.notes)
    with pytest.raises(DataError, match=re.escape("'elsewhere/0.png' in row 1 is not there")):
        audit_file(here / "plants.csv", target="kind", image=["scan"])


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("none.csv", None, "does not exist"),
        ("empty.csv", "", "is empty"),
        ("header.csv", "a,kind\n", "no rows"),
        ("list.json", "[]", "ends in .json"),
        ("page.html", "<html>", "ends in .html"),
        ("bad.jsonl", '{"a": 1}\n{"a": }\n', "line 2"),
        ("bad.parquet", "a,b\n1,2\n", "is not Parquet"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(here, name, content, found):
    if content is not None:
        (here / name).write_text(content)
    with pytest.raises(SourceUnreadable, match=re.escape(found)):
        audit_file(here / name, target="kind")
