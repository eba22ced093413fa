"""Where pages for people lie, and under which address others reach them.

What belongs here: names of files under the folder of reports, and links to them. What does not:
what a page says (`burnish.report.gate_page`, `.version_page`, `.loop_page`), or serving the folder
(`burnish up` does, and names the address).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote


@dataclass(frozen=True)
class Pages:
    """The folder of reports, and the address it is served under (empty: it is not served).

    >>> pages = Pages(Path("reports"), "http://127.0.0.1:3001/")
    >>> pages.link(pages.gate("digits", "raw_examples", 3))
    'http://127.0.0.1:3001/digits/gates/raw_examples-v3.html'
    >>> Pages(Path("/srv/reports")).link(Path("/srv/reports/digits/versions/7.html"))
    '/srv/reports/digits/versions/7.html'
    """

    folder: Path
    url: str = ""

    def gate(self, dataset: str, stage: str, version: int) -> Path:
        """The report of a gate on one version of its stage."""
        return self.folder / dataset / "gates" / f"{stage}-v{version}.html"

    def version(self, dataset: str, number: int) -> Path:
        """The page of a dataset version."""
        return self.folder / dataset / "versions" / f"{number}.html"

    def versions(self, dataset: str) -> Path:
        """The list of all dataset versions."""
        return self.folder / dataset / "versions" / "index.html"

    def loop(self, dataset: str) -> Path:
        """What the iterations bought so far; written by `burnish loop`."""
        return self.folder / dataset / "loop.html"

    def iteration(self, dataset: str, number: int) -> Path:
        """The report of one iteration, for who paid for it."""
        return self.folder / dataset / "iterations" / f"{number}.html"

    def comparison(self, dataset: str, before: int, after: int) -> Path:
        """Two iterations side by side."""
        return self.folder / dataset / "comparisons" / f"{before}-{after}.html"

    def returns(self, dataset: str) -> Path:
        """What each batch of fixes bought."""
        return self.folder / dataset / "return.html"

    def playbook(self, dataset: str, alarm: int) -> Path:
        """What was seen, and what to do, of one alarm."""
        return self.folder / dataset / "alarms" / f"{alarm}.html"

    def decisions(self, dataset: str) -> Path:
        """Every decision of the policy, those to do nothing as well, and the alarms."""
        return self.folder / dataset / "alarms" / "index.html"

    def card(self, dataset: str, kind: Literal["model", "data"]) -> Path:
        """The model card or the data card of the champion."""
        return self.folder / dataset / f"{kind}-card.html"

    def quality(self, dataset: str, version: int) -> Path:
        """What the checks found in one version of the quality report."""
        return self.folder / dataset / "quality" / f"{version}.html"

    def plot(self, dataset: str, stage: str, version: int, name: str) -> Path:
        """A drawing on the page of a stage."""
        return self.folder / dataset / "plots" / f"{stage}-v{version}-{name.replace(' ', '-')}.svg"

    def link(self, page: Path) -> str:
        """The address of a page where the folder is served, else its absolute path.

        Pages outside of the folder have no address but their path.
        """
        if self.url and page.is_relative_to(self.folder):
            return f"{self.url.rstrip('/')}/{quote(page.relative_to(self.folder).as_posix())}"
        return str(page.absolute())

    def linked(self, text: str) -> str:
        """A text whose paths under the folder are addresses, where the folder is served.

        >>> Pages(Path("/srv/reports"), "http://here").linked("read /srv/reports/a.html, mend it")
        'read http://here/a.html, mend it'
        """
        return text.replace(str(self.folder), self.url.rstrip("/")) if self.url else text


def write_page(page: Path, text: str) -> Path:
    """Write a page in one go: who opens it meanwhile sees the one before, never half of it."""
    page.parent.mkdir(parents=True, exist_ok=True)
    draft = page.with_name(f".{page.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    return draft.replace(page)
