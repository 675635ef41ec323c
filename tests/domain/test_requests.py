"""Reading one event as a client sends it: what is taken, and what is wrong with the rest, where and why."""

from typing import Any

import pytest

from domain.catalogue import read_request
from domain.errors import Invalid
from domain.json_text import parse_json
from tests.domain.refusals import refuses
from tests.ledgers import CODES, Event, line, market, request

SURROGATE = "\ud800"

BLANK = "must be text, not blank, without NUL"
LONE = "must be text without lone surrogates"
EMPTY = "must have at least 1 item, not 0"
IDENTIFIER = "must match [A-Za-z0-9][A-Za-z0-9._:-]{0,127}"
NULL = "must not be null: leave the field out"


def decimal_not(given: str) -> str:
    """What is said of a value that is no decimal string."""
    return f'must be a decimal string such as "1600.50", not {given}'


def order(**changes: Any) -> Event:
    """The data of an order; a change of `...` leaves the field out."""
    data = {
        "order_id": "po-1",
        "buyers": ["baidu"],
        "vendor_id": "nvidia",
        "currency": "USD",
        "lines": [line("1600", "450000000")],
    } | changes
    return {name: value for name, value in data.items() if value is not ...}


def placed(**changes: Any) -> Event:
    """A request to place an order, with other data."""
    return request("order-placed", "2023-08-31", order(**changes))


def sent(**changes: Any) -> Event:
    """A request to place an order, with another envelope; `...` leaves the field out."""
    whole = placed() | {"known_on": "2023-11-07", "basis": "estimated", "id": "po-1-placed"} | changes
    return {name: value for name, value in whole.items() if value is not ...}


def problems(given: Any) -> list[tuple[str, str]]:
    """What is wrong with a request."""
    with pytest.raises(Invalid) as caught:
        read_request(given, CODES)
    return [(problem.pointer, problem.message) for problem in caught.value.problems]


def test_a_request_is_kept_as_it_was_sent() -> None:
    given = sent(
        source={"citation": "Reuters", "url": "https://www.reuters.com", "quote": "1,600", "sha256": "0f" * 32}
    )
    read = read_request(given, CODES)
    assert read.sent == given
    assert (read.envelope.id, read.envelope.basis, read.body.stream) == ("po-1-placed", "estimated", "order/po-1")


def test_basis_is_reported_unless_said() -> None:
    assert read_request(sent(basis=...), CODES).envelope.basis == "reported"


@pytest.mark.parametrize("given", [None, [], "order-placed", 5, True, [sent()]])
def test_an_event_is_an_object(given: Any) -> None:
    assert problems(given) == [("", "an event is a JSON object")]


@pytest.mark.parametrize(
    ("given", "pointer", "message"),
    [
        (sent(type="order-lost"), "/type", "unknown event type 'order-lost'"),
        (sent(type="Order-placed"), "/type", "unknown event type 'Order-placed'"),
        (sent(type="x" * 500), "/type", f"unknown event type '{'x' * 40}'"),
        (sent(type=5), "/type", "must be a string"),
        (sent(type=...), "/type", "is required"),
        (sent(effective_on=...), "/effective_on", "is required"),
        (sent(data=...), "/data", "is required"),
        (sent(data=None), "/data", "must be an object"),
        (sent(data=[]), "/data", "must be an object"),
        (sent(effective_on=20230831), "/effective_on", "must be a string"),
        (sent(effective_on=None), "/effective_on", "must be a string"),
        (
            sent(effective_on="2023-08-31/.."),
            "/effective_on",
            "'2023-08-31/..' is not a date: use YYYY-MM-DD, YYYY-MM, YYYY or ../YYYY-MM-DD",
        ),
        (sent(effective_on="2023-02-29"), "/effective_on", "'2023-02-29' is not a date: day is out of range for month"),
        (sent(known_on="2023-11"), "/known_on", "'2023-11' is not a day: use YYYY-MM-DD"),
        (sent(known_on=None), "/known_on", NULL),
        (sent(basis="rumoured"), "/basis", "must be 'reported', 'estimated' or 'assumed'"),
        (sent(id="-1"), "/id", IDENTIFIER),
        (sent(id="a b"), "/id", IDENTIFIER),
        (sent(id="po-1\n"), "/id", IDENTIFIER),
        (sent(id="é"), "/id", IDENTIFIER),
        (sent(id=""), "/id", IDENTIFIER),
        (sent(id="x" * 129), "/id", IDENTIFIER),
        (sent(id=None), "/id", NULL),
        (sent(corrects=5), "/corrects", "must be a string"),
        (sent(source={}), "/source/citation", "is required"),
        (sent(source={"citation": "Reuters", "page": "4"}), "/source/page", "unknown field"),
        (sent(source={"citation": "Reuters", "sha256": "0F"}), "/source/sha256", "must match [0-9a-f]{64}"),
        (sent(source="Reuters"), "/source", "must be an object"),
        (sent(position=5), "/position", "unknown field"),
        (sent(recorded_at="2023-11-07T12:00:00Z"), "/recorded_at", "unknown field"),
        (sent(**{"a/b~c": 1}), "/a~1b~0c", "unknown field"),
        (sent(**{SURROGATE: 1}), "", LONE),
    ],
)
def test_the_envelope_says_what_is_wrong_with_it(given: Event, pointer: str, message: str) -> None:
    assert problems(given) == [(pointer, message)]


@pytest.mark.parametrize(
    ("given", "pointer", "message"),
    [
        (placed(order_id=...), "/data/order_id", "is required"),
        (placed(order_id="po 1"), "/data/order_id", IDENTIFIER),
        (placed(terms="net 30"), "/data/terms", "unknown field"),
        (placed(buyers=[]), "/data/buyers", EMPTY),
        (placed(buyers="baidu"), "/data/buyers", "must be a list"),
        (placed(buyers=["baidu", "tencent", "baidu"]), "/data", "buyer baidu stands twice"),
        (placed(currency="usd"), "/data/currency", "'usd' is not an ISO 4217 currency code"),
        (placed(currency="RMB"), "/data/currency", "'RMB' is not an ISO 4217 currency code"),
        (placed(currency=None), "/data/currency", "must be a string"),
        (placed(lines=[]), "/data/lines", EMPTY),
        (placed(lines=[line("1"), line("2")]), "/data", "line 1 stands twice"),
        (placed(lines=["1600"]), "/data/lines/0", "must be an object"),
        (placed(lines=[line("1") | {"price": "5"}]), "/data/lines/0/price", "unknown field"),
        (
            placed(lines=[line(1600)]),
            "/data/lines/0/quantity",
            decimal_not("the number 1600"),
        ),
        (placed(lines=[line("-1")]), "/data/lines/0/quantity", "'-1' is negative"),
        (placed(lines=[line("1", "1e9")]), "/data/lines/0/amount", "'1e9' is not a plain decimal such as \"1600.50\""),
        (
            placed(lines=[line("1"), line({"value": "5", "low": "6"}, name="2")]),
            "/data/lines/1/quantity",
            "low 6 is above value 5",
        ),
        (
            placed(lines=[line("1") | {"deliver_by": "../2023-12-31"}]),
            "/data/lines/0/deliver_by",
            "'../2023-12-31' has no beginning: use YYYY-MM-DD, YYYY-MM or YYYY",
        ),
        (
            placed(lines=[line("1") | {"deliver_by": None}]),
            "/data/lines/0/deliver_by",
            NULL,
        ),
    ],
)
def test_an_order_says_what_is_wrong_with_it(given: Event, pointer: str, message: str) -> None:
    assert problems(given) == [(pointer, message)]


@pytest.mark.parametrize("name", ["line", "product_id", "quantity", "amount"])
def test_a_line_states_all_four_even_where_one_is_not_known(name: str) -> None:
    short = {key: value for key, value in line("1").items() if key != name}
    assert problems(placed(lines=[short])) == [(f"/data/lines/0/{name}", "is required")]


def test_everything_that_is_wrong_is_said_at_once() -> None:
    given = sent(effective_on="soon", colour="red", data=order(currency="RMB", lines=[line("-1")]))
    assert [pointer for pointer, _ in problems(given)] == [
        "/effective_on",
        "/colour",
        "/data/currency",
        "/data/lines/0/quantity",
    ]


ORGANIZATION = {"organization_id": "baidu", "name": "Baidu", "country": "CN"}
PRODUCT = {"product_id": "h20", "name": "H20", "vendor_id": "nvidia", "category": "accelerator"}
PARTNERS = {"partnership_id": "p", "parties": ["baidu", "huawei"], "kind": "development", "scope": "chips"}
SUPPLY = {"assertion_id": "s", "buyer_id": "baidu", "vendor_id": "nvidia", "statement": "relies on it"}


FAULTS: dict[str, list[tuple[Event, str, str]]] = {
    "organization-registered": [
        (ORGANIZATION | {"country": "cn"}, "/country", "'cn' is not an ISO 3166-1 alpha-2 country code"),
        (ORGANIZATION | {"country": "UK"}, "/country", "'UK' is not an ISO 3166-1 alpha-2 country code"),
        (ORGANIZATION | {"country": None}, "/country", "must be a string"),
        (ORGANIZATION | {"name": " \n"}, "/name", BLANK),
        (ORGANIZATION | {"name": "Bai\x00du"}, "/name", BLANK),
        (ORGANIZATION | {"name": f"Baidu {SURROGATE}"}, "/name", LONE),
        (
            ORGANIZATION | {"names": {"zh_CN": "百度"}},
            "/names/zh_CN",
            "must match [A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,8}",
        ),
        (ORGANIZATION | {"names": {"zh": SURROGATE}}, "/names/zh", LONE),
        (ORGANIZATION | {"identifiers": [{"scheme": "LEI"}]}, "/identifiers/0/id", "is required"),
    ],
    "organization-changed": [
        (
            {"organization_id": "baidu"},
            "",
            "says nothing: give name, country, parent_id, same_as, names or identifiers",
        ),
        ({"organization_id": "baidu", "name": None}, "/name", NULL),
    ],
    "product-registered": [
        (PRODUCT | {"attributes": {"tpp": 4800}}, "/attributes/tpp", decimal_not("the number 4800")),
        (
            PRODUCT | {"attributes": {"tpp": "1234567890"}},
            "/attributes/tpp",
            "'1234567890' has more than 9 digits before or 6 behind the point",
        ),
        (PRODUCT | {"attributes": {"1st": "5"}}, "/attributes/1st", "must match [A-Za-z][A-Za-z0-9._:-]{0,63}"),
        (
            PRODUCT | {"attributes": {"node": {"text": "N4", "lang": "en"}}},
            "/attributes/node",
            'a text attribute is {"text": "..."} and nothing else',
        ),
        (
            PRODUCT | {"attributes": {"node": {"text": SURROGATE}}},
            "/attributes/node",
            "a text attribute must be text, not blank, without NUL or lone surrogates",
        ),
        (
            PRODUCT | {"attributes": {"node": "N4"}},
            "/attributes/node",
            "'N4' is not a plain decimal such as \"1600.50\"",
        ),
        (PRODUCT | {"attributes": None}, "/attributes", NULL),
    ],
    "product-changed": [
        ({"product_id": "h20"}, "", "says nothing: give name, vendor_id, category, attributes or foundry"),
        ({"product_id": "h20", "name": None}, "/name", NULL),
    ],
    "order-amended": [
        ({"order_id": "po-1"}, "", "says nothing: give changes or lines"),
        ({"order_id": "po-1", "changes": [{"line": "1"}]}, "/changes/0", "says nothing: give quantity or amount"),
        (
            {"order_id": "po-1", "changes": [{"line": "1", "quantity": {"value": "5"}}]},
            "/changes/0/quantity",
            decimal_not("an object"),
        ),
        ({"order_id": "po-1", "lines": [line("1"), line("1")]}, "", "line 1 stands twice"),
    ],
    "goods-received": [
        ({"order_id": "po-1", "receipts": []}, "/receipts", EMPTY),
        ({"order_id": "po-1", "receipts": [{"line": "1"}]}, "/receipts/0/quantity", "is required"),
    ],
    "goods-returned": [
        (
            {"order_id": "po-1", "returns": [{"line": "1", "quantity": None}]},
            "/returns/0/quantity",
            decimal_not("null"),
        ),
        ({"order_id": "po-1", "returns": [{"line": "1", "quantity": "-5"}]}, "/returns/0/quantity", "'-5' is negative"),
    ],
    "order-cancelled": [
        ({"order_id": "po-1"}, "/reason", "is required"),
    ],
    "order-allocated": [
        ({"order_id": "po-1", "allocations": []}, "/allocations", EMPTY),
        (
            {"order_id": "po-1", "allocations": [{"buyer_id": "baidu", "share": None}]},
            "/allocations/0/share",
            "a share must not be null",
        ),
        (
            {"order_id": "po-1", "allocations": [{"buyer_id": "baidu", "share": 0.5}]},
            "/allocations/0/share",
            decimal_not("the number 0.5"),
        ),
        (
            {"order_id": "po-1", "allocations": [{"buyer_id": "baidu", "share": {"value": "0.9", "high": "1.1"}}]},
            "/allocations/0/share",
            "a share is at most 1, not 1.1",
        ),
        (
            {"order_id": "po-1", "allocations": [{"buyer_id": "baidu", "share": "0.0000001"}]},
            "/allocations/0/share",
            "'0.0000001' has more than 9 digits before or 6 behind the point",
        ),
        (
            {
                "order_id": "po-1",
                "allocations": [{"buyer_id": "baidu", "share": "0.6"}, {"buyer_id": "tencent", "share": "0.400001"}],
            },
            "",
            "the shares add up to 1.000001, more than 1",
        ),
        (
            {
                "order_id": "po-1",
                "allocations": [{"buyer_id": "baidu", "share": "0.1"}, {"buyer_id": "baidu", "share": "0.1"}],
            },
            "",
            "buyer baidu stands twice",
        ),
    ],
    "supply-asserted": [
        (SUPPLY | {"lines": []}, "/lines", EMPTY),
        (SUPPLY | {"lines": [line("1", "5")]}, "", "currency is missing: a line states an amount"),
        (SUPPLY | {"lines": [line("1"), line("1")]}, "", "line 1 stands twice"),
    ],
    "partnership-formed": [
        (PARTNERS | {"parties": ["baidu"]}, "/parties", "must have at least 2 items, not 1"),
        (PARTNERS | {"parties": ["baidu", "baidu"]}, "", "party baidu stands twice"),
    ],
    "partnership-changed": [
        ({"partnership_id": "p"}, "", "says nothing: give parties, kind or scope"),
    ],
    "exchange-rates-published": [
        ({"base": "EUR", "rates": {}}, "/rates", EMPTY),
        ({"base": "EUR", "rates": {"EUR": "1"}}, "", "EUR is the base, its rate is 1 and is not listed"),
        ({"base": "EUR", "rates": {"USD": "0"}}, "/rates/USD", "a rate must be above 0"),
        ({"base": "EUR", "rates": {"USD": 1.1}}, "/rates/USD", decimal_not("the number 1.1")),
        ({"base": "EUR", "rates": {"Dollar": "1.1"}}, "/rates/Dollar", "'Dollar' is not an ISO 4217 currency code"),
        (
            {"base": "EUR", "rates": {"USD": "1.12345678901"}},
            "/rates/USD",
            "'1.12345678901' has more than 15 digits before or 10 behind the point",
        ),
    ],
    "event-retracted": [
        ({"retracts": "e1"}, "/reason", "is required"),
    ],
    "event-annotated": [
        ({"annotates": "e1", "note": ""}, "/note", BLANK),
    ],
}


@pytest.mark.parametrize(
    ("event_type", "data", "pointer", "message"),
    [(event_type, *row) for event_type, rows in FAULTS.items() for row in rows],
)
def test_every_type_says_what_is_wrong_with_its_data(event_type: str, data: Event, pointer: str, message: str) -> None:
    assert problems(request(event_type, "2023-08-31", data)) == [(f"/data{pointer}", message)]


def test_a_lone_surrogate_that_was_escaped_in_json_is_refused_wherever_text_stands() -> None:
    text = '{"type": "order-cancelled", "effective_on": "2023-11", "data": {"order_id": "po-1", "reason": "\\udc00"}}'
    assert problems(parse_json(text)) == [("/data/reason", LONE)]


def test_a_surrogate_pair_is_a_character() -> None:
    data = parse_json('{"organization_id": "baidu", "name": "\\ud83d\\udc3b", "country": "CN"}')
    read = read_request(request("organization-registered", "2000", data), CODES)
    assert read.sent["data"]["name"] == "🐻"


def test_nothing_of_several_requests_is_recorded_where_one_cannot_be_read() -> None:
    book = market()
    with refuses(book, Invalid, "/data/currency", "'RMB' is not an ISO 4217 currency code", index=1):
        book.record([placed(), placed(order_id="po-2", currency="RMB")])


def test_nobody_can_have_known_it_after_today() -> None:
    book = market()
    with refuses(book, Invalid, "/known_on", "2025-07-01 is in the future: today is 2025-06-30 (UTC)"):
        book.record([sent(known_on="2025-07-01")])
    assert book.record([sent(known_on="2025-06-30")])[0]["known_on"] == "2025-06-30"


def test_what_is_still_to_come_can_be_known_today() -> None:
    (event,) = market().record(
        [request("organization-changed", "2027-01-01", {"organization_id": "baidu", "name": "B"})]
    )
    assert (event["effective_on"], event["known_on"]) == ("2027-01-01", "2025-06-30")
