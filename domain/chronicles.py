"""All events of one stream, and what of it stands, kept up event by event."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from heapq import heapify, heappop, heappush
from typing import Any, NamedTuple

from pydantic import ValidationError

from domain.catalogue import AGGREGATES, EVENT_TYPES, Aggregate
from domain.errors import Refusal
from domain.events import Draft, Recorded
from domain.reliance import NoReliance, Reliance
from domain.streams import ABOUT_EVENTS, Stream, brings, kind_of

#: The state is not known and must be folded when somebody asks for it.
_STALE = object()


class _Before(NamedTuple):
    """What an event found, and is found again when it is taken back."""

    event: Recorded
    causation_id: str | None
    version: int
    state: Any
    begun_at: int | None
    withdrawn: Mapping[str, date]
    #: The event that it took out.
    gone: Recorded | None
    #: Whether that was believed for a time.
    believed: bool


class Chronicle:
    """All events of one stream, indexed for decisions about events: what a retraction asks for costs next to nothing.

    It says of its stream exactly what `domain.streams.fold` says of the same events. What is appended can be taken back
    up to where the chronicle was last settled.
    """

    def __init__(self, events: Iterable[Recorded] = ()) -> None:
        """From all events of a stream so far."""
        self.version = 0
        #: The events that stand, by version; about events none.
        self._facts: dict[int, Recorded] = {}
        #: The same, by id.
        self._versions: dict[str, int] = {}
        #: Versions that may stand, the last first (negative).
        self._last: list[int] = []
        #: What retracts an event, by the event's id.
        self._retractions: dict[str, Recorded] = {}
        #: By the id of the event that brought them about, and by version.
        self._caused: dict[str, dict[int, Recorded]] = {}
        #: The version of what began the stream; None: nothing that stands did.
        self._begun_at: int | None = None
        self._withdrawn: Mapping[str, date] = {}
        #: (version, event, the day on which it was to be forgotten), in the order of versions.
        self._believed: list[tuple[int, Recorded, date]] = []
        self._state: Any = None
        self._stream: Stream | None = None
        #: Made when it is first asked for, at this version, and up to which it has no answer.
        self._reliance: Reliance | None = None
        self._relied_at = 0
        self._unsound_up_to = 0
        self._unsettled: list[_Before] = []
        self._aggregate: Aggregate | None = None
        self._read(events)
        self._state = _STALE if self._facts else None

    def know(self, state: Any) -> None:
        """Take over the state that its events make, which it then need not fold."""
        self._state = state

    def _read(self, events: Iterable[Recorded]) -> None:
        retracted: list[Recorded] = []
        for event in events:
            self.version = event.version
            causation_id = (event.stored or {}).get("causation_id")
            # What it says beside its data is looked up by id where it is wanted.
            event = replace(event, stored=None)
            if causation_id is not None:
                self._caused.setdefault(causation_id, {})[event.version] = event
            if event.type == "event-retracted":
                retracted.append(event)
            elif event.type not in ABOUT_EVENTS:
                self._stand(event)
        for retraction in retracted:
            self._take_out(retraction)
        begins = [version for version, event in self._facts.items() if EVENT_TYPES[event.type].BEGINS]
        self._begun_at = min(begins, default=None)
        self._last = [-version for version in self._facts]
        heapify(self._last)

    # What decisions ask for

    def stream(self) -> Stream:
        """The stream as decisions see it."""
        if self._stream is None:
            believed = tuple((event, day) for _, event, day in self._believed)
            self._stream = Stream(self.version, self.state, self._withdrawn or None, believed)
        return self._stream

    @property
    def state(self) -> Any:
        """The state of the stream; None: nothing of it stands."""
        if self._state is _STALE:
            self._state = self._fold(self.standing())
        return self._state

    @property
    def is_folded(self) -> bool:
        """Whether its state is known without folding it."""
        return self._state is not _STALE

    def state_without(self, target: Recorded) -> Any:
        """The state as it would be if an event that stands were retracted."""
        state = self._less(self._state, target, alone=len(self._facts) == 1)
        if state is _STALE:
            state = self._fold([event for event in self.standing() if event.version != target.version])
        return state

    def retraction_of(self, identifier: str) -> Recorded | None:
        """What retracts an event."""
        return self._retractions.get(identifier)

    def caused_by(self, identifier: str) -> list[Recorded]:
        """The events that one brought about, in the order of their versions."""
        return list(self._caused.get(identifier, {}).values())

    def standing(self, after: int = 0) -> list[Recorded]:
        """The events behind a version that are not retracted, in the order of their versions; about events none."""
        return [self._facts[version] for version in sorted(self._facts) if version > after]

    def can_spare(self, target: Recorded) -> bool:
        """Whether what stands behind an event could certainly have been recorded without it; False: not certain."""
        while self._last and -self._last[0] not in self._facts:
            heappop(self._last)
        if not self._last or -self._last[0] <= target.version:
            return True
        if EVENT_TYPES[target.type].BEGINS or self._is_adrift(target):
            return False
        assert self._aggregate is not None
        if self._aggregate.reliance is NoReliance:
            return True
        reliance = self._reliance or self._rely()
        if self._unsound_up_to > target.version or not reliance.spare(target):
            return False
        reliance.restore(target)
        return True

    # Keeping up

    def append(self, event: Recorded, causation_id: str | None = None) -> None:
        """Take in the next event of the stream."""
        before = _Before(
            event, causation_id, self.version, self._state, self._begun_at, self._withdrawn, None, believed=False
        )  # fmt: skip
        self._stream = None
        self.version = event.version
        if causation_id is not None:
            self._caused.setdefault(causation_id, {})[event.version] = event
        if event.type == "event-retracted":
            gone, believed = self._take_out(event)
            before = before._replace(gone=gone, believed=believed)
        elif event.type not in ABOUT_EVENTS:
            self._stand(event)
            if self._state is not _STALE:
                self._state = AGGREGATES[kind_of(event.stream)].apply(self._state, event)
            if self._reliance is not None:
                self._reliance.add(event)
        self._unsettled.append(before)

    def settle(self, positions: Mapping[str, int]) -> None:
        """What was appended is recorded, at these positions by id: it is not taken back any more."""
        for before in self._unsettled:
            event = replace(before.event, position=positions[before.event.id])
            if event.version in self._facts:
                self._facts[event.version] = event
            elif event.type == "event-retracted":
                self._retractions[event.data["retracts"]] = event
            if before.causation_id is not None:
                self._caused[before.causation_id][event.version] = event
        self._unsettled.clear()

    def rewind(self, version: int | None = None) -> None:
        """Take back what was appended behind a version, or since the chronicle was settled."""
        while self._unsettled and (version is None or self.version > version):
            before = self._unsettled.pop()
            event = before.event
            self._stream = None
            if event.version <= self._relied_at:
                self._reliance = None
            if before.causation_id is not None:
                del self._caused[before.causation_id][event.version]
            if event.type == "event-retracted":
                del self._retractions[event.data["retracts"]]
                if before.gone is not None:
                    self._put_back(before.gone, believed=before.believed)
            elif event.type not in ABOUT_EVENTS:
                del self._facts[event.version]
                del self._versions[event.id]
                if self._reliance is not None:
                    self._reliance.drop(event)
            self.version, self._state, self._begun_at = before.version, before.state, before.begun_at
            self._withdrawn = before.withdrawn

    def _stand(self, event: Recorded) -> None:
        self._aggregate = self._aggregate or AGGREGATES[kind_of(event.stream)]
        self._facts[event.version] = event
        self._versions[event.id] = event.version
        heappush(self._last, -event.version)
        if self._begun_at is None and EVENT_TYPES[event.type].BEGINS:
            self._begun_at = event.version

    def _take_out(self, retraction: Recorded) -> tuple[Recorded | None, bool]:
        """Without what a retraction names: the event that is gone, and whether it was believed for a time."""
        self._retractions[retraction.data["retracts"]] = retraction
        version = self._versions.pop(retraction.data["retracts"], None)
        if version is None:
            return None, False
        gone = self._facts.pop(version)
        self._state = self._less(self._state, gone, alone=not self._facts)
        if version == self._begun_at:
            self._begun_at = self._reliance = None
        elif self._reliance is not None and not self._is_adrift(gone) and not self._reliance.spare(gone):
            self._reliance = None
        believed = retraction.known_on > gone.known_on
        if believed:
            insort(self._believed, (version, gone, retraction.known_on), key=_version_of)
            later = {
                key: max(self._withdrawn.get(key, retraction.known_on), retraction.known_on)
                for key in brings(gone.type, gone.data)
            }
            if later:
                self._withdrawn = {**self._withdrawn, **later}
        return gone, believed

    def _put_back(self, event: Recorded, *, believed: bool) -> None:
        self._stand(event)
        if believed:
            del self._believed[bisect_left(self._believed, event.version, key=_version_of)]
        if self._reliance is not None:
            if EVENT_TYPES[event.type].BEGINS:
                self._reliance = None
            elif not self._is_adrift(event):
                self._reliance.restore(event)

    def _less(self, state: Any, gone: Recorded, *, alone: bool) -> Any:
        """A state without an event that stood; stale where it must be folded."""
        if alone or state is None:
            return None
        if self._is_adrift(gone):
            return state
        if state is _STALE or EVENT_TYPES[gone.type].BEGINS:
            return _STALE
        assert self._aggregate is not None
        less = self._aggregate.without(state, gone)
        return _STALE if less is None else less

    def _fold(self, standing: Iterable[Recorded]) -> Any:
        state = None
        for event in standing:
            if not adrift(state, event):
                state = AGGREGATES[kind_of(event.stream)].apply(state, event)
        return state

    def _is_adrift(self, event: Recorded) -> bool:
        if EVENT_TYPES[event.type].BEGINS or not AGGREGATES[kind_of(event.stream)].registered:
            return False
        return self._begun_at is None or event.version < self._begun_at

    def _rely(self) -> Reliance:
        """What the events that stand rely on, all of them read once more under today's rules."""
        assert self._aggregate is not None
        reliance, state = self._aggregate.reliance(), None
        self._reliance, self._relied_at, self._unsound_up_to = reliance, self.version, 0
        for event in self.standing():
            if adrift(state, event):
                self._unsound_up_to = event.version
                continue
            try:
                self._aggregate.admit(state, as_draft(event))
            except ValidationError:
                pass  # recorded under an older rule: nothing of today's can be said of it
            except Refusal:
                self._unsound_up_to = event.version
            state = self._aggregate.apply(state, event)
            reliance.add(event)
        return reliance


def adrift(state: Any, event: Recorded) -> bool:
    """Whether an event stands on nothing: what began its stream is retracted, and its own retraction is to follow."""
    registered = AGGREGATES[kind_of(event.stream)].registered
    return state is None and registered and not EVENT_TYPES[event.type].BEGINS


def _version_of(entry: tuple[int, Recorded, date]) -> int:
    return entry[0]


def as_draft(event: Recorded) -> Draft:
    """A recorded event as it was decided; ValidationError where it was recorded under an older rule."""
    body = EVENT_TYPES[event.type].model_validate(event.data)
    return Draft(
        type=event.type,
        id=event.id,
        stream=event.stream,
        version=event.version,
        schema_version=body.VERSION,
        effective_on=event.effective_on,
        known_on=event.known_on,
        basis=event.basis,
        data=dict(event.data),
        body=body,
    )
