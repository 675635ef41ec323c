-- Access tokens: of each the digest of its text, never the text.

-- name: columns
-- What is read of a token.
id, digest, name, role, created_at, expires_at, last_used_at, revoked_at

-- name: create
-- A new token.
insert into access_tokens (id, digest, name, role, expires_at) values (%s, %s, %s, %s, %s) returning {columns}

-- name: all
-- Every token, in the order in which they were made.
select {columns} from access_tokens order by created_at, id

-- name: revoke
-- Revokes a token; one that was revoked before stays as it is.
update access_tokens set revoked_at = coalesce(revoked_at, clock_timestamp()) where id = %s returning {columns}

-- name: one
-- A token by its id.
select {columns} from access_tokens where id = %s

-- name: note-use
-- A token was used just now.
update access_tokens set last_used_at = clock_timestamp() where id = %s
