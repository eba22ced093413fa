"""Why a label is doubted, laid out: a page of one row, and a part that other pages include.

What belongs here: sentences, order and markup made of an `Explanation`. What does not: finding
anything out (`burnish.workflows.explain`), or who may see it (`burnish.review`). The page is one
file, without script, and fetches nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from burnish.report.explained import Explanation, Side, Signal, WhatIf
from burnish.report.templating import templates

_ORDER: tuple[Side, ...] = ("against", "for", "neither")
LIMITS = (
    "An explanation is no verdict: it says why the audit doubts a label, not that it is wrong.",
    (
        "Signals are not independent: the first three come from the same models, and wrong labels "
        "of near rows mislead models and neighbours alike."
    ),
    (
        "Likeness is by the features that the audit looks at; what people see in an example, and "
        "the features do not hold, is not in it."
    ),
    (
        "What would account for the doubt is worked out for the near rows alone; whether the "
        "models would change their mind as well is known only once they are trained again."
    ),
)


@dataclass(frozen=True)
class Explained:
    """Everything that `templates/_explanation.html` may use, as `one`.

    headline: label, suggestion and decision in a sentence. in_order: signals against the label
    first. what_if: which near labels would account for the doubt; unlooked: those rows, at most
    ten. is_wide: whether a near row needs room, for text or values.
    """

    explanation: Explanation
    headline: str
    in_order: tuple[Signal, ...]
    what_if: str
    unlooked: tuple[str, ...]
    is_wide: bool


@dataclass(frozen=True)
class ExplanationContext:
    """Everything that `templates/explanation.html` may use."""

    explained: Explained
    title: str
    limits: tuple[str, ...]


@dataclass(frozen=True)
class ExplanationsContext:
    """Everything that `templates/_explanations.html` may use."""

    explained: tuple[Explained, ...]


def render_explanation_page(explanation: Explanation) -> str:
    """The whole page of one row as HTML text, to be written in UTF-8; everything is escaped."""
    one = _explained(explanation)
    against, pro = (len(explanation.of_side(side)) for side in ("against", "for"))
    title = (
        f"‘{explanation.label}’ of {explanation.example_id}: {against} signal"
        f"{'' if against == 1 else 's'} against the label, {pro} for it"
    )
    page = ExplanationContext(explained=one, title=title, limits=LIMITS)
    return templates().get_template("explanation.html").render(page=page)


def explanations_part(explanations: Sequence[Explanation]) -> Markup:
    """Several rows explained, one after the other, for inside of a section; headings from h3 on.

    Looks as it should where the page's style block holds `explained_style()`. Empty for no rows.
    """
    page = ExplanationsContext(tuple(_explained(one) for one in explanations))
    # Its texts are escaped by the template.
    return Markup(templates().get_template("_explanations.html").render(page=page))  # noqa: S704


def explained_style() -> Markup:
    """The styles of `explanations_part`, for the style block of the page that includes it."""
    return Markup(templates().get_template("_explained_style.html").render())  # noqa: S704


def what_if_words(found: WhatIf, *, label: str, suggested: str) -> str:
    """Which labels of near rows would account for the doubt, in words.

    >>> words = what_if_words(WhatIf(10, 2, 5, ("a", "b"), 2), label="3", suggested="8")
    >>> words.partition(": ")[2]
    "if 2 of them are wrong and should be '3', the rows around it would side with the label."
    """
    if label == suggested:
        return "Nothing needs to: the models agree with the label."
    around = (
        f"Of the {found.nearest} rows most like it, {found.own} {_have(found.own)} its label "
        f"and {found.other} {_have(found.other)} '{suggested}'."
    )
    if not found.needed:
        return f"{around} The rows around it do not speak against the label; the models alone do."
    if not found.possible:
        looked = found.other - len(found.unlooked)
        return (
            f"{around} People have decided on {looked} of these. Even if all others were wrong, "
            "the rows around it would still speak against the label."
        )
    return (
        f"{around} Nobody has looked at {len(found.unlooked)} of these: if {found.needed} of them "
        f"{'is' if found.needed == 1 else 'are'} wrong and should be '{label}', the rows around "
        "it would side with the label."
    )


def in_order(explanation: Explanation) -> tuple[Signal, ...]:
    """The signals of an explanation: those against the label, those for it, then the others."""
    return tuple(one for side in _ORDER for one in explanation.of_side(side))


def _explained(explanation: Explanation) -> Explained:
    rows = (*explanation.nearest, *explanation.like_label)
    return Explained(
        explanation=explanation,
        headline=_headline(explanation),
        in_order=in_order(explanation),
        what_if=what_if_words(
            explanation.what_if, label=explanation.label, suggested=explanation.suggested
        ),
        unlooked=explanation.what_if.unlooked[:10] if explanation.what_if.needed else (),
        is_wide=any(r.looked.texts or r.looked.values or r.looked.drawings for r in rows),
    )


def _headline(one: Explanation) -> str:
    said = f"labelled '{one.label}'"
    if one.suggested == one.label:
        models = "and the models agree"
    else:
        models = f"the models would say '{one.suggested}'"
    wrong = f"the label is wrong with a probability of {100 * one.probability:.0f} %"
    people = f"People: {one.decision}." if one.decision else "Nobody has decided on it."
    return f"{one.example_id} is {said}, {models}; {wrong}. {people}"


def _have(count: int) -> str:
    return "has" if count == 1 else "have"
