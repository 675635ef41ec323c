-- The sums of plain lines (table steady), grouped as a view asks: joined into one statement with `dimensions` of
-- contributions.sql and `standing` of restrictions.sql. Every factor is a whole number of units of its own size, so that
-- sums of products are whole numbers too.
--
-- measure, account         as in contributions.sql
-- sign, window_end         which movements a status looks at, and which end decides whether one lies in the window
-- named, grouped, sets     what they are grouped by: names, expressions, and the sets of them
-- made                     joins the product, where any of that is about it
-- lines                    counts each line once; of what is ordered each has one movement
-- verdict, held_against    as in restrictions.sql
-- buyers                   what stands for the buyer: its kind, or itself

-- name: sides
-- Every organisation as vendor and as buyer: which it stands for, its family, its country, and what it is to the rules.
called as (
    select term.number, coalesce(record.organization, term.number) as organization
    from term
    left join record on record.record = term.number
),
seller as materialized (
    select
        called.number,
        called.organization,
        coalesce(family.family, called.organization) as family,
        organization.country,
        coalesce(organization.country = number_of($home), false) as domestic,
        place.kind, place.buyer_certain, place.buyer_possible, place.named, place.country_certain,
        place.country_possible
    from called
    left join family on family.organization = called.organization
    left join organization on organization.organization = called.organization
    join place on place.number = called.number
),

-- name: aside (account)
-- Lines that are not counted here.
aside as (
    select line_key from irregular where accounts & {account} > 0
),

-- name: aside-open (account)
-- Lines that are not counted here, and those of which nothing is open any more.
aside as (
    select line_key from irregular where accounts & {account} > 0
    union all
    select line_key
    from steady
    where
        closes & {account} > 0
        and within_clocks(position, known_on, counts_on, $effective_on, $known_on, $position, basis, $excluded)
),

-- name: price-units
-- Units are multiplied by nothing.

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
-- By currency and day the rate in force (rule 17): a whole number and three groups of twelve decimals. since: the end of its
-- publication.
conversion as materialized (
    select
        currency,
        holds_from,
        whole_rate(source_rate) as source_rate,
        whole_rate(target_rate) as target_rate
    from rates_as_of(number_of($currency), $known_on, $position)
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
    select
        coalesce($rates_on, min(placed_on)) as first_on, coalesce($rates_on, max(placed_on)) as last_on
    from steady
),
held as (
    select
        currency,
        holds_from,
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
        unnest(range(held_from, held_to + 1, interval 1 day))::date as priced_on,
        holds_from as since, whole, first_decimals, second_decimals, third_decimals
    from held
    where held_from <= held_to
    union all
    select number_of($currency), unnest(range(first_on, last_on + 1, interval 1 day))::date, null, 1, 0, 0, 0
    from placed
    where number_of($currency) is not null
),

-- name: movements (verdict, buyers, measure, held_against, sign, window_end)
-- The movements of plain lines that count, with what they are grouped by.
counted as (
    select
        steady.line_key, seller.organization as vendor, seller.family, seller.country, seller.domestic,
        seller.family = holder.family as captive, holder.family as buyer_families, {buyers} as buyers, {verdict} as verdict,
        steady.product, steady.currency, steady.placed_on,
        coalesce($rates_on, steady.placed_on) as priced_on, steady.ends_on,
        steady.{measure} as figure
    from steady
    join seller on seller.number = steady.vendor
    join seller as holder on holder.number = steady.buyer
    {held_against}
    where
        within_clocks(
            steady.position, steady.known_on, steady.counts_on, $effective_on, $known_on, $position, steady.basis, $excluded
        )
        and steady.{measure} {sign} 0
        and steady.{window_end} between $first_on and $last_on
        and steady.line_key not in (from aside)
        and ($asked is null or steady.buyer in (from asked_record))
        and ($captives or seller.family <> holder.family)
)

-- name: sums-units (named, grouped, sets, made)
-- Units summed by what they are grouped by.
select
    {named}, quantified, 0 as unconvertible, 0 as stale, value, first_on, last_on
from (
    select
        {grouped}, count(*) as quantified, sum(figure) as value, min(ends_on) as first_on, max(ends_on) as last_on
    from counted
    {made}
    group by {sets}
)

-- name: sums-spend (named, grouped, sets, made)
-- Money summed in the parts of its rate by what it is grouped by; unconvertible: without a rate; stale: at an old one.
select
    {named}, quantified, unconvertible, stale, whole, first_decimals, second_decimals,
    third_decimals, first_on, last_on
from (
    select
        {grouped},
        count(price.whole) as quantified,
        count(*) - count(price.whole) as unconvertible,
        count(*) filter (counted.priced_on - price.since > 92) as stale,
        sum(figure::hugeint * price.whole) as whole,
        sum(figure::hugeint * price.first_decimals) as first_decimals,
        sum(figure::hugeint * price.second_decimals) as second_decimals,
        sum(figure::hugeint * price.third_decimals) as third_decimals,
        min(ends_on) as first_on,
        max(ends_on) as last_on
    from counted
    left join price on price.currency = counted.currency and price.priced_on = counted.priced_on
    {made}
    where $unquantified or price.whole is not null
    group by {sets}
)

-- name: sums-capacity (named, grouped, sets, made)
-- Capacity summed by what it is grouped by; unconvertible: lines whose product lacks the attribute.
select
    {named}, quantified, unconvertible, 0 as stale, value, low, high, first_on, last_on
from (
    select
        {grouped},
        count(price.product) as quantified,
        count(*) - count(price.product) as unconvertible,
        sum(figure::hugeint * price.value_factor) as value,
        sum(figure::hugeint * price.low_factor) as low,
        sum(figure::hugeint * price.high_factor) as high,
        min(ends_on) as first_on,
        max(ends_on) as last_on
    from counted
    left join price on price.product = counted.product
    {made}
    where
        -- An attribute of exactly nothing makes nothing of everything (rule 21).
        if(price.product is null, $unquantified, price.high_factor > 0)
    group by {sets}
)

-- name: remarks-spend (lines)
-- Lines without a rate, and lines at one that was old on the day it is used for (rule 61).
select kind, word_of(currency) || '/' || $currency as subject, count({lines}) as count, max(days) as days
from (
    select
        counted.line_key, counted.currency,
        if(price.whole is null, 'no-rate', 'stale-rate') as kind,
        counted.priced_on - price.since as days
    from counted
    left join price on price.currency = counted.currency and price.priced_on = counted.priced_on
    where price.whole is null or counted.priced_on - price.since > 92
)
group by all

-- name: remarks-capacity (lines)
-- Lines without a product, and lines whose product lacks the attribute (rule 61).
select kind, word_of(subject) as subject, count({lines}) as count, null as days
from (
    select
        counted.line_key,
        if(counted.product is null, 'no-product', 'no-attribute') as kind,
        coalesce(counted.product, counted.vendor) as subject
    from counted
    left join price on price.product = counted.product
    where price.product is null
)
group by all

-- name: unmade-units
-- Vendors of what nobody is known to make.
select distinct counted.vendor, counted.product
from counted
join product on product.product = counted.product
where product.maker is null and product.category is not null

-- name: unmade-spend
-- The same where it is worth something.
select distinct counted.vendor, counted.product
from counted
join product on product.product = counted.product
left join price on price.currency = counted.currency and price.priced_on = counted.priced_on
where product.maker is null and product.category is not null and ($unquantified or price.whole is not null)

-- name: unmade-capacity
-- The same where it has something of the attribute, or may.
select distinct counted.vendor, counted.product
from counted
join product on product.product = counted.product
left join price on price.product = counted.product
where
    product.maker is null and product.category is not null
    and if(price.product is null, $unquantified, price.high_factor > 0)
