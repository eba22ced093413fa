"""Signing in, people and tokens in a real browser, which has checks of its own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from burnish.review.accounts import Accounts
from tests.browser.looking import Browser
from tests.burnish.review.doors import PASSWORD, Now, make_accounts, make_app

MARKUP = '"><script>window.__pwned=1</script><img src=x onerror="window.__pwned=2">'


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The address of an application on a free port of this machine."""
    import uvicorn

    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    # A browser may knock before the thread runs: it waits in the queue, and is not turned away.
    listening.listen()
    config = uvicorn.Config(app, log_level="warning", proxy_headers=False, server_header=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


@pytest.fixture
def accounts(tmp_path: Path) -> Accounts:
    return make_accounts(tmp_path / "burnish.db", Now())


@pytest.fixture
def desk(accounts: Accounts) -> Iterator[str]:
    with served(make_app(accounts)) as url:
        yield url


def sign_in(browser: Browser, desk: str, name: str) -> None:
    browser.open(f"{desk}/", "Sign in")
    browser.page.keyboard.type(name)
    browser.page.keyboard.press("Tab")
    browser.page.keyboard.type(PASSWORD)
    browser.page.keyboard.press("Enter")
    browser.see("Datasets")


def test_one_signs_in_and_out_by_keyboard_alone(browser: Browser, desk: str):
    sign_in(browser, desk, "ada")
    browser.page.keyboard.press("Tab")
    skip = browser.page.locator(":focus")
    assert skip.inner_text() == "Skip to the content"
    browser.page.keyboard.press("Enter")
    assert browser.page.evaluate("document.activeElement.id") == "main"
    browser.page.get_by_role("button", name="Sign out").press("Enter")
    browser.see("Sign in")
    assert "Datasets" not in browser.open(f"{desk}/trail", "Sign in")
    assert browser.errors == []
    assert all(url.startswith((desk, "about:")) for url in browser.asked), "nothing from elsewhere"


def test_every_control_has_a_name(browser: Browser, desk: str):
    script = """() => [...document.querySelectorAll('input:not([type=hidden]),select,button,a')]
        .filter(e => !e.hidden && !(e.labels && e.labels.length))
        .filter(e => !e.ariaLabel && !e.textContent.trim())
        .map(e => e.outerHTML)"""
    browser.open(f"{desk}/sign-in", "Sign in")
    assert browser.page.evaluate(script) == []
    sign_in(browser, desk, "ada")
    for path in ("/", "/people", "/tokens", "/trail"):
        browser.open(desk + path)
        assert browser.page.evaluate(script) == [], path


def test_what_people_type_is_never_run(browser: Browser, desk: str, accounts: Accounts):
    accounts.make_token("ada", MARKUP, by=MARKUP)
    browser.open(f"{desk}/sign-in?next={MARKUP}&done={MARKUP}", "Sign in")
    browser.page.fill("#name", MARKUP)
    browser.page.fill("#password", MARKUP)
    browser.page.keyboard.press("Enter")
    browser.see("do not fit")
    ran = [browser.page.evaluate("window.__pwned")]
    sign_in(browser, desk, "ada")
    browser.open(f"{desk}/people", "Add somebody")
    browser.page.fill("#name", MARKUP)
    browser.page.get_by_role("button", name="Add", exact=True).click()
    browser.see("cannot be a name")
    ran.append(browser.page.evaluate("window.__pwned"))
    for path in ("/tokens", "/trail", f"/trail?action={MARKUP}", f"/{MARKUP}"):
        browser.open(desk + path)
        ran.append(browser.page.evaluate("window.__pwned"))
    assert ran == [None] * 6
    assert MARKUP in browser.open(f"{desk}/tokens"), "it is shown as what it is"


def test_a_script_that_got_into_a_page_would_not_run(browser: Browser, desk: str):
    sign_in(browser, desk, "ada")
    browser.page.evaluate(
        """() => { const s = document.createElement('script'); s.textContent = 'window.__pwned = 1';
        document.body.append(s); document.body.insertAdjacentHTML('beforeend',
        '<img src="data:," onerror="window.__pwned = 2">'
        + '<style>body { display: none }</style>'); }"""
    )
    browser.page.wait_for_timeout(200)
    assert browser.page.evaluate("window.__pwned") is None
    assert browser.page.evaluate("getComputedStyle(document.body).display") == "block"


def test_a_form_of_another_page_changes_nothing(browser: Browser, desk: str, accounts: Accounts):
    sign_in(browser, desk, "ada")
    before = accounts.people()
    # The same machine, another port: the browser sends the cookie, since a site is not an origin.
    app = make_form(f"{desk}/people")
    with served(app) as other:
        browser.open(other, "press")
        browser.page.get_by_role("button", name="press").click()
        browser.see("sent by a page of another site")
    assert accounts.people() == before
    browser.open(f"{desk}/people", "Add somebody")


def make_form(action: str) -> Any:
    """An application with one page, on it a form that is sent to `action`."""
    from starlette.applications import Starlette
    from starlette.responses import HTMLResponse
    from starlette.routing import Route

    page = (
        f'<form method="post" action="{action}"><input name="name" value="eve">'
        '<input name="role" value="admin"><button>press</button></form>'
    )
    return Starlette(routes=[Route("/", lambda _: HTMLResponse(page))])


def test_no_other_page_can_frame_the_desk(browser: Browser, desk: str):
    from starlette.applications import Starlette
    from starlette.responses import HTMLResponse
    from starlette.routing import Route

    page = f'<p>framed</p><iframe src="{desk}/sign-in"></iframe>'
    with served(Starlette(routes=[Route("/", lambda _: HTMLResponse(page))])) as other:
        browser.open(other, "framed")
        browser.page.wait_for_timeout(300)
        frame = browser.page.frames[1]
        assert "Password" not in frame.locator("body").inner_text()


@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_is_wider_than_its_window(
    browser: Browser, desk: str, accounts: Accounts, width: int
):
    accounts.add_person("a-name-without-any-place-to-break" * 3, "annotator", by="ada")
    accounts.make_token("ada", "w" * 100, by="ada")
    browser.page.set_viewport_size({"width": width, "height": 844})
    sign_in(browser, desk, "ada")
    for path in ("/", "/people", "/tokens", "/trail", "/nothing"):
        browser.open(desk + path)
        wide = browser.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, path
