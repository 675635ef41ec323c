-- name: organizations
-- All organisations as of a moment, or one, each as its own record has it; same_as: the one that the record stands for
-- (rule 59), whose ultimate parent is the record's.
with record as materialized (
    from records_as_of($known_on, $position)
)
select
    term.word as organization_id,
    organization.name,
    organization.names::varchar as names,
    country.word as country,
    parent.word as parent_id,
    coalesce(ultimate.word, same_as.word, term.word) as ultimate_parent_id,
    same_as.word as same_as,
    organization.identifiers::varchar as identifiers,
    strftime(organization.registered_on, '%Y-%m-%d') as registered_on
from organizations_as_of($effective_on, $known_on, $position) as organization
join term on term.number = organization.organization
left join term as country on country.number = organization.country
left join term as parent on parent.number = organization.parent
left join record on record.record = organization.organization
left join term as same_as on same_as.number = record.organization
left join families_as_of($effective_on, $known_on, $position) as family
    on family.organization = coalesce(record.organization, organization.organization)
left join term as ultimate on ultimate.number = family.family
where $only is null or term.word = $only
order by term.word

-- name: told-apart
-- The ids of the notes that two organisations are not one (domain.duplicates) which are visible at a moment.
select event.id
from annotation
join event on event.position = annotation.position
where starts_with(event.id, $beginning)
    and was_known(annotation.position, annotation.known_on, $known_on, $position)
    and annotation.position not in (from retracted($known_on, $position))
