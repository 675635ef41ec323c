-- Every stored event, as verification reads it.

-- name: blocks
-- The events of whole blocks of the tree, one row a block: joining in PostgreSQL costs less than a row for each event does
-- on either side.
select block.number, joined.*
from generate_series(%s::bigint, %s::bigint) as block (number)
cross join lateral (
    select
        string_agg(int8send(notification_id), ''::bytea),
        string_agg(int8send(originator_version), ''::bytea),
        string_agg(timestamptz_send(recorded_at), ''::bytea),
        string_agg(originator_id, E'\n'),
        string_agg(topic, E'\n'),
        string_agg(event_id, E'\n'),
        string_agg(state, '\x0a'::bytea)
    from (
        select notification_id, originator_version, recorded_at, originator_id, topic, event_id, state
        from public.ledger_events
        where notification_id > block.number * 256 and notification_id <= block.number * 256 + 256
        order by notification_id
    ) as event
) as joined

-- name: rows
-- Events after a position up to another, one row each, those with faults among them.
select notification_id, originator_version, timestamptz_send(recorded_at), originator_id, topic, event_id, state
from public.ledger_events
where notification_id > %s and notification_id <= %s
order by notification_id, event_id
