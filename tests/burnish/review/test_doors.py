"""Every route, asked for by everybody; and every change, asked for without a form of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from burnish.errors import ReviewError
from burnish.review.access import RANKS
from burnish.review.accounts import Accounts
from burnish.review.security import HEADERS
from tests.burnish.review.doors import (
    PASSWORD,
    Now,
    client_of,
    is_turned_away,
    make_accounts,
    make_app,
    signed_in,
)

# Who may ask for what: the least role, or "anybody". A route that is not here fails the test.
TABLE: dict[tuple[str, str], str] = {
    ("GET", "/health"): "anybody",
    ("GET", "/sign-in"): "anybody",
    ("POST", "/sign-in"): "anybody",
    ("POST", "/sign-out"): "annotator",
    ("GET", "/"): "annotator",
    ("GET", "/tokens"): "annotator",
    ("POST", "/tokens"): "annotator",
    ("POST", "/tokens/revoke"): "annotator",
    ("POST", "/password"): "annotator",
    ("GET", "/people"): "admin",
    ("POST", "/people"): "admin",
    ("POST", "/people/{change}"): "admin",
    ("GET", "/trail"): "admin",
    ("GET", "/away"): "annotator",
    ("POST", "/away"): "annotator",
    ("GET", "/d/{dataset}/mine"): "annotator",
    ("POST", "/d/{dataset}/mine/hand-over"): "annotator",
    ("PUT", "/api/v1/away"): "annotator",
    ("GET", "/api/v1/datasets/{dataset}/mine"): "annotator",
    ("POST", "/api/v1/datasets/{dataset}/deals"): "reviewer",
    ("POST", "/api/v1/datasets/{dataset}/handovers"): "annotator",
    ("GET", "/d/{dataset}/guide"): "annotator",
    ("GET", "/d/{dataset}/label"): "annotator",
    ("GET", "/d/{dataset}/label/guide"): "annotator",
    ("POST", "/d/{dataset}/label/flag"): "annotator",
    ("POST", "/d/{dataset}/label/answer"): "annotator",
    ("POST", "/d/{dataset}/label/give-back"): "annotator",
    ("POST", "/d/{dataset}/label/next"): "annotator",
    ("POST", "/d/{dataset}/label/renew"): "annotator",
    ("GET", "/d/{dataset}/label/session"): "annotator",
    ("POST", "/d/{dataset}/label/undo"): "annotator",
    ("GET", "/images/{dataset}"): "annotator",
    ("GET", "/api/v1/datasets"): "annotator",
    ("GET", "/api/v1/datasets/{dataset}"): "annotator",
    ("GET", "/api/v1/datasets/{dataset}/answers"): "annotator",
    ("POST", "/api/v1/datasets/{dataset}/approvals"): "reviewer",
    ("POST", "/api/v1/datasets/{dataset}/assignments"): "reviewer",
    ("POST", "/api/v1/datasets/{dataset}/decisions"): "reviewer",
    ("GET", "/api/v1/datasets/{dataset}/flags"): "annotator",
    ("POST", "/api/v1/datasets/{dataset}/flags"): "annotator",
    ("GET", "/api/v1/datasets/{dataset}/guide"): "annotator",
    ("GET", "/api/v1/datasets/{dataset}/inbox"): "reviewer",
    ("GET", "/api/v1/datasets/{dataset}/item"): "annotator",
    ("GET", "/api/v1/datasets/{dataset}/items"): "reviewer",
    ("POST", "/api/v1/datasets/{dataset}/leases"): "annotator",
    ("DELETE", "/api/v1/datasets/{dataset}/leases/{token}"): "annotator",
    ("GET", "/api/v1/datasets/{dataset}/leases/{token}"): "annotator",
    ("POST", "/api/v1/datasets/{dataset}/leases/{token}/answer"): "annotator",
    ("POST", "/api/v1/datasets/{dataset}/leases/{token}/renew"): "annotator",
    ("PUT", "/api/v1/datasets/{dataset}/owner"): "reviewer",
    ("GET", "/api/v1/datasets/{dataset}/people"): "annotator",
    ("POST", "/api/v1/datasets/{dataset}/releases"): "reviewer",
    ("POST", "/api/v1/datasets/{dataset}/requests"): "annotator",
    ("POST", "/api/v1/datasets/{dataset}/returns"): "reviewer",
    ("POST", "/api/v1/datasets/{dataset}/undo"): "annotator",
    ("GET", "/api/v1/me"): "annotator",
    ("GET", "/d/{dataset}/diff"): "annotator",
    ("GET", "/d/{dataset}/examples"): "annotator",
    ("GET", "/d/{dataset}/examples/{example_id:path}"): "annotator",
    ("GET", "/d/{dataset}/people"): "annotator",
    ("GET", "/d/{dataset}/queue"): "annotator",
    ("GET", "/d/{dataset}/queue.csv"): "reviewer",
    ("POST", "/d/{dataset}/queue/assign"): "reviewer",
    ("POST", "/d/{dataset}/queue/owner"): "reviewer",
    ("POST", "/d/{dataset}/queue/priority"): "reviewer",
    ("GET", "/d/{dataset}/promises"): "annotator",
    ("GET", "/api/v1/datasets/{dataset}/promises"): "reviewer",
    ("POST", "/api/v1/datasets/{dataset}/priorities"): "reviewer",
    ("POST", "/d/{dataset}/requests"): "annotator",
    ("GET", "/d/{dataset}/review"): "reviewer",
    ("GET", "/d/{dataset}/why"): "reviewer",
    ("POST", "/d/{dataset}/review"): "reviewer",
    ("GET", "/d/{dataset}/versions"): "annotator",
    ("GET", "/d/{dataset}/worth"): "reviewer",
}
SAFE = {"GET", "HEAD", "OPTIONS"}
VALUES = {"change": "role"}
"""What stands for a parameter of a path, where "x" is not enough."""


class NothingOpen:
    """A desk and its examples where there is nothing: whatever is asked, it says so."""

    def datasets(self) -> list[Any]:
        return []

    def __getattr__(self, name: str) -> Any:
        def refuse(*_: Any, **__: Any) -> Any:
            raise ReviewError("no batch is open")

        return refuse


def routes_of(app: FastAPI) -> list[tuple[str, str]]:
    """Every method and path that the application answers to, itself, not its static files."""

    def walk(routes: Any) -> Iterator[tuple[str, str]]:
        for route in routes:
            # A router that was included is a route of its own in newer versions of the framework.
            if hasattr(route, "effective_candidates"):
                yield from walk(route.effective_candidates())
            elif getattr(route, "methods", None):
                yield from ((method, route.path) for method in route.methods - {"HEAD"})

    return sorted(set(walk(app.routes)) - {("GET", "/api/v1/openapi.json")})


def filled(path: str) -> str:
    """A path with something in the place of each parameter."""
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda found: VALUES.get(found[1], "x"), path)


@dataclass
class Everybody:
    """One client for each kind of visitor, and the role that they have (None: nobody's)."""

    clients: dict[str, tuple[TestClient, str | None]]
    tokens: dict[str, str]


@pytest.fixture(scope="module")
def now() -> Now:
    return Now()


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory, now: Now) -> Accounts:
    return make_accounts(tmp_path_factory.mktemp("doors") / "burnish.db", now, idle_hours=24)


@pytest.fixture(scope="module")
def app(accounts: Accounts) -> FastAPI:
    return make_app(accounts, desk=NothingOpen(), examples=NothingOpen())


@pytest.fixture(scope="module")
def everybody(app: FastAPI, accounts: Accounts, now: Now) -> Everybody:
    for name, role in (("old", "admin"), ("out", "admin")):
        accounts.add_person(name, role, by="ada", password=PASSWORD)  # type: ignore[arg-type]
    found = {"expired": (signed_in(app, "old"), None), "deactivated": (signed_in(app, "out"), None)}
    now.on(hours=12)
    accounts.deactivate("out", by="ada")
    found["anonymous"] = (client_of(app), None)
    for name, role in (("ann", "annotator"), ("rex", "reviewer"), ("ada", "admin")):
        found[role] = (signed_in(app, name), role)
    tokens = {
        role: accounts.make_token(name, "test", by="ada").secret
        for name, role in (("ann", "annotator"), ("rex", "reviewer"), ("ada", "admin"))
    }
    return Everybody(found, tokens)


def ask(client: TestClient, method: str, path: str, **choices: Any) -> Any:
    return client.request(method, filled(path), **choices)


def test_the_table_has_every_route(app: FastAPI):
    missing = [one for one in routes_of(app) if one not in TABLE]
    assert not missing, "say who may ask for them"
    assert sorted(TABLE) == routes_of(app), "no line is left of a route that is gone"


@pytest.mark.parametrize("who", ["anonymous", "expired", "deactivated"])
def test_who_is_not_signed_in_gets_nowhere(app: FastAPI, everybody: Everybody, who: str):
    client, _ = everybody.clients[who]
    for method, path in routes_of(app):
        response = ask(client, method, path)
        if TABLE[method, path] != "anybody":
            assert is_turned_away(response), (method, path, response.status_code)
        else:
            assert not is_turned_away(response), (method, path)


@pytest.mark.parametrize("role", ["annotator", "reviewer", "admin"])
def test_a_role_may_what_the_table_says_and_no_more(app: FastAPI, everybody: Everybody, role: str):
    client, _ = everybody.clients[role]
    for method, path in routes_of(app):
        least = TABLE[method, path]
        if path in {"/sign-in", "/sign-out"}:
            continue  # the form has a token of its own, and nobody signs out here
        response = ask(client, method, path)
        may = least == "anybody" or RANKS[role] >= RANKS[least]  # type: ignore[index]
        forbidden = response.status_code == 403
        assert response.status_code < 500, (method, path, response.text)
        assert forbidden == (not may), (method, path, response.status_code, response.text)
        assert not is_turned_away(response), (method, path)


@pytest.mark.parametrize("role", ["annotator", "reviewer", "admin"])
def test_a_token_opens_the_api_for_its_role_and_no_page(
    app: FastAPI, everybody: Everybody, role: str
):
    client = client_of(app)
    client.headers["Authorization"] = f"Bearer {everybody.tokens[role]}"
    for method, path in routes_of(app):
        least = TABLE[method, path]
        response = ask(client, method, path)
        if least == "anybody":
            continue
        if not path.startswith("/api/"):
            assert is_turned_away(response), (method, path)
            continue
        may = RANKS[role] >= RANKS[least]  # type: ignore[index]
        assert (response.status_code == 403) == (not may), (method, path, response.text)
        assert response.status_code not in {401, 500}, (method, path, response.text)


@pytest.mark.parametrize(
    "header", ["Bearer burnish_x", "Bearer", "Basic YWRhOng=", "x", "Bearer \xe9"]
)
def test_a_token_that_is_none_opens_nothing_even_beside_a_session(
    app: FastAPI, everybody: Everybody, header: str
):
    client, _ = everybody.clients["admin"]
    response = client.get("/people", headers={"Authorization": header.encode("latin-1")})
    assert is_turned_away(response)


@pytest.mark.parametrize("given", ["nothing", "header", "field", "another's"])
def test_no_change_is_made_without_the_token_of_the_session(
    app: FastAPI, everybody: Everybody, accounts: Accounts, given: str
):
    client = client_of(app)
    client.cookies = everybody.clients["admin"][0].cookies
    others = everybody.clients["reviewer"][0].headers["X-CSRF-Token"]
    choices: dict[str, Any] = {
        "nothing": {},
        "header": {"headers": {"X-CSRF-Token": "x"}},
        "field": {"data": {"csrf": "x"}},
        "another's": {"headers": {"X-CSRF-Token": others}},
    }[given]
    people = accounts.people()
    for method, path in routes_of(app):
        if method not in SAFE and path != "/sign-in":
            response = ask(client, method, path, **choices)
            assert response.status_code == 403, (method, path)
            assert "does not come from a page of this session" in response.text
    assert accounts.people() == people
    assert client.get("/").status_code == 200, "and nobody was signed out"


def test_every_response_is_dressed(app: FastAPI, everybody: Everybody):
    client, _ = everybody.clients["admin"]
    asked = [("GET", "/no/such/page"), ("GET", "/static/desk.css"), ("GET", "/api/v1/openapi.json")]
    for method, path in [*routes_of(app), *asked]:
        if path == "/sign-out":
            continue
        response = ask(client, method, path)
        for name, value in HEADERS.items():
            assert response.headers[name] == value, (method, path)
        assert response.headers["Cache-Control"] == "no-store", (method, path)
        assert "access-control-allow-origin" not in response.headers
        assert "server" not in response.headers
    assert "unsafe" not in HEADERS["Content-Security-Policy"]


def test_a_static_file_is_kept_under_the_address_that_names_its_content(app: FastAPI):
    client = client_of(app)
    page = client.get("/sign-in").text
    (address,) = re.findall(r'href="(/static/desk.css[^"]*)"', page)
    assert "immutable" in client.get(address).headers["Cache-Control"]


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static//etc/hosts"]
)
def test_static_files_are_those_of_their_folder(app: FastAPI, path: str):
    assert client_of(app).get(path).status_code in {303, 404}
