"""What commands read from files and arguments: what is hostile ends with a sentence and an exit code of its own."""

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg import sql

from service.cli.main import main
from service.postgres.embedded import EmbeddedPostgres
from tests.effort import effort_s, least_s
from tests.hostile.files import bomb, members

#: What a command may take besides opening the ledger, in times of what is least: seconds, where it takes tenths of one.
LONGEST = 20_000
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def run(postgres_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run a command on a ledger that all of them share."""
    name = "of_hostile_commands"
    with psycopg.connect(postgres_server.conninfo_of("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    own = {
        **{name: value for name, value in os.environ.items() if not name.startswith("DAYBOOK_")},
        "DAYBOOK_DATABASE_URL": postgres_server.conninfo_of(name),
        "DAYBOOK_HOME": str(tmp_path_factory.mktemp("hostile") / "home"),
    }
    return lambda *arguments: CliRunner().invoke(main, arguments, env=own)


@pytest.mark.parametrize(
    ("arguments", "content", "code", "says"),
    [
        (("import", "FILE"), b"", 2, "empty"),
        (("import", "FILE"), bytes(range(256)) * 500, 2, "line 1"),
        (("import", "FILE"), b'{"a":' * 100_000, 2, "line 1"),
        (("import", "FILE", "--format", "ndjson"), bomb(40_000_000), 2, "line 1"),
        (("import", "FILE", "--format", "ndjson"), members(5_000), 2, "line 1"),
        (("import", "FILE"), gzip.compress(b"Date,USD\n2024-01-01,1\n", mtime=0)[:-4], 2, "cut short"),
        (("replay", "--only", "--queries", "FILE"), b"orders?cursor=\xff\n", 2, "not UTF-8"),
        (("replay", "--only", "--queries", "FILE"), "a\u2028b?c=d\n".encode(), 2, "line 1"),
        (("replay", "--only", "--queries", "FILE"), b"http://[\n", 2, "line 1"),
        (("replay", "--only", "--queries", "FILE"), b"#\n" * 20_000 + b"nothing\n", 2, "lines"),
        (("export", "view", "http://["), b"", 2, ""),
        (("export", "view", "orders?cursor=%ff"), b"", 2, "cursor"),
        (("export", "view", "vendor-dependence?recorded_at=0001-01-01T00:00:00%2B14:00"), b"", 2, "recorded_at"),
        (("export", "events", "--after", "9" * 400), b"", 2, ""),
        (("restore", "FILE.d", "--check", "--checkpoint", "FILE"), b"{" * 100_000, 2, "--checkpoint"),
        (("restore", "FILE.d", "--check", "--vkey", "a\u2028b+00000000+AAAA"), b"", 2, "--vkey"),
    ],
)
def test_a_hostile_command_ends_with_a_sentence(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], content: bytes, code: int, says: str
) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    (tmp_path / "file.d").mkdir()
    ended: list[Result] = []

    def act() -> None:
        ended.append(
            run(*(str(file) + one.removeprefix("FILE") if one.startswith("FILE") else one for one in arguments))
        )

    assert effort_s(act, every_thread=True) < LONGEST * least_s()
    [done] = ended
    assert (done.exit_code, says in done.output) == (code, True), (done.output[-2_000:], done.exception)
    assert "Traceback" not in done.output
    assert isinstance(done.exception, SystemExit)
