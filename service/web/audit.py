"""What an auditor asks of a projection over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from projections.engine import fingerprint
from service.asking.clocks import BeyondTheLedger
from service.web.context import Context, Current
from service.web.entry.permissions import PROVE
from service.web.wholes import Whole

router = APIRouter(prefix="/api/v1", tags=["audit"], dependencies=[PROVE])


@router.get("/projection/digest")
async def digest(context: Current, position: Annotated[Whole | None, Query(ge=0, le=2**62)] = None) -> dict[str, Any]:
    """Of every table of this process's projection a digest of the rows that the events up to a position make.

    Two projections of the same events by the same code (`fingerprint`) have the same digests.
    """
    return await context.rooms.awaiting.run(_digest, context, position)


def _digest(context: Context, position: int | None) -> dict[str, Any]:
    daybook = context.daybook
    head = daybook.ledger.recorder.head().position
    wanted = head if position is None else position
    if wanted > head:
        raise BeyondTheLedger(f"position {wanted} is beyond the head, {head}")
    daybook.follower.wait_for(wanted, context.settings.wait_s)
    return {"position": wanted, "fingerprint": fingerprint(), "tables": daybook.projection.digest(wanted)}
