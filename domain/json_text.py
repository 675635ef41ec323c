"""JSON as clients send it, read strictly (I-JSON, RFC 7493): no repeated names, no NaN, no bottomless nesting."""

import json
import math
import re
from collections.abc import Iterator
from typing import Any

#: Lists and objects within one another that a client may send: deeper than any event, of no use beyond.
DEEPEST = 64


def parse_json(text: bytes | str) -> Any:
    """Read one JSON value; ValueError says what is wrong and where."""
    if isinstance(text, bytes):
        text = _decoded(text)
    try:
        return DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise _not_json(error) from None
    except RecursionError:
        raise ValueError("not read: nested too deeply") from None


class TooLong(ValueError):
    """An element of a list is longer than it may be."""


def parse_elements(body: bytes, longest: int) -> Iterator[tuple[Any, int]]:
    """Read a JSON list one element after the other, each with its length in characters.

    What is behind an element is not looked at before the next one is asked for. ValueError says what is wrong and
    where; TooLong: an element has more than `longest` characters, of which no more than a few times as many are read.
    """
    text = _decoded(body)
    window = _Window(text, longest)
    place = _behind_blanks(text, text.index("[") + 1)
    if text[place : place + 1] == "]":
        place += 1
    else:
        while True:
            value, end = window.read(place)
            yield value, end - place
            place = _behind_blanks(text, end)
            mark = text[place : place + 1]
            place += 1
            if mark == "]":
                break
            if mark != ",":
                raise _not_json(json.JSONDecodeError("Expecting ',' delimiter", text, place - 1))
            place = _behind_blanks(text, place)
    if (place := _behind_blanks(text, place)) < len(text):
        raise _not_json(json.JSONDecodeError("Extra data", text, place))


class _Window:
    """A part of a text, so that a value in it cannot be longer."""

    def __init__(self, text: str, longest: int) -> None:
        self._text = text
        self._longest = longest
        self._start = 0
        self._part = text[: 4 * longest]

    def read(self, place: int) -> tuple[Any, int]:
        """The value that begins at a place of the text, and where it ends."""
        if place - self._start > 3 * self._longest:
            self._start = place
            self._part = self._text[place : place + 4 * self._longest]
        is_last = self._start + len(self._part) == len(self._text)
        try:
            value, end = DECODER.raw_decode(self._part, place - self._start)
        except json.JSONDecodeError as error:
            # Cut off in the middle, a value is no JSON either.
            if not is_last and (error.msg.startswith("Unterminated") or error.pos > len(self._part) - 16):
                raise TooLong(f"an element of the list has more than {self._longest:,} characters") from None
            raise _not_json(json.JSONDecodeError(error.msg, self._text, self._start + error.pos)) from None
        except RecursionError:
            raise ValueError("not read: nested too deeply") from None
        end += self._start
        if end - place > self._longest:
            raise TooLong(f"an element of the list has more than {self._longest:,} characters")
        return value, end


_blanks = re.compile(r"[ \t\n\r]*")


def _behind_blanks(text: str, place: int) -> int:
    match = _blanks.match(text, place)
    assert match is not None
    return match.end()


def _decoded(text: bytes) -> str:
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8: {error.reason} at byte {error.start}") from None


def _not_json(error: json.JSONDecodeError) -> ValueError:
    return ValueError(f"not JSON: {error.msg} (line {error.lineno}, column {error.colno})")


def refuse_deep(value: Any, above: int = 0) -> None:
    """ValueError where lists and objects lie deeper within one another than a client may send, `above` around them."""
    level, depth = [value], above
    while level:
        level = [one for one in level if isinstance(one, dict | list)]
        depth += bool(level)
        if depth > DEEPEST:
            raise ValueError(f"not read: nested deeper than {DEEPEST}")
        level = [inner for one in level for inner in (one.values() if isinstance(one, dict) else one)]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        seen: set[str] = set()
        repeated = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ValueError(f"the name {repeated[:40]!r} stands twice in one object")
    return read


def _constant(name: str) -> Any:
    raise ValueError(f"not JSON: {name} is not a value")


def _whole(digits: str) -> int:
    if len(digits) > 30:
        raise ValueError(f"not read: a number of {len(digits)} digits")
    return int(digits)


def _real(digits: str) -> float:
    read = float(digits)
    if not math.isfinite(read):
        raise ValueError("not read: a number beyond all bounds")
    return read


DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_int=_whole, parse_float=_real)
