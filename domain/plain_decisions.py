"""Deciding a lot of plain requests: all at once where nothing is known of them, and one by one where something is."""

from collections.abc import Iterable, Sequence, Set
from datetime import date
from typing import Protocol

from domain.errors import Refusal
from domain.events import Recorded, Request
from domain.lots import Decided, Deciding, Outcome
from domain.periods import parse_day


class PlainLot(Protocol):
    """Plain requests of one type, each of which begins a stream of its own."""

    @property
    def ids(self) -> tuple[str | None, ...]:
        """The id of each; None: to be named by the ledger."""

    @property
    def streams(self) -> tuple[str, ...]:
        """The stream of each."""

    @property
    def known_on(self) -> tuple[str | None, ...]:
        """The day on which each was known, as it was sent."""

    @property
    def mentions(self) -> tuple[tuple[str, ...], ...]:
        """The streams that must stand for each."""

    @property
    def mentioned(self) -> Set[str]:
        """All of them."""

    def part(self, first: int, end: int) -> "PlainLot":
        """Those from one place up to another."""

    def request(self, place: int) -> Request:
        """One of them as it goes where it is decided by all rules."""

    def is_repeated_by(self, place: int, event: Recorded) -> bool:
        """Whether the recorded event of its id says all that one of them says."""

    def drafts(self, ids: tuple[str, ...], today: date) -> Decided:
        """They are decided, under these ids."""


def decide(lot: PlainLot, batch: Deciding) -> Sequence[Outcome]:
    """What becomes of plain requests, in order; raises Refusal, with the index of the first that is refused."""
    if batch.presume_new and len(lot.ids) > 1:
        drafts = _all_new(lot, batch)
        if drafts is not None:
            return [batch.take(drafts)]
    outcomes = []
    for place in range(len(lot.ids)):
        batch.look_up()
        try:
            outcomes.append(_one(lot, place, batch) or batch.decide(lot.request(place)))
        except Refusal as refusal:
            refusal.index = place
            raise
    return outcomes


def _all_new(lot: PlainLot, batch: Deciding) -> Decided | None:
    """All of them decided at once, where all are new and all that they name stands; None: not all are."""
    given, streams = [identifier for identifier in lot.ids if identifier is not None], set(lot.streams)
    distinct = set(given)
    if len(distinct) < len(given) or len(streams) < len(lot.ids):
        return None
    if batch.have_recorded(distinct) or batch.have_begun(streams) or not batch.all_stand(lot.mentioned):
        return None
    if _are_ahead(set(lot.known_on), batch.today):
        return None
    return lot.drafts(tuple([identifier or batch.new_id() for identifier in lot.ids]), batch.today)


def _one(lot: PlainLot, place: int, batch: Deciding) -> Outcome | None:
    """What becomes of one that is new, or repeated in full; None: let all rules look at it."""
    identifier, stream = lot.ids[place], lot.streams[place]
    if identifier is not None:
        if batch.have_recorded({identifier}):
            return None
        before = batch.recorded_before(identifier)
        if before is not None:
            return Outcome(replayed=(before,)) if lot.is_repeated_by(place, before) else None
    if not batch.all_stand(lot.mentions[place]) or batch.have_begun({stream}):
        return None
    if _are_ahead((lot.known_on[place],), batch.today):
        return None
    return batch.take(lot.part(place, place + 1).drafts((identifier or batch.new_id(),), batch.today))


def _are_ahead(days: Iterable[str | None], today: date) -> bool:
    return any(day is not None and parse_day(day) > today for day in days)
