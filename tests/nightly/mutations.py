"""Changes to what is right that make it wrong: of bytes, of texts, and of JSON; the same seed makes the same."""

import gzip
import io
import json
import zipfile
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

#: What has hurt somebody somewhere.
TOKENS: tuple[bytes, ...] = (
    *(
        b"\0",
        b"\n",
        b"\r\n",
        b"\r",
        b"\t",
        b"\x7f",
        b"\x1b[2J",
        b"\xff\xfe",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf",
        b"\xf4\x90\x80\x80",
    ),
    *(
        text.encode()
        for text in (
            "\u2028",
            "\u2029",
            "\u0085",
            "\u00a0",
            "\u0662\u0660",
            "\u00b2",
            "e\u0301",
            "\u202e",
            "\U0001f600",
        )
    ),
    *(
        b"\\u0000",
        b"\\ud800",
        b"\\udfff\\ud800",
        b"1e999999999",
        b"-0",
        b"NaN",
        b"Infinity",
        b"1_0",
        b"0x10",
        b"9" * 400,
    ),
    *(
        b"null",
        b"true",
        b"[]",
        b"{}",
        b'""',
        b"[" * 200,
        b'{"a":' * 200,
        b"]",
        b"}",
        b'"',
        b"'",
        b",",
        b";" * 200,
        b"(" * 200,
    ),
    *(
        b"0001-01-01",
        b"9999-12-31",
        b"0001-01-01T00:00:00+14:00",
        b"9999-12-31T23:59:59-14:00",
        b"2024-02-30",
        b"2024-W01-1",
    ),
    *(
        b"2024-06-30T23:59:60Z",
        b"P9999999999Y",
        b"../",
        b"..%2f",
        b"%00",
        b"%ff",
        b"=1+1",
        b"{{7*7}}",
        b"<!DOCTYPE a [",
        b"&a;",
    ),
    *(
        b"id",
        b"type",
        b"data",
        b"order-placed",
        b"event-retracted",
        b"XXX",
        b"XDR",
        b"__proto__",
        b" " * 300,
        b"a" * 2_000,
    ),
)
VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        2**31,
        2**63,
        2**64,
        -(2**63) - 1,
        10**400,
        1.5,
        1e308,
        [],
        {},
        "",
        " ",
        "\0",
        "\u2028",
        "\ud800",
    ),
    *(
        "a" * 3_000,
        "1e9",
        "-1",
        "0.00001",
        "9" * 200,
        "NaN",
        "2024-02-30",
        "../2024",
        "9999-12-31",
        "0001",
        [[]],
        [None],
        {"": None},
    ),
    *(
        {"a": {"a": {"a": {}}}},
        ["a"] * 200,
        "XXX",
        "ANG",
        "e\u0301",
        "\u00e9",
        "order-placed",
        "http://[",
        1.0,
        "1.0",
        "\u0662",
    ),
)
LENGTHS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
#: Nothing is made longer than this.
LARGEST_BYTES = 200_000


def flipped(data: bytearray, chance: Random, other: bytes) -> bytearray:
    """Some bits turned."""
    for _ in range(chance.choice((1, 1, 2, 8, 64))):
        if data:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return data


def cut(data: bytearray, chance: Random, other: bytes) -> bytearray:
    """Cut off, or a piece cut out."""
    start, end = _range(data, chance)
    return data[:start] if chance.random() < 0.5 else data[:start] + data[end:]


def doubled(data: bytearray, chance: Random, other: bytes) -> bytearray:
    """A piece several times."""
    start, end = _range(data, chance)
    return data[:end] + data[start:end] * chance.choice((1, 1, 3, 50)) + data[end:]


def spliced(data: bytearray, chance: Random, other: bytes) -> bytearray:
    """The beginning of it, and the end of another."""
    return data[: _place(data, chance)] + other[_place(other, chance) :]


def salted(data: bytearray, chance: Random, other: bytes) -> bytearray:
    """With a token in it, in front of something or in its place."""
    for _ in range(chance.choice((1, 1, 1, 3))):
        token, place = chance.choice(TOKENS), _place(data, chance)
        data[place : place + chance.choice((0, 0, len(token)))] = token
    return data


def measured(data: bytearray, chance: Random, other: bytes) -> bytearray:
    """With another number where a length might stand."""
    width, order = chance.choice((1, 2, 4, 8)), chance.choice(("little", "big"))
    number = chance.choice((*LENGTHS, len(data))) & ((1 << 8 * width) - 1)
    place = max(0, len(data) - chance.randrange(1, 64)) if chance.random() < 0.3 else _place(data, chance)
    data[place : place + width] = number.to_bytes(width, order)  # type: ignore[arg-type]
    return data


BYTES: tuple[Callable[[bytearray, Random, bytes], bytearray], ...] = (
    flipped,
    cut,
    doubled,
    spliced,
    salted,
    salted,
    measured,
)


def of_bytes(data: bytes, chance: Random, others: Sequence[bytes]) -> bytes:
    """A piece of data changed once or several times, whatever it holds."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        changed = chance.choice(BYTES)(changed, chance, chance.choice(others))
    return bytes(changed[:LARGEST_BYTES])


def of_json(data: bytes, chance: Random, others: Sequence[bytes]) -> bytes:
    """JSON with another value, member or order somewhere in it; what is no JSON is changed as bytes."""
    try:
        value = json.loads(data)
    except ValueError:
        return of_bytes(data, chance, others)
    for _ in range(chance.choice((1, 1, 2, 4))):
        value = _changed(value, chance)
    # Half a character stays one.
    return json.dumps(value).encode()[:LARGEST_BYTES]


def of_lines(data: bytes, chance: Random, others: Sequence[bytes]) -> bytes:
    """Lines of which one is changed, or that stand in another order."""
    lines = data.split(b"\n")
    place = chance.randrange(len(lines))
    match chance.randrange(4):
        case 0:
            lines[place : place + 1] = [lines[place]] * chance.choice((0, 2, 20))
        case 1:
            chance.shuffle(lines)
        case 2:
            lines.insert(place, of_bytes(chance.choice(others), chance, others)[:5_000])
        case _:
            lines[place] = of_json(lines[place], chance, [lines[place]])
    return b"\n".join(lines)[:LARGEST_BYTES]


def of_text(data: bytes, chance: Random, others: Sequence[bytes]) -> bytes:
    """A file of text: its lines, its JSON or its bytes changed."""
    return chance.choice((of_lines, of_lines, of_json, of_bytes))(data, chance, others)


def of_zip(data: bytes, chance: Random, others: Sequence[bytes]) -> bytes:
    """A zip file with one part changed and packed again; or changed as bytes."""
    if chance.random() < 0.3:
        return of_bytes(data, chance, others)
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as file, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as out:
        names = file.namelist()
        changed = chance.choice(names)
        for name in names:
            part = file.read(name)
            stamp = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            out.writestr(stamp, of_bytes(part, chance, [part]) if name == changed else part, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def of_gzip(data: bytes, chance: Random, others: Sequence[bytes]) -> bytes:
    """A gzip file whose content is changed; or changed as bytes."""
    if chance.random() < 0.3:
        return of_bytes(data, chance, others)
    return gzip.compress(of_text(gzip.decompress(data), chance, others), mtime=0)


def _place(data: bytes | bytearray, chance: Random) -> int:
    return chance.randrange(len(data) + 1)


def _range(data: bytearray, chance: Random) -> tuple[int, int]:
    start = _place(data, chance)
    return start, min(len(data), start + chance.choice((1, 4, 40, 400, 4_000)))


def _changed(value: Any, chance: Random) -> Any:
    """The value, one place of which is changed."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        name = chance.choice(sorted(value))
        match chance.randrange(8):
            case 0:
                return {key: one for key, one in value.items() if key != name}
            case 1:
                return {**value, chance.choice(TOKENS).decode("utf-8", "replace"): value[name]}
            case 2:
                return {**value, name: value[chance.choice(sorted(value))]}
            case _:
                return {**value, name: _changed(value[name], chance)}
    if isinstance(value, list) and value and chance.random() < 0.85:
        place = chance.randrange(len(value))
        match chance.randrange(8):
            case 0:
                return value[:place] + value[place + 1 :]
            case 1:
                return value[: place + 1] + value[place:][: chance.choice((1, 100))]
            case 2:
                return value[::-1]
            case _:
                return [*value[:place], _changed(value[place], chance), *value[place + 1 :]]
    if isinstance(value, str) and chance.random() < 0.5:
        return of_bytes(value.encode("utf-8", "replace"), chance, [b""]).decode("utf-8", "replace")
    return chance.choice(VALUES)
