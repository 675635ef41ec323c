-- The temporary database in which releases are put in order (spool.py), in SQLite.

-- name: tables
-- Releases, their processes in the order of the file, and what they say of organisations.
create table releases (
    ocid text not null, published_at text not null, number integer primary key, release_id text not null,
    line integer not null, pointer text not null, whole integer not null, digest text not null, content text not null
);
create unique index releases_once on releases (ocid, release_id, whole, published_at);
create index releases_in_order on releases (ocid, published_at, number);
create table processes (ocid text primary key, number integer not null);
create table bearers (name text not null, key text not null, primary key (name, key)) without rowid;
create table organizations (
    key text primary key, name text, country text, first_on text not null, known_on text not null
) without rowid;

-- name: known
-- A release that is there already; a compiled one may keep its id whenever it is compiled anew.
select line, pointer, digest
from releases
where ocid = ? and release_id = ? and whole = ? and (not whole or published_at = ?)

-- name: add
-- A release, as it came.
insert into releases (ocid, published_at, release_id, line, pointer, whole, digest, content)
values (?, ?, ?, ?, ?, ?, ?, ?)

-- name: process
-- The process of a release, at the place of the first.
insert or ignore into processes values (?, ?)

-- name: organization
-- What a release says of an organisation, added to what others do.
insert into organizations
values (?, ?, ?, ?, ?)
on conflict (key) do update set
    name = coalesce(name, excluded.name),
    country = coalesce(country, excluded.country),
    first_on = min(first_on, excluded.first_on),
    known_on = min(known_on, excluded.known_on)

-- name: bearer
-- A name that an organisation bears.
insert or ignore into bearers values (?, ?)

-- name: bearers
-- Who bears a name, of one kind of key: one more than one is enough to know, a name may be borne by thousands.
select key from bearers where name = ? and key >= ? and key < ? limit 2

-- name: facts
-- What the file says of an organisation.
select name, country, first_on, known_on from organizations where key = ?

-- name: processes
-- The processes in the order of the file.
select ocid from processes order by number

-- name: releases
-- The releases of a process by date, those of one instant by id.
select line, pointer, release_id, published_at, whole, content
from releases
where ocid = ?
order by published_at, release_id, number
