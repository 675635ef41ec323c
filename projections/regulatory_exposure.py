"""How much of what some buyers get is barred, or may be, by the rules in force."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import duckdb

from domain.evaluation import RuleName
from domain.rulebook import CLEAR
from domain.truth import Finding, Truth, agreement
from projections import contributions, statements
from projections.contributions import Grouping, Sum
from projections.explanations import Supply, explained
from projections.figures import PRECISE, ZERO, Figure, total_of
from projections.metrics import at_risk
from projections.parameters import RegulatoryExposure
from projections.parties import NO_PRODUCT
from projections.plain_lines import added_up
from projections.regulations import described
from projections.restrictions import VERDICTS, Restrictions
from projections.vendor_dependence import by_verdict, written

#: By vendor, product, and who of the buyers there are among those asked for.
SUPPLIES = Grouping(
    {"vendor": "counted.vendor", "product": "counted.product", "buyers": "buyers", "verdict": "verdict"}
)


@dataclass
class SupplyRow:
    """One row in the making."""

    #: Numbers; no product: NO_PRODUCT.
    vendor: int
    product: int
    figure: Figure = field(default_factory=Figure)
    #: Kinds.
    buyers: set[int] = field(default_factory=set)
    verdicts: set[Truth] = field(default_factory=set)

    @property
    def restricted(self) -> Truth:
        """The verdict that its contributions have in common."""
        return agreement(map(Finding, self.verdicts)).truth

    def add(self, part: Sum) -> None:
        """Take in some of its contributions."""
        self.figure = self.figure.plus(part.figure)
        self.verdicts.add(VERDICTS[part.alike["verdict"]])
        buyers = part.alike["buyers"]
        self.buyers.update(buyers if isinstance(buyers, tuple) else (buyers,))


def regulatory_exposure(connection: duckdb.DuckDBPyConnection, parameters: RegulatoryExposure) -> dict[str, Any]:
    """The view (docs/semantics.md, rules 38 to 40 and 54).

    `total`; `rows` by vendor and product: restricted (yes, no or undetermined), value, low, high, the rules that say
    yes or undetermined, and an explanation in sentences; `at_risk_low` and `at_risk_high`; and `instruments`: what is
    in force, barring or not. Figures are decimal strings, parts at risk numbers.
    """
    values = contributions.bindings(connection, parameters) | {"home": None}
    restrictions = Restrictions(connection, parameters)
    sums = added_up(connection, parameters, SUPPLIES, values, verdicts=restrictions.verdicts).sums
    rows: dict[tuple[int, int], SupplyRow] = {}
    for part in sums:
        vendor, product = part.alike["vendor"], part.alike["product"]
        key = vendor, NO_PRODUCT if product is None else product
        rows.setdefault(key, SupplyRow(*key)).add(part)
    doubtful = [row.product for row in rows.values() if row.restricted is not Truth.NO]
    if doubtful:
        restrictions.get_to_know(doubtful)
    total = total_of(row.figure for row in rows.values())
    words = _words(connection, rows)
    ranked = sorted(rows.values(), key=lambda row: _rank(row, words))
    return {
        "total": {**written(total), "unit": parameters.unit},
        "rows": [_row(row, restrictions, words) for row in ranked],
        **at_risk(by_verdict(sums)),
        "instruments": [described(instrument) for instrument in restrictions.in_force],
    }


def _words(connection: duckdb.DuckDBPyConnection, keys: Iterable[tuple[int, int]]) -> dict[int, str]:
    numbers = sorted({number for key in keys for number in key})
    statement = statements.blocks("regulatory_exposure.sql")["words"]
    return {row["number"]: row["word"] for row in statements.rows(connection, statement, {"numbers": numbers})}


def _rank(row: SupplyRow, words: dict[int, str]) -> tuple[bool, Decimal, str, bool, str]:
    """Largest value first, unknown values last, then by vendor and product, no product last."""
    value = row.figure.value
    negated = ZERO if value is None else PRECISE.minus(value)
    return value is None, negated, words[row.vendor], row.product == NO_PRODUCT, words.get(row.product, "")


def _row(row: SupplyRow, restrictions: Restrictions, words: dict[int, str]) -> dict[str, Any]:
    restricted = row.restricted
    vendor, product = words[row.vendor], words.get(row.product)
    found, sentences = CLEAR, list[str]()
    if restricted is not Truth.NO:
        found = restrictions.assess(row.buyers, row.vendor, row.product)
        # Where no country is missing there are no strangers, and most rows need not ask.
        stranger = any("country" in finding.missing for finding in found.findings.values())
        strangers = restrictions.strangers(row.buyers, row.vendor, row.product) if stranger else ()
        supply = Supply(vendor, product, restrictions.product(row.product), strangers)
        sentences = explained(found, supply)
    return {
        "vendor": vendor,
        "product": product,
        "restricted": restricted.value,
        **written(row.figure),
        "rules": [_rule(name, finding) for name, finding in sorted(found.findings.items())],
        "explanation": sentences,
    }


def _rule(name: RuleName, finding: Finding) -> dict[str, Any]:
    return {
        "regulation_id": name.regulation_id,
        "rule_id": name.rule_id,
        "effect": name.effect,
        "verdict": finding.truth.value,
        "missing": sorted(finding.missing),
    }
