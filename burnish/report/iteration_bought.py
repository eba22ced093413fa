"""What a batch bought, in the words of its iteration's report.

What belongs here: sentences made of `Bought` alone. What does not: measuring it
(`burnish.workflows.returns`), or the page of all batches (`burnish.report.return_page`).
"""

from __future__ import annotations

from burnish.report.iteration_facts import Bought, IterationFacts
from burnish.report.iteration_words import counted, points
from burnish.report.return_page import GainLine

_SHOWN = {
    "better": "which is shown to be a gain",
    "worse": "which is shown to be a loss",
    "not shown": "which may be chance",
    "too few": "on too few rows to say anything",
}


def bought_verdict(facts: IterationFacts) -> str:
    """Plainly, whether this batch is shown to have hurt; empty where it is not."""
    if facts.bought is None or not facts.bought.hurt:
        return ""
    return f"Batch {facts.number} made the model worse."


def bought_words(facts: IterationFacts) -> tuple[str, ...]:
    """What the newest measurement says of this batch, and of the others beside it."""
    bought = facts.bought
    if bought is None or not bought.measured:
        how = f"which `burnish return {facts.dataset}` does."
        takes = "that takes training with and without the labels of each batch"
        return (f"Not measured yet: {takes}, {how}",)
    said = _own(bought) or (
        f"This batch was not measured; batches {', '.join(map(str, bought.measured))} were.",
    )
    return (*said, f"All batches measured: {bought.headline}")


def _own(bought: Bought) -> tuple[str, ...]:
    if not bought.own:
        return ()
    if not any(line.changed for line in bought.own):
        return ("The batch changed no label that a model is trained on, so it bought nothing.",)
    when = ("On the day it came", "Left out of the labels of today")
    return tuple(_line(start, line) for start, line in zip(when, bought.own, strict=False))


def _line(start: str, line: GainLine) -> str:
    if not line.changed:
        return f"{start}, the batch changes no label that a model is trained on."
    if line.gain is None:
        return f"{start}: not known, no row is held out."
    return (
        f"{start}, the batch is worth {points(line.gain)} points of accuracy on "
        f"{counted(line.support, 'held-out row')} ({points(line.low_all)} to "
        f"{points(line.high_all)}, for all batches at once), {_SHOWN[line.finding]}."
    )
