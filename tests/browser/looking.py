"""A headless Chromium, and what a test asks of a page in it.

What belongs here: starting the browser, opening an address, waiting for words. What does not: any
expectation.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
SECONDS = 60
"""How long a page may take until it says what it should; both UIs load their parts one by one."""

# MLflow opens an assistant over half of the page when it is first visited.
QUIET = """
if (location.protocol.startsWith('http')) {
  localStorage.setItem('mlflow.assistant.panelOpen_v1', 'false');
  localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true');
}
"""


def chromium() -> str | None:
    """The browser's program, None where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Browser:
    """One tab, and everything it asked for."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.asked: list[str] = []
        self.errors: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def open(self, url: str, *words: str) -> str:
        """Go to an address, wait until it shows all `words`, and return its text."""
        # Two addresses that differ by what follows # alone are one page to a browser.
        self.page.goto("about:blank")
        self.page.goto(url)
        self.see(*words)
        return self.text()

    def see(self, *words: str) -> None:
        """Wait until the page shows all words."""
        for word in words:
            found = self.page.get_by_text(word).first
            found.wait_for(state="visible", timeout=SECONDS * 1000)

    def click(self, text: str) -> None:
        """Click the first thing that says exactly this."""
        self.page.get_by_text(text, exact=True).first.click()

    def text(self) -> str:
        """All that can be read."""
        return str(self.page.inner_text("body"))

    def pictures(self) -> list[str]:
        """The addresses of images that have arrived."""
        script = "images => images.filter(i => i.complete && i.naturalWidth).map(i => i.src)"
        return list(self.page.eval_on_selector_all("img", script))

    def links(self) -> list[str]:
        """Where links lead."""
        return list(self.page.eval_on_selector_all("a[href]", "links => links.map(a => a.href)"))


@contextmanager
def looking(program: str, *, width: int = 1500, height: int = 1400) -> Iterator[Browser]:
    """A browser that is closed afterwards."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as player:
        # Tests may run as root, in a container; the browser opens nothing but our own pages.
        browser = player.chromium.launch(executable_path=program, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": width, "height": height})
        context.add_init_script(QUIET)
        yield Browser(context.new_page())
        browser.close()
