"""Spans: what holds of organisations unchanged from one day until another, while a view moves through time."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import Any

from projections.parameters import start_of

#: The day on which what does not end ends: in DuckDB `infinity`, in Python the last of all days.
NEVER = date.max


@dataclass(slots=True)
class Spans[Held]:
    """What holds of each of several things, from the first day of a range on."""

    first_day: date
    _open: dict[int, tuple[date, Held]] = field(default_factory=dict)
    #: thing, first day, day after the last (NEVER: none), what holds
    closed: list[tuple[int, date, date, Held]] = field(default_factory=list)
