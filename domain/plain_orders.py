"""Plain new orders, on a shorter road to the same bytes: read, judged and written down without models.

Most of what a ledger records are orders that nobody has placed before, with figures that are plain decimals. Whatever
is not plain, or turns out not to be new, takes the long road (catalogue, ledger), which alone says what is wrong. Both
roads record the same bytes: tests/domain/test_plain_orders.py holds them against each other.
"""

import json
import re
from datetime import date
from functools import lru_cache
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from domain.catalogue import read_request
from domain.events import Recorded, Request, canonical
from domain.json_text import parse_json
from domain.orders import OrderPlaced
from domain.periods import Period, parse_day, parse_period
from domain.values import IDENTIFIER_PATTERN, Codes

#: Longer ones are not plain: what is stored of a plain one always fits (domain.events.LARGEST_EVENT_BYTES).
LONGEST_BYTES = 32_768

_identifier = re.compile(IDENTIFIER_PATTERN.strip("^$"), re.ASCII).fullmatch
#: domain.values.Figure, where it is an exact one.
_figure = re.compile(r"(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,4})?", re.ASCII).fullmatch
_sha256 = re.compile(r"[0-9a-f]{64}", re.ASCII).fullmatch


# The fields stand in the order of their names, so that written down they are in canonical form.


class _Line(Struct, kw_only=True, forbid_unknown_fields=True, gc=False):
    amount: str | None
    deliver_by: str | UnsetType = UNSET
    line: str
    product_id: str | None
    quantity: str | None


class _Data(Struct, kw_only=True, forbid_unknown_fields=True, gc=False):
    buyers: list[str]
    currency: str
    lines: list[_Line]
    order_id: str
    vendor_id: str


class _Source(Struct, kw_only=True, forbid_unknown_fields=True, gc=False):
    citation: str
    quote: str | UnsetType = UNSET
    sha256: str | UnsetType = UNSET
    url: str | UnsetType = UNSET


class _Sent(Struct, kw_only=True, forbid_unknown_fields=True, gc=False):
    basis: Literal["reported", "estimated", "assumed"] | UnsetType = UNSET
    data: _Data
    effective_on: str
    id: str | UnsetType = UNSET
    known_on: str | UnsetType = UNSET
    source: _Source | UnsetType = UNSET
    type: Literal["order-placed"]


_decode = msgspec.json.Decoder(_Sent).decode
_encode = msgspec.json.Encoder().encode


class PlainOrder(Struct, frozen=True, gc=False):
    """A request to place an order, well-formed and plain."""

    #: As it was sent.
    text: bytes
    #: None: to be named by the ledger.
    id: str | None
    stream: str
    effective_on: Period
    known_on: date | None
    basis: str
    #: In canonical form.
    data: bytes
    #: In canonical form; None: absent
    source: bytes | None
    #: The streams that must stand for it to be recorded: buyers, vendor, products.
    mentions: tuple[str, ...]

    def named(self, identifier: str) -> "PlainOrder":
        """The same under an id, where it was sent without one."""
        return msgspec.structs.replace(self, id=identifier)

    def is_repeated_by(self, event: Recorded) -> bool:
        """Whether the recorded event of this id says the same in full; where it does not, the long road says why."""
        source = None if event.stored is None else event.stored.get("source")
        return (
            event.type == OrderPlaced.NAME
            and event.effective_on.text == self.effective_on.text
            and event.basis == self.basis
            and (self.known_on is None or event.known_on == self.known_on)
            and (None if source is None else canonical(source)) == self.source
            and canonical(event.data) == self.data
        )

    def request(self) -> Request:
        """The request as the long road takes it."""
        sent = parse_json(self.text)
        if self.id is not None:
            sent["id"] = self.id
        return read_request(sent, None)


class PlainDraft(Struct, frozen=True, gc=False):
    """A plain order that is decided: recorded as the first event of its stream."""

    order: PlainOrder
    id: str
    known_on: date

    @property
    def type(self) -> str:
        """The event's type."""
        return OrderPlaced.NAME

    @property
    def stream(self) -> str:
        """The order's own stream."""
        return self.order.stream

    @property
    def version(self) -> int:
        """It begins its stream."""
        return 1

    @property
    def causation_id(self) -> None:
        """No other event brought it about."""
        return

    def written(self, position: int, recorded_at: str, actor: str | None, correlation_id: str | None) -> bytes:
        """The bytes to store, in canonical form."""
        order = self.order
        source = "" if order.source is None else f',"source":{order.source.decode()}'
        rest = (
            f',"effective_on":"{order.effective_on.text}","id":"{self.id}","known_on":"{_day(self.known_on)}"'
            f',"position":{position},"recorded_at":"{recorded_at}"{source},"stream":"{order.stream}"'
            ',"type":"order-placed","v":1,"version":1}'
        )
        return b'%b"data":%b%b' % (_opening(actor, order.basis, correlation_id), order.data, rest.encode())

    def stored(self, position: int, recorded_at: str) -> dict[str, Any]:
        """The object to store, but for the one who sent it."""
        stored: dict[str, Any] = json.loads(self.written(position, recorded_at, None, None))
        return stored

    def as_recorded(self) -> Recorded:
        """The event as a fold reads it."""
        order = self.order
        data = json.loads(order.data)
        return Recorded(
            self.type, self.id, order.stream, 0, 1, order.effective_on, self.known_on, order.basis, data
        )  # fmt: skip


@lru_cache(maxsize=1_024)
def _opening(actor: str | None, basis: str, correlation_id: str | None) -> bytes:
    named = {"actor": actor, "basis": basis, "correlation_id": correlation_id}
    return _encode({name: value for name, value in named.items() if value is not None})[:-1] + b","


@lru_cache(maxsize=65_536)
def _day(day: date) -> str:
    return day.isoformat()


@lru_cache(maxsize=65_536)
def _organization(identifier: str) -> str | None:
    return f"organization/{identifier}" if _identifier(identifier) else None


@lru_cache(maxsize=65_536)
def _product(identifier: str) -> str | None:
    return f"product/{identifier}" if _identifier(identifier) else None


#: Names of lines, and quantities, are mostly few and small.
_is_identifier = lru_cache(maxsize=65_536)(lambda text: _identifier(text) is not None)
_is_figure = lru_cache(maxsize=65_536)(lambda text: _figure(text) is not None)


def read_plain_order(text: bytes, codes: Codes) -> PlainOrder | None:
    """Read an order as a client sent it; None where it is none, not plain, or wrong in some way."""
    # Without escapes a quotation mark in the text is one around a string.
    if len(text) > LONGEST_BYTES or b'"order-placed"' not in text or b"\\" in text:
        return None
    try:
        sent = _decode(text)
        effective_on = parse_period(sent.effective_on)
        known_on = None if sent.known_on is UNSET else parse_day(sent.known_on)
    except (msgspec.MsgspecError, ValueError):
        return None
    data = _encode(sent.data)
    source = None if sent.source is UNSET else _encode(sent.source)
    identifier = None if sent.id is UNSET else sent.id
    # type and effective_on have four quotation marks each, data two and its own.
    marks = 10 + data.count(b'"') + 4 * ((identifier is not None) + (known_on is not None) + (sent.basis is not UNSET))
    if source is not None:
        marks += 2 + source.count(b'"')
    if text.count(b'"') != marks:
        return None  # a name stands twice
    if identifier is not None and not _identifier(identifier):
        return None
    if sent.source is not UNSET and not _is_plain_source(sent.source):
        return None
    mentions = _mentions(sent.data, codes)
    if mentions is None:
        return None
    basis = "reported" if sent.basis is UNSET else sent.basis
    return PlainOrder(
        text, identifier, f"order/{sent.data.order_id}", effective_on, known_on, basis, data, source, mentions
    )  # fmt: skip


def _mentions(data: _Data, codes: Codes) -> tuple[str, ...] | None:
    """The streams that the order names; None where it is not plain."""
    lines, buyers = data.lines, data.buyers
    if not lines or not buyers or data.currency not in codes.currencies or not _identifier(data.order_id):
        return None
    if len(buyers) > 1 and len(set(buyers)) < len(buyers):
        return None
    mentions = [_organization(data.vendor_id), *map(_organization, buyers)]
    names = set()
    for line in lines:
        quantity, amount, product_id, deliver_by = line.quantity, line.amount, line.product_id, line.deliver_by
        if quantity is not None and not _is_figure(quantity):
            return None
        if amount is not None and not _figure(amount):
            return None
        if not _is_identifier(line.line):
            return None
        names.add(line.line)
        if product_id is not None:
            mentions.append(_product(product_id))
        if deliver_by is not UNSET and not _is_bounded(deliver_by):
            return None
    if len(names) < len(lines):
        return None
    return None if None in mentions else tuple(mentions)  # type: ignore[arg-type]


@lru_cache(maxsize=65_536)
def _is_bounded(text: str) -> bool:
    try:
        return parse_period(text).first is not None
    except ValueError:
        return False


def _is_plain_source(source: _Source) -> bool:
    texts = (source.citation, source.url, source.quote)
    if source.sha256 is not UNSET and not _sha256(source.sha256):
        return False
    return all(text is UNSET or text.strip() for text in texts)
