"""The Consolidated Screening List: one instrument an entry, for organisations that the ledger knows or gets to know."""

import pytest

from service.importing.regulations.screening_list import COLUMNS
from service.importing.rows import BadFile
from tests.service.importing.conftest import SCREENING_LIST, Desk, table

SPEDITION = "Gulf Gate Spedition GmbH"
ENTRY = {
    "source": "Entity List (EL) - Bureau of Industry and Security",
    "name": SPEDITION,
    "addresses": "A-1040 Argentinierstrasse 35/6, Vienna, AT",
    "federal_register_notice": "81 FR 40174",
    "start_date": "2016-06-21",
    "license_requirement": "For all items subject to the EAR.  (See §744.11 of the EAR)",
    "license_policy": "Presumption of denial.",
    "source_list_url": "http://bit.ly/1L47xrV",
}


def entries(*rows: dict[str, str]) -> bytes:
    return table(COLUMNS, [{**ENTRY, **row} for row in rows])


def only_instrument(desk: Desk) -> str:
    (event,) = desk.events("regulation-enacted")
    return str(event.data["regulation_id"])


def test_without_known_organisations_every_entry_is_reported_and_nothing_recorded(desk: Desk) -> None:
    summary = desk.imports(SCREENING_LIST)
    assert (summary.rows, summary.recorded, len(summary.plan.reported), desk.head) == (15, 0, 15, 0)
    assert (summary.plan.reported[-1].line, summary.plan.reported[-1].row) == (16, SPEDITION)
    assert "--unknown register" in summary.plan.reported[-1].message


def test_unknown_organisations_are_registered_where_asked(desk: Desk) -> None:
    summary = desk.imports(SCREENING_LIST, register=True)
    # Fifteen organisations, instruments and notes.
    assert (summary.recorded, summary.plan.reported) == (45, [])
    organizations = {event.data["name"]: event for event in desk.events("organization-registered")}
    assert len(organizations) == 15
    turkish = organizations["3K Aviation Consulting and Logistics"]
    assert turkish.data == {
        "organization_id": "3k-aviation-consulting-and-logistics",
        "name": "3K Aviation Consulting and Logistics",
        "country": "TR",
        "identifiers": [{"scheme": "alias", "id": "3K Havacilik ve Danismanlik SAN. TIC. LTD. ST."}],
    }
    # It existed when it was listed, since nobody says when.
    assert (turkish.effective_on.text, turkish.known_on.isoformat()) == ("../2018-09-04", "2018-09-04")
    research = organizations["54th Research Institute of China"].data
    assert research["country"] == "CN"
    assert [one["id"].partition(" ")[0] for one in research["identifiers"]] == [
        "China",
        "Communication,",
        "Shijiazhuang",
    ]


def test_an_entry_is_an_instrument_of_its_start_date_that_names_buyer_and_vendor(desk: Desk) -> None:
    desk.know(SPEDITION, country="AT")
    desk.imports(entries({}))
    stored = desk.event(f"screening-list:{only_instrument(desk)}")
    assert (stored["effective_on"], stored["known_on"]) == ("2016-06-21", "2016-06-21")
    assert stored["source"] == {"citation": "Entity List, 81 FR 40174", "url": "http://bit.ly/1L47xrV"}
    assert stored["data"]["authority"] == "Bureau of Industry and Security"
    assert stored["data"]["title"] == "Entity List: Gulf Gate Spedition GmbH"
    assert stored["data"]["rules"] == [
        {"rule_id": "listed-party", "effect": "licence-required", "buyers": ["gulf"], "vendor_countries": ["US"]},
        {"rule_id": "listed-supplier", "effect": "advisory", "vendors": ["gulf"]},
    ]
    (note,) = desk.events("event-annotated")
    assert "Presumption of denial." in note.data["note"]


def test_a_second_import_replays_and_records_nothing(desk: Desk) -> None:
    desk.imports(SCREENING_LIST, register=True)
    again = desk.imports(SCREENING_LIST, register=True)
    assert (again.recorded, again.replayed, again.plan.reported) == (0, 15, [])
    assert desk.imports(SCREENING_LIST).plan.reported == []


def test_a_dry_run_records_nothing(desk: Desk) -> None:
    assert desk.imports(SCREENING_LIST, register=True, dry_run=True).recorded == 45
    assert desk.head == 0


def test_an_entry_that_was_reported_is_recorded_once_its_organisation_is_known(desk: Desk) -> None:
    desk.imports(SCREENING_LIST)
    desk.know("GBNTT", country="IR")
    summary = desk.imports(SCREENING_LIST)
    assert (summary.recorded, len(summary.plan.reported)) == (2, 14)


def test_an_organisation_is_matched_by_identifier_before_any_name(desk: Desk) -> None:
    desk.know("Spediteur", country="AT", identifiers=[{"scheme": "Tax ID No.", "id": "AT-123 456"}])
    desk.know(SPEDITION, country="AT")
    desk.imports(entries({"ids": "Passport, X1; Tax ID No, AT123456, AT"}))
    (event,) = desk.events("regulation-enacted")
    assert event.data["rules"][0]["buyers"] == ["spediteur"]


@pytest.mark.parametrize("name", ["GULF GATE SPEDITION", "G.G.S.", "Gulf Gate Forwarding LLC"])
def test_an_organisation_is_matched_by_name_or_further_name(desk: Desk, name: str) -> None:
    desk.know("Ledgername", country="AT", names={"en": name})
    summary = desk.imports(entries({"alt_names": "GGS; and Gulf Gate Forwarding"}))
    assert (summary.recorded, summary.plan.reported) == (2, [])


def test_a_name_of_two_organisations_is_reported_even_where_unknown_ones_are_registered(desk: Desk) -> None:
    desk.know("First Spedition", "Second Spedition", country="AT", names={"en": SPEDITION})
    summary = desk.imports(entries({}), register=True)
    assert summary.recorded == 0
    assert summary.plan.reported[0].message.endswith("several organisations of this name: first, second")


def test_an_organisation_of_no_readable_country_is_reported_and_not_registered(desk: Desk) -> None:
    summary = desk.imports(entries({"addresses": "Vienna"}), register=True)
    assert (summary.recorded, "no address ends in a country" in summary.plan.reported[0].message) == (0, True)


def test_a_new_organisation_does_not_take_the_id_of_another(desk: Desk) -> None:
    desk.know("Gulf-Gate-Spedition-GmbH Holding", country="AT")
    desk.imports(entries({}), register=True)
    (registered,) = (event for event in desk.events("organization-registered") if event.data["name"] == SPEDITION)
    assert registered.data["organization_id"].startswith("gulf-gate-spedition-gmbh-")


def test_two_entries_of_one_organisation_are_two_instruments_and_the_same_entry_twice_is_one(desk: Desk) -> None:
    other_list = {"source": "Unverified List (UVL) - Bureau of Industry and Security"}
    summary = desk.imports(entries({}, other_list, {"addresses": "Graz, AT"}), register=True)
    assert len(desk.events("organization-registered")) == 1
    assert len(desk.events("regulation-enacted")) == 2
    assert [(remark.line, remark.message) for remark in summary.plan.known] == [(4, "the same entry as on line 2")]


def test_an_end_date_that_the_list_comes_to_name_ends_the_instrument(desk: Desk) -> None:
    desk.know(SPEDITION, country="AT")
    desk.imports(entries({}))
    ended = entries({"end_date": "2020-03-01", "addresses": "Graz, AT", "source_list_url": "https://moved.example"})
    assert desk.imports(ended).recorded == 1
    instrument = only_instrument(desk)
    assert desk.instrument(instrument, "2020-03-01", known_on="2099-01-01").status == "in-force"
    assert desk.instrument(instrument, "2020-03-02", known_on="2099-01-01").status == "expired"
    assert desk.imports(ended).recorded == 0


def test_an_entry_without_a_start_date_holds_from_the_day_of_recording(desk: Desk) -> None:
    desk.know(SPEDITION, country="AT")
    sanctioned = entries({"source": "Specially Designated Nationals (SDN) - Treasury Department", "start_date": ""})
    desk.imports(sanctioned)
    (event,) = desk.events("regulation-enacted")
    assert event.effective_on.text == f"../{event.known_on}"
    assert desk.imports(sanctioned).recorded == 0


@pytest.mark.parametrize(
    ("values", "effects"),
    [
        ({"source": "Denied Persons List (DPL) - Bureau of Industry and Security"}, ["prohibited", "advisory"]),
        ({"source": "Specially Designated Nationals (SDN) - Treasury Department"}, ["prohibited", "prohibited"]),
        (
            {"source": "Military End User (MEU) List - Bureau of Industry and Security"},
            ["licence-required", "advisory"],
        ),
        ({"source": "Unverified List (UVL) - Bureau of Industry and Security"}, ["notification", "advisory"]),
        ({"source": "Another List (XYZ) - Somebody"}, ["advisory", "advisory"]),
        ({"source": "A list in other words"}, ["advisory", "advisory"]),
        # which items is more than a rule can say
        ({"license_requirement": "For all items subject to the EAR except food"}, ["advisory", "advisory"]),
    ],
)
def test_what_being_listed_means_depends_on_the_list(desk: Desk, values: dict[str, str], effects: list[str]) -> None:
    desk.know(SPEDITION, country="AT")
    desk.imports(entries(values))
    (event,) = desk.events("regulation-enacted")
    assert [rule["effect"] for rule in event.data["rules"]] == effects


def test_what_is_no_organisation_or_not_yet_listed_is_reported(desk: Desk) -> None:
    summary = desk.imports(
        entries({"type": "Individual", "name": "A. Person"}, {"start_date": "2099-01-01"}), register=True
    )
    assert [remark.line for remark in summary.plan.reported] == [2, 3]
    assert "2099-01-01" in summary.plan.reported[1].message
    assert desk.head == 0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": ""}, "line 2: name is empty"),
        ({"start_date": "6/21/2016"}, "line 2: start_date: '6/21/2016' is not a day"),
        ({"end_date": "2016-06-20"}, "line 2: end_date 2016-06-20 is before start_date 2016-06-21"),
    ],
)
def test_a_bad_entry_is_named_by_its_line(desk: Desk, values: dict[str, str], message: str) -> None:
    with pytest.raises(BadFile, match=message):
        desk.imports(entries(values))
    assert desk.head == 0
