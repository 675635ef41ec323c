-- What is restored besides the events.

-- name: count-checkpoints
-- How many checkpoints were ever issued.
select count(*) as issued from log_checkpoints

-- name: add-tiles
-- Hashes of the tree, given by columns.
insert into log_tiles (level, number, start, hashes)
select * from unnest(%b::smallint[], %b::bigint[], %b::smallint[], %b::bytea[])

-- name: add-checkpoint
-- A checkpoint as it was issued.
insert into log_checkpoints (size, root, issued_at, note) values (%s, %s, %s, %s)

-- name: add-cosignature
-- A cosignature as it was received.
insert into log_cosignatures (size, line, received_at) values (%s, %s, %s)
