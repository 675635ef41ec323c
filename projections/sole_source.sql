-- name: offers (standing, verdict)
-- Makers of products on the market at a moment, and whether they have one for all of the buyers wanted: 1 perhaps, 2 yes.
with record as materialized (
    from records_as_of($known_on, $position)
),
product as materialized (
    select made.* replace (coalesce(record.organization, made.maker) as maker)
    from products_as_of($effective_on, $known_on, $position) as made
    left join record on record.record = made.maker
),
{standing}
wanted as (
    select
        unnest($wanted_market::integer[]) as market,
        unnest($wanted_category::varchar[]) as category,
        unnest($wanted_kind::integer[]) as kind
),
holder as (
    select distinct kind, buyer_certain, buyer_possible from standing
),
offer as (
    select
        product.product, product.maker, category.word as category,
        case
            when $threshold is null or attribute.low >= $threshold::decimal(15, 6) then 2
            when attribute.high < $threshold::decimal(15, 6) then 0
            else 1
        end as reach
    from product
    join term as category on category.number = product.category
    left join attributes_as_of($effective_on, $known_on, $position) as attribute
        on attribute.product = product.product and attribute.attribute = $threshold_attribute
    where product.registered_on is not null and product.maker is not null
),
held_against as (
    select wanted.market, offer.maker, offer.product, offer.reach, {verdict} as verdict
    from wanted
    join offer on offer.category = wanted.category
    join holder on holder.kind = wanted.kind
    join place as seller on seller.number = offer.maker
    left join goods on goods.product = offer.product
    where offer.reach > 0
),
agreed as (
    select market, maker, reach, if(min(verdict) = max(verdict), max(verdict), 1) as verdict
    from held_against
    group by market, maker, product, reach
)
select market, word_of(maker) as maker, max(least(reach, 2 - verdict)) as available
from agreed
group by market, maker
having available > 0
order by market, maker
