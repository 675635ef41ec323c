"""What the ledger has to say about what an import recorded."""

import logging

from projections.remarks import Doubts
from service.daybook import Daybook
from service.importing.plans import Summary
from service.remarking import calls_for_remarks, catch_up, find_remarks

logger = logging.getLogger(__name__)

#: For so long an import waits for the views to know what it recorded ...
PATIENCE_S = 10.0
#: ... and for so long they are asked.
LOOK_S = 5.0


def remark_on(daybook: Daybook, summary: Summary, *, followed: bool) -> None:
    """Put into a summary what there is to say of what was recorded; `followed`: the views catch up by themselves."""
    stretches = summary.stretches.positions
    if not stretches or not calls_for_remarks(summary.types):
        return
    if not followed:
        catch_up(daybook, PATIENCE_S)
    try:
        patience_s = PATIENCE_S if followed else 0
        summary.doubts = find_remarks(daybook, stretches, summary.types, patience_s, LOOK_S)
    except Exception as error:
        # What is recorded is recorded.
        logger.info("no remarks on %s: %s", summary.file, error)


def rest_of(kind: Doubts) -> str | None:
    """How many of a kind are not among the first; None: all are."""
    left = kind.count - len(kind.first)
    return f"and {left:,} more" if left else None
