"""Reports as files, and by the command."""

from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner, Result
from psycopg import Connection

from service.asking.questions import Questions
from service.cli.main import main
from service.daybook import Daybook
from service.exporting.files import CannotWrite
from service.reporting.contents import PUBLISHED, REPORT_TABLES
from service.reporting.files import publish_into
from tests.service.reporting.conftest import DAY, WISH


@pytest.mark.parametrize("name", ["reports.duckdb", "reports"])
def test_reports_are_written_as_files(
    published: Daybook, questions: Questions, reader: Connection[Any], tmp_path: Path, name: str
) -> None:
    target = tmp_path / "made" / name
    done = publish_into(target, questions, WISH)
    assert set(done.rows) == {table.name for table in REPORT_TABLES}
    query = "select count(*), sum(ordered_amount), sum(received_quantity) from {}"
    with duckdb.connect(str(target) if target.is_file() else ":memory:") as connection:
        place = "reporting.order_lines" if target.is_file() else f"'{target}/order_lines.parquet'"
        found = connection.execute(query.format(place)).fetchone()
        if target.is_file():
            comments = dict(connection.execute("select table_name, comment from duckdb_tables()").fetchall())
            assert comments == {table.name: table.words for table in (*REPORT_TABLES, PUBLISHED)}
            types = dict(
                connection.execute(
                    "select column_name, data_type from duckdb_columns() where table_name = 'dependence_by_month'"
                ).fetchall()
            )
            assert (types["month"], types["value"]) == ("DATE", "DECIMAL(38,6)")
    assert found == reader.execute(query.format("reporting.order_lines").encode()).fetchone()
    stood = target.stat().st_ino, target.stat().st_mtime_ns
    assert publish_into(target, questions, WISH).rows == {}
    assert (target.stat().st_ino, target.stat().st_mtime_ns) == stood
    assert [path.name for path in target.parent.glob(".*.part")] == []


def test_a_file_that_is_no_database_is_replaced_and_a_place_that_is_none_is_named(
    daybook: Daybook, questions: Questions, tmp_path: Path
) -> None:
    target = tmp_path / "broken.duckdb"
    target.write_bytes(b"no database")
    assert publish_into(target, questions, WISH).rows["order_lines"] > 10
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CannotWrite, match="file/reports"):
        publish_into(tmp_path / "file" / "reports", questions, WISH)


def test_the_command_publishes_and_says_what(database: str, daybook: Daybook, tmp_path: Path) -> None:
    def run(*arguments: str) -> Result:
        own = {"DAYBOOK_DATABASE_URL": database, "DAYBOOK_HOME": str(tmp_path / "home"), "COLUMNS": "200"}
        return CliRunner().invoke(main, ("reporting", "publish", *arguments), env=own)

    first = run("--effective-on", DAY, "--grant", "daybook_reporting")
    assert first.exit_code == 0, first.output
    assert f"the schema reporting is as of position 66, {DAY}: " in first.stderr
    assert " order_lines, " in first.stderr
    assert "the schema reporting is level" in run("--effective-on", DAY).stderr
    files = run("--effective-on", DAY, "--into", str(tmp_path / "folder"))
    assert files.exit_code == 0, files.output
    assert (tmp_path / "folder" / "published.parquet").exists()
    embedded = CliRunner().invoke(
        main, ("reporting", "publish", "--grant", "y"), env={"DAYBOOK_HOME": str(tmp_path / "other"), "COLUMNS": "200"}
    )
    assert (embedded.exit_code, "lets nobody in" in embedded.stderr) == (2, True)
    for arguments, code, words in (
        (("--grant", "daybook_service"), 4, "may read"),
        (("--currency", "ABC"), 2, "ABC"),
        (("--every", "60", "--position", "3"), 2, "goes without --position"),
        (("--buyer", "nobody"), 2, "unknown organization nobody"),
        (("--into", "x", "--grant", "y"), 2, "--grant is about the database"),
    ):
        refused = run(*arguments)
        assert (refused.exit_code, words in refused.stderr) == (code, True), refused.stderr
