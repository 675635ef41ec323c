-- Contributions to a figure (docs/semantics.md, rules 7 to 21): one an order line or assertion line, for the buyers asked.
-- The blocks are joined into one statement: `dimensions`, `products`, `families`, `scope`, one of the `order-...` blocks,
-- `supply`, one of the `factor-...` blocks, `contribution`, and what reads them.
--
-- measure    quantity or amount
-- account    which of the two, as a bit: 1 or 2
-- key        the key of a row, as an expression
-- postings   the table that movements are read from
-- lines      a condition on lines, one of the blocks `...-lines` and `lines-by-...`

-- name: dimensions
-- Who is asked for, and who there is.
with asked as (
    select unnest($asked::integer[]) as buyer
),
organization as materialized (
    from organizations_as_of($effective_on, $known_on, $position)
),

-- name: products
-- What is known of products.
product as materialized (
    from products_as_of($effective_on, $known_on, $position)
),

-- name: labelled-products
-- label: the attribute that is the key, as text.
product as materialized (
    select known.*, labelled.label
    from products_as_of($effective_on, $known_on, $position) as known
    left join attributes_as_of($effective_on, $known_on, $position) as labelled
        on labelled.product = known.product and labelled.attribute = $label
),

-- name: families
-- The ultimate parent of every organisation that has a parent.
family as materialized (
    from families_as_of($effective_on, $known_on, $position)
),

-- name: scope (measure, postings, lines)
-- What holds of orders as wholes, and the movements of their lines.
cancelled as materialized (
    select distinct placed_position
    from order_cancelled
    where
        counts(position, known_on, ends_on, $effective_on, $known_on, $position, basis, $excluded)
),
-- Joint orders with a buyer asked for. families: the ultimate parents of those buyers.
joint as materialized (
    select
        placed_position,
        count(*) filter (asked_for) as asked_buyers,
        count(*) as buyers,
        list(distinct family) filter (asked_for) as families
    from (
        select
            joint_buyer.placed_position,
            $asked is null or joint_buyer.buyer in (from asked) as asked_for,
            coalesce(family.family, joint_buyer.buyer) as family
        from joint_buyer
        left join family on family.organization = joint_buyer.buyer
    )
    group by placed_position
    having asked_buyers > 0
),
-- The latest allocation of each order (rule 19). remainder: what it leaves to those it does not name.
allocation as materialized (
    select
        placed_position,
        position,
        sum(share_value) filter (buyer in (from asked)) as share_value,
        sum(share_low) filter (buyer in (from asked)) as share_low,
        sum(share_high) filter (buyer in (from asked)) as share_high,
        count(*) filter (buyer in (from asked)) as named,
        1 - sum(share_low) as remainder
    from order_allocated
    where
        counts(position, known_on, ends_on, $effective_on, $known_on, $position, basis, $excluded)
    group by placed_position, position, ends_on, known_on
    qualify row_number() over (partition by placed_position order by ends_on desc, known_on desc, position desc) = 1
),
-- The movements that count (rules 7 to 9, 13) and hold a posting of the measure.
movement as (
    select
        position, line_key, placed_position, vendor, product, currency, buyer, placed_on, ends_on, kind,
        {measure}_value as value, {measure}_low as low, {measure}_high as high,
        {measure}_quantified as quantified, {measure}_unquantified as unquantified,
        placed_position in (from cancelled) as cancelled
    from {postings}
    where
        movement_counts(
            position, known_on, counts_on, placed_position, line_key, $effective_on, $known_on, $position, basis, $excluded
        )
        and ($asked is null or buyer in (from asked) or placed_position in (select placed_position from joint))
        and if($unquantified, {measure}_quantified + {measure}_unquantified, {measure}_quantified) > 0
        and {lines}
),

-- name: order-ordered
-- Ordered: what was ordered; under a cancellation, what was delivered (rules 10, 14, 15).
kept as (
    from movement where placed_on >= $first_on and (kind <= 2) <> cancelled
),
line as (
    select
        line_key, placed_position, vendor, product, currency, buyer, placed_on,
        if(bool_or(cancelled), greatest(sum(value), 0), sum(value)) as value,
        if(bool_or(cancelled), greatest(sum(low), 0), sum(low)) as low,
        if(bool_or(cancelled), greatest(sum(high), 0), sum(high)) as high,
        sum(quantified) as quantified,
        sum(unquantified) as unquantified,
        sum(unquantified) as unbounded,
        min(ends_on) as first_on,
        max(ends_on) as last_on
    from kept
    group by all
),

-- name: order-delivered
-- Delivered: receipts less returns, not below nothing.
kept as (
    from movement where ends_on >= $first_on and kind > 2
),
line as (
    select
        line_key, placed_position, vendor, product, currency, buyer, placed_on,
        greatest(sum(value), 0) as value,
        greatest(sum(low), 0) as low,
        greatest(sum(high), 0) as high,
        sum(quantified) as quantified,
        sum(unquantified) as unquantified,
        sum(unquantified) as unbounded,
        min(ends_on) as first_on,
        max(ends_on) as last_on
    from kept
    group by all
),

-- name: order-open
-- Open: ordered less delivered with bounds crossed, not below nothing; an unbounded delivery may have been everything.
kept as (
    from movement where not cancelled
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
        min(ends_on) as first_on,
        max(ends_on) as last_on
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
        and ends_on >= $first_on
        and ($asked is null or buyer in (from asked))
        and ($unquantified or {measure}_quantified > 0)
),
figure as (
    select
        'order' as source, line_key, placed_position as position, vendor, product, currency, buyer,
        placed_on as priced_on, value, low, high, quantified, unquantified, unbounded, first_on, last_on
    from line
    union all
    select
        'supply', line_key, position, vendor, product, currency, buyer, ends_on, value, low, high, quantified,
        unquantified, unquantified, ends_on, ends_on
    from supplied
),
-- What is exactly nothing is dropped (rule 21), and needs neither rate nor attribute.
something as (
    from figure where unquantified > 0 or value <> 0 or low <> 0 or high <> 0
),

-- name: factor-units
-- Units: a figure is multiplied by nothing.
converted as (
    select
        *, true as convertible, null::bigint as publication,
        1::decimal(25, 10) as source_rate, 1::decimal(25, 10) as target_rate,
        1::decimal(15, 6) as attribute_value, 1::decimal(15, 6) as attribute_low, 1::decimal(15, 6) as attribute_high
    from something
),

-- name: factor-spend
-- The rates at which each currency goes over into the one asked for, by the day from which they hold (rule 17).
conversion as materialized (
    from rates_as_of(number_of($currency), $effective_on, $known_on, $position)
),
rated as materialized (
    select priced.currency, priced.priced_on, conversion.publication, conversion.source_rate, conversion.target_rate
    from (select distinct currency, priced_on from something) as priced
    asof join conversion on conversion.currency = priced.currency and priced.priced_on >= conversion.holds_from
),
converted as (
    select
        something.*,
        coalesce(something.currency = number_of($currency), false) or rated.publication is not null as convertible,
        rated.publication,
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
-- remainder: how much of the figure may be theirs without an allocation that says so; null: none.
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
        case
            when whole then 1
            when allocation.named > 0 and allocation.share_high > 0 then allocation.share_value
        end::decimal(38, 6) as share_value,
        case
            when whole then 1
            when allocation.named > 0 and allocation.share_high > 0 then allocation.share_low
        end::decimal(38, 6) as share_low,
        case
            when whole then 1
            when allocation.named > 0 and allocation.share_high > 0 then allocation.share_high
        end::decimal(38, 6) as share_high,
        case
            when whole or not $unquantified then null
            when allocation.position is null then 1
            when allocation.named < joint.asked_buyers and allocation.remainder > 0 then allocation.remainder
        end::decimal(38, 6) as remainder,
        coalesce(joint.families, [coalesce(buyer_family.family, converted.buyer)])
            = [coalesce(vendor_family.family, converted.vendor)] as captive,
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
    where converted.convertible or $unquantified
),
contribution as (
    select shared.* exclude (family), {key} as key
    from shared
    left join product on product.product = shared.product
    where
        ($captives or not captive)
        -- Not exactly nothing (rule 21): the figure itself is not, and of it these buyers have more than nothing.
        and (share_high is not null or remainder is not null)
        and (
            unquantified > 0
            or (value <> 0 and attribute_value <> 0 and (share_value <> 0 or remainder is not null))
            or (low <> 0 and attribute_low <> 0 and (share_low <> 0 or remainder is not null))
            or (high <> 0 and attribute_high <> 0)
        )
)

-- name: irregular-lines (account)
-- Lines that are not plain in what is measured.
line_key in (select line_key from irregular where accounts & {account} > 0)

-- name: every-line
-- All lines.
true

-- name: lines-by-vendor
-- Lines whose row is that of a vendor.
vendor = number_of($key)

-- name: lines-by-maker
-- Lines whose row may be that of a maker.
(
    product in (select product.product from product where product.maker = number_of($key))
    or vendor = number_of($key)
)

-- name: lines-by-parent
-- Lines whose row may be that of an ultimate parent.
(
    vendor in (select family.organization from family where family.family = number_of($key))
    or vendor = number_of($key)
)

-- name: lines-by-country
-- Lines whose row may be that of a country.
(
    $key is null
    or vendor in (select organization.organization from organization where organization.country = number_of($key))
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
