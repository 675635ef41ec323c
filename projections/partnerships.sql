-- name: partnerships
-- All partnerships as of a moment, or one, or those of one party. Forming and ending speak of the same thing: the last
-- of them wins (docs/semantics.md, rule 5).
with known as (
    select
        partnership_id,
        arg_max(parties, (ends_on, known_on, position)) filter (parties is not null) as parties,
        arg_max(kind, (ends_on, known_on, position)) filter (kind is not null) as kind,
        arg_max(scope, (ends_on, known_on, position)) filter (scope is not null) as scope,
        arg_max(type, (ends_on, known_on, position)) filter (type <> 'partnership-changed') = 'partnership-ended'
            as ended,
        arg_max(ends_on, (ends_on, known_on, position)) filter (type = 'partnership-formed') as since,
        arg_max(ends_on, (ends_on, known_on, position)) filter (type = 'partnership-ended') as ended_on,
        arg_max(reason, (ends_on, known_on, position)) filter (type = 'partnership-ended') as reason
    from partnership_fact
    where
        counts(position, known_on, ends_on, $effective_on, $known_on, $position)
        and ($only is null or partnership_id = $only)
    group by partnership_id
)
select
    partnership_id,
    parties,
    kind,
    scope,
    if(ended, 'ended', 'formed') as status,
    strftime(since, '%Y-%m-%d') as since,
    if(ended, strftime(ended_on, '%Y-%m-%d'), null) as ended_on,
    if(ended, reason, null) as reason
from known
where since is not null and ($party is null or list_contains(parties, $party))
order by partnership_id
