"""Text in UTF-16, with or without a byte order mark, read as UTF-8."""

import codecs
import io
from typing import Any, BinaryIO

from service.importing.rows import BadFile, FileFault

#: Looked at where nothing says what an encoding is.
LOOKED_AT_BYTES = 4_096
#: Read at once.
CHUNK_BYTES = 256 * 1024
MARKS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
#: What UTF-16 is called without saying which of the two it is.
EITHER = "utf-16"


def wide_encoding(start: bytes, declared: str) -> str | None:
    """Which UTF-16 a file is in, by how it begins or as its mapping declares; None: none."""
    for mark, encoding in MARKS.items():
        if start.startswith(mark):
            return encoding
    named = codecs.lookup(declared).name
    if named in MARKS.values():
        return named
    guessed = _guessed(start)
    return guessed or ("utf-16-le" if named == EITHER else None)


def _guessed(start: bytes) -> str | None:
    """Which of the two a text without a mark is in: every second byte of what stands in ASCII is 0, and no other."""
    even, odd = start[::2].count(0), start[1::2].count(0)
    # Names of columns in another alphabet still have separators and an end of the line between them.
    least = max(2, len(start) // 32)
    if even >= least and not odd:
        return "utf-16-be"
    return "utf-16-le" if odd >= least and not even else None


class Recoded(io.RawIOBase):
    """A file in UTF-16 as UTF-8 without a mark; BadFile where it is not what it seems."""

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        super().__init__()
        self._file = file
        self._encoding = encoding
        self.seek(0)

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """Back to the beginning only."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Rewind."""
        if offset or whence != io.SEEK_SET:
            raise io.UnsupportedOperation("a text in UTF-16 can only be rewound")
        self._file.seek(0)
        self._decode = codecs.getincrementaldecoder(self._encoding)().decode
        self._waiting = b""
        self._line = 1
        self._begun = self._ended = False
        return 0

    def readinto(self, buffer: Any) -> int:
        """The next bytes, 0 at the end."""
        while not self._waiting and not self._ended:
            self._waiting = self._more()
        given = self._waiting[: len(buffer)]
        buffer[: len(given)] = given
        self._waiting = self._waiting[len(given) :]
        return len(given)

    def _more(self) -> bytes:
        chunk = self._file.read(CHUNK_BYTES)
        self._ended = not chunk
        try:
            text = self._decode(chunk, self._ended)
        except UnicodeDecodeError as error:
            message = f"not {self._encoding.upper()}: {error.reason}"
            raise BadFile([FileFault(self._line, f"{message}; the mapping's read.encoding says what it is")]) from None
        if text and not self._begun:
            self._begun, text = True, text.removeprefix("\ufeff")
        self._line += text.count("\n")
        return text.encode()
