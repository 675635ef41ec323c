"""Packages of many orders: what was recorded of them since a position, written release by release."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, BinaryIO

from domain.events import Recorded
from service.asking.questions import NothingThere
from service.daybook import Daybook
from service.exporting.ocds.packages import encode, heading, prefix_of, record_of, releases_of
from service.exporting.ocds.sections import OrderRegister
from service.storing.ledger import read_bytes

#: Orders whose histories are read at once.
ORDERS_AT_ONCE = 200
#: Histories of organisations and products that are kept: orders of one buyer name the same again and again.
MOST_KEPT = 5_000

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class SinceThen:
    """Which releases: those of events behind one position and up to another."""

    after: int
    upto: int
    #: Instead of releases, the whole records of the orders that have some.
    records: bool = False


def write_package(
    output: BinaryIO,
    daybook: Daybook,
    since: SinceThen,
    prefix: str | None = None,
    progress: Progress = lambda done: None,
) -> int:
    """Write a release package, or a record package, of all orders of which something is new; returns how many.

    Orders stand by id, the releases of each in time. Memory grows with the largest of them and not with their number.
    NothingThere where nothing is new, for no package is empty; Rejected for an order whose releases state too much.
    """
    entries = _entries(daybook, since, prefix or prefix_of(daybook.origin))
    first = next(entries, None)
    if first is None:
        raise NothingThere(f"nothing of an order was recorded behind position {since.after}")
    (last,) = daybook.ledger.recorder.rows_after(since.upto - 1, 1, upto=since.upto)
    listed = "records" if since.records else "releases"
    stored = read_bytes(last.state).stored
    assert stored is not None
    head = heading(daybook.origin, f"{listed}:{since.after}-{since.upto}", stored["recorded_at"])
    output.write(f'{encode(head).removesuffix("}")},"{listed}":['.encode())
    orders, ocid, separator = 0, "", b"\n"
    for entry in chain((first,), entries):
        output.write(separator + encode(entry).encode())
        separator = b",\n"
        if entry["ocid"] != ocid:
            orders, ocid = orders + 1, entry["ocid"]
            progress(orders)
    output.write(b"\n]}\n")
    return orders


def _entries(daybook: Daybook, since: SinceThen, prefix: str) -> Iterator[dict[str, Any]]:
    register, behind = _Histories(daybook), ""
    while streams := daybook.ledger.recorder.orders_between(since.after, since.upto, behind, ORDERS_AT_ONCE):
        stored = daybook.ledger.recorder.by_streams(streams)
        for stream in streams:
            history = [event for event in map(read_bytes, stored[stream]) if event.position <= since.upto]
            yield from _of_order(daybook.origin, f"{prefix}-{stream.partition('/')[2]}", history, register, since)
        behind = streams[-1]


def _of_order(
    origin: str, ocid: str, history: Sequence[Recorded], register: "_Histories", since: SinceThen
) -> Iterator[dict[str, Any]]:
    releases = list(releases_of(ocid, origin, history, OrderRegister.of(history, register.read)))
    new = [release for release in releases if int(release["id"].removeprefix(f"{ocid}-")) > since.after]
    if since.records:
        # Of what no release states (a note, a slip of the pen), there is nothing new to tell.
        yield from [record_of(ocid, releases)] if new else []
    else:
        yield from new


class _Histories:
    """The histories of organisations, products and consortia, as long as they are used."""

    def __init__(self, daybook: Daybook) -> None:
        self._daybook = daybook
        self._kept: OrderedDict[str, Sequence[Recorded]] = OrderedDict()

    def read(self, stream: str) -> Sequence[Recorded]:
        """All events of a stream."""
        if stream not in self._kept:
            if len(self._kept) >= MOST_KEPT:
                self._kept.popitem(last=False)
            self._kept[stream] = self._daybook.ledger.history(stream)
        self._kept.move_to_end(stream)
        return self._kept[stream]
