"""What is refused at the door, whoever asks, and when the desk does not start at all."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.datastructures import Headers

from burnish.errors import ProjectError, StoreError
from burnish.review.accounts import Accounts
from burnish.review.app import DeskContext, DeskSettings, create_app
from burnish.review.security import HEADERS, host_allowed, refusal
from tests.burnish.review.doors import (
    BASE,
    CHEAP,
    NoBatches,
    Now,
    client_of,
    make_accounts,
    make_app,
    signed_in,
)

PUBLIC = DeskSettings(loopback=False, public_url="https://desk.example.org", hosts=("desk",))


@pytest.fixture
def accounts(tmp_path: Path) -> Accounts:
    return make_accounts(tmp_path / "burnish.db", Now())


# ---------------------------------------------------------------- hosts


@pytest.mark.parametrize(
    ("host", "here", "public"),
    [
        ("127.0.0.1:3002", True, True),
        ("localhost", True, True),
        ("LOCALHOST.:3002", True, True),
        ("[::1]:3002", True, True),
        ("desk.example.org", False, True),
        ("desk:3002", False, True),
        ("192.168.1.5:3002", False, True),
        ("evil.example", False, False),
        ("127.0.0.1.evil.example", False, False),
        ("evil@127.0.0.1", False, False),
        ("127.0.0.1/sign-in?", False, False),
        ("127.0.0.1:3002#", False, False),
        ("127.0.0.1:x", False, False),
        ("localhost\\", False, False),
        ("", False, False),
        (".", False, False),
        ("[::1", False, False),
    ],
)
def test_the_desk_goes_by_the_names_it_was_given(host: str, here: bool, public: bool):
    assert host_allowed(host, DeskSettings()) == here
    assert host_allowed(host, PUBLIC) == public


def test_a_request_under_another_name_is_refused_before_any_page(accounts: Accounts):
    app = make_app(accounts)
    client = signed_in(app, "ann")
    response = client.get("/", headers={"Host": "evil.example"})
    assert response.status_code == 400
    assert "name it was asked under" in response.text
    for name, value in HEADERS.items():
        assert response.headers[name] == value


def test_a_path_in_the_host_opens_no_door(accounts: Accounts):
    client = client_of(make_app(accounts))
    for host in ("127.0.0.1/sign-in?", "127.0.0.1/health#", "127.0.0.1/static/"):
        response = client.get("/people", headers={"Host": host})
        assert response.status_code == 400
        assert "ann" not in response.text


def test_a_path_in_the_host_would_open_none_even_if_the_host_were_let_in(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("burnish.review.security.host_allowed", lambda *_: True)
    client = client_of(make_app(accounts))
    token = accounts.make_token("ada", "job", by="ada").secret
    for host, headers in (
        ("127.0.0.1/sign-in?", {}),
        ("127.0.0.1/api/v1/x?", {"Authorization": f"Bearer {token}"}),
    ):
        response = client.get("/people", headers={"Host": host, **headers})
        assert response.status_code == 303
        assert response.headers["location"] == "/sign-in?next=%2Fpeople"


# ---------------------------------------------------------------- other sites


def asked(settings: DeskSettings, **headers: str) -> int:
    """The status of a change with these headers; 0 where it is let in."""
    names = {key.replace("_", "-"): value for key, value in headers.items()}
    refused = refusal(Headers({"host": "127.0.0.1:3002", **names}), "POST", settings)
    return refused.status if refused else 0


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 0),
        ({"origin": "http://127.0.0.1:3002"}, 0),
        ({"origin": "http://127.0.0.1:3002", "sec_fetch_site": "same-origin"}, 0),
        ({"origin": "http://127.0.0.1:3000"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "http://127.0.0.1:3002.evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": ""}, 403),
        ({"sec_fetch_site": "cross-site"}, 403),
        ({"sec_fetch_site": "same-site"}, 403),
    ],
)
def test_a_change_comes_from_a_page_of_ours_or_from_no_page(headers: dict[str, str], status: int):
    assert asked(DeskSettings(), **headers) == status


def test_behind_a_proxy_pages_come_from_the_public_address(accounts: Accounts):
    assert asked(PUBLIC, origin="https://desk.example.org") == 0
    assert asked(PUBLIC, origin="http://desk.example.org") == 403
    assert asked(PUBLIC, origin="https://desk.example.org.evil.example") == 403


def test_no_other_origin_may_read_anything(accounts: Accounts):
    client = client_of(make_app(accounts))
    asked = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    response = client.options("/sign-in", headers=asked)
    assert response.status_code == 405
    assert not [name for name in response.headers if name.startswith("access-control")]


# ---------------------------------------------------------------- bodies


@pytest.mark.parametrize("path", ["/sign-in", "/tokens", "/password", "/people", "/sign-out"])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_above_the_limit_is_refused_however_it_is_sent(
    accounts: Accounts, path: str, chunked: bool
):
    client = signed_in(make_app(accounts, max_body_bytes=2000), "ada")
    del client.headers["X-CSRF-Token"]
    body = b"name=" + b"x" * 5000
    content: Any = iter([body[:1000], body[1000:3000], body[3000:]]) if chunked else body
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    response = client.post(path, content=content, headers=headers)
    assert response.status_code == 413
    assert "at most 2,000 bytes" in response.text


@pytest.mark.parametrize("length", ["-1", "x", "1e3", "99999999999999999999"])
def test_a_length_that_is_none_is_refused(length: str):
    headers = Headers({"host": "localhost", "content-length": length})
    refused = refusal(headers, "POST", DeskSettings())
    assert refused is not None
    assert refused.status == 413


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"nonsense"),
        ("multipart/form-data; boundary=x", b"--x\r\nnonsense"),
        ("application/x-www-form-urlencoded", b"%ff%fe=%00&csrf=%ff"),
        ("application/json", b"{"),
        ("text/plain", b"\x00\xff"),
    ],
)
def test_a_body_that_is_none_is_an_error_of_who_sent_it(accounts: Accounts, kind: str, body: bytes):
    ada = signed_in(make_app(accounts), "ada")
    for csrf in (ada.headers.pop("X-CSRF-Token"), ""):
        headers = {"Content-Type": kind, "X-CSRF-Token": csrf}
        for path in ("/people", "/tokens/revoke", "/sign-in"):
            assert 400 <= ada.post(path, content=body, headers=headers).status_code < 500


# ---------------------------------------------------------------- faults


class Broken(NoBatches):
    """A desk that fails in the way it is told to."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def datasets(self) -> list[Any]:
        raise self.error


@pytest.mark.parametrize(
    "error", [RuntimeError("/srv/secret/place"), StoreError("/srv/secret/place")]
)
def test_a_fault_of_ours_is_logged_and_told_without_its_words(
    accounts: Accounts, error: Exception, caplog: pytest.LogCaptureFixture
):
    client = signed_in_on(make_app(accounts, desk=Broken(error)))
    with caplog.at_level(logging.ERROR):
        response = client.get("/")
        told = client.get("/", headers={"Accept": "application/json"})
    assert response.status_code == told.status_code == 500
    assert "secret" not in response.text + told.text
    assert "Traceback" not in response.text
    assert told.json()["error"]["code"] == "internal_error"
    assert "/srv/secret/place" in caplog.text
    assert response.headers["Content-Security-Policy"]


def signed_in_on(app: FastAPI) -> Any:
    """Ann, on a desk whose first page is broken."""
    from tests.burnish.review.doors import sign_in

    client = client_of(app)
    assert sign_in(client, "ann").status_code == 303
    return client


def test_programs_are_told_in_one_shape(accounts: Accounts):
    client = client_of(make_app(accounts))
    for path, status in (("/api/v1/nothing", 404), ("/health", 405)):
        response = client.post(path, headers={"Accept": "application/json"})
        assert response.status_code == status
        assert set(response.json()) == {"error"}
        assert set(response.json()["error"]) == {"code", "found", "expected", "hint"}


# ---------------------------------------------------------------- starting


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (DeskSettings(loopback=False, login=False, sole_person="ann"), "without a login"),
        (DeskSettings(login=False), "whose verdicts"),
        (DeskSettings(loopback=False), "nobody could sign in"),
    ],
)
def test_a_desk_that_would_stand_open_does_not_start(
    tmp_path: Path, settings: DeskSettings, words: str
):
    from burnish.database import open_database

    empty = Accounts(open_database(tmp_path / "burnish.db"), passwords=CHEAP)
    empty.add_person("bot", "admin", by="root", simulated=True)
    with pytest.raises(ProjectError, match=words) as raised:
        create_app(DeskContext(NoBatches(), empty, None, settings))  # type: ignore[arg-type]
    assert "burnish review" in raised.value.hint or "--" in raised.value.hint


def test_off_loopback_it_starts_once_somebody_can_sign_in(accounts: Accounts):
    client = client_of(make_app(accounts, loopback=False), base_url="http://192.168.1.5:3002")
    assert client.get("/sign-in").status_code == 200


def test_without_a_login_everybody_here_is_the_one_person_and_forms_are_checked_still(
    accounts: Accounts,
):
    client = client_of(make_app(accounts, login=False, sole_person="root"))
    page = client.get("/people")
    assert page.status_code == 200
    assert "root" in page.text
    assert "Sign out" not in page.text
    new = {"name": "eve", "role": "admin"}
    assert client.post("/people", data=new).status_code == 403
    assert accounts.person("eve") is None
    other = client.get("/people", headers={"Host": "evil.example"})
    assert other.status_code == 400


# ---------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    ("trusted", "forwarded", "address"),
    [
        ((), "1.2.3.4", "testclient"),
        (("testclient",), "1.2.3.4", "1.2.3.4"),
        (("testclient",), "9.9.9.9, 1.2.3.4", "1.2.3.4"),
        (("testclient", "10.0.0.2"), "1.2.3.4, 10.0.0.2", "1.2.3.4"),
        (("testclient",), "", "testclient"),
    ],
)
def test_whom_a_proxy_asks_for_is_believed_of_trusted_ones_alone(
    accounts: Accounts, trusted: tuple[str, ...], forwarded: str, address: str
):
    from tests.burnish.review.doors import sign_in

    client = client_of(make_app(accounts, trusted_proxies=trusted), base_url=BASE)
    client.headers["X-Forwarded-For"] = forwarded
    assert sign_in(client, "ann").status_code == 303
    assert accounts.trail(action="sign_in")[0].address == address
