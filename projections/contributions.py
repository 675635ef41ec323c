"""Contributions: what each order line or assertion line adds to a figure, and what its parts are multiplied with."""

from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb

from projections import statements
from projections.figures import ZERO, Figure, cross_rate, product_of
from projections.parameters import MarketParameters, VendorDependence

#: The key of a row, as an expression over a contribution, joined with its product for those that need it (rule 22).
KEYS = {
    "vendor": "vendor",
    "maker": "coalesce(product.maker, vendor)",
    "parent": "family",
    "country": "country",
    "product": "shared.product",
    "category": "product.category",
}


@dataclass(frozen=True, slots=True)
class Part:
    """Contributions of one row added up: all of them captive or none, all of vendors at home or none."""

    key: str | None
    captive: bool
    domestic: bool
    figure: Figure
    first_on: date
    last_on: date


@dataclass(frozen=True, slots=True)
class Factors:
    """What a figure is multiplied with."""

    source_rate: Decimal
    target_rate: Decimal
    attribute_value: Decimal
    attribute_low: Decimal
    attribute_high: Decimal
    #: the asked buyers' shares added up; None: none of them is named
    share_value: Decimal | None
    share_low: Decimal | None
    share_high: Decimal | None
    #: how much of the figure may be theirs besides; None: nothing
    remainder: Decimal | None

    def applied_to(self, figure: Figure, count: int = 1) -> Figure:
        """The sum of `count` contributions with these factors whose figures sum to `figure` (rules 17 to 20)."""
        rate = cross_rate(self.target_rate, self.source_rate)
        value = low = ZERO
        high: Decimal | None = ZERO
        quantified = unquantified = 0
        if self.share_value is not None and self.share_low is not None and self.share_high is not None:
            value = product_of(figure.sum, rate, self.attribute_value, self.share_value)
            low = product_of(figure.low, rate, self.attribute_low, self.share_low)
            high = _bounded(figure, rate, self.attribute_high, self.share_high)
            quantified, unquantified = figure.quantified, figure.unquantified
        if self.remainder is None:
            return Figure(value, low, high, quantified, unquantified)
        rest = Figure(ZERO, ZERO, _bounded(figure, rate, self.attribute_high, self.remainder), 0, count)
        return Figure(value, low, high, quantified, unquantified).plus(rest)


def _bounded(figure: Figure, *factors: Decimal) -> Decimal | None:
    return None if figure.high is None else product_of(figure.high, *factors)


FACTORS = tuple(field.name for field in fields(Factors))


def multiplied(group: dict[str, Any], count: int = 1) -> Figure:
    """The figure of `count` contributions that share their factors, from their sums and those factors."""
    factors = Factors(**{name: group[name] for name in FACTORS})
    return factors.applied_to(summed(group), count)


def summed(group: dict[str, Any]) -> Figure:
    """The figure before any factor."""
    high = None if group["unbounded"] else group["high"]
    return Figure(group["value"], group["low"], high, int(group["quantified"]), int(group["unquantified"]))


def parts(
    connection: duckdb.DuckDBPyConnection, parameters: VendorDependence, values: dict[str, Any], lines: str
) -> list[Part]:
    """What the contributions of order lines that `lines` (a block) selects, and of all assertions, come to."""
    statement = query(parameters, statements.blocks("vendor_dependence.sql")["groups"], lines)
    return [
        Part(
            group["key"],
            group["captive"],
            group["domestic"],
            multiplied(group, group["contributions"]),
            group["first_on"],
            group["last_on"],
        )
        for group in statements.rows(connection, statement, values)
    ]


def query(parameters: VendorDependence, reading: str, lines: str) -> str:
    """One statement: `reading`, and the contributions that it reads, of order lines that `lines` (a block) selects."""
    block = statements.blocks("contributions.sql")
    joined = (
        block["dimensions"],
        block["scope"].replace("LINES", block[lines].strip()),
        block[f"order-{parameters.status}"],
        block["supply"],
        block[f"factor-{parameters.measure}"],
        block["contribution"].replace("KEY", KEYS[parameters.by]),
        reading,
    )
    return measured(parameters, "".join(joined))


def measured(parameters: VendorDependence, statement: str) -> str:
    """The statement about amounts or about quantities, as the measure asks."""
    account, name = ("2", "amount_") if parameters.measure == "spend" else ("1", "quantity_")
    return statement.replace("measure_", name).replace("ACCOUNT", account).replace("MEASURE", name.rstrip("_"))


def bindings(connection: duckdb.DuckDBPyConnection, parameters: VendorDependence) -> dict[str, Any]:
    """What the statements of `query` have as parameters."""
    asked = buyers_asked(connection, parameters)
    return parameters.bindings() | {"asked": asked, "status": parameters.status}


def buyers_asked(connection: duckdb.DuckDBPyConnection, parameters: MarketParameters) -> list[int] | None:
    """The keys of the buyers asked for, subsidiaries included where groups are; None: the whole market."""
    if not parameters.buyer:
        return None
    statement = statements.blocks("vendor_dependence.sql")["asked"]
    values = parameters.bindings() | {
        "buyer": list(parameters.buyer),
        "group": parameters.buyer_scope == "group",
    }
    return [row["number"] for row in statements.rows(connection, statement, values)]
