"""How much of what some buyers get is barred, or may be, by the rules in force."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import duckdb

from domain.rulebook import CLEAR, Assessment
from domain.truth import NO, Truth
from projections import contributions, statements
from projections.explanations import RuleHit, explained
from projections.figures import PRECISE, ZERO, Figure, total_of
from projections.judging import SUPPLIES, Judge, JudgedSupply, buyers_of, judge_of, key_of
from projections.metrics import at_risk
from projections.parameters import RegulatoryExposure
from projections.parties import NO_PRODUCT
from projections.plain_lines import added_up
from projections.regulations import described
from projections.resolved import Footing
from projections.vendor_dependence import together, written


@dataclass
class ExposedRow:
    """One row in the making."""

    #: Numbers; no product: NO_PRODUCT.
    vendor: int
    product: int
    figure: Figure = field(default_factory=Figure)
    by_verdict: dict[Truth, Figure] = field(default_factory=dict)
    #: What its contributions are, each sort of them once.
    supplies: dict[JudgedSupply, None] = field(default_factory=dict)

    @property
    def restricted(self) -> str:
        """The verdict that its contributions have in common."""
        return together(self.by_verdict)

    def add(self, supply: JudgedSupply, figure: Figure) -> None:
        """Take in some of its contributions."""
        before = self.by_verdict.get(supply.truth)
        self.by_verdict[supply.truth] = figure if before is None else before.plus(figure)
        self.supplies[supply] = None

    def close(self) -> None:
        """Take what it comes to."""
        self.figure = total_of(self.by_verdict.values())


def regulatory_exposure(
    connection: duckdb.DuckDBPyConnection, parameters: RegulatoryExposure, footing: Footing | None = None
) -> dict[str, Any]:
    """The view (docs/semantics.md, rules 38 to 40, 54, 61 and 62).

    `total`; `rows` by vendor and product: restricted (yes, partly, undetermined or no), value, low, high, the sums
    `barred` and `undetermined`, the rules that say yes, partly or undetermined, and an explanation in sentences;
    `at_risk`, `at_risk_undetermined` and the bounds `at_risk_low` and `at_risk_high`; `instruments`: what is in force
    at effective_on, barring or not; and `remarks`. Figures are decimal strings, parts at risk numbers.
    `footing`: what is kept of the moment.
    """
    values = contributions.bindings(connection, parameters) | {"home": None}
    with statements.snapshot(connection):
        judge = judge_of(connection, parameters, footing)
        found = added_up(connection, parameters, SUPPLIES, values, verdicts=judge.verdicts, footing=footing)
        judge.meet(part.alike for part in found.sums)
        rows: dict[tuple[int, int], ExposedRow] = {}
        verdicts: dict[Truth, Figure] = defaultdict(Figure)
        for part in found.sums:
            key, buyers, mark = key_of(part.alike), buyers_of(part.alike), part.alike["verdict"]
            supply = JudgedSupply(*key, buyers, mark, judge.truth(buyers, *key, mark))
            if key not in rows:
                rows[key] = ExposedRow(*key)
            rows[key].add(supply, part.figure)
        for row in rows.values():
            row.close()
            for truth, figure in row.by_verdict.items():
                verdicts[truth] = verdicts[truth].plus(figure)
        words = words_of(connection, {number for key in rows for number in key})
        shown = [row for row in rows.values() if parameters.wants(row.restricted)]
        assessed = judge.assess(one for row in shown for one in row.supplies if one.truth is not Truth.NO)
        described_rows = [_row(row, judge, assessed, words) for row in sorted(shown, key=lambda row: _rank(row, words))]
    return {
        "total": {**written(total_of(verdicts.values())), "unit": parameters.unit},
        "rows": described_rows,
        **at_risk(verdicts),
        "instruments": [described(instrument) for instrument in judge.in_force],
        "remarks": found.remarks,
    }


def words_of(connection: duckdb.DuckDBPyConnection, numbers: Collection[int]) -> dict[int, str]:
    """The ids behind numbers."""
    statement = statements.blocks("regulatory_exposure.sql")["words"]
    return {row["number"]: row["word"] for row in statements.rows(connection, statement, {"numbers": sorted(numbers)})}


def _rank(row: ExposedRow, words: dict[int, str]) -> tuple[bool, Decimal, str, bool, str]:
    """Largest value first, unknown values last, then by vendor and product, no product last."""
    value = row.figure.value
    negated = ZERO if value is None else PRECISE.minus(value)
    return value is None, negated, words[row.vendor], row.product == NO_PRODUCT, words.get(row.product, "")


def _row(
    row: ExposedRow, judge: Judge, assessed: dict[JudgedSupply, Assessment], words: dict[int, str]
) -> dict[str, Any]:
    vendor, product = words[row.vendor], words.get(row.product)
    found = {supply: assessed.get(supply, CLEAR) for supply in row.supplies}
    hits = hits_of(found.values())
    return {
        "vendor": vendor,
        "product": product,
        "restricted": row.restricted,
        **written(row.figure),
        "barred": written(row.by_verdict.get(Truth.YES, Figure())),
        "undetermined": written(row.by_verdict.get(Truth.UNDETERMINED, Figure())),
        "rules": [rule_of(hit) for hit in hits],
        "explanation": explained(hits, vendor, product, lambda rule, missing: judge.in_vain(rule, missing, found)),
    }


def hits_of(found: Collection[Assessment]) -> list[RuleHit]:
    """The rules that bar a row, or may, given what they say of its contributions (rule 39)."""
    hits = []
    for name in sorted(set().union(*(assessment.findings for assessment in found))):
        findings = {assessment.findings.get(name, NO) for assessment in found}
        missing = frozenset[str]().union(*(finding.missing for finding in findings))
        hits.append(RuleHit(name, together({finding.truth for finding in findings}), missing))
    return hits


def rule_of(hit: RuleHit) -> dict[str, Any]:
    """What a rule says, as answers have it."""
    return {
        "regulation_id": hit.name.regulation_id,
        "rule_id": hit.name.rule_id,
        "effect": hit.name.effect,
        "verdict": hit.verdict,
        "missing": sorted(hit.missing),
    }
