-- name: traders
-- Organisations that ever bought or sold up to a position, each with its last name, its names in other languages, and
-- the number of orders and assertions that name it as a buyer and as a vendor; those that buy most first.
with bought as (
    select buyer as organization from order_placed where position <= $position and buyer is not null
    union all
    select joint_buyer.buyer from joint_buyer where placed_position <= $position
    union all
    select buyer from supply_asserted where position <= $position
),
sold as (
    select vendor as organization from order_placed where position <= $position
    union all
    select vendor from supply_asserted where position <= $position
),
counted as (
    select organization, sum(bought) as bought, sum(sold) as sold
    from (
        select organization, 1 as bought, 0 as sold from bought
        union all
        select organization, 0, 1 from sold
    )
    group by organization
),
named as (
    select
        organization,
        arg_max(name, (ends_on, known_on, position)) filter (name is not null) as name,
        arg_max(names, (ends_on, known_on, position)) filter (names is not null) as names
    from organization_fact
    where position <= $position
    group by organization
)
select
    term.word as organization_id,
    named.name,
    named.names::varchar as names,
    counted.bought::bigint as bought,
    counted.sold::bigint as sold
from counted
join term on term.number = counted.organization
left join named on named.organization = counted.organization
order by counted.bought desc, term.word
