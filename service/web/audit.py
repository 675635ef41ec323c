"""What an auditor asks of a projection over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request

from projections.engine import fingerprint
from service.asking.clocks import BeyondTheLedger
from service.daybook import Daybook
from service.web.entry.permissions import PROVE
from service.web.entry.rooms import rooms_of
from service.web.wholes import Whole

router = APIRouter(prefix="/api/v1", tags=["audit"], dependencies=[PROVE])


@router.get("/projection/digest")
async def digest(request: Request, position: Annotated[Whole | None, Query(ge=0, le=2**62)] = None) -> dict[str, Any]:
    """Of every table of this process's projection a digest of the rows that the events up to a position make.

    Two projections of the same events by the same code (`fingerprint`) have the same digests.
    """
    return await rooms_of(request).awaiting.run(_digest, request, position)


def _digest(request: Request, position: int | None) -> dict[str, Any]:
    daybook: Daybook = request.app.state.daybook
    head = daybook.ledger.recorder.head().position
    wanted = head if position is None else position
    if wanted > head:
        raise BeyondTheLedger(f"position {wanted} is beyond the head, {head}")
    daybook.follower.wait_for(wanted, request.app.state.settings.wait_s)
    return {"position": wanted, "fingerprint": fingerprint(), "tables": daybook.projection.digest(wanted)}
