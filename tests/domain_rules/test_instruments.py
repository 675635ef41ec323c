"""An instrument from its events: in force, amended, suspended, resumed, expired, repealed, licensed, corrected."""

from datetime import date
from typing import Any

import pytest

from domain.instruments import Instrument, NextChange, instrument, instruments
from tests.domain_rules.events import history, known, said

FIRST = {"rule_id": "3A090", "effect": "licence-required", "destinations": ["CN", "HK"]}
SECOND = {"rule_id": "3A090", "effect": "licence-required", "destinations": ["CN", "HK", "MO"]}
ENACTED = said("regulation-enacted", "2022-10-21", "2022-10-07", title="Advanced computing", rules=[FIRST])


def on(day: str, *events: Any) -> Instrument:
    """The instrument on a day, to those who know all its events."""
    found = instrument(history(*events), date.fromisoformat(day))
    assert found is not None
    return found


def statuses(days: list[str], *events: Any) -> list[str]:
    return [on(day, *events).status for day in days]


# Enacted and amended


def test_an_instrument_is_announced_until_the_day_it_applies() -> None:
    assert statuses(["2022-10-07", "2022-10-20", "2022-10-21"], ENACTED) == ["announced", "announced", "in-force"]
    before = on("2022-10-20", ENACTED)
    assert (before.rules, before.rules_in_force) == ((), ())
    assert before.title == "Advanced computing"


def test_an_amendment_brings_all_the_rules_anew_from_its_day_on() -> None:
    amended = said("regulation-amended", "2023-01-17", citation="88 FR 2821", rules=[SECOND])
    events = (ENACTED, amended)
    assert on("2023-01-16", *events).rules_in_force == (FIRST,)
    assert on("2023-01-17", *events).rules_in_force == (SECOND,)
    assert on("2023-01-17", *events).citation == "88 FR 2821"
    assert on("2023-01-17", *events).title == "Advanced computing"


def test_the_latest_amendment_is_the_one_that_ends_last_whenever_it_was_recorded() -> None:
    later = said("regulation-amended", "2023-11-17", "2023-10-25", rules=[SECOND])
    earlier_recorded_after = said("regulation-amended", "2023-04", "2023-12-01", rules=[FIRST])
    assert on("2024-01-01", ENACTED, later, earlier_recorded_after).rules == (SECOND,)


def test_of_two_amendments_on_one_day_the_one_known_later_decides_then_the_one_recorded_later() -> None:
    one = said("regulation-amended", "2023-11-17", "2023-10-25", rules=[FIRST])
    other = said("regulation-amended", "2023-11-17", "2023-10-26", rules=[SECOND])
    same_day = said("regulation-amended", "2023-11-17", "2023-10-25", rules=[SECOND])
    assert on("2023-11-17", ENACTED, other, one).rules == (SECOND,)
    assert on("2023-11-17", ENACTED, one, same_day).rules == (SECOND,)
    assert on("2023-11-17", ENACTED, same_day, one).rules == (FIRST,)


def test_an_instrument_without_rules_is_in_force_and_bars_nothing() -> None:
    found = on("2023-01-01", said("regulation-enacted", "2022", rules=[], known_on="2022-01-01"))
    assert (found.status, found.rules_in_force) == ("in-force", ())


def test_an_amendment_known_without_its_enactment_speaks_for_itself() -> None:
    enacted_known_late = said("regulation-enacted", "2022-10-21", "2024-01-01", title="Late", rules=[FIRST])
    events = history(enacted_known_late, said("regulation-amended", "2023-01-17", rules=[SECOND]))
    found = instrument(known(events, "2023-06-30"), date(2023, 6, 30))
    assert found is not None
    assert (found.status, found.rules, found.title) == ("in-force", (SECOND,), None)


# Until


def test_the_last_day_is_included() -> None:
    events = (said("regulation-enacted", "2022-10-21", rules=[FIRST], until="2023-03"),)
    assert statuses(["2023-03-31", "2023-04-01"], *events) == ["in-force", "expired"]
    assert on("2023-04-01", *events).rules_in_force == ()


def test_an_amendment_without_an_end_leaves_the_end_as_it_was() -> None:
    enacted = said("regulation-enacted", "2022-10-21", rules=[FIRST], until="2023-12-31")
    amended = said("regulation-amended", "2023-01-17", rules=[SECOND])
    prolonged = said("regulation-amended", "2023-06-01", rules=[SECOND], until="2024")
    assert on("2024-01-01", enacted, amended).status == "expired"
    assert on("2024-01-01", enacted, prolonged, amended).status == "in-force"
    assert on("2023-05-31", enacted, amended, prolonged).until == date(2023, 12, 31)
    assert on("2023-06-01", enacted, amended, prolonged).until == date(2024, 12, 31)


def test_an_expired_instrument_is_in_force_again_once_it_is_prolonged() -> None:
    enacted = said("regulation-enacted", "2022-10-21", rules=[FIRST], until="2022-12-31")
    prolonged = said("regulation-amended", "2023-02-01", rules=[SECOND], until="2023-12-31")
    days = ["2022-12-31", "2023-01-01", "2023-02-01"]
    assert statuses(days, enacted, prolonged) == ["in-force", "expired", "in-force"]


# Suspended and resumed


def test_a_suspension_holds_through_its_last_day() -> None:
    events = (ENACTED, said("regulation-suspended", "2025-11-10", until="2026-11-09"))
    days = ["2025-11-09", "2025-11-10", "2026-11-09", "2026-11-10"]
    assert statuses(days, *events) == ["in-force", "suspended", "suspended", "in-force"]
    suspended = on("2026-11-09", *events)
    assert (suspended.rules, suspended.rules_in_force) == ((FIRST,), ())
    assert suspended.suspended_until == date(2026, 11, 9)
    assert on("2026-11-10", *events).suspended_until is None


def test_a_suspension_without_an_end_holds_until_it_is_resumed() -> None:
    events = (ENACTED, said("regulation-suspended", "2023-02-01"), said("regulation-resumed", "2024-02-01"))
    assert statuses(["2023-02-01", "2024-01-31", "2024-02-01"], *events) == ["suspended", "suspended", "in-force"]
    assert on("2023-06-01", *events).suspended_until is None


def test_a_suspension_may_be_resumed_before_its_end() -> None:
    events = (ENACTED, said("regulation-suspended", "2023-02-01", until="2023-12-31"))
    resumed = said("regulation-resumed", "2023-06-01")
    assert statuses(["2023-05-31", "2023-06-01"], *events, resumed) == ["suspended", "in-force"]


def test_the_latest_suspension_decides_even_where_an_earlier_one_had_no_end() -> None:
    open_ended = said("regulation-suspended", "2023-02-01")
    bounded = said("regulation-suspended", "2023-03-01", until="2023-03-31")
    assert statuses(["2023-03-31", "2023-04-01"], ENACTED, open_ended, bounded) == ["suspended", "in-force"]


def test_an_amendment_does_not_end_a_suspension() -> None:
    suspended = said("regulation-suspended", "2023-02-01", until="2023-12-31")
    amended = said("regulation-amended", "2023-06-01", rules=[SECOND])
    events = (ENACTED, suspended, amended)
    assert statuses(["2023-06-01", "2023-12-31", "2024-01-01"], *events) == ["suspended", "suspended", "in-force"]
    assert on("2023-06-01", *events).rules == (SECOND,)
    assert on("2024-01-01", *events).rules_in_force == (SECOND,)


def test_a_suspension_before_the_start_outlasts_the_start() -> None:
    suspended = said("regulation-suspended", "2022-10-10")
    assert statuses(["2022-10-10", "2022-10-21"], ENACTED, suspended) == ["announced", "suspended"]


# Repealed


def test_a_repeal_ends_it_for_good() -> None:
    repealed = said("regulation-repealed", "2023-05-13")
    amended = said("regulation-amended", "2023-06-01", "2023-01-01", rules=[SECOND])
    resumed = said("regulation-resumed", "2023-07-01", "2023-01-01")
    days = ["2023-05-12", "2023-05-13", "2023-08-01"]
    assert statuses(days, ENACTED, amended, resumed, repealed) == ["in-force", "repealed", "repealed"]
    assert on("2023-08-01", ENACTED, amended, resumed, repealed).rules_in_force == ()


def test_an_instrument_repealed_before_it_applied_never_applies() -> None:
    enacted = said("regulation-enacted", "2025-05-15", "2025-01-13", rules=[FIRST])
    repealed = said("regulation-repealed", "2025-05-13")
    days = ["2025-05-12", "2025-05-13", "2025-05-15", "2030-01-01"]
    assert statuses(days, enacted, repealed) == ["announced", "repealed", "repealed", "repealed"]


def test_a_repeal_comes_before_an_end_and_an_end_before_a_suspension() -> None:
    enacted = said("regulation-enacted", "2022-10-21", rules=[FIRST], until="2022-12-31")
    suspended = said("regulation-suspended", "2022-11-01")
    repealed = said("regulation-repealed", "2023-02-01")
    days = ["2022-12-31", "2023-01-01", "2023-02-01"]
    assert statuses(days, enacted, suspended, repealed) == ["suspended", "expired", "repealed"]


# Licences


def licensed(day: str, *events: Any) -> list[str]:
    return [licence.licence_id for licence in on(day, ENACTED, *events).licences]


GRANTED = said("licence-granted", "2025-08-08", licence_id="h20", vendors=["nvidia"], until="2025-12-31")


def test_a_licence_holds_through_its_last_day() -> None:
    assert [licensed(day, GRANTED) for day in ("2025-08-07", "2025-08-08", "2025-12-31", "2026-01-01")] == [
        [],
        ["h20"],
        ["h20"],
        [],
    ]


def test_a_licence_carries_its_conditions_and_its_grant() -> None:
    (licence,) = on("2025-09-01", ENACTED, GRANTED).licences
    assert licence.conditions["vendors"] == ["nvidia"]
    assert (licence.event_id, licence.since, licence.until) == ("us-3a090-2", date(2025, 8, 8), date(2025, 12, 31))


def test_a_licence_is_over_once_it_is_revoked_and_back_once_it_is_granted_again() -> None:
    events = (GRANTED, said("licence-revoked", "2025-10-01", licence_id="h20"))
    again = said("licence-granted", "2025-11-01", licence_id="h20", vendors=["nvidia"])
    assert [licensed(day, *events, again) for day in ("2025-09-30", "2025-10-01", "2025-11-01")] == [
        ["h20"],
        [],
        ["h20"],
    ]


def test_a_grant_that_is_over_does_not_bring_back_the_one_before() -> None:
    for_ever = said("licence-granted", "2025-01-01", licence_id="h20", vendors=["nvidia"])
    assert licensed("2026-01-01", for_ever, GRANTED) == []


def test_licences_stand_side_by_side() -> None:
    other = said("licence-granted", "2025-08-01", licence_id="a800", vendors=["nvidia"])
    assert licensed("2025-09-01", GRANTED, other) == ["a800", "h20"]


# Knowledge and corrections


ANNOUNCED = said("regulation-amended", "2023-11-16", "2023-10-17", id="announced", rules=[SECOND])
WITHDRAWN = said("event-retracted", "2023-10-25", id="withdrawn", retracts="announced", reason="Published otherwise")
PUBLISHED = said("regulation-amended", "2023-11-17", "2023-10-25", id="published", corrects="announced", rules=[SECOND])
CORRECTED = history(ENACTED, ANNOUNCED, WITHDRAWN, PUBLISHED)


@pytest.mark.parametrize(
    ("known_on", "day", "expected"),
    [
        ("2023-10-24", "2023-11-15", FIRST),
        ("2023-10-24", "2023-11-16", SECOND),
        ("2023-10-25", "2023-11-16", FIRST),
        ("2023-10-25", "2023-11-17", SECOND),
    ],
)
def test_a_correction_moves_the_day_for_those_who_know_of_it(known_on: str, day: str, expected: dict[str, Any]) -> None:
    found = instrument(known(CORRECTED, known_on), date.fromisoformat(day))
    assert found is not None
    assert found.rules_in_force == (expected,)


def standings(known_on: str, day: str) -> dict[str, str]:
    found = instrument(known(CORRECTED, known_on), date.fromisoformat(day))
    assert found is not None
    return {change.event_id: change.standing for change in found.history}


def test_the_history_tells_what_is_announced_corrected_and_in_effect() -> None:
    assert standings("2023-10-24", "2023-10-24") == {"us-3a090-1": "in-effect", "announced": "announced"}
    assert standings("2023-10-25", "2023-10-25") == {
        "us-3a090-1": "in-effect",
        "announced": "corrected",
        "published": "announced",
    }
    assert standings("2023-10-25", "2023-11-17")["published"] == "in-effect"


def test_the_history_tells_who_retracted_and_who_corrected_whom() -> None:
    found = instrument(CORRECTED, date(2023, 12, 1))
    assert found is not None
    _, announced, published = found.history
    assert announced.retracted
    assert (announced.retracted_by, announced.retracted_on) == ("withdrawn", date(2023, 10, 25))
    assert announced.retraction_reason == "Published otherwise"
    assert (announced.corrected_by, published.corrects) == ("published", "announced")
    assert not published.retracted
    assert [(change.type, change.position) for change in found.history] == [
        ("regulation-enacted", 1),
        ("regulation-amended", 2),
        ("regulation-amended", 4),
    ]


def test_a_retraction_that_nothing_replaces_is_not_a_correction() -> None:
    found = instrument(history(ENACTED, ANNOUNCED, WITHDRAWN), date(2023, 12, 1))
    assert found is not None
    assert [change.standing for change in found.history] == ["in-effect", "retracted"]
    assert found.rules == (FIRST,)


def test_a_suspension_that_was_retracted_never_was() -> None:
    suspended = said("regulation-suspended", "2023-02-01", id="suspended")
    withdrawn = said("event-retracted", "2023-02-02", retracts="suspended", reason="Misread")
    assert on("2023-02-03", ENACTED, suspended, withdrawn).status == "in-force"


def test_annotations_are_no_changes() -> None:
    noted = said("event-annotated", "2023-02-01", annotates="us-3a090-1", note="See the appendix")
    assert [change.type for change in on("2023-02-03", ENACTED, noted).history] == ["regulation-enacted"]


def test_an_instrument_of_which_nothing_stands_is_none() -> None:
    withdrawn = said("event-retracted", "2022-10-08", retracts="us-3a090-1", reason="Entered twice")
    assert instrument(history(ENACTED, withdrawn), date(2023, 1, 1)) is None
    assert instrument([], date(2023, 1, 1)) is None


def test_a_period_counts_from_its_end_or_from_the_day_it_became_known_inside() -> None:
    assert statuses(["2022-10-30", "2022-10-31"], said("regulation-enacted", "2022-10", "2023-01-01", rules=[])) == [
        "announced",
        "in-force",
    ]
    assert statuses(["2022-10-06", "2022-10-07"], said("regulation-enacted", "2022-10", "2022-10-07", rules=[])) == [
        "announced",
        "in-force",
    ]


# What comes next


def test_the_next_change_is_the_day_an_announced_event_applies() -> None:
    assert on("2022-10-10", ENACTED).next_change == NextChange(date(2022, 10, 21), "in-force", ("us-3a090-1",))
    found = on("2023-10-25", ENACTED, ANNOUNCED, WITHDRAWN, PUBLISHED)
    assert found.next_change == NextChange(date(2023, 11, 17), "in-force", ("published",))


def test_the_next_change_may_be_that_something_runs_out() -> None:
    suspended = said("regulation-suspended", "2025-11-10", until="2026-11-09")
    assert on("2026-01-01", ENACTED, suspended).next_change == NextChange(date(2026, 11, 10), "in-force", ())
    enacted = said("regulation-enacted", "2022-10-21", rules=[FIRST], until="2023")
    assert on("2023-01-01", enacted).next_change == NextChange(date(2024, 1, 1), "expired", ())
    assert on("2025-09-01", ENACTED, GRANTED).next_change == NextChange(date(2026, 1, 1), "in-force", ())


def test_nothing_is_next_where_nothing_is_known_to_come() -> None:
    assert on("2022-10-21", ENACTED).next_change is None
    repealed = said("regulation-repealed", "2023-05-13")
    later = said("regulation-amended", "2023-06-01", "2023-01-01", rules=[SECOND])
    assert on("2023-05-13", ENACTED, later, repealed).next_change is None
    for_ever = said("regulation-enacted", "2022-10-21", rules=[FIRST], until="9999")
    assert on("2023-01-01", for_ever).next_change is None


def test_a_day_on_which_nothing_turns_out_otherwise_is_not_a_change() -> None:
    repealed = said("regulation-repealed", "2025-05-13")
    enacted = said("regulation-enacted", "2025-05-15", "2025-01-13", rules=[FIRST])
    resumed_for_nothing = said("regulation-resumed", "2025-05-01", "2025-01-13")
    found = on("2025-04-01", enacted, resumed_for_nothing, repealed)
    assert found.next_change == NextChange(date(2025, 5, 13), "repealed", ("us-3a090-3",))


# Many


def test_instruments_are_told_apart_by_their_streams_and_listed_by_id() -> None:
    enacted = said("regulation-enacted", "2023-05-21", title="Micron", rules=[])
    withdrawn = said("event-retracted", "2023-05-22", retracts="xx-1", reason="Entered twice")
    events = [
        *history(ENACTED),
        *history(enacted, withdrawn, regulation_id="xx"),
        *history(enacted, regulation_id="cn-micron-2023"),
    ]
    assert [found.regulation_id for found in instruments(events, date(2024, 1, 1))] == ["cn-micron-2023", "us-3a090"]
