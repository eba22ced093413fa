"""A browser for the tests of this folder; they are skipped where there is none."""

from __future__ import annotations

from collections.abc import Iterator

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
