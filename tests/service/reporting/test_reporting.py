"""Reports in the database: what readers see of them, and that they see nothing else."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg import Connection, errors

from domain.catalogue import read_request
from service.asking.columns import ColumnKind
from service.asking.comparisons import Comparisons
from service.asking.questions import Questions
from service.asking.views import parse_question
from service.codes import codes
from service.daybook import Daybook
from service.reporting.contents import PUBLISHED, REPORT_TABLES, ReportWish
from service.reporting.postgres import CannotGrant, PublishingEnded, let_read, publish
from tests.service.reporting.conftest import DAY, READER, WISH, order

TYPES = {
    ColumnKind.FIGURE: "numeric",
    ColumnKind.WHOLE: "bigint",
    ColumnKind.FLAG: "boolean",
    ColumnKind.DAY: "date",
    ColumnKind.INSTANT: "timestamp with time zone",
}


def answer(questions: Questions, question: str) -> dict[str, Any]:
    """What the API answers."""
    return parse_question(question).answer(questions, Comparisons(questions.daybook, 10))


def test_a_program_finds_the_tables_and_their_columns_with_what_they_hold(reader: Connection[Any]) -> None:
    found = reader.execute(
        "select table_name, column_name, data_type,"
        " col_description(format('%I.%I', table_schema, table_name)::regclass, ordinal_position)"
        " from information_schema.columns where table_schema not in ('information_schema', 'pg_catalog')"
        " order by table_name, ordinal_position"
    ).fetchall()
    assert found == [
        (table.name, column.name, TYPES.get(column.kind, "text"), table.comments[column.name])
        for table in sorted((*REPORT_TABLES, PUBLISHED), key=lambda one: one.name)
        for column in table.columns
    ]
    words = reader.execute(
        "select relname, obj_description(oid) from pg_class"
        " where relnamespace = 'reporting'::regnamespace and relkind = 'r'"
    )
    assert dict(words.fetchall()) == {table.name: table.words for table in (*REPORT_TABLES, PUBLISHED)}
    assert all(comment.endswith(".") for table in REPORT_TABLES for comment in table.comments.values())


def test_sums_by_month_are_those_of_the_api(reader: Connection[Any], questions: Questions) -> None:
    # As Grafana and Metabase ask for a time series.
    rows = reader.execute(
        "select date_trunc('month', placed_on) as time, currency, sum(ordered_amount), sum(ordered_quantity)"
        " from reporting.order_lines where placed_on between '2023-01-01' and '2023-12-31'"
        " group by 1, 2 order by 1, 2"
    ).fetchall()
    year = "placed_from=2023-01-01&placed_to=2023-12-31"
    lines = answer(questions, f"order-lines?{year}&effective_on={DAY}&limit=1000")
    sums: dict[Any, list[Decimal | None]] = {}
    for line in lines["lines"]:
        mine = sums.setdefault((line["placed_on"][:7], line["currency"]), [None, None])
        for place, measure in enumerate(("amount", "quantity")):
            if (value := line["ordered"][measure]["value"]) is not None:
                mine[place] = (mine[place] or Decimal(0)) + Decimal(value)
    assert {(f"{time:%Y-%m}", currency): [amount, quantity] for time, currency, amount, quantity in rows} == sums
    assert len(sums) >= 3


@pytest.mark.parametrize("buyer", [None, "baidu"])
def test_dependence_by_month_is_that_of_the_api(
    reader: Connection[Any], questions: Questions, buyer: str | None
) -> None:
    rows = reader.execute(
        "select as_of::text, vendor_id, value, low, high, share, restricted from reporting.dependence_by_month"
        " where buyer_id is not distinct from %s order by as_of, vendor_id",
        (buyer,),
    ).fetchall()
    days = sorted({row[0] for row in rows})
    assert days[-3:] == ["2024-04-30", "2024-05-31", DAY]
    for day in (days[0], "2023-12-31", DAY):
        asked = answer(questions, f"vendor-dependence?effective_on={day}{f'&buyer={buyer}' if buyer else ''}")
        assert [row[1:] for row in rows if row[0] == day] == [
            (row["key"], *map(decimal, (row["value"], row["low"], row["high"], row["share"])), row["restricted"])
            for row in sorted(asked["rows"], key=lambda one: one["key"])
        ], day


def test_exposure_is_that_of_the_api(reader: Connection[Any], questions: Questions) -> None:
    found = reader.execute(
        "select restricted, count(*), sum(value) from reporting.exposure_orders group by 1 order by 1"
    ).fetchall()
    lines = answer(questions, f"regulatory-exposure/orders?effective_on={DAY}&limit=1000")["rows"]
    by: dict[str, list[Any]] = {}
    for line in lines:
        by.setdefault(line["restricted"], []).append(decimal(line["value"]))
    assert found == [
        (verdict, len(values), sum((one for one in values if one is not None), Decimal(0)) if any(values) else None)
        for verdict, values in sorted(by.items())
    ]


def decimal(value: Any) -> Decimal | None:
    """A figure of the API as a program reads it."""
    return None if value is None else Decimal(str(value))


def test_all_is_of_the_moment_that_is_said(reader: Connection[Any], published: Daybook) -> None:
    cursor = reader.cursor(row_factory=psycopg.rows.dict_row)
    said = cursor.execute("select * from reporting.published").fetchall()
    head = published.ledger.recorder.head()
    assert [(row["position"], str(row["effective_on"]), row["recorded_at"]) for row in said] == [
        (head.position, DAY, head.recorded_at)
    ]
    assert (said[0]["buyers"], said[0]["months"], said[0]["known_on"]) == ("baidu", 24, None)
    counts = cursor.execute(
        "select (select count(*) from reporting.organizations) as o, (select count(*) from reporting.products) as p"
    ).fetchone()
    assert counts is not None
    assert min(counts.values()) > 5


def test_the_reader_sees_the_reports_and_nothing_else(reader: Connection[Any], owner: Connection[Any]) -> None:
    relations = owner.execute(
        "select pg_class.oid::regclass::text, nspname"
        " from pg_class join pg_namespace on pg_namespace.oid = relnamespace"
        " where relkind in ('r', 'v', 'S', 'p') and nspname in ('public', 'reporting')"
    ).fetchall()
    closed = [name for name, schema in relations if schema != "reporting"]
    assert {"ledger_events", "access_tokens", "webhooks", "idempotency_keys", "imports"} <= set(closed)
    for name in closed:
        with pytest.raises(errors.InsufficientPrivilege):
            reader.execute(f"select * from public.{name}".encode())
    for name, schema in relations:
        if schema == "reporting":
            for privilege in ("insert", "update", "delete", "truncate", "references", "trigger"):
                row = reader.execute("select has_table_privilege(%s, %s)", (name, privilege)).fetchone()
                assert row == (False,), (name, privilege)
    called = reader.execute(
        "select proname from pg_proc where pronamespace in ('public'::regnamespace, 'reporting'::regnamespace)"
        " and has_function_privilege(oid, 'execute')"
    ).fetchall()
    assert called == []
    for statement in ("create table public.mine ()", "create table reporting.mine ()", "create temporary table mine ()",
                      "create schema mine", "set role daybook_service", "select ledger_lock()"):  # fmt: skip
        with pytest.raises(errors.InsufficientPrivilege):
            reader.execute(statement.encode())


def test_the_service_may_fill_reports_and_still_only_adds_to_the_ledger(published: Daybook) -> None:
    with psycopg.connect(**published.ledger.connection_settings, autocommit=True) as connection:
        for statement in (
            "delete from ledger_events",
            "drop table reporting.order_lines",
            "create table reporting.more ()",
            "truncate reporting.order_lines",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(statement.encode())


def test_what_is_level_is_left_as_it_is(published: Daybook, questions: Questions, reader: Connection[Any]) -> None:
    before = reader.execute("select xmin::text from reporting.published").fetchone()
    settings = published.ledger.connection_settings
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda wish: publish(settings, questions, wish), [WISH, WISH]))
    assert [one.rows for one in done] == [{}, {}]
    assert reader.execute("select xmin::text from reporting.published").fetchone() == before
    later = publish(settings, questions, replace(WISH, clocks={"effective_on": "2024-06-16"}))
    assert later.rows["order_lines"] > 10
    assert reader.execute("select effective_on::text from reporting.published").fetchone() == ("2024-06-16",)


def test_several_that_publish_at_once_leave_the_reports_of_one(
    published: Daybook, questions: Questions, reader: Connection[Any]
) -> None:
    wishes = [replace(WISH, clocks={"effective_on": f"2024-07-0{day}"}) for day in (1, 2, 3)]
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda wish: publish(published.ledger.connection_settings, questions, wish), wishes))
    assert all(one.rows for one in done)
    (count,) = reader.execute("select count(*) from reporting.order_lines").fetchone() or (0,)
    assert count == done[0].rows["order_lines"]
    assert len(reader.execute("select from reporting.published").fetchall()) == 1


def test_readers_never_see_a_part(published: Daybook, questions: Questions, reader: Connection[Any]) -> None:
    def seen() -> tuple[Any, ...] | None:
        return reader.execute(
            "select (select effective_on::text from reporting.published), (select count(*) from reporting.order_lines),"
            " (select count(*) from reporting.dependence_by_month)"
        ).fetchone()

    before = seen()
    looks = []

    def asked() -> bool:
        looks.append(seen())
        return len(looks) > 3

    wish = replace(WISH, clocks={"effective_on": "2024-06-20"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("service.reporting.postgres.ROWS_AT_ONCE", 1)
        with pytest.raises(PublishingEnded):
            publish(published.ledger.connection_settings, questions, wish, asked)
        assert set(looks) == {before}
        looks.clear()
        publish(published.ledger.connection_settings, questions, wish, lambda: bool(looks.append(seen())))
    assert set(looks) == {before}
    after = seen()
    assert after is not None
    assert after[0] == "2024-06-20"


def test_a_role_that_may_read_the_ledger_is_no_reader_of_reports(database: str, published: Daybook) -> None:
    for role in ("daybook_service", "postgres"):
        with pytest.raises(CannotGrant, match=f"{role} may read .* as well"):
            let_read(database, role)
    own = published.ledger.connection_settings
    conninfo = psycopg.conninfo.make_conninfo(database, user=own["user"])
    with pytest.raises(CannotGrant, match="daybook_service may not let"):
        let_read(conninfo, "somebody_else")
    let_read(database, READER)


def test_figures_keep_every_digit(published: Daybook, reader: Connection[Any], questions: Questions) -> None:
    huge = order("huge", "2024-01-02", "999999999999999.9999", "123456789012345.6789")
    published.committer.record([read_request(huge, codes())])
    publish(published.ledger.connection_settings, questions, ReportWish(clocks={"effective_on": DAY}))
    row = reader.execute(
        "select ordered_quantity, ordered_amount from reporting.order_lines where order_id = 'huge'"
    ).fetchone()
    assert row == (Decimal("999999999999999.9999"), Decimal("123456789012345.6789"))
