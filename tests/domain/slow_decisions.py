"""Decisions about events that read a stream from its beginning each time: plain, slow, and the measure of the fast."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from pydantic import ValidationError

from domain import organizations
from domain.catalogue import AGGREGATES, EVENT_TYPES
from domain.chronicles import as_draft
from domain.duplicates import refuse_joined_circles
from domain.errors import Invalid, Refusal, Rejected
from domain.events import Draft, Recorded, Request, World
from domain.ledger import Batch
from domain.lots import Decided, Outcome
from domain.record import EventRetracted
from domain.retractions import judge, retract_along
from domain.streams import ABOUT_EVENTS, fold, kind_of


class SlowBatch(Batch):
    """A batch whose reader has `history(stream)`: all events recorded of a stream, in the order of their versions."""

    def _all(self, name: str) -> list[Recorded]:
        self._stream(name)
        decided = [draft.as_recorded() for draft in self._decided.get(name, ())]
        return [*self.reader.history(name), *decided]  # type: ignore[attr-defined]

    def _take(self, draft: Decided) -> None:
        (name,), (identifier,) = draft.streams, draft.ids
        self._standing.discard(name)
        self._stream(name)
        self._touched.append(((name,), self.streams.get(name)))
        self.drafts.append(draft)
        self.count += 1
        self._ids[identifier] = draft
        self._decided.setdefault(name, []).append(draft)
        self.streams[name] = fold(self._all(name))

    def _replay(self, request: Request, before: Recorded) -> Outcome:
        outcome = super()._replay(request, before)
        if before.type != "event-retracted":
            return outcome
        caused = [event for event in self._all(before.stream) if self._caused(event, before)]
        return Outcome(replayed=(before, *caused))

    def _caused(self, event: Recorded, cause: Recorded) -> bool:
        if event.stored is not None:
            return bool(event.stored.get("causation_id") == cause.id)
        return self._draft_of(event.id).causation_id == cause.id

    def _fact(self, request: Request) -> Draft:
        try:
            draft, refused = super()._fact(request), ""
        except Rejected as refusal:
            draft, refused = None, refusal.problems[0].message
            if "its own owner" not in refused:
                raise
        if request.body.KIND == "organization" and request.sent["data"].get("parent_id") is not None:
            draft = draft or self.draft(request, request.body.stream)
            state = organizations.apply(self._stream(draft.stream).state, draft.as_recorded())
            refuse_any_circle(draft.stream, state, self, "/data/parent_id")
        assert not refused, refused
        assert draft is not None
        return draft

    def _check_correction(self, draft: Draft) -> None:
        if draft.corrects is None:
            return
        target = self.named_event(draft.corrects, "/corrects")
        retraction = _retraction_of(target, self._all(target.stream))
        if retraction is None:
            raise Rejected.at("/corrects", f"{target.id} stands: retract it before recording what replaces it")
        if draft.known_on < retraction.known_on:
            message = f"{draft.known_on} is before {target.id} was retracted, {retraction.known_on}"
            raise Invalid.at("/known_on", message)

    def _retract(self, request: Request, body: EventRetracted) -> list[Draft]:
        target = self.named_event(body.retracts, "/data/retracts")
        if target.type == "event-retracted":
            raise Rejected.at("/data/retracts", f"{target.id} is a retraction, which cannot be retracted")
        given = request.envelope.known_on
        if given is not None and given < target.known_on:
            raise Invalid.at("/known_on", f"{given} is before {target.id} was known, {target.known_on}")
        history = self._all(target.stream)
        if _retraction_of(target, history) is not None:
            raise Rejected.at("/data/retracts", f"{target.id} is retracted already")
        gone = {event.data["retracts"] for event in history if event.type == "event-retracted"}
        standing = [event for event in history if event.id not in gone and event.type not in ABOUT_EVENTS]
        version = self._stream(target.stream).version + 1
        first = self.draft(request, target.stream, given or target.known_on, version)
        drafts = [first]
        if target.type == "order-placed":
            later = [event for event in standing if event.version > target.version and event.id not in self.named]
            told_on = first.known_on if first.known_on > target.known_on else date.min
            drafts += [retract_along(self, first, told_on, event, n) for n, event in enumerate(later, start=1)]
        elif target.type not in ABOUT_EVENTS:
            judge(self, target)
        return drafts

    def refuse_if_built_on(self, target: Recorded) -> None:
        history = self._all(target.stream)
        gone = {event.data["retracts"] for event in history if event.type == "event-retracted"}
        standing = [event for event in history if event.id not in gone and event.type not in ABOUT_EVENTS]
        aggregate = AGGREGATES[kind_of(target.stream)]
        state: Any = None
        for event in standing:
            if event.id == target.id:
                continue
            adrift = aggregate.registered and state is None and not EVENT_TYPES[event.type].BEGINS
            if event.version > target.version:
                builds = f"{event.id} ({event.type}) builds on {target.id}"
                if adrift:
                    raise Rejected.at("/data/retracts", builds)
                try:
                    aggregate.admit(state, as_draft(event))
                except ValidationError:
                    pass
                except Refusal as refusal:
                    raise Rejected.at("/data/retracts", f"{builds}: {refusal.problems[0].message}") from None
            if not adrift:
                state = aggregate.apply(state, event)
        if kind_of(target.stream) == "organization":
            refuse_joined_circles(target.stream.partition("/")[2], state, self, "/data/retracts")
            refuse_any_circle(target.stream, state, self, "/data/retracts")


def _retraction_of(event: Recorded, history: Iterable[Recorded]) -> Recorded | None:
    for other in history:
        if other.type == "event-retracted" and other.data["retracts"] == event.id:
            return other
    return None


def refuse_any_circle(stream: str, state: organizations.OrganizationState | None, world: World, pointer: str) -> None:
    """Rejected where the ownerships of an organisation close a circle on any day on which one above changes."""
    identifier = stream.partition("/")[2]
    above = {identifier: _as_believed(identifier, state, world)}
    waiting = [ownership.parent_id for ownership in above[identifier].ownerships]
    while waiting:
        name = waiting.pop()
        if name is not None and name not in above:
            above[name] = _as_believed(name, world.state(f"organization/{name}"), world)
            waiting.extend(ownership.parent_id for ownership in above[name].ownerships)
    changes = [ownership for organization in above.values() for ownership in organization.ownerships]
    known = {ownership.known_on for ownership in changes}
    known |= {ownership.forgotten_on for ownership in changes if ownership.forgotten_on is not None}
    for effective_on in sorted({ownership.ends_on for ownership in changes}):
        for known_on in sorted(known):
            path = [identifier]
            while (parent := _parent(above[path[-1]], effective_on, known_on)) is not None:
                path.append(parent)
                if parent == identifier:
                    message = f"would make {identifier} its own owner on {effective_on}: {' -> '.join(path)}"
                    raise Rejected.at(pointer, message)
                if path.count(parent) > 1:
                    break


def _as_believed(
    identifier: str, state: organizations.OrganizationState | None, world: World
) -> organizations.OrganizationState:
    once = [
        organizations.Ownership(event.ends_on, event.known_on, event.version, event.data["parent_id"], day)
        for event, day in world.believed(f"organization/{identifier}")
        if "parent_id" in event.data
    ]
    return organizations.OrganizationState((*(state.ownerships if state else ()), *once))


def _parent(organization: organizations.OrganizationState, effective_on: date, known_on: date) -> str | None:
    told = [one for one in organization.ownerships if one.ends_on <= effective_on and one.known(known_on)]
    return max(told, key=lambda one: (one.ends_on, one.known_on, one.version)).parent_id if told else None
