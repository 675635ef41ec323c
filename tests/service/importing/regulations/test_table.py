"""The table of regulation changes: thirty rows of 2019 to 2026, and small ones for each rule."""

import csv
from datetime import UTC, datetime, timedelta

import pytest

from service.importing.plans import RowRefused
from service.importing.rows import BadFile
from tests.service.importing.conftest import REGULATIONS, SCREENING_LIST, SEED, Desk, change, changes_csv

#: Rows that change an instrument, and which; all others begin one.
CHANGES = {
    "US-2019-EL-HUAWEI-2": ("US-2019-EL-HUAWEI", "regulation-amended"),
    "US-2020-FDPR-2": ("US-2020-FDPR-1", "regulation-amended"),
    "US-2023-MACAU": ("US-2022-3A090", "regulation-amended"),
    "US-2023-ACS-IFR": ("US-2022-3A090", "regulation-amended"),
    "US-2024-CORR": ("US-2022-3A090", "regulation-amended"),
    "US-2025-DD": ("US-2022-3A090", "regulation-amended"),
    "US-2026-H200": ("US-2022-3A090", "regulation-amended"),
    "US-2025-AIDIFF-RESCIND": ("US-2025-AIDIFF", "regulation-suspended"),
    "US-2025-H20-RESUME": ("US-2025-ISINF-H20", "licence-granted"),
    "US-2025-AFFIL-STAY": ("US-2025-AFFIL", "regulation-suspended"),
    "CN-2025-GAGE-SUSP": ("CN-2024-GAGE-US", "regulation-suspended"),
}


def test_every_row_is_one_event_and_one_note_in_the_instrument_that_it_belongs_to(market: Desk) -> None:
    with REGULATIONS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    summary = market.imports(REGULATIONS)
    # Thirty rows with a note each; the one that was announced otherwise has its announcement and its withdrawal, too.
    assert (summary.rows, summary.recorded, summary.replayed, summary.plan.reported) == (30, 62, 0, [])
    for row in rows:
        event = market.event(f"regulation-events:{row['event_id']}")
        instrument, event_type = CHANGES.get(row["event_id"], (row["event_id"], "regulation-enacted"))
        assert (event["stream"], event["type"]) == (f"regulation/{instrument}", event_type), row["event_id"]
        assert event["effective_on"] == row["effective_from"]
        assert event["basis"] == {"M": "reported", "S": "estimated"}[row["evidence"]]
        assert event["source"]["url"] == row["source_url"]
        assert event["source"]["citation"].startswith(row["citation"])
        note = market.event(f"regulation-events:{row['event_id']}:note")
        assert note["data"]["annotates"] == event["id"]
        assert row["scope"] in note["data"]["note"]
        assert row["note"] in note["data"]["note"]


#: Rows with their known_on, effective_on and until.
DAYS = (
    # announced before it was published
    ("US-2019-EL-HUAWEI", "2019-05-16", "2019-05-16", None),
    # published only, and after it applied
    ("US-2023-MACAU", "2023-01-18", "2023-01-17", None),
    # told to the exporter alone, five days before anybody else could know
    ("US-2022-ISINF-NVDA", "2022-08-31", "2022-08-26", None),
    # effective_to 2023-11-16 ended this version, which was amended the day after; the instrument goes on
    ("US-2022-3A090", "2022-10-07", "2022-10-21", None),
    # suspended the day after effective_to
    ("US-2025-AFFIL", "2025-09-29", "2025-09-29", None),
    ("US-2025-AFFIL-STAY", "2025-11-10", "2025-11-10", "2026-11-09"),
    ("CN-2025-GAGE-SUSP", "2025-11-09", "2025-11-09", "2026-11-27"),
    # published with another effective date than announced: known so on publication
    ("US-2023-ACS-IFR", "2023-10-25", "2023-11-17", None),
    ("US-2023-ACS-IFR:announced", "2023-10-17", "2023-11-16", None),
    ("US-2023-ACS-IFR:withdrawn", "2023-10-25", "2023-10-25", None),
)


def test_known_rows_have_their_days(market: Desk) -> None:
    market.imports(REGULATIONS)
    for row, *days in DAYS:
        event = market.event(f"regulation-events:{row}")
        assert [event["known_on"], event["effective_on"], event["data"].get("until")] == days, row


def test_a_corrected_date_is_announced_then_withdrawn_then_published(market: Desk) -> None:
    market.imports(REGULATIONS)
    published = market.event("regulation-events:US-2023-ACS-IFR")
    assert published["corrects"] == "regulation-events:US-2023-ACS-IFR:announced"
    withdrawn = market.event("regulation-events:US-2023-ACS-IFR:withdrawn")
    assert withdrawn["data"]["reason"] == "Published on 2023-10-25 with effective date 2023-11-17, not 2023-11-16"

    def rules(effective_on: str, known_on: str) -> list[str]:
        found = market.instrument("US-2022-3A090", effective_on, known_on)
        return [rule["rule_id"] for rule in found.rules_in_force]

    assert rules("2023-11-16", known_on="2023-10-24") == ["3A090.a", "3A090.b"]
    assert rules("2023-11-16", known_on="2023-10-25") == ["3A090.a"]
    assert rules("2023-11-17", known_on="2023-10-25") == ["3A090.a", "3A090.b"]


STATUSES = (
    ("US-2025-AIDIFF", "2025-05-12", "announced"),
    ("US-2025-AIDIFF", "2025-05-15", "suspended"),
    ("US-2025-AFFIL", "2025-11-09", "in-force"),
    ("US-2025-AFFIL", "2026-11-09", "suspended"),
    ("US-2025-AFFIL", "2026-11-10", "in-force"),
    ("US-2022-3A090", "2026-01-15", "in-force"),
)


def test_instruments_stand_as_their_rows_say(market: Desk) -> None:
    market.imports(REGULATIONS)
    for regulation_id, effective_on, status in STATUSES:
        assert market.instrument(regulation_id, effective_on).status == status, (regulation_id, effective_on)


def test_a_second_import_replays_everything_and_records_nothing(market: Desk) -> None:
    first = market.imports(REGULATIONS)
    head = market.head
    second = market.imports(REGULATIONS)
    assert (second.recorded, second.replayed, second.plan.reported) == (0, first.recorded, [])
    assert market.head == head


def test_a_dry_run_says_what_would_be_recorded_and_records_nothing(market: Desk) -> None:
    head = market.head
    rehearsed = market.imports(REGULATIONS, dry_run=True)
    assert market.head == head
    assert (rehearsed.recorded, len(rehearsed.plan.entries)) == (62, 62)
    assert market.imports(REGULATIONS).recorded == 62


def test_what_the_ledger_learns_later_completes_the_rules_with_the_rows_own_dates(desk: Desk) -> None:
    first = desk.imports(REGULATIONS)
    # The licence for H20 chips is a note until the chip is known.
    assert first.recorded == 61
    assert desk.instrument("US-2019-EL-HUAWEI", "2019-05-16", known_on="2019-05-16").rules == ()
    desk.know_the_market()
    second = desk.imports(REGULATIONS)
    assert second.replayed == 61
    assert desk.event("regulation-events:US-2025-H20-RESUME")["type"] == "licence-granted"
    rules = desk.instrument("US-2019-EL-HUAWEI", "2019-05-16", known_on="2019-05-16").rules
    assert [rule["rule_id"] for rule in rules] == ["listed-party", "listed-supplier"]
    assert desk.event("regulation-events:US-2019-EL-HUAWEI:2")["data"]["rules"] == list(rules)
    assert [rule["rule_id"] for rule in desk.instrument("US-2022-3A090", "2023-11-17").rules] == ["3A090.a", "3A090.b"]
    assert desk.imports(REGULATIONS).recorded == 0


def test_rules_that_somebody_amended_since_are_left_alone(desk: Desk) -> None:
    listed = changes_csv(change("US-2019-EL-HUAWEI", "ListingAdded"))
    desk.imports(listed)
    desk.know("Huawei")
    by_hand = {"regulation_id": "US-2019-EL-HUAWEI", "citation": "by hand", "rules": []}
    desk.record([{"type": "regulation-amended", "effective_on": "2019-05-16", "data": by_hand}])
    assert desk.imports(listed).recorded == 0


def test_what_was_retracted_stays_retracted(desk: Desk) -> None:
    listed = changes_csv(change("US-2019-EL-HUAWEI", "ListingAdded"))
    desk.imports(listed)
    retraction = {"retracts": "regulation-events:US-2019-EL-HUAWEI", "reason": "the wrong file"}
    desk.record([{"type": "event-retracted", "effective_on": "2024-01-01", "data": retraction}])
    desk.know("Huawei")
    again = desk.imports(listed)
    assert (again.recorded, again.replayed) == (0, 2)


def test_non_enforcement_that_was_recorded_as_a_repeal_is_the_same_row(market: Desk) -> None:
    row, repealed = "US-2025-AIDIFF-RESCIND", "regulation-events:US-2025-AIDIFF-RESCIND"
    # What earlier editions recorded of the file.
    requests = [dict(entry.sent) for entry in market.imports(REGULATIONS, dry_run=True).plan.entries]
    for request in requests:
        if request["id"] == repealed:
            assert request["type"] == "regulation-suspended"
            request["type"] = "regulation-repealed"
    market.record(requests)
    head = market.head
    summary = market.imports(REGULATIONS)
    assert (summary.recorded, summary.replayed, summary.plan.reported) == (0, 62, [])
    assert [(remark.row, repealed in remark.message) for remark in summary.plan.noted] == [(row, True)]
    assert market.head == head
    # Retracted, and recorded as what it was, it is the instrument's suspension, however often the file comes again.
    wrong = {"retracts": repealed, "reason": "It was never rescinded."}
    held = {"regulation_id": "US-2025-AIDIFF", "reason": "Not enforced"}
    market.record(
        [
            {"type": "event-retracted", "effective_on": "2025-05-13", "known_on": "2025-05-13", "data": wrong},
            {"type": "regulation-suspended", "effective_on": "2025-05-13", "known_on": "2025-05-13", "data": held},
        ]
    )
    summary = market.imports(REGULATIONS)
    assert (summary.recorded, summary.replayed, summary.plan.noted) == (0, 62, [])
    assert market.instrument("US-2025-AIDIFF", "2025-05-15").status == "suspended"


def test_a_repeal_is_not_another_word_for_a_suspension(market: Desk) -> None:
    rule = change("US-2020-RULE-A", "RegulationEffective", scope="")
    end = {"announced_on": "2019-06-01", "effective_from": "2019-06-01", "published_on": ""}
    market.imports(changes_csv(rule, change("US-2020-RULE-A-END", "RegulationRepealed", **end)))
    with pytest.raises(RowRefused, match="with another type"):
        market.imports(changes_csv(rule, change("US-2020-RULE-A-END", "RegulationSuspended", **end)))


def test_non_enforcement_that_somebody_recorded_as_a_repeal_is_named(market: Desk) -> None:
    market.record(
        [
            {"id": f"by-hand-{number}", "basis": "reported", "known_on": "2025-05-13", **request}
            for number, request in enumerate(
                (
                    {
                        "type": "regulation-enacted",
                        "effective_on": "2025-05-15",
                        "data": {
                            "regulation_id": "us-ai-diffusion",
                            "jurisdiction": "US",
                            "authority": "BIS",
                            "title": "Framework for Artificial Intelligence Diffusion",
                            "citation": "90 FR 4544",
                            "rules": [],
                        },
                    },
                    {
                        "type": "regulation-repealed",
                        "effective_on": "2025-05-13",
                        "source": {"citation": "BIS press release 2025-05-13"},
                        "data": {"regulation_id": "us-ai-diffusion", "reason": "Announced non-enforcement"},
                    },
                )
            )
        ]
    )
    summary = market.imports(REGULATIONS)
    assert {"US-2025-AIDIFF", "US-2025-AIDIFF-RESCIND"} <= {remark.row for remark in summary.plan.known}
    assert summary.plan.reported == []


def test_what_somebody_recorded_already_is_named_and_later_rows_change_that_instrument(desk: Desk) -> None:
    desk.imports(SEED)
    summary = desk.imports(REGULATIONS)
    known = {remark.row for remark in summary.plan.known}
    assert len(known) == 14
    assert {"US-2022-3A090", "US-2023-ACS-IFR", "US-2025-AIDIFF-RESCIND", "US-2025-H20-RESUME"} <= known
    assert desk.event("regulation-events:US-2024-CORR")["stream"] == "regulation/us-3a090"
    assert desk.event("regulation-events:US-2019-EL-HUAWEI-2")["stream"] == "regulation/us-entity-list-huawei"
    assert desk.imports(REGULATIONS).recorded == 0


def test_a_row_known_in_the_future_is_reported_with_all_that_build_on_it(desk: Desk) -> None:
    tomorrow = (datetime.now(UTC).date() + timedelta(days=1)).isoformat()
    future = {"announced_on": tomorrow, "published_on": "", "effective_from": tomorrow}
    summary = desk.imports(
        changes_csv(
            change("US-2019-EL-HUAWEI", "ListingAdded"),
            change("US-2099-RULE-A", "RegulationEffective", **future),
            change("US-2099-RULE-A-STAY", "RegulationSuspended", **future),
        )
    )
    assert [(remark.line, remark.row) for remark in summary.plan.reported] == [
        (3, "US-2099-RULE-A"),
        (4, "US-2099-RULE-A-STAY"),
    ]
    assert tomorrow in summary.plan.reported[0].message
    assert summary.recorded == 2


def test_a_rule_announced_today_may_apply_in_the_future(desk: Desk) -> None:
    row = change("US-2030-RULE-A", "RegulationEffective", effective_from="2099-01-01", scope="")
    assert desk.imports(changes_csv(row)).recorded == 2


def test_a_change_of_nothing_that_is_known_is_reported_but_an_amendment_is_on_record(desk: Desk) -> None:
    summary = desk.imports(
        changes_csv(
            change("US-2020-STAY", "RegulationSuspended"),
            change("US-2020-OTHER", "RegulationAmended", scope="something else"),
        )
    )
    assert [remark.row for remark in summary.plan.reported] == ["US-2020-STAY"]
    assert desk.event("regulation-events:US-2020-OTHER")["type"] == "regulation-enacted"
    assert "which instrument it amends" in desk.event("regulation-events:US-2020-OTHER:note")["data"]["note"]


def test_a_column_may_say_which_instrument_a_row_belongs_to(desk: Desk) -> None:
    desk.imports(
        changes_csv(
            change("EU-1", "RegulationEffective", regulation_id="eu-dual-use", jurisdiction="EU", scope=""),
            change("EU-2", "RegulationSuspended", regulation_id="eu-dual-use", jurisdiction="EU", scope=""),
        )
    )
    assert desk.instrument("eu-dual-use", "2019-05-16").status == "suspended"


def test_a_repealed_instrument_takes_no_further_rows(desk: Desk) -> None:
    summary = desk.imports(
        changes_csv(
            change("US-2020-RULE-A", "RegulationEffective", scope=""),
            change("US-2020-RULE-A-END", "RegulationRepealed", announced_on="2019-06-01", effective_from="2019-06-01"),
            change(
                "US-2020-RULE-A-NEW",
                "RegulationSuspended",
                announced_on="2019-07-01",
                published_on="",
                regulation_id="US-2020-RULE-A",
            ),
        )
    )
    assert [remark.row for remark in summary.plan.reported] == ["US-2020-RULE-A-NEW"]


def test_a_delay_suspends_an_instrument_until_the_day_before_it_applies(desk: Desk) -> None:
    desk.imports(
        changes_csv(
            change("US-2020-RULE-A", "RegulationEffective", effective_from="2019-07-01", scope=""),
            change(
                "US-2020-RULE-A-DELAY",
                "RegulationDelayed",
                announced_on="2019-06-01",
                published_on="",
                effective_from="2019-09-01",
            ),
        )
    )
    statuses = [desk.instrument("US-2020-RULE-A", day).status for day in ("2019-07-01", "2019-08-31", "2019-09-01")]
    assert statuses == ["suspended", "suspended", "in-force"]


def test_effective_to_ends_an_instrument_that_nothing_follows_also_where_it_is_learned_later(desk: Desk) -> None:
    row = change("US-2020-RULE-A", "RegulationEffective", scope="")
    desk.imports(changes_csv(row))
    ended = changes_csv({**row, "effective_to": "2020-05-16"})
    # The amendment with the last day, and the row's words once more.
    assert desk.imports(ended).recorded == 2
    assert desk.instrument("US-2020-RULE-A", "2020-05-16", known_on="2099-01-01").status == "in-force"
    assert desk.instrument("US-2020-RULE-A", "2020-05-17", known_on="2099-01-01").status == "expired"
    assert desk.imports(ended).recorded == 0


def test_the_first_and_the_last_of_all_days_are_days_like_others(desk: Desk) -> None:
    desk.imports(
        changes_csv(
            change("US-2020-RULE-A", "RegulationEffective", scope="", effective_to="9999-12-31"),
            change("US-2020-RULE-A-DELAY", "RegulationDelayed", published_on="", effective_from="0001-01-01"),
        )
    )
    assert desk.instrument("US-2020-RULE-A", "2020-05-16").status == "in-force"


def test_a_row_that_has_changed_since_is_a_conflict_and_nothing_of_its_file_is_recorded(desk: Desk) -> None:
    row = change("US-2019-EL-HUAWEI", "ListingAdded")
    desk.imports(changes_csv(row))
    head = desk.head
    other = change("US-2018-RULE-A", "RegulationEffective", announced_on="2018-01-01")
    with pytest.raises(RowRefused, match=r"line 3: US-2019-EL-HUAWEI: /effective_on: .* recorded already with another"):
        desk.imports(changes_csv(other, {**row, "effective_from": "2019-05-17"}))
    assert desk.head == head


def test_a_row_with_other_words_than_before_gets_another_note(desk: Desk) -> None:
    row = change("US-2019-EL-HUAWEI", "ListingAdded", note="to be verified")
    desk.imports(changes_csv(row))
    verified = changes_csv({**row, "note": "verified"})
    again = desk.imports(verified)
    assert (again.recorded, again.replayed) == (1, 2)
    assert "Note: verified" in desk.event("regulation-events:US-2019-EL-HUAWEI:note:2")["data"]["note"]
    assert desk.imports(verified).recorded == 0


def test_an_entry_of_a_screening_list_is_not_taken_for_the_instrument_of_its_notice(desk: Desk) -> None:
    desk.imports(SCREENING_LIST, register=True)
    notice = {"citation": "84 FR 22961", "effective_from": "2019-05-21"}
    summary = desk.imports(changes_csv(change("US-2019-EL-HUAWEI", "ListingAdded", **notice)))
    assert (summary.recorded, summary.plan.known) == (2, [])


def test_faults_of_a_table_are_counted_by_cause_to_its_end(desk: Desk) -> None:
    bad = [change(f"US-{n}", "ListingAdded", effective_from="soon") for n in range(150)]
    last = change("US-150", "ListingAdded", effective_from="")
    with pytest.raises(BadFile) as caught:
        desk.imports(changes_csv(*bad, last), "regulations")
    assert [cause.count for cause in caught.value.causes] == [150, 1]
    assert caught.value.causes[1].places[0].line == 152
    assert 152 in {fault.line for fault in caught.value.faults}
