"""Who is asked first for which item: dealing a batch to people, in turn or by skill.

What belongs here: pure functions from items, people and what is known of both to names. What does
not: reading any of it from the desk's tables (`burnish.review.dealing`), how likely somebody is
right (`burnish.review.skill`), or keeping a place for them (`burnish.review.arranging`).

One person is asked first for each item, also where several answer it: their place is kept, the
other places are anybody's. A deal sees of an item which classes are in question, and nothing else:
neither why it is in the batch, nor whether its answer is known.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from burnish.review.skill import Pair, Skills

How = Literal["round_robin", "skill"]
WORDS: Mapping[How, str] = {"round_robin": "in turn", "skill": "by skill and load"}
"""As the line of an arrangement says it."""

EXPLORED = 0.1
"""The share of the items of each pair that is dealt without regard to skill."""
SLACK = 0.2
"""How much more than their share somebody may get because they are better at it."""
WORTH = 0.02
"""Expected accuracies that differ by less are taken for equal, and such items shared out evenly."""
MOST_GROUPS = 200
"""Pairs that are told apart; the rarest beyond them are dealt as one."""
USUAL_ANSWERS = 10.0
"""Answers that everybody is taken to have given: who has just come is no idler."""


@dataclass(frozen=True)
class Dealt:
    """An item to be dealt: the classes in question, and who cannot be asked any more."""

    example_id: str
    pair: Pair = ()
    done: frozenset[str] = frozenset()


def deal(
    items: Sequence[Dealt],
    people: Sequence[str],
    *,
    how: How,
    skills: Skills | None = None,
    loads: Mapping[str, int] | None = None,
    answers: Mapping[str, int] | None = None,
    random_state: int = 0,
) -> dict[str, str]:
    """Whom to ask first, by example_id; an item that nobody can be asked for is left out.

    `round_robin` deals in turn, beginning with whoever has least before them. `skill` has all done
    at about the same time (`loads` are the items before each already, `answers` how many each gave
    lately), nobody with more than 1.2 times their share, and as many right answers as can be
    expected under that: a transport problem, solved exactly. A tenth of each pair is dealt in turn,
    so that nobody is kept from a class, and everybody goes on being measured on it. Draws are made
    with `random_state`.

    >>> items = [Dealt("a"), Dealt("b"), Dealt("c", done=frozenset({"bob"}))]
    >>> deal(items, ["ada", "bob"], how="round_robin", loads={"ada": 1})
    {'a': 'bob', 'b': 'ada', 'c': 'ada'}
    """
    names, loads = sorted(set(people)), loads or {}
    if not names or not items:
        return {}
    if how == "round_robin":
        return _in_turn(items, sorted(names, key=lambda name: (loads.get(name, 0), name)))
    shares = fair_shares(names, len(items), loads=loads, answers=answers or {})
    return _by_skill(items, shares, skills or Skills(0.5), np.random.default_rng(random_state))


def fair_shares(
    people: Sequence[str], count: int, *, loads: Mapping[str, int], answers: Mapping[str, int]
) -> dict[str, float]:
    """How many of `count` items each should get, so that all are done at about the same time.

    >>> fair_shares(["ada", "bob"], 10, loads={"ada": 10}, answers={})
    {'ada': 0.0, 'bob': 10.0}
    >>> fair_shares(["ada", "bob"], 30, loads={}, answers={"ada": 10, "bob": 30})
    {'ada': 10.0, 'bob': 20.0}
    """
    pace = {name: answers.get(name, 0) + USUAL_ANSWERS for name in people}
    # Who has most before them for their pace is left out, until nobody's share is below nothing.
    working = sorted(people, key=lambda name: (loads.get(name, 0) / pace[name], name))
    while True:
        before = sum(loads.get(name, 0) for name in working)
        until = (count + before) / sum(pace[name] for name in working)
        last = working[-1]
        if len(working) == 1 or until * pace[last] >= loads.get(last, 0):
            break
        working.pop()
    found = dict.fromkeys(people, 0.0)
    return found | {name: max(0.0, until * pace[name] - loads.get(name, 0)) for name in working}


def _in_turn(items: Iterable[Dealt], names: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    turn = list(names)
    for item in items:
        name = next((one for one in turn if one not in item.done), None)
        if name is not None:
            found[item.example_id] = name
            turn.remove(name)
            turn.append(name)
    return found


def _by_skill(
    items: Sequence[Dealt], shares: Mapping[str, float], skills: Skills, rng: np.random.Generator
) -> dict[str, str]:
    groups = _groups([items[at] for at in rng.permutation(len(items))])
    explored = [item for own in groups.values() for item in own[: _explored(len(own))]]
    # In turn, whoever has most of their share to come first: those who have little get little.
    named = sorted(shares, key=lambda name: (-shares[name], name))
    found = _in_turn(explored, [name for name in named if shares[name] > 0])
    got = Counter(found.values())
    room = [max(0, math.ceil((1.0 + SLACK) * share) - got[name]) for name, share in shares.items()]
    left = {key: own[_explored(len(own)) :] for key, own in groups.items()}
    left = {key: own for key, own in left.items() if own}
    if not left:
        return found
    plan = _plan(left, list(shares), shares=shares, room=room, skills=skills)
    for own, counts in zip(left.values(), plan, strict=True):
        names = [name for name, count in zip(shares, counts, strict=True) for _ in range(count)]
        found |= dict(zip((item.example_id for item in own), names, strict=False))
    return found


def _groups(items: Iterable[Dealt]) -> dict[tuple[Pair, frozenset[str]], list[Dealt]]:
    """Items that are alike to a deal: by pair, and by who cannot be asked."""
    found: dict[tuple[Pair, frozenset[str]], list[Dealt]] = defaultdict(list)
    listed = list(items)
    often = {pair for pair, _ in Counter(item.pair for item in listed).most_common(MOST_GROUPS)}
    for item in listed:
        found[item.pair if item.pair in often else (), item.done].append(item)
    return dict(sorted(found.items(), key=lambda one: (one[0][0], sorted(one[0][1]))))


def _explored(count: int) -> int:
    return math.floor(EXPLORED * count + 0.5)


def _plan(
    groups: Mapping[tuple[Pair, frozenset[str]], Sequence[Dealt]],
    people: Sequence[str],
    *,
    shares: Mapping[str, float],
    room: Sequence[int],
    skills: Skills,
) -> list[list[int]]:
    """How many items of each group each person gets: most expected right answers within `room`."""
    sizes = np.array([len(own) for own in groups.values()])
    may = np.array([[name not in done for name in people] for _, done in groups])
    expected = np.array([[skills.expected(name, pair) for name in people] for pair, _ in groups])
    part = np.array([shares[name] for name in people]) / max(sum(shares.values()), 1.0)
    # What is even: up to here an item is worth a little more with a person than beyond.
    even = np.minimum(np.ceil(sizes[:, None] * part[None, :]), sizes[:, None]) * may
    most = sizes[:, None] * may
    found = _transport(expected, sizes=sizes, even=even, most=most, room=np.array(room))
    if found is None:
        # Those who may be asked for some have no room left: more is asked of them.
        limits = np.full(len(people), sizes.sum())
        reachable = np.where(may.any(axis=1), sizes, 0)
        found = _transport(expected, sizes=reachable, even=even, most=most, room=limits)
    whole = np.zeros_like(expected, dtype=int) if found is None else found
    return [[int(one) for one in row] for row in whole]


def _transport(
    expected: np.ndarray,
    *,
    sizes: np.ndarray,
    even: np.ndarray,
    most: np.ndarray,
    room: np.ndarray,
) -> np.ndarray | None:
    """Whole numbers by group and person; None where they have no room for all."""
    from scipy.optimize import linprog
    from scipy.sparse import eye_array, hstack, kron

    groups, people = expected.shape
    by_group: Any = kron(eye_array(groups), np.ones((1, people)))
    by_person: Any = kron(np.ones((1, groups)), eye_array(people))
    # Each variable twice: what is even, and what goes beyond it.
    twice_group: Any = hstack([by_group, by_group])
    twice_person: Any = hstack([by_person, by_person])
    worth = np.concatenate([(expected + WORTH).ravel(), expected.ravel()])
    upper = np.concatenate([even.ravel(), (most - even).ravel()])
    solved = linprog(
        -worth,
        A_eq=twice_group,
        b_eq=sizes,
        A_ub=twice_person,
        b_ub=room,
        bounds=[(0.0, float(one)) for one in upper],
        # A vertex: where all bounds are whole numbers, it is one of whole numbers.
        method="highs-ds",
    )
    if not solved.success or solved.x is None:
        return None
    both = np.rint(solved.x).astype(int).reshape(2, groups, people)
    return both.sum(axis=0)
