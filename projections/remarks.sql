-- What was just recorded and will not do what its sender may think. The moment is the end of what was recorded, and no day
-- is too late: $known_on and $effective_on are the last of all. $first_position and $last_position bound what was recorded,
-- $first_positions and $last_positions are the stretches of it that are asked about.

-- name: own
-- Whether a position is one of those asked about.
position between $first_position and $last_position
and exists (
    select 1
    from (select unnest($first_positions::bigint[]) as first, unnest($last_positions::bigint[]) as last) as stretch
    where position between stretch.first and stretch.last
)

-- name: rules
-- Enactments and amendments of instruments, and licences under them, in order.
select regulation_event.position, event.id, regulation_event.type, regulation_event.regulation_id, data::varchar as data
from (from regulation_event where {own}) as regulation_event
join event on event.position = regulation_event.position
where
    regulation_event.type in ('regulation-enacted', 'regulation-amended', 'licence-granted')
    and regulation_event.position not in (from retracted($known_on, $position))
order by regulation_event.position
limit $most

-- name: categories
-- Every category that a product has, or had on any day.
select distinct term.word as category
from product_fact
join term on term.number = product_fact.category
where counts(product_fact.position, known_on, ends_on, $effective_on, $known_on, $position)
order by category

-- name: met
-- One bit for each of some rules: whether anything that was ever ordered or asserted is what it means, or may be.
with record as materialized (
    from records_as_of($known_on, $position)
),
standing as materialized (
    select
        unnest($standing_organization::integer[]) as organization,
        unnest($standing_buyer::bigint[]) as buyer,
        unnest($standing_named::bigint[]) as named,
        unnest($standing_country::bigint[]) as country
),
place as materialized (
    select term.number, standing.buyer, standing.named, standing.country
    from term
    left join record on record.record = term.number
    left join (select organization from standing) as known
        on known.organization = coalesce(record.organization, term.number)
    join standing on standing.organization = coalesce(known.organization, -1)
),
goods as materialized (
    select
        made.product, made.possible, coalesce(place.named, 0) as named, coalesce(place.country, 0) as country
    from (
        select unnest($goods_product::integer[]) as product, unnest($goods_possible::bigint[]) as possible
    ) as made
    left join products_as_of($effective_on, $known_on, $position) as product on product.product = made.product
    left join place on place.number = product.maker
),
bought as (
    select placed.vendor, coalesce(placed.buyer, joint_buyer.buyer) as buyer, line.product
    from order_line as line
    join order_placed as placed on placed.position = line.placed_position
    left join joint_buyer on placed.buyer is null and joint_buyer.placed_position = placed.position
    where
        was_known(line.line_key >> 16, line.known_on, $known_on, $position)
        and placed.position not in (from retracted($known_on, $position))
        and line.line_key >> 16 not in (from retracted($known_on, $position))
    union
    select supply_asserted.vendor, supply_asserted.buyer, supply_line.product
    from supply_asserted
    join supply_line on supply_line.position = supply_asserted.position
    where counts(supply_asserted.position, known_on, ends_on, $effective_on, $known_on, $position)
)
select
    count(*) as bought,
    coalesce(
        bit_or(holder.buyer & (seller.named | goods.named) & (seller.country | goods.country) & goods.possible), 0
    ) as met
from bought
join place as holder on holder.number = bought.buyer
join place as seller on seller.number = bought.vendor
left join goods on goods.product = coalesce(bought.product, -1)

-- name: inverse
-- Publications whose rate of a pair is nearer to the inverse of the last one than to that one, by four times, of rates that
-- are more than a tenth apart; but not one that stands as most before it did, or half of them, for then the last one was
-- wrong. What is the last one is a matter of the days that the rates are of.
with based as (
    -- The base stands at 1; so may another, and the rates of both are the same.
    select exchange_rate.position, min(exchange_rate.currency) as base
    from exchange_rate
    where exchange_rate.rate = 1 and {own} and position not in (from retracted($known_on, $position))
    group by exchange_rate.position
),
paired as (
    select
        quoted.position, quoted.ends_on, base.currency as base, quoted.currency,
        quoted.rate::double / base.rate::double as rate
    from exchange_rate as base
    join exchange_rate as quoted on quoted.position = base.position and quoted.currency <> base.currency
    where
        base.currency in (select base from based)
        and was_known(quoted.position, quoted.known_on, $known_on, $position)
        and quoted.position not in (from retracted($known_on, $position))
),
followed as (
    select
        *, lag(rate) over before as last_rate, lag(position) over before as last_position,
        lag(ends_on) over before as last_on
    from paired
    window before as (partition by base, currency order by ends_on, position)
),
-- Whether each is the other way round than the last, and than the first.
facing as (
    select *, sum(turns::integer) over before % 2 as way
    from (
        select
            *,
            coalesce(
                abs(ln(rate / last_rate)) > ln(1.1) and 4 * abs(ln(rate * last_rate)) < abs(ln(rate / last_rate)), false
            ) as turns
        from followed
    )
    window before as (partition by base, currency order by ends_on, position)
),
-- How many there were before it, and how many of them the same way round: what most of them are is right.
ranked as (
    select
        *, count(*) over earlier as earlier,
        if(way = 1, sum(way) over earlier, count(*) over earlier - sum(way) over earlier) as alike
    from facing
    window earlier as (
        partition by base, currency
        order by ends_on, position
        rows between unbounded preceding and 1 preceding
    )
),
turned as (
    select ranked.*
    from ranked
    join based on based.position = ranked.position and based.base = ranked.base
    where turns and 2 * alike < earlier
    qualify row_number() over (partition by ranked.position order by ranked.currency) = 1
)
select
    event.id, word_of(turned.base) as base, word_of(turned.currency) as currency, turned.rate, turned.last_rate,
    turned.last_on, count(*) over () as count
from turned
join event on event.position = turned.position
order by turned.position
limit $most

-- name: beyond
-- Lines of which certainly more was received, less what went back, than was ordered; not of cancelled orders, of which
-- what came is what was ordered.
with touched as materialized (
    select line_key, max(position) as position
    from posting
    where kind = 3 and {own} and position not in (from retracted($known_on, $position))
    group by line_key
),
summed as (
    select
        line_key, any_value(placed_position) as placed_position,
        sum(quantity_high) filter (kind <= 2) as ordered,
        sum(quantity_unquantified) filter (kind <= 2) as unquantified,
        sum(quantity_low) filter (kind >= 3) as received
    from posting
    where
        line_key in (select line_key from touched)
        and movement_counts(
            position, known_on, counts_on, placed_position, line_key, $effective_on, $known_on, $position
        )
    group by line_key
)
select
    event.id, placed.order_id, line.line, greatest(summed.ordered, 0)::varchar as ordered,
    summed.received::varchar as received, count(*) over () as count
from summed
join touched on touched.line_key = summed.line_key
join order_line as line on line.line_key = summed.line_key
join order_placed as placed on placed.position = summed.placed_position
join event on event.position = touched.position
where
    summed.unquantified = 0
    and summed.received > greatest(summed.ordered, 0)
    and summed.placed_position not in (
        select placed_position
        from order_cancelled
        where counts(position, known_on, ends_on, $effective_on, $known_on, $position)
    )
order by touched.position, line.line_key
limit $most

-- name: twice
-- Assertions of a product, not exactly nothing of it, that a buyer has from a vendor by an order as well.
with record as materialized (
    from records_as_of($known_on, $position)
),
asserted as materialized (
    select
        supply_asserted.position, supply_asserted.assertion_id, supply_line.product, supply_asserted.buyer,
        supply_asserted.vendor, coalesce(holder.organization, supply_asserted.buyer) as one_buyer,
        coalesce(seller.organization, supply_asserted.vendor) as one_vendor
    from supply_asserted
    join supply_line on supply_line.position = supply_asserted.position
    left join record as holder on holder.record = supply_asserted.buyer
    left join record as seller on seller.record = supply_asserted.vendor
    where
        supply_asserted.position in (select position from supply_asserted where {own})
        and supply_asserted.position not in (from retracted($known_on, $position))
        and supply_line.product is not null
        and not (
            supply_line.quantity_quantified = 1 and supply_line.quantity_high = 0
            and supply_line.amount_quantified = 1 and supply_line.amount_high = 0
        )
),
covering as (
    select
        line.product, placed.order_id, coalesce(holder.organization, placed.buyer, joint_buyer.buyer) as one_buyer,
        coalesce(seller.organization, placed.vendor) as one_vendor
    from order_line as line
    join order_placed as placed on placed.position = line.placed_position
    left join joint_buyer on placed.buyer is null and joint_buyer.placed_position = placed.position
    left join record as holder on holder.record = coalesce(placed.buyer, joint_buyer.buyer)
    left join record as seller on seller.record = placed.vendor
    where
        line.product in (select product from asserted)
        and was_known(line.line_key >> 16, line.known_on, $known_on, $position)
        and placed.position not in (from retracted($known_on, $position))
        and line.line_key >> 16 not in (from retracted($known_on, $position))
)
select
    event.id, asserted.assertion_id, word_of(asserted.buyer) as buyer, word_of(asserted.vendor) as vendor,
    word_of(asserted.product) as product, min(covering.order_id) as order_id,
    count(distinct covering.order_id) as orders, count(*) over () as count
from asserted
join covering using (product, one_buyer, one_vendor)
join event on event.position = asserted.position
group by asserted.position, event.id, asserted.assertion_id, asserted.buyer, asserted.vendor, asserted.product
order by asserted.position, product
limit $most

-- name: repriced
-- Lines whose price an amendment moves, of which goods had come before without an amount of their own.
with changed as materialized (
    select line_key, min(position) as first_position, max(position) as position
    from posting
    where kind = 2 and {own} and position not in (from retracted($known_on, $position))
    group by line_key
),
counted as (
    select
        posting.*, posting.position < changed.first_position as is_before,
        posting.position < changed.position as had_come
    from posting
    join changed on changed.line_key = posting.line_key
    where
        movement_counts(
            posting.position, known_on, counts_on, placed_position, posting.line_key, $effective_on, $known_on, $position
        )
),
summed as (
    select
        line_key, any_value(placed_position) as placed_position,
        coalesce(sum(quantity_value) filter (kind <= 2 and is_before), 0)::double as quantity_before,
        coalesce(sum(amount_value) filter (kind <= 2 and is_before), 0)::double as amount_before,
        coalesce(sum(quantity_value) filter (kind <= 2), 0)::double as quantity,
        coalesce(sum(amount_value) filter (kind <= 2), 0)::double as amount,
        coalesce(bool_and(
            quantity_low = quantity_high and amount_low = amount_high
            and quantity_unquantified = 0 and amount_unquantified = 0
        ) filter (kind <= 2), false) as is_exact,
        coalesce(sum(quantity_value) filter (kind >= 3 and unpriced and had_come), 0) as received
    from counted
    group by line_key
)
select
    event.id, placed.order_id, line.line, word_of(placed.currency) as currency,
    summed.received::varchar as received, summed.amount_before / summed.quantity_before as price_before,
    summed.amount / summed.quantity as price, count(*) over () as count
from summed
join changed on changed.line_key = summed.line_key
join order_line as line on line.line_key = summed.line_key
join order_placed as placed on placed.position = summed.placed_position
join event on event.position = changed.position
where
    summed.is_exact
    and summed.received <> 0
    and summed.quantity_before > 0
    and summed.quantity > 0
    and abs(summed.amount * summed.quantity_before - summed.amount_before * summed.quantity)
    > 1e-9 * (abs(summed.amount * summed.quantity_before) + abs(summed.amount_before * summed.quantity))
order by changed.position, line.line_key
limit $most
