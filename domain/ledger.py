"""Deciding requests against the ledger: what is recorded, what is a replay, what is refused."""

from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import replace
from datetime import date
from typing import Any, Protocol

from pydantic import ValidationError

from domain import organizations
from domain.catalogue import AGGREGATES
from domain.chronicles import Chronicle, adrift, as_draft
from domain.errors import Conflict, Invalid, Refusal, Rejected
from domain.events import Believed, Draft, Recorded, Request
from domain.outcomes import AllNew, Decided, Outcome
from domain.periods import parse_day
from domain.plain_drafts import PlainDraft, PlainDrafts
from domain.plain_orders import PlainOrder, PlainOrders
from domain.record import EventAnnotated, EventRetracted
from domain.streams import ABOUT_EVENTS, Stream, advance, fold, kind_of, refuse_earlier


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


#: What a client sends: a plain order, or anything.
Sent = Request | PlainOrder
#: What is known of a stream. A plain order, or the several that it is one of, stands for the stream that it begins, and
#: a chronicle for the stream whose events it has.
Known = Stream | Chronicle | PlainDraft | PlainDrafts


class Interrupted(Exception):
    """A decision was broken off; nothing of it is left in its batch."""


class Batch:
    """Requests decided one after the other, each against the ledger as all before it leave it.

    `today` is the ledger's own date, `new_id` names events whose sender did not. `presume_new`: ids, and streams that
    a request begins, are taken to be new without looking them up. Such a batch may be recorded where nothing of it was
    refused and the store itself refuses all of it if an id or a stream's first version is recorded already; otherwise
    it is to be decided anew without presuming anything.
    """

    def __init__(self, reader: Reader, today: date, new_id: Callable[[], str], *, presume_new: bool = False) -> None:
        self.reader = reader
        self.today = today
        self.new_id = new_id
        self.presume_new = presume_new
        #: Called again and again while requests are decided: raises Interrupted where it has taken long enough.
        self.look_up: Callable[[], None] = lambda: None
        #: How many events are decided so far.
        self.count = 0
        #: The streams touched, as the batch leaves them.
        self.streams: dict[str, Known] = {}
        self._runs: list[Decided | PlainDrafts] = []
        self._ids: dict[str, Decided | PlainDrafts] = {}
        self._decided: dict[str, list[Decided]] = {}
        #: Chronicles asked for so far, with what is decided.
        self._chronicles: dict[str, Chronicle] = {}
        #: Organisations and products that are known to stand.
        self._standing: set[str] = set()
        #: Events that the requests at hand retract by themselves.
        self._named: frozenset[str] = frozenset()

    @property
    def drafts(self) -> list[Decided]:
        """Everything decided so far, in the order in which it is to be recorded."""
        drafts: list[Decided] = []
        for run in self._runs:
            drafts += run if isinstance(run, PlainDrafts) else [run]
        return drafts

    def add(self, requests: Sequence[Sent]) -> Sequence[Outcome]:
        """Decide requests together: all of them, or none (Refusal, with the index of the first refused)."""
        if self.presume_new and isinstance(requests, PlainOrders):
            drafts = self._all_new(requests)
            if drafts is not None:
                return AllNew(drafts)
        kept = len(self._runs)
        self._named = frozenset(
            request.body.retracts
            for request in requests
            if isinstance(request, Request) and isinstance(request.body, EventRetracted)
        )
        touched: list[tuple[str, Known | None]] = []
        outcomes = []
        for index, request in enumerate(requests):
            try:
                self.look_up()
                if isinstance(request, PlainOrder):
                    plain = self._plain(request)
                    if isinstance(plain, Recorded):
                        outcomes.append(Outcome((), (plain,)))
                        continue
                    if plain is not None:
                        self._runs.append(plain)
                        self.count += 1
                        self._ids[plain.id] = self.streams[request.stream] = plain
                        outcomes.append(Outcome((plain,)))
                        continue
                    request = request.request()
                outcome = self._decide(request)
                for draft in outcome.drafts:
                    self.look_up()
                    touched.append((draft.stream, self.streams.get(draft.stream)))
                    self._take(draft)
            except Interrupted:
                self._forget(kept, touched)
                raise
            except Refusal as refusal:
                self._forget(kept, touched)
                refusal.index = index
                raise
            outcomes.append(outcome)
        return outcomes

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

    def knows(self, request: Sent) -> bool:
        """Whether an event is there under the id of a request, which then is a replay, or a conflict."""
        identifier = request.id if isinstance(request, PlainOrder) else request.envelope.id
        return identifier is not None and self._own_or_recorded(identifier) is not None

    def _all_new(self, orders: PlainOrders) -> PlainDrafts | None:
        """Plain orders decided at once where all are presumed new and all that they name stands; None: one by one."""
        ids = [identifier or self.new_id() for identifier in orders.ids]
        distinct, streams = set(ids), set(orders.streams)
        if len(distinct) < len(ids) or len(streams) < len(ids):
            return None
        if not self._ids.keys().isdisjoint(distinct) or not self.streams.keys().isdisjoint(streams):
            return None
        if self.reader.remembers_any(streams) or not self._all_stand(orders.mentioned):
            return None
        if any(known_on is not None and parse_day(known_on) > self.today for known_on in set(orders.known_on)):
            return None
        drafts = PlainDrafts(orders, ids, self.today)
        self._runs.append(drafts)
        self.count += len(ids)
        self._ids.update(dict.fromkeys(ids, drafts))
        self.streams.update(dict.fromkeys(orders.streams, drafts))
        return drafts

    def _all_stand(self, names: Iterable[str]) -> bool:
        """Whether organisations and products stand."""
        if not self._standing.issuperset(names):
            for name in names:
                if self._stream(name).state is None:
                    return False
                self._standing.add(name)
        return True

    def _plain(self, order: PlainOrder) -> PlainDraft | Recorded | None:
        """A plain order decided where it is new and all that it names stands, or the event that it repeats in full.

        None: let the long road look at it.
        """
        identifier, stream = order.id, order.stream
        if stream in self.streams or identifier in self._ids:
            return None
        if identifier is not None and not self.presume_new:
            before = self.reader.event(identifier)
            if before is not None:
                return before if order.is_repeated_by(before) else None
        if not self._all_stand(order.mentions):
            return None
        if self.presume_new:
            if self.reader.remembers(stream):
                return None
        elif self.reader.stream(stream).version:
            return None
        known_on = order.known_on
        if known_on is None:
            known_on = self.today
        elif known_on > self.today:
            return None
        return PlainDraft(order, identifier or self.new_id(), known_on)

    def _stream(self, name: str) -> Stream:
        found = self.streams.get(name)
        if found is None:
            return self.reader.stream(name)
        if isinstance(found, Chronicle):
            return found.stream()
        if isinstance(found, PlainDraft | PlainDrafts):
            found = found if isinstance(found, PlainDraft) else found.beginning(name)
            self._decided[name] = [found]
            self.streams[name] = found = fold([found.as_recorded()])
        return found

    def _version(self, name: str) -> int:
        """The version of a stream as the batch leaves it so far; nothing of it is folded for that."""
        known = self._chronicles.get(name) or self.streams.get(name)
        return self._stream(name).version if known is None else known.version

    def _chronicle(self, name: str) -> Chronicle:
        found = self._chronicles.get(name)
        if found is None:
            if name in self.streams:
                self._stream(name)  # a plain order is among what is decided in its stream from now on
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
        found = self._ids[identifier]
        return found.named(identifier) if isinstance(found, PlainDrafts) else found

    def _own_or_recorded(self, identifier: str) -> Recorded | None:
        """The event that this batch or, unless it is presumed new, the ledger has under an id."""
        if self.presume_new and identifier not in self._ids:
            return None
        return self._event(identifier)

    def _begun(self, name: str) -> Stream:
        """The stream that a request is about to begin."""
        if self.presume_new and name not in self.streams and not self.reader.remembers(name):
            return Stream()
        return self._stream(name)

    def _take(self, draft: Decided) -> None:
        self._standing.discard(draft.stream)
        self._runs.append(draft)
        self.count += 1
        self._ids[draft.id] = draft
        self._decided.setdefault(draft.stream, []).append(draft)
        chronicle = self._chronicles.get(draft.stream)
        if chronicle is not None:
            chronicle.append(draft.as_recorded(), draft.causation_id)
            self.streams[draft.stream] = chronicle
            return
        # What is its stream's first event was decided on a stream without any.
        stream = self._stream(draft.stream) if draft.version > 1 else Stream()
        advanced = advance(stream, draft.as_recorded())
        assert advanced is not None  # whoever retracts has asked for the chronicle
        self.streams[draft.stream] = advanced

    def _forget(self, kept: int, touched: list[tuple[str, Known | None]]) -> None:
        # Requests that are decided at once are never refused: what goes was decided one by one.
        gone = [run for run in self._runs[kept:] if not isinstance(run, PlainDrafts)]
        del self._runs[kept:]
        self.count -= len(gone)
        for name, stream in reversed(touched):
            if stream is None:
                self.streams.pop(name, None)
            else:
                self.streams[name] = stream
        for draft in gone:
            del self._ids[draft.id]
            if draft.stream in self._chronicles:
                self._chronicles[draft.stream].rewind(draft.version - 1)
            if self._decided.get(draft.stream):
                self._decided[draft.stream].pop()
            if isinstance(draft, PlainDraft):
                self.streams.pop(draft.stream, None)
        self._standing.clear()

    def _decide(self, request: Request) -> Outcome:
        envelope = request.envelope
        if envelope.id is not None:
            recorded_before = self._own_or_recorded(envelope.id)
            if recorded_before is not None:
                return self._replay(request, recorded_before)
        if envelope.known_on is not None and envelope.known_on > self.today:
            raise Invalid.at("/known_on", f"{envelope.known_on} is in the future: today is {self.today} (UTC)")
        body = request.body
        if isinstance(body, EventRetracted):
            drafts = self._retract(request, body)
        elif isinstance(body, EventAnnotated):
            target = self._named_event(body.annotates, "/data/annotates")
            drafts = [self._draft(request, target.stream)]
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
        return Outcome(replayed=(before, *self._chronicle(before.stream).caused_by(before.id)))

    def _draft(self, request: Request, stream: str, known_on: date | None = None, version: int = 0) -> Draft:
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
        draft = self._draft(request, body.stream, version=stream.version + 1)
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

    def _named_event(self, identifier: str, pointer: str) -> Recorded:
        found = self._event(identifier)
        if found is None:
            raise Invalid.at(pointer, f"unknown event {identifier}")
        return found

    def _check_correction(self, draft: Draft) -> None:
        if draft.corrects is None:
            return
        target = self._named_event(draft.corrects, "/corrects")
        retraction = self._chronicle(target.stream).retraction_of(target.id)
        if retraction is None:
            raise Rejected.at("/corrects", f"{target.id} stands: retract it before recording what replaces it")
        if draft.known_on < retraction.known_on:
            message = f"{draft.known_on} is before {target.id} was retracted, {retraction.known_on}"
            raise Invalid.at("/known_on", message)

    def _retract(self, request: Request, body: EventRetracted) -> list[Draft]:
        target = self._named_event(body.retracts, "/data/retracts")
        if target.type == "event-retracted":
            raise Rejected.at("/data/retracts", f"{target.id} is a retraction, which cannot be retracted")
        given = request.envelope.known_on
        if given is not None and given < target.known_on:
            raise Invalid.at("/known_on", f"{given} is before {target.id} was known, {target.known_on}")
        chronicle = self._chronicle(target.stream)
        if chronicle.retraction_of(target.id) is not None:
            raise Rejected.at("/data/retracts", f"{target.id} is retracted already")
        first = self._draft(request, target.stream, given or target.known_on)
        drafts = [first]
        if target.type == "order-placed":
            # What the client retracts itself, in the same batch, needs no retraction of ours.
            later = [event for event in chronicle.standing(target.version) if event.id not in self._named]
            # Of a placing that was never true nothing that followed was ever true either.
            told_on = first.known_on if first.known_on > target.known_on else date.min
            drafts += [self._retract_along(first, told_on, event, n) for n, event in enumerate(later, start=1)]
        elif target.type not in ABOUT_EVENTS:
            self._refuse_if_built_on(target, chronicle)
        return drafts

    def _retract_along(self, first: Draft, told_on: date, event: Recorded, place: int) -> Draft:
        data = {"retracts": event.id, "reason": first.data["reason"]}
        return replace(
            first,
            id=self.new_id(),
            version=first.version + place,
            known_on=max(told_on, event.known_on),
            data=data,
            body=EventRetracted.model_validate(data),
            corrects=None,
            causation_id=first.id,
        )

    def _refuse_if_built_on(self, target: Recorded, chronicle: Chronicle) -> None:
        """Rejected where the events that would remain could not have been recorded without the target."""
        if not chronicle.can_spare(target):
            _refuse_if_missed(target, chronicle.standing())
        if kind_of(target.stream) == "organization":
            organizations.refuse_circles(target, chronicle.state_without(target), self, "/data/retracts")


def _refuse_if_missed(target: Recorded, standing: Iterable[Recorded]) -> None:
    """Rejected for the first event that could not have been recorded where it stands without the target."""
    aggregate = AGGREGATES[kind_of(target.stream)]
    state = None
    for event in standing:
        if event.id == target.id:
            continue
        builds = f"{event.id} ({event.type}) builds on {target.id}"
        if adrift(state, event):
            if event.version > target.version:
                raise Rejected.at("/data/retracts", builds)
            continue
        if event.version > target.version:
            try:
                aggregate.admit(state, as_draft(event))
            except ValidationError:
                pass  # recorded under an older rule: nothing of today's can be said of it
            except Refusal as refusal:
                raise Rejected.at("/data/retracts", f"{builds}: {refusal.problems[0].message}") from None
        state = aggregate.apply(state, event)


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
