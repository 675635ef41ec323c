-- name: effective-days
-- The days on which events up to a position end, in order.
select distinct ends_on from event where position <= $position order by ends_on

-- name: known-days
-- The days behind the first, up to the last, on which events up to a position became known, in order.
select distinct known_on
from event
where position <= $position and known_on between $first::date + 1 and $last::date
order by known_on

-- name: first-order
-- The day on which the first order up to a position was placed; null: there is none.
select min(ends_on) from order_placed where position <= $position
