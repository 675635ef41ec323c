"""From a share to its orders, their events, the sources of these, and their proofs."""

import json
from collections.abc import Mapping
from typing import Any

from service.asking.questions import Questions
from service.pages.addresses import Address
from service.pages.languages import Language

#: Contributions that the page shows; the API has all.
MOST_CONTRIBUTIONS = 20


def evidence(questions: Questions, address: Address, language: Language, *, may_prove: bool) -> dict[str, Any]:
    """Everything that the template shows. Raises what the view raises."""
    asked = {name: values for name, values in address.asked.items() if name not in ("limit", "offset")}
    answer = questions.evidence({**asked, "limit": [str(MOST_CONTRIBUTIONS + 1)]})
    contributions = answer["contributions"][:MOST_CONTRIBUTIONS]
    positions = sorted({posting["position"] for one in contributions for posting in one["postings"]})
    traders = {one["organization_id"]: one for one in questions.traders(answer["resolved"]["position"])}

    def name_of(identifier: str | None) -> str:
        one: Mapping[str, Any] = traders.get(identifier or "", {})
        return language.name_of(one.get("names"), one.get("name"), identifier or language("not stated"))

    return {
        "address": address,
        "answer": answer,
        "contributions": contributions,
        "events": {event["position"]: event for event in map(json.loads, questions.stored(positions))},
        "is_cut": len(answer["contributions"]) > MOST_CONTRIBUTIONS,
        "key": answer["parameters"]["key"],
        "may_prove": may_prove,
        "name_of": name_of,
    }
