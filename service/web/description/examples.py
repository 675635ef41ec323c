"""A purchase from its beginning to its end, as requests: what the interface's reference shows, and its tests send."""

from typing import Any, NamedTuple

from domain.catalogue import EVENT_TYPES
from domain.resources import KINDS


class StoryStep(NamedTuple):
    """One request of the story."""

    #: Below /api/v1.
    path: str
    #: What it records; None: a correction.
    event_type: str | None
    body: dict[str, Any]


#: One body for each event type, as its class gives it.
EXAMPLES: dict[str, dict[str, Any]] = {
    name: dict(definition.EXAMPLE) for name, definition in EVENT_TYPES.items() if not definition.RETRACTS
}
#: One for a correction.
CORRECTION: dict[str, Any] = {
    **EVENT_TYPES["event-retracted"].EXAMPLE,
    "replacement": {"receipts": [{"line": "1", "quantity": "960"}], "effective_on": "2023-10"},
}
#: Of each kind of thing the id of one in the story: the one that its example begins.
NAMED: dict[str, str] = {
    **{kind.name: EXAMPLES[kind.begins][EVENT_TYPES[kind.begins].IDENTITY] for kind in KINDS},
    # What happens to an organisation later happens to the vendor, not to the buyer.
    "organization": "huawei",
}
_PLURALS = {kind.name: kind.plural for kind in KINDS}


def _step(event_type: str) -> StoryStep:
    """The example of a type, where it is posted."""
    definition = EVENT_TYPES[event_type]
    if definition.COLLECTION:
        return StoryStep(f"/{definition.COLLECTION}", event_type, EXAMPLES[event_type])
    # The note is on the order.
    kind = definition.KIND or "order"
    return StoryStep(f"/{_PLURALS[kind]}/{NAMED[kind]}/{definition.SUBJECT}", event_type, EXAMPLES[event_type])


def _organization(**fields: Any) -> StoryStep:
    return StoryStep("/organizations", "organization-registered", fields)


_TOLD = (
    _step("organization-registered"),
    _organization(
        organization_id="huawei", name="Huawei Technologies", country="CN", effective_on="1987", known_on="2017-01-01"
    ),
    _organization(
        organization_id="kunlunxin",
        name="Kunlunxin",
        country="CN",
        parent_id="baidu",
        effective_on="2018",
        known_on="2018-12-31",
    ),
    _step("organization-changed"),
    _step("product-registered"),
    _step("product-changed"),
    _step("partnership-formed"),
    _step("partnership-changed"),
    _step("exchange-rates-published"),
    _step("order-placed"),
    _step("order-amended"),
    _step("goods-received"),
    _step("order-allocated"),
    _step("event-annotated"),
    StoryStep(f"/orders/{NAMED['order']}/corrections", None, CORRECTION),
    _step("goods-returned"),
    _step("supply-asserted"),
    _step("regulation-enacted"),
    _step("regulation-amended"),
    _step("licence-granted"),
    _step("licence-revoked"),
    _step("regulation-suspended"),
    _step("regulation-resumed"),
    _step("regulation-repealed"),
    _step("order-cancelled"),
    _step("partnership-ended"),
)
#: In the order in which each builds on those before; what no place is given to above comes last.
STORY = (*_TOLD, *[_step(name) for name in EXAMPLES if name not in {step.event_type for step in _TOLD}])

#: Of each kind an event of that one, and what could have been recorded instead of it.
SLIPS: dict[str, tuple[str, dict[str, Any]]] = {
    "organization": ("huawei-renamed", {"name": "Huawei Technologies Co., Ltd.", "effective_on": "2019-02-01"}),
    "product": ("hw-910b-memory", {"attributes": {"memory_gb": "64"}, "effective_on": "2022"}),
    "partnership": ("baidu-huawei-widened", {"scope": "PaddlePaddle on Ascend; supply", "effective_on": "2023-08"}),
    "regulation": (
        "ear-2023-10-amended",
        {
            "citation": "89 FR 23876",
            "rules": [{"rule_id": "3A090.a", "effect": "licence-required", "destinations": ["CN"]}],
            "effective_on": "2024-04-04",
        },
    ),
    "supply": (
        "kunlun-own-chips-said",
        {
            "buyer_id": "baidu",
            "vendor_id": "kunlunxin",
            "statement": "Baidu runs part of its search on Kunlun chips.",
            "effective_on": "2021",
        },
    ),
    "rates": ("ecb-2023-08-31", {"rates": {"USD": "1.0868", "CNY": "7.9197"}, "effective_on": "2023-08-31"}),
}
#: By kind, a note on an event and a correction of one.
NOTES: dict[str, dict[str, Any]] = {
    "order": EXAMPLES["event-annotated"],
    **{
        kind: {
            "annotates": event_id,
            "note": "Checked against the source.",
            "effective_on": "2024-02-01",
            "known_on": "2024-02-01",
        }
        for kind, (event_id, _) in SLIPS.items()
    },
}
CORRECTIONS: dict[str, dict[str, Any]] = {
    "order": CORRECTION,
    **{
        kind: {"retracts": event_id, "reason": "Entered wrongly.", "replacement": replacement}
        for kind, (event_id, replacement) in SLIPS.items()
    },
}
#: One event as it is sent to the ledger as a whole, and notes on it.
ACME: dict[str, Any] = {
    "type": "organization-registered",
    "id": "acme-registered",
    "effective_on": "2024-01-01",
    "known_on": "2024-01-02",
    "data": {"organization_id": "acme", "name": "Acme GmbH", "country": "DE"},
}
NOTES_ON_ACME: tuple[dict[str, Any], ...] = tuple(
    {
        "type": "event-annotated",
        "effective_on": "2024-01-03",
        "known_on": "2024-01-03",
        "data": {"annotates": "acme-registered", "note": note},
    }
    for note in ("Seen in the register.", "Address confirmed.")
)
#: What the columns of a table of order lines mean.
ORDERS_MAPPING = """name = "erp"
citation = "Extract of the purchasing system"

[dates.ordered]
column = "Ordered"
formats = ["%Y-%m-%d"]

[order]
id = "PO"
currency = "Currency"
placed_on = { date = "ordered" }
known_on = ["placed_on"]

[vendor]
name = "Supplier"
country = { constant = "DE" }

[buyer]
name = "Unit"
country = { constant = "DE" }

[line]
id = "Line"
quantity = "Qty"
amount = "Value"

[product]
name = "Item"
category = { constant = "pump" }
"""
#: What is supposed in a scenario.
WHAT_IF: dict[str, Any] = {
    "type": "order-placed",
    "effective_on": "2024-06-01",
    "data": {
        "order_id": "what-if",
        "buyers": ["baidu"],
        "vendor_id": "huawei",
        "currency": "CNY",
        "lines": [{"line": "1", "product_id": "hw-910b", "quantity": "500", "amount": "140000000"}],
    },
}
