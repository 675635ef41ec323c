"""Pages of ranked lines: the list behind them is made once, and kept within bounds."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import duckdb
import pytest

from projections.engine import Projection
from projections.exposed_lines import exposed_lines
from projections.parameters import RegulatoryExposure
from service.asking import rankings
from service.asking.rankings import Rankings
from tests.ledgers import Book, line, market
from tests.projections.ledgers import projected

LINES = 12
ASKED = RegulatoryExposure(measure="units", effective_on=date(2023, 12, 31), position=1_000, judged="placed")


class Counting:
    """A connection that counts its statements; those that read lines by the rules are told apart."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self.statements: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, statement: str, *values: Any) -> Any:
        """Put a statement to the connection."""
        self.statements.append(statement)
        return self._connection.execute(statement, *values)


class Counted:
    """A projection whose readers count."""

    def __init__(self, projection: Projection) -> None:
        self._projection = projection
        self.readers: list[Counting] = []

    @contextmanager
    def cursor(self) -> Iterator[Counting]:
        """A connection that counts."""
        with self._projection.cursor() as connection:
            self.readers.append(Counting(connection))
            yield self.readers[-1]

    def read(self) -> int:
        """How many statements were put since the last time."""
        count = sum(len(reader.statements) for reader in self.readers)
        self.readers = []
        return count


@pytest.fixture
def counted() -> Iterator[Counted]:
    """A market of a dozen lines, of which a rule bars the later ones."""
    book: Book = market()
    for number in range(LINES):
        book.order(f"o{number}", f"2023-{number + 1:02}-01", [line(str(number + 1))])
    rule = {"rule_id": "china", "effect": "licence-required", "destinations": ["CN"]}
    data = {"regulation_id": "chips", "jurisdiction": "US", "authority": "BIS", "title": "T", "citation": "C"}
    book.say("regulation-enacted", "2023-06-01", data | {"rules": [rule]})
    with projected(book.events) as projection:
        yield Counted(projection)


def pages(kept: Rankings, projection: Any, size: int, asked: RegulatoryExposure = ASKED) -> list[dict[str, Any]]:
    """The lines of all pages."""
    lines: list[dict[str, Any]] = []
    while True:
        rows, is_cut = kept.page(projection, asked, len(lines), size)
        lines += rows
        if not is_cut:
            return lines


def whole(projection: Any, asked: RegulatoryExposure = ASKED) -> list[dict[str, Any]]:
    """The lines at once."""
    with projection.cursor() as connection:
        return exposed_lines(connection, asked)


def test_pages_behind_the_first_read_only_what_is_said_of_their_lines(counted: Any) -> None:
    kept = Rankings()
    expected = whole(counted)
    counted.read()
    first, is_cut = kept.page(counted, ASKED, 0, 3)
    ranking = counted.read()
    assert is_cut
    second, _ = kept.page(counted, ASKED, 3, 3)
    following = counted.read()
    assert first + second == expected[:6]
    # A transaction, words, what is said of orders and of assertions, and names.
    assert following <= 6
    assert following < ranking


def test_a_list_longer_than_what_is_kept_is_made_anew_once_a_stretch(
    counted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rankings, "MOST_LINES", 4)
    expected = whole(counted)
    counted.read()
    for size, made in ((2, 3), (4, 3), (1, 3), (3, 4), (5, 3)):
        assert pages(Rankings(), counted, size) == expected
        assert sum(any("judged" in one for one in reader.statements) for reader in counted.readers) == made, size
        counted.read()


def test_lists_that_were_read_last_are_kept_until_their_end(counted: Any) -> None:
    kept = Rankings()
    asked = [ASKED.model_copy(update={"position": 100 + number}) for number in range(rankings.MOST_LISTS + 1)]
    for one in asked:
        kept.page(counted, one, 0, 5)
    counted.read()
    costs = []
    for one in reversed(asked):
        kept.page(counted, one, 5, 5)
        costs.append(counted.read())
    assert max(costs[:-1]) < costs[-1]
    assert pages(kept, counted, 5) == whole(counted)


def test_another_projection_is_read_anew(counted: Any) -> None:
    kept = Rankings()
    kept.page(counted, ASKED, 0, 5)
    book = market()
    book.order("another", "2023-01-01", [line("7")])
    with projected(book.events) as projection:
        assert pages(kept, projection, 5) == whole(projection)
