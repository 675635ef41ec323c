"""The databases that tests are given."""

import psycopg


def test_a_test_starts_with_an_empty_database_of_its_own(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("create table purchase_order (order_id text)")


def test_another_test_sees_nothing_of_it(database: str) -> None:
    with psycopg.connect(database) as connection:
        assert connection.execute("select to_regclass('purchase_order')").fetchone() == (None,)


def test_text_is_utf_8_ordered_by_code_point_and_clocks_are_utc(database: str) -> None:
    with psycopg.connect(database) as connection:
        rows = connection.execute(
            "select name from (values ('百度'), ('élan'), ('Z'), ('a')) as vendor (name) order by 1"
        )
        assert [name for (name,) in rows] == ["Z", "a", "élan", "百度"]
        assert connection.execute("select length('百度'), current_setting('timezone')").fetchone() == (2, "UTC")
