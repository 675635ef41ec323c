"""Any log laid out in tiles is read and verified from its files alone, one written by other software among them."""

import json
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domain.merkle import leaf_hash, root
from domain.notes import Checkpoint, Note, VerifierKey
from domain.tiles import Bundle, Tile, grown, pack_bundle, tiles_of
from service.log.signatures import SigningKey
from service.verification.remote import Fetch, LogReport, LogUnreachable, folder, verify_log

VECTORS = Path(__file__).parents[2] / "domain" / "vectors"
FOREIGN: dict[str, Any] = json.loads((VECTORS / "tlog_tiles_full_log.json").read_bytes())
FOREIGN_KEYS = (VerifierKey.parse(FOREIGN["vkey"]),)
Files = dict[str, bytes]


def foreign(size: int) -> Files:
    """The log that other software wrote, as it was at a size."""
    files = {path: b64decode(data) for path, data in FOREIGN["tiles"].items()}
    return {**files, "checkpoint": FOREIGN["checkpoints"][f"checkpoint.{size}"].encode()}


def made(count: int, key: SigningKey) -> Files:
    """A log of so many entries, laid out as it is published."""
    entries = [f"entry {number}".encode() for number in range(count)]
    leaves = [leaf_hash(entry) for entry in entries]
    tiles = {(segment.level, segment.number): segment.hashes for segment in grown(0, leaves, lambda level, number: b"")}
    files = {tile.path: tiles[tile.level, tile.number] for tile in tiles_of(count)}
    for number in range(-(-count // 256)):
        part = entries[number * 256 : number * 256 + 256]
        files[Bundle(number, len(part)).path] = pack_bundle(part)
    body = Checkpoint(key.name, count, root(leaves)).body()
    return {**files, "checkpoint": Note(body, (key.sign(body),)).encode()}


def reading(files: Files) -> Fetch:
    return files.get


def told(report: LogReport) -> list[tuple[str, int | None]]:
    return [(str(finding.kind), finding.position) for finding in report.findings]


@pytest.mark.parametrize("size", range(16))
def test_a_log_written_by_other_software_is_verified(size: int) -> None:
    report = verify_log(reading(foreign(size)), FOREIGN_KEYS)
    assert report.findings == ()
    assert (report.origin, report.size, report.entries) == ("example.com/log/testdata", size, size)


def test_it_is_read_from_a_folder_too(tmp_path: Path) -> None:
    for path, data in foreign(15).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    assert verify_log(folder(tmp_path), FOREIGN_KEYS).entries == 15
    with pytest.raises(LogUnreachable, match="no checkpoint"):
        verify_log(folder(tmp_path / "elsewhere"), FOREIGN_KEYS)


def test_an_entry_that_was_changed_is_named() -> None:
    files = foreign(15)
    files["tile/entries/000.p/15"] = files["tile/entries/000.p/15"].replace(b"seven", b"eight")
    report = verify_log(reading(files), FOREIGN_KEYS)
    assert told(report) == [("changed", 7)]
    assert "entry 6 was changed" in report.findings[0].message


def test_a_hash_that_was_changed_is_told_from_a_changed_entry() -> None:
    files = foreign(15)
    path = "tile/0/000.p/15"
    files[path] = files[path][: 32 * 4] + bytes(32) + files[path][32 * 5 :]
    assert told(verify_log(reading(files), FOREIGN_KEYS)) == [("tile", 5)]


def test_entry_and_hash_changed_together_do_not_lead_to_the_checkpoint() -> None:
    files = foreign(15)
    entries = [entry.encode() for entry in FOREIGN["entries"]]
    entries[3] = b"another"
    files["tile/entries/000.p/15"] = pack_bundle(entries)
    files["tile/0/000.p/15"] = b"".join(leaf_hash(entry) for entry in entries)
    (finding,) = verify_log(reading(files), FOREIGN_KEYS).findings
    assert finding.kind == "rewritten"


def test_another_key_of_the_same_name_is_refused() -> None:
    other = SigningKey.generate("example.com/log/testdata").verifier
    (finding,) = verify_log(reading(foreign(15)), [other]).findings
    assert "not signed by any known key" in finding.message


def cut(data: bytes) -> bytes:
    return data[:-1]


@pytest.mark.parametrize(
    ("path", "damage", "kind", "words"),
    [
        ("checkpoint", cut, "checkpoint", "does not end in a newline"),
        ("checkpoint", lambda data: data.replace(b"\n700\n", b"\n701\n"), "checkpoint", "not of this text"),
        ("checkpoint", lambda data: b"\xff" + data, "checkpoint", "not UTF-8"),
        ("tile/entries/001", cut, "missing", "ends within its entry 255"),
        ("tile/entries/001", None, "missing", "tile/entries/001 is missing, with entries 256 to 511"),
        ("tile/0/001", cut, "tile", "has 8191 bytes, not 8192"),
        ("tile/0/001", None, "tile", "tile/0/001 is missing"),
        ("tile/1/000.p/2", lambda data: data[:32] + bytes(32), "tile", "hash 1 is not what the entries lead to"),
        ("tile/1/000.p/2", None, "tile", "tile/1/000.p/2 is missing"),
    ],
)
def test_a_damaged_file_is_named(path: str, damage: Callable[[bytes], bytes] | None, kind: str, words: str) -> None:
    key = SigningKey.generate("made")
    files = made(700, key)
    assert verify_log(reading(files), [key.verifier]).findings == ()
    if damage is None:
        del files[path]
    else:
        files[path] = damage(files[path])
    report = verify_log(reading(files), [key.verifier])
    assert report.findings[0].kind == kind
    assert words in report.findings[0].message


def test_a_partial_file_that_has_become_whole_is_read_there() -> None:
    key = SigningKey.generate("made")
    before, after = made(700, key), made(800, key)
    upper = Tile(1, 0, 2).path
    files = {**after, "checkpoint": before["checkpoint"], upper: before[upper]}
    assert Tile(0, 2, 188).path not in files
    report = verify_log(reading(files), [key.verifier])
    assert (report.findings, report.entries) == ((), 700)


def test_a_checkpoint_kept_elsewhere_shows_what_was_cut_off_or_rewritten(tmp_path: Path) -> None:
    key = SigningKey.generate("made")
    kept = tmp_path / "kept"
    kept.write_bytes(made(700, key)["checkpoint"])
    assert verify_log(reading(made(800, key)), [key.verifier], [kept]).findings == ()
    (finding,) = verify_log(reading(made(600, key)), [key.verifier], [kept]).findings
    assert (finding.kind, finding.position, finding.upto) == ("truncated", 601, 700)
    # Another log of the same name, signed with the same key.
    kept.write_bytes(FOREIGN["checkpoints"]["checkpoint"].encode())
    (finding,) = verify_log(reading(made(600, key)), [key.verifier], [kept]).findings
    assert finding.kind == "copy"
    body = Checkpoint("made", 300, bytes(32)).body()
    kept.write_bytes(Note(body, (key.sign(body),)).encode())
    (finding,) = verify_log(reading(made(600, key)), [key.verifier], [kept]).findings
    assert (finding.kind, finding.size) == ("rewritten", 300)
