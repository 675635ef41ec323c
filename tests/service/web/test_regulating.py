"""Regulations over HTTP: exposure, instruments with their history, series, and what if."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from service.audit.verifier import regulatory_exposure as exposure_of
from tests.service.web.conftest import EVENTS, head

WORKED = json.loads((Path(__file__).parents[2] / "golden" / "ai-accelerators-expected.json").read_bytes())
EXPOSURE = "/api/v1/views/regulatory-exposure"
DEPENDENCE = "/api/v1/views/vendor-dependence"
SUPPOSE = "/api/v1/scenarios"


@pytest.mark.parametrize("worked", WORKED["regulatory-exposure"], ids=lambda worked: json.dumps(worked["query"]))
def test_the_worked_answers_hold(reader: TestClient, worked: dict[str, Any]) -> None:
    answer = reader.get(EXPOSURE, params=worked["query"]).json()
    figures = ("value", "low", "high", "barred", "undetermined")
    rows = [
        {name: row[name] for name in ("vendor", "product", "restricted")}
        | {name: _number(row[name]) for name in figures}
        for row in answer["rows"]
    ]
    key = json.dumps
    assert sorted(rows, key=key) == sorted(worked["rows"], key=key)
    parts = [name for name in worked if name.startswith("at_risk")]
    assert {name: answer[name] for name in parts} == {name: worked[name] for name in parts}


def _number(figure: Any) -> float | None:
    """A figure, or its value."""
    text = figure["value"] if isinstance(figure, dict) else figure
    return None if text is None else float(text)


def test_lines_behind_an_exposure_come_by_pages_and_sum_to_it(reader: TestClient) -> None:
    asked = {"buyer": "baidu", "effective_on": "2023-12-31", "status": "ordered", "judged": "placed"}
    exposure = reader.get(EXPOSURE, params=asked).json()
    lines: list[dict[str, Any]] = []
    params: dict[str, Any] = {**asked, "limit": 1}
    while True:
        page = reader.get(f"{EXPOSURE}/orders", params=params)
        assert page.status_code == 200, page.text
        lines += page.json()["rows"]
        if page.json()["next_cursor"] is None:
            break
        assert 'rel="next"' in page.headers["Link"]
        kept = {name: value for name, value in asked.items() if name != "effective_on"}
        params = {**kept, "limit": 1, "cursor": page.json()["next_cursor"]}
    assert len(lines) > 1
    for row in exposure["rows"]:
        own = [line for line in lines if (line["vendor"], line["product"]) == (row["vendor"], row["product"])]
        assert sum(Decimal(line["value"] or 0) for line in own) == Decimal(row["value"] or 0)
    (a800,) = [line for line in lines if line["product"] == "nv-a800"]
    assert (a800["restricted"], a800["vendor_name"], a800["placed_on"][:7]) == ("no", "NVIDIA Corporation", "2023-08")


def test_a_cursor_is_of_one_question(reader: TestClient) -> None:
    asked = {"buyer": "baidu", "status": "ordered", "limit": 1}
    cursor = reader.get(f"{EXPOSURE}/orders", params=asked).json()["next_cursor"]
    other = reader.get(f"{EXPOSURE}/orders", params={**asked, "judged": "placed", "cursor": cursor})
    assert (other.status_code, other.json()["errors"][0]["pointer"]) == (422, "/cursor")


@pytest.mark.parametrize(
    ("path", "asked", "place"),
    [
        ("regulatory-exposure", {"judged": "once"}, "/judged"),
        ("regulatory-exposure", {"restricted": "partly"}, "/restricted"),
        ("regulatory-exposure/orders", {"rates": "yesterday"}, "/rates"),
        ("regulatory-exposure/orders", {"window": "P1M", "period": "2023", "status": "ordered"}, "/period"),
        ("regulatory-exposure", {"period": "2023-13", "status": "ordered"}, "/period"),
        ("regulatory-exposure", {"window": "P1M"}, "/window"),
        ("sole-source", {"threshold": "many"}, "/threshold"),
        ("sole-source", {"threshold": "many", "threshold_attribute": "tpp"}, "/threshold"),
        ("sole-source", {"threshold_attribute": "tpp"}, "/threshold_attribute"),
        ("sole-source", {"by": "vendor"}, "/by"),
    ],
)
def test_what_no_question_of_rules_has_is_refused_with_its_place(
    reader: TestClient, path: str, asked: dict[str, str], place: str
) -> None:
    answer = reader.get(f"/api/v1/views/{path}", params=asked)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"].startswith(place)


@pytest.mark.parametrize("status", [None, "ordered", "open"])
def test_evidence_of_a_row_adds_up_to_its_figure(reader: TestClient, status: str | None) -> None:
    asked = {"buyer": "baidu", "effective_on": "2023-11-17", **({} if status is None else {"status": status})}
    rows = reader.get(EXPOSURE, params=asked).json()["rows"]
    assert rows
    for row in rows:
        parts = reader.get(row["evidence"]).json()["contributions"]
        assert {(part["vendor"], part["product"]) for part in parts} == {(row["vendor"], row["product"])}
        for name in ("value", "low"):
            total = sum(Decimal(part[name] or 0) for part in parts)
            assert abs(total - Decimal(row[name] or 0)) <= Decimal("0.000001")


def barred(client: TestClient, effective_on: str, known_on: str) -> dict[str, list[str]]:
    """The instruments that bar each product of Baidu's orders."""
    asked = {"buyer": "baidu", "status": "ordered", "effective_on": effective_on, "known_on": known_on}
    rows = client.get(EXPOSURE, params=asked).json()["rows"]
    return {
        row["product"]: [rule["regulation_id"] for rule in row["rules"] if rule["verdict"] == "yes"] for row in rows
    }


def test_the_amended_rule_bites_on_the_day_that_was_announced(reader: TestClient) -> None:
    assert barred(reader, "2023-11-15", "2023-10-20")["nv-a800"] == []
    assert barred(reader, "2023-11-16", "2023-10-20")["nv-a800"] == ["us-3a090"]


def test_the_published_date_corrects_the_announced_one_and_the_letter_bites_earlier(reader: TestClient) -> None:
    assert barred(reader, "2023-10-22", "2023-10-26")["nv-a800"] == []
    assert barred(reader, "2023-10-23", "2023-10-26")["nv-a800"] == ["us-letter-nvidia-2023"]
    assert barred(reader, "2023-11-16", "2023-10-26")["nv-a800"] == ["us-letter-nvidia-2023"]
    assert barred(reader, "2023-11-17", "2023-10-26")["nv-a800"] == ["us-3a090", "us-letter-nvidia-2023"]


def test_a_rule_suspended_before_it_applied_never_applies_to_who_knows(reader: TestClient) -> None:
    def status(effective_on: str, known_on: str) -> str:
        clocks = {"effective_on": effective_on, "known_on": known_on}
        return str(reader.get("/api/v1/regulations/us-ai-diffusion", params=clocks).json()["status"])

    assert status("2025-05-12", "2025-05-12") == "announced"
    assert status("2025-05-15", "2025-05-12") == "in-force"
    assert status("2025-05-13", "2025-05-13") == "announced"
    for day in ("2025-05-15", "2026-01-01"):
        assert status(day, "2025-05-13") == "suspended"
    clocks = {"effective_on": "2025-05-13", "known_on": "2025-05-13"}
    title = reader.get("/api/v1/regulations/us-ai-diffusion", params=clocks).json()["title"]
    assert title == "Framework for Artificial Intelligence Diffusion"


def test_instruments_are_listed_with_their_history(reader: TestClient) -> None:
    found = reader.get("/api/v1/views/regulations", params={"effective_on": "2025-12-31"}).json()["regulations"]
    by_id = {instrument["regulation_id"]: instrument for instrument in found}
    assert by_id["us-affiliates-rule"]["status"] == "suspended"
    history = by_id["us-3a090"]["history"]
    assert [change["type"] for change in history].count("regulation-amended") == 3
    assert reader.get("/api/v1/regulations/none").status_code == 404


def test_dependence_says_what_is_restricted(reader: TestClient) -> None:
    asked = {"buyer": "baidu", "effective_on": "2023-11-17", "known_on": "2023-11-08"}
    answer = reader.get(DEPENDENCE, params=asked).json()
    assert {row["key"]: row["restricted"] for row in answer["rows"]}["nvidia"] == "undetermined"
    assert answer["metrics"]["at_risk_low"] < answer["metrics"]["at_risk_high"]


def test_a_series_shows_every_change_with_what_happened_to_the_rules(reader: TestClient) -> None:
    asked = {"buyer": "baidu", "measure": "units", "from": "2023-08-01", "to": "2023-12-31"}
    answer = reader.get(f"{DEPENDENCE}/series", params=asked).json()
    points = {point["effective_on"]: point["total"]["value"] for point in answer["points"]}
    assert points["2023-08-09"] != points["2023-08-31"]
    assert {"us-3a090", "us-letter-nvidia-2023"} <= {event["id"] for event in answer["annotations"]}
    monthly = reader.get(f"{DEPENDENCE}/series", params={**asked, "step": "P1M"}).json()
    assert [point["effective_on"] for point in monthly["points"]][-2:] == ["2023-12-01", "2023-12-31"]


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({}, "/from"),
        ({"from": "2023-13-01"}, "/from"),
        ({"from": "2024-01-01", "to": "2023-01-01"}, "/from"),
        ({"from": "2023-01-01", "to": "2024-01-01", "step": "PT1H"}, "/step"),
        ({"from": "2000-01-01", "to": "2024-01-01", "step": "P1D"}, "/from"),
        ({"from": "2023-01-01", "effective_on": "2023-01-01"}, "/effective_on"),
    ],
)
def test_a_bad_series_is_refused(reader: TestClient, asked: dict[str, str], pointer: str) -> None:
    answer = reader.get(f"{DEPENDENCE}/series", params=asked)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


def test_the_difference_between_two_knowledges_is_explained_by_what_came_late(reader: TestClient) -> None:
    asked = {
        "buyer": "baidu",
        "measure": "units",
        "captive": "exclude",
        "effective_on": "2023-08-31",
        "known_on": ["2023-08-31", "2023-11-08"],
    }
    answer = reader.get(f"{DEPENDENCE}/diff", params=asked).json()
    (huawei,) = [row for row in answer["rows"] if row["key"] == "huawei"]
    assert (huawei["before"], huawei["after"]["value"], huawei["difference"]) == (None, "1600", "1600")
    (late,) = huawei["explained"]
    assert (late["class"], late["value"]) == ("late", "1600")
    assert [event["id"] for event in late["events"]] == ["baidu-huawei-order"]
    assert answer["resolved"]["before"]["known_on"] == "2023-08-31"


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"effective_on": ["2023-01-01", "2023-12-31"]}, 200),
        ({"position": ["10", "56"]}, 200),
        ({"position": ["56", "56"]}, 200),
        ({}, 422),
        ({"known_on": "2023-01-01"}, 422),
        ({"known_on": ["2023-12-31", "2023-01-01"]}, 422),
        ({"known_on": ["2023-01-01", "2023-12-31"], "effective_on": ["2023-01-01", "2023-12-31"]}, 422),
        ({"position": ["1", "57"]}, 400),
    ],
)
def test_two_values_of_one_clock_are_compared(reader: TestClient, asked: dict[str, Any], status: int) -> None:
    answer = reader.get(f"{DEPENDENCE}/diff", params={"buyer": "baidu", **asked})
    assert answer.status_code == status, answer.text
    if status == 200:
        total = answer.json()["total"]
        parts = [part for row in answer.json()["rows"] for part in row["explained"]]
        assert sum(Decimal(part["value"]) for part in parts) == Decimal(total["difference"])


def hypothetical(order_id: str = "what-if") -> dict[str, Any]:
    """An order that nobody placed."""
    line = {"line": "1", "product_id": "hw-910c", "quantity": "10000", "amount": "200000000"}
    data = {"order_id": order_id, "buyers": ["baidu"], "vendor_id": "huawei", "currency": "USD", "lines": [line]}
    return {"type": "order-placed", "effective_on": "2025-12-01", "data": data}


def test_what_if_answers_beside_the_baseline_and_records_nothing(reader: TestClient) -> None:
    before = head(reader)
    asked = {"buyer": "baidu", "measure": "units", "effective_on": "2025-12-31"}
    answer = reader.post(f"{SUPPOSE}/vendor-dependence", params=asked, json=[hypothetical()]).json()
    assert "baseline" in answer, answer
    now = reader.get(DEPENDENCE, params=asked).json()
    assert answer["baseline"]["rows"] == [
        {name: value for name, value in row.items() if name != "evidence"} for row in now["rows"]
    ]
    values = [{row["key"]: row["value"] for row in answer[side]["rows"]}["huawei"] for side in ("baseline", "scenario")]
    assert values == ["1600", "11600"]
    assert answer["supposed"][0]["position"] == before + 1
    assert head(reader) == before
    assert reader.get("/api/v1/orders/what-if").status_code == 404


def test_what_if_the_rules_were_others(reader: TestClient) -> None:
    rule = {"rule_id": "all", "effect": "prohibited", "vendors": ["huawei"], "destinations": ["CN"]}
    data = {
        "regulation_id": "supposed-ban",
        "jurisdiction": "US",
        "authority": "BIS",
        "title": "A ban",
        "citation": "none",
        "rules": [rule],
    }
    event = {"type": "regulation-enacted", "effective_on": "2025-12-01", "data": data}
    asked = {"buyer": "baidu", "status": "ordered", "measure": "units", "effective_on": "2025-12-31"}
    answer = reader.post(f"{SUPPOSE}/regulatory-exposure", params=asked, json=event).json()
    verdicts = [
        {(row["vendor"], row["product"]): row["restricted"] for row in answer[side]["rows"]}["huawei", "hw-910b"]
        for side in ("baseline", "scenario")
    ]
    assert verdicts == ["no", "yes"]


def test_what_cannot_be_recorded_cannot_be_supposed(seeded: TestClient, nothing_recorded: None) -> None:
    wrong = hypothetical() | {"known_on": "2999-01-01"}
    answer = seeded.post(f"{SUPPOSE}/vendor-dependence", json=[hypothetical(), wrong])
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/1/known_on")
    twice = seeded.post(f"{SUPPOSE}/vendor-dependence", json=[hypothetical(), hypothetical()])
    assert (twice.status_code, twice.json()["errors"][0]["pointer"]) == (409, "/1/data/order_id")
    many = seeded.post(f"{SUPPOSE}/vendor-dependence", json=[hypothetical(f"po-{n}") for n in range(1001)])
    assert many.status_code == 422
    past = seeded.post(f"{SUPPOSE}/vendor-dependence", params={"position": "5"}, json=hypothetical())
    assert (past.status_code, past.json()["errors"][0]["pointer"]) == (422, "/position")


BAD_RULES: dict[str, tuple[dict[str, Any], str, str]] = {
    "an unknown operator": ({"when": {"attribute": "tpp", "op": "=>", "value": "1"}}, "/when/op", "unknown operator"),
    "an empty rule": ({}, "", "at least one condition"),
    "an empty list": ({"vendors": []}, "/vendors", "at least 1 item"),
    "text compared with a number": (
        {"when": {"attribute": "node", "op": ">=", "value": {"text": "7nm"}}},
        "/when/value",
        "compares numbers",
    ),
    "a word for a number": (
        {"when": {"attribute": "tpp", "op": ">=", "value": "high"}},
        "/when/value",
        "plain decimal",
    ),
    "an unknown vendor": ({"vendors": ["nvida"]}, "/vendors/0", "unknown organization nvida"),
}


def nested(depth: int) -> dict[str, Any]:
    """A predicate so many levels deep."""
    predicate: dict[str, Any] = {"attribute": "tpp", "op": ">=", "value": "1"}
    for _ in range(depth - 1):
        predicate = {"not": predicate}
    return predicate


def enacted(**changes: Any) -> dict[str, Any]:
    """An instrument with one rule, of these conditions."""
    rule = {"rule_id": "one", "effect": "prohibited", **changes}
    data = {"regulation_id": "r-1", "jurisdiction": "US", "authority": "BIS", "title": "T", "citation": "C"}
    return {"type": "regulation-enacted", "effective_on": "2025-01-01", "data": data | {"rules": [rule]}}


@pytest.mark.parametrize("what", BAD_RULES)
def test_a_bad_rule_is_refused_with_where_and_what(seeded: TestClient, what: str, nothing_recorded: None) -> None:
    conditions, pointer, message = BAD_RULES[what]
    answer = seeded.post(EVENTS, json=enacted(**conditions))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == f"/data/rules/0{pointer}"
    assert message in answer.json()["detail"]


def test_a_rule_is_at_most_sixteen_deep(seeded: TestClient) -> None:
    assert seeded.post(EVENTS, json=enacted(when=nested(17))).status_code == 422
    assert seeded.post(EVENTS, json=enacted(when=nested(16))).status_code == 201


def test_an_amendment_leaves_the_last_day_or_takes_it_away_with_null(client: TestClient) -> None:
    enactment = enacted(vendors=["nvidia"])
    data = enactment["data"]
    common = {"citation": "D", "rules": data["rules"], "regulation_id": "r-1"}
    data["until"] = "2025-06-30"

    def amended(on: str, **changes: Any) -> dict[str, Any]:
        return {"type": "regulation-amended", "effective_on": on, "data": common | changes}

    nvidia = {"organization_id": "nvidia", "name": "NVIDIA", "country": "US"}
    registered = {"type": "organization-registered", "effective_on": "2020-01-01", "data": nvidia}
    sent = [registered, enactment, amended("2025-02-01"), amended("2025-03-01", until=None)]
    assert client.post(EVENTS, json=sent).status_code == 201
    events = client.get(EVENTS).json()["events"]
    assert "until" not in events[2]["data"]
    assert events[3]["data"]["until"] is None
    for position, until in ((3, "2025-06-30"), (4, None)):
        asked = {"effective_on": "2025-06-30", "position": position}
        (given,) = client.get(EXPOSURE, params=asked).json()["instruments"]
        (expected,) = exposure_of(events, buyer=[], effective_on=date(2025, 6, 30), position=position)["instruments"]
        assert (given, given["until"]) == (expected, until)
        behind = client.get(EXPOSURE, params=asked | {"effective_on": "2025-07-01"}).json()["instruments"]
        plain = exposure_of(events, buyer=[], effective_on=date(2025, 7, 1), position=position)["instruments"]
        assert (behind, bool(behind)) == (plain, until is None)


def test_until_is_not_before_the_start_and_what_is_repealed_stays_so(
    seeded: TestClient, nothing_recorded: None
) -> None:
    wrong = enacted(vendors=["nvidia"])
    wrong["data"]["until"] = "2024-12-31"
    assert seeded.post(EVENTS, json=wrong).json()["errors"][0]["pointer"] == "/data/until"
    repealed = {
        "type": "regulation-repealed",
        "effective_on": "2025-05-31",
        "data": {"regulation_id": "us-ai-diffusion"},
    }
    amended = {
        "type": "regulation-amended",
        "effective_on": "2025-06-01",
        "data": {"regulation_id": "us-ai-diffusion", "citation": "C", "rules": []},
    }
    answer = seeded.post(EVENTS, json=[repealed, amended])
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (409, "/1/data/regulation_id")


@pytest.mark.parametrize(("content", "media_type"), [(b"[]", "application/json"), (b"\n", "application/x-ndjson")])
def test_a_scenario_of_no_event_is_refused(reader: TestClient, content: bytes, media_type: str) -> None:
    for view in ("vendor-dependence", "regulatory-exposure"):
        answer = reader.post(f"{SUPPOSE}/{view}", content=content, headers={"Content-Type": media_type})
        assert (answer.status_code, answer.json()["detail"]) == (422, "there is no event to suppose in the request")
