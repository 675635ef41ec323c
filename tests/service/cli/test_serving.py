"""What a service refuses to start with."""

from pathlib import Path

import click
import pytest
from pydantic import SecretStr

from service.cli.serving import admin_token
from service.settings import Settings


def given(home: Path, token: str) -> str:
    """The admin's token, where it is taken."""
    return admin_token(Settings(home=home, admin_token=SecretStr(token)))


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("", "at least 32"),
        ("x", "at least 32"),
        ("0123456789abcdef0123456789abcde", "at least 32"),
        ("a" * 64, "8 of them different"),
        ("abcdefg" * 9, "8 of them different"),
        ("0123456789abcdef 0123456789abcdef", "printable"),
        ("0123456789abcdef0123456789abcdeé", "printable"),
        ("0123456789abcdef\n0123456789abcdef", "printable"),
    ],
)
def test_an_admins_token_that_can_be_guessed_is_refused(tmp_path: Path, token: str, said: str) -> None:
    with pytest.raises(click.UsageError, match=said):
        given(tmp_path, token)
    (tmp_path / "admin-token").write_text(token)
    with pytest.raises(click.UsageError, match=said):
        admin_token(Settings(home=tmp_path))


def test_any_other_is_taken(tmp_path: Path) -> None:
    assert given(tmp_path, "0123456789abcdef0123456789abcdef\n") == "0123456789abcdef0123456789abcdef"
    made = admin_token(Settings(home=tmp_path))
    assert admin_token(Settings(home=tmp_path)) == made
