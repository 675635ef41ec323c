"""Scope texts become rules where they can be read, claim no more than they say, and what is left out is noted."""

from typing import Any

import pytest

from service.importing.directory import Directory
from service.importing.rows import BadFile
from tests.service.importing.conftest import REGULATIONS, Desk, change, changes_csv

TPP_AND_LINK = {
    "all": [
        {"attribute": "interconnect_gbs", "op": ">=", "value": "600"},
        {"attribute": "tpp", "op": ">=", "value": "4800"},
    ]
}


def rules_of(desk: Desk, row: str) -> Any:
    return desk.event(f"regulation-events:{row}")["data"]["rules"]


def unread_of(desk: Desk, row: str) -> str:
    note = desk.event(f"regulation-events:{row}:note")["data"]["note"]
    return str(note.partition("\nNot read: ")[2])


RULES: tuple[tuple[str, list[dict[str, Any]]], ...] = (
    (
        "US-2019-EL-HUAWEI",
        [
            {
                "rule_id": "listed-party",
                "effect": "licence-required",
                "buyers": ["huawei"],
                "vendor_countries": ["US"],
            },
            {"rule_id": "listed-supplier", "effect": "advisory", "vendors": ["huawei"]},
        ],
    ),
    # Destinations stand in the title, products by their designation.
    (
        "US-2022-ISINF-NVDA",
        [
            {
                "rule_id": "items",
                "effect": "licence-required",
                "vendors": ["nvidia"],
                "products": ["nv-a100", "nv-h100"],
                "destinations": ["CN", "HK", "RU"],
            }
        ],
    ),
    (
        "US-2022-3A090",
        [
            {
                "rule_id": "3A090.a",
                "effect": "licence-required",
                "vendor_countries": ["US"],
                "categories": ["ai-accelerator"],
                "when": TPP_AND_LINK,
                "destinations": ["CN"],
            }
        ],
    ),
    (
        "US-2023-MACAU",
        [
            {
                "rule_id": "3A090.a",
                "effect": "licence-required",
                "vendor_countries": ["US"],
                "categories": ["ai-accelerator"],
                "when": TPP_AND_LINK,
                "destinations": ["CN", "MO"],
            }
        ],
    ),
    # It names no destination: those of the requirement that it makes apply earlier.
    (
        "US-2023-ISINF-NVDA",
        [
            {
                "rule_id": "items",
                "effect": "licence-required",
                "vendors": ["nvidia"],
                "categories": ["ai-accelerator"],
                "when": {
                    "all": [
                        {"attribute": "tpp", "op": ">=", "value": "4800"},
                        {"attribute": "datacentre", "op": "==", "value": True},
                    ]
                },
                "destinations": ["CN", "MO"],
            }
        ],
    ),
    (
        "US-2025-ISINF-H20",
        [
            {
                "rule_id": "items",
                "effect": "licence-required",
                "vendors": ["nvidia"],
                "products": ["nv-h20"],
                "destinations": ["CN", "HK", "MO"],
            }
        ],
    ),
    ("US-2025-GP10", [{"rule_id": "items", "effect": "advisory", "products": ["hw-910b", "hw-910c"]}]),
    # A class of buyers that cannot be told makes a ban a mark.
    (
        "CN-2023-MICRON",
        [{"rule_id": "items", "effect": "advisory", "vendors": ["micron"], "destinations": ["CN"]}],
    ),
    # Countries alone never make a rule.
    ("CN-2024-GAGE-US", []),
    # A density of memory stacks is no attribute of the ledger's products.
    ("US-2024-HBM", []),
)


def test_the_columns_become_rules_where_they_can_be_read(market: Desk) -> None:
    market.imports(REGULATIONS)
    for row, rules in RULES:
        assert rules_of(market, row) == rules, row


def test_the_rule_of_2023_has_both_control_numbers_and_spares_small_cards_outside_datacentres(market: Desk) -> None:
    market.imports(REGULATIONS)
    both = rules_of(market, "US-2023-ACS-IFR")
    assert [rule["rule_id"] for rule in both] == ["3A090.a", "3A090.b"]
    spared = {
        "not": {
            "all": [
                {"attribute": "datacentre", "op": "==", "value": False},
                {"attribute": "tpp", "op": "<", "value": "4800"},
            ]
        }
    }
    assert all(spared in rule["when"]["all"] for rule in both)
    # Country groups name no country: the destinations stay.
    assert [rule["destinations"] for rule in both] == [["CN", "MO"], ["CN", "MO"]]
    assert "destinations D:1,D:4,D:5 not in A:5/A:6" in unread_of(market, "US-2023-ACS-IFR")


def test_a_worldwide_requirement_takes_the_threshold_of_its_control_number(market: Desk) -> None:
    market.imports(REGULATIONS)
    (worldwide,) = rules_of(market, "US-2025-AIDIFF")
    defined = next(rule for rule in rules_of(market, "US-2023-ACS-IFR") if rule["rule_id"] == "3A090.a")
    assert worldwide["when"] == defined["when"]
    assert "destinations" not in worldwide


def test_an_amendment_that_cannot_be_read_keeps_the_rules_that_stood(market: Desk) -> None:
    market.imports(REGULATIONS)
    before = rules_of(market, "US-2023-ACS-IFR")
    for row in ("US-2024-CORR", "US-2025-DD", "US-2026-H200"):
        assert rules_of(market, row) == before
        assert unread_of(market, row)


def test_a_licence_names_products_of_the_vendors_that_its_instrument_names(market: Desk) -> None:
    market.imports(REGULATIONS)
    data = market.event("regulation-events:US-2025-H20-RESUME")["data"]
    assert data == {
        "regulation_id": "US-2025-ISINF-H20",
        "licence_id": "US-2025-H20-RESUME",
        "vendors": ["nvidia"],
        "products": ["nv-h20"],
        "destinations": ["CN"],
    }
    (licence,) = market.instrument("US-2025-ISINF-H20", "2025-08-08").licences
    assert licence.licence_id == "US-2025-H20-RESUME"
    assert market.instrument("US-2025-ISINF-H20", "2025-08-07").licences == ()


def test_without_anybody_known_there_are_instruments_without_rules_and_notes_of_what_was_not_read(desk: Desk) -> None:
    desk.imports(REGULATIONS)
    enacted = desk.events("regulation-enacted", "regulation-amended")
    assert all(event.data["rules"] == [] for event in enacted)
    assert unread_of(desk, "US-2019-EL-HUAWEI") == "party=Huawei"
    assert "no product of the ledger has" in unread_of(desk, "US-2022-3A090")


def known(*names: str) -> Directory:
    """Organisations org-0, org-1, ... of these names."""
    return Directory([{"organization_id": f"org-{n}", "name": name} for n, name in enumerate(names)], [])


def test_a_party_is_found_by_its_name_or_its_id() -> None:
    assert known("HUAWEI CO., LTD").called("Huawei") == "org-0"
    assert known("Hua-Wei (Huawei)", "Huawei Trading").called("Hua Wei") == "org-0"
    assert known("Nobody").called("org-0") == "org-0"
    assert known("Huawei Trading").called("Huawei") is None


def test_a_name_that_two_organisations_share_names_neither() -> None:
    assert known("Huawei Ltd", "Huawei Inc.").called("Huawei") is None
    assert known("Huawei Ltd", "Huawei Inc.").mentioned("Entity List: Huawei") == []


def test_a_list_of_some_items_marks_and_does_not_bar(market: Desk) -> None:
    market.imports(changes_csv(change("US-2020-EL-X", "ListingAdded", scope="party=Huawei; items=3A090 only")))
    assert [rule["effect"] for rule in rules_of(market, "US-2020-EL-X")] == ["advisory", "advisory"]


def test_parties_come_to_a_list_by_its_amendments(market: Desk) -> None:
    market.imports(
        changes_csv(
            change("US-2019-EL-HUAWEI", "ListingAdded"),
            change("US-2019-EL-HUAWEI-2", "ListingAmended", effective_from="2019-08-19", scope="party=Baidu"),
        )
    )
    assert [rule.get("buyers") for rule in rules_of(market, "US-2019-EL-HUAWEI-2")] == [["huawei", "baidu"], None]


def test_a_requirement_without_a_destination_marks_and_does_not_bar(market: Desk) -> None:
    market.imports(changes_csv(change("US-2020-RULE-A", "RegulationEffective", scope="3A090.a: TPP>=4800")))
    (rule,) = rules_of(market, "US-2020-RULE-A")
    assert (rule["effect"], "no destination is named" in unread_of(market, "US-2020-RULE-A")) == ("advisory", True)


def test_a_requirement_of_a_union_without_a_country_code_marks_and_does_not_bar(market: Desk) -> None:
    scope = "3A090.a: TPP>=4800; destination CN"
    market.imports(changes_csv(change("EU-2020-RULE-A", "RegulationEffective", scope=scope, jurisdiction="EU")))
    (rule,) = rules_of(market, "EU-2020-RULE-A")
    assert (rule["effect"], rule["destinations"]) == ("advisory", ["CN"])


def test_a_ban_on_a_product_names_the_buyers_that_it_names(market: Desk) -> None:
    scope = "ByteDance, Alibaba named; H20"
    row = change("CN-2025-H20", "ProcurementBanReported", scope=scope, jurisdiction="CN", authority="CAC")
    market.imports(changes_csv(row))
    assert rules_of(market, "CN-2025-H20") == [
        {"rule_id": "items", "effect": "prohibited", "buyers": ["alibaba", "bytedance"], "products": ["nv-h20"]}
    ]


def test_text_that_no_event_may_hold_is_named_by_its_line(desk: Desk) -> None:
    with pytest.raises(BadFile, match="line 2: US-2020-RULE-A: /data/until"):
        desk.imports(changes_csv(change("US-2020-RULE-A", "RegulationEffective", effective_to="../2020-01-01")))
