-- What was ever said of the organisations and products that purchases are of, as known by K and recorded by P, whatever
-- its day: in the order in which the latest is last (rule 5). Things are given as term numbers.

-- name: visible
-- Whether an event is visible, whatever its day.
was_known(position, known_on, $known_on, $position) and position not in (from retracted($known_on, $position))

-- name: records
-- Records, each with the organisation that it stands for (rule 59), as numbers and as ids.
select joined.record, joined.organization, record.word as record_id, organization.word as organization_id
from records_as_of($known_on, $position) as joined
join term as record on record.number = joined.record
join term as organization on organization.number = joined.organization

-- name: organizations
-- What is said of some organisations' countries and parents; $organizations: null for all of them.
select
    fact.organization, fact.ends_on, country.word as country, fact.says_parent, fact.parent
from (
    from organization_fact
    where
        ($organizations is null or organization in (select unnest($organizations::integer[])))
        and (country is not null or says_parent)
        and {visible}
) as fact
left join term as country on country.number = fact.country
order by fact.organization, fact.ends_on, fact.known_on, fact.position

-- name: products
-- What is said of some products' makers and categories.
select fact.product, fact.ends_on, fact.says_maker, fact.maker, category.word as category
from (
    from product_fact
    where
        product in (select unnest($products::integer[])) and (says_maker or category is not null) and {visible}
) as fact
left join term as category on category.number = fact.category
order by fact.product, fact.ends_on, fact.known_on, fact.position

-- name: attributes
-- What is said of some attributes of some products, as recorded.
select product, attribute, ends_on, known_on, position, stated::varchar as stated
from product_attribute
where
    product in (select unnest($products::integer[]))
    and attribute in (select unnest($attributes::varchar[]))
    and {visible}
order by product, attribute, ends_on, known_on, position

-- name: words
-- The ids behind numbers.
select number, word from term where number in (select unnest($numbers::integer[]))
