"""Lines out of the pieces in which an answer arrives: of NDJSON they end at LF, of server-sent events also at CR.

No other character ends a line: U+0085, U+2028 and U+2029 stand in names and notes as any character does.
"""

import codecs
import re
from collections.abc import Iterator

from service.client.problems import NotUnderstood

#: No event is nearly as long: an answer with a longer line is no answer of a Daybook.
LONGEST_LINE_BYTES = 4 * 1024 * 1024


class Splitter:
    """Cuts one answer into lines."""

    def __init__(self, ends: bytes) -> None:
        self._ends = re.compile(ends)
        self._pieces: list[bytes] = []
        self._size = 0

    def take(self, piece: bytes) -> Iterator[bytes]:
        """The lines that a piece completes, without their ends; NotUnderstood for one that is too long."""
        begin = 0
        for end in self._ends.finditer(piece):
            yield self._completed(piece[begin : end.start()])
            begin = end.end()
        self._keep(piece[begin:])

    def rest(self) -> bytes:
        """What came behind the last end of a line."""
        return self._completed(b"")

    def _completed(self, piece: bytes) -> bytes:
        self._keep(piece)
        line = b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        return line

    def _keep(self, piece: bytes) -> None:
        if piece:
            self._pieces.append(piece)
            self._size += len(piece)
            if self._size > LONGEST_LINE_BYTES:
                raise NotUnderstood(f"a line of the answer has more than {LONGEST_LINE_BYTES} bytes")


class JsonLines(Splitter):
    """The lines of NDJSON."""

    def __init__(self) -> None:
        super().__init__(rb"\n")


class EventLines(Splitter):
    """The lines of server-sent events (WHATWG HTML, 9.2.6): they end at LF, CR or CRLF, behind a byte order mark."""

    def __init__(self) -> None:
        super().__init__(rb"\r\n|\n|\r")
        self._first = True
        #: Whether the last piece ended in a CR: an LF that comes next belongs to it.
        self._after_cr = False

    def take(self, piece: bytes) -> Iterator[bytes]:
        """The lines that a piece completes; one that ends at a CR is complete before it is known what follows."""
        if not piece:
            return
        if self._after_cr:
            piece = piece.removeprefix(b"\n")
            self._after_cr = False
            if not piece:
                return
        self._after_cr = piece.endswith(b"\r")
        for line in super().take(piece):
            if self._first:
                self._first = False
                yield line.removeprefix(codecs.BOM_UTF8)
            else:
                yield line
