"""What answers to recording remark upon, when they do, and that it never stands in the way of recording."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.testclient import TestClient

from service.daybook import Daybook
from service.remarking import MOST_AT_ONCE, PATIENCE_S, SAVED_S, SHARE, LookEnded, WaitingTime, find_remarks
from service.web.context import Context
from tests.service.purchases import market, order, product, receipt, say
from tests.service.web.conftest import EVENTS, head

NDJSON = {"Content-Type": "application/x-ndjson"}
RULE = {"rule_id": "r", "effect": "prohibited", "categories": ["acelerator"]}
ABOUT = {"jurisdiction": "US", "authority": "BIS", "title": "A rule", "citation": "88 FR 1"}


def enacted(regulation_id: str = "ear", **changes: Any) -> dict[str, Any]:
    """An instrument with one rule."""
    return say("regulation-enacted", {"regulation_id": regulation_id, **ABOUT, "rules": [RULE | changes]})


@pytest.fixture
def bought(client: TestClient) -> TestClient:
    """The client of a ledger in which Baidu has ordered 1,600 chips of Huawei's."""
    assert client.post(EVENTS, json=[*market(), order("po-1")]).status_code == 201
    return client


def test_a_batch_is_answered_with_remarks(bought: TestClient) -> None:
    answer = bought.post(EVENTS, json=[enacted() | {"id": "the-rule"}, receipt("po-1", "1601", id="came")])
    assert answer.status_code == 201
    assert answer.json()["remarks"] == [
        {
            "kind": "unknown-category",
            "event": "the-rule",
            "subject": "ear/r",
            "detail": "the rule ear/r is for the category 'acelerator', and no product has it:"
            " perhaps 'accelerator' is meant",
            "likely": "accelerator",
            "count": 1,
        },
        {
            "kind": "beyond-ordered",
            "event": "came",
            "subject": "po-1/1",
            "detail": "line 1 of order po-1: 1601 received, 1600 ordered",
            "count": 1,
        },
    ]


def test_a_single_fact_is_answered_with_remarks(bought: TestClient) -> None:
    fact = {"receipts": [{"line": "1", "quantity": "2000"}], "effective_on": "2023-09-01"}
    answer = bought.post("/api/v1/orders/po-1/receipts", json=fact)
    assert answer.status_code == 201
    assert set(answer.json()) == {"id", "position", "stream", "version", "remarks"}
    assert [remark["kind"] for remark in answer.json()["remarks"]] == ["beyond-ordered"]


def test_a_correction_is_answered_with_remarks_on_what_replaces(bought: TestClient) -> None:
    bought.post(EVENTS, json=receipt("po-1", "1600", id="came"))
    corrected = {
        "retracts": "came", "reason": "miscounted", "effective_on": "2023-09-01",
        "replacement": {"receipts": [{"line": "1", "quantity": "1700"}], "effective_on": "2023-09-01", "id": "came-2"},
    }  # fmt: skip
    answer = bought.post("/api/v1/orders/po-1/corrections", json=corrected)
    assert [(remark["kind"], remark["event"]) for remark in answer.json()["remarks"]] == [("beyond-ordered", "came-2")]


def test_a_replay_has_no_remarks(bought: TestClient) -> None:
    headers = {"Idempotency-Key": "rule-1"}
    event = enacted() | {"id": "the-rule"}
    assert "remarks" in bought.post(EVENTS, json=event, headers=headers).json()
    for again in (bought.post(EVENTS, json=event, headers=headers), bought.post(EVENTS, json=event)):
        assert (again.status_code, "remarks" in again.json()) == (200, False)


def test_what_does_what_it_says_has_no_remarks(bought: TestClient) -> None:
    events = [product("920", id="of-920"), enacted(categories=["accelerator"]), receipt("po-1", "1600")]
    assert "remarks" not in bought.post(EVENTS, json=events).json()


def test_a_product_registered_behind_the_rule_in_the_batch_is_known(bought: TestClient) -> None:
    memory = say(
        "product-registered",
        {"product_id": "hbm", "name": "HBM", "vendor_id": "huawei", "category": "memory"},
    )
    answer = bought.post(EVENTS, json=[enacted(categories=["memory"]), memory])
    assert [remark["kind"] for remark in answer.json()["remarks"]] == ["matches-nothing"]


def test_of_a_batch_of_2000_the_first_are_listed_and_all_counted(bought: TestClient) -> None:
    orders = [order(f"po-{n}", "1") for n in range(2, 1002)]
    receipts = [receipt(f"po-{n}", "2") for n in range(2, 1002)]
    lines = "\n".join(json.dumps(event) for event in (*orders, *receipts))
    answer = bought.post(EVENTS, content=lines, headers=NDJSON)
    assert answer.status_code == 201
    remarks = answer.json().get("remarks", [])
    # Where the machine is too busy to have them in time there are none.
    assert [remark["count"] for remark in remarks] in ([1000] * 5, [])


def test_views_that_lag_behind_say_nothing(bought: TestClient, daybook: Daybook) -> None:
    daybook.follower.close()
    answer = bought.post(EVENTS, json=enacted())
    assert (answer.status_code, "remarks" in answer.json()) == (201, False)


def test_views_that_are_down_neither_delay_nor_refuse(bought: TestClient, daybook: Daybook) -> None:
    daybook.follower.failure = RuntimeError("stopped")
    daybook.projection.close()
    before = head(bought)
    answer = bought.post(EVENTS, json=enacted())
    assert (answer.status_code, "remarks" in answer.json()) == (201, False)
    assert head(bought) == before + 1


def test_where_many_are_being_made_the_answer_comes_without(bought: TestClient) -> None:
    context: Context = bought.app.state.context  # type: ignore[attr-defined]
    for _ in range(MOST_AT_ONCE):
        assert context.remarking.places.acquire(blocking=False)
    assert "remarks" not in bought.post(EVENTS, json=enacted("ear-1")).json()
    for _ in range(MOST_AT_ONCE):
        context.remarking.places.release()
    assert "remarks" in bought.post(EVENTS, json=enacted("ear-2")).json()


def test_several_who_record_at_once_are_each_answered_of_their_own(bought: TestClient) -> None:
    def post(number: int) -> dict[str, Any]:
        answer: dict[str, Any] = bought.post(EVENTS, json=enacted(f"ear-{number}")).json()
        return answer

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(post, range(16)))
    subjects = [[remark["subject"] for remark in answer.get("remarks", [])] for answer in answers]
    assert all(said in ([f"ear-{number}/r"], []) for number, said in enumerate(subjects))
    context: Context = bought.app.state.context  # type: ignore[attr-defined]
    assert all(context.remarking.places.acquire(blocking=False) for _ in range(MOST_AT_ONCE))


def test_making_them_ends_where_it_takes_too_long(bought: TestClient, daybook: Daybook) -> None:
    position = bought.post(EVENTS, json=enacted()).json()["last_position"]
    asked = [(position, position)], {"regulation-enacted"}
    assert find_remarks(daybook, *asked, patience_s=60, look_s=60)
    with pytest.raises(LookEnded):
        find_remarks(daybook, *asked, patience_s=60, look_s=-1)


def test_types_that_call_for_none_do_not_wait_for_the_views(bought: TestClient, daybook: Daybook) -> None:
    daybook.follower.close()
    assert find_remarks(daybook, [(10**6, 10**6)], {"order-placed"}, patience_s=3600, look_s=1) == []


def test_once_there_was_no_time_answers_do_not_wait_for_a_while(bought: TestClient, daybook: Daybook) -> None:
    daybook.follower.close()
    waits: list[float] = []
    wait_for = daybook.follower.wait_for

    def waiting(position: int, patience_s: float) -> None:
        waits.append(patience_s)
        wait_for(position, 0)

    daybook.follower.wait_for = waiting  # type: ignore[method-assign]
    for number in range(3):
        assert "remarks" not in bought.post(EVENTS, json=enacted(f"ear-{number}")).json()
    assert waits == [PATIENCE_S, 0, 0]


def test_answers_wait_for_a_part_of_the_time_together() -> None:
    now = [0.0]
    allowance = WaitingTime(lambda: now[0])
    waited = 0
    # Somebody records without a pause for a minute; a look takes a quarter of a second.
    while now[0] < 60:
        if allowance.left:
            with allowance.spent():
                now[0] += 0.25
            waited += 1
        else:
            now[0] += 0.01
    assert SAVED_S + 60 * SHARE - 0.25 <= waited * 0.25 <= SAVED_S + 60 * SHARE + 0.25
    now[0] += 3600
    assert allowance.left


def test_where_too_much_was_said_lately_the_answer_comes_without(bought: TestClient) -> None:
    context: Context = bought.app.state.context  # type: ignore[attr-defined]
    now = [0.0]
    context.remarking.allowance = WaitingTime(lambda: now[0])
    with context.remarking.allowance.spent():
        now[0] += SAVED_S + 1
    assert "remarks" not in bought.post(EVENTS, json=enacted("ear-1")).json()
    now[0] += 60
    assert "remarks" in bought.post(EVENTS, json=enacted("ear-2")).json()
