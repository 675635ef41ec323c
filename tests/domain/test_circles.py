"""That no circle of owners is ever on record, for any day, any knowledge and any position."""

from datetime import date, timedelta
from random import Random

import pytest

from domain.errors import Refusal
from service.audit.verifier import World
from tests.ledgers import Book, Event, request

FIRST_DAY = date(2020, 1, 1)
DAYS = 5
OWNERS = ("arm", "nvidia", "softbank")


def day(random: Random) -> str:
    """One of a few days."""
    return (FIRST_DAY + timedelta(random.randrange(DAYS))).isoformat()


def ownership(random: Random) -> Event:
    """Somebody owns somebody, or nobody, from some day on."""
    data = {"organization_id": random.choice(OWNERS), "parent_id": random.choice((*OWNERS, None))}
    return request("organization-changed", day(random), data, known_on=day(random))


def registration(random: Random) -> Event:
    """An organisation is registered, with an owner or without."""
    data = {"organization_id": random.choice(OWNERS), "name": "Somebody", "country": "US"}
    parent = {"parent_id": random.choice((*OWNERS, None))}
    return request("organization-registered", day(random), data | parent, known_on=day(random))


def retraction(random: Random, book: Book) -> Event:
    """Something was wrong, and from that or a later day on the world knows it."""
    wrong = random.choice(book.events)
    data = {"retracts": wrong["id"], "reason": "the filing was corrected"}
    later = {"known_on": max(wrong["known_on"], day(random))} if random.random() < 0.7 else {}
    return request("event-retracted", "2020-01-01", data, **later)


@pytest.mark.parametrize("seed", range(40))
def test_nobody_ever_owns_itself(seed: int) -> None:
    random = Random(seed)
    book = Book()
    for owner in OWNERS:
        book.organization(owner)
    for _ in range(80):
        kind = random.random()
        sent = registration(random) if kind < 0.15 else ownership(random) if kind < 0.6 else retraction(random, book)
        try:
            book.record([sent])
        except Refusal:
            continue
        for effective in range(DAYS):
            for known in range(DAYS):
                world = World(book.events, FIRST_DAY + timedelta(effective), FIRST_DAY + timedelta(known))
                for organization_id in OWNERS:
                    # The reference refuses a circle.
                    assert world.lineage(organization_id)
