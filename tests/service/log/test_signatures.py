"""Who signed a note: others' notes and keys, ours, and forgeries of every kind."""

from base64 import b64encode
from typing import Any

import pytest

from domain.notes import (
    COSIGNATURE,
    ED25519,
    Checkpoint,
    CheckpointError,
    Note,
    NoteError,
    Signature,
    VerifierKey,
    parse_checkpoint,
    parse_note,
)
from service.log.signatures import SigningKey, verify, verify_signature
from tests.domain.vectors import vectors

NOTES = vectors("signed_note")
COSIGNATURES = vectors("cosignature_v1")
LOG = vectors("tlog_tiles_full_log")

OURS = SigningKey("example.com/log", bytes(range(32)))
WITNESS = SigningKey("witness.example/w1", bytes(range(1, 33)))
BODY = Checkpoint("example.com/log", 7, bytes(32)).body()


def keys(texts: list[str]) -> list[VerifierKey]:
    return [VerifierKey.parse(text) for text in texts]


@pytest.mark.parametrize("case", NOTES["sign"])
def test_notes_are_signed_as_in_the_vectors(case: dict[str, str]) -> None:
    key = SigningKey.parse(case["skey"])

    assert key.encode() == case["skey"]
    assert key.verifier.encode() == case["vkey"]
    assert Note(case["text"], (key.sign(case["text"]),)).encode().decode() == case["note"]


def test_a_key_made_of_nothing_but_zeros_is_that_of_the_vectors() -> None:
    key = SigningKey("EnochRoot", bytes.fromhex(NOTES["enoch_seed_hex"]))
    assert key.verifier.encode() == NOTES["enoch_vkey"]


@pytest.mark.parametrize("case", NOTES["open_ok"])
def test_notes_of_the_vectors_are_verified(case: dict[str, Any]) -> None:
    note = parse_note(case["note"].encode())
    signed = verify(note, keys(case["vkeys"]))

    assert [one.key.name for one in signed] == case["verified"]
    assert all(one.timestamp is None for one in signed)
    verified = {one.signature for one in signed}
    assert [one.name for one in note.signatures if one not in verified] == case["unverified"]


@pytest.mark.parametrize("case", NOTES["open_fail"], ids=lambda case: case["why"])
def test_notes_of_the_vectors_are_refused(case: dict[str, Any]) -> None:
    with pytest.raises(NoteError):
        verify(parse_note(case["note"].encode()), keys(case["vkeys"]))


def test_every_part_of_a_private_key_and_every_byte_raised_is_refused() -> None:
    good = NOTES["sign"][0]["skey"]
    parts = {good[start:end] for start in range(len(good)) for end in range(start, len(good) + 1)} - {good}
    raised = {good[:place] + chr(ord(good[place]) + 1) + good[place + 1 :] for place in range(len(good))}
    for bad in parts | raised:
        with pytest.raises(NoteError):
            SigningKey.parse(bad)


@pytest.mark.parametrize("name", LOG["checkpoints"])
def test_a_log_made_by_others_signed_its_checkpoints(name: str) -> None:
    note = parse_note(LOG["checkpoints"][name].encode())
    key = SigningKey.parse(LOG["skey"])

    (signed,) = verify(note, [VerifierKey.parse(LOG["vkey"])])
    assert signed.key.name == parse_checkpoint(note.text).origin
    assert key.verifier.encode() == LOG["vkey"]
    assert (key.sign(note.text),) == note.signatures


@pytest.mark.parametrize("case", COSIGNATURES["real"])
def test_witnesses_of_the_world_cosigned_a_checkpoint(case: dict[str, Any]) -> None:
    note = parse_note(case["note"].encode())
    listed = keys([witness["listed_vkey"] for witness in case["witnesses"]])

    signed = verify(note, [key.cosigner for key in listed])

    assert [(one.key.name, one.key.key_id.hex(), one.timestamp) for one in signed] == [
        (key.name, witness["cosig_key_id"], witness["timestamp"])
        for key, witness in zip(listed, case["witnesses"], strict=True)
    ]
    with pytest.raises(NoteError, match="not signed by any known key"):
        verify(note, listed)


def test_a_new_key_signs_what_it_verifies() -> None:
    key = SigningKey.generate("example.com/log")

    assert key.seed != SigningKey.generate("example.com/log").seed
    assert SigningKey.parse(key.encode()) == key
    assert VerifierKey.parse(key.verifier.encode()) == key.verifier
    (signed,) = verify(Note(BODY, (key.sign(BODY),)), [key.verifier])
    assert (signed.key, signed.timestamp) == (key.verifier, None)


def test_a_private_key_does_not_show_itself() -> None:
    assert str(list(OURS.seed)[:4])[1:-1] not in repr(OURS)
    assert repr(OURS) == "SigningKey(name='example.com/log')"
    for text in ("PRIVATE+KEY+example.com/log+00000000+c2VjcmV0", "PRIVATE+KEY+a+b+c2VjcmV0!", OURS.encode() + "A"):
        with pytest.raises(NoteError) as refused:
            SigningKey.parse(text)
        assert text.split("+")[-1] not in str(refused.value)


def test_a_private_key_of_another_length_is_refused() -> None:
    with pytest.raises(NoteError, match="33 bytes, not 32"):
        SigningKey.parse("PRIVATE+KEY+example.com/log+00000000+" + b64encode(b"\x01" + bytes(33)).decode())
    with pytest.raises(NoteError, match="cannot name a key"):
        SigningKey.generate("two words")


def test_a_private_key_of_another_type_is_refused() -> None:
    with pytest.raises(NoteError, match="not of type 0x01"):
        SigningKey.parse("PRIVATE+KEY+example.com/log+00000000+" + b64encode(b"\x04" + bytes(32)).decode())


def test_a_witness_cosigns_with_the_time() -> None:
    note = Note(BODY, (OURS.sign(BODY), WITNESS.cosign(BODY, 1_679_315_147)))

    signed = verify(parse_note(note.encode()), [OURS.verifier, WITNESS.verifier.cosigner])

    assert [(one.key.name, one.key.type, one.timestamp) for one in signed] == [
        ("example.com/log", ED25519, None),
        ("witness.example/w1", COSIGNATURE, 1_679_315_147),
    ]


def test_a_cosignature_s_time_is_signed_with_the_rest() -> None:
    made = WITNESS.cosign(BODY, 1_679_315_147)
    forged = Signature(made.name, made.key_id, (1_679_315_148).to_bytes(8, "big") + made.signature[8:])

    with pytest.raises(NoteError, match="not of this text"):
        verify(Note(BODY, (forged,)), [WITNESS.verifier.cosigner])


def test_only_checkpoints_are_cosigned() -> None:
    text = "not a checkpoint\n"
    with pytest.raises(CheckpointError):
        verify(Note(text, (WITNESS.cosign(text, 1),)), [WITNESS.verifier.cosigner])


def test_a_signature_of_another_type_is_no_cosignature() -> None:
    cosigner = WITNESS.verifier.cosigner
    disguised = Signature(WITNESS.name, cosigner.key_id, WITNESS.sign(BODY).signature)
    with pytest.raises(NoteError, match="not a cosignature's"):
        verify(Note(BODY, (disguised,)), [cosigner])


def test_a_note_signed_by_the_right_name_with_the_wrong_key_is_not_signed() -> None:
    impostor = SigningKey.generate(OURS.name)
    with pytest.raises(NoteError, match=r"not signed by any known key \(known: example.com/log\)"):
        verify(Note(BODY, (impostor.sign(BODY),)), [OURS.verifier])

    disguised = Signature(OURS.name, OURS.verifier.key_id, impostor.sign(BODY).signature)
    with pytest.raises(NoteError, match="not of this text, or not by the key of that name"):
        verify(Note(BODY, (disguised,)), [OURS.verifier])


def test_a_bad_signature_by_a_known_key_makes_the_note_worthless_whatever_others_say() -> None:
    bad = Signature(OURS.name, OURS.verifier.key_id, OURS.sign("another text\n").signature)
    good = WITNESS.cosign(BODY, 1)
    for signatures in ((bad, good), (good, bad), (OURS.sign(BODY), bad)):
        with pytest.raises(NoteError, match="not of this text"):
            verify(Note(BODY, signatures), [OURS.verifier, WITNESS.verifier.cosigner])


def test_signatures_by_unknown_keys_say_nothing() -> None:
    stranger = Signature("stranger.example", b"\x01\x02\x03\x04", b"anything")
    namesake = Signature(OURS.name, b"\x01\x02\x03\x04", b"anything")
    same_id = Signature("stranger.example", OURS.verifier.key_id, b"anything")
    note = Note(BODY, (stranger, namesake, same_id, OURS.sign(BODY)))

    assert [one.key for one in verify(note, [OURS.verifier])] == [OURS.verifier]
    with pytest.raises(NoteError, match="not signed by any known key"):
        verify(Note(BODY, (stranger, namesake, same_id)), [OURS.verifier])
    with pytest.raises(NoteError, match="known: none"):
        verify(note, [])


def test_one_key_given_twice_is_refused() -> None:
    with pytest.raises(NoteError, match=r"example.com/log\+[0-9a-f]{8} is given twice"):
        verify(Note(BODY, (OURS.sign(BODY),)), [OURS.verifier, OURS.verifier])


def test_a_note_keeps_its_signer_s_word_under_a_new_key_besides_the_old() -> None:
    renewed = SigningKey.generate(OURS.name)
    note = Note(BODY, (OURS.sign(BODY), renewed.sign(BODY)))
    for known in ([OURS.verifier], [renewed.verifier], [OURS.verifier, renewed.verifier]):
        assert [one.key for one in verify(note, known)] == known


def test_one_signature_is_verified_only_by_its_own_key() -> None:
    assert verify_signature(BODY, OURS.sign(BODY), OURS.verifier).key == OURS.verifier
    with pytest.raises(NoteError, match="is not by the key witness"):
        verify_signature(BODY, OURS.sign(BODY), WITNESS.verifier)


def test_every_byte_changed_in_a_signed_note_is_noticed() -> None:
    whole = Note(BODY, (OURS.sign(BODY), WITNESS.cosign(BODY, 5))).encode()
    known = [OURS.verifier, WITNESS.verifier.cosigner]
    signed = verify(parse_note(whole), known)
    assert len(signed) == 2

    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1
        try:
            still = verify(parse_note(bytes(changed)), known)
        except NoteError:
            continue
        # A name or a key id that changed makes a stranger's signature; what is still verified is as it was.
        assert len(still) == 1
        assert still[0] in signed


def test_every_bit_of_a_signature_matters() -> None:
    made = OURS.sign(BODY)
    for bit in range(64 * 8):
        number = int.from_bytes(made.signature, "big") ^ (1 << bit)
        forged = Signature(made.name, made.key_id, number.to_bytes(64, "big"))
        with pytest.raises(NoteError, match="not of this text"):
            verify(Note(BODY, (forged,)), [OURS.verifier])
    for wrong in (made.signature[:-1], made.signature + b"\x00", b"\x00"):
        with pytest.raises(NoteError, match="not of this text"):
            verify(Note(BODY, (Signature(made.name, made.key_id, wrong),)), [OURS.verifier])
