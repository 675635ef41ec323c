-- Webhooks: who is told of new events, and how far each has been told. Unlike the ledger they change.

create table webhooks (
    id text collate "C" primary key,
    url text not null check (url <> ''),
    -- Signs what is sent; it has to be kept as it is, since it signs anew each time.
    secret text not null,
    -- The secret before, which signs as well until then; null: there is none.
    former_secret text,
    former_until timestamptz,
    -- Empty: all.
    types text[] not null default '{}',
    streams text[] not null default '{}',
    created_at timestamptz not null default clock_timestamp(),
    status text not null default 'active' check (status in ('active', 'paused', 'disabled')),
    -- Everything up to here was delivered, or is not wanted.
    position bigint not null check (position >= 0),
    -- Attempts that failed since the last delivery.
    failures integer not null default 0,
    -- null: at once
    retry_at timestamptz,
    last_error text,
    last_delivered_at timestamptz,
    -- Which worker delivers just now, and until when nobody else may; null: nobody does.
    lease text,
    leased_until timestamptz,
    check ((former_secret is null) = (former_until is null)),
    check ((lease is null) = (leased_until is null))
);

revoke all on webhooks from public;
grant select, insert, update, delete on webhooks to daybook_service;
