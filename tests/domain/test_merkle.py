"""Roots and proofs of the log's tree, held against others' vectors, a naive tree and an unrelated implementation."""

from collections.abc import Callable
from random import Random
from typing import Any

import pymerkle
import pytest

from domain.merkle import (
    EMPTY_ROOT,
    Edge,
    ProofError,
    consistency_proof,
    edge_at,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root,
    root_at,
    subtree_root,
    verify_consistency,
    verify_inclusion,
)
from tests.domain.trees import NaiveTree, entries
from tests.domain.vectors import unbase64, vectors

LARGEST = 70
TREE = NaiveTree(entries(LARGEST))

HASHER = vectors("rfc6962_hasher")
REFERENCE = vectors("rfc6962_ct_reference")
INCLUSION = vectors("merkle_inclusion")["cases"]
CONSISTENCY = vectors("merkle_consistency")["cases"]


def named(cases: list[dict[str, Any]]) -> list[Any]:
    return [pytest.param(case, id=case["_file"].removeprefix("testdata/")) for case in cases]


def test_an_empty_tree_has_the_root_of_the_vectors() -> None:
    assert bytes.fromhex(HASHER["empty_root"]) == EMPTY_ROOT == root([]) == Edge().root


@pytest.mark.parametrize("case", HASHER["leaf"])
def test_leaves_are_hashed_as_in_the_vectors(case: dict[str, str]) -> None:
    assert leaf_hash(bytes.fromhex(case["data_hex"])).hex() == case["hash"]


@pytest.mark.parametrize("case", HASHER["node"])
def test_nodes_are_hashed_as_in_the_vectors(case: dict[str, str]) -> None:
    assert node_hash(bytes.fromhex(case["left_hex"]), bytes.fromhex(case["right_hex"])).hex() == case["hash"]


def test_the_roots_of_the_reference_tree_are_ours() -> None:
    leaves = [leaf_hash(bytes.fromhex(leaf)) for leaf in REFERENCE["leaves_hex"]]

    assert [root(leaves[:size]).hex() for size in range(1, 9)] == REFERENCE["roots"]


@pytest.mark.parametrize("case", REFERENCE["consistency"])
def test_the_reference_tree_s_consistency_proofs_are_ours(case: dict[str, Any]) -> None:
    tree = NaiveTree([bytes.fromhex(leaf) for leaf in REFERENCE["leaves_hex"]])
    proof = [bytes.fromhex(one) for one in case["proof"]]

    assert consistency_proof(case["size1"], case["size2"], tree.subtree) == proof
    verify_consistency(case["size1"], case["size2"], bytes.fromhex(case["root1"]), bytes.fromhex(case["root2"]), proof)


def test_a_certificate_is_in_a_log_of_the_world() -> None:
    case = REFERENCE["real_inclusion"]
    leaf = leaf_hash(bytes.fromhex(case["raw_leaf_hex"]))
    assert leaf.hex() == case["leaf_hash"]
    proof = [bytes.fromhex(one) for one in case["proof"]]
    log_root = bytes.fromhex(case["root"])

    verify_inclusion(case["index"], case["tree_size"], leaf, proof, log_root)
    with pytest.raises(ProofError, match="lead to the root"):
        verify_inclusion(case["index"] - 2, case["tree_size"], leaf, proof, log_root)


@pytest.mark.parametrize("case", named(INCLUSION))
def test_inclusion_proofs_of_the_vectors(case: dict[str, Any]) -> None:
    proof = [unbase64(one) for one in case["proof"] or []]
    judged(
        case["wantErr"],
        lambda: verify_inclusion(
            case["leafIdx"], case["treeSize"], unbase64(case["leafHash"]), proof, unbase64(case["root"])
        ),
    )


@pytest.mark.parametrize("case", named(CONSISTENCY))
def test_consistency_proofs_of_the_vectors(case: dict[str, Any]) -> None:
    proof = [unbase64(one) for one in case["proof"] or []]
    judged(
        case["wantErr"],
        lambda: verify_consistency(
            case["size1"], case["size2"], unbase64(case["root1"]), unbase64(case["root2"]), proof
        ),
    )


def judged(refused: bool, verify: Callable[[], None]) -> None:
    if refused:
        with pytest.raises(ProofError):
            verify()
    else:
        verify()


@pytest.mark.parametrize("size", range(LARGEST + 1))
def test_every_root_is_that_of_the_naive_tree(size: int) -> None:
    assert root(TREE.leaves[:size]) == root_at(size, TREE.subtree) == TREE.root(size)


@pytest.mark.parametrize("size", range(LARGEST + 1))
def test_a_tree_grows_in_two_steps_as_in_one(size: int) -> None:
    whole = Edge().extended(TREE.leaves[:size])
    assert whole == edge_at(size, TREE.subtree)

    for before in range(size + 1):
        grown = Edge().extended(TREE.leaves[:before]).extended(TREE.leaves[before:size])
        assert grown == whole


@pytest.mark.parametrize("size", range(1, LARGEST + 1))
def test_every_inclusion_proof_is_that_of_the_naive_tree_and_holds(size: int) -> None:
    for index in range(size):
        proof = inclusion_proof(index, size, TREE.subtree)
        assert proof == TREE.inclusion(index, size)
        verify_inclusion(index, size, TREE.leaves[index], proof, TREE.root(size))


@pytest.mark.parametrize("new", range(1, LARGEST + 1))
def test_every_consistency_proof_is_that_of_the_naive_tree_and_holds(new: int) -> None:
    for old in range(1, new + 1):
        proof = consistency_proof(old, new, TREE.subtree)
        assert proof == TREE.consistency(old, new)
        verify_consistency(old, new, TREE.root(old), TREE.root(new), proof)


@pytest.fixture(scope="module")
def unrelated() -> pymerkle.InmemoryTree:
    """The same tree by a package that has nothing to do with us."""
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for entry in entries(LARGEST):
        tree.append_entry(entry)
    return tree


def test_an_unrelated_implementation_finds_our_roots(unrelated: pymerkle.InmemoryTree) -> None:
    for size in range(LARGEST + 1):
        assert unrelated.get_root(size) == root(TREE.leaves[:size])


def test_an_unrelated_implementation_finds_our_inclusion_proofs(unrelated: pymerkle.InmemoryTree) -> None:
    for size in range(1, LARGEST + 1):
        for index in range(size):
            theirs = unrelated.prove_inclusion(index + 1, size)
            assert theirs.path == [TREE.leaves[index], *inclusion_proof(index, size, TREE.subtree)]
            pymerkle.verify_inclusion(TREE.leaves[index], root(TREE.leaves[:size]), theirs, index + 1, size)


def test_an_unrelated_implementation_finds_our_consistency_proofs(unrelated: pymerkle.InmemoryTree) -> None:
    for new in range(1, LARGEST + 1):
        for old in range(1, new):
            theirs = unrelated.prove_consistency(old, new)
            pymerkle.verify_consistency(root(TREE.leaves[:old]), root(TREE.leaves[:new]), theirs, old, new)
            assert as_in_the_rfc(theirs, old) == consistency_proof(old, new, TREE.subtree)


def as_in_the_rfc(proof: pymerkle.ConsistencyProof, old: int) -> list[bytes]:
    """The same hashes as RFC 9162 has them: theirs opens the subtree right of the old tree down to its first leaf."""
    first_old = proof.subset.index(1)
    path = list(proof.path)
    if first_old:
        right = path[0]
        for bit, one in zip(proof.rule[: first_old - 1], path[1:first_old], strict=True):
            right = node_hash(one, right) if bit else node_hash(right, one)
        path[: first_old + 1] = [path[first_old], right]
    return path[1:] if old.bit_count() == 1 else path


@pytest.mark.parametrize("size", [2, 3, 7, 8, 13, 64, 70])
def test_a_mutated_inclusion_proof_is_refused(size: int) -> None:
    random = Random(size)
    for index in {0, size - 1, random.randrange(size)}:
        proof = inclusion_proof(index, size, TREE.subtree)
        for mutated in mutations(proof, random):
            with pytest.raises(ProofError):
                verify_inclusion(index, size, TREE.leaves[index], mutated, TREE.root(size))
        for other in set(range(-1, size + 1)) - {index}:
            with pytest.raises(ProofError):
                verify_inclusion(other, size, TREE.leaves[index], proof, TREE.root(size))
        with pytest.raises(ProofError):
            verify_inclusion(index, size, leaf_hash(b"another entry"), proof, TREE.root(size))
        with pytest.raises(ProofError):
            verify_inclusion(index, size, TREE.leaves[index], proof, TREE.root(size - 1))


@pytest.mark.parametrize(
    ("old", "new"), [(1, 2), (1, 70), (2, 3), (3, 7), (4, 8), (6, 8), (32, 64), (33, 70), (69, 70)]
)
def test_a_mutated_consistency_proof_is_refused(old: int, new: int) -> None:
    proof = consistency_proof(old, new, TREE.subtree)
    old_root, new_root = TREE.root(old), TREE.root(new)

    for mutated in mutations(proof, Random(new)):
        with pytest.raises(ProofError):
            verify_consistency(old, new, old_root, new_root, mutated)
    for forged in (flipped(old_root, 9), EMPTY_ROOT, new_root):
        with pytest.raises(ProofError):
            verify_consistency(old, new, forged, new_root, proof)
    for forged in (flipped(new_root, 200), EMPTY_ROOT, old_root):
        with pytest.raises(ProofError):
            verify_consistency(old, new, old_root, forged, proof)


def mutations(proof: list[bytes], random: Random) -> list[list[bytes]]:
    """The proof with one thing wrong: a bit, a hash too few, too many, in the wrong place, too short or too long."""
    wrong = [[*proof, EMPTY_ROOT], [EMPTY_ROOT, *proof], [*proof, proof[-1]], [*proof, b""]]
    for place, one in enumerate(proof):
        before, after = proof[:place], proof[place + 1 :]
        wrong += [
            [*before, flipped(one, random.randrange(256)), *after],
            [*before, *after],
            [*before, one, one, *after],
            [*before, one[:-1], *after],
            [*before, one + b"\x00", *after],
            [*before, b"", *after],
        ]
    if len(proof) > 1:
        wrong.append(proof[::-1])
    return wrong


def flipped(data: bytes, bit: int) -> bytes:
    """The data with one bit the other way."""
    return bytes(byte ^ (1 << bit % 8) * (place == bit // 8) for place, byte in enumerate(data))


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 5), (6, 5), (-1, 5)])
def test_nothing_proves_consistency_from_no_entry_or_backwards(old: int, new: int) -> None:
    with pytest.raises(ValueError, match="no consistency proof"):
        consistency_proof(old, new, TREE.subtree)
    with pytest.raises(ProofError, match="nothing proves"):
        verify_consistency(old, new, EMPTY_ROOT, EMPTY_ROOT, [])


@pytest.mark.parametrize(("index", "size"), [(0, 0), (5, 5), (-1, 5)])
def test_nothing_proves_an_entry_beyond_the_log(index: int, size: int) -> None:
    with pytest.raises(ValueError, match=f"no leaf {index} in a tree of {size}"):
        inclusion_proof(index, size, TREE.subtree)


@pytest.mark.parametrize("count", [1, 2, 4, 32, 64])
def test_a_perfect_subtree_hashes_to_its_root(count: int) -> None:
    assert subtree_root(b"".join(TREE.leaves[:count])) == TREE.root(count)


@pytest.mark.parametrize("size", [0, 31, 33, 96, 64 + 1])
def test_what_is_not_a_perfect_subtree_has_no_root(size: int) -> None:
    with pytest.raises(ValueError, match=f"{size} bytes"):
        subtree_root(bytes(size))


def test_an_edge_must_have_as_many_subtrees_as_its_size_says() -> None:
    with pytest.raises(ValueError, match="a tree of 3 leaves"):
        Edge(3, (EMPTY_ROOT,))


@pytest.mark.parametrize("leaf", [b"", bytes(31), bytes(33)])
def test_a_leaf_hash_of_another_length_is_refused(leaf: bytes) -> None:
    with pytest.raises(ValueError, match="a hash has 32 bytes"):
        Edge().extended([EMPTY_ROOT, leaf])


@pytest.mark.parametrize("size", [0, 4, 8, 12, 52])
def test_a_tree_is_extended_by_whole_subtrees(size: int) -> None:
    leaves = TREE.leaves[size:64]
    subtrees = [subtree_root(b"".join(leaves[place : place + 4])) for place in range(0, len(leaves), 4)]
    edge = Edge().extended(TREE.leaves[:size])
    assert edge.extended(subtrees, 2) == edge.extended(leaves) == Edge().extended(TREE.leaves[:64])


def test_a_tree_is_not_extended_by_subtrees_that_would_not_be_whole_in_it() -> None:
    with pytest.raises(ValueError, match="a tree of 6 leaves is not made of subtrees of level 2"):
        Edge().extended(TREE.leaves[:6]).extended([EMPTY_ROOT], 2)
