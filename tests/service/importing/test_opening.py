"""Files as they arrive: gzip read transparently, and neither size nor line taken on trust."""

import gzip
import io

import pytest

from service.importing import opening
from service.importing.opening import copied, lines_of, opened
from service.importing.rows import BadFile


def lines(data: bytes) -> list[tuple[int, bytes]]:
    return list(lines_of(opened(io.BytesIO(data))))


def test_gzip_is_read_as_what_it_holds_as_often_as_asked() -> None:
    file = opened(io.BytesIO(gzip.compress(b"a\nb\n" * 100_000)))
    assert [sum(1 for _ in lines_of(file)) for _ in range(2)] == [200_000, 200_000]


def test_gzip_files_one_after_another_are_one() -> None:
    data = gzip.compress(b"a\n") + gzip.compress(b"b\n") + b"\0" * 100
    assert lines(data) == [(1, b"a\n"), (2, b"b\n")]


def test_what_is_not_gzip_is_left_alone() -> None:
    file = io.BytesIO(b"a\n")
    assert opened(file) is file


@pytest.mark.parametrize(
    ("damage", "line", "message"),
    [
        (lambda data: data[:-9], 3_001, "the gzip file is cut short: its end is missing"),
        (lambda data: data[:-8] + b"\0\0\0\0" + data[-4:], 1_307, "the gzip file is damaged: Error -3"),
        (lambda data: data + b"more", 3_001, "something that is not gzip follows the gzip file's end"),
        (lambda data: data[:2], 1, "the gzip file is cut short"),
    ],
)
def test_a_damaged_gzip_file_is_named_with_the_line_that_was_reached(damage: object, line: int, message: str) -> None:
    whole = gzip.compress(b"".join(b"line %d\n" % number for number in range(3_000)))
    assert callable(damage)
    with pytest.raises(BadFile) as caught:
        lines(damage(whole))
    [fault] = caught.value.faults
    assert (fault.line, fault.message[: len(message)]) == (line, message)


def test_a_decompression_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "EXPANDED_BYTES", 1_000_000)
    zeros = b"0,0\n" * 1_000
    bomb = gzip.compress(zeros * 500)
    assert len(zeros * 500) > 200 * len(bomb)
    with pytest.raises(BadFile, match=r"expands to more than 200 times its size .*: refused"):
        lines(bomb)


def test_a_table_that_compresses_well_is_no_bomb() -> None:
    assert len(lines(gzip.compress(b"0,0\n" * 100_000))) == 100_000


def test_a_line_of_any_length_is_refused_without_being_read() -> None:
    class Endless(io.RawIOBase):
        taken = 0

        def readable(self) -> bool:
            return True

        def seekable(self) -> bool:
            return True

        def seek(self, offset: int, whence: int = 0) -> int:
            return 0

        def readinto(self, buffer: object) -> int:
            assert isinstance(buffer, memoryview)
            buffer[:] = b"x" * len(buffer)
            self.taken += len(buffer)
            return len(buffer)

    endless = Endless()
    with pytest.raises(BadFile, match="line 1: is longer than 1,048,576 bytes"):
        list(lines_of(io.BufferedReader(endless)))
    assert endless.taken < 1_200_000


def test_what_must_be_in_one_place_is_copied_out_of_gzip_up_to_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = opened(io.BytesIO(gzip.compress(b"PK" * 1_000)))
    with copied(packed) as copy:
        assert copy.read() == b"PK" * 1_000
    monkeypatch.setattr(opening, "LARGEST_COPY_BYTES", 100)
    with pytest.raises(BadFile, match="holds more than 100 bytes"):
        copied(packed)
