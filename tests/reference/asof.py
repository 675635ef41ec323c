"""The world as of an effective day, a day of knowledge and a position (docs/semantics.md, rules 1 to 6 and 17)."""

from calendar import monthrange
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

#: A recorded event in its stored form.
Event = dict[str, Any]


def period_of(text: str) -> tuple[date | None, date]:
    """First and last day of `2023-08-31`, `2023-08`, `2023` or `../2023-08-31` (which has no first day)."""
    if text.startswith("../"):
        return None, period_of(text.removeprefix("../"))[1]
    numbers = [int(part) for part in text.split("-")]
    if len(numbers) == 1:
        return date(numbers[0], 1, 1), date(numbers[0], 12, 31)
    if len(numbers) == 2:
        year, month = numbers
        return date(year, month, 1), date(year, month, monthrange(year, month)[1])
    year, month, day = numbers
    return date(year, month, day), date(year, month, day)


def end_of(effective_on: str, known_on: date) -> date:
    """The day from which an event counts (rule 1)."""
    first, last = period_of(effective_on)
    began_before = first is None or first <= known_on
    return known_on if began_before and known_on <= last else last


def known_day(event: Event) -> date:
    """The day on which one could know the event."""
    return date.fromisoformat(event["known_on"])


def end_day(event: Event) -> date:
    """The day from which the event counts."""
    return end_of(event["effective_on"], known_day(event))


def latest(events: Iterable[Event]) -> Event | None:
    """Of several facts, the one with the greatest end, then known_on, then position (rule 5); None of none."""
    return max(events, key=lambda event: (end_day(event), known_day(event), event["position"]), default=None)


class World:
    """What counts on `effective_on`, for one who knew what was known on `known_on` and recorded up to `position`.

    None for `known_on` or `position` sets no limit. `events` stand in the order of their positions.
    """

    def __init__(
        self, events: list[Event], effective_on: date, known_on: date | None = None, position: int | None = None
    ) -> None:
        self.effective_on = effective_on
        #: Whatever was recorded by then, known and standing or not.
        self.recorded = [event for event in events if position is None or event["position"] <= position]
        reached = [event for event in self.recorded if known_on is None or known_day(event) <= known_on]
        retracted = {event["data"]["retracts"] for event in reached if event["type"] == "event-retracted"}
        #: rule 2
        self.visible = [event for event in reached if event["id"] not in retracted]
        #: rules 3 and 4, before `exclude`
        self.counting = [event for event in self.visible if end_day(event) <= effective_on]

    def of_type(self, *types: str) -> list[Event]:
        """The counting events of these types."""
        return [event for event in self.counting if event["type"] in types]

    # Organisations

    def organization(self, organization_id: str, field: str) -> Any:
        """A field of an organisation by the latest counting event that names it; None if none does."""
        return self._fact(
            ("organization-registered", "organization-changed"), "organization_id", organization_id, field
        )

    def country(self, organization_id: str) -> str | None:
        """The organisation's own country; None if unknown."""
        country: str | None = self.organization(organization_id, "country")
        return country

    def lineage(self, organization_id: str) -> list[str]:
        """The organisation, its parent, its parent's parent and so on, the ultimate parent last (rule 6)."""
        line = [organization_id]
        while (parent_id := self.organization(line[-1], "parent_id")) is not None:
            if parent_id in line:
                raise ValueError(f"the parents of {organization_id} form a circle at {parent_id}")
            line.append(parent_id)
        return line

    def ultimate_parent(self, organization_id: str) -> str:
        """The end of the organisation's lineage: itself, if it has no parent."""
        return self.lineage(organization_id)[-1]

    def group(self, organization_ids: Iterable[str]) -> set[str]:
        """These organisations and all their descendants."""
        heads = set(organization_ids)
        every = {
            event["data"]["organization_id"]
            for event in self.of_type("organization-registered", "organization-changed")
        }
        return heads | {organization_id for organization_id in every if heads & set(self.lineage(organization_id))}

    # Products

    def product(self, product_id: str, field: str) -> Any:
        """A field of a product by the latest counting event that names it; None if none does."""
        return self._fact(("product-registered", "product-changed"), "product_id", product_id, field)

    def product_attribute(self, product_id: str, name: str) -> Any:
        """An attribute in its stored form by the latest counting event that names it; None if none does."""
        event = latest(
            event
            for event in self.of_type("product-registered", "product-changed")
            if event["data"]["product_id"] == product_id and name in event["data"].get("attributes", {})
        )
        return None if event is None else event["data"]["attributes"][name]

    # Money

    def rates(self, source: str, target: str, on: date) -> tuple[Decimal, Decimal] | None:
        """What one unit of a base costs in source and in target, as last published on that day or before (rule 17)."""
        priced = {
            event["position"]: {event["data"]["base"]: "1"} | event["data"]["rates"]
            for event in self.of_type("exchange-rates-published")
        }
        publication = latest(
            event
            for event in self.of_type("exchange-rates-published")
            if end_day(event) <= on and {source, target} <= priced[event["position"]].keys()
        )
        if publication is None:
            return None
        named = priced[publication["position"]]
        return Decimal(named[source]), Decimal(named[target])

    def _fact(self, types: tuple[str, ...], identity: str, identifier: str, field: str) -> Any:
        event = latest(
            event for event in self.of_type(*types) if event["data"][identity] == identifier and field in event["data"]
        )
        return None if event is None else event["data"][field]
