"""Files as they arrive: gzip read transparently, and no line, size or expansion taken on trust."""

import errno
import io
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

from service.importing.bounds import RESERVE_BYTES
from service.importing.rows import BadFile, FileFault

GZIP = b"\x1f\x8b"
#: What a file may be that is sent under another name, by how it begins.
OTHERS = {
    b"\x89PNG\r\n\x1a\n": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"%PDF-": "a PDF document",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an old spreadsheet, or one with a password (save it as .xlsx without)",
    b"BZh": "a bzip2 file (unpack it, or pack it by gzip)",
    b"\xfd7zXZ\0": "an xz file (unpack it, or pack it by gzip)",
    b"\x28\xb5\x2f\xfd": "a zstd file (unpack it, or pack it by gzip)",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\x07": "a RAR archive",
    b"PARE": "an encrypted Parquet file",
    b"ARROW1": "an Arrow (Feather) file (save it as Parquet)",
    b"FEA1": "a Feather file (save it as Parquet)",
    b"ORC": "an ORC file (save it as Parquet)",
    b"SQLite format 3\0": "an SQLite database",
    b"\x7fELF": "a program",
    b"<!DOCTYPE": "a web page, or XML",
    b"<html": "a web page",
    b"<?xml": "XML",
    b"{\\rtf": "a text document (RTF)",
}
LONGEST_SIGN_BYTES = 16
#: What stands near the beginning of the European Central Bank's XML, the only one that is imported.
ECB_XML = (b"eurofxref", b"GenericData", b"StructureSpecificData")
LOOKED_AT_XML_BYTES = 4096
#: Members of a gzip file with nothing in them that may follow one another: programs end with one, bombs have many.
EMPTY_MEMBERS = 1_000
#: What is looked at first of a member, and from then on ever more: what is behind its end was taken for nothing.
FIRST_BYTES = 1024
#: Compressed bytes read at once, and the most that come out of the decompressor at once.
CHUNK_BYTES = 256 * 1024
#: A gzip file may expand by more than MOST_EXPANSION up to here: a small table of zeros is no bomb.
EXPANDED_BYTES = 64 * 1024 * 1024
#: Text and tables compress 3 to 30 times; gzip can do a little over 1,000.
MOST_EXPANSION = 200
#: An event takes 64 KiB at most; a row of a table far less.
LONGEST_LINE_BYTES = 1024 * 1024
#: What must be in one place to be read (a workbook), when it comes out of a gzip file: in memory up to this size, on
#: disk up to LARGEST_COPY_BYTES.
SPOOLED_BYTES = 16 * 1024 * 1024
LARGEST_COPY_BYTES = 4 * 1024 * 1024 * 1024


def is_compressed(file: BinaryIO) -> bool:
    """Whether a seekable file is gzip, by how it begins."""
    file.seek(0)
    compressed = file.read(len(GZIP)) == GZIP
    file.seek(0)
    return compressed


def opened(file: BinaryIO) -> BinaryIO:
    """A seekable file as it is, or what a gzip file holds (which can be rewound, and no more).

    BadFile for what is known to be something else.
    """
    compressed = is_compressed(file)
    found: BinaryIO = io.BufferedReader(Gunzipped(file), CHUNK_BYTES) if compressed else file
    head = found.read(LONGEST_SIGN_BYTES)
    found.seek(0)
    for sign, what in OTHERS.items():
        if head.startswith(sign) and not (what == "XML" and _is_of_ecb(found)):
            within = " within a gzip file" if compressed else ""
            raise BadFile([FileFault(1, f"is {what}{within} by how it begins, and nothing that is imported")])
    if compressed and head.startswith(GZIP):
        raise BadFile([FileFault(1, "is a gzip file within a gzip file: unpack it once")])
    return found


def _is_of_ecb(file: BinaryIO) -> bool:
    start = file.read(LOOKED_AT_XML_BYTES)
    file.seek(0)
    return any(sign in start for sign in ECB_XML)


def size_of(file: BinaryIO) -> int:
    """How many bytes of text a file has; 0 of a compressed one: unknown."""
    if is_compressed(file):
        return 0
    size = file.seek(0, 2)
    file.seek(0)
    return size


def refuse_full_disk() -> None:
    """OSError where what is put aside would take the last of the disk, which the database needs."""
    if shutil.disk_usage(tempfile.gettempdir()).free < RESERVE_BYTES:
        raise OSError(errno.ENOSPC, f"what is put aside leaves less than {RESERVE_BYTES:,} bytes free on the disk")


def copied(file: BinaryIO) -> BinaryIO:
    """A file whose every byte can be reached: itself, or a temporary copy of what a gzip file holds, to be closed."""
    file.seek(0)
    if not isinstance(file, io.BufferedReader) or not isinstance(file.raw, Gunzipped):
        return file
    copy: Any = tempfile.SpooledTemporaryFile(SPOOLED_BYTES)  # noqa: SIM115  # the caller closes it
    try:
        shutil.copyfileobj(_limited(file), copy)
    except BaseException:
        copy.close()
        raise
    copy.seek(0)
    return copy  # type: ignore[no-any-return]


def lines_of(file: BinaryIO, longest_bytes: int = LONGEST_LINE_BYTES) -> Iterator[tuple[int, bytes]]:
    """The lines of a file with their numbers from 1 and their ends; BadFile for one that is too long to be a row."""
    file.seek(0)
    line = 0
    while text := file.readline(longest_bytes + 1):
        line += 1
        if len(text) > longest_bytes:
            raise BadFile([FileFault(line, f"is longer than {longest_bytes:,} bytes, and so is no row of a table")])
        yield line, text


def _limited(file: BinaryIO) -> Any:
    class Limited:
        taken = 0

        def read(self, size: int = -1) -> bytes:
            chunk = file.read(size)
            self.taken += len(chunk)
            refuse_full_disk()
            if self.taken > LARGEST_COPY_BYTES:
                raise BadFile([FileFault(1, f"the gzip file holds more than {LARGEST_COPY_BYTES:,} bytes")])
            return chunk

    return Limited()


class Gunzipped(io.RawIOBase):
    """What a gzip file of one or several members holds; BadFile where it is damaged, cut short, or a bomb."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file
        self._rewind()

    def _rewind(self) -> None:
        self._file.seek(0)
        self._decompressor = zlib.decompressobj(wbits=31)
        self._waiting = b""
        #: What was read of the file behind that.
        self._behind = memoryview(b"")
        self._next_bytes = FIRST_BYTES
        self._empty = 0
        self._taken = 0
        self._given = 0
        self._line = 1

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """Back to the beginning only."""
        return True

    def tell(self) -> int:
        """Bytes given so far."""
        return self._given

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Rewind; anywhere else is refused."""
        if whence == io.SEEK_CUR and offset == 0:
            return self._given
        if whence != io.SEEK_SET or offset != 0:
            raise io.UnsupportedOperation("a gzip file can only be rewound")
        self._rewind()
        return 0

    def readinto(self, buffer: Any) -> int:
        """The next bytes, up to the buffer's size; 0 at the end."""
        wanted = min(len(buffer), CHUNK_BYTES)
        while True:
            if self._decompressor.eof and not self._next_member():
                return 0
            if not self._waiting:
                self._waiting = self._more()
            ended = not self._waiting
            try:
                given = self._decompressor.decompress(self._waiting, wanted)
            except zlib.error as error:
                raise self._bad(f"the gzip file is damaged: {error}") from None
            self._waiting = self._decompressor.unconsumed_tail
            if given:
                self._empty = 0
                return self._give(buffer, given)
            if ended and not self._decompressor.eof:
                raise self._bad("the gzip file is cut short: its end is missing")

    def _next_member(self) -> bool:
        """Whether another member begins behind the one that has ended; what follows must be one, or zeros."""
        rest = self._decompressor.unused_data or self._more()
        while rest and not rest.strip(b"\0"):
            rest = self._more()
        if not rest:
            return False
        if len(rest) < len(GZIP):
            rest += self._more()
        if not rest.startswith(GZIP):
            raise self._bad("something that is not gzip follows the gzip file's end")
        self._empty += 1
        if self._empty > EMPTY_MEMBERS:
            raise self._bad(f"the gzip file has more than {EMPTY_MEMBERS:,} members in a row with nothing in them")
        self._next_bytes = FIRST_BYTES
        self._decompressor = zlib.decompressobj(wbits=31)
        self._waiting = rest
        return True

    def _more(self) -> bytes:
        """The next compressed bytes: few of a member that has just begun."""
        if not self._behind:
            self._behind = memoryview(self._file.read(CHUNK_BYTES))
            self._taken += len(self._behind)
        more, self._behind = self._behind[: self._next_bytes], self._behind[self._next_bytes :]
        self._next_bytes = min(2 * self._next_bytes, CHUNK_BYTES)
        return bytes(more)

    def _give(self, buffer: Any, given: bytes) -> int:
        buffer[: len(given)] = given
        self._given += len(given)
        self._line += given.count(b"\n")
        if self._given > EXPANDED_BYTES and self._given > MOST_EXPANSION * self._taken:
            raise self._bad(
                f"the gzip file expands to more than {MOST_EXPANSION} times its size"
                f" ({self._given:,} bytes out of {self._taken:,}), which no table does: refused"
            )
        return len(given)

    def _bad(self, message: str) -> BadFile:
        return BadFile([FileFault(self._line, message)])
