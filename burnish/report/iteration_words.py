"""The sentences of an iteration's report: the result, what got worse, whether confidence holds.

What belongs here: words made of `IterationFacts` alone, for a reader who did not run the loop.
What does not: figures (`burnish.report.iteration_facts`), what the report cannot say and what to do
next (`burnish.report.iteration_outlook`), tables and plots (`burnish.report.iteration_page`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from burnish.report.iteration_facts import Calibrated, Effect, EffectLine, IterationFacts
from burnish.report.loop_page import percent
from burnish.report.svg import shorten

MOST_NAMED = 4

REASONS: Mapping[str, str] = {
    "audit": "looked suspicious to the audit",
    "control": "drawn at random",
    "gold": "known answer, to measure reviewers",
    "requested": "asked for by somebody",
    "unlabeled": "had no label yet",
}
STAGES: Mapping[str, str] = {
    "raw_examples": "rows as collected",
    "validated_examples": "rows after validation",
    "relabel_queue": "rows people are asked about",
    "curated_examples": "rows with people's decisions",
    "augmented_examples": "rows with made-up variants",
    "trained_model": "the model's predictions",
    "slice_report": "metrics by slice",
}
METHODS: Mapping[str, str] = {
    "temperature": "make all probabilities sharper or softer by one common factor (temperature)",
    "platt": "shift and stretch the probabilities of each class (Platt scaling)",
    "isotonic": "map the probabilities of each class by a rising step function (isotonic)",
}


def points(value: float | None) -> str:
    """A difference of shares in percentage points, with its sign.

    >>> points(0.0139), points(-0.002), points(0.0), points(None)
    ('+1.4', '−0.2', '0.0', 'not known')
    """
    if value is None:
        return "not known"
    shown = f"{100 * value:+.1f}"
    return "0.0" if shown in {"+0.0", "-0.0"} else shown.replace("-", "−")


def counted(number: int, word: str, plural: str = "") -> str:
    """A number and its noun.

    >>> counted(1, "label"), counted(1200, "label")
    ('1 label', '1,200 labels')
    """
    return f"{number:,} {word if number == 1 else plural or word + 's'}"


def brief(name: str) -> str:
    """A name that fits into a sentence or a cell: its middle is cut, since ends tell names apart.

    >>> len(brief("x" * 500))
    60
    """
    return shorten(name, 60)


def headline(facts: IterationFacts) -> str:
    """The result in one sentence."""
    changed = facts.changes.relabelled
    done = f"{counted(changed, 'label')} changed" if changed else "No label changed"
    return f"{done}; {_result(facts.effect)}"


def _result(effect: Effect | None) -> str:
    if effect is None:
        return "no row shows what that did to the model"
    worse = [line for line in effect.slices if line.finding == "worse"]
    whole = {
        "better": "the model got better",
        "worse": "the model got worse",
        "not shown": "the model is not shown to be better or worse",
        "too few": "too few rows show what that did to the model",
    }[effect.overall.finding]
    if worse and effect.overall.finding != "worse":
        return f"{whole}, but worse on {counted(len(worse), 'part')} of the data"
    return whole


def in_short(facts: IterationFacts) -> tuple[str, ...]:
    """The report in a few sentences."""
    said: list[str] = []
    if facts.effect is not None:
        said.append(_moved(facts.effect))
    else:
        said.append(
            "No validation or test row was predicted by both models, so nothing is known of the "
            "effect."
        )
    said.append(
        "The new model became the champion, the one that serves."
        if facts.decision.promoted and not facts.decision.since
        else "The new model became the champion."
        if facts.decision.promoted
        else f"The new model did not become the champion: {facts.decision.reason}."
    )
    said += facts.decision.since
    if facts.changes.held_out:
        said.append(
            f"People also corrected {counted(facts.changes.held_out, 'label')} of the rows that "
            "models are measured on, so that part of a difference to earlier reports is a better "
            "ruler, not a better model."
        )
    return tuple(said)


def _moved(effect: Effect) -> str:
    line, split = effect.overall, effect.split
    level, rows = percent(effect.confidence), counted(line.support, f"{split} row")
    return (
        f"On {rows} the new model's accuracy is {percent(line.after)}; that of {effect.against} is "
        f"{percent(line.before)}. The difference is {points(line.difference)} percentage points "
        f"({level} interval {points(line.low)} to {points(line.high)})."
    )


def worse_words(effect: Effect | None) -> tuple[str, ...]:
    """What got worse; where nothing is shown to have, what could not have been seen."""
    if effect is None:
        return ("Not known: no row was predicted by both models, so no loss could have been seen.",)
    worse, few = effect.found("worse"), effect.found("too few")
    said: list[str] = []
    if worse:
        listed = named(f"{brief(line.slice)} ({points(line.difference)} points)" for line in worse)
        said.append(f"Shown to be worse: {listed}.")
    else:
        said.append("Nothing is shown to have got worse. Smaller losses would not have been seen:")
        said.append(_blind(effect))
    lower = _lower(effect)
    if lower:
        listed = named(f"{brief(line.slice)} ({points(line.difference)})" for line in lower)
        said.append(
            f"Lower than before, but by no more than chance may do: {listed}. These are the places "
            "to watch in the next iteration."
        )
    if few:
        listed = named(f"{brief(line.slice)} ({counted(line.support, 'row')})" for line in few)
        said.append(f"Too few rows to say anything: {listed}.")
    return tuple(said)


def _blind(effect: Effect) -> str:
    judged = [line for line in effect.lines if line.finding != "too few" and line.would_show]
    if not judged:
        return "no part of the data has enough rows to judge."
    overall = effect.overall.would_show
    said = ""
    if overall is not None and effect.overall in judged:
        said = (
            f"overall, a true loss of {100 * overall:.1f} points would have been shown about one "
            f"time in two, and one of {200 * overall:.1f} points nearly always"
        )
    slices = [line for line in judged if line is not effect.overall]
    if slices:
        widest = max(slices, key=lambda line: line.would_show or 0.0)
        least = min(slices, key=lambda line: line.would_show or 0.0)
        few, many = (100 * (one.would_show or 0.0) for one in (least, widest))
        parts = (
            f"on a single part of the data it takes {few:.1f} points ({brief(least.slice)}) to "
            f"{many:.1f} ({brief(widest.slice)})"
        )
        said = f"{said}; {parts}" if said else parts
    return f"{said}."


def _lower(effect: Effect) -> list[EffectLine]:
    lower = [
        line
        for line in effect.lines
        if line.finding == "not shown" and line.difference is not None and line.difference < 0
    ]
    return sorted(lower, key=lambda line: line.difference or 0.0)


def named(names: Iterable[str]) -> str:
    """Some names in a row, and how many more there are.

    >>> named(["a", "b"]), named("abcdef")
    ('a, b', 'a, b, c, d and 2 more')
    """
    shown = list(names)
    more = len(shown) - MOST_NAMED
    head = ", ".join(shown[:MOST_NAMED])
    return f"{head} and {more} more" if more > 0 else head


def ruler_words(effect: Effect) -> str:
    """Whether the labels that models are measured on changed, and what that made."""
    if effect.old_ruler is None:
        return (
            f"No label of these {effect.split} rows changed since the other model was measured: "
            "both are held against the same labels, and the difference is the model's."
        )
    old, new = effect.old_ruler, effect.overall
    return (
        f"{counted(effect.labels_changed, 'label')} of these {effect.split} rows changed since the "
        f"other model was measured. On the labels of then the difference is "
        f"{points(old.difference)} points ({points(old.low)} to {points(old.high)}), on those of "
        f"now {points(new.difference)} ({points(new.low)} to {points(new.high)}). Both models are "
        "scored on both, so what changed between the two lines is the ruler, not a model."
    )


def calibration_words(found: Calibrated) -> tuple[str, ...]:
    """Whether the model's confidence can be taken at its word, and whether to mend it."""
    error = found.error
    if found.p_value < 0.05:
        first = (
            f"The confidence the model gives is off by {100 * error.value:.1f} points on average "
            f"({100 * error.low:.1f} to {100 * error.high:.1f}, freed of what chance adds)."
        )
    else:
        first = (
            "The confidence the model gives is not shown to be off: a model whose confidence is "
            f"exactly right would look at least this much off {percent(found.p_value)} of the time."
        )
    second = (
        f"As measured it is off by {100 * found.seen:.1f} points on "
        f"{counted(found.rows, f'{found.split} row')}; chance alone makes "
        f"{100 * found.by_chance:.1f}, and up to {100 * found.by_chance_high:.1f}."
    )
    return (first, second, _advice(found))


def _advice(found: Calibrated) -> str:
    if not found.advice:
        return f"Whether to recalibrate is not known: {found.why}."
    if found.advice == "identity":
        return f"Leave the probabilities as they are: {found.why}."
    method = METHODS.get(found.advice, found.advice)
    return f"Worth mending before probabilities are used: {method}. On held-out rows: {found.why}."
