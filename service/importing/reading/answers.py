"""What a ledger answers to the reader of a file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from projections.blocks import read, without_comment
from projections.organizations import organizations
from projections.parameters import Moment
from projections.products import products
from service.daybook import Daybook
from service.importing.reading.questions import Question
from service.importing.recording import Recorder
from service.importing.synced import SyncedExtracts

SQL = {block.name: without_comment(block.text) for block in read(Path(__file__).with_suffix(".sql")).values()}


class Answers:
    """A ledger as it stood when an import began, with what the import has rehearsed since."""

    def __init__(self, daybook: Daybook, recorder: Recorder) -> None:
        self._events = daybook.ledger.recorder
        self._daybook = daybook
        self._recorder = recorder
        self._extracts = SyncedExtracts(daybook.ledger.recorder.datastore)
        self._today = daybook.ledger.calendar.day_of(self._events.head().clock)

    def __call__(self, question: Question, names: Sequence[str]) -> Any:
        """The answer in plain values."""
        match question:
            case "today":
                return self._today.isoformat()
            case "directory":
                return self._directory()
            case "bearers":
                return self._rows("called")
            case "products":
                return [word for (word,) in self._rows("products")]
            case "events":
                return {name: bytes(state) for name, state in self._events.by_ids(list(names)).items()}
            case "streams":
                found = self._events.by_streams(list(names))
                return {name: [bytes(state) for state in states] for name, states in found.items()}
            case "regulations":
                return self._regulations(names[0])
            case "known":
                return sorted(self._recorder.known(names))
            case "placed" | "synced":
                return self._of_extracts(question, *names)

    def _of_extracts(self, question: Question, mapping: str, place: str) -> Any:
        if question == "placed":
            return self._extracts.orders(mapping, place)
        found_on = self._extracts.last_day(mapping, place)
        return None if found_on is None else found_on.isoformat()

    def _directory(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        moment = Moment(effective_on=self._today, position=self._daybook.projection.position)
        with self._daybook.projection.cursor() as connection:
            return organizations(connection, moment), products(connection, moment)

    def _regulations(self, without: str) -> list[str]:
        return [f"regulation/{regulation_id}" for (regulation_id,) in self._rows("instruments", beginning=without)]

    def _rows(self, name: str, **bindings: str) -> list[tuple[Any, ...]]:
        with self._daybook.projection.cursor() as connection:
            return connection.execute(SQL[name], bindings).fetchall()
