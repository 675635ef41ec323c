"""Questions about more than one moment, or about a ledger that is not: series, differences, scenarios."""

from collections.abc import Callable, Sequence
from typing import Any

from domain.errors import Invalid, Refusal, RequestFault
from domain.lots import Sent
from projections.parameters import RegulatoryExposure, VendorDependence, parse_duration
from projections.regulatory_exposure import regulatory_exposure
from projections.roads import difference, remarks_of, series
from projections.vendor_dependence import vendor_dependence
from service.asking.clocks import ClockReader, Raw, day, single
from service.asking.questions import echo
from service.asking.scenarios import Supposition, supposing
from service.codes import country_name
from service.daybook import Daybook

#: The clocks between two of whose values a difference may be asked for.
COMPARED = ("effective_on", "known_on", "position", "recorded_at")


class CannotBeSupposed(Exception):
    """The events of a scenario could not be recorded; `refusal` says which and why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


class Comparisons:
    """Answers questions about several moments; every method may be called from any thread."""

    def __init__(self, daybook: Daybook, wait_s: float) -> None:
        self.daybook = daybook
        self.clocks = ClockReader(daybook, wait_s)

    def series(self, raw: Raw) -> dict[str, Any]:
        """vendor-dependence over time: `from`, `to`, and a `step` or every day on which something changed."""
        own = dict(raw)
        from_on, to_on, step = single(own, "from"), single(own, "to"), single(own, "step")
        if "effective_on" in own:
            raise Invalid.at("/effective_on", "a series has from and to")
        if from_on is None:
            raise Invalid.at("/from", "is required")
        first, last = day("from", from_on), day("to", to_on) or self.clocks.today()
        assert first is not None
        parameters = self.clocks.parameters(
            VendorDependence, self.clocks.ask({**own, "effective_on": [last.isoformat()]}, VendorDependence)
        )
        if step is not None:
            try:
                parse_duration(step)
            except ValueError as error:
                raise Invalid.at("/step", str(error)) from None
        projection = self.daybook.projection
        try:
            answer = series(projection, parameters, first, last, step, country_name=country_name)
        except ValueError as error:
            raise Invalid.at("/from", str(error)) from None
        answer["remarks"] = remarks_of(projection, parameters)
        return {"resolved": self.clocks.resolved(parameters), "parameters": echo(parameters), **answer}

    def difference(self, raw: Raw) -> dict[str, Any]:
        """What changed between two values of one clock, and which events explain it; that clock is given twice."""
        twice = [name for name in COMPARED if len(raw.get(name, ())) == 2]
        if len(twice) != 1:
            raise Invalid.at("", f"give one of {', '.join(COMPARED)} twice: before and after")
        (clock,) = twice
        before, after = (
            self.clocks.parameters(
                VendorDependence, self.clocks.ask({**raw, clock: [raw[clock][side]]}, VendorDependence)
            )
            for side in (0, 1)
        )
        # What is not compared is the same on both sides, even if more was recorded between the two readings.
        if clock in ("effective_on", "known_on"):
            before = before.model_copy(update={"position": after.position})
        compared = "position" if clock == "recorded_at" else clock
        if getattr(before, compared) > getattr(after, compared):
            raise Invalid.at(f"/{clock}", "the first is after the second")
        projection = self.daybook.projection
        answer = difference(projection, before, after, country_name=country_name)
        dated = {"rates": after.effective_on.isoformat()} if after.rates == "effective" else {}
        answer["remarks"] = {
            name: remarks_of(projection, side.model_copy(update=dated))
            for name, side in (("before", before), ("after", after))
        }
        resolved = {"before": self.clocks.resolved(before), "after": self.clocks.resolved(after)}
        return {"resolved": resolved, "parameters": echo(after), **answer}

    def suppose_dependence(self, raw: Raw, requests: Sequence[Sent]) -> dict[str, Any]:
        """vendor-dependence as it would be had these events been recorded, beside what it is."""
        return self._suppose(
            raw,
            requests,
            VendorDependence,
            lambda connection, parameters: vendor_dependence(connection, parameters, country_name=country_name),
        )

    def suppose_exposure(self, raw: Raw, requests: Sequence[Sent]) -> dict[str, Any]:
        """regulatory-exposure as it would be had these events been recorded, beside what it is."""
        return self._suppose(raw, requests, RegulatoryExposure, regulatory_exposure)

    def _suppose(
        self, raw: Raw, requests: Sequence[Sent], model: type[Any], read: Callable[..., dict[str, Any]]
    ) -> dict[str, Any]:
        pinned = [RequestFault(f"/{name}", "a scenario follows the ledger as it is now") for name in COMPARED[2:]]
        if problems := [problem for problem in pinned if problem.pointer.lstrip("/") in raw]:
            raise Invalid(problems)
        parameters = self.clocks.parameters(model, self.clocks.ask(raw, model))
        try:
            with supposing(self.daybook, requests, self.clocks.wait_s) as supposed:
                baseline, scenario = (
                    read(supposed.connection, parameters.model_copy(update={"position": position}))
                    for position in (supposed.baseline_position, supposed.position)
                )
        except Refusal as refusal:
            raise CannotBeSupposed(refusal) from None
        resolved = self.clocks.resolved(parameters.model_copy(update={"position": supposed.baseline_position}))
        return {
            "resolved": resolved,
            "parameters": echo(parameters),
            "supposed": _placed(supposed),
            "baseline": baseline,
            "scenario": scenario,
        }


def _placed(supposed: Supposition) -> list[dict[str, Any]]:
    events = supposed.events
    names = ("id", "type", "position", "stream", "version")
    places = zip(events.ids, events.types, events.positions, events.streams, events.versions, strict=True)
    return [dict(zip(names, place, strict=True)) for place in places]
