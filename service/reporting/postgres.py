"""Reports as tables of a schema in the ledger's own database: filled in one transaction, and opened to readers."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import Connection, errors, sql

from domain.errors import Invalid
from service.asking.questions import Questions
from service.postgres.connections import noticing
from service.postgres.statements import statements_of
from service.reporting.contents import PUBLISHED, REPORT_TABLES, SCHEMA, ReportTable, ReportWish, identity_of, source_of

SQL = statements_of(__file__)
#: Rows between two looks at whether to go on.
ROWS_AT_ONCE = 1_000


class CannotGrant(Exception):
    """A role cannot be let in to read reports; the message says why."""


class PublishingEnded(Exception):
    """Publishing was asked to end before it was done; nothing was changed."""


@dataclass(frozen=True, slots=True)
class PublishedReports:
    """What was published, or found to be so already."""

    position: int
    effective_on: str
    #: Rows by table; empty: everything was level already.
    rows: Mapping[str, int]


def publish(
    settings: Mapping[str, Any], questions: Questions, wish: ReportWish, is_stopping: Callable[[], bool] = lambda: False
) -> PublishedReports:
    """Fill the tables of reports as of the wish's moment, in one transaction: readers see those of before, or these.

    `settings`: of a connection in the service's role. Of several who publish one waits for the other; what is level
    already is left as it is. Raises PublishingEnded.
    """
    with psycopg.connect(**settings) as connection:
        connection.execute(SQL["patience"])
        connection.execute(SQL["lock"])
        # Read behind the lock: whoever comes second has at least what the first had.
        source = source_of(questions, wish)
        moment = source.resolved["position"], source.resolved["effective_on"]
        if _published(connection) == identity_of(source):
            return PublishedReports(*moment, {})
        rows = {}
        for table in (*REPORT_TABLES, PUBLISHED):
            connection.execute(sql.SQL("delete from {}").format(sql.Identifier(SCHEMA, table.name)))
            rows[table.name] = _copy(connection, table, table.rows(source), is_stopping)
        del rows[PUBLISHED.name]
        return PublishedReports(*moment, rows)


def _published(connection: Connection[Any]) -> list[str | None] | None:
    """What is published, each value as text; None: nothing."""
    row = connection.execute(SQL["published"]).fetchone()
    return None if row is None else list(row.values() if isinstance(row, dict) else row)


def _copy(
    connection: Connection[Any], table: ReportTable, rows: Iterator[list[Any]], is_stopping: Callable[[], bool]
) -> int:
    columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.columns)
    statement = sql.SQL("copy {} ({}) from stdin").format(sql.Identifier(SCHEMA, table.name), columns)
    count = 0
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for count, row in enumerate(rows, start=1):
            if count % ROWS_AT_ONCE == 0 and is_stopping():
                raise PublishingEnded("publishing was asked to end: the reports are as they were")
            copy.write_row(row)
    return count


def let_read(owner: str, role: str) -> None:
    """Let a role read the tables of reports, and make it, without a login, where there is none.

    `owner`: the connection string of the database's owner. Raises CannotGrant, also for a role that may read the
    ledger itself: it would be no reader of reports alone.
    """
    if not role or len(role.encode()) >= 64:
        raise Invalid.at("/grant", f"{role!r:.80} is no name of a role: it has from 1 to 63 bytes")
    name = sql.Identifier(role)
    with psycopg.connect(**noticing(owner), autocommit=True) as connection:
        try:
            if connection.execute(SQL["role"], (role,)).fetchone() is None:
                connection.execute(sql.SQL("create role {} nologin").format(name))
            more = [str(row[0]) for row in connection.execute(SQL["readable-besides"], {"role": role})]
            if more:
                raise CannotGrant(f"{role} may read {more[0]} as well: give reports a role of their own")
            connection.execute(sql.SQL("grant usage on schema reporting to {}").format(name))
            connection.execute(sql.SQL("grant select on all tables in schema reporting to {}").format(name))
        except errors.InsufficientPrivilege as error:
            raise CannotGrant(
                f"{connection.info.user} may not let {role} in ({error.diag.message_primary}): run it with the owner"
                " of the database in DAYBOOK_MIGRATIONS_URL, or have an administrator make the role first"
            ) from error
