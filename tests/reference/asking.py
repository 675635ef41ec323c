"""Short questions to the reference, and short answers."""

from datetime import date
from typing import Any

from service.audit.verifier import vendor_dependence
from tests.reference.ledger import Ledger

YEAR_END = date(2023, 12, 31)

#: Value, low and high; None: no value, no bound.
Three = tuple[str | None, ...]


def whole(ledger: Ledger, effective_on: date = YEAR_END, **query: Any) -> dict[str, Any]:
    """Everything that vendor-dependence says, of Baidu unless another buyer is given."""
    asked: dict[str, Any] = {"buyer": ["baidu"], "effective_on": effective_on}
    return vendor_dependence(ledger.events, **asked | query)


def rows(ledger: Ledger, effective_on: date = YEAR_END, **query: Any) -> dict[Any, Three]:
    """Value, low and high of each row."""
    return {row["key"]: (row["value"], row["low"], row["high"]) for row in whole(ledger, effective_on, **query)["rows"]}


def only(ledger: Ledger, effective_on: date = YEAR_END, **query: Any) -> Three:
    """Value, low and high where one row is there at most; of none exactly nothing."""
    found = rows(ledger, effective_on, **query)
    assert len(found) <= 1
    return next(iter(found.values()), ("0", "0", "0"))


def exactly(figure: str) -> Three:
    """A figure that is known."""
    return figure, figure, figure


#: Nothing is known of it but that it is not below 0.
UNKNOWN: Three = (None, "0", None)
