"""Sole source: by category from whom it is bought, who else could sell it, and whether only one could."""

from collections.abc import Mapping
from typing import Any

from service.pages.addresses import Address
from service.pages.bars import PageSources, bar, ledger_days, resolved_days
from service.pages.languages import Language


def sole_source(asking: PageSources, address: Address, language: Language) -> dict[str, Any]:
    """Everything that the template shows. Raises what the view raises."""
    answer = asking.questions.sole_source(address.asked)
    position = answer["resolved"]["position"]
    traders = asking.questions.traders(position)
    known = {one["organization_id"]: one for one in traders}

    def name_of(identifier: str) -> str:
        one: Mapping[str, Any] = known.get(identifier, {})
        return language.name_of(one.get("names"), one.get("name"), identifier)

    span = ledger_days(asking, position, *resolved_days(answer["resolved"]))
    single = sum(1 for row in answer["rows"] if row["single_source"])
    sole = sum(1 for row in answer["rows"] if row["sole_source"] == "yes")
    return {
        **bar(address, answer, span, traders, ("buyer", "measure", "status", "captive", "threshold"), language),
        "claim": language(
            "Of {count} categories, {single} come from one vendor alone, and for {sole} no other source is left."
        ).format(count=len(answer["rows"]), single=single, sole=sole),
        "name_of": name_of,
    }
