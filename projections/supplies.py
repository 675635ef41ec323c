"""Whether a supply is barred on a day, without a statement for each: by the bits of its buyers, vendor and product."""

from collections.abc import Iterable
from dataclasses import dataclass

from domain.truth import Truth
from projections.parties import NO_PRODUCT, NOBODY, Goods
from projections.restrictions import Restrictions

#: Organisations that stand for themselves, by number: buyers, a vendor; and a product or None.
Supply = tuple[tuple[int, ...], int, int | None]


@dataclass(frozen=True, slots=True)
class InstrumentBits:
    """The bits of an instrument's rules, and those of its licences."""

    rules: int
    licences: int


class Supplies:
    """What the rules in force at a moment say of supplies (docs/semantics.md, rule 38)."""

    def __init__(self, restrictions: Restrictions) -> None:
        self._instruments: list[InstrumentBits] = []
        self._standing = restrictions.standing
        self._goods = restrictions.goods
        self._makers = restrictions.makers() if restrictions.barring else {}
        self._verdicts: dict[Supply, Truth] = {}
        place = 0
        for rules, licences in restrictions.barring:
            own = ((1 << len(rules)) - 1) << place
            permitting = ((1 << len(licences)) - 1) << (place + len(rules))
            place += len(rules) + len(licences)
            self._instruments.append(InstrumentBits(own, permitting))

    def verdict(self, supply: Supply) -> Truth:
        """Whether a supply is barred; undetermined where its buyers differ."""
        _, vendor, product = supply
        goods = self._goods.get(NO_PRODUCT if product is None else product)
        if goods is None:
            return Truth.NO
        found = self._verdicts.get(supply)
        if found is None:
            found = self._verdicts[supply] = self._judged(supply[0], vendor, product, goods)
        return found

    def _judged(self, buyers: Iterable[int], vendor: int, product: int | None, goods: Goods) -> Truth:
        nobody = self._standing[NOBODY]
        seller = self._standing.get(vendor, nobody)
        named, certain, possible = seller.named, seller.country_certain, seller.country_possible
        if product is not None and product in self._makers:
            maker = self._standing.get(self._makers[product], nobody)
            named |= maker.named
            certain |= maker.country_certain
            possible |= maker.country_possible
        certain, possible = certain & named & goods.certain, possible & named & goods.possible
        answers = set()
        for buyer in buyers:
            holder = self._standing.get(buyer, nobody)
            answers.add(self._of_bits(certain & holder.buyer_certain, possible & holder.buyer_possible))
        return answers.pop() if len(answers) == 1 else Truth.UNDETERMINED

    def _of_bits(self, certain: int, possible: int) -> Truth:
        """Rule and not licence, of each instrument."""
        if any(certain & one.rules and not possible & one.licences for one in self._instruments):
            return Truth.YES
        if any(possible & one.rules and not certain & one.licences for one in self._instruments):
            return Truth.UNDETERMINED
        return Truth.NO
