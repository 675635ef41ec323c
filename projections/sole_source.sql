-- Who could be bought from (docs/semantics.md, rules 51 to 53).

-- name: unmade
-- Whether there are products of a category that nobody is known to make.
select 1 as found
from products_as_of($effective_on, $known_on, $position)
where maker is null and category is not null
limit 1

-- name: sold
-- Vendors of what nobody is known to make, of contributions.
select distinct contribution.vendor, contribution.product
from contribution
join product on product.product = contribution.product
where product.maker is null and product.category is not null

-- name: sources (standing, verdict)
-- The sources of categories that are bought, and whether they have a product for all of the buyers: 0 no, 1 perhaps, 2 yes.
with record as materialized (
    from records_as_of($known_on, $position)
),
product as materialized (
    select made.* replace (coalesce(record.organization, made.maker) as maker)
    from products_as_of($effective_on, $known_on, $position) as made
    left join record on record.record = made.maker
),
family as materialized (
    from families_as_of($effective_on, $known_on, $position)
),
{standing}
wanted as (
    select category.number as category, asked.kind
    from (select unnest($wanted_category::varchar[]) as word, unnest($wanted_kind::integer[]) as kind) as asked
    join term as category on category.word = asked.word
),
holder as (
    select distinct kind, buyer_certain, buyer_possible from standing
),
offered as (
    select product, category, maker as source
    from product
    where registered_on is not null and maker is not null
    union all
    select product.product, product.category, sold.source
    from (select unnest($sold_product::integer[]) as product, unnest($sold_vendor::integer[]) as source) as sold
    join product on product.product = sold.product
),
offer as (
    select
        offered.product, offered.category, offered.source,
        case
            when $threshold is null or attribute.low >= $threshold::decimal(15, 6) then 2
            when attribute.high < $threshold::decimal(15, 6) then 0
            else 1
        end as reach
    from offered
    left join attributes_as_of($effective_on, $known_on, $position) as attribute
        on attribute.product = offered.product and attribute.attribute = $threshold_attribute
    where offered.category in (select category from wanted)
),
held_against as (
    select offer.category, offer.source, offer.product, offer.reach, {verdict} as verdict
    from offer
    join wanted on wanted.category = offer.category
    join holder on holder.kind = wanted.kind
    join place as seller on seller.number = offer.source
    left join goods on goods.product = offer.product
),
agreed as (
    select category, source, reach, if(min(verdict) = max(verdict), max(verdict), 1) as verdict
    from held_against
    group by category, source, product, reach
),
found as (
    select category, source, max(least(reach, 2 - verdict)) as available
    from agreed
    group by category, source
)
select
    category.word as category, found.source, source.word as id, coalesce(family.family, found.source) as family, found.available
from found
join term as category on category.number = found.category
join term as source on source.number = found.source
left join family on family.organization = found.source
order by source.word
