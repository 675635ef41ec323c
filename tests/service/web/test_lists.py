"""Lists by pages, with filters, that fit together while events arrive; and which events are wanted."""

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from starlette.testclient import TestClient

from service.web.description.examples import STORY
from tests.service.web.conftest import EVENTS, head

API = "/api/v1"
ORDERS = f"{API}/orders"


def order(number: int, **changes: Any) -> dict[str, Any]:
    """An order as it is posted."""
    line = {"line": "1", "product_id": "p-1" if number % 2 else "p-2", "quantity": "10", "amount": "100"}
    placed = {
        "order_id": f"po-{number:02}",
        "buyers": ["buyer"] if number % 3 else ["buyer", "partner"],
        "vendor_id": "vendor" if number < 20 else "other",
        "currency": "EUR",
        "lines": [line],
        "effective_on": f"2024-01-{1 + number % 28:02}",
        "known_on": "2024-02-01",
    }
    return placed | changes


@pytest.fixture
def trading(client: TestClient) -> TestClient:
    """The client of a ledger with thirty orders; every fifth is delivered, every seventh cancelled."""
    events: list[dict[str, Any]] = []

    def add(event_type: str, **fields: Any) -> None:
        envelope = {name: fields.pop(name) for name in ("effective_on", "known_on") if name in fields}
        events.append({"type": event_type, "effective_on": "2023-01-01", **envelope, "data": fields})

    for name, country in (("buyer", "DE"), ("partner", "FR"), ("vendor", "US"), ("other", "US")):
        add("organization-registered", organization_id=name, name=name.title(), country=country)
    for name in ("p-1", "p-2"):
        add("product-registered", product_id=name, name=name, vendor_id="vendor", category="bolts")
    for number in range(30):
        add("order-placed", **order(number))
        if number % 5 == 0:
            receipt = {"line": "1", "quantity": "10"}
            add("goods-received", order_id=f"po-{number:02}", receipts=[receipt], effective_on="2024-03-01")
        if number % 7 == 0 and number % 5:
            add("order-cancelled", order_id=f"po-{number:02}", reason="none", effective_on="2024-03-02")
    answer = client.post(EVENTS, json=events)
    assert answer.status_code == 201, answer.text
    return client


def links(answer: Any) -> dict[str, str]:
    """The links of an answer, by relation."""
    header = answer.headers.get("Link", "")
    parts = [part.partition(";") for part in header.split(", ") if part]
    return {rest.split('"')[1]: target.strip("<>") for target, _, rest in parts}


def every_page(client: TestClient, path: str, name: str, key: str, **params: Any) -> list[list[str]]:
    """The keys of all pages, following the links."""
    pages = []
    answer = client.get(path, params=params)
    while True:
        assert answer.status_code == 200, answer.text
        pages.append([row[key] for row in answer.json()[name]])
        following = links(answer).get("next")
        if following is None:
            return pages
        answer = client.get(following)


def flat(pages: list[list[Any]]) -> list[Any]:
    """What stands on all pages, in order."""
    return [one for page in pages for one in page]


def keys(client: TestClient, **params: Any) -> list[str]:
    """The ids of the orders that a question lists."""
    answer = client.get(ORDERS, params=params)
    assert answer.status_code == 200, answer.text
    return [row["order_id"] for row in answer.json()["orders"]]


def numbered(numbers: Any) -> list[str]:
    return [f"po-{number:02}" for number in numbers]


def test_orders_are_listed_by_pages_in_the_order_of_their_ids(trading: TestClient) -> None:
    pages = every_page(trading, ORDERS, "orders", "order_id", limit=7)
    assert [len(page) for page in pages] == [7, 7, 7, 7, 2]
    assert flat(pages) == numbered(range(30))
    assert every_page(trading, ORDERS, "orders", "order_id", limit=30) == [numbered(range(30))]
    row = trading.get(ORDERS, params={"limit": 1}).json()["orders"][0]
    assert row == {
        "order_id": "po-00",
        "status": "delivered",
        "vendor_id": "vendor",
        "buyers": ["buyer", "partner"],
        "currency": "EUR",
        "placed_on": "2024-01-01",
        "placed_effective_on": "2024-01-01",
        "basis": "reported",
        "cancelled_on": None,
        "flags": ["unallocated"],
    }


def test_orders_are_filtered(trading: TestClient) -> None:
    assert keys(trading, buyer="partner") == numbered(range(0, 30, 3))
    assert keys(trading, vendor="other") == numbered(range(20, 30))
    assert keys(trading, product="p-1", vendor="other") == numbered(range(21, 30, 2))
    assert keys(trading, status="delivered") == numbered(range(0, 30, 5))
    assert keys(trading, status="cancelled") == numbered([7, 14, 21, 28])
    assert len(keys(trading, status="open")) == 20
    assert keys(trading, placed_from="2024-01-27", placed_to="2024-01-28") == numbered([26, 27])
    assert keys(trading, buyer="nobody") == []
    pages = every_page(trading, ORDERS, "orders", "order_id", status="open", limit=6)
    assert [len(page) for page in pages] == [6, 6, 6, 2]


def test_orders_are_listed_as_of_any_time(trading: TestClient) -> None:
    assert keys(trading, known_on="2024-01-31") == []
    assert keys(trading, effective_on="2024-01-02") == numbered([0, 1, 28, 29])
    assert keys(trading, effective_on="2024-02-29", status="delivered") == []
    assert keys(trading, position=8) == numbered([0])


def test_pages_fit_together_while_events_arrive(trading: TestClient) -> None:
    first = trading.get(ORDERS, params={"limit": 10, "status": "open"})
    position = first.json()["resolved"]["position"]
    # Before, within and behind the first page; and one leaves the list.
    for number in (0, 5, 31):
        late = order(number, order_id=f"po-{number:02}-late")
        assert trading.post(ORDERS, json=late).status_code == 201
    gone = {"reason": "none", "effective_on": "2024-03-05"}
    assert trading.post(f"{ORDERS}/po-29/cancellations", json=gone).status_code == 201
    second = trading.get(links(first)["next"])
    assert second.json()["resolved"]["position"] == position
    listed = [row["order_id"] for answer in (first, second) for row in answer.json()["orders"]]
    assert listed == [one for one in numbered(range(30)) if one not in numbered([*range(0, 30, 5), 7, 14, 21, 28])]
    assert "next" not in links(second)
    assert "po-00-late" in keys(trading, limit=1_000)
    again = trading.get(links(second)["first"])
    assert again.json()["resolved"]["position"] == position + 4


def test_registers_are_whole_unless_pages_are_asked_for(trading: TestClient) -> None:
    for name, key, count in (("organizations", "organization_id", 4), ("products", "product_id", 2)):
        whole = trading.get(f"{API}/{name}")
        assert "next_cursor" not in whole.json()
        assert "Link" not in whole.headers
        pages = every_page(trading, f"{API}/{name}", name, key, limit=1)
        assert flat(pages) == [row[key] for row in whole.json()[name]]
        assert len(pages) == count


def test_registers_are_filtered(client: TestClient) -> None:
    for step in STORY:
        client.post(API + step.path, json=step.body)

    def found(name: str, key: str, **params: str) -> list[str]:
        return [row[key] for row in client.get(f"{API}/{name}", params=params).json()[name]]

    assert found("organizations", "organization_id", country="CN") == ["baidu", "huawei", "kunlunxin"]
    assert found("organizations", "organization_id", parent="baidu") == ["kunlunxin"]
    assert found("organizations", "organization_id", country="US") == []
    assert found("products", "product_id", vendor="huawei", category="ai-accelerator") == ["hw-910b"]
    assert found("products", "product_id", vendor="baidu") == []
    assert found("partnerships", "partnership_id", party="baidu", status="ended") == ["baidu-huawei"]
    assert found("partnerships", "partnership_id", party="baidu", status="formed") == []
    assert found("regulations", "regulation_id", status="repealed", jurisdiction="US") == ["ear-2023-10"]
    assert found("regulations", "regulation_id", jurisdiction="EU") == []


def test_a_list_is_given_as_a_table_too(trading: TestClient) -> None:
    answer = trading.get(ORDERS, params={"format": "csv", "limit": 2})
    assert answer.text.splitlines()[0].startswith("order_id,status,vendor_id")
    assert len(answer.text.splitlines()) == 3
    following = trading.get(links(answer)["next"])
    assert following.headers["Content-Type"].startswith("text/csv")
    assert following.text.splitlines()[1].startswith("po-02,")


def test_where_an_answer_is_found_again_it_is_the_same(trading: TestClient) -> None:
    second = trading.get(links(trading.get(ORDERS, params={"limit": 3}))["next"])
    again = trading.get(second.headers["Content-Location"])
    assert again.json() == second.json()


def test_what_is_no_page(trading: TestClient) -> None:
    cursor = dict(parse_qsl(urlsplit(links(trading.get(ORDERS, params={"limit": 2}))["next"]).query))["cursor"]
    refused: tuple[tuple[str, dict[str, Any], str], ...] = (
        ("orders", {"limit": 0}, "/limit"),
        ("orders", {"limit": 1_001}, "/limit"),
        ("orders", {"limit": "ten"}, "/limit"),
        ("orders", {"cursor": "nothing"}, "/cursor"),
        ("orders", {"cursor": "!"}, "/cursor"),
        ("orders", {"cursor": "x" * 2_000}, "/cursor"),
        ("orders", {"cursor": "W10"}, "/cursor"),
        ("orders", {"cursor": cursor, "vendor": "vendor"}, "/cursor"),
        ("products", {"cursor": cursor}, "/cursor"),
        ("orders", {"cursor": cursor, "effective_on": "2024-01-01"}, "/effective_on"),
        ("orders", {"status": "lost"}, "/status"),
        ("orders", {"placed_from": "yesterday"}, "/placed_from"),
        ("orders", {"buyer": ["one", "two"]}, "/buyer"),
        ("orders", {"colour": "red"}, "/colour"),
    )
    for name, params, pointer in refused:
        answer = trading.get(f"{API}/{name}", params=params)
        assert answer.status_code == 422, (params, answer.text)
        assert answer.json()["errors"][0]["pointer"] == pointer, params


def test_a_history_comes_by_pages(client: TestClient) -> None:
    for step in STORY[:16]:
        client.post(API + step.path, json=step.body)
    path = f"{ORDERS}/baidu-huawei-2023-08/history"
    whole = [event["version"] for event in client.get(path).json()["events"]]
    pages = every_page(client, path, "events", "version", limit=3)
    assert flat(pages) == whole
    assert len(pages) == -(-len(whole) // 3)


# Events


def positions(client: TestClient, **params: Any) -> list[int]:
    """The positions of the events that a question finds."""
    answer = client.get(EVENTS, params=params)
    assert answer.status_code == 200, answer.text
    return [event["position"] for event in answer.json()["events"]]


def test_events_come_by_pages_with_a_link_to_the_next(trading: TestClient) -> None:
    pages = []
    answer = trading.get(EVENTS, params={"limit": 9, "type": "order-placed"})
    while True:
        pages.append([event["position"] for event in answer.json()["events"]])
        if "next" not in links(answer):
            break
        answer = trading.get(links(answer)["next"])
    assert [len(page) for page in pages] == [9, 9, 9, 3]
    assert flat(pages) == positions(trading, type="order-placed")


def test_events_are_found_by_what_they_name(seeded: TestClient) -> None:
    every = seeded.get(EVENTS).json()["events"]
    for subject in ("baidu", "nvidia", "nv-a800", "3a090-2023", "hw-910b", "nobody"):
        named = [event["position"] for event in every if _names(event["data"], subject)]
        assert positions(seeded, subject=subject) == named, subject
    assert len(positions(seeded, subject="baidu")) > 3
    some = positions(seeded, subject="nvidia", type="order-placed")
    assert some == [one for one in positions(seeded, type="order-placed") if one in positions(seeded, subject="nvidia")]
    lines = seeded.get(EVENTS, params={"subject": "baidu"}, headers={"Accept": "application/x-ndjson"}).text
    assert [json.loads(line)["position"] for line in lines.splitlines()] == positions(seeded, subject="baidu")


def _names(part: Any, subject: str) -> bool:
    if isinstance(part, dict):
        return any(_names(value, subject) for value in part.values())
    return any(_names(one, subject) for one in part) if isinstance(part, list) else part == subject


def test_events_are_found_by_their_own_time_and_by_when_they_were_recorded(trading: TestClient) -> None:
    assert positions(trading, effective_from="2024-03-01", type="order-cancelled") == positions(
        trading, type="order-cancelled"
    )
    received = positions(trading, effective_from="2024-03-01", effective_to="2024-03-01")
    assert received == positions(trading, type="goods-received")
    assert positions(trading, subject="other", effective_to="2023-12-31") == [4]
    middle = trading.get(f"{EVENTS}/20").json()["recorded_at"]
    assert positions(trading, recorded_from=middle) == list(range(20, head(trading) + 1))
    assert positions(trading, recorded_to=middle) == list(range(1, 21))
    assert positions(trading, recorded_from=middle, recorded_to=middle) == [20]
    for params in ({"effective_from": "soon"}, {"recorded_to": "2024-01-01T00:00:00"}, {"subject": "b d"}):
        assert trading.get(EVENTS, params=params).status_code == 422, params


def test_events_are_given_as_cloud_events(trading: TestClient) -> None:
    page = trading.get(EVENTS, params={"limit": 2}, headers={"Accept": "application/cloudevents-batch+json"})
    assert page.headers["Content-Type"] == "application/cloudevents-batch+json"
    assert [event["data"] for event in page.json()] == trading.get(EVENTS, params={"limit": 2}).json()["events"]
    assert "next" in links(page)
    one = trading.get(f"{EVENTS}/2", headers={"Accept": "application/cloudevents+json"})
    assert one.headers["Content-Type"] == "application/cloudevents+json"
    assert one.json() == page.json()[1]
    assert trading.get(EVENTS, headers={"Accept": "text/csv"}).status_code == 406
