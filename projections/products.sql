-- name: products
-- All products as of a moment, or one.
select
    term.word as product_id,
    product.name,
    maker.word as vendor_id,
    category.word as category,
    null as attributes,
    product.foundry,
    strftime(product.registered_on, '%Y-%m-%d') as registered_on
from products_as_of($effective_on, $known_on, $position) as product
join term on term.number = product.product
left join term as maker on maker.number = product.maker
left join term as category on category.number = product.category
where $only is null or term.word = $only
order by term.word

-- name: attributes
-- Their attributes, as recorded.
select term.word as product_id, attribute.attribute, attribute.stated::varchar as stated
from attributes_as_of($effective_on, $known_on, $position) as attribute
join term on term.number = attribute.product
where $only is null or term.word = $only
order by term.word, attribute.attribute
