"""The history of one instrument that grows row by row: as the domain folds it, in time that grows with it."""

import random
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest

from domain.instruments import instrument
from service.importing.regulations.chains import InstrumentChain
from service.importing.regulations.renewals import renewals
from service.importing.regulations.rows import PREFIX, RegulationRow, read_changes
from service.importing.rows import Row
from tests.effort import Act, assert_in_proportion
from tests.service.importing.conftest import change

TODAY = date(2026, 11, 1)


def rows(days: Sequence[int]) -> list[RegulationRow]:
    """Amendments of one instrument, known and in effect from so many days after the first of all."""
    given = []
    for number, day in enumerate(days):
        on = (date(2010, 1, 1) + timedelta(days=day)).isoformat()
        dates = {"announced_on": on, "published_on": on, "effective_from": on}
        given.append(Row(number + 2, change(f"US-2019-EL-{number}", "ListingAmended", **dates)))
    return read_changes(given)


def amendment(row: RegulationRow, number: int) -> dict[str, Any]:
    return {
        "type": "regulation-amended",
        "id": row.event_id,
        "effective_on": row.effective.text,
        "known_on": row.settled_on.isoformat(),
        "basis": "reported",
        "source": {"citation": row.citation},
        "data": {"regulation_id": "US-EL", "rules": [{"rule_id": f"rule-{number}"}]},
    }


def retraction(of: RegulationRow, row: RegulationRow) -> dict[str, Any]:
    sent = amendment(row, 0)
    data = {"retracts": of.event_id, "reason": "A slip of the pen."}
    return sent | {"type": "event-retracted", "id": f"{row.event_id}:taken-back", "data": data}


def growing(count: int) -> Act:
    """What reads each row against all before it, and once more when all are recorded."""

    def act() -> None:
        for number, row in enumerate(given):
            before = [rule["rule_id"] for rule in chain.rules_before(row)]
            assert before == ([f"rule-{number - 1}"] if number else [])
            assert chain.beginning(f"{row.event_id}:note") == ()
            chain.take(amendment(row, number), TODAY)
        for number, event in enumerate(list(chain.events)):
            assert list(renewals(amendment(given[number], number), event, chain)) == []

    given = rows(range(count))
    chain = InstrumentChain("US-EL", "US", "BIS", given[0].known_on)
    return act


def test_an_instrument_of_many_changes_takes_time_in_proportion_to_them() -> None:
    assert_in_proportion(growing, 250)


@pytest.mark.parametrize("seed", range(20))
def test_the_rules_before_a_change_are_those_of_the_instrument_on_that_day(seed: int) -> None:
    chance = random.Random(seed)
    given = rows([chance.randrange(30) for _ in range(40)])
    chain = InstrumentChain("US-EL", "US", "BIS", given[0].known_on)
    for number, row in enumerate(given):
        own = f"{PREFIX}:{row.row_id}"
        others = [one for one in chain.events if one.known_on <= row.settled_on and one.id.partition(":t")[0] != own]
        found = instrument(others, row.end)
        assert chain.rules_before(row) == (found.rules if found is not None else ())
        chain.take(amendment(row, number), TODAY)
        if number and chance.random() < 0.3:
            chain.take(retraction(given[chance.randrange(number)], row), TODAY)
        gone = {event.data["retracts"] for event in chain.events if event.type == "event-retracted"}
        assert [event.id for event in chain.standing()] == [
            event.id for event in chain.events if event.type != "event-retracted" and event.id not in gone
        ]
