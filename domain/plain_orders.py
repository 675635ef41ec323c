"""Reading plain new orders, on a shorter road to the same bytes: judged many at once, without models.

Most of what a ledger records are orders that were not placed before, with figures that are plain decimals. What
is not plain, or turns out not to be new, takes the long road (catalogue, ledger), which alone says what is wrong. Both
roads record the same bytes: tests/domain/test_plain_orders.py holds them against each other.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import UNSET, Struct, UnsetType

from domain.periods import parse_day, parse_period
from domain.plain_lots import PlainOrders
from domain.values import IDENTIFIER_PATTERN, Codes

#: Longer ones are not plain: what is stored of a plain one always fits (domain.events.LARGEST_EVENT_BYTES).
LONGEST_BYTES = 32_768
#: What is made of so many lies in the processor's cache; of ten times as many each takes half as long again.
READ_AT_ONCE = 250

#: Many at once, each with a line feed behind it.
_identifiers = re.compile(f"(?:{IDENTIFIER_PATTERN.strip('^$')}\n)*+", re.ASCII).fullmatch
#: domain.values.Figure, where it is an exact one.
_figures = re.compile(r"(?:(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,4})?\n)*+", re.ASCII).fullmatch
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


def read_plain_order(text: bytes, codes: Codes) -> PlainOrders | None:
    """Read an order as a client sent it, a lot of one; None where it is none, not plain, or wrong in some way."""
    _, orders = read_plain_orders([text], codes)
    return orders if len(orders) else None


def read_plain_orders(texts: Sequence[bytes], codes: Codes) -> tuple[list[int], PlainOrders]:
    """Read orders as clients sent them: which of the texts are plain orders, and these."""
    places: list[int] = []
    parts: list[PlainOrders] = []
    for start in range(0, len(texts), READ_AT_ONCE):
        piece = list(texts[start : start + READ_AT_ONCE])
        for found, orders in _plain_ones(_decoded(list(range(start, start + len(piece))), piece), codes):
            places += found
            parts.append(orders)
    return places, parts[0] if len(parts) == 1 else PlainOrders.joined(parts)


def in_lots(texts: Sequence[bytes], codes: Codes) -> Iterator[tuple[int, PlainOrders | None]]:
    """Texts in their order: lots of plain orders, each with the place of its first, and None for every other text."""
    places, orders = read_plain_orders(texts, codes)
    done = taken = 0
    while done < len(texts):
        start, place = taken, done
        while taken < len(places) and places[taken] == done:
            taken, done = taken + 1, done + 1
        if taken > start:
            yield place, orders.part(start, taken)
        else:
            done += 1
            yield place, None


class _Decoded(NamedTuple):
    """What texts say."""

    #: Their places among others.
    places: list[int]
    texts: list[bytes]
    sent: list[_Sent]


def _decoded(places: list[int], texts: list[bytes]) -> _Decoded:
    """What those of some texts say that seem to be plain orders."""
    if _may_be_plain(b"".join(texts), max(map(len, texts))):
        with suppress(msgspec.MsgspecError, UnicodeDecodeError):
            return _Decoded(places, texts, list(map(_decode, texts)))
    found = _Decoded([], [], [])
    for place, text in zip(places, texts, strict=True):
        if _may_be_plain(text, len(text)):
            with suppress(msgspec.MsgspecError, UnicodeDecodeError):
                found.sent.append(_decode(text))
                found.texts.append(text)
                found.places.append(place)
    return found


def _may_be_plain(text: bytes, longest: int) -> bool:
    # Without escapes a quotation mark in the text is one around a string.
    return longest <= LONGEST_BYTES and b"\\" not in text and b'"order-placed"' in text


def _plain_ones(decoded: _Decoded, codes: Codes) -> Iterator[tuple[list[int], PlainOrders]]:
    """The plain ones and their places: judged together, and where one of them is not plain, each half by itself."""
    places, texts, sent = decoded
    if not places:
        return
    orders = _judged(texts, sent, codes)
    if orders is not None:
        yield places, orders
    elif len(places) > 1:
        middle = len(places) // 2
        yield from _plain_ones(_Decoded(places[:middle], texts[:middle], sent[:middle]), codes)
        yield from _plain_ones(_Decoded(places[middle:], texts[middle:], sent[middle:]), codes)


def _judged(texts: list[bytes], sent: list[_Sent], codes: Codes) -> PlainOrders | None:
    """The orders, where all of them are plain."""
    data = [one.data for one in sent]
    mentions = _mentions(data)
    ids = [None if one.id is UNSET else one.id for one in sent]
    effective_on = [one.effective_on for one in sent]
    known_on = [None if one.known_on is UNSET else one.known_on for one in sent]
    sources = [None if one.source is UNSET else one.source for one in sent]
    order_ids = [one.order_id for one in data]
    if (
        mentions is None
        or not codes.currencies.issuperset([one.currency for one in data])
        or not _all(_identifiers, [*order_ids, *_present(ids)])
        or not _are_plain_lines([line for one in data for line in one.lines])
        or not _are_dates(effective_on, known_on)
    ):
        return None
    written = list(map(_encode, data))
    written_sources = [None if one is None else _encode(one) for one in sources]
    distinct = {text: source for text, source in zip(written_sources, sources, strict=True) if source is not None}
    if not all(map(_is_plain_source, distinct.values())):
        return None
    # type and effective_on have four quotation marks each, data and source two and their own.
    marks = 10 * len(sent) + _marks(written)
    marks += 4 * (len(_present(ids)) + len(_present(known_on)) + sum([one.basis is not UNSET for one in sent]))
    marks += sum([2 + one.count(b'"') for one in written_sources if one is not None])
    if _marks(texts) != marks:
        return None  # a name stands twice
    streams = [f"order/{order_id}" for order_id in order_ids]
    bases: list[str] = ["reported" if one.basis is UNSET else one.basis for one in sent]
    columns: list[Any] = [texts, ids, streams, effective_on, known_on, bases, written, written_sources, mentions]
    return PlainOrders(*map(tuple, columns))


def _marks(texts: list[bytes]) -> int:
    """How many quotation marks there are in all texts."""
    return sum([text.count(b'"') for text in texts])


def _mentions(data: list[_Data]) -> list[tuple[str, ...]] | None:
    """The streams that each order names; None where a name is not well-formed, or stands twice in an order."""
    # Most orders name what others name: those of one key differ in nothing that matters here.
    known: dict[tuple[str | None, ...], tuple[str, ...]] = {}
    found = []
    for one in data:
        lines = one.lines
        key = (
            *(one.vendor_id, *one.buyers, None),
            *[line.line for line in lines],
            *[line.product_id for line in lines],
        )
        mentions = known.get(key)
        if mentions is None:
            names = [line.line for line in lines]
            products = [line.product_id for line in lines if line.product_id is not None]
            if not _are_distinct(one.buyers) or not _are_distinct(names):
                return None
            if not _all(_identifiers, [one.vendor_id, *one.buyers, *names, *products]):
                return None
            organizations = [f"organization/{name}" for name in (one.vendor_id, *one.buyers)]
            mentions = known[key] = (*organizations, *[f"product/{name}" for name in products])
        found.append(mentions)
    return found


def _are_distinct(names: list[str]) -> bool:
    """Whether there are names and none stands twice."""
    return 0 < len(names) == len(set(names))


def _are_plain_lines(lines: list[_Line]) -> bool:
    quantities = {line.quantity for line in lines if line.quantity is not None}
    amounts = [line.amount for line in lines if line.amount is not None]
    deliver_by = {line.deliver_by for line in lines if line.deliver_by is not UNSET}
    return _all(_figures, quantities) and _all(_figures, amounts) and all(map(_is_bounded, deliver_by))


def _are_dates(effective_on: Iterable[str], known_on: Iterable[str | None]) -> bool:
    try:
        for period in set(effective_on):
            parse_period(period)
        for day in set(known_on):
            if day is not None:
                parse_day(day)
    except ValueError:
        return False
    return True


def _all(matching: Any, texts: Collection[str]) -> bool:
    """Whether each of the texts matches; together they are matched several times as fast as one by one."""
    joined = "\n".join([*texts, ""])
    return matching(joined) is not None and joined.count("\n") == len(texts)


def _present(values: list[str | None]) -> list[str]:
    return [value for value in values if value is not None]


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
