-- The ledger: events in commit order, positions without gaps, nothing ever changed or removed.
-- The column names are those of the eventsourcing library: originator_id is the stream, originator_version the version
-- within it, topic the event type, state the stored bytes, notification_id the position.

create table ledger_identity (
    only_row boolean primary key default true check (only_row),
    origin text not null check (origin <> ''),
    created_at timestamptz not null default clock_timestamp()
);

create table ledger_events (
    notification_id bigint primary key check (notification_id >= 1),
    originator_id text collate "C" not null,
    originator_version bigint not null check (originator_version >= 1),
    topic text collate "C" not null,
    event_id text collate "C" not null unique,
    recorded_at timestamptz not null,
    state bytea not null check (octet_length(state) between 2 and 65535),
    unique (originator_id, originator_version)
);

create table ledger_head (
    only_row boolean primary key default true check (only_row),
    position bigint not null,
    -- null: nothing recorded yet
    recorded_at timestamptz
);

insert into ledger_head (position) values (0);

-- One writer at a time, across all processes, until its transaction ends.
create function ledger_lock() returns table (head_position bigint, head_recorded_at timestamptz, clock timestamptz)
language plpgsql security definer set search_path = pg_catalog, public as $$
begin
    perform 1 from public.ledger_head for update;
    return query select head.position, head.recorded_at, clock_timestamp() from public.ledger_head head;
end
$$;

-- Positions continue the head without a gap, and time moves forward, or nothing is inserted.
create function ledger_extend() returns trigger
language plpgsql security definer set search_path = pg_catalog, public as $$
declare
    head public.ledger_head%rowtype;
    lowest bigint;
    highest bigint;
    many bigint;
    earliest timestamptz;
    latest timestamptz;
begin
    select min(notification_id), max(notification_id), count(*), min(recorded_at), max(recorded_at)
        into lowest, highest, many, earliest, latest from added;
    if many = 0 then
        return null;
    end if;
    select * into head from public.ledger_head for update;
    if lowest <> head.position + 1 or highest <> head.position + many then
        raise exception 'positions % to % do not continue the head at %', lowest, highest, head.position
            using errcode = 'integrity_constraint_violation';
    end if;
    if earliest <= head.recorded_at then
        raise exception 'recorded_at % is not after the head''s, %', earliest, head.recorded_at
            using errcode = 'integrity_constraint_violation';
    end if;
    update public.ledger_head set position = highest, recorded_at = latest;
    return null;
end
$$;

create trigger ledger_extend after insert on ledger_events
    referencing new table as added for each statement execute function ledger_extend();

create function ledger_refuse() returns trigger language plpgsql as $$
begin
    raise exception '% on % is refused: the ledger only grows', tg_op, tg_table_name
        using errcode = 'insufficient_privilege';
end
$$;

create trigger ledger_refuse before update or delete or truncate on ledger_events
    for each statement execute function ledger_refuse();
create trigger ledger_refuse before update or delete or truncate on ledger_identity
    for each statement execute function ledger_refuse();
create trigger ledger_refuse before delete or truncate on ledger_head
    for each statement execute function ledger_refuse();

revoke all on ledger_events, ledger_head, ledger_identity from public;
revoke all on function ledger_lock() from public;
grant select, insert on ledger_events to daybook_service;
grant select on ledger_head, ledger_identity to daybook_service;
grant execute on function ledger_lock() to daybook_service;
