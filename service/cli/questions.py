"""What each question of `daybook query` is about: its view, its options, and how its answer is shown."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from rich.console import RenderableType

from projections.order_list import OrderList
from projections.parameters import Moment, RegulatoryExposure, VendorDependence
from service.asking.clocks import REPEATABLE
from service.asking.lists import REGISTERS
from service.asking.views import VIEWS, View
from service.cli import tables
from service.cli.tables import Look

Options = dict[str, str]

CLOCKS: Options = {
    "effective_on": "As the world was on this day (default today).",
    "known_on": "As was known on this day.",
    "position": "As this ledger had recorded up to this position.",
    "recorded_at": "As this ledger had recorded at this instant.",
}
HELP: Options = {
    "buyer": "A buyer; repeat for several; none: the whole market.",
    "buyer_scope": "entity, or group: with subsidiaries.",
    "exclude": "estimated, assumed or unquantified; repeat for several.",
    "currency": "ISO 4217 code to convert into.",
    "measure": "spend, units or capacity.",
    "attribute": "The product attribute that makes capacity.",
    "status": "ordered, delivered or open.",
    "by": "vendor, maker, parent, country, product, category, attribute:NAME of the product, or site (attribute:site).",
    "window": "ISO 8601 duration back from effective_on, e.g. P1Y.",
    "captive": "include or exclude supply from the buyer's own group.",
    "home": "Country that counts as domestic.",
    "threshold": "What an alternative's attribute must reach, for sole sources.",
    "threshold_attribute": "The attribute that is held against the threshold.",
}
#: Of lists.
FILTERS: Options = {
    "buyer": "Of this buyer.",
    "vendor": "Of this vendor.",
    "product": "With a line of this product.",
    "placed_from": "The first day on which its placing ends.",
    "placed_to": "The last day on which its placing ends.",
    "country": "Of this country (ISO 3166-1; ZZ: not known).",
    "parent": "Owned by this organisation.",
    "category": "Of this category.",
    "party": "An organisation that is a party.",
    "status": "Of this status.",
    "jurisdiction": "Of this jurisdiction.",
}
SERIES: Options = {
    "from": "The first day; required.",
    "to": "The last day (default today).",
    "step": "How far apart, e.g. P3M (default: every day on which the answer changes).",
}
EVIDENCE: Options = {
    "key": "The row's key (default: the row that has none).",
    "vendor": "Only the part of this vendor.",
    "limit": "At most so many contributions, up to 1,000.",
    "offset": "Leave out so many.",
}
PAGE: Options = {
    "limit": "A page of at most so many.",
    "cursor": "Where the page begins: next_cursor of the one before.",
}


@dataclass(frozen=True, slots=True)
class Asking:
    """One command of `daybook query`."""

    name: str
    path: str
    help: str
    options: Options
    #: Which table of the view is shown; None: the main one.
    table: str | None = None
    #: Shows the main table, where a list of its columns does not say enough.
    show: Callable[[dict[str, Any], Look], RenderableType] | None = None
    #: The metrics of an answer that --fail-if may hold a bound against; None: it has none.
    metrics: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    #: Options that may be given several times.
    repeatable: tuple[str, ...] = ()

    @property
    def view(self) -> View:
        """The view that answers."""
        return VIEWS[self.path]

    def shown(self, answer: dict[str, Any], table: str | None, look: Look) -> RenderableType:
        """A table of the answer for people."""
        chosen = self.view.table(table or self.table)
        if self.show is not None and chosen is self.view.tables[0]:
            return self.show(answer, look)
        titles = {"value": unit} if (unit := _unit(answer)) else {}
        return tables.listing(chosen, answer, self._title(answer), look, caption=tables.as_of(answer), titles=titles)

    def _title(self, answer: dict[str, Any]) -> str:
        words = self.name.replace("-", " ").capitalize()
        return f"{words} of {buyers(answer)}" if "buyer" in answer.get("parameters", {}) else words


def _unit(answer: dict[str, Any]) -> str | None:
    """What the figures of an answer count, where all of them count the same and it says so."""
    total = answer.get("total")
    if total is None and answer.get("points"):
        total = answer["points"][0]["total"]
    return None if total is None else str(total["unit"])


def buyers(answer: dict[str, Any]) -> str:
    """Whose market it is."""
    return ", ".join(answer["parameters"]["buyer"]) or "the whole market"


def _of(model: type[Moment]) -> Options:
    return {name: text for name, text in HELP.items() if name in model.model_fields}


def _filters(names: Iterable[str]) -> Options:
    return {name: FILTERS[name] for name in names}


def _metrics(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer["metrics"].items() if not isinstance(value, (dict, list))}


def _register(name: str, text: str) -> Asking:
    return Asking(name, name, text, {**_filters(REGISTERS[name].filters), **CLOCKS})


DEPENDENCE = _of(VendorDependence)

ASKINGS: tuple[Asking, ...] = (
    Asking(
        "dependence",
        "vendor-dependence",
        "How much of what was bought depends on whom.",
        {**DEPENDENCE, **CLOCKS},
        show=lambda answer, look: tables.dependence(answer, f"Dependence of {buyers(answer)}", look),
        metrics=_metrics,
        repeatable=REPEATABLE,
    ),
    Asking(
        "series",
        "vendor-dependence/series",
        "Dependence over time: at every step, or whenever it changes.",
        {**SERIES, **DEPENDENCE, **{name: text for name, text in CLOCKS.items() if name != "effective_on"}},
        repeatable=REPEATABLE,
    ),
    Asking(
        "diff",
        "vendor-dependence/diff",
        "What changed between two moments, and why: give one of the clocks twice, before and after.",
        {**DEPENDENCE, **CLOCKS},
        repeatable=(*REPEATABLE, *CLOCKS),
    ),
    Asking(
        "evidence",
        "vendor-dependence/evidence",
        "The orders and assertions behind one row of dependence.",
        {**EVIDENCE, **DEPENDENCE, **CLOCKS},
        repeatable=REPEATABLE,
    ),
    Asking(
        "sole-source",
        "vendor-dependence",
        "For which vendors there is an alternative, and which.",
        {**DEPENDENCE, **CLOCKS},
        table="sole_source",
        repeatable=REPEATABLE,
    ),
    Asking(
        "exposure",
        "regulatory-exposure",
        "How much of it is barred, by which rule, and what is not known.",
        {**_of(RegulatoryExposure), **CLOCKS},
        show=lambda answer, look: tables.exposure(answer, f"Exposure of {buyers(answer)}", look),
        metrics=lambda answer: {name: answer[name] for name in ("at_risk_low", "at_risk_high")},
        repeatable=REPEATABLE,
    ),
    Asking(
        "orders",
        "orders",
        "Every order, with its status.",
        {**_filters(name for name in OrderList.model_fields if name in FILTERS), **PAGE, **CLOCKS},
    ),
    _register("organizations", "Every organisation."),
    _register("products", "Every product."),
    _register("regulations", "Every instrument, with its status."),
    _register("partnerships", "Every partnership."),
)
