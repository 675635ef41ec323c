-- How the work of the service goes.

-- name: look
-- Everything that is asked of the database, at once: single rows by their keys, and the webhooks.
select head.position, head.recorded_at, clock_timestamp() as clock,
    pg_is_in_recovery() or current_setting('default_transaction_read_only')::boolean as shut,
    last.size, last.issued_at, deliveries.waiting, deliveries.failing, deliveries.disabled, failed.last_error,
    (select extract(epoch from clock_timestamp() - recorded_at)::float8 from ledger_events
        where notification_id = deliveries.furthest + 1) as oldest_s,
    (select extract(epoch from clock_timestamp() - recorded_at)::float8 from ledger_events
        where notification_id = %(viewed)s + 1) as unviewed_s
from ledger_head as head
left join lateral (select size, issued_at from log_checkpoints order by size desc limit 1) as last on true
cross join lateral (
    select count(*) filter (where position < head.position) as waiting, count(*) filter (where failures > 0) as failing,
        min(position) filter (where position < head.position) as furthest,
        (select count(*) from webhooks where status = 'disabled') as disabled
    from webhooks where status = 'active'
) as deliveries
left join lateral (
    select last_error from webhooks where status = 'disabled' or (status = 'active' and failures > 0)
    order by status, position, id limit 1
) as failed on true
