-- vendor-dependence over time (docs/semantics.md, rules 42 to 45): what is added to its figures and taken off them, by day.
-- A span is what holds unchanged from a day on (`since`) until another day (`until`, not included). The spans of lines, of
-- buyers asked for, of families and of factors are cut where they overlap, and each piece is added on its first day and
-- taken off on the day after its last. The blocks are joined into one statement: `facts`, the `factor-...` blocks that the
-- question needs, `plain` and one of the `plain-...` blocks, `irregular` and one of the `line-...` blocks, `supply`, a
-- conversion, `joint`, `turning`, one of the `shown-...` blocks, and `changes`.
--
-- measure, account, key   as in contributions.sql
-- fact, fact_of, says     maker or category, that of an event, and whether the event says something of it
-- deriving, derived       where amounts are derived (rule 30): the columns that this takes, and what comes of them

-- name: organizations
-- What events say of countries and parents, the latest last (rule 5); each record gives way to the organisation that it
-- stands for (rule 59).
with record as materialized (
    from records_as_of($known_on, $position)
)
select
    said.organization, said.ends_on, said.country, said.says_parent,
    coalesce(record.organization, said.parent) as parent
from organization_fact as said
left join record on record.record = said.parent
where
    (said.country is not null or said.says_parent)
    and counts(said.position, said.known_on, said.ends_on, $effective_on, $known_on, $position)
    and said.organization not in (select record.record from record)
order by said.ends_on, said.known_on, said.position

-- name: numbers
-- The numbers behind some words; organization: the number of the one that a record stands for.
select term.word, term.number, coalesce(record.organization, term.number) as organization
from term
left join records_as_of($known_on, $position) as record on record.record = term.number
where term.word in (select unnest($words::varchar[]))

-- name: ends
-- Every end by which a window asks whether something lies in it.
select distinct placed_on as ends_on
from posting
where $status = 'ordered' and within_clocks(position, known_on, placed_on, $effective_on, $known_on, $position)
union
select distinct ends_on
from posting
where
    $status = 'delivered'
    and kind > 2
    and within_clocks(position, known_on, ends_on, $effective_on, $known_on, $position)
union
select distinct ends_on
from supply_asserted
where within_clocks(position, known_on, ends_on, $effective_on, $known_on, $position)

-- name: facts
-- Who is asked for, who belongs to whom, and when each end leaves the window.
with asked as materialized (
    select buyer, since, coalesce(until, 'infinity'::date) as until
    from (
        select
            unnest($asked_buyers::integer[]) as buyer,
            unnest($asked_since::date[]) as since,
            unnest($asked_until::date[]) as until
    )
),
record as materialized (
    from records_as_of($known_on, $position)
),
asked_record as (
    select buyer from asked
    union
    select record from record where organization in (select buyer from asked)
),
organization as materialized (
    select organization, since, coalesce(until, 'infinity'::date) as until, family, country
    from (
        select
            unnest($organizations::integer[]) as organization,
            unnest($organizations_since::date[]) as since,
            unnest($organizations_until::date[]) as until,
            unnest($families::integer[]) as family,
            unnest($countries::integer[]) as country
    )
),
leaving as materialized (
    select unnest($leaving_ends::date[]) as ends_on, unnest($leaving_on::date[]) as leaves_on
),

-- name: product-facts (fact, fact_of, says)
-- The makers or the categories of products ; null before anything is said.
product as materialized (
    select
        product,
        {fact},
        ends_on as since,
        lead(ends_on, 1, 'infinity'::date) over (partition by product order by ends_on, known_on, position) as until
    from (
        select said.product, {fact_of}, said.ends_on, said.known_on, said.position
        from product_fact as said
        left join record on record.record = said.maker
        where
            {says}
            and counts(said.position, said.known_on, said.ends_on, $effective_on, $known_on, $position)
        union all
        select distinct product, null, '-infinity'::date, '-infinity'::date, 0 from product_fact
    )
    qualify since < until and until > $from_on
),

-- name: product-labels
-- The attribute of products that is the key, as text; null before anything is said.
product as materialized (
    select
        product,
        label,
        ends_on as since,
        lead(ends_on, 1, 'infinity'::date) over (partition by product order by ends_on, known_on, position) as until
    from (
        select product, label, ends_on, known_on, position
        from product_attribute
        where
            attribute = $label
            and counts(position, known_on, ends_on, $effective_on, $known_on, $position)
        union all
        select distinct product, null, '-infinity'::date, '-infinity'::date, 0
        from product_attribute
        where attribute = $label
    )
    qualify since < until and until > $from_on
),

-- name: no-product-facts
-- No products: the key of a row needs none.
product as (
    select null::integer as product, null::date as since, null::date as until where false
),

-- name: attributes
-- The attribute of products that makes capacity; null before anything is said.
attribute as materialized (
    select
        product,
        value,
        low,
        high,
        ends_on as since,
        lead(ends_on, 1, 'infinity'::date) over (partition by product order by ends_on, known_on, position) as until
    from (
        select product, value, low, high, ends_on, known_on, position
        from product_attribute
        where
            attribute = $attribute
            and counts(position, known_on, ends_on, $effective_on, $known_on, $position)
        union all
        select distinct product, null, null, null, '-infinity'::date, '-infinity'::date, 0
        from product_attribute
        where attribute = $attribute
    )
    qualify since < until and until > $from_on
),

-- name: plain (measure, account)
-- Movements of plain lines (table steady), each of which is a posting of its own; figures in ten-thousandths.
plain_movement as (
    select line_key, vendor, product, currency, buyer, placed_on, ends_on, counts_on, {measure} as figure
    from steady
    where
        within_clocks(position, known_on, counts_on, $effective_on, $known_on, $position, basis, $excluded)
        and {measure} <> 0
        and line_key not in (select line_key from irregular where accounts & {account} > 0)
        and ($asked is null or buyer in (from asked_record))
),

-- name: plain-ordered
-- Ordered: from the day on which the line counts until its placing leaves the window.
plain_span as (
    select plain_movement.*, counts_on as since, coalesce(leaves_on, 'infinity'::date) as until
    from plain_movement
    left join leaving on leaving.ends_on = plain_movement.placed_on
    where figure > 0 and plain_movement.placed_on between $first_on and $last_on
),

-- name: plain-delivered
-- Delivered: from the day on which the receipt counts until it leaves the window.
plain_span as (
    select
        plain_movement.* exclude (figure), -figure as figure, counts_on as since,
        coalesce(leaves_on, 'infinity'::date) as until
    from plain_movement
    left join leaving on leaving.ends_on = plain_movement.ends_on
    where figure < 0 and plain_movement.ends_on between $first_on and $last_on
),

-- name: plain-open (account)
-- A plain line is open until the receipt that completes it.
closing as (
    select line_key, min(counts_on) as closed_on
    from steady
    where
        closes & {account} > 0
        and within_clocks(position, known_on, counts_on, $effective_on, $known_on, $position, basis, $excluded)
    group by line_key
),
plain_span as (
    select plain_movement.*, counts_on as since, coalesce(closed_on, 'infinity'::date) as until
    from plain_movement
    left join closing on closing.line_key = plain_movement.line_key
),

-- name: irregular (measure, account, unknown, deriving, arrives, nothing, adds_up, sums, derivation)
-- Movements of all other lines, the days on which their orders are cancelled, and what of both adds up by then.
cancellation as materialized (
    select placed_position, min(ends_on) as cancelled_on
    from order_cancelled
    where
        counts(position, known_on, ends_on, $effective_on, $known_on, $position, basis, $excluded)
    group by placed_position
),
-- shown: it holds a posting of the measure (rule 13).
movement as materialized (
    select
        line_key, placed_position, vendor, product, currency, buyer, placed_on, ends_on, kind,
        greatest(counts_on, $from_on) as counts_on,
        if($unquantified, {measure}_quantified + {measure}_unquantified, {measure}_quantified) > 0 as shown,
        if(shown, {measure}_value, 0) as value,
        if(shown, {measure}_low, 0) as low,
        if(shown, {measure}_high, 0) as high,
        if(shown, {measure}_quantified::integer, 0) as quantified,
        if(shown, {measure}_unquantified::integer, 0){unknown} as unquantified{deriving}
    from irregular_posting
    where
        movement_counts(
            position, known_on, counts_on, placed_position, line_key, $effective_on, $known_on, $position, basis, $excluded
        )
        and ($asked is null or buyer is null or buyer in (from asked_record))
        and line_key in (select line_key from irregular where accounts & {account} > 0)
),
irregular_line as (
    select distinct line_key, placed_position, vendor, product, currency, buyer, placed_on from movement
),
change as (
    select
        line_key, counts_on as day, kind <= 2 as ordering, 1 as times, value, low, high, quantified, unquantified,
        0 as cancels{arrives}
    from movement
    where $status <> 'delivered' or kind <= 2 or ends_on between $first_on and $last_on
    union all
    -- What is delivered leaves the window by itself.
    select
        movement.line_key, greatest(leaves_on, counts_on), false, -1, value, low, high, quantified, unquantified, 0{arrives}
    from movement
    join leaving on leaving.ends_on = movement.ends_on
    where $status = 'delivered' and kind > 2
    union all
    select
        line_key, greatest(cancelled_on, $from_on), false, 1, 0, 0, 0, 0, 0, 1{nothing}
    from irregular_line
    join cancellation on cancellation.placed_position = irregular_line.placed_position
),
added as (
    select
        line_key,
        day as since,
        lead(day, 1, 'infinity'::date) over line as until,
        sum(ordered_value) over line as ordered_value,
        sum(ordered_low) over line as ordered_low,
        sum(ordered_high) over line as ordered_high,
        sum(ordered_quantified) over line as ordered_quantified,
        sum(ordered_unquantified) over line as ordered_unquantified,
        sum(delivered_value) over line as delivered_value,
        sum(delivered_low) over line as delivered_low,
        sum(delivered_high) over line as delivered_high,
        sum(delivered_quantified) over line as delivered_quantified,
        sum(delivered_unquantified) over line as delivered_unquantified,
        sum(cancels) over line > 0 as cancelled{adds_up}
    from (
        select
            line_key,
            day,
            sum(if(ordering, times * value, 0)) as ordered_value,
            sum(if(ordering, times * low, 0)) as ordered_low,
            sum(if(ordering, times * high, 0)) as ordered_high,
            sum(if(ordering, times * quantified, 0)) as ordered_quantified,
            sum(if(ordering, times * unquantified, 0)) as ordered_unquantified,
            sum(if(ordering, 0, times * value)) as delivered_value,
            sum(if(ordering, 0, times * low)) as delivered_low,
            sum(if(ordering, 0, times * high)) as delivered_high,
            sum(if(ordering, 0, times * quantified)) as delivered_quantified,
            sum(if(ordering, 0, times * unquantified)) as delivered_unquantified,
            sum(cancels) as cancels{sums}
        from change
        group by line_key, day
    )
    window line as (partition by line_key order by day)
),
{derivation}
state as (
    select
        line_key, since, until, cancelled,
        greatest(ordered_value, 0) as ordered_value,
        greatest(ordered_low, 0) as ordered_low,
        greatest(ordered_high, 0) as ordered_high,
        ordered_quantified, ordered_unquantified,
        greatest(delivered_value, 0) as delivered_value,
        greatest(delivered_low, 0) as delivered_low,
        greatest(delivered_high, 0) as delivered_high,
        delivered_quantified, delivered_unquantified
    from derived
),

-- name: no-derivation
-- Quantities are as they were stated.
derived as (
    from added
),

-- name: derivation
-- With what receipts and returns without an amount come to, at the price of the line (rule 30).
valued as (
    select
        *,
        arrived_value = 0 and arrived_low = 0 and arrived_high = 0 as is_nothing,
        priced_unquantified = 0
        and priced_quantity = priced_quantity_low and priced_quantity = priced_quantity_high
        and priced_amount = priced_amount_low and priced_amount = priced_amount_high
        and priced_quantity > 0 and priced_amount >= 0 as is_priced
    from added
),
derived as (
    select
        valued.* replace (
            delivered_value + if(is_apportioned, apportioned(whole_amount, whole_figure(arrived_value), whole_quantity), 0)
                as delivered_value,
            delivered_low + if(is_apportioned, apportioned(whole_amount, whole_figure(arrived_low), whole_quantity), 0)
                as delivered_low,
            delivered_high + if(is_apportioned, apportioned(whole_amount, whole_figure(arrived_high), whole_quantity), 0)
                as delivered_high,
            delivered_quantified + if(arrivals > 0 and (is_nothing or is_priced), 1, 0) as delivered_quantified,
            delivered_unquantified + if(arrivals > 0 and not is_nothing and not is_priced and $unquantified, 1, 0)
                as delivered_unquantified
        )
    from (
        select
            *,
            arrivals > 0 and not is_nothing and is_priced as is_apportioned,
            whole_figure(priced_amount) as whole_amount,
            whole_figure(priced_quantity) as whole_quantity
        from valued
    ) as valued
),

-- name: line-ordered
-- Ordered: what was ordered; under a cancellation, what was delivered (rules 10, 14, 15).
line_span as (
    select
        state.line_key,
        since,
        least(until, coalesce(leaves_on, 'infinity'::date)) as until,
        if(cancelled, delivered_value, ordered_value) as value,
        if(cancelled, delivered_low, ordered_low) as low,
        if(cancelled, delivered_high, ordered_high) as high,
        if(cancelled, delivered_quantified, ordered_quantified) as quantified,
        if(cancelled, delivered_unquantified, ordered_unquantified) as unquantified,
        if(cancelled, delivered_unquantified, ordered_unquantified) as unbounded
    from state
    join irregular_line on irregular_line.line_key = state.line_key
    left join leaving on leaving.ends_on = irregular_line.placed_on
    where irregular_line.placed_on between $first_on and $last_on
),

-- name: line-delivered
-- Delivered: receipts less returns, not below nothing.
line_span as (
    select
        line_key, since, until, delivered_value as value, delivered_low as low, delivered_high as high,
        delivered_quantified as quantified, delivered_unquantified as unquantified, delivered_unquantified as unbounded
    from state
),

-- name: line-open
-- Open: ordered less delivered with bounds crossed, not below nothing; an unbounded delivery may have been everything.
line_span as (
    select
        line_key,
        since,
        until,
        greatest(ordered_value - delivered_value, 0) as value,
        if(delivered_unquantified > 0, 0, greatest(ordered_low - delivered_high, 0)) as low,
        greatest(ordered_high - delivered_low, 0) as high,
        ordered_quantified + delivered_quantified as quantified,
        ordered_unquantified + delivered_unquantified as unquantified,
        ordered_unquantified as unbounded
    from state
    where not cancelled
),

-- name: supply (measure)
-- Supply known without an order: each assertion until the next under its id (rule 11), both ordered and delivered.
assertion as (
    select
        position, vendor, buyer, currency, ends_on, ends_on as since,
        lead(ends_on, 1, 'infinity'::date) over (partition by assertion_id order by ends_on, known_on, position)
            as until
    from supply_asserted
    where
        counts(position, known_on, ends_on, $effective_on, $known_on, $position, basis, $excluded)
),
supply_span as (
    select
        assertion.* exclude (until), product, least(until, coalesce(leaves_on, 'infinity'::date)) as until,
        {measure}_value as value, {measure}_low as low, {measure}_high as high,
        {measure}_quantified as quantified, {measure}_unquantified as unquantified
    from assertion
    join supply_line on supply_line.position = assertion.position
    left join leaving on leaving.ends_on = assertion.ends_on
    where
        $status <> 'open'
        and assertion.ends_on between $first_on and $last_on
        and ($asked is null or buyer in (from asked_record))
        and ($unquantified or {measure}_quantified > 0)
),
stated as (
    select
        null::bigint as placed_position, vendor, product, currency, buyer, placed_on, since, until,
        figure::hugeint as value, figure::hugeint as low, figure::hugeint as high, 1 as quantified, 0 as unquantified,
        0 as unbounded
    from plain_span
    union all
    select
        placed_position, vendor, product, currency, buyer, placed_on, since, until, whole_figure(value),
        whole_figure(low), whole_figure(high), quantified, unquantified, unbounded
    from line_span
    join irregular_line on irregular_line.line_key = line_span.line_key
    union all
    select
        null, vendor, product, currency, buyer, ends_on, since, until, whole_figure(value),
        whole_figure(low), whole_figure(high), quantified, unquantified, unquantified
    from supply_span
),
-- priced_on: the day whose rates are taken.
figure as (
    select
        stated.* exclude (placed_on) replace (
            coalesce(seller.organization, stated.vendor) as vendor, coalesce(holder.organization, stated.buyer) as buyer
        ),
        coalesce($rates_on, placed_on) as priced_on
    from stated
    left join record as seller on seller.record = stated.vendor
    left join record as holder on holder.record = stated.buyer
),
-- What is exactly nothing is dropped (rule 21), and needs neither rate nor attribute.
something as materialized (
    from figure
    where
        greatest(since, $from_on) < until
        and since <= $effective_on
        and (unquantified > 0 or value <> 0 or low <> 0 or high <> 0)
),

-- name: converted-capacity
-- Capacity: figures multiplied by the product's attribute, cut where that changes.
converted as (
    select
        something.* exclude (since, until),
        greatest(something.since, attribute.since) as since,
        least(something.until, attribute.until) as until,
        attribute.value is not null as convertible,
        1::decimal(25, 10) as source_rate,
        1::decimal(25, 10) as target_rate,
        coalesce(attribute.value, 1) as attribute_value,
        coalesce(attribute.low, 1) as attribute_low,
        coalesce(attribute.high, 1) as attribute_high
    from something
    left join attribute
        on attribute.product = something.product
        and attribute.since < something.until
        and attribute.until > something.since
),

-- name: joint
-- Joint orders by what is so of their buyers: how many are asked for, their families, and their shares (rules 19, 20).
allocation as materialized (
    select
        placed_position, position, since,
        lead(since, 1, 'infinity'::date) over (
            partition by placed_position order by since, known_on, position
        ) as until
    from (
        select distinct placed_position, position, ends_on as since, known_on
        from order_allocated
        where
            $asked is not null
            and counts(position, known_on, ends_on, $effective_on, $known_on, $position, basis, $excluded)
    )
    qualify since < until
),
-- record: as the order names the buyer; buyer: the organisation that it stands for.
joint_order as materialized (
    select
        joint_buyer.placed_position, joint_buyer.buyer as record,
        coalesce(record.organization, joint_buyer.buyer) as buyer
    from joint_buyer
    left join record on record.record = joint_buyer.buyer
    where joint_buyer.placed_position in (select placed_position from something where buyer is null)
),
turn as (
    select distinct placed_position, greatest(day, $from_on) as day
    from (
        select placed_position, $from_on as day from joint_order
        union all
        select joint_order.placed_position, unnest([asked.since, asked.until])
        from joint_order
        join asked on asked.buyer = joint_order.buyer
        union all
        select joint_order.placed_position, organization.since
        from joint_order
        join organization on organization.organization = joint_order.buyer
        union all
        select placed_position, since
        from allocation
        where placed_position in (select placed_position from joint_order)
    )
    where day <= $effective_on
),
joint_at as (
    select
        turn.placed_position,
        turn.day,
        count(distinct joint_order.buyer) as buyers,
        count(distinct joint_order.buyer) filter ($asked is null or asked.buyer is not null) as asked_buyers,
        list(distinct coalesce(organization.family, joint_order.buyer)) filter ($asked is null or asked.buyer is not null)
            as families,
        list_sort(list(distinct joint_order.buyer) filter ($asked is null or asked.buyer is not null)) as asked_for
    from turn
    join joint_order on joint_order.placed_position = turn.placed_position
    left join asked on asked.buyer = joint_order.buyer and asked.since <= turn.day and asked.until > turn.day
    left join organization
        on organization.organization = joint_order.buyer
        and organization.since <= turn.day
        and organization.until > turn.day
    group by turn.placed_position, turn.day
),
-- What an allocation says of each organisation: named by all of its records, or not at all (rule 59).
allotted as (
    select
        allocation.placed_position, allocation.position, joint_order.buyer,
        count(order_allocated.position) = count(*) as named,
        sum(share_value) as share_value,
        sum(share_low) as share_low,
        sum(share_high) as share_high
    from allocation
    join joint_order on joint_order.placed_position = allocation.placed_position
    left join order_allocated
        on order_allocated.position = allocation.position and order_allocated.buyer = joint_order.record
    group by all
),
given as (
    select
        joint_at.placed_position,
        joint_at.day,
        coalesce(sum(share_value) filter (named and list_contains(asked_for, allotted.buyer)), 0) as share_value,
        coalesce(sum(share_low) filter (named and list_contains(asked_for, allotted.buyer)), 0) as share_low,
        1 - coalesce(sum(share_low) filter (named and not list_contains(asked_for, allotted.buyer)), 0) as cap,
        least(
            coalesce(sum(share_high) filter (named and list_contains(asked_for, allotted.buyer)), 0),
            cap
        ) as share_high,
        count(*) filter (named and list_contains(asked_for, allotted.buyer)) as named,
        1 - coalesce(sum(share_low) filter (named), 0) as left_over
    from joint_at
    join allocation
        on allocation.placed_position = joint_at.placed_position
        and allocation.since <= joint_at.day
        and allocation.until > joint_at.day
    join allotted on allotted.placed_position = allocation.placed_position and allotted.position = allocation.position
    where joint_at.asked_buyers < joint_at.buyers
    group by joint_at.placed_position, joint_at.day
),
joint_span as materialized (
    select
        joint_at.placed_position,
        joint_at.day as since,
        lead(joint_at.day, 1, 'infinity'::date) over (
            partition by joint_at.placed_position order by joint_at.day
        ) as until,
        families,
        asked_for,
        asked_buyers,
        case
            when asked_buyers = buyers then 1
            when share_high > 0 then share_value
        end::decimal(38, 6) as share_value,
        case
            when asked_buyers = buyers then 1
            when share_high > 0 then share_low
        end::decimal(38, 6) as share_low,
        case
            when asked_buyers = buyers then 1
            when share_high > 0 then share_high
        end::decimal(38, 6) as share_high,
        case
            when asked_buyers = buyers or not $unquantified then null
            when named is null then 1
            when named < asked_buyers and left_over > 0 then greatest(cap - share_high, 0)
        end::decimal(38, 6) as remainder
    from joint_at
    left join given on given.placed_position = joint_at.placed_position and given.day = joint_at.day
),

-- name: turning (key)
-- Contributions, each added on its first day and taken off on the day after its last.
held as (
    select
        converted.* exclude (since, until),
        greatest(converted.since, asked.since) as since,
        least(converted.until, asked.until) as until,
        1::decimal(38, 6) as share_value,
        1::decimal(38, 6) as share_low,
        1::decimal(38, 6) as share_high,
        null::decimal(38, 6) as remainder,
        null::integer[] as families,
        null::integer[] as asked_for
    from converted
    left join asked
        on asked.buyer = converted.buyer and asked.since < converted.until and asked.until > converted.since
    where converted.buyer is not null and ($asked is null or asked.buyer is not null)
    union all
    select
        converted.* exclude (since, until),
        greatest(converted.since, joint_span.since),
        least(converted.until, joint_span.until),
        share_value, share_low, share_high, remainder, families, asked_for
    from converted
    join joint_span
        on joint_span.placed_position = converted.placed_position
        and joint_span.since < converted.until
        and joint_span.until > converted.since
    where converted.buyer is null and asked_buyers > 0
),
piece as (
    select
        held.* exclude (since, until, families, asked_for, value, low, high, quantified, unquantified, unbounded),
        greatest(held.since, seller.since, holder.since, product.since, $from_on) as since,
        least(held.until, seller.until, holder.until, product.until) as until,
        coalesce(held.families, [coalesce(holder.family, held.buyer)]) = [coalesce(seller.family, held.vendor)]
            as captive,
        seller.country,
        {key} as key,
        coalesce(held.asked_for, [held.buyer]) as buyers,
        if(convertible, held.value, 0) as value,
        if(convertible, held.low, 0) as low,
        if(convertible, held.high, 0) as high,
        if(convertible, quantified, 0) as quantified,
        if(convertible, unquantified, 1) as unquantified,
        if(convertible, unbounded, 1) as unbounded
    from held
    left join organization as seller
        on seller.organization = held.vendor and seller.since < held.until and seller.until > held.since
    left join organization as holder
        on holder.organization = held.buyer and holder.since < held.until and holder.until > held.since
    left join product on product.product = held.product and product.since < held.until and product.until > held.since
    where convertible or $unquantified
),
contribution as (
    from piece
    where
        since < until
        and since <= $effective_on
        and ($captives or not captive)
        -- Not exactly nothing (rule 21).
        and (share_high is not null or remainder is not null)
        and (
            unquantified > 0
            or (value <> 0 and attribute_value <> 0 and (share_value <> 0 or remainder is not null))
            or (low <> 0 and attribute_low <> 0 and (share_low <> 0 or remainder is not null))
            or (high <> 0 and attribute_high <> 0)
        )
),
turning as (
    select contribution.*, 1 as sign, since as day from contribution
    union all
    select contribution.*, -1, until from contribution where until <= $effective_on
),

-- name: shown-at-points
-- What happens between two points shows at the later.
shown as (
    select turning.* exclude (day), point as day
    from turning
    asof join (select unnest($points::date[]) as point) on point >= turning.day
),

-- name: shown-at-once
-- Without steps, everything shows on its own day.
shown as (
    from turning
),

-- name: changes (supply)
-- Summed where they share a day, a row and every factor.
change_of_row as (
    select
        day, key, captive, country{supply},
        source_rate, target_rate, attribute_value, attribute_low, attribute_high,
        share_value, share_low, share_high, remainder,
        sum(sign * value) as value,
        sum(sign * low) as low,
        sum(sign * high) as high,
        sum(sign * quantified)::bigint as quantified,
        sum(sign * unquantified)::bigint as unquantified,
        sum(sign * unbounded)::bigint as unbounded,
        sum(sign)::bigint as contributions
    from shown
    group by all
)
select
    day,
    word_of(key) as key,
    captive,
    country{supply},
    whole_rate(source_rate) as source_rate,
    whole_rate(target_rate) as target_rate,
    whole_factor(attribute_value) as attribute_value,
    whole_factor(attribute_low) as attribute_low,
    whole_factor(attribute_high) as attribute_high,
    whole_factor(share_value) as share_value,
    whole_factor(share_low) as share_low,
    whole_factor(share_high) as share_high,
    whole_factor(remainder) as remainder,
    value, low, high, quantified, unquantified, unbounded, contributions
from change_of_row
order by day

-- name: turnings
-- The days within the range on which rules, licences, organisations or products may be to each other what they were not.
select distinct day
from (
    {law-turning}
    union all
    select ends_on from organization_fact where (country is not null or says_parent) and {visible}
    union all
    select ends_on from product_fact where (says_maker or category is not null) and {visible}
    union all
    select ends_on from product_attribute where {visible}
)
where day > $from_on and day <= $effective_on
order by day

-- name: law-turnings
-- Those on which rules or licences may be what they were not.
select distinct day from ({law-turning}) where day > $from_on and day <= $effective_on order by day

-- name: law-turning
-- All days of that sort.
select ends_on as day from regulation_event where {visible}
union all
select until_on + 1 from regulation_event where until_on is not null and {visible}

-- name: visible
-- Whether an event is visible, whatever its day.
was_known(position, known_on, $known_on, $position) and position not in (from retracted($known_on, $position))

-- name: barring
-- Whether any instrument may be in force by the last day.
select 1 as found
from regulation_event
where type in ('regulation-enacted', 'regulation-amended') and counts(position, known_on, ends_on, $effective_on, $known_on, $position)
limit 1

-- name: annotations
-- Changes of regulations and of partnerships within the range, each with the latest title of its instrument, or the
-- latest scope of its partnership.
select
    strftime(ends_on, '%Y-%m-%d') as effective_on, strftime(known_on, '%Y-%m-%d') as known_on, type, id, title, position
from (
    select
        ends_on, known_on, type, regulation_id as id, position,
        last_value(data ->> '$.title' ignore nulls) over (
            partition by regulation_id
            order by ends_on, known_on, position
            rows between unbounded preceding and unbounded following
        ) as title
    from regulation_event
    where
        counts(position, known_on, ends_on, $effective_on, $known_on, $position)
    union all
    select
        ends_on, known_on, type, partnership_id, position,
        last_value(scope ignore nulls) over (
            partition by partnership_id
            order by ends_on, known_on, position
            rows between unbounded preceding and unbounded following
        )
    from partnership_fact
    where
        counts(position, known_on, ends_on, $effective_on, $known_on, $position)
) as happening
where ends_on >= $from_on
order by effective_on, known_on, position
