"""What a service refuses to start with."""

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from service.cli.main import main
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


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"DAYBOOK_ADMIN_TOKEN": "secret"}, "DAYBOOK_ADMIN_TOKEN can be guessed"),
        ({"DAYBOOK_ADMIN_TOKEN": ""}, "DAYBOOK_ADMIN_TOKEN can be guessed"),
        ({"DAYBOOK_OIDC_ISSUER": "https://login.example"}, "takes oidc_audience"),
    ],
)
def test_nothing_is_made_for_a_service_that_does_not_start(tmp_path: Path, setting: dict[str, str], said: str) -> None:
    home = tmp_path / "home"
    done = CliRunner().invoke(main, ["--home", str(home), "serve", "--port", "0"], env=setting)
    assert (done.exit_code, said in done.stderr) == (2, True), done.output
    assert not home.exists()


@pytest.mark.parametrize("content", [b"\xff\x00\x81" * 20, "schl\u00fcssel".encode(), None])
def test_a_file_of_the_admins_token_that_is_no_text_is_a_sentence(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "admin-token"
    file.mkdir() if content is None else file.write_bytes(content)
    done = CliRunner().invoke(main, ["--home", str(tmp_path), "serve"])
    assert (done.exit_code, str(file) in done.stderr, len(list(tmp_path.iterdir()))) == (2, True, 1), done.stderr
    assert "Traceback" not in done.stderr


def test_no_tokens_are_a_sentence(database: str, tmp_path: Path) -> None:
    own = {"DAYBOOK_DATABASE_URL": database, "DAYBOOK_HOME": str(tmp_path)}
    done = CliRunner().invoke(main, ["token", "list"], env=own)
    assert done.stdout.startswith("Tokens: none is made yet (daybook token create")
    assert json.loads(CliRunner().invoke(main, ["token", "list", "--json"], env=own).stdout) == []
    made = json.loads(CliRunner().invoke(main, ["token", "create", "--name", "wall", "--json"], env=own).stdout)
    assert made["id"] in CliRunner().invoke(main, ["token", "list"], env=own).stdout


def test_any_other_is_taken(tmp_path: Path) -> None:
    assert given(tmp_path, "0123456789abcdef0123456789abcdef\n") == "0123456789abcdef0123456789abcdef"
    made = admin_token(Settings(home=tmp_path))
    assert admin_token(Settings(home=tmp_path)) == made
