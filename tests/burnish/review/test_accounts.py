"""Accounts: people, passwords, sessions, tokens, and the trail of it, on both databases."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from burnish.database import open_database
from burnish.errors import NotAllowed, ReviewConflict, ReviewError, SignInError, TooManyAttempts
from burnish.review.accounts import Accounts
from burnish.review.passwords import SHORTEST, Passwords, check_password
from burnish.review.people import check_name
from burnish.review.records import Person
from burnish.review.schema import desk_people, metadata
from tests.burnish.review.doors import CHEAP, PASSWORD, Now, make_accounts

OTHER = "four grey geese fly"


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def accounts(tmp_path: Path, now: Now) -> Accounts:
    return make_accounts(tmp_path / "burnish.db", now)


@pytest.fixture
def everywhere(database: str, now: Now) -> Accounts:
    """The same on both databases, for what rests on their SQL."""
    return make_accounts(database, now)


def actions(accounts: Accounts, action: str = "") -> list[tuple[str, str, str]]:
    return [(one.actor, one.action, one.subject) for one in accounts.trail(action=action)]


def everything_kept(database: str) -> str:
    """All text that the tables of people hold."""
    engine = open_database(database)
    names = ("desk_people", "desk_sessions", "desk_tokens", "desk_trail", "desk_secrets")
    with engine.connect() as connection:
        rows = [connection.execute(sa.select(metadata.tables[name])).all() for name in names]
    return repr(rows)


# ---------------------------------------------------------------- people


def test_people_are_told_apart_by_name_in_whatever_case(everywhere: Accounts):
    assert [(one.name, one.role) for one in everywhere.people()] == [
        ("ada", "admin"),
        ("ann", "annotator"),
        ("rex", "reviewer"),
    ]
    with pytest.raises(ReviewConflict, match="there is a person ann"):
        everywhere.add_person("Ann", "annotator", by="ada")
    assert everywhere.person("Ann") is None


@pytest.mark.parametrize(
    "name",
    ["", " ", "a/b", "a:b", "<b>", "a\nb", "a\x00", "x" * 101, "gold", "\u0301a",
     "a" + "\u0301" * 9, "a \u0301b", "a\u202eb", "a\u200db"],
)  # fmt: skip
def test_what_could_pass_for_something_else_is_no_name(name: str):
    with pytest.raises(ReviewError):
        check_name(name)


@pytest.mark.parametrize(
    "name",
    ["a", "Zoë", "李雷", "ann@example.org", "Jean-Luc d'Or", "אבי", "नेहा", "ประยุทธ์", "বাংলা",
     "தமிழ்", "Nguyễn"],
)  # fmt: skip
def test_names_of_any_script_are_taken(name: str):
    assert check_name(f" {name} ") == check_name(name)


def test_a_role_that_there_is_not_is_refused(accounts: Accounts):
    with pytest.raises(ReviewError, match="no role"):
        accounts.set_role("ann", "owner", by="ada")  # type: ignore[arg-type]


def test_the_last_admin_who_can_sign_in_stays(everywhere: Accounts):
    everywhere.add_person("bot", "admin", by="ada", simulated=True)
    for change in (
        lambda: everywhere.deactivate("ada", by="ada"),
        lambda: everywhere.set_role("ada", "reviewer", by="ada"),
    ):
        with pytest.raises(NotAllowed, match="only admin"):
            change()
    everywhere.set_role("rex", "admin", by="ada")
    everywhere.deactivate("ada", by="rex")
    assert everywhere.person("ada") is None
    assert everywhere.person("rex") == Person("rex", "admin")


# ---------------------------------------------------------------- passwords


@pytest.mark.parametrize(
    "password",
    [
        "",
        "x" * (SHORTEST - 1),
        "x" * 1025,
        "password123",
        "QWERTYUIOP",
        "aaaaaaaaaaab",
        "ann-1234567",
    ],
)
def test_a_password_that_is_tried_first_is_refused(accounts: Accounts, password: str):
    with pytest.raises(ReviewError, match="cannot be taken"):
        accounts.set_password("ann", password, by="ada")
    assert accounts.sign_in("ann", PASSWORD).person.name == "ann"


def test_a_password_holds_however_its_letters_are_composed(accounts: Accounts):
    accounts.set_password("ann", "caf\u00e9 au lait", by="ada")
    assert accounts.sign_in("ann", "cafe\u0301 au lait").person.name == "ann"


@given(st.text(min_size=SHORTEST, max_size=40))
def test_what_is_taken_as_a_password_fits_and_nothing_else_does(password: str):
    try:
        check_password(password, "")
    except ReviewError:
        return
    kept = CHEAP.hashed(password)
    assert CHEAP.fits(kept, password)
    assert not CHEAP.fits(kept, password + "x")
    assert not CHEAP.fits(None, password)


def test_a_password_kept_at_a_lower_cost_is_kept_at_the_new_one_once_it_is_used(
    tmp_path: Path, now: Now
):
    make_accounts(tmp_path / "burnish.db", now)
    dearer = Accounts(
        open_database(tmp_path / "burnish.db"),
        clock=now,
        passwords=Passwords(time_cost=2, memory_kib=16, lanes=1),
    )

    def cost() -> str:
        with open_database(tmp_path / "burnish.db").connect() as connection:
            query = sa.select(desk_people.c.password_hash).where(desk_people.c.name == "ann")
            return str(connection.scalar(query)).split("$")[3]

    assert cost() == "m=8,t=1,p=1"
    dearer.sign_in("ann", PASSWORD)
    assert cost() == "m=16,t=2,p=1"
    assert dearer.sign_in("ann", PASSWORD)


class Counted(Passwords):
    """Keeps which hashes were verified."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_kib=8, lanes=1)
        self.verified: list[str] = []
        inner, outer = self._hasher, self

        class Spy:
            hash = staticmethod(inner.hash)
            check_needs_rehash = staticmethod(inner.check_needs_rehash)

            def verify(self, kept: str, text: str) -> bool:
                outer.verified.append(kept)
                return inner.verify(kept, text)

        self._hasher = Spy()  # type: ignore[assignment]


def test_a_name_that_nobody_has_costs_the_same_hash_as_one_that_somebody_has(
    tmp_path: Path, now: Now
):
    counted = Counted()
    accounts = Accounts(open_database(tmp_path / "burnish.db"), clock=now, passwords=counted)
    accounts.add_person("ann", "annotator", by="root", password=PASSWORD)
    accounts.add_person("bot", "annotator", by="root", simulated=True)
    accounts.add_person("out", "annotator", by="root", password=PASSWORD)
    accounts.deactivate("out", by="root")
    told = set()
    for name in ("ann", "bot", "out", "stranger", "no/name", "nul\x00"):
        with pytest.raises(SignInError) as raised:
            accounts.sign_in(name, "wrong wrong wrong")
        told.add(str(raised.value))
    assert len(counted.verified) == 6
    assert len({one.rsplit("$", 2)[0] for one in counted.verified}) == 1, "at one cost"
    assert len(told) == 1, "which of the two was wrong is not told"


def test_passwords_and_tokens_are_nowhere_in_the_database_nor_in_a_log(
    database: str, now: Now, caplog: pytest.LogCaptureFixture
):
    accounts = make_accounts(database, now)
    session = accounts.sign_in("ann", PASSWORD, address="10.0.0.1")
    issued = accounts.make_token("ann", "job", by="ann")
    accounts.change_password("ann", PASSWORD, OTHER)
    mistaken = "typed my passphrase here"
    with pytest.raises(SignInError):
        accounts.sign_in(mistaken, "and my name there")
    kept = everything_kept(database) + caplog.text
    for secret in (
        PASSWORD, OTHER, mistaken, "and my name there",
        session.token, issued.secret, issued.secret.removeprefix("burnish_"),
    ):  # fmt: skip
        assert secret not in kept


# ---------------------------------------------------------------- sessions


def test_a_session_ends_after_its_hours_however_busy_it_is(everywhere: Accounts, now: Now):
    session = everywhere.sign_in("ann", PASSWORD)
    for _ in range(11):
        now.on(hours=1)
        assert everywhere.session(session.token)
    now.on(hours=1)
    assert everywhere.session(session.token) is None


def test_a_session_that_nobody_uses_ends_sooner(accounts: Accounts, now: Now):
    session = accounts.sign_in("ann", PASSWORD)
    now.on(hours=3, minutes=59)
    assert accounts.session(session.token)
    now.on(hours=3, minutes=59)
    assert accounts.session(session.token), "it was used in between"
    now.on(hours=4)
    assert accounts.session(session.token) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda a, s: a.sign_out(s.token),
        lambda a, s: a.set_password("ann", OTHER, by="ada"),
        lambda a, s: a.change_password("ann", PASSWORD, OTHER),
        lambda a, s: a.set_role("ann", "reviewer", by="ada"),
        lambda a, s: a.deactivate("ann", by="ada"),
    ],
    ids=["sign out", "password set", "password changed", "role", "deactivated"],
)
def test_a_session_ends_with_what_it_rested_on(everywhere: Accounts, change):
    session, other = everywhere.sign_in("ann", PASSWORD), everywhere.sign_in("rex", PASSWORD)
    assert everywhere.session(session.token).person == Person("ann", "annotator")  # type: ignore[union-attr]
    change(everywhere, session)
    assert everywhere.session(session.token) is None
    assert everywhere.session(other.token), "nobody else is signed out"


def test_reactivating_brings_back_neither_sessions_nor_tokens(accounts: Accounts):
    session, token = accounts.sign_in("ann", PASSWORD), accounts.make_token("ann", "job", by="ann")
    accounts.deactivate("ann", by="ada")
    with pytest.raises(SignInError):
        accounts.sign_in("ann", PASSWORD)
    accounts.reactivate("ann", by="ada")
    assert accounts.session(session.token) is None
    assert accounts.token_person(token.secret) is None
    assert accounts.sign_in("ann", PASSWORD)


@pytest.mark.parametrize("token", ["", "x", "\x00", "burnish_", "'; --", "é" * 50])
def test_what_is_no_token_is_nobody(everywhere: Accounts, token: str):
    assert everywhere.session(token) is None
    assert everywhere.token_person(token) is None


# ---------------------------------------------------------------- tokens


def test_a_token_stands_for_its_person_until_it_expires(everywhere: Accounts, now: Now):
    issued = everywhere.make_token("ann", "job", by="ann", days=7)
    assert issued.secret.startswith("burnish_")
    assert everywhere.token_person(issued.secret) == Person("ann", "annotator")
    everywhere.set_role("ann", "reviewer", by="ada")
    assert everywhere.token_person(issued.secret) == Person("ann", "reviewer"), "as they are now"
    now.on(days=7)
    assert everywhere.token_person(issued.secret) is None


def test_a_token_is_revoked_by_its_id_which_is_no_token(everywhere: Accounts):
    kept, revoked = (everywhere.make_token("ann", label, by="ann") for label in ("a", "b"))
    assert everywhere.token_person(revoked.token.token_id) is None
    with pytest.raises(ReviewError, match="no token"):
        everywhere.revoke_token(revoked.token.token_id, by="rex", owner="rex")
    for pattern in ("%", "_" * 16, ""):
        with pytest.raises(ReviewError, match="no token"):
            everywhere.revoke_token(pattern, by="ada")
    everywhere.revoke_token(revoked.token.token_id, by="ann", owner="ann")
    assert everywhere.token_person(revoked.secret) is None
    assert everywhere.token_person(kept.secret)


@pytest.mark.parametrize("days", [0, -1, 367])
def test_a_token_lasts_a_year_at_most(accounts: Accounts, days: int):
    with pytest.raises(ReviewError, match="cannot last"):
        accounts.make_token("ann", "job", by="ann", days=days)


# ---------------------------------------------------------------- how often


def fail(accounts: Accounts, name: str, *, address: str, times: int) -> None:
    for _ in range(times):
        with pytest.raises(SignInError) as raised:
            accounts.sign_in(name, "wrong wrong wrong", address=address)
        assert not isinstance(raised.value, TooManyAttempts)


def wait_asked(accounts: Accounts, name: str, *, address: str) -> timedelta:
    with pytest.raises(TooManyAttempts) as raised:
        accounts.sign_in(name, PASSWORD, address=address)
    return timedelta(seconds=raised.value.retry_after)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["ann", "stranger"])
def test_a_name_that_failed_ten_times_waits_for_a_quarter_of_an_hour(
    everywhere: Accounts, now: Now, name: str
):
    for at in range(10):
        fail(everywhere, name, address=f"10.0.0.{at}", times=1)
        now.on(seconds=30)
    assert wait_asked(everywhere, name, address="10.0.1.1") == timedelta(minutes=10)
    assert everywhere.sign_in("rex", PASSWORD, address="10.0.0.1"), "others do not wait"
    now.on(minutes=10)
    if name == "ann":
        assert everywhere.sign_in("ann", PASSWORD, address="10.0.1.1")
    else:
        fail(everywhere, name, address="10.0.1.1", times=1)


def test_an_address_that_failed_with_many_names_waits_whatever_name_it_gives(accounts: Accounts):
    for at in range(30):
        fail(accounts, f"name{at}", address="10.6.6.6", times=1)
    wait_asked(accounts, "ann", address="10.6.6.6")
    assert accounts.sign_in("ann", PASSWORD, address="10.0.0.1")


def test_a_stranger_locks_out_nobody_who_signed_in_from_their_address_before(accounts: Accounts):
    session = accounts.sign_in("ann", PASSWORD, address="10.0.0.1")
    fail(accounts, "ann", address="10.6.6.6", times=10)
    wait_asked(accounts, "ann", address="10.6.6.6")
    assert accounts.session(session.token), "who is signed in stays so"
    assert accounts.sign_in("ann", PASSWORD, address="10.0.0.1")
    fail(accounts, "ann", address="10.0.0.1", times=10)
    wait_asked(accounts, "ann", address="10.0.0.1")


def test_attempts_that_have_to_wait_add_one_line_to_the_trail_and_check_no_password(
    tmp_path: Path, now: Now
):
    counted = Counted()
    accounts = Accounts(open_database(tmp_path / "burnish.db"), clock=now, passwords=counted)
    accounts.add_person("ann", "admin", by="root", password=PASSWORD)
    fail(accounts, "ann", address="10.6.6.6", times=10)
    before = len(accounts.trail(limit=1000))
    for _ in range(200):
        wait_asked(accounts, "ann", address="10.6.6.6")
    assert len(accounts.trail(limit=1000)) == before + 1
    assert len(counted.verified) == 10


def test_a_clock_that_is_set_back_does_not_lock_anybody_for_the_step(accounts: Accounts, now: Now):
    fail(accounts, "ann", address="10.6.6.6", times=10)
    now.on(days=-1)
    assert accounts.sign_in("ann", PASSWORD, address="10.0.0.1")


def test_guesses_sent_all_at_once_are_no_more_than_ten(database: str, now: Now):
    from concurrent.futures import ThreadPoolExecutor

    counted = Counted()
    accounts = Accounts(open_database(database), clock=now, passwords=counted)
    accounts.add_person("ann", "admin", by="root", password=PASSWORD)
    assert accounts.cookie_name()

    def guess(at: int) -> str:
        try:
            accounts.sign_in("ann", f"wrong guess {at}", address="10.6.6.6")
        except SignInError as error:
            return type(error).__name__
        return "in"

    with ThreadPoolExecutor(16) as pool:
        told = list(pool.map(guess, range(60)))
    assert told.count("SignInError") == len(counted.verified) == 10
    assert told.count("Throttled") == 50


def test_guesses_of_ones_own_old_password_count(accounts: Accounts):
    for _ in range(10):
        with pytest.raises(ReviewError, match="is another"):
            accounts.change_password("ann", "wrong wrong wrong", OTHER, address="10.0.0.1")
    with pytest.raises(TooManyAttempts):
        accounts.change_password("ann", PASSWORD, OTHER, address="10.0.0.1")


# ---------------------------------------------------------------- the trail


def test_the_trail_says_who_did_what_to_whom_and_from_where(everywhere: Accounts, now: Now):
    session = everywhere.sign_in("ada", PASSWORD, address="10.0.0.1")
    everywhere.set_role("ann", "reviewer", by="ada", address="10.0.0.1")
    everywhere.set_role("ann", "reviewer", by="ada", address="10.0.0.1")
    everywhere.set_password("ann", OTHER, by="ada")
    issued = everywhere.make_token("ann", "job", by="ada")
    everywhere.revoke_token(issued.token.token_id, by="ada")
    everywhere.revoke_token(issued.token.token_id, by="ada")
    everywhere.deactivate("ann", by="ada")
    everywhere.reactivate("ann", by="ada")
    everywhere.sign_out(session.token)
    everywhere.sign_out(session.token)
    assert actions(everywhere)[:8] == [
        ("ada", "sign_out", "ada"),
        ("ada", "person_reactivated", "ann"),
        ("ada", "person_deactivated", "ann"),
        ("ada", "token_revoked", "ann"),
        ("ada", "token_made", "ann"),
        ("ada", "password_set", "ann"),
        ("ada", "role_changed", "ann"),
        ("ada", "sign_in", "ada"),
    ], "what changed nothing has no line"
    (changed,) = everywhere.trail(action="role_changed")
    assert (changed.detail, changed.address) == ("annotator to reviewer", "10.0.0.1")
    assert changed.at == now.at


def test_the_trail_is_read_in_pieces(everywhere: Accounts):
    every = everywhere.trail()
    first = everywhere.trail(limit=2)
    assert first + everywhere.trail(before=first[-1].seq) == every


@pytest.mark.parametrize("change", ["UPDATE desk_trail SET actor = 'x'", "DELETE FROM desk_trail"])
def test_the_database_refuses_to_change_the_trail(everywhere: Accounts, database: str, change: str):
    assert everywhere.trail()
    with (
        pytest.raises(sa.exc.DBAPIError, match="append-only"),
        open_database(database).begin() as connection,
    ):
        connection.execute(sa.text(change))


# ---------------------------------------------------------------- the install


def test_each_install_signs_with_a_secret_of_its_own(tmp_path):
    one, two = (make_accounts(tmp_path / f"{name}.db", Now()) for name in "ab")
    again = Accounts(open_database(tmp_path / "a.db"), passwords=CHEAP)
    assert one.sign("x") == again.sign("x") != two.sign("x")
    assert one.cookie_name() != two.cookie_name()


def test_who_acts_without_a_login_is_there_as_a_person(accounts: Accounts):
    accounts.ensure_person("root")
    accounts.ensure_person("root")
    assert accounts.person("root") == Person("root", "admin")
    accounts.deactivate("ann", by="ada")
    with pytest.raises(ReviewError, match="deactivated"):
        accounts.ensure_person("ann")
