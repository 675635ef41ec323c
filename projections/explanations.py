"""Why a supply is barred, or may be, in sentences."""

from collections.abc import Iterator
from dataclasses import dataclass

from domain.estimates import Estimate, plain
from domain.evaluation import Product
from domain.rulebook import Assessment
from domain.truth import Truth


@dataclass(frozen=True, slots=True)
class Supply:
    """What the sentences are about."""

    vendor_id: str
    #: None: no product is named.
    product_id: str | None
    product: Product | None
    #: Whose country a rule asks for in vain: "vendor", "maker" or "buyer".
    strangers: tuple[str, ...]


def explained(found: Assessment, supply: Supply) -> list[str]:
    """Every rule that applies, then all that is not known and would decide."""
    applying, doubts = [], []
    for name, finding in sorted(found.findings.items()):
        rule = f"{name.regulation_id} {name.rule_id}"
        if finding.truth is Truth.YES:
            applying.append(f"{rule} applies: {name.effect.replace('-', ' ')}")
        elif not finding.missing:
            doubts.append(f"{rule} applies to some of the buyers only")
        doubts += [sentence for missing in sorted(finding.missing) for sentence in _doubts(missing, supply)]
    return list(dict.fromkeys(applying + doubts))


def _doubts(missing: str, supply: Supply) -> Iterator[str]:
    if missing == "product_id":
        yield f"no product of {supply.vendor_id} is named"
    elif missing == "category":
        yield f"category of {supply.product_id} unknown"
    elif missing == "country":
        who = {"buyer": "a buyer", "vendor": supply.vendor_id, "maker": f"the maker of {supply.product_id}"}
        yield from (f"country of {who[stranger]} unknown" for stranger in supply.strangers)
    else:
        yield f"{missing} of {supply.product_id} {_known(missing, supply.product)}"


def _known(attribute: str, product: Product | None) -> str:
    """What is known of an attribute, although it does not decide."""
    found = None if product is None else product.attributes.get(attribute)
    if found is None or (isinstance(found, Estimate) and found.value is None):
        return "unknown"
    if isinstance(found, Estimate) and not found.exact and found.high is not None:
        return f"is {plain(found.low)} to {plain(found.high)}"
    return "is of another kind than what a rule holds it against"
