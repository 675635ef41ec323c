"""Costs that are compared: what is quadratic is found, and what the rest of the process does is not counted."""

import gc
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.effort import Act, assert_in_proportion, assert_no_dearer, effort_s


def linear(count: int) -> Act:
    return lambda: sum(number % 7 for number in range(20 * count))


def quadratic(count: int) -> Act:
    return lambda: sum(one ^ other for one in range(count) for other in range(0, count, 8))


def copying(count: int) -> Act:
    """What makes a text longer by a character, and copies it each time."""

    def act() -> None:
        text = b""
        for _ in range(30 * count):
            text = text[:] + b"x"

    return act


@contextmanager
def others_at_work() -> Iterator[None]:
    """Other threads that want the processor all the time."""
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            sum(range(1_000))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join()


def test_what_is_linear_is_in_proportion() -> None:
    assert_in_proportion(linear, 500)
    with others_at_work():
        assert_in_proportion(linear, 500)


@pytest.mark.parametrize("prepare", [quadratic, copying])
def test_what_is_quadratic_is_not(prepare: Callable[[int], Act]) -> None:
    with pytest.raises(AssertionError, match="of processor time"):
        assert_in_proportion(prepare, 500)


def test_a_quadratic_cost_beside_what_is_done_once_is_found() -> None:
    done: list[int] = []

    def prepare(count: int) -> Act:
        def act() -> None:
            if not done:
                done.append(count)
                quadratic(2_000)()
            quadratic(count)()

        return act

    with pytest.raises(AssertionError, match="of processor time"):
        assert_in_proportion(prepare, 400)


def test_what_is_dearer_is_not_cheap_enough() -> None:
    assert_no_dearer(linear(2_000), linear(1_000), times=4)
    with pytest.raises(AssertionError, match="of processor time"):
        assert_no_dearer(linear(8_000), linear(1_000), times=4)


def test_next_to_nothing_is_compared_as_if_it_were_something() -> None:
    assert_no_dearer(linear(5), lambda: None, times=2)


def test_the_collector_rests_while_something_is_measured() -> None:
    seen: list[bool] = []
    effort_s(lambda: seen.append(gc.isenabled()))
    assert (seen, gc.isenabled()) == ([False], True)
    gc.disable()
    try:
        effort_s(lambda: None)
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_waiting_costs_nothing_and_other_threads_only_where_they_are_meant() -> None:
    def elsewhere() -> None:
        thread = threading.Thread(target=linear(20_000))
        thread.start()
        thread.join()

    assert_no_dearer(lambda: time.sleep(0.05), linear(100), times=9)
    alone = min(effort_s(elsewhere) for _ in range(3))
    assert 9 * alone < min(effort_s(elsewhere, every_thread=True) for _ in range(3))
