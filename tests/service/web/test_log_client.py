"""An independent client reads the log of a running service and checks everything that it says."""

import base64
import json
import time
from pathlib import Path

import httpx2

from tests.service.processes import command, serving
from tests.service.purchases import Event, order
from tests.service.purchases import market as parties
from tests.service.web.log_client import (
    Checkpoint,
    LogClient,
    leaf,
    read_proof,
    root_from_inclusion,
    roots_from_consistency,
    tree_hash,
)

PATIENCE_S = 20


def record(client: httpx2.Client, events: list[Event]) -> int:
    """Record events and say the last position."""
    answer = client.post("/api/v1/events", json=events)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["last_position"])


def checkpoint_of(log: LogClient, size: int) -> Checkpoint:
    """The checkpoint, once it has a size."""
    give_up_at = time.monotonic() + PATIENCE_S
    while (found := log.checkpoint()).size < size:
        assert time.monotonic() < give_up_at
        time.sleep(0.05)
    assert found.size == size
    return found


def test_a_client_that_knows_only_the_specifications_verifies_the_log(ledger_home: Path) -> None:
    """Checkpoint, tiles and entries of 1,000 events; signature, roots, inclusion, consistency, and a view's root."""
    vkey = command(ledger_home, "checkpoint", "--vkey").stdout.strip()
    with serving(ledger_home) as service, service.client() as http:
        log = LogClient(http, "/log", vkey)
        assert log.checkpoint() == Checkpoint("daybook", 0, tree_hash([]))

        first = checkpoint_of(log, record(http, [*parties(), *(order(f"early-{n}") for n in range(339))]))
        second = checkpoint_of(log, record(http, [order(f"late-{n}") for n in range(656)]))
        assert (first.size, second.size) == (342, 998)

        # Roots: from the entries, and from the tiles alone.
        entries = log.entries(second.size)
        leaves = [leaf(entry) for entry in entries]
        assert [json.loads(entry)["position"] for entry in entries] == list(range(1, 999))
        assert tree_hash(leaves) == second.root
        assert tree_hash(leaves[: first.size]) == first.root
        levels = log.tiles(second.size)
        assert levels[0] == leaves
        assert levels[1] == [tree_hash(leaves[at : at + 256]) for at in (0, 256, 512)]
        assert len(levels) == 2
        # What was partial at the first checkpoint still has its address.
        assert log.entries(first.size) == entries[:342]
        assert log.tiles(first.size)[0] == leaves[:342]

        # Inclusion, of the stored bytes as the ledger itself gives them.
        for position in (1, 256, 257, 512, 700, 998):
            event = http.get(f"/api/v1/events/{position}")
            assert event.content == entries[position - 1]
            assert base64.b64decode(event.headers["daybook-leaf-hash"]) == leaf(event.content)
            proof = read_proof(http.get(f"/api/v1/events/{position}/proof").text)
            assert log.verified(proof.note) == second
            assert proof.index == position - 1
            assert root_from_inclusion(proof.index, second.size, leaf(event.content), proof.path) == second.root
        old = read_proof(http.get("/api/v1/events/300/proof", params={"size": first.size}).text)
        assert log.verified(old.note) == first
        assert root_from_inclusion(299, first.size, leaves[299], old.path) == first.root

        # The log only grew.
        grown = http.get("/api/v1/log/consistency", params={"from": first.size, "to": second.size}).json()
        path = [base64.b64decode(one) for one in grown["proof"]]
        assert roots_from_consistency(first.size, second.size, first.root, path) == (first.root, second.root)

        # A figure is labelled with the tree that it follows from.
        for position in (4, 342, 600, 998):
            view = http.get("/api/v1/views/vendor-dependence", params={"buyer": "baidu", "position": position}).json()
            assert view["resolved"]["tree_size"] == position
            assert base64.b64decode(view["resolved"]["root_hash"]) == tree_hash(leaves[:position])
