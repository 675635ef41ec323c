"""What code costs in processor time, compared with what other code costs in the same process.

Only the thread that works is measured, where that is one, and the garbage collector rests meanwhile: it looks at
all that earlier tests have left, at the expense of whoever happens to be measured. Each cost is the least of several,
because what a busy machine does to a measurement makes it longer and never shorter.
"""

import gc
import time
from collections.abc import Callable
from functools import cache

Act = Callable[[], object]

#: What is quadratic takes sixteen times as long for four times as many, and what is linear four times.
LINEAR = 9.0
#: How often the dearer of two may be measured until it is found to be cheap enough.
ROUNDS = 5


def effort_s(act: Act, *, every_thread: bool = False) -> float:
    """The processor time of this thread, or of every thread of the process, that something takes once, in seconds."""
    clock = time.process_time if every_thread else time.thread_time
    collects = gc.isenabled()
    gc.disable()
    try:
        began = clock()
        act()
        return clock() - began
    finally:
        if collects:
            gc.enable()


@cache
def least_s() -> float:
    """The time of two thousand steps of a loop: what takes less is compared as if it took as long."""

    def loop() -> None:
        for number in range(2_000):
            str(number)

    return min(effort_s(loop) for _ in range(10))


def assert_in_proportion(
    prepare: Callable[[int], Act], few: int, *, times: float = LINEAR, every_thread: bool = False
) -> None:
    """Four times as many take less than `times` as long; each measurement is of what has been prepared for it."""
    _compare(lambda: prepare(4 * few), lambda: prepare(few), times, every_thread=every_thread)


def assert_no_dearer(act: Act, than: Act, *, times: float, every_thread: bool = False) -> None:
    """One thing takes less than `times` as long as another."""
    _compare(lambda: act, lambda: than, times, every_thread=every_thread)


def _compare(dearer: Callable[[], Act], cheaper: Callable[[], Act], times: float, *, every_thread: bool) -> None:
    # What is done only once, such as an import, must not make the cheaper one seem dear.
    cheap_s = min(effort_s(cheaper(), every_thread=every_thread) for _ in range(2))
    dear_s = effort_s(dearer(), every_thread=every_thread)
    for _ in range(ROUNDS - 1):
        if dear_s < times * max(cheap_s, least_s()):
            return
        cheap_s = min(cheap_s, effort_s(cheaper(), every_thread=every_thread))
        dear_s = min(dear_s, effort_s(dearer(), every_thread=every_thread))
    allowed_s = times * max(cheap_s, least_s())
    assert dear_s < allowed_s, f"{dear_s:.6f} s of processor time, {dear_s / cheap_s:.1f} times {cheap_s:.6f} s"
