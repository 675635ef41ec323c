"""The tables that the answers of views make, for terminals and files: their columns, and where their records are."""

from collections.abc import Callable, Iterator

from service.asking.columns import Answer, Record, Table, columns


def rows_of(name: str) -> Callable[[Answer], Iterator[Record]]:
    """Takes the records out of a list of an answer."""
    return lambda answer: iter(answer[name])


def itself(answer: Answer) -> Iterator[Record]:
    """The answer as the one record of a table."""
    yield answer


def nested(outer: str, inner: str, *kept: str) -> Callable[[Answer], Iterator[Record]]:
    """What lists within records hold, each with some fields of the record around it."""

    def records(answer: Answer) -> Iterator[Record]:
        for record in answer[outer] if outer else (answer,):
            around = {name: record[name] for name in kept if name in record}
            for one in record[inner]:
                yield {**one, **around}

    return records


def _bounded(metrics: Answer) -> Iterator[Record]:
    for name in BOUNDED:
        bounds = {end: metrics[f"{name}_{end}"] for end in ("low", "high")}
        yield {"metric": name, "value": metrics[name], **bounds}


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


def _to_be_decided(answer: Answer) -> Iterator[Record]:
    """Likely duplicates with two empty columns, for somebody who decides and has the table imported."""
    for pair in answer["likely_duplicates"]:
        yield {**pair, "decision": None, "survives": None}


DEPENDENCE = Table(
    "rows",
    columns(
        "key name:text value:figure low:figure high:figure share:ratio share_low:ratio share_high:ratio"
        " quantified:flag captive:flag restricted country first_effective_on:day last_effective_on:day evidence"
    ),
    rows_of("rows"),
    ("key", "name", "value", "low..high", "share", "share_low..share_high"),
    ("low..high", "key", "share_low..share_high"),
)
#: The metrics that have bounds.
BOUNDED = ("hhi", "effective_vendors", "cr1", "cr3", "captive_share", "domestic_share", "at_risk")
METRICS = Table(
    "metrics",
    columns("metric value:ratio low:ratio high:ratio"),
    lambda answer: _bounded(answer["metrics"]),
    ("metric", "value", "low..high"),
)
SIDES = Table(
    "remarks",
    columns("side kind subject count:whole days:whole"),
    lambda answer: ({**remark, "side": side} for side in ("before", "after") for remark in answer["remarks"][side]),
)
REMARKS = Table("remarks", columns("kind subject count:whole days:whole"), rows_of("remarks"))
CONTRIBUTIONS = Table(
    "contributions",
    columns(
        "order_id assertion_id line vendor product captive:flag value:exact low:exact high:exact"
        " figure_value=figure.value:exact figure_low=figure.low:exact figure_high=figure.high:exact"
        " factors:structure postings:structure"
    ),
    rows_of("contributions"),
    ("order_id", "assertion_id", "line", "vendor", "product", "value", "low..high"),
    ("product", "vendor", "assertion_id", "low..high"),
)
POSTINGS = Table(
    "postings",
    columns("contribution:whole position:whole id type ends_on:day value:exact low:exact high:exact derived:structure"),
    _of_contributions,
)
POINTS = Table(
    "points",
    columns(
        "effective_on:day key name:text country value:figure low:figure high:figure share:ratio share_low:ratio"
        " share_high:ratio restricted"
    ),
    _points,
    ("effective_on", "key", "name", "value", "low..high", "share"),
    ("low..high", "key"),
)
TOTALS = Table(
    "totals",
    columns(
        "effective_on:day value=total.value:figure low=total.low:figure high=total.high:figure unit=total.unit"
        + "".join(f" {name}{end}=metrics.{name}{end}:ratio" for name in BOUNDED for end in ("", "_low", "_high"))
        + " at_risk_undetermined=metrics.at_risk_undetermined:ratio"
        " single_source=metrics.single_source:flag quantified=metrics.coverage.quantified:whole"
        " active=metrics.coverage.active:whole"
    ),
    rows_of("points"),
    ("effective_on", "value", "low..high", "hhi", "cr1", "captive_share"),
)
ANNOTATIONS = Table(
    "annotations", columns("effective_on:day known_on:day position:whole type id title:text"), rows_of("annotations")
)
CHANGES = Table(
    "rows",
    columns(
        "key name:text before=before.value:figure before_low=before.low:figure before_high=before.high:figure"
        " after=after.value:figure after_low=after.low:figure after_high=after.high:figure difference:figure"
        " unquantified_before:whole unquantified_after:whole"
    ),
    rows_of("rows"),
    ("key", "name", "before", "after", "difference"),
    ("key",),
)
EXPLAINED = Table(
    "explained",
    columns("key class value:figure event_count:whole"),
    nested("rows", "explained", "key"),
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
        "vendor product restricted value:figure low:figure high:figure"
        + "".join(
            f" {verdict}{bound and f'_{bound}'}={verdict}.{bound or 'value'}:figure"
            for verdict in ("barred", "undetermined")
            for bound in ("", "low", "high")
        )
        + " rules:structure explanation:structure evidence"
    ),
    rows_of("rows"),
    ("vendor", "product", "restricted", "value", "low..high", "barred", "undetermined"),
    ("low..high", "undetermined", "barred"),
)
EXPOSED_LINES = Table(
    "rows",
    columns(
        "order_id assertion_id line buyers:structure vendor vendor_name:text product value:figure low:figure"
        " high:figure placed_on:day deliver_by restricted rules:structure missing:structure"
    ),
    rows_of("rows"),
    ("order_id", "assertion_id", "line", "vendor", "product", "value", "low..high", "placed_on", "restricted"),
    ("vendor", "product", "placed_on", "assertion_id", "low..high"),
)
SOLE_SOURCE = Table(
    "rows",
    columns(
        "category value:figure low:figure high:figure vendors:structure vendor_count:whole"
        " available=sources.available:whole undetermined=sources.undetermined:whole unfit=sources.unfit:whole"
        " single_source:flag sole_source alternatives:structure alternatives_total:whole"
    ),
    rows_of("rows"),
    ("category", "value", "vendor_count", "single_source", "sole_source", "available", "alternatives"),
    ("alternatives", "vendor_count", "available"),
)
RULES = Table(
    "rules",
    columns("vendor product regulation_id rule_id effect verdict missing:structure"),
    nested("rows", "rules", "vendor", "product"),
)
INSTRUMENTS = Table(
    "instruments",
    columns("regulation_id title:text jurisdiction authority:text citation:text status rules:structure until:day"),
    rows_of("instruments"),
)
ORGANIZATION = (
    "organization_id name:text country parent_id ultimate_parent_id same_as registered_on:day names:structure"
    " identifiers:structure"
)
LIKELY_DUPLICATES = Table(
    "likely_duplicates",
    columns(
        "organization_id name:text country other_id other_name:text other_country score:ratio names_alike:ratio"
        " same_identifiers:structure why:structure decision:text survives:text"
    ),
    _to_be_decided,
    ("organization_id", "name", "other_id", "other_name", "score", "why"),
    ("why", "other_name", "name"),
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
    rows_of("orders"),
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
        + " over_received:flag reduced_below_zero:flag"
    ),
    rows_of("lines"),
    ("line", "product_id", "deliver_by", "ordered_quantity", "delivered_quantity", "open_quantity", "ordered_amount"),
    ("ordered_amount", "deliver_by"),
)


def _measured(statuses: str, bounds: tuple[str, ...]) -> str:
    return "".join(
        f" {status}_{measure}{bound and f'_{bound}'}={status}.{measure}.{bound or 'value'}:figure"
        for status in statuses.split()
        for measure in ("quantity", "amount")
        for bound in bounds
    )


ORDER_LINES = Table(
    "lines",
    columns(
        "order_id line status vendor_id buyers:structure product_id currency placed_on:day"
        " placed_effective_on deliver_by"
        + _measured("ordered received returned delivered open cancelled", ("",))
        + _measured("ordered received delivered open cancelled", ("low", "high"))
        + " over_received:flag reduced_below_zero:flag basis cancelled_on:day"
    ),
    rows_of("lines"),
    (
        "order_id",
        "line",
        "status",
        "vendor_id",
        "product_id",
        "ordered_quantity",
        "received_quantity",
        "open_quantity",
        "ordered_amount",
        "currency",
        "placed_on",
    ),
    ("product_id", "placed_on", "received_quantity"),
)
ORDER_HISTORY = Table(
    "history",
    columns(
        "position:whole version:whole id type effective_on ends_on:day known_on:day recorded_at:instant basis"
        " counts:flag why_not:text retracted_by corrects actor notes:structure source:structure data:structure"
        " missing_lines:structure"
    ),
    rows_of("history"),
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
