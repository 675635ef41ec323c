"""What the routes of one service work with: made once with the application, given to each route that asks."""

from dataclasses import dataclass, field
from typing import Annotated

from anyio import CapacityLimiter
from fastapi import Depends
from starlette.requests import Request

from service.asking.comparisons import Comparisons
from service.asking.planes import Planes
from service.asking.questions import Questions
from service.daybook import Daybook
from service.importing.queue.worker import Worker
from service.observing.metrics import ServiceMetrics
from service.remarking import RemarkDesk
from service.settings import Settings
from service.storing.writing import Head
from service.web.entry.rooms import Rooms
from service.web.looks import SharedLook
from service.web.readiness import ReadinessProbe
from service.webhooks.delivery import Deliveries

#: Messages that are sent to try a webhook, at the same time.
TRIALS_AT_ONCE = 8
#: Scenarios that are worked out at once.
MOST_SUPPOSING = 4


@dataclass(frozen=True)
class Context:
    """The parts of one service."""

    daybook: Daybook
    settings: Settings
    questions: Questions
    comparisons: Comparisons
    planes: Planes
    deliveries: Deliveries
    imports: Worker
    metrics: ServiceMetrics
    readiness: ReadinessProbe
    rooms: Rooms
    remarking: RemarkDesk
    #: Looks up the ledger's end, once for all listeners that ask at the same time.
    head: SharedLook[Head]
    trials: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(TRIALS_AT_ONCE))
    scraping: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(1))
    supposing: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(MOST_SUPPOSING))


def context_of(request: Request) -> Context:
    """The context of the service that is asked."""
    context: Context = request.app.state.context
    return context


async def _current(request: Request) -> Context:
    # Not in a thread, as the framework calls what is no coroutine.
    return context_of(request)


#: A parameter of a route.
Current = Annotated[Context, Depends(_current)]
