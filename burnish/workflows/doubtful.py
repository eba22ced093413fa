"""Labels that people agreed on, and that are doubtful all the same, given who they are.

What belongs here: how probable an agreed label is by what each of its people is worth, known
answers included. What does not: these estimates themselves (`burnish.consensus`), what was
disagreed about (the desk asks a reviewer of its own accord), or the model's opinion
(`burnish.workflows.audit`).

Each person is right with a probability of their own, estimated from known answers and from their
agreement with others at once (`burnish.consensus.methods.reliability`, the one-coin form of Dawid
and Skene 1979, with known answers held fast). Two people who are often wrong agree by mistake more
often than two who seldom are. `docs/methods/people.md` has what this finds, simulated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from burnish.consensus import fit_consensus
from burnish.review.figures import Doubt
from burnish.workflows.people_answers import GivenAnswer

MOST = 20
"""Items that are named; a reviewer looks at the least probable ones first."""
METHOD = "reliability"
CERTAIN = 0.999
"""A label as probable as this is left out: nobody should look at it for doubt."""
LEAST_PEOPLE = 3
"""Of two people who alone answered, nothing tells which of them is the better one."""

Unit = tuple[int, str]


def agreed_but_doubtful(
    answers: Sequence[GivenAnswer], gold: Mapping[str, str], *, most: int = MOST
) -> tuple[Doubt, ...]:
    """Items whose blind answers agree, the least probable label first; at most `most` of them.

    Left out are items whose answer is known, those that a reviewer has decided or sent back, those
    that fewer than two answered, and those whose label is all but certain. Simulated people count
    only where nobody else answered. Empty where fewer than three people have answered and no known
    answer tells them apart.

    >>> agreed_but_doubtful([], {})
    ()
    """
    blind = [one for one in answers if one.blind and one.label is not None]
    blind = [one for one in blind if not one.simulated] or blind
    units: dict[Unit, list[GivenAnswer]] = {}
    for one in blind:
        units.setdefault((one.iteration, one.example_id), []).append(one)
    known = {unit: gold[unit[1]] for unit in units if unit[1] in gold}
    if not (known or len({one.person for one in blind}) >= LEAST_PEOPLE):
        return ()
    agreed = {
        unit: label
        for unit, said in units.items()
        if unit not in known and (label := _agreed(said))
    }
    if not agreed:
        return ()
    chances = _chances(units, known)
    doubtful = {
        unit: chance
        for unit, label in agreed.items()
        if (chance := chances[unit].get(label, 0.0)) < CERTAIN
    }
    # Of equal chances the first asked, so that the list does not change by itself.
    order = sorted(doubtful, key=lambda unit: (doubtful[unit], unit))
    return tuple(
        Doubt(
            *unit, agreed[unit], doubtful[unit],
            tuple(sorted((one.person, one.label or "") for one in units[unit])),
        )
        for unit in order[:most]
    )  # fmt: skip


def _agreed(said: Sequence[GivenAnswer]) -> str:
    """The label that more of two or more people named than any other; empty where none is."""
    if len(said) < 2 or any(one.sent_back or one.decided for one in said):
        return ""
    counts = Counter(one.label or "" for one in said).most_common(2)
    tied = len(counts) > 1 and counts[0][1] == counts[1][1]
    return "" if tied or counts[0][1] < 2 else counts[0][0]


def _chances(
    units: Mapping[Unit, Sequence[GivenAnswer]], known: Mapping[Unit, str]
) -> dict[Unit, dict[str, float]]:
    """How probable each label of each item is, by who said what."""
    place = {unit: at for at, unit in enumerate(units)}
    rows = [(place[unit], one.person, one.label) for unit in units for one in units[unit]]
    labels = sorted({*(str(row[2]) for row in rows), *known.values()})
    if len(labels) < 2:
        return {unit: {labels[0]: 1.0} for unit in units}
    found = fit_consensus(
        {
            "example_id": [row[0] for row in rows],
            "annotator_id": [row[1] for row in rows],
            "label": [row[2] for row in rows],
        },
        classes=labels,
        gold={place[unit]: label for unit, label in known.items()} or None,
        method=METHOD,
    )
    return {
        unit: dict(zip(found.classes, found.probabilities[at].tolist(), strict=True))
        for unit, at in place.items()
    }
