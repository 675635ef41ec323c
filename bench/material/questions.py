"""Questions at random points in the three clocks, no two alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from urllib.parse import urlencode

from bench.material.market import DAYS, FIRST_DAY

VIEWS = "/api/v1/views"
DEPENDENCE, EXPOSURE = "vendor-dependence", "regulatory-exposure"
Parameters = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A ledger, as questions about it need to know it."""

    events: int
    buyers: Sequence[str]
    #: Keys of rows by vendor.
    vendors: Sequence[str]
    #: Between these days effective_on lies.
    first_day: date
    last_day: date

    def moment(self, random: Random, *, known: bool = True) -> dict[str, str]:
        """A random T, K and P: the last third of what was recorded, and any day that could know of some of it."""
        days = (self.last_day - self.first_day).days
        on = self.first_day + timedelta(random.randrange(days))
        known_on = self.first_day + timedelta(random.randrange(days // 2, days + 600))
        moment = {
            "effective_on": on.isoformat(),
            "position": str(random.randrange(self.events * 2 // 3, self.events + 1)),
        }
        return moment | ({"known_on": known_on.isoformat()} if known else {})


def seed(events: int) -> Asked:
    """The example ledger."""
    vendors = ("nvidia", "huawei", "kunlunxin", "amd")
    return Asked(events, ("baidu", "tencent", "alibaba"), vendors, date(2022, 6, 1), date(2024, 3, 31))


def of_market(events: int, buyers: int) -> Asked:
    """A market: the second half of its days."""
    names = [f"buyer-{number}" for number in range(buyers)]
    first, last = FIRST_DAY + timedelta(DAYS // 2), FIRST_DAY + timedelta(DAYS + 90)
    return Asked(events, names, ("vendor-7", "vendor-120"), first, last)


def path(view: str, parameters: Parameters) -> str:
    """The path of a question."""
    return f"{VIEWS}/{view}?{urlencode(parameters)}"


def whole_market(asked: Asked, view: str = DEPENDENCE, **more: str) -> Callable[[int], str]:
    """Of everything bought, spend as ordered."""

    def ask(number: int) -> str:
        moment = asked.moment(Random(f"whole {view} {number}"))
        parameters = moment | {"measure": "spend", "status": "ordered"} | more
        return path(view, [*parameters.items()])

    return ask


def one_buyer(asked: Asked, buyer: str) -> Callable[[int], str]:
    """Of one buyer, spend as ordered; moments depend on the number alone, however many events there are."""

    def ask(number: int) -> str:
        random = Random(f"one {number}")
        moment = asked.moment(random, known=False)
        # The same share of the ledger in a small and in a large one.
        moment["position"] = str(asked.events - asked.events * random.randrange(1_000) // 10_000)
        return path(DEPENDENCE, [*moment.items(), ("measure", "spend"), ("status", "ordered"), ("buyer", buyer)])

    return ask


def small(asked: Asked) -> dict[str, Callable[[int], str]]:
    """By view, questions about one buyer in any measure, row and status."""

    def chosen(random: Random) -> dict[str, str]:
        return {
            "buyer": random.choice(asked.buyers),
            "measure": random.choice(("units", "spend", "capacity")),
            "by": random.choice(("vendor", "maker", "country", "product")),
            "status": random.choice(("ordered", "delivered", "open")),
        }

    def asking(view: str, made: Callable[[Random], Parameters]) -> Callable[[int], str]:
        return lambda number: path(view, made(Random(f"{view} {number}")))

    def plain(random: Random) -> Parameters:
        return [*(asked.moment(random) | chosen(random)).items()]

    def exposure(random: Random) -> Parameters:
        return [one for one in plain(random) if one[0] != "by"]

    def evidence(random: Random) -> Parameters:
        parameters = asked.moment(random) | chosen(random) | {"by": "vendor", "key": random.choice(asked.vendors)}
        return [*parameters.items()]

    def series(random: Random) -> Parameters:
        clocks = asked.moment(random)
        until = date.fromisoformat(clocks.pop("effective_on"))
        days = {"from": (until - timedelta(random.randrange(300, 400))).isoformat(), "to": until.isoformat()}
        return [*(clocks | chosen(random) | days | random.choice(({}, {"step": "P1M"}))).items()]

    def difference(random: Random) -> Parameters:
        clocks = asked.moment(random)
        until = clocks.pop("effective_on")
        first = (date.fromisoformat(until) - timedelta(random.randrange(60, 400))).isoformat()
        return [*(clocks | chosen(random)).items(), ("effective_on", first), ("effective_on", until)]

    return {
        "view": asking(DEPENDENCE, plain),
        "exposure": asking(EXPOSURE, exposure),
        "evidence": asking(f"{DEPENDENCE}/evidence", evidence),
        "series": asking(f"{DEPENDENCE}/series", series),
        "diff": asking(f"{DEPENDENCE}/diff", difference),
    }


def mixed(asked: Asked) -> Callable[[int], str]:
    """Questions of every sort in turn: of one buyer, and of the whole market."""
    kinds = [*small(asked).values(), whole_market(asked), whole_market(asked, EXPOSURE)]
    return lambda number: kinds[number % len(kinds)](number)
