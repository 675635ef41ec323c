"""Organisations and products that the ledger has already, as the rows of a table name them."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from domain.names import written
from service.importing.names import as_sent_slug, event_id, slug
from service.importing.orders.makers import ProductStreams, Sellers, SharedProducts, shared_products


@dataclass(frozen=True, slots=True)
class Bearer:
    """An organisation of the ledger and what it was ever called."""

    organization_id: str
    #: Of its registration.
    event_id: str
    #: Its names in the order in which they were recorded, in every language.
    names: tuple[str, ...]
    aliases: tuple[str, ...] = ()


@dataclass(slots=True)
class _Index:
    ids: set[str] = field(default_factory=set)
    #: By name as `written` has it, the first to bear it; and how many do.
    named: dict[str, Bearer] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    #: None: several have it.
    aliased: dict[str, Bearer | None] = field(default_factory=dict)


class Registered:
    """Finds who is meant by a name without an id, so that importing twice, or after a list, registers none twice."""

    def __init__(
        self,
        mapping: str = "",
        bearers: Callable[[], Iterable[Bearer]] = tuple,
        products: Callable[[], Collection[str]] = frozenset,
        product_streams: ProductStreams = lambda ids: {},
    ) -> None:
        """`mapping`: the name of the one that reads the table; organisations come in the order of registration."""
        self._product_streams = product_streams
        self._mapping = mapping
        self._bearers = bearers
        self._load_products = products
        #: Names that several organisations bear: whom they were taken for, and how many bear them.
        self.shared: dict[str, tuple[str, int]] = {}

    def organization(self, sent: str, prefix: str) -> tuple[str, str]:
        """The id and name of who is called so: of the ledger's, by id or name, or else what a new one would have.

        With a `prefix` names are a space of their own: none is meant that is registered by another road.
        """
        name = written(sent)
        own = f"{prefix}{slug(name)}"
        index = self._index
        for identifier in (f"{prefix}{as_sent_slug(sent)}", own):
            if identifier in index.ids:
                return identifier, name
        bearer = index.named.get(name) or index.aliased.get(name)
        if bearer is None or not self._may_be_meant(bearer, prefix):
            return own, name
        if index.counts.get(name, 1) > 1:
            self.shared[name] = bearer.organization_id, index.counts[name]
        return bearer.organization_id, written(bearer.names[0])

    def product(self, sent: str, prefix: str) -> tuple[str, str]:
        """The id and name of a product that is called so."""
        name = written(sent)
        before = f"{prefix}{as_sent_slug(sent)}"
        own = f"{prefix}{slug(name)}"
        return (before if before != own and before in self._products else own), name

    def shared_products(self, sellers: Sellers, envelope: Mapping[str, Any]) -> SharedProducts:
        """Which of these products have several vendors, with those that earlier imports registered as their makers."""
        known = sorted(sellers.keys() & set(self._products)) if sellers else []
        return shared_products(sellers, known, self._product_streams, self._mapping, envelope)

    def _may_be_meant(self, bearer: Bearer, prefix: str) -> bool:
        """What this mapping registered under other ids does not count: an import that broke off would end otherwise."""
        if bearer.event_id == event_id(self._mapping, "organization", bearer.organization_id):
            return bearer.organization_id == f"{prefix}{as_sent_slug(bearer.names[0])}"
        return not prefix

    @cached_property
    def _products(self) -> Collection[str]:
        return self._load_products()

    @cached_property
    def _index(self) -> _Index:
        index = _Index()
        for bearer in self._bearers():
            index.ids.add(bearer.organization_id)
            for name in {written(name) for name in bearer.names}:
                index.named.setdefault(name, bearer)
                index.counts[name] = index.counts.get(name, 0) + 1
            for alias in {written(alias) for alias in bearer.aliases}:
                index.aliased[alias] = None if alias in index.aliased else bearer
        return index
