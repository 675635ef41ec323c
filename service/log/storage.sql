-- The stored log: its tiles, its checkpoints and their cosignatures.

-- name: latest
-- The last checkpoint.
select size, root, issued_at, note from log_checkpoints order by size desc limit 1

-- name: issued
-- The checkpoint of a size.
select size, root, issued_at, note from log_checkpoints where size = %s

-- name: first-covering
-- The smallest checkpoint that covers a position.
select size, root, issued_at, note from log_checkpoints where size >= %s order by size limit 1

-- name: tile
-- The hashes of a tile, in the pieces in which they came.
select start, hashes from log_tiles where level = %s and number = %s order by start

-- name: cosignatures
-- The signature lines of a checkpoint, the oldest first.
select line from log_cosignatures where size = %s order by received_at, line

-- name: cosigned
-- Every signature line, that of the largest checkpoint first.
select size, line from log_cosignatures order by size desc, received_at desc

-- name: add-cosignature
-- A signature line of a checkpoint; one that is there already stays as it is.
insert into log_cosignatures (size, line) values (%s, %s) on conflict do nothing

-- name: publish-alone
-- Whether this transaction is the one that publishes.
select pg_try_advisory_xact_lock(%s)

-- name: add-tiles
-- What a larger tree has more, given by columns.
insert into log_tiles (level, number, start, hashes)
select * from unnest(%b::smallint[], %b::bigint[], %b::smallint[], %b::bytea[])

-- name: add-checkpoint
-- A checkpoint, issued now.
insert into log_checkpoints (size, root, note) values (%b, %b, %b)
