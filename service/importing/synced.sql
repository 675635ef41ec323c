-- Which extracts were synced, and which orders a mapping has had a part in (synced.py).

-- name: last
-- The last extract of a scope.
select as_of, sha256 from extracts where mapping = %(mapping)s and scope = %(scope)s

-- name: keep
-- Remember an extract, unless a later one of its scope is remembered.
insert into extracts (mapping, scope, as_of, sha256)
values (%(mapping)s, %(scope)s, %(as_of)s, %(sha256)s)
on conflict (mapping, scope) do update set
    as_of = excluded.as_of, sha256 = excluded.sha256, synced_at = clock_timestamp()
where extracts.as_of <= excluded.as_of

-- name: forget
-- Remember no extract of a scope.
delete from extracts where mapping = %(mapping)s and scope = %(scope)s and sha256 = %(sha256)s

-- name: orders
-- Ids of events behind one, of those that begin with a mapping's name and are about orders, with their streams.
select event_id, originator_id
from ledger_events
where event_id > %(after)s and event_id < %(end)s and originator_id >= 'order/' and originator_id < 'order0'
order by event_id
limit %(most)s

-- name: correlated
-- The last day of an extract that events of a mapping say they were recorded by; for ledgers that were made again from
-- their events alone.
select max(split_part(correlation, ':', 3)) as as_of
from (
    select convert_from(state, 'UTF8')::json ->> 'correlation_id' as correlation
    from ledger_events
    where event_id > %(after)s and event_id < %(end)s
) as told
where starts_with(correlation, %(beginning)s) and split_part(correlation, ':', 4) = %(scope)s
