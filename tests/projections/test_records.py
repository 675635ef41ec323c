"""Records that stand for other organisations, and who owns whom in the end: the fast tables against the plain ones."""

from datetime import date
from random import Random
from typing import Any

import pytest

from projections import statements
from projections.parameters import VendorDependence
from projections.vendor_dependence import vendor_dependence
from service.audit.verifier import World
from tests.projections.ledgers import projected
from tests.reference.ledger import Ledger, line

NAMES = tuple("abcdefghij")
DAY = date(2023, 12, 31)


def tangled(seed: int) -> Ledger:
    """Organisations that own and stand for each other at random, in circles too, which recording would refuse."""
    random = Random(seed)
    ledger = Ledger()
    for name in NAMES:
        ledger.organization(name, "CN")
    for _ in range(random.randint(4, 24)):
        name, other = random.choice(NAMES), random.choice((*NAMES, None))
        said: dict[str, Any] = {"organization_id": name, random.choice(("same_as", "parent_id")): other}
        # What a record stands for, it stands for on all days; what it is owned by, from one on.
        ledger.record("organization-changed", f"20{random.randint(10, 30)}-01-01", said, known_on="2010-01-01")
    return ledger


@pytest.mark.parametrize("seed", range(40))
def test_records_and_owners_end_where_the_plain_evaluation_has_them_end(seed: int) -> None:
    events = tangled(seed).events
    world = World(events, DAY)
    moment = {"effective_on": DAY, "known_on": date.max, "position": len(events)}
    records = "select word_of(record) as one, word_of(organization) as other from records_as_of($known_on, $position)"
    families = (
        "select word_of(organization) as one, word_of(family) as other"
        " from families_as_of($effective_on, $known_on, $position)"
    )
    with projected(events) as projection, projection.cursor() as cursor:
        joined = {row["one"]: row["other"] for row in statements.rows(cursor, records, moment)}
        owned = {row["one"]: row["other"] for row in statements.rows(cursor, families, moment)}
    assert {name: joined.get(name, name) for name in NAMES} == {name: world.stands_for(name) for name in NAMES}
    ends = {name: owned.get(joined.get(name, name), joined.get(name, name)) for name in NAMES}
    assert ends == {name: world.ultimate_parent(name) for name in NAMES}


def test_two_records_of_one_vendor_are_one_row_under_its_name() -> None:
    ledger = Ledger()
    for name in ("baidu", "nvidia", "nvda"):
        ledger.organization(name, "US")
    # Said as of a day to come: it is so on all days.
    ledger.record(
        "organization-changed", "2030-01-01", {"organization_id": "nvda", "same_as": "nvidia"}, known_on="2020-01-01"
    )
    ledger.order("o1", "2023-01-01", [line("10", product_id=None)], vendor_id="nvda")
    ledger.order("o2", "2023-02-01", [line("5", product_id=None)], vendor_id="nvidia")
    asked = VendorDependence(measure="units", effective_on=DAY, position=len(ledger.events))
    with projected(ledger.events) as projection, projection.cursor() as cursor:
        (row,) = vendor_dependence(cursor, asked, country_name=lambda code: None)["rows"]
    assert (row["key"], row["name"], row["value"]) == ("nvidia", "Nvidia", "15")


def test_a_derived_amount_has_all_the_digits_that_two_figures_make() -> None:
    ledger = Ledger()
    for name in ("baidu", "nvidia"):
        ledger.organization(name, "US")
    ledger.order("o1", "2023-01-01", [line("0.0003", "999999999999999.9999", product_id=None)])
    receipt = {"line": "1", "quantity": "999999999999999.9998"}
    ledger.record("goods-received", "2023-02-01", {"order_id": "o1", "receipts": [receipt]})
    asked = VendorDependence(status="delivered", effective_on=DAY, position=len(ledger.events))
    with projected(ledger.events) as projection, projection.cursor() as cursor:
        answer = vendor_dependence(cursor, asked, country_name=lambda code: None)
    # 9,999,999,999,999,999,999 * 9,999,999,999,999,999,998 / 3 ten-thousandths.
    assert answer["total"]["value"] == "3333333333333333332333333333333333.3334"
