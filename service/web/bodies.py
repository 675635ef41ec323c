"""Reading event requests out of a body: one event, an array, or NDJSON."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request as HttpRequest

from domain.catalogue import read_request
from domain.errors import Invalid, Refusal
from domain.json_text import parse_json, refuse_deep
from domain.ledger import Sent
from domain.plain_orders import PlainOrder, PlainOrders, read_plain_order, read_plain_orders
from service.codes import codes
from service.web.problems import REFUSALS, HttpProblem

#: Faults that one answer lists.
MOST_FAULTS = 100

JSON = "application/json"
NDJSON = ("application/x-ndjson", "application/ndjson", "application/jsonl")


class Batch:
    """The events of one body, and how to say where a fault is: by pointer, and by line for NDJSON."""

    def __init__(self, sent: Sequence[Any], lines: list[int] | None, *, single: bool) -> None:
        self.lines = lines
        self.single = single
        self.requests: Sequence[Sent] = sent if isinstance(sent, PlainOrders) else self._read(sent)

    def _read(self, sent: Sequence[Any]) -> list[Sent]:
        requests: list[Sent] = []
        faults: list[dict[str, Any]] = []
        for index, event in enumerate(sent):
            try:
                requests.append(event if isinstance(event, PlainOrder) else read_request(event, codes()))
            except Invalid as invalid:
                faults += self.faults(invalid, index)
                if len(faults) >= MOST_FAULTS:
                    break
        if faults:
            raise HttpProblem("invalid", _summary(faults), faults[:MOST_FAULTS])
        return requests

    def faults(self, refusal: Refusal, index: int) -> list[dict[str, Any]]:
        """The problems of one refused event, placed in the body."""
        where: Mapping[str, Any] = {} if self.lines is None else {"line": self.lines[index]}
        prefix = f"/{index}" if self.lines is None and not self.single else ""
        return [
            {**where, "pointer": prefix + problem.pointer, "detail": problem.message} for problem in refusal.problems
        ]

    def problem(self, refusal: Refusal) -> HttpProblem:
        """A refusal of one of the events, as the answer to the whole request."""
        faults = self.faults(refusal, refusal.index)
        name = next(name for kind, name in REFUSALS if isinstance(refusal, kind))
        line = f"line {faults[0]['line']}: " if "line" in faults[0] else ""
        return HttpProblem(name, line + str(refusal), faults)


def _summary(faults: list[dict[str, Any]]) -> str:
    first = faults[0]
    where = f"line {first['line']}, {first['pointer'] or '/'}" if "line" in first else first["pointer"] or "/"
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"{where}: {first['detail']}{more}"


async def read_body(request: HttpRequest, limit_bytes: int) -> bytes:
    """The whole body; HttpProblem where it is larger than the limit, without reading further."""
    declared = request.headers.get("content-length")
    if declared is not None and declared.isdigit() and int(declared) > limit_bytes:
        raise HttpProblem("too-large", f"the body has {declared} bytes, more than {limit_bytes}")
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limit_bytes:
            raise HttpProblem("too-large", f"the body has more than {limit_bytes} bytes")
        parts.append(part)
    return b"".join(parts)


def read_events(body: bytes, content_type: str) -> Batch:
    """The events of a body, all of them well-formed; HttpProblem says where and what otherwise."""
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type in NDJSON:
        lines = [(number, line) for number, line in enumerate(body.split(b"\n"), start=1) if line.strip()]
        return Batch(_read_lines(lines), [number for number, _ in lines], single=False)
    if media_type == JSON or (not media_type and body):
        plain = read_plain_order(body, codes())
        if plain is not None:
            return Batch([plain], None, single=True)
        sent = _parse(body, None)
        return Batch(sent, None, single=False) if isinstance(sent, list) else Batch([sent], None, single=True)
    raise HttpProblem("unsupported-media-type", f"send application/json or application/x-ndjson, not {media_type!r}")


def _read_lines(lines: Sequence[tuple[int, bytes]]) -> Sequence[Any]:
    """What stands on each line: a plain order, or some JSON."""
    places, orders = read_plain_orders([text for _, text in lines], codes())
    if len(orders) == len(lines):
        return orders
    by_place = dict(zip(places, orders, strict=True))
    return [by_place.get(place) or _parse(text, number) for place, (number, text) in enumerate(lines)]


def _parse(text: bytes, line: int | None) -> Any:
    try:
        sent = parse_json(text)
        refuse_deep(sent)
        return sent
    except ValueError as error:
        where = {} if line is None else {"line": line}
        detail = str(error) if line is None else f"line {line}: {error}"
        raise HttpProblem("malformed", detail, [{**where, "pointer": "", "detail": str(error)}]) from None
