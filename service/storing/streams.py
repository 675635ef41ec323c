"""Streams of the ledger as decisions ask for them, remembered so that they need not be read again."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence, Set
from itertools import chain

from domain.chronicles import Chronicle
from domain.events import Recorded
from domain.ledger import Batch
from domain.lots import Decided, Sent
from domain.streams import Stream, advance, fold
from service.storing.ledger import LedgerRecorder, read_bytes

#: Streams kept of organisations, products and all else that is no order; the least recently used are forgotten first.
MOST_STREAMS = 100_000
#: Orders kept. They come and go, and do not push out what every order names.
MOST_ORDERS = 20_000
#: Events of streams that are kept whole because somebody retracted or replaced one of theirs.
MOST_CHRONICLED = 20_000
#: Catching up over more events than this costs more than reading streams again.
FURTHEST_BEHIND = 5_000

#: What is kept of a stream in short: a lot stands for each that it has begun until its events are asked for.
Remembered = Stream | Decided


class StreamCache:
    """Streams as of `position` or later, and the events that the requests at hand name by id (a Reader).

    `before_reading` is called before the ledger is read: a caller may wait there for what is not recorded yet.
    """

    def __init__(self, recorder: LedgerRecorder, before_reading: Callable[[], None] = lambda: None) -> None:
        self.recorder = recorder
        self.before_reading = before_reading
        self.position = 0
        self._orders: OrderedDict[str, Remembered] = OrderedDict()
        self._others: OrderedDict[str, Remembered] = OrderedDict()
        #: Streams with all their events, the last used last; of these nothing else is kept.
        self._chronicles: OrderedDict[str, Chronicle] = OrderedDict()
        #: Answers to look-ups by id for the requests at hand; None: there is no such event.
        self._events: dict[str, Recorded | None] = {}

    def catch_up(self, position: int) -> None:
        """Take in what others appended, up to the head's position."""
        self._events.clear()
        self._tidy()
        if position - self.position > FURTHEST_BEHIND or position < self.position:
            self.forget()
        else:
            for row in self.recorder.rows_after(self.position, FURTHEST_BEHIND, upto=position):
                self._advance(read_bytes(row.state))
        self.position = position

    def prefetch(self, commands: Iterable[Sequence[Sent]], *, presume_new: bool = False) -> None:
        """Read together what deciding these requests, command by command, will ask for one by one.

        `presume_new`: without what `domain.ledger.Batch` presumes to be new.
        """
        lots = list(chain.from_iterable(commands))
        self._events.clear()
        self._tidy()
        self._prefetch_events(chain.from_iterable([lot.events_wanted(presume_new=presume_new) for lot in lots]))
        names: set[str] = set()
        whole: set[str] = set()
        for lot in lots:
            folded, all_of = lot.streams_wanted(self._prefetched, presume_new=presume_new)
            names.update(folded)
            whole.update(all_of)
        unknown = [name for name in names - whole if not self._touch(name)]
        unread = [name for name in whole if name not in self._chronicles]
        if unknown or unread:
            self.before_reading()
            found = self.recorder.by_streams([*unknown, *unread])
            for name in unknown:
                self._keep(name, fold(map(read_bytes, found.get(name, ()))))
            for name in unread:
                self._chronicle(name, found.get(name, ()))

    def _prefetch_events(self, wanted: Iterable[str | None]) -> None:
        unknown = [identifier for identifier in set(wanted) if identifier is not None]
        if unknown:
            self.before_reading()
            found = self.recorder.by_ids(unknown)
            for identifier in unknown:
                state = found.get(identifier)
                self._events[identifier] = None if state is None else read_bytes(state)

    def _prefetched(self, identifier: str | None) -> Recorded | None:
        return None if identifier is None else self._events.get(identifier)

    def stream(self, name: str) -> Stream:
        """One stream, folded."""
        if name in self._chronicles:
            return self._chronicles[name].stream()
        found = self._room(name).get(name)
        if isinstance(found, Stream):
            return found
        folded = fold(self._read(name) if found is None else [found.within(name).as_recorded()])
        self._keep(name, folded)
        return folded

    def chronicle(self, name: str) -> Chronicle:
        """All recorded events of a stream, and what the batch at work appends to them."""
        found = self._chronicles.get(name)
        if found is None:
            self.before_reading()
            found = self._chronicle(name, self.recorder.by_streams([name]).get(name, ()))
        self._chronicles.move_to_end(name)
        return found

    def _chronicle(self, name: str, states: Sequence[bytes]) -> Chronicle:
        known = self._room(name).pop(name, None)
        # Others may have appended since it became known: that is caught up with under the head's lock.
        last = len(states) if known is None else _version_of(known, name)
        chronicle = Chronicle(map(read_bytes, states[:last]))
        if isinstance(known, Stream) and known.version == chronicle.version:
            chronicle.know(known.state)
        self._chronicles[name] = chronicle
        return chronicle

    def _read(self, name: str) -> list[Recorded]:
        self.before_reading()
        return [read_bytes(state) for state in self.recorder.by_streams([name]).get(name, ())]

    def _tidy(self) -> None:
        """Leave what a batch appended that was not recorded, and keep no more whole than there is room for."""
        for chronicle in self._chronicles.values():
            chronicle.rewind()
        kept = sum(chronicle.version for chronicle in self._chronicles.values())
        while kept > MOST_CHRONICLED and len(self._chronicles) > 1:
            name, chronicle = self._chronicles.popitem(last=False)
            kept -= chronicle.version
            if chronicle.is_folded:
                self._keep(name, chronicle.stream())

    def event(self, identifier: str) -> Recorded | None:
        """The recorded event with this id."""
        if identifier not in self._events:
            self.before_reading()
            state = self.recorder.by_ids([identifier]).get(identifier)
            self._events[identifier] = None if state is None else read_bytes(state)
        return self._events[identifier]

    def remembers(self, name: str) -> bool:
        """Whether a stream is known to have begun, without looking it up."""
        chronicle = self._chronicles.get(name)
        if chronicle is not None:
            return chronicle.version > 0
        known = self._room(name).get(name)
        return known is not None and _version_of(known, name) > 0

    def remembers_any(self, names: Set[str]) -> bool:
        """Whether any of these streams may be known to have begun, without looking it up."""
        return not all(kept.keys().isdisjoint(names) for kept in (self._orders, self._others, self._chronicles))

    def recorded(self, position: int, batch: Batch) -> None:
        """Take in what a batch decided, and what is appended up to a position."""
        self._events.clear()
        whole = self._chronicles.keys() & batch.streams.keys()
        if whole:
            first = position - batch.count + 1
            ids = chain.from_iterable(lot.ids for lot in batch.drafts)
            positions = {identifier: place for place, identifier in enumerate(ids, start=first)}
            for name in whole:
                chronicle = self._chronicles[name]
                for draft in batch.decided_in(name):
                    if draft.versions[0] > chronicle.version:
                        chronicle.append(draft.as_recorded(), draft.causation_id)
                chronicle.settle(positions)
        for name, stream in batch.streams.items():
            if name not in whole and not isinstance(stream, Chronicle):
                self._keep(name, stream)
        for name, lot in batch.lots.items():
            self._room(name)[name] = lot
        while len(self._orders) > MOST_ORDERS:
            self._orders.popitem(last=False)
        self.position = position

    def forget(self) -> None:
        """Start afresh: after a lost connection nothing is certain."""
        self._orders.clear()
        self._others.clear()
        self._chronicles.clear()
        self._events.clear()

    def _advance(self, event: Recorded) -> None:
        chronicle = self._chronicles.get(event.stream)
        if chronicle is not None:
            if event.version == chronicle.version + 1:
                chronicle.append(event, (event.stored or {}).get("causation_id"))
                chronicle.settle({event.id: event.position})
            elif event.version > chronicle.version:
                del self._chronicles[event.stream]
            return
        kept = self._room(event.stream)
        # A stream read after the last catch-up may hold the event already.
        if event.stream not in kept or event.version <= _version_of(kept[event.stream], event.stream):
            return
        stream = self.stream(event.stream)
        advanced = advance(stream, event) if event.version == stream.version + 1 else None
        if advanced is None:
            del kept[event.stream]
        else:
            kept[event.stream] = advanced

    def _room(self, name: str) -> OrderedDict[str, Remembered]:
        return self._orders if name.startswith("order/") else self._others

    def _touch(self, name: str) -> bool:
        """Whether a stream is here, which then stays longest."""
        if name in self._chronicles:
            return True
        kept = self._room(name)
        if name not in kept:
            return False
        kept.move_to_end(name)
        return True

    def _keep(self, name: str, stream: Remembered) -> None:
        kept, most = (self._orders, MOST_ORDERS) if name.startswith("order/") else (self._others, MOST_STREAMS)
        kept[name] = stream
        kept.move_to_end(name)
        while len(kept) > most:
            kept.popitem(last=False)


def _version_of(known: Remembered, name: str) -> int:
    """The version of a stream."""
    return known.version if isinstance(known, Stream) else known.within(name).versions[0]
