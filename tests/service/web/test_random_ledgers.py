"""Random ledgers recorded over HTTP answer every question as the reference does on what was read back."""

from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from starlette.testclient import TestClient

from service.audit.verifier import regulatory_exposure, regulatory_exposure_orders, sole_source
from service.audit.verifier import vendor_dependence as reference
from service.codes import country_name
from tests.random_ledgers import random_exposure_query, random_ledger, random_query, random_sole_source_query
from tests.service.web.conftest import EVENTS

VIEWS = "/api/v1/views"
VIEW = f"{VIEWS}/vendor-dependence"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_random_ledger_answers_as_the_reference_does(client: TestClient, seed: int) -> None:
    random = Random(seed)
    requests = random_ledger(random, 150, datetime.now(UTC).date()).requests
    while requests:
        size = random.choice((1, 5, 50))
        sent, requests = requests[:size], requests[size:]
        answer = client.post(EVENTS, json=sent if size > 1 else sent[0])
        assert answer.status_code in (200, 201), (answer.text, sent)
    events = client.get(EVENTS).json()["events"]
    registered = {event["stream"].partition("/")[2] for event in events if event["type"] == "organization-registered"}
    for _ in range(15):
        query = bought_by(registered, random_query(random, events))
        answer = client.get(VIEW, params=parameters(query))
        assert answer.status_code == 200, (answer.text, query)
        given, expected = answer.json(), reference(events, **query, country_name=country_name)
        assert given["total"] == expected["total"], query
        assert given["metrics"] | expected["metrics"] == given["metrics"], query
        assert [
            {name: value for name, value in row.items() if name in expected["rows"][n]}
            for n, row in enumerate(given["rows"])
        ] == expected["rows"], query
    for _ in range(5):
        query = bought_by(registered, random_exposure_query(random, events))
        given, expected = ask(client, "regulatory-exposure", query), regulatory_exposure(events, **query)
        assert without_links(given) == expected, query
        given = ask(client, "regulatory-exposure/orders", query | {"limit": 1_000})
        assert given["next_cursor"] is None
        assert given["rows"] == regulatory_exposure_orders(events, **query), query
        query = bought_by(registered, random_sole_source_query(random, events))
        assert ask(client, "sole-source", query) == sole_source(events, **query), query


def bought_by(registered: set[str], query: dict[str, Any]) -> dict[str, Any]:
    """The query of those among its buyers that the ledger knows: it answers of no others."""
    return query | {"buyer": [buyer for buyer in query["buyer"] if buyer in registered]}


def ask(client: TestClient, view: str, query: dict[str, Any]) -> dict[str, Any]:
    """What a view answers, without the question."""
    answer = client.get(f"{VIEWS}/{view}", params=parameters(query))
    assert answer.status_code == 200, (answer.text, query)
    return {name: value for name, value in answer.json().items() if name not in ("resolved", "parameters")}


def without_links(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without the addresses of its rows' evidence."""
    rows = [{name: value for name, value in row.items() if name != "evidence"} for row in answer["rows"]]
    return answer | {"rows": rows}


def parameters(query: dict[str, Any]) -> dict[str, Any]:
    """A query as it is sent: what is absent is left out."""
    return {
        name: list(value) if isinstance(value, tuple | list) else str(value)
        for name, value in query.items()
        if value is not None and value != [] and value != ()
    }
