-- The stored log and the ends of the ledger, as verification reads them.

-- name: identity
-- Every ledger that the database says it holds.
select origin, created_at from public.ledger_identity

-- name: has-log
-- Whether the schema has a log.
select to_regclass('public.log_checkpoints') is not null

-- name: heads
-- Every row that says where the ledger ends.
select position, timestamptz_send(recorded_at) from public.ledger_head

-- name: last-event
-- The event with the highest position.
select notification_id, timestamptz_send(recorded_at)
from public.ledger_events
where notification_id >= 1
order by notification_id desc
limit 1

-- name: without-position
-- How many events have no position.
select count(*) from public.ledger_events where notification_id is null

-- name: below-first
-- How many events have a position below 1.
select count(*) from public.ledger_events where notification_id < 1

-- name: next-event
-- The first position after one.
select min(notification_id) from public.ledger_events where notification_id > %s

-- name: next-tile
-- The first tile of hashes from a number on.
select min(number) from public.log_tiles where level = 0 and number >= %s

-- name: tiles
-- The tiles of a level between two numbers, both included, in the pieces in which they came.
select number, start, hashes
from public.log_tiles
where level = %s and number >= %s and number <= %s
order by number, start

-- name: upper-tiles
-- Every tile that is not of hashes of events, and those with numbers that no tile has.
select distinct level, number from public.log_tiles where level <> 0 or number < 0

-- name: checkpoints
-- The checkpoints of sizes beyond one, up to another.
select size, root, note from public.log_checkpoints where size > %s and size <= %s order by size

-- name: largest-checkpoint
-- The size of the largest checkpoint.
select max(size) from public.log_checkpoints

-- name: cosignatures
-- Every cosignature, and whether there is a checkpoint of its size.
select cosigned.size, cosigned.line, issued.size is not null
from public.log_cosignatures as cosigned
left join public.log_checkpoints as issued using (size)
order by cosigned.size, cosigned.line

-- name: state
-- The bytes at a position.
select state from public.ledger_events where notification_id = %s limit 1
