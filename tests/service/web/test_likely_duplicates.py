"""Likely duplicates of organisations over HTTP: in pages, in every format, as of any time."""

import csv
import io

import pytest
from starlette.testclient import TestClient

from tests.service.web.conftest import EVENTS
from tests.service.web.test_lists import API, flat, links

PATH = f"{API}/organizations"
NAMES = {"a": "Acme Pumps Ltd", "b": "ACME PUMPS", "c": "Acme Pumps GmbH", "x": "Quart"}


@pytest.fixture
def registering(client: TestClient) -> TestClient:
    """The client of a ledger with organisations that are alike, two of them joined later."""
    events = [
        {
            "type": "organization-registered",
            "effective_on": "2023-01-01",
            "known_on": "2023-01-01",
            "data": {"organization_id": identifier, "name": name, "country": "FR" if identifier == "c" else "DE"},
        }
        for identifier, name in NAMES.items()
    ]
    joined = {"organization_id": "b", "same_as": "a"}
    events.append(
        {"type": "organization-changed", "effective_on": "2023-06-01", "known_on": "2023-06-01", "data": joined}
    )
    answer = client.post(EVENTS, json=events)
    assert answer.status_code == 201, answer.text
    return client


def listed(client: TestClient, **params: str) -> list[tuple[str, str]]:
    """The ids of the pairs."""
    answer = client.get(PATH, params={"likely_duplicates": "true", **params})
    assert answer.status_code == 200, answer.text
    return [(pair["organization_id"], pair["other_id"]) for pair in answer.json()["likely_duplicates"]]


def test_pairs_are_listed_with_score_and_reason_until_they_are_joined(registering: TestClient) -> None:
    assert listed(registering) == [("a", "c")]
    assert listed(registering, known_on="2023-05-31") == [("a", "b"), ("a", "c"), ("b", "c")]
    assert listed(registering, position="2") == [("a", "b")]
    assert listed(registering, effective_on="2022-12-31") == []
    (pair,) = registering.get(PATH, params={"likely_duplicates": "true"}).json()["likely_duplicates"]
    assert (pair["score"], pair["names_alike"], pair["why"][-1]) == (0.9, 1, "one is in DE, the other in FR")


def test_pages_hold_each_pair_once(registering: TestClient) -> None:
    params = {"likely_duplicates": "true", "known_on": "2023-05-31", "limit": "1"}
    pages, answer = [], registering.get(PATH, params=params)
    while True:
        pages.append([(pair["organization_id"], pair["other_id"]) for pair in answer.json()["likely_duplicates"]])
        following = links(answer).get("next")
        if following is None:
            break
        answer = registering.get(following)
    assert flat(pages) == listed(registering, known_on="2023-05-31")
    assert list(map(len, pages)) == [1, 1, 1]


def test_one_of_the_two_is_in_the_country_asked_for(registering: TestClient) -> None:
    assert listed(registering, known_on="2023-05-31", country="FR") == [("a", "c"), ("b", "c")]


def test_it_is_a_view_of_its_own_in_every_format(registering: TestClient) -> None:
    params = {"likely_duplicates": "true", "known_on": "2023-05-31", "format": "csv"}
    answer = registering.get(PATH, params=params)
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["organization_id"], row["other_id"], row["score"]) for row in rows] == [
        ("a", "b", "1.0"),
        ("a", "c", "0.9"),
        ("b", "c", "0.9"),
    ]
    assert "likely_duplicates=true" in answer.headers["Content-Location"]
    assert registering.get(answer.headers["Content-Location"]).text == answer.text
    own = registering.get(f"{API}/views/likely-duplicates", params={"known_on": "2023-05-31", "format": "csv"})
    assert own.text == answer.text
    for form in ("xlsx", "parquet", "arrow"):
        assert registering.get(PATH, params={**params, "format": form}).status_code == 200


def test_false_is_the_register_and_another_word_is_refused(registering: TestClient) -> None:
    whole = registering.get(PATH, params={"likely_duplicates": "false"})
    assert [one["organization_id"] for one in whole.json()["organizations"]] == list(NAMES)
    for query in ("likely_duplicates=maybe", "likely_duplicates=true&likely_duplicates=true"):
        refused = registering.get(f"{PATH}?{query}")
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/likely_duplicates")
    assert registering.get(PATH, params={"likely_duplicates": "true", "vendor": "a"}).status_code == 422
