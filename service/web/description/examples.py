"""A purchase from its beginning to its end, as requests: what the interface's reference shows, and its tests send."""

from typing import Any, NamedTuple


class Step(NamedTuple):
    """One request of the story."""

    #: Below /api/v1.
    path: str
    #: What it records; None: a correction.
    event_type: str | None
    body: dict[str, Any]


REPORT = {"citation": "Reuters, 2023-11-07", "url": "https://www.reuters.com/", "quote": "1,600 of Huawei's 910B chips"}

#: In the order in which each builds on those before.
STORY = (
    Step(
        "/organizations",
        "organization-registered",
        {
            "organization_id": "baidu",
            "name": "Baidu, Inc.",
            "country": "CN",
            "names": {"zh": "百度"},
            "identifiers": [{"scheme": "LEI", "id": "254900F9HZC8ZQ7NEB54"}],
            "effective_on": "2000",
            "known_on": "2017-01-01",
        },
    ),
    Step(
        "/organizations",
        "organization-registered",
        {
            "organization_id": "huawei",
            "name": "Huawei Technologies",
            "country": "CN",
            "effective_on": "1987",
            "known_on": "2017-01-01",
        },
    ),
    Step(
        "/organizations",
        "organization-registered",
        {
            "organization_id": "kunlunxin",
            "name": "Kunlunxin",
            "country": "CN",
            "parent_id": "baidu",
            "effective_on": "2018",
            "known_on": "2018-12-31",
        },
    ),
    Step(
        "/organizations/huawei/changes",
        "organization-changed",
        {
            "name": "Huawei Technologies Co., Ltd.",
            "effective_on": "2019-01-01",
            "known_on": "2019-01-02",
            "id": "huawei-renamed",
        },
    ),
    Step(
        "/products",
        "product-registered",
        {
            "product_id": "hw-910b",
            "name": "Huawei Ascend 910B",
            "vendor_id": "huawei",
            "category": "ai-accelerator",
            "attributes": {"tpp": {"value": "6016", "low": "4480", "high": "6400"}, "datacentre": True},
            "effective_on": "2022",
            "known_on": "2022-12-31",
            "basis": "estimated",
        },
    ),
    Step(
        "/products/hw-910b/changes",
        "product-changed",
        {
            "attributes": {"memory_gb": "64"},
            "effective_on": "2023-01",
            "known_on": "2023-06-01",
            "id": "hw-910b-memory",
        },
    ),
    Step(
        "/partnerships",
        "partnership-formed",
        {
            "partnership_id": "baidu-huawei",
            "parties": ["baidu", "huawei"],
            "kind": "technical",
            "scope": "PaddlePaddle on Ascend",
            "effective_on": "2020",
            "known_on": "2020-12-31",
        },
    ),
    Step(
        "/partnerships/baidu-huawei/changes",
        "partnership-changed",
        {
            "scope": "PaddlePaddle on Ascend, and supply",
            "effective_on": "2023-08",
            "known_on": "2023-11-07",
            "id": "baidu-huawei-widened",
        },
    ),
    Step(
        "/exchange-rates",
        "exchange-rates-published",
        {
            "base": "EUR",
            "rates": {"USD": "1.0868", "CNY": "7.9196"},
            "effective_on": "2023-08-31",
            "known_on": "2023-08-31",
            "id": "ecb-2023-08-31",
        },
    ),
    Step(
        "/orders",
        "order-placed",
        {
            "order_id": "baidu-huawei-2023-08",
            "buyers": ["baidu", "kunlunxin"],
            "vendor_id": "huawei",
            "currency": "CNY",
            "lines": [
                {
                    "line": "1",
                    "product_id": "hw-910b",
                    "quantity": "1600",
                    "amount": "450000000",
                    "deliver_by": "2023",
                }
            ],
            "effective_on": "2023-08",
            "known_on": "2023-11-07",
            "basis": "estimated",
            "id": "baidu-huawei-placed",
            "source": REPORT,
        },
    ),
    Step(
        "/orders/baidu-huawei-2023-08/amendments",
        "order-amended",
        {
            "changes": [{"line": "1", "quantity": "-100", "amount": "-28125000"}],
            "effective_on": "2023-09-15",
            "known_on": "2023-11-07",
        },
    ),
    Step(
        "/orders/baidu-huawei-2023-08/receipts",
        "goods-received",
        {
            "receipts": [{"line": "1", "quantity": "1000"}],
            "effective_on": "2023-10",
            "known_on": "2023-11-07",
            "id": "baidu-huawei-received",
            "source": {"citation": "Reuters, 2023-11-07", "quote": "more than 60% of the order had been delivered"},
        },
    ),
    Step(
        "/orders/baidu-huawei-2023-08/allocations",
        "order-allocated",
        {
            "allocations": [{"buyer_id": "baidu", "share": "0.75"}, {"buyer_id": "kunlunxin", "share": "0.25"}],
            "effective_on": "2023-09",
            "known_on": "2023-11-07",
        },
    ),
    Step(
        "/orders/baidu-huawei-2023-08/annotations",
        "event-annotated",
        {
            "annotates": "baidu-huawei-placed",
            "note": "Confirmed by two persons familiar with the matter.",
            "effective_on": "2023-11-07",
            "known_on": "2023-11-07",
        },
    ),
    Step(
        "/orders/baidu-huawei-2023-08/corrections",
        None,
        {
            "retracts": "baidu-huawei-received",
            "reason": "The delivery note says 960, not 1000.",
            "replacement": {"receipts": [{"line": "1", "quantity": "960"}], "effective_on": "2023-10"},
        },
    ),
    Step(
        "/orders/baidu-huawei-2023-08/returns",
        "goods-returned",
        {"returns": [{"line": "1", "quantity": "10"}], "effective_on": "2023-11-02", "known_on": "2023-11-07"},
    ),
    Step(
        "/supply-assertions",
        "supply-asserted",
        {
            "assertion_id": "kunlun-own-chips",
            "buyer_id": "baidu",
            "vendor_id": "kunlunxin",
            "statement": "Baidu runs part of its search on its own chips.",
            "effective_on": "2021",
            "known_on": "2021-12-31",
            "id": "kunlun-own-chips-said",
        },
    ),
    Step(
        "/regulations",
        "regulation-enacted",
        {
            "regulation_id": "ear-2023-10",
            "jurisdiction": "US",
            "authority": "Bureau of Industry and Security",
            "title": "Advanced computing rule",
            "citation": "88 FR 73458",
            "rules": [
                {
                    "rule_id": "3A090.a",
                    "effect": "licence-required",
                    "destinations": ["CN"],
                    "when": {"attribute": "tpp", "op": ">=", "value": "4800"},
                }
            ],
            "effective_on": "2023-11-17",
            "known_on": "2023-10-25",
        },
    ),
    Step(
        "/regulations/ear-2023-10/amendments",
        "regulation-amended",
        {
            "citation": "89 FR 23876",
            "rules": [
                {
                    "rule_id": "3A090.a",
                    "effect": "licence-required",
                    "destinations": ["CN"],
                    "categories": ["ai-accelerator"],
                    "when": {"attribute": "tpp", "op": ">=", "value": "4800"},
                }
            ],
            "effective_on": "2024-04-04",
            "known_on": "2024-04-04",
            "id": "ear-2023-10-amended",
        },
    ),
    Step(
        "/regulations/ear-2023-10/licences",
        "licence-granted",
        {
            "licence_id": "lic-2024-7",
            "buyers": ["baidu"],
            "products": ["hw-910b"],
            "until": "2025",
            "effective_on": "2024-05-01",
            "known_on": "2024-05-01",
        },
    ),
    Step(
        "/regulations/ear-2023-10/licence-revocations",
        "licence-revoked",
        {"licence_id": "lic-2024-7", "effective_on": "2024-09-01", "known_on": "2024-09-01"},
    ),
    Step(
        "/regulations/ear-2023-10/suspensions",
        "regulation-suspended",
        {"until": "2025-03", "reason": "Court order", "effective_on": "2025-01-15", "known_on": "2025-01-15"},
    ),
    Step(
        "/regulations/ear-2023-10/resumptions",
        "regulation-resumed",
        {"reason": "Order lifted", "effective_on": "2025-02-01", "known_on": "2025-02-01"},
    ),
    Step(
        "/regulations/ear-2023-10/repeals",
        "regulation-repealed",
        {"reason": "Replaced", "effective_on": "2025-06-01", "known_on": "2025-05-20"},
    ),
    Step(
        "/orders/baidu-huawei-2023-08/cancellations",
        "order-cancelled",
        {"reason": "The rest is not wanted any more.", "effective_on": "2024-03-01", "known_on": "2024-03-05"},
    ),
    Step(
        "/partnerships/baidu-huawei/endings",
        "partnership-ended",
        {"reason": "Not renewed", "effective_on": "2025-01-01", "known_on": "2025-01-10"},
    ),
)

#: One body for each event type, and one for a correction.
EXAMPLES: dict[str, dict[str, Any]] = {step.event_type: step.body for step in reversed(STORY) if step.event_type}
CORRECTION: dict[str, Any] = next(step.body for step in STORY if step.event_type is None)

#: Of each kind of thing the id of one in the story.
NAMED = {
    "order": "baidu-huawei-2023-08",
    "organization": "huawei",
    "product": "hw-910b",
    "partnership": "baidu-huawei",
    "regulation": "ear-2023-10",
    "supply": "kunlun-own-chips",
    "rates": "EUR",
}
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
