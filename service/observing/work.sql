-- How the work of the service goes: of each kind a question of its own, of single rows by their keys.

-- name: bounded
-- A transaction waits no longer than this for a lock, and its statements end soon.
select set_config('lock_timeout', %(patience)s, true), set_config('statement_timeout', %(longest)s, true)

-- name: writing
-- Where the head is, and whether the database takes anything in.
select position, recorded_at, clock_timestamp() as clock,
    pg_is_in_recovery() or current_setting('default_transaction_read_only')::boolean as shut
from ledger_head

-- name: views
-- For how long the first event has been recorded that the views do not know.
select extract(epoch from clock_timestamp() - recorded_at)::float8 as unviewed_s
from ledger_events
where notification_id = %(viewed)s + 1

-- name: checkpoints
-- The last one.
select size, issued_at
from log_checkpoints
order by size desc
limit 1

-- name: webhooks
-- How many have something to be sent, fail and were given up; the last error of one of these; and for how long the
-- first event has been recorded that was not sent.
select deliveries.waiting, deliveries.failing, deliveries.disabled, failed.last_error,
    (select extract(epoch from clock_timestamp() - recorded_at)::float8 from ledger_events
        where notification_id = deliveries.furthest + 1) as oldest_s
from (
    select count(*) filter (where position < head) as waiting, count(*) filter (where failures > 0) as failing,
        min(position) filter (where position < head) as furthest,
        (select count(*) from webhooks where status = 'disabled') as disabled
    from webhooks, (select position as head from ledger_head) as head
    where status = 'active'
) as deliveries
left join lateral (
    select last_error from webhooks where status = 'disabled' or (status = 'active' and failures > 0)
    order by status, position, id limit 1
) as failed on true
