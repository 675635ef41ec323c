"""The screening list in JSON, and OFAC's own list without a header: the same entries as in the consolidated CSV."""

import json

import pytest

from service.importing.regulations.screening_files import rows_of
from service.importing.regulations.screening_list import COLUMNS
from service.importing.rows import BadFile
from tests.service.importing.conftest import EXAMPLES, SCREENING_LIST, Desk, table

IN_JSON, SDN = EXAMPLES / "entity_list_sample_orgs.json", EXAMPLES / "sdn_sample.csv"


def test_the_list_in_json_is_the_list_in_csv(desk: Desk) -> None:
    assert desk.imports(SCREENING_LIST, register=True).recorded == 45
    summary = desk.imports(IN_JSON, register=True)
    assert (summary.format, summary.rows, summary.recorded, summary.replayed) == ("screening-list", 15, 0, 15)


def test_ofacs_list_bars_its_organisations(desk: Desk) -> None:
    rehearsed = desk.imports(SDN, register=True, dry_run=True)
    assert rehearsed.overview is not None
    assert rehearsed.overview.records is not None
    assert (rehearsed.overview.records.new, rehearsed.overview.records.left_out) == (4, 2)
    summary = desk.imports(SDN, register=True)
    assert (summary.format, summary.recorded) == ("screening-list", 4)
    assert [one.message for one in summary.plan.reported] == [
        "of type individual, which is no organisation",
        "of type vessel, which is no organisation",
    ]
    first, second = [event.data for event in desk.events("organization-registered")]
    assert (first["country"], second["country"], second["name"]) == ("IR", "ZZ", "EXAMPLE TRADING COMPANY, LTD.")
    assert first["identifiers"] == [
        {"scheme": "alias", "id": "EAC LOGISTICS"},
        {"scheme": "Registration", "id": "11-7788"},
        {"scheme": "Tax ID", "id": "4004004"},
    ]
    rules = desk.events("regulation-enacted")[0].data["rules"]
    assert {rule["effect"] for rule in rules} == {"prohibited"}


def test_an_entry_of_ofacs_list_is_the_one_that_the_consolidated_list_has(desk: Desk) -> None:
    desk.imports(SDN, register=True)
    row = {
        "source": "Specially Designated Nationals (SDN) - Treasury Department",
        "entity_number": "90001",
        "name": "EXAMPLE AIR CARGO",
        "type": "Entity",
    }
    summary = desk.imports(table((*COLUMNS, "entity_number"), [row]), register=True)
    assert (summary.recorded, summary.plan.reported) == (0, [])


@pytest.mark.parametrize(
    ("data", "faults"),
    [
        (b'{"results": [{"source": "x", "name": "y", "federal_register_notice"', [(1, "not JSON")]),
        (b'{"results": {"source": 1, "federal_register_notice": 1}}', [(1, "has no list of entries")]),
        (
            json.dumps([{"source": "EL", "federal_register_notice": ""}, 7, {"source": "EL", "name": "X"}]).encode(),
            [(1, "entry 1: name is no text"), (2, "entry 2 is no object")],
        ),
        (b'1,"A",-0- ,"X"\n2,"B",-0- \n', [(1, "has 4 values, and the SDN list has 12"), (2, "has 3 values")]),
    ],
)
def test_what_is_wrong_is_named_by_entry_or_line(data: bytes, faults: list[tuple[int, str]]) -> None:
    with pytest.raises(BadFile) as caught:
        rows_of(data)
    for fault, (line, message) in zip(caught.value.faults, faults, strict=True):
        assert (fault.line, message in fault.message) == (line, True), fault
