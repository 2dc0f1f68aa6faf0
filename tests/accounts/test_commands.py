"""`create_user` and `create_api_key`, as an operator types them."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from django.core.management import CommandError, call_command

from apps.accounts.models import ApiKey, User
from apps.accounts.roles import Role
from apps.accounts.services import api_key_authenticate


def create_user(monkeypatch: pytest.MonkeyPatch, *arguments: str, password: str) -> str:
    """Run the command with a password on its standard input; return what it says."""
    monkeypatch.setattr("sys.stdin", io.StringIO(password + "\n"))
    said = io.StringIO()
    call_command("create_user", *arguments, "--password-stdin", stderr=said)
    return said.getvalue()


@pytest.mark.parametrize("role", Role.values)
def test_create_user(db: None, monkeypatch: pytest.MonkeyPatch, role: str) -> None:
    said = create_user(monkeypatch, "Kim@Example.org", "--role", role, password="Correct-horse-battery-9")

    user = User.objects.get(email="kim@example.org")
    assert user.role == role
    assert user.check_password("Correct-horse-battery-9")
    assert "Weak" not in said


def test_a_weak_password_is_said_and_an_empty_one_refused(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    said = create_user(monkeypatch, "a@example.org", "--role", "clinician", password="1234")
    assert "Weak password" in said
    with pytest.raises(CommandError, match="empty"):
        create_user(monkeypatch, "b@example.org", "--role", "clinician", password="")
    with pytest.raises(CommandError, match="already has an account"):
        create_user(monkeypatch, "A@example.org", "--role", "clinician", password="Correct-horse-9")
    with pytest.raises(CommandError, match="expected NAME@HOST"):
        create_user(monkeypatch, "example.org", "--role", "clinician", password="Correct-horse-9")
    with pytest.raises(CommandError, match="invalid choice"):
        create_user(monkeypatch, "c@example.org", "--role", "surgeon", password="Correct-horse-9")


def test_create_api_key_prints_the_key_alone(
    person: Callable[[Role], User], capsys: pytest.CaptureFixture[str]
) -> None:
    user = person(Role.INTEGRATOR)
    wish = ["--scope", "studies:read", "--scope", "models:read", "--days", "7"]
    call_command("create_api_key", user.email, *wish)

    found = api_key_authenticate(capsys.readouterr().out.strip())
    assert found is not None
    assert found.user == user
    assert found.scopes == ["studies:read", "models:read"]


def test_create_api_key_says_what_is_wrong(person: Callable[[Role], User]) -> None:
    user = person(Role.INTEGRATOR)
    with pytest.raises(CommandError, match="has no account"):
        call_command("create_api_key", "nobody@example.org", "--scope", "studies:read")
    with pytest.raises(CommandError, match="invalid choice"):
        call_command("create_api_key", user.email, "--scope", "studies:delete")
    with pytest.raises(CommandError, match="1 to 366"):
        call_command("create_api_key", user.email, "--scope", "studies:read", "--days", "0")
    assert not ApiKey.objects.exists()
