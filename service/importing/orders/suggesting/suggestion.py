"""A mapping suggested for a table: what its columns are, tried on its rows and mended until they fit."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, BinaryIO

from domain.names import written
from service.codes import codes
from service.importing.causes import FaultsByCause
from service.importing.formats import open_table
from service.importing.items import Reject
from service.importing.names import IDENTIFIER, as_sent_slug
from service.importing.opening import opened
from service.importing.orders.mapping import OrderMapping, parse_mapping
from service.importing.orders.mapping_parts import Read
from service.importing.orders.suggesting.beginnings import how_to_read, kind_of
from service.importing.orders.suggesting.contents import NUMBER_FORMS, ColumnContents
from service.importing.orders.suggesting.drafts import LONGEST_SHOWN, MappingDraft, toml
from service.importing.orders.suggesting.headers import SIGNS, assigned, currency_in
from service.importing.orders.suggesting.repairs import mended
from service.importing.orders.table import OrderLines
from service.importing.orders.tables import SourceTable, TableRow, text_of
from service.importing.plans import Summary
from service.importing.registers.headers import kind_of_columns
from service.importing.registers.suggesting import suggested_register
from service.importing.rows import BadFile, FileFault

#: Columns whose contents are looked at.
MOST_COLUMNS = 200
#: Rows on which a suggestion is tried and mended before it is tried on all, and how often it is mended.
TRIED_ROWS, MOST_MENDS = 20_000, 12
#: What the first text of a row of totals is.
TOTAL = re.compile(
    r"(?:grand |sub-?|overall )?totals?(?:\W.{0,60})?|sum(?:me)?(?:\W.{0,60})?|gesamt(?:summe|ergebnis)?(?:\W.{0,60})?"
    r"|suma(?:\W.{0,60})?|合计.{0,20}|总计.{0,20}|小计.{0,20}",
    re.IGNORECASE,
)
MOST_TOTALS = 20
CANCELLED = re.compile(
    r"cancel|void|storn|annul|gelöscht|deleted|rejected|withdrawn|取消|作废|\AL\Z|\AX\Z", re.IGNORECASE
)
DRAFT = re.compile(r"draft|entwurf|brouillon|borrador|草稿|\brfq\b|pending approval|to approve", re.IGNORECASE)
LEGAL = re.compile(r"\b(?:gmbh|ltd|limited|inc|llc|corp|plc|sarl|kg)\b|有限公司", re.IGNORECASE)
#: Different texts up to which a column can be a status.
MOST_STATUSES = 40
#: What dates a row has: of the order, of its record, of what was promised and of what has arrived.
DATES = ("placed", "recorded", "due", "received")
#: ISO 4217's code for no currency.
NO_CURRENCY = "XXX"
LONGEST_NAME = 32


@dataclass(frozen=True, slots=True)
class LookedAt:
    """A table, with what stands in its columns."""

    columns: Sequence[str]
    contents: Sequence[ColumnContents]
    #: First texts of rows of totals, by column.
    totals: dict[str, list[str]]
    rows: int
    #: Of each column in which rows it is empty: how many these are, and a sum over their numbers.
    gaps: Sequence[tuple[int, int]] = ()


def suggest(file: BinaryIO, name: str, beat: Callable[[], None] = lambda: None) -> str:
    """The TOML of a mapping that reads a table, of order lines or of a register; BadFile where none could."""
    file = opened(file)
    kind = kind_of(file)
    read, notes = how_to_read(file, kind, beat)
    looked = _looked_at(file, kind, read, beat)
    if (register := kind_of_columns(looked.columns)) is not None:
        return suggested_register(register, PurePath(name).name, looked.columns, looked.rows)
    draft = _drafted(PurePath(name).name, read, looked)
    for note in notes:
        draft.note("read", note)
    for limit in (TRIED_ROWS, None):
        for _ in range(MOST_MENDS):
            found, unread = _tried(file, kind, draft, limit, beat)
            causes = found.causes()
            if not sum(mended(draft, cause) for cause in causes):
                break
            if limit is None:
                # What was mended after all rows were seen is tried on all of them once more.
                found, unread = _tried(file, kind, draft, limit, beat)
                causes = found.causes()
                break
        if looked.rows <= TRIED_ROWS:
            break
    return draft.written(unread, looked.rows, causes)


class _Beginning:
    """The first rows of a table."""

    def __init__(self, table: SourceTable, limit: int | None) -> None:
        self.columns, self.first_day = table.columns, table.first_day
        self._table, self._limit = table, limit

    def rows(self, needed: Sequence[int]) -> Iterator[TableRow | Reject]:
        for count, row in enumerate(self._table.rows(needed)):
            if self._limit is not None and count >= self._limit:
                return
            yield row

    def close(self) -> None:
        """The table is closed by whoever opened it."""


def _tried(
    file: BinaryIO, kind: str, draft: MappingDraft, limit: int | None, beat: Callable[[], None]
) -> tuple[FaultsByCause, list[str]]:
    """What is wrong with rows as the draft reads them, and the columns that it does not read."""
    mapping: OrderMapping = parse_mapping("suggested", {name: said for name, said in draft.says.items() if said != {}})
    summary = Summary("", kind, 0, dry_run=True)
    with (
        closing(open_table(file, kind, mapping)) as table,
        closing(OrderLines(_Beginning(table, limit), mapping, summary, beat=beat)) as orders,
    ):
        orders.read()
        return orders.look(), orders.unread


def _looked_at(file: BinaryIO, kind: str, read: Read, beat: Callable[[], None]) -> LookedAt:
    """Every row of a table, column by column."""
    mapping = _Reads(read)
    rows = 0
    totals: dict[str, list[str]] = {}
    with closing(open_table(file, kind, mapping)) as table:  # type: ignore[arg-type]  # only how to read is asked
        columns = list(table.columns)
        places = _usable(columns)
        contents = [ColumnContents() for _ in columns]
        gaps = [(0, 0) for _ in columns]
        for row in table.rows(places):
            rows += 1
            if rows % 1_000 == 0:
                beat()
            cells = row.cells if isinstance(row, TableRow) else []
            if isinstance(row, Reject):
                raw = row.raw
                cells = list(raw.values()) if isinstance(raw, dict) else list(raw or [])[: len(columns)]
            texts = ((place, written(text_of(cells[place]))) for place in places[:5] if place < len(cells))
            first = next(((place, text) for place, text in texts if text), None)
            if first is not None and len(first[1]) <= LONGEST_SHOWN and TOTAL.fullmatch(first[1]):
                said = totals.setdefault(columns[first[0]], [])
                if first[1] not in said and len(said) < MOST_TOTALS:
                    said.append(first[1])
                continue
            if isinstance(row, TableRow):
                for place in places:
                    contents[place].take(cells[place])
                    if cells[place] == "":
                        count, total = gaps[place]
                        gaps[place] = count + 1, total + rows * rows
    if not rows:
        raise BadFile([FileFault(1, "no row stands below the columns: there is nothing to suggest a mapping by")])
    return LookedAt(columns, contents, totals, rows, gaps)


@dataclass(frozen=True, slots=True)
class _Reads:
    read: Read


def _usable(columns: Sequence[str]) -> list[int]:
    """The places of columns that a mapping can name: each once, and not empty."""
    names = [written(column) for column in columns]
    return [place for place, name in enumerate(names) if name and names.count(name) == 1][:MOST_COLUMNS]


def _is_currency(contents: ColumnContents) -> bool:
    return contents.written > 0 and not contents.many_texts and set(contents.texts) <= codes().currencies


def _is_vendor(contents: ColumnContents) -> bool:
    return sum(bool(LEGAL.search(text)) for text in contents.texts) > len(contents.texts) / 4


#: What a column is, where no name says it: the first that looks so.
BY_CONTENTS: tuple[tuple[str, Callable[[ColumnContents], bool]], ...] = (
    ("placed", lambda one: one.is_dates),
    ("currency", _is_currency),
    ("vendor", _is_vendor),
    ("amount", lambda one: one.is_numbers and (one.places == 2 or bool(one.marks))),
    ("amount", lambda one: one.is_numbers and one.many_texts),
)


class _Roles:
    """Which column is what, by its name or, where no name says it, by its contents."""

    def __init__(self, looked: LookedAt) -> None:
        self.looked = looked
        usable = set(_usable(looked.columns))
        self._found = assigned(
            [column if place in usable else "" for place, column in enumerate(looked.columns)],
            lambda role, place: self._fits(role, looked.contents[place]),
        )
        self._by_contents(sorted(usable))

    def _fits(self, role: str, contents: ColumnContents) -> bool:
        if not contents.filled:
            return role == "status"
        if role in DATES:
            return contents.most_are("dates") or (role == "placed" and contents.serials > contents.filled / 2)
        if role in ("line", "order"):
            return role == "order" or all(IDENTIFIER.fullmatch(text) for text in contents.texts)
        return contents.most_are("numbers") if role in ("quantity", "price", "amount", "total") else True

    def _by_contents(self, usable: Sequence[int]) -> None:
        of = self.looked.contents
        for role, fits in BY_CONTENTS:
            if role in self._found or (role == "amount" and {"total", "price"} & self._found.keys()):
                continue
            taken = set(self._found.values())
            free = next((place for place in usable if place not in taken and fits(of[place])), None)
            if free is not None:
                self._found[role] = free

    def column(self, role: str) -> str | None:
        """The name of a column; None: there is none."""
        place = self._found.get(role)
        return None if place is None else self.looked.columns[place]

    def gaps(self, role: str) -> tuple[int, int] | None:
        """In which rows a column is empty; None: there is no such column."""
        place = self._found.get(role)
        return None if place is None else self.looked.gaps[place]

    def is_plain(self, role: str) -> bool:
        """Whether the name of a column is one word, which says less than two."""
        return len((self.column(role) or "").split()) == 1

    def contents(self, role: str) -> ColumnContents:
        """What stands in a column that is there."""
        return self.looked.contents[self._found[role]]


def _drafted(name: str, read: Read, looked: LookedAt) -> MappingDraft:
    roles = _Roles(looked)
    for role, what in (("placed", "a date"), ("vendor", "a supplier")):
        if roles.column(role) is None:
            listed = ", ".join(repr(column[:LONGEST_SHOWN]) for column in looked.columns[:20])
            message = f"no column looks like {what} of orders (there are {listed}): a mapping has to be written by hand"
            raise BadFile([FileFault(read.header or 1, message)])
    slug = as_sent_slug(name.partition(".")[0])[:LONGEST_NAME].strip("-") or "table"
    draft = MappingDraft({"name": slug, "citation": name[:200]})
    draft.note("", "name begins the id of every event: keep it for the next extract of the same system")
    draft.says["read"] = {
        key: value for key, value in read.model_dump(exclude_defaults=True).items() if value is not None
    }
    draft.says["rows"] = (
        {"unless": {column: list(texts) for column, texts in looked.totals.items()}} if looked.totals else {}
    )
    if looked.totals:
        draft.note("rows", "rows of totals")
    filled_down = _fill_down(draft, roles)
    _dates(draft, roles)
    _order(draft, roles)
    _status(draft, roles, filled_down)
    _parties(draft, roles)
    _lines(draft, roles)
    return draft


def _fill_down(draft: MappingDraft, roles: _Roles) -> Sequence[str]:
    """The columns that are filled in the first row of an order alone: order, supplier and date are empty together."""
    order = roles.gaps("order")
    if order is None or not order[0] or roles.gaps("vendor") != order or roles.gaps("placed") != order:
        return ()
    looked, own = roles.looked, roles.column("order")
    others = [column for column, gaps in zip(looked.columns, looked.gaps, strict=True) if gaps == order]
    columns = [str(own), *(column for column in others if column != own)]
    draft.says["rows"]["fill_down"] = columns
    draft.note("rows", f"{order[0]:,} rows leave out what the first row of their order says: it is filled in")
    return columns


def _dates(draft: MappingDraft, roles: _Roles) -> None:
    dates: dict[str, Any] = {}
    there = [role for role in DATES if roles.column(role) is not None]
    # What one column leaves open another may tell.
    found = [roles.contents(role).date_forms() for role in there]
    certain = frozenset(form for forms, others in found if not others for form in forms)
    for role in there:
        column, contents = roles.column(role), roles.contents(role)
        dates[role] = {"column": column}
        forms, others = contents.date_forms(certain)
        if not contents.most_are("dates") and contents.serials:
            forms, others = ["excel"], []
        if forms:
            dates[role]["formats"] = forms
        if others:
            draft.note("dates", f"{column!r}: no row tells {forms[0]} from {' or '.join(others)}: say which it is")
    draft.says["dates"] = dates


def _order(draft: MappingDraft, roles: _Roles) -> None:
    order, vendor, placed = roles.column("order"), roles.column("vendor"), roles.column("placed")
    says: dict[str, Any] = {}
    if order is not None:
        says["id"] = {"column": order}
        if any(not IDENTIFIER.fullmatch(text) for text in roles.contents("order").texts):
            says["id"]["slug"] = True
    else:
        says["id"] = {"template": "{" + str(placed) + "} {" + str(vendor) + "}", "slug": True}
        draft.note("order", "no column numbers orders: what one supplier gets on one day is one")
    says["currency"] = _currency(draft, roles)
    says["placed_on"] = {"date": "placed", "or_before": []}
    says["known_on"] = ["placed_on"]
    draft.says["order"] = says


def _currency(draft: MappingDraft, roles: _Roles) -> dict[str, Any]:
    column = roles.column("currency")
    if column is not None:
        texts = roles.contents("currency").texts
        values = {sign: code for sign, code in SIGNS.items() if sign in texts}
        if values:
            values |= {text: text for text in texts if text in codes().currencies}
        return {"column": column, **({"values": values} if values else {})}
    for role in ("amount", "total", "price"):
        if (named := roles.column(role)) is None:
            continue
        if (code := currency_in(named)) is not None:
            draft.note("order", f"the currency is {code} by the name of the column {named!r}")
            return {"constant": code}
        marks = [mark for mark, _ in roles.contents(role).marks.most_common(1)]
        code = next((SIGNS.get(mark) or (mark if mark in codes().currencies else None) for mark in marks), None)
        if code is not None:
            draft.note("order", f"the currency is {code} by the marks in the column {named!r}: is it?")
            return {"constant": code}
    draft.note("order", f"no column says the currency: {NO_CURRENCY} stands for none; say which it is")
    return {"constant": NO_CURRENCY}


def _status(draft: MappingDraft, roles: _Roles, filled_down: Sequence[str]) -> None:
    column = roles.column("status")
    if column is None:
        return
    contents = roles.contents("status")
    if contents.many_texts or len(contents.texts) > MOST_STATUSES:
        return
    texts = [*contents.texts, *([""] if contents.empty and column not in filled_down else [])]
    cancelled = [text for text in texts if CANCELLED.search(text)]
    left_out = [text for text in texts if text not in cancelled and DRAFT.search(text)]
    placed = [text for text in texts if text not in cancelled and text not in left_out]
    lists = {"placed": placed, "cancelled": cancelled, "left_out": left_out}
    days = {"cancelled_on": ["placed_on"]} if cancelled else {}
    draft.says["status"] = {"column": column, **{key: value for key, value in lists.items() if value}, **days}
    if cancelled:
        draft.note("status", "no column says when it was cancelled: the day of the order is taken")


def _parties(draft: MappingDraft, roles: _Roles) -> None:
    country = roles.column("vendor_country")
    vendor: dict[str, Any] = {"name": {"column": roles.column("vendor")}}
    vendor["country"] = {"column": country, "default": "ZZ"} if country is not None else {"constant": "ZZ"}
    if country is not None and roles.is_plain("vendor_country"):
        draft.note("vendor", f"{country!r} is taken for the supplier's: is it?")
    if (parent := roles.column("parent")) is not None:
        vendor["parent"] = {"name": {"column": parent}}
    draft.says["vendor"] = vendor
    buyer = roles.column("buyer")
    draft.says["buyer"] = {
        "name": {"column": buyer} if buyer is not None else {"constant": "Own organisation"},
        "country": {"constant": "ZZ"},
    }
    if buyer is None:
        draft.note("buyer", "no column says who buys: say its name, and its country")


def _lines(draft: MappingDraft, roles: _Roles) -> None:
    line: dict[str, Any] = {}
    amount, price, quantity = roles.column("amount"), roles.column("price"), roles.column("quantity")
    if quantity is not None:
        line["quantity"] = _figure(draft, roles, "quantity")
    if amount is not None:
        line["amount"] = _figure(draft, roles, "amount")
    elif price is not None and quantity is not None:
        line["amount"] = {**_figure(draft, roles, "price"), "times": _figure(draft, roles, "quantity"), "round": 4}
        draft.note("line", "the amount is price times quantity")
    elif roles.column("total") is not None:
        draft.says["order"]["amount"] = _figure(draft, roles, "total")
        draft.note("order", "every row repeats what the order costs: it is shared among its lines")
    elif price is not None:
        line["amount"] = _figure(draft, roles, "price")
    else:
        raise BadFile([FileFault(1, "no column looks like an amount: a mapping has to be written by hand")])
    if (number := roles.column("line")) is not None and roles.column("order") is not None:
        line["id"] = {"column": number}
    if roles.column("due") is not None:
        line["deliver_by"] = "due"
    draft.says["line"] = line
    product, product_id = roles.column("product"), roles.column("product_id")
    if (product or product_id) is not None:
        says: dict[str, Any] = {"name": {"column": product or product_id}}
        category = roles.column("category")
        says["category"] = {"column": category} if category is not None else {"constant": "not said"}
        if product is not None and product_id is not None and not roles.contents("product_id").empty:
            says["id"] = {"column": product_id, "slug": True}
        draft.says["product"] = says
    if roles.column("received") is not None:
        draft.says["receipt"] = {"received_on": "received", "known_on": ["received"]}
        draft.note("receipt", "a row with this date has received all that it ordered; receipt.quantity says otherwise")
    draft.says["credit"] = {}


def _figure(draft: MappingDraft, roles: _Roles, role: str) -> dict[str, Any]:
    contents, column = roles.contents(role), roles.column(role)
    says: dict[str, Any] = {"column": column}
    if contents.numbers:
        best, others = contents.number_form()
        decimal, thousands, groups = NUMBER_FORMS[best]
        says |= {"decimal": decimal} if decimal != "." else {}
        says |= {"thousands": thousands} if thousands is not None else {}
        says |= {"groups": groups} if groups != "thousands" else {}
        if others:
            read = " or ".join(toml({"decimal": NUMBER_FORMS[place][0]}) for place in others)
            draft.note("line", f"{column!r}: no row tells whether a separator stands before decimals: {read}?")
    if contents.marks:
        says["strip"] = [mark for mark, _ in contents.marks.most_common(10)]
    if contents.in_parentheses:
        says["negative"] = "parentheses"
    elif contents.minus_behind:
        says["negative"] = "trailing"
    if contents.places > 4:
        says["round"] = 4
    return says
