"""What is to be recorded together, and what becomes of it."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from domain.errors import Invalid, Problem, Refusal
from domain.events import LARGEST_EVENT_BYTES, Recorded
from domain.ledger import Batch, Interrupted, Sent
from domain.outcomes import AllNew, Outcome
from service.recording.receipts import IdempotencyKey, Kept, Receipt, Remembered
from service.storing.writing import Alike, Mixed, Numbered, Sender


class KeyReused(Refusal):
    """An idempotency key under which something else was sent before."""

    @classmethod
    def of(cls, key: IdempotencyKey) -> "KeyReused":
        """The refusal of a key."""
        return cls([Problem("", f"under the key {key.key!r} something else was sent before")])

    def __str__(self) -> str:
        return self.problems[0].message


class Moved(Refusal):
    """A stream is not at the version at which a change to it was wanted."""


class Oversized(Invalid):
    """An event that is too large to store."""


class Withdrawn(Refusal):
    """Nothing is wrong with it, but what it was to come after was not recorded."""


@dataclass(slots=True)
class Command:
    """Requests to record together or not at all."""

    requests: Sequence[Sent]
    actor: str | None
    correlation_id: str | None
    future: "Future[Receipt]" = field(default_factory=Future)
    refusal: Refusal | None = None
    outcomes: Sequence[Outcome] = ()
    #: What must be recorded before it; where that is not, neither is this.
    after: "Command | None" = None
    key: IdempotencyKey | None = None
    #: By stream, the versions at which it is wanted.
    expected: Mapping[str, frozenset[int]] = field(default_factory=dict)
    #: On the clock of time.monotonic.
    submitted_at: float = field(default_factory=time.monotonic)
    #: Whether its turn has come: from then on it cannot be called off.
    begun: bool = False
    #: What had become of it before, or becomes of it as the same command of its group; None: it is decided.
    remembered: "Remembered | Command | None" = None

    @property
    def refused(self) -> bool:
        """Whether it is refused, or could not be recorded."""
        return self.refusal is not None or (self.future.done() and self.future.exception() is not None)

    def refuse(self, refusal: Refusal) -> None:
        """Tell the sender that it is not recorded."""
        self.refusal = refusal
        self.fail(refusal)

    def fail(self, error: BaseException) -> None:
        """Tell the sender of an error, unless there was an answer before."""
        with suppress(InvalidStateError):
            self.future.set_exception(error)

    def answer(self, receipt: Receipt) -> None:
        """Tell the sender what was recorded, unless there was another answer before."""
        with suppress(InvalidStateError):
            self.future.set_result(receipt)

    def begin(self) -> bool:
        """Whether its turn may come: it is neither called off nor answered."""
        if not self.begun:
            self.begun = not self.future.done() and self.future.set_running_or_notify_cancel()
        return self.begun and not self.future.done()

    @property
    def recorded(self) -> int:
        """How many events it is to record."""
        if isinstance(self.outcomes, AllNew):
            return len(self.outcomes)
        return sum([len(outcome.drafts) for outcome in self.outcomes])

    def senders(self) -> list[Sender]:
        """The events to record, each with who sends it."""
        return [(draft, self.actor, self.correlation_id) for outcome in self.outcomes for draft in outcome.drafts]

    @property
    def replayed(self) -> list[Recorded]:
        """The events that had been recorded before."""
        if isinstance(self.outcomes, AllNew):
            return []
        return [event for outcome in self.outcomes for event in outcome.replayed]


class Group:
    """Commands that are recorded in one transaction, each by itself acknowledged or refused."""

    def __init__(self, commands: Sequence[Command]) -> None:
        self.commands = commands
        #: Commands that were to be decided with these, and take their turn after them.
        self.left: list[Command] = []

    @property
    def size(self) -> int:
        """How many events are asked for."""
        return sum(len(command.requests) for command in self.commands)

    @property
    def keys(self) -> list[IdempotencyKey]:
        """The idempotency keys of all that have one."""
        return [command.key for command in self.commands if command.key is not None]

    def decide(
        self,
        batch: Batch,
        kept: Mapping[tuple[str, str], Kept] | None = None,
        look_up: Callable[[Command, bool], None] = lambda command, first: None,
    ) -> bool:
        """Decide every command that is not refused for its size; whether all was new and none refused.

        `kept`: what is recorded under idempotency keys, by actor and key; such a command is answered as it was then.
        `look_up` is called with the command that is being decided, and whether it is the first: where it raises
        Interrupted, that command and those behind it are left for another group.
        """
        smooth = True
        decided = 0
        named: dict[tuple[str, str], Command] = {}
        for place, command in enumerate(self.commands):
            if isinstance(command.refusal, Oversized):
                smooth = False
                continue
            command.refusal, command.outcomes, command.remembered = None, (), None
            if command.key is not None and self._recall(command, command.key, kept or {}, named):
                continue
            decided += len(command.requests)
            if command.after is not None and command.after.refused:
                command.refusal = Withdrawn.at("", "what comes before it was not recorded")
                smooth = False
                continue
            try:
                batch.look_up = partial(look_up, command, place == 0)
                batch.look_up()
                _refuse_moved(command, batch)
                command.outcomes = batch.add(command.requests)
            except Interrupted:
                self.left = [*self.commands[place:], *self.left]
                self.commands = self.commands[:place]
                break
            except Refusal as refusal:
                command.refusal = refusal
                smooth = False
                continue
            if command.key is not None:
                named[command.key[:2]] = command
        return smooth and batch.count >= decided

    @staticmethod
    def _recall(
        command: Command,
        key: IdempotencyKey,
        kept: Mapping[tuple[str, str], Kept],
        named: Mapping[tuple[str, str], Command],
    ) -> bool:
        """Answer a command by what was sent under its key before, or earlier in this group; False: nothing was."""
        before, earlier = kept.get(key[:2]), named.get(key[:2])
        if before is not None:
            fingerprint = before.fingerprint
            command.remembered = before.receipt
        elif earlier is not None and earlier.key is not None:
            fingerprint = earlier.key.fingerprint
            command.remembered = earlier
        else:
            return False
        if fingerprint != key.fingerprint:
            command.remembered = None
            command.refusal = KeyReused.of(key)
        return True

    def to_keep(self, first: int) -> list[tuple[IdempotencyKey, Receipt]]:
        """What becomes of the commands that have a key, for keeping; what is recorded stands from a position on."""
        if not self.keys:
            return []
        return [
            (command.key, receipt)
            for command, receipt in self._receipts(first)
            if command.key is not None and command.remembered is None
        ]

    def senders(self) -> list[Sender]:
        """The events to record, each with who sends it."""
        return [sender for command in self.commands for sender in command.senders()]

    def runs(self, most: int) -> Iterator[Mixed | Alike]:
        """The same in order, up to so many at once: plain orders that were sent together side by side."""
        mixed: list[Sender] = []
        for command in self.commands:
            if not isinstance(command.outcomes, AllNew):
                mixed += command.senders()
                continue
            yield from _mixed(mixed, most)
            mixed = []
            drafts = command.outcomes.drafts
            for start in range(0, len(drafts), most):
                yield Alike(drafts[start : start + most], command.actor, command.correlation_id)
        yield from _mixed(mixed, most)

    def refuse_oversized(self, numbered: Sequence[Numbered]) -> bool:
        """Refuse the commands with an event that is too large to store; whether there are any."""
        large = {id(event.draft): len(event.state) for event in numbered if len(event.state) > LARGEST_EVENT_BYTES}
        if not large:
            return False
        for command in self.commands:
            for index, outcome in enumerate(command.outcomes):
                size = max((large.get(id(draft), 0) for draft in outcome.drafts), default=0)
                if size and command.refusal is None:
                    message = f"the event takes {size} bytes, more than {LARGEST_EVENT_BYTES}"
                    command.refusal = Oversized([Problem("", message)], index)
            if isinstance(command.refusal, Oversized):
                command.outcomes = ()
        return True

    def acknowledge(self, first: int) -> None:
        """Tell every sender; what was recorded stands from position `first` on."""
        of_keys: dict[int, Receipt] = {}
        for command, receipt in self._receipts(first):
            if command.key is not None:
                of_keys[id(command)] = receipt
            command.answer(receipt)
        for command in self.commands:
            command.after = None
            if command.refusal is not None:
                command.fail(command.refusal)
            elif isinstance(command.remembered, Command):
                command.answer(Remembered.read(of_keys[id(command.remembered)].told()))
            elif command.remembered is not None:
                command.answer(command.remembered)

    def _receipts(self, first: int) -> Iterator[tuple[Command, Receipt]]:
        """What becomes of each command that is decided and not refused."""
        positions: dict[str, int] = {}
        if any(event.position == 0 for command in self.commands for event in command.replayed):
            positions = {draft.id: first + place for place, (draft, _, _) in enumerate(self.senders())}
        for command in self.commands:
            if command.refusal is not None or command.remembered is not None:
                continue
            yield command, Receipt(command.outcomes, command.recorded, first, len(command.replayed), positions)
            first += command.recorded

    def fail(self, error: BaseException) -> None:
        """Tell everybody who has not been told that recording failed."""
        for command in self.commands:
            command.fail(error)


def _mixed(senders: list[Sender], most: int) -> Iterator[Mixed]:
    return (Mixed(senders[start : start + most]) for start in range(0, len(senders), most))


def _refuse_moved(command: Command, batch: Batch) -> None:
    """Moved where a stream is not at a version at which the command is wanted, unless it is recorded already."""
    for stream, versions in command.expected.items():
        version = batch.version(stream)
        if version not in versions and not all(batch.knows(request) for request in command.requests):
            wanted = " or ".join(str(one) for one in sorted(versions)) or "of another sort"
            raise Moved.at("", f"{stream} is at version {version}, and the version wanted is {wanted}")
