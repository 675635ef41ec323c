"""vendor-dependence of few lines: its contributions added up by row."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from domain.truth import Truth
from domain.values import UNKNOWN_COUNTRY
from projections.contributions import Sum, Sums, Tally
from projections.few.contributions import Remarks, contributions_of, key_of
from projections.few.look import Viewpoint
from projections.few.rules import rules_in
from projections.few.world import WorldThen
from projections.parameters import VendorDependence
from projections.restrictions import VERDICTS
from projections.vendor_dependence import answered

PLACES = {truth: place for place, truth in enumerate(VERDICTS)}
NO = PLACES[Truth.NO]


def dependence(
    look: Viewpoint, parameters: VendorDependence, country_name: Callable[[str], str | None]
) -> dict[str, Any]:
    """The view, as `vendor_dependence` answers it."""
    home = home_in(look, parameters)
    found = added_up(look, parameters, home)
    return answered(parameters, found, home, lambda keys: names_in(look.world, parameters, keys, country_name))


def added_up(look: Viewpoint, parameters: VendorDependence, home: str | None) -> Sums:
    """Contributions added up by row, and by what decides whether they are captive, domestic or barred."""
    remarks = Remarks(parameters)
    key, world, rules = key_of(parameters), look.world, rules_in(look.world)
    tallies: dict[tuple[Any, ...], Tally] = defaultdict(Tally)
    for one in contributions_of(look, remarks):
        verdict = NO
        if rules.bar_something:
            verdict = PLACES[rules.verdict(one["buyers"], one["vendor"], one["product"])]
        domestic = home is not None and one["country"] == home
        tally = tallies[key(world, one), one["captive"], domestic, verdict]
        tally.add(one)
        tally.first_on = min(tally.first_on, one["first_on"])
        tally.last_on = max(tally.last_on, one["last_on"])
    names = ("key", "captive", "domestic", "verdict")
    sums = [
        Sum(dict(zip(names, alike, strict=True)), tally.figure(), tally.first_on, tally.last_on)
        for alike, tally in tallies.items()
    ]
    return Sums(sums, [], remarks.listed())


def remarks_of(look: Viewpoint, parameters: VendorDependence) -> list[dict[str, Any]]:
    """The remarks of the view alone."""
    if parameters.measure == "units":
        return []
    remarks = Remarks(parameters)
    for _ in contributions_of(look, remarks):
        pass
    return remarks.listed()


def home_in(look: Viewpoint, parameters: VendorDependence) -> str | None:
    """The country that counts as domestic; None: there is none, or it is not known (rules 27 and 58)."""
    home = parameters.home
    if home is None and parameters.buyer and all(buyer in look.held.words for buyer in parameters.buyer):
        organizations = {look.world.organization_of(buyer) for buyer in parameters.buyer}
        if len(organizations) == 1:
            home = look.world.organization(organizations.pop()).country
    return None if home == UNKNOWN_COUNTRY else home


def names_in(
    world: WorldThen, parameters: VendorDependence, keys: list[str], country_name: Callable[[str], str | None]
) -> dict[str, tuple[str | None, str | None]]:
    """Of every key its name and its country (rule 23)."""
    if parameters.names_itself:
        return {}
    if parameters.key == "country":
        return {key: ("unknown" if key == UNKNOWN_COUNTRY else country_name(key), key) for key in keys}
    if parameters.key == "product":
        return {key: (world.product(key).name, None) for key in keys}
    organizations = {key: world.organization(key) for key in keys}
    return {key: (one.name, one.country) for key, one in organizations.items()}
