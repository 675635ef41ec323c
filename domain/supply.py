"""Supply known without an order: statements such as "it relies on that vendor", with or without figures."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, model_validator

from domain.events import Recorded
from domain.orders import Line, lines_mentioned, refuse_repeats
from domain.values import Currency, EventData, Identifier, Mention, Optional, Text, example


class SupplyAsserted(EventData):
    """Somebody says that a buyer is supplied by a vendor; a later assertion under the id replaces this one."""

    NAME = "supply-asserted"
    KIND = "supply"
    IDENTITY = "assertion_id"
    COLLECTION = "supply-assertions"
    EXAMPLE = example(
        assertion_id="kunlun-own-chips",
        buyer_id="baidu",
        vendor_id="kunlunxin",
        statement="Baidu runs part of its search on its own chips.",
        effective_on="2021",
        known_on="2021-12-31",
        id="kunlun-own-chips-said",
    )

    assertion_id: Identifier
    buyer_id: Identifier
    vendor_id: Identifier
    statement: Text
    #: Needed where a line states an amount.
    currency: Optional[Currency] = None
    #: Absent: one unquantified supply.
    lines: Optional[Annotated[list[Line], Field(min_length=1)]] = None

    @model_validator(mode="after")
    def _amounts_need_a_currency(self) -> "SupplyAsserted":
        refuse_repeats([line.line for line in self.lines or ()], "line")
        if self.currency is None and any(line.amount.value is not None for line in self.lines or ()):
            raise ValueError("currency is missing: a line states an amount")
        return self

    def mentions(self) -> list[Mention]:
        """Buyer, vendor and products."""
        return [
            Mention("/buyer_id", "organization", self.buyer_id),
            Mention("/vendor_id", "organization", self.vendor_id),
            *lines_mentioned(self.lines),
        ]


@dataclass(frozen=True, slots=True)
class SupplyState:
    """That something was asserted under the id is all that decisions need to know."""


def apply(state: SupplyState | None, event: Recorded) -> SupplyState:
    """The assertion after the event."""
    return state or SupplyState()
