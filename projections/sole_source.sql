-- name: offers
-- Products of some categories on the market at a moment, by maker. reach: of the threshold, 1 perhaps, 2 certainly
with offer as (
    select
        word_of(product.maker) as maker,
        word_of(product.category) as category,
        product.product,
        case
            when $threshold is null or attribute.low >= $threshold::decimal(15, 6) then 2
            when attribute.high < $threshold::decimal(15, 6) then 0
            else 1
        end as reach
    from products_as_of($effective_on, $known_on, $position) as product
    left join attributes_as_of($effective_on, $known_on, $position) as attribute
        on attribute.product = product.product and attribute.attribute = $threshold_attribute
    where product.registered_on is not null
)
select maker, category, reach, list(product order by product) as products
from offer
where reach > 0 and maker is not null and category in (select unnest($categories::varchar[]))
group by maker, category, reach
order by maker, category, reach
