"""That no circle of owners is ever on record, for any day, any knowledge and any position."""

from datetime import date, timedelta
from random import Random

import pytest

from domain.errors import Refusal
from service.audit.verifier import World
from tests.effort import Act, assert_in_proportion
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
                    # A lineage that goes on to whom it has met already ends before that one.
                    top = world.ultimate_parent(organization_id)
                    assert world.organization(top, "parent_id") is None


def changing_owners(changes: int) -> Act:
    """What decides who owns whom where each change of an owner is told of on a day of its own."""
    book = Book()
    for name in ("arm", "nvidia"):
        book.organization(name)

    def owned(name: str, owner: str | None, number: int) -> Event:
        day = (FIRST_DAY + timedelta(number)).isoformat()
        return request("organization-changed", day, {"organization_id": name, "parent_id": owner}, known_on=day)

    book.record([owned("arm", None if number else "nvidia", number) for number in range(changes)])
    return lambda: book.record([owned("nvidia", "arm", 1)])


def test_a_circle_is_looked_for_at_each_day_and_knowledge_once() -> None:
    # Four times as many days and four times as much to know: 16 times as long, and not 64.
    assert_in_proportion(changing_owners, 100, times=32)


def test_a_circle_is_told_with_everybody_in_it_and_ends_where_an_owner_leaves() -> None:
    book = Book()
    for name in ("arm", "nvidia"):
        book.organization(name)
    book.record([request("organization-changed", "2020-01-01", {"organization_id": "arm", "parent_id": "nvidia"})])
    back = request("organization-changed", "2020-01-02", {"organization_id": "nvidia", "parent_id": "arm"})
    with pytest.raises(Refusal, match="nvidia its own owner on 2020-01-02: nvidia -> arm -> nvidia"):
        book.record([back])
    free = request("organization-changed", "2020-01-02", {"organization_id": "arm", "parent_id": None})
    book.record([free, back])
