"""What is asked is read by one rule wherever it stands: Accept headers, whole numbers, instants, days, codes."""

import pytest
from starlette.testclient import TestClient

from service.codes import codes
from service.web.accepting import liked_best, likings
from tests.service.web.conftest import EVENTS, head

API = "/api/v1"
NDJSON = "application/x-ndjson"


def test_what_is_refused_by_weight_is_not_given_anywhere(seeded: TestClient) -> None:
    history = f"{API}/organizations/huawei/history"
    for path in (EVENTS, history):
        for header, given in (
            (f"application/json;q=0, {NDJSON}", NDJSON),
            (f"{NDJSON};q=0.5, application/json;q=0.4", NDJSON),
            ("application/*;q=0.1", "application/json"),
            (f"*/*, application/json;q=0, {NDJSON}", NDJSON),
        ):
            answer = seeded.get(path, headers={"Accept": header})
            assert (answer.status_code, answer.headers["content-type"]) == (200, given), (path, header)
    for path in (EVENTS, f"{EVENTS}/1", history, f"{API}/orders", f"{API}/views/vendor-dependence"):
        for header in ("*/*;q=0", "application/*;q=0, */*;q=0.000", "image/png"):
            answer = seeded.get(path, headers={"Accept": header})
            assert (answer.status_code, answer.json()["type"]) == (406, "/problems/not-acceptable"), (path, header)


def test_accept_headers_are_read_together(seeded: TestClient) -> None:
    headers = [("Accept", "text/html"), ("Accept", NDJSON)]
    assert seeded.get(EVENTS, headers=headers).headers["content-type"] == NDJSON


@pytest.mark.parametrize("weight", ["nan", "-1", "1e5", "2", "0x1", "0.1234", "", "１"])
def test_what_is_no_weight_counts_as_if_it_were_not_there(weight: str) -> None:
    assert liked_best(f"text/csv;q={weight}, application/json;q=0.9", ("application/json", "text/csv")) == "text/csv"


def test_of_what_is_named_twice_the_first_counts() -> None:
    assert likings("a/b;q=0, A/B").keys() == {"a/b"}
    assert liked_best("a/b;q=0, A/B", ("a/b",)) is None


@pytest.mark.parametrize("number", ["01", "1_0", "+1", "%2B1", "-1", "1.0", "1e3", "１０", "", "%201", "9" * 400])
def test_a_whole_number_is_digits_alone(seeded: TestClient, number: str) -> None:
    for path in (
        f"{EVENTS}?after={number}",
        f"{EVENTS}?limit={number}",
        f"{EVENTS}/stream?after={number}",
        f"{API}/orders?limit={number}",
        f"{API}/orders?position={number}",
        f"{API}/orders?min_position={number}",
        f"{API}/imports?limit={number}",
        f"{API}/projection/digest?position={number}",
        f"{API}/log/consistency?from={number}",
        f"{EVENTS}/1/proof?size={number}",
        *([f"{EVENTS}/{number}", f"{EVENTS}/{number}/proof"] if number else []),
    ):
        answer = seeded.get(path)
        assert answer.status_code == 422, path
        assert "Value error" not in answer.text


def test_a_number_with_a_zero_before_it_is_none_in_a_header(seeded: TestClient) -> None:
    stream = seeded.get(f"{EVENTS}/stream", headers={"Last-Event-ID": "01"})
    assert (stream.status_code, stream.json()["type"]) == (400, "/problems/malformed")
    before = head(seeded)
    change = {"name": "Huawei", "effective_on": "2024"}
    path = f"{API}/organizations/huawei"
    version = seeded.get(path).headers["etag"].strip('"')
    refused = seeded.post(f"{path}/changes", json=change, headers={"If-Match": f'"0{version}"'})
    assert (refused.status_code, head(seeded)) == (412, before)


def test_an_instant_is_any_of_rfc_3339(seeded: TestClient) -> None:
    for text in ("2026-01-31t12:00:00z", "2016-12-31T23:59:60Z", "2016-12-31T15:59:60-08:00", "0001-01-01T00:00:00Z"):
        assert seeded.get(EVENTS, params={"recorded_to": text}).status_code == 200, text
        assert seeded.get(f"{API}/orders", params={"recorded_at": text}).status_code == 200, text
    for text in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2023-W35-1T00:00:00Z", "2023-W35"):
        for path, name in (
            (EVENTS, "recorded_from"),
            (EVENTS, "recorded_to"),
            (f"{API}/orders", "recorded_at"),
            (f"{API}/organizations/huawei", "recorded_at"),
            (f"{API}/views/vendor-dependence", "recorded_at"),
        ):
            answer = seeded.get(path, params={name: text})
            assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, f"/{name}"), (path, text)


def test_a_day_is_written_out(seeded: TestClient) -> None:
    for text in ("2023-W35", "2023-W35-1", "20230831", "2023-243", "2023-08", "2023-8-31", "２０２３-08-31"):
        for name in ("effective_on", "known_on", "placed_from"):
            answer = seeded.get(f"{API}/orders", params={name: text})
            assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, f"/{name}"), (name, text)


def test_orders_in_withdrawn_currencies_are_recorded(seeded: TestClient) -> None:
    withdrawn = ("ANG", "SLL", "ZWL", "CUC", "MRO", "STD", "BYR", "HRK", "DEM", "XEU", "YUM")
    assert codes().currencies.issuperset(withdrawn)
    for currency in withdrawn:
        order = {
            "order_id": f"in-{currency}",
            "buyers": ["baidu"],
            "vendor_id": "huawei",
            "currency": currency,
            "effective_on": "2005",
            "lines": [{"line": "1", "product_id": None, "quantity": "1", "amount": "1"}],
        }
        assert seeded.post(f"{API}/orders", json=order).status_code == 201, currency
        assert seeded.get(f"{API}/views/vendor-dependence", params={"currency": currency}).status_code == 200
    unknown = seeded.post(f"{API}/orders", json={**order, "order_id": "in-ZZZ", "currency": "ZZZ"})
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (422, "/currency")
