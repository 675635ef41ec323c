"""A setting that cannot be used ends a command with its name and why."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from service.cli.main import main
from service.settings import MEANT_WHERE_EMPTY, Settings


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("IMPORT_MEMORY_MB", "5", "must be greater than or equal to 128"),
        ("IMPORT_MEMORY_MB", "much", "must be a valid integer"),
        ("LOG_FORMAT", "xml", "must be 'auto', 'json' or 'text'"),
        ("TIME_ZONE", "Mars/Phobos", "'Mars/Phobos' is no time zone that is known here"),
        ("TIME_ZONE", "../UTC", "'../UTC' is no time zone"),
        ("RATE_LIMIT", "sometimes", "couldn't parse rate limit string 'sometimes'"),
        ("WEBHOOK_NETWORKS", "10.0.0.0/8, here", "'here' does not appear to be an IPv4 or IPv6 network"),
        ("DATABASE_URL", "postgres//buyer:open-sesame@host/d", "is no address of a database"),
        ("MIGRATIONS_URL", "postgresql://buyer:open-sesame@host:%zz/d", "is no address of a database"),
        ("WEBHOOK_NETWORKS", "10.0.0.1/8", "10.0.0.1/8 has host bits set"),
        ("DATABASE_URL", "", "is empty: give an address"),
        ("MIGRATIONS_URL", " ", "is empty: give an address"),
        ("WAIT_S", "nan", "must be a finite number"),
        ("WAIT_S", "inf", "must be a finite number"),
        ("LONGEST_WAIT_S", "1e300", "must be less than or equal to 86400"),
        ("BODY_TIMEOUT_S", "inf", "must be a finite number"),
        ("BODY_TIMEOUT_S", "0", "must be greater than 0"),
        ("IMPORT_TIMEOUT_S", "nan", "must be a finite number"),
        ("IMPORT_KEPT_DAYS", "inf", "must be a finite number"),
        ("OIDC_LEEWAY_S", "nan", "must be a finite number"),
        ("TIME_ZONE", "localtime", "'localtime' is another zone on every machine"),
        ("TIME_ZONE", "posix/localtime", "'posix/localtime' is another zone on every machine"),
    ],
)
def test_what_is_no_setting_is_a_sentence_with_its_name(name: str, given: str, said: str) -> None:
    done = CliRunner().invoke(main, ["openapi"], env={f"DAYBOOK_{name}": given})
    assert done.exit_code == 2
    assert done.stderr.startswith(f"daybook: the setting {name.lower()} (DAYBOOK_{name}): {said}")
    assert "open-sesame" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(("content", "said"), [(None, "there is no such file"), (b"a = [", ""), (b"\xff", "")])
def test_a_file_of_settings_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None, said: str) -> None:
    file = tmp_path / "daybook.toml"
    if content is not None:
        file.write_bytes(content)
    done = CliRunner().invoke(main, ["openapi"], env={"DAYBOOK_CONFIG": str(file)})
    assert done.exit_code == 2
    assert done.stderr.startswith(f"daybook: the file {file} (DAYBOOK_CONFIG): {said}")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("given", ['["https://a.example", "https://b.example"]', "https://a.example,https://b.example"])
def test_sites_are_listed_in_json_or_with_commas(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("DAYBOOK_CORS_ORIGINS", given)
    assert Settings().cors_origins == ["https://a.example", "https://b.example"]


def test_a_variable_that_is_empty_is_as_if_it_were_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"DAYBOOK_{name.upper()}", raising=False)
    unset = Settings()
    for name in Settings.model_fields.keys() - MEANT_WHERE_EMPTY:
        monkeypatch.setenv(f"DAYBOOK_{name.upper()}", "")
    assert Settings() == unset


def test_an_empty_secret_is_no_missing_one(monkeypatch: pytest.MonkeyPatch) -> None:
    # An empty address is refused (above).
    for name in MEANT_WHERE_EMPTY - {"database_url", "migrations_url"}:
        monkeypatch.setenv(f"DAYBOOK_{name.upper()}", "")
    settings = Settings()
    for given in (settings.admin_token, settings.signing_key):
        assert given is not None
        assert given.get_secret_value() == ""


@pytest.mark.parametrize("name", ["home", "origin", "pg_bin", "database_url", "time_zone"])
def test_a_name_that_is_empty_in_the_file_is_refused(tmp_path: Path, name: str) -> None:
    file = tmp_path / "daybook.toml"
    file.write_text(f'{name} = ""\n')
    done = CliRunner().invoke(main, ["openapi"], env={"DAYBOOK_CONFIG": str(file)})
    assert (done.exit_code, f"the setting {name} " in done.stderr) == (2, True), done.stderr


def test_a_home_that_is_empty_is_no_flag() -> None:
    done = CliRunner().invoke(main, ["--home", "", "openapi"])
    assert (done.exit_code, "--home" in done.stderr, "is empty" in done.stderr) == (2, True, True), done.stderr


def test_a_folder_is_no_file_of_settings(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["openapi"], env={"DAYBOOK_CONFIG": str(tmp_path)})
    assert (done.exit_code, "it is a folder, and no file" in done.stderr) == (2, True)


def test_a_zone_by_its_name_for_posix_is_taken() -> None:
    assert Settings(time_zone="posix/UTC").time_zone == "posix/UTC"
