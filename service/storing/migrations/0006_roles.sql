-- What the service's role could have made or called besides adding to the ledger, it no longer can.

-- Names are looked for in the temporary schema first unless it is named last: a type made there, called as one that a
-- function of the owner's uses, would have run its maker's code as the owner.
alter function ledger_lock() set search_path = pg_catalog, pg_temp;
alter function ledger_extend() set search_path = pg_catalog, pg_temp;
alter function log_extend() set search_path = pg_catalog, pg_temp;
alter function ledger_refuse() set search_path = pg_catalog, pg_temp;
revoke all on function ledger_extend(), ledger_refuse(), log_extend() from public;

-- A database that was made by PostgreSQL 14 or earlier lets everybody make tables.
do $$
begin
    if has_schema_privilege('daybook_service', 'public', 'create') then
        revoke create on schema public from public;
    end if;
end
$$;

-- Large objects are nobody's business here; their functions are a superuser's to close.
do $$
declare
    large record;
begin
    if (select rolsuper from pg_roles where rolname = current_user) then
        for large in
            select oid::regprocedure as name from pg_proc
            where pronamespace = 'pg_catalog'::regnamespace and prokind = 'f'
                and proname in ('lo_creat', 'lo_create', 'lo_from_bytea', 'lo_open', 'lo_put', 'lowrite', 'lo_truncate',
                    'lo_truncate64', 'lo_unlink')
        loop
            execute format('revoke execute on function %s from public', large.name);
        end loop;
    end if;
end
$$;

-- The service sees whether it knows the schema, without the owner.
revoke all on ledger_migrations from public;
grant select on ledger_migrations to daybook_service;

-- A token that was revoked stays so.
create function access_tokens_final() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    raise exception 'the token % was revoked at %, which is final', old.id, old.revoked_at
        using errcode = 'insufficient_privilege';
end
$$;

revoke all on function access_tokens_final() from public;

create trigger access_tokens_final before update on access_tokens
    for each row when (old.revoked_at is not null and new.revoked_at is distinct from old.revoked_at)
    execute function access_tokens_final();
