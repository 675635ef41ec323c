-- What is recorded of instruments, up to a position and as far as one could know on a day; retracted events too.

-- name: facts
-- Enactments and all that followed, in the order of the ledger.
select
    told.position, told.regulation_id, told.type, told.known_on, event.id, event.effective_on, event.basis, event.corrects,
    told.data::varchar as data
from regulation_event as told
join event on event.position = told.position
where
    was_known(told.position, told.known_on, $known_on, $position)
    and ($only is null or told.regulation_id = $only)
order by told.position

-- name: retractions
-- What takes some of it back, in the order of the ledger.
select
    retraction.position, told.regulation_id, event.type, retraction.known_on, event.id, event.effective_on, event.basis,
    event.corrects, retracted.id as retracts, retraction.reason
from retraction
join regulation_event as told on told.position = retraction.retracts
join event on event.position = retraction.position
join event as retracted on retracted.position = retraction.retracts
where
    was_known(retraction.position, retraction.known_on, $known_on, $position)
    and ($only is null or told.regulation_id = $only)
order by retraction.position
