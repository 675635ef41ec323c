"""Lines of answers: they end where their format says, however the answer is cut and whatever stands in them."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from itertools import islice
from typing import Any

import pytest

from service.client import AsyncClient, Client, NotUnderstood
from service.client.lines import LONGEST_LINE_BYTES, EventLines, JsonLines, Splitter
from service.client.streams import LONGEST_RETRY_S, Listening
from tests.service.client.test_client import Clock, answer, new, note, organization, through
from tests.service.client.wire import Wire
from tests.service.processes import TOKEN

#: What str.splitlines takes for the end of a line, and no format of ours does.
NO_ENDS = "\u0085\u2028\u2029\v\f\x1c\x1d\x1e"
#: As far as text of an event may hold them, in every place.
AWKWARD = "\u2028one\u2029two\u0085three\u2028"


def lines_of(splitter: Splitter, pieces: list[bytes]) -> list[bytes]:
    """The lines of an answer that arrives in pieces, and what is left."""
    return [*(line for piece in pieces for line in splitter.take(piece)), splitter.rest()]


def cuts(data: bytes) -> Iterator[list[bytes]]:
    """The data cut once at every place, and into single bytes."""
    yield from ([data[:place], data[place:]] for place in range(len(data) + 1))
    yield [data[place : place + 1] for place in range(len(data))]


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        ("a\nb\r\nc\rd\n\ne", ["a", "b\r", "c\rd", "", "e"]),
        (f"x{NO_ENDS}y\nüñ€😀\n", [f"x{NO_ENDS}y", "üñ€😀", ""]),
        ("", [""]),
    ],
)
def test_lines_of_ndjson_end_at_lf_alone(data: str, lines: list[str]) -> None:
    for pieces in cuts(data.encode()):
        assert lines_of(JsonLines(), pieces) == [line.encode() for line in lines]


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        ("a\nb\r\nc\rd\n\ne", ["a", "b", "c", "d", "", "e"]),
        ("a\r\r\n\n\r", ["a", "", "", "", ""]),
        (f"\ufeffdata: x{NO_ENDS}y\r\rüñ€😀\n\r", [f"data: x{NO_ENDS}y", "", "üñ€😀", "", ""]),
        ("a\n\ufeffb\n", ["a", "\ufeffb", ""]),
    ],
)
def test_lines_of_server_sent_events_end_at_lf_cr_or_both(data: str, lines: list[str]) -> None:
    for pieces in cuts(data.encode()):
        assert lines_of(EventLines(), pieces) == [line.encode() for line in lines]


@pytest.mark.parametrize("kind", [JsonLines, EventLines])
def test_a_line_without_end_is_given_up(kind: type[Any]) -> None:
    splitter, piece = kind(), b"x" * 65_536
    fitting = LONGEST_LINE_BYTES // len(piece)
    assert [line for _ in range(fitting) for line in splitter.take(piece)] == []
    with pytest.raises(NotUnderstood, match="more than"):
        list(splitter.take(b"x"))


def test_an_event_of_endless_lines_is_given_up() -> None:
    reader, line = Listening({}, None), b"data:" + b"x" * 65_531 + b"\n"
    fitting = LONGEST_LINE_BYTES // 65_536
    assert [event for _ in range(fitting) for event in reader.take(line)] == []
    with pytest.raises(NotUnderstood, match="more than"):
        list(reader.take(line))


def test_nonsense_between_events_is_passed_over() -> None:
    reader = Listening({}, None)
    said = (
        "retry: \u00b2\n: listening after \u0663\n: listening after -7\nretry: 99999999999999\n"
        "whatever\n:\ndata\n\nid\nevent: x\n: listening after 41\n\n"
    )
    assert list(reader.take(said.encode() + b": \xff\n\n")) == []
    assert (reader.after, reader.again_after_s) == (41, LONGEST_RETRY_S)


def stored(position: int, text: str) -> str:
    """An event as it is sent."""
    event = {"type": "event-annotated", "id": f"e-{position}", "v": 1, "position": position, "stream": "note/1"}
    event |= {"version": 1, "recorded_at": "2024-01-02T00:00:00Z", "effective_on": "2024-01-02"}
    event |= {"known_on": "2024-01-02", "basis": "reported", "data": {"note": text}}
    return json.dumps(event, ensure_ascii=False)


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_a_listener_understands_every_way_of_ending_a_line(wire: Wire, end: str) -> None:
    first, second = stored(7, AWKWARD), stored(8, "two")
    # One event over several lines of data, the second without its end: it is not complete.
    broken = second.replace(", ", f",{end}data: ")
    said = (
        f"\ufeff: listening after 6{end}{end}id: 7{end}data: {first}{end}{end}data:{broken}{end}{end}data: {first}{end}"
    )
    wire.answers.append(answer("200 OK", "Content-Type: text/event-stream", body=said))
    with through(wire, Clock()) as far:
        heard = far.listen()
        assert [(one.position, one.data["note"]) for one in islice(heard, 2)] == [(7, AWKWARD), (8, "two")]
        heard.close()  # type: ignore[attr-defined]


def test_what_is_no_event_is_said_by_an_exception_of_the_client(wire: Wire) -> None:
    wire.answers.append(answer("200 OK", body='{"type": "order-placed"}\n'))
    wire.answers.append(answer("200 OK", body="data: {\n\n"))
    wire.answers.append(answer("200 OK", body=stored(9, "without an end of its line")))
    with through(wire, Clock()) as far:
        with pytest.raises(NotUnderstood, match="no stored event"):
            list(far.stream_events())
        with pytest.raises(NotUnderstood, match="no stored event"):
            next(iter(far.listen()))
        assert [one.position for one in far.stream_events()] == [9]


def test_separators_of_unicode_stand_in_events_as_any_character_does(client: Client) -> None:
    of = client.record(organization(new("separated"), f"Works {AWKWARD} Ltd")).events[0]
    client.record([note(of.id, AWKWARD), note(of.id, "The next one.")])
    start = of.position - 1

    def told(one: Any) -> str:
        return str(one.data.get("note", one.data.get("name")))

    expected = [f"Works {AWKWARD} Ltd", AWKWARD, "The next one."]
    assert [told(one) for one in client.events(start)] == expected
    assert [told(one) for one in client.stream_events(start)] == expected
    heard = client.listen(start)
    assert [told(one) for one in islice(heard, 3)] == expected
    heard.close()  # type: ignore[attr-defined]

    async def taken(events: AsyncIterator[Any]) -> list[str]:
        found: list[str] = []
        async for one in events:
            found.append(told(one))
            if len(found) == 3:
                await events.aclose()  # type: ignore[attr-defined]
        return found

    async def read() -> list[list[str]]:
        async with AsyncClient(client._connection.address, TOKEN) as far:
            return [await taken(far.stream_events(start)), await taken(far.listen(start))]

    assert asyncio.run(read()) == [expected, expected]
