"""Signing keys: made once and kept to oneself, or given; names that ledgers may have."""

import threading
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from domain.notes import check_key_name
from service.cli.main import main
from service.log.keys import BadSigningKey, given_keys, key_file, log_name, made_keys, parse_keys
from service.log.signatures import SigningKey
from service.settings import Settings

OURS, NEXT = (SigningKey("daybook", bytes([number]) * 32) for number in (1, 2))


def test_a_key_is_made_once_and_for_the_owners_eyes_only(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    assert given_keys(settings, "daybook") == ()
    made = made_keys(settings, "daybook")
    assert made == given_keys(settings, "daybook") == made_keys(settings, "daybook")
    assert key_file(settings.home).stat().st_mode & 0o777 == 0o600
    assert settings.home.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in settings.home.iterdir()] == ["signing-key"]


def test_whoever_makes_a_key_at_the_same_time_gets_the_same(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    made: list[tuple[SigningKey, ...]] = []
    gate = threading.Barrier(8)

    def make() -> None:
        gate.wait()
        made.append(made_keys(settings, "daybook"))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 1
    assert len(made) == 8
    assert [path.name for path in settings.home.iterdir()] == ["signing-key"]


@pytest.mark.parametrize("between", [" ", "\n", ",", ", ", "\r\n"])
def test_several_keys_are_given_in_one_text(between: str) -> None:
    given = f" {OURS.encode()}{between}{NEXT.encode()}\n"
    assert parse_keys(given, "daybook", "here") == (OURS, NEXT)


def test_given_keys_come_before_those_of_the_home(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    made_keys(settings, "daybook")
    given = settings.model_copy(update={"signing_key": SecretStr(OURS.encode())})
    assert made_keys(given, "daybook") == (OURS,)


SECRET = OURS.encode().rpartition("+")[2]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "here holds no key"),
        (" ,\n", "here holds no key"),
        ("nonsense", r"here: key 1: a private key is PRIVATE\+KEY\+name\+id\+key"),
        (f"{OURS.encode()} {SECRET}", "here: key 2: a private key is"),
        (OURS.verifier.encode(), "here: key 1: a private key is"),
        (OURS.encode()[:-4], "here: key 1: "),
        (OURS.encode().replace("daybook", "other"), "here: key 1: the private key of other does not fit its id"),
        (SigningKey("other", bytes(32)).encode(), "here: key 1 is named 'other', and this ledger's log is 'daybook'"),
        (f"{OURS.encode()},{OURS.encode()}", "here: key 2 is given twice"),
    ],
)
def test_what_is_no_key_of_this_ledger_is_refused_and_never_shown(text: str, reason: str) -> None:
    with pytest.raises(BadSigningKey, match=reason) as refused:
        parse_keys(text, "daybook", "here")
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("name", ["daybook", "ledger.example/buyers", "采购", "a%20b"])
def test_a_log_is_called_as_its_ledger(name: str) -> None:
    assert log_name(name) == name


@pytest.mark.parametrize(
    ("origin", "name"),
    [
        ("our ledger", "our%20ledger"),
        ("a+b", "a%2Bb"),
        ("100% ours", "100%25%20ours"),
        ("a\u2003b\n", "a%E2%80%83b%0A"),
    ],
)
def test_what_no_key_can_be_called_is_written_out(origin: str, name: str) -> None:
    check_key_name(name)
    assert log_name(origin) == name


NO_NAMES = ["", " ", "our ledger", "a+b", "a\tb", "line\nfeed", "\u2028", "\x7f\x01"]


def test_a_new_ledger_is_not_called_what_no_key_can_be_called(database_without_ledger: str, tmp_path: Path) -> None:
    environment = {"DAYBOOK_DATABASE_URL": database_without_ledger, "DAYBOOK_HOME": str(tmp_path / "home")}
    for origin in NO_NAMES:
        done = CliRunner().invoke(main, ("init", "--origin", origin), env=environment)
        assert done.exit_code == 2
        assert f"{origin!r} cannot name a ledger: a name has no spaces" in done.stderr
    assert not (tmp_path / "home" / "signing-key").exists()
    done = CliRunner().invoke(main, ("init", "--origin", "ledger.example/buyers"), env=environment)
    assert done.stdout == "ledger ledger.example/buyers at position 0\n"


def test_a_key_of_another_name_stops_init_with_a_sentence(database_without_ledger: str, tmp_path: Path) -> None:
    environment = {
        "DAYBOOK_DATABASE_URL": database_without_ledger,
        "DAYBOOK_HOME": str(tmp_path / "home"),
        "DAYBOOK_SIGNING_KEY": OURS.encode(),
    }
    done = CliRunner().invoke(main, ("init", "--origin", "other"), env=environment)
    assert done.exit_code == 2
    assert "DAYBOOK_SIGNING_KEY: key 1 is named 'daybook', and this ledger's log is 'other'" in done.stderr
