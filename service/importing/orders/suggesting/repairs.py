"""What a suggested mapping says otherwise where rows do not fit: by the cause of their faults."""

import re
from collections.abc import Callable
from typing import Any

from service.importing.orders.suggesting.drafts import MappingDraft
from service.shapes.overviews import FaultCause

#: Changes a draft because of a cause; whether it did.
Repair = Callable[[MappingDraft, FaultCause], bool]


def mended(draft: MappingDraft, cause: FaultCause) -> bool:
    """Whether the draft says something else now, because of this cause."""
    return any(sign in cause.cause and mend(draft, cause) for sign, mend in REPAIRS)


def _once(table: dict[str, Any], key: str, value: Any) -> bool:
    if table.get(key) == value:
        return False
    table[key] = value
    return True


def _order_by(party: str) -> Repair:
    """Orders told apart by another column, too."""

    def mend(draft: MappingDraft, cause: FaultCause) -> bool:
        order, dates = draft.says["order"], draft.says["dates"]
        column = dates["placed"]["column"] if party == "placed" else None
        if party in ("vendor", "buyer"):
            column = draft.says[party]["name"].get("column")
        if party == "currency":
            column = order["currency"].get("column")
        given = order["id"]
        template = given.get("template") or "{" + given["column"] + "}"
        if column is None or "{" in column or "}" in column or "{" + column + "}" in template:
            return False
        order["id"] = {"template": template + " {" + column + "}", "slug": True}
        draft.note("order", f"{cause.count:,} rows of one order differ in {column!r}: it is part of the order's id")
        return True

    return mend


def _per_line(draft: MappingDraft, cause: FaultCause) -> bool:
    draft.note("buyer", 'orders have several buyers: each has an order of its own (or: per_line = "allocation")')
    return _once(draft.says["buyer"], "per_line", "orders")


def _number_lines(draft: MappingDraft, cause: FaultCause) -> bool:
    if "id" not in draft.says["line"]:
        return False
    column = draft.says["line"].pop("id")
    draft.note("line", f"rows of one order have the same {column.get('column')!r}: rows are numbered as they come")
    return True


def _differing(table: str) -> Repair:
    def mend(draft: MappingDraft, cause: FaultCause) -> bool:
        tables = [table] if table == "product" else ["vendor", "buyer"]
        done = [_once(draft.says[one], "differing", "first") for one in tables if one in draft.says]
        if any(done):
            draft.note(
                table if table == "product" else "vendor", f"the first is taken where rows differ: {cause.cause}"
            )
        return any(done)

    return mend


def _slug(draft: MappingDraft, cause: FaultCause) -> bool:
    changed = False
    order, line = draft.says["order"]["id"], draft.says["line"].get("id")
    if cause.cause.startswith((order.get("column", "order.id"), "order.id")):
        changed = _once(order, "slug", True)
    if line is not None and cause.cause.startswith(line.get("column", "line.id")):
        changed = _once(line, "slug", True)
    for name in ("vendor", "product"):
        one = draft.says.get(name, {}).get("id")
        if one is not None and cause.cause.startswith(one.get("column", f"{name}.id")):
            changed = _once(one, "slug", True) or changed
    return changed


def _missing(draft: MappingDraft, cause: FaultCause) -> bool:
    """What a row may be without; an order's id and supplier it may not."""
    column = cause.cause.rpartition(": ")[0]
    for table, key, what in (
        ("line", "quantity", {"optional": True}),
        ("line", "amount", {"optional": True}),
        ("product", "name", {"default": "not said"}),
        ("product", "category", {"default": "not said"}),
        ("buyer", "name", {"default": "not said"}),
        ("vendor", "country", {"default": "ZZ"}),
        ("order", "currency", {"default": "XXX"}),
    ):
        field = draft.says.get(table, {}).get(key)
        if isinstance(field, dict) and field.get("column") == column and not what.items() <= field.items():
            field.update(what)
            draft.note(table, f"{cause.count:,} rows have no {column!r}")
            return True
    line = draft.says["line"].get("id")
    if line is not None and line.get("column") == column:
        return _number_lines(draft, cause)
    for field in (draft.says["order"]["id"], draft.says["vendor"]["name"]):
        if field.get("column") == column:
            return _leave_out(draft, column, "", cause)
    return False


def _undated(draft: MappingDraft, cause: FaultCause) -> bool:
    placed: dict[str, list[str]] = draft.says["order"]["placed_on"]
    others = [
        name
        for name in ("recorded", "due", "received")
        if name in draft.says["dates"] and name not in placed["or_before"]
    ]
    if others:
        placed["or_before"] += others
        draft.note("order", f"{cause.count:,} rows have no date: placed on or before another date of theirs")
        return True
    return _leave_out(draft, draft.says["dates"]["placed"]["column"], "", cause)


def _leave_out(draft: MappingDraft, column: str, text: str, cause: FaultCause) -> bool:
    unless = draft.says["rows"].setdefault("unless", {}).setdefault(column, [])
    if text in unless:
        return False
    unless.append(text)
    draft.note(
        "rows", f"{cause.count:,} rows without {column!r} are left out, the first on line {cause.places[0].line}"
    )
    return True


def _round(draft: MappingDraft, cause: FaultCause) -> bool:
    column = cause.cause.partition(": ")[0]
    done = False
    for key in ("quantity", "amount"):
        field = draft.says["line"].get(key)
        if isinstance(field, dict) and field.get("column") == column:
            done = _once(field, "round", 4) or done
    return done


def _credit(draft: MappingDraft, cause: FaultCause) -> bool:
    draft.note("credit", 'rows with a negative amount take it off the other lines of their order (or: "return")')
    return _once(draft.says["credit"], "kind", "discount")


def _country(draft: MappingDraft, cause: FaultCause) -> bool:
    country = draft.says["vendor"]["country"]
    texts = [found[1] for place in cause.places if (found := re.search(r"'([^']*)'", place.message))]
    values = country.setdefault("values", {})
    new = [text for text in texts if text not in values]
    if not new or "column" not in country:
        return False
    country["lookup"] = "country"
    values.update(dict.fromkeys(new, "ZZ"))
    draft.note("vendor", "ZZ: these countries are not known by name; say their codes")
    return True


#: A text of the cause, and what mends it, the first that does.
REPAIRS: tuple[tuple[str, Repair], ...] = (
    ("has the vendor ", _order_by("vendor")),
    ("order ... was placed on", _order_by("placed")),
    ("has the currency ", _order_by("currency")),
    ("has the buyer ", _per_line),
    ("product ... has the", _differing("product")),
    ("organization ... has the", _differing("organization")),
    ("has another receipt", _number_lines),
    ("has another status", _number_lines),
    ("line ... of order ... has the", _number_lines),
    ("is no id", _slug),
    ("has no date", _undated),
    ("is empty", _missing),
    ("has no value", _missing),
    ("digits behind the point", _round),
    ("is negative", _credit),
    ("is no country", _country),
)
