"""Log lines whose reader stands still, is gone, or has a full disk: nobody waits for it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from service.observing.aside import Aside
from tests.service.postgres_owner import ROOT, wait_until
from tests.service.processes import TOKEN, environment
from tests.service.writers import EVENTS


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """The end that is read from, and the one that is written to."""
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def started(descriptor: int, most_lines: int) -> Aside:
    aside = Aside(descriptor, most_lines)
    aside.routine.start()
    return aside


def test_lines_are_written_whole_and_in_order(pipe: tuple[int, int]) -> None:
    aside = started(pipe[1], 1_000)
    for number in range(500):
        aside.write(f"line {number} 百度 \ud800")
    assert aside.drain(20)
    written = os.read(pipe[0], 1 << 16).decode().splitlines()
    assert written == [f"line {number} 百度 \\ud800" for number in range(500)]
    assert aside.routine.stop(20)


def test_nobody_waits_for_a_reader_that_stands_still_and_what_is_lost_is_counted(
    pipe: tuple[int, int], caplog: pytest.LogCaptureFixture
) -> None:
    aside = started(pipe[1], 1_000)
    line = "x" * 999
    for _ in range(2_000):
        aside.write(line)
    # The pipe has taken what it holds; a thousand wait.
    assert not aside.drain(0.1)
    while not aside.drain(0.01):
        os.read(pipe[0], 1 << 20)
    assert wait_until(lambda: "lines of the log are lost" in caplog.text)
    assert aside.routine.life.is_well


def test_a_disk_that_is_full_costs_lines_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    with open("/dev/full", "wb", buffering=0) as full:
        aside = started(full.fileno(), 100)
        for _ in range(3):
            aside.write("a line")
        assert wait_until(lambda: aside.routine.life.failures >= 3)
        assert "No space left on device" in caplog.text
        aside.routine.stop(20)


def test_a_service_answers_and_ends_whether_or_not_anybody_takes_its_log(
    database: str, tmp_path: Path, pipe: tuple[int, int]
) -> None:
    command = [sys.executable, "-m", "service", "--home", str(tmp_path), "serve", "--port", "0"]
    settings = {"DAYBOOK_DATABASE_URL": database}
    process = subprocess.Popen(command, cwd=ROOT, env={**environment(), **settings}, stderr=pipe[1])
    try:
        said = ""
        while " is served at http://" not in said:
            said += os.read(pipe[0], 1 << 16).decode()
        address = said.partition(" is served at ")[2].split()[0].rstrip("/")
        # From here on nobody reads; a line is some 250 bytes, and the pipe holds 64 KiB.
        with httpx2.Client(base_url=address, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=20) as client:
            assert [client.get(EVENTS).status_code for _ in range(600)] == [200] * 600
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
