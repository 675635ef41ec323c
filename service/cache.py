"""What the committer remembers of the ledger, so that a decision need not read its streams again."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence

from domain.events import Recorded, Request
from domain.record import EventAnnotated, EventRetracted
from domain.streams import Stream, advance, fold
from service.store import LedgerRecorder, Numbered, read_bytes

#: Streams kept; the least recently used are forgotten first.
MOST_STREAMS = 100_000
#: Catching up over more events than this costs more than reading streams again.
FURTHEST_BEHIND = 5_000


class StreamCache:
    """Folded streams as of `position` or later, and the events that the requests at hand name by id (a Reader)."""

    def __init__(self, recorder: LedgerRecorder) -> None:
        self.recorder = recorder
        self.position = 0
        self._streams: OrderedDict[str, Stream] = OrderedDict()
        #: Answers to look-ups by id for the requests at hand; None: there is no such event.
        self._events: dict[str, Recorded | None] = {}

    def catch_up(self, position: int) -> None:
        """Take in what others appended, up to the head's position."""
        self._events.clear()
        if position - self.position > FURTHEST_BEHIND or position < self.position:
            self._streams.clear()
        else:
            for row in self.recorder.rows_after(self.position, FURTHEST_BEHIND, upto=position):
                self._advance(read_bytes(row.state))
        self.position = position

    def prefetch(self, requests: Iterable[Request]) -> None:
        """Read together what deciding these requests will ask for one by one."""
        requests = list(requests)
        self._events.clear()
        self._prefetch_events(requests)
        names: set[str] = set()
        for request in requests:
            body = request.body
            if isinstance(body, EventRetracted | EventAnnotated):
                target = self._events.get(body.retracts if isinstance(body, EventRetracted) else body.annotates)
                names.update([target.stream] if target is not None else [])
            else:
                names.add(body.stream)
                names.update(mention.stream for mention in body.mentions())
        unknown = [name for name in names if name not in self._streams]
        if unknown:
            found = self.recorder.by_streams(unknown)
            for name in unknown:
                self._keep(name, fold(map(read_bytes, found.get(name, ()))))

    def _prefetch_events(self, requests: Sequence[Request]) -> None:
        wanted: set[str] = set()
        for request in requests:
            wanted.update(filter(None, (request.envelope.id, request.envelope.corrects)))
            if isinstance(request.body, EventRetracted):
                wanted.add(request.body.retracts)
            elif isinstance(request.body, EventAnnotated):
                wanted.add(request.body.annotates)
        unknown = [identifier for identifier in wanted if identifier not in self._events]
        if unknown:
            found = self.recorder.by_ids(unknown)
            for identifier in unknown:
                state = found.get(identifier)
                self._events[identifier] = None if state is None else read_bytes(state)

    def stream(self, name: str) -> Stream:
        """One stream, folded."""
        if name not in self._streams:
            self._keep(name, fold(self.history(name)))
        self._streams.move_to_end(name)
        return self._streams[name]

    def history(self, name: str) -> list[Recorded]:
        """All recorded events of a stream."""
        return [read_bytes(state) for state in self.recorder.by_streams([name]).get(name, ())]

    def event(self, identifier: str) -> Recorded | None:
        """The recorded event with this id."""
        if identifier not in self._events:
            state = self.recorder.by_ids([identifier]).get(identifier)
            self._events[identifier] = None if state is None else read_bytes(state)
        return self._events[identifier]

    def recorded(self, events: Sequence[Numbered], streams: dict[str, Stream]) -> None:
        """Take in what was just appended, with the streams as the batch left them."""
        self._events.clear()
        for name, stream in streams.items():
            self._keep(name, stream)
        if events:
            self.position = events[-1].position

    def forget(self) -> None:
        """Start afresh: after a lost connection nothing is certain."""
        self._streams.clear()
        self._events.clear()

    def _advance(self, event: Recorded) -> None:
        stream = self._streams.get(event.stream)
        # A stream read after the last catch-up may hold the event already.
        if stream is None or event.version <= stream.version:
            return
        advanced = advance(stream, event) if event.version == stream.version + 1 else None
        if advanced is None:
            del self._streams[event.stream]
        else:
            self._streams[event.stream] = advanced

    def _keep(self, name: str, stream: Stream) -> None:
        self._streams[name] = stream
        self._streams.move_to_end(name)
        while len(self._streams) > MOST_STREAMS:
            self._streams.popitem(last=False)
