-- What two databases are compared by.

-- name: tables
-- The tables of the schema `public`, and of any other that is not the server's own with its schema before it.
select case when nspname = 'public' then relname else nspname || '.' || relname end
from pg_class join pg_namespace on pg_namespace.oid = relnamespace
where relkind in ('r', 'p', 'm') and nspname <> 'information_schema' and nspname not like 'pg\_%'
order by 1

-- name: key
-- The columns of a table's primary key in their order, and whether each holds text.
select attname, atttypid = any('{text, varchar, bpchar, name}'::regtype[])
from pg_index join pg_attribute on attrelid = indrelid and attnum = any(indkey)
where indisprimary and indrelid = to_regclass(%s)
order by array_position(indkey::int2[], attnum)
