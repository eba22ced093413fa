"""Templates and their contexts, and the colours that pages are set in."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, is_dataclass
from importlib import import_module

import pytest
from jinja2 import meta, nodes
from jinja2.exceptions import UndefinedError

from burnish.review.app import ROUTERS
from burnish.review.rendering import CONTEXTS, GLOBALS, STATIC, TEMPLATES, environment, shown_by

for router in ROUTERS:
    import_module(f"burnish.review.{router}")

PAGES = sorted(
    file.name
    for file in TEMPLATES.glob("*.html")
    if not file.name.startswith("_") and file.name != "base.html"
)


def parsed(template: str) -> nodes.Template:
    return environment().parse((TEMPLATES / template).read_text(encoding="utf-8"))


def names_used(template: str) -> set[str]:
    """The names that a template needs, those of its parents and of what it includes among them."""
    tree = parsed(template)
    # What a template names itself counts as undeclared in its blocks and in what it includes.
    own = {node.name for node in tree.find_all(nodes.Macro)}
    own |= {node.target for node in tree.find_all(nodes.Import)}
    own |= {node.name for node in tree.find_all(nodes.Name) if node.ctx != "load"}
    for node in tree.find_all(nodes.FromImport):
        own |= {name[1] if isinstance(name, tuple) else name for name in node.names}
    used = set(meta.find_undeclared_variables(tree))
    for other in meta.find_referenced_templates(tree):
        if other:
            used |= names_used(other)
    return used - own


@pytest.mark.parametrize("template", PAGES)
def test_a_template_has_a_dataclass_that_says_what_each_field_is(template: str):
    context = CONTEXTS.get(template)
    assert context is not None, "enter one with shown_by"
    assert is_dataclass(context)
    for field in fields(context):
        told = re.search(rf"\b{field.name}\b", context.__doc__ or "")
        assert told, f"{field.name} is not explained"


@pytest.mark.parametrize("template", PAGES)
def test_a_template_uses_nothing_but_its_context(template: str):
    known = {field.name for field in fields(CONTEXTS[template])}
    # The frame asks whether there is a dataset, and does without.
    assert names_used(template) - known - GLOBALS <= {"dataset"}


@pytest.mark.parametrize("template", [file.name for file in TEMPLATES.glob("*.html")])
def test_a_template_holds_no_script_or_style_of_its_own(template: str):
    text = (TEMPLATES / template).read_text(encoding="utf-8")
    assert not re.search(r"<style|\sstyle\s*=|\son\w+\s*=\s*[\"'{]|javascript:", text, re.I)
    assert re.findall(r"<script[^>]*>", text) == re.findall(r"<script[^>]*\ssrc=[^>]*>", text)
    assert "|safe" not in text.replace(" ", "")
    assert not re.search(r"(?:src|href|action)\s*=\s*[\"']?(?:https?:)?//", text)


@pytest.mark.parametrize("template", [file.name for file in TEMPLATES.glob("*.html")])
def test_every_form_that_changes_something_holds_the_token(template: str):
    text = (TEMPLATES / template).read_text(encoding="utf-8")
    for form in re.findall(r"<form[^>]*method=\"post\".*?</form>", text, re.S | re.I):
        assert "csrf" in form


def test_a_context_is_entered_once():
    with pytest.raises(ValueError, match="has a context already"):

        @shown_by("home.html")
        @dataclass(frozen=True)
        class Another:
            pass


def test_an_unknown_name_is_an_error_and_text_is_escaped():
    made = environment()
    assert made.from_string("{{ x }}").render(x="<b>") == "&lt;b&gt;"
    with pytest.raises(UndefinedError):
        made.from_string("{{ y }}").render()


# ---------------------------------------------------------------- colours

PAIRS = [
    ("ink", "paper"), ("ink", "raised"), ("ink", "sunken"),
    ("muted", "paper"), ("muted", "raised"), ("muted", "sunken"),
    ("accent", "paper"), ("accent", "raised"), ("accent", "sunken"), ("accent", "accent-paper"),
    ("accent-ink", "accent"), ("bad-ink", "bad"),
    ("good", "good-paper"), ("bad", "bad-paper"), ("warn", "warn-paper"), ("bad", "raised"),
]  # fmt: skip
EDGES = [("edge", "raised"), ("edge", "paper"), ("accent", "raised"), ("accent", "paper")]


def colours(dark: bool) -> dict[str, str]:
    css = (STATIC / "desk.css").read_text(encoding="utf-8")
    light, night = re.findall(r":root \{(.*?)\}", css, re.S)[:2]
    found = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", light))
    return found | dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", night)) if dark else found


def contrast(one: str, other: str) -> float:
    """The contrast of two colours as WCAG 2 has it, 1 to 21."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_can_be_read_and_controls_be_seen(dark: bool):
    found = colours(dark)
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    for ink, paper in PAIRS:
        assert contrast(found[ink], found[paper]) >= 4.5, (ink, paper)
    for edge, paper in EDGES:
        assert contrast(found[edge], found[paper]) >= 3, (edge, paper)


def test_style_sheets_and_scripts_fetch_nothing_from_elsewhere():
    for file in STATIC.iterdir():
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "@import" not in text
        assert not re.search(r"https?://", text), file.name
