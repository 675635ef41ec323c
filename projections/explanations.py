"""Why a supply is barred, or may be, in sentences."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from domain.estimates import Estimate, plain
from domain.evaluation import Product, RuleName
from domain.truth import Truth

#: Of what some contributions are barred, and all others are not.
PARTLY = "partly"


@dataclass(frozen=True, slots=True)
class RuleHit:
    """What a rule says of a row that it bars, or may."""

    name: RuleName
    #: yes, partly or undetermined.
    verdict: str
    #: What made it undetermined; empty where only buyers differ.
    missing: frozenset[str]


@dataclass(frozen=True, slots=True)
class Vain:
    """What was known of a product when a rule looked for something in vain."""

    #: None: no product is named.
    product: Product | None
    #: Whose country was asked for and not known: "vendor", "maker" or "buyer".
    strangers: tuple[str, ...]


def explained(
    hits: Iterable[RuleHit],
    vendor_id: str,
    product_id: str | None,
    in_vain: Callable[[RuleName, str], Iterable[Vain]],
) -> list[str]:
    """Every rule that applies, then all that is not known and would decide (rule 54).

    `in_vain` gives what was known each time that a rule looked for something in vain.
    """
    applying, doubts = list[str](), list[str]()
    for hit in hits:
        rule, effect = f"{hit.name.regulation_id} {hit.name.rule_id}", hit.name.effect.replace("-", " ")
        if hit.verdict == Truth.YES.value:
            applying.append(f"{rule} applies: {effect}")
        elif hit.verdict == PARTLY:
            applying.append(f"{rule} applies to a part of it: {effect}")
        elif not hit.missing:
            doubts.append(f"{rule} applies to some of the buyers only")
        for missing in sorted(hit.missing):
            for vain in in_vain(hit.name, missing):
                doubts += _doubts(missing, vendor_id, product_id, vain)
    return list(dict.fromkeys(applying + doubts))


def _doubts(missing: str, vendor_id: str, product_id: str | None, vain: Vain) -> Iterator[str]:
    if missing == "product_id":
        yield f"no product of {vendor_id} is named"
    elif missing == "category":
        yield f"category of {product_id} unknown"
    elif missing == "country":
        who = {"buyer": "a buyer", "vendor": vendor_id, "maker": f"the maker of {product_id}"}
        yield from (f"country of {who[stranger]} unknown" for stranger in vain.strangers)
    else:
        yield f"{missing} of {product_id} {_known(missing, vain.product)}"


def _known(attribute: str, product: Product | None) -> str:
    """What is known of an attribute, although it does not decide."""
    found = None if product is None else product.attributes.get(attribute)
    if found is None or (isinstance(found, Estimate) and found.value is None):
        return "unknown"
    if isinstance(found, Estimate) and not found.exact and found.high is not None:
        return f"is {plain(found.low)} to {plain(found.high)}"
    return "is of another kind than what a rule holds it against"
