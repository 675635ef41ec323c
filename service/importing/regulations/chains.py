"""Which instrument a row belongs to: the history that grows row by row, from the ledger and from the file.

A row whose kind begins an instrument begins its own, named by its event_id. A row that changes one belongs to the
instrument that the column `regulation_id` names, or else to the first that one of these finds, among those of its
jurisdiction that began no later and are not repealed:

1. cited: its citation, document number or "Announcement N" stands in the row's title or scope;
2. named after: its event_id, without a number at the end, begins the row's (US-2025-AFFIL, US-2025-AFFIL-STAY);
3. control number: both name one such as 3A090; the instrument that did so first;
4. product (licences alone): both name one such as H20; the latest instrument;
5. destinations (rows that say "adds"): the latest instrument of the same authority that has destinations;
6. attribute: both speak of a technical attribute such as TPP; the instrument that did so first.
"""

import json
import re
from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from operator import attrgetter
from typing import Any

from domain.events import Recorded
from domain.instruments import BEARING_RULES, REPEALED, counting_order
from domain.periods import parse_day, parse_period
from service.importing.regulations.rows import PREFIX, RegulationRow
from service.importing.regulations.thresholds import attributes_in

CONTROL_NUMBER = re.compile(r"\b\d[A-E]\d{3}")
ANNOUNCEMENT = re.compile(r"\bAnnouncement (?:\d{4} )?(?:No\. ?)?(\d+)")
MODEL = re.compile(r"\b[A-Z]{1,4}\d{2,4}[A-Z]?\b")
DESTINATIONS = re.compile(r"\bdestinations?\b")
NUMBER_AT_THE_END = re.compile(r"-\d+$")
ADDS = re.compile(r"adds\s", re.IGNORECASE)
#: A citation shorter than this is a word that could stand anywhere.
SHORTEST_CITATION = 6
#: Fewer parts could be the beginning of anybody's id: US-2025.
FEWEST_PARTS = 3
ENDS_OF_BEGINNINGS = re.compile(":|$")
#: Sorts what is about to be recorded behind what is.
UPCOMING = 2**62


@dataclass(slots=True)
class Words:
    """What words name by which instruments are found."""

    announcements: set[str] = field(default_factory=set)
    controls: set[str] = field(default_factory=set)
    models: set[str] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)
    destinations: bool = False

    def hear(self, text: str) -> None:
        """Take in further words."""
        self.announcements.update(ANNOUNCEMENT.findall(text))
        self.controls.update(CONTROL_NUMBER.findall(text))
        self.models.update(MODEL.findall(text))
        self.attributes |= attributes_in(text)
        self.destinations = self.destinations or DESTINATIONS.search(text) is not None


@dataclass(slots=True)
class InstrumentChain:
    """One instrument: its events so far, recorded or about to be, and what the words said of it name."""

    regulation_id: str
    jurisdiction: str
    authority: str
    began_on: date
    #: Row ids, citations and document numbers by which other rows may name it.
    row_ids: list[str] = field(default_factory=list)
    citations: list[str] = field(default_factory=list)
    words: Words = field(default_factory=Words)
    events: list[Recorded] = field(default_factory=list)
    repealed: bool = False
    #: All that was recorded of it is retracted.
    void: bool = False
    _standing: dict[str, Recorded] = field(init=False, default_factory=dict)
    #: Those of them that repeal it, by id, and the grants of each licence.
    _standing_repeals: set[str] = field(init=False, default_factory=set)
    _standing_grants: defaultdict[str, dict[str, Recorded]] = field(
        init=False, default_factory=lambda: defaultdict(dict)
    )
    #: When a retraction of an event was known, by the event's id.
    _gone: dict[str, date] = field(init=False, default_factory=dict)
    #: Enactments and amendments in the order in which they count.
    _bearing: list[Recorded] = field(init=False, default_factory=list)
    #: Events by all beginnings of their ids by which they are asked for.
    _by_beginning: defaultdict[str, list[Recorded]] = field(init=False, default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        for event in self.events:
            self._index(event)

    @property
    def stream(self) -> str:
        """The instrument's stream."""
        return f"regulation/{self.regulation_id}"

    @property
    def open(self) -> bool:
        """Whether changes of it can be recorded."""
        return not self.repealed and not self.void

    def take(self, sent: Mapping[str, Any], today: date) -> None:
        """Take in an event that is about to be recorded."""
        event = Recorded(
            type=sent["type"],
            id=sent["id"],
            stream=self.stream,
            position=UPCOMING + len(self.events),
            version=len(self.events) + 1,
            effective_on=parse_period(sent["effective_on"]),
            known_on=parse_day(sent["known_on"]) if "known_on" in sent else today,
            basis=sent["basis"],
            data=sent["data"],
        )
        self.events.append(event)
        self._index(event)

    def _index(self, event: Recorded) -> None:
        for end in ENDS_OF_BEGINNINGS.finditer(event.id):
            self._by_beginning[event.id[: end.start()]].append(event)
        if event.type == "event-retracted":
            retracted = event.data["retracts"]
            self._gone[retracted] = min(event.known_on, self._gone.get(retracted, event.known_on))
            self._fall(retracted)
        elif event.type != "event-annotated" and event.id not in self._gone:
            self._stand(event)
        if event.type in BEARING_RULES:
            insort(self._bearing, event, key=counting_order)

    def _stand(self, event: Recorded) -> None:
        self._standing[event.id] = event
        if event.type == REPEALED:
            self._standing_repeals.add(event.id)
        if "licence_id" in event.data:
            self._standing_grants[event.data["licence_id"]][event.id] = event

    def _fall(self, event_id: str) -> None:
        event = self._standing.pop(event_id, None)
        if event is not None:
            self._standing_repeals.discard(event_id)
            self._standing_grants[event.data.get("licence_id", "")].pop(event_id, None)

    def hear(self, change: RegulationRow) -> None:
        """Take in the words of a row that belongs here."""
        self.row_ids.append(change.row_id)
        self.citations += filter(None, (change.citation, change.document))
        self.words.hear(change.text)
        self.repealed = self.repealed or change.role == "repeals"

    def standing(self) -> Collection[Recorded]:
        """Its events without those that are retracted, and without retractions and annotations."""
        return self._standing.values()

    def is_repealed(self) -> bool:
        """Whether one of them repeals it."""
        return bool(self._standing_repeals)

    def grants(self, licence_id: str) -> Collection[Recorded]:
        """Those of them that grant a licence."""
        return self._standing_grants.get(licence_id, {}).values()

    def is_retracted(self, event: Recorded) -> bool:
        """Whether an event is."""
        return event.id in self._gone

    def beginning(self, identifier: str) -> Sequence[Recorded]:
        """The events with this id, or with this id, a colon and more, in order."""
        return self._by_beginning.get(identifier, ())

    def bearing(self, day: date) -> Iterator[Recorded]:
        """Enactments and amendments that count by a day, the one that decides first; those retracted among them."""
        for place in range(bisect_right(self._bearing, day, key=attrgetter("ends_on")) - 1, -1, -1):
            yield self._bearing[place]

    def rules_before(self, change: RegulationRow) -> Sequence[Mapping[str, Any]]:
        """The rules in effect on the day that a change applies, without the change, as known when it was settled."""
        own, settled_on = f"{change.event_id}:", change.settled_on
        for event in self.bearing(change.end):
            if event.known_on > settled_on or f"{event.id}:".startswith(own):
                continue
            gone_on = self._gone.get(event.id)
            if gone_on is None or gone_on > settled_on:
                return tuple(event.data["rules"])
        return ()


def chain_of(events: Sequence[Recorded]) -> InstrumentChain:
    """The chain of an instrument that the ledger has, from all events of its stream."""
    begun = next(event for event in events if event.type == "regulation-enacted")
    ids = [event.id.removeprefix(f"{PREFIX}:").partition(":")[0] for event in events if event.id.startswith(PREFIX)]
    chain = InstrumentChain(
        regulation_id=begun.data["regulation_id"],
        jurisdiction=begun.data["jurisdiction"],
        authority=begun.data["authority"],
        began_on=begun.known_on,
        row_ids=list(dict.fromkeys(ids)),
        events=list(events),
    )
    chain.citations = [citation for event in events for citation in citations_of(event)]
    for event in events:
        chain.words.hear(json.dumps(dict(event.data), ensure_ascii=False))
    chain.repealed = chain.is_repealed()
    chain.void = not chain.standing()
    return chain


def citations_of(event: Recorded) -> set[str]:
    """What an event cites, in its data and as its source."""
    source = event.stored.get("source") if event.stored is not None else None
    cited = [event.data.get("citation"), source.get("citation") if source else None]
    return {citation for citation in cited if citation}


def belongs_to(change: RegulationRow, chains: Iterable[InstrumentChain]) -> InstrumentChain | None:
    """The instrument that a row changes, by the rules above; `chains` in the order in which they began to be known."""
    candidates = [
        chain
        for chain in chains
        if chain.jurisdiction == change.jurisdiction and chain.began_on <= change.known_on and chain.open
    ]
    for rule in RULES:
        found = rule(change, candidates)
        if found is not None:
            return found
    return None


def attribute_sharing(change: RegulationRow, candidates: Sequence[InstrumentChain]) -> InstrumentChain | None:
    """The first to speak of a technical attribute that the row speaks of."""
    attributes = attributes_in(change.text)
    return next((chain for chain in candidates if attributes & chain.words.attributes), None)


def _cited(change: RegulationRow, candidates: Sequence[InstrumentChain]) -> InstrumentChain | None:
    announcements = set(ANNOUNCEMENT.findall(change.text))
    for chain in reversed(candidates):
        if announcements & chain.words.announcements or any(_cites(change.text, one) for one in set(chain.citations)):
            return chain
    return None


def _cites(text: str, citation: str) -> bool:
    """Whether a citation stands in a text by itself, not within a longer word."""
    if len(citation) < SHORTEST_CITATION or citation not in text:
        return False
    return re.search(rf"(?<!\w){re.escape(citation)}(?!\w)", text) is not None


def _named_after(change: RegulationRow, candidates: Sequence[InstrumentChain]) -> InstrumentChain | None:
    stems = [(_stem(row_id), chain) for chain in candidates for row_id in chain.row_ids]
    fitting = [
        (len(stem), -place)
        for place, (stem, _) in enumerate(stems)
        if stem.count("-") >= FEWEST_PARTS - 1 and change.row_id.startswith(f"{stem}-")
    ]
    return stems[-max(fitting)[1]][1] if fitting else None


@lru_cache(maxsize=10_000)
def _stem(row_id: str) -> str:
    stem = NUMBER_AT_THE_END.sub("", row_id)
    return stem if stem.count("-") >= FEWEST_PARTS - 1 else row_id


def _controlled(change: RegulationRow, candidates: Sequence[InstrumentChain]) -> InstrumentChain | None:
    numbers = set(CONTROL_NUMBER.findall(change.text))
    return next((chain for chain in candidates if numbers & chain.words.controls), None)


def _licensed(change: RegulationRow, candidates: Sequence[InstrumentChain]) -> InstrumentChain | None:
    if change.role != "licenses":
        return None
    models = set(MODEL.findall(change.text))
    return next((chain for chain in reversed(candidates) if models & chain.words.models), None)


def _extended(change: RegulationRow, candidates: Sequence[InstrumentChain]) -> InstrumentChain | None:
    if not ADDS.match(change.scope):
        return None
    own = [chain for chain in candidates if chain.authority == change.authority and chain.words.destinations]
    return own[-1] if own else None


RULES: tuple[Callable[[RegulationRow, Sequence[InstrumentChain]], InstrumentChain | None], ...] = (
    _cited,
    _named_after,
    _controlled,
    _licensed,
    _extended,
    attribute_sharing,
)
