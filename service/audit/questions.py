"""The questions that a replay asks: those that come with it, and those of a file."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from domain.errors import Invalid
from projections.parameters import Moment
from service.asking.clocks import BeyondTheLedger, ClockReader, whole
from service.asking.comparisons import Comparisons
from service.asking.questions import NothingThere, Questions
from service.asking.views import Question, parse_question
from service.daybook import Daybook

MEASURES = ("spend", "units", "capacity")
STATUSES = ("ordered", "delivered", "open")
KEYS = ("vendor", "maker", "parent", "country", "product", "category")
#: A question of this file's is asked once, as of the moment of the replay.
EVERY_MEASURE = tuple(f"measure={measure}&status={status}" for measure in MEASURES for status in STATUSES)
SAVED = (
    *(f"vendor-dependence?{asked}&by={key}" for asked in EVERY_MEASURE for key in KEYS),
    *(f"regulatory-exposure?{asked}&judged={day}" for asked in EVERY_MEASURE for day in ("effective", "placed")),
    *(f"sole-source?{asked}" for asked in EVERY_MEASURE),
    "organizations",
    "products",
    "partnerships",
    "regulations",
)
#: Lines of a file of questions, at most.
MOST_QUESTIONS = 10_000


@dataclass(frozen=True, slots=True)
class Saved:
    """A question, its clocks pinned."""

    #: As it was written down.
    text: str
    question: Question

    @property
    def address(self) -> str:
        """Its address below /api/v1."""
        path = self.question.view.path.replace("{identifier}", self.question.identifier)
        pairs = [(name, value) for name, values in self.question.raw.items() for value in values]
        return f"{path if path.startswith('orders/') else f'views/{path}'}?{urlencode(pairs)}"

    def answered(self, daybook: Daybook, wait_s: float) -> Any:
        """The answer, or the sentence with which it is refused."""
        try:
            return self.question.answer(Questions(daybook, wait_s), Comparisons(daybook, wait_s))
        except (Invalid, NothingThere, BeyondTheLedger) as refusal:
            return {"refused": str(refusal)}


def read_saved(lines: Iterable[str], clocks: ClockReader, position: int) -> list[Saved]:
    """Questions from `view?parameters`, one a line; empty lines and those that begin with # say nothing.

    A question that names no position is as of this one; Invalid names the line of one that cannot be asked.
    """
    found = []
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if number > MOST_QUESTIONS:
            raise Invalid.at("/queries", f"there are more than {MOST_QUESTIONS} lines")
        try:
            question = parse_question(text)
            raw = _pinned(question.raw, clocks, position)
        except (Invalid, NothingThere, BeyondTheLedger, ValueError) as error:
            raise Invalid.at("/queries", f"line {number}: {error}") from None
        found.append(Saved(text, Question(question.view, question.identifier, raw)))
    return found


def _pinned(raw: Mapping[str, Sequence[str]], clocks: ClockReader, position: int) -> dict[str, list[str]]:
    pinned = {name: list(values) for name, values in raw.items()}
    # The replayed projection does not know what was recorded later: instants become positions before.
    instants = pinned.pop("recorded_at", [])
    if instants:
        pinned["position"] = pinned.get("position", []) + [str(position_at(clocks, instant)) for instant in instants]
    for name in ("position", "min_position"):
        for text in pinned.get(name, ()):
            if whole(name, text, 0) > position:
                raise Invalid.at(f"/{name}", f"{text} is beyond {position}, up to which the events are replayed")
    pinned.setdefault("position", [str(position)])
    if not {"effective_on", "from", "to"} & pinned.keys():
        pinned["effective_on"] = [clocks.today().isoformat()]
    return pinned


def position_at(clocks: ClockReader, recorded_at: str) -> int:
    """The position that the ledger had reached at an instant; Invalid, or BeyondTheLedger for one to come."""
    position: int = clocks.ask({"recorded_at": [recorded_at]}, Moment).values["position"]
    return position
