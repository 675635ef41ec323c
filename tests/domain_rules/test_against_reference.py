"""Random instruments, parties and products: compiled rules say what the reference evaluation says of them."""

from collections.abc import Callable
from datetime import date
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.evaluation import RuleName, compile_conditions
from domain.events import recorded
from domain.rulebook import Rulebook, agreed
from service.audit.verifier import Event, Verdict, World, common, instruments_in_force, some, verdict_of
from service.audit.verifier import Instrument as ReferenceInstrument
from tests.domain_rules.market import Market

ORGANIZATIONS = ["asml", "baidu", "huawei", "kunlunxin", "nvidia"]
PRODUCTS = ["hw-910b", "kl-2", "nv-a800", "nv-h20"]
COUNTRIES = ["CN", "NL", "US"]
CATEGORIES = ["ai-accelerator", "lithography"]
EFFECTS = ["prohibited", "licence-required", "notification", "advisory"]
DAYS = ["2023-01-31", "2023-02-01", "2023-02-28", "2023-03-15", "2023-03-16"]
PERIODS = [*DAYS, "2023-02", "2023", "../2023-02-10"]
LAST_DAYS = ["2023-01-31", "2023-02", "2023-03-15", "2023"]

seldom = st.sampled_from([False] * 7 + [True])
days = st.sampled_from(DAYS)
periods = st.sampled_from(PERIODS)
figures = st.sampled_from(["0", "1", "1.5", "2", "3"])
ranges = st.builds(lambda *three: dict(zip(("low", "value", "high"), sorted(three), strict=True)), *[figures] * 3)
words = st.sampled_from(["hbm2", "hbm3"]).map(lambda text: {"text": text})
attributes = st.dictionaries(
    st.sampled_from(["tpp", "performance_density", "datacentre", "memory"]),
    figures | ranges | st.none() | st.booleans() | words,
    max_size=4,
)


@st.composite
def comparisons(draw: st.DrawFn) -> dict[str, Any]:
    """An attribute against a bound of any kind."""
    value = draw(figures | figures | st.booleans() | words)
    operators = [">=", ">", "<=", "<", "==", "!="] if isinstance(value, str) else ["==", "!="]
    name = draw(st.sampled_from(["tpp", "performance_density", "datacentre", "memory"]))
    return {"attribute": name, "op": draw(st.sampled_from(operators)), "value": value}


def nested(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(parts, min_size=1, max_size=3)
    return st.fixed_dictionaries({"all": several}) | st.fixed_dictionaries({"any": several}) | st.builds(negated, parts)


def negated(part: Any) -> dict[str, Any]:
    return {"not": part}


predicates = st.recursive(comparisons(), nested, max_leaves=5)


def some_of(names: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True)


CONDITIONS: dict[str, st.SearchStrategy[Any]] = {
    "destinations": some_of(COUNTRIES),
    "buyers": some_of(ORGANIZATIONS),
    "vendors": some_of(ORGANIZATIONS),
    "vendor_countries": some_of(COUNTRIES),
    "categories": some_of(CATEGORIES),
    "products": some_of(PRODUCTS),
    "when": predicates,
}


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, Any]:
    """One to three conditions."""
    names = draw(st.lists(st.sampled_from(sorted(CONDITIONS)), min_size=1, max_size=3, unique=True))
    return {name: draw(CONDITIONS[name]) for name in names}


@st.composite
def rule_lists(draw: st.DrawFn) -> list[dict[str, Any]]:
    """One to four rules."""
    drawn = draw(st.lists(st.tuples(conditions(), st.sampled_from(EFFECTS)), min_size=1, max_size=4))
    return [{"rule_id": f"rule-{n}", "effect": effect, **given} for n, (given, effect) in enumerate(drawn)]


bearing_rules = st.sampled_from(["regulation-enacted", "regulation-amended"])
suspending = st.sampled_from(["regulation-suspended", "regulation-suspended", "regulation-resumed"])
licensing = st.sampled_from(["licence-granted", "licence-granted", "licence-revoked"])
licences = st.builds(lambda given, name: given | {"licence_id": name}, conditions(), st.sampled_from(["one", "other"]))
ruling = st.tuples(bearing_rules, st.builds(lambda rules: {"rules": rules}, rule_lists()))
pausing: st.SearchStrategy[tuple[str, dict[str, Any]]] = st.tuples(suspending, st.just({}))
permitting = st.tuples(licensing, licences)
REPEAL: tuple[str, dict[str, Any]] = ("regulation-repealed", {})
UNLIMITED = ("regulation-resumed", "regulation-repealed", "licence-revoked")


@st.composite
def ledgers(draw: st.DrawFn) -> list[Event]:
    """Organisations and products, some of which nothing is known, and instruments with all that can befall them."""
    events: list[Event] = []

    def record(name: str, stream: str, effective_on: str, known_on: str, data: dict[str, Any]) -> None:
        position = len(events) + 1
        about = {"type": name, "id": f"event-{position}", "v": 1, "position": position, "version": position}
        when = {"effective_on": effective_on, "known_on": known_on, "basis": "reported"}
        events.append(about | when | {"stream": stream, "data": data})

    for n, name in enumerate(ORGANIZATIONS):
        if not draw(seldom):
            parent_id = draw(st.none() | st.sampled_from(ORGANIZATIONS[:n])) if n else None
            about = {
                "organization_id": name,
                "country": draw(st.sampled_from([*COUNTRIES, "ZZ"])),
                "parent_id": parent_id,
            }
            record("organization-registered", f"organization/{name}", "2000", "2000-12-31", about)
    for name in PRODUCTS:
        if not draw(seldom):
            data: dict[str, Any] = {"product_id": name, "vendor_id": draw(st.sampled_from(ORGANIZATIONS))}
            data |= {"category": draw(st.sampled_from(CATEGORIES)), "attributes": draw(attributes)}
            record("product-registered", f"product/{name}", "2000", "2000-12-31", data)
            if draw(st.booleans()):
                data = {"product_id": name, "attributes": draw(attributes)}
                record("product-changed", f"product/{name}", draw(days), "2023-01-01", data)
    for regulation_id in ("eu-tools", "us-3a090"):
        stream = f"regulation/{regulation_id}"
        told = [
            *draw(st.lists(ruling, min_size=1, max_size=3)),
            *draw(st.lists(pausing, max_size=2)),
            *draw(st.lists(permitting, min_size=1, max_size=4)),
            *([REPEAL] if draw(seldom) else []),
        ]
        for change, said in draw(st.permutations(told)):
            until = {"until": draw(st.sampled_from(LAST_DAYS))} if change not in UNLIMITED and draw(seldom) else {}
            long_ago = change in ("regulation-enacted", "licence-granted") and draw(st.booleans())
            effective_on, known_on = ("2022", "2023-01-31") if long_ago else draw(st.tuples(periods, days))
            record(change, stream, effective_on, known_on, {"regulation_id": regulation_id} | said | until)
            if draw(seldom):
                known_on = draw(st.sampled_from([day for day in DAYS if day >= known_on]))
                data = {"retracts": events[-1]["id"], "reason": "Entered wrongly"}
                record("event-retracted", stream, effective_on, known_on, data)
    return events


subjects = st.tuples(
    st.sampled_from([*ORGANIZATIONS, "unheard-of"]),
    st.sampled_from([*ORGANIZATIONS, "unheard-of"]),
    st.none() | st.sampled_from([*PRODUCTS, "unheard-of"]),
)


@settings(max_examples=100, deadline=None)
@given(ledgers(), days, days)
def test_the_same_instruments_are_in_force_with_the_same_rules_and_licences(
    events: list[Event], effective_on: str, known_on: str
) -> None:
    world = World(events, date.fromisoformat(effective_on), date.fromisoformat(known_on))
    market = Market([recorded(event) for event in events], effective_on, known_on)
    found = [
        (one.regulation_id, list(one.rules_in_force), [licence.conditions for licence in one.licences])
        for one in market.instruments.values()
        if one.in_force
    ]
    assert found == [(one.regulation_id, one.rules, one.licences) for one in instruments_in_force(world)]


@settings(max_examples=100, deadline=None)
@given(ledgers(), days, st.lists(subjects, min_size=1, max_size=6))
def test_every_rule_says_the_same_of_every_contribution(
    events: list[Event], effective_on: str, contributions: list[tuple[str, str, str | None]]
) -> None:
    world = World(events, date.fromisoformat(effective_on))
    market = Market([recorded(event) for event in events], effective_on, "2023-12-31")
    expected = [
        (RuleName(instrument.regulation_id, rule["rule_id"], rule["effect"]), reference(instrument, rule, world))
        for instrument in instruments_in_force(world)
        for rule in instrument.rules
    ]
    barring = [verdict for name, verdict in expected if name.effect in ("prohibited", "licence-required")]
    everything = Rulebook.of(market.instruments.values(), effects=EFFECTS)
    whatever, restricting = [], []
    for buyer, vendor, product in contributions:
        parties = market.party(buyer), market.party(vendor), market.product(product)
        whatever.append(everything.assess(*parties))
        restricting.append(market.rulebook.assess(*parties))
        found = {name: (one.truth.value, one.missing) for name, one in whatever[-1].findings.items()}
        told = {name: verdict(buyer, vendor, product) for name, verdict in expected}
        assert found == {name: (one.answer, one.missing) for name, one in told.items() if one.answer != "no"}
        one_by_one = some(verdict(buyer, vendor, product) for verdict in barring)
        assert restricting[-1].verdict.value == one_by_one.answer
        for rule in everything.rules:
            of_instrument = market.instruments[rule.name.regulation_id]
            licences = [compile_conditions(licence.conditions) for licence in of_instrument.licences]
            assert rule.judge(*parties, licences).truth.value == told[rule.name].answer
    together = {name: common(verdict(*subject) for subject in contributions) for name, verdict in expected}
    found = {name: (one.truth.value, one.missing) for name, one in agreed(whatever).findings.items()}
    assert found == {name: (one.answer, one.missing) for name, one in together.items() if one.answer != "no"}
    overall = common(some(verdict(*subject) for verdict in barring) for subject in contributions)
    assert agreed(restricting).verdict.value == overall.answer


def reference(
    instrument: ReferenceInstrument, rule: dict[str, Any], world: World
) -> Callable[[str, str, str | None], Verdict]:
    """The reference's verdict of one rule, by buyer, vendor and product."""

    def verdict(buyer: str, vendor: str, product: str | None) -> Verdict:
        return verdict_of(rule, instrument, vendor, product, buyer, world)

    return verdict
