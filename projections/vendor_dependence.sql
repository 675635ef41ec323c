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
        whole_rate(source_rate) as source_rate,
        whole_rate(target_rate) as target_rate,
        whole_factor(attribute_value) as attribute_value,
        whole_factor(attribute_low) as attribute_low,
        whole_factor(attribute_high) as attribute_high,
        whole_factor(share_value) as share_value,
        whole_factor(share_low) as share_low,
        whole_factor(share_high) as share_high,
        whole_factor(remainder) as remainder
    from contribution
)

-- name: groups (named, grouped, sets)
-- Contributions summed where they share what they are grouped by and every factor, so that each sum is multiplied once.
select
    {named},
    source_rate, target_rate, attribute_value, attribute_low, attribute_high,
    share_value, share_low, share_high, remainder,
    whole_figure(value) as value,
    whole_figure(low) as low,
    whole_figure(high) as high,
    quantified, unquantified, unbounded, contributions, wanting, first_on, last_on
from (
    select
        {grouped},
        source_rate, target_rate, attribute_value, attribute_low, attribute_high,
        share_value, share_low, share_high, remainder,
        sum(value) as value,
        sum(low) as low,
        sum(high) as high,
        sum(quantified) as quantified,
        sum(unquantified) as unquantified,
        sum(unbounded) as unbounded,
        count(*) as contributions,
        count(*) filter (is_wanting) as wanting,
        min(first_on) as first_on,
        max(last_on) as last_on
    from judged as counted
    left join product on product.product = counted.product
    group by {sets}
)

-- name: evidence
-- The contributions of one row, those of one vendor alone where one is named, in the order of the ledger.
select
    source, position, line_key, word_of(vendor) as vendor, word_of(product) as product, captive, publication, allocated,
    source_rate, target_rate, attribute_value, attribute_low, attribute_high,
    share_value, share_low, share_high, remainder,
    whole_figure(value) as value,
    whole_figure(low) as low,
    whole_figure(high) as high,
    quantified, unquantified, unbounded, convertible
from counted
where word_of(key) is not distinct from $key and ($seller is null or word_of(vendor) = $seller)
order by position, line_key
limit $limit offset $offset

-- name: movements
-- The postings of order lines, in the order of the ledger; of a derived one the position is null, and it comes last.
select line_key, position, kind, value, low, high, unquantified, last_on as ends_on
from kept
where line_key in (select unnest($lines::bigint[]))
order by line_key, position nulls last, kind, value

-- name: derived-from
-- What derived amounts are derived from: of some order lines the receipts and returns without an amount, and what says what
-- was ordered.
select line_key, position, kind
from (
    select line_key, position, kind from unpriced where quantity_unquantified = 0
    union all
    select line_key, position, kind from movement where kind <= 2
)
where line_key in (select unnest($lines::bigint[]))
group by all
order by line_key, position, kind

-- name: order-lines
-- The orders and the names of some order lines.
select order_line.line_key, order_placed.order_id as id, order_line.line
from order_line
join order_placed on order_placed.position = order_line.placed_position
where order_line.line_key in (select unnest($lines::bigint[]))

-- name: supply-lines (measure)
-- The postings of assertion lines.
select
    supply_line.position * 65536 + supply_line.ordinal as line_key, supply_line.position,
    supply_asserted.assertion_id as id,
    supply_line.line, {measure}_value as value, {measure}_low as low, {measure}_high as high,
    {measure}_unquantified as unquantified
from supply_line
join supply_asserted on supply_asserted.position = supply_line.position
where supply_line.position * 65536 + supply_line.ordinal in (select unnest($lines::bigint[]))

-- name: events
-- Some events by position.
select position, id, type, ends_on
from event
where position in (select unnest($positions::bigint[]))

-- name: organization-names
-- Names and countries of some organisations.
select word_of(organization) as key, name, word_of(country) as country
from organizations_as_of($effective_on, $known_on, $position)
where word_of(organization) in (select unnest($keys::varchar[]))

-- name: product-names
-- Names of some products.
select word_of(product) as key, name, null as country
from products_as_of($effective_on, $known_on, $position)
where word_of(product) in (select unnest($keys::varchar[]))

-- name: asked
-- The buyers asked for, and, where groups are, all that are below them.
with record as materialized (
    from records_as_of($known_on, $position)
),
named as materialized (
    select coalesce(record.organization, term.number) as number
    from term
    left join record on record.record = term.number
    where term.word in (select unnest($buyer::varchar[]))
)
select number from named
union
select organization
from below_as_of((select list(number) from named), $effective_on, $known_on, $position)
where $group

-- name: home
-- The country of the buyers, where they are all one organisation.
with record as materialized (
    from records_as_of($known_on, $position)
),
named as (
    select distinct coalesce(record.organization, term.number) as organization
    from term
    left join record on record.record = term.number
    where term.word in (select unnest($buyer::varchar[]))
)
select word_of(country) as country
from organizations_as_of($effective_on, $known_on, $position)
where
    organization in (from named)
    and (select count(*) from named) = 1
    and (select count(*) from term where word in (select unnest($buyer::varchar[]))) = len($buyer::varchar[])
