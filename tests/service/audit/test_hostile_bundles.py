"""Bundles that somebody had a hand in: each is refused with a reason, and none is believed."""

import base64
import json
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from domain.merkle import leaf_hash, root
from domain.notes import Checkpoint, Note, parse_checkpoint, parse_note
from domain.tiles import pack_bundle, unpack_bundle
from service.asking.questions import Questions
from service.audit.bundle import write_bundle
from service.audit.verifier import UNREAD, Key, Refused, check_bundle, main, read_checkpoint
from service.cli.seed import SEED
from service.daybook import open_daybook
from service.log.signatures import SigningKey
from service.postgres.embedded import EmbeddedPostgres
from service.settings import Settings
from service.web.bodies import read_events
from tests.service.audit.conftest import KEY, QUERIES, VKEY

Members = dict[str, bytes]
ENTRIES, LEAVES = "tile/entries/000.p/56", "tile/0/000.p/56"
THIEF = SigningKey("daybook", bytes(32))


@pytest.fixture(scope="module")
def honest(
    postgres_server: EmbeddedPostgres, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A bundle of the seed as it should be; checkpoints were issued at 40 and at 56."""
    folder = tmp_path_factory.mktemp("honest")
    names = sql.Identifier("honest_bundle"), sql.Identifier(template_database)
    with psycopg.connect(postgres_server.conninfo_of("postgres"), autocommit=True) as owner:
        owner.execute(sql.SQL("create database {} template {}").format(*names))
        url = SecretStr(postgres_server.conninfo_of("honest_bundle"))
        settings = Settings(home=folder / "home", database_url=url, signing_key=SecretStr(KEY.encode()))
        requests = read_events(SEED.read_bytes(), "application/x-ndjson").requests
        for part in (requests[:40], requests[40:]):
            with open_daybook(settings, follow=False) as daybook:
                daybook.committer.record(part)
        with open_daybook(settings, follow=False) as daybook, (folder / "bundle.zip").open("wb") as output:
            write_bundle(output, daybook, Questions(daybook, 10), QUERIES, None, name="bundle.zip")
            (folder / "older").write_text(daybook.log.checkpoint(40))
        owner.execute(sql.SQL("drop database {} with (force)").format(names[0]))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def members(honest: Path) -> Members:
    """What the honest bundle holds."""
    with zipfile.ZipFile(honest / "bundle.zip") as file:
        return {name: file.read(name) for name in file.namelist()}


@pytest.fixture
def refusal(tmp_path: Path) -> Callable[[Members], str]:
    """Why a bundle of these members is refused."""

    def why(members: Members) -> str:
        path = tmp_path / "hostile.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for name, data in members.items():
                file.writestr(name, data)
        with pytest.raises(Refused) as refused:
            check_bundle(path, [VKEY])
        return str(refused.value)

    return why


Refusal = Callable[[Members], str]


def entries(members: Members, change: Callable[[list[bytes]], Any]) -> list[bytes]:
    """Change the events of a bundle."""
    found = unpack_bundle(members[ENTRIES])
    change(found)
    members[ENTRIES] = pack_bundle(found)
    return found


def manifest(members: Members, **changed: Any) -> None:
    """Change what a bundle says that it holds."""
    members["bundle.json"] = json.dumps(json.loads(members["bundle.json"]) | changed).encode()


# Events


def altered(found: list[bytes]) -> None:
    found[37] = found[37].replace(b'"v":1', b'"v":2')


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (altered, "the event at position 38 is not the one that the log holds there"),
        (lambda found: found.pop(37), "holds 55 entries, not 56"),
        (lambda found: found.insert(3, found[3]), "holds 57 entries, not 56"),
        (lambda found: found.append(found.pop(3)), "the event at position 4 is not"),
        (lambda found: found.__setitem__(slice(10, 12), found[11:9:-1]), "the event at position 11 is not"),
    ],
)
def test_events_that_were_altered_dropped_inserted_or_moved(
    members: Members, refusal: Refusal, change: Callable[[list[bytes]], Any], why: str
) -> None:
    changed = entries(members, change)
    assert why in refusal(members)
    if len(changed) == 56:
        # Whoever makes the tiles fit meets the signature.
        members[LEAVES] = b"".join(map(leaf_hash, changed))
        assert "not one that the signed checkpoint builds on" in refusal(members)


def test_a_tile_that_was_altered_and_one_cut_short(members: Members, refusal: Refusal) -> None:
    tile = members[LEAVES]
    members[LEAVES] = tile[:-1] + bytes([tile[-1] ^ 1])
    assert "not one that the signed checkpoint builds on" in refusal(members)
    members[LEAVES] = tile[:-32]
    assert "has 1760 bytes, not 1792" in refusal(members)


def test_a_bundle_that_ends_within_an_entry(members: Members, refusal: Refusal) -> None:
    members[ENTRIES] = members[ENTRIES][:-1]
    assert "ends within an entry" in refusal(members)


# Signatures


def test_a_checkpoint_by_another_key_of_the_same_name(members: Members, refusal: Refusal) -> None:
    text = parse_note(members["checkpoint"]).text
    members["checkpoint"] = Note(text, (THIEF.sign(text),)).encode()
    assert "did not sign the checkpoint, signed by daybook" in refusal(members)


def test_a_forged_signature_under_the_right_name_and_id(members: Members, refusal: Refusal) -> None:
    note = members["checkpoint"].decode()
    head, signature = note.rstrip("\n").rsplit(" ", 1)
    made = base64.b64decode(signature)
    forged = base64.b64encode(made[:4] + bytes([made[4] ^ 1]) + made[5:]).decode()
    members["checkpoint"] = f"{head} {forged}\n".encode()
    assert "the signature of the checkpoint by daybook is forged" in refusal(members)


def test_a_whole_other_history_signed_with_another_key(members: Members, refusal: Refusal) -> None:
    changed = entries(members, altered)
    members[LEAVES] = b"".join(map(leaf_hash, changed))
    body = Checkpoint("daybook", 56, root([leaf_hash(entry) for entry in changed])).body()
    members["checkpoint"] = Note(body, (THIEF.sign(body),)).encode()
    assert "did not sign the checkpoint" in refusal(members)


def test_a_checkpoint_older_than_the_events(honest: Path, members: Members, refusal: Refusal) -> None:
    members["checkpoint"] = (honest / "older").read_bytes()
    assert "the checkpoint is of 'daybook' and size 40" in refusal(members)
    manifest(members, checkpoint_size=40)
    members["consistency.json"] = b'{"old_size": 56, "new_size": 40, "hashes": []}'
    assert "covers 40 events, not the 56" in refusal(members)


def test_a_log_of_another_name(members: Members, refusal: Refusal) -> None:
    manifest(members, origin="another")
    assert "the bundle says otherwise" in refusal(members)
    body = parse_checkpoint(parse_note(members["checkpoint"]).text)
    text = Checkpoint("another", body.size, body.root).body()
    members["checkpoint"] = Note(text, (KEY.sign(text),)).encode()
    assert "is of 'another', and no key of that name" in refusal(members)


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\u0085", "\u00a0", "\t", "\r", "\v", "\x1c", "+"])
def test_a_name_that_no_key_can_have(members: Members, refusal: Refusal, mark: str) -> None:
    signed = members["checkpoint"].decode()
    signature = base64.b64encode(b"x" * 68).decode()
    members["checkpoint"] = f"{signed}\N{EM DASH} wit{mark}ness {signature}\n".encode()
    assert "is not a signature of a note" in refusal(members)
    typed = bytes([KEY.verifier.type]) + KEY.verifier.key
    name = f"day{mark}book"
    identifier = sha256(name.encode() + b"\n" + typed).hexdigest()[:8]
    with pytest.raises(ValueError, match="key"):
        Key.parse(f"{name}+{identifier}+{base64.b64encode(typed).decode()}")


def test_a_further_line_may_hold_separators_of_unicode_and_no_control_characters(
    members: Members, refusal: Refusal
) -> None:
    body = parse_checkpoint(parse_note(members["checkpoint"]).text)
    text = Checkpoint("daybook", body.size, body.root, ("one\u2028two\u0085three",)).body()
    members["checkpoint"] = Note(text, (KEY.sign(text),)).encode()
    assert read_checkpoint(members["checkpoint"], [Key.parse(VKEY)]).size == body.size
    members["checkpoint"] = members["checkpoint"].replace("\u2028".encode(), b"\r")
    assert "is not a signed note" in refusal(members)


@pytest.mark.parametrize(
    "note", [b"", b"\xff", b"daybook\n56\n", b"daybook\n56\nAAAA\n\nsigned by nobody\n", b"\n\n\n", b"x" * (2 << 20)]
)
def test_what_is_no_checkpoint(members: Members, refusal: Refusal, note: bytes) -> None:
    members["checkpoint"] = note
    assert refusal(members)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda proof: proof.replace("tlog-proof@v1", "tlog-proof@v2"), "does not begin as a proof"),
        (lambda proof: proof.replace("index ", "index 1"), "does not begin as a proof"),
        (lambda proof: "\n".join([*proof.split("\n")[:2], *proof.split("\n")[3:]]), "too few hashes"),
        (lambda proof: "\n".join([*proof.split("\n")[:3], *proof.split("\n")[2:]]), "too many hashes"),
        (lambda proof: proof.replace("daybook\n56", "daybook\n57"), "is forged"),
        (lambda proof: proof[: len(proof) // 4], ""),
        (lambda proof: "", ""),
    ],
)
def test_proofs_of_single_events_that_prove_nothing(
    members: Members, refusal: Refusal, change: Callable[[str], str], why: str
) -> None:
    path = next(name for name in members if name.startswith("proofs/"))
    members[path] = change(members[path].decode()).encode()
    assert refusal(members).startswith(f"{path}: ")
    assert why in refusal(members)


# Questions and answers


def leaves(value: Any, *way: Any) -> Iterator[tuple[Any, ...]]:
    """The way to every value in JSON that holds no others, empty ones included."""
    if isinstance(value, dict | list) and value:
        for name, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(part, *way, name)
    else:
        yield way


def edited(value: Any) -> Any:
    """Another value of its kind."""
    if value is None:
        return "1"
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 0.000001
    if isinstance(value, str):
        return value[:-1] + ("8" if value[-1:] != "8" else "9")
    return ["something"] if isinstance(value, list) else {"something": 1}


@pytest.mark.parametrize("number", range(1, len(QUERIES) + 1))
def test_an_answer_that_was_edited_anywhere(members: Members, refusal: Refusal, number: int) -> None:
    path = f"answers/{number}.json"
    # One answer is enough, and quicker.
    manifest(members, queries=[pinned_queries(members)[number - 1]], proofs=[])
    answer = json.loads(members[path])
    kept = {name: data for name, data in members.items() if not name.startswith(("answers/", "proofs/"))}
    ways = list(leaves(answer))
    for way in Random(number).sample(ways, min(25, len(ways))):
        changed = json.loads(members[path])
        inner = changed
        for name in way[:-1]:
            inner = inner[name]
        if way[-1] == "name" and "by=country" in QUERIES[number - 1]:
            continue  # said not to be checked
        inner[way[-1]] = edited(inner[way[-1]])
        assert refusal(kept | {"answers/1.json": json.dumps(changed).encode()}).startswith("answers/1.json: "), way


def pinned_queries(members: Members) -> list[str]:
    """The questions of a bundle as pinned."""
    queries: list[str] = json.loads(members["bundle.json"])["queries"]
    return queries


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda answer: answer["rows"].pop(), "/rows/"),
        (lambda answer: answer["rows"].append(answer["rows"][0]), "/rows/"),
        (lambda answer: answer["rows"].reverse(), "/rows/0"),
        (lambda answer: answer.update(note="audited"), "/note"),
        (lambda answer: answer.pop("metrics"), "/metrics"),
        (lambda answer: answer["rows"][0].pop("evidence"), "not the link that belongs there"),
        (lambda answer: answer.update(rows={}), "has no rows"),
        (lambda answer: answer["metrics"].update(single_source=0), "/metrics/single_source"),
    ],
)
def test_an_answer_with_more_or_less(
    members: Members, refusal: Refusal, change: Callable[[dict[str, Any]], Any], why: str
) -> None:
    answer = json.loads(members["answers/1.json"])
    change(answer)
    members["answers/1.json"] = json.dumps(answer).encode()
    assert why in refusal(members)


@pytest.mark.parametrize(
    ("replaced", "by", "why"),
    [
        ("measure=units", "measure=spend", "evidence of row 0 is not the link"),
        ("buyer=baidu", "buyer=tencent", "evidence of row 0 is not the link"),
        ("captive=exclude", "captive=include", ""),
        ("2023-11-08", "2023-11-09", ""),
        ("position=56", "position=55", "asked as of position 55"),
        ("&buyer=baidu", "", ""),
        ("vendor-dependence", "regulatory-exposure", "evidence of row 0 is not the link"),
        ("vendor-dependence", "organizations", "is not one of"),
        ("measure=units", "measure=weight", "cannot be answered"),
        ("measure=units", "measure=units&measure=units", "measure is given twice"),
        ("effective_on=2023-08-31", "effective_on=tomorrow", "cannot be answered"),
        ("effective_on=2023-08-31&", "", "must be given"),
        ("captive=exclude", "colour=red", "'colour' is not a parameter"),
        ("captive=exclude", "window=P1Z", "cannot be answered"),
    ],
)
def test_a_question_that_was_edited(members: Members, refusal: Refusal, replaced: str, by: str, why: str) -> None:
    queries = pinned_queries(members)
    assert replaced in queries[0]
    manifest(members, queries=[queries[0].replace(replaced, by), *queries[1:]])
    assert why in refusal(members)


def test_answers_that_changed_places(members: Members, refusal: Refusal) -> None:
    members["answers/1.json"], members["answers/2.json"] = members["answers/2.json"], members["answers/1.json"]
    assert "answers/1.json" in refusal(members)


# What a bundle says of itself


@pytest.mark.parametrize(
    "changed",
    [
        {"position": 10**15},
        {"position": 0},
        {"position": True},
        {"position": 55},
        {"position": "56"},
        {"checkpoint_size": 10**400},
        {"queries": []},
        {"queries": [7]},
        {"queries": ["vendor-dependence"] * 1_001},
        {"proofs": [0]},
        {"proofs": [57]},
        {"proofs": [[]]},
        {"proofs": []},
        {"format": "daybook-bundle/v2"},
        {"note": "trust me"},
        {"code": None},
    ],
    ids=str,
)
def test_a_manifest_that_is_not_true(members: Members, refusal: Refusal, changed: dict[str, Any]) -> None:
    manifest(members, **changed)
    assert refusal(members)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "[" * 100_000, '{"format": NaN}', '{"format": 1, "format": 2}', "\ufeff{}", "1" * 5_000],
    ids=lambda text: text[:20],
)
@pytest.mark.parametrize("name", ["bundle.json", "consistency.json", "answers/1.json"])
def test_what_is_no_json_or_not_what_belongs_there(members: Members, refusal: Refusal, name: str, text: str) -> None:
    members[name] = text.encode()
    assert name in refusal(members)


def test_every_member_is_needed(members: Members, refusal: Refusal) -> None:
    for name in members:
        left = {other: data for other, data in members.items() if other != name}
        assert f"the bundle lacks {name}" in refusal(left)


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "/etc/passwd", "tile/0/../0/000.p/56", "proofs/1.tlog-proof", "answers/", "C:\\x", "a\nb"],
)
def test_no_other_member_is_let_in(members: Members, refusal: Refusal, tmp_path: Path, name: str) -> None:
    members[name] = b"root::0:0"
    assert "does not belong there" in refusal(members)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hostile.zip"]


def test_no_member_stands_twice(members: Members, tmp_path: Path) -> None:
    path = tmp_path / "twice.zip"
    with zipfile.ZipFile(path, "w") as file:
        for name, data in members.items():
            file.writestr(name, data)
        with pytest.warns(UserWarning, match="Duplicate name"):
            file.writestr("answers/1.json", b"{}")
    with pytest.raises(Refused, match=r"holds 'answers/1\.json' twice"):
        check_bundle(path, [VKEY])


# The file itself


@pytest.mark.parametrize("name", ["checkpoint", ENTRIES, LEAVES, "bundle.json", "answers/1.json"])
def test_a_member_that_would_fill_the_memory(members: Members, refusal: Refusal, name: str) -> None:
    members[name] = bytes(300 << 20)
    assert "more than the" in refusal(members)


def test_a_member_that_is_larger_than_it_says(honest: Path, tmp_path: Path) -> None:
    data = bytearray((honest / "bundle.zip").read_bytes())
    with zipfile.ZipFile(honest / "bundle.zip") as file:
        member = file.getinfo("answers/1.json")
    bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = bomb.compress(bytes(50 << 20)) + bomb.flush()
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out, zipfile.ZipFile(honest / "bundle.zip") as file:
        for name in file.namelist():
            out.writestr(name, bytes(50 << 20) if name == member.filename else file.read(name))
    data = bytearray(path.read_bytes())
    assert packed[:100] in data
    # What the directories say of its size: little.
    told = (50 << 20).to_bytes(4, "little")
    while (place := data.find(told)) >= 0:
        data[place : place + 4] = (1_000).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(Refused, match=r"answers/1\.json"):
        check_bundle(path, [VKEY])


def test_a_member_packed_in_another_way(members: Members, tmp_path: Path) -> None:
    path = tmp_path / "lzma.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as file:
        for name, data in members.items():
            file.writestr(name, data)
    with pytest.raises(Refused, match="compressed in another way"):
        check_bundle(path, [VKEY])


def test_a_file_cut_off_anywhere_or_no_bundle_at_all(honest: Path, tmp_path: Path) -> None:
    data = (honest / "bundle.zip").read_bytes()
    path = tmp_path / "cut.zip"
    random = Random(1)
    for length in (0, 1, 4, 22, 100, len(data) - 1, *(random.randrange(len(data)) for _ in range(20))):
        path.write_bytes(data[:length])
        with pytest.raises(Refused):
            check_bundle(path, [VKEY])
    path.write_bytes(random.randbytes(10_000))
    for other in (path, tmp_path, tmp_path / "nowhere.zip"):
        with pytest.raises(Refused):
            check_bundle(other, [VKEY])


@pytest.mark.parametrize("seed", range(4))
def test_whatever_bit_is_turned_nothing_else_is_believed(
    honest: Path, members: Members, tmp_path: Path, seed: int
) -> None:
    data = bytearray((honest / "bundle.zip").read_bytes())
    path = tmp_path / "turned.zip"
    random = Random(seed)
    for _ in range(25):
        # Half of them where the directories are.
        place = random.randrange(len(data)) if random.random() < 0.5 else len(data) - random.randrange(1, 1_500)
        bit = 1 << random.randrange(8)
        data[place] ^= bit
        path.write_bytes(data)
        try:
            check_bundle(path, [VKEY])
        except Refused:
            pass
        else:
            with zipfile.ZipFile(path) as file:
                for name in members.keys() - set(UNREAD):
                    assert file.read(name) == members[name]
        data[place] ^= bit


def test_a_refusal_is_exit_code_5_and_a_sentence(
    honest: Path, members: Members, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(honest / "bundle.zip"), "--vkey", VKEY]) == 0
    assert "All of it follows" in capsys.readouterr().out
    entries(members, altered)
    path = tmp_path / "hostile.zip"
    with zipfile.ZipFile(path, "w") as file:
        for name, data in members.items():
            file.writestr(name, data)
    assert main([str(path), "--vkey", VKEY]) == 5
    assert "REFUSED: the event at position 38" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main([str(path), "--vkey", "nonsense"])
    assert ended.value.code == 2


def test_nothing_is_proven_without_a_key(honest: Path) -> None:
    with pytest.raises(ValueError, match="proves nothing without the key"):
        check_bundle(honest / "bundle.zip", [])
