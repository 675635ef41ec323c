-- How events are appended.

-- name: insert
-- A few events, given in columns; who listens is notified when the transaction commits.
with inserted as (
    insert into ledger_events
        (notification_id, originator_id, originator_version, topic, event_id, recorded_at, state)
    select *
    from unnest(%b::bigint[], %b::text[], %b::bigint[], %b::text[], %b::text[], %b::timestamptz[], %b::bytea[])
)
select pg_notify(%b, '')

-- name: copy
-- Many events, as rows of binary COPY.
copy ledger_events (notification_id, originator_id, originator_version, topic, event_id, recorded_at, state)
from stdin (format binary)
