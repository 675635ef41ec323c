"""What a comparison with an extract comes to, written as events of the extract's day."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from domain.events import Recorded
from service.importing.names import event_id
from service.importing.orders.mapping import OrderMapping
from service.importing.plans import Entry

#: What becomes of orders that an extract lacks.
Missing = Literal["report", "cancel"]


@dataclass(frozen=True, slots=True)
class ExtractTerms:
    """What an extract says of all its orders, and what is to be made of differences."""

    as_of: date
    #: Begins the ids of all events.
    prefix: str
    #: What every event says besides its dates: basis and source.
    envelope: Mapping[str, Any]
    missing: Missing
    #: What differs has always been as the extract has it.
    correct: bool
    #: Whether rows say what has arrived, what that came to, and on which day.
    arrivals: bool
    payments: bool
    dated: bool
    #: Whether they say who gets how much of a joint order.
    joint: bool

    @classmethod
    def of(
        cls, mapping: OrderMapping, envelope: Mapping[str, Any], as_of: date, missing: Missing, *, correct: bool
    ) -> "ExtractTerms":
        """By what a mapping reads."""
        receipt = mapping.receipt
        return cls(
            as_of,
            mapping.name,
            envelope,
            missing,
            correct,
            receipt is not None,
            receipt is not None and receipt.amount is not None,
            receipt is not None and receipt.to_date is None,
            mapping.buyer.per_line == "allocation",
        )


class FactWriter:
    """Writes what is to be recorded in one stream, under ids that it does not have yet."""

    def __init__(
        self, terms: ExtractTerms, subject: tuple[str, ...], row: int, taken: Collection[str], known_on: date
    ) -> None:
        """`subject`: what the ids say the events are about; `taken`: the stream's ids; `known_on`: no day before it."""
        self._terms = terms
        self._subject = subject
        self._row = row
        self._taken = set(taken)
        self._known_on = max(terms.as_of, known_on)
        self.entries: list[Entry] = []

    def add(
        self,
        kind: str,
        name: Iterable[str],
        data: Mapping[str, Any],
        *,
        row: int | None = None,
        corrects: str | None = None,
    ) -> None:
        """A fact of the day."""
        sent = {
            "type": kind,
            "id": self._fresh((*self._subject, self._terms.as_of.isoformat(), *name)),
            "effective_on": self._terms.as_of.isoformat(),
            "known_on": self._known_on.isoformat(),
            **self._terms.envelope,
            **({"corrects": corrects} if corrects is not None else {}),
            "data": data,
        }
        self._put(sent, row)

    def retract(self, event: Recorded, reason: str, row: int | None = None) -> None:
        """That an event was wrong, as one knows since the day."""
        known_on = max(self._known_on, event.known_on)
        sent = {
            "type": "event-retracted",
            "id": self._fresh((*self._subject, self._terms.as_of.isoformat(), "retracted")),
            "effective_on": self._terms.as_of.isoformat(),
            "known_on": known_on.isoformat(),
            **self._terms.envelope,
            "data": {"retracts": event.id, "reason": reason},
        }
        self._put(sent, row)

    def again(
        self, event: Recorded, data: Mapping[str, Any], effective_on: str, *, changed: bool, row: int | None = None
    ) -> None:
        """What stands in the place of an event that was retracted: itself, or what it should have said."""
        source = (event.stored or {}).get("source")
        own: Mapping[str, Any] = {"basis": event.basis, **({"source": source} if source is not None else {})}
        sent = {
            "type": event.type,
            "id": self._fresh((*self._subject, self._terms.as_of.isoformat(), "corrected")),
            "effective_on": effective_on,
            "known_on": max(self._known_on, event.known_on).isoformat(),
            **(self._terms.envelope if changed else own),
            "corrects": event.id,
            "data": data,
        }
        self._put(sent, row)

    def take(self, entry: Entry, not_before: date) -> None:
        """An event as an import would record it; known on the day of the extract where rows say no other."""
        sent = dict(entry.sent)
        if sent["id"] in self._taken:
            sent["id"] = self._fresh((*self._subject, self._terms.as_of.isoformat(), "again"))
        self._taken.add(sent["id"])
        known_on = date.fromisoformat(sent["known_on"]) if "known_on" in sent else self._known_on
        sent["known_on"] = max(known_on, not_before).isoformat()
        self.entries.append(Entry(entry.line, entry.row, sent))

    def _put(self, sent: Mapping[str, Any], row: int | None) -> None:
        self.entries.append(Entry(self._row if row is None else row, self._subject[-1], sent))

    def _fresh(self, parts: tuple[str, ...]) -> str:
        """An id that the stream does not have: an extract of a day may come again, with something else in it."""
        number, found = 1, event_id(self._terms.prefix, *parts)
        while found in self._taken:
            number += 1
            found = event_id(self._terms.prefix, *parts, str(number))
        self._taken.add(found)
        return found
