"""What changed in vendor-dependence of few lines between two moments, and which events explain it."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from projections.contributions import Tally
from projections.differences import MOST_EVENTS, Key, Part, Parts, as_number, kinds_of, sides_of, told, valued
from projections.few.asking import FewLines
from projections.few.causes import Cause, Causes, causing
from projections.few.contributions import Contribution, contributions_of, key_of
from projections.few.dependence import names_in
from projections.few.look import Viewpoint
from projections.few.records import AssertionSaid, HeldEvent
from projections.few.walks import Walk, walk
from projections.figures import Figure, plain
from projections.parameters import LAST_DAY, VendorDependence

#: What contributions are multiplied with; and what else tells two of a line apart.
FACTORS = (
    "source_rate",
    "target_rate",
    "attribute_value",
    "attribute_low",
    "attribute_high",
    "share_value",
    "share_low",
    "share_high",
    "remainder",
)
COMPARED = ("key", "convertible", "value", "low", "high", "quantified", "unquantified", "unbounded", *FACTORS)

Factors = tuple[int | None, ...] | None
About = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Pair:
    """Both sides of a difference."""

    before: Viewpoint
    after: Viewpoint
    clock: str


@dataclass(frozen=True, slots=True)
class ChangedLine:
    """A contribution that is not the same at both moments; None: there is none."""

    before: Contribution | None
    after: Contribution | None

    @property
    def any(self) -> Contribution:
        """What says of which line it is."""
        found = self.after if self.before is None else self.before
        assert found is not None
        return found

    @property
    def key_before(self) -> Key:
        """The row that it was in, or is in only now."""
        return self.any["key"]  # type: ignore[no-any-return]

    @property
    def key_after(self) -> Key:
        """The row that it is in, or was in only then."""
        return (self.before if self.after is None else self.after)["key"]  # type: ignore[index,no-any-return]

    @property
    def priced(self) -> Factors:
        """The factors that its events are valued with (rule 48)."""
        before = factors_of(self.before)
        return factors_of(self.after) if before is None else before

    @property
    def priced_key(self) -> Key:
        """The row that they are put into."""
        new = factors_of(self.before) is None and factors_of(self.after) is not None
        return self.key_after if new else self.key_before

    @property
    def refactored(self) -> bool:
        """Whether it is multiplied with something else."""
        return _multiplied(self.before) != _multiplied(self.after)


class Effect(NamedTuple):
    """What an event did to a line: the event that is named, and the one that counts no more, or again, through it."""

    changed: ChangedLine
    class_: str
    position: int
    about: int
    effect: int


def pair_of(few: FewLines, before: VendorDependence, after: VendorDependence) -> Pair | None:
    """Both sides of a difference over few lines; None: they are not few. ValueError as `difference`."""
    before, after, clock = sides_of(before, after)
    later = few.look(after, 2)
    if later is None or before.position > after.position:
        return None
    earlier = few.again(later, before)
    if later.held.orders.count(earlier.asked_records) * 2 > few.most_lines:
        return None
    return Pair(earlier, later, clock)


def difference(pair: Pair, country_name: Callable[[str], str | None]) -> dict[str, Any]:
    """The change of every row, explained, as `projections.differences` answers it."""
    found = [_contributions(look) for look in (pair.before, pair.after)]
    changed = {about: ChangedLine(*(side.get(about) for side in found)) for about in found[0] | found[1]}
    changed = {about: one for about, one in changed.items() if _compared(one.before) != _compared(one.after)}
    parts: Parts = defaultdict(lambda: defaultdict(Part))
    gone = _gone(pair)
    walks = {
        about: walk(pair.before, pair.after, one.any["order"], one.any["line"])
        for about, one in changed.items()
        if about[0] == "order"
    }
    asserted = {about: _asserted(pair, one) for about, one in changed.items() if about[0] == "supply"}
    effects = [*_effects_of_orders(changed, walks, gone), *_effects_of_supply(changed, asserted, gone)]
    _add_events(pair, parts, [_classed(pair, one) for one in effects])
    figures = {about: (one.before, one.after) for about, one in walks.items()}
    figures |= {about: one.figures for about, one in asserted.items()}
    _add_revaluations(pair, parts, changed, figures, gone)

    def named(side: VendorDependence, keys: list[str]) -> dict[str, tuple[str | None, str | None]]:
        look = pair.before if side is sides[0] else pair.after
        return names_in(look.world, side, keys, country_name)

    sides = _parameters(pair.before), _parameters(pair.after)
    return told(sides, pair.clock, [_figures(side.values()) for side in found], parts, named)


def _parameters(look: Viewpoint) -> VendorDependence:
    assert isinstance(look.parameters, VendorDependence)
    return look.parameters


def _contributions(look: Viewpoint) -> dict[About, Contribution]:
    key = key_of(look.parameters)
    found = {}
    for one in contributions_of(look):
        one["key"] = key(look.world, one)
        found[one["source"], one["line_key"]] = one
    return found


def _figures(found: Iterable[Contribution]) -> dict[Key, Figure]:
    tallies: dict[Key, Tally] = defaultdict(Tally)
    for one in found:
        tallies[one["key"]].add(one)
    return {key: tally.figure() for key, tally in tallies.items()}


def factors_of(one: Contribution | None) -> Factors:
    """What a contribution is multiplied with; None where there is none, or nothing of it has a value."""
    if one is None or not one["convertible"] or one["share_value"] is None:
        return None
    return tuple(one[name] for name in FACTORS)


def _multiplied(one: Contribution | None) -> tuple[Any, ...] | None:
    return None if one is None else (one["convertible"], *(one[name] for name in FACTORS))


def _compared(one: Contribution | None) -> tuple[Any, ...] | None:
    return None if one is None else tuple(one[name] for name in COMPARED)


def _worth(amount: int, factors: Factors) -> int:
    return valued(amount, None if factors is None else dict(zip(FACTORS, factors, strict=True)))  # type: ignore[arg-type]


def _gone(pair: Pair) -> dict[int, int]:
    """What is taken back after and was not before, with the first retraction of it."""
    gone: dict[int, int] = {}
    already = pair.before.world.retracted
    for one in pair.after.held.registers.retractions:
        if one.position <= pair.after.position and one.known_on <= pair.after.known_on and one.retracts not in already:
            gone[one.retracts] = min(one.position, gone.get(one.retracts, one.position))
    return gone


# Effects (rule 49)


def _effects_of_orders(
    changed: dict[About, ChangedLine], walks: dict[About, Walk], gone: dict[int, int]
) -> Iterable[tuple[str, Effect]]:
    for about, walked in walks.items():
        one = changed[about]
        for step in walked.steps:
            if not step.effect and not step.telling:
                continue
            named, manner = step.position, "begins"
            if not step.now:
                taking = (step.position, about[1] >> 16, one.any["order"].position)
                retraction = next((gone[position] for position in taking if position in gone), None)
                manner = "lapsed" if retraction is None else "corrected"
                named = step.position if retraction is None else retraction
            yield manner, Effect(one, manner, named, step.position, step.effect)


@dataclass(frozen=True, slots=True)
class Asserted:
    """A line of an assertion: what it comes to before and after, and which assertion counts under its id (rule 11)."""

    figure: int
    was: bool
    now: bool
    counted_before: bool
    before: int | None
    after: int | None

    @property
    def figures(self) -> tuple[int, int]:
        """Its figure before and after."""
        return self.figure if self.was else 0, self.figure if self.now else 0


def _asserted(pair: Pair, changed: ChangedLine) -> Asserted:
    said: AssertionSaid = changed.any["assertion"]
    line = changed.any["line"]
    several = pair.after.held.orders.assertions[said.assertion_id]
    latest = [
        max((one for one in several if look.counts(one, one.basis)), default=None) for look in (pair.before, pair.after)
    ]
    was, now = (
        one is not None and one.position == said.position and look.first_on <= said.ends_on <= look.last_on
        for one, look in zip(latest, (pair.before, pair.after), strict=True)
    )
    figure = line.amount if pair.after.parameters.measure == "spend" else line.quantity
    before, after = (None if one is None else one.position for one in latest)
    return Asserted(figure.value, was, now, pair.before.counts(said, said.basis), before, after)


def _effects_of_supply(
    changed: dict[About, ChangedLine], asserted: dict[About, Asserted], gone: dict[int, int]
) -> Iterable[tuple[str, Effect]]:
    for about, line in asserted.items():
        if line.was == line.now:
            continue
        one = changed[about]
        own: int = one.any["assertion"].position
        if line.now and line.counted_before:
            assert line.before is not None
            manner, named = "corrected", gone[line.before]
        elif line.now:
            manner, named = "begins", own
        elif own in gone:
            manner, named = "corrected", gone[own]
        else:
            named = own if line.after is None else line.after
            manner = "begins" if line.after not in (None, own) else "lapsed"
        yield manner, Effect(one, manner, named, own, line.figure if line.now else -line.figure)


def _classed(pair: Pair, caused: tuple[str, Effect]) -> Effect:
    manner, effect = caused
    if manner == "begins":
        event = _event(pair, effect.position)
        manner = "new" if event.ends_on > _earlier_on(pair) else "late"
        if event.corrects is not None:
            manner = "corrected"
    return effect._replace(class_=manner)


def _earlier_on(pair: Pair) -> date:
    """The day of the earlier moment, by which an event is new or late."""
    before = pair.before.parameters
    if pair.clock == "effective_on":
        return before.effective_on
    if pair.clock == "known_on":
        return before.known_on or LAST_DAY
    return _event(pair, before.position).recorded_at.date() if before.position else date.min


def _event(pair: Pair, position: int) -> HeldEvent:
    return pair.after.held.orders.events[position - 1]


def _add_events(pair: Pair, parts: Parts, effects: list[Effect]) -> None:
    grouped: dict[tuple[Key, str], list[Effect]] = defaultdict(list)
    for one in effects:
        grouped[one.changed.priced_key, one.class_].append(one)
    for (key, name), several in grouped.items():
        part = parts[key][name]
        part.value += sum(_worth(one.effect, one.changed.priced) for one in several)
        part.events += len(several)
        several.sort(key=lambda one: (-_size(one), one.position, one.about, one.changed.any["line_key"]))
        part.listed.extend(_told(pair, one) for one in several[:MOST_EVENTS])


def _size(one: Effect) -> float:
    """What an effect comes to, fine enough to choose by; nothing is computed with it."""
    factors = one.changed.priced
    if factors is None:
        return 0.0
    named = dict(zip(FACTORS, factors, strict=True))
    rate = float(named["target_rate"] or 0) / (named["source_rate"] or 1)
    return abs(float(one.effect) * (rate * (named["attribute_value"] or 0) * (named["share_value"] or 0)))


def _told(pair: Pair, one: Effect) -> dict[str, Any]:
    line = one.changed.any
    order, assertion = line.get("order"), line.get("assertion")
    about = None if one.about == one.position else _event(pair, one.about).id
    return _named(pair, one.position) | {
        "about": about,
        "order_id": None if order is None else order.order_id,
        "assertion_id": None if assertion is None else assertion.assertion_id,
        "line": line["line"].name,
        "value": plain(as_number(_worth(one.effect, one.changed.priced))),
    }


def _named(pair: Pair, position: int) -> dict[str, Any]:
    event = _event(pair, position)
    return {
        "position": position,
        "id": event.id,
        "type": event.type,
        "effective_on": event.effective_on,
        "ends_on": event.ends_on.isoformat(),
        "known_on": event.known_on.isoformat(),
    }


# Revaluations (rule 48)


def _add_revaluations(
    pair: Pair,
    parts: Parts,
    changed: dict[About, ChangedLine],
    figures: dict[About, tuple[int, int]],
    gone: dict[int, int],
) -> None:
    """What is left of each change: of a row that lines leave, and of the one that they come to."""
    causes = Causes(pair.before, pair.after, frozenset(kinds_of(_parameters(pair.after))))
    alike: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0, 0])
    for about, one in changed.items():
        moved = one.refactored or one.key_before != one.key_after
        both = one.before is not None and one.after is not None
        if not moved and both:
            continue
        pairs = causes.of(one.any)
        factors = factors_of(one.before), factors_of(one.after), one.priced
        keys = one.key_before, one.key_after, one.priced_key
        sums = alike[keys, factors, pairs, both and moved]
        sums[0] += 0 if one.before is None else one.before["value"]
        sums[1] += 0 if one.after is None else one.after["value"]
        sums[2] += figures[about][1] - figures[about][0]
    found: dict[Key, set[Cause]] = defaultdict(set)
    for (keys, factors, pairs, telling), sums in alike.items():
        left: dict[Key, int] = defaultdict(int)
        left[keys[0]] -= _worth(sums[0], factors[0])
        left[keys[1]] += _worth(sums[1], factors[1])
        left[keys[2]] -= _worth(sums[2], factors[2])
        for key, value in left.items():
            if value or (telling and pairs):
                parts[key]["revaluation"].value += value
                found[key] |= pairs
    for key, causing_it in found.items():
        listed = _causing(pair, causing_it, gone)
        part = parts[key]["revaluation"]
        part.events = len(listed)
        part.listed.extend(listed[:MOST_EVENTS])


def _causing(pair: Pair, pairs: Iterable[Cause], gone: dict[int, int]) -> list[dict[str, Any]]:
    """The events that make another fact of one: those that count only now, and the retractions of those of before."""
    pairs = set(pairs)
    withdrawn, begun = {before for before, _ in pairs}, {after for _, after in pairs}
    listed = []
    for fact in causing(pairs):
        event, look = _event(pair, fact), pair.before
        counted = fact <= look.position and event.known_on <= look.known_on and event.ends_on <= look.effective_on
        of_order = {"order_id": _order_of(pair, fact), "assertion_id": None, "line": None, "value": None}
        if not counted and fact in begun:
            listed.append(_named(pair, fact) | {"about": None} | of_order)
        if fact in gone and fact in withdrawn:
            listed.append(_named(pair, gone[fact]) | {"about": event.id} | of_order)
    listed.sort(key=lambda one: (one["position"], one["about"] is None, one["about"] or ""))
    return listed


def _order_of(pair: Pair, position: int) -> str | None:
    """The order that an allocation is of."""
    placed = pair.after.held.orders.allocated.get(position)
    return None if placed is None else pair.after.held.orders.placed[placed].order_id
