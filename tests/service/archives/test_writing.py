"""An archive makes the same ledger again, byte for byte and under its old checkpoints, or says what is wrong."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from pydantic import SecretStr

from domain.catalogue import read_request
from domain.merkle import Edge, leaf_hash
from domain.notes import VerifierKey
from service.archives.manifest import BadArchive, Manifest, Range, read_manifest
from service.archives.restoring import Checked, NotEmpty, check, restore
from service.archives.writing import SCHEMA, Done, OtherLedger, archive
from service.codes import codes
from service.daybook import Daybook, open_daybook
from service.log.signatures import SigningKey
from service.settings import Settings
from service.storing.ledger import Ledger, ledger_identity
from service.storing.migrations import WrongLedger, migrate
from tests.service.exporting.conftest import order, organization

ROWS = "select notification_id, originator_id, originator_version, topic, event_id, recorded_at, state from {}"
EVENTS = ROWS.format("ledger_events order by notification_id")
CHECKPOINTS = "select size, root, issued_at, note from log_checkpoints order by size"
COSIGNATURES = "select size, line, received_at from log_cosignatures order by size, line"


@pytest.fixture
def files(daybook: Daybook, tmp_path: Path) -> Path:
    """The archive of the ledger with the awkward names, in files of ten events, its checkpoints several."""
    for number in range(3):
        record(daybook, organization(f"later-{number}", f"Later {number}"))
        daybook.log.publisher.publish_all()
    line = SigningKey.generate("witness.example").cosign(daybook.log.checkpoint(), 1_700_000_000).line
    daybook.log.storage.add_cosignatures(daybook.log.issued().size, [line])
    folder = tmp_path / "archive"
    archived(daybook, folder, 10)
    return folder


def record(daybook: Daybook, *requests: dict[str, Any]) -> None:
    """Record requests as a client would."""
    daybook.committer.record([read_request(one, codes()) for one in requests])


def archived(daybook: Daybook, folder: Path, size: int | None = None) -> Done:
    """Bring an archive up to the ledger's head."""
    return archive(daybook.ledger, daybook.log, daybook.origin, folder, size)


def keys_of(daybook: Daybook) -> list[VerifierKey]:
    """The keys that verify the ledger's checkpoints."""
    return [key.verifier for key in daybook.log.publisher.keys]


@pytest.fixture
def anew(empty_database: str) -> Iterator[Callable[[Checked], Ledger]]:
    """Restore an archive that was checked into a database that held nothing."""
    opened: list[Ledger] = []

    def make(checked: Checked) -> Ledger:
        migrate(empty_database, checked.manifest.origin, checked.manifest.made_at)
        opened.append(Ledger(empty_database))
        restore(opened[-1], checked)
        return opened[-1]

    yield make
    for ledger in opened:
        ledger.close()


def rows(ledger: Ledger, query: str) -> list[Any]:
    """What a table holds."""
    with ledger.recorder.datastore.get_connection() as connection:
        return connection.execute(query.encode()).fetchall()


def test_a_ledger_is_made_again_byte_for_byte(
    daybook: Daybook, files: Path, anew: Callable[[Checked], Ledger], empty_database: str, tmp_path: Path
) -> None:
    checked = check(files, keys_of(daybook), [daybook.log.checkpoint()])
    head = daybook.ledger.recorder.head().position
    assert (checked.manifest.position, checked.signed_size) == (head, head)
    assert checked.root_hash == daybook.log.root_hash(head)
    again = anew(checked)
    for query in (EVENTS, CHECKPOINTS, COSIGNATURES):
        assert rows(again, query) == rows(daybook.ledger, query)
    assert len(rows(again, COSIGNATURES)) == 1
    assert again.recorder.head()[:2] == daybook.ledger.recorder.head()[:2]
    assert ledger_identity(again) == ledger_identity(daybook.ledger)
    # With the key of before it goes on: the new checkpoint's tree begins with the old one's.
    key = daybook.log.publisher.keys[0].encode()
    settings = Settings(home=tmp_path / "other", database_url=SecretStr(empty_database), signing_key=SecretStr(key))
    with open_daybook(settings) as opened:
        assert opened.log.checkpoint() == daybook.log.checkpoint()
        assert [opened.log.root_hash(size) for size in range(head)] == [
            daybook.log.root_hash(size) for size in range(head)
        ]
        record(opened, organization("new-here", "New here"))
        opened.log.publisher.publish_all()
        assert opened.log.issued().size == head + 1
        assert opened.log.root_hash(head) == checked.root_hash


def test_a_ledger_made_again_signs_nothing_without_its_key(
    daybook: Daybook, files: Path, anew: Callable[[Checked], Ledger], empty_database: str, tmp_path: Path
) -> None:
    anew(check(files))
    with open_daybook(Settings(home=tmp_path / "other", database_url=SecretStr(empty_database))) as opened:
        record(opened, organization("new-here", "New here"))
        opened.log.publisher.publish_all(0.1)
        assert opened.log.checkpoint() == daybook.log.checkpoint()


def test_an_old_archive_in_the_home_of_before_signs_nothing(
    daybook: Daybook, files: Path, anew: Callable[[Checked], Ledger], empty_database: str, settings: Settings
) -> None:
    record(daybook, organization("lost", "Lost"))
    daybook.log.publisher.publish_all()
    daybook.log.publisher.keep()
    kept = daybook.log.issued().size
    anew(check(files))
    with open_daybook(settings.model_copy(update={"database_url": SecretStr(empty_database)})) as opened:
        record(opened, organization("new-here", "New here"))
        opened.log.publisher.publish_all(0.1)
        assert opened.log.issued().size == kept - 1
        assert "put back to an old state" in str(opened.log.publisher.hindrance)


def test_sealed_files_stay_as_they_are_and_the_tail_is_made_anew(daybook: Daybook, files: Path) -> None:
    before = read_manifest(files)
    sealed = {one.file: (files / one.file).stat() for one in before.sealed}
    assert [one.count for one in before.sealed] == [10] * (before.position // 10)
    assert before.ranges[-1].count == before.position % 10
    record(daybook, *(organization(f"more-{number}", f"More {number}") for number in range(25)))
    after = archived(daybook, files).manifest
    assert after.position == before.position + 25
    assert after.events_per_file == 10
    for file, stat in sealed.items():
        assert (files / file).stat() == stat
    assert not (files / before.ranges[-1].file).exists()
    assert {path.name for path in files.glob("*.parquet")} == {one.file for one in after.ranges}
    check(files, keys_of(daybook))
    again = archived(daybook, files)
    assert (again.written, again.events) == (0, 0)
    assert again.manifest.ranges == after.ranges


def test_an_archive_of_an_empty_ledger_is_one(database: str, tmp_path: Path, anew: Callable[[Checked], Ledger]) -> None:
    with open_daybook(Settings(home=tmp_path / "home", database_url=SecretStr(database))) as daybook:
        archived(daybook, tmp_path / "archive")
    checked = check(tmp_path / "archive")
    assert (checked.manifest.position, checked.tree) == (0, Edge())
    assert anew(checked).recorder.head().position == 0


def test_parquet_readers_find_events_in_it(daybook: Daybook, files: Path) -> None:
    table = pq.read_table(files / read_manifest(files).ranges[0].file)
    assert table.schema.equals(SCHEMA)
    for row in table.to_pylist():
        told = json.loads(row["entry"])
        assert {name: told[name] for name in ("position", "type", "stream", "id")} == {
            name: row[name] for name in ("position", "type", "stream", "id")
        }


def test_nothing_is_restored_over_a_ledger(daybook: Daybook, files: Path) -> None:
    with pytest.raises(NotEmpty, match="holds 69 events"):
        restore(daybook.ledger, check(files))


def test_another_ledger_is_neither_archived_nor_restored_there(
    daybook: Daybook, files: Path, empty_database: str, tmp_path: Path
) -> None:
    with open_daybook(Settings(home=tmp_path / "other", database_url=SecretStr(empty_database))) as other:
        with pytest.raises(OtherLedger, match="holds an archive of the ledger daybook"):
            archived(other, files)
        manifest = read_manifest(files)
        with pytest.raises(WrongLedger, match="another ledger 'daybook'"):
            migrate(empty_database, manifest.origin, manifest.made_at)


def rewritten(files: Path, **changes: Any) -> Manifest:
    """Change the manifest."""
    manifest = replace(read_manifest(files), **changes)
    (files / "manifest.json").write_bytes(manifest.encode())
    return manifest


def forged(files: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    """Change the events of the last file, and everything that the manifest says of them."""
    manifest = read_manifest(files)
    last = manifest.ranges[-1]
    path = files / last.file
    table = pq.read_table(path)
    entries = change(table.column("entry").to_pylist())
    columns = {name: table.column(name).to_pylist()[: len(entries)] for name in SCHEMA.names}
    pq.write_table(SCHEMA.empty_table().from_pydict({**columns, "entry": entries}, schema=SCHEMA), path)
    tree = manifest.ranges[-2].tree.extended([leaf_hash(entry) for entry in entries])
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    new = Range.of(last.first_position, tree, digest, sealed=False)
    path.rename(files / new.file)
    rewritten(files, ranges=(*manifest.ranges[:-1], new))


def _flip_a_byte(files: Path) -> None:
    path = files / read_manifest(files).ranges[1].file
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _swap_two_files(files: Path) -> None:
    first, second, *_ = read_manifest(files).ranges
    a, b = (files / first.file).read_bytes(), (files / second.file).read_bytes()
    (files / first.file).write_bytes(b)
    (files / second.file).write_bytes(a)


def _drop_the_last_range(files: Path) -> None:
    rewritten(files, ranges=read_manifest(files).ranges[:-1])


def _leave_a_range_out(files: Path) -> None:
    ranges = read_manifest(files).ranges
    rewritten(files, ranges=(*ranges[:2], *ranges[3:]))


def _change_a_checkpoint(files: Path) -> None:
    path = files / "checkpoints.ndjson"
    text = path.read_text().replace("\\n69\\n", "\\n68\\n").replace('"size": 69', '"size": 68')
    path.write_text(text)


def _forget_a_checkpoint(files: Path) -> None:
    path = files / "checkpoints.ndjson"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    rewritten(files, checkpoints_sha256=hashlib.sha256(path.read_bytes()).hexdigest())


TAMPERINGS: tuple[tuple[Callable[[Path], Any], str], ...] = (
    (_flip_a_byte, r"events-000000000011-000000000020\.parquet is not the file that the manifest speaks of"),
    (_swap_two_files, r"events-000000000001-000000000010\.parquet is not the file"),
    (lambda files: (files / read_manifest(files).ranges[2].file).unlink(), r"021-000000000030\.parquet is missing"),
    (_drop_the_last_range, "the archive ends at 60, and its checkpoint of size"),
    (_leave_a_range_out, r"manifest\.json: range 3 is of 10 events from 31 to 40"),
    (_change_a_checkpoint, r"checkpoints\.ndjson is not the file"),
    (_forget_a_checkpoint, r"holds \d checkpoints, and the manifest speaks of \d"),
    (lambda files: (files / "checkpoints.ndjson").unlink(), r"checkpoints\.ndjson is missing"),
    (lambda files: (files / "manifest.json").unlink(), r"holds no manifest\.json"),
    (lambda files: (files / "manifest.json").write_text("[]"), r"manifest\.json: list indices"),
    (
        lambda files: forged(files, lambda entries: [*entries[:-1], entries[-1].replace(b"Later", b"Liter")]),
        "lead to the root .*, and its checkpoint of size 69 says",
    ),
    (
        lambda files: forged(files, lambda entries: [entries[1], entries[0], *entries[2:]]),
        "the event at 61 says that its position is 62",
    ),
    (
        lambda files: forged(files, lambda entries: [b"{}", *entries[1:]]),
        "position 61 is no stored event: .* missing required field",
    ),
    (
        lambda files: rewritten(files, ranges=(replace(read_manifest(files).ranges[0], root_hash="x"),)),
        "the edge does not make the root x",
    ),
)


def test_whatever_is_tampered_with_is_named(daybook: Daybook, files: Path) -> None:
    keys = keys_of(daybook)
    whole = {path.name: path.read_bytes() for path in files.iterdir()}
    for tamper, message in TAMPERINGS:
        tamper(files)
        with pytest.raises(BadArchive, match=message):
            check(files, keys)
        for path in files.iterdir():
            path.unlink()
        for name, data in whole.items():
            (files / name).write_bytes(data)
    assert check(files, keys).manifest.position == daybook.ledger.recorder.head().position


def test_a_forger_needs_the_key(daybook: Daybook, files: Path) -> None:
    forged(files, lambda entries: [*entries[:-1], entries[-1].replace(b"Later", b"Liter")])
    path = files / "checkpoints.ndjson"
    lines = path.read_text().splitlines()
    last = json.loads(lines[-1])
    key, tree = SigningKey.generate(daybook.log.name), read_manifest(files).ranges[-1].tree
    body = f"{daybook.log.name}\n{tree.size}\n{read_manifest(files).ranges[-1].root_hash}\n"
    last["note"] = f"{body}\n{key.sign(body).line}"
    path.write_text("".join(f"{line}\n" for line in [*lines[:-1], json.dumps(last)]))
    rewritten(files, checkpoints_sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    # By itself it agrees; by the true key, or by a checkpoint that somebody kept, it does not.
    assert check(files).signed_size == 0
    with pytest.raises(BadArchive, match="the checkpoint of size 69: the note is not signed by any known key"):
        check(files, keys_of(daybook))
    with pytest.raises(BadArchive, match="and the checkpoint of size 69 that was given says"):
        check(files, elsewhere=[daybook.log.checkpoint()])


def test_an_old_archive_is_told_by_a_newer_checkpoint(daybook: Daybook, files: Path) -> None:
    record(daybook, order("o-later", "huawei", "1"))
    daybook.log.publisher.publish_all()
    with pytest.raises(BadArchive, match="the archive ends at 69, and the checkpoint of size 70 that was given"):
        check(files, elsewhere=[daybook.log.checkpoint()])


def test_nothing_stays_of_a_restoration_that_breaks_off(
    daybook: Daybook, files: Path, empty_database: str, anew: Callable[[Checked], Ledger]
) -> None:
    checked = check(files)
    path = files / checked.manifest.ranges[3].file
    data = path.read_bytes()
    path.write_bytes(data[:-1])
    with pytest.raises(BadArchive, match="031-000000000040"):
        anew(checked)
    path.write_bytes(data)
    again = anew(checked)
    assert again.recorder.head().position == checked.manifest.position
