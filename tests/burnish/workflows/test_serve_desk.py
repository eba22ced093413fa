"""The desk's first minute: who may enter, which port, and what is said when a part is missing."""

from __future__ import annotations

import socket
import sys

import pytest
from click.testing import CliRunner

from burnish.cli import main
from burnish.database import open_database
from burnish.errors import ProjectError, ReviewError
from burnish.review.accounts import Accounts
from burnish.review.passwords import Passwords
from burnish.workflows import serve_desk
from burnish.workflows.home import prepare_home
from burnish.workflows.serve_desk import first_admin, is_loopback, listen, require_libraries


@pytest.fixture
def accounts(tmp_path) -> Accounts:
    cheap = Passwords(time_cost=1, memory_kib=8, lanes=1)
    return Accounts(open_database(tmp_path / "desk.db"), passwords=cheap)


def test_the_first_admin_can_sign_in_with_what_was_told_and_there_is_no_second(accounts):
    made = first_admin(accounts, user="ada")
    session = accounts.sign_in(made.name, made.password)
    assert (session.person.name, session.person.role) == ("ada", "admin")
    assert made.password in str(made)
    assert first_admin(accounts, user="bob") is None
    assert [one.name for one in accounts.people()] == ["ada"]


def test_two_first_admins_have_different_passwords(accounts, tmp_path):
    other = Accounts(open_database(tmp_path / "other.db"))
    found = [first_admin(one, user="ada").password for one in (accounts, other)]
    assert len(set(found)) == 2


def test_a_machine_user_whose_name_cannot_be_taken_makes_an_admin_of_that_name(accounts):
    assert first_admin(accounts, user="gold").name == "admin"


def test_an_admin_without_a_password_is_given_one_and_a_lesser_person_is_not(accounts):
    accounts.add_person("ada", "admin", by="root")
    assert first_admin(accounts, user="ada").name == "ada"
    assert accounts.person("ada").role == "admin"


def test_nobody_is_made_admin_who_was_not(accounts):
    accounts.add_person("ada", "annotator", by="root")
    accounts.add_person("admin", "annotator", by="root")
    with pytest.raises(ReviewError, match="nobody can sign in"):
        first_admin(accounts, user="ada")
    assert {one.role for one in accounts.people()} == {"annotator"}


def test_a_person_called_as_the_machine_user_is_another_than_who_types_commands(accounts):
    first_admin(accounts, user="ada")
    [line] = [one for one in accounts.trail() if one.action == "person_added"]
    assert line.actor.endswith("(command line)")
    with pytest.raises(ReviewError, match="cannot be a name"):
        accounts.add_person(line.actor, "admin", by="root")


@pytest.mark.parametrize(
    ("host", "here"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("LOCALHOST", True),
     ("0.0.0.0", False), ("::", False), ("192.168.1.5", False), ("desk.example.org", False)],
)  # fmt: skip
def test_only_addresses_of_this_machine_alone_are_loopback(host, here):
    assert is_loopback(host) == here


def test_a_usual_port_that_is_taken_is_passed_over_and_a_named_one_is_refused(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(serve_desk, "USUAL_PORT", port)
        with listen("127.0.0.1", None) as found:
            assert found.getsockname()[1] != port
        with pytest.raises(ProjectError, match=f"port {port}"):
            listen("127.0.0.1", port)
    with pytest.raises(ProjectError, match=r"cannot listen at 203\.0\.113\.1"):
        listen("203.0.113.1", None)


def test_a_missing_library_is_named_with_the_extra_that_has_it(monkeypatch, tmp_path):
    prepare_home(tmp_path / "home")
    monkeypatch.setattr(serve_desk, "LIBRARIES", ("fastapi", "no_such_library"))
    with pytest.raises(ProjectError, match="needs no_such_library") as raised:
        require_libraries()
    assert raised.value.hint == 'pip install "burnish[review]"'
    catalog = ["--catalog", str(tmp_path)]
    done = CliRunner().invoke(main, ["review", "--home", str(tmp_path / "home"), *catalog])
    assert done.exit_code == 1
    assert 'pip install "burnish[review]"' in done.output


def test_the_command_line_loads_no_web_framework():
    code = "import burnish.cli, sys; print([n for n in ('fastapi', 'uvicorn') if n in sys.modules])"
    import subprocess

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_options_without_a_command_serve_and_an_unknown_command_does_not(tmp_path):
    nowhere = str(tmp_path / "nowhere")
    served = CliRunner().invoke(main, ["review", "--home", nowhere, "--catalog", nowhere])
    assert "nothing was run yet with the home" in served.output
    unknown = CliRunner().invoke(main, ["review", "serv"])
    assert unknown.exit_code == 2
    listed = CliRunner().invoke(main, ["review", "--help"]).output
    assert all(word in listed for word in ("serve", "person", "token", "accuracy"))
