"""Regulations: what is barred, for whom, since when; amended, suspended, resumed, repealed, licensed."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pydantic import model_validator

from domain.errors import Invalid, Rejected
from domain.events import Draft, Recorded
from domain.orders import refuse_repeats
from domain.rules import Conditions, Rule
from domain.values import BoundedPeriod, EventData, Identifier, Mention, Optional, Text, example


class RegulationData(EventData):
    """What every event of an instrument carries; `effective_on` is the day it applies, `known_on` its announcement."""

    KIND = "regulation"
    IDENTITY = "regulation_id"

    regulation_id: Identifier


def _rules_mentioned(rules: list[Rule]) -> list[Mention]:
    return [mention for n, rule in enumerate(rules) for mention in rule.mentioned(f"/rules/{n}")]


class RegulationEnacted(RegulationData):
    """An instrument with its rules; without rules it is on record and bars nothing."""

    NAME = "regulation-enacted"
    BEGINS = True
    COLLECTION = "regulations"
    EXAMPLE = example(
        regulation_id="ear-2023-10",
        jurisdiction="US",
        authority="Bureau of Industry and Security",
        title="Advanced computing rule",
        citation="88 FR 73458",
        rules=[
            {
                "rule_id": "3A090.a",
                "effect": "licence-required",
                "destinations": ["CN"],
                "when": {"attribute": "tpp", "op": ">=", "value": "4800"},
            }
        ],
        effective_on="2023-11-17",
        known_on="2023-10-25",
    )

    jurisdiction: Text
    authority: Text
    title: Text
    citation: Text
    rules: list[Rule]
    #: The last day it applies.
    until: Optional[BoundedPeriod] = None

    @model_validator(mode="after")
    def _once_each(self) -> "RegulationEnacted":
        refuse_repeats([rule.rule_id for rule in self.rules], "rule")
        return self

    def mentions(self) -> list[Mention]:
        """The organisations and products that the rules name."""
        return _rules_mentioned(self.rules)


class RegulationAmended(RegulationData):
    """All the rules anew."""

    NAME = "regulation-amended"
    SUBJECT = "amendments"
    EXAMPLE = example(
        citation="89 FR 23876",
        rules=[
            {
                "rule_id": "3A090.a",
                "effect": "licence-required",
                "destinations": ["CN"],
                "categories": ["ai-accelerator"],
                "when": {"attribute": "tpp", "op": ">=", "value": "4800"},
            }
        ],
        effective_on="2024-04-04",
        known_on="2024-04-04",
        id="ear-2023-10-amended",
    )

    citation: Text
    rules: list[Rule]
    #: The last day it applies. Absent: unchanged; null: there is none any more.
    until: BoundedPeriod | None = None

    @model_validator(mode="after")
    def _once_each(self) -> "RegulationAmended":
        refuse_repeats([rule.rule_id for rule in self.rules], "rule")
        return self

    def mentions(self) -> list[Mention]:
        """The organisations and products that the rules name."""
        return _rules_mentioned(self.rules)


class RegulationSuspended(RegulationData):
    """The instrument does not apply, until it is resumed or the last day of the suspension is over."""

    NAME = "regulation-suspended"
    SUBJECT = "suspensions"
    EXAMPLE = example(
        until="2025-03",
        reason="Court order",
        effective_on="2025-01-15",
        known_on="2025-01-15",
    )

    until: Optional[BoundedPeriod] = None
    reason: Optional[Text] = None


class RegulationResumed(RegulationData):
    """The suspension is over."""

    NAME = "regulation-resumed"
    SUBJECT = "resumptions"
    EXAMPLE = example(reason="Order lifted", effective_on="2025-02-01", known_on="2025-02-01")

    reason: Optional[Text] = None


class RegulationRepealed(RegulationData):
    """The instrument is over for good."""

    NAME = "regulation-repealed"
    SUBJECT = "repeals"
    EXAMPLE = example(reason="Replaced", effective_on="2025-06-01", known_on="2025-05-20")

    reason: Optional[Text] = None


class LicenceGranted(RegulationData, Conditions):
    """What its conditions match is taken out of the instrument."""

    NAME = "licence-granted"
    SUBJECT = "licences"
    EXAMPLE = example(
        licence_id="lic-2024-7",
        buyers=["baidu"],
        products=["hw-910b"],
        until="2025",
        effective_on="2024-05-01",
        known_on="2024-05-01",
    )

    licence_id: Identifier
    until: Optional[BoundedPeriod] = None

    def mentions(self) -> list[Mention]:
        """The organisations and products that the conditions name."""
        return self.mentioned("")


class LicenceRevoked(RegulationData):
    """The licence is over from its end on."""

    NAME = "licence-revoked"
    SUBJECT = "licence-revocations"
    EXAMPLE = example(licence_id="lic-2024-7", effective_on="2024-09-01", known_on="2024-09-01")

    licence_id: Identifier
    reason: Optional[Text] = None


@dataclass(frozen=True, slots=True)
class RegulationState:
    """An instrument as far as decisions need to know it."""

    #: How often each was granted.
    licences: Mapping[str, int] = field(default_factory=dict)
    #: The effective_on of its repeal, as recorded; None: not repealed.
    repealed_on: str | None = None
    repeals: int = 0


def apply(state: RegulationState | None, event: Recorded) -> RegulationState:
    """The instrument after the event."""
    state = state or RegulationState()
    if event.type == "licence-granted":
        licence_id = event.data["licence_id"]
        return replace(state, licences={**state.licences, licence_id: state.licences.get(licence_id, 0) + 1})
    if event.type == "regulation-repealed":
        return replace(state, repealed_on=event.effective_on.text, repeals=state.repeals + 1)
    return state


def without(state: RegulationState, event: Recorded) -> RegulationState | None:
    """The instrument less an event that is in it and did not enact it; None: it must be folded anew."""
    if event.type == "licence-granted":
        licences = dict(state.licences)
        licence_id = event.data["licence_id"]
        licences[licence_id] -= 1
        if not licences[licence_id]:
            del licences[licence_id]
        return replace(state, licences=licences)
    if event.type == "regulation-repealed":
        return replace(state, repealed_on=None, repeals=0) if state.repeals == 1 else None
    return state


def admit(state: RegulationState | None, draft: Draft) -> None:
    """Rejected for a change to a repealed instrument; Invalid for an `until` before the start, an unknown licence."""
    body = draft.body
    until = getattr(body, "until", None)
    if until is not None:
        starts_on = draft.effective_on.first or draft.effective_on.last
        if until.last < starts_on:
            raise Invalid.at("/data/until", f"{until.text} is before the start, {draft.effective_on.text}")
    if state is None:
        return
    assert isinstance(body, RegulationData)
    if state.repealed_on is not None:
        message = f"{body.regulation_id} was repealed ({state.repealed_on}) and cannot change any more"
        raise Rejected.at("/data/regulation_id", message)
    if isinstance(body, LicenceRevoked) and body.licence_id not in state.licences:
        raise Invalid.at("/data/licence_id", f"{body.regulation_id} has no licence {body.licence_id}")
