"""Retractions and corrections: what a stream would be without an event, and what must go with it."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date
from typing import Protocol

from pydantic import ValidationError

from domain import organizations
from domain.catalogue import AGGREGATES
from domain.chronicles import Chronicle, adrift, as_draft
from domain.errors import Invalid, Refusal, Rejected
from domain.events import Draft, Recorded, Request, World
from domain.record import EventRetracted
from domain.streams import ABOUT_EVENTS, kind_of


class Retracting(World, Protocol):
    """What a retraction asks of the batch that it is decided in (domain.ledger.Batch)."""

    @property
    def named(self) -> frozenset[str]:
        """The events that the requests at hand retract by themselves."""

    @property
    def relied_on(self) -> list[Recorded]:
        """Events that they retract and that others rely on, which may be retracted by a request to come."""

    def refuse_if_built_on(self, target: Recorded) -> None:
        """Rejected where what remains without an event could not have been recorded."""

    @property
    def new_id(self) -> Callable[[], str]:
        """A name for an event whose sender gave none."""

    def named_event(self, identifier: str, pointer: str) -> Recorded:
        """The event that a field names; Invalid where there is none."""

    def chronicle(self, name: str) -> Chronicle:
        """All events of a stream, with what is decided."""

    def draft(self, request: Request, stream: str, known_on: date | None = None) -> Draft:
        """The event that a request asks for, as the next of a stream."""


def retract(batch: Retracting, request: Request, body: EventRetracted) -> list[Draft]:
    """The retraction that a request asks for, and those of what cannot stand without its target; raises Refusal."""
    target = batch.named_event(body.retracts, "/data/retracts")
    if target.type == "event-retracted":
        raise Rejected.at("/data/retracts", f"{target.id} is a retraction, which cannot be retracted")
    given = request.envelope.known_on
    if given is not None and given < target.known_on:
        raise Invalid.at("/known_on", f"{given} is before {target.id} was known, {target.known_on}")
    chronicle = batch.chronicle(target.stream)
    if chronicle.retraction_of(target.id) is not None:
        raise Rejected.at("/data/retracts", f"{target.id} is retracted already")
    first = batch.draft(request, target.stream, given or target.known_on)
    drafts = [first]
    if target.type == "order-placed":
        # What the client retracts itself, in the same batch, needs no retraction of ours.
        later = [event for event in chronicle.standing(target.version) if event.id not in batch.named]
        # Of a placing that was never true nothing that followed was ever true either.
        told_on = first.known_on if first.known_on > target.known_on else date.min
        drafts += [retract_along(batch, first, told_on, event, n) for n, event in enumerate(later, start=1)]
    elif target.type not in ABOUT_EVENTS:
        judge(batch, target)
    return drafts


def judge(batch: Retracting, target: Recorded) -> None:
    """Rejected where others rely on an event to be retracted; where they may be retracted, too, it is seen later."""
    try:
        batch.refuse_if_built_on(target)
    except Refusal:
        if batch.named == {target.id}:
            raise
        batch.relied_on.append(target)


def check_correction(batch: Retracting, draft: Draft) -> None:
    """Refuse a draft that replaces an event that stands, or is known before that was retracted."""
    if draft.corrects is None:
        return
    target = batch.named_event(draft.corrects, "/corrects")
    retraction = batch.chronicle(target.stream).retraction_of(target.id)
    if retraction is None:
        raise Rejected.at("/corrects", f"{target.id} stands: retract it before recording what replaces it")
    if draft.known_on < retraction.known_on:
        message = f"{draft.known_on} is before {target.id} was retracted, {retraction.known_on}"
        raise Invalid.at("/known_on", message)


def retract_along(batch: Retracting, first: Draft, told_on: date, event: Recorded, place: int) -> Draft:
    """The retraction of an event that goes with another one, so many places behind the retraction of that."""
    data = {"retracts": event.id, "reason": first.data["reason"]}
    return replace(
        first,
        id=batch.new_id(),
        version=first.version + place,
        known_on=max(told_on, event.known_on),
        data=data,
        body=EventRetracted.model_validate(data),
        corrects=None,
        causation_id=first.id,
    )


def refuse_if_built_on(batch: Retracting, target: Recorded) -> None:
    """Rejected where the events that remain without the target could not have been recorded without it."""
    chronicle = batch.chronicle(target.stream)
    stands = chronicle.retraction_of(target.id) is None
    if not (stands and chronicle.can_spare(target)):
        _refuse_if_missed(target, chronicle.standing())
    if kind_of(target.stream) == "organization":
        state = chronicle.state_without(target) if stands else chronicle.state
        organizations.refuse_circles(target, state, batch, "/data/retracts")


def _refuse_if_missed(target: Recorded, standing: Iterable[Recorded]) -> None:
    """Rejected for the first event that could not have been recorded where it stands without the target."""
    aggregate = AGGREGATES[kind_of(target.stream)]
    state = None
    for event in standing:
        if event.id == target.id:
            continue
        builds = f"{event.id} ({event.type}) builds on {target.id}"
        if adrift(state, event):
            if event.version > target.version:
                raise Rejected.at("/data/retracts", builds)
            continue
        if event.version > target.version:
            try:
                aggregate.admit(state, as_draft(event))
            except ValidationError:
                pass  # recorded under an older rule: nothing of today's can be said of it
            except Refusal as refusal:
                raise Rejected.at("/data/retracts", f"{builds}: {refusal.problems[0].message}") from None
        state = aggregate.apply(state, event)
