-- Extracts: which was the last that said how things stand, of each scope of each mapping. What an extract made the ledger
-- record is in the ledger; that it was looked at is here, too, since one may record nothing.

create table extracts (
    -- The mapping's own name.
    mapping text collate "C" not null,
    -- What tells the scopes of a mapping apart; empty: it declares none.
    scope text collate "C" not null,
    as_of date not null,
    -- Of the file, in hexadecimal.
    sha256 text not null,
    synced_at timestamptz not null default clock_timestamp(),
    primary key (mapping, scope)
);

revoke all on extracts from public;
grant select, insert, update, delete on extracts to daybook_service;
