"""What registers, rates and rules say at a moment, found out once and kept in tables for all questions like it."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any, Generic, Protocol, TypeVar

import duckdb

from projections import statements
from projections.parameters import ContributionParameters
from projections.restrictions import Restrictions

#: The database in memory that they are kept in; blocks of `resolved.sql` name it.
ATTACHED = "attach if not exists ':memory:' as resolved"
FILE = "resolved.sql"
#: Moments and rates that are kept, and rows of all of either together: those that were asked about last.
MOST_KEPT = 16
MOST_ROWS = 1_000_000


class Tables(Protocol):
    """Some tables that are kept."""

    rows: int

    def prepare(self, connection: duckdb.DuckDBPyConnection, values: dict[str, Any]) -> bool:
        """Make them where they are not made yet; False: they do not hold any more, and are to be made anew."""

    def drop(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Keep nothing any more."""


class ResolvedMarket:
    """Organisations, products and what the rules say of both, from a moment on until one of them changes."""

    def __init__(self, number: int) -> None:
        self.words = {"number": str(number)}
        self._restrictions: Restrictions | None = None
        #: Words that its tables know of; ids that its rules name.
        self._terms = 0
        self._named: list[str] = []
        self.rows = 0

    def restrictions(self, connection: duckdb.DuckDBPyConnection) -> Restrictions:
        """Its rules, which look further things up by a connection."""
        assert self._restrictions is not None
        return self._restrictions.by(connection)

    def prepare(self, connection: duckdb.DuckDBPyConnection, values: dict[str, Any]) -> bool:
        """Also lets its tables know of words that came since."""
        ((terms,),) = connection.execute(statements.blocks(FILE)["terms"]).fetchall()
        if self._restrictions is None:
            restrictions = Restrictions(connection, values["moment"])
            self.words |= restrictions.verdicts.words()
            _run(connection, "make-market", self.words, values | restrictions.verdicts.bindings)
            size = statements.filled(FILE, "size", self.words)
            self.rows = statements.rows(connection, size, {})[0]["rows"]
            self._named = sorted(restrictions.named)
            self._restrictions = restrictions
        elif terms > self._terms:
            since = {"terms": self._terms, "named": self._named}
            if statements.rows(connection, statements.blocks(FILE)["named-later"], since)[0]["found"]:
                return False
            _run(connection, "grow", self.words, since)
        self._terms = terms
        return True

    def drop(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Drop its tables."""
        _run(connection, "drop-market", self.words, {})


class ResolvedRates:
    """The rates into a currency, of some days, until one of them is published, or taken back."""

    def __init__(self, number: int) -> None:
        self.words = {"number": str(number)}
        self.rows = 0

    def prepare(self, connection: duckdb.DuckDBPyConnection, values: dict[str, Any]) -> bool:
        """They hold for ever."""
        if not self.rows:
            _run(connection, "make-rates", self.words, values)
            size = statements.filled(FILE, "size-of-rates", self.words)
            self.rows = 1 + int(statements.rows(connection, size, {})[0]["rows"])
        return True

    def drop(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Drop its tables."""
        _run(connection, "drop-rates", self.words, {})


@dataclass(frozen=True, slots=True)
class Footing:
    """What statements of one question stand on: tables that are kept, and what the ledger has none of."""

    market: ResolvedMarket
    #: None: nothing is converted.
    rates: ResolvedRates | None
    #: Whether all buyers are asked for.
    is_whole: bool
    #: Whether something was taken back, whether there are assertions, and movements without an amount (rule 30).
    has_retractions: bool
    has_assertions: bool
    has_unpriced: bool

    def dimensions(self, by: str) -> str:
        """In place of `contributions.dimensions`, and of `standing` and `sides`."""
        products = "labelled-products" if by == "attribute" else "products"
        return statements.filled(FILE, ("dimensions", products, "families", "standing"), self.market.words)

    def rated(self, name: str) -> str:
        """A block about rates: conversion or price."""
        assert self.rates is not None
        return statements.filled(FILE, name, self.rates.words)

    def restrictions(self, connection: duckdb.DuckDBPyConnection) -> Restrictions:
        """The rules at the moment, which look further things up by a connection."""
        return self.market.restrictions(connection)


Held = TypeVar("Held", bound=Tables)


class KeptTables(Generic[Held]):
    """Tables by what they are of, and who asks by them. Any thread may ask."""

    def __init__(
        self, make: Callable[[int], Held], cursor: Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]]
    ) -> None:
        self._make = make
        self._cursor = cursor
        self._lock = Lock()
        self._kept: OrderedDict[Any, Held] = OrderedDict()
        self._making: dict[int, Lock] = {}
        self._holders: dict[int, int] = {}
        self._count = 0

    @contextmanager
    def held(self, connection: duckdb.DuckDBPyConnection, key: Any, values: dict[str, Any]) -> Iterator[Held]:
        """Those of a key, until the block ends; made by a connection, which is not in a transaction, and values."""
        while True:
            with self._lock:
                if key not in self._kept:
                    self._count += 1
                    self._kept[key] = self._make(self._count)
                found = self._kept[key]
                self._kept.move_to_end(key)
                self._holders[id(found)] = self._holders.get(id(found), 0) + 1
                making = self._making.setdefault(id(found), Lock())
            try:
                with making:
                    is_ready = found.prepare(connection, values)
            except BaseException:
                self._let_go(found, key)
                raise
            if is_ready:
                break
            self._let_go(found, key)
        try:
            yield found
        finally:
            self._let_go(found)

    def _let_go(self, held: Held, key: Any = None) -> None:
        """One asks by it no longer; `key`: nor is anyone to ask by it who has not begun."""
        gone = []
        with self._lock:
            self._holders[id(held)] -= 1
            if key is not None and self._kept.get(key) is held:
                del self._kept[key]
            if self._holders[id(held)] == 0 and held not in self._kept.values():
                gone.append(held)
            rows, many = sum(one.rows for one in self._kept.values()), len(self._kept)
            for other, one in list(self._kept.items())[:-1]:
                if many <= MOST_KEPT and rows <= MOST_ROWS:
                    break
                rows, many = rows - one.rows, many - 1
                del self._kept[other]
                if not self._holders[id(one)]:
                    gone.append(one)
            for one in gone:
                del self._holders[id(one)], self._making[id(one)]
        if gone:
            with self._cursor() as connection:
                for one in gone:
                    one.drop(connection)


class ResolvedMarkets:
    """Those of one projection."""

    def __init__(self, cursor: Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]]) -> None:
        self._cursor = cursor
        self._markets = KeptTables(ResolvedMarket, cursor)
        self._rates = KeptTables(ResolvedRates, cursor)
        #: Whether any are kept; else each question finds everything out for itself.
        self.are_kept = True

    @contextmanager
    def at(self, parameters: ContributionParameters) -> Iterator[Footing | None]:
        """What a question stands on until the block ends; None: on nothing that is kept."""
        if not self.are_kept:
            yield None
            return
        with ExitStack() as held:
            with self._cursor() as connection:
                values = parameters.bindings() | {"moment": parameters}
                edges = statements.rows(connection, statements.blocks(FILE)["edges"], values)[0]
                segment = tuple(edges[name] for name in ("effective_on", "known_on", "position"))
                market = held.enter_context(self._markets.held(connection, segment, values))
                rates = None
                if parameters.measure == "spend":
                    names = ("rates_known_on", "rates_position", "priced_from", "priced_to")
                    days = {name: edges[name] for name in names}
                    key = parameters.currency, *days.values()
                    rates = held.enter_context(self._rates.held(connection, key, values | days))
            yield Footing(
                market,
                rates,
                not parameters.buyer,
                edges["has_retractions"],
                edges["has_assertions"],
                edges["has_unpriced"],
            )


def _run(connection: duckdb.DuckDBPyConnection, name: str, words: Mapping[str, str], values: dict[str, Any]) -> None:
    """Every statement of a block."""
    for statement in statements.filled(FILE, name, words).split(";\n"):
        statements.rows(connection, statement, values)
