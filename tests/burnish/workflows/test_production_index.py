"""Files of production are read once, and what a period holds is as if all were read each time."""

from __future__ import annotations

import os
from datetime import timedelta

import numpy as np
import pytest

from burnish.database import open_database
from burnish.policy import SqlPolicyRecord
from burnish.store import content_digest
from burnish.workflows import production_index
from burnish.workflows.production_files import read_one
from burnish.workflows.production_index import arrived
from burnish.workflows.production_periods import periods_over
from burnish.workflows.production_rows import read_production
from tests.burnish.workflows.production_days import (
    NOW,
    START,
    day_lines,
    with_production,
    write_day,
    write_lines,
)

DAYS = [START + timedelta(days=n) for n in range(5)]


class Folder:
    """The folder that files of the flowers come into, and which of them a look reads."""

    def __init__(self, planted, home, monkeypatch):
        self.spec = with_production(planted)
        self.path = planted.catalog / "arrivals"
        self.engine = open_database(str(home / "burnish.db"))
        SqlPolicyRecord(self.engine)  # makes the tables
        self.read: list[str] = []
        self._clock = 0

        def noted(path, source, *, name, now):
            self.read.append(path.name)
            return read_one(path, source, name=name, now=now)

        monkeypatch.setattr(production_index, "read_one", noted)

    def look(self):
        """The digests that a look finds, and the files that it read for them."""
        self.read.clear()
        found = arrived(self.spec, self.engine, now=NOW, periods=self.periods)
        return dict(found.digests), sorted(set(self.read))

    @property
    def periods(self):
        return periods_over(self.spec.production, NOW)

    def whole(self):
        """The same by reading every file."""
        met = read_production(self.spec, now=NOW)
        return {name: content_digest(met.of(name)) for name in self.periods if name in met.counts}

    def came(self, path):
        """Each file is a second newer than the one before."""
        self._clock += 1
        at = NOW.timestamp() - 10_000 + self._clock
        os.utime(path, (at, at))


@pytest.fixture
def folder(planted, tmp_path, monkeypatch):
    return Folder(planted, tmp_path, monkeypatch)


def test_a_file_is_read_once_and_again_when_it_changes(folder):
    for day in DAYS:
        folder.came(write_day(folder.path, day))
    first, read = folder.look()
    assert first == folder.whole()
    assert len(read) == len(DAYS)
    assert folder.look() == (first, [])
    folder.came(write_day(folder.path, DAYS[2], seed=3))
    second, read = folder.look()
    assert read == [f"{DAYS[2]}.csv"]
    assert second == folder.whole()
    assert [name for name in first if first[name] != second[name]] == [DAYS[2].isoformat()]


def test_a_file_that_is_gone_takes_its_rows_along(folder):
    for day in DAYS[:2]:
        folder.came(write_day(folder.path, day))
    folder.look()
    (folder.path / f"{DAYS[0]}.csv").unlink()
    assert folder.look() == (folder.whole(), [])
    assert list(folder.whole()) == [DAYS[1].isoformat()]


def test_a_row_that_a_newer_file_takes_to_another_day_is_missed_in_its_first(folder):
    for day in DAYS[:3]:
        folder.came(write_day(folder.path, day))
    before, _ = folder.look()
    line = day_lines(DAYS[0])[0][0].replace("2026-03-01", "2026-03-03")
    folder.came(write_lines(folder.path / "mended.csv", [line]))
    after, _ = folder.look()
    assert after == folder.whole()
    first, second, third = (day.isoformat() for day in DAYS[:3])
    assert after[first] != before[first]
    assert after[second] == before[second]
    assert after[third] != before[third]


def test_a_spec_that_reads_otherwise_reads_every_file_again(folder, planted):
    for day in DAYS[:2]:
        folder.came(write_day(folder.path, day))
    folder.look()
    folder.spec = with_production(planted, **{"window: 3": "timezone: Asia/Kolkata\n  window: 3"})
    found, read = folder.look()
    assert len(read) == 2
    assert found == folder.whole()


def test_a_half_written_file_is_looked_at_until_it_is_whole(folder):
    path = write_day(folder.path, DAYS[0])
    text = path.read_text()
    path.write_text(text.rstrip("\n"))
    os.utime(path, (NOW.timestamp(), NOW.timestamp()))
    found = arrived(folder.spec, folder.engine, now=NOW, periods=folder.periods)
    assert not found.digests
    assert [one.name for one in found.waited] == ["arrivals/2026-03-01.csv"]
    later = NOW + timedelta(minutes=2)
    found = arrived(folder.spec, folder.engine, now=later, periods=folder.periods)
    assert list(found.digests) == [DAYS[0].isoformat()]


@pytest.mark.parametrize("seed", range(4))
def test_whatever_comes_a_look_finds_what_reading_every_file_finds(folder, seed):
    rng = np.random.default_rng(seed)
    pool = [line for day in DAYS for line in day_lines(day, rows=4)[0]]
    for _ in range(12):
        name = f"{rng.integers(5)}.csv"
        path = folder.path / name
        if path.exists() and rng.random() < 0.2:
            path.unlink()
        else:
            lines = [pool[at] for at in rng.integers(0, len(pool), rng.integers(1, 6))]
            # Ids of other days, other cells, other times: corrections, and the same again.
            lines = [f"p030100{rng.integers(4)},{line.split(',', 1)[1]}"
                     if rng.random() < 0.4 else line for line in lines]  # fmt: skip
            folder.came(write_lines(path, lines))
        if rng.random() < 0.7:
            assert folder.look()[0] == folder.whole()
    assert folder.look()[0] == folder.whole()
