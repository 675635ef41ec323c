-- What roles are, and what they may do.

-- name: owners
-- Who owns these tables and is, or can become, the role that logged in.
select distinct pg_get_userbyid(relowner)
from pg_class
where oid = any(%s::regclass[]) and pg_has_role(session_user, relowner, 'member')

-- name: memberships
-- Of which of these roles it is a member.
select rolname from pg_roles where rolname = any(%s) and pg_has_role(session_user, oid, 'member') order by 1

-- name: may-make
-- What it may make.
select what
from (
    values
        ('temporary objects', has_database_privilege(session_user, current_database(), 'TEMP')),
        ('schemas', has_database_privilege(session_user, current_database(), 'CREATE')),
        ('objects in the schema public', has_schema_privilege(session_user, 'public', 'CREATE'))
) as may (what, able)
where able
