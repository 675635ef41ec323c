-- Ledgers that were made on the first day of all took in rows that go back in time among themselves: whoever made the
-- ledger, its head is extended by the same rule.
create or replace function ledger_extend() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    head public.ledger_head%rowtype;
    lowest bigint;
    highest bigint;
    many bigint;
    earliest timestamptz;
    latest timestamptz;
    forward boolean;
begin
    select min(notification_id), max(notification_id), count(*), min(recorded_at), max(recorded_at),
        bool_and(recorded_at > before)
        into lowest, highest, many, earliest, latest, forward
        from (
            select notification_id, recorded_at, lag(recorded_at) over (order by notification_id) as before from added
        ) as ordered;
    if many = 0 then
        return null;
    end if;
    select * into head from public.ledger_head for update;
    if lowest <> head.position + 1 or highest <> head.position + many then
        raise exception 'positions % to % do not continue the head at %', lowest, highest, head.position
            using errcode = 'integrity_constraint_violation';
    end if;
    if earliest <= head.recorded_at then
        raise exception 'recorded_at % is not after the head''s, %', earliest, head.recorded_at
            using errcode = 'integrity_constraint_violation';
    end if;
    if not forward then
        raise exception 'recorded_at does not move forward from % to %', lowest, highest
            using errcode = 'integrity_constraint_violation';
    end if;
    update public.ledger_head set position = highest, recorded_at = latest;
    return null;
end
$$;
