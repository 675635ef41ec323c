"""OCDS files imported into a ledger: real packages, twice, in parts, and on top of what others recorded."""

import gzip
import io
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from service.asking.questions import Questions
from service.importing.importing import import_file
from service.importing.plans import RowRefused, Summary
from service.importing.rows import BadFile
from service.importing.streaming import Options
from tests.service.importing.conftest import EXAMPLES, Desk
from tests.service.importing.ocds_samples import (
    AWARD_ORDER,
    OCID,
    ORDER,
    OTHER_SUPPLIER,
    SUPPLIER,
    award,
    contract,
    item,
    jsonl,
    package,
    release,
)

PARAGUAY = EXAMPLES / "ocds-paraguay.jsonl.gz"


def dependence(desk: Desk, **asked: str) -> dict[str, Any]:
    """The view vendor-dependence in guaraníes."""
    desk.daybook.follower.wait_for(desk.head, 10)
    raw = {name: [value] for name, value in {"currency": "PYG", **asked}.items()}
    return Questions(desk.daybook, 5.0).vendor_dependence(raw)


def spent(desk: Desk, **asked: str) -> dict[str, str]:
    """What was spent, by vendor."""
    return {row["key"]: row["value"] for row in dependence(desk, **asked)["rows"]}


def _told() -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """The records and releases of each line of the packages of Paraguay."""
    with gzip.open(PARAGUAY, "rt", encoding="utf-8") as file:
        for line, text in enumerate(file, start=1):
            told = json.loads(text, parse_float=Decimal)
            yield line, told.get("records", told.get("releases"))


def _bought() -> dict[str, Decimal]:
    """What the file says was bought in guaraníes: its contracts, and its awards that have none."""
    contracts: dict[tuple[str, str], Decimal] = {}
    awards: dict[tuple[str, str], Decimal] = {}
    for content in (one.get("compiledRelease") or one for _, told in _told() for one in told):
        for one in content.get("contracts", ()):
            if one["awardID"] is not None and one["value"]["currency"] == "PYG":
                contracts[content["ocid"], one["id"]] = one["value"]["amount"]
        for one in content.get("awards", ()):
            if one["value"]["currency"] == "PYG":
                awards[content["ocid"], one["id"]] = one["value"]["amount"]
    contracted = {ocid for ocid, _ in contracts}
    left = {key: amount for key, amount in awards.items() if key[0] not in contracted}
    return {f"{ocid} {own}": Decimal(amount) for (ocid, own), amount in (contracts | left).items()}


def test_the_packages_of_paraguay_import_and_show_each_suppliers_share(desk: Desk) -> None:
    summary = desk.imports(PARAGUAY)
    assert (summary.format, summary.rows, summary.rejected) == ("ocds", 81, 0)
    assert summary.types["order-placed"] == 49
    bought = _bought()
    answer = dependence(desk, exclude="unquantified")
    assert Decimal(answer["total"]["value"]) == sum(bought.values())
    largest = answer["rows"][0]
    assert (largest["value"], largest["country"]) == ("11318396672", "PY")
    assert largest["share"] == pytest.approx(float(11318396672 / sum(bought.values())), abs=1e-6)
    # Five awards name several suppliers, and no release says who supplies what; of one, later contracts do.
    joint = [row for row in answer["rows"] if row["key"].startswith("consortium-")]
    assert len(joint) == 4
    # One process is in dollars.
    assert dependence(desk, currency="USD", exclude="unquantified")["total"]["value"] == "45233756"
    # Every line is of a process that became orders, or says why it is not.
    placed = {event.stored["source"]["citation"].split()[-1] for event in desk.events("order-placed") if event.stored}
    said = {remark.line for remark in summary.plan.noted}
    assert [line for line, told in _told() if not {one["ocid"] for one in told} <= placed and line not in said] == []


def test_importing_again_records_nothing(desk: Desk) -> None:
    first = desk.imports(PARAGUAY)
    head = desk.head
    second = desk.imports(PARAGUAY)
    assert (second.recorded, desk.head) == (0, head)
    # Registrations that the ledger has are not sent again, and neither are partnerships.
    assert second.replayed == first.types["order-placed"] + first.types["event-retracted"] == 51


def guaranies(amount: int) -> dict[str, Any]:
    """A value in the currency of Paraguay."""
    return {"amount": amount, "currency": "PYG"}


AWARDED = release("2016-05-03", "award", contracts=..., awards=[award(suppliers=[SUPPLIER, OTHER_SUPPLIER])])
SIGNED = release(awards=..., contracts=[contract(suppliers=[OTHER_SUPPLIER])])
GROWN = release(
    "2016-08-01",
    "contractAmendment",
    awards=...,
    contracts=[
        contract(suppliers=[OTHER_SUPPLIER], items=[item("i-1", 12)], value={"amount": 780000, "currency": "PYG"})
    ],
)


def test_what_was_known_is_what_the_releases_up_to_that_day_said(desk: Desk) -> None:
    desk.imports(jsonl(package(AWARDED, SIGNED, GROWN)))
    assert spent(desk, known_on="2016-05-02") == {}
    (consortium,) = spent(desk, known_on="2016-06-30").items()
    assert consortium[0].startswith("consortium-")
    assert consortium[1] == "650000"
    assert spent(desk, known_on="2016-07-31") == {"PY-RUC-80026314-6": "650000"}
    assert spent(desk, known_on="2016-08-01") == {"PY-RUC-80026314-6": "780000"}
    assert [row["key"] for row in dependence(desk, by="category")["rows"]] == ["UNSPSC:43211507"]


def test_releases_file_by_file_come_to_what_they_do_in_one(desk: Desk) -> None:
    for releases in ([AWARDED], [AWARDED, SIGNED], [AWARDED, SIGNED, GROWN]):
        desk.imports(jsonl(package(*releases)))
    parts = desk.events("order-placed", "order-amended", "event-retracted", "partnership-formed")
    again = desk.imports(jsonl(package(AWARDED, SIGNED, GROWN)))
    assert [event.type for event in parts] == [
        "partnership-formed",
        "order-placed",
        "event-retracted",
        "order-placed",
        "order-amended",
    ]
    assert (again.recorded, again.replayed) == (0, 4)


def test_a_later_file_with_the_latest_compiled_release_alone_amends_what_the_ledger_has(desk: Desk) -> None:
    def compiled(told: dict[str, Any]) -> bytes:
        whole = {**told, "id": "whole", "tag": ["compiled"], "awards": [award()]}
        return jsonl(
            {"ocid": OCID, "releases": [{"url": "https://example.org", "date": told["date"]}], "compiledRelease": whole}
        )

    desk.imports(compiled(SIGNED))
    summary = desk.imports(compiled(GROWN))
    assert summary.types == {"order-amended": 1}
    assert spent(desk) == {"PY-RUC-80026314-6": "780000"}
    # An older one than the ledger has is said to come too late.
    late = compiled(
        {**SIGNED, "date": "2016-07-15T00:00:00Z", "contracts": [contract(value={"amount": 9, "currency": "PYG"})]}
    )
    summary = desk.imports(late)
    assert summary.recorded == 0
    assert "is older than what the ledger has" in summary.plan.noted[-1].message


def test_a_release_that_says_something_else_than_it_did_is_refused(desk: Desk) -> None:
    desk.imports(jsonl(package(release())))
    head = desk.head
    other = release(contracts=[contract(value=guaranies(700000))])
    with pytest.raises(RowRefused, match=r"line 1: ocds-213czf-0042: /data: .* is recorded already with another data"):
        desk.imports(jsonl(package(other)))
    assert desk.head == head


def test_receipts_that_others_recorded_stay_under_amendments_and_forbid_telling_the_order_anew(desk: Desk) -> None:
    desk.imports(jsonl(package(release())))
    receipt = {"order_id": ORDER, "receipts": [{"line": "i-1", "quantity": "4"}]}
    desk.record([{"type": "goods-received", "effective_on": "2016-07-20", "id": "grn-1", "data": receipt}])
    grown = release("2016-08-01", "contractAmendment", contracts=[contract(value=guaranies(700000))])
    assert desk.imports(jsonl(package(release(), grown))).types["order-amended"] == 1
    assert spent(desk, status="delivered") == {"PY-RUC-80023118-0": "260000"}
    moved = release("2016-09-01", "contractUpdate", contracts=[contract(suppliers=[OTHER_SUPPLIER])])
    with pytest.raises(BadFile, match="which no amendment can say, and grn-1 builds on it"):
        desk.imports(jsonl(package(release(), grown, moved)))


def test_an_order_of_the_same_id_from_elsewhere_is_left_alone(desk: Desk) -> None:
    desk.know("buyer", "vendor")
    data = {"order_id": ORDER, "buyers": ["buyer"], "vendor_id": "vendor", "currency": "PYG"}
    lines = [{"line": "1", "product_id": None, "quantity": "1", "amount": "1"}]
    desk.record([{"type": "order-placed", "effective_on": "2016-06-01", "data": {**data, "lines": lines}}])
    with pytest.raises(BadFile, match="is in the ledger already, and not from an OCDS release"):
        desk.imports(jsonl(package(release())))


def test_nothing_of_a_file_with_a_fault_is_recorded_unless_the_rest_is_wanted(desk: Desk) -> None:
    other = release(ocid="ocds-213czf-0043", id="other", awards=[award(suppliers=...)])
    file = jsonl(package(other), package(release()))
    with pytest.raises(BadFile, match="line 1: ocds-213czf-0043: contract c-1: names no supplier"):
        desk.imports(file)
    assert desk.head == 0
    rejects = io.StringIO()
    summary = Summary("a file", "ocds", 0, dry_run=False)
    import_file(desk.daybook, io.BytesIO(file), summary, Options(continue_on_error=True, rejects=rejects))
    assert (summary.rejected, summary.types["order-placed"]) == (1, 1)
    assert json.loads(rejects.getvalue())["line"] == 1
    assert spent(desk) == {"PY-RUC-80023118-0": "650000"}


def test_faults_are_counted_by_cause_to_the_end_of_the_file(desk: Desk) -> None:
    bad = [
        release(ocid=f"ocds-213czf-{n:04}", contracts=[contract(value={"amount": -n, "currency": "PYG"})])
        for n in range(1, 121)
    ]
    last = release(ocid="ocds-213czf-0999", contracts=[contract(value={"amount": 1, "currency": "XYZ"})])
    with pytest.raises(BadFile) as caught:
        desk.imports(jsonl(package(*bad), package(last)))
    assert [(cause.cause, cause.count) for cause in caught.value.causes] == [
        ("/releases/.../contracts/.../value/amount: ... is negative", 120),
        ("/releases/.../contracts/.../value/currency: is ..., which is none of the standard's codes for it", 1),
    ]
    assert (caught.value.causes[0].mend, caught.value.faults[-1].line) == (None, 2)


def test_a_dry_run_counts_and_records_nothing(desk: Desk) -> None:
    file = jsonl(package(AWARDED, SIGNED, GROWN))
    rehearsed = desk.imports(file, dry_run=True)
    assert desk.head == 0
    assert desk.imports(file).recorded == rehearsed.recorded


def test_a_truncated_gzip_is_refused_with_nothing_recorded(desk: Desk) -> None:
    with pytest.raises(BadFile, match="gzip"):
        desk.imports(PARAGUAY.read_bytes()[:100_000], "ocds")
    assert desk.head == 0


def test_the_order_of_an_award_is_forgotten_when_contracts_take_its_place(desk: Desk) -> None:
    desk.imports(jsonl(package(AWARDED, SIGNED)))
    history = desk.daybook.ledger.history(f"order/{AWARD_ORDER}")
    assert [event.type for event in history] == ["order-placed", "event-retracted"]
    (anew,) = desk.daybook.ledger.history(f"order/{ORDER}")
    assert anew.stored is not None
    assert anew.stored["corrects"] == history[0].id
