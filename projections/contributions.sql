-- Contributions to a figure (docs/semantics.md, rules 7 to 21): one an order line or assertion line, for the buyers asked.
-- The blocks are joined into one statement: `dimensions`, `products`, `families`, `scope`, `underived` or `derived`, one of
-- the `order-...` blocks, `supply`, one of the `factor-...` blocks, `contribution`, and what reads them.
--
-- measure    quantity or amount
-- account    which of the accounts of a line are asked for, as bits: see `irregular`
-- arriving   a condition on the ends of receipts and returns
-- key        the key of a row, as an expression
-- postings   the table that movements are read from
-- lines      a condition on lines, one of the blocks `...-lines` and `lines-by-...`

-- name: dimensions
-- Who is asked for, and who there is.
with asked as (
    select unnest($asked::integer[]) as buyer
),
-- Records, each with the organisation that it stands for instead of itself (rule 59). Where an organisation is read, this
-- takes its place.
record as materialized (
    from records_as_of($known_on, $position)
),
asked_record as (
    select buyer from asked
    union
    select record from record where organization in (from asked)
),
organization as materialized (
    from organizations_as_of($effective_on, $known_on, $position)
),

-- name: products
-- What is known of products.
product as materialized (
    select made.* replace (coalesce(record.organization, made.maker) as maker)
    from products_as_of($effective_on, $known_on, $position) as made
    left join record on record.record = made.maker
),

-- name: labelled-products
-- label: the attribute that is the key, as text.
product as materialized (
    select made.* replace (coalesce(record.organization, made.maker) as maker), labelled.label
    from products_as_of($effective_on, $known_on, $position) as made
    left join record on record.record = made.maker
    left join attributes_as_of($effective_on, $known_on, $position) as labelled
        on labelled.product = made.product and labelled.attribute = $label
),

-- name: families
-- The ultimate parent of every organisation that has a parent.
family as materialized (
    from families_as_of($effective_on, $known_on, $position)
),

-- name: scope (measure, kept_by, priced, postings, lines)
-- What holds of orders as wholes, and the movements of their lines.
{cancelled},
-- The buyers of joint orders, each record with the organisation that it stands for.
member as materialized (
    select
        joint_buyer.placed_position,
        joint_buyer.buyer as record,
        coalesce(record.organization, joint_buyer.buyer) as buyer,
        $asked is null or coalesce(record.organization, joint_buyer.buyer) in (from asked) as asked_for
    from joint_buyer
    left join record on record.record = joint_buyer.buyer
),
-- Joint orders with a buyer asked for. families: the ultimate parents of those buyers.
joint as materialized (
    select
        placed_position,
        count(distinct buyer) filter (asked_for) as asked_buyers,
        count(distinct buyer) as buyers,
        list(distinct coalesce(family.family, buyer)) filter (asked_for) as families
    from member
    left join family on family.organization = member.buyer
    group by placed_position
    having asked_buyers > 0
),
-- The latest allocation of each order, as far as it names buyers by all of their records (rules 19 and 59).
spoken as (
    select placed_position, position
    from (
        select distinct placed_position, position, ends_on, known_on
        from order_allocated
        where counts(position, known_on, ends_on, $effective_on, $known_on, $position, basis, $excluded)
    )
    qualify row_number() over (partition by placed_position order by ends_on desc, known_on desc, position desc) = 1
),
allotted as (
    select
        spoken.placed_position, spoken.position, member.buyer, any_value(member.asked_for) as asked_for,
        count(given.position) = count(*) as named,
        sum(given.share_value) as share_value,
        sum(given.share_low) as share_low,
        sum(given.share_high) as share_high
    from spoken
    join member on member.placed_position = spoken.placed_position
    left join order_allocated as given on given.position = spoken.position and given.buyer = member.record
    group by spoken.placed_position, spoken.position, member.buyer
),
-- left_over: what it does not say whose it is; cap: what is not certain to be of buyers who are not asked for.
allocation as materialized (
    select
        placed_position, position,
        count(*) filter (named and asked_for) as named,
        coalesce(sum(share_value) filter (named and asked_for), 0) as share_value,
        coalesce(sum(share_low) filter (named and asked_for), 0) as share_low,
        least(
            coalesce(sum(share_high) filter (named and asked_for), 0),
            1 - coalesce(sum(share_low) filter (named and not asked_for), 0)
        ) as share_high,
        1 - coalesce(sum(share_low) filter (named), 0) as left_over,
        1 - coalesce(sum(share_low) filter (named and not asked_for), 0) as cap
    from allotted
    group by placed_position, position
),
-- The movements that count (rules 7 to 9). shown: they hold a posting of the measure (rule 13).
movement as {kept_by} (
    select
        position, line_key, placed_position, vendor, product, currency, buyer, placed_on, ends_on, kind,
        {measure}_value as value, {measure}_low as low, {measure}_high as high,
        {measure}_quantified as quantified, {measure}_unquantified as unquantified,
        if($unquantified, {measure}_quantified + {measure}_unquantified, {measure}_quantified) > 0 as shown,
        placed_position in (from cancelled) as cancelled{priced}
    from {postings}
    where
        movement_counts(
            position, known_on, counts_on, placed_position, line_key, $effective_on, $known_on, $position, basis, $excluded
        )
        and ($asked is null or buyer in (from asked_record) or placed_position in (select placed_position from joint))
        and {lines}
),

-- name: cancelled
-- Orders that are cancelled.
cancelled as materialized (
    select distinct placed_position
    from order_cancelled
    where
        counts(position, known_on, ends_on, $effective_on, $known_on, $position, basis, $excluded)
)

-- name: scope-of-all (measure, kept_by, priced, postings, lines, counting)
-- The same as `scope` for the whole market: all of every order is asked for.
-- counting: the condition on movements, which is shorter where nothing was ever taken back.
{cancelled},
member as not materialized (
    select
        joint_buyer.placed_position, coalesce(record.organization, joint_buyer.buyer) as buyer, true as asked_for
    from joint_buyer
    left join record on record.record = joint_buyer.buyer
),
joint as materialized (
    select placed_position, list(distinct coalesce(family.family, buyer)) as families
    from member
    left join family on family.organization = member.buyer
    group by placed_position
),
movement as {kept_by} (
    select
        position, line_key, placed_position, vendor, product, currency, buyer, placed_on, ends_on, kind,
        {measure}_value as value, {measure}_low as low, {measure}_high as high,
        {measure}_quantified as quantified, {measure}_unquantified as unquantified,
        if($unquantified, {measure}_quantified + {measure}_unquantified, {measure}_quantified) > 0 as shown,
        placed_position in (from cancelled) as cancelled{priced}
    from {postings}
    where
        {counting}
        and {lines}
),

-- name: movement-counts
-- Whether a movement counts.
movement_counts(
    position, known_on, counts_on, placed_position, line_key, $effective_on, $known_on, $position, basis, $excluded
)

-- name: movement-within-clocks
-- The same where nothing was ever taken back.
within_clocks(position, known_on, counts_on, $effective_on, $known_on, $position, basis, $excluded)

-- name: underived
-- Movements with what each adds; quantities are as they were stated.
moved as (
    select
        line_key, placed_position, vendor, product, currency, buyer, placed_on, kind, cancelled, position,
        ends_on as first_on, ends_on as last_on, value, low, high, quantified, unquantified
    from movement
    where shown
),

-- name: derived (arriving)
-- Movements with what each adds, and of receipts and returns without an amount one for each line: at its price (rule 30).
unpriced as (
    from movement where unpriced and {arriving}
),
arrival as materialized (
    select
        line_key, placed_position, vendor, product, currency, buyer, placed_on, cancelled,
        whole_figure(sum(quantity_value)) as value,
        whole_figure(sum(quantity_low)) as low,
        whole_figure(sum(quantity_high)) as high,
        min(ends_on) as first_on,
        max(ends_on) as last_on
    from unpriced
    where quantity_unquantified = 0
    group by line_key, placed_position, vendor, product, currency, buyer, placed_on, cancelled
),
-- What the line is ordered for, below nothing too. priced: it is exact, and a price.
costed as (
    select
        line_key,
        whole_figure(sum(quantity_value)) as quantity,
        whole_figure(sum(value)) as amount,
        sum(quantity_unquantified) = 0 and sum(unquantified) = 0
        and sum(quantity_low) = sum(quantity_value) and sum(quantity_high) = sum(quantity_value)
        and sum(low) = sum(value) and sum(high) = sum(value)
        and sum(quantity_value) > 0 and sum(value) >= 0 as priced
    from movement
    where kind <= 2 and line_key in (select line_key from arrival)
    group by line_key
),
valued as (
    select
        arrival.*,
        value = 0 and low = 0 and high = 0 as is_nothing,
        coalesce(costed.priced, false) as priced,
        costed.amount,
        costed.quantity
    from arrival
    left join costed on costed.line_key = arrival.line_key
),
moved as (
    select
        line_key, placed_position, vendor, product, currency, buyer, placed_on, kind, cancelled, position,
        ends_on as first_on, ends_on as last_on, value, low, high, quantified, unquantified
    from movement
    where shown
    union all
    select
        line_key, placed_position, vendor, product, currency, buyer, placed_on, kind, cancelled, position, ends_on, ends_on,
        0, 0, 0, 0, 1
    from unpriced
    where quantity_unquantified > 0 and $unquantified
    union all
    select
        line_key, placed_position, vendor, product, currency, buyer, placed_on, 3, cancelled, null, first_on, last_on,
        if(is_nothing or not priced, 0, apportioned(amount, value, quantity)),
        if(is_nothing or not priced, 0, apportioned(amount, low, quantity)),
        if(is_nothing or not priced, 0, apportioned(amount, high, quantity)),
        (is_nothing or priced)::utinyint,
        (not is_nothing and not priced)::utinyint
    from valued
    where is_nothing or priced or $unquantified
),

-- name: order-ordered
-- Ordered: what was ordered; under a cancellation, what was delivered; not below nothing (rules 10, 14, 15).
kept as (
    from moved where placed_on between $first_on and $last_on and (kind <= 2) <> cancelled
),
{line-of-kept}

-- name: order-delivered
-- Delivered: receipts less returns, not below nothing.
kept as (
    from moved where last_on between $first_on and $last_on and kind > 2
),
{line-of-kept}

-- name: line-of-kept
-- What is kept of a line, not below nothing.
line as (
    select
        line_key, placed_position, vendor, product, currency, buyer, placed_on,
        greatest(sum(value), 0) as value,
        greatest(sum(low), 0) as low,
        greatest(sum(high), 0) as high,
        sum(quantified) as quantified,
        sum(unquantified) as unquantified,
        sum(unquantified) as unbounded,
        min(first_on) as first_on,
        max(last_on) as last_on
    from kept
    group by all
),

-- name: order-open
-- Open: ordered less delivered with bounds crossed, not below nothing; an unbounded delivery may have been everything.
kept as (
    from moved where not cancelled
),
line as (
    select
        line_key, placed_position, vendor, product, currency, buyer, placed_on,
        greatest(
            coalesce(sum(value) filter (kind <= 2), 0) - greatest(coalesce(sum(value) filter (kind > 2), 0), 0), 0
        ) as value,
        if(
            coalesce(sum(unquantified) filter (kind > 2), 0) > 0,
            0,
            greatest(
                coalesce(sum(low) filter (kind <= 2), 0) - greatest(coalesce(sum(high) filter (kind > 2), 0), 0), 0
            )
        ) as low,
        greatest(
            coalesce(sum(high) filter (kind <= 2), 0) - greatest(coalesce(sum(low) filter (kind > 2), 0), 0), 0
        ) as high,
        sum(quantified) as quantified,
        sum(unquantified) as unquantified,
        coalesce(sum(unquantified) filter (kind <= 2), 0) as unbounded,
        min(first_on) as first_on,
        max(last_on) as last_on
    from kept
    group by all
),

-- name: supply (measure)
-- Supply known without an order: of each assertion the latest (rule 11), both ordered and delivered, never open.
assertion as materialized (
    select position, vendor, buyer, currency, ends_on
    from supply_asserted
    where
        counts(position, known_on, ends_on, $effective_on, $known_on, $position, basis, $excluded)
    qualify row_number() over (partition by assertion_id order by ends_on desc, known_on desc, position desc) = 1
),
supplied as (
    select
        assertion.position * 65536 + supply_line.ordinal as line_key,
        assertion.position,
        vendor, product, currency, buyer, ends_on,
        {measure}_value as value, {measure}_low as low, {measure}_high as high,
        {measure}_quantified as quantified, {measure}_unquantified as unquantified
    from assertion
    join supply_line on supply_line.position = assertion.position
    where
        $status <> 'open'
        and ends_on between $first_on and $last_on
        and ($asked is null or buyer in (from asked_record))
        and ($unquantified or {measure}_quantified > 0)
),
stated as (
    select
        'order' as source, line_key, placed_position as position, vendor, product, currency, buyer, placed_on, value, low, high, quantified, unquantified, unbounded, first_on, last_on
    from line
    union all
    select
        'supply', line_key, position, vendor, product, currency, buyer, ends_on, value, low, high, quantified,
        unquantified, unquantified, ends_on, ends_on
    from supplied
),
{figures-of-lines}

-- name: no-supply
-- The same where there is none.
stated as (
    select
        'order' as source, line_key, placed_position as position, vendor, product, currency, buyer, placed_on, value, low,
        high, quantified, unquantified, unbounded, first_on, last_on
    from line
),
{figures-of-lines}

-- name: figures-of-lines
-- Whose lines they are, and which are something.
-- priced_on: the day whose rates are taken.
figure as (
    select
        stated.* replace (
            coalesce(seller.organization, stated.vendor) as vendor, coalesce(holder.organization, stated.buyer) as buyer
        ),
        coalesce($rates_on, placed_on) as priced_on
    from stated
    left join record as seller on seller.record = stated.vendor
    left join record as holder on holder.record = stated.buyer
),
-- What is exactly nothing is dropped (rule 21), and needs neither rate nor attribute.
something as (
    from figure where unquantified > 0 or value <> 0 or low <> 0 or high <> 0
),

-- name: factor-units
-- Units: a figure is multiplied by nothing.
converted as (
    select
        *, true as convertible, null::bigint as publication, null::integer as rate_days, null::varchar as wanting,
        1::decimal(25, 10) as source_rate, 1::decimal(25, 10) as target_rate,
        1::decimal(15, 6) as attribute_value, 1::decimal(15, 6) as attribute_low, 1::decimal(15, 6) as attribute_high
    from something
),

-- name: conversion
-- The rates at which each currency goes over into the one asked for, by the day from which they hold (rule 17).
conversion as materialized (
    from rates_as_of(number_of($currency), $known_on, $position)
),

-- name: factor-spend
-- Money is converted at the rate of its day.
rated as materialized (
    select
        priced.currency, priced.priced_on, conversion.publication, conversion.source_rate, conversion.target_rate,
        priced.priced_on - conversion.holds_from as rate_days
    from (select distinct currency, priced_on from something) as priced
    asof join conversion on conversion.currency = priced.currency and priced.priced_on >= conversion.holds_from
),
converted as (
    select
        something.*,
        coalesce(something.currency = number_of($currency), false) or rated.publication is not null as convertible,
        rated.publication,
        rated.rate_days::integer as rate_days,
        case
            when something.currency is null then 'no-currency'
            when something.currency = number_of($currency) then null
            when rated.publication is null then 'no-rate'
            when rated.rate_days > 92 then 'stale-rate'
        end as wanting,
        coalesce(rated.source_rate, 1) as source_rate,
        coalesce(rated.target_rate, 1) as target_rate,
        1::decimal(15, 6) as attribute_value, 1::decimal(15, 6) as attribute_low, 1::decimal(15, 6) as attribute_high
    from something
    left join rated on rated.currency = something.currency and rated.priced_on = something.priced_on
),

-- name: factor-capacity
-- Capacity: a figure is multiplied by the product's attribute, and has no value where that is not quantified.
converted as (
    select
        something.*,
        attribute.value is not null as convertible,
        null::bigint as publication,
        null::integer as rate_days,
        case
            when something.product is null then 'no-product'
            when attribute.value is null then 'no-attribute'
        end as wanting,
        1::decimal(25, 10) as source_rate,
        1::decimal(25, 10) as target_rate,
        coalesce(attribute.value, 1) as attribute_value,
        coalesce(attribute.low, 1) as attribute_low,
        coalesce(attribute.high, 1) as attribute_high
    from something
    left join attributes_as_of($effective_on, $known_on, $position) as attribute
        on attribute.product = something.product and attribute.attribute = $attribute
),

-- name: contribution (key)
-- What the buyers asked for have of it (rules 19, 20), and what each of its parts is multiplied with.
-- share_value, share_low, share_high: of the part that an allocation says; null: none. remainder: how much of the figure at
-- most may be theirs without an allocation that says so; null: none. possible_remainder: the same, left out or not.
shared as (
    select
        converted.* exclude (value, low, high, quantified, unquantified, unbounded),
        if(convertible, converted.value, 0) as value,
        if(convertible, converted.low, 0) as low,
        if(convertible, converted.high, 0) as high,
        if(convertible, converted.quantified, 0) as quantified,
        if(convertible, converted.unquantified, 1) as unquantified,
        if(convertible, converted.unbounded, 1) as unbounded,
        allocation.position as allocated,
        {shares},
        coalesce(joint.families, [coalesce(buyer_family.family, converted.buyer)]) as buyer_families,
        buyer_families = [coalesce(vendor_family.family, converted.vendor)] as captive,
        coalesce(vendor_family.family, converted.vendor) as family,
        organization.country
    from (
        select converted.*, converted.buyer is not null or joint.asked_buyers = joint.buyers as whole
        from converted
        left join joint on converted.buyer is null and joint.placed_position = converted.position
    ) as converted
    left join joint on converted.buyer is null and joint.placed_position = converted.position
    left join allocation on not converted.whole and allocation.placed_position = converted.position
    left join family as buyer_family on buyer_family.organization = converted.buyer
    left join family as vendor_family on vendor_family.organization = converted.vendor
    left join organization on organization.organization = converted.vendor
),
{theirs-of-shared}

-- name: contribution-of-all (key)
-- The same where all of everything is asked for.
shared as (
    select
        converted.* exclude (value, low, high, quantified, unquantified, unbounded),
        if(convertible, converted.value, 0) as value,
        if(convertible, converted.low, 0) as low,
        if(convertible, converted.high, 0) as high,
        if(convertible, converted.quantified, 0) as quantified,
        if(convertible, converted.unquantified, 1) as unquantified,
        if(convertible, converted.unbounded, 1) as unbounded,
        null::bigint as allocated,
        1::decimal(38, 6) as share_value,
        1::decimal(38, 6) as share_low,
        1::decimal(38, 6) as share_high,
        null::decimal(38, 6) as possible_remainder,
        coalesce(joint.families, [holder.family]) as buyer_families,
        buyer_families = [seller.family] as captive,
        seller.family,
        seller.country
    from converted
    left join joint on converted.buyer is null and joint.placed_position = converted.position
    left join place as holder on holder.number = converted.buyer
    join place as seller on seller.number = converted.vendor
),
{theirs-of-shared}

-- name: theirs-of-shared (key)
-- What is not exactly nothing, and what is asked for of it.
-- Not exactly nothing (rule 21): the figure itself is not, and of it these buyers have more than nothing.
theirs as (
    from shared
    where
        ($captives or not captive)
        and (share_value is not null or possible_remainder is not null)
        and (
            unquantified > 0
            or (value <> 0 and attribute_value <> 0 and (share_value <> 0 or possible_remainder is not null))
            or (low <> 0 and attribute_low <> 0 and (share_low <> 0 or possible_remainder is not null))
            or (high <> 0 and attribute_high <> 0)
        )
),
contribution as (
    select
        theirs.* exclude (family, possible_remainder, rate_days, wanting),
        if($unquantified, possible_remainder, null) as remainder,
        wanting is not null as is_wanting,
        {key} as key
    from theirs
    left join product on product.product = theirs.product
    where $unquantified or (convertible and share_value is not null)
)

-- name: shares
-- What an allocation makes of a figure that is not all of the buyers asked for.
case when whole then 1 when allocation.share_high > 0 then allocation.share_value end::decimal(38, 6) as share_value,
case when whole then 1 when allocation.share_high > 0 then allocation.share_low end::decimal(38, 6) as share_low,
case when whole then 1 when allocation.share_high > 0 then allocation.share_high end::decimal(38, 6) as share_high,
case
    when whole then null
    when allocation.position is null then 1
    when allocation.named < joint.asked_buyers and allocation.left_over > 0
        then greatest(allocation.cap - allocation.share_high, 0)
end::decimal(38, 6) as possible_remainder

-- name: remarks
-- What kept contributions unquantified, and rates that were old on the day they are used for (rule 61).
select
    wanting as kind,
    case wanting
        when 'no-rate' then word_of(theirs.currency) || '/' || $currency
        when 'stale-rate' then word_of(theirs.currency) || '/' || $currency
        when 'no-currency' then supply_asserted.assertion_id
        when 'no-product' then word_of(theirs.vendor)
        else word_of(theirs.product)
    end as subject,
    count(*) as count,
    max(rate_days) as days
from theirs
left join supply_asserted on theirs.source = 'supply' and supply_asserted.position = theirs.position
where wanting is not null
group by all

-- name: remarks-of-row (key)
-- The same of the contributions of one row alone, of one vendor alone where one is named.
select
    wanting as kind,
    case wanting
        when 'no-rate' then word_of(theirs.currency) || '/' || $currency
        when 'stale-rate' then word_of(theirs.currency) || '/' || $currency
        when 'no-currency' then supply_asserted.assertion_id
        when 'no-product' then word_of(theirs.vendor)
        else word_of(theirs.product)
    end as subject,
    count(*) as count,
    max(rate_days) as days
from (
    select theirs.*, {key} as key
    from theirs
    left join product on product.product = theirs.product
) as theirs
left join supply_asserted on theirs.source = 'supply' and supply_asserted.position = theirs.position
where wanting is not null
    and word_of(key) is not distinct from $key
    and ($seller is null or word_of(theirs.vendor) = $seller)
group by all

-- name: irregular-lines (account)
-- Lines that are not plain in what is measured.
line_key in (select line_key from irregular where accounts & {account} > 0)

-- name: irregular-lines-unmade
-- Lines that are not plain in anything, of products that have a category and that nobody is known to make.
line_key in (select line_key from irregular)
and product in (select product.product from product where product.maker is null and product.category is not null)

-- name: every-line
-- All lines.
true

-- name: lines-by-vendor
-- Lines whose row is that of a vendor.
vendor in (
    select number_of($key) union all select record.record from record where record.organization = number_of($key)
)

-- name: lines-by-maker
-- Lines whose row may be that of a maker.
(
    product in (select product.product from product where product.maker = number_of($key))
    or vendor in (
    select number_of($key) union all select record.record from record where record.organization = number_of($key)
)
)

-- name: lines-by-parent
-- Lines whose row may be that of an ultimate parent.
(
    vendor in (
    select number_of($key) union all select record.record from record where record.organization = number_of($key)
)
    or vendor in (
        select coalesce(record.record, family.organization)
        from family
        left join record on record.organization = family.organization
        where family.family = number_of($key)
    )
    or vendor in (select family.organization from family where family.family = number_of($key))
)

-- name: lines-by-country
-- Lines whose row may be that of a country.
(
    $key is null
    or vendor in (select organization.organization from organization where organization.country = number_of($key))
    or vendor in (
        select record.record
        from record
        join organization on organization.organization = record.organization
        where organization.country = number_of($key)
    )
)

-- name: lines-by-product
-- Lines whose row is that of a product; no key: of no product.
product is not distinct from number_of($key)

-- name: lines-by-category
-- Lines whose row may be that of a category.
(
    $key is null
    or product in (select product.product from product where product.category = number_of($key))
)

-- name: lines-by-attribute
-- Lines whose row may be that of an attribute's value.
(
    $key is null
    or product in (select product.product from product where product.label = number_of($key))
)

-- name: touched-lines
-- The lines that a comparison of two moments looks at (differences.sql).
line_key in (select line_key from touched)
