"""Bodies that are compressed by gzip, decoded a piece at a time."""

import zlib
from collections import deque

from service.web.problems import HttpProblem

#: What is decoded at once; a thousandth of it may have been sent.
PIECE_BYTES = 256 * 1024
#: What is decoded of at once: the rest of it is copied after each piece.
BITE_BYTES = 16 * 1024
#: Members of a file have something in them, but for these: bgzip ends with an empty one.
MOST_EMPTY = 100
LEAST_MEMBER_BYTES = 1_024

#: Names by which gzip goes (RFC 9110, 8.4.1.3).
GZIP = ("gzip", "x-gzip")
_WBITS = 16 + zlib.MAX_WBITS


class Gunzip:
    """Decodes gzip members that stand one behind the other (RFC 1952)."""

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque()
        #: None: a member is to begin.
        self._member: zlib._Decompress | None = None
        self._members = 0
        self._decoded_bytes = 0

    def take(self, data: bytes) -> None:
        """Further bytes as they were sent."""
        self._waiting.extend(data[start : start + BITE_BYTES] for start in range(0, len(data), BITE_BYTES))

    def piece(self) -> bytes:
        """The next of what is decoded; empty: nothing before more is taken. HttpProblem where it is no gzip."""
        while self._waiting:
            if self._member is None:
                self._member = zlib.decompressobj(_WBITS)
                self._members += 1
                if self._members > MOST_EMPTY + self._decoded_bytes // LEAST_MEMBER_BYTES:
                    raise _malformed("is made of too many members")
            try:
                piece = self._member.decompress(self._waiting.popleft(), PIECE_BYTES)
            except zlib.error as error:
                raise _malformed(f"is not gzip: {error}") from None
            rest = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            if rest:
                self._waiting.appendleft(rest)
            if self._member.eof:
                self._member = None
            self._decoded_bytes += len(piece)
            if piece:
                return piece
        return b""

    def end(self) -> None:
        """HttpProblem where a member lacks its end."""
        if self._member is not None:
            raise _malformed("is cut short")


def _malformed(what: str) -> HttpProblem:
    return HttpProblem("malformed", f"the body is said to be gzip, and {what}")
