-- Who and what the rules in force tell apart, and their verdicts on it. Kinds of organisations come as parameters; an
-- organisation that is not among them is of kind 0. The product of a line that names none is -1.

-- name: standing
-- Kinds of organisations.
standing as materialized (
    select
        unnest($standing_organization::integer[]) as organization,
        unnest($standing_buyer::integer[]) as as_buyer,
        unnest($standing_vendor::integer[]) as as_vendor
),

-- name: barred
-- The verdicts other than no. verdict: 1 undetermined, 2 yes
barred as materialized (
    select
        unnest($barred_buyer::integer[]) as as_buyer,
        unnest($barred_vendor::integer[]) as as_vendor,
        unnest($barred_product::integer[]) as product,
        unnest($barred_verdict::utinyint[]) as verdict
),

-- name: judged
-- Contributions (`counted`) with the kinds of their buyers asked for and the verdict that these have in common (rule 38).
bought as (
    select
        counted.line_key,
        coalesce(holder.as_buyer, 0) as as_buyer,
        coalesce(seller.as_vendor, 0) as as_vendor,
        coalesce(counted.product, -1) as product
    from counted
    left join joint_buyer on counted.buyer is null and joint_buyer.placed_position = counted.position
    left join standing as holder on holder.organization = coalesce(counted.buyer, joint_buyer.buyer)
    left join standing as seller on seller.organization = counted.vendor
    where $asked is null or coalesce(counted.buyer, joint_buyer.buyer) in (from asked)
),
agreed as (
    select
        bought.line_key,
        list(distinct bought.as_buyer order by bought.as_buyer) as buyers,
        if(
            min(coalesce(barred.verdict, 0)) = max(coalesce(barred.verdict, 0)), max(coalesce(barred.verdict, 0)), 1
        ) as verdict
    from bought
    left join barred
        on barred.as_buyer = bought.as_buyer
        and barred.as_vendor = bought.as_vendor
        and barred.product = bought.product
    group by bought.line_key
),
judged as (
    select counted.*, agreed.buyers, agreed.verdict, coalesce(counted.country = number_of($home), false) as domestic
    from counted
    join agreed on agreed.line_key = counted.line_key
)

-- name: organizations
-- Everybody of whom something is known, and everybody whom a rule names.
select term.number, term.word as id, country.word as country, parent.word as parent
from term
left join organizations_as_of($effective_on, $known_on, $position) as organization on organization.organization = term.number
left join term as country on country.number = organization.country
left join term as parent on parent.number = organization.parent
where organization.organization is not null or term.word in (select unnest($named::varchar[]))
order by term.number

-- name: sorts
-- Products by what rules can tell of them before they look at attributes; named: its id, where a rule names it.
sorted as (
    select
        mentioned.product,
        if(product.maker is null, null, coalesce(standing.as_vendor, 0)) as maker,
        category.word as category,
        if(term.word in (select unnest($named::varchar[])), term.word, null) as named
    from (select distinct product from product_fact) as mentioned
    join term on term.number = mentioned.product
    left join products_as_of($effective_on, $known_on, $position) as product on product.product = mentioned.product
    left join standing on standing.organization = product.maker
    left join term as category on category.number = product.category
)
select maker, category, named, list(product order by product) as products
from sorted
group by maker, category, named
order by maker, category, named

-- name: occurring
-- What kinds of buyers get what sorts of products from what kinds of vendors, whenever that is.
place as materialized (
    select term.number, coalesce(standing.as_buyer, 0) as as_buyer, coalesce(standing.as_vendor, 0) as as_vendor
    from term
    left join standing on standing.organization = term.number
),
sort as materialized (
    select unnest($sorted_product::integer[]) as product, unnest($sorted_sort::integer[]) as sort
),
asked as (
    select unnest($asked::integer[]) as buyer
),
supplied as (
    select buyer, vendor, coalesce(product, -1) as product
    from steady
    where quantity > 0 or amount > 0
    union all
    select
        coalesce(irregular_posting.buyer, joint_buyer.buyer), irregular_posting.vendor,
        coalesce(irregular_posting.product, -1)
    from irregular_posting
    left join joint_buyer
        on irregular_posting.buyer is null and joint_buyer.placed_position = irregular_posting.placed_position
    union all
    select supply_asserted.buyer, supply_asserted.vendor, coalesce(supply_line.product, -1)
    from supply_asserted
    join supply_line on supply_line.position = supply_asserted.position
)
select distinct holder.as_buyer, seller.as_vendor, sort.sort
from supplied
join place as holder on holder.number = supplied.buyer
join place as seller on seller.number = supplied.vendor
join sort on sort.product = supplied.product
where $asked is null or supplied.buyer in (from asked)

-- name: attributes
-- What is known of some products' attributes, as recorded.
select product, attribute, stated::varchar as stated
from attributes_as_of($effective_on, $known_on, $position)
where
    product in (select unnest($products::integer[]))
    and attribute in (select unnest($attributes::varchar[]))
order by product, attribute
