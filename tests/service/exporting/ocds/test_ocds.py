"""Orders as OCDS record packages: valid, offline, exact, and the same figures when another ledger imports them."""

import io
import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from domain.catalogue import read_request
from service.asking.questions import NothingThere, Questions
from service.codes import codes
from service.daybook import Daybook, open_daybook
from service.exporting.ocds.packages import encode, record_package
from service.importing.importing import import_file
from service.importing.plans import Summary
from service.importing.rows import BadFile
from service.ocds import merging, schemas
from service.postgres.embedded import EmbeddedPostgres
from service.settings import Settings

_numbers = itertools.count(1)
Opener = Callable[[], Daybook]


@pytest.fixture
def ledger(postgres_server: EmbeddedPostgres, template_database: str, tmp_path: Path) -> Iterator[Opener]:
    """Opens an empty ledger, and another one each time."""
    with ExitStack() as stack, psycopg.connect(postgres_server.conninfo_of("postgres"), autocommit=True) as connection:
        made: list[sql.Identifier] = []

        def opened() -> Daybook:
            name = f"ocds_{next(_numbers)}"
            made.append(sql.Identifier(name))
            connection.execute(
                sql.SQL("create database {} template {} strategy file_copy").format(
                    made[-1], sql.Identifier(template_database)
                )
            )
            url = SecretStr(postgres_server.conninfo_of(name))
            return stack.enter_context(open_daybook(Settings(home=tmp_path / name, database_url=url)))

        yield opened
        stack.close()
        for identifier in made:
            connection.execute(sql.SQL("drop database {} with (force)").format(identifier))


def request(event_type: str, on: str, known_on: str, event_id: str, /, **data: Any) -> dict[str, Any]:
    """An event request."""
    return {"type": event_type, "effective_on": on, "known_on": known_on, "id": event_id, "data": data}


def line(name: str, product: str | None, quantity: Any, amount: Any) -> dict[str, Any]:
    """A line of an order."""
    return {"line": name, "product_id": product, "quantity": quantity, "amount": amount}


def organization(identifier: str, name: str, country: str, **more: Any) -> dict[str, Any]:
    """A registration."""
    data = {"organization_id": identifier, "name": name, "country": country, **more}
    return request("organization-registered", "2000", "2017-01-01", f"org-{identifier}", **data)


RANGE = {"value": "1000", "low": "961", "high": "1000"}
REGISTER = [
    organization("holding", "Group Holding", "CN"),
    organization("baidu", "百度", "CN", parent_id="holding"),
    organization("tencent", "Tencent", "ZZ"),
    organization("huawei", "Huawei", "CN", identifiers=[{"scheme": "CN-USCI", "id": "914403001922038216"}]),
    request(
        "organization-changed",
        "2020",
        "2020-02-01",
        "huawei-renamed",
        organization_id="huawei",
        name="Huawei Technologies",
    ),
    request(
        "product-registered",
        "2022",
        "2022-11-01",
        "p-910b",
        product_id="910b",
        name="Ascend 910B",
        vendor_id="huawei",
        category="accelerator",
        attributes={"tpp": "5120"},
    ),
]
#: A joint order with everything that can happen to one.
ORDER = [
    request(
        "order-placed",
        "2023-08",
        "2023-11-07",
        "placed",
        order_id="po-1",
        buyers=["baidu", "tencent"],
        vendor_id="huawei",
        currency="CNY",
        lines=[line("1", "910b", "1600", "450000000.25"), line("2", None, RANGE, RANGE), line("3", "910b", None, None)],
    ),
    request(
        "order-allocated",
        "2023-11-07",
        "2023-11-08",
        "split",
        order_id="po-1",
        allocations=[{"buyer_id": "baidu", "share": "0.6"}],
    ),
    request(
        "order-amended",
        "2023-12-01",
        "2023-12-02",
        "more",
        order_id="po-1",
        changes=[{"line": "1", "quantity": "-100", "amount": "-50000000"}],
        lines=[line("4", "910b", "3", "100")],
    ),
    request(
        "goods-received",
        "../2024-01-05",
        "2024-01-06",
        "grn-1",
        order_id="po-1",
        receipts=[{"line": "1", "quantity": "1000"}],
    ),
    request(
        "goods-returned",
        "2024-02-01",
        "2024-02-01",
        "rtn-1",
        order_id="po-1",
        returns=[{"line": "1", "quantity": "10"}],
    ),
    # A slip of the pen, known as early as it was taken back.
    request(
        "goods-received",
        "2024-02-02",
        "2024-02-02",
        "grn-x",
        order_id="po-1",
        receipts=[{"line": "4", "quantity": "1"}],
    ),
    request("event-retracted", "2024-02-02", "2024-02-02", "grn-x-back", retracts="grn-x", reason="wrong order"),
    # What was published once and withdrawn later.
    request(
        "order-amended", "2024-02-10", "2024-02-11", "rumour", order_id="po-1", changes=[{"line": "4", "quantity": "1"}]
    ),
    request("event-retracted", "2024-02-20", "2024-02-20", "rumour-withdrawn", retracts="rumour", reason="denied"),
    request("event-annotated", "2024-02-21", "2024-02-21", "note", annotates="placed", note="seen by the auditor"),
]
CANCELLED = request("order-cancelled", "2024-03-01", "2024-03-02", "cancelled", order_id="po-1", reason="barred")
MOMENTS = [
    {"effective_on": "2025-01-01"},
    {"effective_on": "2023-11-30"},
    {"effective_on": "2024-02-15", "known_on": "2024-02-15"},
    {"effective_on": "2025-01-01", "known_on": "2023-12-31"},
]
QUESTIONS = [
    {"measure": measure, "status": status, "by": by, "currency": "CNY", **buyer, **moment}
    for measure, by in (("spend", "vendor"), ("units", "parent"), ("capacity", "category"), ("units", "product"))
    for status, buyer in (
        ("ordered", {}),
        ("delivered", {"buyer": "baidu"}),
        ("open", {"buyer": "holding", "buyer_scope": "group"}),
    )
    for moment in MOMENTS
]


def record(daybook: Daybook, *requests: dict[str, Any]) -> None:
    """Record requests as a client would."""
    daybook.committer.record([read_request(one, codes()) for one in requests])


def figures(daybook: Daybook) -> list[Any]:
    """Every answer to the questions, without what is the ledger's own."""
    daybook.follower.wait_for(daybook.ledger.recorder.head().position, 10)
    questions = Questions(daybook, 5.0)
    answers = [questions.vendor_dependence({name: [value] for name, value in one.items()}) for one in QUESTIONS]
    rows = [[{n: v for n, v in row.items() if n != "evidence"} for row in answer["rows"]] for answer in answers]
    return [(answer["total"], row, answer["metrics"]) for answer, row in zip(answers, rows, strict=True)]


def imported(daybook: Daybook, package: Any) -> Summary:
    """What became of importing a package."""
    summary = Summary("a package", "ocds", 0, dry_run=False)
    import_file(daybook, io.BytesIO(encode(package).encode()), summary)
    return summary


def record_of(package: dict[str, Any]) -> dict[str, Any]:
    """The one record of a package, after it went through JSON."""
    assert list(schemas.validator(schemas.RECORD_PACKAGE).iter_errors(package)) == []
    (told,) = json.loads(encode(package), parse_float=Decimal)["records"]
    for release in told["releases"]:
        assert list(schemas.validator(schemas.RELEASE).iter_errors(release)) == []
    assert list(schemas.validator(schemas.VERSIONED_RELEASE).iter_errors(told["versionedRelease"])) == []
    return dict(told)


def test_every_event_is_a_release_in_the_order_in_which_it_became_known(ledger: Opener) -> None:
    daybook = ledger()
    record(daybook, *REGISTER, *ORDER, CANCELLED)
    told = record_of(record_package(daybook, "po-1"))
    assert [(one["date"][:10], one["tag"]) for one in told["releases"]] == [
        ("2023-11-07", ["award", "contract"]),
        ("2023-11-08", ["contractUpdate"]),
        ("2023-12-02", ["contractAmendment"]),
        ("2024-01-06", ["implementation"]),
        ("2024-02-01", ["implementation"]),
        ("2024-02-11", ["contractAmendment"]),
        ("2024-02-20", ["contractUpdate"]),
        ("2024-03-02", ["contractTermination"]),
    ]
    assert len({one["id"] for one in told["releases"]}) == 8
    assert told["ocid"].startswith("ocds-")
    assert told["ocid"].endswith("-po-1")
    assert record_package(daybook, "po-1", "ocds-213czf")["records"][0]["ocid"] == "ocds-213czf-po-1"


def test_the_compiled_release_is_the_order_as_it_is_and_the_versioned_one_its_history(ledger: Opener) -> None:
    daybook = ledger()
    record(daybook, *REGISTER, *ORDER)
    told = record_of(record_package(daybook, "po-1"))
    compiled = told["compiledRelease"]
    (contract,) = compiled["contracts"]
    assert (contract["status"], contract["awardID"], contract["value"]) == ("active", "po-1", {"currency": "CNY"})
    # The month of August is no day.
    assert "dateSigned" not in contract
    assert contract["daybook"]["effective_on"] == "2023-08"
    by_id = {item["id"]: item for item in contract["items"]}
    assert (by_id["1"]["quantity"], by_id["2"]["quantity"]) == (1500, 1000)
    assert "quantity" not in by_id["3"]
    assert by_id["1"]["description"] == "Ascend 910B"
    assert by_id["1"]["classification"] == {"scheme": "daybook", "id": "accelerator"}
    # 450000000.25 / 1600 was a price; 400000000.25 / 1500 has no end, and is none.
    assert by_id["1"]["unit"] == {"value": {}}
    assert by_id["2"]["unit"] == {"value": {"amount": 1, "currency": "CNY"}}
    bounds = {one["id"]: one for one in contract["daybook"]["lines"]}
    assert bounds["2"]["ordered"]["quantity"] == RANGE
    # Merging leaves nulls out: no value is none known, no high is no bound.
    assert bounds["3"]["ordered"]["amount"] == {"low": "0"}
    assert bounds["1"]["delivered"]["quantity"]["value"] == "990"
    assert contract["daybook"]["allocations"] == [["baidu", "0.6"]]
    parties = {party["id"]: party for party in compiled["parties"]}
    assert parties["huawei"]["identifier"] == {"scheme": "CN-USCI", "id": "914403001922038216"}
    assert (parties["huawei"]["name"], parties["huawei"]["address"]) == (
        "Huawei Technologies",
        {"countryName": "China"},
    )
    assert (parties["baidu"]["name"], parties["baidu"]["roles"]) == ("百度", ["buyer"])
    # Nobody knows where.
    assert "address" not in parties["tencent"]
    # A line that a rumour of more was about is what it was before.
    assert by_id["4"]["quantity"] == 3
    # Two buyers: OCDS's `buyer` is one.
    assert "buyer" not in compiled
    (versioned,) = told["versionedRelease"]["contracts"]
    quantities = next(item["quantity"] for item in versioned["items"] if item["id"] == "1")
    assert [(one["releaseDate"][:10], one["value"]) for one in quantities] == [
        ("2023-11-07", 1600),
        ("2023-12-02", 1500),
    ]
    assert contract["amendments"] == [{"id": "more", "date": "2023-12-01T00:00:00Z"}, {"id": "rumour"}]
    (milestone,) = contract["implementation"]["milestones"]
    assert milestone == {"id": "grn-1", "type": "delivery", "title": "Goods received", "status": "met"}


def test_the_releases_come_to_what_is_compiled_by_the_standards_rules(ledger: Opener) -> None:
    daybook = ledger()
    record(daybook, *REGISTER, *ORDER)
    told = record_of(record_package(daybook, "po-1"))
    bare = [{name: value for name, value in one.items() if name != "daybook"} for one in told["releases"]]
    assert merging.compiled_release(bare) == told["compiledRelease"]
    assert merging.versioned_release(bare) == told["versionedRelease"]


def test_another_ledger_that_imports_it_has_the_same_figures(ledger: Opener) -> None:
    here, there = ledger(), ledger()
    record(here, *REGISTER, *ORDER)
    summary = imported(there, record_package(here, "po-1"))
    assert summary.recorded == len(REGISTER) + len(ORDER)
    expected = figures(here)
    assert figures(there) == expected
    assert expected[0][0]["value"] == "400001100.25"
    assert imported(there, record_package(here, "po-1")).recorded == 0
    record(here, CANCELLED)
    assert imported(there, record_package(here, "po-1")).recorded == 1
    assert figures(there) == figures(here) != expected


def test_the_ledger_that_it_comes_from_knows_it_all(ledger: Opener) -> None:
    daybook = ledger()
    record(daybook, *REGISTER, *ORDER, CANCELLED)
    summary = imported(daybook, record_package(daybook, "po-1"))
    assert (summary.recorded, summary.replayed) == (0, len(ORDER) + 1)


def test_an_order_that_was_placed_anew_comes_over_with_what_was_believed_before(ledger: Opener) -> None:
    here, there = ledger(), ledger()
    again = request(
        "order-placed",
        "2023-08-20",
        "2024-04-01",
        "placed-2",
        order_id="po-1",
        buyers=["baidu"],
        vendor_id="huawei",
        currency="CNY",
        lines=[line("1", "910b", "8", "24")],
    )
    withdrawn = request("event-retracted", "2024-04-01", "2024-04-01", "gone", retracts="placed", reason="misread")
    record(here, *REGISTER, *ORDER)
    record(here, withdrawn)
    told = record_of(record_package(here, "po-1"))
    assert told["compiledRelease"]["contracts"][0]["status"] == "cancelled"
    record(here, {**again, "corrects": "placed"})
    told = record_of(record_package(here, "po-1"))
    (contract,) = told["compiledRelease"]["contracts"]
    assert (contract["status"], contract["dateSigned"], contract["value"]["amount"]) == (
        "active",
        "2023-08-20T00:00:00Z",
        24,
    )
    # What the first placing had on top of the second is there no more.
    assert {item["id"]: item.get("quantity") for item in contract["items"]} == {"1": 8, "2": 0, "3": 0, "4": 0}
    assert told["compiledRelease"]["buyer"]["id"] == "baidu"
    imported(there, record_package(here, "po-1"))
    assert figures(there) == figures(here)


def test_another_vendor_is_another_award_since_suppliers_add_up_in_merging(ledger: Opener) -> None:
    here = ledger()
    told = {"order_id": "po-5", "buyers": ["baidu"], "currency": "CNY", "lines": [line("1", None, "8", "24")]}
    withdrawn = request("event-retracted", "2024-04-01", "2024-04-01", "gone", retracts="p", reason="misread")
    record(
        here, *REGISTER, request("order-placed", "2023-08-20", "2023-09-01", "p", vendor_id="huawei", **told), withdrawn
    )
    record(here, request("order-placed", "2023-08-20", "2024-04-01", "p-2", vendor_id="tencent", **told))
    compiled = record_of(record_package(here, "po-5"))["compiledRelease"]
    awards = {award["id"]: award["status"] for award in compiled["awards"]}
    assert awards == {"po-5": "cancelled", "po-5.2": "active"}
    assert compiled["contracts"][0]["awardID"] == "po-5.2"


def test_an_order_that_took_the_place_of_another_comes_over_alone(ledger: Opener) -> None:
    here, there = ledger(), ledger()
    told = {"buyers": ["baidu"], "vendor_id": "huawei", "currency": "CNY", "lines": [line("1", "910b", "8", "24")]}
    withdrawn = request("event-retracted", "2024-04-01", "2024-04-01", "gone", retracts="p", reason="contracted")
    contracted = request("order-placed", "2023-08-20", "2024-04-01", "p-2", order_id="contract", **told)
    record(here, *REGISTER, request("order-placed", "2023-08-20", "2023-09-01", "p", order_id="award", **told))
    record(here, withdrawn, {**contracted, "corrects": "p"})
    package = record_package(here, "contract")
    # The other buyer of the register has nothing to do with it.
    assert imported(there, package).recorded == len(REGISTER) - 1 + 1
    assert imported(here, package).replayed == 1


def test_joint_suppliers_are_exported_as_such(ledger: Opener) -> None:
    here, there = ledger(), ledger()
    consortium = organization("pair", "Huawei + SMIC", "CN")
    formed = request(
        "partnership-formed",
        "2020",
        "2020-01-01",
        "pair-formed",
        partnership_id="pair",
        parties=["huawei", "smic"],
        kind="consortium",
        scope="joint",
    )
    placed = request(
        "order-placed",
        "2023-08-20",
        "2024-04-01",
        "p",
        order_id="po-2",
        buyers=["baidu"],
        vendor_id="pair",
        currency="CNY",
        lines=[line("1", None, "2", "5.5")],
    )
    record(here, *REGISTER, organization("smic", "SMIC", "CN"), consortium, formed, placed)
    package = record_package(here, "po-2")
    told = record_of(package)
    assert [one["id"] for one in told["compiledRelease"]["awards"][0]["suppliers"]] == ["huawei", "smic"]
    assert told["compiledRelease"]["buyer"] == {"id": "baidu", "name": "百度"}
    imported(there, package)
    assert figures(there) == figures(here)


def _stripped(value: Any) -> Any:
    """A package without the extension, as anybody else publishes."""
    if isinstance(value, dict):
        return {name: _stripped(one) for name, one in value.items() if name != "daybook"}
    return [_stripped(one) for one in value] if isinstance(value, list) else value


def test_without_the_extension_the_contract_still_says_the_value_and_who(ledger: Opener) -> None:
    here, there = ledger(), ledger()
    simple = request(
        "order-placed",
        "2023-08-20",
        "2023-09-01",
        "p",
        order_id="po-3",
        buyers=["baidu"],
        vendor_id="huawei",
        currency="CNY",
        lines=[line("1", "910b", "8", "24.8"), line("2", None, "3", "1")],
    )
    amended = request(
        "order-amended", "2023-10-01", "2023-10-02", "a", order_id="po-3", changes=[{"line": "1", "amount": "8"}]
    )
    record(here, *REGISTER, simple, amended)
    package = _stripped(record_package(here, "po-3", "ocds-213czf"))
    assert imported(there, package).types["order-amended"] == 1
    there.follower.wait_for(there.ledger.recorder.head().position, 10)
    questions = Questions(there, 5.0)
    for known_on, value in (("2023-09-01", "25.8"), ("2023-10-02", "33.8")):
        answer = questions.vendor_dependence({"currency": ["CNY"], "known_on": [known_on], "by": ["vendor"]})
        assert [(row["key"], row["value"]) for row in answer["rows"]] == [("CN-USCI-914403001922038216", value)]


TAMPERED: list[tuple[str, Callable[[dict[str, Any]], None], str]] = [
    (
        "value",
        lambda told: told["contracts"][0]["value"].update(amount=7),
        "states a value of 7, and its daybook extension comes to 24",
    ),
    (
        "another order",
        lambda told: told["daybook"]["events"][0]["data"].update(order_id="po-9"),
        "speaks of order po-9, and none of its contracts is that",
    ),
    ("no list", lambda told: told["daybook"].update(events={}), "/records/0/releases/0/daybook/events is not a list"),
    ("no event", lambda told: told["daybook"].update(events=[5]), "/records/0/releases/0/daybook/events/0 is no event"),
    ("no position", lambda told: told["daybook"]["events"][0].pop("position"), "it needs a position, an id and a type"),
    (
        "a rule",
        lambda told: told["daybook"]["events"][0].update(type="regulation-enacted"),
        "regulation-enacted has no place in an order's release",
    ),
    (
        "a foreign retraction",
        lambda told: told["daybook"]["events"].append(
            {"position": 99, "id": "x", "type": "event-retracted", "data": {"retracts": "y"}}
        ),
        "x is not about the order",
    ),
    (
        "a foreign note",
        lambda told: told["daybook"]["register"].append(
            {"position": 99, "id": "x", "type": "event-annotated", "data": {"annotates": "y"}}
        ),
        "x is not about the register",
    ),
    ("an empty one", lambda told: told["daybook"].update(events=[]), "has events of 0 orders, not of one"),
    ("an unknown field", lambda told: told["daybook"]["events"][0].update(secret=1), "/secret"),
]


def test_an_extension_that_does_not_fit_is_named_and_nothing_is_recorded(ledger: Opener) -> None:
    here, there = ledger(), ledger()
    placed = request(
        "order-placed",
        "2023-08-20",
        "2023-09-01",
        "p",
        order_id="po-4",
        buyers=["baidu"],
        vendor_id="huawei",
        currency="CNY",
        lines=[line("1", "910b", "8", "24")],
    )
    record(here, *REGISTER, placed)
    for name, tamper, message in TAMPERED:
        package = json.loads(encode(record_package(here, "po-4")))
        tamper(package["records"][0]["releases"][0])
        with pytest.raises(BadFile) as refused:
            imported(there, package)
        assert message in str(refused.value), name
    assert there.ledger.recorder.head().position == 0


def test_an_order_that_is_not_there_cannot_be_exported(ledger: Opener) -> None:
    with pytest.raises(NothingThere, match="there is no order po-1"):
        record_package(ledger(), "po-1")


def test_decimals_are_written_as_they_are() -> None:
    told = {"a": [Decimal("123456789012345.6789"), 7, None, True, 'x"é'], "b": {}}
    assert encode(told) == '{"a":[123456789012345.6789,7,null,true,"x\\"é"],"b":{}}'
