"""A browser for the tests of this folder; they are skipped where there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.looking import Browser, chromium, looking


@pytest.fixture
def browser() -> Iterator[Browser]:
    """A tab of a headless Chromium."""
    program = chromium()
    if program is None:
        pytest.skip("no Chromium is installed; .ci/browser installs one")
    with looking(program) as tab:
        yield tab


@pytest.fixture(scope="module")
def chrome() -> Iterator[Any]:
    """A headless Chromium that the tests of this module share."""
    program = chromium()
    if program is None:
        pytest.skip("no Chromium is installed; .ci/browser installs one")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def tab(chrome: Any) -> Iterator[Callable[..., Any]]:
    """Opens the labeling page of a desk in a browser of its own, signed in."""
    from tests.browser.labeling import sign_in

    contexts, faults = [], []

    def open_tab(served: Any, name: str = "ann", **options: Any) -> Any:
        context = chrome.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.set_default_timeout(20_000)
        sign_in(page, served, name)
        return page

    yield open_tab
    for context in contexts:
        context.close()
    assert faults == []
