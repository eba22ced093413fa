"""Signing in and out, and what the pages of people and tokens do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from burnish.review.accounts import Accounts
from tests.burnish.review.doors import (
    BASE,
    PASSWORD,
    Now,
    client_of,
    csrf_of,
    is_turned_away,
    make_accounts,
    make_app,
    sign_in,
    signed_in,
)

# ---------------------------------------------------------------- signing in


@pytest.fixture
def fresh(tmp_path: Path) -> tuple[FastAPI, Accounts]:
    accounts = make_accounts(tmp_path / "burnish.db", Now())
    return make_app(accounts), accounts


def test_a_session_is_new_at_each_sign_in_whatever_cookie_was_there(fresh):
    app, accounts = fresh
    client, cookie = client_of(app), accounts.cookie_name()
    client.cookies.set(cookie, "planted")
    sign_in(client, "ann")
    first = client.cookies.get(cookie, domain="127.0.0.1")
    assert first not in {None, "planted"}
    client.cookies.set(cookie, first, domain="127.0.0.1")
    planted = TestClient(app, base_url=BASE, cookies={cookie: "planted"}, follow_redirects=False)
    assert is_turned_away(planted.get("/"))
    # Signing in again, with the form of before: the session of before ends.
    nonce = client.cookies.get(f"{cookie}_form", domain="127.0.0.1")
    again = client.post(
        "/sign-in",
        data={"name": "rex", "password": PASSWORD, "csrf": accounts.sign(f"form:{nonce}")},
    )
    assert again.status_code == 303
    assert accounts.session(first) is None
    assert client.cookies.get(cookie, domain="127.0.0.1") != first


def test_a_session_cookie_cannot_be_read_by_scripts_or_sent_by_forms_of_others(fresh):
    app, _ = fresh
    header = sign_in(client_of(app), "ann").headers["set-cookie"]
    assert "HttpOnly" in header
    assert "SameSite=lax" in header
    assert "Secure" not in header, "over http it would not be sent"
    assert "Domain" not in header


def test_behind_https_the_cookie_is_sent_over_https_alone(tmp_path: Path):
    accounts = make_accounts(tmp_path / "burnish.db", Now())
    app = make_app(accounts, loopback=False, public_url="https://desk.example.org")
    client = client_of(app, base_url="https://desk.example.org")
    response = sign_in(client, "ann")
    assert response.headers["set-cookie"].startswith(f"__Host-{accounts.cookie_name()}=")
    assert "Secure" in response.headers["set-cookie"]
    assert "Path=/;" in response.headers["set-cookie"]
    assert response.headers["strict-transport-security"]
    assert client.get("/").status_code == 200


@pytest.mark.parametrize("token", ["", "x"])
def test_the_form_of_another_site_signs_nobody_in(fresh, token: str):
    app, _ = fresh
    client = client_of(app)
    values = {"name": "ann", "password": PASSWORD, "csrf": token}
    assert client.post("/sign-in", data=values).status_code == 403
    client.get("/sign-in")
    assert client.post("/sign-in", data=values).status_code == 403
    assert is_turned_away(client.get("/"))


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example/", "//evil.example", "///evil.example", "/\\evil.example",
        "/\t/evil.example", "javascript:alert(1)", "evil", "", "/%0d%0aSet-Cookie:x", "/sign-out",
        "http:/evil.example", "http://[", "//[", "/" + "x" * 3000,
    ],
)  # fmt: skip
def test_signing_in_leads_nowhere_else(fresh, path: str):
    app, _ = fresh
    client = client_of(app)
    response = sign_in(client, "ann", next_path=path)
    assert response.status_code == 303
    location = response.headers["location"]
    assert location == "/" or location == path == "/%0d%0aSet-Cookie:x"
    assert "set-cookie" not in location.lower() or "%0d" in location
    onward = client.get("/sign-in", params={"next": path})
    assert onward.headers["location"] == location


def test_signing_in_leads_to_where_one_wanted_to_go(fresh):
    app, _ = fresh
    client = client_of(app)
    first = client.get("/trail?action=a%20b&before=1")
    there = "%2Ftrail%3Faction%3Da%2520b%26before%3D1"
    assert first.headers["location"] == f"/sign-in?next={there}"
    page = client.get(first.headers["location"]).text
    assert 'name="next_path" value="/trail?action=a%20b&amp;before=1"' in page


def test_a_wrong_password_is_told_on_the_form_and_after_ten_one_waits(fresh):
    app, _ = fresh
    client = client_of(app)
    for _ in range(10):
        response = sign_in(client, "ann", "<b>wrong</b>")
        assert response.status_code == 401
        assert "do not fit" in response.text
        assert "wrong</b>" not in response.text
    response = sign_in(client, "ann")
    assert response.status_code == 429
    assert 0 < int(response.headers["retry-after"]) <= 900
    assert "wait 15 minutes" in response.text


def test_signing_out_ends_the_session_for_whoever_has_a_copy(fresh):
    app, accounts = fresh
    client = signed_in(app, "ann")
    copy = client.cookies.get(accounts.cookie_name(), domain="127.0.0.1")
    assert client.post("/sign-out").headers["location"] == "/sign-in"
    stolen = TestClient(
        app, base_url=BASE, cookies={accounts.cookie_name(): copy}, follow_redirects=False
    )
    assert is_turned_away(stolen.get("/"))


# ---------------------------------------------------------------- people and tokens by the pages


def test_an_admin_adds_and_changes_people_by_the_page(fresh):
    app, accounts = fresh
    ada = signed_in(app, "ada")
    new = {"name": "Zoë", "role": "annotator", "password": "four grey geese", "simulated": "true"}
    assert ada.post("/people", data=new).headers["location"] == "/people?done=added"
    assert sign_in(client_of(app), "Zoë", "four grey geese").status_code == 303
    for change, values in (
        ("role", {"role": "reviewer"}),
        ("password", {"password": "five grey geese"}),
        ("deactivated", {}),
    ):
        done = ada.post(f"/people/{change}", data={"name": "Zoë", **values})
        assert done.headers["location"] == f"/people?done={change}"
    record = next(one for one in accounts.people() if one.name == "Zoë")
    assert (record.role, record.simulated, record.active) == ("reviewer", True, False)
    refused = ada.post("/people", data={"name": "zoË", "role": "annotator"})
    assert refused.status_code == 409
    assert "there is a person Zoë already" in refused.text
    assert ada.post("/people", data={"name": "x", "role": "owner"}).status_code == 400
    assert ada.post("/people/nonsense", data={"name": "ann"}).status_code == 400
    assert [one.actor for one in accounts.trail(action="person_added", limit=1)] == ["ada"]
    assert "testclient" in {one.address for one in accounts.trail()}
    assert "four grey geese" not in ada.get("/trail").text + ada.get("/people").text


def test_a_role_that_was_taken_away_is_gone_at_the_next_request(fresh):
    app, accounts = fresh
    rex = signed_in(app, "rex")
    accounts.set_role("rex", "admin", by="ada")
    assert is_turned_away(rex.get("/people")), "and a new one needs a new session"
    rex = signed_in(app, "rex")
    assert rex.get("/people").status_code == 200
    accounts.set_role("rex", "annotator", by="ada")
    assert is_turned_away(rex.get("/people"))


def test_a_token_is_shown_once_and_made_for_others_by_admins_alone(fresh):
    app, accounts = fresh
    ann, ada = signed_in(app, "ann"), signed_in(app, "ada")
    shown = ann.post("/tokens", data={"label": "job", "days": "7"}).text
    (secret,) = re.findall(r"burnish_[\w-]{43}", shown)
    assert accounts.token_person(secret).name == "ann"  # type: ignore[union-attr]
    assert secret not in ann.get("/tokens").text
    assert ann.post("/tokens", data={"label": "job", "name": "ada"}).status_code == 403
    assert ada.post("/tokens", data={"label": "job", "name": "rex"}).status_code == 200
    assert ann.post("/tokens", data={"label": "job", "days": "99999999999999"}).status_code == 422
    theirs, mine = (accounts.tokens(name)[0].token_id for name in ("rex", "ann"))
    assert ann.post("/tokens/revoke", data={"token_id": theirs}).status_code == 400
    assert ann.post("/tokens/revoke", data={"token_id": mine}).status_code == 303
    assert accounts.token_person(secret) is None


def test_a_changed_password_ends_every_session_and_the_old_one(fresh):
    app, _ = fresh
    ann, elsewhere = signed_in(app, "ann"), signed_in(app, "ann")
    new = "four grey geese"
    for values in (
        {"old": PASSWORD, "new": new, "again": "four grey goose"},
        {"old": "wrong wrong wrong", "new": new, "again": new},
        {"old": PASSWORD, "new": "short", "again": "short"},
    ):
        assert ann.post("/password", data=values).status_code == 400
    done = ann.post("/password", data={"old": PASSWORD, "new": new, "again": new})
    assert done.headers["location"] == "/sign-in?done=password"
    assert is_turned_away(ann.get("/"))
    assert is_turned_away(elsewhere.get("/"))
    assert sign_in(client_of(app), "ann").status_code == 401
    assert sign_in(client_of(app), "ann", new).status_code == 303


@pytest.mark.parametrize("before", ["0", "-1", "x", str(2**63), "1; DROP TABLE desk_trail"])
def test_a_place_in_the_trail_that_is_none_is_told_as_such(fresh, before: str):
    app, _ = fresh
    response = signed_in(app, "ada").get("/trail", params={"before": before})
    assert response.status_code == 422


def test_a_name_that_is_markup_is_shown_as_that_text(fresh):
    app, _ = fresh
    ada = signed_in(app, "ada")
    bad = "<script>window.__pwned=1</script>"
    told = ada.post("/people", data={"name": bad, "role": "annotator"})
    assert bad not in told.text
    assert "&lt;script&gt;" in told.text
    made = ada.post("/tokens", data={"label": bad})
    assert bad not in made.text
    assert bad not in ada.get("/trail").text
    assert bad not in sign_in(client_of(app), bad).text


def test_the_token_of_a_page_is_that_of_the_visitor(fresh):
    app, accounts = fresh
    client = signed_in(app, "ann")
    session = accounts.session(client.cookies.get(accounts.cookie_name(), domain="127.0.0.1"))
    assert csrf_of(client.get("/").text) == session.csrf  # type: ignore[union-attr]
