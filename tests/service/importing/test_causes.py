"""Faults by cause: each is counted and placed, and none hides another."""

from service.importing.causes import MOST_CAUSES, MOST_PLACES, OTHERS, FaultsByCause, by_cause, cause_of
from service.importing.rows import MOST_FAULTS, FileFault


def test_a_cause_that_is_met_once_is_not_hidden_by_one_that_is_met_often() -> None:
    found = FaultsByCause()
    for line in range(2, 1_000):
        found.add(line, f"Value: '{line},50' has a comma: the mapping would say decimal")
    found.add(1_000, "Currency: 'EURO' is not an ISO 4217 currency code")
    often, once = found.causes()
    assert (often.cause, often.count) == ("Value: ... has a comma: the mapping would say decimal", 998)
    assert [place.line for place in often.places] == [2, 3, 4, 5, 6]
    assert (once.count, once.places[0].line) == (1, 1_000)
    assert once.mend == """say their codes: values = { "Euro" = "EUR" }; these are not known: 'EURO'"""
    faults = found.faults()
    assert len(faults) == MOST_FAULTS
    assert faults[-1] == FileFault(1_000, "Currency: 'EURO' is not an ISO 4217 currency code")


def test_what_differs_from_row_to_row_is_no_other_cause() -> None:
    for one, other in (
        ("order PO-1 has the vendor ksb, and grundfos on line 2", "order B7 has the vendor a, and b on line 99"),
        ("Value: -5 is negative", "Value: -12.50 is negative"),
        ("has 3 values, and the header names 12 columns", "has 7 values, and the header names 12 columns"),
        ("cell K3 holds the error #N/A", "cell K77 holds the error #N/A"),
        (
            "Qty: 'x' is not a number such as 1600.50",
            "Qty: 'y' is not a number such as 1600.50 (and with it the order)",
        ),
        (
            "line 2 of order PO-1 gives back 4, and 3 had arrived",
            "line 3 of order PO-2 gives back 9, and 7 had arrived",
        ),
    ):
        assert cause_of(one) == cause_of(other)
    assert cause_of("Value: '1' is empty") != cause_of("Qty: '1' is empty")


def test_a_mend_names_the_texts_that_it_is_about() -> None:
    faults = [FileFault(n, f"Status: '{text}' is no status that") for n, text in enumerate(["Void", "Parked", "Void"])]
    [cause] = by_cause(faults)
    assert cause.mend == "list these texts under placed, cancelled or left_out of [status]: 'Void', 'Parked'"


def test_any_number_of_causes_takes_no_more_room() -> None:
    found = FaultsByCause()
    for number in range(5_000):
        found.add(number, f"column {chr(0x4E00 + number)} is wrong")
    causes = found.causes()
    assert len(causes) == MOST_CAUSES + 1
    assert (causes[0].cause, causes[0].count, len(causes[0].places)) == (OTHERS, 5_000 - MOST_CAUSES, MOST_PLACES)
