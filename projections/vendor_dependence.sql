-- Rows and evidence of vendor-dependence, read from the contributions (contributions.sql).

-- name: whole-numbers
-- Contributions in whole numbers: figures in ten-thousandths, attributes and shares in millionths, rates in units of 1e-10.
,
counted as (
    select
        contribution.* exclude (
            source_rate, target_rate, attribute_value, attribute_low, attribute_high, share_value, share_low, share_high,
            remainder
        ),
        (source_rate::decimal(38, 10) * 10000000000)::hugeint as source_rate,
        (target_rate::decimal(38, 10) * 10000000000)::hugeint as target_rate,
        (attribute_value::decimal(38, 6) * 1000000)::hugeint as attribute_value,
        (attribute_low::decimal(38, 6) * 1000000)::hugeint as attribute_low,
        (attribute_high::decimal(38, 6) * 1000000)::hugeint as attribute_high,
        (share_value::decimal(38, 6) * 1000000)::hugeint as share_value,
        (share_low::decimal(38, 6) * 1000000)::hugeint as share_low,
        (share_high::decimal(38, 6) * 1000000)::hugeint as share_high,
        (remainder::decimal(38, 6) * 1000000)::hugeint as remainder
    from contribution
)

-- name: groups
-- Contributions summed where they share what they are grouped by and every factor, so that each sum is multiplied once.
select
    NAMED,
    source_rate, target_rate, attribute_value, attribute_low, attribute_high,
    share_value, share_low, share_high, remainder,
    (value * 10000)::hugeint as value,
    (low * 10000)::hugeint as low,
    (high * 10000)::hugeint as high,
    quantified, unquantified, unbounded, contributions, first_on, last_on
from (
    select
        GROUPED,
        source_rate, target_rate, attribute_value, attribute_low, attribute_high,
        share_value, share_low, share_high, remainder,
        sum(value) as value,
        sum(low) as low,
        sum(high) as high,
        sum(quantified) as quantified,
        sum(unquantified) as unquantified,
        sum(unbounded) as unbounded,
        count(*) as contributions,
        min(first_on) as first_on,
        max(last_on) as last_on
    from judged as counted
    left join product on product.product = counted.product
    group by SETS
)

-- name: evidence
-- The contributions of one row, those of one vendor alone where one is named, in the order of the ledger.
select
    source, position, line_key, word_of(vendor) as vendor, word_of(product) as product, captive, publication, allocated,
    source_rate, target_rate, attribute_value, attribute_low, attribute_high,
    share_value, share_low, share_high, remainder,
    (value * 10000)::hugeint as value,
    (low * 10000)::hugeint as low,
    (high * 10000)::hugeint as high,
    quantified, unquantified, unbounded, convertible
from counted
where word_of(key) is not distinct from $key and ($seller is null or word_of(vendor) = $seller)
order by position, line_key
limit $limit offset $offset

-- name: movements
-- The postings of order lines.
select line_key, position, kind, value, low, high, unquantified
from kept
where line_key in (select unnest($lines::bigint[]))
order by line_key, position, kind, value

-- name: order-lines
select order_line.line_key, order_placed.order_id as id, order_line.line
from order_line
join order_placed on order_placed.position = order_line.placed_position
where order_line.line_key in (select unnest($lines::bigint[]))

-- name: supply-lines
-- The postings of assertion lines.
select
    supply_line.position * 65536 + supply_line.ordinal as line_key, supply_line.position,
    supply_asserted.assertion_id as id,
    supply_line.line, measure_value as value, measure_low as low, measure_high as high,
    measure_unquantified as unquantified
from supply_line
join supply_asserted on supply_asserted.position = supply_line.position
where supply_line.position * 65536 + supply_line.ordinal in (select unnest($lines::bigint[]))

-- name: events
select position, id, type, ends_on
from event
where position in (select unnest($positions::bigint[]))

-- name: organization-names
select word_of(organization) as key, name, word_of(country) as country
from organizations_as_of($effective_on, $known_on, $position)
where word_of(organization) in (select unnest($keys::varchar[]))

-- name: product-names
select word_of(product) as key, name, null as country
from products_as_of($effective_on, $known_on, $position)
where word_of(product) in (select unnest($keys::varchar[]))

-- name: asked
-- The buyers asked for, and, where groups are, all that are below them.
select number from term where word in (select unnest($buyer::varchar[]))
union
select organization
from below_as_of(
    (select list(number) from term where word in (select unnest($buyer::varchar[]))), $effective_on, $known_on, $position
)
where $group

-- name: home
select word_of(country) as country
from organizations_as_of($effective_on, $known_on, $position)
where word_of(organization) = $buyer
