"""What else a verification says of a ledger: anchors outside, copies, columns of the log, and what cannot be read."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

from domain.events import canonical
from domain.notes import Checkpoint, Note, parse_note
from service.log.signatures import SigningKey
from service.verification.ledger import NothingToVerify, verify_ledger
from tests.service.verification import ledgers
from tests.service.verification.ledgers import COVERED, EVENTS, SIZES, Sound, first, told, verified

Attacker = Connection[Any]


def note_of(sound: Sound, size: int, attacker: Attacker) -> str:
    """The stored note of a checkpoint."""
    row = attacker.execute("select note from log_checkpoints where size = %s", (size,)).fetchone()
    assert row is not None
    return str(row[0])


def put_back(size: int) -> Callable[[Attacker], None]:
    """The database is what it was at a checkpoint: an old backup, with nothing in it that contradicts itself."""

    def damage(connection: Attacker) -> None:
        connection.execute("delete from ledger_events where notification_id > %s", (size,))
        ledgers.cut_log(connection, size)
        ledgers.set_head(connection)

    return damage


def test_a_backup_put_back_with_its_home_is_found_by_a_checkpoint_kept_elsewhere(
    sound: Sound, attacker: Attacker, tmp_path: Path
) -> None:
    kept = tmp_path / "friday.checkpoint"
    kept.write_text(note_of(sound, 500, attacker))
    alone = verified(attacker, sound.wanted(copies=False), put_back(420))
    assert (alone.findings, alone.anchors, alone.events) == ((), (), 420)
    report = verified(attacker, sound.wanted(copies=False, anchors=[kept]), put_back(420))
    found = first(report)
    assert (found.kind, found.position, found.upto, found.size) == ("truncated", 421, 500, 500)
    assert str(kept) in found.message
    assert report.anchors[0].largest == 500


def test_the_copies_of_the_home_serve_as_an_anchor_too(sound: Sound, attacker: Attacker) -> None:
    report = verified(attacker, sound.wanted(copies=False, anchors=[sound.copies]), put_back(300))
    assert told(report)[0] == ("truncated", 301)
    assert report.anchors[0].count == len(SIZES) + 1


def test_a_tail_signed_with_another_key_is_found_without_any_copy(sound: Sound, attacker: Attacker) -> None:
    def damage(connection: Attacker) -> None:
        connection.execute("delete from ledger_events where notification_id > 480")
        ledgers.set_head(connection)
        ledgers.sign_anew(connection, 420, SigningKey.generate("daybook"))

    report = verified(attacker, sound.wanted(copies=False), damage)
    assert told(report) == [("checkpoint", None)]
    assert report.findings[0].size == 480
    assert report.proven == 420


def test_a_removed_checkpoint_is_found_by_the_tiles(sound: Sound, attacker: Attacker) -> None:
    for size in (40, 300, COVERED):
        report = verified(
            attacker,
            sound.wanted(copies=False),
            lambda connection, size=size: connection.execute("delete from log_checkpoints where size = %s", (size,)),
        )
        assert [(finding.kind, finding.size) for finding in report.findings] == [("checkpoint", size)]


@pytest.mark.parametrize(
    ("statement", "kind", "words"),
    [
        ("drop table log_tiles", "unreadable", 'relation "public.log_tiles" does not exist'),
        ("drop table log_cosignatures", "unreadable", "log_cosignatures"),
        ("drop table ledger_events", "unreadable", 'relation "public.ledger_events" does not exist'),
        ("drop table ledger_identity", "unreadable", "ledger_identity"),
        ("alter table ledger_events drop topic", "unreadable", 'column "topic" does not exist'),
        ("alter table ledger_events alter state type text using encode(state, 'hex')", "unreadable", "string_agg"),
        ("delete from ledger_events", "truncated", f"positions 1 to {COVERED} are missing"),
        ("delete from log_tiles", "tile", "the hashes of positions 1 to 256 are missing"),
        ("delete from log_checkpoints", "checkpoint", "is not in log_checkpoints"),
        ("delete from ledger_head", "head", "ledger_head has 0 rows, not one"),
        ("update ledger_head set position = 900", "head", f"the last event stands at {EVENTS}"),
        ("update ledger_head set recorded_at = now()", "head", "another recorded_at"),
        ("delete from ledger_identity", "checkpoint", "not of ''"),
        ("update ledger_identity set origin = 'another'", "checkpoint", "not of 'another'"),
        (
            "insert into log_cosignatures select size, E'nonsense\\n' from log_checkpoints where size = 40",
            "cosignature",
            "a signature line begins with a dash",
        ),
    ],
)
def test_whatever_was_done_becomes_a_sentence(
    sound: Sound, attacker: Attacker, statement: str, kind: str, words: str
) -> None:
    report = verified(attacker, sound.wanted(), lambda connection: connection.execute(statement.encode()))
    assert not report.holds
    assert any(finding.kind == kind and words in finding.message for finding in report.findings), report.findings


@pytest.mark.parametrize(
    ("column", "value", "kind", "words"),
    [
        ("state", "null", "changed", "position 257 was changed: its bytes are gone"),
        ("recorded_at", "null", "column", "the column recorded_at says nothing"),
        ("event_id", "null", "column", "the column event_id says nothing"),
        ("notification_id", "null", "inserted", "1 event without a position"),
        ("notification_id", "-3", "inserted", "1 event without a position"),
    ],
)
def test_values_that_cannot_be_are_found(
    sound: Sound, attacker: Attacker, column: str, value: str, kind: str, words: str
) -> None:
    def damage(connection: Attacker) -> None:
        connection.execute("alter table ledger_events drop constraint ledger_events_pkey")
        connection.execute("alter table ledger_events drop constraint ledger_events_notification_id_check")
        connection.execute(f"alter table ledger_events alter {column} drop not null".encode())
        connection.execute(f"update ledger_events set {column} = {value} where notification_id = 257".encode())

    report = verified(attacker, sound.wanted(), damage)
    assert any(finding.kind == kind and words in finding.message for finding in report.findings), report.findings
    if column == "notification_id":
        assert ("missing", 257) in told(report)


def test_two_events_at_one_position_are_told_apart(sound: Sound, attacker: Attacker) -> None:
    def damage(connection: Attacker) -> None:
        connection.execute("alter table ledger_events drop constraint ledger_events_pkey")
        connection.execute(
            "insert into ledger_events"
            " select 300, 'order/twin', 1, topic, 'twin', recorded_at, convert_to('{}', 'UTF8')"
            " from ledger_events where notification_id = 300"
        )

    assert told(verified(attacker, sound.wanted(), damage)) == [("inserted", 300)]


def test_tile_and_event_forged_alike_are_bracketed_by_checkpoints(sound: Sound, attacker: Attacker) -> None:
    def damage(connection: Attacker) -> None:
        connection.execute("update ledger_events set state = set_byte(state, 9, 65) where notification_id = 290")
        connection.execute(
            "update log_tiles set hashes = overlay(hashes placing (select sha256('\\x00'::bytea || state)"
            " from ledger_events where notification_id = 290) from (290 - 257) * 32 + 1)"
            " where level = 0 and number = 1 and start = 0"
        )

    report = verified(attacker, sound.wanted(), damage)
    assert ("tile", 257) in told(report) or ("rewritten", 257) in told(report)
    assert report.proven == 256


def test_events_out_of_time_are_found_though_columns_and_bytes_agree(sound: Sound, attacker: Attacker) -> None:
    """Behind the last checkpoint nothing but the ledger's own order shows it."""

    def damage(connection: Attacker) -> None:
        event = json.loads(ledgers.states(connection)[EVENTS - 2])
        event["recorded_at"] = "2020-02-29T00:00:00.000000Z"
        connection.execute(
            "update ledger_events set recorded_at = %s, state = %s where notification_id = %s",
            (event["recorded_at"], canonical(event), EVENTS - 1),
        )

    assert told(verified(attacker, sound.wanted(), damage)) == [("time", EVENTS - 1)]


def test_copies_that_cannot_be_relied_on_are_named(sound: Sound, attacker: Attacker, tmp_path: Path) -> None:
    forged = tmp_path / "forged"
    body = Checkpoint("daybook", 300, bytes(32)).body()
    lines = sound.copies.read_text().splitlines(keepends=True)
    for text, words in (
        (Note(body, (SigningKey.generate("daybook").sign(body),)).encode().decode(), "not signed by any known key"),
        (note_of(sound, 300, attacker).replace("\n300\n", "\n301\n"), "not of this text"),
        ("no checkpoint at all", "no signatures"),
        (lines[0] + "{}\n" + lines[1], "line 2 cannot be relied on"),
        (lines[1].replace('"size": 40', '"size": 41'), "kept as one of size 41"),
    ):
        forged.write_text(text)
        report = verified(attacker, sound.wanted(anchors=[forged]), lambda connection: None)
        (finding,) = report.findings
        assert finding.kind == "copy"
        assert words in finding.message
    # Half a line at the end was being written as the machine went down.
    forged.write_text(lines[0] + lines[1][:40])
    assert verified(attacker, sound.wanted(anchors=[forged]), lambda connection: None).holds


def test_a_forged_checkpoint_signed_with_the_true_key_contradicts_the_ledger(
    sound: Sound, attacker: Attacker, tmp_path: Path
) -> None:
    body = Checkpoint("daybook", 350, bytes(32)).body()
    other = tmp_path / "other-history"
    other.write_bytes(Note(body, (sound.key.sign(body),)).encode())
    report = verified(attacker, sound.wanted(anchors=[other]), lambda connection: None)
    found = first(report)
    assert (found.kind, found.position, found.size) == ("rewritten", 301, 350)


def test_several_processes_find_the_same(sound: Sound) -> None:
    wanted = sound.wanted()
    one = verify_ledger(sound.conninfo, wanted)
    several = verify_ledger(sound.conninfo, type(wanted)(wanted.keys, wanted.kept, wanted.anchors, workers=2))
    assert one.findings == several.findings == ()
    assert (one.events, one.proven, one.checkpoints) == (several.events, several.proven, several.checkpoints)


def test_a_database_without_a_log_is_no_ledger_to_verify(sound: Sound, attacker: Attacker) -> None:
    def damage(connection: Attacker) -> None:
        connection.execute("drop table log_cosignatures, log_checkpoints, log_tiles")

    with pytest.raises(NothingToVerify, match="holds no log yet"):
        verified(attacker, sound.wanted(), damage)


def test_the_report_for_machines_holds_every_finding(sound: Sound, attacker: Attacker) -> None:
    report = verified(
        attacker,
        sound.wanted(),
        lambda connection: connection.execute("delete from ledger_events where notification_id in (7, 8, 99)"),
    )
    answer = report.as_object()
    assert answer["verified"] is False
    assert [(found["kind"], found["position"], found.get("upto")) for found in answer["findings"]] == [
        ("missing", 7, 8),
        ("missing", 99, None),
    ]
    assert answer["not_yet_covered"] == EVENTS - 3 - COVERED
    assert parse_note(note_of(sound, 0, attacker).encode()).signatures
