"""The log's routes: what they answer, who may ask, and everything that is not there."""

import base64
import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from domain.merkle import EMPTY_ROOT, leaf_hash, root, verify_consistency
from domain.tiles import unpack_bundle
from service.daybook import Daybook
from service.settings import Settings
from service.web.application import application
from service.web.entry.access import Access
from service.web.log import OPEN_PATHS
from tests.service.log.ledgers import record
from tests.service.web.conftest import TOKEN

PREFIXES = ("/log", "/api/v1/log")


@pytest.fixture
def leaves(daybook: Daybook) -> list[bytes]:
    """The leaf hashes of 300 events, all published."""
    record(daybook, 300)
    daybook.log.publisher.publish_all()
    return [leaf_hash(row.state) for row in daybook.ledger.recorder.rows_after(0, 300)]


@contextmanager
def opened_to_anybody(daybook: Daybook, settings: Settings, open_log: str) -> Iterator[TestClient]:
    """A client without a token, of a service with the setting."""
    access = replace(Access.of([(TOKEN, "recorder-7")]), open_paths=OPEN_PATHS[open_log])
    app = application(daybook, settings.model_copy(update={"open_log": open_log}), access)
    with TestClient(app) as client:
        yield client


def test_checkpoint_tiles_and_entries_are_laid_out_below_both_prefixes(client: TestClient, leaves: list[bytes]) -> None:
    for prefix in PREFIXES:
        check_layout(client, leaves, prefix)


def check_layout(client: TestClient, leaves: list[bytes], prefix: str) -> None:
    """Addresses, contents and headers."""
    checkpoint = client.get(f"{prefix}/checkpoint")
    assert checkpoint.headers["content-type"] == "text/plain; charset=utf-8"
    assert checkpoint.headers["cache-control"] == "no-cache"
    assert checkpoint.text.startswith(f"daybook\n300\n{base64.b64encode(root(leaves)).decode()}\n\n— daybook ")
    expected = {
        "0/000": leaves[:256],
        "0/000.p/1": leaves[:1],
        "0/000.p/255": leaves[:255],
        "0/001.p/44": leaves[256:],
        "0/001.p/7": leaves[256:263],
        "1/000.p/1": [root(leaves[:256])],
    }
    for path, hashes in expected.items():
        tile = client.get(f"{prefix}/tile/{path}")
        assert tile.content == b"".join(hashes)
        assert tile.headers["content-type"] == "application/octet-stream"
        assert tile.headers["cache-control"] == "private, max-age=31536000, immutable"
    for path, hashes in {"000": leaves[:256], "001.p/44": leaves[256:], "001.p/3": leaves[256:259]}.items():
        bundle = client.get(f"{prefix}/tile/entries/{path}")
        assert [leaf_hash(entry) for entry in unpack_bundle(bundle.content)] == hashes


MALFORMED = [
    *("", "tile", "tile/", "tile/0", "tile/0/", "tile/entries", "tile/entries/", "tiles/0/000", "checkpoint/"),
    *(
        "checkpoint/x",
        "CHECKPOINT",
        "tile/0/000/",
        "tile//0/000",
        "tile/0//000",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
    ),
    *("tile/0/x000/000", "tile/0/x000", "tile/0/000.p", "tile/0/000.p/", "tile/0/000.p/0", "tile/0/000.p/01"),
    *(
        "tile/0/000.p/256",
        "tile/0/000.p/999",
        "tile/0/000.p/-1",
        "tile/0/000.p/1/",
        "tile/0/000.p/1 ",
        "tile/0/000.P/1",
    ),
    *(
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/0x0/000",
        "tile/a/000",
        "tile/ 0/000",
        "tile/0/-00",
        "tile/0/abc",
    ),
    *(
        "tile/0/٠٠٠",
        "tile/0/%30%30%30",
        "tile/%65ntries/000",
        "tile/0/000%00",
        "tile/0/000%0a",
        "tile/0/..%2f..%2fcheckpoint",
    ),
    *(
        "tile/entries/000.p/256",
        "tile/entries/x001",
        "tile/entries/x1/000",
        "tile/entries/000.gz",
        "tile/entries/000;a=1",
    ),
    *(
        "tile/entries/1",
        "tile/entries/000/000",
        f"tile/0/{'x999/' * 40}999",
        "tile/0/" + "0" * 2_000,
        "tile/entries/x000/001",
    ),
]
BEYOND = [
    *(
        "tile/0/001",
        "tile/0/001.p/45",
        "tile/0/002.p/1",
        "tile/1/000",
        "tile/1/000.p/2",
        "tile/1/001.p/1",
        "tile/2/000.p/1",
    ),
    *(
        "tile/entries/001",
        "tile/entries/001.p/45",
        "tile/entries/002.p/1",
        "tile/63/000",
        "tile/8/000.p/1",
        "tile/7/000.p/1",
    ),
    *("tile/63/x999/x999/x999/x999/x999/999.p/255", "tile/entries/x999/x999/x999/x999/x999/999", "tile/0/x001/234"),
]


def test_what_is_malformed_or_beyond_the_checkpoint_is_not_found(client: TestClient, leaves: list[bytes]) -> None:
    found = {}
    for path in MALFORMED + BEYOND:
        for prefix in PREFIXES:
            answer = client.get(f"{prefix}/{path}", follow_redirects=False)
            problem = answer.headers.get("content-type") == "application/problem+json"
            found[prefix, path] = (answer.status_code, problem)
    assert {key: value for key, value in found.items() if value != (404, True)} == {}


def test_partial_tiles_end_where_the_last_checkpoint_does(client: TestClient, daybook: Daybook) -> None:
    """An event that is recorded and not yet published has no tile."""
    record(daybook, 3)
    daybook.log.publisher.publish_all()
    with daybook.log.storage.publishing() as held:  # so that nobody publishes
        assert held is not None
        record(daybook, 1, "unpublished")
        assert client.get("/log/tile/entries/000.p/3").status_code == 200
        assert client.get("/log/tile/entries/000.p/4").status_code == 404
        assert client.get("/log/tile/0/000.p/4").status_code == 404
        # The label of a view is exact all the same.
        view = client.get("/api/v1/views/vendor-dependence", params={"buyer": "baidu"}).json()["resolved"]
        states = [row.state for row in daybook.ledger.recorder.rows_after(0, 4)]
        whole = base64.b64encode(root([leaf_hash(state) for state in states])).decode()
        assert (view["tree_size"], view["root_hash"]) == (4, whole)


def test_a_view_of_nothing_has_the_empty_root(client: TestClient) -> None:
    resolved = client.get("/api/v1/organizations").json()["resolved"]
    assert (resolved["tree_size"], resolved["root_hash"]) == (0, base64.b64encode(EMPTY_ROOT).decode())


@pytest.mark.usefixtures("leaves")
def test_entries_are_compressed_for_those_who_take_that(client: TestClient) -> None:
    wishes = {"gzip": True, "br, gzip;q=0.5": True, "identity": False, "gzip;q=0": False, "gzip; q=0.0": False}
    for accepted, compressed in wishes.items():
        with client.stream("GET", "/log/tile/entries/000", headers={"Accept-Encoding": accepted}) as answer:
            raw = b"".join(answer.iter_raw())
            assert answer.headers.get("content-encoding") == ("gzip" if compressed else None)
            assert "Accept-Encoding" in answer.headers["vary"]
        assert len(unpack_bundle(gzip.decompress(raw) if compressed else raw)) == 256


# Who may ask


@pytest.mark.usefixtures("leaves")
def test_the_log_is_open_to_anybody_as_far_as_the_setting_says(daybook: Daybook, settings: Settings) -> None:
    check_what_is_open(daybook, settings, "none", (401, 401, 401))
    check_what_is_open(daybook, settings, "hashes", (200, 200, 401))
    check_what_is_open(daybook, settings, "all", (200, 200, 200))


def check_what_is_open(daybook: Daybook, settings: Settings, open_log: str, statuses: tuple[int, ...]) -> None:
    """Checkpoint, hashes and entries, and what is never open."""
    with opened_to_anybody(daybook, settings, open_log) as anybody:
        for prefix in PREFIXES:
            answers = [anybody.get(f"{prefix}/{path}") for path in ("checkpoint", "tile/0/000", "tile/entries/000")]
            assert tuple(answer.status_code for answer in answers) == statuses
            for answer in answers[1:]:
                if answer.status_code == 200:
                    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        for path in ("/api/v1/events/1", "/api/v1/events/1/proof", "/api/v1/log/consistency?from=1", "/log/", "/log/x"):
            assert anybody.get(path).status_code == 401


# Proofs


def test_an_event_carries_its_leaf_hash_and_its_bytes_as_they_are(
    client: TestClient, daybook: Daybook, leaves: list[bytes]
) -> None:
    answer = client.get("/api/v1/events/300")
    assert answer.content == daybook.ledger.recorder.rows_after(299, 1)[0].state
    assert base64.b64decode(answer.headers["daybook-leaf-hash"]) == leaves[299]


def test_a_proof_waits_for_the_checkpoint_that_covers_the_event(client: TestClient, daybook: Daybook) -> None:
    for turn in range(3):
        position = record(daybook, 2, f"turn {turn}")
        answer = client.get(f"/api/v1/events/{position}/proof")
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.text.startswith(f"c2sp.org/tlog-proof@v1\nindex {position - 1}\n")


def test_a_proof_that_no_checkpoint_covers_in_time_is_to_be_asked_for_again(
    daybook: Daybook, settings: Settings
) -> None:
    hasty = settings.model_copy(update={"wait_s": 0.05})
    app = application(daybook, hasty, Access.of([(TOKEN, "recorder-7")]))
    with (
        TestClient(app, headers={"Authorization": f"Bearer {TOKEN}"}) as client,
        daybook.log.storage.publishing() as held,
    ):
        assert held is not None
        record(daybook, 2)
        answer = client.get("/api/v1/events/2/proof")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["detail"] == "the last checkpoint covers 0 events, not yet 2"


REFUSED = [
    ("events/0/proof", 404, "the ledger has no position 0"),
    ("events/301/proof", 404, "the ledger has no position 301"),
    (f"events/{10**18 - 1}/proof", 404, f"the ledger has no position {10**18 - 1}"),
    ("events/-1/proof", 422, "/position: '-1' is not a whole number"),
    (f"events/{2**70}/proof", 422, f"/position: '{2**70}' is not a whole number"),
    ("events/one/proof", 422, "/position: "),
    ("events/5/proof?size=7", 404, "no checkpoint of size 7 was issued"),
    ("events/5/proof?size=301", 404, "no checkpoint of size 301 was issued"),
    ("events/5/proof?size=4", 400, "position 5 is beyond a tree of size 4"),
    ("events/5/proof?size=-4", 422, "/size: '-4' is not a whole number"),
    ("events/5/proof?size=300&size=300", 422, "/size: is given 2 times"),
    ("events/5/proof?sise=300", 422, "/sise: unknown parameter"),
    ("log/consistency", 422, "/from: is required"),
    ("log/consistency?from=1&to=301", 400, "to 301 is beyond the head, 300"),
    ("log/consistency?from=999", 400, "from 999 is beyond the head, 300"),
    ("log/consistency?from=9&to=8", 422, "/from: 9 is larger than 8"),
    ("log/consistency?from=x", 422, "/from: 'x' is not a whole number"),
    (f"log/consistency?from=1&to={'9' * 19}", 422, "is not a whole number"),
    ("log/consistency?from=1&to=2&size=3", 422, "/size: unknown parameter"),
]


@pytest.mark.usefixtures("leaves")
def test_a_proof_of_what_is_not_there_is_refused_with_a_reason(client: TestClient) -> None:
    for path, status, detail in REFUSED:
        answer = client.get(f"/api/v1/{path}")
        assert (answer.status_code, detail in answer.json()["detail"]) == (status, True), (path, answer.text)


def test_the_log_is_consistent_between_any_two_sizes(client: TestClient, leaves: list[bytes]) -> None:
    for old, new in ((1, 300), (255, 256), (256, 300), (299, None), (300, 300), (17, 201)):
        asked = {"from": old} if new is None else {"from": old, "to": new}
        answer = client.get("/api/v1/log/consistency", params=asked).json()
        roots = [base64.b64decode(answer[name]) for name in ("from_root", "to_root")]
        proof = [base64.b64decode(one) for one in answer["proof"]]
        assert (answer["from"], answer["to"], roots) == (old, new or 300, [root(leaves[:old]), root(leaves[:new])])
        verify_consistency(old, new or 300, roots[0], roots[1], proof)
    nothing = client.get("/api/v1/log/consistency", params={"from": 0, "to": 5}).json()
    assert (nothing["from_root"], nothing["proof"]) == (base64.b64encode(EMPTY_ROOT).decode(), [])


def test_an_event_too_large_for_a_bundle_is_refused_when_it_is_recorded(client: TestClient, daybook: Daybook) -> None:
    """A bundle gives an entry's length in 16 bits; one of just that length is in the log."""
    record(daybook, 1)
    stored = len(daybook.ledger.recorder.rows_after(0, 1)[0].state)

    def annotate(length: int) -> int:
        event = {"type": "event-annotated", "effective_on": "2023-08-31", "id": f"n-{length}"}
        return client.post(
            "/api/v1/events", json={**event, "data": {"annotates": "of-baidu", "note": "x" * length}}
        ).status_code

    # How long a note makes an event of 65,535 bytes depends on the envelope: the first tells.
    assert annotate(1_000) == 201
    envelope = len(daybook.ledger.recorder.rows_after(1, 1)[0].state) - 1_000
    # Ids are one digit longer from here on.
    longest = 65_535 - envelope - 1
    assert annotate(longest + 1) == 422
    assert annotate(70_000) == 422
    assert annotate(longest) == 201
    assert [len(row.state) for row in daybook.ledger.recorder.rows_after(0, 9)] == [stored, envelope + 1_000, 65_535]
    daybook.log.publisher.publish_all()
    assert len(unpack_bundle(client.get("/log/tile/entries/000.p/3").content)[2]) == 65_535
