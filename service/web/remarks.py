"""The remarks that an answer to recording carries."""

from typing import Any

import anyio
from anyio import CapacityLimiter, to_thread

from service.recording.receipts import CommandReceipt
from service.remarking import LOOK_S, PATIENCE_S, as_objects, calls_for_remarks, types_of
from service.web.context import Context

#: An answer waits for its remarks no longer than this, if what they are made with does not heed its own bounds.
LONGEST_S = 2 * (PATIENCE_S + LOOK_S)


async def with_remarks(context: Context, receipt: CommandReceipt) -> dict[str, Any]:
    """What an answer says beside where its events stand: `remarks`, or nothing where there are none."""
    types = types_of(receipt)
    if receipt.replayed or not calls_for_remarks(types):
        return {}
    make = context.remarking.remarks_on
    first, last = receipt.first, receipt.first + receipt.recorded - 1
    found = []
    with anyio.move_on_after(LONGEST_S):
        # A thread of its own: it waits behind no other.
        found = await to_thread.run_sync(make, first, last, types, limiter=CapacityLimiter(1), abandon_on_cancel=True)
    return {"remarks": as_objects(found)} if found else {}
