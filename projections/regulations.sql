-- What is recorded of instruments, up to a position and as far as one could know on a day; retracted events too.

-- name: facts
-- Enactments and all that followed, in the order of the ledger.
select
    fact.position, fact.regulation_id, fact.type, fact.known_on, event.id, event.effective_on, event.basis, event.corrects,
    fact.data::varchar as data
from regulation_event as fact
join event on event.position = fact.position
where
    was_known(fact.position, fact.known_on, $known_on, $position)
    and ($only is null or fact.regulation_id = $only)
order by fact.position

-- name: retractions
-- What takes some of it back, in the order of the ledger.
select
    retraction.position, fact.regulation_id, event.type, retraction.known_on, event.id, event.effective_on, event.basis,
    event.corrects, retracted.id as retracts, retraction.reason
from retraction
join regulation_event as fact on fact.position = retraction.retracts
join event on event.position = retraction.position
join event as retracted on retracted.position = retraction.retracts
where
    was_known(retraction.position, retraction.known_on, $known_on, $position)
    and ($only is null or fact.regulation_id = $only)
order by retraction.position
