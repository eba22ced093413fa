"""A labeling guide outside the desk: what the command line, the start and the loop tell of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner, Result

from burnish.cli import main
from burnish.database import transact
from burnish.errors import SourceUnreadable, SpecError
from burnish.records import Verdict
from burnish.review import flags
from burnish.review.flags import Flag
from burnish.spec import load_spec_named
from burnish.workflows.blame import life_of
from burnish.workflows.guides import flags_of, guide_problems, guide_state, note_guide
from burnish.workflows.home import Home, prepare_home

AT = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
SPEC = """name: pets
source: {path: pets.csv}
id: id
target: kind
features: {note: text}
review: {guide: guide.md}
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return prepare_home(tmp_path / "home")


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    folder = tmp_path / "catalog"
    folder.mkdir()
    (folder / "pets.yaml").write_text(SPEC)
    (folder / "guide.md").write_text("# A cat purrs\n")
    return folder


def burnish(home: Home, catalog: Path, *words: str) -> Result:
    places = ("--home", str(home.folder), "--catalog", str(catalog))
    return CliRunner().invoke(main, ["review", "guide", "pets", *words, *places])


def test_looking_notes_nothing_and_noting_names_who_did(home: Home, catalog: Path):
    spec = load_spec_named(catalog, "pets")
    state = guide_state(home, spec)
    assert (state.versions, state.is_new, state.problem) == ((), True, "")
    made = note_guide(home, spec, by="ada (command line)", clock=lambda: AT)
    assert (made.version, made.noted_by, made.at) == (1, "ada (command line)", AT)
    again = note_guide(home, spec, by="bob (command line)", clock=lambda: AT)
    assert again == made, "the same content is the same version"
    assert guide_state(home, spec).is_new is False


def test_without_a_guide_there_is_none_to_note(home: Home, catalog: Path):
    (catalog / "pets.yaml").write_text(SPEC.replace("review: {guide: guide.md}\n", ""))
    with pytest.raises(SpecError, match="names no guide"):
        note_guide(home, load_spec_named(catalog, "pets"), by="ada", clock=lambda: AT)
    (catalog / "pets.yaml").write_text(SPEC)
    (catalog / "guide.md").unlink()
    with pytest.raises(SourceUnreadable, match="cannot be read"):
        note_guide(home, load_spec_named(catalog, "pets"), by="ada", clock=lambda: AT)


def test_the_command_lists_versions_and_check_fails_where_the_file_is_gone(
    home: Home, catalog: Path
):
    assert burnish(home, catalog, "--note").exit_code == 0
    (catalog / "guide.md").write_text("# A cat purrs or hisses\n")
    shown = burnish(home, catalog, "--check")
    assert shown.exit_code == 0, shown.output
    assert "It says something new" in shown.output
    assert "(command line)" in shown.output
    (catalog / "guide.md").unlink()
    gone = burnish(home, catalog, "--check")
    assert gone.exit_code == 1
    assert "cannot be read" in gone.output
    told = json.loads(burnish(home, catalog, "--json").output)
    assert [one["version"] for one in told["versions"]] == [1]
    assert "cannot be read" in told["problem"]


def test_the_desk_says_at_its_start_which_guide_cannot_be_used(home: Home, catalog: Path):
    rows = pa.table({"example_id": ["a"], "label": ["cat"]})
    home.versions.write("pets", "raw_examples", rows, gated=False)
    home.versions.join("pets", opens=True)
    assert guide_problems(home, catalog) == []
    (catalog / "guide.md").write_bytes(b"\xff\xfe")
    (line,) = guide_problems(home, catalog)
    assert line.startswith("  pets: the guide guide.md is no text in UTF-8")


def test_what_is_flagged_is_counted_for_the_queues_page(home: Home):
    assert flags_of(home.versions, "pets").total == 0
    for seq, (name, labels) in enumerate([("a", ("cat", "dog")), ("b", ("cat",)), ("b", ())], 1):
        flag = Flag(seq, "pets", 1, name, "ann", labels, "", 1, AT)
        transact(home.versions.engine, lambda c, f=flag: flags.add(c, f, after=f.seq - 1))
    counts = flags_of(home.versions, "pets")
    assert (counts.total, counts.by_pair) == (1, ((("cat", "dog"), 1),)), "one was taken back"


def test_a_life_names_the_version_that_a_verdict_was_given_under(home: Home):
    given = {"guide": 3}
    verdict = Verdict("a", "change", "cat", "dog", author="ada", evidence=given)
    home.ledger.append("pets", [verdict])
    (moment,) = life_of(home, "pets", "a").moments
    assert "version of the guide: 3" in moment.text
