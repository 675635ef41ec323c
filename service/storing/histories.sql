-- Streams of a ledger as it was at a position.

-- name: version
-- The version of a stream's last event.
select originator_version
from ledger_events
where originator_id = %s and notification_id <= %s
order by originator_version desc
limit 1

-- name: last-recorded
-- Where and when a stream's last event was recorded.
select notification_id, recorded_at
from ledger_events
where originator_id = %s and notification_id <= %s
order by originator_version desc
limit 1
