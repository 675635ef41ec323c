"""JSON as clients send it, read strictly."""

import pytest

from domain.json_text import parse_json


def test_text_and_utf_8_bytes_are_read_alike() -> None:
    expected = {"name": "百度", "lines": [None, True, "1600"]}
    text = '{"name": "百度", "lines": [null, true, "1600"]}'
    assert parse_json(text) == parse_json(text.encode()) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "not JSON: Expecting value (line 1, column 1)"),
        (b'{"type": }', "not JSON: Expecting value (line 1, column 10)"),
        (b'{"a" 1}', "not JSON: Expecting ':' delimiter (line 1, column 6)"),
        (b'{"a": 1} {"b": 2}', "not JSON: Extra data (line 1, column 10)"),
        (b"{'a': 1}", "not JSON: Expecting property name enclosed in double quotes (line 1, column 2)"),
        (b'"a\tb"', "not JSON: Invalid control character at (line 1, column 3)"),
        (b'{"a": NaN}', "not JSON: NaN is not a value"),
        (b'{"a": -Infinity}', "not JSON: -Infinity is not a value"),
        (b'{"a": "\xff"}', "not UTF-8: invalid start byte at byte 7"),
        (b'"\xed\xa0\x80"', "not UTF-8: invalid continuation byte at byte 1"),
        (b'{"a": 1, "a": 1}', "the name 'a' stands twice in one object"),
        (b'[{"b": {"a": 1, "c": 2, "a": 3}}]', "the name 'a' stands twice in one object"),
        (b'{"n": ' + b"9" * 31 + b"}", "not read: a number of 31 digits"),
        (b"[" * 100_000, "not read: nested too deeply"),
        (b'{"n": 1e999}', "not read: a number beyond all bounds"),
    ],
    ids=str,
)
def test_what_is_not_plain_json_is_refused(text: bytes, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_json(text)
    assert str(caught.value) == message
