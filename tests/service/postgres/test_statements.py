"""Statements for PostgreSQL, read from the file beside their module."""

from pathlib import Path

from service.postgres.statements import statements_of


def test_the_statements_of_a_module_stand_beside_it(tmp_path: Path) -> None:
    (tmp_path / "things.sql").write_text(
        "-- name: columns\n-- What is read.\nid, name\n\n-- name: one\n-- A thing.\nselect {columns} from thing\n\n",
        encoding="utf-8",
    )
    assert statements_of(str(tmp_path / "things.py"))["one"] == b"select id, name from thing"
