"""Decided events as PostgreSQL takes them in: side by side exactly as one by one."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from domain.plain_lots import PlainDrafts
from domain.plain_orders import read_plain_orders
from service.codes import codes
from service.storing.writing import ClockSetBack, Head, Place, Sending, write
from tests.service.purchases import order

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def drafts(many: int) -> PlainDrafts:
    """Decided orders, some with what only few have."""
    sent = [order(f"po-{n}", id=f"of-{n}") for n in range(many)]
    sent[1] |= {"known_on": "2024-02-29", "basis": "estimated"}
    sent[2] |= {"source": {"citation": "路透社, 2023-11-07"}}
    texts = [json.dumps(one, ensure_ascii=False).encode() for one in sent]
    places, orders = read_plain_orders(texts, codes())
    assert places == list(range(many))
    return PlainDrafts(orders, tuple(f"of-{n}" for n in range(many)), date(2026, 11, 25))


def test_plain_orders_side_by_side_are_written_as_one_by_one() -> None:
    several = drafts(7)
    # Three before a full second and four behind it.
    place = Place.after(Head(99, None, NOON - timedelta(microseconds=3)))
    alike = write([Sending(several, "tester", "import:1")], place)
    mixed = write([Sending(draft, "tester", "import:1") for draft in several.parts(1)], place)
    assert alike == mixed
    assert alike.rows() == mixed.rows()
    stored = [json.loads(state) for state in alike.states]
    assert [event["position"] for event in stored] == list(range(100, 107))
    assert [event["recorded_at"][-9:] for event in stored] == [
        *("9.999997Z", "9.999998Z", "9.999999Z"),
        *("0.000000Z", "0.000001Z", "0.000002Z", "0.000003Z"),
    ]
    assert [event["known_on"] for event in stored[:3]] == ["2026-11-25", "2024-02-29", "2026-11-25"]


def test_the_next_event_stands_right_behind_the_head_and_never_before_it_in_time() -> None:
    assert Place.after(Head(0, None, NOON)) == (1, 1_795_608_000_000_000)
    ahead = NOON + timedelta(seconds=60)
    assert Place.after(Head(5, ahead, NOON)) == (6, 1_795_608_060_000_001)
    assert Place.after(Head(5, ahead, NOON)).beyond(3) == (9, 1_795_608_060_000_004)
    with pytest.raises(ClockSetBack, match="the last event was recorded at"):
        Place.after(Head(5, ahead + timedelta(microseconds=1), NOON))
