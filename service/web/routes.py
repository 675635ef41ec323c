"""Every route that the service answers."""

from service.web import (
    audit,
    events,
    histories,
    imports,
    log,
    mappings,
    operations,
    pages,
    resources,
    sign_in,
    stream,
    views,
    webhooks,
)
from service.web.description import page

#: In the order in which they are tried.
ROUTERS = (
    # Before the events, whose paths would take it for a position.
    stream.router,
    events.router,
    resources.router,
    histories.router,
    views.router,
    webhooks.router,
    imports.router,
    mappings.router,
    mappings.suggestions,
    page.router,
    log.router,
    audit.router,
    operations.router,
    pages.router,
    sign_in.router,
)
