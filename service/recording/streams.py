"""What the committer remembers of the ledger, so that a decision need not read its streams again."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence, Set

from domain.chronicles import Chronicle
from domain.events import Recorded, Request
from domain.ledger import Batch, Sent
from domain.plain_drafts import PlainDraft, PlainDrafts
from domain.plain_orders import PlainOrder, PlainOrders
from domain.record import EventAnnotated, EventRetracted
from domain.streams import Stream, advance, fold
from service.storing.ledger import LedgerRecorder, read_bytes

#: Streams kept of organisations, products and whatever else is no order; the least recently used are forgotten first.
MOST_STREAMS = 100_000
#: Orders kept. They come and go, and do not push out what every order names.
MOST_ORDERS = 20_000
#: Events of streams that are kept whole because somebody retracted or replaced one of theirs.
MOST_CHRONICLED = 20_000
#: Catching up over more events than this costs more than reading streams again.
FURTHEST_BEHIND = 5_000

#: What is kept of a stream in short.
Remembered = Stream | PlainDraft | PlainDrafts


class StreamCache:
    """Streams as of `position` or later, and the events that the requests at hand name by id (a Reader).

    `before_reading` is called before the ledger is read: whoever remembers what is not recorded yet waits for it there.
    """

    def __init__(self, recorder: LedgerRecorder, before_reading: Callable[[], None] = lambda: None) -> None:
        self.recorder = recorder
        self.before_reading = before_reading
        self.position = 0
        #: A plain order, or the several that it is one of, stands for its stream until somebody asks for it.
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
        names: set[str] = set()
        requests: list[Sent] = []
        for command in commands:
            if presume_new and isinstance(command, PlainOrders):
                names |= command.mentioned
            else:
                requests += command
        self._events.clear()
        self._tidy()
        self._prefetch_events(requests, presume_new=presume_new)
        whole: set[str] = set()
        for request in requests:
            if isinstance(request, PlainOrder):
                names.update(request.mentions)
                if not presume_new:
                    names.add(request.stream)
                continue
            body = request.body
            corrected = self._events.get(request.envelope.corrects or "")
            if corrected is not None:
                whole.add(corrected.stream)
            if isinstance(body, EventRetracted | EventAnnotated):
                target = self._events.get(body.retracts if isinstance(body, EventRetracted) else body.annotates)
                if target is not None:
                    (whole if isinstance(body, EventRetracted) else names).add(target.stream)
            else:
                if not (body.BEGINS and presume_new):
                    names.add(body.stream)
                names.update(mention.stream for mention in body.mentions())
        unknown = [name for name in names - whole if not self._touch(name)]
        unread = [name for name in whole if name not in self._chronicles]
        if unknown or unread:
            self.before_reading()
            found = self.recorder.by_streams([*unknown, *unread])
            for name in unknown:
                self._keep(name, fold(map(read_bytes, found.get(name, ()))))
            for name in unread:
                self._chronicle(name, found.get(name, ()))

    def _prefetch_events(self, requests: Sequence[Sent], *, presume_new: bool) -> None:
        wanted: set[str | None] = set()
        for request in requests:
            if isinstance(request, PlainOrder):
                if not presume_new:
                    wanted.add(request.id)
                continue
            if not presume_new:
                wanted.add(request.envelope.id)
            wanted.add(request.envelope.corrects)
            wanted.add(_target_of(request))
        unknown = [identifier for identifier in wanted if identifier is not None]
        if unknown:
            self.before_reading()
            found = self.recorder.by_ids(unknown)
            for identifier in unknown:
                state = found.get(identifier)
                self._events[identifier] = None if state is None else read_bytes(state)

    def stream(self, name: str) -> Stream:
        """One stream, folded."""
        if name in self._chronicles:
            return self._chronicles[name].stream()
        found = self._room(name).get(name)
        if isinstance(found, Stream):
            return found
        if isinstance(found, PlainDrafts):
            found = found.beginning(name)
        folded = fold(self._read(name) if found is None else [found.as_recorded()])
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
        last = known.version if known is not None else len(states)
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
        found = self._chronicles.get(name) or self._room(name).get(name)
        return found is not None and found.version > 0

    def remembers_any(self, names: Set[str]) -> bool:
        """Whether any of these streams may be known to have begun, without looking it up."""
        return not all(kept.keys().isdisjoint(names) for kept in (self._orders, self._others, self._chronicles))

    def recorded(self, position: int, batch: Batch) -> None:
        """Take in what a batch decided, and what is appended up to a position."""
        self._events.clear()
        whole = self._chronicles.keys() & batch.streams.keys()
        if whole:
            first = position - batch.count + 1
            positions = {draft.id: first + place for place, draft in enumerate(batch.drafts)}
            for name in whole:
                chronicle = self._chronicles[name]
                for draft in batch.decided_in(name):
                    if draft.version > chronicle.version:
                        chronicle.append(draft.as_recorded(), draft.causation_id)
                chronicle.settle(positions)
        for name, stream in batch.streams.items():
            if name in whole or isinstance(stream, Chronicle):
                continue
            if isinstance(stream, PlainDrafts):
                self._orders[name] = stream
            else:
                self._keep(name, stream)
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
        if event.stream not in kept or event.version <= kept[event.stream].version:
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


def _target_of(request: Request) -> str | None:
    """The event that a request says something about."""
    if isinstance(request.body, EventRetracted):
        return request.body.retracts
    return request.body.annotates if isinstance(request.body, EventAnnotated) else None
