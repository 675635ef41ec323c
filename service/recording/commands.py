"""What is to be recorded together, and what becomes of it."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import chain

from domain.errors import Invalid, Refusal, RequestFault
from domain.events import LARGEST_EVENT_BYTES, Recorded
from domain.ledger import Batch, Interrupted
from domain.lots import Outcome, Sent, many
from service.recording.receipts import CommandReceipt, IdempotencyKey, KeptReceipt, Remembered
from service.storing.writing import Sending


class KeyReused(Refusal):
    """An idempotency key under which something else was sent before."""

    @classmethod
    def of(cls, key: IdempotencyKey) -> "KeyReused":
        """The refusal of a key."""
        return cls([RequestFault("", f"under the key {key.key!r} something else was sent before")])

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
    future: "Future[CommandReceipt]" = field(default_factory=Future)
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
        """Answer the sender that it is not recorded."""
        self.refusal = refusal
        self.fail(refusal)

    def fail(self, error: BaseException) -> None:
        """Answer the sender with an error, unless there was an answer before."""
        with suppress(InvalidStateError):
            self.future.set_exception(error)

    def answer(self, receipt: CommandReceipt) -> None:
        """Answer the sender with what was recorded, unless there was another answer before."""
        with suppress(InvalidStateError):
            self.future.set_result(receipt)

    def begin(self) -> bool:
        """Whether its turn may come: it is neither called off nor answered."""
        if not self.begun:
            self.begun = not self.future.done() and self.future.set_running_or_notify_cancel()
        return self.begun and not self.future.done()

    @property
    def size(self) -> int:
        """How many events are asked for."""
        return many(self.requests)

    @property
    def recorded(self) -> int:
        """How many events it is to record."""
        return sum([outcome.recorded for outcome in self.outcomes])

    def sendings(self) -> Iterator[Sending]:
        """The events to record, with who sends them."""
        for outcome in self.outcomes:
            for lot in outcome.drafts:
                yield Sending(lot, self.actor, self.correlation_id)

    @property
    def replayed(self) -> list[Recorded]:
        """The events that had been recorded before."""
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
        return sum(command.size for command in self.commands)

    @property
    def is_answered(self) -> bool:
        """Whether no sender waits for it any more."""
        return all(command.future.done() for command in self.commands)

    @property
    def keys(self) -> list[IdempotencyKey]:
        """The idempotency keys of all that have one."""
        return [command.key for command in self.commands if command.key is not None]

    def decide(
        self,
        batch: Batch,
        kept: Mapping[tuple[str, str], KeptReceipt] | None = None,
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
            decided += command.size
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
        kept: Mapping[tuple[str, str], KeptReceipt],
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

    def to_keep(self, first: int) -> list[tuple[IdempotencyKey, CommandReceipt]]:
        """What becomes of the commands that have a key, for keeping; what is recorded stands from a position on."""
        if not self.keys:
            return []
        return [
            (command.key, receipt)
            for command, receipt in self._receipts(first)
            if command.key is not None and command.remembered is None
        ]

    def sendings(self) -> Iterator[Sending]:
        """The events to record, in order."""
        for command in self.commands:
            yield from command.sendings()

    def runs(self, most: int) -> Iterator[list[Sending]]:
        """The same, up to so many events at once."""
        run: list[Sending] = []
        count = 0
        for sending in self.sendings():
            for part in sending.parts(most):
                if count + len(part.lot) > most:
                    yield run
                    run, count = [], 0
                run.append(part)
                count += len(part.lot)
        if run:
            yield run

    def refuse_oversized(self, states: Sequence[bytes]) -> bool:
        """Refuse the commands with an event that is too large to store; whether there are any."""
        sizes = list(map(len, states))
        if max(sizes, default=0) <= LARGEST_EVENT_BYTES:
            return False
        first = 0
        for command in self.commands:
            refusal = oversized(command.outcomes, sizes[first : first + command.recorded])
            first += command.recorded
            if refusal is not None:
                command.refusal, command.outcomes = refusal, ()
        return True

    def acknowledge(self, first: int) -> None:
        """Answer every sender; what was recorded stands from position `first` on."""
        of_keys: dict[int, CommandReceipt] = {}
        for command, receipt in self._receipts(first):
            if command.key is not None:
                of_keys[id(command)] = receipt
            command.answer(receipt)
        for command in self.commands:
            command.after = None
            if command.refusal is not None:
                command.fail(command.refusal)
            elif isinstance(command.remembered, Command):
                command.answer(Remembered.read(of_keys[id(command.remembered)].to_keep()))
            elif command.remembered is not None:
                command.answer(command.remembered)

    def _receipts(self, first: int) -> Iterator[tuple[Command, CommandReceipt]]:
        """What becomes of each command that is decided and not refused."""
        positions: dict[str, int] = {}
        if any(event.position == 0 for command in self.commands for event in command.replayed):
            ids = chain.from_iterable(sending.lot.ids for sending in self.sendings())
            positions = {identifier: place for place, identifier in enumerate(ids, start=first)}
        for command in self.commands:
            if command.refusal is not None or command.remembered is not None:
                continue
            yield command, CommandReceipt(command.outcomes, command.recorded, first, len(command.replayed), positions)
            first += command.recorded

    def fail(self, error: BaseException) -> None:
        """Answer every sender that has no answer yet that recording failed."""
        for command in self.commands:
            command.fail(error)


def oversized(outcomes: Iterable[Outcome], sizes: Sequence[int]) -> Oversized | None:
    """What refuses requests whose events take so many bytes: names the first that is too large to store."""
    request = first = 0
    for outcome in outcomes:
        end = first + outcome.recorded
        for place, size in enumerate(sizes[first:end]):
            if size > LARGEST_EVENT_BYTES:
                message = f"the event takes {size} bytes, more than {LARGEST_EVENT_BYTES}"
                return Oversized([RequestFault("", message)], request + min(place, outcome.requests - 1))
        request, first = request + outcome.requests, end
    return None


def _refuse_moved(command: Command, batch: Batch) -> None:
    """Moved where a stream is not at a version at which the command is wanted, unless it is recorded already."""
    for stream, versions in command.expected.items():
        version = batch.version(stream)
        if version not in versions and not all(batch.knows(request) for request in command.requests):
            wanted = " or ".join(str(one) for one in sorted(versions)) or "of another sort"
            raise Moved.at("", f"{stream} is at version {version}, and the version wanted is {wanted}")
