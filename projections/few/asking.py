"""Whether a question is about few lines, and how it then looks at them."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import duckdb

from projections.few.holding import HeldFacts, Holding
from projections.few.look import Viewpoint, look_at
from projections.few.world import Worlds
from projections.parameters import ContributionParameters

#: Half as many lines as those up to which Python takes less time than a statement: it answers one question at a time,
#: and statements several (docs/performance.md).
MOST_LINES = 6_000


class FewLines:
    """What is held of one projection, and the worlds that were asked about. Any thread may ask.

    Nothing is locked while a question is answered: what is held is only added to, and left out behind its position.
    """

    def __init__(self, cursor: Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]]) -> None:
        self.holding = Holding(cursor)
        self.worlds = Worlds()
        #: More lines than these are left to the statements; 0: all are.
        self.most_lines = MOST_LINES

    def upto(self, position: int) -> HeldFacts | None:
        """Everything up to a position; None: it is not held."""
        return self.holding.upto(position) if self.most_lines else None

    def look(self, parameters: ContributionParameters, times: int = 1) -> Viewpoint | None:
        """How a question looks at few lines, so many times; None: they are not few, or not held."""
        held = self.upto(parameters.position)
        if held is None:
            self.worlds.forget()
            return None
        look = look_at(held, self.worlds, parameters)
        return look if held.orders.count(look.asked_records) * times <= self.most_lines else None

    def again(self, look: Viewpoint, parameters: ContributionParameters) -> Viewpoint:
        """How a question looks at another moment, at the same facts."""
        return look_at(look.held, self.worlds, parameters)
