"""What the database itself holds to, whoever writes: order without gaps, time that goes forward, nothing changed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import Connection, errors

from domain.events import instant
from service.recording.committer import Committer
from service.storing.ledger import Ledger
from service.storing.migrations.roles import powers
from tests.service.purchases import Event, events, insert_directly, market, organization, record, stored

NOON = datetime(2024, 1, 31, 12, tzinfo=UTC)


def event(position: int, microsecond: int | None = None, **changed: Any) -> Event:
    """A stored event, one microsecond after the one before unless told otherwise."""
    moment = NOON + timedelta(microseconds=position if microsecond is None else microsecond)
    name = f"tencent-{position}"
    return {
        "type": "organization-registered",
        "id": f"of-{name}",
        "v": 1,
        "position": position,
        "stream": f"organization/{name}",
        "version": 1,
        "recorded_at": instant(moment),
        "effective_on": "2023-08-31",
        "known_on": "2023-08-31",
        "basis": "reported",
        "data": {"organization_id": name, "name": "Tencent", "country": "CN"},
        **changed,
    }


@pytest.fixture
def service(ledger: Ledger) -> Iterator[Connection[Any]]:
    """A connection in the service's own role; every statement is a transaction."""
    settings = {**ledger.connection_settings, "row_factory": psycopg.rows.tuple_row}
    with psycopg.connect(**settings, autocommit=True) as connection:
        yield connection


@pytest.fixture(params=["owner", "service"])
def writer(request: pytest.FixtureRequest) -> Any:
    """A connection of the owner, and one of the service: what the database refuses it refuses both."""
    return request.getfixturevalue(request.param)


def head(connection: Connection[Any]) -> Any:
    return connection.execute("select position, recorded_at from ledger_head").fetchone()


def refusal(connection: Connection[Any], statement: str) -> str:
    """Why the right to a statement is missing; it must be."""
    try:
        connection.execute(statement.encode())
    except errors.InsufficientPrivilege as error:
        return str(error.diag.message_primary)
    return "done"


# Nothing is changed


CHANGES = [
    "update ledger_events set state = 'forged'",
    "update ledger_events set recorded_at = recorded_at where false",
    "delete from ledger_events",
    "delete from ledger_events where false",
    "truncate ledger_events",
    "truncate ledger_events, ledger_head, ledger_identity",
    "insert into ledger_events select * from ledger_events on conflict (event_id) do update set state = 'forged'",
    "merge into ledger_events using ledger_head on true when matched then delete",
    "update ledger_identity set origin = 'forged'",
    "delete from ledger_identity",
    "truncate ledger_identity",
    "delete from ledger_head",
    "truncate ledger_head",
]
RIGHTS = [
    *CHANGES,
    "update ledger_head set position = 0",
    "insert into ledger_head (only_row, position) values (true, 7)",
    "insert into ledger_identity (origin) values ('forged')",
    "insert into ledger_migrations (name) values ('9999_forged')",
    "alter table ledger_events disable trigger all",
    "alter table ledger_events add column forged text",
    "drop trigger ledger_extend on ledger_events",
    "drop table ledger_events",
    "set session_replication_role = replica",
    "create or replace function ledger_refuse() returns trigger language sql as 'select'",
    "create table forged ()",
]
#: Ways out of the service's role, and what would serve as one; each alone after `set role none`.
WAYS_OUT = [
    *RIGHTS,
    "set role postgres",
    "set role pg_write_all_data",
    "set session authorization postgres",
    "alter role daybook_service superuser",
    "alter role daybook_service createrole",
    "create role forger",
    "grant postgres to daybook_service",
    "alter table ledger_events disable trigger ledger_refuse",
    "alter table ledger_events owner to daybook_service",
    "alter table idempotency_keys disable trigger all",
    "create trigger forged before insert on ledger_events for each row execute function ledger_refuse()",
    "create rule forged as on insert to ledger_events do instead nothing",
    "alter function ledger_extend() security invoker",
    "alter function ledger_lock() owner to daybook_service",
    "select ledger_extend()",
    "select log_extend()",
    "select access_tokens_final()",
    "create function forged() returns trigger language plpgsql as 'begin return null; end'",
    "create function pg_temp.forged() returns trigger language plpgsql as 'begin return null; end'",
    "create temporary table ledger_head (position bigint)",
    "create domain pg_temp.timestamptz as pg_catalog.timestamptz",
    "create schema forged",
    "alter extension plpgsql add table ledger_events",
    "create event trigger forged on ddl_command_start execute function ledger_refuse()",
    "create publication forged for table ledger_events",
    "create language forged handler plpgsql_call_handler",
    "alter database template1 rename to forged",
    "alter system set fsync = off",
    "select * from ledger_events for update",
    "select * from ledger_head for update",
    "do $$ begin lock table ledger_events in access exclusive mode; end $$",
    "do $$ begin lock table ledger_head in share mode; end $$",
    "update log_tiles set hashes = hashes",
    "delete from log_checkpoints",
    "truncate log_cosignatures",
    "update idempotency_keys set key = key",
    "delete from idempotency_keys",
    "delete from access_tokens",
    "update access_tokens set digest = digest",
    "update access_tokens set role = 'admin'",
    "truncate webhooks",
    "truncate imports",
    "update import_parts set content = content",
    "insert into ledger_migrations (name) values ('9999_forged')",
    "update pg_trigger set tgenabled = 'D'",
    "update pg_catalog.pg_authid set rolsuper = true",
    "select * from pg_authid",
    "copy ledger_events to '/tmp/forged'",
    "copy (select 1) to program 'true'",
    "copy ledger_events from program 'true'",
    "select pg_read_file('/etc/passwd')",
    "select pg_ls_dir('/')",
    "select pg_reload_conf()",
    "select lo_create(0)",
    "select lo_creat(-1)",
    "select lo_from_bytea(0, 'x')",
    "select lo_import('/etc/passwd')",
    "select lo_unlink(1)",
    "select pg_switch_wal()",
    "select pg_replication_origin_create('forged')",
    "do $$ begin set local session_replication_role = replica; delete from ledger_events; end $$",
]


def test_not_even_the_owner_changes_or_removes_what_is_recorded(
    owner: Connection[Any], committer: Committer, ledger: Ledger
) -> None:
    record(committer, *market())
    before = stored(ledger), head(owner)
    refusals = {statement: refusal(owner, statement).partition(": ")[2] for statement in CHANGES}
    assert refusals == dict.fromkeys(CHANGES, "the ledger only grows")
    assert (stored(ledger), head(owner)) == before


def test_the_services_role_was_never_given_the_right_to(
    service: Connection[Any], committer: Committer, ledger: Ledger
) -> None:
    record(committer, *market())
    before = stored(ledger), head(service)
    refusals = {
        statement: refusal(service, statement).startswith(("permission denied", "must be owner"))
        for statement in RIGHTS
    }
    assert refusals == dict.fromkeys(RIGHTS, True)
    assert (stored(ledger), head(service)) == before


def test_no_way_leads_out_of_the_services_role(
    service: Connection[Any], owner: Connection[Any], committer: Committer, ledger: Ledger
) -> None:
    record(committer, *market())
    before = stored(ledger), head(service)
    service.execute("set role none")
    assert service.execute("select session_user, current_user").fetchone() == ("daybook_service", "daybook_service")
    said = {statement: refusal(service, statement) for statement in WAYS_OUT}
    refused = ("permission denied", "must be ", "only ", "Only ", "The bootstrap")
    assert {statement: words for statement, words in said.items() if not words.startswith(refused)} == {}
    assert (stored(ledger), head(service)) == before
    service.execute("grant update on ledger_events to daybook_service")  # a warning, and nothing is granted
    assert refusal(service, "update ledger_events set state = 'forged'").startswith("permission denied")
    assert powers(service) == []
    assert powers(owner) == ["postgres is a superuser"]


def test_what_the_owners_functions_call_cannot_be_put_in_their_way(owner: Connection[Any]) -> None:
    """A type of the temporary schema would come before PostgreSQL's own, and run its maker's code as the owner."""
    functions = owner.execute(
        "select proname, prosecdef, proconfig from pg_proc where pronamespace = 'public'::regnamespace order by 1"
    ).fetchall()
    fixed = ["search_path=pg_catalog, pg_temp"]
    assert functions == [
        ("access_tokens_final", False, fixed),
        ("ledger_extend", True, fixed),
        ("ledger_lock", True, fixed),
        ("ledger_refuse", False, fixed),
        ("log_extend", True, fixed),
    ]


def test_a_type_of_the_temporary_schema_is_not_taken_for_postgresqls(
    owner: Connection[Any], service: Connection[Any], ledger: Ledger
) -> None:
    # The right to make one was taken, too.
    owner.execute(f"grant temporary on database {owner.info.dbname} to daybook_service".encode())
    service.execute("create function pg_temp.forged(anyelement) returns boolean language plpgsql as $$ begin"
                    " raise exception 'as %', current_user; end $$")  # fmt: skip
    service.execute("create domain pg_temp.timestamptz as pg_catalog.timestamptz check (pg_temp.forged(value::text))")
    insert_directly(service, event(1))
    assert len(stored(ledger)) == 1


def test_a_revoked_token_stays_revoked(service: Connection[Any]) -> None:
    service.execute(
        "insert into access_tokens (id, digest, name, role) values ('a1', %s, 'ERP', 'admin')", (bytes(32),)
    )
    service.execute("update access_tokens set revoked_at = clock_timestamp(), last_used_at = clock_timestamp()")
    assert "is final" in refusal(service, "update access_tokens set revoked_at = null")
    assert "is final" in refusal(service, "update access_tokens set revoked_at = 'infinity'")
    assert refusal(service, "update access_tokens set revoked_at = revoked_at, last_used_at = null") == "done"


def test_the_service_works_in_its_own_role(ledger: Ledger) -> None:
    with ledger.recorder.datastore.get_connection() as connection:
        assert connection.execute("select current_user").fetchone() == {"current_user": "daybook_service"}


# Positions and instants


def test_events_that_continue_the_head_are_taken_and_move_it(writer: Connection[Any], ledger: Ledger) -> None:
    insert_directly(writer, event(1))
    # The order of the rows within a statement is not their order in the ledger.
    insert_directly(writer, event(4), event(2), event(3))
    assert [event["position"] for event in events(ledger)] == [1, 2, 3, 4]
    assert head(writer) == (4, NOON + timedelta(microseconds=4))


#: Rows that do not continue a ledger of two events, and what the database says of them.
MISFITS = {
    "a position is skipped": ([event(4)], "positions 4 to 4 do not continue the head at 2"),
    "a position is skipped between two": ([event(3), event(5)], "positions 3 to 5 do not continue the head at 2"),
    "the head's position again": ([event(2, 3, id="other", stream="order/other")], '"ledger_events_pkey"'),
    "a taken one and the next": ([event(1), event(3)], '"ledger_events_pkey"'),
    "position 0": ([event(0)], '"ledger_events_notification_id_check"'),
    "the head's own instant": ([event(3, 2)], "recorded_at 2024-01-31 12:00:00.000002+00 is not after the head's"),
    "an earlier instant": ([event(3, 1)], "recorded_at 2024-01-31 12:00:00.000001+00 is not after the head's"),
    "the second earlier than the head": ([event(3, 5), event(4, 1)], "is not after the head's"),
    "the second earlier than the first": ([event(3, 4), event(4, 3)], "recorded_at does not move forward from 3 to 4"),
    "two at one instant": ([event(3, 4), event(4, 4)], "recorded_at does not move forward from 3 to 4"),
    "the id of another event": ([event(3, id="of-tencent-1")], '"ledger_events_event_id_key"'),
    "a version that the stream has": ([event(3, stream="organization/tencent-1")], '"ledger_events_originator_id'),
    "version 0": ([event(3, version=0)], '"ledger_events_originator_version_check"'),
    "more bytes than an entry of the log may have": (
        [event(3, data={"note": "x" * 65_535})],
        '"ledger_events_state_check"',
    ),
}


def test_events_that_do_not_continue_the_head_are_refused(writer: Connection[Any], ledger: Ledger) -> None:
    insert_directly(writer, event(1), event(2))
    before = stored(ledger), head(writer)
    said = {}
    for case, (misfits, _) in MISFITS.items():
        with pytest.raises(errors.IntegrityError) as refused:
            insert_directly(writer, *misfits)
        said[case] = refused.value.diag.message_primary or ""
    assert {case: message for case, message in said.items() if MISFITS[case][1] not in message} == {}
    assert (stored(ledger), head(writer)) == before


def test_rows_that_are_copied_in_are_judged_alike(writer: Connection[Any], ledger: Ledger) -> None:
    with (
        pytest.raises(errors.IntegrityError, match="positions 2 to 2 do not continue the head at 0"),
        writer.cursor().copy("copy ledger_events from stdin") as copy,
    ):
        copy.write_row((2, "order/po-1", 1, "order-placed", "of-po-1", NOON, b"{}"))
    assert stored(ledger) == []


def test_the_service_goes_on_after_what_others_inserted(
    owner: Connection[Any], committer: Committer, ledger: Ledger
) -> None:
    insert_directly(owner, event(1))
    record(committer, organization("baidu"))
    first, second = events(ledger)
    assert (first["position"], second["position"]) == (1, 2)
    assert first["recorded_at"] < second["recorded_at"]
