-- name: words
-- The ids behind numbers.
select number, word from term where number in (select unnest($numbers::integer[]))

-- name: lines
-- Contributions, each with the verdict on it, or with what that follows from.
select
    source, line_key, vendor, product, buyers, verdict, placed_on,
    source_rate, target_rate, attribute_value, attribute_low, attribute_high,
    share_value, share_low, share_high, remainder,
    whole_figure(value) as value,
    whole_figure(low) as low,
    whole_figure(high) as high,
    quantified, unquantified, unbounded
from judged

-- name: order-places
-- By what some order lines are sorted.
select order_line.line_key, order_placed.order_id as id, order_line.line
from order_line
join order_placed on order_placed.position = order_line.placed_position
where order_line.line_key in (select unnest($lines::bigint[]))

-- name: supply-places
-- By what some assertion lines are sorted.
select supply_line.position * 65536 + supply_line.ordinal as line_key, supply_asserted.assertion_id as id, supply_line.line
from supply_line
join supply_asserted on supply_asserted.position = supply_line.position
where supply_line.position * 65536 + supply_line.ordinal in (select unnest($lines::bigint[]))

-- name: order-said
-- What is said of some order lines, with the buyers asked for, each the organisation that its record stands for.
with record as materialized (
    from records_as_of($known_on, $position)
),
bought as (
    select distinct order_line.line_key, coalesce(record.organization, sold.buyer) as buyer
    from order_line
    join order_placed on order_placed.position = order_line.placed_position
    join (
        select placed_position, buyer from joint_buyer
        union all
        select position, buyer from order_placed where buyer is not null
    ) as sold on sold.placed_position = order_placed.position
    left join record on record.record = sold.buyer
    where order_line.line_key in (select unnest($lines::bigint[]))
)
select
    order_line.line_key, order_placed.order_id, null as assertion_id, order_line.line, order_line.deliver_by,
    (
        select list(word_of(bought.buyer) order by word_of(bought.buyer))
        from bought
        where
            bought.line_key = order_line.line_key
            and ($asked is null or bought.buyer in (select unnest($asked::integer[])))
    ) as buyers
from order_line
join order_placed on order_placed.position = order_line.placed_position
where order_line.line_key in (select unnest($lines::bigint[]))

-- name: supply-said
-- What is said of some assertion lines.
select
    supply_line.position * 65536 + supply_line.ordinal as line_key, null as order_id, supply_asserted.assertion_id,
    supply_line.line, supply_line.deliver_by, [word_of(coalesce(record.organization, supply_asserted.buyer))] as buyers
from supply_line
join supply_asserted on supply_asserted.position = supply_line.position
left join records_as_of($known_on, $position) as record on record.record = supply_asserted.buyer
where supply_line.position * 65536 + supply_line.ordinal in (select unnest($lines::bigint[]))

-- name: vendor-names
-- Names of some organisations.
select organization, name
from organizations_as_of($effective_on, $known_on, $position)
where organization in (select unnest($vendors::integer[]))
