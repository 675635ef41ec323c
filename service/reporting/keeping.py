"""Reports that are kept level: published again, every so often, where something was recorded or another day began."""

import logging
from functools import partial

from service.asking.questions import Questions
from service.daybook import Daybook
from service.reporting.contents import ReportWish
from service.reporting.postgres import PublishingEnded, publish
from service.running.routines import Routine
from service.settings import Settings

logger = logging.getLogger(__name__)


def keeping(daybook: Daybook, settings: Settings) -> Routine | None:
    """What keeps the reports of a service level in the background, by its settings; None: nothing is to."""
    every_s = settings.reporting_every_s
    if every_s is None:
        return None
    wish = ReportWish(currency=settings.reporting_currency)
    return Routine(
        "reporting", partial(_keep, daybook, Questions(daybook, settings.wait_s), wish, every_s), restarts=True
    )


def _keep(daybook: Daybook, questions: Questions, wish: ReportWish, every_s: float, routine: Routine) -> None:
    while not routine.stopping.is_set():
        try:
            done = publish(daybook.ledger.connection_settings, questions, wish, routine.stopping.is_set)
        except PublishingEnded:
            return
        routine.alive()
        if done.rows:
            logger.info("reports are as of position %s, %s", done.position, done.effective_on)
        routine.pause(every_s)
