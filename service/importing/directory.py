"""Who and what the ledger knows, found by the names that a text gives them."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from domain.names import comparable, forms_of, words_of

#: The scheme of an organisation's identifiers that are further names of it.
ALIAS = "alias"
#: A shorter name could stand in a text by chance.
SHORTEST_MENTION = 4
#: A word of a product's name that distinguishes it from others: it has a digit, and is not a size.
DESIGNATION = re.compile(r"(?=\w*\d)\w{3,}(?<!gb)")
#: What parts the names of a list, in a text with single spaces.
LISTED = re.compile(r" ?(?:[,/;]|\band\b) ?")
#: Names of more words are looked for in a text one by one.
MOST_WORDS = 12


class Directory:
    """Organisations and products as the ledger has them, by name; what several share means none of them."""

    def __init__(self, organizations: Iterable[Mapping[str, Any]], products: Iterable[Mapping[str, Any]]) -> None:
        #: Ids of all organisations.
        self.organization_ids: set[str] = set()
        self._by_form: dict[str, set[str]] = defaultdict(set)
        self._by_identifier: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._by_words: dict[str, set[str]] = defaultdict(set)
        #: Names and ids, either as words, that have more than MOST_WORDS of them.
        self._longer: set[str] = set()
        self._parents: dict[str, str | None] = {}
        #: Products by each of their designations, and the categories of those with an attribute.
        self._designated: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        self._categories: dict[str, set[str]] = defaultdict(set)
        for product in products:
            for word in set(words_of(product["name"] or "").split()):
                if DESIGNATION.fullmatch(word):
                    self._designated[word].append(product)
            if product["category"] is not None:
                for attribute in product["attributes"]:
                    self._categories[attribute].add(product["category"])
        for organization in organizations:
            self.add(organization)

    def add(self, organization: Mapping[str, Any]) -> None:
        """Take in an organisation: organization_id, name, names?, identifiers?, parent_id?."""
        identifier = organization["organization_id"]
        self.organization_ids.add(identifier)
        self._say(self._by_words, words_of(identifier), identifier)
        self._parents[identifier] = organization.get("parent_id")
        known = organization.get("identifiers") or ()
        names = [organization.get("name") or "", *(organization.get("names") or {}).values()]
        names += [one["id"] for one in known if one["scheme"] == ALIAS]
        for name in names:
            for form in forms_of(name):
                self._say(self._by_form, form, identifier)
        for one in known:
            if one["scheme"] != ALIAS:
                self._by_identifier[_identifier(one["scheme"], one["id"])].add(identifier)

    def _say(self, forms: dict[str, set[str]], form: str, identifier: str) -> None:
        forms[form].add(identifier)
        if form.count(" ") >= MOST_WORDS:
            self._longer.add(form)

    def identified(self, identifiers: Iterable[tuple[str, str]]) -> set[str]:
        """The organisations with one of these identifiers, each a scheme and an id."""
        return {found for scheme, one in identifiers for found in self._by_identifier.get(_identifier(scheme, one), ())}

    def named(self, names: Iterable[str]) -> set[str]:
        """The organisations with one of these names."""
        return {found for name in names for form in forms_of(name) for found in self._by_form.get(form, ())}

    def called(self, name: str) -> str | None:
        """The one organisation with this name, or whose id says it; None: none, or several."""
        found = self.named([name])
        if not found:
            found = self._by_words.get(comparable(name), set())
        return next(iter(found)) if len(found) == 1 else None

    def resolve(self, listed: str) -> tuple[list[str], list[str]]:
        """The organisations that a list names, and the names that none or several have."""
        found: dict[str, None] = {}
        missing: list[str] = []
        for name in filter(None, LISTED.split(" ".join(listed.split()))):
            organization = self.called(name)
            if organization is None:
                missing.append(name)
            else:
                found[organization] = None
        return list(found), missing

    def mentioned(self, text: str) -> list[str]:
        """The organisations whose name or id stands in a text as whole words, by id."""
        words = words_of(text).split()
        spans = {
            " ".join(words[place : place + length])
            for length in range(1, MOST_WORDS + 1)
            for place in range(len(words) - length + 1)
        }
        whole = f" {' '.join(words)} "
        spans |= {form for form in self._longer if f" {form} " in whole}
        called = {form for form in spans & self._by_form.keys() if len(self._by_form[form]) == 1}
        found = [self._by_form[form] for form in called if len(form) >= SHORTEST_MENTION]
        found += [self._by_words[form] for form in spans & self._by_words.keys() if len(form) >= SHORTEST_MENTION]
        return sorted(set().union(*found))

    def designated(self, text: str, makers: Collection[str] = ()) -> list[str]:
        """The products whose designation (A100, 910B) stands in a text, by id.

        With `makers`: theirs alone, and those of their subsidiaries. Without, a designation must have a letter too:
        a mere number could mean anything.
        """
        theirs = set(makers)
        found = {
            product["product_id"]
            for word in set(words_of(text).split()) & self._designated.keys()
            if theirs or not word.isdigit()
            for product in self._designated[word]
            if not theirs or self._lineage(product["vendor_id"]) & theirs
        }
        return sorted(found)

    def categories_with(self, attributes: Collection[str]) -> list[str]:
        """The categories of the products that have one of these attributes."""
        return sorted({category for attribute in attributes for category in self._categories.get(attribute, ())})

    def _lineage(self, organization: str | None) -> set[str]:
        """An organisation and all above it."""
        found: set[str] = set()
        while organization is not None and organization not in found:
            found.add(organization)
            organization = self._parents.get(organization)
        return found


def _identifier(scheme: str, identifier: str) -> tuple[str, str]:
    return comparable(scheme), words_of(identifier).replace(" ", "")


def joined(ids: Sequence[str], further: Iterable[str]) -> list[str]:
    """Two lists of ids as one, each id once."""
    return list(dict.fromkeys([*ids, *further]))
