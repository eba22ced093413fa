"""People at the doors of a desk, for the tests of this folder.

What belongs here: accounts that are cheap to sign in to, an application on them, and clients that
have signed in as a browser does. What does not: any expectation.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.testclient import TestClient

from burnish.database import open_database
from burnish.review.accounts import Accounts
from burnish.review.app import DeskContext, DeskSettings, create_app
from burnish.review.passwords import Passwords

CHEAP = Passwords(time_cost=1, memory_kib=8, lanes=1)
PASSWORD = "a red barn door"
BASE = "http://127.0.0.1:3002"
PEOPLE = {"ann": "annotator", "rex": "reviewer", "ada": "admin"}


class Now:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def on(self, **units: float) -> None:
        self.at += timedelta(**units)


class NoBatches:
    """A desk on which nothing is open."""

    def datasets(self) -> list[Any]:
        return []


def make_accounts(database: str | Path, clock: Now, **choices: Any) -> Accounts:
    """Accounts with ann (annotator), rex (reviewer) and ada (admin), all with `PASSWORD`."""
    accounts = Accounts(open_database(database), clock=clock, passwords=CHEAP, **choices)
    for name, role in PEOPLE.items():
        accounts.add_person(name, role, by="root", password=PASSWORD)  # type: ignore[arg-type]
    return accounts


def make_app(
    accounts: Accounts,
    *,
    desk: Any = None,
    examples: Any = None,
    team: Any = None,
    **settings: Any,
) -> FastAPI:
    """The desk's application; without a desk, one on which nothing is open."""
    context = DeskContext(
        desk or NoBatches(), accounts, examples, DeskSettings(**settings), team=team
    )
    return create_app(context)


def client_of(app: FastAPI, *, base_url: str = BASE) -> TestClient:
    """Somebody who has not signed in; an error of the server is a response."""
    return TestClient(app, base_url=base_url, raise_server_exceptions=False, follow_redirects=False)


def sign_in(
    client: TestClient, name: str, password: str = PASSWORD, *, next_path: str = "/"
) -> Any:
    """Fill in the form on the page; the response to it."""
    page = client.get("/sign-in")
    token = csrf_of(page.text, form=True)
    values = {"name": name, "password": password, "csrf": token, "next_path": next_path}
    return client.post("/sign-in", data=values)


def signed_in(app: FastAPI, name: str, *, base_url: str = BASE) -> TestClient:
    """Somebody who has signed in; their client sends the header that changes need."""
    client = client_of(app, base_url=base_url)
    assert sign_in(client, name).status_code == 303
    client.headers["X-CSRF-Token"] = csrf_of(client.get("/").text)
    return client


def csrf_of(page: str, *, form: bool = False) -> str:
    """The token in the head of a page, or in its first form."""
    pattern = r'name="csrf" value="([^"]+)"' if form else r'<meta name="csrf" content="([^"]+)"'
    found = re.search(pattern, page)
    assert found, "the page holds no token"
    return found[1]


def is_turned_away(response: Any) -> bool:
    """Whether the response is what strangers get: 401, or the way to the form."""
    if response.status_code == 303:
        return response.headers["location"].startswith("/sign-in?next=")
    return response.status_code == 401
