"""What is right, to be changed: a file of every format, a body for every request, and heads of requests."""

import gzip
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from service.cli.seed import SEED
from service.web.description.examples import STORY
from tests.hostile.files import cloud_event, lines, packed, parquet, regulation, release, screening, workbook
from tests.nightly import mutations
from tests.service.importing import ocds_samples
from tests.service.importing.conftest import REGULATIONS, SCREENING_LIST
from tests.service.importing.order_tables import as_toml, mapping
from tests.service.processes import TOKEN

Mutate = Callable[[bytes, Random, Sequence[bytes]], bytes]
#: The part of a long file that is enough.
PART_LINES = 30


@dataclass(frozen=True)
class Kind:
    """Files of one format."""

    #: None: as the file begins.
    format: str | None
    seeds: tuple[bytes, ...]
    mutate: Mutate


def part(data: bytes) -> bytes:
    """The first lines of a file."""
    return b"\n".join(data.split(b"\n")[:PART_LINES]) + b"\n"


def _files() -> tuple[Kind, ...]:
    events, text = SEED.read_bytes(), mutations.of_text
    rates = b"Date,USD,JPY,\n2024-01-03,1.0919,155.63,\n2024-01-02,1.0956,155.64,\n"
    samples = ocds_samples
    packages = (
        json.dumps(samples.package(samples.release(contracts=[samples.contract()], awards=[samples.award()]))).encode(),
        json.dumps(samples.package(samples.release(), samples.release("2016-08-01", "contractAmendment"))).encode(),
        samples.jsonl(samples.package(samples.release())),
        release(parties=[{"id": "p", "name": "P", "roles": ["buyer"]}]),
    )
    return (
        Kind("ndjson", (part(events), events), text),
        Kind("cloudevents", (cloud_event(),), text),
        Kind("csv", (lines(), lines(Qty="7") + lines(PO="PO-2")), text),
        Kind("tsv", (lines().replace(b",", b"\t"),), text),
        Kind("xlsx", (packed(workbook()),), mutations.of_zip),
        Kind("parquet", (parquet(),), mutations.of_bytes),
        Kind("ocds", packages, text),
        Kind("ocds", tuple(gzip.compress(one, mtime=0) for one in packages), mutations.of_gzip),
        Kind("ndjson", (gzip.compress(part(events), mtime=0),), mutations.of_gzip),
        Kind("screening-list", (screening(), part(SCREENING_LIST.read_bytes())), text),
        Kind("regulations", (regulation(), part(REGULATIONS.read_bytes())), text),
        Kind("ecb-rates", (rates,), text),
        Kind(None, (part(events), lines(), rates, packed(workbook()), parquet(), *packages), mutations.of_bytes),
    )


FILES = _files()
#: What tables of order lines are read by.
MAPPING = as_toml(mapping()).encode()
NEEDING_MAPPING = ("csv", "tsv", "xlsx", "parquet")


@dataclass(frozen=True)
class File:
    """One changed file."""

    kind: str
    data: bytes
    #: None: as the file begins.
    format: str | None


@dataclass(frozen=True)
class Body:
    """One request with a changed body."""

    method: str
    path: str
    media_type: str
    data: bytes


def chance_of(kind: str, seed: int, number: int) -> Random:
    """The chance that makes one input: each can be made again by itself."""
    return Random(f"{kind} {seed} {number}")


def file_of(seed: int, number: int) -> File:
    """One changed file."""
    chance, kind = chance_of("files", seed, number), FILES[number % len(FILES)]
    others = [one.seeds[0] for one in FILES]
    data = kind.mutate(chance.choice(kind.seeds), chance, others)
    return File(kind.format or "any", data, kind.format)


def body_of(seed: int, number: int) -> Body:
    """One changed body, to where it would be recorded, kept or supposed."""
    chance = chance_of("bodies", seed, number)
    step = chance.choice(STORY)
    body = json.dumps(step.body).encode()
    others = [json.dumps(one.body).encode() for one in STORY]
    event = json.dumps({"type": step.event_type or "event-retracted", "effective_on": "2024-01-01", "data": step.body})
    media_type = "application/json"
    match chance.randrange(6):
        case 0 | 1:
            path = f"/api/v1{step.path}"
            data = chance.choice((mutations.of_json, mutations.of_json, mutations.of_bytes))(body, chance, others)
        case 2:
            path, data = "/api/v1/events", mutations.of_json(event.encode(), chance, others)
        case 3:
            media_type, path = "application/x-ndjson", "/api/v1/events"
            data = mutations.of_text(part(SEED.read_bytes()), chance, others)
        case 4:
            path = chance.choice(("/api/v1/scenarios/vendor-dependence", "/api/v1/scenarios/regulatory-exposure"))
            data = mutations.of_json(f"[{event}]".encode(), chance, others)
        case _:
            return Body(
                "PUT",
                f"/api/v1/mappings/m{number % 10}",
                "application/toml",
                mutations.of_bytes(MAPPING, chance, others),
            )
    return Body("POST", path, media_type, data)


HEADS = tuple(
    b"\r\n".join((line, b"Host: localhost", b"Authorization: Bearer " + TOKEN.encode(), *more, b"", b""))
    for line, *more in (
        (b"GET /api/v1/events?after=0&limit=2 HTTP/1.1", b"Accept: application/x-ndjson;q=0.5, application/json"),
        (
            b"GET /api/v1/views/vendor-dependence?buyer=baidu&measure=units&effective_on=2023-12-31 HTTP/1.1",
            b"Accept: text/csv",
        ),
        (b"GET /api/v1/orders?limit=1&status=open HTTP/1.1", b"Prefer: wait=1", b'If-None-Match: "a", W/"b"'),
        (b"GET /api/v1/events/1/proof HTTP/1.1", b"Accept-Encoding: gzip, br;q=0", b"Range: bytes=0-1"),
        (b"GET /api/v1/log/checkpoint HTTP/1.1", b"If-Modified-Since: Wed, 01 Jan 2020 00:00:00 GMT"),
        (
            b"HEAD /api/v1/organizations/huawei?known_on=2024-01-01 HTTP/1.1",
            b"Origin: http://localhost:1",
            b"Cookie: a=b",
        ),
        (b"OPTIONS /api/v1/events HTTP/1.1", b"Origin: https://x.example", b"Access-Control-Request-Method: POST"),
        (
            b"POST /api/v1/events HTTP/1.1",
            b"Content-Type: application/json; charset=utf-8",
            b"Idempotency-Key: k-1",
            b"Content-Length: 0",
        ),
        (
            b"POST /api/v1/events HTTP/1.1",
            b"Transfer-Encoding: chunked",
            b"Expect: 100-continue",
            b"X-Correlation-Id: c",
            b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
        (b"DELETE /api/v1/webhooks/none HTTP/1.1", b'If-Match: "1"', b"X-Forwarded-For: 1.2.3.4"),
        (b"GET /openapi.json HTTP/1.1", b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c"),
    )
)


def head_of(seed: int, number: int) -> bytes:
    """One changed head of a request."""
    chance = chance_of("headers", seed, number)
    head = chance.choice(HEADS)
    if chance.random() < 0.5:
        lines = head.split(b"\r\n")
        place = chance.randrange(len(lines) - 2)
        lines[place] = mutations.of_bytes(lines[place], chance, [b""])
        changed = b"\r\n".join(lines)
    else:
        changed = mutations.of_bytes(head, chance, HEADS)
    return changed + b"\r\n\r\n"
