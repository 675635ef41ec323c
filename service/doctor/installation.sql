-- What the doctor asks a ledger's database.

-- name: able
-- What the service's role may do to tables that only grow, besides adding to them.
select tables.name, privilege
from unnest(%s::text[]) as tables(name), unnest(array['UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER']) as privilege
where has_table_privilege(%s, tables.name, privilege)
    or privilege = 'UPDATE' and has_any_column_privilege(%s, tables.name, privilege)
order by 1, 2

-- name: disabled-triggers
-- Triggers of these tables that do not fire.
select tgrelid::regclass::text, tgname
from pg_trigger
where not tgisinternal and tgenabled <> 'O' and tgrelid = any(%s::text[]::regclass[])
order by 1, 2

-- name: end
-- Where the head is, where the last event is, and how many events there are, up to a thousand.
select
    (select position from ledger_head),
    (select max(notification_id) from ledger_events),
    (select count(*) from (select from ledger_events order by notification_id desc limit 1000) as last)

-- name: log
-- Where the head is, how many events the last checkpoint covers, and its note.
select
    position,
    (select max(size) from log_checkpoints),
    (select note from log_checkpoints order by size desc limit 1)
from ledger_head

-- name: webhooks
-- How many have something to be sent, how many fail, how many were given up, and for how many seconds the first event
-- has waited that one has not taken.
with active as (select * from webhooks where status = 'active'), head as (select position from ledger_head)
select
    (select count(*) from active, head where active.position < head.position),
    (select count(*) from active where failures > 0),
    (select count(*) from webhooks where status = 'disabled'),
    (
        select extract(epoch from clock_timestamp() - recorded_at)::float8
        from ledger_events
        where notification_id = (
            select min(active.position) + 1 from active, head where active.position < head.position
        )
    )

-- name: imports
-- How many imports wait, and how many run.
select count(*) filter (where state <> 'running'), count(*) filter (where state = 'running')
from imports
where state in ('queued', 'running', 'interrupted')

-- name: tokens
-- How many tokens are in force, and how many of them for less than two weeks.
select count(*), count(*) filter (where expires_at < now() + interval '14 days')
from access_tokens
where revoked_at is null and (expires_at is null or expires_at > now())
