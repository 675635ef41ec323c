"""The tables of reports: what they are called, what their columns hold, and how their rows are read from the views."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from domain.errors import Invalid
from projections.parameters import is_month_end, months_away
from service.asking import tables
from service.asking.columns import Column, Record
from service.asking.columns import columns as columns_of
from service.asking.comparisons import Comparisons
from service.asking.pages import whole_answer
from service.asking.questions import Questions
from service.asking.views import VIEWS, Question
from service.exporting.delimited import compact
from service.version import VERSION

#: The schema of all of them.
SCHEMA = "reporting"
#: Months of dependence_by_month, unless asked otherwise, and at most.
USUAL_MONTHS, MOST_MONTHS = 36, 600
#: The end of the first of all months.
FIRST_MONTH = date(1, 1, 31)


@dataclass(frozen=True, slots=True)
class ReportWish:
    """What reports are made of."""

    #: Of dependence_by_month and exposure_orders.
    currency: str = "USD"
    #: The last so many months.
    months: int = USUAL_MONTHS
    #: Besides the whole market, the buyers whose dependence is told by month.
    buyers: tuple[str, ...] = ()
    #: Clocks that are not now, as parameters of a question.
    clocks: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class ReportSource:
    """The views at one moment, from which all tables are read."""

    questions: Questions
    wish: ReportWish
    #: The moment as answers state it: position, effective_on, known_on, recorded_at.
    resolved: Mapping[str, Any]

    @property
    def effective_on(self) -> date:
        """The day that reports are of."""
        return date.fromisoformat(self.resolved["effective_on"])

    def answer(self, path: str, **asked: Any) -> dict[str, Any]:
        """The whole answer of a view, as of this moment."""
        return self.series(path, asked, effective_on=self.resolved["effective_on"])

    def series(self, path: str, asked: Mapping[str, Any], **days: Any) -> dict[str, Any]:
        """The whole answer of a view, as of other days than those of this moment."""
        clocks = {name: self.resolved[name] for name in ("known_on", "position")}
        given = {**clocks, **asked, **days}
        raw = {name: [str(value)] for name, value in given.items() if value is not None}
        comparisons = Comparisons(self.questions.daybook, self.questions.clocks.wait_s)
        return whole_answer(Question(VIEWS[path], "", raw), self.questions, comparisons, lambda done: None)


@dataclass(frozen=True, slots=True)
class ReportTable:
    """One table."""

    name: str
    #: What a row is, in a sentence.
    words: str
    columns: tuple[Column, ...]
    #: What each column holds, in a sentence.
    comments: Mapping[str, str]
    records: Callable[[ReportSource], Iterable[Record]]
    #: What no two rows have in common; empty: no such columns.
    key: tuple[str, ...] = ()

    def rows(self, source: ReportSource) -> Iterator[list[Any]]:
        """The values of every row in the order of the columns: texts, flags, or None."""
        for record in self.records(source):
            yield [_plain(column.read(record)) for column in self.columns]


def _plain(value: Any) -> Any:
    """A value as any table takes it: shares as decimals of their own digits, lists as text."""
    if isinstance(value, list):
        return ", ".join(value) if all(isinstance(one, str) for one in value) else compact(value)
    return repr(value) if isinstance(value, float) else value


def _table(
    name: str, words: str, records: Callable[[ReportSource], Iterable[Record]], text: str, key: tuple[str, ...] = ()
) -> ReportTable:
    """A table whose columns are lines of a text: name, perhaps a path and a kind, and after a bar what it holds."""
    columns, comments = [], {}
    for line in text.strip().splitlines():
        spec, _, comment = (part.strip() for part in line.partition("|"))
        (made,) = columns_of(spec)
        columns.append(made)
        comments[made.name] = comment
    return ReportTable(name, words, tuple(columns), comments, records, key)


def _order_lines(source: ReportSource) -> Iterator[Record]:
    for line in source.answer("order-lines")["lines"]:
        buyers = line["buyers"]
        yield {**line, "buyer_id": buyers[0] if len(buyers) == 1 else None}


#: What of a line stands in columns, by status.
STATUSES = {
    "ordered": "what was ordered, of a cancelled order what was kept",
    "received": "what arrived",
    "returned": "what went back",
    "delivered": "what arrived and was kept",
    "open": "what is ordered and not delivered",
    "cancelled": "what was still to come of an order that was cancelled",
}
ENDS = {"low": "at least", "high": "at most, null: no bound"}
FIGURES = "\n".join(
    [
        f"{status}_{measure}={status}.{measure}.value:figure | The {measure} of {words}; null: not known."
        for status, words in STATUSES.items()
        for measure in ("quantity", "amount")
    ]
    + [
        f"{status}_{measure}_{end}={status}.{measure}.{end}:figure | The {measure} of {words}: {bound}."
        for status, words in STATUSES.items()
        if status != "returned"
        for measure in ("quantity", "amount")
        for end, bound in ENDS.items()
    ]
)

ORDER_LINES = _table(
    "order_lines",
    "A line of an order, with what was ordered, received, returned, cancelled and is open.",
    _order_lines,
    f"""
    order_id | The order.
    line | The line of the order.
    status | Of the order: open, delivered, returned, void or cancelled.
    buyer_id | The buyer, organizations.organization_id; null: there are several.
    buyers:structure | All buyers, by their ids.
    vendor_id | The vendor, organizations.organization_id.
    product_id | The product, products.product_id; null: not told.
    currency | Of the amounts: ISO 4217.
    placed_on:day | The last day on which the order may have been placed.
    deliver_by | Until when it is to be delivered: a day, a month or a year; null: not told.
    cancelled_on:day | The day of the cancellation; null: none.
    {FIGURES}
    over_received:flag | Whether certainly more arrived and was kept than was ordered.
    reduced_below_zero:flag | Whether amendments took off more than there was.
    basis | How the placing is known: reported, estimated or assumed.
    """,
    ("order_id", "line"),
)
ORGANIZATIONS = _table(
    "organizations",
    "A buyer, a vendor, or who owns them.",
    lambda source: source.answer("organizations")["organizations"],
    """
    organization_id | The organisation.
    name:text | Its name; null: not told.
    country | ISO 3166-1 alpha-2; ZZ: not known.
    parent_id | The organisation that owns it; null: none is known.
    ultimate_parent_id | The last of its owners' owners; null: none is known.
    same_as | The organisation that this record stands for; null: itself.
    registered_on:day | The day of its registration.
    """,
    ("organization_id",),
)
PRODUCTS = _table(
    "products",
    "What is bought.",
    lambda source: source.answer("products")["products"],
    """
    product_id | The product.
    name:text | Its name.
    vendor_id | Its maker, organizations.organization_id; null: not told.
    category | Its category; null: none.
    foundry:text | Who makes its chips, where that is told.
    registered_on:day | The day of its registration.
    """,
    ("product_id",),
)


def _by_month(source: ReportSource) -> Iterator[Record]:
    last, months = source.effective_on, source.wish.months
    goes_on = not is_month_end(last)
    ended = last.replace(day=1) - timedelta(1) if goes_on and last > FIRST_MONTH else last
    first = months_away(ended, goes_on + 1 - months, from_end_to_end=True) or FIRST_MONTH
    for buyer in (None, *source.wish.buyers):
        asked = {"by": "vendor", "currency": source.wish.currency} | ({"buyer": buyer} if buyer else {})
        if first <= ended and is_month_end(ended):
            months_of = {**asked, "from": first, "to": ended, "step": "P1M"}
            answer = source.series("vendor-dependence/series", months_of)
            for row in tables.POINTS.records(answer):
                yield _of_month(row, date.fromisoformat(row["effective_on"]), buyer, source)
        if goes_on:
            for row in source.answer("vendor-dependence", **asked)["rows"]:
                yield _of_month(row, last, buyer, source)


def _of_month(row: Record, as_of: date, buyer: str | None, source: ReportSource) -> Record:
    return {
        **row,
        "month": as_of.replace(day=1).isoformat(),
        "as_of": as_of.isoformat(),
        "buyer_id": buyer,
        "currency": source.wish.currency,
    }


DEPENDENCE_BY_MONTH = _table(
    "dependence_by_month",
    "What was ordered of a vendor up to the end of a month, and its share: rows of one month add up.",
    _by_month,
    """
    month:day | The first day of the month.
    as_of:day | The day that the figures are of: the month's last, of the month that goes on the day of the report.
    buyer_id | The buyer; null: the whole market.
    vendor_id=key | The vendor, organizations.organization_id; null: not told.
    vendor_name=name:text | Its name on that day.
    currency | Of the amounts: ISO 4217.
    value:figure | The amount ordered up to that day; null: not known.
    low:figure | At least.
    high:figure | At most; null: no bound.
    share:figure | Of the whole, from 0 to 1; null: not known.
    share_low:figure | At least.
    share_high:figure | At most.
    restricted | Whether a rule bars it: yes, no, undetermined or partly.
    """,
)
EXPOSURE_ORDERS = _table(
    "exposure_orders",
    "A line of an order or assertion with what of it is open, and whether a rule bars it on that day.",
    lambda source: (
        {**row, "currency": source.wish.currency}
        for row in source.answer("regulatory-exposure/orders", currency=source.wish.currency)["rows"]
    ),
    """
    order_id | The order; null: it is of an assertion.
    assertion_id | The supply assertion; null: it is of an order.
    line | The line of the order.
    buyers:structure | The buyers, by their ids.
    vendor_id=vendor | The vendor, organizations.organization_id.
    vendor_name:text | Its name.
    product_id=product | The product, products.product_id; null: not told.
    currency | Of the amounts: ISO 4217.
    value:figure | The amount that is open; null: not known.
    low:figure | At least.
    high:figure | At most; null: no bound.
    placed_on:day | The last day on which it may have been placed.
    deliver_by | Until when it is to be delivered; null: not told.
    restricted | Whether a rule bars it: yes, no or undetermined.
    rules:structure | The rules that say so or may, as JSON.
    missing:structure | What is not known of it that a rule asks for.
    """,
)
REPORT_TABLES = (ORDER_LINES, ORGANIZATIONS, PRODUCTS, DEPENDENCE_BY_MONTH, EXPOSURE_ORDERS)
#: What the tables are of: its one row is of the same moment as they.
PUBLISHED = _table(
    "published",
    "As of when all tables of this schema are: one row, which changes together with them.",
    lambda source: [{**source.resolved, **_asked(source.wish)}],
    """
    position:whole | What the ledger had recorded up to this position.
    effective_on:day | What was so in the world up to and including this day.
    known_on:day | What could be known on this day; null: no limit.
    recorded_at:instant | When the event at the position was recorded; null: there is none.
    currency | Of dependence_by_month and exposure_orders.
    months:whole | How many months dependence_by_month has.
    buyers:structure | The buyers of dependence_by_month, besides the whole market.
    made_by | The version of Daybook.
    """,
)


def _asked(wish: ReportWish) -> dict[str, Any]:
    return {"currency": wish.currency, "months": wish.months, "buyers": list(wish.buyers), "made_by": VERSION}


def source_of(questions: Questions, wish: ReportWish) -> ReportSource:
    """The views as of the wish's clocks, by default as of now, with all that is recorded by any process."""
    if not 1 <= wish.months <= MOST_MONTHS:
        raise Invalid.at("/months", f"is from 1 to {MOST_MONTHS}, not {wish.months}")
    given = {name: [value] for name, value in (wish.clocks or {}).items()}
    if "position" not in given:
        given["min_position"] = [str(questions.daybook.ledger.recorder.head().position)]
    return ReportSource(questions, wish, questions.moment(given))


#: What of PUBLISHED tells two publications apart; the instant goes with the position.
IDENTIFYING = ("position", "effective_on", "known_on", "currency", "months", "buyers", "made_by")


def identity_of(source: ReportSource) -> list[str | None]:
    """What tells the publication of a source from another, as text."""
    (row,) = PUBLISHED.rows(source)
    by_name = dict(zip((column.name for column in PUBLISHED.columns), row, strict=True))
    return [None if by_name[name] is None else str(by_name[name]) for name in IDENTIFYING]
