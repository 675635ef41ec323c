-- name: mentions
-- The positions of events after one that name an organisation, a product or an instrument, in order.
with mentioned as (
    select position from organization_fact where organization = number_of($subject) or parent = number_of($subject)
    union
    select position from product_fact where product = number_of($subject) or maker = number_of($subject)
    union
    select position from order_placed where vendor = number_of($subject) or buyer = number_of($subject)
    union
    select placed_position from joint_buyer where buyer = number_of($subject)
    union
    select line_key // 65536 from order_line where product = number_of($subject)
    union
    select position from order_allocated where buyer = number_of($subject)
    union
    select position from order_cancelled where regulation_id = $subject
    union
    select position from supply_asserted where buyer = number_of($subject) or vendor = number_of($subject)
    union
    select position from supply_line where product = number_of($subject)
    union
    select position from partnership_fact where partnership_id = $subject or list_contains(parties, $subject)
    union
    select position
    from regulation_event
    where
        regulation_id = $subject
        or list_contains(json_extract_string(data, '$.rules[*].vendors[*]'), $subject)
        or list_contains(json_extract_string(data, '$.rules[*].buyers[*]'), $subject)
        or list_contains(json_extract_string(data, '$.rules[*].products[*]'), $subject)
        or list_contains(json_extract_string(data, '$.vendors[*]'), $subject)
        or list_contains(json_extract_string(data, '$.buyers[*]'), $subject)
        or list_contains(json_extract_string(data, '$.products[*]'), $subject)
)
select position from mentioned where position > $after and position <= $upto order by position limit $most

-- name: effective
-- The positions of events after one whose end lies between two days, both included, in order.
select position
from event
where
    position > $after
    and position <= $upto
    and ($effective_from is null or ends_on >= $effective_from)
    and ($effective_to is null or ends_on <= $effective_to)
order by position
limit $most

-- name: within
-- Of some positions those of events whose end lies between two days, both included, in order.
select position
from event
where
    position in (select unnest($positions))
    and ($effective_from is null or ends_on >= $effective_from)
    and ($effective_to is null or ends_on <= $effective_to)
order by position
