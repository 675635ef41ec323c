"""Every view by its path, with the tables that its answer makes: defined once for terminals, files and HTTP."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from domain.errors import Invalid
from service.asking.clocks import Raw
from service.asking.columns import Answer, Record, Table, columns
from service.asking.comparisons import Comparisons
from service.asking.questions import NothingThere, Questions

#: What may stand before a view's path: where HTTP has it.
PREFIXES = ("/api/v1/views/", "api/v1/views/", "/api/v1/", "api/v1/", "/")

Ask = Callable[[Questions, Comparisons, Raw, str], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class View:
    """One view."""

    #: Its path below /views; a view of one thing ends in /{identifier}.
    path: str
    #: Answers it, given its parameters and the identifier ("" where there is none).
    ask: Ask
    #: The tables of its answer, the main one first.
    tables: tuple[Table, ...]
    #: The fields of an answer that tables hold; the others are its context.
    listed: tuple[str, ...]

    def table(self, name: str | None) -> Table:
        """A table by its name, by default the main one; Invalid where there is none of that name."""
        for table in self.tables:
            if name is None or table.name == name:
                return table
        names = ", ".join(table.name for table in self.tables)
        raise Invalid.at("/table", f"{self.path} has no table {name!r:.40}, only {names}")


@dataclass(frozen=True, slots=True)
class Question:
    """A view with its parameters, as a path and a query name them."""

    view: View
    identifier: str
    raw: dict[str, list[str]]

    def answer(self, questions: Questions, comparisons: Comparisons) -> dict[str, Any]:
        """The answer, as HTTP gives it."""
        return self.view.ask(questions, comparisons, self.raw, self.identifier)


def parse_question(text: str) -> Question:
    """Read `vendor-dependence?buyer=baidu`, a link to evidence, or a whole address of a view.

    Invalid, or NothingThere for a view that is none.
    """
    try:
        parts = urlsplit(text.strip())
    except ValueError as error:
        raise Invalid.at("/query", f"{text!r:.80} is no address of a view: {error}") from None
    path = unquote(parts.path)
    for prefix in PREFIXES:
        if path.startswith(prefix):
            path = path.removeprefix(prefix)
            break
    raw: dict[str, list[str]] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        raw.setdefault(name, []).append(value)
    view, identifier = find(path)
    return Question(view, identifier, raw)


def find(path: str) -> tuple[View, str]:
    """The view at a path below /views, and the identifier in it; NothingThere where there is none."""
    if path in VIEWS:
        return VIEWS[path], ""
    register, slash, identifier = path.partition("/")
    one = VIEWS.get(f"{register}/{{identifier}}")
    if one is None or not slash or not identifier:
        raise NothingThere(f"there is no view {path!r:.80}: there are {', '.join(VIEWS)}")
    return one, identifier


def _rows(name: str) -> Callable[[Answer], Iterator[Record]]:
    return lambda answer: iter(answer[name])


def _itself(answer: Answer) -> Iterator[Record]:
    yield answer


def _sole_sources(answer: Answer) -> Iterator[Record]:
    yield from answer["metrics"]["sole_source"]


def _nested(outer: str, inner: str, *kept: str) -> Callable[[Answer], Iterator[Record]]:
    """What lists within records hold, each with some fields of the record around it."""

    def records(answer: Answer) -> Iterator[Record]:
        for record in answer[outer] if outer else (answer,):
            around = {name: record[name] for name in kept if name in record}
            for one in record[inner]:
                yield {**one, **around}

    return records


def _points(answer: Answer) -> Iterator[Record]:
    named = {one["key"]: one for one in answer["keys"]}
    for point in answer["points"]:
        for row in point["rows"]:
            yield {**named[row["key"]], **row, "effective_on": point["effective_on"]}


def _explaining(answer: Answer) -> Iterator[Record]:
    for row in answer["rows"]:
        for part in row["explained"]:
            for event in part["events"]:
                yield {**event, "key": row["key"], "class": part["class"]}


def _of_contributions(answer: Answer) -> Iterator[Record]:
    for number, contribution in enumerate(answer["contributions"], start=1):
        for posting in contribution["postings"]:
            yield {**posting, "contribution": number}


DEPENDENCE = Table(
    "rows",
    columns(
        "key name:text value:figure low:figure high:figure share:ratio share_low:ratio share_high:ratio"
        " quantified:flag captive:flag restricted country first_effective_on:day last_effective_on:day evidence"
    ),
    _rows("rows"),
    ("key", "name", "value", "low..high", "share", "share_low..share_high"),
    ("low..high", "key", "share_low..share_high"),
)
SOLE_SOURCES = Table("sole_source", columns("vendor category sole_source alternatives:structure"), _sole_sources)
CONTRIBUTIONS = Table(
    "contributions",
    columns(
        "order_id assertion_id line vendor product captive:flag value:exact low:exact high:exact"
        " figure_value=figure.value:exact figure_low=figure.low:exact figure_high=figure.high:exact"
        " factors:structure postings:structure"
    ),
    _rows("contributions"),
    ("order_id", "assertion_id", "line", "vendor", "product", "value", "low..high"),
    ("product", "vendor", "assertion_id", "low..high"),
)
POSTINGS = Table(
    "postings",
    columns("contribution:whole position:whole id type ends_on:day value:exact low:exact high:exact"),
    _of_contributions,
)
POINTS = Table(
    "points",
    columns("effective_on:day key name:text country value:figure low:figure high:figure share:ratio"),
    _points,
    ("effective_on", "key", "name", "value", "low..high", "share"),
    ("low..high", "key"),
)
TOTALS = Table(
    "totals",
    columns(
        "effective_on:day value=total.value:figure low=total.low:figure high=total.high:figure unit=total.unit"
        " hhi=metrics.hhi:ratio effective_vendors=metrics.effective_vendors:ratio cr1=metrics.cr1:ratio"
        " cr3=metrics.cr3:ratio captive_share=metrics.captive_share:ratio domestic_share=metrics.domestic_share:ratio"
        " single_source=metrics.single_source:flag quantified=metrics.coverage.quantified:whole"
        " active=metrics.coverage.active:whole"
    ),
    _rows("points"),
    ("effective_on", "value", "low..high", "hhi", "cr1", "captive_share"),
)
ANNOTATIONS = Table(
    "annotations", columns("effective_on:day known_on:day position:whole type id title:text"), _rows("annotations")
)
CHANGES = Table(
    "rows",
    columns(
        "key name:text before=before.value:figure before_low=before.low:figure before_high=before.high:figure"
        " after=after.value:figure after_low=after.low:figure after_high=after.high:figure difference:figure"
        " unquantified_before:whole unquantified_after:whole"
    ),
    _rows("rows"),
    ("key", "name", "before", "after", "difference"),
    ("key",),
)
EXPLAINED = Table(
    "explained",
    columns("key class value:figure event_count:whole"),
    _nested("rows", "explained", "key"),
)
EXPLAINING = Table(
    "events",
    columns(
        "key class position:whole id type effective_on ends_on:day known_on:day about order_id assertion_id line"
        " value:figure"
    ),
    _explaining,
    ("key", "class", "position", "type", "ends_on", "known_on", "value"),
)
EXPOSURE = Table(
    "rows",
    columns(
        "vendor product restricted value:figure low:figure high:figure rules:structure explanation:structure evidence"
    ),
    _rows("rows"),
    ("vendor", "product", "restricted", "value", "low..high"),
    ("low..high",),
)
RULES = Table(
    "rules",
    columns("vendor product regulation_id rule_id effect verdict missing:structure"),
    _nested("rows", "rules", "vendor", "product"),
)
INSTRUMENTS = Table(
    "instruments",
    columns("regulation_id title:text jurisdiction authority:text citation:text status rules:structure until:day"),
    _rows("instruments"),
)
ORGANIZATION = (
    "organization_id name:text country parent_id ultimate_parent_id registered_on:day names:structure"
    " identifiers:structure"
)
PRODUCT = "product_id name:text vendor_id category foundry:text registered_on:day attributes:structure"
PARTNERSHIP = "partnership_id status kind:text scope:text since:day ended_on:day reason:text parties:structure"
REGULATION = (
    "regulation_id status title:text authority:text jurisdiction citation:text until:day suspended_until:day"
    " rules:structure licences:structure next_change:structure"
)
HISTORY = (
    "regulation_id position:whole event_id type effective_on ends_on:day known_on:day standing retracted_by"
    " retracted_on:day retraction_reason:text corrects corrected_by data:structure"
)
ORDERS = Table(
    "orders",
    columns(
        "order_id status vendor_id buyers:structure currency placed_on:day placed_effective_on basis cancelled_on:day"
        " flags:structure"
    ),
    _rows("orders"),
    ("order_id", "status", "vendor_id", "currency", "placed_on"),
)
LINES = Table(
    "lines",
    columns(
        "line product_id deliver_by"
        + "".join(
            f" {status}_{measure}{bound and f'_{bound}'}={status}.{measure}.{bound or 'value'}:figure"
            for status in ("ordered", "delivered", "open")
            for measure in ("quantity", "amount")
            for bound in ("", "low", "high")
        )
        + " over_received:flag"
    ),
    _rows("lines"),
    ("line", "product_id", "deliver_by", "ordered_quantity", "delivered_quantity", "open_quantity", "ordered_amount"),
    ("ordered_amount", "deliver_by"),
)
ORDER_HISTORY = Table(
    "history",
    columns(
        "position:whole version:whole id type effective_on ends_on:day known_on:day recorded_at:instant basis"
        " counts:flag why_not:text retracted_by corrects actor notes:structure source:structure data:structure"
        " missing_lines:structure"
    ),
    _rows("history"),
    ("position", "type", "effective_on", "known_on", "counts", "why_not"),
)
#: What a terminal shows of each register, and of that what a narrow one leaves out; a file has all of it.
GLANCES = {
    "organizations": (
        ("organization_id", "name", "country", "parent_id", "ultimate_parent_id"),
        ("organization_id", "parent_id", "ultimate_parent_id"),
    ),
    "products": (
        ("product_id", "name", "vendor_id", "category", "foundry"),
        ("product_id", "category", "vendor_id", "foundry"),
    ),
    "partnerships": (("partnership_id", "status", "kind", "scope", "since", "ended_on"), ("ended_on", "scope")),
    "regulations": (
        ("regulation_id", "status", "title", "authority", "citation", "until"),
        ("regulation_id", "authority", "until", "citation"),
    ),
}


def _register(plural: str, single: str, spec: str, history: str = "") -> Iterator[View]:
    """The view of all of a kind, and that of one by its id."""
    for path, name, records in (
        (plural, plural, _rows(plural)),
        (f"{plural}/{{identifier}}", single, _itself),
    ):
        tables = [Table(plural, columns(spec), records, *GLANCES[plural])]
        own = tuple(column.name for column in tables[0].columns)
        if history:
            outer = plural if path == plural else ""
            tables.append(Table("history", columns(history), _nested(outer, "history", "regulation_id")))
        yield View(path, _asking(name, one=path != plural), tuple(tables), (plural, "history", *own))


def _asking(name: str, *, one: bool) -> Ask:
    if one:
        return lambda questions, comparisons, raw, identifier: dict(getattr(questions, name)(raw, identifier))
    return lambda questions, comparisons, raw, identifier: dict(getattr(questions, name)(raw))


VIEWS: dict[str, View] = {
    view.path: view
    for view in (
        View(
            "vendor-dependence",
            lambda questions, comparisons, raw, _: questions.vendor_dependence(raw),
            (DEPENDENCE, SOLE_SOURCES),
            ("rows",),
        ),
        View(
            "vendor-dependence/evidence",
            lambda questions, comparisons, raw, _: questions.evidence(raw),
            (CONTRIBUTIONS, POSTINGS),
            ("contributions",),
        ),
        View(
            "vendor-dependence/series",
            lambda questions, comparisons, raw, _: comparisons.series(raw),
            (POINTS, TOTALS, ANNOTATIONS),
            ("points", "keys", "annotations"),
        ),
        View(
            "vendor-dependence/diff",
            lambda questions, comparisons, raw, _: comparisons.difference(raw),
            (CHANGES, EXPLAINED, EXPLAINING),
            ("rows",),
        ),
        View(
            "regulatory-exposure",
            lambda questions, comparisons, raw, _: questions.regulatory_exposure(raw),
            (EXPOSURE, RULES, INSTRUMENTS),
            ("rows", "instruments"),
        ),
        *_register("regulations", "regulation", REGULATION, HISTORY),
        *_register("organizations", "organization", ORGANIZATION),
        *_register("products", "product", PRODUCT),
        *_register("partnerships", "partnership", PARTNERSHIP),
        View("orders", lambda questions, comparisons, raw, _: questions.orders(raw), (ORDERS,), ("orders",)),
        View(
            "orders/{identifier}",
            lambda questions, comparisons, raw, identifier: questions.order(raw, identifier),
            (LINES, ORDER_HISTORY),
            ("lines", "history"),
        ),
    )
}
