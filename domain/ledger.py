"""Deciding requests against the ledger: what is recorded, what is a replay, what is refused."""

from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import replace
from datetime import date
from itertools import accumulate, chain
from typing import Any, Protocol

from domain import retractions
from domain.catalogue import AGGREGATES
from domain.chronicles import Chronicle
from domain.errors import Conflict, Invalid, Refusal, Rejected
from domain.events import Believed, Draft, Recorded, Request
from domain.lots import Decided, Outcome, Sent
from domain.record import EventAnnotated, EventRetracted
from domain.streams import Stream, advance, fold, refuse_earlier


class Reader(Protocol):
    """The recorded ledger, as far as a decision asks for it."""

    def stream(self, name: str) -> Stream:
        """One stream, folded."""

    def chronicle(self, name: str) -> Chronicle:
        """All events of one stream. What the batch appends to it is its own: the reader settles it, or rewinds it."""

    def event(self, identifier: str) -> Recorded | None:
        """The event with this id."""

    def remembers(self, name: str) -> bool:
        """Whether a stream is known to have begun, without looking it up."""

    def remembers_any(self, names: Set[str]) -> bool:
        """Whether any of these streams may be known to have begun, without looking it up."""


#: What is known of a stream; a chronicle stands for the stream whose events it has.
Known = Stream | Chronicle


class Interrupted(Exception):
    """A decision was broken off; nothing of it is left in its batch."""


class Batch:
    """Requests decided one after the other, each against the ledger as all before it leave it.

    `today` is the ledger's own date in its time `zone`, `new_id` names events whose sender did not. `presume_new`:
    ids, and streams that a request begins, are taken to be new without looking them up. Such a batch may be recorded
    where nothing of it was refused and the store itself refuses all of it if an id or a stream's first version is
    recorded already; otherwise it is to be decided anew without presuming anything.
    """

    def __init__(
        self,
        reader: Reader,
        today: date,
        new_id: Callable[[], str],
        *,
        presume_new: bool = False,
        zone: str = "UTC",
    ) -> None:
        self.reader = reader
        self.today = today
        self.zone = zone
        self.new_id = new_id
        self.presume_new = presume_new
        #: Called again and again while requests are decided: raises Interrupted where it has taken long enough.
        self.look_up: Callable[[], None] = lambda: None
        #: How many events are decided so far.
        self.count = 0
        #: The streams touched, as the batch leaves them ...
        self.streams: dict[str, Known] = {}
        #: ... and those that a lot has begun whose events nothing has asked for yet.
        self.lots: dict[str, Decided] = {}
        #: Everything decided so far, in the order in which it is to be recorded.
        self.drafts: list[Decided] = []
        self._ids: dict[str, Decided] = {}
        self._decided: dict[str, list[Decided]] = {}
        #: What the requests at hand have changed: streams, and what was known of each before.
        self._touched: list[tuple[Sequence[str], Known | None]] = []
        #: Chronicles asked for so far, with what is decided.
        self._chronicles: dict[str, Chronicle] = {}
        #: Organisations and products that are known to stand.
        self._standing: set[str] = set()
        #: Events that the requests at hand retract by themselves.
        self.named: frozenset[str] = frozenset()
        #: Events that they retract and that others rely on, which may be retracted, too: what is left will decide.
        self.relied_on: list[Recorded] = []

    def add(self, requests: Sequence[Sent]) -> list[Outcome]:
        """Decide lots of requests together: all of them, or none (Refusal, with the index of the first refused)."""
        kept = len(self.drafts)
        self.named = frozenset(chain.from_iterable([lot.retracts for lot in requests]))
        self._touched, self.relied_on = [], []
        outcomes: list[Outcome] = []
        done = 0
        for lot in requests:
            try:
                outcomes += lot.decided_by(self)
            except Interrupted:
                self._forget(kept)
                raise
            except Refusal as refusal:
                self._forget(kept)
                refusal.index += done
                raise
            done += len(lot)
        try:
            self._judge_what_is_left(requests)
        except (Interrupted, Refusal):
            self._forget(kept)
            raise
        return outcomes

    def _judge_what_is_left(self, requests: Sequence[Sent]) -> None:
        """Rejected, with the index of the retraction, where what is left relies on what is retracted."""
        for target in self.relied_on:
            self.look_up()
            try:
                self.refuse_if_built_on(target)
            except Refusal as refusal:
                sizes = [0, *accumulate(map(len, requests))]
                place = next(number for number, lot in enumerate(requests) if target.id in lot.retracts)
                refusal.index = sizes[place]
                raise

    def refuse_if_built_on(self, target: Recorded) -> None:
        """Rejected where what remains without an event could not have been recorded (domain.retractions)."""
        retractions.refuse_if_built_on(self, target)

    def decide(self, request: Request) -> Outcome:
        """Decide one request by all rules; raises Refusal (domain.lots.Deciding)."""
        self.look_up()
        outcome = self._outcome(request)
        for draft in outcome.drafts:
            self.look_up()
            self._take(draft)
        return outcome

    def take(self, lot: Decided) -> Outcome:
        """Take in what was decided: the first events of streams that have not begun (domain.lots.Deciding)."""
        self.drafts.append(lot)
        self.count += len(lot)
        self._ids.update(dict.fromkeys(lot.ids, lot))
        self.lots.update(dict.fromkeys(lot.streams, lot))
        self._touched.append((lot.streams, None))
        return Outcome((lot,))

    def state(self, stream: str) -> Any:
        """The state of a stream as the batch leaves it so far (domain.events.World)."""
        return self._stream(stream).state

    def believed(self, stream: str) -> Believed:
        """The events of a stream that were retracted on a later day than they were known (domain.events.World)."""
        return self._stream(stream).believed

    def version(self, stream: str) -> int:
        """The version of a stream as the batch leaves it so far; 0: it has not begun."""
        return self._version(stream)

    def decided_in(self, stream: str) -> Sequence[Decided]:
        """The events decided so far in a stream that did not begin with a plain order of this batch."""
        return self._decided.get(stream, ())

    def knows(self, requests: Sent) -> bool:
        """Whether events are there under the ids of requests, each of which then is a replay, or a conflict."""
        return all(identifier is not None and self._own_or_recorded(identifier) for identifier in requests.ids)

    def have_recorded(self, ids: Set[str]) -> bool:
        """Whether the batch itself has decided any of these ids (domain.lots.Deciding)."""
        return not self._ids.keys().isdisjoint(ids)

    def recorded_before(self, identifier: str) -> Recorded | None:
        """The recorded event with an id, unless it is presumed to be new (domain.lots.Deciding)."""
        return None if self.presume_new else self.reader.event(identifier)

    def have_begun(self, streams: Set[str]) -> bool:
        """Whether any of these streams has begun, or may have where new ones are presumed so (domain.lots.Deciding)."""
        if not self.lots.keys().isdisjoint(streams) or not self.streams.keys().isdisjoint(streams):
            return True
        if not self.presume_new:
            return any(self.reader.stream(name).version for name in streams)
        return self.reader.remembers_any(streams) and any(map(self.reader.remembers, streams))

    def all_stand(self, names: Iterable[str]) -> bool:
        """Whether organisations and products stand (domain.lots.Deciding)."""
        if not self._standing.issuperset(names):
            for name in names:
                if self._stream(name).state is None:
                    return False
                self._standing.add(name)
        return True

    def _stream(self, name: str) -> Stream:
        found = self.streams.get(name) or self._unfolded(name)
        if found is None:
            return self.reader.stream(name)
        return found.stream() if isinstance(found, Chronicle) else found

    def _unfolded(self, name: str) -> Stream | None:
        """The stream that a lot has begun; from now on its event is among what is decided in it."""
        lot = self.lots.pop(name, None)
        if lot is None:
            return None
        draft = lot.within(name)
        self._decided[name] = [draft]
        self.streams[name] = stream = fold([draft.as_recorded()])
        return stream

    def _version(self, name: str) -> int:
        """The version of a stream as the batch leaves it so far; nothing of it is folded for that."""
        known = self._chronicles.get(name) or self.streams.get(name)
        return self._stream(name).version if known is None else known.version

    def chronicle(self, name: str) -> Chronicle:
        """All events of a stream, with what is decided (domain.retractions.Retracting)."""
        found = self._chronicles.get(name)
        if found is None:
            self._unfolded(name)
            found = self.reader.chronicle(name)
            for draft in self._decided.get(name, ()):
                found.append(draft.as_recorded(), draft.causation_id)
            self._chronicles[name] = found
        return found

    def _event(self, identifier: str) -> Recorded | None:
        if identifier not in self._ids:
            return self.reader.event(identifier)
        return self._draft_of(identifier).as_recorded()

    def _draft_of(self, identifier: str) -> Decided:
        return self._ids[identifier].named(identifier)

    def _own_or_recorded(self, identifier: str) -> Recorded | None:
        """The event that this batch or, unless it is presumed new, the ledger has under an id."""
        if self.presume_new and identifier not in self._ids:
            return None
        return self._event(identifier)

    def _begun(self, name: str) -> Stream:
        """The stream that a request is about to begin."""
        return self._stream(name) if not self.presume_new or self.have_begun({name}) else Stream()

    def _take(self, draft: Decided) -> None:
        """Take in the event of one request."""
        (name,), (version,) = draft.streams, draft.versions
        event = draft.as_recorded()
        self._standing.discard(name)
        self.drafts.append(draft)
        self.count += 1
        self._ids[event.id] = draft
        chronicle = self._chronicles.get(name)
        # What is its stream's first event was decided on a stream without any.
        stream = self._stream(name) if version > 1 and chronicle is None else Stream()
        self._touched.append(((name,), self.streams.get(name)))
        self._decided.setdefault(name, []).append(draft)
        if chronicle is not None:
            chronicle.append(event, draft.causation_id)
            self.streams[name] = chronicle
            return
        advanced = advance(stream, event)
        assert advanced is not None  # a retraction has asked for the chronicle
        self.streams[name] = advanced

    def _forget(self, kept: int) -> None:
        """Take back what the requests at hand have brought."""
        gone = self.drafts[kept:]
        del self.drafts[kept:]
        self.count -= sum(map(len, gone))
        for names, stream in reversed(self._touched):
            for name in names:
                self.lots.pop(name, None)
                if stream is None:
                    self.streams.pop(name, None)
                else:
                    self.streams[name] = stream
        for lot in gone:
            for identifier in lot.ids:
                del self._ids[identifier]
            for name, version in zip(lot.streams, lot.versions, strict=True):
                if name in self._chronicles:
                    self._chronicles[name].rewind(version - 1)
                if self._decided.get(name):
                    self._decided[name].pop()
        self._standing.clear()

    def _outcome(self, request: Request) -> Outcome:
        envelope = request.envelope
        if envelope.id is not None:
            recorded_before = self._own_or_recorded(envelope.id)
            if recorded_before is not None:
                return self._replay(request, recorded_before)
        if envelope.known_on is not None and envelope.known_on > self.today:
            raise Invalid.at("/known_on", f"{envelope.known_on} is in the future: today is {self.today} ({self.zone})")
        body = request.body
        if isinstance(body, EventRetracted):
            drafts = self._retract(request, body)
        elif isinstance(body, EventAnnotated):
            target = self.named_event(body.annotates, "/data/annotates")
            drafts = [self.draft(request, target.stream)]
        else:
            drafts = [self._fact(request)]
        self._check_correction(drafts[0])
        return Outcome(drafts=tuple(drafts))

    def _replay(self, request: Request, before: Recorded) -> Outcome:
        stored = before.stored or self._draft_of(before.id).stored(0, "")
        for name, value in request.sent.items():
            if not _says_the_same(value, stored.get(name)):
                message = f"{before.id} is recorded already with another {name}"
                raise Conflict.at(f"/{name}", message)
        if before.type != "event-retracted":
            return Outcome(replayed=(before,))
        return Outcome(replayed=(before, *self.chronicle(before.stream).caused_by(before.id)))

    def draft(self, request: Request, stream: str, known_on: date | None = None, version: int = 0) -> Draft:
        """The event that a request asks for; `version` 0: the next of its stream."""
        envelope = request.envelope
        return Draft(
            type=envelope.type,
            id=envelope.id or self.new_id(),
            stream=stream,
            version=version or self._version(stream) + 1,
            schema_version=request.body.VERSION,
            effective_on=envelope.effective_on,
            known_on=known_on or envelope.known_on or self.today,
            basis=envelope.basis,
            data=dict(request.sent["data"]),
            body=request.body,
            corrects=envelope.corrects,
            source=request.sent.get("source"),
        )

    def _fact(self, request: Request) -> Draft:
        body = request.body
        stream = self._begun(body.stream) if body.BEGINS else self._stream(body.stream)
        draft = self.draft(request, body.stream, version=stream.version + 1)
        self._refuse_unknown(request)
        identity = f"/data/{body.IDENTITY}"
        aggregate = AGGREGATES[body.KIND]
        if body.BEGINS and stream.state is not None:
            raise Rejected.at(identity, f"{draft.stream} is registered already")
        if not body.BEGINS and aggregate.registered and stream.state is None:
            raise Invalid.at(identity, f"unknown {body.KIND} {draft.stream.partition('/')[2]}")
        if stream.withdrawn:
            refuse_earlier(draft, stream.withdrawn)
        aggregate.admit(stream.state, draft)
        data = aggregate.settle(stream.state, draft, self)
        return draft if data is draft.data else replace(draft, data=data)

    def _refuse_unknown(self, request: Request) -> None:
        for mention in request.body.mentions():
            if self._stream(mention.stream).state is None:
                pointer = f"/data{mention.pointer}"
                raise Invalid.at(pointer, f"unknown {mention.kind} {mention.identifier}")

    def named_event(self, identifier: str, pointer: str) -> Recorded:
        """The event that a field names; Invalid where there is none (domain.retractions.Retracting)."""
        found = self._event(identifier)
        if found is None:
            raise Invalid.at(pointer, f"unknown event {identifier}")
        return found

    def _check_correction(self, draft: Draft) -> None:
        retractions.check_correction(self, draft)

    def _retract(self, request: Request, body: EventRetracted) -> list[Draft]:
        return retractions.retract(self, request, body)


def _says_the_same(sent: Any, stored: Any) -> bool:
    """Whether every field sent equals the stored one; what was derived when recording may stand beside."""
    if isinstance(sent, dict):
        if not isinstance(stored, dict):
            return False
        return all(name in stored and _says_the_same(value, stored[name]) for name, value in sent.items())
    if isinstance(sent, list):
        if not isinstance(stored, list) or len(sent) != len(stored):
            return False
        return all(map(_says_the_same, sent, stored))
    return type(sent) is type(stored) and bool(sent == stored)
