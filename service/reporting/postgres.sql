-- Publishing reports, and who may read them.

-- name: patience
-- Another who publishes may take minutes; the views that are read meanwhile, too.
set local lock_timeout = '30min'; set local idle_in_transaction_session_timeout = 0; set local statement_timeout = 0

-- name: lock
-- One publishes at a time, until its transaction ends: "reports" as seven ASCII bytes.
select pg_advisory_xact_lock(32199680925529203)

-- name: published
-- What is published, as text.
select position::text, effective_on::text, known_on::text, currency, months::text, buyers, made_by
from reporting.published

-- name: role
-- Whether there is a role.
select from pg_roles where rolname = %s

-- name: readable-besides
-- What of this database's own schemas a role may read besides the reports.
select oid::regclass
from pg_class
where
    relkind in ('r', 'p', 'v', 'm', 'S', 'f')
    and relnamespace not in (
        select oid from pg_namespace
        where nspname in ('reporting', 'information_schema') or starts_with(nspname, 'pg_')
    )
    and case relkind
        when 'S' then has_sequence_privilege(%(role)s, oid, 'select')
        else has_table_privilege(%(role)s, oid, 'select') or has_any_column_privilege(%(role)s, oid, 'select')
    end
order by 1
