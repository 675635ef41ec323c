-- Imports: files that are sent to be recorded in the background, in the order in which they came. Unlike the ledger they
-- change: an import waits, is run by one service at a time, and ends.

create table imports (
    id text collate "C" primary key,
    -- The order in which they came, whatever the clock does. No index has it alone: it would be chosen for lists of a state
    -- that few are in.
    place bigint generated always as identity,
    -- What the sender calls the file.
    file text not null,
    -- What is to be done with it: format, name of the mapping, options.
    wish json not null,
    -- The mapping as it was when the file was sent; null: there is none, or it is no longer needed.
    mapping bytea,
    -- Who sent it: its events carry it.
    actor text not null,
    -- Of the file as it was sent, in hexadecimal.
    sha256 text not null,
    size_bytes bigint not null check (size_bytes >= 0),
    created_at timestamptz not null default clock_timestamp(),
    -- An idempotency key stands for it, so that it is never removed.
    keyed boolean not null default false,
    state text not null default 'queued'
        check (state in ('queued', 'running', 'interrupted', 'done', 'failed', 'cancelled')),
    -- It is to end after the batch at hand.
    called_off boolean not null default false,
    started_at timestamptz,
    finished_at timestamptz,
    -- How often the service died that ran it.
    deaths integer not null default 0,
    -- How far it is: rows seen, and dealt with; events recorded, and recorded before; rows left out.
    rows bigint not null default 0,
    done bigint not null default 0,
    recorded bigint not null default 0,
    replayed bigint not null default 0,
    rejected bigint not null default 0,
    rows_per_s double precision,
    -- Events by type, and a sentence on how it ended. As what follows never searched, and not jsonb, which refuses
    -- characters that rows may have.
    outcome json not null default '{}',
    -- Faults, and remarks on rows: the first of each kind.
    listed json not null default '{}',
    -- Its faults, remarks and rejects were removed, some time after its end.
    pruned boolean not null default false,
    -- Which service runs it, and until when it counts as alive without another word; null: none does.
    lease text,
    leased_until timestamptz,
    check ((lease is null) = (leased_until is null)),
    check ((lease is not null) = (state = 'running')),
    check ((finished_at is not null) = (state in ('done', 'failed', 'cancelled')))
);

-- What is still to come is found without a look at what has ended.
create index imports_open on imports (place) where state in ('queued', 'running', 'interrupted');
create index imports_by_state on imports (state, place);
create index imports_to_prune on imports (finished_at) where finished_at is not null and not pruned;

-- The file of an import until it ends, and what it left out, in parts of bounded size.
create table import_parts (
    -- The parts of a file come before their import is known to be taken.
    import text collate "C" not null references imports on delete cascade deferrable initially deferred,
    kind text not null check (kind in ('file', 'rejects')),
    number integer not null check (number >= 0),
    content bytea not null,
    primary key (import, kind, number)
);

-- Files are sent compressed where that is worth it.
alter table import_parts alter content set storage external;

revoke all on imports, import_parts from public;
grant select, insert, update, delete on imports to daybook_service;
grant select, insert, delete on import_parts to daybook_service;
