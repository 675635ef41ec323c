"""Proofs of inclusion as files: read as they are written, and in no other form."""

from random import Random
from typing import Any

import pytest

from domain.merkle import inclusion_proof, leaf_hash, verify_inclusion
from domain.notes import Checkpoint, Note, Signature, parse_checkpoint, parse_note
from domain.proofs import TlogProof, parse_proof
from tests.domain.trees import NaiveTree, entries
from tests.domain.vectors import unbase64, vectors

VECTORS = vectors("tlog_proof")
HASH = "gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ="
HEAD = f"c2sp.org/tlog-proof@v1\nindex 5\n{HASH}\n"


@pytest.mark.parametrize("case", VECTORS["marshal"])
def test_proofs_are_written_and_read_as_in_the_vectors(case: dict[str, Any]) -> None:
    hashes = tuple(unbase64(one) for one in case["hashes"])
    proof = TlogProof(case["index"], hashes, unbase64(case.get("extra_b64")), case["checkpoint"])

    assert proof.encode() == case["text"]
    assert parse_proof(case["text"]) == proof


@pytest.mark.parametrize("text", VECTORS["reject"])
def test_bad_proofs_of_the_vectors_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_proof(text)


def test_the_specification_s_example_is_laid_out_alike() -> None:
    # Its signatures are cut short, so that it proves nothing.
    proof = parse_proof(VECTORS["spec_example"])

    assert proof.encode() == VECTORS["spec_example"]
    assert (proof.index, len(proof.hashes)) == (73_894, 5)
    assert proof.extra.startswith(b"age-v1.2.1-darwin-arm64.tar.gz")
    assert parse_checkpoint(proof.checkpoint.partition("\n\n")[0] + "\n").size == 109_482


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "c2sp.org/tlog-proof@v1",
        "c2sp.org/tlog-proof@v1\n",
        "c2sp.org/tlog-proof@v2\nindex 5\n\ncheckpoint\n",
        " " + HEAD + "\ncheckpoint\n",
        "\ufeff" + HEAD + "\ncheckpoint\n",
        HEAD,
        HEAD + "\n",
        HEAD + "\ncheckpoint",
        HEAD + "checkpoint\n",
        HEAD + " \ncheckpoint\n",
        HEAD.replace("\n", "\r\n") + "\r\ncheckpoint\r\n",
        HEAD.replace("index 5", "index 05") + "\ncheckpoint\n",
        HEAD.replace("index 5", "index  5") + "\ncheckpoint\n",
        HEAD.replace("index 5", "index 5 ") + "\ncheckpoint\n",
        HEAD.replace("index 5", "Index 5") + "\ncheckpoint\n",
        HEAD.replace("index 5", "index") + "\ncheckpoint\n",
        HEAD.replace("index 5", f"index {1 << 63}") + "\ncheckpoint\n",
        HEAD.replace("index 5", "index 5\nindex 5") + "\ncheckpoint\n",
        HEAD.replace("index 5", "index 5\nextra AAAA") + "\ncheckpoint\n",
        HEAD.replace("index 5", "extra AAAA") + "\ncheckpoint\n",
        HEAD.replace("index 5", "extra \nindex 5") + "\ncheckpoint\n",
        HEAD.replace("index 5", "extra\nindex 5") + "\ncheckpoint\n",
        HEAD.replace("index 5", "extra AAAA\nextra AAAA\nindex 5") + "\ncheckpoint\n",
        HEAD.replace("index 5", "extra AAAB=\nindex 5") + "\ncheckpoint\n",
        HEAD.replace(HASH, HASH[:-1]) + "\ncheckpoint\n",
        HEAD.replace(HASH, HASH + " ") + "\ncheckpoint\n",
        HEAD.replace(HASH, HASH[:-2] + "R=") + "\ncheckpoint\n",
        HEAD.replace(HASH, "AAAA") + "\ncheckpoint\n",
        HEAD + f"{HASH}\n" * 64 + "\ncheckpoint\n",
    ],
)
def test_what_is_not_a_proof_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_proof(text)


@pytest.mark.parametrize(
    ("index", "hashes", "checkpoint"),
    [
        (-1, (), "c\n"),
        (1 << 63, (), "c\n"),
        (0, (bytes(31),), "c\n"),
        (0, (bytes(32),) * 65, "c\n"),
        (0, (), "c"),
        (0, (), ""),
    ],
)
def test_what_cannot_be_read_back_cannot_be_made(index: int, hashes: tuple[bytes, ...], checkpoint: str) -> None:
    with pytest.raises(ValueError):
        TlogProof(index, hashes, b"", checkpoint)


TREE = NaiveTree(entries(70))
BODY = Checkpoint("example.com/log", 70, TREE.root(70)).body()
CHECKPOINT = Note(BODY, (Signature("example.com/log", b"\x01\x02\x03\x04", bytes(64)),)).encode().decode()
PROOF = TlogProof(41, tuple(inclusion_proof(41, 70, TREE.subtree)), b"extra", CHECKPOINT)


def prove(text: str) -> None:
    """What a reader of the file does, short of looking at the signature."""
    proof = parse_proof(text)
    checkpoint = parse_checkpoint(parse_note(proof.checkpoint.encode()).text)
    verify_inclusion(proof.index, checkpoint.size, leaf_hash(b"entry 41"), proof.hashes, checkpoint.root)


def test_a_proof_proves_its_entry() -> None:
    assert parse_proof(PROOF.encode()) == PROOF
    prove(PROOF.encode())


def test_a_truncated_proof_is_refused_at_every_character() -> None:
    text = PROOF.encode()
    for end in range(len(text)):
        with pytest.raises(ValueError):
            prove(text[:end])


def test_a_proof_with_a_line_gone_or_twice_is_refused() -> None:
    lines = PROOF.encode().split("\n")[:-1]
    origin = lines.index("example.com/log")
    for place in range(len(lines)):
        if place == 1:
            continue  # the extra data, which nobody vouches for
        gone = [*lines[:place], *lines[place + 1 :]]
        twice = [*lines[:place], lines[place], *lines[place:]]
        with pytest.raises(ValueError):
            prove("\n".join([*gone, ""]))
        if place < origin + 2:  # a root twice is a further line, which only the signature rules out
            with pytest.raises(ValueError):
                prove("\n".join([*twice, ""]))


def test_a_proof_with_a_character_changed_is_refused_where_it_proves() -> None:
    text = PROOF.encode()
    random = Random(9)
    end_of_proof, root_line = text.index("example.com/log"), text.index(BODY.split("\n")[2])
    extra = range(text.index("extra") + len("extra "), text.index("index") - 1)
    for place in {*range(end_of_proof), *range(root_line, root_line + 44)} - set(extra):
        changed = text[:place] + random.choice([c for c in "09AZaz+/=\n" if c != text[place]]) + text[place + 1 :]
        with pytest.raises(ValueError):
            prove(changed)
