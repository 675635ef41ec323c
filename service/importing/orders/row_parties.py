"""Who and what a row of a table names: parties, those that own them, and products, as they are registered."""

from collections.abc import Callable
from typing import Any

from domain.names import written
from service.importing.names import IDENTIFIER, LONGEST_ID
from service.importing.orders.fields import Cells, Layout, TextReader, Unfit, remembering
from service.importing.orders.mapping import OrderMapping
from service.importing.orders.mapping_parts import ParentPart, PartyPart, ProductPart
from service.importing.orders.registered import Registered


class PartyReader:
    """Reads an organisation that has a part in an order."""

    def __init__(self, layout: Layout, party: PartyPart, key: str, registered: Registered) -> None:
        self.differing = party.differing
        #: Whether its id is no other form of its name, and whether rows say who owns it.
        self.has_ids, self.has_owners = party.id is not None, party.parent is not None
        self._owner = _OwnerReader(layout, party.parent, f"{key}.parent", registered) if party.parent else None
        self._name = layout.name(party.name, f"{key}.name")
        self._named = remembering(lambda sent: registered.organization(sent, party.prefix))
        self._country = layout.listed(party.country, f"{key}.country", "country")
        self._id = layout.identifier(party.id, f"{key}.id") if party.id is not None else None
        self._prefix = party.prefix
        self._label = party.name.column or f"{key}.name"
        self._identifiers: list[tuple[str, TextReader]] = [
            (one.scheme, layout.text(one.id.model_copy(update={"optional": True}), f"{key}.identifiers.{n}.id"))
            for n, one in enumerate(party.identifiers)
        ]

    def read(
        self, cells: Cells, owners: "list[tuple[str, dict[str, Any]]] | None" = None
    ) -> tuple[str, dict[str, Any]]:
        """Its id, and what is registered of it; who owns it is added to `owners`."""
        sent = self._name(cells)
        if self._id is not None:
            name, identifier = written(sent), f"{self._prefix}{self._id(cells)}"
        else:
            identifier, name = self._named(sent)
        refuse_no_id(identifier, self._label)
        data: dict[str, Any] = {"name": name, "country": self._country(cells)}
        found = [{"scheme": scheme, "id": text} for scheme, read in self._identifiers if (text := read(cells))]
        if found:
            data["identifiers"] = found
        # Many tables name who owns itself as its own owner.
        if self._owner is not None and (owner := self._owner.read(cells)) is not None and owner[0] != identifier:
            data["parent_id"] = owner[0]
            if owners is not None:
                owners.append(owner)
        return identifier, data


class _OwnerReader:
    def __init__(self, layout: Layout, owner: ParentPart, key: str, registered: Registered) -> None:
        name = owner.name if owner.name.default is not None else owner.name.model_copy(update={"optional": True})
        self._name = layout.text(name, f"{key}.name", as_sent=True)
        self._named = remembering(lambda sent: registered.organization(sent, owner.prefix))
        self._country = layout.listed(owner.country, f"{key}.country", "country")
        self._id = layout.identifier(owner.id, f"{key}.id") if owner.id is not None else None
        self._prefix = owner.prefix
        self._label = owner.name.column or f"{key}.name"

    def read(self, cells: Cells) -> tuple[str, dict[str, Any]] | None:
        """Its id, and what is registered of it; None: there is none."""
        sent = self._name(cells)
        if sent is None:
            return None
        if self._id is not None:
            name, identifier = written(sent), f"{self._prefix}{self._id(cells)}"
        else:
            identifier, name = self._named(sent)
        refuse_no_id(identifier, self._label)
        return identifier, {"name": name, "country": self._country(cells)}


class ProductReader:
    """Reads what a line orders."""

    def __init__(self, layout: Layout, product: ProductPart, mapping: OrderMapping, registered: Registered) -> None:
        self.differing = product.differing
        self._name = layout.name(product.name, "product.name")
        self._named = remembering(lambda sent: registered.product(sent, product.prefix))
        self._category = layout.required(product.category, "product.category")
        self._id = layout.identifier(product.id, "product.id") if product.id is not None else None
        self._prefix = product.prefix
        self._label = product.name.column or "product.name"
        self._attributes: dict[str, Callable[[Cells], Any]] = {
            name: layout.attribute(field, f"attributes.{name}") for name, field in mapping.attributes.items()
        }

    def read(self, cells: Cells, maker_id: str | None) -> tuple[str, dict[str, Any]]:
        """Its id, and what is registered of it; its maker as rows name it, None: they name none."""
        sent = self._name(cells)
        if self._id is not None:
            name, identifier = written(sent), f"{self._prefix}{self._id(cells)}"
        else:
            identifier, name = self._named(sent)
        refuse_no_id(identifier, self._label)
        data: dict[str, Any] = {"name": name, "category": self._category(cells)}
        if maker_id is not None:
            data["vendor_id"] = maker_id
        attributes = {name: found for name, read in self._attributes.items() if (found := read(cells)) is not None}
        if attributes:
            data["attributes"] = attributes
        return identifier, data


def refuse_no_id(identifier: str, label: str) -> None:
    """Unfit where a prefix makes no id of what stands behind it."""
    if len(identifier) > LONGEST_ID or not IDENTIFIER.fullmatch(identifier):
        raise Unfit(f"{label}: {identifier[:60]!r} is no id (letters, digits and . _ : -): is it the prefix?")
