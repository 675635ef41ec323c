-- What an archive holds besides the events.

-- name: created-at
-- When the ledger was made.
select created_at from ledger_identity

-- name: checkpoints
-- Every checkpoint up to a size, with its cosignatures and when each was received.
select
    issued.size, issued.issued_at, issued.note,
    array_agg(cosigned.line order by cosigned.received_at, cosigned.line)
        filter (where cosigned.line is not null) as lines,
    array_agg(cosigned.received_at order by cosigned.received_at, cosigned.line)
        filter (where cosigned.line is not null) as times
from log_checkpoints as issued
left join log_cosignatures as cosigned on cosigned.size = issued.size
where issued.size <= %s
group by issued.size
order by issued.size
