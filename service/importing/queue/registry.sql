-- The imports of a ledger in PostgreSQL. Each block is one statement. An import is open while it waits or runs.

-- name: lock
-- Only one transaction at a time adds an import, takes one up or calls one off.
select pg_advisory_xact_lock(%(lock)s)

-- name: notify
-- Wakes every service on this database, at the end of the transaction.
select pg_notify(%(channel)s, '')

-- name: columns
-- What is read of an import.
id, place, file, wish::text as wish, actor, sha256, size_bytes, created_at, one.state, called_off, started_at, finished_at,
deaths, rows, done, recorded, replayed, rejected, rows_per_s, outcome::text as outcome, listed::text as listed, pruned

-- name: is-open
-- Whether it waits or runs: the words of the index over these.
state in ('queued', 'running', 'interrupted')

-- name: find
-- One import.
select
    {columns}
from imports as one
where id = %(id)s

-- name: page
-- The imports in some states, the latest first, before a place: of each state so many are looked at as fit on a page.
select
    {columns}
from unnest(%(states)s::text[]) as asked (state)
cross join lateral (
    select * from imports
    where imports.state = asked.state and imports.place < %(before)s
    order by imports.place desc
    limit %(limit)s
) as one
order by place desc
limit %(limit)s

-- name: same
-- Imports that are open and not called off, of a file with the same bytes; the first to come first.
select id, wish::text as wish
from imports
where {is-open} and not called_off and sha256 = %(sha256)s
order by place

-- name: open
-- How many imports are open, how many of them wait, how many no service runs any longer that did, and whether another
-- service runs one.
select
    count(*) as open,
    count(*) filter (where state <> 'running') as waiting,
    count(*) filter (where leased_until <= clock_timestamp()) as orphaned,
    coalesce(bool_or(lease <> %(lease)s and leased_until > clock_timestamp()), false) as elsewhere
from imports
where {is-open}

-- name: add
-- A file that has come, at the end of the queue.
insert into imports (id, file, wish, mapping, actor, sha256, size_bytes, keyed)
values (%(id)s, %(file)s, %(wish)s, %(mapping)s, %(actor)s, %(sha256)s, %(size_bytes)s, %(keyed)s)

-- name: key
-- An import for which another idempotency key stands from now on.
update imports set keyed = true where id = %(id)s

-- name: change
-- The import that is to be called off, which does not change meanwhile.
select state from imports where id = %(id)s for update

-- name: call-off
-- An import that runs is to end after the batch at hand.
update imports set called_off = true where id = %(id)s

-- name: first
-- The open import that came first, and whether another service was running it as it died.
select id, called_off, state = 'running' and lease <> %(lease)s as orphaned
from imports
where {is-open}
order by place
limit 1

-- name: died
-- An import during which a service died.
update imports set deaths = deaths + 1 where id = %(id)s returning deaths

-- name: begin
-- An import is run from its beginning, by the service that has the lease.
update imports
set
    state = 'running',
    started_at = clock_timestamp(),
    lease = %(lease)s,
    leased_until = clock_timestamp() + make_interval(secs => %(lease_s)s),
    rows = 0,
    done = 0,
    recorded = 0,
    replayed = 0,
    rejected = 0,
    rows_per_s = null,
    outcome = '{}',
    listed = '{}'
where id = %(id)s

-- name: renew
-- The service that runs an import is still there.
update imports
set leased_until = clock_timestamp() + make_interval(secs => %(lease_s)s)
where id = %(id)s and lease = %(lease)s
returning called_off

-- name: progress
-- How far an import is, as the service says that runs it.
update imports
set
    leased_until = clock_timestamp() + make_interval(secs => %(lease_s)s),
    rows = %(rows)s,
    done = %(done)s,
    recorded = %(recorded)s,
    replayed = %(replayed)s,
    rejected = %(rejected)s,
    rows_per_s = %(rows_per_s)s,
    outcome = %(outcome)s,
    listed = %(listed)s
where id = %(id)s and lease = %(lease)s
returning called_off

-- name: put-back
-- An import that broke off waits to be run again from its beginning.
update imports
set state = 'interrupted', lease = null, leased_until = null
where id = %(id)s and lease = %(lease)s

-- name: end
-- How an import ended, as the service says that ran it.
update imports
set state = %(state)s, finished_at = clock_timestamp(), lease = null, leased_until = null, mapping = null
where id = %(id)s and lease = %(lease)s

-- name: give-up
-- How an import ended that no service runs any longer.
update imports
set
    state = %(state)s,
    outcome = %(outcome)s,
    finished_at = clock_timestamp(),
    lease = null,
    leased_until = null,
    mapping = null
where id = %(id)s and {is-open}

-- name: remove-ended
-- Imports that ended so long ago, unless an idempotency key stands for them.
delete from imports
where not keyed and not pruned and finished_at < clock_timestamp() - make_interval(secs => %(kept_s)s)

-- name: prune-ended
-- Of those for which a key stands what is long: their faults, remarks and rejects.
with old as (
    update imports
    set
        pruned = true,
        listed = '{}'
    where keyed and not pruned and finished_at < clock_timestamp() - make_interval(secs => %(kept_s)s)
    returning id
)
delete from import_parts where import in (select id from old)

-- name: take-over
-- An import that an earlier version kept in a folder, at its place among the others.
insert into imports (
    id, file, wish, mapping, actor, sha256, size_bytes, created_at, keyed, state, started_at, finished_at, deaths, rows,
    done, recorded, replayed, rejected, rows_per_s, outcome, listed
)
values (
    %(id)s, %(file)s, %(wish)s, %(mapping)s, %(actor)s, %(sha256)s, %(size_bytes)s, %(created_at)s, %(keyed)s, %(state)s,
    %(started_at)s, %(finished_at)s, %(deaths)s, %(rows)s, %(done)s, %(recorded)s, %(replayed)s, %(rejected)s,
    %(rows_per_s)s, %(outcome)s, %(listed)s
)
on conflict (id) do nothing
returning id

-- name: mapping
-- The mapping that an import reads its file by.
select mapping from imports where id = %(id)s

-- name: part
-- One part of a file.
select content from import_parts where import = %(id)s and kind = %(kind)s and number = %(number)s

-- name: sizes
-- How long each part of a file is, in order.
select number, octet_length(content) as size_bytes
from import_parts
where import = %(id)s and kind = %(kind)s
order by number

-- name: reject
-- A further part of what an import leaves out, where the service still runs it.
insert into import_parts (import, kind, number, content)
select id, 'rejects', %(number)s, %(content)s from imports where id = %(id)s and lease = %(lease)s

-- name: remove
-- The parts of a file that is no longer needed.
delete from import_parts where import = %(id)s and kind = %(kind)s
