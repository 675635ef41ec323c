"""Processes with many releases, orders and parties: read in time that grows with what they state."""

import random
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import cache
from typing import Any

import pytest

from domain.events import Recorded
from domain.periods import parse_day, parse_period
from service.importing.ocds.days import Tale, tale
from service.importing.ocds.documents import Publication
from service.importing.ocds.orders import LedgerLookups
from service.importing.ocds.purchases import Purchase
from service.importing.ocds.releases import reduced
from service.importing.ocds.spool import ReleaseSpool, SpooledRelease, spool
from service.ocds import merging
from tests.effort import Act, assert_in_proportion
from tests.service.importing.ocds_samples import OCID, SUPPLIER, award, contract, item, jsonl, package, read, release

Releases = list[dict[str, Any]]


def on(day: int, **told: Any) -> dict[str, Any]:
    """A release that says no more than it is told to, so many days after the first."""
    known = {"parties": ..., "awards": ..., "contracts": ..., "buyer": ..., **told}
    return release((date(2000, 1, 1) + timedelta(days=day)).isoformat(), **known)


def supplier(number: int, name: str = "") -> dict[str, str]:
    return {"id": f"s-{number}", "name": name or f"Supplier {number}"}


def numbered(number: int, award_id: str = "a-1", **told: Any) -> dict[str, Any]:
    return contract(id=f"c-{number}", awardID=award_id, **{"items": ..., **told})


BUYER = {"id": "b-1", "name": "Municipalidad de Pirapó"}
OTHER_BUYER = {"id": "b-2", "name": "Municipalidad de Yatytay"}


def a_contract_a_day(count: int) -> Releases:
    every = range(count)
    awards = [award(id=f"a-{n}", suppliers=[supplier(n)]) for n in every]
    return [on(n, buyer=BUYER, awards=[awards[n]], contracts=[numbered(n, f"a-{n}")]) for n in every]


def a_call_off_a_day(count: int) -> Releases:
    return [on(0, buyer=BUYER, awards=[award()]), *(on(n + 1, contracts=[numbered(n)]) for n in range(count))]


def a_change_a_day(count: int) -> Releases:
    changed = {"amount": 700_000, "currency": "PYG"}
    first = on(0, buyer=BUYER, awards=[award()], contracts=[numbered(n) for n in range(count)])
    return [first, *(on(n + 1, contracts=[numbered(n, value=changed)]) for n in range(count))]


def another_title_a_day(count: int) -> Releases:
    first = on(0, buyer=BUYER, awards=[award()], contracts=[numbered(n) for n in range(count)])
    return [first, *(on(n + 1, awards=[{"id": "a-1", "title": f"Title {n}"}]) for n in range(count))]


def another_supplier_a_day(count: int) -> Releases:
    awards = [award(suppliers=[{"name": f"Supplier {n % 2}"}]) for n in range(count)]
    return [on(n, buyer=BUYER, awards=[awards[n]]) for n in range(count)]


def one_name_for_all(count: int) -> Releases:
    parties = [{**supplier(n, "Same"), "identifier": {"scheme": "PY-RUC", "id": f"{n}"}} for n in range(count)]
    awards = [award(id=f"a-{n}", suppliers=[{"id": f"other-{n}", "name": "Same"}]) for n in range(count)]
    return [on(0, buyer=BUYER, parties=parties, awards=awards)]


def another_buyer_a_day(count: int) -> Releases:
    first = on(0, buyer=BUYER, awards=[award(id=f"a-{n}") for n in range(count)])
    return [first, *(on(n + 1, buyer=(BUYER, OTHER_BUYER)[n % 2]) for n in range(count))]


def an_item_a_day(count: int) -> Releases:
    items = [item(f"i-{n}") for n in range(count)]
    first = on(0, buyer=BUYER, awards=[award()], contracts=[contract(items=items)])
    changes = [[{"id": f"i-{n}", "quantity": 11}] for n in range(count)]
    return [first, *(on(n + 1, contracts=[{"id": "c-1", "awardID": "a-1", "items": changes[n]}]) for n in range(count))]


def partners_of_every_contract(count: int) -> Releases:
    contracts = [numbered(n) for n in range(count)]
    return [on(0, buyer=BUYER, awards=[award(suppliers=[supplier(n) for n in range(count)])], contracts=contracts)]


def buyers_of_every_award(count: int) -> Releases:
    parties = [{**supplier(n), "roles": ["buyer"]} for n in range(count)]
    return [on(n, parties=[parties[n]], awards=[award(id=f"a-{n}")]) for n in range(count)]


LINEAR = (
    a_contract_a_day,
    a_call_off_a_day,
    a_change_a_day,
    another_title_a_day,
    another_supplier_a_day,
    one_name_for_all,
)
#: What comes to so many orders or lines of orders that the answer itself is the square of the question.
ENDLESS = (another_buyer_a_day, an_item_a_day, partners_of_every_contract, buyers_of_every_award)


def assert_linear(file_of: Callable[[int], bytes], ledger_of: Callable[[bytes], LedgerLookups]) -> None:
    """Four times as much takes at most about four times as long; what is quadratic takes sixteen times."""

    @cache
    def prepare(count: int) -> Act:
        def act() -> None:
            groups, rejects, _ = read(file, ledger)
            assert groups
            assert rejects == []

        file = file_of(count)
        ledger = ledger_of(file)
        return act

    assert_in_proportion(prepare, 60)


def empty(file: bytes) -> LedgerLookups:
    return LedgerLookups(lambda stream: [], lambda streams: set())


def having(file: bytes) -> LedgerLookups:
    """A ledger that has imported the file."""
    streams: dict[str, list[Recorded]] = {}
    stream_of: dict[str, str] = {}
    for group in read(file)[0]:
        for entry in group.entries:
            sent = entry.sent
            data = sent["data"]
            stream = f"order/{data['order_id']}" if "order_id" in data else stream_of.get(data.get("retracts", ""), "")
            stream_of[sent["id"]] = stream
            events = streams.setdefault(stream, [])
            events.append(
                Recorded(
                    type=sent["type"],
                    id=sent["id"],
                    stream=stream,
                    position=len(stream_of),
                    version=len(events) + 1,
                    effective_on=parse_period(sent["effective_on"]),
                    known_on=parse_day(sent["known_on"]),
                    basis="reported",
                    data=data,
                )
            )
    return LedgerLookups(lambda stream: streams.get(stream, []), lambda names: set())


@pytest.mark.parametrize("ledger_of", [empty, having])
@pytest.mark.parametrize("process", LINEAR)
def test_a_process_takes_time_in_proportion_to_what_it_states(
    process: Callable[[int], Releases], ledger_of: Callable[[bytes], LedgerLookups]
) -> None:
    assert_linear(lambda count: jsonl(package(*process(count))), ledger_of)


@pytest.mark.parametrize("process", ENDLESS)
def test_a_process_that_comes_to_far_more_than_it_states_is_refused_by_name(
    process: Callable[[int], Releases],
) -> None:
    few, rejects, _ = read(jsonl(package(*process(20))))
    assert few
    assert rejects == []
    none, (reject,), _ = read(jsonl(package(*process(400))))
    assert none == []
    assert reject.row == OCID
    assert "change so much of it so often that more than" in reject.message
    assert reject.message.startswith("/releases/")


def test_what_was_imported_comes_out_again_as_it_is_recorded() -> None:
    file = jsonl(package(*another_supplier_a_day(12)))
    first, _, _ = read(file)
    again, _, summary = read(file, having(file))
    assert [entry.sent for group in again for entry in group.entries] == [
        entry.sent for group in first for entry in group.entries
    ]
    assert summary.plan.noted == []


def test_each_day_that_the_ledger_has_overtaken_is_reported_and_the_next_is_recorded() -> None:
    def worth(day: int, amount: int) -> dict[str, Any]:
        return on(day, buyer=BUYER, awards=[award(value={"amount": amount, "currency": "PYG"})])

    ledger = having(jsonl(package(worth(2, 100), worth(5, 200))))
    others = [on(day, buyer=BUYER) for day in (3, 4, 6, 7)]
    (group,), rejects, summary = read(jsonl(package(worth(1, 300), *others)), ledger)
    assert rejects == []
    assert [(remark.message.split()[2], remark.message.rpartition(": ")[2]) for remark in summary.plan.noted] == [
        (f"2000-01-0{day}-contract", "not recorded") for day in (2, 4, 5)
    ]
    (amended,) = [entry.sent for entry in group.entries]
    assert (amended["type"], amended["known_on"]) == ("order-amended", "2000-01-07")
    assert amended["data"]["changes"] == [{"line": "value", "amount": "100"}]


def _spooled(releases: Releases, into: ReleaseSpool) -> list[SpooledRelease]:
    for place, one in enumerate(releases):
        assert (
            into.add(1, f"/releases/{place}", reduced(Publication(1, f"/releases/{place}", one)), whole=False) is None
        )
    ((_, published),) = into.processes()
    return published


def _bought(told: Tale) -> dict[str, Purchase]:
    open_spells = {order: [one for one in spells if one.end is None] for order, spells in told.orders.items()}
    purchases = {order: spells[-1].verdict.purchase for order, spells in open_spells.items() if spells}
    return {order: purchase for order, purchase in purchases.items() if purchase is not None}


def _random_releases(chance: random.Random) -> Iterator[dict[str, Any]]:
    people = [supplier(n % 4, f"Supplier {n % 3}") for n in range(6)]
    for day in range(12):
        told: dict[str, Any] = {}
        status = chance.choice(["active", "active", "pending", "cancelled", ...])
        suppliers = chance.choice([..., [chance.choice(people)], chance.sample(people[:4], 2)])
        value = {"amount": chance.choice([10, 100]), "currency": chance.choice(["PYG", "USD"])}
        items = [item(f"i-{n}", chance.choice([1, 2]), chance.choice([1, None])) for n in range(chance.randrange(3))]
        common = {"status": status, "suppliers": suppliers, "value": chance.choice([value, ...]), "items": items or ...}
        if chance.random() < 0.6:
            told["awards"] = [award(id=f"a-{chance.randrange(3)}", **common)]
        if chance.random() < 0.6:
            told["contracts"] = [numbered(chance.randrange(4), f"a-{chance.randrange(4)}", **common)]
        if chance.random() < 0.4:
            roles = chance.sample(["buyer", "supplier", "procuringEntity"], 2)
            told["parties"] = [{**chance.choice(people), "roles": roles}]
        if chance.random() < 0.2:
            told["buyer"] = chance.choice([BUYER, SUPPLIER])
        yield on(day, **told)


@pytest.mark.parametrize("seed", range(12))
def test_days_one_after_the_other_come_to_what_their_releases_merged_come_to(seed: int) -> None:
    releases = list(_random_releases(random.Random(seed)))
    with spool() as kept:
        published = _spooled(releases, kept)
        for days in range(1, len(published) + 1):
            one_by_one = tale(OCID, published[:days], kept)
            merged = merging.compiled_release([one.content for one in published[:days]])
            last = published[days - 1]
            at_once = SpooledRelease(1, "", "compiled", last.published_at, True, merged)
            whole = tale(OCID, [at_once], kept)
            assert _bought(one_by_one) == _bought(whole)
            assert one_by_one.given_up == whole.given_up
            assert one_by_one.remarks == whole.remarks
            assert one_by_one.unusable == whole.unusable
