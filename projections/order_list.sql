-- name: orders
-- The ids of orders whose placing is visible and in effect at a moment, by id, after one of them; with the conditions
-- that are given: a buyer (of a joint order: one of them), a vendor, a product of some line, the days of the placing.
select distinct placed.order_id
from order_placed as placed
where
    counts(placed.position, placed.known_on, placed.ends_on, $effective_on, $known_on, $position)
    and placed.order_id > $after
    and ($placed_from is null or placed.ends_on >= $placed_from)
    and ($placed_to is null or placed.ends_on <= $placed_to)
    and ($vendor is null or placed.vendor = number_of($vendor))
    and (
        $buyer is null
        or placed.buyer = number_of($buyer)
        or (
            placed.buyer is null
            and placed.position in (select placed_position from joint_buyer where buyer = number_of($buyer))
        )
    )
    and (
        $product is null
        or placed.position in (
            select line.placed_position
            from order_line as line
            where
                line.product = number_of($product)
                and counts(
                    line.line_key // 65536, line.known_on, line.ends_on, $effective_on, $known_on, $position
                )
        )
    )
order by placed.order_id
limit $most
