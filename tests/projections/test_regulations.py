"""Instruments as of any time: on the example ledger, on random ones, and as they are written."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from random import Random
from typing import Any

import duckdb
import pytest

from domain.catalogue import read_stored
from domain.instruments import instruments
from projections.parameters import Moment
from projections.regulations import instruments_as_of, regulation, regulations
from tests.domain_rules.events import ai_accelerators
from tests.ledgers import Book
from tests.projections.ledgers import Event, projected
from tests.random_ledgers import random_ledger

DAYS = [date(2021, 1, 1) + timedelta(73 * number) for number in range(26)]


@pytest.fixture(scope="module")
def example() -> Iterator[duckdb.DuckDBPyConnection]:
    """The example ledger."""
    with reading([dict(event.stored or {}) for event in ai_accelerators()]) as connection:
        yield connection


@contextmanager
def reading(events: list[Event]) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to a projection of these events."""
    with projected(events) as projection, projection.cursor() as cursor:
        yield cursor


def as_of(effective_on: str, known_on: str | None = None, position: int = 1_000) -> Moment:
    """A moment."""
    return Moment(effective_on=effective_on, known_on=known_on, position=position)


def one(connection: duckdb.DuckDBPyConnection, identifier: str, *moment: Any) -> dict[str, Any]:
    """An instrument that is known of."""
    found = regulation(connection, as_of(*moment), identifier)
    assert found is not None
    return found


# The export rules of the example ledger


@pytest.mark.parametrize(
    ("known_on", "on"), [("2023-10-20", "2023-11-16"), ("2023-10-24", "2023-11-16"), ("2023-10-26", "2023-11-17")]
)
def test_the_amended_rule_is_announced_for_the_day_that_is_known(
    example: duckdb.DuckDBPyConnection, known_on: str, on: str
) -> None:
    found = one(example, "us-3a090", known_on, known_on)
    assert found["status"] == "in-force"
    assert [rule["rule_id"] for rule in found["rules"]] == ["3A090"]
    assert (found["next_change"]["on"], found["next_change"]["status"]) == (on, "in-force")
    assert [rule["rule_id"] for rule in one(example, "us-3a090", on, known_on)["rules"]] == ["3A090.a", "3A090.b"]


def test_the_history_tells_what_was_taken_back_and_why(example: duckdb.DuckDBPyConnection) -> None:
    history = one(example, "us-3a090", "2023-12-31")["history"]
    assert [(change["ends_on"], change["standing"]) for change in history] == [
        ("2022-10-21", "in-effect"),
        ("2023-01-17", "in-effect"),
        ("2023-11-16", "retracted"),
        ("2023-11-17", "in-effect"),
    ]
    withdrawn = history[2]
    assert withdrawn["event_id"] == "3a090-2023-announced"
    assert withdrawn["type"] == "regulation-amended"
    assert (withdrawn["known_on"], withdrawn["retracted_on"]) == ("2023-10-17", "2023-10-25")
    assert withdrawn["retraction_reason"].startswith("Published on 2023-10-25")


@pytest.mark.parametrize("effective_on", ["2025-05-12", "2025-05-13", "2025-05-15", "2031-01-01"])
def test_the_diffusion_rule_never_applies_to_those_who_know_of_its_end(
    example: duckdb.DuckDBPyConnection, effective_on: str
) -> None:
    found = one(example, "us-ai-diffusion", effective_on, "2025-05-13")
    # It was never rescinded: its enforcement was given up before it applied.
    assert found["status"] == ("announced" if effective_on < "2025-05-15" else "suspended")
    assert [change["type"] for change in found["history"]] == ["regulation-suspended", "regulation-enacted"]


def test_the_diffusion_rule_is_announced_to_anyone_who_asks_before(example: duckdb.DuckDBPyConnection) -> None:
    found = one(example, "us-ai-diffusion", "2025-05-12", "2025-05-12")
    assert (found["status"], found["rules"]) == ("announced", [])
    assert found["next_change"] == {
        "on": "2025-05-15",
        "status": "in-force",
        "event_ids": [change["event_id"] for change in found["history"]],
    }
    assert one(example, "us-ai-diffusion", "2025-05-15", "2025-05-12")["status"] == "in-force"
    assert regulation(example, as_of("2025-06-01", "2025-01-12"), "us-ai-diffusion") is None


def test_a_licence_is_told_with_its_conditions(example: duckdb.DuckDBPyConnection) -> None:
    found = one(example, "us-letter-nvidia-h20", "2025-08-08")
    (licence,) = found["licences"]
    assert licence["event_id"] == found["history"][-1]["event_id"]
    assert {name: licence[name] for name in ("licence_id", "since", "until", "conditions")} == {
        "licence_id": "h20-2025-08",
        "since": "2025-08-08",
        "until": None,
        "conditions": {"vendors": ["nvidia"], "products": ["nv-h20"]},
    }
    assert one(example, "us-letter-nvidia-h20", "2025-08-07")["licences"] == []


def test_a_suspension_names_its_last_day(example: duckdb.DuckDBPyConnection) -> None:
    found = one(example, "us-affiliates-rule", "2026-11-09")
    assert (found["status"], found["suspended_until"], found["until"]) == ("suspended", "2026-11-09", None)
    assert found["next_change"] == {"on": "2026-11-10", "status": "in-force", "event_ids": []}
    assert one(example, "us-affiliates-rule", "2026-11-10")["status"] == "in-force"


def test_all_instruments_come_by_id(example: duckdb.DuckDBPyConnection) -> None:
    found = regulations(example, as_of("2023-08-31", "2023-08-31"))
    assert [instrument["regulation_id"] for instrument in found] == [
        "cn-micron-2023",
        "us-3a090",
        "us-entity-list-huawei",
        "us-letter-nvidia-2022",
    ]
    assert found[1] == one(example, "us-3a090", "2023-08-31", "2023-08-31")


# Any ledger


def test_nothing_is_known_of_an_instrument_before_it_is_recorded() -> None:
    book = Book()
    about = {
        "regulation_id": "chip-act",
        "jurisdiction": "US",
        "authority": "BIS",
        "title": "Act",
        "citation": "1 FR 1",
    }
    book.say("regulation-enacted", "2023-01-01", about | {"rules": []})
    with reading(book.events) as connection:
        assert regulations(connection, as_of("2023-12-31", position=0)) == []
        assert regulation(connection, as_of("2023-12-31"), "other-act") is None
        assert one(connection, "chip-act", "2023-12-31", None, 1)["status"] == "in-force"


def test_a_correction_names_what_it_replaces_and_is_named_by_it() -> None:
    book = Book()
    about = {
        "regulation_id": "chip-act",
        "jurisdiction": "US",
        "authority": "BIS",
        "title": "Act",
        "citation": "1 FR 1",
    }
    wrong = book.say("regulation-enacted", "2023-01-01", about | {"rules": []})
    book.retract(wrong["id"])
    right = book.say("regulation-enacted", "2023-01-02", about | {"rules": []}, corrects=wrong["id"])
    with reading(book.events) as connection:
        history = one(connection, "chip-act", "2023-12-31")["history"]
    assert [(change["standing"], change["corrects"], change["corrected_by"]) for change in history] == [
        ("corrected", None, right["id"]),
        ("in-effect", wrong["id"], None),
    ]


@pytest.mark.parametrize("seed", range(6))
def test_random_instruments_are_read_back_as_they_were_recorded(seed: int) -> None:
    random = Random(seed)
    events = random_ledger(random, 150).events
    with reading(events) as connection:
        for _ in range(20):
            moment = Moment(
                effective_on=random.choice(DAYS),
                known_on=random.choice((None, *DAYS)),
                position=random.choice((len(events), random.randrange(len(events)))),
            )
            known = [
                event
                for event in map(read_stored, events[: moment.position])
                if event.stream.startswith("regulation/")
                and (moment.known_on is None or event.known_on <= moment.known_on)
            ]
            expected = instruments(known, moment.effective_on)
            found = instruments_as_of(connection, moment)
            assert found == expected
            assert [instrument.regulation_id for instrument in found] == [
                instrument["regulation_id"] for instrument in regulations(connection, moment)
            ]
