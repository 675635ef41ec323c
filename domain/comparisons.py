"""What several comparisons of one attribute come to, found out at once: of a thousand bounds, few decide."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal

from domain.estimates import Estimate
from domain.rules import Comparison
from domain.truth import NO, YES, Finding, decided, undetermined
from domain.values import AttributeText

Attribute = Estimate | bool | AttributeText
#: A product's attributes by name; what is not there is not known.
Attributes = Mapping[str, Attribute]
#: A compiled predicate.
Judge = Callable[[Attributes], Finding]

#: What holds where an operator does not, wherever it is known.
OPPOSITES = {">=": "<", "<": ">=", ">": "<=", "<=": ">", "==": "!=", "!=": "=="}


def _at_least(found: Estimate, bound: Decimal) -> bool | None:
    if found.low >= bound:
        return True
    return False if found.high is not None and found.high < bound else None


def _above(found: Estimate, bound: Decimal) -> bool | None:
    if found.low > bound:
        return True
    return False if found.high is not None and found.high <= bound else None


def _equal(found: Estimate, bound: Decimal) -> bool | None:
    if found.low == found.high == bound:
        return True
    return False if bound < found.low or (found.high is not None and found.high < bound) else None


#: How an operator looks at a range (true throughout, false throughout, None: some of each), and where it holds.
RANGES = {
    ">=": (_at_least, True),
    "<": (_at_least, False),
    ">": (_above, True),
    "<=": (_above, False),
    "==": (_equal, True),
    "!=": (_equal, False),
}


def compared(comparison: Comparison) -> Judge:
    """A comparison by itself."""
    name, bound = comparison.attribute, comparison.value
    look, wanted = RANGES[comparison.op]
    holds, fails = decided(wanted), decided(not wanted)
    unknown = undetermined(name)

    def of_number(attributes: Attributes) -> Finding:
        found = attributes.get(name)
        if not isinstance(found, Estimate) or found.value is None:
            return unknown
        held = look(found, number)
        return unknown if held is None else holds if held else fails

    def of_word(attributes: Attributes) -> Finding:
        found = attributes.get(name)
        if type(found) is not type(bound):
            return unknown
        return holds if found == bound else fails

    if isinstance(bound, Decimal):
        number = bound
        return of_number
    return of_word


def opposite(comparison: Comparison) -> Comparison:
    """What holds where this does not, and is undetermined where this is."""
    return Comparison(comparison.attribute, OPPOSITES[comparison.op], comparison.value)


def any_of(name: str, comparisons: Iterable[Comparison]) -> Judge:
    """Kleene's "or" of comparisons that all look at this attribute."""
    bounds: dict[type, dict[str, set[Decimal | bool | AttributeText]]] = {}
    for comparison in comparisons:
        bounds.setdefault(type(comparison.value), {}).setdefault(comparison.op, set()).add(comparison.value)
    numbers: dict[str, list[Decimal]] = {
        op: sorted(bound for bound in found if isinstance(bound, Decimal))
        for op, found in bounds.pop(Decimal, {}).items()
    }
    among = numbers.pop("==", [])
    looks = [(*RANGES[op], bound) for op, bound in _telling(numbers)]
    words = {kind: (found.get("==", set()), found.get("!=", set())) for kind, found in bounds.items()}
    has_numbers = bool(looks or among)
    unknown = undetermined(name)

    def of_number(found: Estimate) -> bool | None:
        is_open = False
        for look, wanted, bound in looks:
            held = look(found, bound)
            if held is wanted:
                return True
            is_open = is_open or held is None
        held = _among(found, among)
        return held if held or not is_open else None

    def judge(attributes: Attributes) -> Finding:
        found = attributes.get(name)
        is_open = has_numbers
        if has_numbers and isinstance(found, Estimate) and found.value is not None:
            held = of_number(found)
            if held:
                return YES
            is_open = held is None
        for kind, (equal, unequal) in words.items():
            if type(found) is not kind:
                is_open = True
            elif found in equal or len(unequal) > 1 or (unequal and found not in unequal):
                return YES
        return unknown if is_open else NO

    return judge


def _telling(ascending: Mapping[str, Sequence[Decimal]]) -> list[tuple[str, Decimal]]:
    """Those of the bounds of operators that say by themselves what one of all says."""
    lower = [(bounds[0], op == ">", op) for op, bounds in ascending.items() if op in (">=", ">")]
    upper = [(bounds[-1], op == "<=", op) for op, bounds in ascending.items() if op in ("<=", "<")]
    telling = [(op, bound) for bound, _, op in (*sorted(lower)[:1], *sorted(upper)[-1:])]
    outside = ascending.get("!=", [])
    return telling + [("!=", bound) for bound in dict.fromkeys((*outside[:1], *outside[-1:]))]


def _among(found: Estimate, ascending: Sequence[Decimal]) -> bool | None:
    """Whether a range is one of these numbers; None: it may be."""
    place = bisect_left(ascending, found.low)
    if place == len(ascending) or (found.high is not None and ascending[place] > found.high):
        return False
    return True if found.low == found.high else None
