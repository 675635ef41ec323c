"""Lists of things as of both clocks, and each of them with its history."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service.pages.addresses import Address
from service.pages.bars import PageSources, bar, ledger_days, resolved_days
from service.pages.languages import Language
from service.pages.rules import rule_in_words

#: Things of one page.
PAGE = 50
#: Events of a history that are shown.
MOST_EVENTS = 100

Thing = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a cell: words, perhaps a link, and the language where it is that of the data."""

    text: str
    href: str | None = None
    is_figure: bool = False
    #: Of a tag: its style.
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of things."""

    path: str
    #: The view that lists it, and the stream that its events are in.
    view: str
    stream: str
    key: str


KINDS = {
    kind.path: kind
    for kind in (
        Kind("vendors", "organizations", "organization", "organization_id"),
        Kind("products", "products", "product", "product_id"),
        Kind("orders", "orders", "order", "order_id"),
        Kind("partnerships", "partnerships", "partnership", "partnership_id"),
        Kind("regulations", "regulations", "regulation", "regulation_id"),
    )
}


class Writer:
    """Writes things of a ledger for one reader."""

    def __init__(self, language: Language, traders: Sequence[Thing]) -> None:
        self.language = language
        self._traders = {one["organization_id"]: one for one in traders}

    def name(self, identifier: str | None) -> str:
        """What an organisation is called."""
        one: Thing = self._traders.get(identifier or "", {})
        return self.language.name_of(one.get("names"), one.get("name"), identifier or "")

    def sold(self, identifier: str) -> int:
        """How many orders and assertions name an organisation as the vendor."""
        return int(self._traders.get(identifier, {}).get("sold", 0))

    def party(self, identifier: str | None) -> Cell:
        """An organisation with the link to it."""
        return Cell("") if identifier is None else Cell(self.name(identifier), f"/vendors/{identifier}")

    def titles(self, kind: Kind) -> list[str]:
        """The heads of the columns of a list."""
        say = self.language
        return {
            "vendors": [say("Name"), say("Id"), say("Country"), say("Ultimate parent"), say("Orders from it")],
            "products": [say("Product"), say("Id"), say("Maker"), say("Category")],
            "orders": [say("Order"), say("Status"), say("Buyers"), say("Vendor"), say("Placed"), say("Basis")],
            "partnerships": [say("Partnership"), say("Parties"), say("Kind"), say("Status"), say("Since")],
            "regulations": [say("Instrument"), say("Jurisdiction"), say("Status"), say("Rules"), say("Next change")],
        }[kind.path]

    def row(self, kind: Kind, thing: Thing) -> list[Cell]:
        """A thing as a row of a list."""
        return ROWS[kind.path](self, thing)

    def status(self, status: str | None) -> Cell:
        """A status as a tag."""
        say = self.language
        words = {
            "open": say("open"),
            "delivered": say("delivered"),
            "cancelled": say("cancelled"),
            "returned": say("returned"),
            "void": say("void"),
            "formed": say("formed"),
            "ended": say("ended"),
            "in-force": say("in force"),
            "announced": say("announced"),
            "suspended": say("suspended"),
            "repealed": say("repealed"),
        }
        styles = {"in-force": "barred", "suspended": "undetermined", "open": "known-tag", "formed": "free"}
        return Cell(words.get(status or "", status or ""), tag=styles.get(status or "", ""))


def _vendor(writer: Writer, thing: Thing) -> list[Cell]:
    identifier = thing["organization_id"]
    name = writer.language.name_of(thing["names"], thing["name"], identifier)
    sold = writer.sold(identifier)
    parent = thing["ultimate_parent_id"]
    return [
        Cell(name, f"/vendors/{identifier}"),
        Cell(identifier),
        Cell(thing["country"] or ""),
        Cell("") if parent == identifier else writer.party(parent),
        Cell(writer.language.figures.amount(sold), is_figure=True),
    ]


def _product(writer: Writer, thing: Thing) -> list[Cell]:
    return [
        Cell(thing["name"] or thing["product_id"], f"/products/{thing['product_id']}"),
        Cell(thing["product_id"]),
        writer.party(thing["vendor_id"]),
        Cell(thing["category"] or ""),
    ]


def _order(writer: Writer, thing: Thing) -> list[Cell]:
    return [
        Cell(thing["order_id"], f"/orders/{thing['order_id']}"),
        writer.status(thing["status"]),
        Cell(", ".join(map(writer.name, thing["buyers"][:4])) + (" …" if len(thing["buyers"]) > 4 else "")),
        writer.party(thing["vendor_id"]),
        Cell(thing["placed_effective_on"] or thing["placed_on"] or ""),
        Cell(thing["basis"] or ""),
    ]


def _partnership(writer: Writer, thing: Thing) -> list[Cell]:
    return [
        Cell(thing["scope"] or thing["partnership_id"], f"/partnerships/{thing['partnership_id']}"),
        Cell(", ".join(map(writer.name, thing["parties"]))),
        Cell(thing["kind"] or ""),
        writer.status(thing["status"]),
        Cell(thing["since"] or ""),
    ]


def _regulation(writer: Writer, thing: Thing) -> list[Cell]:
    change = thing["next_change"]
    return [
        Cell(thing["title"] or thing["regulation_id"], f"/regulations/{thing['regulation_id']}"),
        Cell(thing["jurisdiction"] or ""),
        writer.status(thing["status"]),
        Cell(writer.language.figures.amount(len(thing["rules"] or ())), is_figure=True),
        Cell(_words_of(change)),
    ]


def _words_of(value: Any) -> str:
    """What is recorded, plainly."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_words_of(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_words_of, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


ROWS: dict[str, Callable[[Writer, Thing], list[Cell]]] = {
    "vendors": _vendor,
    "products": _product,
    "orders": _order,
    "partnerships": _partnership,
    "regulations": _regulation,
}


def listed(asking: PageSources, kind: Kind, address: Address, language: Language) -> dict[str, Any]:
    """Everything that the template of a list shows. Raises what the views raise."""
    answer = getattr(asking.questions, kind.view)({"limit": [str(PAGE)], **address.asked})
    position = answer["resolved"]["position"]
    traders = asking.questions.traders(position)
    writer = Writer(language, traders)
    span = ledger_days(asking, position, *resolved_days(answer["resolved"]))
    cursor = answer.get("next_cursor")
    return {
        **bar(address, answer, span, traders, (), language),
        "columns": writer.titles(kind),
        "kind": kind,
        "next": None if cursor is None else address.href(cursor=cursor),
        "rows": [writer.row(kind, thing) for thing in answer[kind.view]],
        "title": _title(kind, language),
    }


def _title(kind: Kind, language: Language) -> str:
    return {
        "vendors": language("Vendors and buyers"),
        "products": language("Products"),
        "orders": language("Orders"),
        "partnerships": language("Partnerships"),
        "regulations": language("Regulations"),
    }[kind.path]


def shown(asking: PageSources, kind: Kind, identifier: str, address: Address, language: Language) -> dict[str, Any]:
    """Everything that the template of one thing shows. Raises what the views raise."""
    answer = getattr(asking.questions, kind.view.removesuffix("s"))(address.asked, identifier)
    position = answer["resolved"]["position"]
    traders = asking.questions.traders(position)
    writer = Writer(language, traders)
    span = ledger_days(asking, position, *resolved_days(answer["resolved"]))
    _, states = asking.questions.registers.history(
        {"position": [str(position)], "limit": [str(MOST_EVENTS)]}, f"{kind.stream}/{identifier}"
    )
    return {
        **bar(address, answer, span, traders, (), language),
        "events": [json.loads(state) for state in states],
        "facts": _facts(kind, answer, writer),
        "identifier": identifier,
        "kind": kind,
        "lines": answer.get("lines") if kind.path == "orders" else None,
        "rules": [rule_in_words(rule, language) for rule in answer.get("rules") or ()],
        "title": _name_of(kind, answer, identifier, language),
    }


def _name_of(kind: Kind, thing: Thing, identifier: str, language: Language) -> str:
    if kind.path == "vendors":
        return language.name_of(thing["names"], thing["name"], identifier)
    return thing.get("name") or thing.get("title") or thing.get("scope") or identifier


#: Of one thing, what stands elsewhere on its page.
ELSEWHERE = frozenset({"resolved", "lines", "rules", "history", "name", "title", "names"})
PARTIES = frozenset({"vendor_id", "parent_id", "ultimate_parent_id", "same_as", "organization_id"})


def _facts(kind: Kind, thing: Thing, writer: Writer) -> list[tuple[str, list[Cell]]]:
    """What is known of a thing, by its field."""
    found = []
    for name, value in thing.items():
        if name in ELSEWHERE or value in (None, [], {}):
            continue
        if name in PARTIES and isinstance(value, str):
            cells = [writer.party(value)]
        elif name in ("buyers", "parties"):
            cells = [writer.party(one) for one in value]
        elif name == "status":
            cells = [writer.status(value)]
        elif isinstance(value, Mapping):
            cells = [Cell(f"{key}: {_words_of(one)}") for key, one in value.items()]
        elif isinstance(value, list):
            cells = [Cell(_words_of(one)) for one in value]
        else:
            cells = [Cell(_words_of(value))]
        found.append((name, cells))
    return found
