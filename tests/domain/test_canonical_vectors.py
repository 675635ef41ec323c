"""The canonical form against the vectors of RFC 8785's author, as far as an event can hold what they hold."""

import json
import struct
from typing import Any

import pytest

from domain.events import canonical
from domain.json_text import parse_json
from tests.domain.vectors import vectors

VECTORS = vectors("jcs_rfc8785")
LARGEST_WHOLE = 2**53 - 1


def why_never_in_an_event(value: Any) -> str | None:
    """What an event cannot hold of a value: numbers but whole ones below 2^53, and names that are not ASCII.

    Quantities and amounts are strings of decimal digits; names of fields and of attributes are ASCII by their types.
    """
    if isinstance(value, float):
        return f"the number {value!r} is not a whole one as written"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > LARGEST_WHOLE:
        return f"the number {value} is beyond 2^53"
    if isinstance(value, dict):
        strange = [name for name in value if not name.isascii()]
        return f"the name {strange[0]!r} is not ASCII" if strange else first_reason(list(value.values()))
    return first_reason(value) if isinstance(value, list) else None


def first_reason(values: list[Any]) -> str | None:
    return next((reason for reason in map(why_never_in_an_event, values) if reason), None)


READ = {case["name"]: json.loads(case["input"]) for case in VECTORS["cases"]}
#: The cases that no event holds as they are; all others must come out byte for byte.
OUTSIDE = {
    "french": "the name 'péché'",
    "structures": "the number 56.0",
    "values": "the number 333333333",
    "weird": "the name '€'",
}


def test_the_cases_outside_are_those_with_what_no_event_holds() -> None:
    reasons = {name: reason for name, value in READ.items() if (reason := why_never_in_an_event(value))}

    assert set(reasons) == set(OUTSIDE)
    for name, reason in reasons.items():
        assert reason.startswith(OUTSIDE[name])


@pytest.mark.parametrize(
    "case", [case for case in VECTORS["cases"] if case["name"] not in OUTSIDE], ids=lambda c: c["name"]
)
def test_the_cases_within_come_out_byte_for_byte(case: dict[str, str]) -> None:
    assert canonical(parse_json(case["input"])) == bytes.fromhex(case["outhex"]) == case["output"].encode()


@pytest.mark.parametrize(
    "case", [case for case in VECTORS["cases"] if case["name"] in OUTSIDE], ids=lambda c: c["name"]
)
def test_of_the_cases_outside_the_members_within_come_out_alike(case: dict[str, str]) -> None:
    members = [{name: value} for name, value in READ[case["name"]].items() if not why_never_in_an_event({name: value})]

    assert members
    for member in members:
        assert canonical(member)[1:-1] in bytes.fromhex(case["outhex"])


@pytest.mark.parametrize(("bits", "text"), VECTORS["numbers"])
def test_numbers_of_the_vectors_come_out_alike_or_are_in_no_event(bits: str, text: str) -> None:
    number = struct.unpack(">d", bytes.fromhex(bits.rjust(16, "0")))[0]

    if number.is_integer() and abs(number) <= LARGEST_WHOLE:
        assert canonical({"n": int(number)}) == f'{{"n":{text}}}'.encode()
    else:
        assert why_never_in_an_event(number if not number.is_integer() else int(number))
