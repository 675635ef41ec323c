-- What the registers say at a moment, kept in tables of a database in memory beside the projection's own, and what reads
-- them in place of the statements that find it out.
--
-- number           of the moment: each has tables of its own
-- mask, nothing    as in restrictions.sql

-- name: edges
-- The earliest moment at which all registers and rules are as they are at the one asked about: the last edge of each clock.
-- The same of rates, and the days that they are asked for; and what the ledger has any of.
with fact as (
    select position, known_on, ends_on from organization_fact
    union all
    select position, known_on, ends_on from product_fact
    union all
    select position, known_on, ends_on from regulation_event
    union all
    select position, known_on, until_on + 1 from regulation_event where until_on < date '9999-12-31'
),
withdrawn as (
    select position, known_on, retracts from retraction where position <= $position
),
register as (
    from fact
    union all
    select position, known_on, null from withdrawn where retracts in (select fact.position from fact)
),
published as (
    select position, known_on from exchange_rate
    union all
    select position, known_on from withdrawn where retracts in (select exchange_rate.position from exchange_rate)
),
edge as (
    select
        coalesce(max(ends_on) filter (ends_on <= $effective_on), date '0001-01-01') as effective_on,
        coalesce(max(known_on) filter ($known_on >= known_on), date '0001-01-01') as known_on,
        coalesce(max(position) filter (position <= $position), 0) as position
    from register
),
rate_edge as (
    select
        coalesce(max(known_on) filter ($known_on >= known_on), date '0001-01-01') as rates_known_on,
        coalesce(max(position) filter (position <= $position), 0) as rates_position
    from published
),
placed as (
    select
        coalesce($rates_on, min(placed_on)) as priced_from, coalesce($rates_on, max(placed_on)) as priced_to
    from steady
)
select
    edge.*, rate_edge.*, placed.*,
    exists (select 1 from withdrawn) as has_retractions,
    exists (select 1 from supply_asserted where supply_asserted.position <= $position) as has_assertions,
    exists (select 1 from irregular_posting where unpriced) as has_unpriced
from edge
cross join rate_edge
cross join placed

-- name: terms
-- How many words there are; they are numbered from 1 on.
select count(*) as terms from term

-- name: size (number)
-- How many rows are kept.
select
    (select count(*) from resolved.place_{number}) + (select count(*) from resolved.product_{number}) as rows

-- name: make-market (number, mask, nothing)
-- Records, organisations, products and families, as `dimensions` of contributions.sql has them; then what every organisation
-- is, in the registers and to the rules, as `sides` and `standing` have it; and what products are.
create or replace table resolved.record_{number} as
select record, organization from records_as_of($known_on, $position) order by record;
create or replace table resolved.organization_{number} as
select organization, country from organizations_as_of($effective_on, $known_on, $position) order by organization;
create or replace table resolved.product_{number} as
select made.product, coalesce(record.organization, made.maker) as maker, made.category
from products_as_of($effective_on, $known_on, $position) as made
left join resolved.record_{number} as record on record.record = made.maker
order by made.product;
create or replace table resolved.family_{number} as
select organization, family from families_as_of($effective_on, $known_on, $position) order by organization;
create or replace table resolved.place_{number} as
with standing as materialized (
    select
        unnest($standing_organization::integer[]) as organization,
        unnest($standing_kind::integer[]) as kind,
        unnest($standing_buyer_certain::{mask}[]) as buyer_certain,
        unnest($standing_buyer_possible::{mask}[]) as buyer_possible,
        unnest($standing_named::{mask}[]) as named,
        unnest($standing_country_certain::{mask}[]) as country_certain,
        unnest($standing_country_possible::{mask}[]) as country_possible
),
called as (
    select term.number, coalesce(record.organization, term.number) as organization
    from term
    left join resolved.record_{number} as record on record.record = term.number
)
select
    called.number,
    called.organization,
    coalesce(family.family, called.organization) as family,
    organization.country,
    standing.kind, standing.buyer_certain, standing.buyer_possible, standing.named, standing.country_certain,
    standing.country_possible
from called
left join resolved.family_{number} as family on family.organization = called.organization
left join resolved.organization_{number} as organization on organization.organization = called.organization
left join (select organization from standing) as known on known.organization = called.organization
join standing on standing.organization = coalesce(known.organization, -1)
order by called.number;
create or replace table resolved.nobody_{number} as
select * exclude (organization)
from (
    select
        unnest($standing_organization::integer[]) as organization,
        unnest($standing_kind::integer[]) as kind,
        unnest($standing_buyer_certain::{mask}[]) as buyer_certain,
        unnest($standing_buyer_possible::{mask}[]) as buyer_possible,
        unnest($standing_named::{mask}[]) as named,
        unnest($standing_country_certain::{mask}[]) as country_certain,
        unnest($standing_country_possible::{mask}[]) as country_possible
)
where organization = -1;
create or replace table resolved.goods_{number} as
select
    named.product, coalesce(made.certain, {nothing}) as certain, coalesce(made.possible, {nothing}) as possible,
    coalesce(place.named, {nothing}) as named,
    coalesce(place.country_certain, {nothing}) as country_certain,
    coalesce(place.country_possible, {nothing}) as country_possible
from (
    select number as product from term
    union all
    select -1
) as named
left join (
    select
        unnest($goods_product::integer[]) as product,
        unnest($goods_certain::{mask}[]) as certain,
        unnest($goods_possible::{mask}[]) as possible
) as made on made.product = named.product
left join resolved.product_{number} as product on product.product = made.product
left join resolved.place_{number} as place on place.number = product.maker
order by named.product

-- name: grow (number, nothing)
-- Words that came since: of them nothing is known.
insert into resolved.goods_{number}
select number, {nothing}, {nothing}, {nothing}, {nothing}, {nothing}
from term
where number > $terms
order by number;
insert into resolved.place_{number}
select
    term.number, term.number, term.number, null, place.kind, place.buyer_certain, place.buyer_possible, place.named,
    place.country_certain, place.country_possible
from term
cross join (from resolved.nobody_{number}) as place
where term.number > $terms
order by term.number

-- name: named-later
-- Whether a word that came since is one of some.
select exists (
    select 1 from term where number > $terms and word in (select unnest($named::varchar[]))
) as found

-- name: drop-market (number)
-- Nothing is kept any more.
drop table if exists resolved.record_{number};
drop table if exists resolved.organization_{number};
drop table if exists resolved.product_{number};
drop table if exists resolved.family_{number};
drop table if exists resolved.place_{number};
drop table if exists resolved.nobody_{number};
drop table if exists resolved.goods_{number}

-- name: dimensions (number)
-- In place of `dimensions` of contributions.sql.
with asked as (
    select unnest($asked::integer[]) as buyer
),
record as not materialized (
    from resolved.record_{number}
),
asked_record as (
    select buyer from asked
    union
    select record from record where organization in (from asked)
),
organization as not materialized (
    from resolved.organization_{number}
),

-- name: products (number)
-- In place of `products`.
product as not materialized (
    from resolved.product_{number}
),

-- name: labelled-products (number)
-- In place of `labelled-products`.
product as materialized (
    select made.*, labelled.label
    from resolved.product_{number} as made
    left join attributes_as_of($effective_on, $known_on, $position) as labelled
        on labelled.product = made.product and labelled.attribute = $label
),

-- name: families (number)
-- In place of `families`.
family as not materialized (
    from resolved.family_{number}
),

-- name: standing (number)
-- In place of `standing` of restrictions.sql, and of `sides` of plain_lines.sql.
place as not materialized (
    from resolved.place_{number}
),
seller as not materialized (
    select place.*, coalesce(place.country = number_of($home), false) as domestic
    from place
),
goods as not materialized (
    from resolved.goods_{number}
),

-- name: make-rates (number)
-- The rates into a currency by the day from which they hold; and of each currency and day as `price-spend` has them.
create or replace table resolved.conversion_{number} as
from rates_as_of(number_of($currency), $known_on, $position);
create or replace table resolved.price_{number} as
with divided as (
    select
        currency,
        holds_from,
        whole_rate(source_rate) as source_rate,
        whole_rate(target_rate) // whole_rate(source_rate) as whole,
        (whole_rate(target_rate) % whole_rate(source_rate)) * 1000000000000 as first_rest
    from resolved.conversion_{number}
),
divided_further as (
    select *, first_rest % source_rate * 1000000000000 as second_rest
    from divided
),
held as (
    select
        currency,
        holds_from,
        greatest(holds_from, $priced_from::date) as held_from,
        least(
            lead(holds_from) over (partition by currency order by holds_from) - 1, $priced_to::date
        ) as held_to,
        whole,
        (first_rest // source_rate)::bigint as first_decimals,
        (second_rest // source_rate)::bigint as second_decimals,
        (second_rest % source_rate * 1000000000000 // source_rate)::bigint as third_decimals
    from divided_further
    where $priced_from::date is not null
)
select
    currency,
    unnest(range(held_from, held_to + 1, interval 1 day))::date as priced_on,
    holds_from as since, whole, first_decimals, second_decimals, third_decimals
from held
where held_from <= held_to
union all
select
    number_of($currency), unnest(range($priced_from::date, $priced_to::date + 1, interval 1 day))::date, null, 1, 0, 0, 0
where number_of($currency) is not null and $priced_from::date is not null

-- name: size-of-rates (number)
-- How many rows are kept.
select count(*) as rows from resolved.price_{number}

-- name: drop-rates (number)
-- Nothing is kept any more.
drop table if exists resolved.conversion_{number};
drop table if exists resolved.price_{number}

-- name: conversion (number)
-- In place of `conversion` of contributions.sql.
conversion as not materialized (
    from resolved.conversion_{number}
),

-- name: price (number)
-- In place of `price-spend` of plain_lines.sql.
price as not materialized (
    from resolved.price_{number}
),
