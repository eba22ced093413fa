"""Playbooks: the page of each alarm, and of all decisions, put together and written.

What belongs here: what an alarm's events say, in words. What does not: evidence read off tables
(`burnish.workflows.alarm_evidence`), texts on what to check (`burnish.policy.playbooks`), or HTML
(`burnish.report.playbook_page`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from burnish.errors import DataError
from burnish.policy import Alarm, PolicyEvent, Signal, SqlPolicyRecord, alarms_of
from burnish.policy.playbooks import guide_of, rule_words
from burnish.policy.words import EFFECTS, TITLES, alarm_sentence, figure_of, subject_of
from burnish.report.pages import Pages, write_page
from burnish.report.playbook_page import (
    AlarmLine,
    DecisionLine,
    DecisionsContext,
    Fact,
    HistoryLine,
    PlaybookContext,
    SignalLine,
    render_decisions,
    render_playbook,
)
from burnish.spec import DatasetSpec
from burnish.versions import Versions
from burnish.workflows.alarm_evidence import course_of, examples_of, shifts_of, trend_of

MOST_DECISIONS = 500

_FACTS: tuple[tuple[str, str], ...] = (
    ("slice", "Slice"),
    ("conditions", "What has become frequent"),
    ("missing_before", "Missing before"),
    ("missing_after", "Missing now"),
    ("new_values", "Values never seen before"),
    ("lost_values", "Values that are gone"),
    ("new_share", "Share of rows with a new value"),
    ("reference", "Accuracy on the rows it was judged on"),
    ("estimated", "Accuracy estimated now"),
    ("measured", "Accuracy measured now, by labels"),
    ("period", "Period"),
    ("periods_over", "Periods since it was over"),
    ("stopped_by", "Expectations that failed"),
    ("message", "What the gate said"),
    ("report", "Report of the gate"),
)
_SHARES = {"missing_before", "missing_after", "new_share", "reference", "estimated", "measured"}


def write_alarm_pages(
    spec: DatasetSpec, versions: Versions, record: SqlPolicyRecord, pages: Pages, *, now: datetime
) -> list[Path]:
    """Write the page of all decisions, and of each alarm that something happened to since."""
    events = record.events(spec.name)
    written = [
        write_page(
            pages.decisions(spec.name), render_decisions(decisions_of(spec, events, now=now))
        )
    ]
    for alarm in alarms_of(events):
        page = pages.playbook(spec.name, alarm.number)
        newest = max((one.at for one in _touching(events, alarm)), default=alarm.opened_at)
        if not page.exists() or page.stat().st_mtime <= newest.timestamp():
            context = playbook_of(spec, versions, events, alarm)
            written.append(write_page(page, render_playbook(context)))
    return written


def write_playbook(
    spec: DatasetSpec, versions: Versions, record: SqlPolicyRecord, page: Path, number: int
) -> Path:
    """Write the page of one alarm. Raises `DataError` where there is no such alarm."""
    events = record.events(spec.name)
    alarm = alarm_numbered(events, spec.name, number)
    return write_page(page, render_playbook(playbook_of(spec, versions, events, alarm)))


def alarm_numbered(events: Sequence[PolicyEvent], dataset: str, number: int) -> Alarm:
    """An alarm by its number; raises `DataError` with those there are."""
    alarms = alarms_of(events)
    for one in alarms:
        if one.number == number:
            return one
    known = ", ".join(str(one.number) for one in alarms[-20:]) or "none yet"
    raise DataError(f"{dataset} has no alarm {number}", expected=f"one of: {known}")


def playbook_of(
    spec: DatasetSpec, versions: Versions, events: Sequence[PolicyEvent], alarm: Alarm
) -> PlaybookContext:
    """All that a playbook says of an alarm, as its events leave it."""
    policy, lead = spec.policy, alarm.signal
    guide = guide_of(policy, lead.name)
    signals = (lead, *alarm.evidence)
    courses = {one.of: course_of(events, one) for one in signals}
    period = _newest_period(events, alarm)
    due = (alarm.opened_at + timedelta(days=policy.respond_days)).date()
    name, number = spec.name, alarm.number
    return PlaybookContext(
        dataset=name,
        number=number,
        status=alarm.status,
        tone="bad" if alarm.is_open else "" if alarm.overruled else "good",
        headline=alarm_sentence(lead),
        opened=alarm.opened,
        opened_at=alarm.opened_at,
        closed_at=alarm.closed_at,
        why_closed=alarm.why_closed,
        owner=policy.owner or spec.owner or "",
        due=due if alarm.is_open else None,
        signals=tuple(_signal_line(one, courses[one.of], lead) for one in signals),
        trend=trend_of(courses[lead.of]),
        facts=_facts(lead),
        shifts=shifts_of(spec, versions, signals, period),
        examples=examples_of(spec, versions, alarm, period),
        means=guide.means,
        check=guide.check,
        caution=guide.caution,
        link=guide.link,
        automatic=rule_words(policy, lead.name),
        held_back=_held_back(events, alarm),
        done=tuple(_done(one.body) for one in alarm.events if one.kind == "acted"),
        commands=(
            f'burnish alarms ack {name} {number} --who "YOUR NAME"',
            f'burnish alarms overrule {name} {number} --who "YOUR NAME" --why "WHY IT IS NONE"',
            f'burnish alarms close {name} {number} --who "YOUR NAME" --why "WHAT WAS MENDED"',
        ),
        history=tuple(_history(one) for one in alarm.events),
        all_decisions="index.html",
    )


def decisions_of(
    spec: DatasetSpec, events: Sequence[PolicyEvent], *, now: datetime
) -> DecisionsContext:
    """All decisions, those to do nothing as well, and the alarms, newest first."""
    decided = [one for one in events if one.kind == "decided"]
    lines = [line for event in reversed(decided) for line in _decision_lines(event)]
    alarms = alarms_of(events)
    quiet = [
        one for one in decided if all(made["action"] == "ignore" for made in one.body["decisions"])
    ]
    return DecisionsContext(
        dataset=spec.name,
        written_at=now,
        windows=len(decided),
        quiet=len(quiet),
        open_alarms=sum(one.is_open for one in alarms),
        asked=sum(int(one.body.get("rows", 0)) for one in events if one.kind == "acted"),
        alarms=tuple(_alarm_line(one) for one in reversed(alarms)),
        decisions=tuple(lines[:MOST_DECISIONS]),
        left_out=max(0, len(lines) - MOST_DECISIONS),
    )


def _touching(events: Sequence[PolicyEvent], alarm: Alarm) -> list[PolicyEvent]:
    """Events of an alarm, and decisions on its signals."""
    return [
        one
        for one in events
        if one.alarm == alarm.number
        or any(made.get("number") == alarm.number for made in one.body.get("decisions", ()))
    ]


def _newest_period(events: Sequence[PolicyEvent], alarm: Alarm) -> str:
    """The newest window that was decided while the alarm was open."""
    known = [one.period for one in _touching(events, alarm) if one.kind == "decided"]
    return max(known, default=alarm.opened)


def _signal_line(signal: Signal, course: Sequence[tuple[str, Signal]], lead: Signal) -> SignalLine:
    newest = course[-1] if course else None
    return SignalLine(
        title=TITLES[signal.name],
        subject=subject_of(signal),
        figure=figure_of(signal),
        now=f"{figure_of(newest[1])}, up to {newest[0]}" if newest else "not measured since",
        basis="true labels" if signal.basis == "labels" else "no labels",
        lead=signal.of == lead.of,
    )


def _facts(signal: Signal) -> tuple[Fact, ...]:
    where = signal.where
    found = [
        Fact(shown, _fact_text(name, where[name]))
        for name, shown in _FACTS
        if where.get(name) not in (None, "", [])
    ]
    effect = EFFECTS.get(str(where.get("effect", "")))
    if effect:
        found.insert(0, Fact("What the figure is", effect))
    for against in ("a week before", "a year before"):
        beside: Mapping[str, Any] = where.get(against) or {}
        if "value" in beside:
            found.append(Fact(f"Against {against}", f"{beside['value']:.2f}, {beside['finding']}"))
    if signal.rows:
        found.append(Fact("Rows in the window", f"{signal.rows:,}"))
    return tuple(found)


def _fact_text(name: str, value: Any) -> str:
    if name in _SHARES:
        return f"{100 * float(value):.1f} %"
    return ", ".join(str(one) for one in value[:20]) if isinstance(value, list) else str(value)


def _held_back(events: Sequence[PolicyEvent], alarm: Alarm) -> str:
    for event in reversed(events):
        for made in event.body.get("decisions", ()) if event.kind == "decided" else ():
            if made.get("number") == alarm.number and made["held_back"]:
                return str(made["held_back"])
    return ""


def _done(body: Mapping[str, Any]) -> str:
    part = body.get("part")
    if part == "label":
        if not body.get("rows"):
            return f"No rows were asked for: {body.get('why', 'none was left')}."
        drawn = f", {body['drawn']} of them at random" if body.get("drawn") else ""
        return f"{body['rows']} rows were asked for: {body.get('where', '')}{drawn}."
    words = {
        "audit": "A run was started that puts the rows asked for in the queue",
        "refresh": "A run was started that trains the model again",
        "roll_back": "The champion before was asked to serve again",
    }
    return f"{words.get(str(part), str(part))}."


def _history(event: PolicyEvent) -> HistoryLine:
    body = event.body
    who = str(body.get("who") or body.get("by") or "")
    texts = {
        "opened": str(body.get("why", "")),
        "acted": _done(body),
        "notified": f"{body.get('channel', '')}: {body.get('why') or 'sent'}",
        "acknowledged": f"seen by {who}",
        "overruled": f"{who}: {body.get('why', '')}",
        "closed": f"{who}: {body.get('why', '')}",
    }
    text = texts.get(event.kind, "")
    return HistoryLine(event.at, event.period, event.kind, text)


def _decision_lines(event: PolicyEvent) -> list[DecisionLine]:
    found: list[DecisionLine] = []
    for told, made in zip(event.body["signals"], event.body["decisions"], strict=True):
        signal = Signal(**told)
        found.append(
            DecisionLine(
                period=event.period,
                at=event.at,
                title=signal.name.replace("_", " "),
                subject=subject_of(signal),
                figure=figure_of(signal),
                action=str(made["action"]).replace("_", " "),
                alarm=made["alarm"],
                number=made["number"],
                rows=made["rows"],
                reason=made["reason"],
                held_back=made["held_back"],
            )
        )
    return found


def _alarm_line(alarm: Alarm) -> AlarmLine:
    closed = f"{alarm.closed_at:%Y-%m-%d %H:%M}" if alarm.closed_at else ""
    said = alarm_sentence(alarm.signal)
    return AlarmLine(alarm.number, alarm.status, alarm.opened, closed, said, f"{alarm.number}.html")
