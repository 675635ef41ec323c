"""Opening a ledger."""

from pathlib import Path

import pytest

from domain.catalogue import EVENT_TYPES
from domain.orders import OrderCancelled
from projections.engine import Unread
from service.cli.exits import UNEXPECTED, code_of
from service.daybook import open_daybook
from service.settings import Settings


def test_a_service_whose_views_do_not_know_all_that_it_would_record_does_not_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(EVENT_TYPES, "order-lost", type("OrderLost", (OrderCancelled,), {"NAME": "order-lost"}))
    with pytest.raises(Unread, match="order-lost") as refused, open_daybook(Settings(home=tmp_path / "home")):
        pass
    assert code_of(refused.value) == UNEXPECTED
    # Nothing was made, and no database was started.
    assert not (tmp_path / "home").exists()
