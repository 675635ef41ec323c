-- What a projection answers to the reader of a file (answers.py).

-- name: instruments
-- Instruments that no event with this beginning of its id begins, in the order recorded.
select regulation_event.regulation_id
from regulation_event
join event on event.position = regulation_event.position
where regulation_event.type = 'regulation-enacted'
group by regulation_event.regulation_id
having not bool_or(starts_with(event.id, $beginning))
order by min(regulation_event.position)

-- name: called
-- All that was ever said of what organisations are called, but for what was taken back, in the order recorded.
select term.word, event.id, fact.registers, fact.name, fact.names, fact.identifiers
from organization_fact as fact
join term on term.number = fact.organization
join event on event.position = fact.position
where fact.position not in (select retracts from retraction)
order by min(fact.position) over (partition by fact.organization), fact.position

-- name: products
-- The ids of all products.
select distinct term.word
from product_fact
join term on term.number = product_fact.product
order by term.word
