-- Idempotency keys: the names that clients gave to requests, and what became of these. A key never expires; like the
-- events that it stands for, it is recorded once, in their transaction, and never changes.

create table idempotency_keys (
    -- Who sent it: each has names of its own.
    actor text collate "C" not null,
    key text collate "C" not null check (octet_length(key) between 1 and 255),
    -- SHA-256 of method, path and body.
    fingerprint bytea not null check (octet_length(fingerprint) = 32),
    -- What was answered: count, first, last, and of up to 1,000 events id, position, stream and version.
    receipt jsonb not null,
    created_at timestamptz not null default clock_timestamp(),
    primary key (actor, key)
);

create trigger ledger_refuse before update or delete or truncate on idempotency_keys
    for each statement execute function ledger_refuse();

revoke all on idempotency_keys from public;
grant select, insert on idempotency_keys to daybook_service;
