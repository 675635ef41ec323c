"""What a view is asked: moment, buyers and choices, resolved and checked."""

import re
from calendar import monthrange
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from domain.estimates import parse_decimal
from domain.values import DECIMAL_PATTERN

Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$")]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
AttributeName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9._:-]{0,63}$")]
BY = "vendor|maker|parent|country|product|category|site|attribute:[A-Za-z][A-Za-z0-9._:-]{0,63}"

KEYS = "vendor, maker, parent, country, product, category, site and attribute:NAME"


def _by(text: str) -> str:
    if not re.fullmatch(BY, text, re.ASCII):
        raise ValueError(f"{text[:80]!r} is none of {KEYS}")
    return "attribute:site" if text == "site" else text


#: What rows of vendor-dependence are made by (rules 22 and 55); site is short for attribute:site.
By = Annotated[str, AfterValidator(_by), WithJsonSchema({"type": "string", "pattern": f"^({BY})$"})]
#: As large and as fine as attributes are.
Threshold = Annotated[
    Decimal,
    BeforeValidator(lambda text: parse_decimal(text, 9, 6)),
    WithJsonSchema({"type": "string", "pattern": DECIMAL_PATTERN}),
]

#: An ISO 8601 duration in whole days or more; five digits reach beyond every date.
DURATION = re.compile(r"P(?=\d)(?:(\d{1,5})Y)?(?:(\d{1,5})M)?(?:(\d{1,5})W)?(?:(\d{1,5})D)?", re.ASCII)
Duration = Annotated[
    str,
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^P(?=\d)(\d{1,5}Y)?(\d{1,5}M)?(\d{1,5}W)?(\d{1,5}D)?$",
            "description": "An ISO 8601 duration of days or more.",
        }
    ),
]
#: Of days: a year, month or quarter, or two days that are both included, one of which may be open.
PERIOD = r"\d{4}(-(\d{2}|Q[1-4]))?|(\d{4}-\d{2}-\d{2}|\.\.)/(\d{4}-\d{2}-\d{2}|\.\.)"
Period = Annotated[str, WithJsonSchema({"type": "string", "pattern": f"^({PERIOD})$"})]
#: The days of which rates are taken: placed, effective, or one day for all.
RATES = r"placed|effective|\d{4}-\d{2}-\d{2}"
Rates = Annotated[str, WithJsonSchema({"type": "string", "pattern": f"^({RATES})$"})]
STATUS = "Whether what was ordered counts, what was delivered, or what is open."
#: The bits by which the tables mark a basis.
BASIS = {"estimated": 1, "assumed": 2}
LAST_DAY = date.max
MONTHS = range(1, 13)


class Moment(BaseModel):
    """The point in the three clocks that a view is read at."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: T: what was so in the world up to and including this day
    effective_on: date
    #: K: what could be known on this day; None: no limit
    known_on: date | None = None
    #: P: what this ledger had recorded
    position: int = Field(ge=0)

    def bindings(self) -> dict[str, Any]:
        """The moment as parameters of a statement."""
        return {
            "effective_on": self.effective_on,
            "known_on": LAST_DAY if self.known_on is None else self.known_on,
            "position": self.position,
        }


class MarketParameters(Moment):
    """What all views of the market share."""

    #: none: the whole market
    buyer: tuple[Identifier, ...] = Field(
        (), description="An organisation; given several times, these together; without it the whole market."
    )
    #: group: each buyer with its subsidiaries at effective_on
    buyer_scope: Literal["entity", "group"] = Field("entity", description="Each buyer alone, or with its subsidiaries.")
    exclude: frozenset[Literal["estimated", "assumed", "unquantified"]] = Field(
        frozenset(), description="What is left out: facts of this basis, or contributions without a figure."
    )
    currency: Currency = Field("USD", description="The currency of the figures.")

    @property
    def excluded_basis(self) -> int:
        """The bits of every basis that is switched off."""
        return sum(bit for name, bit in BASIS.items() if name in self.exclude)

    def bindings(self) -> dict[str, Any]:
        """The moment and the exclusions as parameters of a statement."""
        return super().bindings() | {
            "excluded": self.excluded_basis,
            "unquantified": "unquantified" not in self.exclude,
            "currency": self.currency,
        }


class ContributionParameters(MarketParameters):
    """What is counted of an order, and in what, for a view that adds up contributions."""

    measure: Literal["spend", "units", "capacity"] = Field("spend", description="What is added up.")
    attribute: AttributeName = Field("tpp", description="The attribute that makes capacity, with measure=capacity.")
    status: Literal["ordered", "delivered", "open"] = Field("ordered", description=STATUS)
    #: None: everything
    window: Duration | None = Field(
        None, description="How far back from effective_on an event counts; without it, however far."
    )
    #: None: everything
    period: Period | None = Field(
        None,
        description="The days in which an event counts, instead of `window`: 2025, 2025-04, 2025-Q2, or FIRST/LAST,"
        " where .. is open.",
    )
    rates: Rates = Field(
        "placed",
        description="As of which day money is converted: that of the order's placing, effective_on (`effective`), or"
        " the same day for all (constant currency).",
    )
    captive: Literal["include", "exclude"] = Field("include", description="Whether purchases within a group count.")

    @field_validator("window")
    @classmethod
    def _is_duration(cls, window: str | None, given: ValidationInfo) -> str | None:
        if window is None:
            return None
        parse_duration(window)
        if given.data.get("status") == "open":
            raise ValueError("a window goes with status ordered or delivered: what is open has no date of its own")
        return window

    @field_validator("period")
    @classmethod
    def _is_period(cls, period: str | None, given: ValidationInfo) -> str | None:
        if period is None:
            return None
        days_of(period)
        if given.data.get("window") is not None:
            raise ValueError("window and period go without each other: both say which days count")
        if given.data.get("status") == "open":
            raise ValueError("a period goes with status ordered or delivered: what is open has no date of its own")
        return period

    @field_validator("rates")
    @classmethod
    def _is_day_of_rates(cls, rates: str) -> str:
        if rates not in ("placed", "effective"):
            try:
                day_of(rates)
            except ValueError as error:
                raise ValueError(f"{rates!r:.40} is neither placed, nor effective, nor a day") from error
        return rates

    @property
    def unit(self) -> str:
        """What figures are counted in (rule 29)."""
        return {"spend": self.currency, "units": "unit", "capacity": self.attribute}[self.measure]

    @property
    def days(self) -> tuple[date, date]:
        """The first and the last day of the window or period; without one, of all days."""
        if self.period is not None:
            return days_of(self.period)
        start = None if self.window is None else start_of(self.window, self.effective_on)
        return date.min if start is None else start + timedelta(1), LAST_DAY

    @property
    def rates_on(self) -> date | None:
        """The day of which all rates are taken; None: each of the day of the placing."""
        if self.rates == "placed":
            return None
        return self.effective_on if self.rates == "effective" else day_of(self.rates)

    def bindings(self) -> dict[str, Any]:
        """Everything but the buyers as parameters of a statement."""
        first_on, last_on = self.days
        return super().bindings() | {
            "attribute": self.attribute,
            "first_on": first_on,
            "last_on": last_on,
            "rates_on": self.rates_on,
            "captives": self.captive == "include",
        }


class VendorDependence(ContributionParameters):
    """What vendor-dependence is asked."""

    by: By = Field("vendor", description=f"What rows are made by: {KEYS}; site is short for attribute:site.")
    #: None: the country of the buyer, where one is asked for
    home: Country | None = Field(
        None, description="The country that counts as domestic; that of a single buyer unless given."
    )

    @property
    def key(self) -> str:
        """The sort of the rows' keys: `by`, or "attribute", whichever it is."""
        return self.by.partition(":")[0]

    @property
    def names_itself(self) -> bool:
        """Whether keys are names, too."""
        return self.key in ("category", "attribute")

    def bindings(self) -> dict[str, Any]:
        """Everything but the buyers as parameters of a statement."""
        return super().bindings() | {"label": self.by.partition(":")[2] or None}


class SoleSource(ContributionParameters):
    """What sole-source is asked."""

    #: None: nothing
    threshold: Threshold | None = Field(
        None, description="The least of threshold_attribute that a product must have to make a source of its maker."
    )
    threshold_attribute: AttributeName = Field(
        "tpp", description="The attribute that threshold is about, and only given with it."
    )

    @field_validator("threshold_attribute")
    @classmethod
    def _says_what_a_threshold_is_about(cls, attribute: str, given: ValidationInfo) -> str:
        # A threshold that is none of its own is missing here, and has been refused.
        if given.data.get("threshold", attribute) is None:
            raise ValueError("goes with a threshold, and none is given: without it every product counts")
        return attribute


class RegulatoryExposure(ContributionParameters):
    """What regulatory-exposure is asked: by default of what is still to come."""

    status: Literal["ordered", "delivered", "open"] = Field("open", description=STATUS)
    judged: Literal["effective", "placed"] = Field(
        "effective",
        description="Whether purchases are held against what is in force at effective_on, or against what was in force"
        " when each was placed.",
    )
    #: none: all rows
    restricted: frozenset[Literal["yes", "undetermined", "no"]] = Field(
        frozenset(), description="The verdicts of the rows that are shown; without it all are."
    )

    def wants(self, restricted: str) -> bool:
        """Whether rows of a verdict are shown; what is partly barred is both barred and not (rule 63)."""
        either = {"yes", "no"} if restricted == "partly" else {restricted}
        return not self.restricted or not self.restricted.isdisjoint(either)


def parse_duration(text: str) -> tuple[int, int]:
    """Read an ISO 8601 duration such as `P1Y6M` or `P30D` as (months, days); ValueError says what is wrong."""
    match = DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r:.40} is not a duration of years, months, weeks or days such as P1Y, P6M or P30D")
    years, months, weeks, days = (int(part or 0) for part in match.groups())
    if not (years or months or weeks or days):
        raise ValueError(f"{text!r:.40} is no time at all")
    return 12 * years + months, 7 * weeks + days


def is_month_end(day: date) -> bool:
    """Whether it is the last day of its month."""
    return day.day == monthrange(day.year, day.month)[1]


def months_away(day: date, months: int, *, from_end_to_end: bool) -> date | None:
    """The day so many months later, or earlier (below 0); a day that the month lacks is its last.

    `from_end_to_end`: the last day of a month becomes the last of another. None: it is beyond all days.
    """
    year, month = divmod(12 * day.year + day.month - 1 + months, 12)
    if not date.min.year <= year <= date.max.year:
        return None
    length = monthrange(year, month + 1)[1]
    return date(year, month + 1, length if from_end_to_end and is_month_end(day) else min(day.day, length))


def start_of(duration: str, end: date) -> date | None:
    """The day that lies a duration before `end`: months first, then days (docs/semantics.md, rule 15).

    Without days, the last day of a month leads to the last of another. None: it is before the first of all days.
    """
    months, days = parse_duration(duration)
    start = months_away(end, -months, from_end_to_end=days == 0)
    if start is None:
        return None
    return start - timedelta(days) if days <= (start - date.min).days else None


def day_of(text: str) -> date:
    """A day as `2025-01-31`, and in no other form; ValueError says what is wrong."""
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
        raise ValueError(f"{text!r:.40} is not a day such as 2025-01-31")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text} is a day that no calendar has") from None


def days_of(period: str) -> tuple[date, date]:
    """First and last day of a period as PERIOD has it (rule 60); ValueError says what is wrong."""
    if not re.fullmatch(PERIOD, period, re.ASCII) or period == "../..":
        raise ValueError(f"{period!r:.40} is none of 2025, 2025-04, 2025-Q2 and 2025-04-01/2025-05-15 (.. is open)")
    if "/" in period:
        first, last = period.split("/")
        first_on = date.min if first == ".." else day_of(first)
        last_on = date.max if last == ".." else day_of(last)
        if last_on < first_on:
            raise ValueError(f"the period {period} ends before it begins")
        return first_on, last_on
    year, _, part = period.partition("-")
    months = [1, 12]
    if part.startswith("Q"):
        months = [3 * int(part[1]) - 2, 3 * int(part[1])]
    elif part:
        months = [int(part)] * 2
    if int(year) < date.min.year or not 1 <= months[0] <= months[1] <= len(MONTHS):
        raise ValueError(f"{period} is a period that no calendar has")
    return date(int(year), months[0], 1), date(int(year), months[1], monthrange(int(year), months[1])[1])
