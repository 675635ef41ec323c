-- Events as they are stored.

-- name: rehearsal
-- An event that is appended, and rolled back.
insert into ledger_events (notification_id, originator_id, originator_version, topic, event_id, recorded_at, state)
values (%s, %s, %s, %s, %s, %s, %s)

-- name: spill
-- A megabyte that has to be written to the disk, and is gone with the statement: freed pages are no room.
select count(*)
from (
    select repeat(md5(number::text), 32) as text from generate_series(1, 1024) as number order by text offset 0
) as sorted

-- name: by-ids
-- Events by their ids.
select event_id, state from ledger_events where event_id = any(%s)

-- name: by-streams
-- All events of streams, in the order of their versions.
select originator_id, state from ledger_events where originator_id = any(%s) order by originator_id, originator_version

-- name: orders-between
-- The streams of orders of which something was recorded behind one position and up to another, after one of them.
select distinct originator_id
from ledger_events
where notification_id > %s and notification_id <= %s and originator_id like 'order/%%' and originator_id > %s
order by originator_id
limit %s

-- name: position-at
-- The last position that was recorded before an instant.
select coalesce(max(notification_id), 0) from ledger_events where recorded_at < %s
