"""The three clocks of a question: parameters as they came, resolved against the ledger and the calendar."""

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from pydantic import ValidationError

from domain.catalogue import problems_of
from domain.errors import Invalid, RequestFault
from domain.events import instant
from domain.instants import parse_instant
from domain.periods import parse_day
from projections.parameters import Moment
from service.asking.wholes import parse_whole
from service.codes import codes
from service.daybook import Daybook

#: A parameter as it came: every value that was given for it.
Raw = Mapping[str, Sequence[str]]

REPEATABLE = ("buyer", "exclude", "restricted")
CLOCKS = ("effective_on", "known_on", "position", "recorded_at", "min_position")

#: How long the one who asks is willing to wait for the projection; None: as long as the service usually waits.
PATIENCE_S: ContextVar[float | None] = ContextVar("patience_s", default=None)


class BeyondTheLedger(Exception):
    """A position or an instant that the ledger has not reached."""


class NothingThere(Exception):
    """The thing asked for is not known at that point in time."""


@dataclass(frozen=True)
class ResolvedParameters:
    """Parameters with the clocks resolved, ready for a view's own model."""

    values: dict[str, Any]
    #: What was asked, without what pins the moment.
    raw: dict[str, list[str]]


class ClockReader:
    """Reads the parameters of questions about one ledger; every method may be called from any thread."""

    def __init__(self, daybook: Daybook, wait_s: float, today: Callable[[], date] | None = None) -> None:
        self.daybook = daybook
        self._wait_s = wait_s
        self.today = today or daybook.ledger.calendar.today
        self._buyers: set[str] = set()

    @property
    def wait_s(self) -> float:
        """How long the projection is waited for."""
        asked = PATIENCE_S.get()
        return self._wait_s if asked is None else asked

    def ask(self, raw: Raw, model: type[Moment]) -> ResolvedParameters:
        """Read the clocks, wait for the projection, and leave the other parameters to the view's model."""
        known = {*CLOCKS, *model.model_fields}
        problems = [RequestFault(f"/{name}", "unknown parameter") for name in raw if name not in known]
        values: dict[str, Any] = {}
        for name, given in raw.items():
            if name in REPEATABLE:
                values[name] = list(dict.fromkeys(given))
            elif len(given) != 1:
                problems.append(RequestFault(f"/{name}", f"is given {len(given)} times"))
            else:
                values[name] = given[0]
        if problems:
            raise Invalid(problems)
        clocks = {name: values.pop(name, None) for name in CLOCKS}
        days = {name: day(name, clocks[name]) for name in ("effective_on", "known_on")}
        values["effective_on"] = days["effective_on"] or self.today()
        values["known_on"] = days["known_on"]
        values["position"] = self._position(clocks)
        kept = {name: list(given) for name, given in raw.items() if name not in CLOCKS}
        return ResolvedParameters(values, kept)

    def _position(self, clocks: Mapping[str, str | None]) -> int:
        """The position asked for, once the projection is there; raises BeyondTheLedger, Lagging."""
        position, recorded_at, at_least = (clocks[name] for name in ("position", "recorded_at", "min_position"))
        if position is not None and recorded_at is not None:
            raise Invalid.at("/position", "give position or recorded_at, not both")
        least = whole("min_position", at_least, 0)
        follower = self.daybook.follower
        if recorded_at is not None:
            return max(self._position_at(recorded_at), self._within("min_position", least))
        if position is not None:
            wanted = self._within("position", whole("position", position, 0))
            follower.wait_for(max(wanted, self._within("min_position", least)), self.wait_s)
            return wanted
        follower.wait_for(max(self.daybook.committer.acknowledged, self._within("min_position", least)), self.wait_s)
        # What is asked as of now has no answer while now is out of reach; what is asked as of a position reached has.
        follower.refuse_if_stopped()
        return follower.position

    def _position_at(self, text: str) -> int:
        moment = instant_of("recorded_at", text)
        head = self.daybook.ledger.recorder.head()
        if moment > head.clock and (head.recorded_at is None or moment > head.recorded_at):
            raise BeyondTheLedger(f"recorded_at {text} is in the future")
        self.daybook.follower.wait_for(head.position, self.wait_s)
        return self.daybook.projection.position_at(moment.astimezone(UTC).replace(tzinfo=None))

    def _within(self, name: str, position: int) -> int:
        if position > self.daybook.follower.position:
            head = self.daybook.ledger.recorder.head().position
            if position > head:
                raise BeyondTheLedger(f"{name} {position} is beyond the head, {head}")
        return position

    def parameters(self, model: type[Any], asked: ResolvedParameters) -> Any:
        """What is asked, as a view takes it; Invalid with everything that is wrong with it."""
        problems = []
        for name, known, what in (
            ("currency", codes().currencies, "currency of ISO 4217"),
            ("home", codes().countries, "country of ISO 3166-1"),
        ):
            if name in asked.values and asked.values[name] not in known:
                problems.append(RequestFault(f"/{name}", f"{asked.values[name]!r:.20} is not a {what}"))
        try:
            parameters = model(**asked.values)
        except ValidationError as error:
            raise Invalid([*problems, *problems_of(error)]) from None
        if problems:
            raise Invalid(problems)
        self._refuse_unknown_buyers(asked.values.get("buyer", ()))
        return parameters

    def _refuse_unknown_buyers(self, buyers: Sequence[str]) -> None:
        unsure = [buyer for buyer in buyers if buyer not in self._buyers]
        if unsure:
            found = self.daybook.ledger.recorder.by_streams([f"organization/{buyer}" for buyer in unsure])
            self._buyers.update(name.partition("/")[2] for name in found)
        if unknown := [buyer for buyer in unsure if buyer not in self._buyers]:
            raise Invalid([RequestFault("/buyer", f"unknown organization {buyer}") for buyer in unknown])

    def pinned(self, asked: ResolvedParameters, parameters: Moment) -> list[tuple[str, str]]:
        """The same question for ever: the clocks as resolved, then what was asked."""
        clocks = [("effective_on", parameters.effective_on.isoformat()), ("position", str(parameters.position))]
        if parameters.known_on is not None:
            clocks.insert(1, ("known_on", parameters.known_on.isoformat()))
        return [*clocks, *((name, value) for name, values in asked.raw.items() for value in values)]

    def resolved(self, moment: Moment) -> dict[str, Any]:
        """The moment of an answer as it states it, with the tree over the events up to its position."""
        recorded_at = self.daybook.projection.recorded_at_of(moment.position)
        return {
            "effective_on": moment.effective_on.isoformat(),
            "known_on": None if moment.known_on is None else moment.known_on.isoformat(),
            "position": moment.position,
            "recorded_at": None if recorded_at is None else instant(recorded_at.replace(tzinfo=UTC)),
            "tree_size": moment.position,
            "root_hash": self.daybook.log.root_hash(moment.position),
        }


def single(raw: dict[str, Sequence[str]], name: str) -> str | None:
    """The one value of a parameter, taken out of those given; Invalid where there are several."""
    given = raw.pop(name, [])
    if len(given) > 1:
        raise Invalid.at(f"/{name}", f"is given {len(given)} times")
    return given[0] if given else None


def day(name: str, text: str | None) -> date | None:
    """The day that a parameter names; Invalid where it names none."""
    if text is None:
        return None
    try:
        return parse_day(text)
    except ValueError as error:
        raise Invalid.at(f"/{name}", str(error)) from None


def whole(name: str, text: str | None, default: int) -> int:
    """The whole number that a parameter has, or its default; Invalid where it has another text."""
    if text is None:
        return default
    try:
        return parse_whole(text)
    except ValueError as error:
        raise Invalid.at(f"/{name}", str(error)) from None


def instant_of(name: str, text: str) -> datetime:
    """The instant that a parameter names; Invalid where it names none."""
    try:
        return parse_instant(text)
    except ValueError as error:
        raise Invalid.at(f"/{name}", str(error)) from None
