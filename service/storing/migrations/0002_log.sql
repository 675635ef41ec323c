-- The transparency log over the ledger: tiles of the Merkle tree, signed checkpoints, and what witnesses signed.
-- Leaf i is the event at position i + 1. Like the events, all of it only grows.

-- A tile of 256 hashes is the concatenation of its rows in order of start; a publication adds one row for each tile
-- that it makes longer. number counts the tiles of a level, start the hashes before this row's in the tile.
create table log_tiles (
    level smallint not null check (level between 0 and 7),
    number bigint not null check (number >= 0),
    start smallint not null check (start between 0 and 255),
    hashes bytea not null
        check (octet_length(hashes) >= 32 and octet_length(hashes) % 32 = 0 and start + octet_length(hashes) / 32 <= 256),
    primary key (level, number, start)
);

-- Every checkpoint ever issued, the first of size 0; note is the signed note whole.
create table log_checkpoints (
    size bigint primary key check (size >= 0),
    root bytea not null check (octet_length(root) = 32),
    issued_at timestamptz not null default clock_timestamp(),
    note text collate "C" not null check (note <> '')
);

-- Signature lines of witnesses, as they go below the note.
create table log_cosignatures (
    size bigint not null references log_checkpoints,
    line text collate "C" not null check (line <> ''),
    received_at timestamptz not null default clock_timestamp(),
    primary key (size, line)
);

-- A checkpoint is larger than all before it, and covers no event that the ledger does not have.
create function log_extend() returns trigger
language plpgsql security definer set search_path = pg_catalog, public as $$
declare
    last bigint;
    head bigint;
begin
    select max(size) into last from public.log_checkpoints;
    select position into head from public.ledger_head;
    if new.size <= last then
        raise exception 'a checkpoint of size % does not follow the last, of size %', new.size, last
            using errcode = 'integrity_constraint_violation';
    end if;
    if last is null and new.size <> 0 then
        raise exception 'the first checkpoint is of size 0, not %', new.size
            using errcode = 'integrity_constraint_violation';
    end if;
    if new.size > head then
        raise exception 'a checkpoint of size % is beyond the head at %', new.size, head
            using errcode = 'integrity_constraint_violation';
    end if;
    return new;
end
$$;

create trigger log_extend before insert on log_checkpoints for each row execute function log_extend();

create trigger ledger_refuse before update or delete or truncate on log_tiles
    for each statement execute function ledger_refuse();
create trigger ledger_refuse before update or delete or truncate on log_checkpoints
    for each statement execute function ledger_refuse();
create trigger ledger_refuse before update or delete or truncate on log_cosignatures
    for each statement execute function ledger_refuse();

revoke all on log_tiles, log_checkpoints, log_cosignatures from public;
grant select, insert on log_tiles, log_checkpoints, log_cosignatures to daybook_service;
