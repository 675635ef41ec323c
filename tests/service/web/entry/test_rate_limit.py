"""How many requests are counted, of whom, and at what cost."""

from ipaddress import IPv4Network
from typing import Any

import pytest

from service.web.entry.callers import caller
from service.web.entry.rate_limit import MOST_COUNTED, RateLimit
from service.web.problems import HttpProblem

PROXIES = (IPv4Network("10.0.0.0/8"),)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_what_is_left_comes_back_as_the_window_moves() -> None:
    clock = Clock()
    limit = RateLimit("2/minute", clock)
    limit.take("one")
    clock.now += 20
    assert limit.take("one")["RateLimit"] == '"token";r=0;t=40'
    with pytest.raises(HttpProblem) as refused:
        limit.take("one")
    assert refused.value.headers["Retry-After"] == "40"
    clock.now += 40
    limit.take("one")
    with pytest.raises(HttpProblem) as refused:
        limit.take("one")
    assert refused.value.headers["Retry-After"] == "20"


def test_many_addresses_take_a_bounded_room() -> None:
    limit = RateLimit("5/minute", Clock())
    for number in range(MOST_COUNTED + 500):
        limit.take_address(f"address {number}")
    assert len(limit._addresses) == MOST_COUNTED
    limit.take("a token is counted apart")
    assert len(limit._tokens) == 1


def _from(address: str | None, *forwarded: str) -> str:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    scope: dict[str, Any] = {"type": "http", "headers": headers, "client": None if address is None else (address, 5)}
    return caller(scope, PROXIES)


@pytest.mark.parametrize(
    ("seen", "counted"),
    [
        (("192.0.2.1",), "192.0.2.1"),
        (("192.0.2.1", "198.51.100.1"), "192.0.2.1"),
        (("10.0.0.1", "198.51.100.1"), "198.51.100.1"),
        (("10.0.0.1", "203.0.113.5, 198.51.100.1"), "198.51.100.1"),
        (("10.0.0.1", "198.51.100.1, 10.0.0.2"), "198.51.100.1"),
        (("10.0.0.1", "198.51.100.1", "10.0.0.2"), "198.51.100.1"),
        (("10.0.0.1", "198.51.100.1:4711"), "198.51.100.1"),
        (("10.0.0.1", "[2001:db8::1]:4711"), "2001:db8::/64"),
        (("10.0.0.1", "nonsense"), "10.0.0.1"),
        (("10.0.0.1", ""), "10.0.0.1"),
        (("10.0.0.1",), "10.0.0.1"),
        (("2001:db8:0:7:1::1",), "2001:db8:0:7::/64"),
        (("::ffff:192.0.2.1",), "192.0.2.1"),
        (("fe80::1%eth0",), "fe80::/64"),
        (("testclient",), ""),
        ((None,), ""),
    ],
)
def test_who_is_counted_as_one(seen: tuple[str | None, ...], counted: str) -> None:
    address, *forwarded = seen
    assert _from(address, *(one for one in forwarded if one is not None)) == counted
