"""Verdicts in three values, yes, no and undetermined, with what an undetermined one waits for."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Truth(Enum):
    """A verdict of Kleene's strong three-valued logic, NO < UNDETERMINED < YES; its value is its name in answers.

    "And" (&) is the least, "or" (|) the greatest, "not" (~) turns yes and no around. The tables are those of
    S. C. Kleene, "On notation for ordinal numbers" (1938) and "Introduction to Metamathematics" (1952), section 64;
    AND, OR and NOT of SQL over true, unknown and false are the same. docs/semantics.md, rule 34.
    """

    NO = "no"
    UNDETERMINED = "undetermined"
    YES = "yes"

    def __and__(self, other: "Truth") -> "Truth":
        return min(self, other)

    def __or__(self, other: "Truth") -> "Truth":
        return max(other, self)

    def __invert__(self) -> "Truth":
        return MIRRORED[self]

    def __lt__(self, other: "Truth") -> bool:
        return RANK[self] < RANK[other]

    def __bool__(self) -> bool:
        raise TypeError("a verdict may be undetermined: compare it with Truth.YES or Truth.NO")


RANK = {truth: rank for rank, truth in enumerate(Truth)}
MIRRORED = {Truth.NO: Truth.YES, Truth.UNDETERMINED: Truth.UNDETERMINED, Truth.YES: Truth.NO}


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict and what made it undetermined."""

    truth: Truth
    #: What is not known and would decide: `product_id`, `category`, `country` or an attribute's name.
    #: Empty for yes and no, and for an undetermined verdict over several that merely differ.
    missing: frozenset[str] = frozenset()


YES = Finding(Truth.YES)
NO = Finding(Truth.NO)


def decided(holds: bool) -> Finding:
    """Yes or no."""
    return YES if holds else NO


def undetermined(*missing: str) -> Finding:
    """Undetermined for want of these."""
    return Finding(Truth.UNDETERMINED, frozenset(missing))


def every(findings: Iterable[Finding]) -> Finding:
    """Kleene's "and"; of none, yes. What is missing no longer matters once one of them is no."""
    waiting = []
    for finding in findings:
        if finding.truth is Truth.NO:
            return NO
        if finding.truth is Truth.UNDETERMINED:
            waiting.append(finding)
    return _all_missing(waiting) if waiting else YES


def some(findings: Iterable[Finding]) -> Finding:
    """Kleene's "or"; of none, no. What is missing no longer matters once one of them is yes."""
    waiting = []
    for finding in findings:
        if finding.truth is Truth.YES:
            return YES
        if finding.truth is Truth.UNDETERMINED:
            waiting.append(finding)
    return _all_missing(waiting) if waiting else NO


def negation(finding: Finding) -> Finding:
    """Kleene's "not": the same is missing."""
    if finding.truth is Truth.UNDETERMINED:
        return finding
    return NO if finding.truth is Truth.YES else YES


def agreement(findings: Iterable[Finding]) -> Finding:
    """What several findings have in common: their verdict, or undetermined where they differ; ValueError for none.

    Missing is what made the undetermined among them so. Agreements agreed on are the agreement of all.
    docs/semantics.md, rules 38 and 39.
    """
    listed = list(findings)
    if not listed:
        raise ValueError("nothing to agree on")
    truths = {finding.truth for finding in listed}
    if len(truths) == 1 and Truth.UNDETERMINED not in truths:
        return listed[0]
    return Finding(Truth.UNDETERMINED, frozenset().union(*(finding.missing for finding in listed)))


def _all_missing(waiting: list[Finding]) -> Finding:
    """Undetermined for want of what all these, which are so, lack."""
    if len(waiting) == 1:
        return waiting[0]
    return Finding(Truth.UNDETERMINED, frozenset().union(*(finding.missing for finding in waiting)))
