"""Organisations of an extract compared with the ledger: what is different about each since the extract's day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from domain.events import Recorded
from domain.streams import ABOUT_EVENTS, fold
from domain.values import UNKNOWN_COUNTRY
from service.importing.orders.extracts.known import begun_by
from service.importing.orders.extracts.writing import ExtractTerms, FactWriter
from service.importing.plans import Entry

FIELDS = ("name", "country", "parent_id")


@dataclass(frozen=True, slots=True)
class NamedOrganization:
    """An organisation as an extract has it."""

    organization_id: str
    row: int
    data: Mapping[str, Any]
    #: Whether rows say what it is called apart from its id, and who owns it.
    says_name: bool
    says_owner: bool

    def says(self) -> dict[str, Any]:
        """What it says of the fields that can change."""
        said = {}
        if self.says_name:
            said["name"] = self.data["name"]
        if self.data["country"] != UNKNOWN_COUNTRY:
            said["country"] = self.data["country"]
        if self.says_owner:
            said["parent_id"] = self.data.get("parent_id")
        return said


def changes(terms: ExtractTerms, history: Sequence[Recorded], named: NamedOrganization) -> list[Entry]:
    """What is different about an organisation that the ledger has, oldest first."""
    retracted = {event.data["retracts"] for event in history if event.type == "event-retracted"}
    facts = [event for event in history if event.type not in ABOUT_EVENTS and event.id not in retracted]
    if not facts or facts[0].type != "organization-registered":
        return []
    counted = [facts[0], *(event for event in facts[1:] if begun_by(event, terms.as_of))]
    counted.sort(key=lambda event: (event is not facts[0], event.ends_on, event.known_on, event.version))
    now = {name: event.data[name] for event in counted for name in FIELDS if name in event.data}
    change = {name: value for name, value in named.says().items() if now.get(name) != value}
    if not change:
        return []
    withdrawn = (fold(history).withdrawn or {}).values()
    known_on = max([facts[0].known_on, *withdrawn], default=date.min)
    ids = {event.id for event in history}
    subject = ("organization", named.organization_id)
    writer = FactWriter(terms, subject, named.row, ids, known_on)
    if terms.correct:
        _correct(writer, terms, facts, counted, change)
    else:
        writer.add("organization-changed", ("changed",), {"organization_id": named.organization_id, **change})
    return writer.entries


def _correct(
    writer: FactWriter,
    terms: ExtractTerms,
    facts: Sequence[Recorded],
    counted: Sequence[Recorded],
    change: Mapping[str, Any],
) -> None:
    """Have what said otherwise say what the extract has, and what was never so be said by nothing else."""
    corrected: dict[str, dict[str, Any]] = {}
    for name, value in change.items():
        said = [event for event in counted if name in event.data] or [facts[0]]
        corrected.setdefault(said[-1].id, dict(said[-1].data))[name] = value
    # What follows the registration builds on it.
    again = facts if facts[0].id in corrected else [event for event in facts if event.id in corrected]
    words = ", ".join(f"{name} is {value or 'none'}" for name, value in change.items())
    for event in again:
        writer.retract(event, f"the extract of {terms.as_of} says otherwise: {words}"[:400])
    for event in again:
        data = corrected.get(event.id, event.data)
        writer.again(event, data, event.effective_on.text, changed=event.id in corrected)
