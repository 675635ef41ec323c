-- What the rules in force say of who buys what from whom. Of each rule or licence, as far as it matters, there is a bit: in
-- what `possible` holds where it is not out of the question, in what `certain` holds where it is so.
--
-- verdict         what they come to where `holder` buys `goods` from `seller`, as an expression: 0 no, 1 undetermined, 2 yes
-- held_against    the block `held-against`, where rules bar anything
-- mask, nothing   the type of the bits, and none of them set

-- name: standing (mask, nothing)
-- What every organisation is to the rules, as a buyer and as a vendor or maker; -1 stands for those of whom nothing is known.
-- A record is what the organisation is that it stands for (`record` of contributions.sql).
standing as materialized (
    select
        unnest($standing_organization::integer[]) as organization,
        unnest($standing_kind::integer[]) as kind,
        unnest($standing_buyer_certain::{mask}[]) as buyer_certain,
        unnest($standing_buyer_possible::{mask}[]) as buyer_possible,
        unnest($standing_named::{mask}[]) as named,
        unnest($standing_country_certain::{mask}[]) as country_certain,
        unnest($standing_country_possible::{mask}[]) as country_possible
),
place as materialized (
    select
        term.number, standing.kind, standing.buyer_certain, standing.buyer_possible, standing.named,
        standing.country_certain, standing.country_possible
    from term
    left join record on record.record = term.number
    left join (select organization from standing) as known
        on known.organization = coalesce(record.organization, term.number)
    join standing on standing.organization = coalesce(known.organization, -1)
),
-- Products that are not out of the question for all of them, with what their makers are to them; -1 stands for none.
goods as materialized (
    select
        made.product, made.certain, made.possible, coalesce(place.named, {nothing}) as named,
        coalesce(place.country_certain, {nothing}) as country_certain,
        coalesce(place.country_possible, {nothing}) as country_possible
    from (
        select
            unnest($goods_product::integer[]) as product,
            unnest($goods_certain::{mask}[]) as certain,
            unnest($goods_possible::{mask}[]) as possible
    ) as made
    left join product on product.product = made.product
    left join place on place.number = product.maker
),

-- name: judged (verdict)
-- Contributions (`counted`) with the kinds of their buyers asked for and the verdict that these have in common (rule 38).
bought as (
    select counted.line_key, holder.kind, {verdict} as verdict
    from counted
    left join joint_buyer on counted.buyer is null and joint_buyer.placed_position = counted.position
    join place as holder on holder.number = coalesce(counted.buyer, joint_buyer.buyer)
    join place as seller on seller.number = counted.vendor
    left join goods on goods.product = coalesce(counted.product, -1)
    where $asked is null or holder.number in (from asked_record)
),
agreed as (
    select
        line_key,
        list(distinct kind order by kind) as buyers,
        if(min(verdict) = max(verdict), max(verdict), 1) as verdict
    from bought
    group by line_key
),
judged as (
    select counted.*, agreed.buyers, agreed.verdict, coalesce(counted.country = number_of($home), false) as domestic
    from counted
    join agreed on agreed.line_key = counted.line_key
)

-- name: unjudged
-- The same where no rule bars anything, and all buyers are alike.
judged as (
    select counted.*, [0] as buyers, 0 as verdict, coalesce(counted.country = number_of($home), false) as domestic
    from counted
)

-- name: stretches
-- The stretch of days in which a plain line was placed.
asof left join turning on turning.since <= steady.placed_on

-- name: turning
-- The days on which law or registers turn, each with the number of the stretch that it begins.
turning as materialized (
    select since, row_number() over (order by since) as stretch
    from (select unnest($turnings::date[]) as since)
),

-- name: stretched
-- Contributions with the stretch of days in which each was placed, in place of a verdict, and their buyers asked for.
bought as (
    select counted.line_key, list(distinct member.buyer order by member.buyer) as buyers
    from counted
    join member on member.placed_position = counted.position
    where counted.buyer is null and member.asked_for
    group by counted.line_key
),
judged as (
    select
        counted.*, coalesce(bought.buyers, [counted.buyer]) as buyers, coalesce(turning.stretch, 0) as verdict,
        coalesce(counted.country = number_of($home), false) as domestic
    from counted
    left join bought on bought.line_key = counted.line_key
    asof left join turning on turning.since <= counted.placed_on
)

-- name: held-against
-- What the product of a plain line is to the rules.
left join goods on goods.product = coalesce(steady.product, -1)

-- name: held-against-all
-- The same where all products are known, whether or not they are out of the question.
join goods on goods.product = coalesce(steady.product, -1)

-- name: organizations
-- Everybody of whom something is known, and everybody whom a rule names, but for records that stand for others.
with record as materialized (
    from records_as_of($known_on, $position)
)
select term.number, term.word as id, country.word as country, parent.word as parent
from term
left join organizations_as_of($effective_on, $known_on, $position) as organization on organization.organization = term.number
left join term as country on country.number = organization.country
left join record on record.record = organization.parent
left join term as parent on parent.number = coalesce(record.organization, organization.parent)
where
    (organization.organization is not null or term.word in (select unnest($named::varchar[])))
    and term.number not in (select record.record from record)
order by term.number

-- name: records
-- Records, each with the organisation that it stands for (rule 59).
select word_of(record) as record, word_of(organization) as organization
from records_as_of($known_on, $position)

-- name: sorts
-- Products by what rules can tell of them before they look at attributes; named: its id, where a rule names it.
with sorted as (
    select
        mentioned.product, category.word as category,
        if(term.word in (select unnest($named::varchar[])), term.word, null) as named
    from (select distinct product from product_fact) as mentioned
    join term on term.number = mentioned.product
    left join products_as_of($effective_on, $known_on, $position) as product on product.product = mentioned.product
    left join term as category on category.number = product.category
)
select category, named, list(product order by product) as products
from sorted
group by category, named
order by category, named

-- name: attributes
-- What is known of some products' attributes, as recorded.
select product, attribute, stated::varchar as stated
from attributes_as_of($effective_on, $known_on, $position)
where
    product in (select unnest($products::integer[]))
    and attribute in (select unnest($attributes::varchar[]))
order by product, attribute

-- name: makers
-- Of some products the makers and the categories.
select
    term.number as product, term.word as id, coalesce(record.organization, product.maker) as maker,
    category.word as category
from term
left join products_as_of($effective_on, $known_on, $position) as product on product.product = term.number
left join records_as_of($known_on, $position) as record on record.record = product.maker
left join term as category on category.number = product.category
where term.number in (select unnest($products::integer[]))
order by term.number
