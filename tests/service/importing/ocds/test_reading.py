"""OCDS files: every form they come in, and everything that can be wrong with them, by line and pointer."""

import io
import json
from decimal import Decimal
from typing import Any

import pytest

from service.codes import codes
from service.importing.formats import guess_format
from service.importing.ocds.documents import LONGEST_LINE_BYTES
from service.importing.ocds.orders import read_ocds
from service.importing.plans import Summary
from service.importing.rows import BadFile
from service.ocds.schemas import codelist
from tests.service.importing.ocds_samples import (
    AWARD_ORDER,
    EMPTY,
    OCID,
    ORDER,
    SUPPLIER,
    award,
    contract,
    events,
    item,
    jsonl,
    package,
    read,
    record_package,
    release,
)

WHOLE = release(tag="compiled")
RECORD = {"ocid": OCID, "releases": [release()]}
LINKS = [{"url": "https://example.org/release/1", "date": "2016-07-01T10:00:00Z", "tag": ["contract"]}]
#: Forms of one and the same release.
FORMS = {
    "a release package": jsonl(package(release())),
    "a record package": jsonl(record_package(RECORD)),
    "a release": jsonl(release()),
    "a record": jsonl(RECORD),
    "a record that links its releases": jsonl({"ocid": OCID, "releases": LINKS, "compiledRelease": WHOLE}),
    "a package over several lines": json.dumps(package(release()), indent=2).encode(),
    "a list of releases": json.dumps([release()]).encode(),
    "a byte order mark": b"\xef\xbb\xbf" + jsonl(package(release())),
    "blank lines between packages": b"\n" + jsonl(package(release())) + b"\n\n" + jsonl(package(release())),
    "a package of 1.0, which has no version": jsonl(package(release(), version=...)),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_release_is_the_same_order(form: str) -> None:
    assert guess_format(io.BytesIO(FORMS[form])) == "ocds"
    (placed,) = events(FORMS[form])
    assert (placed["type"], placed["data"]["order_id"]) == ("order-placed", ORDER)
    assert (placed["effective_on"], placed["known_on"]) == ("2016-06-28", "2016-07-01")


def test_event_requests_are_not_taken_for_ocds_where_they_quote_it() -> None:
    line = {
        "type": "order-placed",
        "source": {"quote": '{"ocid": "x", "publisher": 1, "publishedDate": 2}'},
        "data": {},
    }
    assert guess_format(io.BytesIO(jsonl(line))) == "ndjson"


def test_embedded_releases_go_before_the_compiled_one() -> None:
    compiled = release(tag="compiled", contracts=[contract(value={"amount": 1, "currency": "PYG"}, items=...)])
    (placed,) = events(jsonl({**RECORD, "compiledRelease": compiled}))
    assert placed["data"]["lines"][0]["amount"] == "650000"


def test_a_record_of_links_alone_is_said_to_hold_nothing() -> None:
    groups, rejects, summary = read(jsonl(record_package({"ocid": OCID, "releases": LINKS, "compiledRelease": {}})))
    assert (groups, rejects) == ([], [])
    (remark,) = summary.plan.noted
    assert (remark.line, remark.row) == (1, OCID)
    assert "1 releases are linked, not embedded" in remark.message


def test_a_process_without_contract_or_award_is_said_to_have_nothing_to_record() -> None:
    groups, rejects, summary = read(jsonl(package(release(tag="planning", awards=..., contracts=...))))
    assert (groups, rejects) == ([], [])
    assert [remark.message for remark in summary.plan.noted] == ["has no contract and no award: nothing to record"]


def test_releases_of_one_process_are_put_together_wherever_they_stand() -> None:
    tender = release("2016-04-01", "tender", awards=..., contracts=...)
    bare = release("2016-07-01", buyer=..., parties=..., awards=...)
    awarded = release("2016-05-03", "award", contracts=...)
    other = release(ocid="ocds-213czf-0043", id="other")
    placed = events(jsonl(package(bare), package(other), package(awarded), package(tender)), "order-placed")
    by_order = {one["data"]["order_id"]: one for one in placed}
    assert by_order[ORDER]["data"]["vendor_id"] == "PY-RUC-80023118-0"
    assert set(by_order) == {AWARD_ORDER, ORDER, "ocds-213czf-0043:contract:c-1"}


def _changed(path: str, value: Any) -> dict[str, Any]:
    """A release of which one place has another value; `...`: none."""
    told: Any = release()
    place = told
    *parts, last = path.strip("/").split("/")
    for part in parts:
        place = place[int(part) if part.isdigit() else part]
    if value is ...:
        del place[last]
    else:
        place[int(last) if last.isdigit() else last] = value
    return dict(told)


#: A place in the release, what stands there, and what is said of it.
FAULTS = [
    ("/ocid", ..., "/releases/0: has no ocid, which the standard requires"),
    ("/id", ..., "/releases/0: has no id, which the standard requires"),
    ("/date", "yesterday", "/releases/0/date: 'yesterday' is not a date and time such as 2016-06-28T12:00:00-04:00"),
    ("/date", "0001-01-01T00:00:00Z", "/releases/0/date: '0001-01-01T00:00:00Z' is no date on which"),
    ("/tag", ["bought"], "/releases/0/tag/0: is 'bought', which is none of the standard's codes for it"),
    ("/parties", {}, "/releases/0/parties: is an object, not a list"),
    ("/contracts", None, "/releases/0/contracts: is null, not a list"),
    ("/contracts/0/id", ..., "/releases/0/contracts/0: has no id, which the standard requires"),
    ("/contracts/0/awardID", ..., "/releases/0/contracts/0: has no awardID, which the standard requires"),
    ("/contracts/0/status", "done", "/releases/0/contracts/0/status: is 'done', which is none of the standard's codes"),
    ("/contracts/0/dateSigned", "28.6.2016", "/releases/0/contracts/0/dateSigned: '28.6.2016' is not a date and time"),
    ("/contracts/0/value/amount", "650000", "/releases/0/contracts/0/value/amount: is '650000', not a number or null"),
    ("/contracts/0/value/amount", -5, "/releases/0/contracts/0/value/amount: -5 is negative"),
    (
        "/contracts/0/value/amount",
        Decimal("0.00001"),
        "/releases/0/contracts/0/value/amount: 0.00001 has more than 15 digits before or 4 behind the point",
    ),
    ("/contracts/0/value/amount", 10**15, "1000000000000000 has more than 15 digits before or 4 behind the point"),
    ("/contracts/0/value/amount", Decimal("1E+999999"), "1E+999999 has more than 15 digits before or 4 behind"),
    ("/contracts/0/value/currency", ..., "/releases/0/contracts/0/value/currency: 650000 is stated without a currency"),
    ("/contracts/0/value/currency", "XQX", "/releases/0/contracts/0/value/currency: is 'XQX', which is none of"),
    ("/contracts/0/items", [], "/releases/0/contracts/0/items: is empty"),
    ("/contracts/0/items/0/id", ..., "/releases/0/contracts/0/items/0: has no id, which the standard requires"),
    ("/contracts/0/items/0/quantity", "10", "/releases/0/contracts/0/items/0/quantity: is '10', not a number or null"),
    ("/contracts/0/items/0/quantity", -1, "/releases/0/contracts/0/items/0/quantity: -1 is negative"),
    ("/contracts/0/items/0/unit/value/amount", -1, "/items/0/unit/value/amount: -1 is negative"),
    ("/buyer", ..., "contract c-1: no release names a buyer or a procuring entity"),
    ("/awards/0/suppliers", ..., "contract c-1: names no supplier, and neither does award a-1"),
    ("/awards/0/id", "a-2", "contract c-1: names no supplier, and neither does award a-1"),
]


@pytest.mark.parametrize(("path", "value", "message"), FAULTS, ids=[f"{path}={str(v)[:12]}" for path, v, _ in FAULTS])
def test_what_nothing_can_be_made_of_is_named_by_line_and_pointer(path: str, value: Any, message: str) -> None:
    told = _changed(path, value)
    if path == "/buyer":
        told["parties"] = told["parties"][1:]
    _, rejects, _ = read(b"\n" + jsonl(package(told)))
    assert [reject.line for reject in rejects] == [2]
    assert message in rejects[0].message


def test_every_currency_of_the_standard_is_one_of_orders() -> None:
    # Those that were withdrawn, too: purchases of their years are published in them.
    assert codelist("currency") <= codes().currencies


def test_a_bad_contract_leaves_the_others_of_its_release() -> None:
    groups, rejects, _ = read(jsonl(package(release(contracts=[contract(id="c-0", items=[]), contract()]))))
    assert [reject.message for reject in rejects] == ["/releases/0/contracts/0/items: is empty"]
    assert [group.entries[0].sent["data"]["order_id"] for group in groups] == [ORDER]


def test_what_is_against_the_schema_where_nothing_is_read_is_said_and_does_no_harm() -> None:
    odd = release(tender={"id": "t", "value": {"amount": "many"}}, language=7)
    groups, rejects, summary = read(jsonl(package(odd, license=5)))
    assert (len(groups), rejects) == (1, [])
    (remark,) = summary.plan.noted
    assert "/license: is 5, not text or null" in remark.message
    assert "/releases/0/language: is 7, not text or null" in remark.message


def test_fields_of_extensions_are_allowed() -> None:
    told = release(contracts=[contract(dncpContractCode="LP-1")], bids={"details": []})
    groups, rejects, summary = read(jsonl(package(told)))
    assert (len(groups), rejects, summary.plan.noted) == (1, [], [])


@pytest.mark.parametrize("version", ["2.0", "1.2", "0.3.3", 1.1, None])
def test_packages_of_another_version_are_named_and_refused(version: Any) -> None:
    groups, rejects, _ = read(jsonl(package(release()), package(release("2016-08-01"), version=version)))
    assert len(groups) == 1
    if version is None:
        # As in 1.0; its null is against the schema, and said.
        assert rejects == []
    else:
        assert [(one.line, one.message) for one in rejects] == [
            (2, f"/version: the package is of OCDS version {str(version)!r}; 1.1 is read")
        ]


UNREADABLE = [
    (jsonl(package(release()))[:300], "not JSON"),
    (b'{"ocid": NaN}', "not JSON: NaN is not a value"),
    (b'{"ocid": "a", "ocid": "b"}', "the name 'ocid' stands twice in one object"),
    (b'{"ocid": "\xff"}', "not UTF-8"),
    (b'{"releases": ' + b"[" * 100_000, "nested too deeply"),
    (b'{"a": 1e99999999999999999999}', "a number beyond all bounds"),
    (b"5", "the document is no JSON object, and so nothing of OCDS"),
    (b'{"publisher": {}}', "the document is neither a release or record package nor a release or record"),
    (jsonl(package()), "/releases: is empty"),
    (jsonl(package("x")), "/releases/0: is 'x', not an object"),
    (jsonl(record_package("x")), "/records/0: is 'x', not an object"),
    (jsonl(record_package({"releases": [release()]})), "/records/0: has no ocid"),
]


@pytest.mark.parametrize(("line", "message"), UNREADABLE, ids=[message[:40] for _, message in UNREADABLE])
def test_a_line_that_cannot_be_read_is_named_and_the_next_is_read(line: bytes, message: str) -> None:
    groups, rejects, _ = read(line.strip() + b"\n" + jsonl(package(release())))
    assert [reject.line for reject in rejects] == [1]
    assert message in rejects[0].message
    assert len(groups) == 1


@pytest.mark.parametrize("file", [b"", b"\n \n", b"{" + b" " * LONGEST_LINE_BYTES], ids=["empty", "blank", "endless"])
def test_an_empty_file_and_an_endless_line_are_refused(file: bytes) -> None:
    with pytest.raises(BadFile, match=r"line 1: (the file is empty|is longer than 67,108,864 bytes)"):
        read(file)


def test_strict_reading_lists_every_fault_and_gives_nothing() -> None:
    bad = [package(_changed("/parties", {})), package(_changed("/contracts", None))]
    source = read_ocds(
        io.BytesIO(jsonl(package(release()), *bad)), Summary("a file", "ocds", 0, True), EMPTY, strict=True
    )
    with pytest.raises(BadFile) as refused:
        next(source)
    assert [fault.line for fault in refused.value.faults] == [2, 3]


@pytest.mark.parametrize("half", [{"ocid": "half \ud800"}, {"buyer": {"id": "b", "name": "half \udfff"}}])
def test_half_a_character_is_a_fault_of_its_release_alone(half: dict[str, Any]) -> None:
    broken = release(ocid=f"{OCID}-broken") | half
    file = json.dumps(package(release(contracts=[contract()]), broken), default=float).encode()
    groups, rejects, _ = read(file)
    assert len(groups) == 1
    [reject] = rejects
    assert reject.message == "holds half a character (a lone surrogate), which is no text"
    assert f"{reject.row} {reject.raw}".encode()


def test_a_release_that_stands_twice_is_read_once() -> None:
    assert len(events(jsonl(package(release()), package(release())))) == 1


def test_a_release_id_with_other_content_is_named_with_both_places() -> None:
    other = release(contracts=[contract(value={"amount": 7, "currency": "PYG"})])
    groups, rejects, _ = read(jsonl(package(release()), package(other)))
    assert len(groups) == 1
    assert [(one.line, one.message) for one in rejects] == [
        (2, "/releases/0: release 2016-07-01-contract stands with other content on line 1 (/releases/0)")
    ]


def test_a_contract_that_stands_twice_in_a_release_is_named_if_it_differs() -> None:
    _, rejects, _ = read(jsonl(package(release(contracts=[contract(), contract()]))))
    assert rejects == []
    _, rejects, _ = read(jsonl(package(release(contracts=[contract(), contract(status="cancelled")]))))
    assert [one.message for one in rejects] == [
        "/releases/0/contracts/1/id: c-1 stands twice in the release, with different content"
    ]


def test_items_that_share_an_id_are_told_apart() -> None:
    twice = contract(items=[item("i-1", 4, 50000), item("i-1", 9, 50000)])
    (placed,) = events(jsonl(package(release(contracts=[twice]))))
    assert [(line["line"], line["amount"]) for line in placed["data"]["lines"]] == [
        ("i-1", "200000"),
        ("i-1.2", "450000"),
    ]


def test_numbers_are_read_exactly() -> None:
    exact = contract(value={"amount": Decimal("123456789012345.6789"), "currency": "PYG"}, items=...)
    (placed,) = events(jsonl(package(release(contracts=[exact], awards=[award()]))))
    assert placed["data"]["lines"][0]["amount"] == "123456789012345.6789"


ANOTHER = release(ocid="ocds-213czf-0043")
ANOTHER_ORDER = "ocds-213czf-0043:contract:c-1"


def orders_of(groups: list[Any]) -> list[str]:
    return [entry.sent["data"]["order_id"] for group in groups for entry in group.entries]


def noted(summary: Summary) -> str:
    return "; ".join(remark.message for remark in summary.plan.noted)


@pytest.mark.parametrize(
    "date", ["9999-12-31T23:59:59-14:00", "9999-12-31T20:00:00-05:00", "0001-01-01T00:00:00+14:00"]
)
def test_a_date_beyond_the_calendar_is_a_fault_of_its_release_alone(date: str) -> None:
    groups, rejects, _ = read(jsonl(package({**release(), "date": date}, ANOTHER)))
    assert orders_of(groups) == [ANOTHER_ORDER]
    assert [(reject.row, reject.message.partition(":")[0]) for reject in rejects] == [(OCID, "/releases/0/date")]


@pytest.mark.parametrize("tag", [{}, {"tag": None}])
def test_a_publication_without_tags_is_read_and_that_is_said(tag: dict[str, Any]) -> None:
    bare = [{name: value for name, value in one.items() if name != "tag"} | tag for one in (release(), ANOTHER)]
    later = {name: value for name, value in release("2016-08-01").items() if name != "tag"} | tag
    groups, rejects, summary = read(jsonl(package(*bare, later)))
    assert (orders_of(groups), rejects) == ([ORDER, ANOTHER_ORDER], [])
    assert "/releases/0" in noted(summary)
    assert "/releases/1" in noted(summary)


@pytest.mark.parametrize("status", ["pending", "cancelled", "unsuccessful"])
@pytest.mark.parametrize(
    "value", [{"amount": 0}, {"amount": 5, "currency": None}, {"amount": -5, "currency": "PYG"}, "x"]
)
def test_an_award_that_buys_nothing_keeps_no_file_from_being_read(status: str, value: Any) -> None:
    told = release(awards=[award(status=status, value=value)], contracts=...)
    groups, rejects, summary = read(jsonl(package(told, ANOTHER)))
    assert (orders_of(groups), rejects) == ([ANOTHER_ORDER], [])
    assert f"it is {status}: no purchase" in noted(summary)


def test_an_award_becomes_an_order_when_it_is_no_longer_pending() -> None:
    pending = release(awards=[award(status="pending", value={"amount": 0})], contracts=...)
    active = release("2016-08-01", awards=[award()], contracts=...)
    assert [event["data"]["order_id"] for event in events(jsonl(package(pending, active)))] == [AWARD_ORDER]


def test_an_award_without_a_currency_that_buys_is_rejected() -> None:
    told = release(awards=[award(value={"amount": 5})], contracts=...)
    _, rejects, _ = read(jsonl(package(told)))
    assert ["without a currency" in reject.message for reject in rejects] == [True]


def test_releases_of_one_instant_come_to_the_same_in_any_order_and_are_named() -> None:
    first = release(id="r-1", contracts=[contract(items=..., value={"amount": 1, "currency": "PYG"})])
    second = release(id="r-2", contracts=[contract(items=..., value={"amount": 2, "currency": "PYG"})])
    told = [read(jsonl(package(*order))) for order in ((first, second), (second, first))]
    values = [groups[0].entries[0].sent["data"]["lines"][0]["amount"] for groups, _, _ in told]
    assert values == ["2", "2"]
    for _, _, summary in told:
        assert noted(summary) == (
            "releases r-1 and r-2 are of one instant, 2016-07-01T10:00:00Z: taken in the order of their ids"
        )


def test_releases_of_different_instants_are_not_named() -> None:
    assert noted(read(jsonl(package(release(), release("2016-08-01"))))[2]) == ""


@pytest.mark.parametrize(
    "told",
    [
        {"amendments": "one"},
        {"amendments": {"date": "2016-08-01"}},
        {"amendments": [{"date": 5}, "one", None]},
        {"amendment": {"date": 5}},
        {"title": [{"id": "1"}]},
        {"title": 5},
        {"suppliers": 5},
        {"suppliers": "Infocenter"},
        {"suppliers": [SUPPLIER, {**SUPPLIER, "identifier": "80023118-0", "address": ["Paraguay"]}]},
    ],
    ids=str,
)
def test_what_is_of_another_kind_where_nothing_depends_on_it_leaves_the_contract_as_it_is(told: dict[str, Any]) -> None:
    (plain,), _, _ = read(jsonl(package(release())))
    (group,), rejects, _ = read(jsonl(package(release(contracts=[contract(**told)]))))
    assert rejects == []
    assert [entry.sent for entry in group.entries] == [entry.sent for entry in plain.entries]


@pytest.mark.parametrize("tag", [["contractSigned"], [], "contract"])
def test_a_tag_that_is_none_of_the_standards_is_rejected_or_taken_by_what_it_holds(tag: Any) -> None:
    data = jsonl(package({**release(), "tag": tag}))
    groups, rejects, _ = read(data)
    assert (groups, [one.message.startswith("/releases/0/tag") for one in rejects]) == ([], [True])
    groups, rejects, summary = read(data, lenient=True)
    assert (len(groups), rejects) == (1, [])
    assert "taken by what it holds" in summary.plan.noted[-1].message
