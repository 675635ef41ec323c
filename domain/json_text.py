"""JSON as clients send it, read strictly (I-JSON, RFC 7493): no repeated names, no NaN, no bottomless nesting."""

import json
from typing import Any

#: Lists and objects within one another that a client may send: deeper than any event, of no use beyond.
DEEPEST = 64


def parse_json(text: bytes | str) -> Any:
    """Read one JSON value; ValueError says what is wrong and where."""
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"not UTF-8: {error.reason} at byte {error.start}") from None
    try:
        return DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} (line {error.lineno}, column {error.colno})") from None
    except RecursionError:
        raise ValueError("not read: nested too deeply") from None


def refuse_deep(value: Any) -> None:
    """ValueError where lists and objects lie deeper within one another than a client may send."""
    level, depth = [value], 0
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


DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_int=_whole)
