"""Who and what the ledger knows, found by the names that a text gives them."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from service.importers.names import comparable, forms_of, words_of

#: The scheme of an organisation's identifiers that are further names of it.
ALIAS = "alias"
#: A shorter name could stand in a text by chance.
SHORTEST_MENTION = 4
#: A word of a product's name that tells it from others: it has a digit, and is not a size.
DESIGNATION = re.compile(r"(?=\w*\d)\w{3,}(?<!gb)")
#: What parts the names of a list.
LISTED = re.compile(r"\s*(?:[,/;]|\band\b)\s*")


class Directory:
    """Organisations and products as the ledger has them, by name; what several share means none of them."""

    def __init__(self, organizations: Iterable[Mapping[str, Any]], products: Iterable[Mapping[str, Any]]) -> None:
        #: Ids of all organisations.
        self.organization_ids: set[str] = set()
        self._by_form: dict[str, set[str]] = defaultdict(set)
        self._by_identifier: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._parents: dict[str, str | None] = {}
        self._products = [dict(product) for product in products]
        for organization in organizations:
            self.add(organization)

    def add(self, organization: Mapping[str, Any]) -> None:
        """Take in an organisation: organization_id, name, names?, identifiers?, parent_id?."""
        identifier = organization["organization_id"]
        self.organization_ids.add(identifier)
        self._parents[identifier] = organization.get("parent_id")
        known = organization.get("identifiers") or ()
        names = [organization.get("name") or "", *(organization.get("names") or {}).values()]
        names += [one["id"] for one in known if one["scheme"] == ALIAS]
        for name in names:
            for form in forms_of(name):
                self._by_form[form].add(identifier)
        for one in known:
            if one["scheme"] != ALIAS:
                self._by_identifier[_identifier(one["scheme"], one["id"])].add(identifier)

    def identified(self, identifiers: Iterable[tuple[str, str]]) -> set[str]:
        """The organisations with one of these identifiers, each a scheme and an id."""
        return {found for scheme, one in identifiers for found in self._by_identifier.get(_identifier(scheme, one), ())}

    def named(self, names: Iterable[str]) -> set[str]:
        """The organisations with one of these names."""
        return {found for name in names for form in forms_of(name) for found in self._by_form.get(form, ())}

    def called(self, name: str) -> str | None:
        """The one organisation with this name, or whose id says it; None: nobody, or several."""
        found = self.named([name])
        if not found:
            found = {one for one in self.organization_ids if words_of(one) == comparable(name)}
        return found.pop() if len(found) == 1 else None

    def resolve(self, listed: str) -> tuple[list[str], list[str]]:
        """The organisations that a list names, and the names that nobody or several have."""
        found: list[str] = []
        missing: list[str] = []
        for name in filter(None, LISTED.split(listed)):
            organization = self.called(name)
            if organization is None:
                missing.append(name)
            elif organization not in found:
                found.append(organization)
        return found, missing

    def mentioned(self, text: str) -> list[str]:
        """The organisations whose name or id stands in a text as whole words, by id."""
        words = f" {words_of(text)} "
        forms = [(form, ids) for form, ids in self._by_form.items() if len(ids) == 1]
        forms += [(words_of(one), {one}) for one in self.organization_ids]
        return sorted({one for form, ids in forms if _mentions(words, form) for one in ids})

    def designated(self, text: str, makers: Collection[str] = ()) -> list[str]:
        """The products whose designation (A100, 910B) stands in a text, by id.

        With `makers`: theirs alone, and those of their subsidiaries. Without, a designation must have a letter too:
        a mere number could mean anything.
        """
        words = set(words_of(text).split())
        found = []
        for product in self._products:
            if makers and not self._lineage(product["vendor_id"]) & set(makers):
                continue
            designations = {word for word in words_of(product["name"] or "").split() if DESIGNATION.fullmatch(word)}
            if any(makers or not word.isdigit() for word in designations & words):
                found.append(product["product_id"])
        return sorted(found)

    def categories_with(self, attributes: Collection[str]) -> list[str]:
        """The categories of the products that have one of these attributes."""
        having = (product for product in self._products if set(attributes) & product["attributes"].keys())
        return sorted({product["category"] for product in having if product["category"] is not None})

    def _lineage(self, organization: str | None) -> set[str]:
        """An organisation and all above it."""
        found: set[str] = set()
        while organization is not None and organization not in found:
            found.add(organization)
            organization = self._parents.get(organization)
        return found


def _identifier(scheme: str, identifier: str) -> tuple[str, str]:
    return comparable(scheme), words_of(identifier).replace(" ", "")


def _mentions(words: str, form: str) -> bool:
    return len(form) >= SHORTEST_MENTION and f" {form} " in words


def joined(ids: Sequence[str], further: Iterable[str]) -> list[str]:
    """Two lists of ids as one, each id once."""
    return list(dict.fromkeys([*ids, *further]))
