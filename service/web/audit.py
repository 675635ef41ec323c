"""What an auditor asks of a projection over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import JSONResponse, Response

from projections.engine import fingerprint
from service.asking.clocks import BeyondTheLedger
from service.shapes.things import Digest
from service.web.context import Context, Current
from service.web.description.answers import ALWAYS, Described, in_json
from service.web.entry.permissions import PROVE
from service.web.parameters import UpTo

router = APIRouter(prefix="/api/v1", tags=["audit"], dependencies=[PROVE])


@router.get(
    "/projection/digest",
    **Described("projection_digest", {200: in_json(Digest)}, (*ALWAYS, 422), asks={"position": 3}).route(),
)
async def digest(
    context: Current,
    position: Annotated[UpTo | None, Query(description="Up to where; the ledger's end unless given.")] = None,
) -> Response:
    """Of every table of this process's projection a digest of the rows that the events up to a position make.

    Two projections of the same events by the same code (`fingerprint`) have the same digests.
    """
    return JSONResponse(await context.rooms.awaiting.run(_digest, context, position))


def _digest(context: Context, position: int | None) -> dict[str, Any]:
    daybook = context.daybook
    head = daybook.ledger.recorder.head().position
    wanted = head if position is None else position
    if wanted > head:
        raise BeyondTheLedger(f"position {wanted} is beyond the head, {head}")
    daybook.follower.wait_for(wanted, context.settings.wait_s)
    return {"position": wanted, "fingerprint": fingerprint(), "tables": daybook.projection.digest(wanted)}
