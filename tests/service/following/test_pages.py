"""Pages of the ledger for a projection: in order, without a gap, and of a bounded size."""

import pytest

from service.following import pages
from service.following.pages import BatchAtHand, LedgerPages
from service.recording.committer import Committer
from service.storing.ledger import Ledger
from tests.service.purchases import market, order, receipt, record


def positions_of(page: BatchAtHand) -> list[int]:
    """The positions of the events of a page."""
    found: list[int] = page.batch.column("position").to_pylist()
    return found


@pytest.fixture
def filled(committer: Committer, ledger: Ledger) -> Ledger:
    """A ledger of nine events."""
    record(committer, *market(), *(order(f"po-{number}") for number in range(5)), receipt("po-1", "5"))
    return ledger


def test_pages_follow_one_another_up_to_the_end(filled: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "CHUNK_EVENTS", 2)
    read = LedgerPages(filled.recorder)
    found = [read.after(0, 4), read.after(4, 4), read.after(8, 4)]
    assert [positions_of(page) for page in found] == [[1, 2, 3, 4], [5, 6, 7, 8], [9]]
    assert [page.is_full for page in found] == [True, True, False]
    stored = [row.state for row in filled.recorder.rows_after(0, 9)]
    assert [body for page in found for body in page.batch.column("body").to_pylist()] == stored


def test_a_page_of_large_events_has_fewer_of_them(filled: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "FIRST_EVENTS", 1)
    monkeypatch.setattr(pages, "PAGE_BYTES", 1_000)
    page = LedgerPages(filled.recorder).after(3, 6)
    assert page.is_full
    assert len(positions_of(page)) < 6
    assert page.batch.nbytes < 3_000


def test_a_page_ends_where_it_is_said_to(filled: Ledger) -> None:
    page = LedgerPages(filled.recorder).after(0, 8, upto=5)
    assert positions_of(page) == [1, 2, 3, 4, 5]
    assert not page.is_full


def test_what_was_read_ahead_is_dropped_where_another_page_is_asked_for(filled: Ledger) -> None:
    read = LedgerPages(filled.recorder)
    read.after(0, 4)
    assert positions_of(read.after(0, 2)) == [1, 2]
    assert positions_of(read.after(2, 2)) == [3, 4]
    read.close()


def test_an_event_that_comes_after_a_page_was_read_ahead_is_in_the_next_one(
    filled: Ledger, committer: Committer
) -> None:
    read = LedgerPages(filled.recorder)
    assert positions_of(read.after(0, 9)) == [*range(1, 10)]
    ahead = read.after(9, 9)
    record(committer, order("po-later"))
    assert positions_of(ahead) + positions_of(read.after(9 + len(positions_of(ahead)), 9)) == [10]
