-- The sums of plain lines (table steady), grouped as a view asks: joined into one statement with `dimensions` of
-- contributions.sql and `standing` of restrictions.sql. MEASURE stands for quantity or amount, ACCOUNT for 1 or 2, NAMED,
-- GROUPED and SETS for what they are grouped by, HELD_AGAINST for `held-against` of restrictions.sql, where rules bar anything.
-- Every factor is a whole number of units of its own size, so that sums of products are whole numbers too.

-- name: sides
seller as materialized (
    select
        term.number,
        coalesce(family.family, term.number) as family,
        organization.country,
        coalesce(organization.country = number_of($home), false) as domestic,
        place.kind, place.buyer_certain, place.buyer_possible, place.named, place.country_certain,
        place.country_possible
    from term
    left join family on family.organization = term.number
    left join organization on organization.organization = term.number
    join place on place.number = term.number
),

-- name: aside-ordered
-- Lines that are not counted here.
aside as (
    select line_key from irregular where accounts & ACCOUNT > 0
),

-- name: aside-delivered
aside as (
    select line_key from irregular where accounts & ACCOUNT > 0
),

-- name: aside-open
-- Lines that are not counted here, and those of which nothing is open any more.
aside as (
    select line_key from irregular where accounts & ACCOUNT > 0
    union all
    select line_key
    from steady
    where
        closes & ACCOUNT > 0
        and position <= $position
        and known_on <= $known_on
        and counts_on <= $effective_on
        and basis & $excluded = 0
),

-- name: price-units

-- name: price-capacity
-- The attribute in millionths.
price as materialized (
    select
        product,
        (value::decimal(38, 6) * 1000000)::bigint as value_factor,
        (low::decimal(38, 6) * 1000000)::bigint as low_factor,
        (high::decimal(38, 6) * 1000000)::bigint as high_factor
    from attributes_as_of($effective_on, $known_on, $position)
    where attribute = $attribute and value is not null
),

-- name: price-spend
-- By currency and day the rate in force (rule 17): a whole number and three groups of twelve decimals.
conversion as materialized (
    select
        source.currency,
        source.ends_on as holds_from,
        (source.rate::decimal(38, 10) * 10000000000)::hugeint as source_rate,
        (target.rate::decimal(38, 10) * 10000000000)::hugeint as target_rate
    from exchange_rate as source
    join exchange_rate as target on target.position = source.position
    where
        target.currency = number_of($currency)
        and source.currency <> target.currency
        and source.position <= $position
        and source.known_on <= $known_on
        and source.ends_on <= $effective_on
        and source.position not in (from gone)
    qualify
        row_number() over (
            partition by source.currency, source.ends_on order by source.known_on desc, source.position desc
        ) = 1
),
divided as (
    select
        *,
        target_rate // source_rate as whole,
        (target_rate % source_rate) * 1000000000000 // source_rate as first_decimals,
        (target_rate % source_rate) * 1000000000000 % source_rate as first_rest
    from conversion
),
divided_further as (
    select
        *,
        first_rest * 1000000000000 // source_rate as second_decimals,
        first_rest * 1000000000000 % source_rate as second_rest
    from divided
),
placed as materialized (
    select min(placed_on) as first_on, max(placed_on) as last_on from steady
),
held as (
    select
        currency,
        greatest(holds_from, placed.first_on) as held_from,
        least(
            lead(holds_from) over (partition by currency order by holds_from) - 1, placed.last_on
        ) as held_to,
        whole,
        first_decimals::bigint as first_decimals,
        second_decimals::bigint as second_decimals,
        (second_rest * 1000000000000 // source_rate)::bigint as third_decimals
    from divided_further
    cross join placed
    where placed.first_on is not null
),
price as materialized (
    select
        currency,
        unnest(range(held_from, held_to + 1, interval 1 day))::date as placed_on,
        whole, first_decimals, second_decimals, third_decimals
    from held
    where held_from <= held_to
    union all
    select number_of($currency), unnest(range(first_on, last_on + 1, interval 1 day))::date, 1, 0, 0, 0
    from placed
    where number_of($currency) is not null
),

-- name: movements
counted as (
    select
        seller.number as vendor, seller.family, seller.country, seller.domestic,
        seller.family = holder.family as captive, holder.kind as buyers, VERDICT as verdict,
        steady.product, steady.currency, steady.placed_on, steady.ends_on, steady.MEASURE as figure
    from steady
    join seller on seller.number = steady.vendor
    join seller as holder on holder.number = steady.buyer
    HELD_AGAINST
    where
        steady.position <= $position
        and steady.known_on <= $known_on
        and steady.counts_on <= $effective_on
        and steady.basis & $excluded = 0
        and steady.MEASURE SIGN 0
        and steady.WINDOWED >= $first_on
        and steady.line_key not in (from aside)
        and ($asked is null or steady.buyer in (from asked))
        and ($captives or seller.family <> holder.family)
)

-- name: sums-units
select
    NAMED, quantified, 0 as unconvertible, value, first_on, last_on
from (
    select
        GROUPED, count(*) as quantified, sum(figure) as value, min(ends_on) as first_on, max(ends_on) as last_on
    from counted
    left join product on product.product = counted.product
    group by SETS
)

-- name: sums-spend
select
    NAMED, quantified, unconvertible, whole, first_decimals, second_decimals,
    third_decimals, first_on, last_on
from (
    select
        GROUPED,
        count(price.whole) as quantified,
        count(*) - count(price.whole) as unconvertible,
        sum(figure::hugeint * price.whole) as whole,
        sum(figure::hugeint * price.first_decimals) as first_decimals,
        sum(figure::hugeint * price.second_decimals) as second_decimals,
        sum(figure::hugeint * price.third_decimals) as third_decimals,
        min(ends_on) as first_on,
        max(ends_on) as last_on
    from counted
    left join price on price.currency = counted.currency and price.placed_on = counted.placed_on
    left join product on product.product = counted.product
    where $unquantified or price.whole is not null
    group by SETS
)

-- name: sums-capacity
select
    NAMED, quantified, unconvertible, value, low, high, first_on, last_on
from (
    select
        GROUPED,
        count(price.product) as quantified,
        count(*) - count(price.product) as unconvertible,
        sum(figure::hugeint * price.value_factor) as value,
        sum(figure::hugeint * price.low_factor) as low,
        sum(figure::hugeint * price.high_factor) as high,
        min(ends_on) as first_on,
        max(ends_on) as last_on
    from counted
    left join price on price.product = counted.product
    left join product on product.product = counted.product
    where
        -- An attribute of exactly nothing makes nothing of everything (rule 21).
        if(price.product is null, $unquantified, price.high_factor > 0)
    group by SETS
)
