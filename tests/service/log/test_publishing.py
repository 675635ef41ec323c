"""Publishing: what is recorded is covered, tiles and checkpoint together, whoever does it and whatever breaks."""

import logging
import threading
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest
from eventsourcing.persistence import PersistenceError
from psycopg import Connection
from pydantic import SecretStr

from domain.merkle import EMPTY_ROOT, leaf_hash, root, verify_consistency, verify_inclusion
from domain.notes import parse_note
from service.daybook import open_daybook
from service.log.publisher import NotPublished
from service.log.signatures import SigningKey, verify
from service.log.storage import LogDamaged
from service.log.tree import BeyondTheTree, Tree
from service.recording.committer import Committer
from service.storing.ledger import Ledger
from service.storing.migrations.roles import as_service
from tests.service.log.ledgers import NAME, contradictions, issued, record, settings_of
from tests.service.postgres_owner import wait_until
from tests.service.purchases import organization
from tests.service.purchases import record as record_events

OURS, NEXT, FOREIGN = (SigningKey(NAME, bytes([number]) * 32) for number in (1, 2, 3))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The home of the first process."""
    return tmp_path / "home"


def sizes(owner: Connection[Any]) -> list[int]:
    """The sizes of all checkpoints."""
    return [size for size, _, _ in issued(owner)]


# From the first checkpoint on


def test_a_ledger_begins_with_a_checkpoint_of_nothing(database: str, home: Path, owner: Connection[Any]) -> None:
    with open_daybook(settings_of(database, home), follow=False) as daybook:
        assert daybook.log.root_hash(0) == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
        (verifier,) = [key.verifier for key in daybook.log.publisher.keys]
    ((size, known, note),) = issued(owner)
    assert (size, known) == (0, EMPTY_ROOT)
    assert [signed.key for signed in verify(parse_note(note.encode()), [verifier])] == [verifier]
    assert (home / "signing-key").stat().st_mode & 0o777 == 0o600


def test_what_a_command_records_is_covered_when_it_ends(database: str, home: Path, owner: Connection[Any]) -> None:
    # Tiles are begun, filled, and passed over, with and without hashes in them from before.
    for count in (1, 255, 1, 300, 700, 23, 512):
        with open_daybook(settings_of(database, home), follow=False) as daybook:
            record(daybook, count)
    assert sizes(owner) == [0, 1, 256, 257, 557, 1257, 1280, 1792]
    assert contradictions(owner) == []


def test_a_command_that_only_reads_publishes_nothing(database: str, home: Path, owner: Connection[Any]) -> None:
    with open_daybook(settings_of(database, home), follow=False) as daybook:
        record(daybook, 3)
    with open_daybook(settings_of(database, home), follow=False):
        pass
    assert sizes(owner) == [0, 3]


def test_a_service_publishes_while_events_arrive(database: str, home: Path, owner: Connection[Any]) -> None:
    with open_daybook(settings_of(database, home)) as daybook:
        for turn in range(3):
            position = record(daybook, 200, f"turn {turn}")
            assert daybook.log.publisher.wait_for(position, 20).size == position
    assert sizes(owner) == [0, 200, 400, 600]
    assert contradictions(owner) == []
    ages = owner.execute(
        "select min(extract(epoch from later.issued_at - earlier.issued_at)) from log_checkpoints later"
        " join log_checkpoints earlier on later.size > earlier.size and earlier.size > 0"
    ).fetchone()
    assert ages is not None
    assert ages[0] >= 1


def test_checkpoints_go_on_while_the_databases_clock_is_back(database: str, home: Path, owner: Connection[Any]) -> None:
    with open_daybook(settings_of(database, home)) as daybook:
        # To whoever looks at a clock, each is issued an hour from now.
        owner.execute(
            "alter table log_checkpoints alter column issued_at set default clock_timestamp() + interval '1 hour'"
        )
        for turn in range(3):
            position = record(daybook, 20, f"turn {turn}")
            assert daybook.log.publisher.wait_for(position, 30).size == position
    ages = owner.execute(
        "select min(extract(epoch from later.issued_at - earlier.issued_at)) from log_checkpoints later"
        " join log_checkpoints earlier on later.size > earlier.size and earlier.size > 0"
    ).fetchone()
    assert ages is not None
    assert ages[0] >= 1


def test_a_ledger_from_before_the_log_is_covered_by_the_first_command(
    database: str, home: Path, owner: Connection[Any], committer: Committer
) -> None:
    record_events(committer, *(organization(f"of-{number}") for number in range(600)))
    with open_daybook(settings_of(database, home), follow=False) as daybook:
        assert daybook.follower.position == 600
    assert sizes(owner) == [0, 600]
    assert contradictions(owner) == []


def test_an_old_ledger_with_a_name_that_no_key_can_have_is_published_under_a_written_out_one(
    database: str, home: Path, owner: Connection[Any]
) -> None:
    owner.execute("alter table ledger_identity disable trigger user")
    owner.execute("update ledger_identity set origin = 'our 100% + more'")
    with open_daybook(settings_of(database, home), follow=False) as daybook:
        assert daybook.origin == "our 100% + more"
        position = record(daybook, 2)
        daybook.log.publisher.publish_all()
        assert daybook.log.proof(position).checkpoint.startswith("our%20100%25%20%2B%20more\n2\n")
    with open_daybook(settings_of(database, home), follow=False) as daybook:
        assert daybook.log.publisher.publish(hurry=True) is False
        assert daybook.log.publisher.hindrance is None


# Any position, any size


def test_roots_and_proofs_at_every_position(database: str, home: Path, owner: Connection[Any]) -> None:
    """Below a checkpoint, at it, and beyond it; from what was handed over, and from what is read."""
    with open_daybook(settings_of(database, home, OURS), follow=False) as daybook:
        record(daybook, 300)
        daybook.log.publisher.publish_all()
        record(daybook, 80, "beyond")
        fresh = Tree(daybook.log.storage)  # as another process that has seen no checkpoint
        second = Tree(daybook.log.storage)  # as one that has, and was handed nothing over
        second.advance(300, daybook.log.storage.latest().root)  # type: ignore[union-attr]
        states = [state for (state,) in owner.execute("select state from ledger_events order by notification_id")]
        leaves = [leaf_hash(state) for state in states]
        for tree in (daybook.log.tree, fresh, second):
            for position in (380, 0, 1, 2, 255, 256, 257, 299, 300, 301, 379, 350, 380):
                assert tree.root_at(position) == root(leaves[:position])
            for position, size in ((1, 1), (1, 300), (256, 300), (300, 300), (290, 380), (380, 380), (7, 301)):
                hashes = tree.inclusion(position, size)
                verify_inclusion(position - 1, size, leaves[position - 1], hashes, root(leaves[:size]))
            for old, new in ((1, 2), (256, 300), (299, 380), (300, 380), (301, 380), (380, 380)):
                proof = tree.consistency(old, new)
                verify_consistency(old, new, root(leaves[:old]), root(leaves[:new]), proof)
            assert tree.consistency(0, 300) == []
            assert (tree.leaf(5), tree.leaf(380)) == (leaves[4], leaves[379])
            with pytest.raises(BeyondTheTree, match="ends at position 380, before 381"):
                tree.root_at(381)


def test_events_of_other_processes_come_between_what_is_handed_over(
    database: str, home: Path, owner: Connection[Any], committer: Committer
) -> None:
    with open_daybook(settings_of(database, home), follow=False) as daybook:
        for turn in range(5):
            record(daybook, 3, f"ours {turn}")
            record_events(committer, organization(f"theirs-{turn}"))
        assert daybook.log.tree.root_at(18) == root(
            [
                leaf_hash(state)
                for (state,) in owner.execute("select state from ledger_events order by notification_id limit 18")
            ]
        )
    assert contradictions(owner) == []


# Several processes


def test_two_processes_publish_one_log(
    database: str, home: Path, tmp_path: Path, owner: Connection[Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Both record and publish as fast as they can: no size twice, no tile twice, no root that is not the events'."""
    # As a role of its own: with the owner's, a service warns of it.
    own = {"database_url": SecretStr(as_service(database)), "migrations_url": SecretStr(database)}
    with (
        open_daybook(settings_of(database, home, OURS).model_copy(update=own)) as first,
        open_daybook(settings_of(database, tmp_path / "other", OURS).model_copy(update=own)) as second,
    ):
        record(first, 1)

        def work(number: int) -> None:
            daybook = (first, second)[number % 2]
            for turn in range(12):
                record(daybook, 5, f"{number}-{turn}")
                daybook.log.publisher.publish(hurry=True)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for daybook in (first, second):
            daybook.log.publisher.publish_all()
            assert daybook.log.publisher.known_size == 241
    assert len(sizes(owner)) > 10
    assert sizes(owner)[-1] == 241
    assert contradictions(owner) == []
    assert [entry for entry in caplog.records if entry.levelno >= logging.WARNING] == []


def test_a_process_sees_what_another_publishes(database: str, home: Path, tmp_path: Path) -> None:
    with (
        open_daybook(settings_of(database, home, OURS)) as ours,
        open_daybook(settings_of(database, tmp_path / "other")) as other,
    ):
        position = record(other, 7)
        assert other.log.publisher.wait_for(position, 20).size == 7
        assert other.log.publisher.hindrance == "it has no signing key"
        assert other.log.proof(7).checkpoint == ours.log.checkpoint()


def test_a_long_publication_of_another_process_is_not_waited_for(
    database: str, home: Path, owner: Connection[Any]
) -> None:
    with open_daybook(settings_of(database, home), follow=False) as daybook:
        record(daybook, 5)
        with daybook.log.storage.publishing() as theirs:
            assert theirs is not None
            started = time.monotonic()
            assert daybook.log.publisher.publish(hurry=True) is False
            daybook.log.publisher.publish_all(patience_s=0.2)
            assert time.monotonic() - started < 10
        assert sizes(owner) == [0]
    assert sizes(owner) == [0, 5]


# What breaks


@pytest.mark.parametrize("table", ["log_tiles", "log_checkpoints"])
def test_a_publication_that_breaks_leaves_nothing_behind(
    database: str, home: Path, owner: Connection[Any], table: str
) -> None:
    """The database fails at the statement itself, and at the commit."""
    with open_daybook(settings_of(database, home), follow=False) as daybook:
        record(daybook, 260)
        fail = "create function fail() returns trigger language plpgsql as $$begin raise 'the disk is full'; end$$"
        owner.execute(fail)
        for when in ("trigger fail after insert", "constraint trigger fail after insert"):
            deferred = "deferrable initially deferred" if "constraint" in when else ""
            owner.execute(f"create {when} on {table} {deferred} for each row execute function fail()".encode())
            with pytest.raises(PersistenceError, match="the disk is full"):
                daybook.log.publisher.publish(hurry=True)
            assert sizes(owner) == [0]
            assert owner.execute("select from log_tiles").fetchall() == []
            owner.execute(f"drop trigger fail on {table}".encode())
        assert daybook.log.publisher.publish(hurry=True) is True
    assert sizes(owner) == [0, 260]
    assert contradictions(owner) == []


def test_a_process_that_died_before_it_published_is_made_up_for(
    database: str, home: Path, owner: Connection[Any], ledger: Ledger
) -> None:
    with open_daybook(settings_of(database, home), follow=False) as daybook:
        record(daybook, 10)
    dying = Committer(ledger)  # nobody hands over or publishes what this one records
    record_events(dying, *(organization(f"of-{number}") for number in range(500)))
    dying.close()
    assert sizes(owner) == [0, 10]
    with open_daybook(settings_of(database, home)):
        assert wait_until(lambda: sizes(owner) == [0, 10, 510])
    assert contradictions(owner) == []


def test_a_lost_connection_costs_no_checkpoint(database: str, home: Path, owner: Connection[Any]) -> None:
    with open_daybook(settings_of(database, home)) as daybook:
        record(daybook, 5)
        others = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
        owner.execute(f"{others} and pid <> pg_backend_pid()".encode())
        position = record(daybook, 5, "after")
        assert wait_until(lambda: sizes(owner)[-1] == position)
    assert contradictions(owner) == []


@pytest.mark.parametrize("table", ["log_tiles", "log_checkpoints"])
def test_nothing_is_signed_where_the_stored_log_contradicts_its_checkpoint(
    database: str, home: Path, owner: Connection[Any], table: str, caplog: pytest.LogCaptureFixture
) -> None:
    with open_daybook(settings_of(database, home), follow=False) as daybook:
        record(daybook, 5)
    column = "hashes" if table == "log_tiles" else "root"
    owner.execute(f"alter table {table} disable trigger user".encode())
    owner.execute(f"update {table} set {column} = set_byte({column}, 3, 255 - get_byte({column}, 3))".encode())
    with open_daybook(settings_of(database, home)) as daybook:
        record(daybook, 1)
        with pytest.raises(LogDamaged, match=r"the tree of size 5 has not the root|do not lead to its root"):
            daybook.log.publisher.publish(hurry=True)
        assert wait_until(lambda: "run daybook verify" in caplog.text)
        # Questions are answered on: the roots of their positions follow from the events.
        assert daybook.log.tree.root_at(6) == root(
            [leaf_hash(state) for (state,) in owner.execute("select state from ledger_events order by notification_id")]
        )
    assert sizes(owner) == [0, 5]


# Keys


def test_several_keys_all_sign(database: str, home: Path, owner: Connection[Any]) -> None:
    with open_daybook(settings_of(database, home, OURS, NEXT), follow=False) as daybook:
        record(daybook, 4)
    keys = [OURS.verifier, NEXT.verifier]
    for _, _, note in issued(owner):
        assert [signed.key for signed in verify(parse_note(note.encode()), keys)] == keys
    assert not (home / "signing-key").exists()


def test_another_key_publishes_nothing_and_one_that_overlaps_takes_over(
    database: str, home: Path, owner: Connection[Any], caplog: pytest.LogCaptureFixture
) -> None:
    def run(*keys: SigningKey, may: bool = True) -> int:
        with open_daybook(settings_of(database, home, *keys)) as daybook:
            position = record(daybook, 2)
            last = sizes(owner)[-1]
            if may:
                assert daybook.log.publisher.wait_for(position, 20).size == position
            else:
                with pytest.raises(NotPublished, match=f"covers {last} events, not yet {position}: its signing key"):
                    daybook.log.publisher.wait_for(position, 0.5)
                assert daybook.log.checkpoint().startswith(f"daybook\n{last}\n")
        return sizes(owner)[-1]

    assert run(OURS) == 2
    assert run(FOREIGN, may=False) == 2
    assert (
        "this process issues no checkpoints: its signing key did not sign the last checkpoint, of size 2" in caplog.text
    )
    assert run(OURS, NEXT) == 6
    assert run(NEXT) == 8
    assert run(OURS, may=False) == 8
    (note,) = [note for size, _, note in issued(owner) if size == 8]
    assert [signature.key_id for signature in parse_note(note.encode()).signatures] == [NEXT.verifier.key_id]
    assert contradictions(owner) == []


def test_a_home_that_kept_a_later_checkpoint_stops_the_log_of_a_restored_backup(
    database: str, home: Path, owner: Connection[Any], caplog: pytest.LogCaptureFixture
) -> None:
    with open_daybook(settings_of(database, home), follow=False) as daybook:
        record(daybook, 3)
        daybook.log.publisher.publish_all()
        record(daybook, 3, "later")
    for table in ("log_tiles", "log_checkpoints", "ledger_events", "ledger_head"):
        owner.execute(f"alter table {table} disable trigger user".encode())
    owner.execute("delete from log_checkpoints where size = 6")
    owner.execute("delete from log_tiles where start = 3")
    owner.execute("delete from ledger_events where notification_id > 3")
    owner.execute("update ledger_head set position = 3")
    for table in ("log_tiles", "log_checkpoints", "ledger_events", "ledger_head"):
        owner.execute(f"alter table {table} enable trigger user".encode())
    with open_daybook(settings_of(database, home), follow=False) as daybook:
        record(daybook, 1, "otherwise")
    assert (
        "keeps a checkpoint of size 6, and the database none beyond 3: it was put back to an old state" in caplog.text
    )
    assert sizes(owner) == [0, 3]
    kept = (home / "checkpoints").glob("*.ndjson")
    assert [line.count("\n") for line in map(Path.read_text, kept)] == [2]


# The database keeps the promise

CHANGES = [
    change
    for table in ("log_tiles", "log_checkpoints", "log_cosignatures")
    for change in (
        f"update {table} set {{column}} = {{column}}",
        f"delete from {table}",
        f"delete from {table} where false",
        f"truncate {table} cascade",
        f"insert into {table} select * from {table} on conflict ({{key}}) do update set {{column}} = null",
    )
]
COLUMNS = {"log_tiles": "hashes", "log_checkpoints": "note", "log_cosignatures": "line"}
KEYS = {"log_tiles": "level, number, start", "log_checkpoints": "size", "log_cosignatures": "size, line"}


@pytest.fixture
def published(database: str, home: Path) -> None:
    """A log of three events, with a cosignature."""
    with open_daybook(settings_of(database, home, OURS), follow=False) as daybook:
        record(daybook, 3)
        daybook.log.publisher.publish_all()
        daybook.log.storage.add_cosignatures(3, [SigningKey("witness", b"w" * 32).cosign("daybook", 1).line])


@pytest.mark.usefixtures("published")
def test_neither_owner_nor_service_changes_or_removes_what_was_published(
    owner: Connection[Any], ledger: Ledger
) -> None:
    def content() -> list[Any]:
        return [owner.execute(f"select * from {table}".encode()).fetchall() for table in COLUMNS]

    before = content()
    for change in CHANGES:
        table = next(name for name in COLUMNS if name in change)
        statement = change.format(column=COLUMNS[table], key=KEYS[table]).encode()
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="the ledger only grows"):
            owner.execute(statement)
        with (
            ledger.recorder.datastore.get_connection() as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"),
        ):
            connection.execute(statement)
        assert content() == before


@pytest.mark.usefixtures("published")
def test_the_database_refuses_a_checkpoint_out_of_order(owner: Connection[Any]) -> None:
    follows = "does not follow the last, of size 3"
    for size, reason in ((0, follows), (2, follows), (3, follows), (4, "is beyond the head at 3")):
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match=reason):
            owner.execute("insert into log_checkpoints (size, root, note) values (%s, %s, 'n')", (size, bytes(32)))
