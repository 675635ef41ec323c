"""Trying again: how long the pauses are, what is said, what passes and what does not."""

import errno
import logging
import threading

import duckdb
import psycopg
import pytest
from eventsourcing import persistence
from psycopg import errors

from service.running.attempts import AttemptsInterrupted, GaveUp, Pauses, RepeatedAttempts, passing, persist, reason_of


class Clock:
    """A clock that only waiting moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        """Let the time pass; nobody asks to stop."""
        self.waits.append(seconds)
        self.now += seconds
        return False


class Fickle:
    """Fails with one error after the other, then answers."""

    def __init__(self, *failures: Exception) -> None:
        self.left = list(failures)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.left:
            raise self.left.pop(0)
        return "done"


def attempts(**bounds: float) -> RepeatedAttempts:
    return RepeatedAttempts("reading", Pauses(**bounds), chance=lambda: 0.0)


def full() -> OSError:
    return OSError(errno.ENOSPC, "No space left on device")


def test_pauses_double_up_to_their_bound() -> None:
    clock = Clock()
    act = Fickle(*(full() for _ in range(6)))
    assert persist(act, attempts(first_s=0.5, most_s=4.0), clock.wait, clock=clock) == "done"
    assert clock.waits == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0]


def test_pauses_differ_by_chance_and_are_never_longer_than_the_bound() -> None:
    pauses = Pauses(first_s=1.0, most_s=10.0, jitter=0.5)
    assert pauses.after(3, 0.0) == 4.0
    assert pauses.after(3, 1.0) == 2.0
    assert pauses.after(100_000, 0.0) == 10.0


def test_after_a_success_pauses_begin_anew() -> None:
    kept, clock = attempts(first_s=1.0), Clock()
    persist(Fickle(full(), full()), kept, clock.wait, clock=clock)
    assert (kept.failures, kept.reason) == (0, None)
    persist(Fickle(full()), kept, clock.wait, clock=clock)
    assert clock.waits == [1.0, 2.0, 1.0]


def test_a_reason_is_said_when_it_changes_and_its_end_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    clock = Clock()
    act = Fickle(full(), full(), full(), MemoryError(), MemoryError(), full())
    persist(act, attempts(), clock.wait, clock=clock)
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        "reading failed and is tried again",
        "reading failed and is tried again",
        "reading failed and is tried again",
        "reading goes on after 6 failures",
    ]
    reasons = [record.getMessage().split(": ")[1] for record in caplog.records[:3]]
    assert reasons == ["OSError", "MemoryError", "OSError"]


def test_what_does_not_pass_is_raised_as_it_is_at_once() -> None:
    act, clock = Fickle(ValueError("no such day")), Clock()
    with pytest.raises(ValueError, match="no such day"):
        persist(act, attempts(), clock.wait, clock=clock)
    assert (act.calls, clock.waits) == (1, [])


def test_the_end_of_patience_is_kept_to_the_second() -> None:
    clock = Clock()
    with pytest.raises(GaveUp, match=r"reading: OSError: .*No space left") as raised:
        persist(Fickle(*(full() for _ in range(99))), attempts(first_s=3.0), clock.wait, patience_s=10.0, clock=clock)
    assert clock.waits == [3.0, 6.0, 1.0]
    assert isinstance(raised.value.__cause__, OSError)


def test_the_stop_signal_ends_a_pause() -> None:
    stop = threading.Event()
    stop.set()
    act = Fickle(full(), full())
    with pytest.raises(AttemptsInterrupted):
        persist(act, attempts(first_s=3_600.0, most_s=3_600.0), stop.wait)
    assert act.calls == 1


def wrapped(error: psycopg.Error) -> Exception:
    """As the library of the event store raises it."""
    kind = {
        psycopg.OperationalError: persistence.OperationalError,
        psycopg.InternalError: persistence.InternalError,
        psycopg.DataError: persistence.DataError,
    }
    outer = next(outer for inner, outer in kind.items() if isinstance(error, inner))(str(error))
    outer.__cause__ = error
    return outer


@pytest.mark.parametrize(
    "error",
    [
        psycopg.OperationalError("server closed the connection unexpectedly"),
        psycopg.InterfaceError("the connection is closed"),
        errors.AdminShutdown("terminating connection due to administrator command"),
        errors.CannotConnectNow("the database system is starting up"),
        errors.ReadOnlySqlTransaction("cannot execute UPDATE in a read-only transaction"),
        errors.DiskFull("could not extend file"),
        errors.OutOfMemory("out of memory"),
        errors.TooManyConnections("sorry, too many clients already"),
        errors.QueryCanceled("canceling statement due to statement timeout"),
        errors.LockNotAvailable("canceling statement due to lock timeout"),
        errors.IdleInTransactionSessionTimeout("terminating connection"),
        errors.DeadlockDetected("deadlock detected"),
        wrapped(errors.ReadOnlySqlTransaction("cannot execute UPDATE in a read-only transaction")),
        wrapped(errors.DiskFull("could not extend file")),
        persistence.OperationalError("unable to get connection"),
        duckdb.OutOfMemoryException("could not allocate block"),
        duckdb.IOException("Could not write file: No space left on device"),
        full(),
        OSError(errno.EMFILE, "Too many open files"),
        ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"),
        MemoryError(),
        TimeoutError(),
        RuntimeError("can't start new thread"),
    ],
    ids=reason_of,
)
def test_what_is_away_or_used_up_passes(error: Exception) -> None:
    assert passing(error)


@pytest.mark.parametrize(
    "error",
    [
        errors.UniqueViolation("duplicate key"),
        errors.UndefinedTable("relation does not exist"),
        errors.InsufficientPrivilege("permission denied"),
        errors.DataCorrupted("invalid page"),
        errors.StatementTooComplex("stack depth limit exceeded"),
        wrapped(errors.StatementTooComplex("stack depth limit exceeded")),
        wrapped(errors.NumericValueOutOfRange("out of range")),
        duckdb.BinderException("no such column"),
        duckdb.ConversionException("could not convert"),
        FileNotFoundError(errno.ENOENT, "No such file or directory"),
        PermissionError(errno.EACCES, "Permission denied"),
        RuntimeError("dictionary changed size during iteration"),
        ValueError("no such day"),
        KeyError("po-1"),
    ],
    ids=reason_of,
)
def test_what_is_wrong_in_itself_does_not_pass(error: Exception) -> None:
    assert not passing(error)
