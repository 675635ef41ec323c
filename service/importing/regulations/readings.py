"""What a regulation change bars, read from its scope into rules; and what of it no rule says.

Three principles keep a rule from claiming more than its row:

1. A rule names parties, products or a threshold. Countries alone never make one.
2. Where something that narrows a rule cannot be read (buyers the ledger does not know, no destination), the rule is
   `advisory`: it is shown, and counts in no verdict.
3. A threshold is looked for in those categories that have a product with its attribute. Elsewhere the attribute would
   be unknown, and every purchase undetermined.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from service.codes import codes
from service.importing.directory import Directory, joined
from service.importing.regulations.rows import RegulationRow
from service.importing.regulations.scopes import Scope, take_apart
from service.importing.regulations.thresholds import Predicate, attributes_of

#: A rule, or a licence's conditions, as events hold them.
Rule = Mapping[str, Any]

LISTED_PARTY = "listed-party"
LISTED_SUPPLIER = "listed-supplier"
ITEMS = "items"


@dataclass(slots=True)
class RuleReading:
    """The rules made of a change, and the clauses that they do not say, or not wholly."""

    rules: list[Rule] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    #: Something that narrows the rules could not be read.
    narrower: bool = False

    def miss(self, what: str, *, narrows: bool = False) -> None:
        """Note what no rule says."""
        self.unread.append(what)
        self.narrower = self.narrower or narrows


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a change is read against."""

    directory: Directory
    #: The instrument's rules before the change.
    before: Sequence[Rule] = ()
    #: Destinations of the requirement that this one makes apply earlier.
    accelerated: Sequence[str] = ()
    #: The rule that another instrument has for a control number, if one has.
    defined: Callable[[str], Rule | None] = lambda control: None


def read_rules(change: RegulationRow, around: Surroundings) -> RuleReading:
    """The rules that an instrument has from a change on."""
    scope = take_apart(change.title, change.scope)
    reading = RuleReading(unread=list(scope.unread))
    if change.role == "amends":
        _amended(change, scope, around, reading)
    elif change.about == "listing":
        _listing(change, scope, around, reading)
    else:
        _trade(change, scope, around, reading)
    return reading


def read_licence(change: RegulationRow, around: Surroundings) -> RuleReading:
    """The conditions of a licence (no rule: none could be read): products, of the vendors that the instrument names."""
    scope = take_apart(change.title, change.scope)
    vendors = joined([], (one for rule in around.before for one in rule.get("vendors", ())))
    products = around.directory.designated(change.text, vendors)
    if not products:
        return RuleReading(unread=[change.scope or change.title])
    conditions: dict[str, Any] = {"vendors": vendors} if vendors else {}
    conditions["products"] = products
    if scope.destinations:
        conditions["destinations"] = scope.destinations
    return RuleReading([conditions])


def listing_rules(
    parties: list[str], effect: str, country: str | None, *, buying_prohibited: bool = False
) -> list[Rule]:
    """What it means to be on a list of a country: what is sold to the parties is barred, and what they sell is marked.

    "Items subject to the regulations" of the country are taken to be what its own vendors sell. Without a country
    the first rule is a mark too. `buying_prohibited`: the country's own buyers may not buy from the parties.
    """
    party: dict[str, Any] = {"rule_id": LISTED_PARTY, "effect": effect if country else "advisory", "buyers": parties}
    if country:
        party["vendor_countries"] = [country]
    supplier: dict[str, Any] = {"rule_id": LISTED_SUPPLIER, "effect": "advisory", "vendors": parties}
    if buying_prohibited and country:
        supplier |= {"effect": "prohibited", "destinations": [country]}
    return [party, supplier]


def _listing(change: RegulationRow, scope: Scope, around: Surroundings, reading: RuleReading) -> None:
    parties = _parties(change, scope, around, reading)
    if not parties:
        return
    items = scope.named.get("items", "all")
    effect = "licence-required"
    if not items.startswith("all"):
        reading.miss(scope.clauses["items"], narrows=True)
        effect = "advisory"
    reading.rules = listing_rules(parties, effect, _country(change))


def _parties(change: RegulationRow, scope: Scope, around: Surroundings, reading: RuleReading) -> list[str]:
    """The listed parties that the ledger knows: those the scope names outright, or else those in the title."""
    reading.unread += scope.other
    if "party" not in scope.named:
        found = around.directory.mentioned(change.title)
        if not found and not scope.other:
            reading.miss(change.title)
        return found
    found, missing = around.directory.resolve(scope.named["party"])
    if missing:
        reading.miss(scope.clauses["party"])
    return found


def _amended(change: RegulationRow, scope: Scope, around: Surroundings, reading: RuleReading) -> None:
    """New thresholds replace those of the same number, new parties and destinations come to what there is."""
    rules = [dict(rule) for rule in around.before]
    if change.about == "listing":
        parties = _parties(change, scope, around, reading) if "party" in scope.named else []
        if "party" not in scope.named:
            reading.unread += scope.other
        listed = [rule for rule in rules if rule["rule_id"] in (LISTED_PARTY, LISTED_SUPPLIER)]
        for rule in listed:
            name = "buyers" if rule["rule_id"] == LISTED_PARTY else "vendors"
            rule[name] = joined(rule[name], parties)
        if parties and not listed:
            rules += map(dict, listing_rules(parties, "licence-required", _country(change)))
        reading.rules = list(rules)
        return
    if scope.added:
        for rule in rules:
            if "destinations" in rule:
                rule["destinations"] = joined(rule["destinations"], scope.added)
        if not any("destinations" in rule for rule in rules):
            reading.miss(change.scope)
    if scope.labelled or scope.threshold:
        _trade(change, scope, around, reading)
        new = [str(rule["rule_id"]) for rule in reading.rules]
        rules = [rule for rule in rules if not any(one.startswith(rule["rule_id"]) for one in new)]
        reading.rules = [*rules, *reading.rules]
    else:
        reading.rules = list(rules)
        reading.unread += [*scope.other, *scope.clauses.values()]


def _trade(change: RegulationRow, scope: Scope, around: Surroundings, reading: RuleReading) -> None:
    """What may not be sold to whom, or not be bought."""
    common: dict[str, Any] = {}
    _name_vendors(change, scope, around, reading, common)
    _name_buyers(change, scope, around, reading, common)
    vendors = common.get("vendors", [])
    whats = _thresholds(scope, around, reading)
    if not whats and not (scope.labelled or scope.threshold or scope.worldwide):
        makers = vendors or _makers(change, around)
        products = around.directory.designated(change.text, makers)
        if products:
            whats = [(ITEMS, {"products": products})]
            # A single word was the designation itself.
            reading.unread += [clause for clause in scope.other if " " in clause]
            reading.unread += [clause for key, clause in scope.clauses.items() if key == "items"]
        elif vendors:
            whats = [(ITEMS, {})]
            if "items" in scope.named:
                reading.miss(scope.clauses["items"], narrows=True)
            for clause in scope.other:
                reading.miss(clause, narrows=True)
        else:
            reading.unread += scope.other or ([] if reading.unread else [change.scope or change.title])
    else:
        reading.unread += scope.other
    if not whats:
        return
    _name_destinations(change, scope, around, reading, common)
    effect = {"requirement": "licence-required", "ban": "prohibited", "advice": "advisory"}[change.about]
    if reading.narrower:
        effect = "advisory"
    reading.rules = [{"rule_id": rule_id, "effect": effect, **common, **what} for rule_id, what in whats]


def _name_vendors(
    change: RegulationRow, scope: Scope, around: Surroundings, reading: RuleReading, common: dict[str, Any]
) -> None:
    if "vendor" in scope.named:
        vendors, missing = around.directory.resolve(scope.named["vendor"])
        if vendors:
            common["vendors"] = vendors
        if missing:
            reading.miss(scope.clauses["vendor"], narrows=not vendors)
    elif change.about == "requirement":
        if country := _country(change):
            common["vendor_countries"] = [country]
        else:
            reading.miss(f"the country of vendors under {change.jurisdiction}", narrows=True)


def _name_buyers(
    change: RegulationRow, scope: Scope, around: Surroundings, reading: RuleReading, common: dict[str, Any]
) -> None:
    if "buyers" in scope.named:
        buyers, missing = around.directory.resolve(scope.named["buyers"])
    elif change.about == "ban":
        buyers, missing = around.directory.mentioned(change.scope), []
    else:
        return
    if buyers:
        common["buyers"] = buyers
    if missing:
        reading.miss(scope.clauses["buyers"], narrows=not buyers)


def _name_destinations(
    change: RegulationRow, scope: Scope, around: Surroundings, reading: RuleReading, common: dict[str, Any]
) -> None:
    """Where to: as the row says, or the requirement it accelerates, or as before; for a ban, buyers of its country."""
    before = joined([], (code for rule in around.before for code in rule.get("destinations", ())))
    destinations = scope.destinations or list(around.accelerated) or before
    if change.about == "ban":
        if not common.get("buyers"):
            country = _country(change)
            destinations = [country] if country else []
    elif change.about == "advice" or scope.worldwide:
        destinations = scope.destinations
    elif not destinations:
        reading.miss("no destination is named", narrows=True)
    if destinations:
        common["destinations"] = destinations


def _thresholds(scope: Scope, around: Surroundings, reading: RuleReading) -> list[tuple[str, Rule]]:
    """Every threshold with the categories it is looked for in, by control number."""
    stated = dict(scope.labelled)
    if scope.threshold:
        stated[ITEMS] = scope.threshold
    found: list[tuple[str, Rule]] = []
    for rule_id, threshold in stated.items():
        when: Predicate = threshold
        if scope.excluded:
            when = {"all": [threshold, *({"not": excluded} for excluded in scope.excluded)]}
        attributes = attributes_of(when)
        categories = around.directory.categories_with(attributes)
        if categories:
            found.append((rule_id, {"categories": categories, "when": when}))
        else:
            reading.miss(f"{rule_id}: no product of the ledger has {' or '.join(sorted(attributes))}")
    if scope.worldwide:
        meant = around.defined(scope.worldwide)
        if meant is None:
            reading.miss(f"{scope.worldwide}: no instrument of the ledger says what it is")
        else:
            kept = {name: meant[name] for name in ("categories", "products", "when") if name in meant}
            found.append((scope.worldwide, kept))
    return found


def _makers(change: RegulationRow, around: Surroundings) -> list[str]:
    """The organisations that a text speaks of; a ban's scope speaks of buyers."""
    return around.directory.mentioned(change.title if change.about == "ban" else change.text)


def _country(change: RegulationRow) -> str | None:
    return change.jurisdiction if change.jurisdiction in codes().countries else None
