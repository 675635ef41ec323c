"""Signed notes, verifier keys and checkpoints: the one form they are read in, and nothing else."""

from base64 import b64decode, b64encode
from random import Random
from typing import Any

import pytest

from domain.notes import (
    COSIGNATURE,
    ED25519,
    LARGEST_NUMBER,
    Checkpoint,
    CheckpointError,
    Cosignature,
    Note,
    NoteError,
    Signature,
    VerifierKey,
    cosigned_message,
    parse_checkpoint,
    parse_note,
    parse_signature,
    read_base64,
    read_number,
)
from tests.domain.vectors import FOLDER, unbase64, vectors

NOTES = vectors("signed_note")
CHECKPOINTS = vectors("checkpoint")
COSIGNATURES = vectors("cosignature_v1")
LOG = vectors("tlog_tiles_full_log")

GOOD_NOTES = [
    *(case["note"] for case in (*NOTES["sign"], *NOTES["open_ok"], *COSIGNATURES["real"])),
    NOTES["unkeyed_example"],
    CHECKPOINTS["spec_example"],
    COSIGNATURES["spec_example_unkeyed"],
    *LOG["checkpoints"].values(),
]
GOOD_CHECKPOINTS = [
    CHECKPOINTS["spec_example"],
    COSIGNATURES["spec_example_unkeyed"],
    *(case["note"] for case in COSIGNATURES["real"]),
    *LOG["checkpoints"].values(),
]
GOOD_KEYS = sorted(
    {key for case in NOTES["open_ok"] for key in case["vkeys"]}
    | {case["vkey"] for case in NOTES["sign"]}
    | {NOTES["enoch_vkey"], LOG["vkey"]}
    | {witness["listed_vkey"] for case in COSIGNATURES["real"] for witness in case["witnesses"]}
    | {case["vkey"] for case in COSIGNATURES["vkeys_accept"] if case.get("key_id_matches_formula", True)}
)
KEY = VerifierKey.of("example.com/log", ED25519, bytes(range(32)))
SIGNATURE = Signature("example.com/log", KEY.key_id, bytes(64))
LINE = SIGNATURE.line.removesuffix("\n")
NOTE = parse_note(GOOD_NOTES[0].encode())
ROOT = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="


def test_every_file_of_vectors_is_run_whole() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in FOLDER.parents[1].rglob("test_*.py"))

    files = sorted(path.stem for path in FOLDER.glob("*.json"))
    assert len(files) == 11
    for name in files:
        assert f'vectors("{name}")' in tests
        for part in vectors(name):
            assert part.startswith(("_", "size_")) or f'["{part}"]' in tests, f"{name}: {part}"


@pytest.mark.parametrize("note", GOOD_NOTES)
def test_notes_of_the_vectors_are_read_and_written_alike(note: str) -> None:
    assert parse_note(note.encode()).encode().decode() == note


@pytest.mark.parametrize("case", NOTES["malformed_b64"], ids=lambda case: case["why"])
def test_malformed_notes_of_the_vectors_are_refused(case: dict[str, str]) -> None:
    with pytest.raises(NoteError):
        parse_note(b64decode(case["b64"]))


def test_a_note_holds_its_text_and_who_signed() -> None:
    note = parse_note(NOTES["unkeyed_example"].encode())

    assert note.text.startswith("Ognuno sta solo")
    assert note.text.endswith(":\n\ned è subito sera.\n")
    (signature,) = note.signatures
    assert signature.name == "quasimodo.example/salvatore"
    assert (signature.key_id.hex(), len(signature.signature)) == ("367ba04b", 64)


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"\n",
        b"\n\n",
        b"text\n",
        b"text\n\n",
        f"text\n{LINE}\n".encode(),  # no empty line
        f"text\n\n{LINE}".encode(),
        f"text\n\n{LINE}\n\n".encode(),
        f"text\n\n{LINE}\r\n".encode(),
        f"text\r\n\r\n{LINE}\n".encode(),
        f"text\n\n{LINE}\njunk\n".encode(),
        f"text\n\n {LINE}\n".encode(),
        f"te\x7fxt\x00\n\n{LINE}\n".encode(),
        f"te\txt\n\n{LINE}\n".encode(),
        f"te\x1bxt\n\n{LINE}\n".encode(),
        f"\ufefftext\n\n{LINE}\n".encode("utf-16"),
        b"te\xedxt\n\n" + f"{LINE}\n".encode(),
        b"te\xed\xa0\x80xt\n\n" + f"{LINE}\n".encode(),  # a lone surrogate
        f"text\n\n{LINE.replace('—', '-')}\n".encode(),
        f"text\n\n{LINE.replace('—', '–')}\n".encode(),
        f"text\n\n{LINE} \n".encode(),
        f"text\n\n{LINE.replace(' ', '  ')}\n".encode(),
        f"text\n\n{LINE.replace('=', '')}\n".encode(),
        f"text\n\n{LINE}=\n".encode(),
        f"text\n\n{LINE.replace('.com', '+com')}\n".encode(),
        f"text\n\n{LINE.replace('.com', chr(0xA0))}\n".encode(),
        f"text\n\n{LINE.replace('.com', chr(0x85))}\n".encode(),
        f"text\n\n{LINE.replace('.com', chr(0x3000))}\n".encode(),
        "text\n\n— example.com/log \n".encode(),
        "text\n\n— example.com/log\n".encode(),
        "text\n\n—  AAAAAAAA\n".encode(),
        "text\n\n— example.com/log AAAA\n".encode(),  # fewer bytes than a key id
        "text\n\n— example.com/log AAAAAA==\n".encode(),  # a key id, and nothing signed
        "text\n\n— example.com/log AAAAAB==\n".encode(),  # bits after the last byte
        "text\n\n— example.com/log AAAA_AAA\n".encode(),
        "text\n\n— example.com/log AAAA AAAA\n".encode(),
        "text\n\n— example.com/log ＡＡＡＡＡＡＡＡ\n".encode(),
    ],
)
def test_what_is_not_a_note_is_refused(note: bytes) -> None:
    with pytest.raises(NoteError):
        parse_note(note)


@pytest.mark.parametrize(
    "text", ["\n", "a\n", "a\n\nb\n", "\n\n\na\n\n", "— a line like a signature\n", "\u2028 \x7f\n"]
)
def test_any_text_that_ends_in_a_newline_can_be_signed(text: str) -> None:
    note = Note(text, (SIGNATURE,))
    assert parse_note(note.encode()) == note


@pytest.mark.parametrize("text", ["", "no newline", "bell\a\n", "carriage\r\n", "\ud800\n"])
def test_no_other_text_can(text: str) -> None:
    with pytest.raises(NoteError):
        Note(text, (SIGNATURE,))


def test_a_note_has_1_to_100_signatures() -> None:
    assert len(parse_note(Note("text\n", (SIGNATURE,) * 100).encode()).signatures) == 100
    with pytest.raises(NoteError, match="1 to 100 signatures, not 0"):
        Note("text\n", ())
    with pytest.raises(NoteError, match="101 signatures"):
        parse_note(f"text\n\n{LINE}\n".encode() + SIGNATURE.line.encode() * 100)


def test_a_note_of_more_than_a_million_bytes_is_refused() -> None:
    long = "x" * (1_000_000 - len(f"\n\n{LINE}\n".encode()))

    assert len(Note(f"{long}\n", (SIGNATURE,)).encode()) == 1_000_000
    assert parse_note(Note(f"{long}\n", (SIGNATURE,)).encode()).text == f"{long}\n"
    with pytest.raises(NoteError, match="1000001 bytes is larger"):
        parse_note(Note(f"{long}x\n", (SIGNATURE,)).encode())


def test_a_truncated_note_is_refused_at_every_byte() -> None:
    whole = GOOD_NOTES[0].encode()
    for end in range(len(whole)):
        with pytest.raises(NoteError):
            parse_note(whole[:end])


def test_a_note_with_a_byte_changed_is_another_note_or_none() -> None:
    whole = GOOD_NOTES[0].encode()
    random = Random(1)
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= random.randint(1, 255)
        try:
            read = parse_note(bytes(changed))
        except NoteError:
            continue
        assert read != NOTE
        assert read.encode() == changed


@pytest.mark.parametrize("line", [LINE, f"{LINE}\n"])
def test_a_signature_line_is_read_alone(line: str) -> None:
    assert parse_signature(line) == SIGNATURE


@pytest.mark.parametrize("line", ["", "\n", "—", "— ", f"{LINE}\n\n", f"\n{LINE}", f"{LINE}\n{LINE}"])
def test_anything_else_is_no_signature_line(line: str) -> None:
    with pytest.raises(NoteError):
        parse_signature(line)


@pytest.mark.parametrize(
    ("name", "identifier", "signature"),
    [
        ("", bytes(4), b"x"),
        ("a b", bytes(4), b"x"),
        ("a", bytes(3), b"x"),
        ("a", bytes(4), b""),
        ("a\x01", bytes(4), b"x"),
    ],
)
def test_a_signature_has_a_name_an_id_and_something_signed(name: str, identifier: bytes, signature: bytes) -> None:
    with pytest.raises(NoteError):
        Signature(name, identifier, signature)


@pytest.mark.parametrize("key", GOOD_KEYS)
def test_keys_of_the_vectors_are_read_and_written_alike(key: str) -> None:
    assert VerifierKey.parse(key).encode() == key


BAD_KEYS = [
    *NOTES["vkey_bad"],
    *COSIGNATURES["vkeys_reject"],
    *(case["vkey"] for case in COSIGNATURES["vkeys_accept"] if not case.get("key_id_matches_formula", True)),
]


@pytest.mark.parametrize("key", BAD_KEYS, ids=lambda key: key[:40])
def test_bad_keys_of_the_vectors_are_refused(key: str) -> None:
    with pytest.raises(NoteError):
        VerifierKey.parse(key)


def test_every_part_of_a_key_and_every_byte_raised_is_refused() -> None:
    assert "every proper substring" in NOTES["vkey_bad_rule"]
    assert "one byte incremented" in NOTES["vkey_bad_rule"]
    good = NOTES["sign"][0]["vkey"]
    parts = {good[start:end] for start in range(len(good)) for end in range(start, len(good) + 1)} - {good}
    raised = {good[:place] + chr(ord(good[place]) + 1) + good[place + 1 :] for place in range(len(good))}
    for bad in parts | raised:
        with pytest.raises(NoteError):
            VerifierKey.parse(bad)


@pytest.mark.parametrize(
    "key",
    [
        KEY.encode() + "\n",
        " " + KEY.encode(),
        KEY.encode() + "=",
        KEY.encode().replace("+", " "),
        KEY.encode().replace(KEY.key_id.hex(), KEY.key_id.hex().upper()),
        KEY.encode().replace(KEY.key_id.hex(), "0" + KEY.key_id.hex()),
        "\udcff" + KEY.encode(),
        f"example.com/log+{KEY.key_id.hex()}+" + b64encode(b"\x01").decode(),
        "",
        "++",
    ],
)
def test_a_key_has_one_form(key: str) -> None:
    with pytest.raises(NoteError):
        VerifierKey.parse(key)


def test_a_key_of_another_type_is_refused() -> None:
    with pytest.raises(NoteError, match="type 0x02"):
        VerifierKey.of("example.com/log", 2, bytes(32))


def test_a_witness_s_key_is_the_same_key_under_another_id() -> None:
    for case in COSIGNATURES["real"]:
        for witness in case["witnesses"]:
            listed = VerifierKey.parse(witness["listed_vkey"])
            assert listed.type == ED25519
            assert (listed.cosigner.type, listed.cosigner.key_id.hex()) == (COSIGNATURE, witness["cosig_key_id"])


@pytest.mark.parametrize("case", CHECKPOINTS["format"])
def test_a_checkpoint_is_written_as_in_the_vectors(case: dict[str, Any]) -> None:
    root = unbase64(case["body"].split("\n")[2])
    checkpoint = Checkpoint(case["origin"], case["size"], root)

    assert checkpoint.body() == case["body"]
    assert parse_checkpoint(case["body"]) == checkpoint


@pytest.mark.parametrize("case", CHECKPOINTS["parse"], ids=lambda case: case["body"][:30])
def test_checkpoints_of_the_vectors_are_read_or_refused(case: dict[str, Any]) -> None:
    if case["strict_wantErr"]:
        with pytest.raises(CheckpointError):
            parse_checkpoint(case["body"])
    else:
        read = parse_checkpoint(case["body"])
        assert read == Checkpoint(case["origin"], case["size"], unbase64(case["root_b64"]))
        assert read.body() == case["body"]


@pytest.mark.parametrize("note", GOOD_CHECKPOINTS)
def test_published_checkpoints_are_read_and_written_alike(note: str) -> None:
    text = parse_note(note.encode()).text
    assert parse_checkpoint(text).body() == text


def test_further_lines_of_a_checkpoint_are_kept() -> None:
    body = f"example.com/log\n7\n{ROOT}\nfirst\nsecond, of more words\n"
    assert parse_checkpoint(body).extensions == ("first", "second, of more words")
    assert parse_checkpoint(body).body() == body


@pytest.mark.parametrize(
    "body",
    [
        "",
        "\n",
        "example.com/log\n",
        "example.com/log\n7\n",
        f"example.com/log\n7\n{ROOT}",
        f"example.com/log\n7\n{ROOT}\n\n",
        f"example.com/log\n7\n{ROOT}\n\nextension\n",
        f"example.com/log\n7\n{ROOT}\nextension",
        f"\nexample.com/log\n7\n{ROOT}\n",
        f"example.com/log\n\n7\n{ROOT}\n",
        f"example.com/log\n07\n{ROOT}\n",
        f"example.com/log\n00\n{ROOT}\n",
        f"example.com/log\n+7\n{ROOT}\n",
        f"example.com/log\n-0\n{ROOT}\n",
        f"example.com/log\n7 \n{ROOT}\n",
        f"example.com/log\n 7\n{ROOT}\n",
        f"example.com/log\n7.0\n{ROOT}\n",
        f"example.com/log\n1e3\n{ROOT}\n",
        f"example.com/log\n1_000\n{ROOT}\n",
        f"example.com/log\n٧\n{ROOT}\n",
        f"example.com/log\n{LARGEST_NUMBER + 1}\n{ROOT}\n",
        f"example.com/log\n{'9' * 5_000}\n{ROOT}\n",
        f"example.com/log\n7\n{ROOT[:-1]}\n",
        f"example.com/log\n7\n{ROOT}=\n",
        f"example.com/log\n7\n{ROOT[:-2]}J=\n",  # bits after the last byte
        f"example.com/log\n7\n {ROOT}\n",
        f"example.com/log\n7\n{b64encode(bytes(31)).decode()}\n",
        f"example.com/log\n7\n{b64encode(bytes(33)).decode()}\n",
        f"example.com/log\r\n7\r\n{ROOT}\r\n",
        f"example.com/log\x00\n7\n{ROOT}\n",
    ],
)
def test_what_is_not_a_checkpoint_is_refused(body: str) -> None:
    with pytest.raises(CheckpointError):
        parse_checkpoint(body)


@pytest.mark.parametrize(
    ("origin", "size", "root", "extensions"),
    [
        ("", 0, bytes(32), ()),
        ("two\nlines", 0, bytes(32), ()),
        ("example.com/log", -1, bytes(32), ()),
        ("example.com/log", LARGEST_NUMBER + 1, bytes(32), ()),
        ("example.com/log", 0, bytes(31), ()),
        ("example.com/log", 0, bytes(32), ("",)),
        ("example.com/log", 0, bytes(32), ("two\nlines",)),
        ("example.com/log", 0, bytes(32), ("tab\t",)),
    ],
)
def test_what_cannot_be_read_back_cannot_be_made(
    origin: str, size: int, root: bytes, extensions: tuple[str, ...]
) -> None:
    with pytest.raises(CheckpointError):
        Checkpoint(origin, size, root, extensions)


@pytest.mark.parametrize("case", COSIGNATURES["timestamps"])
def test_cosignatures_of_the_vectors_say_when(case: dict[str, Any]) -> None:
    signature = unbase64(case["sig_b64"])[4:]
    if "error" in case:
        with pytest.raises(NoteError, match="not a cosignature's"):
            Cosignature.parse(signature)
    else:
        assert Cosignature.parse(signature).timestamp == case["time"]
        assert Cosignature.parse(signature).encode() == signature


def test_the_example_s_witness_signs_the_message_of_the_vectors() -> None:
    note = parse_note(COSIGNATURES["spec_example_unkeyed"].encode())
    cosignature = Cosignature.parse(note.signatures[1].signature)

    assert cosigned_message(note.text, cosignature.timestamp).decode() == COSIGNATURES["message_example"]


def test_a_cosignature_s_time_fits_63_bits() -> None:
    assert Cosignature.parse(LARGEST_NUMBER.to_bytes(8, "big") + bytes(64)).timestamp == LARGEST_NUMBER
    with pytest.raises(NoteError, match="seconds after 1970"):
        Cosignature.parse((LARGEST_NUMBER + 1).to_bytes(8, "big") + bytes(64))


@pytest.mark.parametrize(
    "text", ["A", "AA", "AAA", "AA=", "A===", "AAA=A", "AA==AA==", "AB==", "AA\n==", "-_-_", "AAAA="]
)
def test_base64_has_one_form(text: str) -> None:
    with pytest.raises(ValueError, match="is not base64"):
        read_base64(text)


def test_numbers_have_one_form() -> None:
    assert [read_number(text) for text in ("0", "7", str(LARGEST_NUMBER))] == [0, 7, LARGEST_NUMBER]
    for text in ("", "00", "01", "-1", "+1", " 1", "1\n", "1.0", "٣", "9" * 19):
        with pytest.raises(ValueError, match="is not a whole number"):
            read_number(text)
