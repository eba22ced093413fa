"""Playbooks: what a person needs to act on an alarm, with nothing fetched and all escaped."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from burnish.errors import DataError
from burnish.policy.playbooks import GUIDES
from burnish.policy.words import TITLES
from burnish.report.pages import Pages
from burnish.spec import Policy
from burnish.spec.production import DEFAULT_RULES
from burnish.workflows.answering_alarms import acknowledge, close, overrule
from burnish.workflows.playbooks import write_alarm_pages
from burnish.workflows.policy_actions import carry_out
from burnish.workflows.policy_run import run_policy
from tests.burnish.workflows.production_alarms import drifted, estimated, record_of
from tests.burnish.workflows.production_boxes import at, batch, home_in, spec_in

DAY, NOW = "2026-03-07", at("2026-03-08")


@pytest.fixture
def seen(tmp_path):
    """A column that moved, an estimate that fell in one slice, and rows that were asked about."""
    import pyarrow as pa

    home = home_in(tmp_path)
    for number in range(1, 8):
        names = [f"m{number}-{n:02d}" for n in range(40)]
        batch(home.versions, f"2026-03-{number:02d}", names, site=["north", "<south>"] * 20)
    rows = pa.table(
        {
            "example_id": [f"s{n}" for n in range(60)], "label": ["large", "small"] * 30,
            "size": [float(n % 9) for n in range(60)], "split": ["train"] * 60,
            "fold_group": [f"s{n}" for n in range(60)],
        }
    )  # fmt: skip
    home.versions.write("boxes", "validated_examples", rows, gated=False)
    own = {"signal": "estimated_loss", "check": ["Ask <Ada>."], "link": "javascript:alert(1)"}
    policy = {"owner": "Ada <ada@example.org>", "playbooks": [own]}
    spec = spec_in(tmp_path, slices=[{"name": "site", "column": "site"}], policy=policy)
    record = record_of(home)
    for day in ("2026-03-06", DAY):
        drifted(home.versions, day)
        estimated(home.versions, day, slice_id="s", name="site:<south>")
        run_policy(spec, home.versions, record, day, now=NOW)
    carry_out(spec, home.versions, home.ledger, record)
    return home, spec, record, Pages(tmp_path / "reports")


def page_of(seen, number=1):
    home, spec, record, pages = seen
    write_alarm_pages(spec, home.versions, record, pages, now=NOW)
    return pages.playbook("boxes", number).read_text(encoding="utf-8")


def text_of(page):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_a_playbook_says_what_where_why_who_and_what_happens(seen):
    page = page_of(seen)
    text = text_of(page)
    for said in (
        "The model is estimated to have become less accurate",
        "site:&lt;south&gt;", "A column has changed", "the column size",
        "Ask &lt;Ada&gt;.", "Look at the slice below",
        "Ada &lt;ada@example.org&gt;", "2026-03-12",
        "asked for the labels of up to 100 rows", "100 rows were asked for", "20 of them at random",
        'burnish alarms overrule boxes 1 --who &#34;YOUR NAME&#34;',
        "size: before and now", "of 100 rows that people were asked about",
    ):  # fmt: skip
        assert said in text, said
    assert page.index("Ask &lt;Ada&gt;") < page.index("Look at the slice below")


def test_a_playbook_fetches_nothing_and_runs_nothing(seen):
    for page in (page_of(seen), (seen[3].decisions("boxes")).read_text(encoding="utf-8")):
        assert "<script" not in page
        assert not re.search(r"(?:src|href)=\"(?:https?:)?//", page)
        assert 'href="javascript:' not in page
        assert "<south>" not in page
        assert page.count("<svg") == page.count("</title><desc")


def test_all_decisions_are_listed_those_to_do_nothing_as_well(seen):
    home, spec, record, pages = seen
    estimated(home.versions, "2026-03-08", loss=0.0)
    run_policy(spec, home.versions, record, "2026-03-08", now=NOW)
    page_of(seen)
    text = text_of(pages.decisions("boxes").read_text(encoding="utf-8"))
    assert "1 alarm open. 3 windows looked at." in text
    assert "Held back: cool-down: done for this cause 1 periods ago" in text
    assert "ignore" in text


def test_a_page_is_written_again_only_when_something_happened(seen):
    home, spec, record, pages = seen
    page_of(seen)
    playbook = pages.playbook("boxes", 1)
    again = write_alarm_pages(spec, home.versions, record, pages, now=NOW)
    assert playbook not in again
    later = playbook.stat().st_mtime + 60
    record._clock.now = at("2026-03-08") + timedelta(days=3650)
    assert record._clock.now.timestamp() > later
    acknowledge(record, "boxes", 1, who="Ada")
    assert playbook in write_alarm_pages(spec, home.versions, record, pages, now=NOW)
    assert "acknowledged" in page_of(seen)


def test_an_alarm_that_is_over_says_by_whose_word(seen):
    _, _, record, _ = seen
    overrule(record, "boxes", 1, who="Ada", why="a planned campaign")
    text = text_of(page_of(seen))
    assert "This alarm is over: overruled" in text
    assert "a planned campaign" in text


def test_answers_are_given_once_to_open_alarms_and_by_somebody(seen):
    _, _, record, _ = seen
    with pytest.raises(DataError, match="no alarm 9"):
        close(record, "boxes", 9, who="Ada", why="mended")
    for who, why in (("", "x"), ("Ada", " "), ("policy", "x")):
        with pytest.raises(DataError):
            overrule(record, "boxes", 1, who=who, why=why)
    assert close(record, "boxes", 1, who="Ada", why="mended").status == "closed"
    with pytest.raises(DataError, match="closed already: mended"):
        close(record, "boxes", 1, who="Ada", why="mended")


def test_every_signal_has_a_title_a_guide_and_a_rule_in_words():
    names = {rule.signal for rule in DEFAULT_RULES}
    assert set(TITLES) == set(GUIDES) == names
    assert all(len(guide.check) >= 3 and guide.caution for guide in GUIDES.values())


def test_two_playbooks_of_one_signal_are_refused():
    with pytest.raises(ValueError, match="two playbooks"):
        Policy(playbooks=[{"signal": "reports"}, {"signal": "reports"}])
