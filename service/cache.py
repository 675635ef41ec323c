"""What the committer remembers of the ledger, so that a decision need not read its streams again."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence, Set

from domain.events import Recorded, Request
from domain.ledger import Sent
from domain.plain_drafts import PlainDraft, PlainDrafts
from domain.plain_orders import PlainOrder, PlainOrders
from domain.record import EventAnnotated, EventRetracted
from domain.streams import Stream, advance, fold
from service.store import LedgerRecorder, read_bytes

#: Streams kept of organisations, products and whatever else is no order; the least recently used are forgotten first.
MOST_STREAMS = 100_000
#: Orders kept. They come and go, and do not push out what every order names.
MOST_ORDERS = 20_000
#: Catching up over more events than this costs more than reading streams again.
FURTHEST_BEHIND = 5_000


#: What is known of a stream.
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
        #: Answers to look-ups by id for the requests at hand; None: there is no such event.
        self._events: dict[str, Recorded | None] = {}

    def catch_up(self, position: int) -> None:
        """Take in what others appended, up to the head's position."""
        self._events.clear()
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
        self._prefetch_events(requests, presume_new=presume_new)
        for request in requests:
            if isinstance(request, PlainOrder):
                names.update(request.mentions)
                if not presume_new:
                    names.add(request.stream)
                continue
            body = request.body
            if isinstance(body, EventRetracted | EventAnnotated):
                target = self._events.get(body.retracts if isinstance(body, EventRetracted) else body.annotates)
                names.update([target.stream] if target is not None else [])
            else:
                if not (body.BEGINS and presume_new):
                    names.add(body.stream)
                names.update(mention.stream for mention in body.mentions())
        unknown = [name for name in names if not self._touch(name)]
        if unknown:
            self.before_reading()
            found = self.recorder.by_streams(unknown)
            for name in unknown:
                self._keep(name, fold(map(read_bytes, found.get(name, ()))))

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
        kept = self._room(name)
        found = kept.get(name)
        if isinstance(found, Stream):
            return found
        if isinstance(found, PlainDrafts):
            found = found.beginning(name)
        folded = fold(self.history(name) if found is None else [found.as_recorded()])
        self._keep(name, folded)
        return folded

    def history(self, name: str) -> list[Recorded]:
        """All recorded events of a stream."""
        self.before_reading()
        return [read_bytes(state) for state in self.recorder.by_streams([name]).get(name, ())]

    def event(self, identifier: str) -> Recorded | None:
        """The recorded event with this id."""
        if identifier not in self._events:
            self.before_reading()
            state = self.recorder.by_ids([identifier]).get(identifier)
            self._events[identifier] = None if state is None else read_bytes(state)
        return self._events[identifier]

    def remembers(self, name: str) -> bool:
        """Whether a stream is known to have begun, without looking it up."""
        found = self._room(name).get(name)
        return found is not None and found.version > 0

    def remembers_any(self, names: Set[str]) -> bool:
        """Whether any of these streams may be known to have begun, without looking it up."""
        return not (self._orders.keys().isdisjoint(names) and self._others.keys().isdisjoint(names))

    def recorded(self, position: int, streams: Mapping[str, Remembered]) -> None:
        """Take in what is appended up to a position, with the streams as the batch left them."""
        self._events.clear()
        for name, stream in streams.items():
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
        self._events.clear()

    def _advance(self, event: Recorded) -> None:
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
