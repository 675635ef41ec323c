"""What was just recorded and will not do what its sender may think: one function a kind, each as the tables stand."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

import duckdb
from rapidfuzz import fuzz, process, utils

from projections import statements
from projections.parameters import LAST_DAY, Moment
from projections.parties import goods_of, people_of, terms_of

#: Remarks of one kind that are listed.
MOST_LISTED = 5
#: Instruments, and licences, that are looked at; of a larger import the first.
MOST_INSTRUMENTS = 200
#: Rules that are held against what was bought: their bits fit one number.
MOST_RULES = 60
#: Categories that a spelling is looked for among.
MOST_CATEGORIES = 10_000
#: Two spellings are less alike by chance (rapidfuzz, 0 to 100).
ALIKE = 70
#: Digits of a rate or price that are shown.
DIGITS = 6


@dataclass(frozen=True, slots=True)
class Doubt:
    """One thing that its sender may not have meant."""

    #: The id of the event that says it.
    event: str
    #: What it is about: a rule, a line, an assertion, a pair of currencies.
    subject: str
    #: In a sentence.
    detail: str
    #: What may have been meant instead; None: nothing is likely.
    likely: str | None = None


@dataclass(frozen=True, slots=True)
class Doubts:
    """Those of one kind."""

    kind: str
    #: How many there are.
    count: int
    #: The first of them.
    first: Sequence[Doubt]


@dataclass(frozen=True)
class JustRecorded:
    """What was recorded: stretches of positions, first and last of each, in order, and the tables that have them."""

    connection: duckdb.DuckDBPyConnection
    stretches: Sequence[tuple[int, int]]
    #: Called again and again: raises what ends the look where it has taken long enough.
    beat: Callable[[], None] = lambda: None

    @cached_property
    def moment(self) -> Moment:
        """All that was recorded up to its end, whatever its days."""
        return Moment(effective_on=LAST_DAY, position=self.stretches[-1][1])

    @cached_property
    def rules(self) -> "list[StatedRule]":
        """The rules and licences that it states."""
        return [rule for row in self.rows("rules", most=MOST_INSTRUMENTS) for rule in _stated_rules(row)]

    @cached_property
    def categories(self) -> frozenset[str]:
        """Every category that a product has, or had."""
        return frozenset(row["category"] for row in self.rows("categories"))

    def rows(self, block: str, **values: Any) -> list[dict[str, Any]]:
        """What a block of `remarks.sql` selects of it."""
        self.beat()
        own = {
            "first_position": self.stretches[0][0],
            "last_position": self.stretches[-1][1],
            "first_positions": [first for first, _ in self.stretches],
            "last_positions": [last for _, last in self.stretches],
        }
        bound = {"most": MOST_LISTED, **self.moment.bindings(), **own, **values}
        return statements.rows(self.connection, statements.blocks("remarks.sql")[block], bound)


@dataclass(frozen=True, slots=True)
class StatedRule:
    """A rule as an event states it, or a licence."""

    event: str
    #: Its instrument and its own id.
    subject: str
    #: rule or licence
    sort: str
    conditions: Mapping[str, Any]


def _stated_rules(row: Mapping[str, Any]) -> Iterator[StatedRule]:
    data, instrument = json.loads(row["data"]), row["regulation_id"]
    if row["type"] == "licence-granted":
        yield StatedRule(row["id"], f"{instrument}/{data['licence_id']}", "licence", data)
        return
    for rule in data["rules"]:
        yield StatedRule(row["id"], f"{instrument}/{rule['rule_id']}", "rule", rule)


# The kinds


def unknown_categories(recorded: JustRecorded) -> Doubts:
    """Categories of rules and licences that no product has, with the likeliest spelling."""
    named = [(rule, category) for rule in recorded.rules for category in rule.conditions.get("categories", ())]
    if not named:
        return Doubts("unknown-category", 0, ())
    unknown = [(rule, category) for rule, category in named if category not in recorded.categories]
    known = sorted(recorded.categories)
    first = [_unknown_category(rule, category, known) for rule, category in unknown[:MOST_LISTED]]
    return Doubts("unknown-category", len(unknown), first)


def _unknown_category(rule: StatedRule, category: str, known: Sequence[str]) -> Doubt:
    likely = likeliest(category, known)
    detail = f"the {rule.sort} {rule.subject} is for the category {category!r:.150}, and no product has it"
    if likely is not None:
        detail += f": perhaps {likely!r:.150} is meant"
    return Doubt(rule.event, rule.subject, detail, likely)


def likeliest(spelling: str, known: Sequence[str]) -> str | None:
    """The one of several words that is most like a spelling; None: none is much like it."""
    found = process.extractOne(
        spelling, known[:MOST_CATEGORIES], scorer=fuzz.ratio, processor=utils.default_process, score_cutoff=ALIKE
    )
    return None if found is None else found[0]


def idle_rules(recorded: JustRecorded) -> Doubts:
    """Rules that mean nothing that was ever ordered or asserted, however little is known of it.

    Of one whose categories are all unknown that has been said.
    """
    rules = [rule for rule in recorded.rules if rule.sort == "rule" and _has_goods(rule, recorded)]
    looked_at = rules[:MOST_RULES]
    if not looked_at:
        return Doubts("matches-nothing", 0, ())
    terms = terms_of(rule.conditions for rule in looked_at)
    recorded.beat()
    standing = people_of(recorded.connection, recorded.moment, terms).standing
    recorded.beat()
    goods = goods_of(recorded.connection, recorded.moment, terms)
    ((bought, met),) = (
        row.values()
        for row in recorded.rows(
            "met",
            standing_organization=list(standing),
            standing_buyer=[one.buyer_possible for one in standing.values()],
            standing_named=[one.named for one in standing.values()],
            standing_country=[one.country_possible for one in standing.values()],
            goods_product=list(goods),
            goods_possible=[one.possible for one in goods.values()],
        )
    )
    idle = [rule for place, rule in enumerate(looked_at) if not met >> place & 1]
    what = "anything that was ever ordered or asserted" if bought else "anything: nothing is ordered or asserted yet"
    first = [
        Doubt(rule.event, rule.subject, f"the rule {rule.subject} does not mean {what}") for rule in idle[:MOST_LISTED]
    ]
    return Doubts("matches-nothing", len(idle), first)


def _has_goods(rule: StatedRule, recorded: JustRecorded) -> bool:
    named = rule.conditions.get("categories")
    return named is None or not recorded.categories.isdisjoint(named)


def inverse_rates(recorded: JustRecorded) -> Doubts:
    """Publications whose rates are those of the last one the other way round, the first pair of each."""

    def doubt(row: Mapping[str, Any]) -> Doubt:
        base, currency = row["base"], row["currency"]
        detail = (
            f"1 {base} buys {_number(row['rate'])} {currency} here, and bought {_number(row['last_rate'])} in the"
            f" publication of {row['last_on']}: the rates are the other way round"
        )
        return Doubt(row["id"], f"{base}/{currency}", detail)

    return _found("inverse-rates", recorded.rows("inverse"), doubt)


def beyond_ordered(recorded: JustRecorded) -> Doubts:
    """Lines of which certainly more was received than was ordered."""

    def doubt(row: Mapping[str, Any]) -> Doubt:
        subject = f"{row['order_id']}/{row['line']}"
        detail = (
            f"line {row['line']} of order {row['order_id']}: {_plain(row['received'])} received,"
            f" {_plain(row['ordered'])} ordered"
        )
        return Doubt(row["id"], subject, detail)

    return _found("beyond-ordered", recorded.rows("beyond"), doubt)


def counted_twice(recorded: JustRecorded) -> Doubts:
    """Assertions of what an order has as well, by buyer, vendor and product."""

    def doubt(row: Mapping[str, Any]) -> Doubt:
        more = f" and {row['orders'] - 1} more" if row["orders"] > 1 else ""
        detail = (
            f"{row['buyer']} has {row['product']} from {row['vendor']} by the order {row['order_id']}{more} as well:"
            " what is both asserted and ordered counts twice"
        )
        return Doubt(row["id"], row["assertion_id"], detail)

    return _found("counted-twice", recorded.rows("twice"), doubt)


def repriced(recorded: JustRecorded) -> Doubts:
    """Lines whose price an amendment moves although goods of them have come, at no amount of their own."""

    def doubt(row: Mapping[str, Any]) -> Doubt:
        subject = f"{row['order_id']}/{row['line']}"
        detail = (
            f"line {row['line']} of order {row['order_id']} goes from {_number(row['price_before'])} to"
            f" {_number(row['price'])} {row['currency']} each, and so do the {_plain(row['received'])} that have come:"
            " a second tranche at another price is a line of its own"
        )
        return Doubt(row["id"], subject, detail)

    return _found("reprices-received", recorded.rows("repriced"), doubt)


def _found(kind: str, rows: Sequence[Mapping[str, Any]], doubt: Callable[[Mapping[str, Any]], Doubt]) -> Doubts:
    return Doubts(kind, rows[0]["count"] if rows else 0, [doubt(row) for row in rows])


def _number(number: float) -> str:
    return _plain(f"{number:.{DIGITS}g}")


def _plain(text: str) -> str:
    """A number without the noughts at its end."""
    found = format(Decimal(text), "f")
    return found.rstrip("0").rstrip(".") if "." in found else found


#: Each kind with the types of events that may call for it.
KINDS: Mapping[Callable[[JustRecorded], Doubts], frozenset[str]] = {
    unknown_categories: frozenset(("regulation-enacted", "regulation-amended", "licence-granted")),
    idle_rules: frozenset(("regulation-enacted", "regulation-amended")),
    inverse_rates: frozenset(("exchange-rates-published",)),
    beyond_ordered: frozenset(("goods-received",)),
    counted_twice: frozenset(("supply-asserted",)),
    repriced: frozenset(("order-amended",)),
}
CALLING = frozenset[str]().union(*KINDS.values())


def doubts(recorded: JustRecorded, types: Iterable[str]) -> list[Doubts]:
    """What there is to say of events of some types, by kind; kinds of which there is nothing are left out."""
    given = set(types)
    found = [look(recorded) for look, called_for in KINDS.items() if given & called_for]
    return [one for one in found if one.count]
