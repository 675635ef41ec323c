"""Threads that are watched: how they begin, fail, go on and end, and what is said of it."""

import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest

from service.running.attempts import Pauses
from service.running.routines import NotStarted, Routine
from tests.service.postgres_owner import wait_until

AT_ONCE = Pauses(first_s=0.0, most_s=0.0)


def waits(routine: Routine) -> None:
    """Do nothing until asked to stop."""
    while not routine.pause(60):
        pass


def test_a_routine_is_new_then_running_then_stopped() -> None:
    routine = Routine("waiting", waits, restarts=False)
    assert routine.life.state == "new"
    routine.start()
    routine.start()
    assert wait_until(lambda: routine.life.state == "running")
    assert [thread.name for thread in threading.enumerate()].count("waiting") == 1
    assert routine.stop(10)
    assert (routine.life.state, routine.life.reason, routine.life.is_well) == ("stopped", None, True)


def test_a_routine_that_may_not_begin_anew_ends_with_its_error_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    def fails(routine: Routine) -> None:
        raise ValueError("position 7 is missing")

    routine = Routine("following", fails, restarts=False)
    routine.start()
    assert wait_until(lambda: routine.life.state == "ended")
    assert (routine.life.reason, routine.life.is_well) == ("ValueError: position 7 is missing", False)
    assert "following has ended" in caplog.text
    assert routine.stop(10)
    assert routine.life.state == "ended"


def test_a_routine_that_returns_though_nobody_asked_it_has_ended(caplog: pytest.LogCaptureFixture) -> None:
    routine = Routine("following", lambda routine: None, restarts=True)
    routine.start()
    assert wait_until(lambda: routine.life.state == "ended")
    assert not routine.life.is_well
    assert "following has ended without being asked to" in caplog.text


def test_a_routine_that_may_begins_anew_until_it_is_alive_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    begun: list[int] = []

    def fails_thrice(routine: Routine) -> None:
        begun.append(routine.life.failures)
        if len(begun) <= 3:
            raise OSError(28, "No space left on device")
        routine.alive()
        waits(routine)

    routine = Routine("following", fails_thrice, restarts=True, pauses=AT_ONCE)
    routine.start()
    assert wait_until(lambda: len(begun) == 4 and routine.life.state == "running")
    assert begun == [0, 1, 2, 3]
    assert (routine.life.failures, routine.life.reason) == (0, None)
    assert "following goes on after 3 failures" in caplog.text
    assert routine.stop(10)


def test_a_routine_may_begin_anew_after_some_errors_and_end_with_others() -> None:
    errors = [OSError(28, "No space left on device"), ValueError("position 7 is missing")]

    def fails(routine: Routine) -> None:
        raise errors.pop(0)

    routine = Routine("following", fails, restarts=lambda error: isinstance(error, OSError), pauses=AT_ONCE)
    routine.start()
    assert wait_until(lambda: routine.life.state == "ended")
    assert (errors, routine.life.reason) == ([], "ValueError: position 7 is missing")


def test_a_pause_tells_why_and_is_ended_by_stopping() -> None:
    def fails(routine: Routine) -> None:
        raise OSError(28, "No space left on device")

    routine = Routine("following", fails, restarts=True, pauses=Pauses(first_s=3_600.0, most_s=3_600.0))
    routine.start()
    assert wait_until(lambda: routine.life.state == "pausing")
    assert routine.life.reason == "OSError: [Errno 28] No space left on device"
    assert not routine.life.is_well
    assert routine.stop(10)
    assert routine.life.state == "stopped"


def test_silence_is_counted_since_the_last_sign_of_life() -> None:
    now = [100.0]
    routine = Routine("following", waits, restarts=False, clock=lambda: now[0])
    routine.start()
    assert wait_until(lambda: routine.life.state == "running")
    now[0] = 130.0
    assert (routine.life.silent_s, routine.life.for_s) == (30.0, 30.0)
    routine.alive()
    assert (routine.life.silent_s, routine.life.for_s) == (0.0, 30.0)
    assert routine.stop(10)


def test_a_routine_that_does_not_stop_in_time_is_told(caplog: pytest.LogCaptureFixture) -> None:
    released = threading.Event()
    routine = Routine("deaf", lambda routine: void(released.wait()), restarts=False)
    routine.start()
    assert not routine.stop(0.05)
    assert "deaf has not stopped within 0.05 s" in caplog.text
    released.set()
    assert routine.stop(10)


def test_a_routine_that_waits_for_something_else_is_woken_to_stop() -> None:
    woken = threading.Event()
    routine = Routine("waiting", lambda routine: void(woken.wait()), restarts=False, wake=woken.set)
    routine.start()
    assert routine.stop(10)


def test_a_routine_that_was_stopped_before_it_began_does_not_begin() -> None:
    routine = Routine("waiting", waits, restarts=False)
    assert routine.stop(10)
    routine.start()
    assert not routine.is_started


class Scarce:
    """A system that gives no thread so many times."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals
        self.start: Callable[[threading.Thread], None] = threading.Thread.start

    def __call__(self, thread: threading.Thread) -> None:
        if self.refusals:
            self.refusals -= 1
            raise RuntimeError("can't start new thread")
        self.start(thread)


def scarce(monkeypatch: pytest.MonkeyPatch, refusals: int) -> None:
    system = Scarce(refusals)
    monkeypatch.setattr(threading.Thread, "start", lambda thread: system(thread))


def test_a_thread_that_the_system_does_not_give_at_first_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    scarce(monkeypatch, 2)
    routine = Routine("waiting", waits, restarts=False, pauses=AT_ONCE)
    routine.start()
    assert wait_until(lambda: routine.life.state == "running")
    assert routine.stop(10)


def test_a_thread_that_the_system_does_not_give_is_told_and_may_be_asked_for_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scarce(monkeypatch, 5)
    routine = Routine("waiting", waits, restarts=False, pauses=AT_ONCE)
    with pytest.raises(NotStarted, match="there is no thread for waiting: can't start new thread"):
        routine.start()
    assert (routine.life.state, routine.life.reason) == ("new", "RuntimeError: can't start new thread")
    assert not routine.life.is_well
    routine.start()
    assert wait_until(lambda: routine.life.state == "running")
    assert routine.stop(10)


def void(value: Any) -> None:
    """Nothing."""
