"""What is held in memory while the ledger grows: late facts, moments of before, many threads, and no more than fits."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest

from domain.events import canonical
from projections import roads
from projections.database import Closed
from projections.engine import Projection, batch_of
from projections.few import holding
from projections.parameters import VendorDependence
from service.codes import country_name
from tests.ledgers import Book, Event, line, market

YEAR_END = date(2023, 12, 31)


@contextmanager
def projected(book: Book) -> Iterator[Projection]:
    """A projection that has read a book."""
    with Projection.open() as projection:
        read_on(projection, book)
        yield projection


def read_on(projection: Projection, book: Book) -> None:
    """Read what the book has further."""
    apply(projection, book.events[projection.position :])


def apply(projection: Projection, events: list[Event]) -> None:
    """Read further events."""
    projection.apply(batch_of((event["position"], canonical(event)) for event in events))


def asked(projection: Projection, **of: Any) -> VendorDependence:
    """A question about Baidu, as of the end of 2023 and of the projection's end unless told otherwise."""
    usual = {"buyer": ("baidu",), "measure": "units", "effective_on": YEAR_END, "position": projection.position}
    return VendorDependence(**usual | of)


def rows(projection: Projection, **of: Any) -> dict[str | None, str | None]:
    """Keys and values, from memory; alike by the statements."""
    parameters = asked(projection, **of)
    assert projection.few.look(parameters) is not None
    answer = roads.vendor_dependence(projection, parameters, country_name=country_name)
    most, projection.few.most_lines = projection.few.most_lines, 0
    assert json.dumps(roads.vendor_dependence(projection, parameters, country_name=country_name)) == json.dumps(answer)
    projection.few.most_lines = most
    return {row["key"]: row["value"] for row in answer["rows"]}


def ordered() -> Book:
    """Baidu has ordered 100 A800 of Nvidia."""
    book = market()
    book.order("po-1", "2023-03-01", [line("100")])
    return book


def test_a_late_fact_of_the_register_counts_from_its_position_on() -> None:
    book = ordered()
    with projected(book) as projection:
        before = projection.position
        assert rows(projection, by="maker") == {"nvidia": "100"}
        book.say("product-changed", "2023-01-01", {"product_id": "a800", "vendor_id": "huawei"})
        read_on(projection, book)
        assert rows(projection, by="maker") == {"huawei": "100"}
        assert rows(projection, by="maker", position=before) == {"nvidia": "100"}


def test_what_is_taken_back_counts_no_more_from_then_on() -> None:
    book = ordered()
    changed = book.say("product-changed", "2023-01-01", {"product_id": "a800", "vendor_id": "huawei"})
    with projected(book) as projection:
        assert rows(projection, by="maker") == {"huawei": "100"}
        before = projection.position
        book.retract(changed["id"])
        read_on(projection, book)
        assert rows(projection, by="maker") == {"nvidia": "100"}
        assert rows(projection, by="maker", position=before) == {"huawei": "100"}


def test_an_order_that_is_taken_back_is_there_for_whoever_asks_as_of_before() -> None:
    book = ordered()
    placed = book.order("po-2", "2023-04-01", [line("50")])
    with projected(book) as projection:
        assert rows(projection) == {"nvidia": "150"}
        before = projection.position
        book.retract(placed["id"])
        read_on(projection, book)
        assert rows(projection) == {"nvidia": "100"}
        assert rows(projection, position=before) == {"nvidia": "150"}


def test_lines_beyond_what_is_few_are_left_to_the_statements() -> None:
    with projected(ordered()) as projection:
        projection.few.most_lines = 1
        assert projection.few.look(asked(projection)) is not None
        book = ordered()
        book.order("po-2", "2023-04-01", [line("50")])
        read_on(projection, book)
        assert projection.few.look(asked(projection)) is None
        assert projection.few.look(asked(projection, buyer=("tencent",))) is not None


def test_what_does_not_fit_into_memory_is_given_up_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    book = ordered()
    with projected(book) as projection:
        assert rows(projection) == {"nvidia": "100"}
        monkeypatch.setattr(holding, "MOST_BYTES", 1)
        book.order("po-2", "2023-04-01", [line("50")])
        read_on(projection, book)
        assert projection.few.look(asked(projection)) is None
        monkeypatch.undo()
        assert projection.few.look(asked(projection)) is None
        (row,) = roads.vendor_dependence(projection, asked(projection), country_name=country_name)["rows"]
        assert row["value"] == "150"


def test_what_takes_long_to_read_is_read_once_it_is_worth_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holding, "ROWS_OF_A_STATEMENT", 20)
    book = ordered()
    for number in range(2, 14):
        book.order(f"po-{number}", "2023-03-01", [line("10")])
    with projected(book) as projection:
        assert [projection.few.look(asked(projection)) is not None for _ in range(4)] == [False, False, True, True]
        book.order("po-14", "2023-03-01", [line("10")])
        read_on(projection, book)
        assert projection.few.look(asked(projection)) is not None


def test_what_could_not_be_read_is_read_the_next_time() -> None:
    book = ordered()
    with projected(book) as projection:
        assert rows(projection) == {"nvidia": "100"}
        book.order("po-2", "2023-04-01", [line("50")])
        read_on(projection, book)
        projection.readable_from = projection.position + 1
        with pytest.raises(Closed):
            projection.few.look(asked(projection))
        projection.readable_from = 0
        assert rows(projection) == {"nvidia": "150"}


def test_who_asks_while_the_ledger_grows_sees_all_of_a_position_and_nothing_behind_it() -> None:
    book = market()
    first = len(book.events)
    for number in range(40):
        book.order(f"po-{number}", "2023-03-01", [line("10"), line("1", name="2")])
        book.say("product-changed", "2023-01-01", {"product_id": "a800", "name": f"A800 of {number}"})
    with Projection.open() as projection, ThreadPoolExecutor(3) as threads:
        apply(projection, book.events[:first])

        def ask(_: int) -> None:
            position = projection.position
            parameters = asked(projection, position=position, by="product")
            found = roads.vendor_dependence(projection, parameters, country_name=country_name)["rows"]
            orders, names = (position - first + 1) // 2, (position - first) // 2
            assert [row["value"] for row in found] == ([str(11 * orders)] if orders else [])
            assert [row["name"] for row in found] == ([f"A800 of {names - 1}" if names else "A800"] if orders else [])

        asking = threads.map(ask, range(300))
        for event in book.events[first:]:
            apply(projection, [event])
        assert len(list(asking)) == 300


def chain_of(members: int) -> Book:
    """Organisations, each owned by the one before it, all of which sell to Baidu."""
    book = market()
    book.organization("member-0")
    for number in range(1, members):
        book.organization(f"member-{number}", parent_id=f"member-{number - 1}")
    for number in range(members):
        book.order(f"po-{number}", "2023-03-01", [line("1")], vendor_id=f"member-{number}")
    return book


def test_owners_above_one_another_are_each_looked_at_once() -> None:
    def took(members: int) -> float:
        with projected(chain_of(members)) as projection:
            projection.few.most_lines = 10 * members
            parameters = asked(projection, by="parent")
            look = projection.few.look(parameters)
            assert look is not None
            start = time.thread_time()
            answer = roads.vendor_dependence(projection, parameters, country_name=country_name)
            assert [row["key"] for row in answer["rows"]] == ["member-0"]
            return time.thread_time() - start

    few, many = took(150), took(1_200)
    # Eight times as many; by pairs it would be 64 times as long.
    assert many < 25 * few
