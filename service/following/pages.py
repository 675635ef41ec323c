"""The ledger's events in pages, as a projection reads them: the next one comes while the one before is applied."""

import threading
from dataclasses import dataclass

import pyarrow as pa

from service.storing.ledger import LedgerRecorder

#: Events of a page at most. What a page costs beside its events, DuckDB's checkpoints above all, is paid once for all
#: of them: in pages of 100,000 an event costs a third less than in pages of 20,000.
PAGE_EVENTS = 100_000
#: A page of large events ends where their bytes come to so much.
PAGE_BYTES = 64 << 20
#: Events that come from PostgreSQL at once, and at first, when nothing is known of their size.
CHUNK_EVENTS, FIRST_EVENTS = 20_000, 1_000
SCHEMA = pa.schema([("position", pa.int64()), ("body", pa.large_binary())])


@dataclass(frozen=True, slots=True)
class BatchAtHand:
    """Events that follow one another."""

    #: For `Projection.apply`.
    batch: pa.Table
    #: Whether there may be more behind it.
    is_full: bool


class LedgerPages:
    """The pages of a ledger, for one thread that applies them in order."""

    def __init__(self, recorder: LedgerRecorder) -> None:
        self._recorder = recorder
        self._ahead: _Ahead | None = None

    def after(self, position: int, most: int, *, upto: int | None = None) -> BatchAtHand:
        """The events after a position, `most` of them and none behind `upto`; the next page is read meanwhile."""
        ahead, self._ahead = self._ahead, None
        asked = (position, most, upto)
        page = ahead.page() if ahead is not None and ahead.asked == asked else _read(self._recorder, *asked)
        if page.is_full:
            self._ahead = _Ahead(self._recorder, (position + page.batch.num_rows, most, upto))
        return page

    def close(self) -> None:
        """Wait for what is being read."""
        if self._ahead is not None:
            self._ahead.join()
            self._ahead = None


class _Ahead(threading.Thread):
    """A page that is being read."""

    def __init__(self, recorder: LedgerRecorder, asked: tuple[int, int, int | None]) -> None:
        super().__init__(name="page-ahead", daemon=True)
        self.asked = asked
        self._recorder = recorder
        self._found: BatchAtHand | Exception | None = None
        self.start()

    def run(self) -> None:
        """Read it."""
        try:
            self._found = _read(self._recorder, *self.asked)
        except Exception as error:
            self._found = error

    def page(self) -> BatchAtHand:
        """The page, once it is there; raises what reading it raised."""
        self.join()
        assert self._found is not None
        if isinstance(self._found, Exception):
            raise self._found
        return self._found


def _read(recorder: LedgerRecorder, position: int, most: int, upto: int | None) -> BatchAtHand:
    chunks: list[pa.RecordBatch] = []
    last = position + most if upto is None else min(upto, position + most)
    events = size = 0
    while position < last and size < PAGE_BYTES:
        room = (PAGE_BYTES - size) * events // size if events else FIRST_EVENTS
        wanted = min(max(1, room), CHUNK_EVENTS, last - position)
        rows = recorder.rows_after(position, wanted, upto=last)
        if rows:
            positions, bodies = zip(*rows, strict=True)
            columns = [pa.array(positions, pa.int64()), pa.array(bodies, pa.large_binary())]
            chunks.append(pa.RecordBatch.from_arrays(columns, schema=SCHEMA))
            events, size = events + len(rows), size + chunks[-1].nbytes
            position = positions[-1]
        if len(rows) < wanted:
            return BatchAtHand(pa.Table.from_batches(chunks, SCHEMA), is_full=False)
    return BatchAtHand(pa.Table.from_batches(chunks, SCHEMA), is_full=upto is None or position < upto)
