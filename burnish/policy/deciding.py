"""Deciding by a policy: signals of a window and what was decided before, to what is done now.

What belongs here: the pure function `decide`, and what becomes of alarms. What does not: whether
an action may be taken now (`burnish.policy.holding`), keeping decisions (`burnish.policy.sql`), or
carrying them out (`burnish.workflows.policy_actions`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import isfinite

from burnish.errors import DataError
from burnish.policy.holding import Case, actions_of, ranked
from burnish.policy.periods import day_of
from burnish.policy.records import CAUSES, AlarmChange, Decision, Facts, Key, PolicyEvent, Signal
from burnish.policy.standing import Standing, standing_after
from burnish.spec.production import Period, Policy, Rule, SignalName


def decide(
    policy: Policy,
    signals: Sequence[Signal],
    *,
    period: str,
    history: Sequence[PolicyEvent] = (),
    facts: Facts | None = None,
    every: Period = "day",
) -> list[Decision]:
    """One decision a signal, those to do nothing as well. The same inputs give the same answer.

    `period` is the last of the window that the signals are about; `history` the record so far,
    `every` how long a period is. Raises `DataError` for two signals of one name and key, figures
    that are no numbers, and a period that is no date.

    >>> signal = Signal("measured_loss", "", 0.09, 0.06, 0.12, 500, "labels")
    >>> [made] = decide(Policy(), [signal], period="2026-03-07", facts=Facts(new_labels=400))
    >>> made.action, made.alarm, made.number
    ('retrain', 'raise', 1)
    """
    state = standing_after(history, every=every)
    return decide_from(state, policy, signals, period=period, facts=facts)


def decide_from(
    state: Standing,
    policy: Policy,
    signals: Sequence[Signal],
    *,
    period: str,
    facts: Facts | None = None,
) -> list[Decision]:
    """As `decide`, from a state that is folded already; the state is left as it is."""
    _check(signals, period)
    case = Case(state, policy, period, max(period, state.present or period), facts or Facts())
    found = {one.of: _change(case, one) for one in signals}
    _group(case, signals, found)
    changed = {key: one for key, one in found.items() if one.alarm in {"raise", "join", "keep"}}
    over = [one for one in signals if one.of in changed and found[one.of].over]
    actions = actions_of(case, over)
    made: list[Decision] = []
    for signal in signals:
        one = found[signal.of]
        watched = one.over or one.alarm in {"raise", "join", "keep"}
        action, rows, held = actions.get(signal.of, ("watch" if watched else "ignore", 0, ""))
        made.append(Decision(signal, action, one.alarm, rows, one.why, held, one.number))
    return made


@dataclass(frozen=True)
class _Change:
    """What becomes of the alarm of a signal; `over` says whether it is over now."""

    alarm: AlarmChange
    number: int | None
    over: bool
    why: str


def _check(signals: Sequence[Signal], period: str) -> None:
    day_of(period)
    seen: set[Key] = set()
    for one in signals:
        if one.of in seen:
            raise DataError(
                f"two signals are {one.name} of {one.key!r}", expected="one a name and key"
            )
        seen.add(one.of)
        if not all(isfinite(figure) for figure in (one.value, one.low, one.high)):
            raise DataError(
                f"{one.name} of {one.key!r} is {one.value}, from {one.low} to {one.high}",
                expected="finite numbers",
                hint="leave out what could not be measured: it speaks neither for nor against",
            )


def _change(case: Case, signal: Signal) -> _Change:
    rule, own = case.policy.rule_of(signal.name), case.state.alarm_of(signal.of)
    standing = own is not None and own.members[signal.of]
    number = own.number if own is not None else None
    if rule.action == "ignore":
        why = f"{signal.name.replace('_', ' ')} is ignored by the policy"
        return _Change("clear" if standing else "none", number if standing else None, False, why)
    newest = case.state.newest.get(signal.of, case.period)
    if newest > case.period:
        why = f"{newest} of this signal was decided already: an older window changes nothing"
        return _Change("keep" if standing else "none", number if standing else None, False, why)
    if standing:
        return _standing(case, signal, rule, number)
    return _resting(case, signal, rule, number)


def _standing(case: Case, signal: Signal, rule: Rule, number: int | None) -> _Change:
    """What becomes of an alarm that is open."""
    clear = rule.over if rule.clear is None else rule.clear
    calm = running(case.windows(signal), lambda one: one.low <= clear)
    over = _is_over(signal, rule.over, rule)
    if calm >= rule.windows:
        return _Change("clear", number, False, _words(signal, clear, calm))
    return _Change("keep", number, over, _words(signal, rule.over if over else clear))


def _resting(case: Case, signal: Signal, rule: Rule, number: int | None) -> _Change:
    """Whether a signal without an open alarm raises one."""
    settled = case.state.settled.get(signal.of, "")
    if case.period <= settled:
        why = f"its alarm was answered up to {settled}: it has to be shown in a later window"
        return _Change("none", None, False, why)
    windows = case.windows(signal)
    level = _level(case, signal, rule, windows)
    run = running(windows, lambda one: _is_over(one, level, rule))
    over = _is_over(signal, level, rule)
    why = _words(signal, level, run)
    if signal.low > level and not over:
        why += f", and less than the {rule.least:g} that the rule asks for"
    if level > rule.over:
        why += "; somebody overruled the alarm at that level"
    if run < rule.windows:
        if over:
            why += f", of {rule.windows} that the rule asks for"
        return _Change("none", None, over, why)
    return _Change("raise" if number is None else "join", number, True, why)


def _is_over(signal: Signal, level: float, rule: Rule) -> bool:
    """Whether a signal is shown to be over a level, and is large enough to matter."""
    return signal.low > level and signal.value >= rule.least


def _level(case: Case, signal: Signal, rule: Rule, windows: Sequence[Signal]) -> float:
    """What the signal has to be over: that of the rule, or what a person overruled it at."""
    overruled = case.state.quiet.get(signal.of)
    if overruled is None:
        return rule.over
    clear = rule.over if rule.clear is None else rule.clear
    calm = 0
    for one in windows:
        calm = calm + 1 if one.low <= clear else 0
        if calm >= rule.windows:
            return rule.over
    return max(rule.over, overruled)


def running(windows: Sequence[Signal], holds: Callable[[Signal], bool]) -> int:
    """In how many windows running, up to the newest, something holds."""
    count = 0
    for one in reversed(windows):
        if not holds(one):
            break
        count += 1
    return count


def _group(case: Case, signals: Sequence[Signal], found: dict[Key, _Change]) -> None:
    """Signals of one cause are one alarm, led by the gravest of the window that it rose in."""
    risen = ranked([one for one in signals if found[one.of].alarm == "raise"])
    numbers: dict[str, int] = {}
    following = case.state.last_number
    for one in risen:
        cause, known = CAUSES[one.name], _alarm_of_cause(case, one.name)
        if known is None:
            known = numbers.get(cause)
        if known is None:
            following += 1
            numbers[cause] = following
            found[one.of] = replace(found[one.of], number=following)
        else:
            found[one.of] = replace(found[one.of], alarm="join", number=known)


def _alarm_of_cause(case: Case, name: SignalName) -> int | None:
    """The open alarm of this cause: drift that grows is seen by one signal after the other."""
    for one in case.state.open.values():
        if any(stands and CAUSES[key[0]] == CAUSES[name] for key, stands in one.members.items()):
            return one.number
    return None


def _words(signal: Signal, level: float, windows: int = 1) -> str:
    shown = signal.low > level
    said = f"{signal.name.replace('_', ' ')} is {'' if shown else 'not '}shown to be over {level:g}"
    figures = f": {signal.value:.3g} ({signal.low:.3g} to {signal.high:.3g})"
    return said + figures + (f", in {windows} windows running" if windows > 1 else "")
