"""What is asked of the views: each question by name, answered as of a moment and labelled with it."""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any
from urllib.parse import urlencode

import duckdb

from projections import change_days
from projections.orders import order
from projections.organizations import organization
from projections.parameters import Moment, RegulatoryExposure, SoleSource, VendorDependence
from projections.partnerships import partnership
from projections.products import product
from projections.regulations import regulation
from projections.roads import evidence, lines_from_memory, regulatory_exposure, sole_source, vendor_dependence
from projections.traders import traders
from service.asking.clocks import CLOCKS, ClockReader, NothingThere, Raw, ResolvedParameters, single, whole
from service.asking.lists import Registers
from service.asking.paging import MOST_EVIDENCE, page_of
from service.asking.rankings import Rankings
from service.codes import country_name
from service.daybook import Daybook

__all__ = ["NothingThere", "Questions", "echo"]

EVIDENCE = "/api/v1/views/vendor-dependence/evidence"
#: Parameters that do not say which lines of an exposure there are: a cursor holds the clocks.
NOT_FILTERS = frozenset({"limit", "cursor", *CLOCKS})
#: Days that somebody can still step through.
MOST_DAYS = 400


class Questions:
    """Answers questions about one ledger; every method may be called from any thread."""

    def __init__(self, daybook: Daybook, wait_s: float) -> None:
        self.daybook = daybook
        self.clocks = ClockReader(daybook, wait_s)
        self.registers = Registers(daybook, self.clocks)
        self._rankings = Rankings()

    def moment(self, raw: Raw) -> dict[str, Any]:
        """The moment that a question with these clocks is of, as its answer states it."""
        return self.clocks.resolved(self.clocks.parameters(Moment, self.clocks.ask(raw, Moment)))

    def vendor_dependence(self, raw: Raw) -> dict[str, Any]:
        """The view vendor-dependence, with links to the evidence of each row."""
        asked = self.clocks.ask(raw, VendorDependence)
        parameters = self.clocks.parameters(VendorDependence, asked)
        answer = vendor_dependence(self.daybook.projection, parameters, country_name=country_name)
        self._link_evidence(answer, asked, parameters)
        return {"resolved": self.clocks.resolved(parameters), "parameters": echo(parameters), **answer}

    def _link_evidence(self, answer: dict[str, Any], asked: ResolvedParameters, parameters: VendorDependence) -> None:
        pinned = self.clocks.pinned(asked, parameters)
        for row in answer["rows"]:
            key = [] if row["key"] is None else [("key", row["key"])]
            row["evidence"] = f"{EVIDENCE}?{urlencode([*pinned, *key])}"

    def evidence(self, raw: Raw) -> dict[str, Any]:
        """The postings behind one row of vendor-dependence; no `key` is the row without one.

        `vendor`: only its part, which by product is a row of regulatory-exposure.
        """
        own = dict(raw)
        key, vendor, limit, offset = (single(own, name) for name in ("key", "vendor", "limit", "offset"))
        parameters = self.clocks.parameters(VendorDependence, self.clocks.ask(own, VendorDependence))
        most = min(whole("limit", limit, MOST_EVIDENCE), MOST_EVIDENCE)
        start = whole("offset", offset, 0)
        found, remarks = evidence(self.daybook.projection, parameters, key, vendor=vendor, limit=most, offset=start)
        return {
            "resolved": self.clocks.resolved(parameters),
            "parameters": {**echo(parameters), "key": key, "vendor": vendor},
            "contributions": found,
            "remarks": remarks,
        }

    def read(
        self, raw: Raw, model: type[Moment], read: Callable[[duckdb.DuckDBPyConnection, Any], dict[str, Any]]
    ) -> dict[str, Any]:
        """A view that a function reads, given what the model makes of the parameters."""
        parameters = self.clocks.parameters(model, self.clocks.ask(raw, model))
        with self.daybook.projection.cursor() as connection:
            answer = read(connection, parameters)
        return {"resolved": self.clocks.resolved(parameters), "parameters": echo(parameters), **answer}

    def sole_source(self, raw: Raw) -> dict[str, Any]:
        """The view sole-source."""
        parameters = self.clocks.parameters(SoleSource, self.clocks.ask(raw, SoleSource))
        answer = sole_source(self.daybook.projection, parameters)
        return {"resolved": self.clocks.resolved(parameters), "parameters": echo(parameters), **answer}

    def regulatory_exposure(self, raw: Raw) -> dict[str, Any]:
        """The view regulatory-exposure."""
        asked = self.clocks.ask(raw, RegulatoryExposure)
        parameters = self.clocks.parameters(RegulatoryExposure, asked)
        answer = regulatory_exposure(self.daybook.projection, parameters)
        pinned = [("by", "product"), ("status", parameters.status), *self.clocks.pinned(asked, parameters)]
        # A status that was asked for stands in both. What a row is made of is the same, however it is judged and
        # whatever other rows are asked for.
        kept = dict.fromkeys(one for one in pinned if one[0] not in ("judged", "restricted"))
        for row in answer["rows"]:
            key = [] if row["product"] is None else [("key", row["product"])]
            row["evidence"] = f"{EVIDENCE}?{urlencode([*kept, *key, ('vendor', row['vendor'])])}"
        return {"resolved": self.clocks.resolved(parameters), "parameters": echo(parameters), **answer}

    def exposed_lines(self, raw: Raw) -> dict[str, Any]:
        """The lines of orders and assertions behind regulatory-exposure, a page at a time."""
        own = dict(raw)
        filters = {name: json.dumps(list(values)) for name, values in raw.items() if name not in NOT_FILTERS}
        page = page_of(own, "regulatory-exposure/orders", filters, always=True)
        assert page is not None
        parameters = self.clocks.parameters(RegulatoryExposure, self.clocks.ask(own, RegulatoryExposure))
        done = whole("cursor", page.after or None, 0)
        found = lines_from_memory(self.daybook.projection, parameters, done, page.limit)
        rows, is_cut = found or self._rankings.page(self.daybook.projection, parameters, done, page.limit)
        return {
            "resolved": self.clocks.resolved(parameters),
            "parameters": echo(parameters),
            "rows": rows,
            "next_cursor": page.cursor(str(done + len(rows)), parameters) if is_cut else None,
        }

    def traders(self, position: int) -> list[dict[str, Any]]:
        """Who ever bought or sold up to a position; see `projections.traders`."""
        with self.daybook.projection.cursor() as connection:
            return traders(connection, position)

    def days_of_change(self, position: int) -> tuple[list[date], list[date]]:
        """The days on which events end, and those on which they became known; of many, some."""
        with self.daybook.projection.cursor() as connection:
            effective = change_days.effective_days(connection, position)
            known = change_days.known_days(connection, position, date.min, date.max)
        return some_of(effective), some_of(known)

    def first_order(self, position: int) -> date | None:
        """The day on which the first order up to a position was placed."""
        with self.daybook.projection.cursor() as connection:
            return change_days.first_order(connection, position)

    def stored(self, positions: Sequence[int]) -> Iterator[bytes]:
        """The stored bytes of events, of those positions that there are."""
        for position in positions:
            for row in self.daybook.ledger.recorder.rows_after(position - 1, 1):
                if row.position == position:
                    yield row.state

    def organizations(self, raw: Raw) -> dict[str, Any]:
        """Every organisation as of a moment; of one `country`, or below one `parent`."""
        return self.registers.listed(raw, "organizations")

    def likely_duplicates(self, raw: Raw) -> dict[str, Any]:
        """Pairs of organisations that may be one as of a moment, the likeliest first, a page at a time."""
        return self.registers.likely_duplicates(raw)

    def organization(self, raw: Raw, identifier: str) -> dict[str, Any]:
        """One organisation as of a moment."""
        return self._one(raw, "organization", identifier, organization)

    def products(self, raw: Raw) -> dict[str, Any]:
        """Every product as of a moment; of one `vendor`, its maker, or one `category`."""
        return self.registers.listed(raw, "products")

    def product(self, raw: Raw, identifier: str) -> dict[str, Any]:
        """One product as of a moment."""
        return self._one(raw, "product", identifier, product)

    def partnerships(self, raw: Raw) -> dict[str, Any]:
        """Every partnership as of a moment; with `party`, those of one organisation; of one `status`."""
        return self.registers.listed(raw, "partnerships")

    def partnership(self, raw: Raw, identifier: str) -> dict[str, Any]:
        """One partnership as of a moment."""
        return self._one(raw, "partnership", identifier, partnership)

    def regulations(self, raw: Raw) -> dict[str, Any]:
        """Every instrument as of a moment, with its history; of one `status`, or one `jurisdiction`."""
        return self.registers.listed(raw, "regulations")

    def regulation(self, raw: Raw, identifier: str) -> dict[str, Any]:
        """One instrument as of a moment, with its history."""
        return self._one(raw, "regulation", identifier, regulation)

    def orders(self, raw: Raw) -> dict[str, Any]:
        """The orders that are there as of a moment, a page at a time."""
        return self.registers.orders(raw)

    def order_lines(self, raw: Raw) -> dict[str, Any]:
        """The lines of the orders that are there as of a moment, those of a page of orders at a time."""
        return self.registers.order_lines(raw)

    def order(self, raw: Raw, identifier: str) -> dict[str, Any]:
        """One order as of a moment, with its history."""
        moment = self.clocks.parameters(Moment, self.clocks.ask(raw, Moment))
        history = self.daybook.ledger.history(f"order/{identifier}")
        found = order([event for event in history if event.position <= moment.position], moment)
        if found is None:
            raise NothingThere(f"order {identifier} is not known at that point in time")
        return {"resolved": self.clocks.resolved(moment), **found}

    def _one(self, raw: Raw, kind: str, identifier: str, read: Callable[..., dict[str, Any] | None]) -> dict[str, Any]:
        moment = self.clocks.parameters(Moment, self.clocks.ask(raw, Moment))
        with self.daybook.projection.cursor() as connection:
            found = read(connection, moment, identifier)
        if found is None:
            raise NothingThere(f"{kind} {identifier} is not known at that point in time")
        return {"resolved": self.clocks.resolved(moment), **found}


def some_of(days: list[date]) -> list[date]:
    """All days, or of many some, evenly: as many as somebody can still step through."""
    if len(days) <= MOST_DAYS:
        return days
    return sorted({days[round(place * (len(days) - 1) / (MOST_DAYS - 1))] for place in range(MOST_DAYS)})


def echo(parameters: Moment) -> dict[str, Any]:
    """Every parameter with its value, defaults included; the clocks stand under `resolved`."""
    plain = parameters.model_dump(mode="json", exclude={"effective_on", "known_on", "position"})
    return {name: sorted(value) if name in ("exclude", "restricted") else value for name, value in plain.items()}
