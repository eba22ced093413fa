"""The docs: every room has its page, and the built pages need no network."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# The command line is shown by `burnish --help`.
NOT_ROOMS = {
    "__init__",
    "__pycache__",
    "cli",
    "cli_check",
    "cli_explain",
    "cli_findings",
    "cli_options",
    "cli_production",
    "cli_review",
    "cli_exchange",
}


def rooms() -> set[str]:
    parts = (ROOT / "burnish").iterdir()
    return {
        part.stem for part in parts if part.suffix == ".py" or (part / "__init__.py").exists()
    } - NOT_ROOMS


def test_every_room_has_a_page_in_the_reference():
    pages = {page.stem for page in (ROOT / "docs" / "reference").glob("*.md")} - {"index"}
    assert pages >= rooms()


def test_every_page_of_docs_is_plain_of_web_addresses_to_fetch():
    for page in (ROOT / "docs").rglob("*.md"):
        if "_build" not in page.parts:
            assert not re.search(r"!\[[^\]]*\]\(https?:", page.read_text(encoding="utf-8")), page


@pytest.mark.slow
def test_docs_build_without_a_warning_and_fetch_nothing(tmp_path):
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html"]
    cache = ["-d", str(tmp_path / "doctrees")]
    done = subprocess.run(
        [*command, *cache, "docs", str(tmp_path / "html")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    pages = list((tmp_path / "html").rglob("*.html"))
    assert len(pages) > 15
    for page in pages:
        html = page.read_text(encoding="utf-8")
        loads = re.findall(r"<(?:script|link|img|iframe)\b[^>]*?(?:src|href)=\"([^\"]+)\"", html)
        assert [place for place in loads if re.match(r"(https?:)?//", place)] == [], page
    for sheet in (tmp_path / "html").rglob("*.css"):
        assert not re.search(r"(url\(|@import )[\"']?https?:", sheet.read_text(encoding="utf-8"))
