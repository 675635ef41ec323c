"""Exchange rates as a central bank publishes them."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, model_validator

from domain.events import Recorded
from domain.values import Currency, EventData, Rate, example


class ExchangeRatesPublished(EventData):
    """How much of each currency one unit of the base buys."""

    NAME = "exchange-rates-published"
    KIND = "rates"
    IDENTITY = "base"
    COLLECTION = "exchange-rates"
    EXAMPLE = example(
        base="EUR",
        rates={"USD": "1.0868", "CNY": "7.9196"},
        effective_on="2023-08-31",
        known_on="2023-08-31",
        id="ecb-2023-08-31",
    )

    base: Currency
    rates: Annotated[dict[Currency, Rate], Field(min_length=1)]

    @model_validator(mode="after")
    def _base_is_one(self) -> "ExchangeRatesPublished":
        if self.base in self.rates:
            raise ValueError(f"{self.base} is the base, its rate is 1 and is not listed")
        return self


@dataclass(frozen=True, slots=True)
class Rates:
    """That the base has publications is all that decisions need to know."""


def apply(state: Rates | None, event: Recorded) -> Rates:
    """The base's publications after the event."""
    return state or Rates()
