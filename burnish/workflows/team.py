"""What the desk's pages show of a team, read off a home; a `burnish.review.ports.Team`.

What belongs here: reading the desk's events, the ledger and the known answers, and keeping what was
made of them while none of these changes. What does not: counting
(`burnish.workflows.people_answers`, `.people_figures` and `.worth`), doubtful labels
(`.doubtful`), or who may see what (`burnish.review.figures`).
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Engine

from burnish.errors import ItemNotFound
from burnish.review.courses import newest_event, read_courses
from burnish.review.figures import Figures
from burnish.review.worth import Worth
from burnish.typing import LabelLedger
from burnish.workflows.desk import Newest, newest_published
from burnish.workflows.doubtful import METHOD, agreed_but_doubtful
from burnish.workflows.gold import STAGE as GOLD_STAGE
from burnish.workflows.gold import known_answers
from burnish.workflows.home import Home
from burnish.workflows.people_answers import given_answers
from burnish.workflows.people_figures import team_figures
from burnish.workflows.returns import STAGE as RETURNS
from burnish.workflows.worth import worth_of


class HomeTeam:
    """The team of a home. Every door raises `ItemNotFound` for a dataset that the home lacks."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._all: Newest[Figures] = Newest()
        self._closed: Newest[Figures] = Newest()
        self._worth: Newest[Worth] = Newest()

    def figures(self, dataset: str, *, open_gold: bool = True) -> Figures:
        """Everybody's figures; without `open_gold` no known answer of the open batch counts.

        An iteration is open from its audit on, also while its queue is made again: so nothing of
        its known answers shows for a moment.
        """
        self._require(dataset)
        versions, kept = self._home.versions, self._all if open_gold else self._closed
        current = versions.current(dataset)
        key = (
            newest_event(versions.engine, dataset),
            self._home.ledger.head(dataset).event_id,
            newest_published(versions, dataset, GOLD_STAGE),
            current and (current.number, current.watermark.event_id),
        )
        return kept.get(dataset, key, lambda: self._made(dataset, open_gold=open_gold))

    def worth(self, dataset: str) -> Worth:
        """What labeling cost and brought so far, and what is to be expected."""
        self._require(dataset)
        versions, ledger = self._home.versions, self._home.ledger
        key = (
            ledger.head(dataset).event_id,
            newest_published(versions, dataset, "label_audit"),
            newest_published(versions, dataset, RETURNS),
        )
        return self._worth.get(dataset, key, lambda: worth_of(versions, ledger, dataset))

    def _made(self, dataset: str, *, open_gold: bool) -> Figures:
        versions = self._home.versions
        current = versions.current(dataset)
        return read_figures(
            versions.engine,
            self._home.ledger,
            dataset,
            gold=known_answers(versions, dataset),
            open_since=(current.number, current.watermark.event_id) if current else None,
            open_gold=open_gold,
        )

    def _require(self, dataset: str) -> None:
        had_batch = dataset in self._home.versions.datasets()
        if not (had_batch or self._home.ledger.head(dataset).event_id):
            raise ItemNotFound(
                f"this home has no dataset {dataset[:80]!r} that anybody worked on",
                expected=f"one of: {', '.join(self._home.versions.datasets()) or 'none yet'}",
            )


def read_figures(
    engine: Engine,
    ledger: LabelLedger,
    dataset: str,
    *,
    gold: Mapping[str, str],
    open_since: tuple[int, int] | None = None,
    open_gold: bool = True,
) -> Figures:
    """The figures of a dataset, from the desk's events and the ledger as they are now.

    `gold` is the known label by example_id; `open_since` the open iteration and the number of the
    ledger's event that it began after. Without `open_gold` no known answer of that iteration
    counts, nobody is compared with others, and no doubtful label is named.
    """
    courses = read_courses(engine, dataset)
    answers = given_answers(courses, ledger.events(dataset), open_since=open_since or (0, 0))
    return team_figures(
        dataset,
        answers,
        gold,
        open_gold_of=open_since[0] if open_since and not open_gold else None,
        compared=open_gold,
        doubts=agreed_but_doubtful(answers, gold) if open_gold else (),
        method=METHOD,
    )
