-- Webhooks: how far each has been delivered to, and who delivers to it just now.

-- name: columns
-- What is read of a webhook.
id, url, secret, former_secret, former_until, types, streams, created_at, status, position, failures, retry_at,
last_error, last_delivered_at

-- name: due
-- Whether there is something to deliver, and no other worker does it.
status = 'active'
and position < (select position from ledger_head)
and (retry_at is null or retry_at <= clock_timestamp())
and (leased_until is null or leased_until < clock_timestamp() or lease = %(lease)s)

-- name: create
-- A new webhook, which has everything up to a position.
insert into webhooks (id, url, secret, types, streams, position) values (%s, %s, %s, %s, %s, %s)

-- name: all
-- Every webhook, in the order in which they were made.
select {columns} from webhooks order by created_at, id

-- name: one
-- A webhook by its id.
select {columns} from webhooks where id = %s

-- name: set-status
-- Pauses a webhook, or lets it go on where it was, as if nothing had failed.
update webhooks
set status = %s, failures = 0, retry_at = null, lease = null, leased_until = null
where id = %s
returning {columns}

-- name: set-back
-- Has a webhook begin again behind a position; a delivery under way is given up.
update webhooks
set
    position = %s, status = 'active', failures = 0, retry_at = null, last_error = null, lease = null,
    leased_until = null
where id = %s
returning {columns}

-- name: rotate
-- Gives a webhook a new secret, and keeps the one before for some hours.
update webhooks
set
    former_secret = secret, secret = %s,
    former_until = clock_timestamp() + make_interval(hours => %s)
where id = %s
returning {columns}

-- name: remove
-- Removes a webhook.
delete from webhooks where id = %s returning {columns}

-- name: claimable
-- The webhooks that a worker may claim.
select id, url from webhooks where {due} order by id

-- name: claim
-- Leases some of them to a worker.
update webhooks
set lease = %(new_lease)s, leased_until = clock_timestamp() + make_interval(secs => %(lease_s)s)
where
    id in (
        select id
        from webhooks
        where {due} and (%(among)s::text[] is null or id = any(%(among)s))
        order by id
        limit %(limit)s
        for update skip locked
    )
returning {columns}

-- name: delivered
-- Everything up to a position is dealt with; the lease holds on.
update webhooks
set
    position = greatest(position, %s), failures = 0, retry_at = null, last_error = null,
    last_delivered_at = case when %s then clock_timestamp() else last_delivered_at end,
    leased_until = clock_timestamp() + make_interval(secs => %s)
where id = %s and lease = %s

-- name: failed
-- An attempt failed: the next is made after so many seconds, or, without, never.
update webhooks
set
    failures = failures + 1, last_error = %s, lease = null, leased_until = null,
    status = case when %s::float8 is null then 'disabled' else status end,
    retry_at = clock_timestamp() + make_interval(secs => %s)
where id = %s and lease = %s

-- name: release
-- Gives a lease back.
update webhooks set lease = null, leased_until = null where id = %s and lease = %s
