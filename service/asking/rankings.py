"""Ranked lines that were read for one page, kept for the pages behind it: the whole list is not made for each page."""

from collections import OrderedDict
from threading import Lock
from typing import Any

from projections.engine import Projection
from projections.exposed_lines import RankedLines, page_of_lines, ranked_lines
from projections.parameters import RegulatoryExposure
from projections.roads import adding_up

#: Lists that are kept, those that were read last, and lines of each: what they take of memory is bounded. A longer
#: list is made anew once in so many lines.
MOST_LISTS, MOST_LINES = 4, 50_000


class Rankings:
    """The lists that were read last, by their question; its clocks are resolved, so that no list grows old."""

    def __init__(self) -> None:
        self._lock = Lock()
        #: Numbers in lists are those of this projection.
        self._projection: Projection | None = None
        self._kept: OrderedDict[RegulatoryExposure, RankedLines] = OrderedDict()

    def page(
        self, projection: Projection, parameters: RegulatoryExposure, offset: int, limit: int
    ) -> tuple[list[dict[str, Any]], bool]:
        """The lines of a page, and whether others follow."""
        ranked = self._find(projection, parameters)
        with adding_up(projection, parameters) as connection:
            if ranked is None or not ranked.holds(offset, limit):
                ranked = ranked_lines(connection, parameters, offset, MOST_LINES)
            rows = page_of_lines(connection, parameters, ranked, offset, limit)
        is_cut = offset + len(rows) < ranked.count
        self._keep(projection, parameters, ranked if is_cut else None)
        return rows, is_cut

    def _find(self, projection: Projection, parameters: RegulatoryExposure) -> RankedLines | None:
        with self._lock:
            if self._projection is not projection:
                self._projection = projection
                self._kept.clear()
            return self._kept.get(parameters)

    def _keep(self, projection: Projection, parameters: RegulatoryExposure, ranked: RankedLines | None) -> None:
        """Keep a list for its next page; None: there is none."""
        with self._lock:
            if self._projection is not projection:
                return
            self._kept.pop(parameters, None)
            if ranked is not None:
                self._kept[parameters] = ranked
                if len(self._kept) > MOST_LISTS:
                    self._kept.popitem(last=False)
