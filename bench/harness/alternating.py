"""Measuring several things side by side: in turn, so that a machine that changes changes all of them."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

#: Does the work once: seconds, a rate, or any other figure of it.
Side = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of what was measured, the least and the most."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """That of some values."""
        return cls(median(values), min(values), max(values))


def alternate(sides: Mapping[str, Side], rounds: int) -> dict[str, list[float]]:
    """What each side gives, round by round; every second round goes backwards."""
    found: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds):
        for name in [*sides] if number % 2 == 0 else [*sides][::-1]:
            found[name].append(sides[name]())
    return found


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """The spread of the ratios of each round: what was measured at one time is held against each other."""
    return Spread.of([own / other for own, other in zip(ours, theirs, strict=True)])


def seconds(work: Callable[[], Any]) -> Side:
    """A side that says how many seconds a piece of work takes."""

    def side() -> float:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    return side


def rate(count: int, work: Callable[[], Any]) -> Side:
    """A side that says how many things a second a piece of work does."""
    timed = seconds(work)
    return lambda: count / timed()
