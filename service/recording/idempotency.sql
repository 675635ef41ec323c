-- Idempotency keys.

-- name: recall
-- What is recorded under keys, by actor and key.
select actor, key, fingerprint, receipt::text
from idempotency_keys join unnest(%b::text[], %b::text[]) as asked (actor, key) using (actor, key)

-- name: keep
-- What became of requests, but for keys that are there already.
insert into idempotency_keys (actor, key, fingerprint, receipt)
select actor, key, fingerprint, receipt::jsonb
from unnest(%b::text[], %b::text[], %b::bytea[], %b::text[]) as made (actor, key, fingerprint, receipt)
on conflict do nothing
