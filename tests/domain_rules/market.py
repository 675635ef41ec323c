"""Who is who and what is what on a day, to those who know what was known on a day: rules 2 to 6, plainly."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from domain.evaluation import Party, Product, attributes_of, party_of
from domain.events import Recorded
from domain.instruments import Instrument, instruments
from domain.rulebook import Assessment, Rulebook
from tests.domain_rules.events import known


class Market:
    """A ledger's organisations, products and instruments as of (T, K)."""

    def __init__(self, events: Sequence[Recorded], effective_on: str, known_on: str) -> None:
        day = date.fromisoformat(effective_on)
        visible = known(events, known_on)
        retracted = {event.data["retracts"] for event in visible if event.type == "event-retracted"}
        facts: dict[str, dict[str, Any]] = {}
        for event in sorted(visible, key=lambda event: (event.ends_on, event.known_on, event.position)):
            if event.id not in retracted and event.ends_on <= day:
                fields = facts.setdefault(event.stream, {})
                fields["attributes"] = fields.get("attributes", {}) | event.data.get("attributes", {})
                fields.update((name, value) for name, value in event.data.items() if name != "attributes")
        organizations = {fields["organization_id"]: fields for fields in facts.values() if "country" in fields}
        self._parents = {name: fields.get("parent_id") for name, fields in organizations.items()}
        self._countries = {name: fields["country"] for name, fields in organizations.items()}
        self._facts = facts
        concerning = [event for event in visible if event.stream.startswith("regulation/")]
        self.instruments = {found.regulation_id: found for found in instruments(concerning, day)}
        self.rulebook = Rulebook.of(self.instruments.values())

    def party(self, organization_id: str) -> Party:
        """An organisation."""
        return party_of(organization_id, self._parents, self._countries)

    def product(self, product_id: str | None) -> Product | None:
        """A product, None for none."""
        if product_id is None:
            return None
        fields = self._facts.get(f"product/{product_id}", {})
        maker = self.party(fields["vendor_id"]) if "vendor_id" in fields else None
        return Product(product_id, maker, fields.get("category"), attributes_of(fields.get("attributes", {})))

    def assess(self, buyer: str, vendor: str, product_id: str | None) -> Assessment:
        """What the rules in force say of a purchase."""
        return self.rulebook.assess(self.party(buyer), self.party(vendor), self.product(product_id))

    def barring(self, buyer: str, vendor: str, product_id: str | None) -> list[str]:
        """The instruments with a rule that says yes."""
        findings = self.assess(buyer, vendor, product_id).findings
        return sorted({name.regulation_id for name, finding in findings.items() if finding.truth.value == "yes"})

    def instrument(self, regulation_id: str) -> Instrument:
        """An instrument that somebody knows of."""
        return self.instruments[regulation_id]
