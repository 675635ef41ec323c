"""Imports that an earlier version kept in folders of the home: none is lost, and none is run twice."""

import fcntl
import json
import os
import shutil
from pathlib import Path
from typing import Any, get_args

import pytest

from service.importing.queue.contents import Arrival, DiskRoom
from service.importing.queue.folders import take_over, unreadable
from service.importing.queue.jobs import SentFile, State, Wish
from service.importing.queue.leases import Leases
from service.importing.queue.registry import ImportRegistry, NoSpace
from service.recording.commands import KeyReused
from service.recording.receipts import IdempotencyKey

LEDGER = "0123456789abcdef"
STATES = get_args(State)
MAPPING = b'name = "pumps"\n'


def identifier(number: int) -> str:
    """The id of an import."""
    return f"0190c4a1-0000-7000-8000-{number:012}"


def kept(room: DiskRoom, number: int, upload: bytes | None = b"{}\n", **more: Any) -> Path:
    """A folder as the earlier version left it."""
    folder = room.folder / identifier(number)
    folder.mkdir()
    record = {
        "id": folder.name,
        "ledger": LEDGER,
        "file": f"file-{number}.ndjson",
        "wish": {"format": "ndjson", "mapping": None, "mapping_sha256": None, "dry_run": False,
                 "continue_on_error": False, "register": False},
        "actor": "erp",
        "sha256": f"{number:064}",
        "size_bytes": 3,
        "created_at": f"2026-01-01T00:00:{number:02}Z",
        "key": None,
        "state": "queued",
        "deaths": 0,
        **more,
    }  # fmt: skip
    (folder / "job.json").write_text(json.dumps(record))
    if upload is not None:
        (folder / "upload").write_bytes(upload)
    return folder


def test_what_waits_is_run_in_its_order_and_what_has_ended_is_listed(room: DiskRoom, imports: ImportRegistry) -> None:
    fault = {"line": 7, "row": "7\x00", "message": "is no number"}
    done = {"state": "done", "started_at": "2026-01-01T00:01:00Z", "finished_at": "2026-01-01T00:02:00Z"}
    kept(room, 3)
    kept(room, 2, upload=b"x" * 1_500_000, state="interrupted", detail="the service ended")
    kept(room, 1, upload=None, **done, rows=9, recorded=8, rejected=1, faults=[fault], types={"order-placed": 8})
    (room.folder / identifier(1) / "rejects.ndjson").write_bytes(b'{"line":7}\n')
    take_over(room, imports, LEDGER)
    assert [job.id for job in imports.page(STATES, 10)] == [identifier(number) for number in (3, 2, 1)]
    ended = imports.find(identifier(1))
    assert (ended.state, ended.rows, ended.recorded, ended.outcome.types) == ("done", 9, 8, {"order-placed": 8})
    assert ended.finished_at is not None
    assert (ended.finished_at.isoformat()[:16], ended.faults[0].row) == ("2026-01-01T00:02", "7\x00")
    assert imports.part(imports.rejects(ended.id), 0) == b'{"line":7}\n'
    leases = Leases(imports)
    for number, size_bytes in ((2, 1_500_000), (3, 3)):
        job = leases.next().job
        assert job is not None
        assert (job.id, imports.parts(job.id, "file").size_bytes) == (identifier(number), size_bytes)
        leases.end(job, "done")
    assert list(room.folder.glob("[!.]*")) == []


def test_what_ran_has_died_once_more_and_what_was_called_off_has_ended(room: DiskRoom, imports: ImportRegistry) -> None:
    kept(room, 1, state="running", started_at="2026-01-01T00:01:00Z", deaths=1)
    kept(room, 2, state="running", started_at="2026-01-01T00:01:00Z", deaths=2)
    (kept(room, 3, state="running", started_at="2026-01-01T00:01:00Z") / "cancel").touch()
    (kept(room, 4) / "cancel").touch()
    kept(room, 5, upload=None)
    take_over(room, imports, LEDGER)
    found = {job.id[-1]: (job.state, job.deaths, job.detail) for job in imports.page(STATES, 10)}
    assert found == {
        "1": ("interrupted", 2, "the service ended while it ran: it is run again from its beginning"),
        "2": ("failed", 3, "given up: the service died 3 times while it ran"),
        "3": ("cancelled", 1, "it was called off: what it had recorded stays"),
        "4": ("cancelled", 0, "it was called off: nothing is recorded"),
        "5": ("failed", 0, "its file is gone"),
    }


def test_a_key_stands_for_the_import_as_before(room: DiskRoom, imports: ImportRegistry) -> None:
    key = IdempotencyKey("token:7", "k-1", b"\x01" * 32)
    told = {"actor": key.actor, "key": key.key, "fingerprint": key.fingerprint.hex()}
    kept(room, 1, upload=None, key=told, state="done", finished_at="2026-01-01T00:02:00Z")
    take_over(room, imports, LEDGER)
    with Arrival(room) as arrival:
        sent = SentFile(arrival.id, "again", Wish("ndjson"), "erp", "0" * 64, 0)
        job, new = imports.add(sent, arrival.file, key)
        assert (job.id, new) == (identifier(1), False)
        with pytest.raises(KeyReused):
            imports.add(sent, arrival.file, key._replace(fingerprint=b"\x02" * 32))
    imports.clear_away(-1e9)
    assert imports.find(identifier(1)).state == "done"


def test_one_whose_folder_could_not_be_removed_is_not_taken_over_again(
    room: DiskRoom, imports: ImportRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(room, 1)
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", lambda path, ignore_errors: None)
        take_over(room, imports, LEDGER)
    leases = Leases(imports)
    job = leases.next().job
    assert job is not None
    leases.end(job, "done")
    take_over(room, imports, LEDGER)
    assert ([one.state for one in imports.page(STATES, 10)], leases.next().job) == (["done"], None)
    assert not (room.folder / identifier(1)).exists()


def test_a_mapping_goes_with_its_import(room: DiskRoom, imports: ImportRegistry) -> None:
    wish = {"format": "csv", "mapping": "pumps", "mapping_sha256": "00"}
    (kept(room, 1, wish=wish) / "mapping.toml").write_bytes(MAPPING)
    take_over(room, imports, LEDGER)
    assert (imports.mapping(identifier(1)), imports.find(identifier(1)).wish.mapping) == (MAPPING, "pumps")


def test_what_is_of_another_ledger_or_cannot_be_read_stays(
    room: DiskRoom, imports: ImportRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    other = kept(room, 1, ledger="fedcba9876543210")
    broken = kept(room, 2)
    (broken / "job.json").write_text("{")
    half = room.folder / ".arriving" / identifier(3)
    half.mkdir(parents=True)
    take_over(room, imports, LEDGER)
    assert (imports.page(STATES, 10), other.exists(), broken.exists(), half.exists()) == ([], True, True, False)
    assert "cannot be read and is left there" in caplog.text
    assert unreadable(room.folder.parent) == [broken.name]


def test_what_an_earlier_version_still_runs_is_left_to_it(room: DiskRoom, imports: ImportRegistry) -> None:
    folder = kept(room, 1, state="running")
    lock = os.open(room.folder / f".leading-{LEDGER}", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        take_over(room, imports, LEDGER)
        assert (imports.page(STATES, 10), folder.exists()) == ([], True)
    finally:
        os.close(lock)
    take_over(room, imports, LEDGER)
    assert (imports.find(identifier(1)).state, folder.exists()) == ("interrupted", False)


def test_what_finds_no_room_waits_in_its_folder(tmp_path: Path, imports: ImportRegistry) -> None:
    full = DiskRoom(tmp_path / "imports", reserve_bytes=1 << 60)
    folder = kept(full, 1)
    take_over(full, imports, LEDGER)
    assert (imports.page(STATES, 10), folder.exists()) == ([], True)
    with pytest.raises(NoSpace):
        full.check(1)
    take_over(DiskRoom(tmp_path / "imports"), imports, LEDGER)
    assert imports.find(identifier(1)).state == "queued"
