-- Access tokens: only the SHA-256 digest of each is kept. Unlike the ledger they change: they are used and revoked.

create table access_tokens (
    -- The public part of the token, by which it is found.
    id text collate "C" primary key,
    digest bytea not null unique check (octet_length(digest) = 32),
    -- What its owner calls it.
    name text not null check (name <> ''),
    role text not null check (role in ('viewer', 'recorder', 'auditor', 'admin')),
    created_at timestamptz not null default clock_timestamp(),
    -- null: never
    expires_at timestamptz,
    -- null: not used yet; kept to the minute
    last_used_at timestamptz,
    -- null: in force
    revoked_at timestamptz
);

revoke all on access_tokens from public;
grant select, insert on access_tokens to daybook_service;
grant update (last_used_at, revoked_at) on access_tokens to daybook_service;
