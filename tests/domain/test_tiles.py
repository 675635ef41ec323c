"""Tiles and bundles: their addresses, what they hold, and the tree read back from them."""

from collections import defaultdict
from random import Random
from typing import Any

import pytest

from domain.merkle import (
    Edge,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root,
    root_at,
    subtree_root,
    verify_consistency,
    verify_inclusion,
)
from domain.notes import parse_checkpoint, parse_note
from domain.tiles import (
    Bundle,
    Segment,
    Tile,
    bundle_of,
    grown,
    node_place,
    pack_bundle,
    parse_tile_path,
    subtrees,
    tiles_of,
    unpack_bundle,
)
from tests.domain.trees import NaiveTree, entries
from tests.domain.vectors import unbase64, vectors

PATHS = vectors("tile_paths")
LOG = vectors("tlog_tiles_full_log")


class Shelf:
    """Tiles as a log keeps them: by segment, each written once."""

    def __init__(self) -> None:
        self.size = 0
        self.segments: dict[tuple[int, int], list[Segment]] = defaultdict(list)
        self.reads: list[tuple[int, int]] = []

    def grow(self, leaves: list[bytes]) -> None:
        for segment in grown(self.size, leaves, self.tile):
            tile = self.segments[segment.level, segment.number]
            assert segment.start == (tile[-1].width if tile else 0)
            tile.append(segment)
        self.size += len(leaves)

    def tile(self, level: int, number: int) -> bytes:
        self.reads.append((level, number))
        return b"".join(segment.hashes for segment in self.segments[level, number])


@pytest.mark.parametrize(("level", "number", "partial", "path"), PATHS["tile_path"])
def test_tiles_have_the_paths_of_the_vectors(level: int, number: int, partial: int, path: str) -> None:
    tile = Tile(level, number, partial or 256)

    assert tile.path == path
    assert parse_tile_path(path) == tile


@pytest.mark.parametrize(("number", "partial", "path"), PATHS["entries_path"])
def test_bundles_have_the_paths_of_the_vectors(number: int, partial: int, path: str) -> None:
    bundle = Bundle(number, partial or 256)

    assert bundle.path == path
    assert parse_tile_path(path) == bundle


@pytest.mark.parametrize("case", PATHS["entries_for_index"])
def test_entries_are_in_the_bundles_of_the_vectors(case: dict[str, Any]) -> None:
    assert bundle_of(case["index"], case["size"]).path == case["path"]


@pytest.mark.parametrize(("level", "number", "want_level", "want_number", "partial"), PATHS["parse_ok"])
def test_good_paths_of_the_vectors_are_read(
    level: str, number: str, want_level: int, want_number: int, partial: int
) -> None:
    assert parse_tile_path(f"tile/{level}/{number}") == Tile(want_level, want_number, partial or 256)


@pytest.mark.parametrize(("level", "number"), PATHS["parse_bad"])
def test_bad_paths_of_the_vectors_are_refused(level: str, number: str) -> None:
    with pytest.raises(ValueError):
        parse_tile_path(f"tile/{level}/{number}")


@pytest.mark.parametrize(("level", "index", "tile_level", "tile_number", "inner", "place"), PATHS["node_to_tile"])
def test_nodes_are_in_the_tiles_of_the_vectors(
    level: int, index: int, tile_level: int, tile_number: int, inner: int, place: int
) -> None:
    assert node_place(level, index) == (tile_level, tile_number, inner, place)


@pytest.mark.parametrize("size", [70_000, 256])
def test_trees_have_the_tiles_of_the_vectors(size: int) -> None:
    found: dict[str, int] = defaultdict(int)
    for tile in tiles_of(size):
        if tile.width == 256:
            found[f"level{tile.level}_full"] += 1
        else:
            found[f"level{tile.level}_partial"] = tile.width

    assert found == PATHS[f"size_{size}"]


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile",
        "tile/0",
        "tile/0/",
        "/tile/0/000",
        "tile/0/000/",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/x000",
        "tile/0/x000/001",  # 1 is written 001 and no other way
        "tile/0/x000/x001/234",
        "tile/0/X001/234",
        "tile/00/000",
        "tile/01/000",
        "tile/+1/000",
        "tile/64/000",
        "tile/99/000",
        "tile/100/000",
        "tile/٣/000",
        "tile/0/٠٠٠",
        "tile/0/000.p/0",
        "tile/0/000.p/00",
        "tile/0/000.p/01",
        "tile/0/000.p/256",  # a whole tile has no width
        "tile/0/000.p/999",
        "tile/0/000.p/1000",
        "tile/0/000.p/-1",
        "tile/0/000.p/1/",
        "tile/0/000.P/1",
        "tile/0/000\n",
        "tile/0/000.p/1\n",
        " tile/0/000",
        "tile/entries",
        "tile/entries/0",
        "tile/entries/x000/000",
        "tile/entries/000.p/0",
        "tile/entries/000.p/256",
        "tile/data/000",
        "tile/-1/000",
        "tile/0/../0/000",
        "tile/0/x999/x999/x999/x999/x999/x999/999",
    ],
)
def test_any_other_form_of_a_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError):
        parse_tile_path(path)


def test_every_path_of_a_tree_is_read_back() -> None:
    tiles = list(tiles_of(70_000))
    assert [parse_tile_path(tile.path) for tile in tiles] == tiles

    random = Random(3)
    for _ in range(200):
        number, width = random.randrange(10 ** random.randint(1, 18)), random.randint(1, 256)
        tile, bundle = Tile(random.randint(0, 63), number, width), Bundle(number, width)
        assert parse_tile_path(tile.path) == tile
        assert parse_tile_path(bundle.path) == bundle


@pytest.mark.parametrize(("level", "number", "width"), [(-1, 0, 1), (64, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)])
def test_there_are_no_tiles_beyond_the_bounds(level: int, number: int, width: int) -> None:
    with pytest.raises(ValueError):
        Tile(level, number, width)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (7, 7), (-1, 7)])
def test_no_bundle_holds_an_entry_beyond_the_log(index: int, size: int) -> None:
    with pytest.raises(ValueError, match=f"no entry {index} in a log of {size}"):
        bundle_of(index, size)


def test_an_empty_tree_has_no_tiles() -> None:
    assert list(tiles_of(0)) == []


@pytest.mark.parametrize("held", [[], [b""], [b"", b"", b"x"], [b"a" * 65_535, b"b"], entries(256)])
def test_bundles_give_back_their_entries(held: list[bytes]) -> None:
    assert unpack_bundle(pack_bundle(held)) == held


def test_a_bundle_is_lengths_and_entries() -> None:
    assert pack_bundle([b"one", b"", b"x" * 258]) == b"\x00\x03one\x00\x00\x01\x02" + b"x" * 258


def test_an_entry_of_65_536_bytes_is_refused() -> None:
    with pytest.raises(ValueError, match="65536 bytes is larger than 65535"):
        pack_bundle([b"", bytes(65_536)])


def test_257_entries_are_no_bundle() -> None:
    with pytest.raises(ValueError, match="257 entries"):
        pack_bundle([b""] * 257)
    with pytest.raises(ValueError, match="257 entries"):
        unpack_bundle(bytes(2 * 257))


def test_a_truncated_bundle_is_refused_at_every_byte_within_an_entry() -> None:
    whole = pack_bundle([b"first", b"", b"second"])
    for end in set(range(1, len(whole))) - {7, 9}:
        with pytest.raises(ValueError, match="the bundle ends within its entry"):
            unpack_bundle(whole[:end])


@pytest.mark.parametrize("name", LOG["checkpoints"])
def test_a_log_made_by_others_has_the_roots_that_it_signed(name: str) -> None:
    checkpoint = parse_checkpoint(parse_note(LOG["checkpoints"][name].encode()).text)
    leaves = [leaf_hash(entry.encode()) for entry in LOG["entries"]]

    assert checkpoint.origin == "example.com/log/testdata"
    assert checkpoint.size == int(name.partition(".")[2] or len(leaves))
    assert checkpoint.root == root(leaves[: checkpoint.size])
    if checkpoint.size:
        tile = unbase64(LOG["tiles"][Tile(0, 0, checkpoint.size).path])
        assert checkpoint.root == root_at(checkpoint.size, subtrees(lambda level, number: tile))


@pytest.mark.parametrize("path", LOG["tiles"])
def test_a_log_made_by_others_has_our_tiles_and_bundles(path: str) -> None:
    data, named = unbase64(LOG["tiles"][path]), parse_tile_path(path)
    held = [entry.encode() for entry in LOG["entries"][: named.width]]

    if isinstance(named, Bundle):
        assert unpack_bundle(data) == held
        assert pack_bundle(held) == data
    else:
        assert grown(0, [leaf_hash(entry) for entry in held], nothing) == [Segment(0, 0, 0, data)]


def nothing(level: int, number: int) -> bytes:
    """Tiles that must not be asked for."""
    raise AssertionError((level, number))


def test_a_log_made_by_others_grows_by_proofs_that_hold() -> None:
    notes = [parse_checkpoint(parse_note(note.encode()).text) for note in LOG["checkpoints"].values()]
    tree = subtrees(lambda level, number: unbase64(LOG["tiles"]["tile/0/000.p/15"]))
    for old in notes:
        for new in notes:
            if 0 < old.size <= new.size:
                proof = consistency_proof(old.size, new.size, tree)
                verify_consistency(old.size, new.size, old.root, new.root, proof)


def test_a_tile_that_becomes_whole_adds_its_root_to_the_level_above() -> None:
    leaves = NaiveTree(entries(257)).leaves
    shelf = Shelf()

    shelf.grow(leaves[:255])
    assert [(tile, segments[-1].width) for tile, segments in shelf.segments.items()] == [((0, 0), 255)]

    shelf.grow(leaves[255:])
    assert grown(255, leaves[255:], lambda level, number: b"".join(leaves[:255])) == [
        Segment(0, 0, 255, leaves[255]),
        Segment(0, 1, 0, leaves[256]),
        Segment(1, 0, 0, subtree_root(b"".join(leaves[:256]))),
    ]
    assert shelf.tile(1, 0) == root(leaves[:256])


def test_only_tiles_that_become_whole_are_read() -> None:
    leaves = NaiveTree(entries(600)).leaves
    shelf = Shelf()

    shelf.grow(leaves[:100])
    shelf.grow(leaves[100:200])
    assert shelf.reads == []

    shelf.grow(leaves[200:])
    assert shelf.reads == [(0, 0)]


def test_a_log_that_gains_nothing_gains_no_hashes() -> None:
    assert grown(1_000, [], nothing) == []


def test_hashes_beyond_the_size_are_not_looked_at() -> None:
    leaves = NaiveTree(entries(256)).leaves

    gained = grown(200, leaves[200:], lambda level, number: b"".join(leaves[:200]) + b"later" * 99)

    assert gained[-1].hashes == root(leaves)


def test_a_tile_that_lacks_hashes_is_not_built_on() -> None:
    leaves = NaiveTree(entries(256)).leaves
    with pytest.raises(ValueError, match="tile 0 of level 0 is too short: 200 of its hashes are needed, 199 are there"):
        grown(200, leaves[200:], lambda level, number: b"".join(leaves[:199]))


def test_a_leaf_hash_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="a leaf hash has 32 bytes"):
        grown(0, [bytes(31)], nothing)


def test_a_subtree_beyond_the_log_is_refused() -> None:
    shelf = Shelf()
    shelf.grow(NaiveTree(entries(12)).leaves)
    tree = subtrees(shelf.tile)

    assert tree(2, 2) == root(NaiveTree(entries(12)).leaves[8:])
    with pytest.raises(ValueError, match="tile 0 of level 0 is too short: 16 of its hashes are needed, 12 are there"):
        tree(2, 3)
    with pytest.raises(ValueError, match="tile 0 of level 1 is too short"):
        tree(8, 0)


@pytest.fixture(scope="module")
def large() -> tuple[NaiveTree, Shelf]:
    """A log of more than 70,000 entries that came in unequal batches, with partial tiles on three levels."""
    random = Random(20)
    tree, shelf = NaiveTree(entries(70_000 + random.randint(1, 2_000))), Shelf()
    while shelf.size < len(tree.leaves):
        count = random.choice([1, 2, 255, 256, 257, random.randint(1, 5_000)])
        shelf.grow(tree.leaves[shelf.size : shelf.size + count][: len(tree.leaves) - shelf.size])
    return tree, shelf


def test_a_large_log_has_the_tiles_that_its_size_asks_for(large: tuple[NaiveTree, Shelf]) -> None:
    _, shelf = large
    tiles = {(tile.level, tile.number): tile.width for tile in tiles_of(shelf.size)}

    assert {tile: len(shelf.tile(*tile)) // 32 for tile in tiles} == tiles
    assert {tile for tile, segments in shelf.segments.items() if segments} == set(tiles)


def test_a_large_log_s_roots_are_those_of_the_naive_tree_at_any_size(large: tuple[NaiveTree, Shelf]) -> None:
    tree, shelf = large
    random = Random(21)
    sizes = [0, 1, 255, 256, 257, 65_535, 65_536, 65_537, shelf.size, *random.choices(range(shelf.size), k=60)]

    for size in sizes:
        assert root_at(size, subtrees(shelf.tile)) == tree.root(size)
    assert Edge().extended(tree.leaves).root == tree.root(shelf.size)


def test_a_large_log_s_proofs_hold_at_any_size(large: tuple[NaiveTree, Shelf]) -> None:
    tree, shelf = large
    random = Random(22)
    reader = subtrees(shelf.tile)

    for _ in range(100):
        size = random.choice([shelf.size, random.randint(1, shelf.size)])
        index, old = random.randrange(size), random.randint(1, size)
        inclusion = inclusion_proof(index, size, reader)
        assert inclusion == tree.inclusion(index, size)
        verify_inclusion(index, size, tree.leaves[index], inclusion, tree.root(size))
        consistency = consistency_proof(old, size, reader)
        assert consistency == tree.consistency(old, size)
        verify_consistency(old, size, tree.root(old), tree.root(size), consistency)
