"""THE table of views: one entry says all that HTTP, command line, files, client and decision bundles need of a view."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import duckdb
from msgspec import Struct
from pydantic import BaseModel

from domain.errors import Invalid
from domain.lots import Sent
from projections.order_list import OrderList
from projections.parameters import Moment, RegulatoryExposure, SoleSource, VendorDependence
from service.asking import tables
from service.asking.clocks import Raw
from service.asking.columns import Table, columns
from service.asking.comparisons import Comparisons
from service.asking.lists import REGISTERS
from service.asking.parameters import (
    EvidenceParameters,
    PageOfOrders,
    PageParameters,
    Parameter,
    PartParameters,
    SeriesParameters,
    clocks,
    clocks_twice,
    parameters_of,
)
from service.asking.questions import NothingThere, Questions
from service.asking.tables import itself, nested, rows_of
from service.shapes import answers, things

#: What may stand before a view's path: where HTTP has it.
PREFIXES = ("/api/v1/views/", "api/v1/views/", "/api/v1/", "api/v1/", "/")

Answered = dict[str, Any]
Ask = Callable[[Questions, Comparisons, Raw, str], Answered]
Suppose = Callable[[Comparisons, Raw, Sequence[Sent]], Answered]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A view as it would be had some events been recorded."""

    #: What it says, in a sentence.
    words: str
    ask: Suppose
    shape: type[Struct]
    #: The method of the clients.
    client: str


@dataclass(frozen=True, slots=True)
class View:
    """One view."""

    #: Its path below /views; a view of one thing ends in /{identifier}.
    path: str
    #: What it says, in a sentence.
    words: str
    #: Answers it, given its parameters and the identifier ("" where there is none).
    ask: Ask
    #: The parameters that it has besides the clocks.
    model: type[Moment]
    #: The answer as JSON holds it.
    shape: type[Struct]
    #: The tables of its answer, the main one first.
    tables: tuple[Table, ...]
    #: The fields of an answer that tables hold; the others are its context.
    listed: tuple[str, ...]
    #: A question that can be asked of the ledger of the interface's examples, clocks included.
    example: Mapping[str, Any]
    #: Further parameters: a model of them, or those themselves.
    further: type[BaseModel] | Sequence[Parameter] = ()
    #: Parameters of the page, where it is answered page by page.
    page: type[PartParameters] | None = None
    #: The clocks, where they are not those of every question.
    clocks: Sequence[Parameter] = field(default_factory=clocks)
    #: The subcommand of `daybook query`; None: `daybook export view` alone.
    command: str | None = None
    #: The method of the clients; None: `view_file` alone.
    client: str | None = None
    #: Whether a decision bundle may hold it, which its verifier must then be able to work out.
    bundled: bool = False
    scenario: Scenario | None = None
    #: Where it lists things, or shows one: their kind. Such a view also has a path outside /views.
    kind: str | None = None
    #: By parameters that are true or false: the path of the view that answers instead where one is true.
    instead: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its path as a name: vendor_dependence_series."""
        return self.path.removesuffix("/{identifier}").replace("/", "_").replace("-", "_")

    @property
    def is_of_one(self) -> bool:
        """Whether it is of one thing, which an identifier names."""
        return self.path.endswith("/{identifier}")

    @property
    def parameters(self) -> list[Parameter]:
        """All that it may be asked, the identifier excepted."""
        further = self.further
        return [
            *self.clocks,
            *parameters_of(self.model),
            *(parameters_of(further, ()) if isinstance(further, type) else further),
            *(Parameter(name, BOOLEAN, f"True: {VIEWS[path].words}") for name, path in self.instead.items()),
            *([] if self.page is None else parameters_of(self.page)),
        ]

    def turned(self, raw: dict[str, list[str]]) -> tuple["View", dict[str, list[str]]]:
        """The view that answers what is asked of this one, and the parameters for it; Invalid for no true or false."""
        for name, path in self.instead.items():
            if name in raw:
                if raw[name] not in (["true"], ["false"]):
                    raise Invalid.at(f"/{name}", f"is true or false, not {', '.join(raw[name])!r:.40}")
                own = {other: values for other, values in raw.items() if other != name}
                return (VIEWS[path], own) if raw[name] == ["true"] else (self, own)
        return self, raw

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

    def answer(self, questions: Questions, comparisons: Comparisons) -> Answered:
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
    view, raw = view.turned(raw)
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


def reading(model: type[Moment], read: Callable[[duckdb.DuckDBPyConnection, Any], Answered]) -> Ask:
    """How a view is asked that a function of `projections` reads, given its parameters."""
    return lambda questions, comparisons, raw, _: questions.read(raw, model, read)


MOMENT = {"effective_on": "2023-12-31", "known_on": "2024-01-31"}
NOT_RECORDED = " nothing is recorded."
ORGANIZATION_FILTERS = REGISTERS["organizations"].filters
BOOLEAN = {"type": "boolean"}
WORD = {"type": "string", "minLength": 1}
MARKET = {"buyer": ["baidu"], "measure": "units"}


#: By the paths of views, what they may be asked to be answered by another.
INSTEAD = {"organizations": {"likely_duplicates": "likely-duplicates"}}


def _register(
    kind: str, singular: str, spec: str, one: str, single: type[Struct], every: type[Struct]
) -> Iterator[View]:
    """The view of all of a kind, and that of one by its id."""
    plural, history = f"{kind}s", kind == "regulation"
    for path in (plural, f"{plural}/{{identifier}}"):
        is_all = path == plural
        main = Table(plural, columns(spec), rows_of(plural) if is_all else itself, *tables.GLANCES[plural])
        events = nested(plural if is_all else "", "history", "regulation_id")
        yield View(
            path,
            f"{'Every' if is_all else 'One'} {singular}, as of any time.",
            _asking(plural if is_all else kind, one=not is_all),
            Moment,
            every if is_all else single,
            (main, Table("history", columns(tables.HISTORY), events)) if history else (main,),
            (plural, "history", *(column.name for column in main.columns)),
            MOMENT if is_all else {"identifier": one, **({} if history else MOMENT)},
            [Parameter(name, WORD, by.words) for name, by in REGISTERS[plural].filters.items()] if is_all else (),
            PartParameters if is_all else None,
            command=plural if is_all else None,
            client=plural if is_all else kind,
            kind=kind,
            instead=INSTEAD.get(path, {}),
        )


def _asking(name: str, *, one: bool) -> Ask:
    if one:
        return lambda questions, comparisons, raw, identifier: dict(getattr(questions, name)(raw, identifier))
    return lambda questions, comparisons, raw, identifier: dict(getattr(questions, name)(raw))


VIEWS: dict[str, View] = {
    view.path: view
    for view in (
        View(
            "vendor-dependence",
            "How much of what was bought depends on whom, at any point in the three clocks.",
            lambda questions, comparisons, raw, _: questions.vendor_dependence(raw),
            VendorDependence,
            answers.VendorDependence,
            (tables.DEPENDENCE, tables.METRICS, tables.REMARKS),
            ("rows", "remarks"),
            {**MARKET, **MOMENT, "by": "maker"},
            command="dependence",
            client="vendor_dependence",
            bundled=True,
            scenario=Scenario(
                "Vendor dependence as it would be had these events been recorded, beside what it is;" + NOT_RECORDED,
                Comparisons.suppose_dependence,
                answers.DependenceScenario,
                "suppose_dependence",
            ),
        ),
        View(
            "vendor-dependence/evidence",
            "The postings that make the figure of one row, with their events.",
            lambda questions, comparisons, raw, _: questions.evidence(raw),
            VendorDependence,
            answers.Evidence,
            (tables.CONTRIBUTIONS, tables.POSTINGS, tables.REMARKS),
            ("contributions", "remarks"),
            {**MARKET, **MOMENT, "key": "huawei"},
            EvidenceParameters,
            command="evidence",
            client="evidence",
        ),
        View(
            "vendor-dependence/series",
            "Vendor dependence over time, by step or at every change, with what happened to rules and partnerships.",
            lambda questions, comparisons, raw, _: comparisons.series(raw),
            VendorDependence,
            answers.Series,
            (tables.POINTS, tables.TOTALS, tables.ANNOTATIONS, tables.REMARKS),
            ("points", "keys", "annotations", "remarks"),
            {**MARKET, "from": "2023-01-31", "to": "2023-12-31", "step": "P1M"},
            SeriesParameters,
            clocks=clocks(["effective_on"]),
            command="series",
            client="series",
        ),
        View(
            "vendor-dependence/diff",
            "What changed between two values of one clock, and the events that explain it.",
            lambda questions, comparisons, raw, _: comparisons.difference(raw),
            VendorDependence,
            answers.Difference,
            (tables.CHANGES, tables.EXPLAINED, tables.EXPLAINING, tables.SIDES),
            ("rows", "remarks"),
            {**MARKET, "effective_on": ["2023-06-30", "2023-12-31"]},
            clocks=clocks_twice(),
            command="diff",
            client="difference",
        ),
        View(
            "regulatory-exposure",
            "How much of what was bought is barred, for whom, by which rule, and what is not known.",
            lambda questions, comparisons, raw, _: questions.regulatory_exposure(raw),
            RegulatoryExposure,
            answers.RegulatoryExposure,
            (tables.EXPOSURE, tables.RULES, tables.INSTRUMENTS, tables.REMARKS),
            ("rows", "instruments", "remarks"),
            {**MARKET, **MOMENT, "status": "ordered"},
            command="exposure",
            client="regulatory_exposure",
            bundled=True,
            scenario=Scenario(
                "Regulatory exposure as it would be had these events been recorded, beside what it is;" + NOT_RECORDED,
                Comparisons.suppose_exposure,
                answers.ExposureScenario,
                "suppose_exposure",
            ),
        ),
        View(
            "regulatory-exposure/orders",
            "The lines of orders and assertions behind regulatory-exposure, each with the rules that bar it.",
            lambda questions, comparisons, raw, _: questions.exposed_lines(raw),
            RegulatoryExposure,
            answers.ExposedLines,
            (tables.EXPOSED_LINES,),
            ("rows",),
            {**MARKET, **MOMENT, "status": "ordered", "judged": "placed"},
            page=PageParameters,
            command="exposure-orders",
            client="exposed_lines",
        ),
        View(
            "sole-source",
            "By category from whom it is bought, who else could sell it, and whether only one could.",
            lambda questions, comparisons, raw, _: questions.sole_source(raw),
            SoleSource,
            answers.SoleSource,
            (tables.SOLE_SOURCE, tables.REMARKS),
            ("rows", "remarks"),
            {**MARKET, **MOMENT, "threshold": "4800"},
            command="sole-source",
            client="sole_source",
            bundled=True,
        ),
        *_register(
            "regulation",
            "instrument, with its history",
            tables.REGULATION,
            "ear-2023-10",
            things.Regulation,
            things.Regulations,
        ),
        *_register(
            "organization", "organisation", tables.ORGANIZATION, "huawei", things.Organization, things.Organizations
        ),
        View(
            "likely-duplicates",
            "Pairs of organisations that may be one, by likeness of names, identifiers and country, with a score.",
            lambda questions, comparisons, raw, _: questions.likely_duplicates(raw),
            Moment,
            things.LikelyDuplicates,
            (tables.LIKELY_DUPLICATES,),
            ("likely_duplicates",),
            MOMENT,
            [Parameter(name, WORD, f"Of one of the two: {by.words}") for name, by in ORGANIZATION_FILTERS.items()],
            PageParameters,
            command="likely-duplicates",
            client="likely_duplicates",
        ),
        *_register("product", "product", tables.PRODUCT, "hw-910b", things.Product, things.Products),
        *_register(
            "partnership",
            "partnership",
            tables.PARTNERSHIP,
            "baidu-huawei",
            things.Partnership,
            things.Partnerships,
        ),
        View(
            "orders",
            "Every order, as of any time.",
            lambda questions, comparisons, raw, _: questions.orders(raw),
            OrderList,
            things.Orders,
            (tables.ORDERS,),
            ("orders",),
            MOMENT,
            page=PageParameters,
            command="orders",
            client="orders_page",
            kind="order",
        ),
        View(
            "order-lines",
            "The lines of orders, with what was ordered, received, returned, cancelled and is open, as of any time.",
            lambda questions, comparisons, raw, _: questions.order_lines(raw),
            OrderList,
            things.ListedLines,
            (tables.ORDER_LINES,),
            ("lines",),
            MOMENT,
            page=PageOfOrders,
            command="order-lines",
            client="order_lines",
        ),
        View(
            "orders/{identifier}",
            "One order, with its history, as of any time.",
            lambda questions, comparisons, raw, identifier: questions.order(raw, identifier),
            Moment,
            things.Order,
            (tables.LINES, tables.ORDER_HISTORY),
            ("lines", "history"),
            {"identifier": "baidu-huawei-2023-08", **MOMENT},
            command="order",
            client="order",
            kind="order",
        ),
    )
}
