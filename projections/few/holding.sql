-- What a small ledger's questions are answered from, read into memory behind a position (holding.py).

-- name: size
-- How many rows there are of what takes memory.
select
    (select position from head) as position,
    (select count(*) from event) as events,
    (select count(*) from posting) as movements,
    (select count(*) from order_line) as lines,
    (select count(*) from organization_fact) + (select count(*) from product_fact)
    + (select count(*) from product_attribute) + (select count(*) from exchange_rate)
    + 2 * (select count(*) from regulation_event) + (select count(*) from partnership_fact) + (select count(*) from supply_line) as facts

-- name: terms
-- Words by number, behind a number.
select number, word from term where number > $number order by number

-- name: events
-- What answers name of events.
select id, type, effective_on, known_on, ends_on, recorded_at, corrects
from event
where position > $behind
order by position

-- name: retractions
-- What is taken back.
select position, known_on, retracts from retraction where position > $behind order by position

-- name: organizations
-- What is said of organisations.
select
    organization, ends_on, known_on, position, name, country, says_parent, parent, says_same, same_as
from organization_fact
where position > $behind

-- name: products
-- What is said of products.
select product, ends_on, known_on, position, registers, name, says_maker, maker, category
from product_fact
where position > $behind

-- name: attributes
-- What is said of the attributes of products.
select
    product, attribute, ends_on, known_on, position, (value::decimal(38, 6) * 1000000)::hugeint as value,
    (low::decimal(38, 6) * 1000000)::hugeint as low, (high::decimal(38, 6) * 1000000)::hugeint as high, label,
    stated::varchar as stated
from product_attribute
where position > $behind

-- name: rates
-- What publications say of currencies.
select currency, ends_on, known_on, position, whole_rate(rate) as rate from exchange_rate where position > $behind

-- name: instruments
-- What is said of instruments and licences.
select
    fact.position, fact.regulation_id, fact.type, fact.known_on, fact.ends_on, fact.until_on, event.id,
    event.effective_on, event.basis, event.corrects, fact.data::varchar as data
from regulation_event as fact
join event on event.position = fact.position
where fact.position > $behind
order by fact.position

-- name: withdrawals
-- What takes some of it back.
select
    retraction.position, fact.regulation_id, event.type, retraction.known_on, event.id, event.effective_on, event.basis,
    event.corrects, retracted.id as retracts, retraction.reason
from retraction
join regulation_event as fact on fact.position = retraction.retracts
join event on event.position = retraction.position
join event as retracted on retracted.position = retraction.retracts
where retraction.position > $behind
order by retraction.position

-- name: happenings
-- What happened to instruments and to partnerships.
select true, regulation_id, ends_on, known_on, position, type, data ->> '$.title' from regulation_event where position > $behind
union all
select false, partnership_id, ends_on, known_on, position, type, scope from partnership_fact where position > $behind

-- name: orders
-- Orders as they were placed.
select position, ends_on, order_id, vendor, currency, buyer from order_placed where position > $behind order by position

-- name: buyers
-- The buyers of joint orders.
select placed_position, buyer from joint_buyer where placed_position > $behind

-- name: lines
-- Lines of orders.
select line_key, placed_position, line, product, deliver_by from order_line where line_key >= ($behind + 1) * 65536 order by line_key

-- name: movements
-- Movements of lines.
select
    line_key, position, known_on, counts_on, basis, ends_on, kind,
    whole_figure(quantity_value), whole_figure(quantity_low), whole_figure(quantity_high),
    quantity_quantified, quantity_unquantified,
    whole_figure(amount_value), whole_figure(amount_low), whole_figure(amount_high),
    amount_quantified, amount_unquantified, unpriced
from posting
where position > $behind
order by position, line_key, kind

-- name: cancellations
-- Cancellations of orders.
select placed_position, position, known_on, ends_on, basis from order_cancelled where position > $behind order by position

-- name: allocations
-- Shares of joint orders.
select
    placed_position, ends_on, known_on, position, basis, buyer, whole_factor(share_value), whole_factor(share_low),
    whole_factor(share_high)
from order_allocated
where position > $behind
order by position

-- name: assertions
-- Supply assertions.
select position, ends_on, known_on, basis, assertion_id, buyer, vendor, currency
from supply_asserted
where position > $behind
order by position

-- name: asserted-lines
-- Lines of supply assertions.
select
    position, ordinal, line, product, deliver_by,
    whole_figure(quantity_value), whole_figure(quantity_low), whole_figure(quantity_high),
    quantity_quantified, quantity_unquantified,
    whole_figure(amount_value), whole_figure(amount_low), whole_figure(amount_high),
    amount_quantified, amount_unquantified
from supply_line
where position > $behind
order by position, ordinal
